"""The disk below the library: how much running recordings are going to need, and what is done when that is not free.

First people are told, then the policies are applied (and, where allowed, the oldest recordings go), then post-processing
waits, then the recording that is least wanted pauses. A disk that is full all the same pauses each recording by itself.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import structlog

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import size
from nightcrew.recordings import actions, place, rules
from nightcrew.recordings.keeper import Keeper
from nightcrew.recordings.models import ACTIVE, Recording
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings

log = structlog.get_logger("nightcrew.recordings")

RECOVERED = 1.2
"""How many times the reserve must be free before a paused recording goes on."""


@dataclass(slots=True)
class Disk:
    """What was seen last. Sizes in bytes."""

    free: int = 0
    total: int = 0
    reserve: int = 0
    short: bool = False


async def look(runtime: Runtime) -> None:
    """Compare what is free with what is needed, and act."""
    options, seen = runtime.settings.of(RecordingSettings), runtime.part(Disk)
    running = [row for row in await recordings.of_states(runtime.store, ACTIVE, node=runtime.node) if row.bytes]
    usage = await _usage_now(runtime)
    needed = rules.reserve(running, utcnow(), minutes=options.reserve_minutes, least=options.reserve_size)
    was_short = seen.short
    seen.free, seen.total, seen.reserve, seen.short = usage.free, usage.total, needed, usage.free < needed
    keeper = runtime.part(Keeper)
    keeper.spared &= {row.id for row in running}
    if keeper.spared and len(keeper.spared) == len(running):  # nobody is left whom they could be paused for
        best = max(running, key=lambda row: (row.priority, row.favourite, -row.created_at.timestamp()))
        keeper.spared.discard(best.id)
    if not seen.short:
        if keeper.spared and usage.free > needed * RECOVERED:
            keeper.spared.clear()
        return
    if not was_short:
        said = f"The recordings disk is low on space: {size(usage.free)} free, {size(needed)} needed"
        await runtime.activity.record("disk.short", said, level="warning")
    await actions.apply_retention(runtime, actor="disk", dry_run=False)
    usage = await _usage_now(runtime)
    if options.delete_when_short and usage.free < needed:
        await actions.free(runtime, needed - usage.free)
        usage = await _usage_now(runtime)
    least_wanted = rules.first_to_pause([row for row in running if row.id not in keeper.spared])
    if usage.free < options.reserve_size and len(running) - len(keeper.spared) > 1 and least_wanted is not None:
        keeper.spared.add(least_wanted.id)
        log.warning("a recording is paused for others", recording=least_wanted.id)


async def too_short_to_finish(runtime: Runtime, row: Recording) -> str | None:
    """Why a recording cannot be finished now, or None."""
    usage = await asyncio.to_thread(shutil.disk_usage, Path(row.root))
    seen = runtime.part(Disk)
    needed = rules.space_to_finish(row) + seen.reserve
    if usage.free >= needed:
        return None
    return f"its file needs {size(needed)} of free space, but only {size(usage.free)} is left; it will be made once there is enough"


async def _usage_now(runtime: Runtime) -> shutil._ntuple_diskusage:
    return await asyncio.to_thread(lambda: shutil.disk_usage(place.library(runtime)))
