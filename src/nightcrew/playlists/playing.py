"""Playing a channel: the address behind it, the stream itself, or HLS."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from nightcrew.kernel.errors import Conflict, GiveUp, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.hls_output import HlsOutput
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.play import Player
from nightcrew.playlists.players import ChannelId, Name, Token
from nightcrew.playlists.relay import Opened, Relay
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, BoundTo
from nightcrew.web.guard import is_head

router = APIRouter(tags=["players"])

HLS_TYPE = "application/vnd.apple.mpegurl"
ANY_PAGE = {"Access-Control-Allow-Origin": "*"}
"""A player in a browser may be part of another site; the address itself says whether it may play."""


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
        return await hls_playlist(request, node, actor, bound, channel_number(number), "")
    return await played(request, node, actor, bound, channel_number(number))


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


def channel_number(text: str) -> int:
    """A channel's id as players write it. Raises `NotFound`."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(f"there is no channel {text!r}")
    return int(text)
