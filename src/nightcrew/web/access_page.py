"""Who may do what: password, API keys, players' tokens, and the login."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.access import PERMISSIONS, Access, MustWait, Permission
from nightcrew.kernel.errors import Invalid, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.sessions import SESSION_SECONDS
from nightcrew.kernel.words import counted, sentence
from nightcrew.web import actions
from nightcrew.web.api import Node
from nightcrew.web.browsers import browser
from nightcrew.web.callers import Actor, address_of, caller_of
from nightcrew.web.guard import COOKIE
from nightcrew.web.outputs import PlayerOutputs
from nightcrew.web.render import PageRoute, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MAY: dict[Permission, str] = {
    "admin": "do everything",
    "operate": "operate, but change no settings",
    "players": "open playlists and guides",
    "read": "only read",
}
TokenId = Annotated[int, Path(gt=0, lt=2**63)]


@router.get("/settings/access")
async def access_page(request: Request) -> Response:
    """Password, API keys and players' tokens."""
    return await _access_part(request)


@router.post("/settings/tokens")
async def make_token(request: Request, actor: Actor) -> Response:
    """Make a token and show its text this once."""
    form = await texts(request)
    scope: Literal["api", "player"] = "player" if form.get("scope") == "player" else "api"
    try:
        made = await actions.make_token(
            request, scope, form.get("name", ""), form.get("output", ""), _permission(form), actor=actor
        )
    except Invalid as exc:
        errors = {f"{scope}.{exc.field or 'name'}": sentence(str(exc))}
        return await _access_part(request, status_code=422, errors=errors, typed=form)
    return await _access_part(request, made=made)


@router.get("/settings/tokens/{token_id}/revoke")
async def try_revocation(request: Request, token_id: TokenId) -> Response:
    """What a revocation means. Nothing is changed."""
    found = [token for token in await _access_of(request).tokens() if token.id == token_id]
    if not found:
        raise NotFound("there is no such token")
    return render_part(request, "fragments/revoke.html", title=f"Revoke {found[0].name}?", token=found[0])


@router.post("/settings/tokens/{token_id}/revoke")
async def revoke_token(request: Request, actor: Actor, token_id: TokenId) -> Response:
    """Revoke a token; it stops working at once."""
    name = await actions.revoke_token(request, token_id, actor=actor)
    return await _access_part(request, headers=note(f"{name} was revoked."))


def _permission(form: dict[str, str]) -> Permission:
    """What was chosen; the least for what is none."""
    return next((one for one in PERMISSIONS if one == form.get("permission")), "read")


@router.post("/settings/sessions/{session_id}/end")
async def end_session(request: Request, actor: Actor, session_id: TokenId) -> Response:
    """Log one browser out; it has to log in again."""
    await actions.end_session(request, session_id, actor=actor)
    return await _access_part(request, headers=note("It was logged out."))


@router.post("/settings/sessions/end-others")
async def end_other_sessions(request: Request, actor: Actor) -> Response:
    """Log all other browsers out."""
    number = await actions.end_other_sessions(request, actor=actor)
    return await _access_part(request, headers=note(f"{counted(number, 'browser')} logged out."))


@router.post("/settings/password")
async def set_password(request: Request, node: Node, actor: Actor) -> Response:
    """Set or change the password. All other sessions end."""
    form, access = await texts(request), _access_of(request)
    new = form.get("password", "")
    try:
        if access.protected and not await actions.is_password(request, form.get("current", "")):
            raise Invalid("that is not the current password", field="current")
        if new != form.get("again", ""):
            raise Invalid("the two passwords differ", field="again")
        await access.set_password(new)
    except MustWait as exc:
        return await _access_part(request, status_code=429, errors={"current": sentence(str(exc))})
    except Invalid as exc:
        return await _access_part(request, status_code=422, errors={exc.field or "password": sentence(str(exc))})
    await node.activity.record("access.password_set", "The password was changed", actor=actor)
    answer = await _access_part(request, headers=note("The password was changed."))
    await _remember(request, answer)
    return answer


async def _access_part(
    request: Request, *, status_code: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Response:
    whole = await access_context(request) | context
    return render_part(
        request,
        "fragments/access.html",
        title="Access",
        status_code=status_code,
        headers=headers,
        part_id="access",
        **whole,
    )


async def access_context(request: Request) -> dict[str, Any]:
    """What the template of the part needs."""
    node: Runtime = request.app.state.runtime
    outputs = dict(_outputs_of(request).titles)
    for domain in node.hooks.domains:
        more: dict[str, str] = await node.hooks.call(domain, "outputs", default=dict)
        outputs |= more
    access = _access_of(request)
    return {
        "tokens": await access.tokens(),
        "sessions": [(one, browser(one.agent)) for one in await access.sessions.all()],
        "own": caller_of(request).session,
        "outputs": outputs,
        "permissions": MAY,
        "made": None,
        "errors": {},
        "typed": {},
    }


def _outputs_of(request: Request) -> PlayerOutputs:
    outputs: PlayerOutputs = request.app.state.outputs
    return outputs


def _access_of(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


# -- login -------------------------------------------------------------------------------------------------------------


@router.get("/login")
async def login_page(request: Request, next: Annotated[str, Query(max_length=500)] = "/") -> Response:  # noqa: A002
    """Ask for the password. A fragment whose session has ended makes the whole page come here."""
    return render(request, "login.html", headers={"HX-Refresh": "true"}, next=_own_path(next), error="")


@router.post("/login")
async def login(request: Request) -> Response:
    """Check the password and open a session."""
    form = await texts(request)
    target = _own_path(form.get("next", "/"))
    error, status, headers = "", 422, None
    try:
        if not await actions.is_password(request, form.get("password", "")):
            error = "That is not the password."
    except MustWait as exc:
        error, status, headers = sentence(str(exc)), 429, {"Retry-After": f"{exc.after:.0f}"}
    if error:
        return render(request, "login.html", status_code=status, headers=headers, next=target, error=error)
    answer = RedirectResponse(target, 303)
    await _remember(request, answer)
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session of this browser."""
    session = caller_of(request).session
    if session is not None:
        with contextlib.suppress(NotFound):
            await _access_of(request).sessions.end(session)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


async def _remember(request: Request, answer: Response) -> None:
    secure = request.url.scheme == "https"
    agent = request.headers.get("user-agent", "")
    session = await _access_of(request).sessions.open(address=address_of(request), agent=agent)
    answer.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure)


def _own_path(path: str) -> str:
    """Where to go after the login: only ever to a page of ours."""
    own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if own else "/"
