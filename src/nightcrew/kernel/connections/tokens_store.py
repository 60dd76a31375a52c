"""Tokens and grants in the database. Leases are in its time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from nightcrew.kernel.connections.models import connection, connection_grant
from nightcrew.kernel.store import Store, now_of

MOST_GRANTS = 10
"""People at the page of one service at a time."""


async def now(store: Store) -> datetime:
    """Now, by the time that leases are measured in."""
    async with store.read() as reading:
        return await now_of(reading)


async def tokens(store: Store, connection_id: int) -> tuple[str | None, datetime]:
    """The sealed tokens of a connection, None when there are none, and the time."""
    async with store.read() as reading:
        query = sa.select(connection.c.tokens).where(connection.c.id == connection_id)
        return (await reading.execute(query)).scalar(), await now_of(reading)


async def lease(
    store: Store, connection_id: int, holder: str, *, is_old: Callable[[str], bool], seconds: float
) -> bool:
    """Be the one who fetches new tokens, unless another is, or has: `is_old` tells whether the stored ones still are."""
    async with store.write() as writing:
        at = await now_of(writing)
        free = sa.or_(connection.c.refreshing.is_(None), connection.c.refreshing_until <= at)
        mine = {"refreshing": holder, "refreshing_until": at + timedelta(seconds=seconds)}
        took = sa.update(connection).where(connection.c.id == connection_id, free).values(mine)
        sealed = (await writing.execute(took.returning(connection.c.tokens))).scalar()
        if sealed is None:
            return False
        if not is_old(sealed):
            await writing.execute(_given_back(connection_id, holder))
            return False
        return True


async def release(store: Store, connection_id: int, holder: str) -> None:
    """Let others try."""
    async with store.write() as writing:
        await writing.execute(_given_back(connection_id, holder))


async def save(store: Store, connection_id: int, sealed: str, *, holder: str | None) -> None:
    """Store new tokens, and give the lease back. Without a holder they come from a new grant, whose age begins now."""
    async with store.write() as writing:
        row: dict[str, object] = {"tokens": sealed, "refreshing": None, "refreshing_until": None}
        mine = connection.c.id == connection_id
        if holder is None:
            row["granted_at"] = await now_of(writing)
        else:
            mine = sa.and_(mine, connection.c.refreshing == holder)
        await writing.execute(sa.update(connection).where(mine).values(row))


async def begin_grant(store: Store, key: str, connection_id: int, sealed: str, *, seconds: float) -> None:
    """Remember a person who is sent to the service's page. The eldest are forgotten when there are too many."""
    async with store.write() as writing:
        at = await now_of(writing)
        await writing.execute(sa.delete(connection_grant).where(connection_grant.c.expires_at <= at))
        mine = connection_grant.c.connection_id == connection_id
        newest = sa.select(connection_grant.c.key).where(mine).order_by(connection_grant.c.expires_at.desc())
        kept = newest.limit(MOST_GRANTS - 1)
        await writing.execute(sa.delete(connection_grant).where(mine, connection_grant.c.key.not_in(kept)))
        row = {
            "key": key,
            "connection_id": connection_id,
            "sealed": sealed,
            "expires_at": at + timedelta(seconds=seconds),
        }
        await writing.execute(sa.insert(connection_grant).values(row))


async def waiting_grant(store: Store, key: str) -> int | None:
    """Which connection a grant is for, None when it is over."""
    async with store.read() as reading:
        alive = sa.and_(connection_grant.c.key == key, connection_grant.c.expires_at > await now_of(reading))
        found: int | None = (await reading.execute(sa.select(connection_grant.c.connection_id).where(alive))).scalar()
        return found


async def take_grant(store: Store, key: str, connection_id: int) -> str | None:
    """What a grant needs, once: it is forgotten with that."""
    async with store.write() as writing:
        mine = sa.and_(
            connection_grant.c.key == key,
            connection_grant.c.connection_id == connection_id,
            connection_grant.c.expires_at > await now_of(writing),
        )
        taken = sa.delete(connection_grant).where(mine).returning(connection_grant.c.sealed)
        return (await writing.execute(taken)).scalar()


def _given_back(connection_id: int, holder: str) -> sa.Update:
    mine = sa.and_(connection.c.id == connection_id, connection.c.refreshing == holder)
    return sa.update(connection).where(mine).values(refreshing=None, refreshing_until=None)
