"""Leases on limited connections: an account that allows two, a tuner that has one. One ledger for all nodes.

Reserve first, connect afterwards: the leases on a resource never exceed its limit, and who holds none does not connect.
A lease expires by itself, so a crash cannot leak it. Its holder renews it in the background; a lease that could not be
renewed in time is over before it expires, and its holder must hang up. A claim of higher priority takes the place of a
lease of lower priority: its holder is asked to leave, and has `GRACE` seconds for it. While the claim waits it is in the
ledger too, so that no newcomer of lower priority slips in.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from nightcrew.kernel import slots_store
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.events import Bus
from nightcrew.kernel.forever import forever
from nightcrew.kernel.slots_store import Claim, Holder, Limit, Priority
from nightcrew.kernel.store import DatabaseAway, Store

__all__ = [
    "GRACE",
    "Claim",
    "Holder",
    "Lease",
    "LeaseOver",
    "Limit",
    "Priority",
    "Slots",
    "Why",
    "ledger",
    "noticed",
    "while_held",
]

ResultT = TypeVar("ResultT")

LEDGER = "connections.db"
"""The file of the leases in the data directory, on SQLite."""
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


async def ledger(store: Store, data_dir: Path) -> Store:
    """The database of the leases.

    On PostgreSQL the one that all nodes share. On SQLite, which has one writer, a file of its own: whatever else is being
    written, for however long, a lease is renewed in time. It holds nothing that has to outlive the server.
    """
    if not store.is_sqlite:
        return store
    own = Store(f"sqlite+aiosqlite:///{data_dir / LEDGER}")
    await slots_store.create(own)
    return own


class Why(StrEnum):
    """Why a lease is over before its holder gave it back."""

    PREEMPTED = "somebody with a higher priority needs the connection"
    EXPIRED = "the lease could not be renewed"


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


def _hang_up() -> float:
    return HANG_UP


@contextlib.asynccontextmanager
async def noticed(lease: Lease, seconds: Callable[[], float] = _hang_up) -> AsyncIterator[None]:
    """Around a connection that is opened and closed in the block: leave the other side time to notice its end.

    `seconds` is asked at the end how long that takes.
    """
    try:
        yield
    finally:
        if any(limit.most for limit in lease.claim.limits):
            await asyncio.sleep(seconds())


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
        await slots_store.forget_node(self._store, self._node)

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
        return not await slots_store.any_full(self._store, limits)

    async def holders(self, resources: Iterable[str] | None = None) -> list[Holder]:
        """Who holds slots now, longest first; of all resources unless some are named."""
        return await slots_store.holders(self._store, resources)

    async def rename(self, lease: Lease, owner: str) -> None:
        """Show another owner of a lease: who uses it has changed, and not what it is used for."""
        with contextlib.suppress(DatabaseAway):
            await slots_store.rename(self._store, lease.id, owner)

    async def rank(self, lease: Lease, priority: Priority) -> None:
        """Let others take the place of a lease whose use has become less urgent, or no longer."""
        with contextlib.suppress(DatabaseAway):
            await slots_store.rank(self._store, lease.id, priority)

    async def _obtain(self, claims: Sequence[Claim], patience: float) -> Lease | None:
        leases = [Lease(uuid.uuid4().hex, claim, place) for place, claim in enumerate(claims)]
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self._drop, leases)  # at a cancel, one may have been taken a moment ago
            met = await self._meet(leases, patience)
            if patience > 0:  # the others may wait in the ledger
                await self._drop([lease for lease in leases if lease is not met])
            undo.pop_all()
        return met

    async def _meet(self, leases: Sequence[Lease], patience: float) -> Lease | None:
        """Try until one is met or the patience ends."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        while True:
            met = await self._round_of(leases, wait=patience > 0)
            if met is not None:
                self._bus.publish("slots")
                return met
            left = deadline - clock()
            if left <= 0:
                return None
            await self._wait(min(left, LOOK))

    async def _round_of(self, leases: Sequence[Lease], *, wait: bool) -> Lease | None:
        """Try each, first without disturbing anybody."""
        clock = asyncio.get_running_loop().time
        for disturb in (False, True) if wait and len(leases) > 1 else (wait,):
            for lease in leases:
                asked = clock()
                answer = await slots_store.take(
                    self._store,
                    lease.id,
                    self._node,
                    lease.claim,
                    lifetime=LIFETIME,
                    waiting=WAITING if disturb else None,
                )
                if answer.taken:
                    lease.keep(asked)
                    self._held[lease.id] = lease
                    return lease
                if answer.leaving:
                    self._end(answer.leaving, Why.PREEMPTED)
                    break  # one who leaves is enough
        return None

    async def _drop(self, leases: Iterable[Lease]) -> None:
        """Give all back, also when that is cancelled."""

        async def each() -> None:
            for lease in leases:
                await self._release(lease)

        await asyncio.shield(each())

    async def _release(self, lease: Lease) -> None:
        self._held.pop(lease.id, None)
        lease.drop()
        with contextlib.suppress(DatabaseAway):  # then it expires by itself
            await slots_store.release(self._store, lease.id)
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
        leaving = await slots_store.renew(self._store, self._node, [lease.id for lease in due], lifetime=LIFETIME)
        for lease in due:
            if lease.id in leaving and lease.id in self._held:
                lease.keep(asked)
        self._end({lease_id for lease_id, leave in leaving.items() if leave}, Why.PREEMPTED)
        self._end({lease.id for lease in held if lease.id not in leaving}, Why.EXPIRED)

    def _end(self, lease_ids: Iterable[str], why: Why) -> None:
        for lease_id in lease_ids:
            lease = self._held.get(lease_id)
            if lease is not None:
                lease.end(why)
