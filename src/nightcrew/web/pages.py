"""The kernel's pages: overview, jobs, activity, settings, access, login, and the API in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.access import SESSION_SECONDS, Access
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.health import Need
from nightcrew.kernel.runtime import Runtime
from nightcrew.web.api import Actor, JobStateName, Node, apply_settings
from nightcrew.web.guard import COOKIE
from nightcrew.web.render import PageRoute, done, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

KINDS = {
    "playlist.": "Playlists",
    "source.": "Sources",
    "channel.": "Channels",
    "promise.": "Promises",
    "worker.": "Workers",
    "job.": "Jobs",
    "settings.": "Settings",
    "access.": "Access",
    "node.": "Nodes",
}
"""Kinds of activity by which the feed can be narrowed."""
RECENT = 8
PAGE = 50
MOST_SHOWN = 300

JobId = Annotated[str, Path(max_length=200)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether everything is all right, in one sentence. It has no numbers that change with time: it is read aloud."""

    level: Literal["good", "attention", "failing"]
    sentence: str


def verdict(status: str, needs: list[Need]) -> Verdict:
    """The sentence for a health status and what waits for a person."""
    waiting = [need for need in needs if need.level != "info"]
    if status == "failing":
        return Verdict("failing", "Something is failing.")
    if any(need.level == "error" for need in waiting):
        return Verdict("attention", "Something needs you.")
    if waiting or status == "degraded":
        return Verdict("attention", "Mostly fine, with something to look at.")
    return Verdict("good", "Everything is all right.")


# -- overview ----------------------------------------------------------------------------------------------------------


@router.get("/")
async def overview(request: Request, node: Node) -> Response:
    """Is everything all right?"""
    context = await _standing(node) | await _running(node) | await _recent(node)
    return render(request, "home.html", domains=await _figures(request, node), **context)


@router.get("/fragments/standing")
async def standing(request: Request, node: Node) -> Response:
    """The verdict and what needs a person."""
    return render(request, "fragments/standing.html", **await _standing(node))


@router.get("/fragments/figures")
async def figures(request: Request, node: Node) -> Response:
    """The domains' own parts of the overview."""
    return render(request, "fragments/figures.html", domains=await _figures(request, node))


@router.get("/fragments/running")
async def running(request: Request, node: Node) -> Response:
    """What runs now."""
    return render(request, "fragments/running.html", **await _running(node))


@router.get("/fragments/workers")
async def workers(request: Request, node: Node) -> Response:
    """The workers' board."""
    return render(request, "fragments/workers.html", workers=await node.health.workers(node))


@router.get("/fragments/recent")
async def recent(request: Request, node: Node) -> Response:
    """The last of the activity."""
    return render(request, "fragments/recent.html", **await _recent(node))


async def _standing(node: Runtime) -> dict[str, Any]:
    report = await node.health.report(node)
    needs = await node.health.needs(node)
    return {"verdict": verdict(report["status"], needs), "needs": needs, "report": report, "workers": report["workers"]}


async def _running(node: Runtime) -> dict[str, Any]:
    return {
        "running": await node.jobs.page(state="running", limit=20),
        "queued": await node.jobs.page(state="queued", limit=5),
    }


async def _recent(node: Runtime) -> dict[str, Any]:
    return {"entries": await node.activity.page(limit=RECENT)}


async def _figures(request: Request, node: Runtime) -> list[dict[str, Any]]:
    """What each domain shows on the overview: its template `overview.html` with its figures."""
    return [
        {"title": domain.title, "template": f"{domain.name}/overview.html", "figures": await domain.overview(node)}
        for domain in request.app.state.domains
        if domain.overview and domain.templates and (domain.templates / "overview.html").exists()
    ]


@router.post("/workers/{name}/{action}")
async def act_on_worker(
    request: Request, node: Node, actor: Actor, name: str, action: Literal["run", "pause", "resume"]
) -> Response:
    """Run now, pause or resume a worker."""
    if action == "run":
        await node.schedule.run_now(name)
    elif action == "pause":
        await node.schedule.pause(name, actor=actor)
    else:
        await node.schedule.resume(name)
    verb = {"run": "started by hand", "pause": "paused", "resume": "resumed"}[action]
    await node.activity.record(f"worker.{action}", f"Worker {name} was {verb}", actor=actor, subject=name)
    return done(request, f"Worker {name} was {verb}.", "/#workers")


# -- jobs --------------------------------------------------------------------------------------------------------------


@router.get("/jobs")
async def jobs(
    request: Request, node: Node, state: JobStateName | None = None, start: Annotated[int, Query(ge=0, le=10**9)] = 0
) -> Response:
    """Jobs, newest first, by state."""
    found = await node.jobs.page(state=state, limit=PAGE, offset=start)
    following = start + PAGE if len(found) == PAGE else None
    shown: dict[str, Any] = {"jobs": found, "state": state, "start": start, "following": following}
    return render_part(request, "fragments/jobs.html", title="Jobs", topics=["jobs"], **shown)


@router.get("/jobs/{job_id:path}")
async def job(request: Request, node: Node, job_id: JobId) -> Response:
    """One job with its steps."""
    found = await node.jobs.get(job_id)
    steps = await node.jobs.steps(job_id)
    return render_part(
        request, "fragments/job.html", title=f"Job {found.name}", topics=["jobs"], job=found, steps=steps
    )


@router.post("/jobs/{job_id:path}/cancel")
async def cancel_job(request: Request, node: Node, actor: Actor, job_id: JobId) -> Response:
    """End a job now."""
    await node.jobs.cancel(job_id)
    await node.activity.record("job.cancelled", f"Job {job_id} was cancelled", actor=actor, subject=job_id)
    return done(request, "The job was cancelled.", f"/jobs/{quote(job_id)}")


@router.post("/jobs/{job_id:path}/retry")
async def retry_job(request: Request, node: Node, actor: Actor, job_id: JobId) -> Response:
    """Start a failed or cancelled job again."""
    fresh = await node.jobs.retry(job_id)
    await node.activity.record("job.retried", f"Job {job_id} was started again", actor=actor, subject=job_id)
    return done(request, "The job was started again.", f"/jobs/{quote(fresh)}")


# -- activity ----------------------------------------------------------------------------------------------------------

Kind = Annotated[str, Query(max_length=60)]
EntryId = Annotated[int, Query(ge=0, lt=2**63)]


@router.get("/activity")
async def activity(request: Request, node: Node, kind: Kind = "") -> Response:
    """What happened, newest first."""
    entries = await node.activity.page(kind=kind or None, limit=PAGE)
    oldest = entries[-1].id if entries else 0
    more = len(entries) == PAGE
    return render(request, "activity.html", kinds=KINDS, kind=kind, entries=entries, oldest=oldest, more=more)


@router.get("/fragments/activity/new")
async def newer_activity(request: Request, node: Node, oldest: EntryId, kind: Kind = "") -> Response:
    """The first part of the feed, down to the entry that it began with."""
    entries = await node.activity.page(kind=kind or None, limit=MOST_SHOWN)
    return render(request, "fragments/entries.html", entries=[entry for entry in entries if entry.id >= oldest])


@router.get("/fragments/activity/older")
async def older_activity(request: Request, node: Node, before: EntryId, kind: Kind = "") -> Response:
    """The next part of the feed."""
    entries = await node.activity.page(kind=kind or None, before=before, limit=PAGE)
    more = len(entries) == PAGE
    context: dict[str, Any] = {
        "entries": entries,
        "kind": kind,
        "oldest": entries[-1].id if entries else 0,
        "more": more,
    }
    return render_part(request, "fragments/older.html", title="Older activity", **context)


# -- settings ----------------------------------------------------------------------------------------------------------


@router.get("/settings")
async def settings(request: Request, node: Node, saved: Annotated[int, Query(ge=0, le=500)] = 0) -> Response:
    """All options in one form, and who may do what."""
    sentence = f"Saved {saved} {'setting' if saved == 1 else 'settings'}." if saved else ""
    return await _settings_page(request, node, sentence=sentence)


@router.post("/settings")
async def change_settings(request: Request, node: Node, actor: Actor) -> Response:
    """Save what differs from what was shown; `reset` names one option to take back to its default."""
    form = await texts(request)
    reset = form.pop("reset", None)
    options = node.settings.describe()
    try:
        changes = {option["key"]: typed_value(option, form) for option in options if _was_changed(option, form)}
        changed = await apply_settings(node, {reset: None} if reset else changes, actor)
    except Invalid as exc:
        key = next((o["key"] for o in options if (exc.field or "").startswith(o["key"])), "")
        sentence = str(exc).removeprefix(f"{key}: ")
        sentence = sentence[:1].upper() + sentence[1:]
        return await _settings_page(request, node, typed=form, errors={key: sentence}, status_code=422)
    if reset:
        kept = {name: text for name, text in form.items() if name != reset}
        return await _settings_page(request, node, typed=kept, sentence=f"{reset} is back at its default.")
    return RedirectResponse(f"/settings?saved={len(changed)}", 303)


async def _settings_page(
    request: Request,
    node: Runtime,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    sentence: str = "",
    status_code: int = 200,
) -> Response:
    titles = {domain.name: domain.title for domain in request.app.state.domains}
    groups: dict[str, list[dict[str, Any]]] = {}
    for option in node.settings.describe():
        groups.setdefault(titles.get(option["domain"], option["domain"]), []).append(_shown(option, typed))
    context = await _access(request) | {"groups": groups, "errors": errors or {}, "sentence": sentence}
    return render(request, "settings.html", status_code=status_code, **context)


def control_of(option: Mapping[str, Any]) -> str:
    """The form control for an option."""
    if "enum" in option["bounds"]:
        return "select"
    return {"boolean": "checkbox", "integer": "number", "number": "number", "array": "lines"}.get(
        option["type"], "text"
    )


def text_of(option: Mapping[str, Any], value: Any) -> str:
    """A value as its form control holds it. Lists stand one entry a line, each plain or as JSON."""
    match control_of(option):
        case "checkbox":
            return "on" if value else ""
        case "lines":
            return "\n".join(
                v if isinstance(v, str) and v[:1] not in '[{"' else json.dumps(v, ensure_ascii=False) for v in value
            )
    return str(value)


def typed_value(option: Mapping[str, Any], form: Mapping[str, str]) -> Any:
    """What a person typed for an option. What cannot be read is left as text, which the option's own check then refuses."""
    text = form.get(option["key"], "")
    match control_of(option):
        case "checkbox":
            return bool(text)
        case "number":
            return _read(int if option["type"] == "integer" else float, text.strip())
        case "lines":
            return [
                _read(json.loads, line) if line[0] in '[{"' else line
                for raw in text.splitlines()
                if (line := raw.strip())
            ]
    return text.strip()


def _read(how: Any, text: str) -> Any:
    try:
        return how(text)
    except ValueError:
        return text


def _was_changed(option: Mapping[str, Any], form: Mapping[str, str]) -> bool:
    before = form.get(f"was.{option['key']}", text_of(option, option["value"]))
    return _plain(form.get(option["key"], "")) != _plain(before)


def _plain(text: str) -> str:
    return "\n".join(text.split("\r\n")).strip()


def _shown(option: dict[str, Any], typed: Mapping[str, str] | None) -> dict[str, Any]:
    now = text_of(option, option["value"])
    shown = now if typed is None or f"was.{option['key']}" not in typed else typed.get(option["key"], "")
    name = option["name"]
    return option | {
        "label": name if len(name) <= 3 else name.replace("_", " ").lower().capitalize().replace(" url", " URL"),
        "control": control_of(option),
        "text": shown,
        "was": now,
        "usual": text_of(option, option["default"]),
    }


# -- access ------------------------------------------------------------------------------------------------------------


@router.get("/settings/access")
async def access_page(request: Request) -> Response:
    """Password, API keys and players' tokens."""
    return await _access_part(request)


@router.post("/settings/tokens")
async def make_token(request: Request, node: Node, actor: Actor) -> Response:
    """Make a token and show its text this once."""
    form = await texts(request)
    scope: Literal["api", "player"] = "player" if form.get("scope") == "player" else "api"
    try:
        text = await _access_of(request).make_token(scope, form.get("name", ""))
    except Invalid as exc:
        return await _access_part(request, status_code=422, errors={f"{scope}.name": str(exc)}, typed=form)
    await node.activity.record(
        "access.token_made", f"A token ({scope}) named {form['name'].strip()} was made", actor=actor
    )
    return await _access_part(request, made={"scope": scope, "name": form["name"].strip(), "text": text})


@router.post("/settings/tokens/{token_id}/revoke")
async def revoke_token(
    request: Request, node: Node, actor: Actor, token_id: Annotated[int, Path(gt=0, lt=2**63)]
) -> Response:
    """Revoke a token; it stops working at once."""
    name = await _access_of(request).revoke_token(token_id)
    await node.activity.record("access.token_revoked", f"The token {name} was revoked", actor=actor)
    return await _access_part(request, headers=note(f"{name} was revoked."))


@router.post("/settings/password")
async def set_password(request: Request, node: Node, actor: Actor) -> Response:
    """Set or change the password. All other sessions end."""
    form, access = await texts(request), _access_of(request)
    new = form.get("password", "")
    try:
        if access.protected and not await asyncio.to_thread(access.check_password, form.get("current", "")):
            raise Invalid("this is not the present password", field="current")
        if new != form.get("again", ""):
            raise Invalid("the two are not the same", field="again")
        await access.set_password(new)
    except Invalid as exc:
        return await _access_part(request, status_code=422, errors={exc.field or "password": str(exc)})
    await node.activity.record("access.password_set", "The password was changed", actor=actor)
    answer = await _access_part(request, headers=note("The password was changed."))
    _remember(request, answer)
    return answer


async def _access_part(
    request: Request, *, status_code: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Response:
    whole = await _access(request) | context
    return render_part(
        request, "fragments/access.html", title="Access", status_code=status_code, headers=headers, **whole
    )


async def _access(request: Request) -> dict[str, Any]:
    return {"tokens": await _access_of(request).tokens(), "made": None, "errors": {}, "typed": {}}


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
    if not await asyncio.to_thread(_access_of(request).check_password, form.get("password", "")):
        error = "That is not the password. After five wrong ones you have to wait a minute."
        return render(request, "login.html", status_code=422, next=target, error=error)
    answer = RedirectResponse(target, 303)
    _remember(request, answer)
    return answer


@router.post("/logout")
async def logout() -> Response:
    """Forget the session on this device."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


def _remember(request: Request, answer: Response) -> None:
    secure = request.url.scheme == "https"
    session = _access_of(request).open_session()
    answer.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure)


def _own_path(path: str) -> str:
    """Where to go after the login: only ever to a page of ours."""
    own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if own else "/"


# -- the API in words --------------------------------------------------------------------------------------------------


@router.get("/api/docs")
async def api_docs(request: Request) -> Response:
    """Every route with its parameters, its body and an example, from the OpenAPI description."""
    described = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            shown = _operation(described, path, method.upper(), operation, str(request.base_url).rstrip("/"))
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append(shown)
    return render(request, "docs.html", groups=groups)


def _operation(
    whole: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], base: str
) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = next((media.get("schema", {}) for media in content.values()), None)
    body = None if schema is None else example(whole, schema)
    parameters = [
        {"name": p["name"], "where": p["in"], "required": p.get("required", False), "type": _type(whole, p["schema"])}
        for p in operation.get("parameters", [])
    ]
    curl = f"curl -X {method}" if method != "GET" else "curl"
    curl += f" -H 'X-Api-Key: KEY' '{base}{path}'"
    if body is not None:
        curl += f" \\\n  -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    return {
        "id": operation.get("operationId", path),
        "method": method,
        "path": path,
        "summary": operation.get("description") or operation.get("summary") or "",
        "parameters": parameters,
        "fields": [] if schema is None else _fields(whole, schema),
        "body": None if body is None else json.dumps(body, indent=2),
        "curl": curl,
    }


def _resolved(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without `$ref`, and without the null that an optional one may be."""
    if "$ref" in schema:
        found: Mapping[str, Any] = whole["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    return _resolved(whole, choices[0]) if choices else schema


def _type(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    plain = _resolved(whole, schema)
    named = (
        " | ".join(map(str, plain["enum"])) if "enum" in plain else str(plain.get("const") or plain.get("type", "any"))
    )
    bounds = [
        f"{sign} {plain[key]}"
        for key, sign in (("minimum", "≥"), ("maximum", "≤"), ("minLength", "length ≥"), ("maxLength", "length ≤"))
        if key in plain
    ]
    return ", ".join([named, *bounds])


def _fields(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    plain = _resolved(whole, schema)
    return [
        {"name": name, "required": name in plain.get("required", ()), "type": _type(whole, field)}
        for name, field in plain.get("properties", {}).items()
    ]


def example(whole: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> Any:
    """A value that fits a schema."""
    plain = _resolved(whole, schema)
    known = plain.get("default") or plain.get("const") or next(iter(plain.get("enum", ())), None)
    if known is not None or depth > 4:
        return known
    if plain.get("type") == "object":
        return {name: example(whole, field, depth + 1) for name, field in plain.get("properties", {}).items()}
    if plain.get("type") == "array":
        return [example(whole, plain.get("items", {}), depth + 1)]
    return {"integer": plain.get("minimum", 1), "number": 1.0, "boolean": False}.get(plain.get("type", ""), "text")
