"""Playing a channel: the address behind it, the stream itself, or HLS."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, GiveUp, Invalid, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import archives, ways
from nightcrew.playlists.formats import hls, xtream
from nightcrew.playlists.formats.catchup import Span
from nightcrew.playlists.formats.hls_writer import HLS_TYPE
from nightcrew.playlists.hls_output import HlsOutput
from nightcrew.playlists.models import Channel
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.picking import is_film
from nightcrew.playlists.play import Player
from nightcrew.playlists.player_answers import ANY_PAGE, NO_CACHE, NO_STORE, asked_before, head_alone, redirected
from nightcrew.playlists.players import ChannelId, Name, Token
from nightcrew.playlists.relay import Opened, Relay, playable
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, BoundTo
from nightcrew.web.guard import is_head

router = APIRouter(tags=["players"])

CATCH_UP = frozenset(["utc", "start"])
"""What players append to ask for something that is over."""
MOST_MINUTES, OLDEST = 1_440, timedelta(days=60)


@router.get("/play/{channel}.m3u8", response_model=None)
async def play_hls(
    request: Request, node: Node, actor: Actor, bound: BoundTo, channel: ChannelId, token: Token = None
) -> Response:
    """The channel as HLS, made without encoding it anew; 302 where players are led to its own address and that is HLS already."""
    suffix = f"?token={quote(token)}" if token else ""
    return await hls_playlist(request, node, actor, bound, channel, suffix)


@router.get("/play/{channel}/{name}", response_model=None)
async def hls_file(
    node: Node,
    bound: BoundTo,
    channel: ChannelId,
    name: Name,
    token: Token = None,
) -> Response:
    """A segment of the channel's HLS, its subtitles, or a further playlist, as its playlist names it."""
    return await _hls_part(node, bound, channel, name, f"?token={quote(token)}" if token else "")


@router.get("/play/{channel}", response_model=None)
@router.get("/play/{channel}.ts", response_model=None, include_in_schema=False)  # some players append it
async def play(
    request: Request,
    node: Node,
    actor: Actor,
    bound: BoundTo,
    channel: ChannelId,
    token: Token = None,  # noqa: ARG001
) -> Response:
    """302 to the address that plays the channel now; with `stream_mode` proxy, or where its source takes a route, the stream itself."""
    return await played(request, node, actor, bound, channel)


async def played(request: Request, node: Runtime, actor: str, bound: str | None, channel: int) -> Response:
    """A channel for a player: where it plays now, or the stream itself. `bound`: what the player's token opens."""
    await _check_bound(node, bound, channel)
    if not request.query_params.keys().isdisjoint(CATCH_UP):
        known = await channel_rows.get(node.store, channel)
        span = await archives.span_of(node, known, request.query_params, utcnow())
        if span is not None:
            return await _caught_up(request, node, actor, known, span)
    known = await channel_rows.get(node.store, channel)
    try:
        if not await _is_passed_on(node, known):
            return redirected(await node.part(Player).target_of(known))
        if is_head(request) and playable(known):
            return head_alone(node.part(Relay).content_type(channel) or "video/mp2t", NO_STORE)
        opened = await node.part(Relay).open(channel, _viewer(request, actor))
    except GiveUp as exc:
        raise Conflict(str(exc)) from exc
    return _Relayed(opened)


async def _caught_up(request: Request, node: Runtime, actor: str, channel: Channel, span: Span) -> Response:
    """What ran on a channel, from its provider's archive."""
    try:
        past = archives.at(channel, span)
        if not await _is_passed_on(node, past):
            return redirected(await node.part(Player).target_of(past))
        opened = await node.part(Relay).open_archive(past, _viewer(request, actor))
    except GiveUp as exc:
        raise Conflict(str(exc)) from exc
    if is_head(request):  # whether its provider has it is known to nobody before it was asked
        await opened.close()
        return head_alone(opened.content_type, NO_STORE)
    return _Relayed(opened)


async def _hls_part(node: Runtime, bound: str | None, channel: int, name: str, suffix: str) -> Response:
    await _check_bound(node, bound, channel)
    data, kind = await node.part(HlsOutput).file(channel, name, suffix)
    age = "no-cache" if kind == HLS_TYPE else "max-age=60"
    return Response(data, media_type=kind, headers=ANY_PAGE | {"Cache-Control": age})


async def hls_playlist(
    request: Request, node: Runtime, actor: str, bound: str | None, channel: int, suffix: str
) -> Response:
    """A channel's HLS playlist; `suffix` is what the addresses in it end with."""
    if not request.query_params.keys().isdisjoint(CATCH_UP):
        return await played(request, node, actor, bound, channel)
    await _check_bound(node, bound, channel)
    known, elsewhere = await channel_rows.get(node.store, channel), ""
    try:
        if not await _is_passed_on(node, known):
            elsewhere = await node.part(Player).target_of(known)
            if hls.is_address(elsewhere) or is_film(elsewhere):
                return redirected(elsewhere)
        if is_head(request) and playable(known):
            return head_alone(HLS_TYPE, NO_CACHE)
        text = await node.part(HlsOutput).playlist(channel, _viewer(request, actor), f"{channel}/", suffix)
    except GiveUp as exc:
        if elsewhere:  # a player that can play it gets it there
            return redirected(elsewhere)
        raise Conflict(str(exc)) from exc
    return Response(text, media_type=HLS_TYPE, headers=NO_CACHE)


async def _is_passed_on(node: Runtime, channel: Channel) -> bool:
    """Whether a player gets the stream itself. One whose source takes a route always does: the player would take none."""
    proxy = node.settings.of(PlaylistSettings).stream_mode == "proxy"
    return proxy or ways.is_passed_on(channel, await ways.hidden(node))


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
        super().__init__(opened.body, headers=NO_STORE, media_type=opened.content_type)
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
        return await hls_playlist(request, node, actor, bound, channel_number(number), "")
    return await played(request, node, actor, bound, channel_number(number))


@router.get("/timeshift/{username}/{password}/{duration}/{start}/{stream}", response_model=None)
async def catch_up_xtream(
    request: Request,
    node: Node,
    actor: Actor,
    bound: BoundTo,
    username: Name,  # noqa: ARG001
    password: Name,  # noqa: ARG001
    duration: Name,
    start: Name,
    stream: Name,
) -> Response:
    """The Xtream way to what is over: minutes, and the start in UTC, such as /timeshift/user/TOKEN/60/2026-01-31:20-15/7.ts."""
    return await _from_panel(request, node, actor, bound, stream.partition(".")[0], start, duration)


@router.get("/streaming/timeshift.php", response_model=None)
async def timeshift_php(
    request: Request,
    node: Node,
    actor: Actor,
    bound: BoundTo,
    stream: Annotated[str, Query(max_length=30)] = "",
    start: Annotated[str, Query(max_length=30)] = "",
    duration: Annotated[str, Query(max_length=10)] = "",
    password: Token = None,  # noqa: ARG001
) -> Response:
    """The older Xtream way to the same."""
    return await _from_panel(request, node, actor, bound, stream, start, duration)


async def _from_panel(
    request: Request, node: Runtime, actor: str, bound: str | None, stream: str, start: str, duration: str
) -> Response:
    number = channel_number(stream)
    await _check_bound(node, bound, number)
    channel = await channel_rows.get(node.store, number)
    begin, minutes = xtream.start_of(start), int(duration) if duration.isascii() and duration.isdecimal() else 0
    if begin is None or minutes > MOST_MINUTES or not utcnow() - OLDEST < begin < utcnow():
        raise Invalid("the start is a time that is over, such as 2026-01-31:20-15, and the duration up to 1440 minutes")
    stop = begin + timedelta(minutes=minutes) if minutes else None
    return await _caught_up(
        request, node, actor, channel, await archives.span_from(node, channel, begin, stop, utcnow())
    )


@router.get("/live/{username}/{password}/{channel}/{name}", response_model=None)
async def xtream_hls_file(
    node: Node,
    bound: BoundTo,
    username: Name,  # noqa: ARG001
    password: Name,  # noqa: ARG001
    channel: ChannelId,
    name: Name,
) -> Response:
    """A segment of the channel's HLS, its subtitles, or a further playlist, as its playlist names it."""
    return await _hls_part(node, bound, channel, name, "")


asked_before(
    router,
    (
        "/play/{channel}",
        "/play/{channel}/{name}",
        "/live/{username}/{password}/{stream}",
        "/live/{username}/{password}/{channel}/{name}",
        "/timeshift/{username}/{password}/{duration}/{start}/{stream}",
        "/streaming/timeshift.php",
    ),
)


def channel_number(text: str) -> int:
    """A channel's id as players write it. Raises `NotFound`."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(f"there is no channel {text!r}")
    return int(text)
