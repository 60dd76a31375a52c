"""The targets' rows: who is told, how it went, and the lease of the node that sends. Leases are in the database's time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.notify.models import MAX_ERROR, NoticeState, Quiet, Target, notice, notify_target
from nightcrew.kernel.store import Store, now_of, wake

MOST = 20
"""Targets of an installation: each may have a process of its own while it is sent to."""
TARGETS = DueRows(
    "kernel.notices",
    key=notify_target.c.id,
    due_at=notify_target.c.next_at,
    until=notify_target.c.busy_until,
)
"""Targets. One without a due time may be sent to at any time. It is held by `lease`, for as long as a message may take."""


@dataclass(frozen=True, slots=True)
class DueTarget:
    """A target that there is something to do for."""

    id: int
    heartbeat: bool


async def every(store: Store) -> list[Target]:
    """All targets, by name."""
    async with store.read() as connection:
        return await _select(connection)


async def get(store: Store, target_id: int) -> Target:
    """One target. Raises `NotFound`."""
    async with store.read() as connection:
        return await one(connection, target_id)


async def one(connection: AsyncConnection, target_id: int) -> Target:
    """One target. Raises `NotFound`."""
    found = await _select(connection, notify_target.c.id == target_id)
    if not found:
        raise NotFound(f"there is no target {target_id} for notifications")
    return found[0]


async def listeners(connection: AsyncConnection) -> list[Target]:
    """The targets that messages are sent to now."""
    return await _select(connection, notify_target.c.enabled, notify_target.c.kind != "heartbeat")


async def any_listener(store: Store) -> bool:
    """Whether anybody is to be told of anything."""
    async with store.read() as connection:
        return bool(await listeners(connection))


async def add(store: Store, values: Mapping[str, Any], *, now: datetime) -> Target:
    """A new target. Raises `Conflict` for a name in use, and when there are too many."""
    async with store.write() as connection:
        await _free(connection, values["name"])
        count = (await connection.execute(sa.select(sa.func.count()).select_from(notify_target))).scalar_one()
        if count >= MOST:
            raise Conflict(f"there are {MOST} targets already; remove one first")
        row = {**_row(values), "created_at": now, "failures": 0}
        await wake(connection, TARGETS.topic)
        insert = sa.insert(notify_target).values(row).returning(notify_target.c.id)
        return await one(connection, int((await connection.execute(insert)).scalar_one()))


async def change(store: Store, target_id: int, values: Mapping[str, Any]) -> Target:
    """Change a target. What waited for its quiet hours is looked at anew, and what waits for one that is switched off is dropped.

    Raises `NotFound`, and `Conflict` for a name in use.
    """
    async with store.write() as connection:
        await one(connection, target_id)
        if "name" in values:
            await _free(connection, values["name"], but=target_id)
        await wake(connection, TARGETS.topic)
        row = _row(values)
        if "sealed" in row:
            row |= {"next_at": None, "failures": 0, "failing_since": None, "error": None}
        if row:
            await connection.execute(sa.update(notify_target).where(notify_target.c.id == target_id).values(row))
        waiting = sa.update(notice).where(notice.c.target_id == target_id, notice.c.state == NoticeState.WAITING.value)
        if values.get("enabled") is False:
            await connection.execute(waiting.values(state=NoticeState.DROPPED.value))
        elif row:
            await connection.execute(waiting.values(due_at=await now_of(connection)))
        return await one(connection, target_id)


async def remove(store: Store, target_id: int) -> Target:
    """Forget a target and what was sent to it. Raises `NotFound`."""
    async with store.write() as connection:
        gone = await one(connection, target_id)
        await connection.execute(sa.delete(notice).where(notice.c.target_id == target_id))
        await connection.execute(sa.delete(notify_target).where(notify_target.c.id == target_id))
        return gone


async def due(store: Store) -> list[DueTarget]:
    """Targets that nobody sends to now, and that have something to be sent or a heartbeat to be called."""
    async with store.read() as connection:
        now = await now_of(connection)
        something = (
            sa.select(notice.c.id)
            .where(
                notice.c.target_id == notify_target.c.id,
                notice.c.state == NoticeState.WAITING.value,
                notice.c.due_at <= now,
            )
            .exists()
        )
        heartbeat = notify_target.c.kind == "heartbeat"
        query = sa.select(notify_target.c.id, heartbeat).where(
            notify_target.c.enabled, _free_at(now), sa.or_(heartbeat, something)
        )
        return [DueTarget(target_id, bool(is_heartbeat)) for target_id, is_heartbeat in await connection.execute(query)]


async def lease(connection: AsyncConnection, target_id: int, *, seconds: float) -> datetime | None:
    """Take a target for so long, unless another node has it or it is not to be sent to yet; returns until when."""
    now = await now_of(connection)
    until = now + timedelta(seconds=seconds)
    mine = sa.and_(notify_target.c.id == target_id, notify_target.c.enabled, _free_at(now))
    taken = await connection.execute(sa.update(notify_target).where(mine).values(busy_until=until))
    return until if taken.rowcount else None


async def release(connection: AsyncConnection, target_id: int, held: datetime) -> None:
    """Give a target back, unless another has taken it since."""
    mine = sa.and_(notify_target.c.id == target_id, notify_target.c.busy_until == held)
    await connection.execute(sa.update(notify_target).where(mine).values(busy_until=None))


async def take_beat(store: Store, target_id: int, *, interval: float) -> bool:
    """Whether this node is the one that calls a heartbeat address now. The next call is after `interval` seconds."""
    async with store.write() as connection:
        now = await now_of(connection)
        mine = sa.and_(notify_target.c.id == target_id, notify_target.c.enabled, _free_at(now))
        following = {"next_at": now + timedelta(seconds=interval)}
        return (await connection.execute(sa.update(notify_target).where(mine).values(following))).rowcount == 1


async def hold_beats(store: Store, *, interval: float) -> None:
    """Have no node call a heartbeat address for `interval` seconds: here a promise is broken."""
    async with store.read() as connection:
        now = await now_of(connection)
        beats = sa.and_(notify_target.c.kind == "heartbeat", notify_target.c.enabled)
        soon = sa.and_(
            beats,
            sa.or_(notify_target.c.next_at.is_(None), notify_target.c.next_at < now + timedelta(seconds=interval / 2)),
        )
        if (await connection.execute(sa.select(notify_target.c.id).where(soon))).first() is None:
            return
    async with store.write() as connection:
        until = await now_of(connection) + timedelta(seconds=interval)
        await connection.execute(sa.update(notify_target).where(soon).values(next_at=until))


async def worked(connection: AsyncConnection, target_id: int, *, beat: bool = False) -> None:
    """It took what was sent. `beat`: its next call stays planned."""
    row: dict[str, Any] = {
        "failures": 0,
        "failing_since": None,
        "error": None,
        "delivered_at": await now_of(connection),
    }
    if not beat:
        row["next_at"] = None
    await connection.execute(sa.update(notify_target).where(notify_target.c.id == target_id).values(row))


async def failed(connection: AsyncConnection, target_id: int, error: str, *, gate: float | None) -> None:
    """It did not take what was sent. Nothing is sent for `gate` seconds; None leaves that as it is."""
    now = await now_of(connection)
    row: dict[str, Any] = {
        "failures": notify_target.c.failures + 1,
        "failing_since": sa.func.coalesce(
            notify_target.c.failing_since, sa.bindparam("now", now, notice.c.due_at.type)
        ),
        "error": error[:MAX_ERROR],
    }
    if gate is not None:
        row["next_at"] = now + timedelta(seconds=gate)
    await connection.execute(sa.update(notify_target).where(notify_target.c.id == target_id).values(row))


async def beat_done(store: Store, target_id: int, error: str | None) -> None:
    """A heartbeat address was called; `error` says why in vain."""
    async with store.write() as connection:
        if error is None:
            await worked(connection, target_id, beat=True)
        else:
            await failed(connection, target_id, error, gate=None)


async def broke(store: Store, target_id: int, error: str, *, gate: float) -> None:
    """Sending to it went wrong here, for no reason of the target's."""
    async with store.write() as connection:
        await failed(connection, target_id, error, gate=gate)


async def tested(store: Store, target_id: int) -> None:
    """A person has seen that it works: what waits for it is sent now."""
    async with store.write() as connection:
        target = await one(connection, target_id)
        await wake(connection, TARGETS.topic)
        await worked(connection, target_id, beat=target.kind == "heartbeat")
        late = sa.and_(
            notice.c.target_id == target_id, notice.c.state == NoticeState.WAITING.value, notice.c.attempts > 0
        )
        await connection.execute(sa.update(notice).where(late).values(due_at=await now_of(connection)))


def _free_at(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        TARGETS.free(now),
        sa.or_(notify_target.c.next_at.is_(None), notify_target.c.next_at <= now),
    )


async def _free(connection: AsyncConnection, name: str, *, but: int | None = None) -> None:
    same = sa.select(notify_target.c.id).where(sa.func.lower(notify_target.c.name) == name.lower())
    found = (await connection.execute(same)).scalar()
    if found not in {None, but}:
        raise Conflict(f"there is a target named {name} already")


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the table has it."""
    row = {key: value for key, value in values.items() if key not in {"quiet", "wants"}}
    if "wants" in values:
        row["wants"] = json.dumps(sorted(values["wants"]))
    if "quiet" in values:
        quiet: Quiet | None = values["quiet"]
        row["quiet_from"] = f"{quiet.begin:%H:%M}" if quiet else None
        row["quiet_to"] = f"{quiet.end:%H:%M}" if quiet else None
        row["loud"] = bool(quiet and quiet.loud)
    return row


async def _select(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Target]:
    waiting = (
        sa.select(sa.func.count())
        .where(notice.c.target_id == notify_target.c.id, notice.c.state == NoticeState.WAITING.value)
        .scalar_subquery()
    )
    query = sa.select(notify_target, waiting.label("waiting")).where(*conditions)
    rows = (await connection.execute(query.order_by(sa.func.lower(notify_target.c.name)))).mappings().all()
    return [_target(dict(row)) for row in rows]


def _target(row: dict[str, Any]) -> Target:
    begin, end, loud = row.pop("quiet_from"), row.pop("quiet_to"), row.pop("loud")
    del row["busy_until"]
    quiet = Quiet(time.fromisoformat(begin), time.fromisoformat(end), loud) if begin and end else None
    return Target(**{**row, "wants": frozenset(json.loads(row["wants"])), "quiet": quiet})
