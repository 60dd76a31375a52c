"""Hands for due rows: a tick claims them, and they are worked on beside it, so that a slow service holds up nobody's tick.

What a hand holds is renewed for as long as it works. When it is done, the tick is woken, since there is room for more. At a stop
everything that is held is due again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.store import DatabaseAway
from nightcrew.kernel.tasks import Tasks

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

OnError = Callable[[Any, Exception], Awaitable[None]]


class Hands:
    """At most `most` rows, or groups of rows, of one kind at a time on this node."""

    def __init__(self, runtime: Runtime, rows: DueRows, most: int, on_error: OnError) -> None:
        """`on_error` gets the key of a row whose work raised what nobody expected: it says when that row is due again."""
        self._runtime = runtime
        self._rows = rows
        self._most = most
        self._on_error = on_error
        self._tasks = Tasks()
        self._held: dict[Any, asyncio.Task[None]] = {}
        self._dropped: set[Any] = set()
        """Rows that nobody works on any more, while the database was away that would have to know of it."""
        self._renewed = 0.0

    @property
    def free(self) -> int:
        """How many more may begin now."""
        return max(0, self._most - len(self._tasks))

    @property
    def held(self) -> Collection[Any]:
        """The keys of the rows that are worked on."""
        return self._held.keys()

    def take(self, keys: Collection[Any], work: Coroutine[Any, Any, None], name: str) -> None:
        """Work on claimed rows. One piece of work may be for several."""

        async def failed(exc: Exception) -> None:
            for key in keys:
                try:
                    if isinstance(exc, DatabaseAway):
                        raise exc
                    await self._on_error(key, exc)
                except DatabaseAway:
                    self._dropped.add(key)  # nothing could be noted, so that it is done again

        task = self._tasks.spawn(work, name, failed)
        for key in keys:
            self._held[key] = task
        task.add_done_callback(lambda _: self._done(keys))

    @property
    def next_at(self) -> datetime | None:
        """When `keep` has to be called next; None while nothing is held."""
        if self._dropped:
            return utcnow()
        return utcnow() + timedelta(seconds=self._rows.lease / 3) if self._held else None

    async def keep(self) -> None:
        """Hold for longer what is worked on, and give back what was dropped; called in each cycle of the tick."""
        if dropped := self._dropped - self._held.keys():
            await self._rows.give_back(self._runtime.store, by=self._runtime.node, keys=dropped)
            self._dropped -= dropped
        now = asyncio.get_running_loop().time()
        if self._held and now - self._renewed >= self._rows.lease / 3:
            self._renewed = now
            await self._rows.renew(self._runtime.store, by=self._runtime.node, keys=list(self._held))

    async def close(self) -> None:
        """End all of it. What was held is due at once."""
        held = bool(self._held or self._dropped)
        await self._tasks.close()
        if held:
            with contextlib.suppress(NightcrewError):
                await self._rows.give_back(self._runtime.store, by=self._runtime.node)

    def _done(self, keys: Collection[Any]) -> None:
        for key in keys:
            self._held.pop(key, None)
        self._runtime.wakes.ring(self._rows.topic)
