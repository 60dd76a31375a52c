"""The gate of a route: what lets requests through, counts those it refuses, and ends what was opened before a change."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from nightcrew.kernel.routes.base import RouteDown
from nightcrew.kernel.routes.states import RouteSeen, RouteSight, RouteStanding, RouteState

STALE = 30.0
"""Seconds after which a look says nothing any more: nobody looks, so nobody knows."""
LOOKED = 20.0
"""Seconds for which a new look is waited for: one that goes on already may have to end first."""
_generations = itertools.count(1)


class RouteGate:
    """How a route stands now, and what is open through it."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.standing = RouteStanding()
        self.generation = next(_generations)
        self.refused = 0
        """Requests that found it closed since it was last up."""
        self.refused_at: float | None = None
        self.doubted = asyncio.Event()
        """Set when something went wrong on the way: somebody should look."""
        self._clock = clock
        self._noted = asyncio.Event()
        """Of the next look that ends."""
        self._seen_at: float | None = None
        self._open: set[Callable[[], None]] = set()
        self._retired = False

    @property
    def is_up(self) -> bool:
        """Whether it lets anything through."""
        return not self._retired and self.standing.state is RouteState.UP and not self.is_stale

    @property
    def is_stale(self) -> bool:
        """Whether the last look is too old to say anything."""
        return self._seen_at is None or self._clock() - self._seen_at > STALE

    def admit(self) -> None:
        """Raises `RouteDown` unless it is up."""
        if self.is_up:
            return
        self.refused += 1
        self.refused_at = self._clock()
        raise RouteDown(f"the route {self.name} is {self._words()}; nothing goes another way instead")

    def still(self, generation: int) -> None:
        """Raises `RouteDown` when it has changed since."""
        self.admit()
        if generation != self.generation:
            raise RouteDown(f"the route {self.name} has changed meanwhile")

    async def looked_at(self) -> None:
        """Wait until a look that begins from now on has ended. Raises `RouteDown` when none does."""
        self.doubted.set()
        try:
            async with asyncio.timeout(LOOKED):
                while self.doubted.is_set():  # a look that begins clears it
                    await self._noted.wait()
        except TimeoutError as exc:
            raise RouteDown(f"nobody looks at the route {self.name}") from exc

    def note(self, sight: RouteSight) -> bool:
        """Take up what a look found; whether its state, or the device, has changed. What was open is then ended."""
        before, self.standing = self.standing, self.standing.after(sight)
        if sight.seen is not RouteSeen.SILENCE:
            self._seen_at = self._clock()
            noted, self._noted = self._noted, asyncio.Event()
            noted.set()
        changed = (before.state, before.index) != (self.standing.state, self.standing.index)
        if changed:
            self.renew()
        if self.standing.state is RouteState.UP and changed:
            self.refused, self.refused_at = 0, None
        return changed

    def renew(self) -> None:
        """Nothing that was opened before is used any more."""
        self.generation = next(_generations)
        ending, self._open = self._open, set()
        for end in ending:
            end()

    def retire(self) -> None:
        """It was removed, or is defined anew: this one lets nothing through any more."""
        self._retired = True
        self.renew()

    def watch(self, end: Callable[[], None]) -> None:
        """Call `end` at the next change."""
        self._open.add(end)

    def forget(self, end: Callable[[], None]) -> None:
        """What is closed by itself needs no end."""
        self._open.discard(end)

    def _words(self) -> str:
        if self._retired:
            return "gone"
        if self.standing.state is RouteState.UP:
            return "unknown: nobody has looked at it for too long"
        reason = f": {self.standing.reason}" if self.standing.reason else ""
        return f"{self.standing.state.value}{reason}"
