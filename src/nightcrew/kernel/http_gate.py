"""Whose turn it is where little may be asked: no more than a rate, few at a time, the urgent first, and nobody left waiting."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

AGE = 5.0
"""Seconds of waiting that weigh as much as one class: whoever has waited for so long is as urgent as the class above."""

SLACK = 1.035
"""How much longer our windows are than a service's: what we send evenly does not arrive quite evenly."""

CLOSER = 1.2
"""How much closer than evenly starts may follow each other, so that what a busy moment held up is caught up with."""


class AskPriority(IntEnum):
    """How urgent a question is. Where little may be asked, the lower number comes first."""

    CRITICAL = 0
    """Somebody, or something that people see, waits for it."""
    STANDARD = 1
    BACKGROUND = 2
    """What keeps something current: lists, comparisons."""


class Starts:
    """When one more may start, so that no window of a second has more than the rate. No clock of its own.

    A few may start at once after a rest, a quarter of what a window takes; the others are spread about evenly, so that a service
    that counts by windows of its own sees no more than we do. A rate below one a second has windows with one start each.
    """

    def __init__(self, per_second: float) -> None:
        self._last: deque[float] = deque()
        self._held = float("-inf")
        self.set(per_second)

    def set(self, per_second: float) -> None:
        """Another rate from now on. What was started counts on."""
        self.per_second = per_second
        self._most = max(1, int(per_second))
        self._window = SLACK * self._most / per_second
        self._spare = (SLACK - 1) / 4 * self._most / per_second
        while len(self._last) > self._most:
            self._last.popleft()

    def hold(self, until: float) -> None:
        """None starts before this moment."""
        self._held = max(self._held, until)

    def next_at(self, now: float) -> float:
        """The first moment, `now` or later, at which one may start."""
        at = max(now, self._held)
        if len(self._last) == self._most:
            at = max(at, self._last[0] + self._window)
        if not self._last:
            return at
        recent = sum(1 for one in self._last if one > at - self._window)
        return max(at, self._last[-1] + 1 / (CLOSER * self.per_second)) if 4 * recent > self._most else at

    def start(self, now: float, due: float) -> None:
        """One starts that could have started at `due`. What it is late by, as timers are, costs nothing, within a quarter of the slack."""
        self._last.append(max(due, now - self._spare))
        while len(self._last) > self._most:
            self._last.popleft()


@dataclass(order=True, slots=True)
class _InLine:
    urgency: float
    number: int
    since: float = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)


class TurnGate:
    """Gives turns: `at_once` of those that need a place, as many a second as `Starts` allows.

    Who waits is in a heap by the moment at which they came, plus `AGE` for each class: a turn never goes to somebody who came more
    than that much later. Who is cancelled while waiting takes no turn.
    """

    def __init__(self, *, at_once: int, per_second: float) -> None:
        self.starts = Starts(per_second)
        self._places = at_once
        self._waiting: tuple[list[_InLine], list[_InLine]] = ([], [])  # without and with need of a place
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, priority: int, *, place: bool) -> None:
        """Wait for a turn. With `place` the caller has one of the places until `leave`."""
        loop = asyncio.get_running_loop()
        self._count += 1
        now = loop.time()
        mine = _InLine(now + AGE * priority, self._count, now, loop.create_future())
        heapq.heappush(self._waiting[place], mine)
        self._give()
        try:
            await mine.turn
        except asyncio.CancelledError:
            if mine.turn.done() and not mine.turn.cancelled() and place:  # it was given in the same moment
                self._places += 1
            self._give()
            raise

    def leave(self) -> None:
        """A place is free again."""
        self._places += 1
        self._give()

    def retime(self) -> None:
        """The rate has changed."""
        self._give()

    def _give(self) -> None:
        """Give the turns that there are now, and come back when there is another one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while (line := self._first()) is not None:
            at = self.starts.next_at(line[0].since)
            if at > (now := loop.time()):
                self._timer = loop.call_at(at, self._give)
                return
            self.starts.start(now, at)
            if line is self._waiting[True]:
                self._places -= 1
            heapq.heappop(line).turn.set_result(None)

    def _first(self) -> list[_InLine] | None:
        """The heap whose first one is next; None where nobody waits who could go."""
        for line in self._waiting:
            while line and line[0].turn.done():  # cancelled
                heapq.heappop(line)
        able = [line for line in self._waiting if line and (line is self._waiting[False] or self._places > 0)]
        return min(able, key=lambda line: line[0], default=None)
