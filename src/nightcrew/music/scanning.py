"""Looks at the libraries now and then: how much they have, and which wanted tracks are there by now."""

from __future__ import annotations

import time

from nightcrew.kernel.clock import iso, utcnow
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import library, servers
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import figures, wanted
from nightcrew.music.store import library as rows

TOLD_FROM = 3
"""Failures in a row from which on they are told."""
FAILURES = "worker.scan.failures"


def interval(runtime: Runtime) -> float:
    """Seconds between two scans."""
    return float(runtime.settings.of(MusicSettings).scan_worker_interval_seconds)


def promise(runtime: Runtime) -> float:
    """Seconds after which a scan has to have worked."""
    return 3 * interval(runtime) + 300.0


async def scan(runtime: Runtime) -> None:
    """The cycle. Raises what went wrong, after it was counted."""
    began = time.monotonic()
    try:
        await _scan(runtime)
    except (NightcrewError, OSError) as exc:
        known = await figures.every(runtime.store)
        count = int(known.get(FAILURES) or 0) + 1
        await figures.put(runtime.store, {FAILURES: count})
        if count >= TOLD_FROM:
            said = f"The library could not be scanned {count} times in a row: {exc}"
            await runtime.activity.record("scan_failed", said, level="warning", error=str(exc), consecutive=count)
        raise
    took = round((time.monotonic() - began) * 1000)
    await figures.put(
        runtime.store,
        {FAILURES: 0, "metrics.scan.duration_ms": took, "metrics.scan.interval": interval(runtime)},
    )


async def _scan(runtime: Runtime) -> None:
    """All libraries. One that cannot be read keeps no other from it; what was wrong is raised at the end."""
    problem: NightcrewError | OSError | None = None
    for kind, number, _ in await servers.connected(runtime):
        try:
            await servers.scan(runtime, kind, number)
        except NightcrewError as exc:
            problem = exc
    if await library.is_used(runtime):
        try:
            await library.scan_folder(runtime)
        except (NightcrewError, OSError) as exc:
            problem = exc
    await note_counts(runtime)
    await library.note_owned(runtime, await wanted.unowned(runtime.store))
    runtime.bus.publish("music")
    if problem is not None:
        raise problem


async def note_counts(runtime: Runtime) -> None:
    """Note how much there is now: the media server's where one is connected, else that of the folder."""
    place = library.place_of(runtime)
    artists, albums, tracks = await rows.counted(runtime.store, place)
    if tracks:
        await rows.note_count(runtime.store, place, artists, albums, tracks)
    for _, number, _ in await servers.connected(runtime):
        if (last := await rows.last_count(runtime.store, servers.place_of(number))) is not None:
            artists, albums, tracks = last.artists, last.albums, last.tracks
    await figures.put(
        runtime.store,
        {
            "plex_artist_count": artists,
            "plex_album_count": albums,
            "plex_track_count": tracks,
            "plex_last_scan": iso(utcnow()),
        },
    )
