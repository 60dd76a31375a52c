"""Runs: requests to check many streams, with their counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nightcrew.checks.models import CheckRun, RunState, checked, run
from nightcrew.checks.store import queue
from nightcrew.checks.store.queue import Scope
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store, now_of

OPEN = (RunState.RUNNING.value, RunState.PAUSED.value)
KEPT = 200
"""Runs that are kept."""


async def start(
    store: Store,
    scope: Scope,
    *,
    title: str,
    asked_by: str,
    priority: int,
    full: bool,
    immunity: float | None,
    now: datetime,
) -> int | None:
    """A new run with the streams of a scope; returns its id, None when there are none. All in one transaction."""
    values = {"title": title[:200], "asked_by": asked_by[:100], "state": RunState.RUNNING.value, "created_at": now}
    counts = dict.fromkeys(("total", "ok", "failed", "interrupted", "died", "revived"), 0)
    async with store.write() as connection:
        insert = sa.insert(run).values({**values, **counts}).returning(run.c.id)
        run_id = int((await connection.execute(insert)).scalar_one())
        total = await queue.enqueue(
            store, connection, scope, run_id=run_id, priority=priority, full=full, now=now, immunity=immunity
        )
        if total:
            await connection.execute(sa.update(run).where(run.c.id == run_id).values(total=total))
            return run_id
        await connection.execute(sa.delete(run).where(run.c.id == run_id))
    return None


async def get(store: Store, run_id: int) -> CheckRun:
    """One run. Raises `NotFound`."""
    found = await _select(store, run.c.id == run_id, limit=1)
    if not found:
        raise NotFound(f"there is no check run {run_id}")
    return found[0]


async def page(store: Store, *, open_only: bool = False, before: int | None = None, limit: int = 20) -> list[CheckRun]:
    """Runs, newest first."""
    conditions: list[sa.ColumnElement[bool]] = [run.c.state.in_(OPEN)] if open_only else []
    if before is not None:
        conditions.append(run.c.id < before)
    return await _select(store, *conditions, limit=limit)


async def move(store: Store, run_id: int, to: RunState, *, now: datetime, retry_at: datetime) -> None:
    """Pause, resume or cancel. Raises `NotFound`, and `Conflict` for a run that is over."""
    async with store.write() as connection:
        state = (await connection.execute(sa.select(run.c.state).where(run.c.id == run_id))).scalar()
        if state is None:
            raise NotFound(f"there is no check run {run_id}")
        if state not in OPEN:
            raise Conflict(f"check run {run_id} is {state}")
        values: dict[str, Any] = {"state": to.value}
        if to is RunState.CANCELLED:
            left = await connection.execute(sa.select(sa.func.count()).where(checked.c.run_id == run_id))
            values |= {"ended_at": now, "total": run.c.total - int(left.scalar() or 0)}
            await queue.forget_run(connection, run_id, retry_at)
        elif to is RunState.PAUSED:
            await queue.pause_run(connection, run_id)
        else:
            await queue.resume_run(connection, run_id, now)
        await connection.execute(sa.update(run).where(run.c.id == run_id).values(values))


async def end_finished(store: Store, now: datetime) -> list[CheckRun]:
    """End the runs that have nothing left to do; returns them."""
    left = sa.exists().where(checked.c.run_id == run.c.id)
    finished = sa.and_(run.c.state.in_(OPEN), ~left)
    async with store.read() as connection:
        if (await connection.execute(sa.select(run.c.id).where(finished).limit(1))).first() is None:
            return []
    async with store.write() as connection:
        done = {"state": RunState.DONE.value, "ended_at": now}
        ids = list(
            (await connection.execute(sa.update(run).where(finished).values(done).returning(run.c.id))).scalars()
        )
        oldest = sa.select(run.c.id).order_by(run.c.id.desc()).offset(KEPT).limit(1).scalar_subquery()
        await connection.execute(sa.delete(run).where(run.c.id <= oldest, run.c.state.not_in(OPEN)))
    return (await _select(store, run.c.id.in_(ids), limit=len(ids)))[::-1]


async def _select(store: Store, *conditions: sa.ColumnElement[bool], limit: int) -> list[CheckRun]:
    left = sa.select(sa.func.count()).where(checked.c.run_id == run.c.id).scalar_subquery().label("left")
    query = sa.select(run, left).where(*conditions).order_by(run.c.id.desc()).limit(limit)
    async with store.read() as connection:
        now = await now_of(connection)
        rows = (await connection.execute(query)).mappings().all()
    return [CheckRun(**row, as_of=now) for row in rows]
