"""From a file that has arrived to a track in the library: found, verified, placed, and found again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from nightcrew.kernel import nodes_store
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NeedsUser, NightcrewError, NotFound, Retry
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.music import (
    beets,
    clients,
    library,
    placing,
    replacing,
    scanning,
    syncing,
    telling,
    upgrades,
    verifying,
)
from nightcrew.music.beets import BeetsSkipped
from nightcrew.music.models import (
    DownloadStage,
    DownloadState,
    FailureCause,
    LibraryTrack,
    TrackDownload,
    WantedEntry,
    WantedState,
)
from nightcrew.music.quality import format_of
from nightcrew.music.settings import MusicSettings
from nightcrew.music.slskd.places import local_path
from nightcrew.music.store import better, downloads, figures, wanted
from nightcrew.music.store import library as library_rows
from nightcrew.music.upgrades import KeptFile
from nightcrew.music.verifying import RejectedFile

LATER = 120.0
"""Seconds until an import is tried again that met a fault of this machine."""
EVENT_TRIES = 8
"""How often slskd's events are read before a file counts as lost: they come a moment after the transfer ends."""
SKEW = timedelta(hours=2)
"""How far slskd's clock may be off."""


class CalledOff(Exception):
    """Somebody has ended the download meanwhile."""


class MissingFile(Exception):
    """slskd has the file, and nobody knows where. The text says what was tried."""


class ElsewhereFile(Exception):
    """This machine cannot see the file, and another one may. The text says why."""


async def run(run: Run, download_id: int) -> str:
    """The job. Each step looks at what is there, so that it may be done again."""
    return await run.step("import", _import, run.runtime, download_id)


async def _import(runtime: Runtime, download_id: int) -> str:
    try:
        row = await downloads.get(runtime.store, download_id)
        entry = await wanted.get(runtime.store, row.wanted_id)
    except NotFound:
        return "it is no longer wanted"
    if row.state is not DownloadState.RUNNING or row.node != runtime.node:
        return f"it is {row.state.value}, at {row.node or 'no machine'}"
    try:
        return await _imported(runtime, row, entry)
    except (
        CalledOff,
        KeptFile,
        RejectedFile,
        ElsewhereFile,
        MissingFile,
        BeetsSkipped,
        NightcrewError,
        OSError,
    ) as exc:
        return await _not_imported(runtime, row, entry, exc)


async def _not_imported(runtime: Runtime, row: TrackDownload, entry: WantedEntry, problem: Exception) -> str:
    """What is done about a file that could not be put into the library, in words."""
    match problem:
        case CalledOff():
            said = "it was called off"
        case KeptFile():
            said = await _keep_old(runtime, row, entry, str(problem))
        case RejectedFile():
            await syncing.fail(runtime, await downloads.get(runtime.store, row.id), str(problem), problem.cause)
            said = f"rejected: {problem}"
        case ElsewhereFile():
            tried = [*row.tried, runtime.node]
            await downloads.note(runtime.store, row.id, node=None, tried=tried, error=str(problem)[:300], due_in=0.0)
            said = f"another machine tries: {problem}"
        case MissingFile() | BeetsSkipped():
            said = await _lost(runtime, row, entry, problem)
        case _:
            said = await _waits(runtime, row, entry, problem)
    return said


async def _waits(runtime: Runtime, row: TrackDownload, entry: WantedEntry, problem: Exception) -> str:
    """A fault of this machine: a file that is missing waits until that is mended. A better one does not, unless it is there already."""
    said = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    if entry.replaces is not None and not row.forced and not isinstance(problem, DatabaseAway):
        now = await downloads.get(runtime.store, row.id)
        if not await asyncio.to_thread(placing.is_done, now.library_path, now.size):
            return await _keep_old(runtime, row, entry, said)
    await downloads.note(runtime.store, row.id, error=said[:300], due_in=LATER)
    return f"waits: {said}"


async def _keep_old(runtime: Runtime, row: TrackDownload, entry: WantedEntry, reason: str) -> str:
    """A better file that cannot be put into the library now is let go, as one is there; it holds up nothing that is missing."""
    async with runtime.store.write() as connection:
        current = await downloads.get_in(connection, row.id)
        if not await downloads.change_state(connection, current, DownloadState.CANCELLED, reason):
            return "it was called off"
    await upgrades.give_up(runtime, entry, reason)
    return f"what is there stays: {reason}"


async def _lost(runtime: Runtime, row: TrackDownload, entry: WantedEntry, problem: MissingFile | BeetsSkipped) -> str:
    """The file is gone, or beets has left it out: that may be because the track came another way."""
    if await _settled_as_owned(runtime, row, entry):
        return "the library has it already"
    said = f"{entry.shown}: {problem}"
    await runtime.activity.record("import_failed", said, level="warning", subject=str(entry.id))
    cause = FailureCause.MISSING_PATH if isinstance(problem, MissingFile) else FailureCause.IMPORT
    await syncing.fail(runtime, await downloads.get(runtime.store, row.id), str(problem), cause)
    return f"lost: {problem}"


async def _imported(runtime: Runtime, row: TrackDownload, entry: WantedEntry) -> str:
    root = await asyncio.to_thread(library.usable_root, runtime)
    if row.stage is not DownloadStage.PLACED:
        if (place := await _there_already(runtime, row, root)) is None:
            path = await _located(runtime, row)
            replaced = await _replaced(runtime, row, entry)
            await verifying.verify(runtime, row, entry, path, replaced)
            if not row.forced and await _settled_as_owned(runtime, row, entry):
                return "the library has it already"
            await library.check_mounted(runtime, root)
            if replaced is not None and not runtime.settings.of(MusicSettings).beets_program:
                place = await _put_instead(runtime, row, path, root, replaced)
            else:
                place = await _put(runtime, row, entry, path, root)
        try:
            await _noted(runtime, row, stage=DownloadStage.PLACED, library_path=str(place), error="")
        except CalledOff:
            await _take_back(runtime, row, place, root)
            raise
        row = await downloads.get(runtime.store, row.id)
    place = Path(row.library_path)
    try:
        await library.add_file(runtime, place, entry.id)
    except FileNotFoundError as exc:
        raise MissingFile(f"it was put into the library as {place}, and is not there") from exc
    await _retire(runtime, row, place, root)
    await _settle(runtime, row, entry)
    return str(place)


async def _replaced(runtime: Runtime, row: TrackDownload, entry: WantedEntry) -> LibraryTrack | None:
    """The file of this machine's folder that makes room for a better one; None where a file is fetched that is missing.

    Raises `KeptFile` when it is not there to be compared, unless a person has chosen the new one, and `ElsewhereFile` when it lies on
    another machine.
    """
    if entry.replaces is None:
        return None
    track = await upgrades.replaced_by(runtime, entry)
    if track is not None and track.place != library.place_of(runtime):
        node = track.place.removeprefix(upgrades.PLACES)
        if node in await nodes_store.living(runtime.store) and node not in row.tried:
            raise ElsewhereFile(f"the file that it replaces is on {node}")
        track = None
    path = library.root_of(runtime) / track.key if track is not None else None
    if path is not None and await asyncio.to_thread(lambda: path.is_file() and not path.is_symlink()):
        return track
    if row.forced:
        return None
    raise KeptFile("the one in the library was moved, or is not a file of this machine")


async def _put_instead(runtime: Runtime, row: TrackDownload, path: Path, root: Path, old: LibraryTrack) -> Path:
    """Put the file where the one was that it is better than, which is kept elsewhere first. Both places are stored before."""
    place = (root / old.key).with_suffix(f".{format_of(row.path)}")
    kept = str(replacing.kept_at(utcnow().date(), row.id, old.key))
    if row.library_path and row.replaced:
        place, kept = Path(row.library_path), row.replaced
    elif place != root / old.key:
        place = await asyncio.to_thread(placing.free, place)
    await _noted(runtime, row, library_path=str(place), replaced=kept)
    await asyncio.to_thread(replacing.keep, root, old.key, PurePosixPath(kept))
    keep = runtime.settings.of(MusicSettings).keep_downloads
    if place == root / old.key:
        await asyncio.to_thread(replacing.put_over, path, place, keep=keep)
    else:
        await _put_at(runtime, row, path, place, keep=keep)
    return place


async def _take_back(runtime: Runtime, row: TrackDownload, place: Path, root: Path) -> None:
    """A better file that was called off while it was put into the library goes again, and what was there is there."""
    replaced = (await downloads.get(runtime.store, row.id)).replaced
    if replaced:
        await asyncio.to_thread(replacing.undo, root, replaced, place)


async def _retire(runtime: Runtime, row: TrackDownload, place: Path, root: Path) -> None:
    """The new file was found in the library: the one that it replaces loses its name there."""
    if not row.replaced:
        return
    if root / replacing.original_of(row.replaced) != place:
        key = await asyncio.to_thread(replacing.retire, root, row.replaced)
        await library_rows.drop(runtime.store, library.place_of(runtime), {key})
    async with runtime.store.write() as connection:
        await better.supersede(connection, row.wanted_id, but=row.id)
    said = f"{place.name} has taken the place of {Path(row.replaced).name}"
    await runtime.activity.record("track_upgraded", said, subject=str(row.wanted_id), kept=row.replaced)


async def _located(runtime: Runtime, row: TrackDownload) -> Path:
    """Where the file lies on this machine, by slskd's events. Raises `MissingFile`, `NeedsUser`, `Retry`."""
    client = await clients.client_of(runtime, row.connection_id)
    remote_folder, local_folder = clients.folders_of(client)
    said = None
    for number in range(EVENT_TRIES):
        said = await client.local_path_of(
            row.remote_id or "", row.peer, row.path, since=row.created_at - SKEW, but=row.earlier
        )
        if said is not None:
            break
        await asyncio.sleep(min(0.25 * 2**number, 5.0))
    if said is None:
        raise MissingFile("slskd does not say where it has put the file")
    try:
        path = Path(local_path(said, remote_folder, local_folder))
    except ValueError as exc:
        raise NeedsUser(f"{exc}; see the connection {client.line.name}") from exc
    if not await asyncio.to_thread(path.is_file):
        if await _may_be_elsewhere(runtime, row):
            raise ElsewhereFile(f"{path} is not there on {runtime.node}")
        folder = Path(local_folder) if local_folder else path.parent
        if not await asyncio.to_thread(folder.is_dir):
            raise NeedsUser(f"{folder} is not there on this machine; see the connection {client.line.name}")
        raise MissingFile(f"slskd says that it is {path}, and it is not there")
    if local_folder and not await asyncio.to_thread(_is_inside, path, Path(local_folder)):
        raise NeedsUser(f"{path} leads out of {local_folder}")
    await downloads.note(runtime.store, row.id, local_path=str(path), due_in=syncing.AGAIN)
    return path


async def _may_be_elsewhere(runtime: Runtime, row: TrackDownload) -> bool:
    """Whether there is a living machine that has not looked yet."""
    return bool(await nodes_store.living(runtime.store) - {runtime.node, *row.tried})


async def _settled_as_owned(runtime: Runtime, row: TrackDownload, entry: WantedEntry) -> bool:
    """Whether a library has the track by now, which ends its download: a second copy is not wanted, unless it is a better one."""
    if entry.replaces is not None:
        return False
    found = (await library.owned_among(runtime, [entry])).get(entry.id)
    if found is None:
        return False
    said = f"in the library as {found.artist} - {found.title}"
    async with runtime.store.write() as connection:
        current = await downloads.get_in(connection, row.id)
        if await downloads.change_state(connection, current, DownloadState.CANCELLED, f"it is {said}"):
            since = {WantedState.DOWNLOADING}
            await wanted.move_in(
                connection, entry.id, since=since, state=WantedState.OWNED, reason=said, cause=None, failures=0, skips=0
            )
    return True


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


async def _there_already(runtime: Runtime, row: TrackDownload, root: Path) -> Path | None:
    """Where the file has been put before we were stopped, if it has."""
    if await asyncio.to_thread(placing.is_done, row.library_path, row.size):
        return Path(row.library_path)
    place = await beets.known(runtime, row, root)
    return None if place is None else _inside(place, root)


async def _put(runtime: Runtime, row: TrackDownload, entry: WantedEntry, path: Path, root: Path) -> Path:
    """Put the file into the library. Where it goes is stored first, so that one that was put there is known again."""
    options = runtime.settings.of(MusicSettings)
    if options.beets_program:
        return _inside(await beets.imported(runtime, row, entry, path, root), root)
    place = Path(row.library_path)
    if not row.library_path or row.replaced:
        place = await asyncio.to_thread(placing.free_place, root, options.import_template, entry, format_of(row.path))
    await _noted(runtime, row, library_path=str(place), replaced="")
    await _put_at(runtime, row, path, place, keep=options.keep_downloads)
    return place


async def _noted(runtime: Runtime, row: TrackDownload, **values: Any) -> None:
    """Store what is done next. Raises `CalledOff` where somebody has ended the download meanwhile: then nothing is done."""
    if not await downloads.note(runtime.store, row.id, due_in=syncing.AGAIN, **values):
        raise CalledOff


async def _put_at(runtime: Runtime, row: TrackDownload, path: Path, place: Path, *, keep: bool) -> None:
    """Raises `Retry` for a place that something has by now: another one is looked for then."""
    try:
        await asyncio.to_thread(placing.put, path, place, keep=keep)
    except FileExistsError as exc:  # somebody has put a file of that name there meanwhile
        await downloads.note(runtime.store, row.id, library_path="", replaced="", due_in=syncing.AGAIN)
        raise Retry(f"{place} has just been taken; another name is looked for") from exc


def _inside(place: Path, root: Path) -> Path:
    """Raises `NeedsUser` for a file that beets has put elsewhere."""
    if not place.is_relative_to(root):
        raise NeedsUser(f"beets puts files into {place.parent}, which is not in the library {root}; see music.library")
    return place


async def _settle(runtime: Runtime, row: TrackDownload, entry: WantedEntry) -> None:
    async with runtime.store.write() as connection:
        moved = await downloads.change_state(connection, row, DownloadState.COMPLETED, bytes=row.size, remote_state="")
        if moved:
            await wanted.move_in(
                connection,
                entry.id,
                since=set(WantedState) - {WantedState.IGNORED},
                state=WantedState.OWNED,
                reason=f"imported ({row.explanation})",
                cause=None,
                failures=0,
                skips=0,
            )
    if moved:
        await figures.add(runtime.store, {"metrics.sync.jobs_completed": 1})
        await scanning.note_counts_now_and_then(runtime)
        await telling.tell_all(runtime, str(Path(row.library_path).parent))
        if not row.replaced:  # else it was in the library before, and what is new is told
            said = f"{entry.shown} is in the library"
            await runtime.activity.record("track_imported", said, subject=str(entry.id), path=row.library_path)
        runtime.bus.publish("music")
