"""The refreshes of feeds: how each began and ended, and what that means for its feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import Store
from nightcrew.playlists.models import feed, refresh_run
from nightcrew.playlists.rules import ListChange

KEPT_RUNS = 200
"""Runs kept for each feed: a day and a half at the usual interval."""

ANSWERED: Mapping[str, Any] = {
    "run": None,
    "rebuild_due": False,
    "failures": 0,
    "error": None,
    "error_kind": None,
    "needs_user": False,
}
"""Columns of a feed whose provider gave a list: its run is over, and it works."""
NOTHING_HELD: Mapping[str, Any] = {"held_run": None, "held_at": None, "held_reason": None, "held_change": None}


async def begin_run(store: Store, run: str, feed_id: int, *, rebuild: bool) -> None:
    """The feed is this run's. It is recorded that it has begun; the same run begun again (after a crash) stays one."""
    values = {"id": run, "feed_id": feed_id, "started_at": utcnow(), "rebuild": rebuild}
    async with store.write() as connection:
        await connection.execute(sa.update(feed).where(feed.c.id == feed_id).values(run=run))
        await connection.execute(store.upsert(refresh_run).values(values).on_conflict_do_nothing())


async def compared(store: Store, run: str, entries: int) -> None:
    """Record how many entries a run has compared. When this returns, all that was committed before is on disk as well."""
    async with store.write() as connection:
        await connection.execute(sa.update(refresh_run).where(refresh_run.c.id == run).values(channels=entries))


async def unchanged(
    store: Store, feed_id: int, run: str, *, now: datetime, due_at: datetime, **validators: Any
) -> None:
    """The provider's list is the stored one: only its age changes."""
    async with store.write() as connection:
        await mark_refreshed(connection, feed_id, now=now, due_at=due_at, values=validators)
        total = (await connection.execute(sa.select(feed.c.streams).where(feed.c.id == feed_id))).scalar()
        await end_run(connection, run, now, "unchanged", channels=total)


async def fail(
    store: Store, feed_id: int, run: str, *, now: datetime, due_at: datetime, reason: str, kind: str, needs_user: bool
) -> int:
    """The run failed; what is served stays. Returns the failures in a row. A feed that another run holds is left to it."""
    async with store.write() as connection:
        await connection.execute(
            sa.update(feed)
            .where(feed.c.id == feed_id, sa.or_(feed.c.run == run, feed.c.run.is_(None)))
            .values(
                run=None,
                due_at=due_at,
                failures=feed.c.failures + 1,
                error=reason[:500],
                error_kind=kind,
                needs_user=needs_user,
            )
        )
        await end_run(connection, run, now, "failed", reason=reason)
        return int((await connection.execute(sa.select(feed.c.failures).where(feed.c.id == feed_id))).scalar() or 0)


async def put_off(
    store: Store, feed_id: int, run: str, *, now: datetime, reason: str, due_at: datetime | None = None
) -> None:
    """The run found its service paused, or its route closed: the feed stays due, or is due then, and it was no attempt."""
    values = {"run": None} if due_at is None else {"run": None, "due_at": due_at}
    async with store.write() as connection:
        await connection.execute(sa.update(feed).where(feed.c.id == feed_id, feed.c.run == run).values(values))
        await end_run(connection, run, now, "failed", reason=reason)


async def mark_refreshed(
    connection: AsyncConnection, feed_id: int, *, now: datetime, due_at: datetime, values: Mapping[str, Any]
) -> None:
    done = {"refreshed_at": now, "due_at": due_at, **ANSWERED, **NOTHING_HELD}
    await connection.execute(sa.update(feed).where(feed.c.id == feed_id).values({**done, **values}))


async def end_run(
    connection: AsyncConnection,
    run: str,
    now: datetime,
    outcome: str,
    *,
    channels: int | None = None,
    change: ListChange | None = None,
    reason: str | None = None,
) -> None:
    values = {"ended_at": now, "outcome": outcome, "channels": channels, "reason": reason[:500] if reason else None}
    values["change"] = asdict(change) if change else None
    await connection.execute(sa.update(refresh_run).where(refresh_run.c.id == run).values(values))


_PLACE = sa.func.row_number().over(partition_by=refresh_run.c.feed_id, order_by=refresh_run.c.started_at.desc())


async def runs(store: Store, feed_ids: Iterable[int], limit: int = 60) -> dict[int, list[dict[str, Any]]]:
    """The last runs of each of these feeds, newest first, by feed."""
    found: dict[int, list[dict[str, Any]]] = {feed_id: [] for feed_id in feed_ids}
    ranked = sa.select(refresh_run, _PLACE.label("place")).where(refresh_run.c.feed_id.in_(found)).subquery()
    last = [column for column in ranked.c if column.name != "place"]
    query = sa.select(*last).where(ranked.c.place <= limit).order_by(ranked.c.feed_id, ranked.c.place)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    for row in rows:
        found[row["feed_id"]].append(dict(row))
    return found


async def prune_runs(store: Store) -> None:
    """Keep the last runs of each feed."""
    ranked = sa.select(refresh_run.c.id, _PLACE.label("place")).subquery()
    async with store.write() as connection:
        old = sa.select(ranked.c.id).where(ranked.c.place > KEPT_RUNS)
        await connection.execute(sa.delete(refresh_run).where(refresh_run.c.id.in_(old)))
