"""The schedule's rows: heartbeats of workers, pauses, timetables."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import DueRows
from nightcrew.kernel.store import Moment, Store, metadata
from nightcrew.kernel.workers import Mark, Worker

worker = sa.Table(
    "worker",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("node", sa.String(100), primary_key=True),
    sa.Column("last_start", Moment),
    sa.Column("last_stop", Moment),
    sa.Column("last_ok", Moment),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)
worker_pause = sa.Table(
    "worker_pause",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("at", Moment, nullable=False),
)
timetable = sa.Table(
    "timetable",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("cron", sa.String(100), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("next_at", Moment, nullable=False),
    sa.Column("held_until", Moment),  # by a node that starts its job
    sa.Column("last_ok", Moment),
)

TIMETABLES = DueRows(
    "kernel.timetables",
    key=timetable.c.name,
    due_at=timetable.c.next_at,
    lease=30.0,
    until=timetable.c.held_until,
)
"""Timetables. One whose job was not started before its time is over, as the node died, fires again: the job's id is the same."""


async def restore(store: Store, node_id: str, workers: Iterable[Worker]) -> None:
    """Give the workers the history that this node wrote before it stopped."""
    async with store.read() as connection:
        found = (await connection.execute(sa.select(worker).where(worker.c.node == node_id))).mappings().all()
    known = {row["name"]: row for row in found}
    for item in workers:
        row = known.get(item.name)
        if row is None:
            continue
        item.last_start, item.last_stop, item.last_ok = row["last_start"], row["last_stop"], row["last_ok"]
        item.runs.clear()
        for mark in json.loads(row["state"]).get("runs", []):
            item.runs.append(Mark(datetime.fromisoformat(mark["at"]), mark["seconds"], mark["error"]))


async def beat(store: Store, node_id: str, workers: Iterable[Worker], now: datetime) -> None:
    """Write what is known of all workers of this node in one transaction."""
    values = [
        {
            "name": item.name,
            "node": node_id,
            "last_start": item.last_start,
            "last_stop": item.last_stop,
            "last_ok": item.last_ok,
            "seen_at": now,
            "state": json.dumps(item.describe(now)),
        }
        for item in workers
    ]
    if values:
        async with store.write(durable=False) as connection:
            await _upsert(store, connection, worker, values)


async def others(store: Store, node_id: str, since: datetime) -> list[dict[str, Any]]:
    """The workers of other living nodes, as they described themselves, with the key `node`."""
    query = sa.select(worker.c.node, worker.c.state).where(worker.c.node != node_id, worker.c.seen_at >= since)
    async with store.read() as connection:
        found = (await connection.execute(query.order_by(worker.c.name, worker.c.node))).all()
    return [{**json.loads(state), "node": owner} for owner, state in found]


async def nodes_of(store: Store, name: str, *, since: datetime) -> set[str]:
    """The nodes on which the worker of this name has been alive since then."""
    query = sa.select(worker.c.node).where(worker.c.name == name, worker.c.seen_at >= since)
    async with store.read() as connection:
        return set((await connection.execute(query)).scalars())


async def pauses(store: Store) -> dict[str, str]:
    """Paused workers, by name, with who paused them."""
    async with store.read() as connection:
        return {row.name: row.by for row in await connection.execute(sa.select(worker_pause))}


async def set_pause(store: Store, name: str, actor: str) -> None:
    """Remember a pause."""
    async with store.write() as connection:
        await _upsert(store, connection, worker_pause, [{"name": name, "by": actor, "at": utcnow()}])


async def clear_pause(store: Store, name: str) -> None:
    """Forget a pause."""
    async with store.write() as connection:
        await connection.execute(sa.delete(worker_pause).where(worker_pause.c.name == name))


async def register(store: Store, declared: Mapping[str, tuple[str, datetime]]) -> None:
    """Insert new timetables, and move those whose cron expression has changed. Values are (cron, next time)."""
    async with store.write() as connection:
        for name, (cron, next_at) in declared.items():
            row = {"name": name, "cron": cron, "next_at": next_at, "created_at": utcnow()}
            await connection.execute(store.upsert(timetable).values(row).on_conflict_do_nothing())
            changed = sa.update(timetable).where(timetable.c.name == name, timetable.c.cron != cron)
            await connection.execute(changed.values(cron=cron, next_at=next_at))


async def timetables(store: Store) -> list[Any]:
    """All rows: name, cron, next_at, last_ok, created_at."""
    async with store.read() as connection:
        return list((await connection.execute(sa.select(timetable))).all())


async def make_due(store: Store, name: str, now: datetime) -> None:
    """Let a timetable fire at the next look."""
    async with store.write() as connection:
        await TIMETABLES.make_due(connection, timetable.c.name == name, at=now)


async def claim(store: Store, names: Collection[str], *, now: datetime) -> list[tuple[str, datetime]]:
    """Take what has to fire now; returns (name, due time). Of all nodes that try, one gets each."""
    mine = sa.select(timetable.c.name).where(timetable.c.name.in_(names))
    found = await TIMETABLES.claim(store, by="", limit=max(1, len(names)), of=mine, now=now)
    if not found:
        return []
    query = sa.select(timetable.c.name, timetable.c.next_at).where(timetable.c.name.in_(found))
    async with store.read() as connection:
        return [(row.name, row.next_at) for row in await connection.execute(query.order_by(timetable.c.next_at))]


async def next_at(store: Store, names: Collection[str]) -> datetime | None:
    """When the next one fires."""
    return await TIMETABLES.soonest(store, timetable.c.name.in_(names))


async def fired(store: Store, name: str, due: datetime, next_at: datetime) -> None:
    """The claimed occurrence has become a durable job, or was passed over. One that was asked for meanwhile stays due."""
    following = sa.case((timetable.c.next_at == due, next_at), else_=timetable.c.next_at)
    values = {"next_at": following, **TIMETABLES.freed}
    async with store.write() as connection:
        await connection.execute(sa.update(timetable).where(timetable.c.name == name).values(values))


async def succeeded(store: Store, name: str, now: datetime) -> None:
    """The job of a timetable ended well."""
    async with store.write() as connection:
        await connection.execute(sa.update(timetable).where(timetable.c.name == name).values(last_ok=now))


async def _upsert(store: Store, connection: Any, table: sa.Table, values: list[dict[str, Any]]) -> None:
    statement = store.upsert(table)
    keys = [column.name for column in table.primary_key]
    changed = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), values)
