"""Which streams are due: marked in sets, claimed a few at a time, parked with their plan, given back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.checks.models import LISTED, URGENCY, DueCheck, Facts, RunState, checked, run
from nightcrew.kernel.due import DueRows
from nightcrew.kernel.store import Moment, Store, wake
from nightcrew.playlists.exports import channels
from nightcrew.playlists.models import channel, feed, stream

LEASE = 60.0
"""Seconds for which a claimed check is this node's, unless it is renewed."""
BY_HAND, NEW, DEAD, NIGHTLY = 0, 5, 8, 10
"""Priorities: what a person asked for comes first."""
BEGUN, WAITING = 1, 2
"""Stages: what is parked with a plan goes on before anything else is begun."""
CHECKS = DueRows(
    "checks.due",
    key=checked.c.stream_id,
    due_at=checked.c.due_at,
    lease=LEASE,
    until=checked.c.lease_until,
    holder=checked.c.lease_node,
    turn=checked.c.source_id,
    order=(URGENCY,),
)
"""Streams to be checked."""
MEASURES = DueRows(
    "checks.measure",
    key=checked.c.stream_id,
    due_at=checked.c.measure_at,
    lease=600.0,
    turn=checked.c.source_id,
)
"""Streams whose variants are to be measured. What does not work is tried again when the lease is over."""


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
    await wake(connection, CHECKS.topic)
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
        .where(LISTED, ~channel.c.hidden)
    )
    given = (
        (stream.c.id, scope.stream_id),
        (stream.c.channel_id, scope.channel_id),
        (feed.c.source_id, scope.source_id),
        (channel.c.region, scope.region),
    )
    if scope.group is not None:
        query = query.where(channels.in_group(scope.group))
    return query.where(*(column == value for column, value in given if value is not None))


def _insert_new(store: Store, wanted: sa.Select[Any], asked: dict[str, Any]) -> sa.Insert:
    """Rows for streams that have none yet."""
    ids = wanted.subquery()
    values = {**asked, "failures": 0, **asdict(Facts())}
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


async def claim(
    store: Store, *, node: str, source_id: int, limit: int, now: datetime, parked: bool, watched: Collection[int] = ()
) -> list[DueCheck]:
    """Claim up to `limit` due checks of a source for this node: what has begun, then the most urgent.

    `parked`: only those that have begun. Channels in `watched` are left alone, except by hand.
    """
    found: list[int] = []
    for stage in (BEGUN,) if parked else (BEGUN, WAITING):
        query = _playable().where(checked.c.source_id == source_id, checked.c.stage == stage, feed.c.enabled)
        if watched:
            query = query.where(sa.or_(checked.c.priority <= BY_HAND, stream.c.channel_id.not_in(list(watched))))
        found += await CHECKS.claim(store, by=node, limit=limit - len(found), of=query, now=now)
    return await _rows(store, found)


def _playable() -> sa.Select[Any]:
    return (
        sa.select(checked.c.stream_id)
        .join(stream, stream.c.id == checked.c.stream_id)
        .join(feed, feed.c.id == stream.c.feed_id)
        .where(stream.c.gone_at.is_(None), stream.c.playable)
    )


async def _rows(store: Store, ids: list[int]) -> list[DueCheck]:
    if not ids:
        return []
    known = (checked.c[name] for name in DueCheck.__dataclass_fields__ if name in checked.c)
    query = sa.select(*known, checked.c.dead_since.is_not(None).label("dead"), stream.c.channel_id)
    query = query.join(stream, stream.c.id == checked.c.stream_id).where(checked.c.stream_id.in_(ids))
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings()
        found = {row["stream_id"]: DueCheck(**row) for row in rows}
    return [found[stream_id] for stream_id in ids if stream_id in found]


async def park(store: Store, *, node: str, stream_id: int, plan: str | None, until: datetime, waiting: bool) -> None:
    """Give a check back until then, with its plan. In a paused run it stays until that goes on."""
    paused = checked.c.run_id.in_(sa.select(run.c.id).where(run.c.state == RunState.PAUSED.value))
    stage = sa.case((paused, None), else_=BEGUN if plan else WAITING)
    at = sa.case((paused, None), else_=sa.literal(until, Moment))
    values = {"plan": plan, "waiting": waiting, "stage": stage}
    await CHECKS.park(store, by=node, key=stream_id, until=at, values=values)


async def give_back(store: Store, *, node: str, now: datetime) -> int:
    """What this node had claimed is due again: it was started anew, or stops."""
    return await CHECKS.give_back(store, by=node, now=now, unless=checked.c.stage.is_(None))


async def to_measure(
    store: Store, *, limit: int, after: int | None = None, now: datetime | None = None
) -> list[DueCheck]:
    """Claim streams whose variants are to be measured, of the source that follows `after` first."""
    return await _rows(
        store, await MEASURES.claim_in_turn(store, by="", limit=limit, after=after, of=_playable(), now=now)
    )


async def one_waits(store: Store, source_id: int) -> bool:
    """Whether a check of a source is parked and has tried nothing yet."""
    parked = sa.and_(checked.c.source_id == source_id, checked.c.stage == BEGUN, checked.c.waiting)
    async with store.read() as connection:
        return (await connection.execute(sa.select(checked.c.stream_id).where(parked).limit(1))).first() is not None


async def drop_unplayable(store: Store, now: datetime) -> None:
    """What cannot be played any more is not due: its source lists it no longer, or is off."""
    listed = sa.select(stream.c.id).join(feed, feed.c.id == stream.c.feed_id).where(LISTED)
    due = sa.and_(checked.c.due_at.is_not(None), CHECKS.free(now), checked.c.stream_id.not_in(listed))
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
    await CHECKS.make_due(connection, checked.c.run_id == run_id, at=now, stage=stage)
