"""The ledger's rows: who holds a slot of what, and who waits for one.

Times are the database server's on PostgreSQL, so that nodes with different clocks agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import Moment, Store, metadata, now_of

MAX_OWNER = 200

slot_lease = sa.Table(
    "slot_lease",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("resource", sa.String(120), primary_key=True),
    sa.Column("node", sa.String(100), nullable=False),
    sa.Column("owner", sa.String(MAX_OWNER), nullable=False),
    sa.Column("purpose", sa.String(20), nullable=False),
    sa.Column("subject", sa.String(60), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("taken_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("leave", sa.Boolean, nullable=False),
    sa.Column("waiting", sa.Boolean, nullable=False),
    sa.Index("ix_slot_lease_resource", "resource"),
)


class Priority(IntEnum):
    """Who takes whose place: viewers and recordings that of checks, and never one another's."""

    CHECK = 0
    USE = 1


@dataclass(frozen=True, slots=True)
class Limit:
    """A resource, and how many may use it at a time. `most` 0: any number, which is counted all the same."""

    resource: str
    most: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish for one slot on each of some resources, all or none. `owner` is shown to people and holds no secret."""

    limits: tuple[Limit, ...]
    owner: str
    purpose: str
    priority: Priority = Priority.CHECK
    subject: str = ""
    """What it is about, for others to find, such as `channel:12`."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A lease as the ledger shows it."""

    lease: str
    resource: str
    node: str
    owner: str
    purpose: str
    subject: str
    priority: Priority
    taken_at: datetime
    leaving: bool


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """What became of a claim: its slots are taken, or these leases were asked to leave for it."""

    taken: bool
    leaving: frozenset[str] = frozenset()


async def create(store: Store) -> None:
    """Make the table in a database of its own."""
    async with store.write() as connection:
        await connection.run_sync(metadata.create_all, tables=[slot_lease])


async def take(
    store: Store, lease_id: str, node: str, claim: Claim, *, lifetime: float, waiting: float | None
) -> ClaimOutcome:
    """Take all slots of a claim for `lifetime` seconds, if all are free.

    If not, and unless `waiting` is None, the claim waits in the ledger for so many seconds, and leases of lower priority that
    are in its way are asked to leave.
    """
    async with store.write(durable=False) as connection:
        await _serialise(connection, claim.limits)
        now = await now_of(connection)
        full = await _full(connection, claim.limits, claim.priority, now)
        if full and waiting is None:
            return ClaimOutcome(taken=False)
        await connection.execute(sa.delete(slot_lease).where(slot_lease.c.id == lease_id))  # what waited until now
        leaving = await _push(connection, full, claim.priority, now) if full else set()
        until = now + timedelta(seconds=waiting if full and waiting is not None else lifetime)
        rows = [_row(lease_id, node, claim, limit) for limit in claim.limits]
        when = {"taken_at": now, "expires_at": until, "waiting": bool(full)}
        await connection.execute(sa.insert(slot_lease), [{**row, **when} for row in rows])
    return ClaimOutcome(taken=not full, leaving=frozenset(leaving))


async def release(store: Store, lease_id: str) -> None:
    """Give back what a lease holds, or withdraw a claim that waits."""
    async with store.write(durable=False) as connection:
        await connection.execute(sa.delete(slot_lease).where(slot_lease.c.id == lease_id))


async def rename(store: Store, lease_id: str, owner: str) -> None:
    """Show another owner of a lease."""
    shown = redact(owner)[:MAX_OWNER]
    async with store.write(durable=False) as connection:
        await connection.execute(sa.update(slot_lease).where(slot_lease.c.id == lease_id).values(owner=shown))


async def rank(store: Store, lease_id: str, priority: Priority) -> None:
    """Change whose place a lease takes, and who takes its own."""
    async with store.write(durable=False) as connection:
        await connection.execute(
            sa.update(slot_lease).where(slot_lease.c.id == lease_id).values(priority=int(priority))
        )


async def renew(store: Store, node: str, lease_ids: Sequence[str], *, lifetime: float) -> dict[str, bool]:
    """Keep these leases for `lifetime` seconds from now; returns all that the node holds, and whether each was asked to leave.

    A lease that is not among them is over, and was not renewed.
    """
    async with store.write(durable=False) if lease_ids else store.read() as connection:
        now = await now_of(connection)
        found = await connection.execute(
            sa.select(slot_lease.c.id, sa.func.max(sa.cast(slot_lease.c.leave, sa.Integer)))
            .where(slot_lease.c.node == node, slot_lease.c.expires_at > now, ~slot_lease.c.waiting)
            .group_by(slot_lease.c.id)
        )
        known = {lease_id: bool(leave) for lease_id, leave in found.all()}
        alive = [lease_id for lease_id in lease_ids if lease_id in known]
        if alive:
            until = now + timedelta(seconds=lifetime)
            await connection.execute(sa.update(slot_lease).where(slot_lease.c.id.in_(alive)).values(expires_at=until))
    return known


async def forget_node(store: Store, node: str) -> None:
    """Remove all that a node holds or waits for."""
    async with store.write() as connection:
        await connection.execute(sa.delete(slot_lease).where(slot_lease.c.node == node))


async def any_full(store: Store, limits: Sequence[Limit]) -> bool:
    """Whether one of these has no slot left for a claim of the lowest priority."""
    async with store.read() as connection:
        return bool(await _full(connection, limits, Priority.CHECK, await now_of(connection)))


async def holders(store: Store, resources: Iterable[str] | None = None) -> list[Holder]:
    """Who holds slots now, longest first; of all resources unless some are named."""
    query = sa.select(slot_lease).order_by(slot_lease.c.taken_at, slot_lease.c.id)
    if resources is not None:
        query = query.where(slot_lease.c.resource.in_(list(resources)))
    async with store.read() as connection:
        now = await now_of(connection)
        found = (await connection.execute(query.where(slot_lease.c.expires_at > now, ~slot_lease.c.waiting))).all()
    return [
        Holder(
            lease=row.id,
            resource=row.resource,
            node=row.node,
            owner=row.owner,
            purpose=row.purpose,
            subject=row.subject,
            priority=Priority(row.priority),
            taken_at=row.taken_at,
            leaving=row.leave,
        )
        for row in found
    ]


def _row(lease_id: str, node: str, claim: Claim, limit: Limit) -> dict[str, object]:
    return {
        "id": lease_id,
        "resource": limit.resource,
        "node": node,
        "owner": redact(claim.owner)[:MAX_OWNER],
        "purpose": claim.purpose,
        "subject": claim.subject,
        "priority": int(claim.priority),
        "leave": False,
    }


async def _serialise(connection: AsyncConnection, limits: Sequence[Limit]) -> None:
    """One taker for each resource at a time. SQLite has one writer anyway; PostgreSQL locks in a fixed order."""
    if connection.dialect.name == "postgresql":
        for resource in sorted({limit.resource for limit in limits}):
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:r, 0))"), {"r": resource})


async def _full(
    connection: AsyncConnection, limits: Sequence[Limit], priority: Priority, now: datetime
) -> dict[str, int]:
    """The resources that have no slot left for a claim of this priority, with how many must leave first."""
    limited = {limit.resource: limit.most for limit in limits if limit.most > 0}
    if not limited:
        return {}
    counts = sa.or_(~slot_lease.c.waiting, slot_lease.c.priority > int(priority))
    used = await connection.execute(
        sa.select(slot_lease.c.resource, sa.func.count())
        .where(slot_lease.c.resource.in_(list(limited)), slot_lease.c.expires_at > now, counts)
        .group_by(slot_lease.c.resource)
    )
    return {resource: count + 1 - limited[resource] for resource, count in used.all() if count >= limited[resource]}


async def _push(connection: AsyncConnection, full: dict[str, int], priority: Priority, now: datetime) -> set[str]:
    """Ask as many of lower priority to leave as are in the way, the youngest first; none when that would not be enough.

    Returns the leases that leave, also those that were asked before.
    """
    leaving: set[str] = set()
    for resource, needed in full.items():
        lower = await connection.execute(
            sa.select(slot_lease.c.id)
            .where(
                slot_lease.c.resource == resource,
                slot_lease.c.priority < int(priority),
                slot_lease.c.expires_at > now,
                ~slot_lease.c.waiting,
            )
            .order_by(slot_lease.c.leave.desc(), slot_lease.c.taken_at.desc(), slot_lease.c.id)
            .limit(needed)
        )
        found = set(lower.scalars())
        if len(found) < needed:
            return set()
        leaving |= found
    await connection.execute(sa.update(slot_lease).where(slot_lease.c.id.in_(leaving)).values(leave=True))
    return leaving
