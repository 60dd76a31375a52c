"""Service `workbench`: streams of which each fails in its own way, beside good ones, for checks to find out.

`list.m3u` has one channel for each; `spare.m3u` has another stream for some of them.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from .broadcast import broadcast
from .defects import RECIPES
from .hls import MEDIA_TYPE
from .m3u import M3U_TYPE
from .scene import Scene
from .window import SEGMENT_SECONDS

TS_TYPE = "video/mp2t"
KINDS = {
    "good": "Good picture",
    "wide": "Good wide picture",
    "late": "Slow to start",
    "radio": "Radio Workbench",
    "still": "Frozen card",
    "night": "Black picture",
    "mute": "Silent picture",
    "slow": "Too slow",
    "cut": "Breaks off",
    "stalled": "Stalls",
    "hanging": "Never answers",
    "empty": "Sends nothing",
    "garbage": "Sends noise",
    "page": "A web page",
    "forbidden": "Forbidden",
    "missing": "Missing",
    "error": "Server error",
    "hls": "Good HLS",
    "fmp4": "Good fMP4",
    "standstill": "Standing playlist",
}
"""What there is at `/workbench/<kind>.ts`, or in `PATHS`, and its channel's name."""
PATHS = {
    "hls": "unnamed/master.m3u8",
    "fmp4": "vod/fmp4/index.m3u8",
    "standstill": "standstill/index.m3u8",
}
FILM_SECONDS = 120
GOOD = ("good", "wide", "late", "radio", "hls", "fmp4")
SPARE = ("good", "still", "page", "missing")
"""Kinds for which `spare.m3u` has a good stream too."""


def routes(scene: Scene) -> list[BaseRoute]:
    async def stream(request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in KINDS:
            raise HTTPException(404, "no such stream")
        if kind in ANSWERS:
            return ANSWERS[kind]()
        if scene.pictures.choose("harbour") is None or (kind in RECIPES and kind not in scene.defects.loops):
            raise HTTPException(503, scene.pictures.problem, {"Retry-After": "1"})
        return StreamingResponse(_bytes(scene, kind), media_type=TS_TYPE)

    async def fragment(request: Request) -> Response:
        number: int = request.path_params["number"]
        parts = scene.defects.fragments
        if not 0 <= number < len(parts):
            raise HTTPException(404, "no such fragment")
        return Response(parts[number], media_type="video/mp4")

    async def text(request: Request) -> Response:
        make, kind = TEXTS[request.url.path.removeprefix("/workbench/")]
        return PlainTextResponse(make(scene), media_type=kind)

    return [
        *(Route(f"/workbench/{name}", text) for name in TEXTS),
        Route("/workbench/{kind}.ts", stream),
        Route("/workbench/fmp4/{number:int}.m4s", fragment),
    ]


def _unnamed(scene: Scene) -> str:
    """A master playlist that names neither size nor frame rate, the worse variant first and with more bandwidth."""
    lines = ["#EXTM3U"]
    for bandwidth, path in ((900_000, "harbour/180/index.m3u8"), (800_000, "harbour/360/index.m3u8")):
        lines += [f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}", f"{scene.url}/live/{path}"]
    return "\n".join([*lines, ""])


def _standstill(scene: Scene) -> str:
    """A live playlist whose encoder has died: its segments are there, and no new one comes."""
    count = len(scene.defects.fragments) - 1
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}", "#EXT-X-MEDIA-SEQUENCE:41"]
    lines.append(f'#EXT-X-MAP:URI="{scene.url}/workbench/fmp4/0.m4s"')
    for number in range(max(1, count - 3), count + 1):
        lines += [f"#EXTINF:{SEGMENT_SECONDS}.000,", f"{scene.url}/workbench/fmp4/{number}.m4s"]
    return "\n".join([*lines, ""])


def _whole(scene: Scene) -> str:
    return _list(scene, KINDS, lambda kind: PATHS.get(kind, f"{kind}.ts"))


def _spare(scene: Scene) -> str:
    return _list(scene, dict.fromkeys(SPARE, ""), lambda _: "wide.ts")


ANSWERS: dict[str, Callable[[], Response]] = {
    "empty": lambda: Response(b"", media_type=TS_TYPE),
    "garbage": lambda: Response(zlib.compress(bytes(range(256)) * 400, 0), media_type=TS_TYPE),
    "page": lambda: HTMLResponse("<!doctype html><title>Plans</title><h1>Buy a plan to go on watching</h1>"),
    "forbidden": lambda: PlainTextResponse("not for you", 403),
    "missing": lambda: PlainTextResponse("not here", 404),
    "error": lambda: PlainTextResponse("something broke", 500),
}


async def _bytes(scene: Scene, kind: str) -> AsyncIterator[bytes]:
    match kind:
        case "late":
            await asyncio.sleep(3)
        case "hanging":
            await asyncio.sleep(600)
        case _:
            pass
    segments = scene.defects.loops[kind] if kind in RECIPES else scene.pictures.loops["harbour"]["360"]
    chunks = broadcast(segments, scene.clock)
    match kind:
        case "slow":
            chunks = _slowed(chunks, 0.4)
        case "cut":
            chunks = _cut(chunks, SEGMENT_SECONDS + 0.3)
        case "stalled":
            chunks = _stalled(chunks)
        case _:
            pass
    async for chunk in chunks:
        yield chunk


async def _slowed(chunks: AsyncIterator[bytes], pace: float) -> AsyncIterator[bytes]:
    """The bytes of one second in 1/`pace` seconds; also the first segment, which is sent at once elsewhere."""
    async for chunk in chunks:
        packets = [chunk[at : at + 188 * 20] for at in range(0, len(chunk), 188 * 20)]
        seconds = len(chunk) * 8 / 560_000 / pace
        for some in packets:
            yield some
            await asyncio.sleep(seconds / len(packets))


async def _cut(chunks: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """Ends inside of a packet."""
    began = time.monotonic()
    async for chunk in chunks:
        if time.monotonic() - began > seconds - SEGMENT_SECONDS:
            yield chunk[:100]
            return
        yield chunk


async def _stalled(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk[: len(chunk) // 3]
        await asyncio.sleep(600)


def _finished(scene: Scene) -> str:
    """A finished media playlist of fMP4 segments, which come again until they are a film and no clip."""
    count = len(scene.defects.fragments) - 1
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}"]
    lines.append('#EXT-X-MAP:URI="../../fmp4/0.m4s"')
    for _ in range(FILM_SECONDS // (count * SEGMENT_SECONDS) + 1 if count > 0 else 0):
        for number in range(1, count + 1):
            lines += [f"#EXTINF:{SEGMENT_SECONDS}.000,", f"../../fmp4/{number}.m4s"]
        lines.append("#EXT-X-DISCONTINUITY")
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _list(scene: Scene, kinds: dict[str, str], path_of: Callable[[str], str]) -> str:
    lines = ["#EXTM3U"]
    for number, kind in enumerate(kinds, start=1):
        name = KINDS[kind]
        lines.append(
            f'#EXTINF:-1 tvg-id="{kind}.workbench.test" tvg-name="{name}" tvg-chno="{number}" group-title="Workbench",{name}'
        )
        lines.append(f"{scene.url}/workbench/{path_of(kind)}")
    return "\n".join([*lines, ""])


TEXTS: dict[str, tuple[Callable[[Scene], str], str]] = {
    "list.m3u": (_whole, M3U_TYPE),
    "spare.m3u": (_spare, M3U_TYPE),
    "unnamed/master.m3u8": (_unnamed, MEDIA_TYPE),
    "vod/fmp4/index.m3u8": (_finished, MEDIA_TYPE),
    "standstill/index.m3u8": (_standstill, MEDIA_TYPE),
}
