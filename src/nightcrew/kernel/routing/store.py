"""The routes' rows, and who uses them."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.connections.models import connection
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.routes.states import RouteState
from nightcrew.kernel.routing.models import MOST, DefinedRoute, RouteAtNode, route, route_state
from nightcrew.kernel.store import Store, now_of, wake

TOPIC = "routes"
"""Wakes each node when a route was defined, changed or removed."""
SILENT = timedelta(seconds=90)
"""After which what a node said of a route is not known any more."""


async def every(store: Store) -> list[DefinedRoute]:
    """All routes, by name."""
    async with store.read() as reading:
        found = await reading.execute(sa.select(route).order_by(route.c.name))
        return [DefinedRoute(**row) for row in found.mappings()]


async def get(store: Store, name: str) -> DefinedRoute:
    """One route. Raises `NotFound`."""
    async with store.read() as reading:
        return await _one(reading, name)


async def add(store: Store, name: str, *, kind: str, shown: str, sealed: str) -> DefinedRoute:
    """A new route. Raises `Conflict` for a name in use, and when there are too many."""
    async with store.write() as writing:
        names = list((await writing.execute(sa.select(route.c.name))).scalars())
        if name in names:
            raise Conflict(f"there is a route named {name} already")
        if len(names) >= MOST:
            raise Conflict(f"there are {MOST} routes already; remove one first")
        row = {"name": name, "kind": kind, "shown": shown, "sealed": sealed, "version": uuid.uuid4().hex}
        await writing.execute(sa.insert(route).values(**row, created_at=await now_of(writing)))
        await wake(writing, TOPIC)
        return await _one(writing, name)


async def change(store: Store, name: str, *, kind: str, shown: str, sealed: str) -> DefinedRoute:
    """Define a route anew. How it stands is not known then. Raises `NotFound`."""
    async with store.write() as writing:
        await _one(writing, name)
        row = {"kind": kind, "shown": shown, "sealed": sealed, "version": uuid.uuid4().hex}
        await writing.execute(sa.update(route).where(route.c.name == name).values(row))
        await writing.execute(sa.delete(route_state).where(route_state.c.route == name))
        await wake(writing, TOPIC)
        return await _one(writing, name)


async def remove(store: Store, name: str) -> None:
    """Forget a route. Raises `NotFound`, and `Conflict` while a connection takes it."""
    async with store.write() as writing:
        await _one(writing, name)
        if users := await _users(writing, name):
            raise Conflict(f"{name} is in use by {', '.join(users[:5])}; choose another route there first")
        await writing.execute(sa.delete(route_state).where(route_state.c.route == name))
        await writing.execute(sa.delete(route).where(route.c.name == name))
        await wake(writing, TOPIC)


async def users(store: Store, name: str) -> list[str]:
    """The connections that take a route, by name."""
    async with store.read() as reading:
        return await _users(reading, name)


async def stands(store: Store, one: RouteAtNode) -> None:
    """Note how a route stands at a node; `seen_at` is now. Of a route that is gone nothing is noted."""
    async with store.write(durable=False) as writing:
        known = await writing.execute(sa.select(route.c.name).where(route.c.name == one.route).with_for_update())
        if known.scalar() is None:
            return
        row = {**asdict(one), "state": one.state.value, "seen_at": await now_of(writing)}
        key = [route_state.c.route, route_state.c.node]
        same = {name: value for name, value in row.items() if name not in {"route", "node"}}
        statement = store.upsert(route_state).values(row)
        await writing.execute(statement.on_conflict_do_update(index_elements=key, set_=same))


async def standing(store: Store) -> tuple[list[RouteAtNode], datetime]:
    """How all routes stand at all nodes, and the time that this is measured by. Who is silent for long knows nothing."""
    async with store.read() as reading:
        now = await now_of(reading)
        found = await reading.execute(sa.select(route_state).order_by(route_state.c.route, route_state.c.node))
        rows = [RouteAtNode(**{**row, "state": RouteState(row["state"])}) for row in found.mappings()]
    return [one for one in rows if now - one.seen_at < SILENT], now


async def forget_node(store: Store, node: str) -> None:
    """A node is gone: what it said of routes holds no more."""
    async with store.write() as writing:
        await writing.execute(sa.delete(route_state).where(route_state.c.node == node))


async def _one(reading: AsyncConnection, name: str) -> DefinedRoute:
    row = (await reading.execute(sa.select(route).where(route.c.name == name))).mappings().first()
    if row is None:
        raise NotFound(f"there is no route {name}")
    return DefinedRoute(**row)


async def _users(reading: AsyncConnection, name: str) -> list[str]:
    query = sa.select(connection.c.name).where(connection.c.route == name).order_by(connection.c.name)
    return list((await reading.execute(query)).scalars())
