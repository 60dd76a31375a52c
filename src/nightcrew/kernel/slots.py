"""Leases on limited connections: an account that allows two, a tuner that has one. One ledger for all nodes.

Reserve first, connect afterwards: the leases on a resource never exceed its limit, and who holds none does not connect.
A lease expires by itself, so a crash cannot leak it. Its holder renews it in the background; a lease that could not be
renewed in time is over before it expires, and its holder must hang up. A claim of higher priority takes the place of a
lease of lower priority: its holder is asked to leave, and has `GRACE` seconds for it. While the claim waits it is in the
ledger too, so that no newcomer of lower priority slips in.

Times are the database server's on PostgreSQL, so that nodes with different clocks agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum, StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.events import Bus
from nightcrew.kernel.forever import forever
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import DatabaseAway, Moment, Store, metadata

ResultT = TypeVar("ResultT")

LIFETIME = 30.0
"""Seconds after which a lease that is not renewed expires."""
RENEWAL = 5.0
"""Seconds between two renewals."""
MARGIN = 8.0
"""Seconds before its expiry at which a lease that could not be renewed is lost: time enough to hang up."""
LOOK = 0.5
"""Seconds between two looks for what other nodes did: freed a slot, asked one of ours to leave."""
WAITING = 3.0
"""Seconds for which a waiting claim counts unless it is repeated."""
GRACE = 2.0
"""Seconds within which a holder that was asked to leave must have hung up."""
HANG_UP = 0.2
"""Seconds between hanging up and giving a slot back: the other side has to notice first, or it counts one too many."""

slot_lease = sa.Table(
    "slot_lease",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("resource", sa.String(120), primary_key=True),
    sa.Column("node", sa.String(100), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
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


class Why(StrEnum):
    """Why a lease is over before its holder gave it back."""

    PREEMPTED = "somebody with a higher priority needs the connection"
    EXPIRED = "the lease could not be renewed"


class _Found(Enum):
    """What a look for a slot has found."""

    FREE = "taken"
    LEAVING = "somebody was asked to leave"
    FULL = "nobody leaves"


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


@dataclass(eq=False, slots=True)
class Lease:
    """A slot in use. Hang up as soon as `over` is set; `why` then says what happened."""

    id: str
    claim: Claim
    place: int = 0
    """Which of several claims it meets."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    why: Why | None = None
    renewed: float = 0.0
    """Loop time at which the ledger was last asked to keep it."""
    _expiry: asyncio.TimerHandle | None = None

    def keep(self, asked: float) -> None:
        """The ledger has it since loop time `asked`. Unless this is called again in time, it is over."""
        self.drop()
        self.renewed = asked
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_at(asked + LIFETIME - MARGIN, self.end, Why.EXPIRED)

    def drop(self) -> None:
        """Watch its time no longer."""
        if self._expiry is not None:
            self._expiry.cancel()

    def end(self, why: Why) -> None:
        """Tell the holder to hang up."""
        if self.why is None:
            self.why = why
            self.over.set()


@contextlib.asynccontextmanager
async def noticed(lease: Lease) -> AsyncIterator[None]:
    """Around a connection that is opened and closed in the block: leave the other side time to notice its end."""
    try:
        yield
    finally:
        if any(limit.most for limit in lease.claim.limits):
            await asyncio.sleep(HANG_UP)


class LeaseOver(Retry):
    """A lease ended before what was done with it."""


async def while_held(lease: Lease, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Do `work` for as long as the lease lasts. Raises `LeaseOver` when that ends first; the work is cancelled then."""
    working = asyncio.create_task(work, name=f"work of {lease.claim.owner}")
    over = asyncio.create_task(lease.over.wait(), name=f"end of {lease.claim.owner}")
    try:
        await asyncio.wait({working, over}, return_when=asyncio.FIRST_COMPLETED)
        if over.done():
            raise LeaseOver(str(lease.why))
        return working.result()
    finally:
        for task in (working, over):
            task.cancel()
        await asyncio.gather(working, over, return_exceptions=True)


class Slots:
    """The ledger as this node uses it."""

    def __init__(self, store: Store, bus: Bus, *, node: str) -> None:
        self._store = store
        self._bus = bus
        self._node = node
        self._held: dict[str, Lease] = {}
        self._changed = asyncio.Condition()

    async def clear(self) -> None:
        """Forget what this node held before it was started anew: its connections ended with it."""
        async with self._store.write() as connection:
            await connection.execute(sa.delete(slot_lease).where(slot_lease.c.node == self._node))

    async def run(self) -> None:
        """Renew what is held, until cancelled."""
        await forever("slots", self._round)

    # -- taking and giving back ------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def lease(self, claim: Claim, *, patience: float = 0.0) -> AsyncIterator[Lease | None]:
        """Hold a slot for the block, or None when there is none within `patience` seconds.

        With patience, leases of lower priority that stand in the way are asked to leave.
        """
        async with self.first([claim], patience=patience) as lease:
            yield lease

    @contextlib.asynccontextmanager
    async def first(self, claims: Sequence[Claim], *, patience: float = 0.0) -> AsyncIterator[Lease | None]:
        """As `lease`, for the first of several claims that can be met: `lease.claim` says which."""
        lease = await self._obtain(claims, patience)
        try:
            yield lease
        finally:
            if lease is not None:
                await asyncio.shield(self._release(lease))

    async def free(self, limits: Sequence[Limit]) -> bool:
        """Whether a claim on these would get a slot now. It may be taken a moment later."""
        async with self._store.read() as connection:
            now = await self._now(connection)
            return not await _full(connection, limits, Priority.CHECK, now)

    async def holders(self, resources: Iterable[str] | None = None) -> list[Holder]:
        """Who holds slots now, longest first; of all resources unless some are named."""
        query = sa.select(slot_lease).order_by(slot_lease.c.taken_at, slot_lease.c.id)
        if resources is not None:
            query = query.where(slot_lease.c.resource.in_(list(resources)))
        async with self._store.read() as connection:
            now = await self._now(connection)
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

    async def _obtain(self, claims: Sequence[Claim], patience: float) -> Lease | None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        leases = [Lease(uuid.uuid4().hex, claim, place) for place, claim in enumerate(claims)]
        try:
            while True:
                lease = await self._round_of(leases, wait=patience > 0)
                if lease is not None:
                    self._bus.publish("slots")
                    return lease
                left = deadline - clock()
                if left <= 0:
                    return None
                await self._wait(min(left, LOOK))
        except BaseException:
            await asyncio.shield(self._drop(leases))  # one may have been taken a moment ago
            raise
        finally:
            if patience > 0:
                await asyncio.shield(self._drop([lease for lease in leases if lease.id not in self._held]))

    async def _round_of(self, leases: Sequence[Lease], *, wait: bool) -> Lease | None:
        """Try each, first without disturbing anybody."""
        clock = asyncio.get_running_loop().time
        for disturb in (False, True) if wait and len(leases) > 1 else (wait,):
            for lease in leases:
                asked = clock()
                found = await self._try(lease, wait=disturb)
                if found is _Found.FREE:
                    lease.keep(asked)
                    self._held[lease.id] = lease
                    return lease
                if found is _Found.LEAVING:
                    break  # one who leaves is enough
        return None

    async def _try(self, lease: Lease, *, wait: bool) -> _Found:
        """Take the slots if all are free; else wait in the ledger and ask those of lower priority to leave."""
        claim, pushed = lease.claim, set[str]()
        async with self._store.write() as connection:
            await _serialise(connection, claim.limits)
            now = await self._now(connection)
            full = await _full(connection, claim.limits, claim.priority, now)
            if full and not wait:
                return _Found.FULL
            await connection.execute(sa.delete(slot_lease).where(slot_lease.c.id == lease.id))  # what waited until now
            if full:
                pushed = await _push(connection, full, claim.priority, now)
            until = now + timedelta(seconds=WAITING if full else LIFETIME)
            rows = [self._row(lease, limit, now, until, waiting=bool(full)) for limit in claim.limits]
            await connection.execute(sa.insert(slot_lease), rows)
        self._end(pushed, Why.PREEMPTED)
        return _Found.LEAVING if pushed else _Found.FULL if full else _Found.FREE

    def _row(self, lease: Lease, limit: Limit, now: datetime, until: datetime, *, waiting: bool) -> dict[str, object]:
        return {
            "id": lease.id,
            "resource": limit.resource,
            "node": self._node,
            "owner": redact(lease.claim.owner)[:200],
            "purpose": lease.claim.purpose,
            "subject": lease.claim.subject,
            "priority": int(lease.claim.priority),
            "taken_at": now,
            "expires_at": until,
            "leave": False,
            "waiting": waiting,
        }

    async def _drop(self, leases: Iterable[Lease]) -> None:
        for lease in leases:
            await self._release(lease)

    async def _release(self, lease: Lease) -> None:
        self._held.pop(lease.id, None)
        lease.drop()
        with contextlib.suppress(DatabaseAway):  # then it expires by itself
            async with self._store.write() as connection:
                await connection.execute(sa.delete(slot_lease).where(slot_lease.c.id == lease.id))
        self._bus.publish("slots")
        async with self._changed:
            self._changed.notify_all()

    async def _wait(self, seconds: float) -> None:
        """Until a slot of this node becomes free; other nodes' are looked for after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait()

    # -- keeping ---------------------------------------------------------------------------------------------------

    async def _round(self) -> float:
        if self._held:
            await self._renew(list(self._held.values()))
        return LOOK

    async def _renew(self, held: Sequence[Lease]) -> None:
        asked = asyncio.get_running_loop().time()
        due = [lease for lease in held if asked - lease.renewed >= RENEWAL]
        async with self._store.write() if due else self._store.read() as connection:
            now = await self._now(connection)
            known = await connection.execute(
                sa.select(slot_lease.c.id, sa.func.max(sa.cast(slot_lease.c.leave, sa.Integer)))
                .where(slot_lease.c.node == self._node, slot_lease.c.expires_at > now, ~slot_lease.c.waiting)
                .group_by(slot_lease.c.id)
            )
            leaving = {lease_id: bool(leave) for lease_id, leave in known.all()}
            alive = [lease for lease in due if lease.id in leaving]
            if alive:
                mine = slot_lease.c.id.in_([lease.id for lease in alive])
                until = now + timedelta(seconds=LIFETIME)
                await connection.execute(sa.update(slot_lease).where(mine).values(expires_at=until))
        for lease in alive:
            if lease.id in self._held:
                lease.keep(asked)
        self._end({lease_id for lease_id, leave in leaving.items() if leave}, Why.PREEMPTED)
        self._end({lease.id for lease in held if lease.id not in leaving}, Why.EXPIRED)

    def _end(self, lease_ids: Iterable[str], why: Why) -> None:
        for lease_id in lease_ids:
            lease = self._held.get(lease_id)
            if lease is not None:
                lease.end(why)

    async def _now(self, connection: AsyncConnection) -> datetime:
        if self._store.is_sqlite:
            return utcnow()
        now: datetime = (await connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
        return now


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
