"""Which streams are due: marked in sets, claimed a few at a time, parked with their plan, given back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.checks.models import Due, RunState, checked, run
from nightcrew.kernel.store import Moment, Store
from nightcrew.playlists.models import channel, feed, stream

LEASE = 60.0
"""Seconds for which a claimed check is this node's, unless it is renewed."""
BY_HAND, NEW, DEAD, NIGHTLY = 0, 5, 8, 10
"""Priorities: what a person asked for comes first."""
BEGUN, WAITING = 1, 2
"""Stages: what is parked with a plan goes on before anything else is begun."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which streams a run is about; None means all. `fresh`: only those that were never queued."""

    stream_id: int | None = None
    channel_id: int | None = None
    source_id: int | None = None
    region: str | None = None
    group: str | None = None
    fresh: bool = False


async def enqueue(
    store: Store,
    connection: AsyncConnection,
    scope: Scope,
    *,
    run_id: int,
    priority: int,
    full: bool,
    now: datetime,
    immunity: float | None,
) -> int:
    """Make the streams of a scope due for a run; returns how many. One statement for those known, one for the new.

    With `immunity` (seconds) those that were checked recently, that another run has, and dead ones whose pause is not over
    are passed over.
    """
    wanted = _streams(scope)
    asked = {"due_at": now, "stage": WAITING, "priority": priority, "run_id": run_id, "full": full}
    if not scope.fresh:
        anew = {**asked, "plan": None, "waiting": False}
        conditions = (checked.c.stream_id.in_(wanted), *_old_enough(now, immunity))
        await connection.execute(sa.update(checked).where(*conditions).values(anew))
    await connection.execute(_insert_new(store, wanted, {**asked, "waiting": False}))
    count = await connection.execute(sa.select(sa.func.count()).where(checked.c.run_id == run_id))
    return int(count.scalar() or 0)


def _old_enough(now: datetime, immunity: float | None) -> list[sa.ColumnElement[bool]]:
    if immunity is None:
        return []
    return [
        sa.or_(checked.c.checked_at.is_(None), checked.c.checked_at <= now - timedelta(seconds=immunity)),
        sa.or_(checked.c.dead_since.is_(None), checked.c.due_at <= now, checked.c.due_at.is_(None)),
        checked.c.run_id.is_(None),
        checked.c.lease_until.is_(None),
        checked.c.plan.is_(None),
    ]


def _streams(scope: Scope) -> sa.Select[Any]:
    """The ids of streams that can be played now."""
    query = (
        sa.select(stream.c.id)
        .join(feed, feed.c.id == stream.c.feed_id)
        .join(channel, channel.c.id == stream.c.channel_id)
        .where(stream.c.gone_at.is_(None), stream.c.playable, feed.c.enabled, ~channel.c.hidden)
    )
    if scope.stream_id is not None:
        query = query.where(stream.c.id == scope.stream_id)
    if scope.channel_id is not None:
        query = query.where(stream.c.channel_id == scope.channel_id)
    if scope.source_id is not None:
        query = query.where(feed.c.source_id == scope.source_id)
    if scope.region is not None:
        query = query.where(channel.c.region == scope.region)
    if scope.group is not None:
        query = query.where(sa.func.coalesce(channel.c.edit_grp, channel.c.grp) == scope.group)
    return query


def _insert_new(store: Store, wanted: sa.Select[Any], asked: dict[str, Any]) -> sa.Insert:
    """Rows for streams that have none yet."""
    ids = wanted.subquery()
    nothing = {"failures": 0, "width": 0, "height": 0, "fps": 0.0, "video_codec": "", "audio_codec": ""}
    values = {**asked, **nothing}
    columns = [checked.c[key] for key in values]
    literals = [sa.literal(value, type_=checked.c[key].type) for key, value in values.items()]
    query = (
        sa.select(ids.c.id, feed.c.source_id, *literals)
        .join(stream, stream.c.id == ids.c.id)
        .join(feed, feed.c.id == stream.c.feed_id)
        .where(~sa.exists().where(checked.c.stream_id == ids.c.id))
    )
    insert = store.upsert(checked).from_select([checked.c.stream_id, checked.c.source_id, *columns], query)
    return insert.on_conflict_do_nothing(index_elements=["stream_id"])


async def any_fresh(store: Store) -> bool:
    """Whether there are streams that were never queued."""
    query = _streams(Scope()).where(~sa.exists().where(checked.c.stream_id == stream.c.id)).limit(1)
    async with store.read() as connection:
        return (await connection.execute(query)).first() is not None


async def any_due(store: Store, now: datetime) -> bool:
    """Whether anything can be claimed now."""
    query = sa.select(checked.c.stream_id).where(checked.c.due_at <= now, _unclaimed(now)).limit(1)
    async with store.read() as connection:
        return (await connection.execute(query)).first() is not None


async def claim(
    store: Store, *, node: str, source_id: int, limit: int, now: datetime, parked: bool, watched: Collection[int] = ()
) -> list[Due]:
    """Claim up to `limit` due checks of a source for this node: what has begun, then the most urgent.

    `parked`: only those that have begun. Channels in `watched` are left alone, except by hand.
    """
    found: list[Due] = []
    for stage in (BEGUN,) if parked else (BEGUN, WAITING):
        if len(found) < limit:
            query = _claimable(source_id, stage, now, watched).limit(limit - len(found))
            found += await _claim(store, query, node, now)
    return found


def _claimable(source_id: int, stage: int, now: datetime, watched: Collection[int]) -> sa.Select[Any]:
    query = (
        sa.select(checked.c.stream_id)
        .join(stream, stream.c.id == checked.c.stream_id)
        .join(feed, feed.c.id == stream.c.feed_id)
        .where(checked.c.source_id == source_id, checked.c.stage == stage, checked.c.due_at <= now, _unclaimed(now))
        .where(stream.c.gone_at.is_(None), stream.c.playable, feed.c.enabled)
        .order_by(checked.c.priority, checked.c.due_at, checked.c.stream_id)
    )
    if watched:
        query = query.where(sa.or_(checked.c.priority <= BY_HAND, stream.c.channel_id.not_in(list(watched))))
    return query


async def _claim(store: Store, query: sa.Select[Any], node: str, now: datetime) -> list[Due]:
    async with store.read() as connection:  # looking takes no lock; mostly there is nothing
        if (await connection.execute(query)).first() is None:
            return []
    async with store.write() as connection:
        ids = list((await connection.execute(query.with_for_update(skip_locked=True, of=checked))).scalars())
        if not ids:
            return []
        until = now + timedelta(seconds=LEASE)
        mine = checked.c.stream_id.in_(ids)
        await connection.execute(sa.update(checked).where(mine).values(lease_node=node, lease_until=until))
        rows = await connection.execute(
            sa.select(checked, stream.c.channel_id).join(stream, stream.c.id == checked.c.stream_id).where(mine)
        )
        found = {row.stream_id: row for row in rows}
    return [_due(found[stream_id]) for stream_id in ids]


async def renew(store: Store, *, node: str, stream_ids: Collection[int], now: datetime) -> None:
    """Keep what this node has claimed."""
    until = now + timedelta(seconds=LEASE)
    async with store.write() as connection:
        mine = sa.and_(checked.c.stream_id.in_(list(stream_ids)), checked.c.lease_node == node)
        await connection.execute(sa.update(checked).where(mine).values(lease_until=until))


async def park(store: Store, *, node: str, stream_id: int, plan: str | None, until: datetime, waiting: bool) -> None:
    """Give a check back until then, with its plan. In a paused run it stays until that goes on."""
    paused = checked.c.run_id.in_(sa.select(run.c.id).where(run.c.state == RunState.PAUSED.value))
    values: dict[str, Any] = {
        "plan": plan,
        "waiting": waiting,
        "stage": sa.case((paused, None), else_=BEGUN if plan else WAITING),
        "due_at": sa.case((paused, None), else_=sa.literal(until, Moment)),
        "lease_node": None,
        "lease_until": None,
    }
    async with store.write() as connection:
        await connection.execute(sa.update(checked).where(_mine(node, stream_id)).values(values))


async def give_back(store: Store, *, node: str, now: datetime) -> int:
    """What this node had claimed is due again: it was started anew, or stops."""
    paused = checked.c.stage.is_(None)
    values = {"lease_node": None, "lease_until": None, "due_at": sa.case((paused, None), else_=sa.literal(now, Moment))}
    async with store.write() as connection:
        found = await connection.execute(sa.update(checked).where(checked.c.lease_node == node).values(values))
        return found.rowcount


async def to_measure(store: Store, *, now: datetime, again: datetime, limit: int) -> list[Due]:
    """Claim streams whose variants are to be measured; unless that works they are to be measured again at `again`."""
    query = (
        sa.select(checked.c.stream_id)
        .join(stream, stream.c.id == checked.c.stream_id)
        .where(checked.c.measure_at <= now, stream.c.gone_at.is_(None), stream.c.playable)
        .order_by(checked.c.measure_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=checked)
    )
    async with store.write() as connection:
        ids = list((await connection.execute(query)).scalars())
        if not ids:
            return []
        mine = checked.c.stream_id.in_(ids)
        await connection.execute(sa.update(checked).where(mine).values(measure_at=again))
        rows = await connection.execute(
            sa.select(checked, stream.c.channel_id).join(stream, stream.c.id == checked.c.stream_id).where(mine)
        )
        return [_due(row) for row in rows]


async def measured(store: Store, stream_id: int, again: datetime) -> None:
    """Its variants were measured; they are to be measured again then."""
    async with store.write() as connection:
        await connection.execute(sa.update(checked).where(checked.c.stream_id == stream_id).values(measure_at=again))


async def one_waits(store: Store, source_id: int) -> bool:
    """Whether a check of a source is parked and has tried nothing yet."""
    parked = sa.and_(checked.c.source_id == source_id, checked.c.stage == BEGUN, checked.c.waiting)
    async with store.read() as connection:
        return (await connection.execute(sa.select(checked.c.stream_id).where(parked).limit(1))).first() is not None


async def drop_unplayable(store: Store, now: datetime) -> None:
    """What cannot be played any more is not due: its source lists it no longer, or is off."""
    listed = (
        sa.select(stream.c.id)
        .join(feed, feed.c.id == stream.c.feed_id)
        .where(stream.c.gone_at.is_(None), stream.c.playable, feed.c.enabled)
    )
    due = sa.and_(checked.c.due_at.is_not(None), _unclaimed(now), checked.c.stream_id.not_in(listed))
    async with store.read() as connection:
        if (await connection.execute(sa.select(checked.c.stream_id).where(due).limit(1))).first() is None:
            return
    async with store.write() as connection:
        nothing = {"due_at": None, "stage": None, "run_id": None, "plan": None, "waiting": False, "lease_until": None}
        await connection.execute(sa.update(checked).where(due).values(nothing))


async def forget_run(connection: AsyncConnection, run_id: int, retry_at: datetime) -> None:
    """A cancelled run's streams are not due any more; dead ones are tried again at `retry_at`."""
    dead = checked.c.dead_since.is_not(None)
    values = {
        "due_at": sa.case((dead, sa.literal(retry_at, Moment))),
        "stage": sa.case((dead, WAITING)),
        "priority": DEAD,
        "run_id": None,
        "plan": None,
        "waiting": False,
        "lease_node": None,
        "lease_until": None,
    }
    await connection.execute(sa.update(checked).where(checked.c.run_id == run_id).values(values))


async def pause_run(connection: AsyncConnection, run_id: int) -> None:
    """A paused run's streams are not due. What is being checked is finished."""
    await connection.execute(sa.update(checked).where(checked.c.run_id == run_id).values(stage=None, due_at=None))


async def resume_run(connection: AsyncConnection, run_id: int, now: datetime) -> None:
    """Undo `pause_run`."""
    stage = sa.case((checked.c.plan.is_not(None), BEGUN), else_=WAITING)
    await connection.execute(sa.update(checked).where(checked.c.run_id == run_id).values(stage=stage, due_at=now))


def _unclaimed(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(checked.c.lease_until.is_(None), checked.c.lease_until < now)


def _mine(node: str, stream_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(checked.c.stream_id == stream_id, checked.c.lease_node == node)


def _due(row: Any) -> Due:
    return Due(
        stream_id=row.stream_id,
        channel_id=row.channel_id,
        source_id=row.source_id,
        run_id=row.run_id,
        priority=row.priority,
        full=row.full,
        plan=row.plan,
        failures=row.failures,
        dead=row.dead_since is not None,
        good_at=row.good_at,
        sampled_at=row.sampled_at,
        video_codec=row.video_codec,
        width=row.width,
        height=row.height,
        kbps=row.kbps,
    )
