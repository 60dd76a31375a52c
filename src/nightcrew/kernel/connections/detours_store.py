"""Detours as they are stored, for all nodes. Each statement decides for itself, so that of two nodes one begins or ends a detour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.connections.models import MAX_REASON, Detour, DetourKind, connection, connection_detour
from nightcrew.kernel.store import Store, now_of

SOON = timedelta(hours=1)
"""A detour that begins again within this time after it was over is the same one that flaps."""
_AT = connection_detour.c


async def of(store: Store, connection_id: int) -> dict[DetourKind, Detour]:
    """The last detour of each kind, over or not."""
    return (await every(store, connection_id)).get(connection_id, {})


async def every(store: Store, connection_id: int | None = None) -> dict[int, dict[DetourKind, Detour]]:
    """The last detours of all connections, or of one."""
    query = sa.select(connection_detour)
    if connection_id is not None:
        query = query.where(_AT.connection_id == connection_id)
    found: dict[int, dict[DetourKind, Detour]] = {}
    async with store.read() as reading:
        for row in (await reading.execute(query)).mappings():
            number, detour = _read({**row})
            found.setdefault(number, {})[detour.kind] = detour
    return found


async def bridged(store: Store) -> dict[str, Detour]:
    """What belongs to something and goes on with old answers now, by owner."""
    query = (
        sa.select(connection.c.owner, connection_detour)
        .join(connection, connection.c.id == _AT.connection_id)
        .where(connection.c.owner != "", _AT.kind == DetourKind.STALE.value, _AT.over_at.is_(None))
    )
    async with store.read() as reading:
        return {row["owner"]: _read({**row})[1] for row in (await reading.execute(query)).mappings()}


async def take(
    store: Store, writing: AsyncConnection, connection_id: int, kind: DetourKind, reason: str, *, count: int
) -> bool:
    """Note `count` more requests that took it; whether it begins with them."""
    mine = sa.and_(_AT.connection_id == connection_id, _AT.kind == kind.value)
    at, reason = await now_of(writing), reason[:MAX_REASON]
    more = {"last_at": at, "reason": reason, "count": _AT.count + count}
    goes_on = sa.update(connection_detour).where(mine, _AT.over_at.is_(None)).values(more)
    if (await writing.execute(goes_on)).rowcount:
        return False
    anew = {"began_at": at, "last_at": at, "over_at": None, "reason": reason, "count": count}
    again = {**anew, "times": sa.case((_AT.over_at > at - SOON, _AT.times + 1), else_=0)}
    begins = sa.update(connection_detour).where(mine, _AT.over_at.is_not(None)).values(again)
    if (await writing.execute(begins)).rowcount:
        return True
    if (await writing.execute(sa.select(connection.c.id).where(connection.c.id == connection_id))).scalar() is None:
        return False  # it was removed meanwhile
    row = {"connection_id": connection_id, "kind": kind.value, "times": 0, **anew}
    first = store.upsert(connection_detour).values(row).on_conflict_do_nothing().returning(_AT.kind)
    if (await writing.execute(first)).scalar() is not None:
        return True
    await writing.execute(goes_on)
    return False


async def end(writing: AsyncConnection, connection_id: int, kind: DetourKind, quiet: float) -> bool:
    """It is over when nobody took it for `quiet` seconds; whether it ends with this."""
    at = await now_of(writing)
    over = (
        sa.update(connection_detour)
        .where(
            _AT.connection_id == connection_id,
            _AT.kind == kind.value,
            _AT.over_at.is_(None),
            _AT.last_at <= at - timedelta(seconds=quiet),
        )
        .values(over_at=at)
    )
    return bool((await writing.execute(over)).rowcount)


def _read(row: Mapping[str, Any]) -> tuple[int, Detour]:
    values = {field.name: row[field.name] for field in fields(Detour)}
    return row["connection_id"], Detour(**{**values, "kind": DetourKind(row["kind"])})
