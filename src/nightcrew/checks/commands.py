"""Commands about checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from typer import Argument, BadParameter, Exit, Option

from nightcrew.checks.rows import CheckJson, CheckRunJson, FoundJson, columns, line, progress
from nightcrew.client import Limit, Out, Row, Server, Way, described, exits, follow, given, named
from nightcrew.kernel.commands import CommandGroup, Commands
from nightcrew.playlists.commands import Channel, channel_of

CHECKS = "/api/v1/checks"
RUNS = "/api/v1/checks/runs"
FOUND = ["verdict", "score", "picture", "kbit/s"]
"""Columns of what a check has found."""


WAY = Way(
    noun="run",
    kind=CheckRunJson,
    path=RUNS + "/{id}",
    over=frozenset({"done", "cancelled"}),
    words=lambda looks: progress(looks[-1]),
    share=lambda run: run["done"] / run["total"] if run["total"] else None,
    see="checks runs",
    end="checks cancel {id}",
)


def check(
    server: Server,
    out: Out,
    channel: Channel = "",
    group: Annotated[str | None, Option("--group", help="All channels in a group.")] = None,
    source: Annotated[str | None, Option("--source", help="All streams of a source, by number or name.")] = None,
    region: Annotated[str | None, Option("--region", help="All channels in a region.")] = None,
    stream: Annotated[int | None, Option("--stream", min=1, help="One stream.")] = None,
    everything: Annotated[bool, Option("--all", help="All streams.")] = False,
    quick: Annotated[bool, Option("--quick", help="Look only at the headers of streams that are known well.")] = False,
    wait: Annotated[bool, Option("--wait/--no-wait", help="Follow the run to its end.")] = True,
) -> None:
    """Check streams now, and wait for the end. Exit 1 when one of them fails."""
    chosen = given(group=group, source=source, region=region, stream=stream, all=everything or None)
    if channel:
        chosen["channel"] = channel_of(server, channel)
    if len(chosen) != 1:
        raise BadParameter("give one of --channel, --group, --source, --region, --stream or --all")
    run = server.post(CheckRunJson, CHECKS, {"full": not quick, **chosen})
    if not wait:
        out.one(run, line)
        return
    (run,) = follow(server, [run], WAY)
    results = [{**row, **columns(row)} for row in server.rows(FoundJson, CHECKS, 10_000, run=run["id"])]
    if not out.data({**run, "results": results}):
        out.table(results, ["stream", *FOUND, "profile", "reason"])
        out.say(line(run))
    if run["failed"] or run["state"] == "cancelled":
        raise Exit(exits.FAILED)


def checks_list(
    server: Server,
    out: Out,
    show_only: Annotated[str, Option("--show", help="all, ok, dead, failed, unchecked or waiting.")] = "all",
    words: Annotated[str, Option("--search", help="Words from the channel's name.")] = "",
    limit: Limit = 100,
) -> None:
    """Streams and what is known about them."""
    found = server.rows(FoundJson, f"{CHECKS}/streams", limit, show=show_only, q=words)
    rows = [{**row, **columns(row)} for row in found]
    out.table(rows, ["stream", "channel_name", "source", *FOUND, "reason"], empty="No streams.")


def checks_show(
    server: Server,
    out: Out,
    stream: Annotated[int, Argument(help="Its number, as `nightcrew checks list` says.")],
) -> None:
    """The last results of one stream, with the trace of the newest."""
    found = server.rows(CheckJson, CHECKS, 20, stream=stream)
    out.table(found, ["at", *FOUND, "profile", "elapsed_s", "reason"], shown=columns)
    if found and found[0]["trace"]:
        out.say("\n".join(found[0]["trace"]))


def checks_runs(server: Server, out: Out) -> None:
    """Runs, newest first."""
    shown = ["id", "title", "state", "done", "total", "ok", "failed", "interrupted", "seconds_left", "created_at"]
    out.table(server.rows(Row, RUNS, 20), shown, empty="No runs.")


Run = Annotated[int, Argument(help="Its number, as `nightcrew checks runs` says.")]


def _action(verb: str, about: str) -> Callable[..., None]:
    def command(server: Server, out: Out, run: Run) -> None:
        out.one(server.post(CheckRunJson, f"{RUNS}/{run}/{verb}"), line)

    return described(command, f"checks_{verb}", about)


checks_pause = _action("pause", "Start no more checks of a run for now.")
checks_resume = _action("resume", "Continue a paused run.")
checks_cancel = _action("cancel", "End a run; what it has found is kept.")

COMMANDS = Commands(top=(check,), groups=(CommandGroup("checks", "Checks", named("checks", globals())),))
