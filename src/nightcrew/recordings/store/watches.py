"""Watched streams."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store, wake
from nightcrew.recordings.models import Watch, recording, watch

LIVE = "live"
"""Stands for the window of a stream that is recorded whenever it is live."""
WATCHES = DueRows("recordings.watches", key=watch.c.id, due_at=watch.c.next_look_at, lease=120.0)
"""Watches that are to be looked at."""


async def add(store: Store, values: Mapping[str, Any], *, now: datetime) -> Watch:
    """A new watch. Raises `Conflict` for a name in use."""
    row = {**values, "created_at": now, "next_look_at": now}
    async with store.write() as connection:
        same = sa.select(watch.c.id).where(sa.func.lower(watch.c.name) == str(values["name"]).lower())
        if (await connection.execute(same)).first() is not None:
            raise Conflict(f"{values['name']} is already watched")
        insert = sa.insert(watch).values({"title": "", "category": "", **row}).returning(watch.c.id)
        watch_id = int((await connection.execute(insert)).scalar_one())
        await wake(connection, WATCHES.topic)
    return await get(store, watch_id)


async def get(store: Store, watch_id: int) -> Watch:
    """One watch. Raises `NotFound`."""
    found = await _select(store, watch.c.id == watch_id)
    if not found:
        raise NotFound(f"there is no watch {watch_id}")
    return found[0]


async def every(store: Store) -> list[Watch]:
    """All watches, by name."""
    return await _select(store)


async def claim(store: Store, now: datetime, limit: int) -> list[Watch]:
    """Take watches that are to be looked at now, those first that have waited longest. Of several nodes one gets each."""
    ids = await WATCHES.claim(store, by="", limit=limit, of=sa.select(watch.c.id).where(watch.c.enabled), now=now)
    found = {one.id: one for one in await _select(store, watch.c.id.in_(ids))} if ids else {}
    return [found[one] for one in ids if one in found]


async def next_at(store: Store) -> datetime | None:
    """When a watch is to be looked at."""
    return await WATCHES.soonest(store, watch.c.enabled)


async def change(store: Store, watch_id: int, **values: Any) -> None:
    """Change a watch. Raises `NotFound`."""
    async with store.write() as connection:
        found = await connection.execute(sa.update(watch).where(watch.c.id == watch_id).values(values))
        if "next_look_at" in values:
            await wake(connection, WATCHES.topic)
    if not found.rowcount:
        raise NotFound(f"there is no watch {watch_id}")


async def pass_over(store: Store, watch_id: int) -> None:
    """Do not record it again until it was offline, when it is one that is recorded whenever it is live."""
    async with store.write() as connection:
        mine = sa.and_(watch.c.id == watch_id, watch.c.windows == [])
        await connection.execute(sa.update(watch).where(mine).values(ended_window=LIVE))


async def remove(store: Store, watch_id: int) -> None:
    """Forget a watch; its recordings stay, and are nobody's. Raises `NotFound`."""
    async with store.write() as connection:
        await connection.execute(sa.update(recording).where(recording.c.watch_id == watch_id).values(watch_id=None))
        found = await connection.execute(sa.delete(watch).where(watch.c.id == watch_id))
    if not found.rowcount:
        raise NotFound(f"there is no watch {watch_id}")


async def _select(store: Store, *conditions: sa.ColumnElement[bool]) -> list[Watch]:
    query = sa.select(watch).where(*conditions).order_by(sa.func.lower(watch.c.name))
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings()
        return [Watch(**{**row, "windows": tuple(row["windows"])}) for row in rows]
