"""The nodes' rows: who lives, who is silent, who has gone. Every comparison is made in the database's time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.schedule_store import worker
from nightcrew.kernel.store import Moment, Store, metadata, now_of

node = sa.Table(
    "node",
    metadata,
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("place", sa.String(500)),  # boot, machine and data folder; none: of a version that did not say
    sa.Column("instance", sa.String(32)),  # the process that holds the name
    sa.Column("skew", sa.Float),  # seconds by which its own clock is ahead of the database's
    sa.Column("stopped", sa.Boolean, nullable=False, server_default=sa.false()),  # by hand
    sa.Column("taken_at", Moment),  # when another began to take over from it
    sa.Column("gone_at", Moment),  # when that was done
    sa.Column("taken_by", sa.String(100)),
    sa.Column("had", sa.Text),  # JSON list of sentences
)


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node. `silent`: seconds since its last heartbeat; `had`: what it left behind, in sentences, once it is gone."""

    id: str
    seen_at: datetime
    silent: float
    skew: float | None
    stopped: bool
    gone_at: datetime | None
    taken_by: str | None
    had: tuple[str, ...]


class NameTaken(Exception):
    """Another place holds the name. `seen_at` is its last heartbeat."""

    def __init__(self, seen_at: datetime) -> None:
        super().__init__(seen_at)
        self.seen_at = seen_at


async def claim(
    store: Store, node_id: str, *, place: str, instance: str, silent: float, dead: datetime | None = None
) -> None:
    """Hold the name as `instance`. A holder in the same place is dead, as two cannot use one data folder.

    One in another place must have been silent for `silent` seconds, or have given no sign since `dead`; else raises `NameTaken`.
    """
    async with store.write() as connection:
        now = await now_of(connection)
        row = {"place": place, "instance": instance, "seen_at": now, "stopped": False, "gone_at": None}
        if await _insert(store, connection, {"id": node_id, **row}):
            return
        query = sa.select(node.c.place, node.c.seen_at).where(node.c.id == node_id).with_for_update()
        held, seen_at = (await connection.execute(query)).one()
        ours = held is None or held == place or seen_at <= now - timedelta(seconds=silent) or seen_at == dead
        if not ours:
            raise NameTaken(seen_at)
        row |= {"taken_at": None, "taken_by": None, "had": None}
        await connection.execute(sa.update(node).where(node.c.id == node_id).values(row))


async def beat(store: Store, node_id: str, *, place: str, instance: str, skew: float | None) -> tuple[bool, bool]:
    """A sign of life. Returns (whether the name is still held, whether the others had called this node gone)."""
    async with store.write(durable=False) as connection:
        now = await now_of(connection)
        mine = sa.and_(node.c.id == node_id, node.c.instance == instance)
        # locked: who calls it gone from here on does so after this transaction, and the next sign of life sees that
        before = sa.select(node.c.gone_at).where(mine).with_for_update()
        was_gone = (await connection.execute(before)).scalar() is not None
        alive: dict[str, Any] = {"seen_at": now, "skew": skew, "taken_at": None, "gone_at": None, "had": None}
        if (await connection.execute(sa.update(node).where(mine).values(alive))).rowcount:
            return True, was_gone
        again = {"id": node_id, "place": place, "instance": instance, "stopped": False, **alive}  # it was forgotten
        return await _insert(store, connection, again), True


async def stop(store: Store, node_id: str, *, instance: str) -> None:
    """The node is being stopped by a person: nobody needs to be told that it is silent."""
    async with store.write() as connection:
        mine = sa.and_(node.c.id == node_id, node.c.instance == instance)
        await connection.execute(sa.update(node).where(mine).values(stopped=True))


async def every(store: Store) -> list[KnownNode]:
    """All nodes by name, also those that are gone."""
    async with store.read() as connection:
        now = await now_of(connection)
        found = (await connection.execute(sa.select(node).order_by(node.c.id))).all()
    return [_row(row, now) for row in found]


async def living(store: Store) -> set[str]:
    """The nodes that are neither gone nor stopped, by name."""
    return {one.id for one in await every(store) if one.gone_at is None and not one.stopped}


async def take_silent(store: Store, node_id: str, *, silent: float) -> list[KnownNode]:
    """Other nodes whose last heartbeat is older than `silent` seconds. Each is given to exactly one caller.

    Whoever takes one ends with `settle`. If it dies before that, another one takes it after as long again.
    """
    async with store.read() as connection:
        now = await now_of(connection)
        found = list((await connection.execute(sa.select(node).where(_takeable(node_id, now, silent)))).all())
    taken = []
    for row in found:
        async with store.write() as connection:
            now = await now_of(connection)
            mine = sa.and_(node.c.id == row.id, _takeable(node_id, now, silent))
            if (await connection.execute(sa.update(node).where(mine).values(taken_at=now))).rowcount:
                taken.append(_row(row, now))
    return taken


async def settle(store: Store, gone: KnownNode, *, by: str, had: list[str], silent: float) -> bool:
    """What a silent node had is taken over by `by`. Returns whether it is still silent.

    One that was stopped by hand is forgotten; of one that died it stays known what it had.
    """
    async with store.write() as connection:
        now = await now_of(connection)
        still = sa.and_(node.c.id == gone.id, node.c.seen_at < now - timedelta(seconds=silent))
        if gone.stopped:
            done = await connection.execute(sa.delete(node).where(still))
        else:
            values = {"gone_at": now, "taken_by": by, "had": json.dumps(had)}
            done = await connection.execute(sa.update(node).where(still).values(values))
        if done.rowcount:
            await _forget_workers(connection, gone.id)
    return done.rowcount == 1


async def forget(store: Store, node_id: str) -> bool:
    """Remove a node that is gone; returns whether there was one. One that lives says so again."""
    async with store.write() as connection:
        gone = sa.and_(node.c.id == node_id, node.c.gone_at.is_not(None))
        return (await connection.execute(sa.delete(node).where(gone))).rowcount == 1


async def _insert(store: Store, connection: AsyncConnection, row: dict[str, Any]) -> bool:
    """Whether there was none of that name."""
    made = store.upsert(node).values(row).on_conflict_do_nothing().returning(node.c.id)
    return (await connection.execute(made)).first() is not None


def _takeable(node_id: str, now: datetime, silent: float) -> sa.ColumnElement[bool]:
    before = now - timedelta(seconds=silent)
    return sa.and_(
        node.c.id != node_id,
        node.c.gone_at.is_(None),
        node.c.seen_at < before,
        sa.or_(node.c.taken_at.is_(None), node.c.taken_at < before),
    )


async def _forget_workers(connection: AsyncConnection, node_id: str) -> None:
    await connection.execute(sa.delete(worker).where(worker.c.node == node_id))


def _row(row: Any, now: datetime) -> KnownNode:
    return KnownNode(
        id=row.id,
        seen_at=row.seen_at,
        silent=max(0.0, (now - row.seen_at).total_seconds()),
        skew=row.skew,
        stopped=row.stopped,
        gone_at=row.gone_at,
        taken_by=row.taken_by,
        had=tuple(json.loads(row.had)) if row.had else (),
    )
