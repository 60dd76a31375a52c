"""Answers given in place of the service's own."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .bodies import MEDIA_TYPES, endless, garbage, gzip_bomb, xml_bomb
from .faults import Fault
from .png import png
from .replies import gently

HANG_SECONDS = 600
DOWN_PAGE = "<!doctype html><html><head><title>Sorry</title></head><body><h1>Our service is down</h1></body></html>"


class Hang(Response):
    """No header ever comes, until the client gives up or ten minutes have passed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HANG_SECONDS):
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
        await super().__call__(scope, receive, send)


async def replace(fault: Fault, service: str, request: Request) -> Response:
    return await REPLACEMENTS[fault](service, request)


async def _empty(service: str, _request: Request) -> Response:
    return Response(b"", media_type=MEDIA_TYPES[service])


async def _broken(_service: str, _request: Request) -> Response:
    return PlainTextResponse("Internal Server Error", 500)


async def _busy(_service: str, _request: Request) -> Response:
    return PlainTextResponse("Service Unavailable", 503, {"Retry-After": "1"})


async def _too_many(_service: str, _request: Request) -> Response:
    return PlainTextResponse("Too Many Requests", 429, {"Retry-After": "1"})


async def _missing(_service: str, _request: Request) -> Response:
    return PlainTextResponse("Not Found", 404)


async def _hang(_service: str, _request: Request) -> Response:
    return Hang(status_code=504)


async def _html(_service: str, _request: Request) -> Response:
    return HTMLResponse(DOWN_PAGE)


async def _wrong_type(service: str, _request: Request) -> Response:
    """The JSON services send a list of texts, which no request of theirs expects; the others a picture."""
    if MEDIA_TYPES[service] == "application/json":
        return JSONResponse(["not", "what", "you", "asked", "for"])
    return Response(png("wrong"), media_type="image/png")


async def _garbage(service: str, _request: Request) -> Response:
    return StreamingResponse(gently(garbage()), media_type=MEDIA_TYPES[service])


async def _gzip_bomb(service: str, _request: Request) -> Response:
    body = await asyncio.to_thread(gzip_bomb)
    return Response(body, headers={"Content-Encoding": "gzip"}, media_type=MEDIA_TYPES[service])


async def _xml_bomb(_service: str, _request: Request) -> Response:
    return Response(xml_bomb(), media_type="application/xml")


async def _endless(service: str, _request: Request) -> Response:
    return StreamingResponse(gently(endless(service)), media_type=MEDIA_TYPES[service])


async def _redirect_loop(_service: str, request: Request) -> Response:
    """Each hop has another address, so remembering those already seen does not help."""
    hop = request.query_params.get("hop", "0")
    following = request.url.include_query_params(hop=int(hop) + 1 if hop.isdecimal() else 1)
    return Response(status_code=307, headers={"Location": str(following)})


async def _redirect_file(_service: str, _request: Request) -> Response:
    return Response(status_code=302, headers={"Location": "file:///etc/passwd"})


REPLACEMENTS: dict[Fault, Callable[[str, Request], Awaitable[Response]]] = {
    Fault.EMPTY: _empty,
    Fault.ERROR_500: _broken,
    Fault.ERROR_503: _busy,
    Fault.ERROR_429: _too_many,
    Fault.ERROR_404: _missing,
    Fault.HANG: _hang,
    Fault.HTML: _html,
    Fault.WRONG_TYPE: _wrong_type,
    Fault.GARBAGE: _garbage,
    Fault.GZIP_BOMB: _gzip_bomb,
    Fault.XML_BOMB: _xml_bomb,
    Fault.ENDLESS: _endless,
    Fault.REDIRECT_LOOP: _redirect_loop,
    Fault.REDIRECT_FILE: _redirect_file,
}
