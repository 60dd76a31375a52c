"""Commands about watched streams: they are recorded whenever they are live, or in windows of time."""

from __future__ import annotations

from typing import Annotated

import typer

from nightcrew.client import Out, Server
from nightcrew.playlists.commands import Channel
from nightcrew.recordings.recording_commands import Address, How, Name, Quality, stream_of
from nightcrew.recordings.rows import WatchJson, watch_columns, watch_line

WATCHES = "/api/v1/watches"

Watched = Annotated[
    str, typer.Argument(metavar="WATCH", help="Its number or its name, as `nightcrew recordings watch list` says.")
]


def watch_add(
    server: Server,
    out: Out,
    address: Address = "",
    channel: Channel = "",
    name: Name = "",
    window: Annotated[
        list[str] | None,
        typer.Option("--window", help="When to record: 'mon-fri 20:00-22:15'. May be said again; without: when live."),
    ] = None,
    favourite: Annotated[bool, typer.Option("--favourite", help="Its recordings are kept for good.")] = False,
    keep_count: Annotated[
        int | None, typer.Option("--keep-count", min=1, max=100_000, help="Keep only so many recordings of it.")
    ] = None,
    quality: Quality = "best",
    kind: How = "auto",
) -> None:
    """Watch a stream: it is recorded whenever it is live, or in its windows of time. A channel needs windows."""
    body = {"name": name, "windows": window or [], "favourite": favourite, "keep_count": keep_count}
    body |= {"quality": quality, "kind": kind, **stream_of(server, address, channel)}
    out.one(server.post(WatchJson, WATCHES, body), watch_line)


def watch_list(server: Server, out: Out) -> None:
    """All watched streams, by name."""
    columns = ["id", "name", "state", "when", "keeps", "title", "looked_at", "next_look_at", "url", "error"]
    out.table(server.rows(WatchJson, WATCHES), columns, shown=watch_columns, empty="No stream is watched.")


def watch_on(server: Server, out: Out, watch: Watched) -> None:
    """Record it from now on, when its time comes."""
    _switch(server, out, watch, on=True)


def watch_off(server: Server, out: Out, watch: Watched) -> None:
    """Begin no recordings of it for now. One that goes on is not stopped."""
    _switch(server, out, watch, on=False)


def watch_remove(server: Server, out: Out, watch: Watched) -> None:
    """Watch it no longer; what was recorded stays."""
    found = _find(server, watch)
    server.ask("DELETE", f"{WATCHES}/{found['id']}")
    if not out.data({"removed": found["id"]}):
        out.say(f"{found['name']} is not watched any more; what was recorded stays")


def _switch(server: Server, out: Out, watch: str, *, on: bool) -> None:
    path = f"{WATCHES}/{_find(server, watch)['id']}"
    out.one(server.patch(WatchJson, path, {"enabled": on}), watch_line)


def _find(server: Server, text: str) -> WatchJson:
    return server.find(WatchJson, WATCHES, text, "watch", "recordings watch list")
