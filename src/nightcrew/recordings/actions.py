"""What people, scripts and schedules do with recordings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import structlog

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import folders, news, place, retention
from nightcrew.recordings.filing import Wanted
from nightcrew.recordings.keeper import Keeper
from nightcrew.recordings.media import Watched
from nightcrew.recordings.models import ACTIVE, Recording, RecordingState, Watch
from nightcrew.recordings.naming import SCRATCH
from nightcrew.recordings.retention import Going, Policy, StoredRecording
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings, states, tallies, watches
from nightcrew.recordings.stream_ref import StreamRef

log = structlog.get_logger("nightcrew.recordings")

Action = Literal["stop", "rotate", "retry", "keep", "release"]
OPEN = frozenset({*ACTIVE, RecordingState.FINISHING, RecordingState.PROCESSING})
"""States of a recording that is not to be touched by a deletion."""


async def start(
    runtime: Runtime,
    target: StreamRef,
    *,
    name: str,
    shown: str,
    actor: str,
    title: str = "",
    category: str = "",
    watch: Watch | None = None,
    stop_at: datetime | None = None,
    occurrence: str | None = None,
    priority: int = 0,
) -> Recording:
    """Begin a recording. `occurrence`: the window of its watch, which is recorded once.

    Raises `Conflict` when the watch or that window is recorded already, `NeedsUser` without a usable library.
    """
    root = await asyncio.to_thread(place.library, runtime)
    now = utcnow()
    values = {
        "watch_id": watch.id if watch is not None else None,
        "name": name,
        "sealed": target.sealed(runtime),
        "shown": shown[:1000],
        "channel_id": target.channel_id,
        "node": "",
        "title": title,
        "category": category,
        "favourite": watch is not None and watch.favourite,
        "priority": watch.priority if watch is not None else priority,
        "root": str(root),
        "stop_at": stop_at,
        "occurrence": occurrence,
    }
    moment = now.astimezone()
    season = await asyncio.to_thread(place.season, root, name, title, moment)
    row = await recordings.add(runtime.store, values, now=now, moment=moment, season=season)
    if title:
        await tallies.add_title(runtime.store, row.id, title, category)
    await _acted(runtime, row, "started", "will be recorded", actor)
    return row


async def act(
    runtime: Runtime, recording_id: int, action: Action, *, actor: str, container: Wanted | None = None
) -> Recording:
    """What a button or a script asks for. `container`: for a retry. Raises `NotFound`, `Conflict`."""
    match action:
        case "stop":
            return await stop(runtime, recording_id, actor=actor)
        case "rotate":
            return await rotate(runtime, recording_id, actor=actor)
        case "retry":
            return await retry(runtime, recording_id, actor=actor, container=container)
        case "keep" | "release":
            return await favour(runtime, recording_id, favourite=action == "keep", actor=actor)


async def stop(runtime: Runtime, recording_id: int, *, actor: str) -> Recording:
    """End a recording; what there is becomes a file. Raises `NotFound`, `Conflict`."""
    row = await _active_row(runtime, recording_id, "stop")
    await recordings.change(runtime.store, recording_id, stop_asked=True)
    if row.watch_id is not None:
        await watches.pass_over(runtime.store, row.watch_id)
    return await _acted(runtime, row, "stopped", "was stopped", actor)


async def rotate(runtime: Runtime, recording_id: int, *, actor: str) -> Recording:
    """Go on in a new part, from the next segment. Raises `NotFound`, `Conflict`."""
    row = await _active_row(runtime, recording_id, "cut")
    await recordings.change(runtime.store, recording_id, rotations=row.rotations + 1)
    return await _acted(runtime, row, "rotated", "continues in a new part", actor)


async def retry(runtime: Runtime, recording_id: int, *, actor: str, container: Wanted | None = None) -> Recording:
    """Make the file of a failed recording anew, in another container if one is named. Raises `NotFound`, `Conflict`."""
    row = await _kept_row(runtime, recording_id)
    if row.state is not RecordingState.FAILED:
        raise Conflict(f"recording {recording_id} is {row.state.value}; only a failed recording can be processed again")
    if container is not None:
        await recordings.change(runtime.store, recording_id, container=container)
    await states.change_state(runtime.store, recording_id, RecordingState.FINISHING, "it is being processed again")
    return await _acted(runtime, row, "retried", "is being processed again", actor)


async def favour(runtime: Runtime, recording_id: int, *, favourite: bool, actor: str) -> Recording:
    """Keep a recording whatever the policies say, or not. Raises `NotFound`, `Conflict`."""
    row = await _kept_row(runtime, recording_id)
    await recordings.change(runtime.store, recording_id, favourite=favourite)
    return await _acted(
        runtime, row, "favourite", "is kept forever" if favourite else "follows the retention rules", actor
    )


async def _active_row(runtime: Runtime, recording_id: int, verb: str) -> Recording:
    row = await recordings.get(runtime.store, recording_id)
    if not row.active:
        raise Conflict(f"recording {recording_id} is {row.state.value}; there is nothing to {verb}")
    return row


async def _kept_row(runtime: Runtime, recording_id: int) -> Recording:
    row = await recordings.get(runtime.store, recording_id)
    if row.deleted_at is not None:
        raise Conflict(f"recording {recording_id} was deleted")
    return row


async def _acted(runtime: Runtime, row: Recording, kind: str, said: str, actor: str) -> Recording:
    """Tell of it, have it looked at now, and give it as it stands."""
    await news.announce(runtime, f"recording.{kind}", f"{row.name} {said}", actor=actor, subject=row.id)
    await runtime.part(Keeper).soon()
    return await recordings.get(runtime.store, row.id)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What went with a recording, or would go."""

    row: Recording
    reason: str
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    errors: tuple[str, ...]
    bytes: int


async def delete(runtime: Runtime, recording_id: int, *, actor: str, dry_run: bool, reason: str = "by hand") -> Deleted:
    """Delete a recording with its files, and the folders that have become empty. Raises `NotFound`, `Conflict`."""
    row = await _kept_row(runtime, recording_id)
    if row.state in OPEN:
        raise Conflict(f"recording {recording_id} is {row.state.value}; stop it first and wait until it has finished")
    if row.file and await asyncio.to_thread(_hidden, row, runtime.node):
        said = f"its file {row.path} is missing; is it on {row.node}, or on a disk that is not mounted?"
        raise Conflict(f"recording {recording_id}: {said}")
    files = await asyncio.to_thread(_files, row)
    removal = await asyncio.to_thread(folders.remove_episode, Path(row.root), files, dry_run=dry_run)
    if not dry_run:
        if not removal.errors:
            await recordings.change(
                runtime.store, recording_id, deleted_at=utcnow(), file=False, file_bytes=0, reason=reason[:500]
            )
        said = f"{row.name}: {row.title or row.stem} was deleted ({reason})"
        if removal.errors:
            said = f"{row.name}: {row.title or row.stem} could not be deleted: {removal.errors[0]}"
        await news.announce(runtime, "recording.deleted", said, actor=actor, subject=recording_id)
    return Deleted(row, reason, tuple(map(str, removal.removed)), removal.kept, removal.errors, removal.bytes)


def _files(row: Recording) -> list[Path]:
    """All that may be there of a recording: its films, also those that are being made, what goes with them, and its parts."""
    films = row.films_at or (row.names.film(1, 1, ".mp4"),)
    beside = [path for film in films for path in (film.file, film.nfo, film.thumbnail)]
    return [*map(Path, beside), *scratches(row), Path(row.segments)]


def scratches(row: Recording) -> list[Path]:
    """Its films that are being made."""
    folder = Path(row.names.folder)
    return sorted(path for path in folder.glob(f"*{SCRATCH}") if row.names.is_scratch(path.name))


def _hidden(row: Recording, node: str) -> bool:
    """Whether its files may be somewhere that cannot be seen from here. From a library that is there they were removed by hand."""
    if any(Path(one.file).exists() for one in row.films_at):
        return False
    root = Path(row.root)
    return row.node != node or not root.is_dir() or not any(root.iterdir())


# -- retention ---------------------------------------------------------------------------------------------------------


async def going(runtime: Runtime) -> list[Going]:
    """What the policies would let go now."""
    options = runtime.settings.of(RecordingSettings)
    default = Policy(options.keep_count, options.keep_size, options.keep_days, frozenset(options.kept_categories))
    own = {
        watch.name: replace(default, keep_count=watch.keep_count)
        for watch in await watches.every(runtime.store)
        if watch.keep_count is not None
    }
    total = Policy(keep_bytes=options.total_size, kept_categories=default.kept_categories)
    return retention.going(await _kept(runtime), own, total, utcnow(), default=default)


async def _kept(runtime: Runtime, *, root: str | None = None) -> list[StoredRecording]:
    """Finished recordings of this machine; of one library, or of all."""
    watched = runtime.part(Watched).now()
    rows = await recordings.of_states(runtime.store, {RecordingState.DONE}, node=runtime.node)
    if root is not None:
        rows = await asyncio.to_thread(_in_library, rows, root)
    return [
        StoredRecording(row.id, row.name, row.ended_at, row.file_bytes, row.favourite, row.category, row.id in watched)
        for row in rows
    ]


def _in_library(rows: list[Recording], root: str) -> list[Recording]:
    """Those whose file is there, and can be deleted."""
    return [row for row in rows if row.root == root and any(Path(one.file).exists() for one in row.films_at)]


async def apply_retention(runtime: Runtime, *, actor: str, dry_run: bool) -> list[Deleted]:
    """Delete what the policies let go, or say what would go."""
    return await _delete_all(runtime, await going(runtime), actor=actor, dry_run=dry_run)


async def _delete_all(runtime: Runtime, found: list[Going], *, actor: str, dry_run: bool) -> list[Deleted]:
    """One that cannot be deleted does not keep the others."""
    gone: list[Deleted] = []
    for one in found:
        try:
            gone.append(await delete(runtime, one.recording.id, actor=actor, dry_run=dry_run, reason=one.reason))
        except NightcrewError as exc:
            log.warning("a recording could not be deleted", recording=one.recording.id, reason=str(exc))
    return gone


async def free(runtime: Runtime, needed: int) -> int:
    """Delete the oldest until `needed` bytes are free, where the user allows that; returns the bytes that became free."""
    root = str(await asyncio.to_thread(place.library, runtime))
    exempt = Policy(kept_categories=frozenset(runtime.settings.of(RecordingSettings).kept_categories))
    kept = await _kept(runtime, root=root)
    found = retention.to_free(kept, needed, utcnow(), policy_of={}, total=None, default=exempt)
    return sum(one.bytes for one in await _delete_all(runtime, found, actor="disk", dry_run=False))


# -- watches -----------------------------------------------------------------------------------------------------------


async def add_watch(runtime: Runtime, target: StreamRef, values: dict[str, Any], *, actor: str) -> Watch:
    """Watch a stream. Raises `Conflict` for a name in use."""
    row = {**values, "sealed": target.sealed(runtime), "channel_id": target.channel_id}
    watch = await watches.add(runtime.store, row, now=utcnow())
    await news.announce(runtime, "watch.added", f"{watch.name} is watched", actor=actor, subject=watch.id)
    return watch


async def change_watch(runtime: Runtime, watch_id: int, values: dict[str, Any], *, actor: str) -> Watch:
    """Change a watch; it is looked at anew. One that is switched on is recorded also where somebody had stopped that."""
    if values.get("enabled"):
        values = {**values, "ended_window": None}
    await watches.change(runtime.store, watch_id, **values, next_look_at=utcnow())
    watch = await watches.get(runtime.store, watch_id)
    await news.announce(runtime, "watch.changed", f"{watch.name} was changed", actor=actor, subject=watch_id)
    return watch


async def remove_watch(runtime: Runtime, watch_id: int, *, actor: str) -> None:
    """Watch a stream no longer. What was recorded stays."""
    watch = await watches.get(runtime.store, watch_id)
    await watches.remove(runtime.store, watch_id)
    await news.announce(runtime, "watch.removed", f"{watch.name} is no longer watched", actor=actor)
