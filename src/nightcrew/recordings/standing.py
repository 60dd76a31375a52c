"""How the recordings stand: as scripts see them, what needs a person, the figures of the first page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nightcrew.kernel.clock import iso, utcnow
from nightcrew.kernel.declare import Look, Metric, Need
from nightcrew.kernel.words import size
from nightcrew.recorder.ledger import Gap
from nightcrew.recordings.actions import Deleted
from nightcrew.recordings.chapters import Titled
from nightcrew.recordings.disk import Disk
from nightcrew.recordings.models import ACTIVE, MoveRow, PartRow, Recording, RecordingState, Watch
from nightcrew.recordings.store import recordings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.kernel.runtime import Runtime

WAITED = timedelta(minutes=10)
"""A recording that waits for longer than this to be finished needs a person."""
INTERRUPTED = frozenset({RecordingState.RETRYING, RecordingState.PAUSED})
STATES: Mapping[str, tuple[Look, str]] = {
    "recording.waiting": ("wait", "waiting"),
    "recording.recording": ("run", "recording"),
    "recording.retrying": ("warn", "retrying"),
    "recording.paused": ("warn", "paused"),
    "recording.finishing": ("run", "finishing"),
    "recording.post-processing": ("run", "post-processing"),
    "recording.done": ("ok", "done"),
    "recording.failed": ("bad", "failed"),
    "recording.deleted": ("off", "deleted"),
    "recording.kept": ("ok", "kept forever"),
    "recording.gaps": ("warn", "incomplete"),
    "watch.off": ("off", "off"),
    "watch.timed": ("wait", "by the clock"),
    "watch.unknown": ("warn", "unknown"),
    "watch.new": ("wait", "not looked at yet"),
    "watch.live": ("ok", "live"),
    "watch.offline": ("wait", "offline"),
}


def watch_state(watch: Watch) -> str:
    """How a watched stream stands."""
    if not watch.enabled:
        return "off"
    if watch.live is not None:
        return "live" if watch.live else "offline"
    if watch.channel_id is not None:
        return "timed"
    return "unknown" if watch.error else "new"


async def needs(runtime: Runtime) -> list[Need]:
    """Interrupted and failed recordings, a disk that is short."""
    found: list[Need] = []
    for row in await recordings.of_states(
        runtime.store, {*INTERRUPTED, RecordingState.FINISHING, RecordingState.FAILED}
    ):
        href = f"/recordings/{row.id}"
        if row.state is RecordingState.FAILED and row.bytes:
            found.append(Need("error", f"{row.name}: no file could be made, its parts are kept ({row.reason})", href))
        elif row.state is RecordingState.FINISHING and row.reason and utcnow() - row.since > WAITED:
            found.append(Need("warning", f"No file is made of {row.name} yet: {row.reason}", href))
        elif row.state in INTERRUPTED:
            found.append(Need("warning", f"{row.name} is {row.state.value}: {row.reason}", href))
    disk = runtime.part(Disk)
    if disk.short:
        said = f"The recordings' disk has {size(disk.free)} free, and {size(disk.reserve)} is needed"
        found.append(Need("warning", said, "/recordings"))
    return found


async def overview(runtime: Runtime) -> dict[str, Any]:
    """Figures for the first page."""
    running = await recordings.of_states(runtime.store, {*ACTIVE, RecordingState.FINISHING, RecordingState.PROCESSING})
    disk = runtime.part(Disk)
    return {
        "counts": await recordings.counts(runtime.store),
        "running": [recording_row(row) for row in running],
        "disk": {"free": disk.free, "total": disk.total, "reserve": disk.reserve, "short": disk.short},
    }


async def metrics(runtime: Runtime) -> list[Metric]:
    """Recordings by state, their size, and the space that is left for them here, once it was looked at."""
    counts = await recordings.counts(runtime.store)
    found = [Metric("bytes", "Size of all finished recordings", {"": counts.pop("bytes")})]
    found.append(Metric("recordings", "Recordings by state", counts, "state"))
    disk = runtime.part(Disk)
    return [
        *found,
        Metric("disk_free_bytes", "Space that is left for recordings", {"": disk.free} if disk.total else {}),
    ]


def recording_row(row: Recording) -> dict[str, Any]:
    """A recording as scripts see it."""
    return {
        "id": row.id,
        "name": row.name,
        "url": row.shown,
        "channel": row.channel_id,
        "watch": row.watch_id,
        "state": row.state.value,
        "reason": row.reason,
        "since": iso(row.since),
        "title": row.title,
        "category": row.category,
        "favourite": row.favourite,
        "priority": row.priority,
        "created_at": iso(row.created_at),
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "stop_at": iso(row.stop_at),
        "progress_at": iso(row.progress_at),
        "deleted_at": iso(row.deleted_at),
        "bytes": row.bytes,
        "seconds": round(row.seconds, 3),
        "missing_s": round(row.missing, 3),
        "parts": row.parts,
        "gaps": row.gaps,
        "restarts": row.restarts,
        "node": row.node,
        "continues": row.continues,
        "file": str(row.path) if row.file else None,
        "file_bytes": row.file_bytes,
        "folder": str(row.segments),
    }


def part_row(part: PartRow) -> dict[str, Any]:
    """A part as scripts see it."""
    return {
        "number": part.number,
        "path": part.path,
        "first_sequence": part.first,
        "last_sequence": part.last,
        "bytes": part.bytes,
        "seconds": round(part.seconds, 3),
        "frames": part.frames,
    }


def gap_row(gap: Gap) -> dict[str, Any]:
    """A gap as scripts see it. `start` seconds into the recording."""
    return {
        "first_sequence": gap.first,
        "last_sequence": gap.last,
        "epoch": gap.epoch,
        "start": round(gap.start, 3),
        "seconds": round(gap.seconds, 3),
        "reason": gap.reason,
    }


def move_row(move: MoveRow) -> dict[str, Any]:
    """A change of state as scripts see it."""
    return {"from": move.from_state, "to": move.to_state, "reason": move.reason, "at": iso(move.at)}


def title_row(title: Titled) -> dict[str, Any]:
    """A title as scripts see it."""
    return {"start": round(title.start, 3), "title": title.title, "category": title.category}


def deleted_row(one: Deleted) -> dict[str, Any]:
    """What went, or would go."""
    return {
        "recording": one.row.id,
        "name": one.row.name,
        "title": one.row.title,
        "reason": one.reason,
        "removed": list(one.removed),
        "kept": list(one.kept),
        "errors": list(one.errors),
        "bytes": one.bytes,
    }


def watch_row(watch: Watch) -> dict[str, Any]:
    """A watched stream as scripts see it."""
    return {
        "id": watch.id,
        "name": watch.name,
        "enabled": watch.enabled,
        "url": watch.shown,
        "channel": watch.channel_id,
        "windows": list(watch.windows),
        "favourite": watch.favourite,
        "priority": watch.priority,
        "keep_count": watch.keep_count,
        "live": watch.live,
        "title": watch.title,
        "category": watch.category,
        "error": watch.error,
        "looked_at": iso(watch.looked_at),
        "next_look_at": iso(watch.next_look_at),
    }
