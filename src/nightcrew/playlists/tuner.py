"""A HDHomeRun tuner for Plex, Jellyfin and Emby.

They take a base address and append to it: /discover.json, and to a channel's address ?transcode=. So a player's token can stand in
the path: /tuner/TOKEN is a base address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.accounts import connections
from nightcrew.playlists.formats import hdhomerun
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.picking import is_film
from nightcrew.playlists.players import ChannelId, Token, base_of, spooled, visible
from nightcrew.playlists.playing import played
from nightcrew.playlists.store import channels
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, BoundTo

router = APIRouter(tags=["players"])

Region = Annotated[str | None, Query(max_length=60)]
Carried = Annotated[str, Path(max_length=200)]
"""A token in the path; the guard has looked at it."""


@router.get("/discover.json")
async def discover(request: Request, node: Node, token: Token = None) -> dict[str, Any]:
    """What Plex, Jellyfin and Emby read first."""
    return hdhomerun.discover(base_of(request, node), node.node, token, await connections(node))


@router.get("/lineup_status.json")
async def lineup_status(token: Token = None) -> dict[str, Any]:  # noqa: ARG001
    """No scan is ever in progress: the line-up is always there."""
    return hdhomerun.LINEUP_STATUS


@router.get("/device.xml")
async def device(request: Request, node: Node, token: Token = None) -> Response:  # noqa: ARG001
    """The UPnP description."""
    return Response(hdhomerun.device_xml(base_of(request, node), node.node), media_type="application/xml")


@router.get("/lineup.json")
async def lineup(request: Request, node: Node, region: Region = None, token: Token = None) -> Response:
    """The tuner's channels."""
    return await _lineup(node, region, base_of(request, node), token)


# -- the same, with the token in the path ------------------------------------------------------------------------------


@router.get("/tuner/{token}/discover.json")
async def discover_by_token(request: Request, node: Node, token: Carried) -> dict[str, Any]:
    """What Plex, Jellyfin and Emby read first."""
    return hdhomerun.discover(_base(request, node, token), node.node, None, await connections(node))


@router.get("/tuner/{token}/lineup_status.json")
async def lineup_status_by_token(token: Carried) -> dict[str, Any]:  # noqa: ARG001
    """No scan is ever in progress: the line-up is always there."""
    return hdhomerun.LINEUP_STATUS


@router.get("/tuner/{token}/device.xml")
async def device_by_token(request: Request, node: Node, token: Carried) -> Response:
    """The UPnP description."""
    return Response(hdhomerun.device_xml(_base(request, node, token), node.node), media_type="application/xml")


@router.get("/tuner/{token}/lineup.json")
async def lineup_by_token(request: Request, node: Node, token: Carried, region: Region = None) -> Response:
    """The tuner's channels."""
    return await _lineup(node, region, _base(request, node, token), None)


@router.get("/tuner/{token}/play/{channel}", response_model=None)
async def play_by_token(
    request: Request,
    node: Node,
    actor: Actor,
    bound: BoundTo,
    token: Carried,  # noqa: ARG001
    channel: ChannelId,
    transcode: Annotated[str, Query(max_length=20)] = "",  # noqa: ARG001
) -> Response:
    """A channel. `transcode`, which some ask a tuner of this model for, changes nothing: the stream is passed on as it is."""
    return await played(request, node, actor, bound, channel)


def _base(request: Request, node: Runtime, token: str) -> str:
    return f"{base_of(request, node)}/tuner/{quote(token, safe='')}"


async def _lineup(node: Runtime, region: str | None, base: str, token: str | None) -> Response:
    regions = None if region is None else (await node.part(Outputs).select(region)).regions
    given = await channels.numbers(node.store, regions)

    async def text() -> AsyncIterator[str]:
        numbers = hdhomerun.GuideNumbers(given)
        yield "["
        comma = ""
        async for channel, _group in visible(node, regions):
            if all(is_film(stream.url) for stream in channel.streams if stream.usable):
                continue  # a tuner has no films
            yield comma + hdhomerun.lineup_item(channel, numbers.of(channel), base, token)
            comma = ","
        yield "]"

    return await spooled(node, text(), "application/json")
