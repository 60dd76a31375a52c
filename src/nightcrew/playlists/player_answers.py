"""What answers to players have in common: which pages may read them, what a HEAD gets, and what a browser asks before (CORS)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response, StreamingResponse

ANY_PAGE = {"Access-Control-Allow-Origin": "*"}
"""A player in a browser may be part of another site; the address itself says whether it may play."""
NO_STORE = ANY_PAGE | {"Cache-Control": "no-store"}
NO_CACHE = ANY_PAGE | {"Cache-Control": "no-cache"}
PREFLIGHT = ANY_PAGE | {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Authorization, Cache-Control, Content-Type, Pragma, Range, X-Requested-With",
    "Access-Control-Max-Age": "86400",
}
"""Fetch standard, 3.2.3: what a page of another site may send here."""


def redirected(url: str) -> Response:
    """To the address where it plays now."""
    return RedirectResponse(url, 302, NO_STORE)


def head_alone(kind: str, headers: dict[str, str]) -> Response:
    """The head of an answer whose length is not known: one with an empty body would say that it is 0."""

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    return StreamingResponse(nothing(), headers=headers, media_type=kind)


async def preflight() -> Response:
    """What a browser asks before its page asks another way than a plain GET."""
    return Response(status_code=204, headers=PREFLIGHT)


def asked_before(router: APIRouter, paths: Iterable[str]) -> None:
    """Let browsers ask what they may send to these."""
    for path in paths:
        router.add_api_route(path, preflight, methods=["OPTIONS"], response_model=None, include_in_schema=False)
