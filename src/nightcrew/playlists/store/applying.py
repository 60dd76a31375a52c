"""Making a staged change the stored state, all of it or nothing; keeping one aside; and forgetting what is gone for long."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store
from nightcrew.playlists.models import channel, feed, staged, stream
from nightcrew.playlists.rules import ListChange
from nightcrew.playlists.store import recognising
from nightcrew.playlists.store import staging_sql as sql
from nightcrew.playlists.store.refreshes import ANSWERED, NOTHING_HELD, end_run, mark_refreshed

LARGE = 20_000
"""A list with more streams than this is found by reading the whole table on SQLite, which is quicker than to follow an index."""


def of_feed(connection: AsyncConnection, table: sa.Table, feed_id: int, size: int) -> sa.ColumnElement[bool]:
    """Whether a row of a table is of a feed that has `size` of them. SQLite follows an index where it had better read all."""
    by_index = connection.dialect.name != "sqlite" or size < LARGE
    mine: sa.ColumnElement[bool] = (table.c.feed_id if by_index else table.c.feed_id + 0) == feed_id
    return mine


async def discard(store: Store, run: str) -> None:
    """Delete what a run staged."""
    async with store.write() as connection:
        await connection.execute(sa.delete(staged).where(staged.c.run == run))


async def discard_orphans(store: Store) -> None:
    """Delete staged rows that belong to no run in progress and to no held-back change."""
    owners = sa.select(feed.c.run).where(feed.c.run.is_not(None))
    held = sa.select(feed.c.held_run).where(feed.c.held_run.is_not(None))
    async with store.write() as connection:
        await connection.execute(sa.delete(staged).where(staged.c.run.not_in(owners.union(held))))


async def hold(
    store: Store,
    feed_id: int,
    run: str,
    *,
    now: datetime,
    due_at: datetime,
    reason: str,
    change: ListChange,
    content: dict[str, Any],
) -> None:
    """Keep a change aside. What an earlier run kept aside is forgotten; `content` are the feed's columns for an acceptance."""
    async with store.write() as connection:
        before = (await connection.execute(sa.select(feed.c.held_run).where(feed.c.id == feed_id))).scalar()
        kept = {**asdict(change), "content": content}
        held = {"held_run": run, "held_at": now, "held_reason": reason, "held_change": kept}
        await connection.execute(sa.update(feed).where(feed.c.id == feed_id).values(**ANSWERED, **held, due_at=due_at))
        await end_run(connection, run, now, "held", change=change, reason=f"held back: {reason}")
        if before and before != run:
            await connection.execute(sa.delete(staged).where(staged.c.run == before))


async def reject(store: Store, feed_id: int) -> None:
    """Forget a held-back change; the next refresh looks anew."""
    async with store.write() as connection:
        run = (await connection.execute(sa.select(feed.c.held_run).where(feed.c.id == feed_id))).scalar()
        await connection.execute(sa.update(feed).where(feed.c.id == feed_id).values(NOTHING_HELD))
        if run:
            await connection.execute(sa.delete(staged).where(staged.c.run == run))


async def apply(
    store: Store,
    feed_id: int,
    run: str,
    *,
    now: datetime,
    due_at: datetime,
    change: ListChange,
    content: dict[str, Any],
    merge: bool,
) -> None:
    """Make the staged change the stored state, all of it or nothing. Doing it twice is doing it once."""
    names = {"run": run, "feed": feed_id, "now": now}
    async with store.write() as connection:
        if not change.nothing:
            await plan_well(connection, "playlist_staged", "playlist_channel", "playlist_stream")
            if merge:
                await connection.execute(sql.MERGE, names)
                await recognising.part_strangers(connection, run)
            await recognising.free_origins(connection, run, feed_id)
            await recognising.free_keys(connection, run, feed_id)
            for statement in sql.APPLY:
                await connection.execute(statement, names)
            await plan_well(connection, "playlist_channel", "playlist_stream")
        await _count(connection, feed_id, change, now=now)
        await mark_refreshed(connection, feed_id, now=now, due_at=due_at, values=content)
        total = (await connection.execute(sa.select(feed.c.streams).where(feed.c.id == feed_id))).scalar()
        outcome = "unchanged" if change.nothing else "applied"
        await end_run(connection, run, now, outcome, channels=total, change=change)
        await connection.execute(sa.delete(staged).where(staged.c.run == run))


async def plan_well(connection: AsyncConnection, *tables: str) -> None:
    """Give PostgreSQL's planner present figures: without them it loops over the staged rows (bench/choices.py)."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            await connection.execute(sa.text(f"ANALYZE {table}"))


async def _count(connection: AsyncConnection, feed_id: int, change: ListChange, *, now: datetime) -> None:
    size = change.stored + change.new
    listed = sa.and_(of_feed(connection, stream, feed_id, size), stream.c.gone_at.is_(None))
    own = sa.and_(of_feed(connection, channel, feed_id, size), channel.c.active)
    playable = sa.and_(stream.c.channel_id == channel.c.id, stream.c.gone_at.is_(None), stream.c.playable)
    values: dict[str, Any] = {
        "streams": sa.select(sa.func.count()).select_from(stream).where(listed).scalar_subquery(),
        "channels": sa.select(sa.func.count()).select_from(channel).where(own).scalar_subquery(),
        "resolved": sa.select(sa.func.count(channel.c.id.distinct()))
        .join_from(channel, stream, playable)
        .where(own)
        .scalar_subquery(),
    }
    if not change.nothing:
        values |= {"revision": feed.c.revision + 1, "changed_at": now}
    await connection.execute(sa.update(feed).where(feed.c.id == feed_id).values(values))


async def forget_gone(store: Store, before: datetime) -> int:
    """Delete streams that are gone since before `before`, and channels left without any; returns how many streams."""
    async with store.write() as connection:
        gone = await connection.execute(sa.delete(stream).where(stream.c.gone_at < before))
        if gone.rowcount:
            orphan = ~sa.exists().where(stream.c.channel_id == channel.c.id)
            await connection.execute(sa.delete(channel).where(orphan, ~channel.c.active))
    return gone.rowcount
