"""Spoils a service's good answer on its way out.

uvicorn closes the connection when an answer stops before its promised end.
"""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Send

from .capture import Captured
from .faults import Fault

TRICKLE_BYTES, TRICKLE_SECONDS = 20, 0.1


async def half(good: Captured, send: Send) -> None:
    """The promised length is right, the connection breaks half way."""
    promised = max(2, len(good.body)) * (1 if good.whole else 2)
    length = (b"content-length", str(promised).encode())
    await _start(good, [*good.headers_without_length(), length], send)
    await send({"type": "http.response.body", "body": bytes(good.body[: len(good.body) // 2]), "more_body": True})


async def half_clean(good: Captured, send: Send) -> None:
    """Cut in the middle, but ended properly: nothing in HTTP shows that something is missing."""
    await _start(good, good.headers_without_length(), send)
    await send({"type": "http.response.body", "body": bytes(good.body[: len(good.body) // 2]), "more_body": False})


async def truncated_json(good: Captured, send: Send) -> None:
    """Ends within a value, with a matching Content-Length. Where no JSON is served, some comes from a canned list."""
    text = (
        bytes(good.body[: len(good.body) * 3 // 5]) if good.body[:1] in {b"{", b"["} else b'{"items": [{"id": "1", "na'
    )
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": False})


async def slow(good: Captured, send: Send) -> None:
    """The good answer at 200 bytes a second."""
    await _start(good, good.headers if good.whole else good.headers_without_length(), send)
    for at in range(0, len(good.body), TRICKLE_BYTES):
        await send({"type": "http.response.body", "body": bytes(good.body[at : at + TRICKLE_BYTES]), "more_body": True})
        await asyncio.sleep(TRICKLE_SECONDS)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _start(good: Captured, headers: list[tuple[bytes, bytes]], send: Send) -> None:
    await send({"type": "http.response.start", "status": good.status, "headers": headers})


BREAKAGES: dict[Fault, Callable[[Captured, Send], Awaitable[None]]] = {
    Fault.HALF: half,
    Fault.HALF_CLEAN: half_clean,
    Fault.TRUNCATED_JSON: truncated_json,
    Fault.SLOW: slow,
}
