"""What players ask: playlists, the guide, an Xtream panel, and the address behind a channel."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, GiveUp, NotFound
from nightcrew.kernel.runtime import KernelSettings, Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.playlists import accounts, rules
from nightcrew.playlists.formats import xmltv, xtream
from nightcrew.playlists.hls_output import HlsOutput
from nightcrew.playlists.models import Channel
from nightcrew.playlists.outputs import CHUNK, EVERYTHING, Outputs, Selection, is_left_out, served
from nightcrew.playlists.play import Player
from nightcrew.playlists.relay import Opened, Relay
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.playlists.store import guides, sources
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, BoundTo
from nightcrew.web.guard import is_head

router = APIRouter(tags=["players"])

Name = Annotated[str, Path(max_length=100)]
Token = Annotated[str | None, Query(max_length=200)]
ChannelId = Annotated[int, Path(ge=1, lt=2**63)]
HLS_TYPE = "application/vnd.apple.mpegurl"
ANY_PAGE = {"Access-Control-Allow-Origin": "*"}
"""A player in a browser may be part of another site; the address itself says whether it may play."""
M3U_TYPE = "audio/x-mpegurl; charset=utf-8"
GUIDE_PAST = timedelta(hours=4)
SHORT_EPG = 4
"""Programmes that a player gets when it asks for what is on and names no number."""
MAX_EPG = 1_000


@router.get("/playlist/all.m3u")
async def whole_playlist(request: Request, node: Node, token: Token = None) -> Response:
    """Every channel of every region."""
    return await playlist_response(request, node, EVERYTHING, token)


@router.get("/playlist/combined/{name}.m3u")
async def combined_playlist(request: Request, node: Node, name: Name, token: Token = None) -> Response:
    """The regions of a combined playlist, one after the other."""
    return await playlist_response(request, node, node.part(Outputs).combined(name), token)


@router.get("/playlist/group/{group:path}.m3u")
async def group_playlist(
    request: Request, node: Node, group: Annotated[str, Path(max_length=300)], token: Token = None
) -> Response:
    """One group over all regions."""
    if not await channel_rows.count(node.store, channel_rows.ChannelQuery(group=group, hidden=False)):
        raise NotFound(f"there is no group {group!r} with channels")
    return await playlist_response(request, node, Selection(f"group-{group}", None, group), token)


@router.get("/playlist/{region}.m3u")
async def region_playlist(request: Request, node: Node, region: Name, token: Token = None) -> Response:
    """One region. 404 for an unknown one, 503 with Retry-After while it was never built."""
    return await playlist_response(request, node, await node.part(Outputs).select(region), token)


async def playlist_response(request: Request, node: Runtime, selection: Selection, token: str | None) -> Response:
    """A playlist with its age; a stale one is served too, for yesterday's channels beat none."""
    outputs = node.part(Outputs)
    path = await outputs.current(selection)
    refreshed = None
    with contextlib.suppress(DatabaseAway):  # then the file's own age has to do
        refreshed = await outputs.refreshed_at(selection)
    base, wanted = node.base_url(), base_of(request, node)
    suffix = f"?token={quote(token)}" if token else ""
    stat = path.stat()
    headers = age_headers(refreshed or datetime.fromtimestamp(stat.st_mtime).astimezone(), utcnow())
    headers["ETag"] = f'"{stat.st_mtime_ns:x}-{rules.digest(wanted + suffix).hex()[:8]}"'
    headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(selection.name)}.m3u"
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    body = served(path, base.encode(), wanted.encode(), suffix.encode())
    return StreamingResponse(body, headers=headers, media_type=M3U_TYPE)


def age_headers(refreshed: datetime, now: datetime) -> dict[str, str]:
    """How old an answer is (RFC 9111): Age in seconds, and when its data was fetched."""
    age = max(0, int((now - refreshed).total_seconds()))
    return {
        "Age": str(age),
        "Last-Modified": format_datetime(refreshed.astimezone(now.tzinfo), usegmt=True),
        "Cache-Control": "no-cache",
    }


def base_of(request: Request, node: Runtime) -> str:
    """The address under which this client reaches us: the configured one, else the one that it asked."""
    configured = node.settings.of(KernelSettings).public_url
    return (configured or str(request.base_url)).rstrip("/")


async def spooled(node: Runtime, pieces: AsyncIterator[str], media_type: str) -> Response:
    """An answer made from the database: written to a file without a name first, then sent.

    A slow client thus holds a file, not a database connection, and memory stays at a block.
    """
    folder = node.data_dir / "tmp"
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as closing:
        file = closing.enter_context(tempfile.TemporaryFile(dir=folder))
        waiting = bytearray()
        async for piece in pieces:
            waiting += piece.encode("utf-8", "surrogatepass")
            if len(waiting) >= CHUNK:
                await asyncio.to_thread(file.write, waiting)
                waiting = bytearray()
        await asyncio.to_thread(file.write, waiting)
        size = file.tell()
        file.seek(0)
        closing.pop_all()  # it is closed when the answer has been sent

    async def blocks() -> AsyncIterator[bytes]:
        with file:
            while block := await asyncio.to_thread(file.read, CHUNK):
                yield block

    return StreamingResponse(blocks(), media_type=media_type, headers={"Content-Length": str(size)})


# -- guide -------------------------------------------------------------------------------------------------------------


@router.get("/guide.xml")
async def guide(
    node: Node,
    bound: BoundTo,
    region: Annotated[str | None, Query(max_length=60)] = None,
    token: Token = None,  # noqa: ARG001
) -> Response:
    """XMLTV of all visible channels, or of one region. A token of one playlist has the guide of its channels alone."""
    selection = EVERYTHING if bound is None else await node.part(Outputs).bound(bound)
    wanted = None if region is None else (await node.part(Outputs).select(region)).regions
    if wanted is not None:
        if not all(map(selection.has, wanted)):
            raise NotFound(f"there is no region {region!r}")
        selection = replace(selection, regions=wanted)
    return await spooled(node, _guide(node, selection), "application/xml; charset=utf-8")


async def _guide(node: Runtime, selection: Selection) -> AsyncIterator[str]:
    now = utcnow()
    ahead = timedelta(days=node.settings.of(PlaylistSettings).guide_days)
    yield xmltv.HEADER
    regions, group = selection.regions, selection.group
    named = await guides.channels_of(node.store, regions, group)
    for start in range(0, len(named), 500):
        yield "".join(xmltv.channel_text(channel) for channel in named[start : start + 500])
    async for page in guides.programmes_of(node.store, regions, group, after=now - GUIDE_PAST, before=now + ahead):
        yield "".join(xmltv.programme_text(programme) for programme in page)
    yield xmltv.FOOTER


# -- playing -----------------------------------------------------------------------------------------------------------


@router.get("/play/{channel}.m3u8", response_model=None)
async def play_hls(
    request: Request, node: Node, actor: Actor, bound: BoundTo, channel: ChannelId, token: Token = None
) -> Response:
    """The channel as HLS, made without encoding it anew; with `stream_mode` direct 302 to the address that plays it now."""
    suffix = f"?token={quote(token)}" if token else ""
    return await hls_playlist(request, node, actor, bound, channel, suffix)


@router.get("/play/{channel}/{name}", response_model=None)
async def hls_file(
    node: Node,
    bound: BoundTo,
    channel: ChannelId,
    name: Name,
    token: Token = None,  # noqa: ARG001
) -> Response:
    """A segment of the channel's HLS, as its playlist names it."""
    await _check_bound(node, bound, channel)
    data, kind = node.part(HlsOutput).file(channel, name)
    return Response(data, media_type=kind, headers=ANY_PAGE | {"Cache-Control": "max-age=60"})


@router.get("/play/{channel}", response_model=None)
async def play(
    request: Request,
    node: Node,
    actor: Actor,
    bound: BoundTo,
    channel: ChannelId,
    token: Token = None,  # noqa: ARG001
) -> Response:
    """302 to the address that plays the channel now; with `stream_mode` proxy the stream itself."""
    return await played(request, node, actor, bound, channel)


async def played(request: Request, node: Runtime, actor: str, bound: str | None, channel: int) -> Response:
    """A channel for a player: where it plays now, or the stream itself. `bound`: what the player's token opens."""
    no_store = {"Cache-Control": "no-store"}
    await _check_bound(node, bound, channel)
    try:
        if node.settings.of(PlaylistSettings).stream_mode != "proxy":
            return RedirectResponse(await node.part(Player).target(channel), 302, no_store)
        if is_head(request):
            await channel_rows.get(node.store, channel)
            return Response(headers=no_store, media_type=node.part(Relay).content_type(channel) or "video/mp2t")
        opened = await node.part(Relay).open(channel, _viewer(request, actor))
    except GiveUp as exc:
        raise Conflict(str(exc)) from exc
    return _Relayed(opened)


async def hls_playlist(
    request: Request, node: Runtime, actor: str, bound: str | None, channel: int, suffix: str
) -> Response:
    """A channel's HLS playlist; `suffix` is what the addresses in it end with."""
    if node.settings.of(PlaylistSettings).stream_mode != "proxy":
        return await played(request, node, actor, bound, channel)
    await _check_bound(node, bound, channel)
    headers = ANY_PAGE | {"Cache-Control": "no-cache"}
    if is_head(request):
        await channel_rows.get(node.store, channel)
        return Response(headers=headers, media_type=HLS_TYPE)
    try:
        text = await node.part(HlsOutput).playlist(channel, _viewer(request, actor), f"{channel}/", suffix)
    except GiveUp as exc:
        raise Conflict(str(exc)) from exc
    return Response(text, media_type=HLS_TYPE, headers=headers)


async def _check_bound(node: Runtime, bound: str | None, channel: int) -> None:
    """Raise `NotFound` for a channel that is in no list of a player's token."""
    if bound is None:
        return
    options = node.settings.of(PlaylistSettings)
    keep = options.kept
    selection = await node.part(Outputs).bound(bound)
    if not selection.shows(await channel_rows.get(node.store, channel), keep):
        raise NotFound(f"there is no channel {channel}")


class _Relayed(StreamingResponse):
    """A stream whose connection is given back the moment that the player hangs up."""

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened.body, headers=ANY_PAGE | {"Cache-Control": "no-store"}, media_type=opened.content_type)
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._opened.close()


def _viewer(request: Request, actor: str) -> str:
    """Who watches, for the board: the token's name, else the address of the machine."""
    name = actor.partition(":")[2]
    return name or (request.client.host if request.client else "somebody")


@router.get("/live/{username}/{password}/{stream}", response_model=None)
async def play_xtream(
    request: Request,
    node: Node,
    actor: Actor,
    bound: BoundTo,
    username: Name,  # noqa: ARG001
    password: Name,  # noqa: ARG001
    stream: Name,
) -> Response:
    """The Xtream way to the same: `/live/<user>/<token>/<channel>.ts`, or `.m3u8` for HLS."""
    number, _, suffix = stream.partition(".")
    if suffix.lower() == "m3u8":
        return await hls_playlist(request, node, actor, bound, _channel_number(number), "")
    return await played(request, node, actor, bound, _channel_number(number))


@router.get("/live/{username}/{password}/{channel}/{name}", response_model=None)
async def xtream_hls_file(
    node: Node,
    bound: BoundTo,
    username: Name,  # noqa: ARG001
    password: Name,  # noqa: ARG001
    channel: ChannelId,
    name: Name,
) -> Response:
    """A segment of the channel's HLS, as its playlist names it."""
    return await hls_file(node, bound, channel, name)


def _channel_number(text: str) -> int:
    """A channel's id as players write it. Raises `NotFound`."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(f"there is no channel {text!r}")
    return int(text)


async def visible(node: Runtime, regions: tuple[str, ...] | None) -> AsyncIterator[tuple[Channel, str]]:
    """Channels that can be played and pass the filter, with the group they are served under."""
    options = node.settings.of(PlaylistSettings)
    keep = options.kept
    async for page in channel_rows.playlist(node.store, regions):
        for channel in page:
            group = keep.apply(channel.name, channel.group)
            if group is None or is_left_out(channel, options):
                continue
            if any(stream.usable for stream in channel.streams):
                yield channel, group


# -- Xtream ------------------------------------------------------------------------------------------------------------

Login = Annotated[str, Query(max_length=200)]


@router.get("/player_api.php")
async def player_api(
    request: Request,
    node: Node,
    username: Login = "",
    password: Login = "",
    action: Annotated[str, Query(max_length=60)] = "",
    category_id: Annotated[str | None, Query(max_length=30)] = None,
    stream_id: Annotated[str, Query(max_length=30)] = "",
    limit: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The Xtream API that players speak; only live channels are there."""
    if action in {"", "get_account_info"}:
        return JSONResponse(await _xtream_account(request, node, username, password))
    if action == "get_live_categories":
        return JSONResponse(xtream.categories([name for name, _ in await _groups(node)]))
    if action == "get_live_streams":
        return await spooled(node, _xtream_streams(node, category_id), "application/json")
    if action in {"get_short_epg", "get_simple_data_table"}:
        return JSONResponse(await _listings(node, stream_id, limit if action == "get_short_epg" else str(MAX_EPG)))
    return JSONResponse([])


@router.get("/panel_api.php")
async def panel_api(request: Request, node: Node, username: Login = "", password: Login = "") -> Response:
    """The older Xtream API: the account and all channels in one answer."""
    head = xtream.panel_head(
        await _xtream_account(request, node, username, password), [name for name, _ in await _groups(node)]
    )

    async def text() -> AsyncIterator[str]:
        yield head
        number = 0
        async for channel, group in visible(node, None):
            number += 1
            yield (", " if number > 1 else "") + xtream.panel_channel(channel, group, number)
        yield xtream.PANEL_FOOT

    return await spooled(node, text(), "application/json")


async def _xtream_account(request: Request, node: Runtime, username: str, password: str) -> dict[str, Any]:
    most, active = await accounts.connections(node), await accounts.watching(node)
    base = base_of(request, node)
    return xtream.account(base, username or "nightcrew", password, utcnow(), connections=most, active=active)


async def _listings(node: Runtime, stream_id: str, limit: str) -> dict[str, Any]:
    """What runs now and next on a channel; an unknown one has nothing, as players expect."""
    now = utcnow()
    try:
        channel = await channel_rows.get(node.store, _channel_number(stream_id))
    except NotFound:
        return {"epg_listings": []}
    number = min(int(limit), MAX_EPG) if limit.isdecimal() and int(limit) else SHORT_EPG
    shown = await guides.schedule(node.store, channel.guide_id, now=now, limit=number) if channel.guide_id else []
    return xtream.listings(channel, shown, now)


async def _groups(node: Runtime) -> list[tuple[str, int]]:
    options = node.settings.of(PlaylistSettings)
    keep = options.kept
    if not keep.keywords:
        return await channel_rows.groups(node.store)
    counts: dict[str, int] = {}
    async for _channel, group in visible(node, None):
        counts[group] = counts.get(group, 0) + 1
    return sorted(counts.items())


async def _xtream_streams(node: Runtime, category_id: str | None) -> AsyncIterator[str]:
    yield "["
    number = 0
    async for channel, group in visible(node, None):
        if category_id in {None, "", "0", xtream.category_id(group)}:
            number += 1
            yield ("," if number > 1 else "") + xtream.stream(channel, group, number)
    yield "]"


@router.get("/get.php")
async def get_php(request: Request, node: Node, password: Login = "") -> Response:
    """The Xtream way to the whole playlist."""
    return await playlist_response(request, node, EVERYTHING, password or None)


@router.get("/xmltv.php")
async def xmltv_php(node: Node, bound: BoundTo) -> Response:
    """The Xtream way to the guide."""
    return await guide(node, bound)


async def totals(node: Runtime) -> tuple[int, int]:
    """Channels, and those that can be played, over all regions."""
    feeds = [feed for feed in await sources.feeds(node.store, enabled=True) if feed.kind == "channels"]
    return sum(feed.channels for feed in feeds), sum(feed.resolved for feed in feeds)
