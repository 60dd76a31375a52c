"""How fast one host is asked: requests a second, and at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from nightcrew.kernel.http_gate import AskPriority, TurnGate

PER_HOST = 4
"""Connections to one host at a time, unless a connection says otherwise."""
PER_HOST_RATE = 20.0
"""Requests a second to one host."""
SLOWEST, FASTER, CAREFUL = 16, 1.1, 1.02
"""The part of its rate that a service is asked with at least, and the factors by which that grows again: with each answer, until it is
nearly as much as was refused; from there on once in a while."""
NEARLY = 0.93
SETTLE = 1.0
"""Seconds in which several refusals count as one, since what was under way is refused too; and between two steps upwards."""
MOST_HOLD = 20.0
"""A wait of up to so many seconds is waited for by all who ask. What is longer is the matter of whoever puts its work off."""
MAX_HOSTS = 1_000
"""Hosts whose limits are kept in memory."""


class Pace:
    """What one host, or one connection, is spared from."""

    def __init__(self, *, at_once: int = PER_HOST, per_second: float = PER_HOST_RATE) -> None:
        self._gate = TurnGate(at_once=at_once, per_second=per_second)
        self._allowed = per_second
        self._slowed = self._grown = float("-inf")
        self._refused = per_second / NEARLY

    @property
    def per_second(self) -> float:
        """Requests a second now: what is allowed, or less after a service asked for that."""
        return self._gate.starts.per_second

    @contextlib.asynccontextmanager
    async def turn(self, *, spare: bool = True, priority: AskPriority = AskPriority.STANDARD) -> AsyncIterator[None]:
        """Wait for a turn, the urgent before the others. `spare`: have one of the few places until the end of the block."""
        await self._gate.enter(priority, place=spare)
        try:
            yield
        finally:
            if spare:
                self._gate.leave()

    def slower(self, wait: float | None = None) -> None:
        """The service said that it was too much: half as fast from now on, down to a sixteenth, and nothing for `wait` seconds, if few."""
        now = asyncio.get_running_loop().time()
        if wait is not None and wait <= MOST_HOLD:
            self._gate.starts.hold(now + wait)
        if now - self._slowed >= SETTLE:
            self._slowed = now
            self._refused = self.per_second
            self._set(max(self.per_second / 2, self._allowed / SLOWEST))

    def faster(self) -> None:
        """It takes what it gets: a little faster again, up to what is allowed."""
        now = asyncio.get_running_loop().time()
        if self.per_second < (careful := min(self._refused * NEARLY, self._allowed)):
            self._set(min(self.per_second * FASTER, careful))
        elif self.per_second < self._allowed and now - max(self._grown, self._slowed) >= SETTLE:
            self._grown = now
            self._set(min(self.per_second * CAREFUL, self._allowed))

    def _set(self, per_second: float) -> None:
        self._gate.starts.set(per_second)
        self._gate.retime()


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
