"""What a recording consists of on disk, which films come of it, and where its gaps and titles lie in them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.muxer.timeline import AHEAD
from nightcrew.muxer.wire import Chapter
from nightcrew.recorder import ledger
from nightcrew.recorder.ledger import Gap, Line, Tally
from nightcrew.recordings import filing, muxers
from nightcrew.recordings.chapters import Titled, chapters
from nightcrew.recordings.filing import Film
from nightcrew.recordings.models import Recording
from nightcrew.recordings.runs import StreamRun, runs_of
from nightcrew.recordings.store import recordings

PATIENCE = 300
"""Seconds that a recorder may take to let go of a recording."""


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
    """What a recording consists of on disk, and the films to make of it."""

    row: Recording
    tally: Tally
    """Of all its streams, also of sounds that were recorded by themselves."""
    films: tuple[Film, ...]


async def of(runtime: Runtime, recording_id: int) -> Material:
    """Raises `GiveUp` when there is nothing of which a file could be made."""
    row = await recordings.get(runtime.store, recording_id)
    folder = Path(row.segments)
    try:
        tally, found = await asyncio.to_thread(_read, folder)
        sounds = await asyncio.to_thread(_sounds, folder, tally)
    except ValueError as exc:
        raise GiveUp(f"its ledger cannot be read: {exc}") from exc
    if not tally.segments:
        raise GiveUp("nothing was recorded, or its parts are on another machine or on a disk that is not mounted")
    for run in found:
        if not run.table:  # recorded before ledgers knew their streams, or something that only libav knows
            run.table = await muxers.look(run.form, run.ranges)
    films = await asyncio.to_thread(filing.films, found)
    filing.add_sounds(films, sounds)
    if not films:
        raise GiveUp("there is neither video nor audio in its parts")
    return Material(row, tally, tuple(films))


def _read(folder: Path) -> tuple[Tally, list[StreamRun]]:
    try:
        lines = _lines(folder)
    except FileNotFoundError:
        return Tally(), []
    tally = Tally()
    for line in lines:
        tally.add(line)
    try:
        return tally, runs_of(lines, folder)
    except (KeyError, TypeError, IndexError, OverflowError) as exc:
        raise ValueError("it has a line that makes no sense") from exc


def _sounds(folder: Path, tally: Tally) -> list[filing.SeparateSound]:
    """Sounds with ledgers of their own, the default one first. What came of them is added to `tally`. Raises `ValueError`."""
    found: list[tuple[bool, filing.SeparateSound]] = []
    for place in sorted(folder.glob(f"{ledger.SOUND}*")):
        mine, runs = _read(place)
        about = next((line for line in _lines(place) if line["k"] == "sound"), {})
        language = str(about.get("language", ""))
        found.append((not about.get("default"), filing.SeparateSound(language, runs)))
        for stream, total in mine.streams.items():
            if stream.kind == "audio":
                tally.streams[replace(stream, language=language)] = total
    return [sound for _, sound in sorted(found, key=lambda one: one[0])]


def _lines(folder: Path) -> list[Line]:
    return [line for line, _ in ledger.lines_of((folder / ledger.NAME).read_bytes())]


def visible(gaps: Sequence[Gap]) -> list[Gap]:
    """The gaps as they lie in the finished file: long ones close up, and take no time there."""
    found, shift = list[Gap](), 0.0
    for gap in gaps:
        seconds = 0.0 if gap.seconds >= AHEAD else gap.seconds
        found.append(replace(gap, start=gap.start - shift, seconds=seconds))
        shift += gap.seconds - seconds
    return found


def shifted(titles: Sequence[Titled], gaps: Sequence[Gap]) -> tuple[list[Titled], float]:
    """The titles where they lie in the finished file, and by how much that is shorter than the recording."""
    closed = [gap for gap in gaps if gap.seconds >= AHEAD]
    moved = [
        replace(one, start=max(0.0, one.start - sum(gap.seconds for gap in closed if gap.start < one.start)))
        for one in titles
    ]
    return moved, sum(gap.seconds for gap in closed)


def chapters_of(
    films: Sequence[Film], number: int, titles: Sequence[Titled], gaps: Sequence[Gap], end: float
) -> list[Chapter]:
    """The chapters of one film of a recording that is `end` seconds long."""
    begin = films[number].at if number else 0.0
    stop = films[number + 1].at if number + 1 < len(films) else end
    inside = [replace(gap, start=gap.start - begin) for gap in gaps if begin <= gap.start < stop]
    before = [one for one in titles if one.start <= begin][-1:]
    named = [
        replace(one, start=max(0.0, one.start - begin))
        for one in [*before, *(t for t in titles if begin < t.start < stop)]
    ]
    shown, shift = shifted(named, inside)
    return chapters(shown, visible(inside), stop - begin - shift)
