"""Commands about checks."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nightcrew.client import DEFAULT_URL, AsJson, Key, Server, Url, show
from nightcrew.kernel.declare import CommandGroup, Commands
from nightcrew.playlists.commands import channel_of

COLUMNS = ["stream", "channel_name", "source", "verdict", "score", "picture", "kbit/s", "reason"]


def check(
    channel: Annotated[
        str, typer.Option("--channel", help="A channel's number in the API, or words of its name.")
    ] = "",
    group: Annotated[str | None, typer.Option("--group", help="All channels of a group.")] = None,
    source: Annotated[str, typer.Option("--source", help="All streams of a source, by number or name.")] = "",
    region: Annotated[str, typer.Option("--region", help="All channels of a region.")] = "",
    stream: Annotated[int | None, typer.Option("--stream", min=1, help="One stream.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All streams.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only headers, where a stream is known well.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run to its end.")] = True,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Check streams now, and wait for the end. Exit 1 when one of them fails."""
    server = Server(url, api_key)
    body: dict[str, Any] = {"full": not quick}
    chosen = {
        "channel": channel_of(server, channel) if channel else None,
        "group": group,
        "source": source or None,
        "region": region or None,
        "stream": stream,
        "all": everything or None,
    }
    named = {key: value for key, value in chosen.items() if value is not None}
    if len(named) != 1:
        raise typer.BadParameter("say one of --channel, --group, --source, --region, --stream or --all")
    run = server.ask("POST", "/api/v1/checks", json=body | named)
    if not wait:
        _print_run(run, as_json)
        return
    run = _follow(server, run)
    rows = [_row(one) for one in _results(server, run["id"])]
    if as_json:
        print(json.dumps({**run, "results": rows}, indent=2, ensure_ascii=False))
    else:
        show(rows, ["stream", "verdict", "score", "picture", "kbit/s", "profile", "reason"], as_json=False)
        _print_run(run, as_json=False)
    if run["failed"] or run["state"] == "cancelled":
        raise typer.Exit(1)


def _follow(server: Server, run: dict[str, Any]) -> dict[str, Any]:
    """Show the progress of a run to its end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bars:
        task = bars.add_task(run["title"], total=run["total"])
        while run["state"] in {"running", "paused"}:
            time.sleep(0.5)
            run = server.ask("GET", f"/api/v1/checks/runs/{run['id']}")
            state = "" if run["state"] == "running" else f" ({run['state']})"
            bars.update(task, completed=run["done"], total=run["total"], description=run["title"] + state)
    return run


def _results(server: Server, run_id: int) -> list[dict[str, Any]]:
    return server.pages("/api/v1/checks", 10_000, run=run_id)


def _row(item: dict[str, Any]) -> dict[str, Any]:
    """A result or a stream in columns."""
    size = (
        f"{item['width']}×{item['height']} {item['fps']:.0f} fps {item['video_codec'] or ''}" if item["width"] else ""
    )
    rate = item["bitrate_kbps"]
    return {
        **item,
        "picture": size,
        "kbit/s": None if rate is None else round(rate),
        "score": None if item["score"] is None else f"{item['score']:.2f}",
        "profile": item["used_profile"],
    }


def _print_run(run: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(run, indent=2, ensure_ascii=False))
        return
    counts = f"{run['ok']} ok, {run['failed']} failed, {run['interrupted']} interrupted"
    print(f"run {run['id']}, {run['title']}: {run['state']}, {run['done']} of {run['total']} done: {counts}")


def checks_list(
    show_only: Annotated[str, typer.Option("--show", help="all, ok, dead, failed, unchecked or waiting.")] = "all",
    words: Annotated[str, typer.Option("--search", help="Words of the channel's name.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Streams with what is known of them."""
    rows = Server(url, api_key).pages("/api/v1/checks/streams", limit, show=show_only, q=words)
    show([_row(row) for row in rows], COLUMNS, as_json=as_json, empty="No streams.")


def checks_show(stream: int, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """The last results of one stream, with the trace of the newest."""
    found = Server(url, api_key).pages("/api/v1/checks", 20, stream=stream)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = [_row(item) for item in found]
    show(rows, ["at", "verdict", "score", "picture", "kbit/s", "profile", "elapsed_s", "reason"], as_json=False)
    for line in found[0]["trace"] if found else []:
        print(line)


def checks_runs(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Runs, newest first."""
    rows = Server(url, api_key).pages("/api/v1/checks/runs", 20)
    columns = ["id", "title", "state", "done", "total", "ok", "failed", "interrupted", "seconds_left", "created_at"]
    show(rows, columns, as_json=as_json, empty="No runs.")


def checks_pause(run: int, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Start no further checks of a run."""
    _move(url, api_key, run, "pause")


def checks_resume(run: int, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Undo a pause."""
    _move(url, api_key, run, "resume")


def checks_cancel(run: int, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """End a run; what it has found stays."""
    _move(url, api_key, run, "cancel")


def _move(url: str, key: str, run: int, action: str) -> None:
    _print_run(Server(url, key).ask("POST", f"/api/v1/checks/runs/{run}/{action}"), as_json=False)


COMMANDS = Commands(
    top=(check,),
    groups=(
        CommandGroup(
            "checks",
            "Checks",
            (checks_list, checks_show, checks_runs, checks_pause, checks_resume, checks_cancel),
        ),
    ),
)
