"""The workers' figures, under the names that scripts know, and the runs of autosync."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.store import Store, now_of
from nightcrew.music.models import SyncRun, figure, sync_run


async def put(store: Store, values: Mapping[str, Any]) -> None:
    """Store figures. They are of the last cycle, so that a power cut may lose them."""
    async with store.write(durable=False) as connection:
        now = await now_of(connection)
        upsert = store.upsert(figure)
        renewed = {"value": upsert.excluded.value, "changed_at": upsert.excluded.changed_at}
        statement = upsert.on_conflict_do_update(index_elements=["key"], set_=renewed)
        rows = [{"key": key, "value": json.dumps(value), "changed_at": now} for key, value in values.items()]
        await connection.execute(statement, rows)


async def add(store: Store, values: Mapping[str, int]) -> None:
    """Count further."""
    async with store.write(durable=False) as connection:
        now = await now_of(connection)
        keys = list(values)
        query = sa.select(figure.c.key, figure.c.value).where(figure.c.key.in_(keys)).with_for_update()
        known = {row.key: json.loads(row.value) for row in await connection.execute(query)}
        upsert = store.upsert(figure)
        renewed = {"value": upsert.excluded.value, "changed_at": upsert.excluded.changed_at}
        statement = upsert.on_conflict_do_update(index_elements=["key"], set_=renewed)
        rows = [
            {"key": key, "value": json.dumps(int(known.get(key) or 0) + more), "changed_at": now}
            for key, more in values.items()
        ]
        await connection.execute(statement, rows)


async def every(store: Store) -> dict[str, Any]:
    """All figures."""
    async with store.read() as connection:
        rows = await connection.execute(sa.select(figure.c.key, figure.c.value).order_by(figure.c.key))
        return {row.key: json.loads(row.value) for row in rows}


async def save_run(store: Store, run: SyncRun) -> None:
    """Store how a run of autosync stands."""
    names = ("ended_at", "status", "services", "counts", "story")
    row = {name: getattr(run, name) for name in ("id", "started_at", *names)}
    async with store.write() as connection:
        upsert = store.upsert(sync_run)
        renewed = {name: upsert.excluded[name] for name in names}
        await connection.execute(upsert.values(row).on_conflict_do_update(index_elements=["id"], set_=renewed))


async def end_runs(store: Store, *, but: str) -> None:
    """Runs that were cut off, as by a time limit, are no longer running."""
    async with store.write() as connection:
        cut = sa.and_(sync_run.c.status == "running", sync_run.c.id != but)
        values = {"status": "partial", "ended_at": await now_of(connection)}
        await connection.execute(sa.update(sync_run).where(cut).values(values))


async def run_of(store: Store, run_id: str) -> SyncRun | None:
    """One run."""
    async with store.read() as connection:
        row = (await connection.execute(sa.select(sync_run).where(sync_run.c.id == run_id))).mappings().first()
    return None if row is None else SyncRun(**row)


async def runs(store: Store, limit: int) -> list[SyncRun]:
    """The last runs, the newest first."""
    query = sa.select(sync_run).order_by(sync_run.c.started_at.desc()).limit(limit)
    async with store.read() as connection:
        return [SyncRun(**row) for row in (await connection.execute(query)).mappings()]
