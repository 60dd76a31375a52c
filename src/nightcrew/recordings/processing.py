"""Post-processing: the durable job that makes one clean file of a recording's parts. A step at a time, each the same when done twice.

The parts go only when the file was read from end to end and holds what the ledger says. Whatever fails before, they stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from nightcrew.kernel import files
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.run import Run
from nightcrew.recorder import ledger
from nightcrew.recorder.ledger import Gap, Tally
from nightcrew.recordings import disk, mux, nfo
from nightcrew.recordings.chapters import Titled, chapters, ffmetadata
from nightcrew.recordings.models import Recording, RecordingState
from nightcrew.recordings.mux import ByteRange, Measured
from nightcrew.recordings.plot import plot_of
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings, states, tallies

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.recordings")

JOB = "recordings.finish"
PATIENCE = 300
"""Seconds that a recorder may take to let go of a recording."""
COLLAPSED = 10.0
"""Seconds of a gap from which on ffmpeg closes it in a transport stream (its dts_delta_threshold)."""
SLACK = 2.0
"""Seconds that a finished file may differ from its ledger, and the same in percent."""


async def finish(run: Run, recording_id: int) -> str:
    """The job."""
    runtime = run.runtime
    row = await recordings.get(runtime.store, recording_id)
    if row.node != runtime.node:
        return f"it is made on {row.node} now"
    if row.state is RecordingState.DONE:
        return "it is finished already"
    try:
        async with _unwritten(row):
            await _finish(run, recording_id)
    except (NightcrewError, OSError) as exc:
        await run.step("failed", _failed, runtime, recording_id, str(exc))
        raise
    return await run.stubborn_step("done", _done, runtime, recording_id)


@contextlib.asynccontextmanager
async def _unwritten(row: Recording) -> AsyncIterator[None]:
    """No recorder writes to its parts meanwhile. Raises `Retry` when one does not let go of them."""
    folder = Path(row.segments)
    if not await asyncio.to_thread(folder.is_dir):
        yield
        return
    with await asyncio.to_thread((folder / ledger.LOCK).open, "a") as lock:
        for _ in range(PATIENCE):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                await asyncio.sleep(1)
                continue
            break
        else:
            raise Retry("somebody still writes to its parts")
        yield


async def _finish(run: Run, recording_id: int) -> None:
    runtime = run.runtime
    await run.stubborn_step("begin", _begin, runtime, recording_id)
    await run.stubborn_step("join", _join, run, recording_id)
    await run.stubborn_step("validate", _validate, runtime, recording_id)
    await run.stubborn_step("thumbnail", _thumbnail, runtime, recording_id)
    await run.stubborn_step("metadata", _metadata, runtime, recording_id)
    await run.stubborn_step("place", _place, runtime, recording_id)
    await run.stubborn_step("clean", _clean, runtime, recording_id)


async def ended(runtime: Runtime, run: Ended) -> None:
    """A run that was ended before it could say a word leaves a recording that has failed."""
    if run.job != JOB or run.outcome == "done":
        return
    row = await recordings.get(runtime.store, run.args[0])
    if row.state is RecordingState.PROCESSING or (row.state is RecordingState.FINISHING and run.outcome == "cancelled"):
        said = "its post-processing was ended"
        await states.change_state(runtime.store, row.id, RecordingState.FAILED, said, now=utcnow())
        runtime.bus.publish("recordings")


async def _begin(runtime: Runtime, recording_id: int) -> None:
    """From here on its figures are the ledger's, whatever a server that died had stored of them."""
    await states.change_state(
        runtime.store, recording_id, RecordingState.PROCESSING, "one file is made of its parts", now=utcnow()
    )
    made = await _material(runtime, recording_id)
    await tallies.save_tallies(runtime.store, {recording_id: made.tally}, made.row.progress_at or utcnow())
    runtime.bus.publish("recordings")


@dataclass(frozen=True, slots=True)
class Material:
    """What a recording consists of on disk."""

    row: Recording
    tally: Tally
    pieces: tuple[ByteRange, ...]
    fragmented: bool

    @property
    def scratch(self) -> Path:
        """The file while it is made."""
        return Path(f"{self.row.path}.part")


async def _material(runtime: Runtime, recording_id: int) -> Material:
    """Raises `GiveUp` when there is nothing of which a file could be made."""
    row = await recordings.get(runtime.store, recording_id)
    folder = Path(row.segments)
    try:
        tally = await asyncio.to_thread(ledger.read, folder)
    except ValueError as exc:
        raise GiveUp(f"its ledger cannot be read: {exc}") from exc
    if not tally.segments:
        raise GiveUp("nothing was recorded, or its parts are on a disk or a machine that is not here")
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


async def _join(run: Run, recording_id: int) -> None:
    """One file, with its chapters. Nothing is encoded anew."""
    runtime = run.runtime
    made = await _material(runtime, recording_id)
    titles = await tallies.titles(runtime.store, recording_id)
    gaps = await tallies.gaps(runtime.store, recording_id)
    shown, shift = _shifted(titles, gaps, fragmented=made.fragmented)
    tags = {"show": made.row.name, "date": f"{made.row.started_at or made.row.created_at:%Y-%m-%d}"}
    text = ffmetadata(
        made.row.title or made.row.name,
        chapters(shown, _visible(gaps, fragmented=made.fragmented), made.tally.seconds - shift),
        **tags,
    )
    chapter_file = Path(made.row.segments) / "chapters.txt"
    total = sum(piece.end - piece.begin for piece in made.pieces)

    async def progress(done: int) -> None:
        await run.progress(done, total, "One file is made of the parts")

    try:
        await asyncio.to_thread(chapter_file.write_text, text, encoding="utf-8")
        await mux.join(made.pieces, chapter_file, made.scratch, progress, fragmented=made.fragmented)
    except TimeoutError as exc:
        raise Retry("ffmpeg makes no progress") from exc
    finally:
        await asyncio.to_thread(chapter_file.unlink, missing_ok=True)


def _visible(gaps: Sequence[Gap], *, fragmented: bool) -> list[Gap]:
    """The gaps as they lie in the finished file: those that ffmpeg closes take no time there."""
    found, shift = list[Gap](), 0.0
    for gap in gaps:
        closed = gap.seconds >= COLLAPSED and not fragmented
        seconds = 0.0 if closed else gap.seconds
        found.append(replace(gap, start=gap.start - shift, seconds=seconds))
        shift += gap.seconds - seconds
    return found


def _shifted(titles: Sequence[Titled], gaps: Sequence[Gap], *, fragmented: bool) -> tuple[list[Titled], float]:
    """The titles where they lie in the finished file, and by how much that is shorter than the recording."""
    closed = [gap for gap in gaps if gap.seconds >= COLLAPSED and not fragmented]
    moved = [
        replace(one, start=max(0.0, one.start - sum(gap.seconds for gap in closed if gap.start < one.start)))
        for one in titles
    ]
    return moved, sum(gap.seconds for gap in closed)


async def _validate(runtime: Runtime, recording_id: int) -> dict[str, float | int | None]:
    """Read the file from end to end, and compare it with the ledger."""
    made = await _material(runtime, recording_id)
    found = await mux.measure(made.scratch)
    wrong = mismatch(made.tally, found)
    if wrong and made.tally.frames is not None and found.frames is not None and found.frames != made.tally.frames:
        counted = await mux.pictures(made.pieces, fragmented=made.fragmented)
        log.info("pictures counted anew", recording=recording_id, ledger=made.tally.frames, parts=counted)
        if believable(counted, made.tally.frames):
            wrong = mismatch(made.tally, found, frames=counted)
    if wrong:
        raise GiveUp(f"the finished file is not what was recorded: {wrong}; the parts stay")
    return {"frames": found.frames, "seconds": round(found.seconds, 3)}


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
        return f"{found.frames or 0} pictures of {expected}"
    covered = tally.seconds - tally.missing
    slack = SLACK + covered * SLACK / 100
    if not covered - slack <= found.seconds <= tally.seconds + slack:
        return f"{found.seconds:.1f} s of {covered:.1f} s"
    return None


async def _thumbnail(runtime: Runtime, recording_id: int) -> None:
    """A picture from the first tenth. A recording without pictures has none."""
    row = await recordings.get(runtime.store, recording_id)
    source = await asyncio.to_thread(_made, row)
    target = Path(row.path).with_name(f"{row.stem}-thumb.jpg")
    scratch = target.with_name(f"{row.stem}-thumb.jpg{files.TEMPORARY}")
    try:
        await mux.thumbnail(source, scratch, at=min((row.seconds - row.missing) * 0.1, 60.0))
        await asyncio.to_thread(scratch.replace, target)
        await asyncio.to_thread(_copy_unless_there, target, target.with_name("poster.jpg"))
    except (GiveUp, Retry) as exc:
        log.info("a recording has no thumbnail", recording=recording_id, reason=str(exc))
    finally:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(scratch.unlink, missing_ok=True)


def _made(row: Recording) -> Path:
    """The file under its final name, or while it is made."""
    scratch = Path(f"{row.path}.part")
    return scratch if scratch.exists() else Path(row.path)


def _copy_unless_there(source: Path, target: Path) -> None:
    if not target.exists():
        shutil.copyfile(source, target)


async def _metadata(runtime: Runtime, recording_id: int) -> None:
    """What Kodi, Jellyfin and Plex read beside the file."""
    row = await recordings.get(runtime.store, recording_id)
    gaps = await tallies.gaps(runtime.store, recording_id)
    started = (row.started_at or row.created_at).astimezone()
    text = nfo.episode(
        title=row.title or row.name,
        streamer=row.name,
        started_at=started,
        number=row.episode,
        duration=row.seconds,
        uid=str(row.id),
        category=row.category,
        gaps=_visible(gaps, fragmented=False),
    )
    await asyncio.to_thread(_write, Path(row.path).with_suffix(".nfo"), text)
    await asyncio.to_thread(_write, Path(row.path).parent.parent / "tvshow.nfo", nfo.show(row.name), keep=True)


def _write(path: Path, data: bytes, *, keep: bool = False) -> None:
    if keep and path.exists():
        return
    with files.replacing(path, mode=0o644) as file:
        file.write(data)


async def _place(runtime: Runtime, recording_id: int) -> None:
    """The finished file appears under its name, whole."""
    row = await recordings.get(runtime.store, recording_id)
    size = await asyncio.to_thread(_settle, Path(f"{row.path}.part"), Path(row.path), again=row.file)
    await recordings.change(runtime.store, recording_id, file=True, file_bytes=size)


def _settle(scratch: Path, target: Path, *, again: bool) -> int:
    """Returns the size of the finished file."""
    if scratch.exists():
        scratch.chmod(0o644)
        with scratch.open("rb+") as file:
            files.sync(file)
        if target.exists() and not again:
            raise GiveUp(f"there is another file {target.name} already, which is kept; the parts stay")
        scratch.replace(target)
    elif not target.exists():
        raise GiveUp("the file that was made is gone; the parts stay")
    return target.stat().st_size


async def _clean(runtime: Runtime, recording_id: int) -> None:
    """The parts go. The ledger's figures are kept in the database."""
    row = await recordings.get(runtime.store, recording_id)
    if not (row.file and await asyncio.to_thread(Path(row.path).exists)):
        raise GiveUp("the finished file is gone; the parts stay")
    folder = Path(row.segments)
    plot = await asyncio.to_thread(plot_of, folder)
    if plot is not None:
        await recordings.change(runtime.store, recording_id, plot=plot)
    if not runtime.settings.of(RecordingSettings).keep_parts:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _done(runtime: Runtime, recording_id: int) -> str:
    row = await recordings.get(runtime.store, recording_id)
    await states.change_state(
        runtime.store, recording_id, RecordingState.DONE, "", now=utcnow(), note="its file was read from end to end"
    )
    gaps = f", {row.gaps} gap{'s' * (row.gaps != 1)} of {row.missing:.0f} s" if row.gaps else ", nothing is missing"
    said = f"{row.name}: {row.title or 'recording'} is finished{gaps}"
    await runtime.activity.record("recording.done", said, subject=str(recording_id))
    runtime.bus.publish("recordings")
    return said


async def _failed(runtime: Runtime, recording_id: int, reason: str) -> None:
    row = await recordings.get(runtime.store, recording_id)
    await asyncio.to_thread(Path(f"{row.path}.part").unlink, missing_ok=True)
    await states.change_state(runtime.store, recording_id, RecordingState.FAILED, reason, now=utcnow())
    short = await disk.too_short_to_finish(runtime, row)
    if short is not None:  # it is tried again as soon as there is space
        await states.change_state(runtime.store, recording_id, RecordingState.FINISHING, short, now=utcnow())
    said = f"{row.name}: no file could be made ({reason}); its parts are kept"
    await runtime.activity.record("recording.failed", said, level="error", subject=str(recording_id))
    runtime.bus.publish("recordings")
