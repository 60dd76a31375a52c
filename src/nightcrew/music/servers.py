"""Reads the libraries of connected media servers into rows of ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel import nodes_store
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import store as connection_rows
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import GiveUp, NeedsUser, NotFound, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.music.libraries import LIBRARIES
from nightcrew.music.libraries.base import LibraryKind, ServiceCounts, ServiceTrack, Short
from nightcrew.music.library import SHRINKS, is_accepted, root_of
from nightcrew.music.owned import title_key
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import figures
from nightcrew.music.store import library as rows

WHOLE_EVERY = timedelta(hours=24)
"""How often all tracks of a server are read though it says that it has as many as before."""
TRIED = "worker.scan.tried"
"""When a node has looked at its library last."""
STOPPED_FOR = timedelta(days=90)
"""How long a machine may be away until what lies in its folder counts as gone."""
WAITED_FOR = timedelta(minutes=15)
"""How long searching waits for a library that was just connected to be read."""
UNCOUNTED_EVERY = timedelta(hours=1)
"""How often those of a server are read that does not say how many it has."""


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
            await kind.refresh(line, str(root_of(runtime)))
    told = await kind.counts(line)
    known = await figures.every(runtime.store)
    at = f"library.{place}.read_at"
    created = (await connection_rows.get(runtime.store, connection_id)).created_at
    if known.get(at) and not _was_read(known, place, created):
        await rows.drop_place(runtime.store, place)
        await figures.put(runtime.store, {at: None, f"library.{place}.tracks": None, _short(place): None})
        known = await figures.every(runtime.store)
    read_at, read = str(known.get(at) or ""), known.get(f"library.{place}.tracks")
    every = WHOLE_EVERY if told.tracks else UNCOUNTED_EVERY
    old = not read_at or utcnow() - datetime.fromisoformat(read_at) > every
    if told.scanning and not read_at and utcnow() - created < WAITED_FOR:
        raise Retry(f"{line.name} looks at its music; it is read for the first time when that is over", after=60)
    if old or read != told.tracks:
        await _read(runtime, kind, line, place)
        await figures.put(runtime.store, {at: utcnow().isoformat(), f"library.{place}.tracks": told.tracks})
    artists, albums, found = await rows.counted(runtime.store, place)
    counts = ServiceCounts(told.artists or artists, told.albums or albums, min(told.tracks or found, found))
    await rows.note_count(runtime.store, place, counts.artists, counts.albums, counts.tracks)
    return counts


async def unread(runtime: Runtime) -> bool:
    """Whether there is a library that was never read, so that nobody knows yet what need not be fetched.

    One that cannot be read for a while after it was connected is not waited for.
    """
    known = await figures.every(runtime.store)
    now = utcnow()
    for kind in LIBRARIES:
        for one in await runtime.part(Connections).of_kind(kind.kind.name):
            if not _was_read(known, place_of(one.id), one.created_at) and now - one.created_at < WAITED_FOR:
                return True
    return False


def _was_read(known: Mapping[str, Any], place: str, created: datetime) -> bool:
    """Whether it was read since it was connected. SQLite gives the number of a connection that was removed to a new one."""
    read_at = known.get(f"library.{place}.read_at")
    return bool(read_at) and datetime.fromisoformat(str(read_at)) >= created


async def accept(runtime: Runtime, place: str) -> None:
    """A library really has as little as it says: what is gone there may be forgotten. Raises `NotFound`."""
    if place not in await rows.places(runtime.store):
        raise NotFound(f"there is no library {place!r}")
    values = {f"library.{place}.accepted": True, f"library.{place}.tracks": None}
    await figures.put(runtime.store, {**values, f"{TRIED}.{runtime.node}": ""})


async def name_of(runtime: Runtime, place: str) -> str:
    """What a person calls a library."""
    names = {place_of(one.id): one.name for one in await connection_rows.every(runtime.store)}
    return names.get(place) or f"The music folder of {place.partition(':')[2]}"


async def drop_gone(runtime: Runtime) -> int:
    """Forget the tracks of libraries whose connection or machine is no more; returns how many.

    A machine that was stopped is known no longer, and may be started again: its folder is remembered for long.
    """
    connections = {place_of(one.id) for one in await connection_rows.every(runtime.store)}
    nodes = {one.id for one in await nodes_store.every(runtime.store)}
    since = utcnow() - STOPPED_FOR
    for key, value in (await figures.every(runtime.store)).items():
        if key.startswith(f"{TRIED}.") and value and datetime.fromisoformat(str(value)) > since:
            nodes.add(key.removeprefix(f"{TRIED}."))
    gone = await rows.places(runtime.store) - connections - {f"folder:{one}"[:120] for one in nodes}
    return sum([await rows.drop_place(runtime.store, place) for place in sorted(gone)])


async def _read(runtime: Runtime, kind: LibraryKind, line: Line, place: str) -> None:
    """Read all tracks. What is no longer there is forgotten, unless that is most of what was there, or some may not have come."""
    before = (await rows.known_files(runtime.store, place)).keys()
    found: set[str] = set()
    try:
        async for page in kind.tracks(line):
            made = await asyncio.to_thread(_rows, page, place)
            await rows.put(runtime.store, made)
            found.update(one.key for one in page)
    except Short:
        if not await _is_no_shorter(runtime, place, len(found)):
            raise
        return
    if len(found) < len(before) * SHRINKS and not await is_accepted(runtime, place):
        raise NeedsUser(
            f"{line.name} has {len(found)} tracks, and had {len(before)}; nothing was forgotten. If that is right: "
            f"nightcrew music accept {place}"
        )
    await rows.drop(runtime.store, place, before - found)
    await figures.put(runtime.store, {_short(place): None})


async def _is_no_shorter(runtime: Runtime, place: str, found: int) -> bool:
    """Whether fewer tracks than the server counts came the last time too, and no more than now: then there are no others to come.

    The first time some may be missing by accident, and would be fetched a second time.
    """
    last = (await figures.every(runtime.store)).get(_short(place))
    await figures.put(runtime.store, {_short(place): found})
    return last is not None and found >= last


def _short(place: str) -> str:
    return f"library.{place}.short"


def _rows(page: list[ServiceTrack], place: str) -> list[dict[str, Any]]:
    return [_row(one, place) for one in page]


def _row(one: ServiceTrack, place: str) -> dict[str, Any]:
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
    }
