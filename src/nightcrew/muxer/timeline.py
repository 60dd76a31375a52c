"""Where packets lie in a film. Pure.

A source's clock may start over, jump, or be another one behind an advertisement. All streams of one clock are moved by the same
time, so that they stay in step; a jump closes up, and a small gap stays one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

AHEAD = 10.0
"""Seconds that a clock may jump forward and still be the same one: longer gaps close up."""
BEHIND = 60.0
"""Seconds that one stream's packets may come behind those of others."""
BACK = 1.0
"""Seconds that a stream may go back and still be on the same clock: pictures are not sent in the order that they are shown in."""
EARLY = 2.0
"""Seconds that a stream may end, or a stretch begin, before the end of all that is there: sound is sent apart from its picture."""
CLOCKS = 4
"""Clocks that are remembered: packets of the one before may come for a while."""


@dataclass(slots=True)
class Timeline:
    """Moves the packets of one film."""

    shifts: list[float] = field(default_factory=list)
    """What each clock is moved by, the newest last."""
    front: float = 0.0
    """The end of all that was placed."""
    _last: dict[int, float] = field(default_factory=dict)
    _ends: dict[int, float] = field(default_factory=dict)

    def begin(self, firsts: Mapping[int, float], gap: float = 0.0) -> None:
        """A stretch begins: where each stream's first packet is shown, by its own clock. `gap`: seconds missing before it.

        A clock that is none of those before begins behind what there is, with nothing before the film's beginning.
        """
        if not firsts or any(self._goes_on(firsts, shift) for shift in self.shifts):
            return
        if not self.shifts:
            self._add(-min(firsts.values()))
            return
        free = [self._ends[slot] - at for slot, at in firsts.items() if self._is_at_front(slot)]
        self._add(max(free, default=self.front - min(firsts.values())) + (gap if gap < AHEAD else 0.0))

    def place(self, slot: int, at: float, length: float, *, sparse: bool = False) -> float:
        """By how much a packet is moved that is shown at `at` for `length` seconds by its own clock.

        `sparse`: a subtitle, which may come late or early and says nothing about clocks.
        """
        known = self.match(slot, at, sparse=sparse)
        if known is None:
            free = self._ends[slot] if self._is_at_front(slot) else self.front
            known = self.shifts[-1] if sparse and self.shifts else self._add(free - at)
        shift = known
        placed = at + shift
        self._last[slot] = max(placed, self._last.get(slot, placed))
        if not sparse:
            self._ends[slot] = max(placed + length, self._ends.get(slot, 0.0))
            self.front = max(self.front, placed + length)
        return shift

    def match(self, slot: int, at: float, *, sparse: bool = False) -> float | None:
        """What a packet is moved by that is shown at `at` by a clock that is known; None for one that is not."""
        fitting = [shift for shift in self.shifts if self._fits(slot, at + shift, sparse=sparse)]
        before = self._last.get(slot, self.front)
        return min(reversed(fitting), key=lambda one: abs(at + one - before)) if fitting else None

    def after(self, slot: int) -> float:
        """Where a stream's last packet ended, or the front before any."""
        return self._ends.get(slot, self.front)

    def _is_at_front(self, slot: int) -> bool:
        """Whether a stream has come lately: what follows goes behind it, and not behind a stream that ended long before."""
        return slot in self._ends and self.front - self._ends[slot] < EARLY

    def _fits(self, slot: int, placed: float, *, sparse: bool = False) -> bool:
        """Whether a packet may lie there: what is far from all else is on another clock."""
        if placed > self.front + AHEAD or placed < self.front - BEHIND:
            return False
        before = self._last.get(slot)
        return sparse or before is None or placed > before - BACK

    def _goes_on(self, firsts: Mapping[int, float], shift: float) -> bool:
        """Whether a stretch that begins so is on a clock: it comes behind what is there, and not before the film."""
        earliest = min(firsts.values()) + shift
        if earliest < max(0.0, self.front - EARLY):
            return False
        return all(self._fits(slot, at + shift) for slot, at in firsts.items())

    def _add(self, shift: float) -> float:
        self.shifts.append(shift)
        del self.shifts[:-CLOCKS]
        return shift
