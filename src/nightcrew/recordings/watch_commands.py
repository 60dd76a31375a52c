"""Commands about watched streams: they are recorded whenever they are live, or in windows of time."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from nightcrew.client import Out, Server
from nightcrew.playlists.commands import Channel
from nightcrew.recordings.recording_commands import Address, How, Name, Quality, stream_of
from nightcrew.recordings.rows import WatchJson, watch_columns, watch_line
from nightcrew.recordings.windows import MAX_MARGIN

WATCHES = "/api/v1/watches"

Watched = Annotated[
    str, Argument(metavar="WATCH", help="Its number or its name, as `nightcrew recordings watch list` says.")
]


def watch_add(
    server: Server,
    out: Out,
    address: Address = "",
    channel: Channel = "",
    name: Name = "",
    window: Annotated[
        list[str] | None,
        Option(
            "--window",
            help="When to record, for example 'mon-fri 20:00-22:15'. Can be repeated. Default: whenever it is live.",
        ),
    ] = None,
    favourite: Annotated[bool, Option("--favourite", help="Its recordings are kept for good.")] = False,
    keep_count: Annotated[
        int | None, Option("--keep-count", min=1, max=100_000, help="Keep only this many of its recordings.")
    ] = None,
    start_early: Annotated[
        int | None,
        Option("--start-early", min=0, max=MAX_MARGIN, help="Minutes before each window. Default: the setting."),
    ] = None,
    end_late: Annotated[
        int | None, Option("--end-late", min=0, max=MAX_MARGIN, help="Minutes after each window. Default: the setting.")
    ] = None,
    quality: Quality = "best",
    kind: How = "auto",
) -> None:
    """Watch a stream: record it whenever it is live, or in windows of time. A channel needs windows."""
    body = {"name": name, "windows": window or [], "favourite": favourite, "keep_count": keep_count}
    body |= {
        "start_early": start_early,
        "end_late": end_late,
        "quality": quality,
        "kind": kind,
        **stream_of(server, address, channel),
    }
    out.one(server.post(WatchJson, WATCHES, body), watch_line)


def watch_list(server: Server, out: Out) -> None:
    """All watched streams, by name."""
    columns = ["id", "name", "state", "when", "rests", "keeps", "title", "looked_at", "next_look_at", "url", "error"]
    out.table(server.rows(WatchJson, WATCHES), columns, shown=watch_columns, empty="No stream is watched.")


def watch_on(server: Server, out: Out, watch: Watched) -> None:
    """Watch a stream again: record it when its time comes."""
    _switch(server, out, watch, on=True)


def watch_off(server: Server, out: Out, watch: Watched) -> None:
    """Start no more recordings of a stream for now. One that is going on is not stopped."""
    _switch(server, out, watch, on=False)


def watch_remove(server: Server, out: Out, watch: Watched) -> None:
    """Stop watching a stream; its recordings stay."""
    found = _find(server, watch)
    server.ask("DELETE", f"{WATCHES}/{found['id']}")
    if not out.data({"removed": found["id"]}):
        out.say(f"{found['name']} is not watched any more; what was recorded stays")


def _switch(server: Server, out: Out, watch: str, *, on: bool) -> None:
    path = f"{WATCHES}/{_find(server, watch)['id']}"
    out.one(server.patch(WatchJson, path, {"enabled": on}), watch_line)


def _find(server: Server, text: str) -> WatchJson:
    return server.find(WatchJson, WATCHES, text, "watch", "recordings watch list")
