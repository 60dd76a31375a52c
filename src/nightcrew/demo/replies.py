"""Answers that several services need."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator

from starlette.exceptions import HTTPException
from starlette.requests import Request


async def gently(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Lets the other servers of the loop run between two chunks."""
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)


def gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A gzip file, made as it is read."""
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


async def read_object(request: Request) -> dict[str, object]:
    """The JSON object of the request's body; anything else is answered 400."""
    try:
        body = await request.json()
    except ValueError as exc:
        raise HTTPException(400, "the body is not JSON") from exc
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return body


def whole_number(request: Request, name: str, default: int, most: int) -> int:
    """A number from the query between 0 and `most`; anything else is answered 400."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise HTTPException(400, f"{name} must be a whole number up to {most}")
    return int(text)
