"""One connection that a person entered, as this node uses it: its settings, and the access that was granted."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from nightcrew.kernel.connections import store
from nightcrew.kernel.connections.ground import Ground
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.connections.question import Reach, Trial
from nightcrew.kernel.connections.row_calls import RowCalls
from nightcrew.kernel.declare import ConnectionKind, Signed
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.http import Jar

ResultT = TypeVar("ResultT")
BEARER = "Bearer "


class Line(RowCalls):
    """What a domain asks a connection through."""

    _one: Connection

    def __init__(self, ground: Ground, kind: ConnectionKind, one: Connection, *, trial: bool = False) -> None:
        """`trial`: it is asked however it stands, and nothing is noted of what comes of it."""
        self.kind = kind
        self._trial = trial
        self._settings = ground.settings_of(kind, one)
        super().__init__(ground, self._reach_of(ground, one), kind.allowance, one)

    @property
    def settings(self) -> BaseModel:
        """What a person entered, as of the last request."""
        return self._settings

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self._one.name

    @property
    def address(self) -> str:
        """Where it is, as a person entered it; there may be mirrors besides."""
        return self._one.address

    def _reach_of(self, ground: Ground, one: Connection) -> Reach:
        return Reach(
            (one.address, *one.mirrors),
            private=one.private,
            route=ground.way_of(self.kind, one.route),
            secrets=ground.secrets_of(self.kind, self._settings),
            signed=self.kind.sign(self._settings) if self.kind.sign else Signed(),
            safe=self.kind.safe,
        )

    def _keeping(self) -> str:
        return f"connection {self._one.id}"

    async def _present(self) -> Reach:
        return self._reach if self._trial else await super()._present()

    def _noted(self) -> Connection | None:
        return None if self._trial else self._one

    async def _row(self) -> Connection:
        one = await store.get(self._ground.store, self._one.id)
        if (one.sealed, one.settings) != (self._one.sealed, self._one.settings):
            self.jar = Jar()  # of another login
            self._settings = self._ground.settings_of(self.kind, one)
        self._reach = self._reach_of(self._ground, one)
        return one

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
