"""Harbours: how high the water stood when a service was last asked, and when it is asked next. A due row is claimed by one node."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.clock import iso
from nightcrew.kernel.due import DueRows
from nightcrew.kernel.store import Moment, Store, metadata, now_of

tide = sa.Table(
    "tide",
    metadata,
    sa.Column("harbour", sa.String(60), primary_key=True),
    sa.Column("due_at", Moment, nullable=False, index=True),
    sa.Column("level", sa.Float),
    sa.Column("measured_at", Moment),
    sa.Column("error", sa.String(500)),
)
TIDES = DueRows("tides", key=tide.c.harbour, due_at=tide.c.due_at, lease=10.0)


async def add(store: Store, harbour: str) -> None:
    """Ask for this one from now on."""
    async with store.write() as connection:
        row = {"harbour": harbour, "due_at": await now_of(connection)}
        await connection.execute(store.upsert(tide).values(row).on_conflict_do_nothing())


async def claim(store: Store, limit: int) -> list[tuple[str, float | None]]:
    """Harbours that are due, with their last level. Nobody else gets them for a while, nor for ever if this node dies."""
    found = await TIDES.claim(store, by="", limit=limit)
    query = sa.select(tide.c.harbour, tide.c.level).where(tide.c.harbour.in_(found))
    async with store.read() as connection:
        return [(row.harbour, row.level) for row in await connection.execute(query)]


async def settle(store: Store, harbour: str, *, again: float, error: str | None, **found: Any) -> None:
    """What was found, and that it is due again in so many seconds."""
    async with store.write() as connection:
        now = await now_of(connection)
        values = {"due_at": now + timedelta(seconds=again), "error": error, **found}
        values |= {"measured_at": now} if found else {}
        await connection.execute(sa.update(tide).where(tide.c.harbour == harbour).values(values))


async def every(store: Store) -> list[dict[str, Any]]:
    """All harbours by name."""
    async with store.read() as connection:
        rows = (await connection.execute(sa.select(tide).order_by(tide.c.harbour))).mappings().all()
    return [{**row, "due_at": iso(row["due_at"]), "measured_at": iso(row["measured_at"])} for row in rows]
