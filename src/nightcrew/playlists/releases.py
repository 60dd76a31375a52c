"""How long an account still counts a connection that was closed: learned from its refusals, and waited for.

Many panels count one for a second or two after its end, and refuse the next one meanwhile. Whoever closes a connection keeps its
place in the ledger for as long, so that no one on any node is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic

from nightcrew.kernel.slots import HANG_UP, Lease, noticed

TOO_MANY = frozenset({429, 456, 458, 461, 509})
"""Statuses that mean that too many connections are open."""
REFUSED = frozenset({401, 403})
"""Statuses that mean the same with some panels, and something else with most."""
LONGEST = 10.0
"""Seconds after the end of one of our connections for which a refusal may be on its account."""
PAUSE = 0.3
"""Seconds between two attempts meanwhile."""
SHORTER = 0.95
"""By what the time that was learned is multiplied with each opening that was not refused: it may have been too long."""
MOST_IN_VAIN = 3
"""Times that waiting did not help, after which a 403 of that account is taken at its word."""

MOST_ACCOUNTS = 1_000
"""Accounts that are remembered, those that were used last."""


@dataclass(slots=True)
class _Account:
    ended: float | None = None
    """When one of our connections was closed last, in seconds of `clock`."""
    counts: float | None = None
    """Seconds for which it goes on counting one, as far as is known."""
    in_vain: int = 0


@dataclass(slots=True)
class Releases:
    """What this node knows of each account."""

    clock: Callable[[], float] = monotonic
    _known: OrderedDict[str, _Account] = field(default_factory=OrderedDict)

    def seconds(self, resources: Iterable[str]) -> float:
        """How long a place is kept after its connection was closed."""
        return max((self._of(one).counts or HANG_UP for one in resources), default=HANG_UP)

    def ended(self, resources: Iterable[str]) -> None:
        """A connection was closed just now."""
        for one in resources:
            self._of(one).ended = self.clock()

    def is_ours(self, resources: Iterable[str], status: int | None) -> bool:
        """Whether a refusal may be on account of a connection that we have just closed, so that it passes."""
        return any(self._may_count(self._of(one), status) for one in resources)

    def opened(self, resources: Iterable[str], *, refused: bool) -> None:
        """A connection was opened, after a refusal or without one."""
        for one in resources:
            account = self._of(one)
            if refused and account.ended is not None:
                took = min(self.clock() - account.ended, LONGEST)
                account.counts = max(account.counts or 0.0, took)
                account.in_vain = 0
            elif account.counts is not None:
                account.counts *= SHORTER

    def vain(self, resources: Iterable[str]) -> None:
        """It was waited for, and did not help."""
        for one in resources:
            self._of(one).in_vain += 1

    def _may_count(self, account: _Account, status: int | None) -> bool:
        if account.ended is None or status not in TOO_MANY | REFUSED:
            return False
        if status in REFUSED and account.in_vain >= MOST_IN_VAIN:
            return False
        longest = LONGEST if account.counts is None else min(LONGEST, 2 * account.counts + 1.0)
        return self.clock() - account.ended < longest

    def _of(self, resource: str) -> _Account:
        found = self._known.setdefault(resource, _Account())
        self._known.move_to_end(resource)
        while len(self._known) > MOST_ACCOUNTS:
            self._known.popitem(last=False)
        return found


class Patience:
    """For one place in the ledger: waits out refusals that are on account of connections of ours."""

    def __init__(self, releases: Releases, lease: Lease) -> None:
        self._releases, self._names = releases, [limit.resource for limit in lease.claim.limits]
        self._refused = self._opened = False

    async def again(self, status: int | None) -> bool:
        """After an attempt has failed with this status: whether to make another one, once a moment has passed."""
        if self._releases.is_ours(self._names, status):
            self._refused = True
            await asyncio.sleep(PAUSE)
            return True
        if self._refused and status in TOO_MANY | REFUSED:
            self._releases.vain(self._names)
        return False

    def opened(self) -> None:
        """It is open."""
        self._opened = True
        self._releases.opened(self._names, refused=self._refused)

    def seconds(self) -> float:
        """How long its place is kept after its end: of what was never open nothing is counted."""
        return self._releases.seconds(self._names) if self._opened else HANG_UP

    def ended(self) -> None:
        """Its connection was closed, if there was one."""
        if self._opened:
            self._releases.ended(self._names)


@contextlib.asynccontextmanager
async def released(releases: Releases, lease: Lease) -> AsyncIterator[Patience]:
    """Around a connection that is opened and closed in the block: its place is kept for as long as its account counts it.

    The block says when it is open.
    """
    patience = Patience(releases, lease)
    async with noticed(lease, patience.seconds):
        try:
            yield patience
        finally:
            patience.ended()
