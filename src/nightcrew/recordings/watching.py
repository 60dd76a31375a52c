"""Watched streams: looked at when it is time, recorded when they are live or their window is open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain
from nightcrew.recorder.wire import PROTECTED, LiveStatus
from nightcrew.recordings import actions, windows
from nightcrew.recordings.models import MAX_NAME, MAX_TITLE, Recording, Watch
from nightcrew.recordings.scouting import Scout
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings, tallies, watches
from nightcrew.recordings.stream_ref import StreamRef, unsealed
from nightcrew.recordings.windows import Margins, Occurrence

log = structlog.get_logger("nightcrew.recordings")

LEAD = timedelta(seconds=10)
"""How much earlier than asked a window's recording begins: a recorder has to start, and one that follows another joins its connection."""
AT_ONCE = 20
"""Watches that one cycle takes."""
PROTECTED_EVERY = timedelta(hours=6)
"""How often a stream is looked at that is protected (DRM): what could change is the provider."""


async def look(runtime: Runtime, watch: Watch, running: Sequence[Recording], now: datetime) -> None:
    """Look at one watch: begin its recordings, or learn what its stream is called now. `running`: those that go on."""
    options = runtime.settings.of(RecordingSettings)
    parsed, margins = [windows.parse(text) for text in watch.windows], margins_of(watch, options)
    local = now.astimezone()
    open_now = windows.open_at(parsed, local, margins=margins)
    following = windows.following(parsed, local, margins=margins)
    every = timedelta(seconds=options.look_every)
    await watches.change(runtime.store, watch.id, next_look_at=_sooner(now + every, following))
    target = unsealed(runtime, watch.sealed)
    if parsed and not open_now and not running:
        return
    if target.channel_id is not None:
        await _begin(runtime, watch, target, running, open_now, LiveStatus(0, live=True))
        return
    found = await _found(runtime, target, recorded=bool(running))
    seen: dict[str, Any] = {"live": found.live, "looked_at": now, "error": plain(found.error)[:500] or None}
    if found.live:
        seen |= {"title": found.title, "category": found.category, "error": None}
    elif found.live is False:
        seen["ended_window"] = None
    if found.protected and not running:
        seen["next_look_at"] = _sooner(now + max(every, PROTECTED_EVERY), following)
    await watches.change(runtime.store, watch.id, **seen)
    if found.live:
        await _begin(runtime, watch, target, running, open_now, found)
    runtime.bus.publish("recordings")


def margins_of(watch: Watch, options: RecordingSettings) -> Margins:
    """The time before and after a watch's windows: its own, else as the settings say."""
    early = options.start_early if watch.start_early is None else watch.start_early
    late = options.end_late if watch.end_late is None else watch.end_late
    return Margins(timedelta(minutes=early) + LEAD, timedelta(minutes=late))


async def protected(runtime: Runtime, watch_id: int, now: datetime) -> None:
    """Its recorder found that its stream cannot be recorded: to begin again in a minute would be in vain."""
    watch = await watches.get(runtime.store, watch_id)
    parsed, margins = (
        [windows.parse(text) for text in watch.windows],
        margins_of(watch, runtime.settings.of(RecordingSettings)),
    )
    following = windows.following(parsed, now.astimezone(), margins=margins)
    next_look = _sooner(now + PROTECTED_EVERY, following)
    await watches.change(runtime.store, watch_id, live=None, error=PROTECTED, looked_at=now, next_look_at=next_look)


def _sooner(at: datetime, following: datetime | None) -> datetime:
    """That moment, or the beginning of the next window."""
    return at if following is None else min(at, following)


async def _found(runtime: Runtime, target: StreamRef, *, recorded: bool) -> LiveStatus:
    try:
        found = await runtime.part(Scout).look(target, recorded=recorded)
    except NightcrewError as exc:
        return LiveStatus(0, live=None, error=str(exc))
    return replace(found, title=plain(found.title)[:MAX_TITLE], category=plain(found.category)[:MAX_NAME])


async def _begin(
    runtime: Runtime,
    watch: Watch,
    target: StreamRef,
    running: Sequence[Recording],
    open_now: Sequence[Occurrence],
    found: LiveStatus,
) -> None:
    if found.title:
        added = [await tallies.add_title(runtime.store, row.id, found.title, found.category) for row in running]
        if any(added):
            runtime.bus.publish("recordings")
    if not watch.enabled:
        return
    if not watch.windows:
        if not running and watch.ended_window != watches.LIVE:
            await _start(runtime, watch, target, found)
        return
    begun = await recordings.begun(runtime.store, watch.id, [one.key for one in open_now])
    late = margins_of(watch, runtime.settings.of(RecordingSettings)).after
    ends = {one.key: one.end + late for one in open_now}
    for row in running:
        if row.occurrence in ends and row.stop_at != ends[row.occurrence]:  # the time after it was changed meanwhile
            await recordings.change(runtime.store, row.id, stop_at=ends[row.occurrence])
    for one in open_now:
        before = watch.ended_window is not None and one.key.startswith(
            watch.ended_window
        )  # as earlier versions noted it
        if one.key not in begun and not before:
            await _start(runtime, watch, target, found, one.key, ends[one.key])


async def _start(
    runtime: Runtime,
    watch: Watch,
    target: StreamRef,
    found: LiveStatus,
    occurrence: str | None = None,
    stop_at: datetime | None = None,
) -> None:
    with contextlib.suppress(Conflict):  # another node was quicker
        row = await actions.start(
            runtime,
            target,
            name=watch.name,
            shown=watch.shown,
            title=found.title,
            category=found.category,
            watch=watch,
            stop_at=stop_at,
            occurrence=occurrence,
            actor="schedule",
        )
        if watch.error is not None:
            await watches.change(runtime.store, watch.id, error=None)
        log.info("a watched stream is recorded", watch=watch.name, recording=row.id)


async def look_at_due(runtime: Runtime) -> None:
    """The worker's cycle."""
    now = utcnow()
    due = await watches.claim(runtime.store, now, AT_ONCE)
    running = await recordings.running_of(runtime.store, [watch.id for watch in due]) if due else {}
    await asyncio.gather(*(_look(runtime, watch, running.get(watch.id, ()), now) for watch in due))


async def next_at(runtime: Runtime) -> datetime | None:
    """When a watch is to be looked at."""
    return await watches.next_at(runtime.store)


async def _look(runtime: Runtime, watch: Watch, running: Sequence[Recording], now: datetime) -> None:
    try:
        await look(runtime, watch, running, now)
    except NightcrewError as exc:
        log.warning("a watched stream could not be looked at", watch=watch.name, reason=str(exc))
