"""How large and how slow the body of a request may be, before anything reads it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from urllib.parse import urlencode

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from nightcrew.web.problems import problem

STRANGER = 16 << 10
"""Bytes from someone who is not logged in, or has no more than a player's token."""
KNOWN = 1 << 20
"""From someone who is logged in: custom formats and lists are pasted into forms."""
SECONDS = 30.0
"""For the whole body."""
GOING = 5.0
"""Seconds that a connection which is being closed may still take."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def refusal(headers: Headers, limit: int) -> Response | None:
    """The answer to a body that is announced as too large."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > limit:
        return problem(413, _sentence(limit))
    return None


def ambiguous(headers: Headers) -> Response | None:
    """The answer to a request whose end a proxy in front may see elsewhere (RFC 9112, 6.1), so that it could hide another one."""
    if "transfer-encoding" in headers and "content-length" in headers:
        said = "this request has both Content-Length and Transfer-Encoding"
        return problem(400, said, headers={"Connection": "close"})
    return None


def limited(receive: Receive, limit: int, *, complete: bool = False) -> Receive:
    """Count what comes, also where no length was announced, and wait for it no longer than `SECONDS`. Raises HTTPException.

    `complete`: the body was read before, and only the end of the connection can come.
    """
    total = 0
    until = asyncio.get_running_loop().time() + SECONDS

    async def counted() -> Message:
        nonlocal total, complete
        try:
            async with asyncio.timeout_at(None if complete else until):
                message = await receive()
        except TimeoutError as exc:
            raise HTTPException(408, f"the request was not complete after {SECONDS:.0f} s") from exc
        total += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if total > limit:
            raise HTTPException(413, _sentence(limit))
        return message

    return counted


async def as_query(scope: Scope, receive: Receive, headers: Headers) -> Scope:
    """The same request as GET, with the fields of its form or JSON in the query: some players send their login so.

    Raises HTTPException.
    """
    body, more, coming = b"", True, limited(receive, STRANGER)
    while more:
        message = await coming()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    form = body if kind == FORM else _fields(body) if kind == JSON else b""
    query = b"&".join(part for part in (scope.get("query_string", b""), form) if part)
    return {**scope, "method": "GET", "query_string": query}


def _fields(body: bytes) -> bytes:
    """The plain values of an object of JSON as a query; of anything else nothing."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return b""
    pairs = found.items() if isinstance(found, dict) else ()
    plain = {name: str(value) for name, value in pairs if isinstance(value, str | int) and not isinstance(value, bool)}
    return urlencode(plain, errors="replace").encode()


async def until_gone(receive: Receive) -> None:
    """Wait a moment for the end of a connection that is being closed, so that nobody takes the missing answer for a defect."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GOING):
            while (await receive())["type"] != "http.disconnect":
                pass


def _sentence(limit: int) -> str:
    return f"this request may have at most {limit >> 10} KiB"
