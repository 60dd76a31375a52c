"""Calls to a service that has a row: by how it stands, which all nodes note and go by."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from nightcrew.kernel import recovery
from nightcrew.kernel.connections import rules, store
from nightcrew.kernel.connections.calls import Calls, Paused
from nightcrew.kernel.connections.detours import Detours
from nightcrew.kernel.connections.ground import Ground
from nightcrew.kernel.connections.models import Connection, ConnectionStanding, ConnectionState, DetourKind
from nightcrew.kernel.connections.question import Question, Reach, Trial
from nightcrew.kernel.declare import Allowance
from nightcrew.kernel.errors import NeedsUser, NightcrewError, Retry
from nightcrew.kernel.http import Jar
from nightcrew.kernel.http_pace import Pace
from nightcrew.kernel.recovery import Trouble
from nightcrew.kernel.redaction import redact

PATIENCE = 20.0
"""Seconds for which a request waits for room in a budget; when it takes longer, the caller is told how long."""
_INSISTED: ContextVar[bool] = ContextVar("insisted", default=False)


@contextlib.contextmanager
def insisted(on: bool = True) -> Iterator[None]:
    """What is asked inside is asked however the service stands, as somebody waits for it. What comes of it is noted."""
    token = _INSISTED.set(on)
    try:
        yield
    finally:
        _INSISTED.reset(token)


class RowCalls(Calls):
    """As `Calls`, within the budget and the pauses of a row."""

    pace: Pace

    def __init__(
        self,
        ground: Ground,
        reach: Reach,
        allowance: Allowance,
        one: Connection | None = None,
        *,
        jar: Jar | None = None,
    ) -> None:
        """`one` is the row, as far as it is known already."""
        self.window = rules.FailureWindow()
        self.detours = Detours(ground.store, ground.activity, ground.bus)
        self._ground = ground
        self._allowance = allowance
        self._one = one
        super().__init__(ground.http, reach, allowance, jar=jar)

    async def _row(self) -> Connection | None:
        """The row as it is now; None when there is none, and it is asked all the same."""
        raise NotImplementedError

    async def _present(self) -> Reach:
        """As it stands now, over all nodes."""
        one = self._one = await self._row()
        if one is not None and not _INSISTED.get():
            await self._admit(one)
        return replace(self._reach, row=one)

    async def _admit(self, one: Connection) -> None:
        """Raise `Paused` or `NeedsUser` when it may not be asked now."""
        if not one.enabled:
            raise NeedsUser(f"{one.name} is switched off")
        left = rules.waits(one.standing, await store.now(self._ground.store))
        if left is None:
            return
        if one.standing.state is ConnectionState.PERSON and not one.owner:
            raise NeedsUser(rules.in_words(one))
        raise Paused(rules.in_words(one), after=left)

    async def _spend(self, question: Question) -> None:
        """Wait for room in the budget. Raises `Paused` when that takes long."""
        budget, one = question.budget or self._allowance.budget, self._one
        while budget is not None and one is not None and one.id:
            wait = await store.spend(self._ground.store, one.id, budget)
            if wait is None:
                return
            if wait > PATIENCE:
                said = f"{one.name} has used up its budget of {budget.most} requests in {budget.seconds:g} s"
                raise Paused(said, after=wait)
            await asyncio.sleep(wait)

    async def _worked(self, trial: Trial[Any]) -> None:
        self.window.add(worked=True)
        self.pace.faster()
        if (row := trial.reach.row) is not None:
            await self._ground.note(row, rules.worked(row.standing, self.window), worked=True)
            await self._answered(trial, row)

    async def _answered(self, trial: Trial[Any], row: Connection) -> None:
        """Tell whether it was the first address that answered."""
        first, place = trial.reach.addresses[0], trial.reach.addresses.index(trial.address)
        if place:
            known = self.mirrors.of(first)
            await self.detours.took(row, DetourKind.MIRROR, known.reason if known else "", place)
        else:
            await self.detours.good(row, DetourKind.MIRROR)
        await self.detours.good(row, DetourKind.SKIP)

    async def _bridged(self, error: NightcrewError) -> None:
        await super()._bridged(error)
        if (row := self._noted()) is not None:
            await self.detours.took(row, DetourKind.STALE, str(error))

    async def _fresh(self) -> None:
        if (row := self._noted()) is not None:
            await self.detours.good(row, DetourKind.STALE)

    def _noted(self) -> Connection | None:
        """The row that is told of, as it was last read."""
        return self._one

    async def _skipped(self, trial: Trial[Any], error: NightcrewError) -> None:
        """One of many is told here; that all fail is told by how it stands, and what is owned by what it belongs to."""
        row = trial.reach.row
        if row is None or row.owner or recovery.trouble_of(error) is Trouble.OTHER:
            return
        if self.window.calls >= rules.LEAST and not self.window.failing:
            await self.detours.took(row, DetourKind.SKIP, str(error))

    async def _failed(self, trial: Trial[Any], error: NightcrewError) -> None:
        trouble, row = recovery.trouble_of(error), trial.reach.row
        if row is None or isinstance(error, Paused) or trouble in {Trouble.ROUTE, Trouble.DATABASE}:
            return
        if trouble is Trouble.OTHER and error.status is not None:
            await self._worked(trial)  # it answers; what was asked for is not there
            return
        after = await self._after(row, trouble, error)
        if await self._ground.note(row, after) and after.until is not None:
            self.window.clear()

    async def _after(self, row: Connection, trouble: Trouble, error: NightcrewError) -> ConnectionStanding:
        now, reason = await store.now(self._ground.store), redact(str(error))
        standing, longest = row.standing, self._allowance.longest_pause
        if trouble is Trouble.RATE_LIMIT:
            return rules.limited(standing, now, reason, error.after if isinstance(error, Retry) else None)
        if rules.waits(standing, now) is not None:
            return standing  # who insists does not make the pause longer
        if trouble is Trouble.LOGIN and not row.owner:
            return rules.refused(standing, now, reason, final=error.status is None, longest=longest)
        self.window.add(worked=False)
        if trouble is Trouble.LOGIN:  # one of many things may be closed to this login while the others are open
            refused = self.window.rate >= rules.FAILING
            return rules.refused(standing, now, reason, longest=longest) if refused else standing
        return rules.failed(standing, self.window, now, reason, unreached=error.unreached, longest=longest)


class OwnedCalls(RowCalls):
    """What a domain asks a service of its own through. Without a row it is asked all the same."""

    def __init__(self, ground: Ground, owner: str, allowance: Allowance, reach: Reach, jar: Jar | None = None) -> None:
        self._owner = owner
        super().__init__(ground, reach, allowance, jar=jar)

    async def _row(self) -> Connection | None:
        return await store.owned(self._ground.store, self._owner)
