"""How the workers and the library stand, under the flat names that scripts know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nightcrew.kernel.clock import iso
from nightcrew.kernel.declare import Metric
from nightcrew.kernel.runtime import Runtime
from nightcrew.music.store import downloads, figures, wanted

WORKERS = ("sync", "matching", "scan", "autosync")
MARKS = {
    "last_start": "When a worker last began",
    "last_seen": "When a worker was last seen alive",
    "last_stop": "When a worker last stopped",
}
DEFAULTS: dict[str, Any] = {
    "metrics.sync.jobs_completed": 0,
    "metrics.sync.active_downloads": 0,  # it is counted when it is asked for
    "metrics.matching.last_average_confidence": 0.0,
    "metrics.matching.last_discarded": 0,
    "metrics.matching.discarded_total": 0,
    "metrics.matching.saved_total": 0,
    "metrics.scan.interval": None,
    "metrics.scan.duration_ms": None,
    "metrics.autosync.downloaded": 0,
    "metrics.autosync.skipped": 0,
    "metrics.autosync.duration_ms": None,
    "plex_artist_count": 0,
    "plex_album_count": 0,
    "plex_track_count": 0,
    "plex_last_scan": None,
}


async def flat(runtime: Runtime) -> dict[str, Any]:
    """All of them. Times are ISO 8601 in UTC, null for what has not happened."""
    found = DEFAULTS | {key: value for key, value in (await figures.every(runtime.store)).items() if key in DEFAULTS}
    found["metrics.sync.active_downloads"] = (await downloads.counts(runtime.store)).running
    for name in WORKERS:
        worker = runtime.schedule.workers.get(f"music.{name}")
        for mark in MARKS:
            found[f"worker.{name}.{mark}"] = iso(getattr(worker, mark)) if worker is not None else None
    return dict(sorted(found.items()))


async def metrics(runtime: Runtime) -> list[Metric]:
    """The same numbers for Prometheus, and how many tracks and downloads stand how."""
    found = await flat(runtime)
    numbers = {key: value for key, value in found.items() if isinstance(value, int | float)}
    counts = await downloads.counts(runtime.store)
    stands = {name: getattr(counts, name) for name in counts.__dataclass_fields__}
    return [
        *_times(found),
        Metric("figure", "Figures of the workers, under their names in /api/v1/music/status", numbers, "name"),
        Metric("wanted_tracks", "Wanted tracks by how they stand", await wanted.counts(runtime.store), "state"),
        Metric("downloads", "Downloads by how they stand", stands, "state"),
    ]


def _times(found: Mapping[str, Any]) -> list[Metric]:
    """Heartbeats and the last scan as Unix times. What has not happened is left out."""
    seconds = {key: datetime.fromisoformat(value).timestamp() for key, value in found.items() if isinstance(value, str)}
    marks = [
        Metric(
            f"worker_{mark}_timestamp_seconds",
            f"{words} (Unix time)",
            {name: seconds[key] for name in WORKERS if (key := f"worker.{name}.{mark}") in seconds},
            "worker",
        )
        for mark, words in MARKS.items()
    ]
    scanned = {"": seconds["plex_last_scan"]} if "plex_last_scan" in seconds else {}
    return [*marks, Metric("last_scan_timestamp_seconds", "When the library was last scanned (Unix time)", scanned)]
