"""What people, scripts and timetables do with checks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from nightcrew.checks.crew import Crew
from nightcrew.checks.models import CheckRun, RunState
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import queue, runs
from nightcrew.checks.store.queue import Scope
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.words import counted
from nightcrew.playlists.exports import PlaylistSettings

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

RunAction = Literal["pause", "resume", "cancel"]
_MOVES: dict[RunAction, tuple[RunState, str]] = {
    "pause": (RunState.PAUSED, "was paused"),
    "resume": (RunState.RUNNING, "was resumed"),
    "cancel": (RunState.CANCELLED, "was cancelled"),
}
"""Where each leads, and what is told of it."""


async def start(
    runtime: Runtime, scope: Scope, title: str, *, actor: str, priority: int, full: bool = False, immune: bool = True
) -> CheckRun | None:
    """Make the streams of a scope due as one run, and begin; None when there is nothing to check.

    `immune`: streams that were checked recently are passed over.
    """
    now = utcnow()
    options = runtime.settings.of(CheckSettings)
    run_id = await runs.start(
        runtime.store,
        scope,
        title=title,
        asked_by=actor,
        priority=priority,
        full=full,
        immunity=float(options.immunity) if immune else None,
        now=now,
    )
    if run_id is None:
        return None
    runtime.bus.publish("checks")
    await runtime.part(Crew).fill()
    return await runs.get(runtime.store, run_id)


async def start_by_hand(runtime: Runtime, scope: Scope, title: str, *, actor: str, full: bool) -> CheckRun:
    """A person's run: no immunity, first in the queue. Raises `NotFound` when the scope has no stream that can be played."""
    run = await start(runtime, scope, title, actor=actor, priority=queue.BY_HAND, full=full, immune=False)
    if run is None:
        raise NotFound(f"{title}: there are no streams to check")
    await runtime.activity.record(
        "check.started", f"{title}: {counted(run.total, 'stream')}", actor=actor, subject=str(run.id)
    )
    return run


async def nightly(runtime: Runtime) -> int:
    """All streams, once a night; returns how many are due."""
    if not runtime.settings.of(CheckSettings).nightly:
        return 0
    return await _scheduled(runtime, Scope(), "All streams, nightly", queue.NIGHTLY)


async def check_new(runtime: Runtime, title: str) -> int:
    """The streams that a refresh has brought; returns how many."""
    if not (runtime.settings.of(CheckSettings).check_new or runtime.settings.of(PlaylistSettings).RES):
        return 0
    return await _scheduled(runtime, Scope(fresh=True), title, queue.NEW) if await queue.any_fresh(runtime.store) else 0


async def _scheduled(runtime: Runtime, scope: Scope, title: str, priority: int) -> int:
    run = await start(runtime, scope, title, actor="schedule", priority=priority)
    return run.total if run is not None else 0


async def move(runtime: Runtime, run_id: int, action: RunAction, *, actor: str) -> CheckRun:
    """Pause, resume or cancel a run. Raises `NotFound` or `Conflict`."""
    now, (to, done) = utcnow(), _MOVES[action]
    retry_at = now + timedelta(seconds=runtime.settings.of(CheckSettings).dead_retry)
    await runs.move(runtime.store, run_id, to, now=now, retry_at=retry_at)
    if to is RunState.CANCELLED:
        runtime.part(Crew).cancel(run_id)
    run = await runs.get(runtime.store, run_id)
    await runtime.activity.record(f"check.{to.value}", f"{run.title} {done}", actor=actor, subject=str(run_id))
    runtime.bus.publish("checks")
    if to is RunState.RUNNING:
        await runtime.part(Crew).fill()
    return run
