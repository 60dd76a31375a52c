"""Reads the libraries of connected media servers into rows of ours."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import GiveUp, NeedsUser, NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.music.libraries import LIBRARIES
from nightcrew.music.libraries.base import LibraryKind, ServiceCounts, ServiceTrack
from nightcrew.music.owned import title_key
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import figures
from nightcrew.music.store import library as rows

WHOLE_EVERY = timedelta(hours=24)
"""How often all tracks of a server are read though it says that it has as many as before."""
UNCOUNTED_EVERY = timedelta(hours=1)
"""How often those of a server are read that does not say how many it has."""
SHRINKS = 0.5
"""A library that has less than this share of what it had is not believed: its disk may not be mounted."""


async def connected(runtime: Runtime) -> list[tuple[LibraryKind, int, str]]:
    """The media servers that are connected: kind, connection, name."""
    known = runtime.part(Connections)
    return [(kind, one.id, one.name) for kind in LIBRARIES for one in await known.of_kind(kind.kind.name)]


def place_of(connection_id: int) -> str:
    """What the tracks of a server are stored under."""
    return f"connection:{connection_id}"


async def scan(runtime: Runtime, kind: LibraryKind, connection_id: int) -> ServiceCounts:
    """Read how much a server has, and its tracks when that has changed. Raises as `Line.ask` does."""
    line = await runtime.part(Connections).line(connection_id)
    place = place_of(connection_id)
    if runtime.settings.of(MusicSettings).scan_worker_incremental:
        with contextlib.suppress(GiveUp):  # it does not do that for this user
            await kind.refresh(line, runtime.settings.of(MusicSettings).library)
    told = await kind.counts(line)
    known = await figures.every(runtime.store)
    at = f"library.{place}.read_at"
    read_at, read = str(known.get(at) or ""), known.get(f"library.{place}.tracks")
    every = WHOLE_EVERY if told.tracks else UNCOUNTED_EVERY
    old = not read_at or utcnow() - datetime.fromisoformat(read_at) > every
    if old or read != told.tracks:
        await _read(runtime, kind, line, place)
        await figures.put(runtime.store, {at: utcnow().isoformat(), f"library.{place}.tracks": told.tracks})
    artists, albums, found = await rows.counted(runtime.store, place)
    counts = ServiceCounts(told.artists or artists, told.albums or albums, told.tracks or found)
    await rows.note_count(runtime.store, place, counts.artists, counts.albums, counts.tracks)
    return counts


async def refresh_all(runtime: Runtime, folder: str) -> None:
    """Tell all servers that there is something new in a folder. One that cannot be told finds it by itself."""
    known = runtime.part(Connections)
    for kind, number, _ in await connected(runtime):
        with contextlib.suppress(NightcrewError):
            await kind.refresh(await known.line(number), folder)


async def _read(runtime: Runtime, kind: LibraryKind, line: Line, place: str) -> None:
    """Read all tracks. What was not seen is gone, unless that is most of what was there."""
    number = await rows.last_scan(runtime.store, place) + 1
    _, _, before = await rows.counted(runtime.store, place)
    read = 0
    async for page in kind.tracks(line):
        made = await asyncio.to_thread(_rows, page, place, number)
        await rows.put(runtime.store, made)
        read += len(made)
    if before and read < before * SHRINKS:
        raise NeedsUser(
            f"{line.name} says that it has {read} tracks, and had {before}; nothing was forgotten. Look at it"
        )
    await rows.drop_unseen(runtime.store, place, number)


def _rows(page: list[ServiceTrack], place: str, scan: int) -> list[dict[str, Any]]:
    return [_row(one, place, scan) for one in page]


def _row(one: ServiceTrack, place: str, scan: int) -> dict[str, Any]:
    return {
        "place": place,
        "key": one.key,
        "title": one.title,
        "artist": one.artist,
        "album": one.album,
        "seconds": one.seconds,
        "isrc": one.isrc.replace("-", "").upper()[:20],
        "mbid": one.mbid.lower()[:40],
        "title_key": title_key(one.title),
        "size": 0,
        "changed": 0.0,
        "scan": scan,
    }
