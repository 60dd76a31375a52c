"""Connections as sources of what is wanted."""

from __future__ import annotations

from nightcrew.kernel.connections import store as connection_rows
from nightcrew.kernel.runtime import Runtime
from nightcrew.music.store import listings

_ANY = "connection:"


def of(connection_id: int) -> str:
    """How the keys of the lists of a connection begin."""
    return f"{_ANY}{connection_id}:"


async def drop_gone(runtime: Runtime) -> int:
    """Connections that a person has removed want nothing any more; returns how many tracks they wanted."""
    left = tuple(of(one.id) for one in await connection_rows.every(runtime.store))
    known = await listings.source_keys(runtime.store, _ANY)
    gone = {one for one in known if not one.startswith(left)}
    return await listings.drop(runtime.store, gone) if gone else 0
