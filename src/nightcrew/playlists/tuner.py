"""HDHomeRun tuners for Plex, Jellyfin and Emby.

They take a base address and append to it: /discover.json, and to a channel's address ?transcode=. So what they need stands in the
path: /tuner/TOKEN is a base address. With /of/REGION or /of/group/NAME behind it, it is a tuner of its own that has those channels
alone: Plex takes 480 channels of a tuner.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.accounts import connections
from nightcrew.playlists.formats import hdhomerun
from nightcrew.playlists.models import Channel
from nightcrew.playlists.outputs import EVERYTHING, Outputs, Selection
from nightcrew.playlists.picking import is_film
from nightcrew.playlists.player_answers import asked_before
from nightcrew.playlists.players import M3U_TYPE, ChannelId, Token, base_of, spooled, visible
from nightcrew.playlists.playing import played
from nightcrew.playlists.rules import groups_of
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels, numbers
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, BoundTo

router = APIRouter(tags=["players"])

PLACES = (
    "",
    "/tuner/{carried}",
    *(f"/tuner{token}/of/{part}" for token in ("", "/{carried}") for part in ("group/{group:path}", "{part}")),
)
"""Where tuners are; the guard has looked at the token."""


@dataclass(frozen=True, slots=True)
class TunerPart:
    """One tuner: its base address, the channels that it has, and a token for addresses that do not carry it themselves."""

    base: str
    channels: Selection
    token: str | None = None

    @property
    def title(self) -> str:
        """What it is told apart by, empty for the whole."""
        return f"group {self.channels.group}" if self.channels.group else "/".join(self.channels.regions or ())


async def _asked(
    request: Request,
    node: Node,
    region: Annotated[str | None, Query(max_length=60)] = None,
    token: Token = None,
) -> TunerPart:
    """The tuner that an address is about. Raises `NotFound` for a region or a group that is not there."""
    said: dict[str, str] = request.path_params
    place = "/tuner" if said.keys() & {"carried", "group", "part"} else ""
    if "carried" in said:
        place, token = f"{place}/{quote(said['carried'], safe='')}", None
    base, chosen = base_of(request, node), EVERYTHING
    outputs = node.part(Outputs)
    if "group" in said:
        place, chosen = f"{place}/of/group/{quote(said['group'], safe='')}", await _group(node, said["group"])
    elif "part" in said:
        place, chosen = f"{place}/of/{quote(said['part'], safe='')}", await outputs.select(said["part"])
    if region is not None:
        chosen = replace(chosen, regions=(await outputs.select(region)).regions)
    return TunerPart(base + place, chosen, token)


async def _group(node: Runtime, name: str) -> Selection:
    if not await channels.count(node.store, channels.ChannelQuery(group=name, hidden=False)):
        raise NotFound(f"there is no group {name!r} with channels")
    return Selection(f"group-{name}", None, name)


Tuner = Annotated[TunerPart, Depends(_asked)]


def _everywhere(path: str, *methods: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A route of every tuner, by GET unless it says otherwise."""

    def register(answer: Callable[..., Any]) -> Callable[..., Any]:
        for place in PLACES:
            router.add_api_route(
                place + path, answer, methods=list(methods) or ["GET"], response_model=None, include_in_schema=not place
            )
        return answer

    return register


@_everywhere("/discover.json")
async def discover(node: Node, tuner: Tuner) -> dict[str, Any]:
    """What Plex, Jellyfin and Emby read first."""
    return hdhomerun.discover(tuner.base, node.node, tuner.token, await connections(node), tuner.title)


@_everywhere("/lineup_status.json")
async def lineup_status(tuner: Tuner) -> dict[str, Any]:  # noqa: ARG001 - one that is not there has none
    """No scan is ever in progress: the line-up is always there."""
    return hdhomerun.LINEUP_STATUS


@_everywhere("/lineup.post", "POST")
async def scan(tuner: Tuner) -> Response:  # noqa: ARG001 - one that is not there has none
    """Begin or end a scan (Plex: `?scan=start`). It is over at once, since the line-up is always there."""
    return Response()


@_everywhere("/device.xml")
async def device(node: Node, tuner: Tuner) -> Response:
    """The UPnP description."""
    return Response(hdhomerun.device_xml(tuner.base, node.node, tuner.title), media_type="application/xml")


@_everywhere("/lineup.json")
async def lineup(node: Node, tuner: Tuner) -> Response:
    """The tuner's channels."""
    return await spooled(node, _framed(_lineup(node, tuner, hdhomerun.lineup_item), "[", ",", "]"), "application/json")


@_everywhere("/lineup.xml")
async def lineup_xml(node: Node, tuner: Tuner) -> Response:
    """The same as XML."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<Lineup>'
    entries = _lineup(node, tuner, hdhomerun.lineup_element)
    return await spooled(node, _framed(entries, head, "", "</Lineup>\n"), "application/xml")


@_everywhere("/lineup.m3u")
async def lineup_m3u(node: Node, tuner: Tuner) -> Response:
    """The same as a playlist."""
    return await spooled(node, _framed(_lineup(node, tuner, hdhomerun.lineup_entry), "#EXTM3U\n", "", ""), M3U_TYPE)


async def _lineup(
    node: Runtime, tuner: TunerPart, written: Callable[[Channel, str, str, str | None], str]
) -> AsyncIterator[str]:
    """The tuner's channels, each as it is to be written."""
    keep = node.settings.of(PlaylistSettings).kept
    known = await numbers.every(node.store, tuner.channels.regions)
    given = [(one.id, one.number) for one in known if keep.apply(one.name, one.group) is not None]
    guide_numbers = hdhomerun.GuideNumbers(given)
    async for channel, group in visible(node, tuner.channels.regions):
        if all(is_film(stream.url) for stream in channel.streams if stream.usable):
            continue  # a tuner has no films
        number = guide_numbers.of(channel)  # the same on each tuner
        if tuner.channels.group is None or tuner.channels.group in groups_of(group):
            yield written(channel, number, tuner.base, tuner.token)


async def _framed(pieces: AsyncIterator[str], before: str, between: str, after: str) -> AsyncIterator[str]:
    yield before
    first = True
    async for piece in pieces:
        yield piece if first else between + piece
        first = False
    yield after


async def play(
    request: Request,
    node: Node,
    actor: Actor,
    bound: BoundTo,
    channel: ChannelId,
    transcode: Annotated[str, Query(max_length=20)] = "",  # noqa: ARG001
) -> Response:
    """A channel. `transcode`, which some ask a tuner of this model for, changes nothing: the stream is passed on as it is."""
    return await played(request, node, actor, bound, channel)


asked_before(router, (f"{place}/play/{{channel}}" for place in PLACES[1:]))
for _place in PLACES[1:]:
    router.add_api_route(
        f"{_place}/play/{{channel}}", play, methods=["GET"], response_model=None, include_in_schema=False
    )
