"""Up to when the changes of each medium are known."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.store import Store
from nightcrew.kernel.words import plain
from nightcrew.movies.catalogue.models import Checkpoint, Medium, checkpoint
from nightcrew.movies.columns import MAX_REASON

CHANGES = DueRows(
    "movies.sync",
    key=checkpoint.c.medium,
    due_at=checkpoint.c.due_at,
    lease=120.0,
    until=checkpoint.c.until,
    holder=checkpoint.c.holder,
)


async def begin(connection: AsyncConnection, now: datetime) -> bool:
    """Note that changes count from now on; False where that was done already. Titles are read whole when they become known."""
    if (await connection.execute(sa.select(checkpoint.c.medium).limit(1))).first() is not None:
        return False
    rows = [
        {"medium": one, "known_to": now, "due_at": now, "failures": 0, "reason": ""}
        for one in (Medium.MOVIE, Medium.SHOW)
    ]
    await connection.execute(sa.insert(checkpoint), rows)
    return True


async def claim(store: Store, *, by: str) -> list[Checkpoint]:
    """The media whose changes are to be asked for."""
    media = await CHANGES.claim(store, by=by, limit=len(Medium))
    return [one for one in await every(store) if one.medium in media]


async def every(store: Store) -> list[Checkpoint]:
    """All of them."""
    async with store.read() as connection:
        rows = (await connection.execute(sa.select(checkpoint).order_by(checkpoint.c.medium))).mappings().all()
    return [Checkpoint(**row) for row in rows]


async def advance(store: Store, medium: Medium, known_to: datetime) -> None:
    """All changes up to then are known, and what they concern is due. It is still held."""
    async with store.write() as connection:
        further = sa.update(checkpoint).where(checkpoint.c.medium == medium, checkpoint.c.known_to < known_to)
        await connection.execute(further.values(known_to=known_to))


async def settle(
    store: Store, medium: Medium, *, by: str, due_at: datetime, failures: int = 0, reason: str = ""
) -> None:
    """Note how it went, and when they are asked for again."""
    values = {"failures": failures, "reason": plain(reason)[:MAX_REASON]}
    await CHANGES.park(store, by=by, key=medium, until=due_at, values=values)
