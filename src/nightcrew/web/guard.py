"""The door: DNS rebinding and CSRF checks, sessions, API keys, players' tokens, security headers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs, quote, urlsplit

from h11 import LocalProtocolError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nightcrew.kernel.access import Access
from nightcrew.kernel.metrics import Metrics
from nightcrew.web import bodies
from nightcrew.web.callers import ANYONE, UNSAFE, Caller, refused
from nightcrew.web.outputs import PlayerOutputs
from nightcrew.web.problems import problem
from nightcrew.web.proxies import behind

COOKIE = "nightcrew_session"
OPEN_PATHS = ("/health", "/login", "/static/", "/favicon.ico")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "media-src 'self' blob:; "  # hls.js hands the browser what it has fetched as a blob
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Guard:
    """ASGI middleware around everything. With no password set it lets local callers in, and only them."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        metrics: Metrics,
        outputs: PlayerOutputs,
        hosts: frozenset[str],
        proxies: Callable[[], Sequence[str]],
    ) -> None:
        self._app = app
        self._proxies = proxies
        self._access = access
        self._metrics = metrics
        self._outputs = outputs
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope = self._outputs.written_out(behind(scope, headers, self._proxies()))
        head = scope["method"] == "HEAD"
        if head:
            scope = {**scope, "method": "GET"}
        refusal, most = bodies.ambiguous(headers), bodies.STRANGER
        posted = scope["method"] == "POST" and scope["path"] in self._outputs.posted
        if refusal is None and posted:
            try:
                scope = await bodies.as_query(scope, receive, headers)
            except HTTPException as exc:
                refusal = problem(exc.status_code, exc.detail)
        refusal = refusal or self._foreign(scope, headers)
        if refusal is None:
            caller = await self._caller(scope, headers)
            stranger = caller is None or not caller.known or caller.output is not None
            most = bodies.STRANGER if stranger else bodies.KNOWN
            refusal = self._refusal(scope, headers, caller) or bodies.refusal(headers, most)
            scope.setdefault("state", {}).update(caller=caller, head=head)

        try:
            await (refusal or self._app)(
                scope, bodies.limited(receive, most, complete=posted), self._secured(scope, send, head)
            )
        except ClientDisconnect:
            await bodies.until_gone(receive)

    def _secured(self, scope: Scope, send: Send, head: bool) -> Send:
        """Answers with our headers, counted; `head`: without a body."""
        ended = False

        async def secured(message: Message) -> None:
            nonlocal ended
            if head and message["type"] == "http.response.body":
                if not ended:
                    ended = True
                    await send({"type": "http.response.body", "body": b""})
                return
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out.setdefault(name, value)
                self._metrics.requests.labels(scope["method"], message["status"]).inc()
            try:
                await send(message)
            except LocalProtocolError as exc:  # what it sent was refused meanwhile, and its connection is closed
                raise ClientDisconnect from exc

        return secured

    def _foreign(self, scope: Scope, headers: Headers) -> Response | None:
        """Other sites may neither talk to us under a name of theirs (rebinding) nor send forms here (CSRF)."""
        host = _host_of(f"//{headers.get('host', '')}")
        if not self._access.protected and not (_is_local(host) or host in self._hosts):
            return problem(403, f"requests under the name {host!r} are refused while no password is set")
        if scope["method"] not in UNSAFE:
            return None
        origin = headers.get("origin")
        if origin and origin.partition("://")[2] != headers.get("host"):
            return problem(403, "this request comes from another site")
        if headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            return problem(403, "this request comes from another site")
        return None

    async def _caller(self, scope: Scope, headers: Headers) -> Caller | None:
        """Who asks; None for nobody that is known."""
        key = _key(headers)
        if not self._access.protected:
            return Caller("script" if key or "mozilla" not in headers.get("user-agent", "").lower() else "web")
        if key and (token := await self._access.find_token(key, "api")):
            return Caller(f"api:{token.name}", permission=token.permission, key=True)
        if session := await self._access.find_session(_cookie(headers.get("cookie", ""))):
            return Caller("web", session=session.id)
        path = scope["path"]
        if path.startswith(self._outputs.paths) and (text := self._player_token(scope)):
            player = await self._access.find_token(text, "player")
            opened = player is not None and self._outputs.opens(player.output, path)
            return Caller(f"player:{player.name}", output=player.output) if player is not None and opened else None
        return ANYONE if path.startswith(OPEN_PATHS) else None

    def _player_token(self, scope: Scope) -> str | None:
        """From `?token=`, from a panel's `?password=`, or from a path that carries it, as `/live/<user>/<token>/…` does."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        for name in ("token", "password"):
            if query.get(name):
                return str(query[name][0])
        return self._outputs.token_in(scope["path"])

    def _refusal(self, scope: Scope, headers: Headers, caller: Caller | None) -> Response | None:
        if caller is None:
            return self._login(scope, headers)
        reason = "" if scope["path"].startswith(OPEN_PATHS) else refused(caller, scope, self._outputs.paths)
        return problem(403, reason) if reason else None

    def _login(self, scope: Scope, headers: Headers) -> Response:
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(scope['path'])}", 303)
        return problem(
            401,
            "log in, or send an API key in the header X-Api-Key or as Authorization: Bearer",
            headers={"WWW-Authenticate": 'Bearer realm="Nightcrew", ApiKey'},
        )


def is_head(request: Request) -> bool:
    """Whether only the head is asked for; routes see a GET. A body without an end must not be begun then."""
    return bool(getattr(request.state, "head", False))


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _key(headers: Headers) -> str:
    """The API key that a script sends, in a header of its own or as a bearer token; empty for none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key", "") or (token.strip() if scheme.lower() == "bearer" else "")


def _cookie(header: str) -> str | None:
    """Our cookie's value. Other programs on the same name may set cookies that no parser takes."""
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return None


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
