"""What the tasks did over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from nightcrew.kernel.store import Store, now_of
from nightcrew.movies.sources.models import TaskSample, sample


async def add(store: Store, node: str, rows: Sequence[tuple[str, int, int, int]]) -> None:
    """One sample of each task: its name, what was done, what failed, what waits."""
    async with store.write(durable=False) as connection:
        at = (await now_of(connection)).replace(microsecond=0)
        values = [
            {"at": at, "task": task, "node": node, "done": done, "failed": failed, "backlog": backlog}
            for task, done, failed, backlog in rows
        ]
        await connection.execute(store.upsert(sample).on_conflict_do_nothing(), values)


async def since(store: Store, at: datetime) -> dict[str, list[TaskSample]]:
    """All samples from a time on, by task, the oldest first."""
    query = sa.select(sample).where(sample.c.at >= at).order_by(sample.c.at)
    found: dict[str, list[TaskSample]] = {}
    async with store.read() as connection:
        for row in (await connection.execute(query)).mappings():
            found.setdefault(row["task"], []).append(TaskSample(**row))
    return found


async def forget(store: Store, before: datetime) -> int:
    """Forget older ones."""
    async with store.write() as connection:
        return (await connection.execute(sa.delete(sample).where(sample.c.at < before))).rowcount
