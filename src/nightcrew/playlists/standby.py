"""A connection that is held for players who ask now and then and never hang up, as those of HLS do: it yields once they are silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nightcrew.kernel.slots import Lease, Priority, Slots
from nightcrew.kernel.tasks import Tasks


class Standby:
    """Ranks the lease of one reading. `until`: the loop time up to which somebody is taken to watch, None while that is certain.

    After that time its place goes to whoever needs it, and until then, or when somebody asks again, to nobody.
    """

    def __init__(
        self, slots: Slots, tasks: Tasks, until: Callable[[], float | None], lease: Callable[[], Lease]
    ) -> None:
        self._slots, self._tasks, self._until, self._lease = slots, tasks, until, lease
        self._timer: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self.yields = False

    def look(self) -> None:
        """Somebody has come, gone, or asked again; or the time is over."""
        self.close()
        until, loop = self._until(), asyncio.get_running_loop()
        yields = until is not None and until <= loop.time()
        if until is not None and not yields:
            self._timer = loop.call_at(until, self.look)
        if yields != self.yields:
            self.yields = yields
            self._tasks.spawn(self._rank(), "rank of a connection")

    def taken(self) -> None:
        """Another lease has taken the place of the one before."""
        self.yields = False
        self.look()

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _rank(self) -> None:
        async with self._turn:  # what was found last is written last
            await self._slots.rank(self._lease(), Priority.CHECK if self.yields else Priority.USE)
