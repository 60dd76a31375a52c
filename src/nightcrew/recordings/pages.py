"""The page of the recordings: what goes on now, what is on disk, what has failed.

Single recordings, watches and upkeep have files of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.job_state import JobState
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import actions, forms, recording_pages, requests, upkeep_pages, watch_pages
from nightcrew.recordings.disk import Disk
from nightcrew.recordings.drawing import length, missing
from nightcrew.recordings.models import Recording, RecordingState
from nightcrew.recordings.plot import latest
from nightcrew.recordings.processing import JOB
from nightcrew.recordings.store import recordings
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import checked
from nightcrew.web.paging import paging
from nightcrew.web.render import PageRoute, answer_form, render

router = APIRouter(include_in_schema=False, route_class=PageRoute)
router.routes.extend(upkeep_pages.router.routes)
router.routes.extend(watch_pages.router.routes)
router.routes.extend(recording_pages.router.routes)

Name = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]  # PostgreSQL has no texts with NUL
Before = Annotated[int, Query(ge=0, lt=2**63)]
ROWS = 24
FAILED = 10


@router.get("/recordings")
async def recordings_page(request: Request, node: Node, name: Name = "", before: Before = 0) -> Response:
    """All of it."""
    context = {"form": forms.record_form(), "watch_form": forms.watch_form()} | await _library(node, name, before)
    for part in PARTS.values():
        context |= await part(node)
    return render(request, "recordings/recordings.html", **context)


@router.get("/fragments/recordings/library")
async def library_part(request: Request, node: Node, name: Name = "", before: Before = 0) -> Response:
    """A page of finished recordings."""
    return render(request, "recordings/library.html", **await _library(node, name, before))


@router.get("/fragments/recordings/{part}")
async def page_part(request: Request, node: Node, part: Literal["now", "watches", "failed", "disk"]) -> Response:
    """What goes on now, the watched streams, those of which no file could be made, or the disk."""
    return render(request, f"recordings/{part}.html", **await PARTS[part](node))


@router.post("/recordings")
async def record(request: Request, node: Node, actor: Actor) -> Response:
    """Record an address."""

    async def act(typed: Mapping[str, str]) -> str:
        wanted = checked(requests.NewRecording, forms.recording_values(typed))
        return f"{(await requests.record(node, wanted, actor=actor)).name} will be recorded."

    return await answer_form(request, "recordings/form.html", "Record a stream", forms.record_form, act, "/recordings")


# -- what is shown -----------------------------------------------------------------------------------------------------


async def _now(node: Runtime) -> dict[str, Any]:
    rows = await recordings.of_states(node.store, actions.OPEN)
    finishing = {_recording_of(job): job for job in await _jobs(node, rows)}
    own = [row for row in rows if row.state is RecordingState.RECORDING and row.node == node.node]
    rates = await asyncio.to_thread(_rates, own)
    now = utcnow()
    shown = [
        {
            "row": row,
            "since": (now - (row.started_at or row.created_at)).total_seconds(),
            "kbps": rates.get(row.id),
            "job": finishing.get(row.id) if row.state is RecordingState.PROCESSING else None,
            "missing": missing(row.gaps, row.missing),
        }
        for row in rows
    ]
    return {"running": shown, "length": length}


async def _jobs(node: Runtime, rows: Sequence[Recording]) -> list[JobState]:
    """The jobs that make files now; they are only asked for when there are such."""
    if not any(row.state is RecordingState.PROCESSING for row in rows):
        return []
    return await node.jobs.page(state="running", queue="recordings", limit=20)


def _recording_of(job: JobState) -> int:
    number = job.id.removeprefix(f"{JOB}:").partition(":")[0]
    return int(number) if number.isdecimal() else 0


def _rates(rows: Sequence[Recording]) -> dict[int, float]:
    return {row.id: kbps for row in rows if (kbps := latest(Path(row.segments))) is not None}


async def _library(node: Runtime, name: str, before: int) -> dict[str, Any]:
    found = await recordings.page(
        node.store, states={RecordingState.DONE}, name=name or None, before=before or None, limit=ROWS
    )
    following = found[-1].id if len(found) == ROWS else None
    names = await recordings.names(node.store)
    return {
        "library": found,
        "names": names if not name or name in names else [name, *names],
        "chosen": name,
        "paging": paging("/recordings", {"name": name}, "before", before, following, anchor="#library"),
        "missing": missing,
        "length": length,
    }


async def _failed(node: Runtime) -> dict[str, Any]:
    return {"failed": await recordings.page(node.store, states={RecordingState.FAILED}, limit=FAILED), "length": length}


async def _disk(node: Runtime) -> dict[str, Any]:
    return {"disk": node.part(Disk)}


PARTS = {"now": _now, "watches": watch_pages.watched, "failed": _failed, "disk": _disk}
