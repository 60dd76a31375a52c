"""Progress of running jobs. It may be lost; the jobs themselves are DBOS's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nightcrew.kernel.store import Moment, Store, metadata

MAX_MESSAGE = 300

job_progress = sa.Table(
    "job_progress",
    metadata,
    sa.Column("job", sa.String(200), primary_key=True),
    sa.Column("done", sa.Float, nullable=False),
    sa.Column("total", sa.Float),
    sa.Column("message", sa.String(MAX_MESSAGE), nullable=False),
    sa.Column("at", Moment, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` (any unit; total None when unknown), what is being done, and when it was said."""

    done: float
    total: float | None
    message: str
    at: datetime


async def write_progress(store: Store, job: str, progress: Progress) -> None:
    """Replace what was said before."""
    values = {
        "job": job,
        "done": progress.done,
        "total": progress.total,
        "message": progress.message[:MAX_MESSAGE],
        "at": progress.at,
    }
    statement = store.upsert(job_progress).values(values)
    async with store.write() as connection:
        await connection.execute(statement.on_conflict_do_update(index_elements=["job"], set_=values))


async def read_progress(store: Store, jobs: list[str]) -> dict[str, Progress]:
    """What the named jobs said last."""
    if not jobs:
        return {}
    async with store.read() as connection:
        found = await connection.execute(sa.select(job_progress).where(job_progress.c.job.in_(jobs)))
        return {row.job: Progress(row.done, row.total, row.message, row.at) for row in found}


async def prune_progress(store: Store, jobs: list[str]) -> None:
    """Forget the named jobs."""
    async with store.write() as connection:
        for start in range(0, len(jobs), 500):
            await connection.execute(sa.delete(job_progress).where(job_progress.c.job.in_(jobs[start : start + 500])))
