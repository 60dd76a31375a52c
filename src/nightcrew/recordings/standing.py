"""How the recordings stand: as scripts see them, what needs a person, the figures of the first page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Look, Metric, Need
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import size
from nightcrew.recorder.wire import PROTECTED
from nightcrew.recordings.answers import RecordingRow
from nightcrew.recordings.disk import Disk
from nightcrew.recordings.models import ACTIVE, RecordingState, Watch
from nightcrew.recordings.store import recordings

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
    "watch.stopped": ("off", "stopped"),
    "watch.off": ("off", "off"),
    "watch.timed": ("wait", "by the clock"),
    "watch.protected": ("bad", "protected"),
    "watch.unknown": ("warn", "unknown"),
    "watch.new": ("wait", "not looked at yet"),
    "watch.live": ("ok", "live"),
    "watch.offline": ("wait", "offline"),
}


def watch_state(watch: Watch, *, rests: bool = False) -> str:
    """How a watched stream stands. `rests`: somebody has stopped its recording."""
    if not watch.enabled:
        return "off"
    if rests:
        return "stopped"
    if watch.error == PROTECTED:
        return "protected"
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
            found.append(
                Need("error", f"{row.name} could not be processed, but its parts are kept ({row.reason})", href)
            )
        elif row.state is RecordingState.FINISHING and row.reason and utcnow() - row.since > WAITED:
            found.append(Need("warning", f"{row.name} is waiting to be processed: {row.reason}", href))
        elif row.state in INTERRUPTED:
            found.append(Need("warning", f"{row.name} is {row.state.value}: {row.reason}", href))
    disk = runtime.part(Disk)
    if disk.short:
        said = f"The recordings disk is low on space: {size(disk.free)} free, {size(disk.reserve)} needed"
        found.append(Need("warning", said, "/recordings"))
    return found


async def overview(runtime: Runtime) -> dict[str, Any]:
    """Figures for the first page."""
    running = await recordings.of_states(runtime.store, {*ACTIVE, RecordingState.FINISHING, RecordingState.PROCESSING})
    disk = runtime.part(Disk)
    return {
        "counts": await recordings.counts(runtime.store),
        "running": [RecordingRow.of(row).model_dump(mode="json") for row in running],
        "disk": {"free": disk.free, "total": disk.total, "reserve": disk.reserve, "short": disk.short},
    }


async def metrics(runtime: Runtime) -> list[Metric]:
    """Recordings by state, their size, and the space that is left for them here, once it was looked at."""
    counts = await recordings.counts(runtime.store)
    disk = runtime.part(Disk)
    return [
        Metric("bytes", "Size of all finished recordings", {"": counts.pop("bytes")}),
        Metric("recordings", "Recordings by state", counts, "state"),
        Metric("disk_free_bytes", "Space that is left for recordings", {"": disk.free} if disk.total else {}),
    ]
