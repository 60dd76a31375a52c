"""How fast one host is asked: requests a second, and at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiolimiter import AsyncLimiter

PER_HOST = 4
"""Connections to one host at a time, unless a connection says otherwise."""
PER_HOST_RATE = 20.0
"""Requests a second to one host."""
SLOWEST, FASTER = 16, 1.1
"""The part of its rate that a service is asked with at least, and the factor by which that grows again with each answer."""
MAX_HOSTS = 1_000
"""Hosts whose limits are kept in memory."""


class Pace:
    """What one host, or one connection, is spared from."""

    def __init__(self, *, at_once: int = PER_HOST, per_second: float = PER_HOST_RATE) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._allowed = per_second
        self._set(per_second)

    @property
    def per_second(self) -> float:
        """Requests a second now: what is allowed, or less after a service asked for that."""
        return self._present

    @contextlib.asynccontextmanager
    async def turn(self, *, spare: bool = True) -> AsyncIterator[None]:
        """Wait for a turn. `spare`: have one of the few places until the end of the block."""
        async with self._slots if spare else contextlib.nullcontext():
            await self._rate.acquire()
            yield

    def slower(self) -> None:
        """The service said that it was too much: half as fast from now on, down to a sixteenth."""
        self._set(max(self._present / 2, self._allowed / SLOWEST))

    def faster(self) -> None:
        """It takes what it gets: a little faster again, up to what is allowed."""
        if self._present < self._allowed:
            self._set(min(self._present * FASTER, self._allowed))

    def _set(self, per_second: float) -> None:
        self._present = per_second
        self._rate = AsyncLimiter(max(1.0, per_second), max(1.0, 1.0 / per_second))


class Hosts:
    """The limits of all hosts that were asked of late."""

    def __init__(self) -> None:
        self._known: dict[str, Pace] = {}

    def of(self, name: str) -> Pace:
        """A host's limits. The hosts that were not asked for longest are forgotten."""
        pace = self._known.pop(name, None) or Pace()
        self._known[name] = pace
        if len(self._known) > MAX_HOSTS:
            del self._known[next(iter(self._known))]
        return pace
