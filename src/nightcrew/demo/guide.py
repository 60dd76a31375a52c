"""Service `guide`: XMLTV for the whole line-up, plain and as a gzip file, made while it is sent."""

import itertools
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from .lineup import DemoChannel
from .names import channel_name
from .replies import gently, gzipped, whole_number
from .scene import Scene
from .xmltv import xmltv


def routes(scene: Scene) -> list[BaseRoute]:
    async def plain(request: Request) -> Response:
        return StreamingResponse(gently(_guide(scene, request)), media_type="application/xml")

    async def packed(request: Request) -> Response:
        return StreamingResponse(gently(gzipped(_guide(scene, request))), media_type="application/gzip")

    return [Route("/guide/guide.xml", plain), Route("/guide/guide.xml.gz", packed)]


def _guide(scene: Scene, request: Request) -> Iterator[bytes]:
    """With `?channels=N` exactly N channels: the line-up's first, then invented ones. About 25 kB each."""
    mine = [channel for channel in scene.lineup.channels if channel.guide_id]
    count = whole_number(request, "channels", len(mine), 100_000)
    channels = itertools.islice(itertools.chain(mine, map(_extra, itertools.count())), count)
    return xmltv(scene.url, channels, scene.clock())


def _extra(index: int) -> DemoChannel:
    name, guide_id = channel_name(index), f"extra{index + 1:06d}.example"
    logo = f"/logos/{guide_id}.png"
    return DemoChannel(guide_id, f"{name} Extra", "Regional", index + 1, logo, guide_id, "m3u", "DE")
