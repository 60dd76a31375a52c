"""Quality profiles that people made."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.store import Store, now_of
from nightcrew.movies.quality.models import StoredProfile, profile


async def get(store: Store, name: str) -> StoredProfile | None:
    """One profile; None when nobody made one of this name."""
    async with store.read() as connection:
        row = (await connection.execute(sa.select(profile).where(profile.c.name == name))).mappings().first()
    return StoredProfile(**row) if row else None


async def every(store: Store) -> list[StoredProfile]:
    """All of them, by name."""
    async with store.read() as connection:
        rows = (await connection.execute(sa.select(profile).order_by(profile.c.name))).mappings()
        return [StoredProfile(**row) for row in rows]


async def put(store: Store, name: str, body: dict[str, Any]) -> None:
    """Make a profile, or change it."""
    async with store.write() as connection:
        values = {"name": name, "body": body, "changed_at": await now_of(connection)}
        insert = store.upsert(profile).values(values)
        new = {"body": insert.excluded.body, "changed_at": insert.excluded.changed_at}
        await connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=new))


async def remove(store: Store, name: str) -> bool:
    """Remove a profile; False when there is none."""
    async with store.write() as connection:
        return (await connection.execute(sa.delete(profile).where(profile.c.name == name))).rowcount == 1
