"""Service `live`: real HLS and MPEG-TS. Any channel's id is a valid name and shows one of the three generated pictures.

A signature is checked where a viewer starts (`master.m3u8`, `.ts`), not at segments: who plays already goes on.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from . import hls
from .broadcast import broadcast
from .pictures import LOOP_SEGMENTS, VARIANTS, Loop
from .scene import Scene
from .window import WINDOW, newest_segment

TS_TYPE = "video/mp2t"
BEST = VARIANTS[0].name


def routes(scene: Scene) -> list[BaseRoute]:
    async def master(request: Request) -> Response:
        name = request.path_params["name"]
        _check_signature(scene, name, request)
        return PlainTextResponse(hls.master(ready_loop(scene, name)), media_type=hls.MEDIA_TYPE)

    async def index(request: Request) -> Response:
        _segments(scene, request)
        return PlainTextResponse(hls.media(scene.clock()), media_type=hls.MEDIA_TYPE)

    async def segment(request: Request) -> Response:
        number: int = request.path_params["number"]
        segments = _segments(scene, request)
        if not 0 <= newest_segment(scene.clock()) - number < 2 * WINDOW:
            raise HTTPException(404, "the segment is not in the window")
        return Response(segments[number % LOOP_SEGMENTS], media_type=TS_TYPE)

    async def transport_stream(request: Request) -> Response:
        name = request.path_params["name"]
        _check_signature(scene, name, request)
        return StreamingResponse(broadcast(ready_loop(scene, name)[BEST], scene.clock), media_type=TS_TYPE)

    return [
        Route("/live/{name}/master.m3u8", master),
        Route("/live/{name}/{variant}/index.m3u8", index),
        Route("/live/{name}/{variant}/{number:int}.ts", segment),
        Route("/live/{name}.ts", transport_stream),
    ]


def ready_loop(scene: Scene, name: str) -> Loop:
    """Answers 503 while the pictures are being made, and for ever in a world without live streams."""
    loop = scene.pictures.choose(name)
    if loop is None:
        raise HTTPException(503, scene.pictures.problem, {"Retry-After": "1"})
    return loop


def signed_path(scene: Scene, channel_id: str, lifetime: int) -> str:
    """A path on this server that plays for `lifetime` seconds, or until the line-up's URLs move."""
    signature = scene.signer.sign(_subject(scene, channel_id), int(scene.clock()) + lifetime)
    return f"/live/{channel_id}/master.m3u8?sig={signature}"


def _check_signature(scene: Scene, name: str, request: Request) -> None:
    """Catalogue channels need one; elsewhere it is checked when given."""
    signature = request.query_params.get("sig")
    channel = scene.lineup.find(name)
    if signature is None and not (channel and channel.kind == "catalogue"):
        return
    if not scene.signer.valid(_subject(scene, name), signature or "", scene.clock()):
        raise HTTPException(403, "the signature is no longer valid")


def _subject(scene: Scene, name: str) -> str:
    return f"stream:{name}:{scene.lineup.generation}"


def _segments(scene: Scene, request: Request) -> tuple[bytes, ...]:
    loop = ready_loop(scene, request.path_params["name"])
    try:
        return loop[request.path_params["variant"]]
    except KeyError as exc:
        raise HTTPException(404, "no such variant") from exc
