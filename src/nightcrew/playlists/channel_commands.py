"""Commands about channels and their refreshes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from typer import Argument, Exit, Option

from nightcrew.client import Failed, JobJson, Limit, Out, Row, Server, exits, follow_jobs, note
from nightcrew.playlists.rows import ChannelJson, JobsJson

Channel = Annotated[str, Option("--channel", help="A channel's id, or words of its name.")]
Rebuild = Annotated[bool, Option("--rebuild", help="Fetch everything again, ignoring caches.")]


def refresh(
    server: Server,
    out: Out,
    region: Annotated[str, Argument(help="A region such as DE, or * for all.")],
    rebuild: Rebuild = False,
) -> None:
    """Refresh a region, or * for all, and wait for the end. Exit 1 when a refresh fails."""
    wait_for(server, out, server.post(JobsJson, f"/api/v1/refresh/{region}", rebuild=rebuild)["jobs"])


def channels(
    server: Server,
    out: Out,
    query: Annotated[str, Argument(help="Words to look for.")] = "",
    group: Annotated[str | None, Option("--group", help="Only those in this group.")] = None,
    region: Annotated[str | None, Option("--region", help="Only those in this region.")] = None,
    gone: Annotated[
        bool, Option("--gone", help="Instead those that no source lists any more and that you have changed.")
    ] = False,
    limit: Limit = 50,
) -> None:
    """Channels, in playlist order."""
    rows = server.rows(Row, "/api/v1/channels", limit, q=query or None, group=group, region=region, gone=gone)
    out.table(rows, ["id", "number", "name", "group", "region"], empty="No channel matches.")


def channel_of(server: Server, text: str) -> int:
    """The one channel that is meant by a number or a name. Raises `Failed` when there is none, or more than one."""
    if text.isdecimal():
        return int(text)
    found = server.rows(ChannelJson, "/api/v1/channels", 5, q=text)
    exact = [item for item in found if item["name"].casefold() == text.casefold()] or found
    if not exact:
        raise Failed(f"there is no channel {text!r}")
    if len(exact) > 1:
        names = ", ".join(f"{item['name']} ({item['id']})" for item in exact)
        raise Failed(f"{text!r} is not clear, give the number of one: {names}")
    return exact[0]["id"]


def wait_for(server: Server, out: Out, job_ids: Sequence[str]) -> None:
    """Follow refreshes to their end, and say what became of them."""
    jobs = follow_jobs(server, job_ids)
    rows = [{**job, "outcome": _outcome(job)} for job in jobs]
    out.table(rows, ["title", "state", "outcome", "error"], empty="There is nothing to refresh.")
    if any(_outcome(job).startswith("held") for job in jobs):
        note(
            "Held back: the last good list is served. See `nightcrew source list`, then `source accept` or `source reject`."
        )
    if any(job["state"] == "failed" for job in jobs):
        raise Exit(exits.FAILED)


def _outcome(job: JobJson) -> str:
    """What a refresh led to: applied, unchanged, or held back and why."""
    result = job["result"] if isinstance(job["result"], dict) else {}
    return " ".join(str(result[key]) for key in ("outcome", "reason") if result.get(key))
