"""Watched streams: looked at when it is time, recorded when they are live or their window is open."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain
from nightcrew.recorder.wire import LiveStatus
from nightcrew.recordings import actions, windows
from nightcrew.recordings.models import MAX_NAME, MAX_TITLE, Recording, Watch
from nightcrew.recordings.scouting import Scout
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings, tallies, watches
from nightcrew.recordings.stream_ref import StreamRef, unsealed
from nightcrew.recordings.windows import Occurrence

log = structlog.get_logger("nightcrew.recordings")

AT_ONCE = 20
"""Watches that one cycle takes."""


async def look(runtime: Runtime, watch: Watch, running: Recording | None, now: datetime) -> None:
    """Look at one watch: begin its recording, or learn what its stream is called now. `running`: its recording that goes on."""
    open_now, following = _when(watch, now)
    every = timedelta(seconds=runtime.settings.of(RecordingSettings).look_every)
    next_look = min(now + every, following or now + every)
    await watches.change(runtime.store, watch.id, next_look_at=next_look)
    target = unsealed(runtime, watch.sealed)
    if open_now is None and running is None:
        return
    if target.channel_id is not None:
        await _begin(runtime, watch, target, running, open_now, LiveStatus(0, live=True))
        return
    found = await _found(runtime, target, recorded=running is not None)
    seen: dict[str, Any] = {"live": found.live, "looked_at": now, "error": plain(found.error)[:500] or None}
    if found.live:
        seen |= {"title": found.title, "category": found.category, "error": None}
    elif found.live is False:
        seen["ended_window"] = None
    await watches.change(runtime.store, watch.id, **seen)
    if found.live:
        await _begin(runtime, watch, target, running, open_now, found)
    runtime.bus.publish("recordings")


async def _found(runtime: Runtime, target: StreamRef, *, recorded: bool) -> LiveStatus:
    try:
        found = await runtime.part(Scout).look(target, recorded=recorded)
    except NightcrewError as exc:
        return LiveStatus(0, live=None, error=str(exc))
    return replace(found, title=plain(found.title)[:MAX_TITLE], category=plain(found.category)[:MAX_NAME])


def _when(watch: Watch, now: datetime) -> tuple[Occurrence | None, datetime | None]:
    """The window that is open now, and when the next one opens. A stream without windows is always to be recorded."""
    parsed = [windows.parse(text) for text in watch.windows]
    local = now.astimezone()
    if not parsed:
        return Occurrence(local, local + timedelta(days=36_500)), None
    return windows.occurrence(parsed, local), windows.following(parsed, local)


async def _begin(
    runtime: Runtime,
    watch: Watch,
    target: StreamRef,
    running: Recording | None,
    open_now: Occurrence | None,
    found: LiveStatus,
) -> None:
    if running is not None:
        if found.title and await tallies.add_title(runtime.store, running.id, found.title, found.category):
            runtime.bus.publish("recordings")
        return
    key = open_now.key if open_now is not None and watch.windows else watches.LIVE
    if open_now is None or not watch.enabled or watch.ended_window == key:
        return
    try:
        row = await actions.start(
            runtime,
            target,
            name=watch.name,
            shown=watch.shown,
            title=found.title,
            category=found.category,
            watch=watch,
            stop_at=open_now.end if watch.windows else None,
            actor="schedule",
        )
    except Conflict:
        return  # another node was quicker
    if watch.windows:
        await watches.change(runtime.store, watch.id, ended_window=key)
    log.info("a watched stream is recorded", watch=watch.name, recording=row.id)


async def look_at_due(runtime: Runtime) -> None:
    """The worker's cycle."""
    now = utcnow()
    due = await watches.claim(runtime.store, now, AT_ONCE)
    running = await recordings.running_of(runtime.store, [watch.id for watch in due]) if due else {}
    await asyncio.gather(*(_look(runtime, watch, running.get(watch.id), now) for watch in due))


async def next_at(runtime: Runtime) -> datetime | None:
    """When a watch is to be looked at."""
    return await watches.next_at(runtime.store)


async def _look(runtime: Runtime, watch: Watch, running: Recording | None, now: datetime) -> None:
    try:
        await look(runtime, watch, running, now)
    except NightcrewError as exc:
        log.warning("a watched stream could not be looked at", watch=watch.name, reason=str(exc))
