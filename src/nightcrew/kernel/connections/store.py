"""The connections' rows. What is measured over several nodes is measured in the database's time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.connections.models import (
    Connection,
    ConnectionStanding,
    ConnectionState,
    connection,
    connection_call,
    connection_detour,
)
from nightcrew.kernel.declare import Budget
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store, now_of, wake

MOST = 500
"""Connections that people may enter."""
GONE = timedelta(days=1)
"""How long it is known what a service was asked at an address that no connection has any more, longer than any budget counts."""
TOPIC = "connections"
"""Wakes who waits for the end of a pause, or for a new connection."""
BY_HAND = connection.c.owner == ""
_PLAIN = {field.name for field in fields(Connection)} - {"mirrors", "standing"}
FRESH = ConnectionStanding()
"""How a connection stands that nobody has asked."""


async def every(store: Store) -> list[Connection]:
    """All connections, by name."""
    async with store.read() as reading:
        return await _select(reading)


async def get(store: Store, connection_id: int) -> Connection:
    """One connection. Raises `NotFound`."""
    async with store.read() as reading:
        return await _one(reading, connection_id)


async def owned(store: Store, owner: str) -> Connection | None:
    """The connection of an owner."""
    async with store.read() as reading:
        return next(iter(await _select(reading, connection.c.owner == owner)), None)


async def paused(store: Store) -> dict[str, Connection]:
    """Those that belong to something and are not asked now, by owner."""
    async with store.read() as reading:
        found = await _select(reading, ~BY_HAND, connection.c.until > await now_of(reading))
    return {one.owner: one for one in found}


async def now(store: Store) -> datetime:
    """Now, by the time that connections are measured in."""
    async with store.read() as reading:
        return await now_of(reading)


async def add(store: Store, values: Mapping[str, Any], standing: ConnectionStanding = FRESH) -> Connection:
    """A new connection. `values`: kind, name, address, mirrors, settings, sealed, route, private, enabled. Raises `Conflict`."""
    async with store.write() as writing:
        await _free(writing, values["name"])
        count = (await writing.execute(sa.select(sa.func.count()).select_from(connection).where(BY_HAND))).scalar_one()
        if count >= MOST:
            raise Conflict(f"there are {MOST} connections already; remove one first")
        at = await now_of(writing)
        row = {**values, **fresh(at, standing), "version": 1, "created_at": at}
        insert = sa.insert(connection).values(row).returning(connection.c.id)
        await wake(writing, TOPIC)
        return await _one(writing, int((await writing.execute(insert)).scalar_one()))


async def change(
    store: Store,
    connection_id: int,
    values: Mapping[str, Any],
    *,
    forget_grant: bool = False,
    standing: ConnectionStanding = FRESH,
) -> Connection:
    """Change what a person entered. It stands as a new one does. Raises `NotFound`, and `Conflict` for a name in use.

    `forget_grant`: what was granted belongs to something else now.
    """
    async with store.write() as writing:
        await _one(writing, connection_id)
        if "name" in values:
            await _free(writing, values["name"], but=connection_id)
        row = {**values, **fresh(await now_of(writing), standing), "version": connection.c.version + 1}
        if forget_grant:
            row |= {"tokens": None, "granted_at": None, "refreshing": None, "refreshing_until": None}
        await writing.execute(sa.update(connection).where(connection.c.id == connection_id).values(row))
        await writing.execute(sa.delete(connection_detour).where(connection_detour.c.connection_id == connection_id))
        await wake(writing, TOPIC)
        return await _one(writing, connection_id)


async def remove(store: Store, connection_id: int) -> Connection:
    """Forget a connection. Raises `NotFound`."""
    async with store.write() as writing:
        gone = await _one(writing, connection_id)
        await writing.execute(sa.delete(connection).where(connection.c.id == connection_id))
        await wake(writing, TOPIC)
        return gone


async def move(store: Store, before: Connection, after: ConnectionStanding) -> bool:
    """Note how a connection stands now; False when it has moved since `before` was read, by another call or node."""
    async with store.write() as writing:
        same = sa.and_(connection.c.id == before.id, connection.c.version == before.version)
        row = {**asdict(after), "version": connection.c.version + 1}
        if after.state is not before.standing.state:
            row["since"] = await now_of(writing)
        if after.until is None:
            await wake(writing, TOPIC)
        return (await writing.execute(sa.update(connection).where(same).values(row))).rowcount == 1


async def worked(store: Store, connection_id: int) -> None:
    """Note that it works now."""
    async with store.write() as writing:
        row = {"worked_at": await now_of(writing)}
        await writing.execute(sa.update(connection).where(connection.c.id == connection_id).values(row))


async def spend(store: Store, connection_id: int, budget: Budget) -> float | None:
    """Count one request on a budget. Returns the seconds until there is room when there is none, and counts nothing then."""
    async with store.write() as writing:
        address = await _address(writing, connection_id)
        same = sa.or_(connection.c.id == connection_id, connection.c.address == address)
        locked = sa.select(connection.c.id).where(same).order_by(connection.c.id).with_for_update()
        await writing.execute(locked)  # on SQLite the transaction is the lock
        at = await now_of(writing)
        mine = _calls_of(connection_id, address)
        window = timedelta(seconds=budget.seconds)
        old = sa.or_(sa.and_(mine, connection_call.c.at <= at - window), connection_call.c.at <= at - GONE)
        await writing.execute(sa.delete(connection_call).where(old))
        oldest = sa.select(connection_call.c.at).where(mine).order_by(connection_call.c.at.desc())
        full = (await writing.execute(oldest.offset(budget.most - 1).limit(1))).scalar()
        if full is not None:
            return float(max(0.01, (full + window - at).total_seconds()))
        row = {"connection_id": connection_id, "at": at, "address": address}
        await writing.execute(sa.insert(connection_call).values(row))
        return None


async def spent(store: Store, connection_id: int, budget: Budget) -> int:
    """How many requests a budget counts now."""
    async with store.read() as reading:
        since = await now_of(reading) - timedelta(seconds=budget.seconds)
        query = (
            sa.select(sa.func.count())
            .select_from(connection_call)
            .where(_calls_of(connection_id, await _address(reading, connection_id)), connection_call.c.at > since)
        )
        return int((await reading.execute(query)).scalar_one())


async def _address(reading: AsyncConnection, connection_id: int) -> str:
    query = sa.select(connection.c.address).where(connection.c.id == connection_id)
    return str((await reading.execute(query)).scalar() or "")


def _calls_of(connection_id: int, address: str) -> sa.ColumnElement[bool]:
    """What a service was asked at this address, through whichever connection. Calls of earlier versions have none: they count by number."""
    by_number = sa.and_(connection_call.c.connection_id == connection_id, connection_call.c.address == "")
    return sa.or_(by_number, connection_call.c.address == address)


def fresh(at: datetime, standing: ConnectionStanding = FRESH) -> dict[str, Any]:
    """Columns of a connection that stands anew since `at`."""
    return {**asdict(standing), "since": at}


async def _one(reading: AsyncConnection, connection_id: int) -> Connection:
    found = await _select(reading, connection.c.id == connection_id)
    if not found:
        raise NotFound(f"there is no connection {connection_id}")
    return found[0]


async def _free(reading: AsyncConnection, name: str, *, but: int | None = None) -> None:
    same = sa.select(connection.c.id).where(BY_HAND, sa.func.lower(connection.c.name) == name.lower())
    if (await reading.execute(same)).scalar() not in {None, but}:
        raise Conflict(f"there is a connection named {name} already")


async def _select(reading: AsyncConnection, *where: sa.ColumnElement[bool]) -> list[Connection]:
    query = sa.select(connection).where(*where).order_by(sa.func.lower(connection.c.name))
    return [_read({**row}) for row in (await reading.execute(query)).mappings()]


def _read(row: Mapping[str, Any]) -> Connection:
    standing = ConnectionStanding(ConnectionState(row["state"]), row["reason"], row["until"], row["pauses"])
    plain = {name: row[name] for name in _PLAIN}
    return Connection(**plain, mirrors=tuple(row["mirrors"]), standing=standing)
