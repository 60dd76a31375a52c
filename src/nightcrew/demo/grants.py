"""Where access to the service `spotify` is granted: a page on which a person agrees, and tokens that rotate (RFC 6749 and 7636).

Nobody logs in: whoever opens the page is the demo's listener.
"""

import base64
import hashlib
import html
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

CLIENT_ID = "demo-client"
MINUTES, HALF_A_YEAR = 600.0, 180 * 86_400.0
"""Seconds for which a code is good, and for which access that was granted is."""
_BACK = re.compile(r"http://127\.0\.0\.1(:\d{1,5})?/callback")
"""Where the browser may be sent back to: the app is registered without a port, so any will do."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass
class Grant:
    """Access that a person has granted. `began`, `until`: seconds since 1970; `until` is the end of the access token."""

    began: float
    back: str
    challenge: str
    scope: str
    access: str = ""
    refresh: str = ""
    until: float = 0.0


@dataclass
class Grants:
    """All access that was granted. A code or a refresh token that comes a second time ends the access that it is for."""

    lifetime: int = 3600
    """Seconds of an access token."""
    refreshes: int = 0
    """How often a refresh token was exchanged."""
    _codes: dict[str, Grant] = field(default_factory=dict)
    _refreshes: dict[str, Grant] = field(default_factory=dict)

    def agree(self, query: Mapping[str, str], now: float) -> str:
        """A person agrees; returns the code that the browser brings back."""
        code = secrets.token_urlsafe(16)
        self._codes[code] = Grant(now, query["redirect_uri"], query["code_challenge"], query.get("scope", ""))
        return code

    def exchange(self, form: Mapping[str, str], now: float) -> Grant | None:
        """The access that a code is for, with fresh tokens; None for a code that is worth nothing."""
        grant = self._codes.get(form.get("code", ""))
        if grant is None:
            return None
        verified = secrets.compare_digest(_challenge_of(form.get("code_verifier", "")), grant.challenge)
        if grant.refresh or now - grant.began > MINUTES or form.get("redirect_uri") != grant.back or not verified:
            _end(grant)
            return None
        return self._issue(grant, now)

    def renew(self, form: Mapping[str, str], now: float) -> Grant | None:
        """The access that a refresh token is for, with fresh tokens; None for one that is worth nothing."""
        grant = self._refreshes.get(form.get("refresh_token", ""))
        if grant is None:
            return None
        if grant.refresh != form["refresh_token"] or now - grant.began > HALF_A_YEAR:
            _end(grant)
            return None
        self.refreshes += 1
        return self._issue(grant, now)

    def revoke(self) -> None:
        """The person takes all access back."""
        for grant in self._refreshes.values():
            _end(grant)

    def admits(self, access: str, now: float) -> bool:
        """Whether an access token is good now."""
        return any(grant.access == access and now < grant.until for grant in self._refreshes.values())

    def _issue(self, grant: Grant, now: float) -> Grant:
        grant.access, grant.refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        grant.until = now + self.lifetime
        self._refreshes[grant.refresh] = grant
        return grant


def routes(grants: Grants, clock: Callable[[], float], at: str) -> list[BaseRoute]:
    """The page and the token endpoint below the path `at`."""

    async def ask(request: Request) -> Response:
        return _wrong(request.query_params) or HTMLResponse(_page(request.query_params), headers=_NO_STORE)

    async def answer(request: Request) -> Response:
        query = await _form(request)
        if (refused := _wrong(query)) is not None:
            return refused
        agreed = query.get("answer") == "agree"
        said = {"code": grants.agree(query, clock())} if agreed else {"error": "access_denied"}
        return _back(query, **said)

    async def token(request: Request) -> Response:
        form = await _form(request)
        how = {"authorization_code": grants.exchange, "refresh_token": grants.renew}.get(form.get("grant_type", ""))
        if form.get("client_id") != CLIENT_ID:
            return _refused("invalid_client")
        if how is None:
            return _refused("unsupported_grant_type")
        grant = how(form, clock())
        if grant is None:
            return _refused("invalid_grant")
        tokens = {"access_token": grant.access, "refresh_token": grant.refresh, "scope": grant.scope}
        return JSONResponse({**tokens, "token_type": "Bearer", "expires_in": grants.lifetime}, headers=_NO_STORE)

    return [
        Route(f"{at}/authorize", ask),
        Route(f"{at}/authorize", answer, methods=["POST"]),
        Route(f"{at}/api/token", token, methods=["POST"]),
    ]


def _end(grant: Grant) -> None:
    grant.access, grant.refresh, grant.until = "", "over", 0.0


def _wrong(query: Mapping[str, str]) -> Response | None:
    """What is answered to a question that is none; nobody is sent to an address that the app has not registered."""
    if query.get("client_id") != CLIENT_ID:
        return HTMLResponse(f"INVALID_CLIENT: the client ID of this demo is {CLIENT_ID}", 400)
    if not _BACK.fullmatch(query.get("redirect_uri", "")):
        return HTMLResponse("INVALID_CLIENT: Invalid redirect URI", 400)
    if query.get("response_type") != "code":
        return _back(query, error="unsupported_response_type")
    challenged = query.get("code_challenge_method") == "S256" and _CHALLENGE.fullmatch(query.get("code_challenge", ""))
    if not challenged or not query.get("state"):
        return _back(query, error="invalid_request")
    return None


def _back(query: Mapping[str, str], **said: str) -> Response:
    state = {"state": query["state"]} if query.get("state") else {}
    return RedirectResponse(f"{query['redirect_uri']}?{urlencode(said | state)}", 303)


def _refused(error: str) -> Response:
    return JSONResponse({"error": error}, 400, _NO_STORE)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _page(query: Mapping[str, str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in query.items()
    )
    scopes = "".join(f"<li>{html.escape(scope)}</li>" for scope in query.get("scope", "").split())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Demo Spotify</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        "<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:30rem;"
        "margin:3rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1.5rem;margin-right:.5rem}</style>"
        "<h1>Demo Spotify</h1><p>Nightcrew would like to read what you have saved. Nothing real is contacted.</p>"
        f'<ul>{scopes}</ul><form method="post">{hidden}<button name="answer" value="agree">Agree</button>'
        '<button name="answer" value="cancel">Cancel</button></form></html>'
    )
