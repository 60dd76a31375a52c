"""Errors as RFC 9457 problem JSON, each with one clear sentence."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from nightcrew.kernel.access import MustWait
from nightcrew.kernel.errors import Conflict, Forbidden, Invalid, NeedsUser, NightcrewError, NotFound, Retry
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.words import bounded
from nightcrew.web.render import is_fragment, render

log = structlog.get_logger("nightcrew.web")

_STATUS: dict[type[NightcrewError], int] = {
    NotFound: 404,
    Forbidden: 403,
    Invalid: 422,
    Conflict: 409,
    NeedsUser: 409,
    MustWait: 429,
    Retry: 503,
}


def problem(status: int, detail: str, *, field: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """A problem answer. `detail` is redacted."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": redact(detail)}
    if field:
        body["field"] = field
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _answer(request: Request, status: int, detail: str, **more: Any) -> Response:
    """A problem answer. Where a page asked for a part of itself it keeps what it shows, with what was typed, and says the sentence."""
    answer = problem(status, detail, **more)
    if is_fragment(request):
        answer.headers["HX-Reswap"] = "none"
    return answer


def _wants_page(request: Request) -> bool:
    """Whether a person opened an address in a browser, rather than a program."""
    api = request.url.path.startswith("/api/")
    return (
        request.method == "GET"
        and not api
        and not is_fragment(request)
        and "text/html" in request.headers.get("accept", "")
    )


def install(app: FastAPI) -> None:
    """The request boundary: one of the places that catch everything."""

    @app.exception_handler(NightcrewError)
    async def expected(request: Request, exc: NightcrewError) -> Response:
        headers = {}
        if isinstance(exc, Retry):
            headers["Retry-After"] = str(round(bounded(exc.after, 86_400.0) or 30))
        status = next((code for kind, code in _STATUS.items() if isinstance(exc, kind)), 409)
        return _answer(request, status, str(exc), field=getattr(exc, "field", None), headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, exc: RequestValidationError) -> Response:
        first = exc.errors()[0]
        if first["type"] == "json_invalid":
            return _answer(
                request, 422, f"the body is not valid JSON: {first.get('ctx', {}).get('error', 'it is incomplete')}"
            )
        where = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"})
        return _answer(request, 422, f"{where or 'body'}: {first['msg']}", field=where or None)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _exc: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it

    @app.exception_handler(HTTPException)
    async def refused(request: Request, exc: HTTPException) -> Response:
        if exc.status_code == HTTPStatus.NOT_FOUND and _wants_page(request):
            return render(
                request, "error.html", status_code=exc.status_code, sentence="There is no page at this address"
            )
        return _answer(request, exc.status_code, str(exc.detail), headers=dict(exc.headers or {}))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, exc: Exception) -> Response:
        log.error("request failed", path=request.url.path, error=f"{type(exc).__name__}: {exc}", exc_info=exc)
        return _answer(request, 500, "something went wrong inside of Nightcrew; the log says what")
