"""What a connection does while its first address does not answer, told once when it begins and once when it is over."""

from __future__ import annotations

import asyncio
from collections import Counter

from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.activity import Activity
from nightcrew.kernel.connections import detours_store, rules
from nightcrew.kernel.connections.models import Connection, Detour, DetourKind
from nightcrew.kernel.events import Bus
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import Store

REREAD = 60.0
"""Seconds after which it is read anew what other nodes have noted."""
WRITE_EVERY = 15.0
"""Seconds within which further requests of a detour are only counted here."""


class Detours:
    """Those of one connection, as one node sees them."""

    def __init__(self, store: Store, activity: Activity, bus: Bus) -> None:
        self._store = store
        self._activity = activity
        self._bus = bus
        self._open: dict[DetourKind, Detour] = {}
        self._read_at = -REREAD
        self._written_at: dict[DetourKind, float] = {}
        self._tried_at: dict[DetourKind, float] = {}
        self._uncounted: Counter[DetourKind] = Counter()

    async def took(self, one: Connection, kind: DetourKind, reason: str, place: int = 0) -> None:
        """A request got on in this way. `place`: which address answered instead, the first one being 0."""
        await self._read(one)
        self._uncounted[kind] += 1
        now = _now()
        if kind in self._open and now - self._written_at.get(kind, -WRITE_EVERY) < WRITE_EVERY:
            return
        self._written_at[kind] = now
        count, reason = self._uncounted.pop(kind), redact(reason)

        async def begins(writing: AsyncConnection) -> bool:
            return await detours_store.take(self._store, writing, one.id, kind, reason, count=count)

        said = rules.detour_begins(one.name, kind, reason, place)
        await self._tell(one, kind, said, level="warning", provided=begins)
        self._read_at = -REREAD

    async def good(self, one: Connection, kind: DetourKind) -> None:
        """A request needed none of this kind."""
        await self._read(one)
        known = self._open.get(kind)
        if known is None:
            return
        quiet, now = rules.quiet(known), _now()
        last = max(self._written_at.get(kind, -quiet), self._tried_at.get(kind, -quiet))
        if now - last < min(quiet, WRITE_EVERY):
            return
        self._tried_at[kind] = now

        async def ends(writing: AsyncConnection) -> bool:
            return await detours_store.end(writing, one.id, kind, quiet)

        said = rules.detour_ends(one.name, kind, known.count + self._uncounted.pop(kind, 0))
        await self._tell(one, kind, said, provided=ends, what="_over")
        self._read_at = -REREAD

    async def _tell(self, one: Connection, kind: DetourKind, said: str, *, what: str = "", **more: object) -> None:
        await self._activity.record(f"connection.{kind}{what}", said, subject=one.name, **more)  # type: ignore[arg-type]
        self._bus.publish("connections")

    async def _read(self, one: Connection) -> None:
        if _now() - self._read_at < REREAD:
            return
        self._read_at = _now()
        found = await detours_store.of(self._store, one.id)
        self._open = {kind: detour for kind, detour in found.items() if detour.over_at is None}


def _now() -> float:
    return asyncio.get_running_loop().time()
