"""JSON routes of the checks domain: start a run, follow it, results, stills."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from nightcrew.checks import actions, stills
from nightcrew.checks import answers as say
from nightcrew.checks.models import CheckRun, Verdict
from nightcrew.checks.scope import NewCheck
from nightcrew.checks.store import results, runs, views
from nightcrew.checks.store.queue import Scope
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.exports import channels, sources
from nightcrew.web.answers import Items
from nightcrew.web.api import Cursor, Id, Limit, Node, number_cursor, page_of
from nightcrew.web.callers import Actor

router = APIRouter(prefix="/api/v1", tags=["checks"])

Number = Annotated[int | None, Query(ge=1, lt=2**63)]


@router.post("/checks", response_model=say.RunRow, status_code=202)
async def start_check(node: Node, actor: Actor, wanted: NewCheck) -> CheckRun:
    """Check streams now, even if they were checked recently. Returns the run."""
    scope, title = await scope_of(node, wanted)
    return await actions.start_by_hand(node, scope, title, actor=actor, full=wanted.full)


async def scope_of(node: Runtime, wanted: NewCheck) -> tuple[Scope, str]:
    """The streams that are asked for, and what to call them. Raises `NotFound`."""
    if wanted.stream is not None:
        found = await views.get(node.store, wanted.stream, node=node.node, now=utcnow())
        return Scope(stream_id=wanted.stream), f"{found.channel} from {found.source}"
    if wanted.channel is not None:
        channel = await channels.get(node.store, wanted.channel)
        return Scope(channel_id=channel.id), f"Channel {channel.name}"
    if wanted.group is not None:
        return Scope(group=wanted.group), f"Group {wanted.group or '(none)'}"
    if wanted.region is not None:
        return Scope(region=wanted.region.upper()), f"Region {wanted.region.upper()}"
    if wanted.source is None:
        return Scope(), "All streams"
    for source in await sources.every(node.store, node.vault):
        if str(wanted.source).casefold() in {source.name.casefold(), str(source.id)}:
            return Scope(source_id=source.id), f"Source {source.name}"
    raise NotFound(f"there is no source {wanted.source!r}")


@router.get("/checks", response_model=Items[say.CheckRow])
async def list_checks(
    node: Node,
    stream: Number = None,
    run: Number = None,
    verdict: say.VerdictName | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Results, newest first: all of them, or those of one stream, one run or one verdict."""
    found = await results.page(
        node.store,
        stream_id=stream,
        run_id=run,
        verdict=Verdict(verdict) if verdict else None,
        before=number_cursor(cursor),
        limit=limit,
    )
    return page_of(found, limit)


@router.get("/checks/streams", response_model=Items[say.StreamStanding])
async def list_streams(
    node: Node,
    show: Literal["all", "ok", "dead", "failed", "unchecked", "waiting"] = "all",
    source: Number = None,
    channel: Number = None,
    q: Annotated[str, Query(max_length=300)] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Streams, with what is known about them and their last verdict."""
    wanted = views.StreamFilter(show, source_id=source, channel_id=channel, q=q)
    found = await views.page(
        node.store, wanted, node=node.node, now=utcnow(), after=number_cursor(cursor) or 0, limit=limit
    )
    return page_of(found, limit, attrgetter("stream_id"))


@router.get("/checks/runs", response_model=Items[say.RunRow])
async def list_runs(node: Node, limit: Limit = 20, cursor: Cursor = None) -> dict[str, Any]:
    """Runs, newest first, with their progress and the seconds they may still take."""
    return page_of(await runs.page(node.store, before=number_cursor(cursor), limit=limit), limit)


@router.get("/checks/runs/{run_id}", response_model=say.RunRow)
async def get_run(node: Node, run_id: Id) -> CheckRun:
    """One run."""
    return await runs.get(node.store, run_id)


@router.post("/checks/runs/{run_id}/{action}", response_model=say.RunRow)
async def move_run(node: Node, actor: Actor, run_id: Id, action: actions.RunAction) -> CheckRun:
    """Pause, resume or cancel a run. A pause lets the checks that run finish; a cancel stops them."""
    return await actions.move(node, run_id, action, actor=actor)


@router.get("/checks/streams/{stream_id}/still.jpg", response_class=Response)
async def still(node: Node, stream_id: Id) -> Response:
    """The last good picture of a stream. 404 if there is none, or if it is on another machine."""
    found = await stills.read(node, stream_id)
    headers = {"Cache-Control": "private, max-age=30", "X-Content-Type-Options": "nosniff"}
    return Response(found, media_type="image/jpeg", headers=headers)
