"""Service `m3u`: a playlist that honours conditional requests, the same gzipped, and one as large as wanted."""

import gzip
import hashlib
from email.utils import formatdate, parsedate_to_datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from .big import big_playlist
from .lineup import DemoChannel
from .pictures import STREAMS
from .playlist import playlist
from .replies import gently, whole_number
from .scene import Scene

M3U_TYPE = "audio/x-mpegurl; charset=utf-8"


class Modified:
    """Remembers when the list last changed; a change always shows in the whole seconds of Last-Modified."""

    def __init__(self) -> None:
        self._etag, self._second = "", 0

    def second(self, etag: str, now: float) -> int:
        if etag != self._etag:
            self._etag, self._second = etag, max(int(now), self._second + 1)
        return self._second


def routes(scene: Scene) -> list[BaseRoute]:
    modified = Modified()

    def answer(request: Request, *, packed: bool) -> Response:
        body = _text(scene).encode()
        etag = hashlib.sha256(body).hexdigest()[:20]
        second = modified.second(etag, scene.clock())
        tag = f'"{etag}-gz"' if packed else f'"{etag}"'
        headers = {"ETag": tag, "Last-Modified": formatdate(second, usegmt=True)}
        if _unchanged(request, tag, second):
            return Response(status_code=304, headers=headers)
        if packed:
            return Response(gzip.compress(body, mtime=0), headers=headers, media_type="application/gzip")
        return Response(body, headers=headers, media_type=M3U_TYPE)

    async def plain(request: Request) -> Response:
        return answer(request, packed=False)

    async def packed(request: Request) -> Response:
        return answer(request, packed=True)

    return [Route("/m3u/list.m3u", plain), Route("/m3u/list.m3u.gz", packed), Route("/m3u/big.m3u", big)]


async def big(request: Request) -> Response:
    n, seed = whole_number(request, "n", 100_000, 10_000_000), whole_number(request, "seed", 1, 2**31)
    try:
        chunks = big_playlist(n, float(request.query_params.get("changed", "0")), seed)
    except ValueError as exc:
        raise HTTPException(400, str(exc)) from exc
    return StreamingResponse(gently(chunks), media_type=M3U_TYPE)


def _text(scene: Scene) -> str:
    def url_of(channel: DemoChannel) -> str:
        return f"{scene.url}{_path(channel)}?token={scene.lineup.token(channel.id)}"

    return playlist(scene.url, f"{scene.url}/guide/guide.xml.gz", scene.lineup.of("m3u"), url_of)


def _path(channel: DemoChannel) -> str:
    """The first entries name the live streams themselves; odd numbers are HLS, even ones MPEG-TS."""
    index = channel.number - 1
    name = tuple(STREAMS)[index // 2] if 0 <= index < 2 * len(STREAMS) else channel.id
    return f"/live/{name}/master.m3u8" if index % 2 == 0 else f"/live/{name}.ts"


def _unchanged(request: Request, tag: str, second: int) -> bool:
    """If-None-Match wins over If-Modified-Since (RFC 9110, 13.2.2)."""
    if wanted := request.headers.get("if-none-match"):
        return wanted.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in wanted.split(",")}
    try:
        return second <= parsedate_to_datetime(request.headers["if-modified-since"]).timestamp()
    except (KeyError, ValueError):
        return False
