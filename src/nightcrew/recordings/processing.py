"""Post-processing: the durable job that makes one clean file of a recording's parts. A step at a time, each the same when done twice.

The parts go only when the file was read from end to end and holds what the ledger says. Whatever fails before, they stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from datetime import datetime
from pathlib import Path

import structlog

from nightcrew.kernel import files
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import disk, material, mux, news, nfo
from nightcrew.recordings.chapters import chapters, ffmetadata
from nightcrew.recordings.models import Recording, RecordingState
from nightcrew.recordings.plot import plot_of
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings, states, tallies

log = structlog.get_logger("nightcrew.recordings")

JOB = "recordings.finish"


async def finish(run: Run, recording_id: int) -> str:
    """The job."""
    runtime = run.runtime
    row = await recordings.get(runtime.store, recording_id)
    if row.node != runtime.node:
        return f"its file is made on {row.node} now"
    if row.state is RecordingState.DONE:
        return "it is already finished"
    try:
        async with material.unwritten(row):
            await _finish(run, recording_id)
    except (NightcrewError, OSError) as exc:
        await run.step("failed", _failed, runtime, recording_id, str(exc))
        raise
    return await run.stubborn_step("done", _done, runtime, recording_id)


async def _finish(run: Run, recording_id: int) -> None:
    await run.stubborn_step("begin", _begin, run.runtime, recording_id)
    await run.stubborn_step("join", _join, run, recording_id)
    await run.stubborn_step("validate", _validate, run.runtime, recording_id)
    await run.stubborn_step("thumbnail", _thumbnail, run.runtime, recording_id)
    await run.stubborn_step("metadata", _metadata, run.runtime, recording_id)
    await run.stubborn_step("place", _place, run.runtime, recording_id)
    await run.stubborn_step("clean", _clean, run.runtime, recording_id)


async def ended(runtime: Runtime, run: Ended) -> None:
    """A run that was ended before it could say a word leaves a recording that has failed."""
    if run.job != JOB or run.outcome == "done":
        return
    row = await recordings.get(runtime.store, run.args[0])
    if row.state is RecordingState.PROCESSING or (row.state is RecordingState.FINISHING and run.outcome == "cancelled"):
        said = "its post-processing was cut short"
        await states.change_state(runtime.store, row.id, RecordingState.FAILED, said)
        runtime.bus.publish("recordings")


async def _begin(runtime: Runtime, recording_id: int) -> None:
    """From here on its figures are the ledger's, whatever a server that died had stored of them."""
    await states.change_state(
        runtime.store, recording_id, RecordingState.PROCESSING, "its parts are being joined into one file"
    )
    made = await material.of(runtime, recording_id)
    await tallies.save_tallies(runtime.store, {recording_id: made.tally}, made.row.progress_at or utcnow())
    runtime.bus.publish("recordings")


async def _join(run: Run, recording_id: int) -> None:
    """One file, with its chapters. Nothing is encoded anew."""
    runtime = run.runtime
    made = await material.of(runtime, recording_id)
    titles = await tallies.titles(runtime.store, recording_id)
    gaps = await tallies.gaps(runtime.store, recording_id)
    shown, shift = material.shifted(titles, gaps, fragmented=made.fragmented)
    tags = {"show": made.row.name, "date": _began(made.row).date().isoformat()}
    text = ffmetadata(
        made.row.title or made.row.name,
        chapters(shown, material.visible(gaps, fragmented=made.fragmented), made.tally.seconds - shift),
        **tags,
    )
    chapter_file = Path(made.row.segments) / "chapters.txt"
    total = sum(piece.end - piece.begin for piece in made.pieces)

    async def progress(done: int) -> None:
        await run.progress(done, total, "Joining the parts into one file")

    try:
        await asyncio.to_thread(chapter_file.write_text, text, encoding="utf-8")
        await mux.join(made.pieces, chapter_file, Path(made.row.scratch), progress, fragmented=made.fragmented)
    except TimeoutError as exc:
        raise Retry("ffmpeg is making no progress") from exc
    finally:
        await asyncio.to_thread(chapter_file.unlink, missing_ok=True)


async def _validate(runtime: Runtime, recording_id: int) -> dict[str, float | int | None]:
    """Read the file from end to end, and compare it with the ledger."""
    made = await material.of(runtime, recording_id)
    found = await mux.measure(Path(made.row.scratch))
    wrong = material.mismatch(made.tally, found)
    if wrong and made.tally.frames is not None and found.frames is not None and found.frames != made.tally.frames:
        counted = await mux.pictures(made.pieces, fragmented=made.fragmented)
        log.info("pictures counted anew", recording=recording_id, ledger=made.tally.frames, parts=counted)
        if material.believable(counted, made.tally.frames):
            wrong = material.mismatch(made.tally, found, frames=counted)
    if wrong:
        raise GiveUp(f"the finished file does not match the recording ({wrong}); the parts are kept")
    return {"frames": found.frames, "seconds": round(found.seconds, 3)}


async def _thumbnail(runtime: Runtime, recording_id: int) -> None:
    """A picture from the first tenth. A recording without pictures has none."""
    row = await recordings.get(runtime.store, recording_id)
    source = await asyncio.to_thread(_made, row)
    target = Path(row.names.thumbnail)
    scratch = target.with_name(f"{target.name}{files.TEMPORARY}")
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
    return Path(row.scratch) if Path(row.scratch).exists() else Path(row.path)


def _copy_unless_there(source: Path, target: Path) -> None:
    if not target.exists():
        shutil.copyfile(source, target)


def _began(row: Recording) -> datetime:
    """When it began, by the clock on the wall: names, metadata and the NFO have the same day."""
    return (row.started_at or row.created_at).astimezone()


async def _metadata(runtime: Runtime, recording_id: int) -> None:
    """What Kodi, Jellyfin and Plex read beside the file."""
    row = await recordings.get(runtime.store, recording_id)
    gaps = await tallies.gaps(runtime.store, recording_id)
    started = _began(row)
    text = nfo.episode(
        title=row.title or row.name,
        streamer=row.name,
        started_at=started,
        number=row.episode,
        duration=row.seconds,
        uid=str(row.id),
        category=row.category,
        gaps=material.visible(gaps, fragmented=False),
    )
    await asyncio.to_thread(_write, Path(row.names.nfo), text)
    await asyncio.to_thread(_write, Path(row.path).parent.parent / "tvshow.nfo", nfo.show(row.name), keep=True)


def _write(path: Path, data: bytes, *, keep: bool = False) -> None:
    if keep and path.exists():
        return
    with files.replacing(path, shared=True) as file:
        file.write(data)


async def _place(runtime: Runtime, recording_id: int) -> None:
    """The finished file appears under its name, whole."""
    row = await recordings.get(runtime.store, recording_id)
    size = await asyncio.to_thread(_settle, Path(row.scratch), Path(row.path), again=row.file)
    await recordings.change(runtime.store, recording_id, file=True, file_bytes=size)


def _settle(scratch: Path, target: Path, *, again: bool) -> int:
    """Returns the size of the finished file."""
    if scratch.exists():
        with scratch.open("rb+") as file:
            files.sync(file)
        if target.exists() and not again:
            raise GiveUp(f"another file named {target.name} already exists and is kept; the parts are kept too")
        scratch.replace(target)
    elif not target.exists():
        raise GiveUp("the file that was made is missing; the parts are kept")
    return target.stat().st_size


async def _clean(runtime: Runtime, recording_id: int) -> None:
    """The parts go. The ledger's figures are kept in the database."""
    row = await recordings.get(runtime.store, recording_id)
    if not (row.file and await asyncio.to_thread(Path(row.path).exists)):
        raise GiveUp("the finished file is missing; the parts are kept")
    folder = Path(row.segments)
    plot = await asyncio.to_thread(plot_of, folder)
    if plot is not None:
        await recordings.change(runtime.store, recording_id, plot=plot)
    if not runtime.settings.of(RecordingSettings).keep_parts:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _done(runtime: Runtime, recording_id: int) -> str:
    row = await recordings.get(runtime.store, recording_id)
    await states.change_state(
        runtime.store,
        recording_id,
        RecordingState.DONE,
        "",
        note="its file was checked from start to end",
    )
    gaps = f", {row.gaps} gap{'s' * (row.gaps != 1)} of {row.missing:.0f} s" if row.gaps else ", nothing is missing"
    said = f"{row.name}: {row.title or 'recording'} is finished{gaps}"
    await news.announce(runtime, "recording.done", said, subject=recording_id)
    return said


async def _failed(runtime: Runtime, recording_id: int, reason: str) -> None:
    row = await recordings.get(runtime.store, recording_id)
    await asyncio.to_thread(Path(row.scratch).unlink, missing_ok=True)
    await states.change_state(runtime.store, recording_id, RecordingState.FAILED, reason)
    short = await disk.too_short_to_finish(runtime, row)
    if short is not None:  # it is tried again as soon as there is space
        await states.change_state(runtime.store, recording_id, RecordingState.FINISHING, short)
    said = f"{row.name}: processing failed ({reason}); its parts are kept"
    await news.announce(runtime, "recording.failed", said, level="error", subject=recording_id)
