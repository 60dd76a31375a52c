"""The notices' rows: what each target is still to be told, and what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.activity import Entry
from nightcrew.kernel.due import DueRows, earliest
from nightcrew.kernel.notify import rules, targets_store
from nightcrew.kernel.notify.models import MAX_ERROR, Notice, NoticeState, need_told, notice, notify_target
from nightcrew.kernel.notify.targets_store import TARGETS
from nightcrew.kernel.store import Store, now_of, wake

COLLECT = 3.0
"""Seconds in which what happens at once is gathered into one message."""
PACE = 60.0
"""Seconds between two messages of one kind to one target."""
MOST = 500
"""Notices in one message."""
WAITING = NoticeState.WAITING.value
NOTICES = DueRows(TARGETS.topic, key=notice.c.id, due_at=notice.c.due_at)
"""What waits to be sent. A target is held, not its notices."""
SENT = NoticeState.SENT.value


@dataclass(frozen=True, slots=True)
class Claimed:
    """Notices that this node sends now, oldest first; the target is leased until `held`."""

    notices: tuple[Notice, ...]
    held: datetime


async def add(connection: AsyncConnection, target_id: int, entry: Entry, *, key: str, node: str, window: float) -> None:
    """Let a target be told of an entry.

    The same thing as one that is not sent yet is counted there. The same as one that was told within `window` seconds waits until
    those are over. A kind that was told within the last minute waits for the end of that.
    """
    await wake(connection, NOTICES.topic)
    now = await now_of(connection)
    mine = sa.and_(notice.c.target_id == target_id, notice.c.key == key)
    last = sa.select(notice.c.id, notice.c.state, notice.c.attempts, notice.c.last_at).where(mine)
    before = (await connection.execute(last.order_by(notice.c.id.desc()).limit(1))).one_or_none()
    if before is not None and before.state == WAITING and before.attempts == 0:
        again = {"repeats": notice.c.repeats + 1, "last_at": now, "message": entry.message}
        await connection.execute(sa.update(notice).where(notice.c.id == before.id).values(again))
        return
    due_at = now + timedelta(seconds=COLLECT)
    if before is not None and before.state != NoticeState.DROPPED.value:
        due_at = max(due_at, before.last_at + timedelta(seconds=window))
    paced = sa.select(sa.func.max(notice.c.sent_at)).where(
        notice.c.target_id == target_id, notice.c.state == SENT, notice.c.batch == entry.kind
    )
    sent_at = (await connection.execute(paced)).scalar()
    if sent_at is not None:
        due_at = max(due_at, sent_at + timedelta(seconds=PACE))
    row = {
        "target_id": target_id,
        "kind": entry.kind,
        "level": entry.level,
        "key": key,
        "subject": entry.subject,
        "message": entry.message,
        "node": node,
        "batch": entry.kind,
        "created_at": now,
        "last_at": now,
        "repeats": 1,
        "due_at": due_at,
        "state": WAITING,
        "attempts": 0,
    }
    await connection.execute(sa.insert(notice).values(row))


async def next_at(store: Store) -> datetime | None:
    """When something is to be sent, or a heartbeat address called."""
    beat = sa.and_(notify_target.c.enabled, notify_target.c.kind == "heartbeat")
    return earliest((await NOTICES.soonest(store, notice.c.state == WAITING), await TARGETS.soonest(store, beat)))


async def claim(
    store: Store, target_id: int, *, lease: float, quiet_until: datetime | None = None, loud: bool = False
) -> Claimed | None:
    """Take what makes the next message to a target, those first that were tried least; None when there is nothing, or not now.

    In quiet hours what is due waits for their end, and is told in one message then; with `loud` all but errors.

    Whoever takes it ends with `sent` or `failed`. When it dies before that, the lease ends by itself, and they are sent again.
    """
    async with store.write() as connection:
        held = await targets_store.lease(connection, target_id, seconds=lease)
        if held is None:
            return None
        now = await now_of(connection)
        waiting = sa.and_(notice.c.target_id == target_id, notice.c.state == WAITING)
        if quiet_until is not None:
            still = sa.and_(waiting, notice.c.due_at <= now, notice.c.level != "error" if loud else sa.true())
            await connection.execute(sa.update(notice).where(still).values(due_at=quiet_until, batch=rules.QUIET))
        first = sa.select(notice.c.batch).where(waiting, notice.c.due_at <= now)
        batch = (await connection.execute(first.order_by(notice.c.attempts, notice.c.id).limit(1))).scalar()
        if batch is None:
            await targets_store.release(connection, target_id, held)
            return None
        together = sa.and_(waiting, notice.c.batch == batch, notice.c.due_at <= now + timedelta(seconds=COLLECT))
        found = await _select(connection, together, order=(notice.c.last_at, notice.c.id), limit=MOST)
        begun = {
            "attempts": notice.c.attempts + 1,
            "tried_at": sa.func.coalesce(notice.c.tried_at, sa.bindparam("now", now, notice.c.tried_at.type)),
        }
        await connection.execute(sa.update(notice).where(notice.c.id.in_([one.id for one in found])).values(begun))
        return Claimed(tuple(found), held)


async def sent(store: Store, target_id: int, claimed: Claimed) -> None:
    """The target took them. What it did not take before is tried again at once."""
    async with store.write() as connection:
        now = await now_of(connection)
        done = {"state": SENT, "sent_at": now, "error": None}
        await connection.execute(sa.update(notice).where(_of(claimed)).values(done))
        await targets_store.worked(connection, target_id)
        await targets_store.release(connection, target_id, claimed.held)
        late = sa.and_(notice.c.target_id == target_id, notice.c.state == WAITING, notice.c.attempts > 0)
        await connection.execute(sa.update(notice).where(late).values(due_at=now))


async def failed(
    store: Store, target_id: int, claimed: Claimed, error: str, *, pause: float, gate: float, lasting: float
) -> int:
    """The target did not take them. They are tried again after `pause` seconds; what was first tried `lasting` seconds ago is
    given up. Returns how many were."""
    async with store.write() as connection:
        now = await now_of(connection)
        again = {"due_at": now + timedelta(seconds=pause), "error": error[:MAX_ERROR]}
        await connection.execute(sa.update(notice).where(_of(claimed)).values(again))
        hopeless = sa.and_(_of(claimed), notice.c.tried_at <= now - timedelta(seconds=lasting))
        over = await connection.execute(sa.update(notice).where(hopeless).values(state=NoticeState.FAILED.value))
        await targets_store.failed(connection, target_id, error, gate=gate)
        await targets_store.release(connection, target_id, claimed.held)
        return over.rowcount


async def page(store: Store, *, before: int | None, limit: int) -> list[Notice]:
    """Newest first; `before` is the id to go on from."""
    conditions = [] if before is None else [notice.c.id < before]
    async with store.read() as connection:
        return await _select(connection, *conditions, order=(notice.c.id.desc(),), limit=limit)


async def prune(store: Store, *, before: datetime) -> int:
    """Forget what was told, or given up, before then; returns how many."""
    async with store.write() as connection:
        old = sa.and_(notice.c.state != WAITING, notice.c.last_at < before)
        return (await connection.execute(sa.delete(notice).where(old))).rowcount


# -- what needs a person -----------------------------------------------------------------------------------------------


async def see(store: Store, keys: Sequence[str]) -> list[str]:
    """These needs are there now; returns those that nobody was told of."""
    async with store.read() as connection:
        known = set((await connection.execute(sa.select(need_told.c.key))).scalars())
    there = [key for key in keys if key in known]
    if there:
        async with store.write() as connection:
            now = await now_of(connection)
            await connection.execute(sa.update(need_told).where(need_told.c.key.in_(there)).values(seen_at=now))
    return [key for key in keys if key not in known]


async def first(connection: AsyncConnection, store: Store, key: str) -> bool:
    """Whether nobody was told of this need before; from now on somebody was."""
    fresh = store.upsert(need_told).values(key=key, seen_at=await now_of(connection)).on_conflict_do_nothing()
    return (await connection.execute(fresh.returning(need_told.c.key))).first() is not None


async def forget_needs(store: Store, *, gone: float) -> None:
    """Needs that no node has seen for `gone` seconds went away: when they come back, a person is told again."""
    async with store.read() as connection:
        old = need_told.c.seen_at < await now_of(connection) - timedelta(seconds=gone)
        if (await connection.execute(sa.select(need_told.c.key).where(old).limit(1))).first() is None:
            return
    async with store.write() as connection:
        await connection.execute(sa.delete(need_told).where(old))


async def keep_needs(store: Store) -> None:
    """Nobody could look for a while: all needs are as if they were seen now."""
    async with store.write() as connection:
        await connection.execute(sa.update(need_told).values(seen_at=await now_of(connection)))


async def forget_all_needs(store: Store) -> None:
    """Nobody was there to be told of any."""
    async with store.write() as connection:
        await connection.execute(sa.delete(need_told))


def _of(claimed: Claimed) -> sa.ColumnElement[bool]:
    return notice.c.id.in_([one.id for one in claimed.notices])


async def _select(
    connection: AsyncConnection,
    *conditions: sa.ColumnElement[bool],
    order: tuple[sa.ColumnElement[Any], ...],
    limit: int,
) -> list[Notice]:
    query = sa.select(notice).where(*conditions).order_by(*order).limit(limit)
    rows = (await connection.execute(query)).mappings().all()
    return [
        Notice(**{key: value for key, value in row.items() if key != "key"} | {"state": NoticeState(row["state"])})
        for row in rows
    ]
