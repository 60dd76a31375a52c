"""Service `xtream`: a panel with one account. Field names and the mix of texts and numbers are those of real panels."""

import zlib
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from . import hls
from .broadcast import broadcast
from .lineup import DemoChannel
from .live import BEST, TS_TYPE, ready_loop
from .m3u import M3U_TYPE
from .names import GROUPS
from .playlist import playlist
from .replies import gently
from .scene import Scene
from .xmltv import xmltv

USERNAME, PASSWORD = "demo", "demo-password"
CREATED = 1_735_689_600
DAY = 86_400


class ViewerStream(StreamingResponse):
    """Counts as open from its first byte until the viewer is gone, however that happens."""

    scene: Scene

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        self.scene.open_streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.scene.open_streams -= 1


def routes(scene: Scene) -> list[BaseRoute]:
    async def player_api(request: Request) -> Response:
        if not _knows(request.query_params.get("username"), request.query_params.get("password")):
            return JSONResponse({"user_info": {"auth": 0}})
        action = ACTIONS.get(request.query_params.get("action", ""), _account)
        return JSONResponse(action(scene, request))

    async def whole_list(request: Request) -> Response:
        _demand(request.query_params.get("username"), request.query_params.get("password"))
        guide = f"{scene.url}/xtream/xmltv.php?username={USERNAME}&password={PASSWORD}"
        text = playlist(scene.url, guide, scene.lineup.of("xtream"), lambda c: _stream_url(scene, c))
        return PlainTextResponse(text, media_type=M3U_TYPE)

    async def guide(request: Request) -> Response:
        _demand(request.query_params.get("username"), request.query_params.get("password"))
        chunks = xmltv(scene.url, scene.lineup.of("xtream"), scene.clock())
        return StreamingResponse(gently(chunks), media_type="application/xml")

    async def stream(request: Request) -> Response:
        channel = _wanted(scene, request)
        if scene.open_streams >= scene.max_connections:
            raise HTTPException(403, "too many connections")
        answer = ViewerStream(broadcast(ready_loop(scene, channel.id)[BEST], scene.clock), media_type=TS_TYPE)
        answer.scene = scene
        return answer

    async def segments(request: Request) -> Response:
        channel = _wanted(scene, request)
        ready_loop(scene, channel.id)
        text = hls.media(scene.clock(), prefix=f"/live/{channel.id}/{BEST}/")
        return PlainTextResponse(text, media_type=hls.MEDIA_TYPE)

    return [
        Route("/xtream/player_api.php", player_api),
        Route("/xtream/get.php", whole_list),
        Route("/xtream/xmltv.php", guide),
        Route("/xtream/live/{username}/{password}/{stream_id:int}.ts", stream),
        Route("/xtream/live/{username}/{password}/{stream_id:int}.m3u8", segments),
    ]


def stream_id(channel: DemoChannel) -> int:
    return int(channel.id) if channel.id.isdecimal() else zlib.crc32(channel.id.encode())


def category_id(group: str) -> str:
    """Stays the same however the line-up changes."""
    return str(GROUPS.index(group) + 1 if group in GROUPS else zlib.crc32(group.encode()))


def _knows(username: str | None, password: str | None) -> bool:
    return (username, password) == (USERNAME, PASSWORD)


def _demand(username: str | None, password: str | None) -> None:
    if not _knows(username, password):
        raise HTTPException(403, "wrong credentials")


def _wanted(scene: Scene, request: Request) -> DemoChannel:
    _demand(request.path_params["username"], request.path_params["password"])
    for channel in scene.lineup.of("xtream"):
        if stream_id(channel) == request.path_params["stream_id"]:
            return channel
    raise HTTPException(404, "no such stream")


def _stream_url(scene: Scene, channel: DemoChannel) -> str:
    return f"{scene.url}/xtream/live/{USERNAME}/{PASSWORD}/{stream_id(channel)}.ts"


def _account(scene: Scene, _request: Request) -> dict[str, object]:
    host, _, port = scene.url.removeprefix("http://").partition(":")
    now = int(scene.clock())
    user = {
        "username": USERNAME,
        "password": PASSWORD,
        "auth": 1,
        "status": "Active",
        "exp_date": str(now + 180 * DAY),
        "is_trial": "0",
        "active_cons": str(scene.open_streams),
        "created_at": str(CREATED),
        "max_connections": str(scene.max_connections),
        "allowed_output_formats": ["m3u8", "ts"],
    }
    server = {
        "url": host,
        "port": port,
        "https_port": "",
        "server_protocol": "http",
        "timezone": "UTC",
        "timestamp_now": now,
    }
    return {"user_info": user, "server_info": server}


def _categories(scene: Scene, _request: Request) -> list[dict[str, object]]:
    groups = dict.fromkeys(channel.group for channel in scene.lineup.of("xtream"))
    return [{"category_id": category_id(g), "category_name": g, "parent_id": 0} for g in groups]


def _streams(scene: Scene, request: Request) -> list[dict[str, object]]:
    wanted = request.query_params.get("category_id")
    return [_stream(scene, c) for c in scene.lineup.of("xtream") if wanted in {None, category_id(c.group)}]


def _stream(scene: Scene, channel: DemoChannel) -> dict[str, object]:
    return {
        "num": channel.number,
        "name": channel.name,
        "stream_type": "live",
        "stream_id": stream_id(channel),
        "stream_icon": f"{scene.url}{channel.logo}",
        "epg_channel_id": channel.guide_id or None,
        "added": str(CREATED + channel.number),
        "category_id": category_id(channel.group),
        "custom_sid": "",
        "tv_archive": 0,
        "direct_source": "",
        "tv_archive_duration": 0,
    }


def _nothing(_scene: Scene, _request: Request) -> list[dict[str, object]]:
    return []


ACTIONS: dict[str, Callable[[Scene, Request], object]] = {
    "get_live_categories": _categories,
    "get_live_streams": _streams,
    "get_vod_categories": _nothing,
    "get_series_categories": _nothing,
    "get_vod_streams": _nothing,
    "get_series": _nothing,
}
