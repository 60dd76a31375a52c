"""Post-processing: the durable job that makes one clean file of a recording's parts. A step at a time, each the same when done twice.

The parts go only when the file was read from end to end and holds what the ledger says. Whatever fails before, they stay.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, cast

import structlog

from nightcrew.kernel import files
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.muxer.wire import FilmOrder, FilmReport, Slot, SourceOrder, report_of
from nightcrew.recordings import actions, disk, filing, material, muxers, news, nfo, poster, verdict
from nightcrew.recordings.chapters import plain
from nightcrew.recordings.films import FilmFile, described, streams_in
from nightcrew.recordings.models import Recording, RecordingState
from nightcrew.recordings.naming import FilmNames
from nightcrew.recordings.plot import plot_of
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings, states, tallies

log = structlog.get_logger("nightcrew.recordings")

JOB = "recordings.finish"
TVSHOW = "tvshow.nfo"


class MadeFilm(TypedDict):
    """A film between the steps: its name, where in the recording it begins, how long it is, what it holds, what was written."""

    name: str
    start: float
    seconds: float
    streams: list[str]
    report: list[dict[str, Any]]


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
    remembered: list[MadeFilm] | None = await run.stubborn_step("join", _join, run, recording_id)
    # None: that step was done by a version which made one file alone.
    made = await _join(run, recording_id) if remembered is None else remembered
    await run.stubborn_step("validate", _validate, run, recording_id, made)
    await run.stubborn_step("thumbnail", _thumbnail, run.runtime, recording_id, made)
    await run.stubborn_step("metadata", _metadata, run.runtime, recording_id, made)
    await run.stubborn_step("place", _place, run.runtime, recording_id, made)
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
    await recordings.change(runtime.store, recording_id, streams=streams_in(made.tally))
    runtime.bus.publish("recordings")


async def _join(run: Run, recording_id: int) -> list[MadeFilm]:
    """One film, or as many as the stream was set up in ways that no film can hold together. Nothing is encoded anew."""
    runtime = run.runtime
    made = await material.of(runtime, recording_id)
    row, films = made.row, made.films
    wanted = cast("filing.Wanted", row.container or runtime.settings.of(RecordingSettings).container)
    titles = await tallies.titles(runtime.store, recording_id)
    gaps = await tallies.gaps(runtime.store, recording_id)
    containers = [film.container(wanted) for film in films]
    total = sum(stretch.size for film in films for stretch in film.stretches())
    found: list[MadeFilm] = []
    before = 0

    async def progress(done: int) -> None:
        await run.progress(before + done, total, "Joining the parts")

    for number, (film, container) in enumerate(zip(films, containers, strict=True)):
        names = row.names.film(number + 1, len(films), filing.SUFFIXES[container])
        order = FilmOrder(
            output=str(names.scratch),
            container=container,
            slots=tuple(film.slots),
            stretches=film.stretches(),
            metadata={
                "title": plain(row.title or row.name),
                "show": plain(row.name),
                "date": _began(row).date().isoformat(),
            },
            chapters=tuple(material.chapters_of(films, number, titles, gaps, made.tally.seconds)),
            beside=film.inputs_beside(),
            first=number == 0,
            last=number == len(films) - 1,
        )
        await asyncio.to_thread(Path(names.scratch).unlink, missing_ok=True)
        report = await muxers.make(order, progress)
        before += sum(stretch.size for stretch in order.stretches)
        found.append(
            {
                "name": names.file.name,
                "start": round(film.at, 3),
                "seconds": round(report.seconds, 3),
                "streams": [described(slot.kind, slot.codec, slot.config, slot.language) for slot in film.slots],
                "report": [asdict(slot) for slot in report.slots],
            }
        )
    return found


async def _validate(run: Run, recording_id: int, made: list[MadeFilm]) -> None:
    """Decode every film from end to end, and compare them with what was written, with the source, and with the ledger."""
    runtime = run.runtime
    found = await material.of(runtime, recording_id)
    sizes = await asyncio.to_thread(lambda: [_scratch(found.row, one).stat().st_size for one in made])
    before = 0

    async def progress(done: int) -> None:
        await run.progress(before + done, sum(sizes), "Checking the file from start to end")

    reports: list[tuple[list[Slot], FilmReport]] = []
    for film, one, size in zip(found.films, made, sizes, strict=True):
        written = report_of(one["report"])
        container = filing.container_of(_named(found.row, one).suffix)
        read = await muxers.check(str(_scratch(found.row, one)), container, progress)
        wrong = verdict.unlike_order(film.slots, written, read)
        if not wrong and verdict.is_in_doubt(film.slots, written, read):
            # Sounds beside several films are in each of them in part, so that they cannot be compared with the whole.
            beside = film.inputs_beside() if len(made) == 1 else ()
            stretches = (*film.stretches(), *(one for sound in beside for one in sound))
            source = await muxers.check_source(SourceOrder(stretches, tuple(film.slots)), progress)
            wrong = verdict.unlike_source(film.slots, read, source)
        if wrong:
            raise GiveUp(f"{one['name']} does not hold all of the recording ({wrong}); the parts are kept")
        reports.append((film.slots, written))
        before += size
    wrong = verdict.unlike_ledger(found.tally, reports)
    if wrong:
        raise GiveUp(f"the finished file does not match the recording ({wrong}); the parts are kept")


async def _thumbnail(runtime: Runtime, recording_id: int, made: list[MadeFilm]) -> None:
    """A picture of each film, with something on it. One without pictures has none."""
    row = await recordings.get(runtime.store, recording_id)
    for one in made:
        source = await asyncio.to_thread(_made, row, one)
        try:
            await poster.draw(source, Path(_named(row, one).thumbnail), seconds=one["seconds"])
        except (GiveUp, Retry) as exc:
            log.info("a recording has no thumbnail", recording=recording_id, reason=str(exc))


def _named(row: Recording, one: MadeFilm) -> FilmNames:
    """Where a film's files lie."""
    return row.names.of_file(one["name"])


def _scratch(row: Recording, one: MadeFilm) -> Path:
    return Path(_named(row, one).scratch)


def _made(row: Recording, one: MadeFilm) -> Path:
    """The film while it is made, or under its final name."""
    scratch = _scratch(row, one)
    return scratch if scratch.exists() else Path(_named(row, one).file)


def _began(row: Recording) -> datetime:
    """When it began, by the clock on the wall: names, metadata and the NFO have the same day."""
    return (row.started_at or row.created_at).astimezone()


async def _metadata(runtime: Runtime, recording_id: int, made: list[MadeFilm]) -> None:
    """What Kodi, Jellyfin and Plex read beside each film."""
    row = await recordings.get(runtime.store, recording_id)
    gaps = await tallies.gaps(runtime.store, recording_id)
    title = row.title or row.name
    ends = [*(one["start"] for one in made[1:]), row.seconds]
    for number, (one, end) in enumerate(zip(made, ends, strict=True)):
        begin = one["start"] if number else 0.0
        inside = [replace(gap, start=gap.start - begin) for gap in gaps if begin <= gap.start < end]
        text = nfo.episode(
            title=title if len(made) == 1 else f"{title} ({number + 1} of {len(made)})",
            streamer=row.name,
            started_at=_began(row),
            number=row.episode,
            duration=one["seconds"],
            uid=str(row.id) if not number else f"{row.id}-{number + 1}",
            category=row.category,
            gaps=material.visible(inside),
        )
        await asyncio.to_thread(_write, Path(_named(row, one).nfo), text)
    await asyncio.to_thread(_write, Path(row.names.folder).parent / TVSHOW, nfo.show(row.name), keep=True)


def _write(path: Path, data: bytes, *, keep: bool = False) -> None:
    if keep and path.exists():
        return
    with files.replacing(path, shared=True) as file:
        file.write(data)


async def _place(runtime: Runtime, recording_id: int, made: list[MadeFilm]) -> None:
    """The finished films appear under their names, whole."""
    row = await recordings.get(runtime.store, recording_id)
    if not row.file:  # all of them before the first: one placed alone would be in the way of the next try
        for one in made:
            await asyncio.to_thread(_check_free, _scratch(row, one), Path(_named(row, one).file))
    placed: list[FilmFile] = []
    for one in made:
        size = await asyncio.to_thread(_settle, _scratch(row, one), Path(_named(row, one).file), again=row.file)
        placed.append(FilmFile(one["name"], size, one["start"], one["seconds"], tuple(one["streams"])))
    size = sum(one.bytes for one in placed)
    await recordings.change(
        runtime.store, recording_id, file=True, file_bytes=size, films=[one.row() for one in placed]
    )


def _check_free(scratch: Path, target: Path) -> None:
    if scratch.exists() and target.exists():
        raise GiveUp(f"another file named {target.name} already exists and is kept; the parts are kept too")


def _settle(scratch: Path, target: Path, *, again: bool) -> int:
    """Returns the size of the finished file."""
    if scratch.exists():
        with scratch.open("rb+") as file:
            files.sync(file)
        if not again:
            _check_free(scratch, target)
        scratch.replace(target)
    elif not target.exists():
        raise GiveUp("the file that was made is missing; the parts are kept")
    return target.stat().st_size


async def _clean(runtime: Runtime, recording_id: int) -> None:
    """The parts go. The ledger's figures are kept in the database."""
    row = await recordings.get(runtime.store, recording_id)
    if not (row.file and await asyncio.to_thread(lambda: all(Path(one.file).exists() for one in row.films_at))):
        raise GiveUp("the finished file is missing; the parts are kept")
    folder = Path(row.segments)
    plot = await asyncio.to_thread(plot_of, folder)
    if plot is not None:
        await recordings.change(runtime.store, recording_id, plot=plot)
    await asyncio.to_thread(_sweep, row)
    if not runtime.settings.of(RecordingSettings).keep_parts:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _sweep(row: Recording) -> None:
    """What a server that was killed left half-written beside the films."""
    folder = Path(row.names.folder)
    beside = [place for one in row.films_at for place in (one.nfo, one.thumbnail)]
    for path in (*beside, folder / poster.POSTER, folder.parent / TVSHOW):
        files.sweep_beside(Path(path))


async def _done(runtime: Runtime, recording_id: int) -> str:
    row = await recordings.get(runtime.store, recording_id)
    await states.change_state(
        runtime.store,
        recording_id,
        RecordingState.DONE,
        "",
        note="every packet of its file was decoded"
        if len(row.films_at) < 2
        else "every packet of its files was decoded",
    )
    count = f" in {len(row.films_at)} files" if len(row.films_at) > 1 else ""
    gaps = f", {row.gaps} gap{'s' * (row.gaps != 1)} of {row.missing:.0f} s" if row.gaps else ", nothing is missing"
    said = f"{row.name}: {row.title or 'recording'} is finished{count}{gaps}"
    await news.announce(runtime, "recording.done", said, subject=recording_id)
    return said


def _clear(row: Recording) -> None:
    """What was being made goes."""
    for path in actions.scratches(row):
        path.unlink(missing_ok=True)


async def _failed(runtime: Runtime, recording_id: int, reason: str) -> None:
    row = await recordings.get(runtime.store, recording_id)
    await asyncio.to_thread(_clear, row)
    await states.change_state(runtime.store, recording_id, RecordingState.FAILED, reason)
    short = await disk.too_short_to_finish(runtime, row)
    if short is not None:  # it is tried again as soon as there is space
        await states.change_state(runtime.store, recording_id, RecordingState.FINISHING, short)
    said = f"{row.name}: processing failed ({reason}); its parts are kept"
    await news.announce(runtime, "recording.failed", said, level="error", subject=recording_id)
