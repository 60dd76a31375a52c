"""Sources, counts and trackers that nobody needs any more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import lock_rows
from nightcrew.kernel.store import Store
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.handover.models import handover
from nightcrew.movies.sources.models import SourceState, health, offer, source, swarm_count, tracker


async def forget(connection: AsyncConnection, ids: Collection[int]) -> None:
    """Remove sources with all that is known of them."""
    await connection.execute(sa.delete(health).where(health.c.source_id.in_(ids)))
    await connection.execute(sa.delete(offer).where(offer.c.source_id.in_(ids)))
    await connection.execute(sa.delete(source).where(source.c.id.in_(ids)))


async def forget_old(store: Store, before: datetime) -> int:
    """Forget sources that no indexer has offered since, and that are gone, were refused or were never looked into.

    What a person has judged stays, and what is a film's best or is handed over. Counts of swarms that nobody needs go too, and trackers
    that count nothing.
    """
    states = source.c.state.in_([SourceState.GONE, SourceState.REFUSED, SourceState.FOUND])
    is_best = sa.exists().where(movie.c.best_id == source.c.id)
    handed_over = sa.select(handover.c.source_id).where(handover.c.ended_at.is_(None))
    old = sa.and_(source.c.seen_at < before, ~source.c.final)
    over = sa.and_(states, old, ~is_best, source.c.id.not_in(handed_over))
    done = 0
    while True:
        async with store.write() as connection:
            query = sa.select(source.c.id).where(over).order_by(source.c.id).limit(500).with_for_update()
            ids = list((await connection.execute(query)).scalars())
            await forget(connection, ids)
            done += len(ids)
        if len(ids) < 500:
            break
    async with store.write() as connection:
        needed = sa.exists().where(source.c.swarm == swarm_count.c.swarm)
        await lock_rows(connection, ~needed, by=[swarm_count.c.swarm, swarm_count.c.tracker_id])
        await connection.execute(sa.delete(swarm_count).where(~needed))
    while await _forget_trackers(store, 500) == 500:
        pass
    return done


async def _forget_trackers(store: Store, most: int) -> int:
    """Forget trackers that count nothing any more; returns how many were looked at."""
    counts = sa.exists().where(swarm_count.c.tracker_id == tracker.c.id)
    async with store.write() as connection:
        query = sa.select(tracker.c.id).where(~counts).order_by(tracker.c.id).limit(most).with_for_update()
        ids = list((await connection.execute(query)).scalars())
        idle = sa.and_(tracker.c.id.in_(ids), ~counts)  # a swarm may have named it since it was looked for
        await connection.execute(sa.delete(tracker).where(idle))
    return len(ids)
