"""One connection as this node uses it: as `Calls`, and by how it stands, which all nodes note and go by."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from pydantic import BaseModel

from nightcrew.kernel import recovery
from nightcrew.kernel.connections import rules, store
from nightcrew.kernel.connections.calls import Calls, Paused
from nightcrew.kernel.connections.ground import Ground
from nightcrew.kernel.connections.models import Connection, ConnectionStanding, ConnectionState
from nightcrew.kernel.connections.question import Reach, Trial
from nightcrew.kernel.declare import ConnectionKind, Signed
from nightcrew.kernel.errors import NeedsUser, NightcrewError, Retry
from nightcrew.kernel.http import Jar
from nightcrew.kernel.http_pace import Pace
from nightcrew.kernel.recovery import Trouble
from nightcrew.kernel.redaction import redact

ResultT = TypeVar("ResultT")
BEARER = "Bearer "
PATIENCE = 20.0
"""Seconds for which a request waits for room in a budget; when it takes longer, the caller is told how long."""


class Line(Calls):
    """What a domain asks a connection through."""

    pace: Pace

    def __init__(self, ground: Ground, kind: ConnectionKind, one: Connection, *, trial: bool = False) -> None:
        """`trial`: it is asked however it stands, and nothing is noted of what comes of it."""
        self.kind = kind
        self.window = rules.FailureWindow()
        self._ground = ground
        self._one = one
        self._trial = trial
        self._settings = ground.settings_of(kind, one)
        super().__init__(ground.http, self._reach_of(one), kind.allowance)

    @property
    def settings(self) -> BaseModel:
        """What a person entered, as of the last request."""
        return self._settings

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self._one.name

    def _reach_of(self, one: Connection) -> Reach:
        return Reach(
            (one.address, *one.mirrors),
            private=one.private,
            route=one.route,
            secrets=self._ground.secrets_of(self.kind, self._settings),
            signed=self.kind.sign(self._settings) if self.kind.sign else Signed(),
            safe=self.kind.safe,
            row=one,
        )

    def _keeping(self) -> str:
        return f"connection {self._one.id}"

    async def _present(self) -> Reach:
        """As it stands now, over all nodes."""
        if self._trial:
            return self._reach
        one = await store.get(self._ground.store, self._one.id)
        if (one.sealed, one.settings) != (self._one.sealed, self._one.settings):
            self.jar = Jar()  # of another login
            self._settings = self._ground.settings_of(self.kind, one)
        self._one = one
        if not one.enabled:
            raise NeedsUser(f"{one.name} is switched off")
        left = rules.waits(one.standing, await store.now(self._ground.store))
        if left is not None and one.standing.state is ConnectionState.PERSON:
            raise NeedsUser(rules.in_words(one))
        if left is not None:
            raise Paused(rules.in_words(one), after=left)
        return self._reach_of(one)

    async def _once(self, trial: Trial[ResultT]) -> ResultT:
        """As `Calls`; a token that is refused is renewed once."""
        try:
            return await super()._once(trial)
        except NeedsUser as exc:
            if exc.status != 401 or trial.refused or not trial.bearer:
                raise
            trial.refused = trial.bearer
        return await super()._once(trial)

    async def _signed(self, trial: Trial[Any]) -> Signed:
        if self.kind.oauth is None:
            return trial.reach.signed
        tokens = self._ground.tokens
        trial.bearer = await tokens.bearer(self._one, self.kind, self._settings, refused=trial.refused)
        return Signed({"Authorization": BEARER + trial.bearer})

    async def _spend(self) -> None:
        """Wait for room in the budget. Raises `Paused` when that takes long."""
        budget = self.kind.allowance.budget
        while budget is not None and self._one.id:
            wait = await store.spend(self._ground.store, self._one.id, budget)
            if wait is None:
                return
            if wait > PATIENCE:
                said = f"{self.name} may be asked {budget.most} times in {budget.seconds:g} s, which it was"
                raise Paused(said, after=wait)
            await asyncio.sleep(wait)

    async def _worked(self, trial: Trial[Any]) -> None:
        self.window.add(worked=True)
        self.pace.faster()
        if (row := trial.reach.row) is not None and not self._trial:
            await self._ground.note(row, rules.worked(row.standing, self.window), worked=True)

    async def _failed(self, trial: Trial[Any], error: NightcrewError) -> None:
        trouble, row = recovery.trouble_of(error), trial.reach.row
        if row is None or self._trial or isinstance(error, Paused) or trouble in {Trouble.ROUTE, Trouble.DATABASE}:
            return
        if trouble is Trouble.OTHER and error.status is not None:
            await self._worked(trial)  # it answers; what was asked for is not there
            return
        after = await self._after(row.standing, trouble, error)
        if await self._ground.note(row, after) and after.until is not None:
            self.window.clear()

    async def _after(self, standing: ConnectionStanding, trouble: Trouble, error: NightcrewError) -> ConnectionStanding:
        now, reason = await store.now(self._ground.store), redact(str(error))
        if trouble is Trouble.RATE_LIMIT:
            return rules.limited(standing, now, reason, error.after if isinstance(error, Retry) else None)
        if trouble is Trouble.LOGIN:
            return rules.refused(standing, now, reason, final=error.status is None)
        self.window.add(worked=False)
        return rules.failed(standing, self.window, now, reason, unreached=error.unreached)
