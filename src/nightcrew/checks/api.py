"""JSON routes of the checks domain: start a run, follow it, results, stills."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from nightcrew.checks import actions, stills
from nightcrew.checks import answers as say
from nightcrew.checks.models import CheckedStream, CheckResult, RunState, Verdict
from nightcrew.checks.scope import NewCheck
from nightcrew.checks.standing import run_row
from nightcrew.checks.store import results, runs, views
from nightcrew.checks.store.queue import Scope
from nightcrew.kernel.clock import iso, utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.exports import channels, shown_url, sources
from nightcrew.web.answers import Items
from nightcrew.web.api import Actor, Cursor, Limit, Node, number_cursor

router = APIRouter(prefix="/api/v1", tags=["checks"])

Id = Annotated[int, Path(ge=1, lt=2**63)]
Number = Annotated[int | None, Query(ge=1, lt=2**63)]


@router.post("/checks", response_model=say.RunRow, status_code=202)
async def start_check(node: Node, actor: Actor, wanted: NewCheck) -> dict[str, Any]:
    """Check streams now, whatever was checked recently; returns the run."""
    scope, title = await scope_of(node, wanted)
    run = await actions.start_by_hand(node, scope, title, actor=actor, full=wanted.full)
    return run_row(run, utcnow())


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
    if wanted.source is not None:
        source = await _source(node, wanted.source)
        return Scope(source_id=source[0]), f"Source {source[1]}"
    return Scope(), "All streams"


async def _source(node: Runtime, wanted: int | str) -> tuple[int, str]:
    for source in await sources.every(node.store, node.vault):
        if wanted == source.id or str(wanted).casefold() in {source.name.casefold(), str(source.id)}:
            return source.id, source.name
    raise NotFound(f"there is no source {wanted!r}")


@router.get("/checks", response_model=Items[say.CheckRow])
async def list_checks(
    node: Node,
    stream: Number = None,
    run: Number = None,
    verdict: Literal["ok", "failed", "interrupted"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Results, newest first: of one stream, of one run, with one verdict, or all."""
    found = await results.page(
        node.store,
        stream_id=stream,
        run_id=run,
        verdict=Verdict(verdict) if verdict else None,
        before=number_cursor(cursor),
        limit=limit,
    )
    following = str(found[-1].id) if len(found) == limit else None
    return {"items": [entry_row(entry) for entry in found], "next": following}


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
    """Streams with what is known of them and their last verdict."""
    wanted = views.StreamFilter(show, source_id=source, channel_id=channel, q=q)
    found = await views.page(
        node.store, wanted, node=node.node, now=utcnow(), after=number_cursor(cursor) or 0, limit=limit
    )
    following = str(found[-1].stream_id) if len(found) == limit else None
    return {"items": [standing_row(one) for one in found], "next": following}


@router.get("/checks/runs", response_model=Items[say.RunRow])
async def list_runs(node: Node, limit: Limit = 20, cursor: Cursor = None) -> dict[str, Any]:
    """Runs, newest first, with their progress and the seconds that they may still take."""
    found = await runs.page(node.store, before=number_cursor(cursor), limit=limit)
    now = utcnow()
    return {"items": [run_row(run, now) for run in found], "next": str(found[-1].id) if len(found) == limit else None}


@router.get("/checks/runs/{run_id}", response_model=say.RunRow)
async def get_run(node: Node, run_id: Id) -> dict[str, Any]:
    """One run."""
    return run_row(await runs.get(node.store, run_id), utcnow())


@router.post("/checks/runs/{run_id}/{action}", response_model=say.RunRow)
async def move_run(
    node: Node, actor: Actor, run_id: Id, action: Literal["pause", "resume", "cancel"]
) -> dict[str, Any]:
    """Pause, resume or cancel a run. What runs at a pause is finished; what runs at a cancel is dropped."""
    to = {"pause": RunState.PAUSED, "resume": RunState.RUNNING, "cancel": RunState.CANCELLED}[action]
    return run_row(await actions.move(node, run_id, to, actor=actor), utcnow())


@router.get("/checks/streams/{stream_id}/still.jpg", response_class=Response)
async def still(node: Node, stream_id: Id) -> Response:
    """The last good picture of a stream. 404 when there is none, or when it lies on another machine."""
    found = await stills.read(node, stream_id)
    headers = {"Cache-Control": "private, max-age=30", "X-Content-Type-Options": "nosniff"}
    return Response(found, media_type="image/jpeg", headers=headers)


def entry_row(entry: CheckResult) -> dict[str, Any]:
    """A result as scripts see it."""
    return {
        "id": entry.id,
        "stream": entry.stream_id,
        "url": shown_url(entry.url),
        "run": entry.run_id,
        "at": iso(entry.at),
        "verdict": entry.verdict.value,
        "reason": entry.reason,
        "score": entry.score,
        "score_parts": entry.parts,
        "width": entry.width,
        "height": entry.height,
        "fps": entry.fps,
        "video_codec": entry.video_codec or None,
        "audio_codec": entry.audio_codec or None,
        "bitrate_kbps": entry.kbps,
        "first_byte_s": entry.first_byte,
        "used_profile": entry.used_profile,
        "failover_attempts": entry.failover_attempts,
        "failover_phase": entry.failover_phase,
        "phase2_elapsed": entry.phase2_elapsed,
        "all_profiles_failed": entry.all_profiles_failed,
        "elapsed_s": entry.elapsed,
        "trace": [trace_line(entry.stream_id, line) for line in entry.trace],
    }


def trace_line(stream_id: int, line: dict[str, Any]) -> str:
    """One line of a trace for a person."""
    return f"Stream {stream_id}: phase {line['phase']}, {line['text']} [{line['at']:.1f} s]"


def standing_row(one: CheckedStream) -> dict[str, Any]:
    """A stream as scripts see it."""
    return {
        "stream": one.stream_id,
        "url": shown_url(one.url),
        "channel": one.channel_id,
        "channel_name": one.channel,
        "source": one.source,
        "source_id": one.source_id,
        "verdict": one.verdict.value if one.verdict else None,
        "reason": one.reason,
        "at": iso(one.verdict_at),
        "good_at": iso(one.good_at),
        "dead_since": iso(one.dead_since),
        "due_at": iso(one.due_at),
        "running": one.running,
        "parked": one.parked,
        "score": one.score,
        "width": one.width,
        "height": one.height,
        "fps": one.fps,
        "video_codec": one.video_codec or None,
        "audio_codec": one.audio_codec or None,
        "bitrate_kbps": one.kbps,
        "used_profile": one.used_profile,
        "failures": one.failures,
        "still": f"/api/v1/checks/streams/{one.stream_id}/still.jpg" if one.has_still else None,
    }
