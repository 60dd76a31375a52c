"""What the libraries have, and how much of it over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, now_of
from nightcrew.music.models import REFUSED, LibraryCount, LibraryTrack, library_count, library_track

BATCH = 500
"""Values of one statement, and rows that are written at a time."""
_RENEWED = ("title", "artist", "album", "seconds", "isrc", "mbid", "title_key", "size", "changed")


async def known_files(store: Store, place: str) -> dict[str, tuple[int, float]]:
    """Size and time of change of each file of a place, by its key."""
    query = sa.select(library_track.c.key, library_track.c.size, library_track.c.changed)
    async with store.read() as connection:
        rows = await connection.execute(query.where(library_track.c.place == place))
        return {row.key: (row.size, row.changed) for row in rows}


async def put(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store tracks: those of a known key are renewed."""
    for start in range(0, len(rows), BATCH):
        async with store.write() as connection:
            upsert = store.upsert(library_track)
            renewed: dict[str, Any] = {name: upsert.excluded[name] for name in _RENEWED}
            renewed["wanted_id"] = sa.func.coalesce(upsert.excluded.wanted_id, library_track.c.wanted_id)
            statement = upsert.on_conflict_do_update(index_elements=["place", "key"], set_=renewed)
            await connection.execute(statement, [{"wanted_id": None, **row} for row in rows[start : start + BATCH]])


async def drop(store: Store, place: str, keys: Iterable[str]) -> None:
    """Forget tracks of a place that are gone. The caller knew them before it looked: what came meanwhile stays."""
    for batch in _batches(sorted(keys)):
        async with store.write() as connection:
            gone = sa.and_(library_track.c.place == place, library_track.c.key.in_(batch))
            await connection.execute(sa.delete(library_track).where(gone))


async def places(store: Store) -> set[str]:
    """All places of which tracks are known."""
    async with store.read() as connection:
        return set((await connection.execute(sa.select(library_track.c.place).distinct())).scalars()) - {REFUSED}


async def drop_place(store: Store, place: str) -> int:
    """Forget a place that is no more."""
    async with store.write() as connection:
        return (await connection.execute(sa.delete(library_track).where(library_track.c.place == place))).rowcount


async def candidates(
    store: Store, *, keys: Iterable[str], isrcs: Iterable[str], mbids: Iterable[str]
) -> list[LibraryTrack]:
    """Tracks with one of these titles, ISRCs or MBIDs, and with the place `REFUSED` those that are none."""
    found: dict[int, LibraryTrack] = {}
    for name, values in (("title_key", keys), ("isrc", isrcs), ("mbid", mbids)):
        for batch in _batches(sorted({value for value in values if value})):
            query = sa.select(library_track).where(library_track.c[name].in_(batch))
            async with store.read() as connection:
                for row in (await connection.execute(query)).mappings():
                    found[row["id"]] = LibraryTrack(**row)
    return list(found.values())


async def fetched_for(store: Store, wanted_id: int) -> list[LibraryTrack]:
    """Tracks that were fetched for a wanted one, as far as they are still there."""
    query = sa.select(library_track).where(_fetched_for(wanted_id))
    async with store.read() as connection:
        return [LibraryTrack(**row) for row in (await connection.execute(query)).mappings()]


async def get(store: Store, track_id: int) -> LibraryTrack | None:
    """One track; None when it is not there any more."""
    query = sa.select(library_track).where(library_track.c.id == track_id, library_track.c.place != REFUSED)
    async with store.read() as connection:
        row = (await connection.execute(query)).mappings().first()
    return None if row is None else LibraryTrack(**row)


async def refuse_fetched(connection: AsyncConnection, wanted_id: int, place: str, key: str) -> bool:
    """Remember that the file that was fetched for a wanted track, which is gone, was the wrong song: a server may still have it.

    Where none has this key, that holds for all that were fetched for it. Returns whether another one is left.
    """
    this = sa.and_(library_track.c.place == place, library_track.c.key == key)
    rows = (
        await connection.execute(sa.select(library_track.c.id, this.label("this")).where(_fetched_for(wanted_id)))
    ).all()
    gone = [row.id for row in rows if row.this] or [row.id for row in rows]
    values = {"place": REFUSED, "key": sa.cast(library_track.c.id, sa.String)}
    await connection.execute(sa.update(library_track).where(library_track.c.id.in_(gone)).values(values))
    return len(gone) < len(rows)


async def forget_refused(connection: AsyncConnection, wanted_id: int) -> None:
    """Forget what was the wrong song for a track that is no longer wanted."""
    mine = sa.and_(library_track.c.wanted_id == wanted_id, library_track.c.place == REFUSED)
    await connection.execute(sa.delete(library_track).where(mine))


def _fetched_for(wanted_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(library_track.c.wanted_id == wanted_id, library_track.c.place != REFUSED)


async def counted(store: Store, place: str) -> tuple[int, int, int]:
    """Artists, albums and tracks of a place, as far as its tracks are known."""
    named = sa.func.lower(library_track.c.artist)
    query = sa.select(
        sa.func.count(sa.distinct(named)),
        sa.func.count(sa.distinct(named + "\n" + sa.func.lower(library_track.c.album))),
        sa.func.count(),
    ).where(library_track.c.place == place)
    async with store.read() as connection:
        artists, albums, tracks = (await connection.execute(query)).one()
    return artists, albums, tracks


async def note_count(store: Store, place: str, artists: int, albums: int, tracks: int) -> None:
    """Remember how much a library has now, if that has changed."""
    last = await last_count(store, place)
    if last is not None and (last.artists, last.albums, last.tracks) == (artists, albums, tracks):
        return
    async with store.write() as connection:
        row = {"at": await now_of(connection), "place": place, "artists": artists, "albums": albums, "tracks": tracks}
        await connection.execute(sa.insert(library_count).values(row))


async def last_count(store: Store, place: str) -> LibraryCount | None:
    """How much a place had when it was last looked at."""
    query = sa.select(library_count).where(library_count.c.place == place).order_by(library_count.c.at.desc()).limit(1)
    async with store.read() as connection:
        row = (await connection.execute(query)).mappings().first()
    return None if row is None else LibraryCount(**row)


async def count_history(store: Store, since: datetime) -> list[LibraryCount]:
    """How much the libraries had, oldest first."""
    query = sa.select(library_count).where(library_count.c.at >= since).order_by(library_count.c.at)
    async with store.read() as connection:
        return [LibraryCount(**row) for row in (await connection.execute(query)).mappings()]


async def forget_counts(store: Store, before: datetime) -> int:
    """Forget counts that are older."""
    async with store.write() as connection:
        return (await connection.execute(sa.delete(library_count).where(library_count.c.at < before))).rowcount


def _batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]
