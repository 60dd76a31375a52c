"""Which programmes of several guides are shown: the first guide counts, and the others fill its holes. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

from nightcrew.guidereader.wire import Programme

MOST = 20_000
"""Programmes of one channel whose times are kept; with more, other guides fill no hole of it."""


class Holes:
    """Takes programmes by channel and guide, the first guide first, and tells which ones are shown."""

    def __init__(self) -> None:
        self._channel, self._guide = "", -1
        self._filled: list[tuple[datetime, datetime]] = []
        self._here: list[tuple[datetime, datetime]] = []

    def takes(self, programme: Programme, guide: int) -> bool:
        """Whether it is shown: nothing of an earlier guide runs at that time."""
        if programme.guide_id != self._channel:
            self._channel, self._guide, self._filled, self._here = programme.guide_id, guide, [], []
        elif guide != self._guide:
            self._filled = _joined([*self._filled, *self._here])
            self._guide, self._here = guide, []
        if len(self._filled) + len(self._here) > MOST:
            return not self._filled
        if self._is_filled(programme.start, programme.stop):
            return False
        self._here.append((programme.start, programme.stop))
        return True

    def _is_filled(self, start: datetime, stop: datetime) -> bool:
        at = bisect_right(self._filled, (start, stop))
        before = at > 0 and self._filled[at - 1][1] > start
        return before or (at < len(self._filled) and self._filled[at][0] < stop)


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same times as spans in order, of which no two overlap: a guide's own programmes may."""
    joined: list[tuple[datetime, datetime]] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined
