"""What a recording consists of on disk, where that lies in the finished file, and whether such a file holds all of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.recorder import ledger
from nightcrew.recorder.ledger import Gap, Tally
from nightcrew.recordings.chapters import Titled
from nightcrew.recordings.models import Recording
from nightcrew.recordings.mux import ByteRange, Measured
from nightcrew.recordings.store import recordings

PATIENCE = 300
"""Seconds that a recorder may take to let go of a recording."""
COLLAPSED = 10.0
"""Seconds of a gap from which on ffmpeg closes it in a transport stream (its dts_delta_threshold)."""
SLACK = 2.0
"""Seconds that a finished file may differ from its ledger, and the same in percent."""


@contextlib.asynccontextmanager
async def unwritten(row: Recording) -> AsyncIterator[None]:
    """No recorder writes to its parts meanwhile. Raises `Retry` when one does not let go of them."""
    folder = Path(row.segments)
    if not await asyncio.to_thread(folder.is_dir):
        yield
        return
    with await asyncio.to_thread((folder / ledger.LOCK).open, "a") as lock:
        for _ in range(PATIENCE):
            if ledger.locks(lock):
                break
            await asyncio.sleep(1)
        else:
            raise Retry("its parts are still being written")
        yield


@dataclass(frozen=True, slots=True)
class Material:
    """What a recording consists of on disk."""

    row: Recording
    tally: Tally
    pieces: tuple[ByteRange, ...]
    fragmented: bool


async def of(runtime: Runtime, recording_id: int) -> Material:
    """Raises `GiveUp` when there is nothing of which a file could be made."""
    row = await recordings.get(runtime.store, recording_id)
    folder = Path(row.segments)
    try:
        tally = await asyncio.to_thread(ledger.read, folder)
    except ValueError as exc:
        raise GiveUp(f"its ledger cannot be read: {exc}") from exc
    if not tally.segments:
        raise GiveUp("nothing was recorded, or its parts are on another machine or on a disk that is not mounted")
    fragmented = bool(tally.parts[0].init)
    return Material(row, tally, tuple(_pieces(folder, tally)), fragmented)


def _pieces(folder: Path, tally: Tally) -> Sequence[ByteRange]:
    """The bytes in their order. An init section that is the same as before is not repeated."""
    found, init = list[ByteRange](), ""
    for part in tally.parts:
        if part.bytes:
            skip = part.init_bytes if part.init and part.init == init else 0
            found.append(ByteRange(folder / part.path, skip, part.bytes))
            init = part.init
    return found


def visible(gaps: Sequence[Gap], *, fragmented: bool) -> list[Gap]:
    """The gaps as they lie in the finished file: those that ffmpeg closes take no time there."""
    found, shift = list[Gap](), 0.0
    for gap in gaps:
        closed = gap.seconds >= COLLAPSED and not fragmented
        seconds = 0.0 if closed else gap.seconds
        found.append(replace(gap, start=gap.start - shift, seconds=seconds))
        shift += gap.seconds - seconds
    return found


def shifted(titles: Sequence[Titled], gaps: Sequence[Gap], *, fragmented: bool) -> tuple[list[Titled], float]:
    """The titles where they lie in the finished file, and by how much that is shorter than the recording."""
    closed = [gap for gap in gaps if gap.seconds >= COLLAPSED and not fragmented]
    moved = [
        replace(one, start=max(0.0, one.start - sum(gap.seconds for gap in closed if gap.start < one.start)))
        for one in titles
    ]
    return moved, sum(gap.seconds for gap in closed)


def believable(counted: int, listed: int) -> bool:
    """Whether ffmpeg's count of the parts may take the place of the ledger's: it never stands for pictures that are lost.

    Some pictures more or less are torn ones; half as many are fields, two of which are a picture.
    """
    slack = 3 + listed // 1000
    return counted >= listed - slack or abs(2 * counted - listed) <= slack


def mismatch(tally: Tally, found: Measured, *, frames: int | None = None) -> str | None:
    """What is wrong with a file, or None. `frames`: what ffmpeg counts in the parts, where the ledger counts otherwise."""
    expected = frames if frames is not None else tally.frames
    if expected and found.frames != expected:
        return f"{found.frames or 0} of {expected} pictures"
    covered = tally.seconds - tally.missing
    slack = SLACK + covered * SLACK / 100
    if not covered - slack <= found.seconds <= tally.seconds + slack:
        return f"{found.seconds:.1f} of {covered:.1f} s"
    return None
