"""Looks at the libraries now and then: how much they have, and which wanted tracks are there by now."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightcrew.kernel.clock import iso, utcnow
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import library, servers
from nightcrew.music.servers import TRIED
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import figures
from nightcrew.music.store import library as rows

COUNTED_EVERY = 30.0
"""Seconds between two counts while tracks are imported."""
LOST_EVERY = timedelta(hours=6)
"""How often all that is owned is compared with the libraries."""
COMPARED = "library.compared_at"
TOLD_FROM = 3
"""Failures in a row from which on they are told."""
FAILURES = "worker.scan.failures"
"""How often the scans of a node have failed in a row."""


def interval(runtime: Runtime) -> float:
    """Seconds between two scans."""
    return float(runtime.settings.of(MusicSettings).scan_worker_interval_seconds)


def promise(runtime: Runtime) -> float:
    """Seconds after which a scan has to have worked."""
    return 3 * interval(runtime) + 300.0


async def next_at(runtime: Runtime) -> datetime | None:
    """When the libraries are to be looked at."""
    return await _due_at(runtime)


async def scan_due(runtime: Runtime) -> None:
    """The cycle. It is woken when a service is connected, too."""
    if await _due_at(runtime) <= utcnow():
        await scan(runtime)


async def _due_at(runtime: Runtime) -> datetime:
    """At once for a library that was never read; else some time after the last try."""
    known = await figures.every(runtime.store)
    last = str(known.get(f"{TRIED}.{runtime.node}") or "")
    if not last or (await servers.unread(runtime) and not int(known.get(f"{FAILURES}.{runtime.node}") or 0)):
        return utcnow()
    return datetime.fromisoformat(last) + timedelta(seconds=interval(runtime))


async def scan(runtime: Runtime) -> None:
    """Look at all libraries. Raises what went wrong, after it was counted."""
    await figures.put(runtime.store, {f"{TRIED}.{runtime.node}": utcnow().isoformat()})
    began = time.monotonic()
    try:
        await _scan(runtime)
    except (NightcrewError, OSError) as exc:
        known = await figures.every(runtime.store)
        count = int(known.get(f"{FAILURES}.{runtime.node}") or 0) + 1
        await figures.put(runtime.store, {f"{FAILURES}.{runtime.node}": count})
        if count >= TOLD_FROM:
            said = f"The library could not be scanned {count} times in a row: {exc}"
            await runtime.activity.record("scan_failed", said, level="warning", error=str(exc), consecutive=count)
        raise
    took = round((time.monotonic() - began) * 1000)
    await figures.put(
        runtime.store,
        {
            f"{FAILURES}.{runtime.node}": 0,
            "metrics.scan.duration_ms": took,
            "metrics.scan.interval": interval(runtime),
            "plex_last_scan": iso(utcnow()),
        },
    )


async def _scan(runtime: Runtime) -> None:
    """All libraries. One that cannot be read keeps no other from it; what was wrong is raised at the end."""
    problem: NightcrewError | OSError | None = None
    read = 0
    for kind, number, _ in await servers.connected(runtime):
        try:
            await servers.scan(runtime, kind, number)
            read += 1
        except NightcrewError as exc:
            problem = exc
    if await library.is_used(runtime):
        try:
            await library.scan_folder(runtime)
            read += 1
        except (NightcrewError, OSError) as exc:
            problem = exc
    await note_counts(runtime)
    await library.note_all_owned(runtime)
    if read and problem is None:
        await _note_lost_now_and_then(runtime)
    runtime.bus.publish("music")
    if problem is not None:
        raise problem


async def _note_lost_now_and_then(runtime: Runtime) -> None:
    """What is gone is gone for a day before anything is done, so that it need not be looked for each time."""
    last = str((await figures.every(runtime.store)).get(COMPARED) or "")
    if not last or datetime.fromisoformat(last) + LOST_EVERY <= utcnow():
        await figures.put(runtime.store, {COMPARED: utcnow().isoformat()})
        await library.note_lost(runtime)


@dataclass(slots=True)
class CountPace:
    """When this node has counted its library last, in seconds of the loop's clock: to count a million tracks takes a second."""

    at: float = -COUNTED_EVERY


async def note_counts_now_and_then(runtime: Runtime) -> None:
    """As `note_counts`, where that was not done just before: for each track that is imported."""
    pace, now = runtime.part(CountPace), asyncio.get_running_loop().time()
    if now - pace.at >= COUNTED_EVERY:
        pace.at = now
        await note_counts(runtime)


async def note_counts(runtime: Runtime) -> None:
    """Note how much there is now: what the media servers have together where some are connected, else that of the folder."""
    place = library.place_of(runtime)
    artists, albums, tracks = await rows.counted(runtime.store, place)
    if tracks:
        await rows.note_count(runtime.store, place, artists, albums, tracks)
    places = [servers.place_of(number) for _, number, _ in await servers.connected(runtime)]
    if told := [last for one in places if (last := await rows.last_count(runtime.store, one)) is not None]:
        artists, albums, tracks = (sum(getattr(one, name) for one in told) for name in ("artists", "albums", "tracks"))
    values = {"plex_artist_count": artists, "plex_album_count": albums, "plex_track_count": tracks}
    await figures.put(runtime.store, values)
