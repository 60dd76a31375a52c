"""The domain's workers: what happens at the start and the end of a node, and in each cycle."""

from __future__ import annotations

import asyncio
import functools
import shutil
from datetime import datetime
from pathlib import Path

import structlog

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.recorder.wire import PROTECTED
from nightcrew.recordings import actions, after, disk, folders, news, processing, stuck, watching
from nightcrew.recordings.disk import Disk
from nightcrew.recordings.keeper import Keeper
from nightcrew.recordings.media import Watched
from nightcrew.recordings.models import ACTIVE, Recording, RecordingState
from nightcrew.recordings.processing import JOB
from nightcrew.recordings.scouting import Scout
from nightcrew.recordings.store import owners, recordings, states

log = structlog.get_logger("nightcrew.recordings")


async def start(runtime: Runtime) -> None:
    """Called once at the start of a node, before its workers: recorders that go on are taken over at once."""
    keeper = Keeper(runtime)
    runtime.add(keeper)
    runtime.add(Scout())
    runtime.add(Disk())
    runtime.add(Watched())
    runtime.add(Waiting())
    runtime.add(after.Programs())
    runtime.jobs.on_end(functools.partial(processing.ended, runtime))
    runtime.jobs.on_end(functools.partial(after.ended, runtime))
    await keeper.start()


async def stop(runtime: Runtime) -> None:
    """Called at the end of a node."""
    await runtime.part(Scout).close()
    await runtime.part(Keeper).close()


async def keep(runtime: Runtime) -> None:
    """The keeper's cycle: what is recorded, and what is to be made of recordings that have ended."""
    keeper = runtime.part(Keeper)
    keeper.active = True
    await keeper.look()
    waiting = runtime.part(Waiting)
    for row in waiting.due(await recordings.of_states(runtime.store, {RecordingState.FINISHING}, node=runtime.node)):
        try:
            waiting.put_off(row, BEGUN if await _finish(runtime, row) else LOOK)
        except (NightcrewError, OSError) as exc:  # one that cannot be finished now keeps no other from it
            log.warning("a recording could not be finished", recording=row.id, reason=str(exc))
            waiting.put_off(row, LOOK)


async def keep_at(runtime: Runtime) -> datetime | None:
    """When the keeper's next cycle is; None while there is nothing to keep."""
    busy = runtime.part(Keeper).busy or await owners.any_to_keep(runtime.store, runtime.node)
    return utcnow() if busy else None


BEGUN = 60.0
"""Seconds until a recording is looked at again whose post-processing waits in its queue: the queue needs no help."""
LOOK = 2.0
"""Seconds until one is looked at again that waits for its disk."""


class Waiting:
    """When recordings that are to be finished are looked at again, in seconds of the loop's clock: a hundred that wait cost nothing."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, datetime], float] = {}

    def due(self, rows: list[Recording]) -> list[Recording]:
        """Those whose time has come. What is over is forgotten."""
        now, known = asyncio.get_running_loop().time(), {(row.id, row.since) for row in rows}
        self._next = {key: at for key, at in self._next.items() if key in known}
        return [row for row in rows if self._next.get((row.id, row.since), 0.0) <= now]

    def put_off(self, row: Recording, seconds: float) -> None:
        """Look at one again after so long."""
        self._next[row.id, row.since] = asyncio.get_running_loop().time() + seconds


async def _finish(runtime: Runtime, row: Recording) -> bool:
    """Start its post-processing, once the disk has room for it; returns whether that was done.

    One of which nothing is there has failed.
    """
    waits: str | None = f"its library {row.root} is missing; is its disk mounted?"
    if await asyncio.to_thread(Path(row.root).is_dir):
        waits = await disk.too_short_to_finish(runtime, row) if row.bytes else None
    if waits is not None:
        await states.change_state(runtime.store, row.id, RecordingState.FINISHING, waits)
        return False
    if not row.bytes:
        why = await _why_it_ended(runtime, row)
        said = f"nothing was recorded: {why}"
        await states.change_state(runtime.store, row.id, RecordingState.FAILED, said)
        await asyncio.to_thread(_forget_empty, Path(row.root), Path(row.segments))
        if why == PROTECTED and row.watch_id is not None:
            await watching.protected(runtime, row.watch_id, utcnow())
        said = f"{row.name}: nothing was recorded ({why})"
        await news.announce(runtime, "recording.failed", said, level="warning", subject=row.id)
        return False
    await runtime.jobs.start(JOB, row.id, label=f"Finish {row.name}: {row.title}"[:200])
    return True


async def _why_it_ended(runtime: Runtime, row: Recording) -> str:
    """What it may have waited for since, or that it is processed again, is no reason."""
    moves = await states.moves(runtime.store, row.id)
    ends = [one.reason for one in moves if one.to_state == RecordingState.FINISHING and one.from_state in ACTIVE]
    return ends[-1] if ends else row.reason or "nobody knows why"


def _forget_empty(root: Path, folder: Path) -> None:
    """What a recording has left that holds nothing: its own folder, and the season's and the streamer's when they are empty."""
    if folder.is_dir():
        if any(path.suffix in folders.MEDIA and path.stat().st_size for path in folder.iterdir()):
            return
        shutil.rmtree(folder, ignore_errors=True)
    folders.remove_empty(root, folder.parent)


async def mend(runtime: Runtime) -> None:
    """The cycle that looks for recordings that are stuck."""
    await stuck.clean_up(runtime, actor="schedule", dry_run=False)


async def nightly(run: Run) -> int:
    """The nightly job: what the policies let go, goes."""
    return await run.step("retention", _retention, run.runtime)


async def _retention(runtime: Runtime) -> int:
    return len(await actions.apply_retention(runtime, actor="schedule", dry_run=False))
