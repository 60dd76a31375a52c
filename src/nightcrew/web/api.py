"""The kernel's JSON routes: health, metrics, workers, jobs, activity, settings, tokens, live events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from nightcrew.kernel.access import Access, Permission
from nightcrew.kernel.clock import iso
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.health import verdict
from nightcrew.kernel.nodes import SILENT
from nightcrew.kernel.runtime import Runtime
from nightcrew.web import actions
from nightcrew.web import answers as say
from nightcrew.web.answers import Items
from nightcrew.web.browsers import browser
from nightcrew.web.callers import Actor, Admin, caller_of

router = APIRouter()

Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=200)]
Id = Annotated[int, Path(ge=1, lt=2**63)]
"""The number of something in the database."""
JobName = Annotated[str, Field(max_length=200)]
NodeName = Annotated[str, Path(max_length=100)]


def runtime_of(request: Request) -> Runtime:
    """The running node."""
    runtime: Runtime = request.app.state.runtime
    return runtime


Node = Annotated[Runtime, Depends(runtime_of)]


def number_cursor(cursor: str | None) -> int | None:
    """A cursor that is a whole number. Raises `Invalid`."""
    if cursor is None or cursor == "":
        return None
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > 18:
        raise Invalid("cursor: not a cursor from this list", field="cursor")
    return int(cursor)


def page_of(found: Sequence[Any], limit: int, key: Callable[[Any], object] = attrgetter("id")) -> dict[str, Any]:
    """One page of a list as `Items`. After a full page comes another one, behind the last item's `key`."""
    return {"items": found, "next": str(key(found[-1])) if found and len(found) == limit else None}


@router.get("/health", tags=["health"])
async def health(request: Request, node: Node) -> JSONResponse:
    """200 while every worker keeps its promise and nothing keeps this node from its work, else 503.

    Who is not logged in and has no key sees the status alone.
    """
    report = node.health.report()
    shown = report if caller_of(request).known else {"status": report["status"]}
    return JSONResponse(shown, 503 if report["status"] == "failing" else 200)


@router.get("/api/v1/needs", response_model=say.Needs, tags=["health"])
async def needs(node: Node) -> dict[str, Any]:
    """Whether everything is all right, in a sentence, and what waits for a person, worst first."""
    waiting = await node.health.needs()
    said = verdict(node.health.report()["status"], waiting)
    items = [{"level": need.level, "message": need.message, "page": need.href} for need in waiting]
    return {"level": said.level, "sentence": said.sentence, "items": items, "next": None}


@router.get("/metrics", tags=["health"], response_class=PlainTextResponse)
async def metrics(node: Node) -> Response:
    """Prometheus text."""
    return Response(await node.health.metrics_text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/api/v1/workers", response_model=Items[say.WorkerRow], tags=["workers"])
async def workers(node: Node) -> dict[str, Any]:
    """Every worker with its promise, last and next run, and its last runs."""
    return {"items": node.health.workers(), "next": None}


@router.post("/api/v1/workers/{name}/{action}", response_model=say.WorkerRow, tags=["workers"])
async def worker_action(
    node: Node, actor: Actor, name: str, action: Literal["run", "pause", "resume"]
) -> dict[str, Any]:
    """Run a worker now, pause it (durably, on all nodes), or resume it."""
    await actions.act_on_worker(node, name, action, actor=actor)
    return next(worker for worker in node.health.workers() if worker["name"] == name)


@router.get("/api/v1/nodes", response_model=Items[say.NodeRow], tags=["workers"])
async def nodes(node: Node) -> dict[str, Any]:
    """The nodes that share the database: when each was last seen, how wrong its clock is, and what one that is gone had."""
    return {"items": node_rows(node), "next": None}


@router.delete("/api/v1/nodes/{name}", tags=["workers"], status_code=204)
async def forget_node(node: Node, actor: Actor, name: NodeName) -> None:
    """Forget a node that is gone and will not come back. 409 while it is not gone."""
    await actions.forget_node(node, name, actor=actor)


def node_rows(node: Runtime) -> list[dict[str, Any]]:
    """The nodes as scripts see them, as of the last heartbeat."""
    return [
        {
            "id": row.id,
            "self": row.id == node.node,
            "state": "gone"
            if row.gone_at
            else "silent"
            if row.silent > SILENT
            else "stopped"
            if row.stopped
            else "alive",
            "seen_at": iso(row.seen_at),
            "gone_at": iso(row.gone_at),
            "clock_ahead_s": None if row.skew is None else round(row.skew, 2),
            "taken_by": row.taken_by,
            "had": list(row.had),
        }
        for row in node.nodes.known
    ]


JobStateName = Literal["queued", "running", "done", "failed", "cancelled"]


@router.get("/api/v1/jobs", response_model=Items[say.JobRow], tags=["jobs"])
async def jobs(
    node: Node,
    state: JobStateName | None = None,
    queue: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Jobs, newest first."""
    offset = number_cursor(cursor) or 0
    found = await node.jobs.page(state=state, queue=queue, limit=limit, offset=offset)
    following = str(offset + limit) if len(found) == limit else None
    return {"items": [job.describe() for job in found], "next": following}


@router.get("/api/v1/jobs/{job_id}", response_model=say.JobWithSteps, tags=["jobs"])
async def job(node: Node, job_id: JobName) -> dict[str, Any]:
    """One job with its finished steps."""
    state = await node.jobs.get(job_id)
    return state.describe() | {"steps": await node.jobs.steps(job_id)}


@router.post("/api/v1/jobs/{job_id}/cancel", response_model=say.JobRow, tags=["jobs"])
async def cancel_job(node: Node, actor: Actor, job_id: JobName) -> dict[str, Any]:
    """End a queued or running job now."""
    await actions.cancel_job(node, job_id, actor=actor)
    return (await node.jobs.get(job_id)).describe()


@router.post("/api/v1/jobs/{job_id}/retry", response_model=say.JobRow, tags=["jobs"])
async def retry_job(node: Node, actor: Actor, job_id: JobName) -> dict[str, Any]:
    """Run a failed or cancelled job again, as a new job that is returned."""
    fresh = await actions.retry_job(node, job_id, actor=actor)
    return (await node.jobs.get(fresh)).describe()


@router.get("/api/v1/activity", response_model=Items[say.ActivityRow], tags=["activity"])
async def activity(
    node: Node, kind: Annotated[str | None, Query(max_length=200)] = None, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """What happened, newest first. A kind ending in a dot means all that begin with it."""
    return page_of(await node.activity.page(kind=kind, before=number_cursor(cursor), limit=limit), limit)


@router.get("/api/v1/settings", response_model=say.SettingList, tags=["settings"])
async def settings(node: Node) -> dict[str, Any]:
    """Every option with its value, default, bounds and where the value comes from."""
    items = node.settings.describe()
    return {"items": items, "next": None, "values": {item["key"]: item["value"] for item in items}}


@router.patch("/api/v1/settings", dependencies=[Admin], response_model=say.SettingsChanged, tags=["settings"])
async def change_settings(
    node: Node, actor: Actor, changes: Annotated[dict[str, Any], Body(max_length=500)]
) -> dict[str, Any]:
    """Change only the named options (full or bare names); null takes one back to its default. Effective in the next cycle."""
    changed = await actions.apply_settings(node, changes, actor)
    return {"changed": changed, "values": {item["key"]: item["value"] for item in node.settings.describe()}}


class NewToken(BaseModel):
    """`scope` api: for a script; player: for a player, which opens what is for players.

    `output` binds a player's token to one of what players are given, such as tuner or playlist/DE. `permission`: what an API key
    may do. `password`: needed where an API key asks, as keys alone make no keys.
    """

    scope: Literal["api", "player"]
    name: str = Field(min_length=1, max_length=100)
    output: str = Field("", max_length=210)
    permission: Permission = "admin"
    password: str = Field("", max_length=1000)


@router.get("/api/v1/tokens", response_model=say.TokenList, tags=["access"])
async def tokens(request: Request) -> dict[str, Any]:
    """API keys and players' tokens, without their text."""
    access: Access = request.app.state.access
    items = [
        {
            "id": token.id,
            "scope": token.scope,
            "name": token.name,
            "output": token.output,
            "permission": token.permission,
            "created_at": iso(token.created_at),
        }
        for token in await access.tokens()
    ]
    return {"items": items, "next": None, "protected": access.protected}


@router.post("/api/v1/tokens", dependencies=[Admin], response_model=say.TokenMade, tags=["access"], status_code=201)
async def make_token(request: Request, actor: Actor, wanted: NewToken) -> dict[str, Any]:
    """Make a token; its text is shown this once."""
    given = wanted.scope, wanted.name, wanted.output, wanted.permission
    made = await actions.make_token(request, *given, actor=actor, password=wanted.password)
    return {
        "scope": made.scope,
        "name": made.name,
        "output": made.output,
        "permission": made.permission,
        "token": made.text,
    }


@router.delete("/api/v1/tokens/{token_id}", dependencies=[Admin], response_model=say.TokenRevoked, tags=["access"])
async def revoke_token(request: Request, actor: Actor, token_id: int) -> dict[str, Any]:
    """Revoke a token; it stops working at once."""
    if not 0 < token_id < 2**63:
        raise Invalid("token_id: no such number", field="token_id")
    await actions.revoke_token(request, token_id, actor=actor)
    return {"revoked": token_id}


@router.get("/api/v1/sessions", response_model=Items[say.SessionRow], tags=["access"])
async def sessions(request: Request) -> dict[str, Any]:
    """Who is logged in: a row for each browser, the one that was used last first."""
    access: Access = request.app.state.access
    own = caller_of(request).session
    items = [
        {
            "id": one.id,
            "address": one.address,
            "browser": browser(one.agent),
            "created_at": iso(one.created_at),
            "seen_at": iso(one.seen_at),
            "own": one.id == own,
        }
        for one in await access.sessions.all()
    ]
    return {"items": items, "next": None}


@router.delete("/api/v1/sessions/{session_id}", status_code=204, tags=["access"], dependencies=[Admin])
async def end_session(request: Request, actor: Actor, session_id: Id) -> None:
    """Log one browser out."""
    await actions.end_session(request, session_id, actor=actor)


@router.get("/api/v1/events", tags=["events"], response_class=StreamingResponse)
async def events(request: Request, node: Node) -> StreamingResponse:
    """Server-sent events: each event is named after what has changed, and its data is the same name."""

    async def stream() -> AsyncIterator[str]:
        yield "retry: 2000\nevent: hello\ndata: hello\n\n"
        async for topic in node.bus.listen():
            yield f"event: {topic}\ndata: {topic}\n\n" if topic else ": still here\n\n"
            if await request.is_disconnected():
                return
            await asyncio.sleep(0.2)  # let changes gather: a page needs each topic at most five times a second

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
