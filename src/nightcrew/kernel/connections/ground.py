"""What all connections stand on: the database, the HTTP client, secrets, and the telling of how they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from nightcrew.kernel import redaction
from nightcrew.kernel.activity import Activity
from nightcrew.kernel.connections import rules, store
from nightcrew.kernel.connections.models import Connection, ConnectionStanding
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.events import Bus
from nightcrew.kernel.fields import secrets_of
from nightcrew.kernel.http import Http
from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.store import Store
from nightcrew.kernel.vault import Vault

if TYPE_CHECKING:
    from nightcrew.kernel.connections.tokens import Tokens
    from nightcrew.kernel.settings import Settings

WORKED_EVERY = 60.0
"""Seconds after which it is stored anew that a connection works."""
TOLD_AGAIN = 3600.0
"""Seconds within which it is told once that a connection asks us to wait: some do all the time."""
LEVELS = {"away": "error", "person": "error", "limited": "warning", "back": "info"}


@dataclass(frozen=True, slots=True)
class Ground:
    """The parts of a node that connections need."""

    store: Store
    http: Http
    vault: Vault
    activity: Activity
    bus: Bus
    tokens: Tokens
    settings: Settings | None = None
    """The options of the installation; None where none names a route."""
    _limit_told_at: dict[int, datetime] = field(default_factory=dict)
    """When people were last told that a connection asks us to wait."""

    def settings_of(self, kind: ConnectionKind, one: Connection) -> BaseModel:
        """What a person entered. Raises `NeedsUser` when it cannot be read with this key, or does not fit any more."""
        secrets = self.vault.unseal(one.sealed)
        try:
            settings = kind.settings.model_validate({**one.settings, **secrets})
        except ValidationError as exc:
            wrong = exc.errors(include_url=False, include_context=False)[0]["loc"]
            raise NeedsUser(f"{one.name}: {'.'.join(map(str, wrong))} is no longer valid. Enter it again") from exc
        redaction.know(self.secrets_of(kind, settings))
        return settings

    def way_of(self, kind: ConnectionKind, route: str) -> str:
        """The route that a person chose for a connection, else that of the work it belongs to."""
        if route != DIRECT or kind.way is None or self.settings is None:
            return route
        return kind.way(self.settings)

    def secrets_of(self, kind: ConnectionKind, settings: BaseModel) -> tuple[str, ...]:
        """The values that nobody may see."""
        values = (getattr(settings, name) for name in secrets_of(kind.settings))
        return tuple(value for value in values if isinstance(value, str) and value)

    async def note(self, before: Connection, after: ConnectionStanding, *, worked: bool = False) -> bool:
        """Store how a connection stands when that has changed, and tell people once; whether it was stored."""
        moved = after != before.standing and await store.move(self.store, before, after)
        if moved:
            await self._tell(before, after)
            self.bus.publish("connections")
        if worked and await self._is_old(before.worked_at):
            await store.worked(self.store, before.id)
        return moved

    async def _is_news(self, connection_id: int) -> bool:
        now = await store.now(self.store)
        last = self._limit_told_at.get(connection_id)
        if last is not None and (now - last).total_seconds() < TOLD_AGAIN:
            return False
        self._limit_told_at[connection_id] = now
        return True

    async def _is_old(self, worked_at: datetime | None) -> bool:
        return worked_at is None or (await store.now(self.store) - worked_at).total_seconds() >= WORKED_EVERY

    async def _tell(self, before: Connection, after: ConnectionStanding) -> None:
        what = rules.news(before.standing, after)
        if what is None or (what == "limited" and not await self._is_news(before.id)):
            return
        if before.owner:
            if what in {"away", "limited"}:  # the rest is told by what it belongs to
                said = f"{before.name} is paused: {after.reason}"
                await self.activity.record("connection.paused", said, level="warning", subject=before.name)
            return
        said = {
            "away": f"{before.name} is away: {after.reason}",
            "person": f"{before.name} needs you: {after.reason}",
            "limited": f"{before.name} asks us to wait: {after.reason}",
            "back": f"{before.name} works again",
        }[what]
        await self.activity.record(f"connection.{what}", said, level=LEVELS[what], subject=before.name)
