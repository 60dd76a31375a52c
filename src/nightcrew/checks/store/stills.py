"""Which streams have a picture, since when, how large it is, and on which machine it lies."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from nightcrew.checks.models import Still, still
from nightcrew.kernel.store import Store
from nightcrew.playlists.models import stream

BATCH = 500
"""Rows that one statement names."""


async def get(store: Store, stream_id: int) -> Still | None:
    """The picture of a stream."""
    return next(iter(await _select(store, still.c.stream_id == stream_id)), None)


async def save(store: Store, one: Still) -> None:
    """It takes the place of the one before. A stream that is gone meanwhile gets none."""
    values = {"node": one.node, "at": one.at, "size": one.size}
    there = sa.select(
        stream.c.id,
        *(sa.literal(values[name], still.c[name].type) for name in values),
    ).where(stream.c.id == one.stream_id)
    insert = store.upsert(still).from_select(["stream_id", *values], there)
    async with store.write() as connection:
        await connection.execute(insert.on_conflict_do_update(index_elements=["stream_id"], set_=values))


async def of_node(store: Store, node: str) -> list[Still]:
    """Those of a machine, newest first."""
    return await _select(store, still.c.node == node)


async def _select(store: Store, which: sa.ColumnElement[bool]) -> list[Still]:
    query = sa.select(still).where(which).order_by(still.c.at.desc(), still.c.stream_id)
    async with store.read() as connection:
        return [Still(**row) for row in (await connection.execute(query)).mappings()]


async def forget(store: Store, node: str, stream_ids: Collection[int]) -> None:
    """These lie on this machine no more."""
    ids = list(stream_ids)
    for start in range(0, len(ids), BATCH):
        mine = sa.and_(still.c.node == node, still.c.stream_id.in_(ids[start : start + BATCH]))
        async with store.write() as connection:
            await connection.execute(sa.delete(still).where(mine))


async def forget_before(store: Store, moment: datetime) -> None:
    """Those that are older, on whichever machine they lie: it may be gone for good."""
    async with store.write() as connection:
        await connection.execute(sa.delete(still).where(still.c.at < moment))
