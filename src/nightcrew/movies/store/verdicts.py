"""What was found in the torrent file of a source."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, now_of
from nightcrew.movies.models import SourceEntry, SourceState, offer, source
from nightcrew.movies.store import sources
from nightcrew.movies.store.sources import FILES


async def claim_files(store: Store, *, by: str, limit: int, indexers: Collection[int]) -> list[SourceEntry]:
    """Sources whose files are to be read, of these indexers, each in its turn. A mapping says how many of each at most."""
    ids = await FILES.claim_in_turn(store, by=by, limit=limit, only=indexers)
    return await sources.of_ids(store, ids)


async def files_due(store: Store, indexers: Collection[int]) -> datetime | None:
    """When the next file is to be read, of these indexers."""
    return await FILES.soonest(store, turns=indexers)


async def give_to(store: Store, ready: Collection[int], known: Collection[int]) -> list[int]:
    """Have files that are to be read at an indexer that may not be asked now read at one that may, where that offers them too.

    Returns the indexers that are connected no longer, of which files are to be read still.
    """
    here = sa.and_(offer.c.source_id == source.c.id, offer.c.connection_id.in_(ready))
    elsewhere = sa.and_(source.c.file_due_at.is_not(None), source.c.connection_id.not_in(ready))
    other = sa.select(sa.func.min(offer.c.connection_id)).where(here).scalar_subquery()
    moved = sa.update(source).where(elsewhere, sa.exists().where(here)).values(connection_id=other)
    left = sa.select(source.c.connection_id).where(elsewhere, source.c.connection_id.not_in(known)).distinct()
    async with store.write(durable=False) as connection:
        await connection.execute(moved)
        return list((await connection.execute(left)).scalars())


async def judge(store: Store, entry: SourceEntry, to: SourceState, reason: str = "", **values: Any) -> None:
    """Say how a source stands once it was looked into. Its file is not looked at again by itself.

    Where the film has the same torrent from another indexer already, that one stays, and this one goes.
    """
    swarm = values.get("swarm") or entry.swarm
    same_due = source.c.file_due_at == entry.file_due_at
    done = sa.case((same_due, None), else_=source.c.file_due_at)  # else it was offered at another place meanwhile
    due = done if to is SourceState.UNREAD else None
    row = {"file_due_at": due, "file_failures": 0, **FILES.freed, **values}
    if to is SourceState.REFUSED:
        row |= {"stats_due_at": None, "resync_due_at": None}
    async with store.write() as connection:
        if swarm and swarm != entry.fingerprint:
            same = sa.and_(source.c.movie_id == entry.movie_id, source.c.fingerprint == swarm)
            seen = {"seen_at": await now_of(connection), "missed": 0}
            twin = (
                await connection.execute(sa.update(source).where(same).values(seen).returning(source.c.id))
            ).scalar()
            if twin is not None:
                await _give_offers(connection, entry.id, twin)
                await sources.forget(connection, [entry.id])
                return
            row["fingerprint"] = swarm
        await sources.move_in(connection, entry, to, reason, **row)


async def _give_offers(connection: AsyncConnection, source_id: int, twin: int) -> None:
    known = sa.select(offer.c.connection_id).where(offer.c.source_id == twin)
    mine = sa.and_(offer.c.source_id == source_id, offer.c.connection_id.not_in(known))
    await connection.execute(sa.update(offer).where(mine).values(source_id=twin))


async def mark(
    store: Store, entry: SourceEntry, *, missed: int, gone: bool, reason: str, due_at: datetime | None
) -> None:
    """A source was looked for in vain, so many times in a row."""
    to = SourceState.GONE if gone else SourceState.MARKED
    values = {"missed": missed, "resync_due_at": due_at, **sources.RESYNCS.freed}
    if gone:
        values |= {"stats_due_at": None, "file_due_at": None}
    await sources.move(store, entry, to, reason, **values)


async def still_there(store: Store, entry: SourceEntry, *, due_at: datetime) -> None:
    """A source was looked for, and found."""
    values = {"missed": 0, "resync_due_at": due_at, **sources.RESYNCS.freed}
    to = sources.before_marked(entry) if entry.state is SourceState.MARKED else entry.state
    await sources.move(store, entry, to, "" if entry.state is SourceState.MARKED else entry.reason, **values)
