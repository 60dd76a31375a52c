"""Recordings of a machine that is gone go on at another: in a new part where their folder can be seen, else as a new recording.

What the machine has recorded is never given up: where only it can see the parts, they wait for it, and become a file of
their own when it is back.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.nodes_store import KnownNode
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.recordings import news, place
from nightcrew.recordings.keeper import Keeper
from nightcrew.recordings.models import ACTIVE, Recording
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import owners, recordings

log = structlog.get_logger("nightcrew.recordings")


async def take_over(runtime: Runtime, gone: KnownNode) -> list[str]:
    """Go on with what `gone` was recording; returns that in sentences. One that cannot go on keeps no other from it."""
    if gone.stopped and runtime.settings.of(RecordingSettings).keep_on_stop:
        return []  # its recorders go on without a server, as was asked for
    rows = await recordings.of_states(runtime.store, ACTIVE, node=gone.id)
    moved: list[Recording] = []
    left = 0
    for row in rows:
        try:
            if await _move(runtime, row, gone):
                moved.append(row)
        except (NightcrewError, OSError) as exc:
            left += 1
            log.warning("a recording could not be taken over", recording=row.id, reason=str(exc))
    stays = [f"{counted(left, 'recording')} that could not be taken over"] if left else []
    if not moved:
        return stays
    said = f"{news.named([row.name for row in moved])}: interrupted because {gone.id} is silent; continuing on {runtime.node}"
    await news.announce(runtime, "recording.moved", said, level="warning")
    await runtime.part(Keeper).soon()
    return [counted(len(moved), "recording"), *stays]


async def _move(runtime: Runtime, row: Recording, gone: KnownNode) -> bool:
    """Returns whether it goes on here; another may have taken it."""
    now, root = utcnow(), str(await asyncio.to_thread(place.library, runtime))
    if not row.bytes:
        return await owners.adopt(runtime.store, row.id, of=gone.id, node=runtime.node, root=root)
    if await asyncio.to_thread(Path(row.segments).is_dir):
        return await owners.take_over(runtime.store, row.id, of=gone.id, node=runtime.node, now=now)
    moment = now.astimezone()
    season = await asyncio.to_thread(place.season, Path(root), row.name, row.title, moment)
    return await owners.go_on_elsewhere(
        runtime.store, row, of=gone.id, node=runtime.node, root=root, now=now, moment=moment, season=season
    )
