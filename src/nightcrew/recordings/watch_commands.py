"""Commands about watched streams: they are recorded whenever they are live, or in windows of time."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from nightcrew.client import Out, Row, Server
from nightcrew.playlists.commands import Channel
from nightcrew.recordings.access_options import CookiesFile, CookiesStdin, Header, ProxyOption, Setting, access_of
from nightcrew.recordings.recording_commands import Address, How, Name, Quality, stream_of
from nightcrew.recordings.rows import WatchJson, watch_access_line, watch_columns, watch_line
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
    header: Header = None,
    cookies_stdin: CookiesStdin = False,
    cookies_file: CookiesFile = None,
    option: Setting = None,
    proxy: ProxyOption = None,
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
    body |= access_of(header, cookies_stdin, cookies_file, option, proxy)
    out.one(server.post(WatchJson, WATCHES, body), watch_line)


def watch_list(server: Server, out: Out) -> None:
    """All watched streams, by name."""
    columns = ["id", "name", "state", "when", "rests", "keeps", "title", "looked_at", "next_look_at", "url", "error"]
    out.table(server.rows(WatchJson, WATCHES), columns, shown=watch_columns, empty="No stream is watched.")


def watch_access(
    server: Server,
    out: Out,
    watch: Watched,
    header: Header = None,
    cookies_stdin: CookiesStdin = False,
    cookies_file: CookiesFile = None,
    option: Setting = None,
    proxy: ProxyOption = None,
    remove: Annotated[bool, Option("--remove", help="Take away what is not given anew.")] = False,
) -> None:
    """Change what goes along with the requests for a stream, also of its recording that is going on; say what there is."""
    found = _find(server, watch)
    changes: Row = {"headers": {}, "cookies": "", "options": {}, "proxy": ""} if remove else {}
    changes |= access_of(header, cookies_stdin, cookies_file, option, proxy)
    if changes:
        found = server.patch(WatchJson, f"{WATCHES}/{found['id']}", changes)
    out.one(found, watch_access_line)


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
