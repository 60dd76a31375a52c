"""Which segments of a live playlist are to be read, in which order they are written, and which are given up. Pure.

The playlist is a window that moves on. A segment that cannot be read is tried again for as long as it is listed, and a while
longer; what comes after it is read meanwhile, held, and written behind it. What stays missing becomes a `Lost`, and no
number is ever passed over without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

RETRY = (0.5, 1.0, 2.0)
"""Seconds before a segment is tried again; the last one for all that follow."""
AFTERLIFE = 15.0
"""Seconds for which a segment is still tried when the playlist does not list it any more."""
HELD_BYTES = 64 << 20
"""Bytes that may wait for one missing segment before that is given up."""
FAR_BEHIND = 3
"""Windows by which a playlist must be behind for its numbers to have begun anew, and not to be an old copy."""
OLD_FOR = 120.0
"""Seconds after which a playlist that goes on is no old copy, although its programme times are behind: its clock was set back."""
SLACK = 60.0
"""Seconds by which the source's clock and ours may tell another length of the same time."""
LEAST = 0.25
"""Seconds that are missing when it is more; less is how exact programme times are."""
ANEW = "the stream's numbering started over"
PASSED = "it left the playlist before it could be read"


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment as a playlist lists it. `programme`: when it was made, by the source's clock; `handle`: the reader's own."""

    number: int
    seconds: float
    programme: float | None = None
    discontinuity: bool = False
    handle: Any = None


@dataclass(frozen=True, slots=True)
class LastSeen:
    """The last segment that is known of. `at`: when it was first seen, by the caller's clock."""

    number: int
    seconds: float
    programme: float | None
    at: float


@dataclass(frozen=True, slots=True)
class Write:
    """A segment to be written now."""

    listed: Listed
    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """Segments that are given up."""

    first: int
    last: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Anew:
    """The numbering begins anew with what is written next."""

    reason: str


Step = Write | Lost | Anew


@dataclass(eq=False, slots=True)
class QueuedSegment:
    """A segment that is to be read."""

    listed: Listed
    tries: int = 0
    next_try: float = 0.0
    unlisted_at: float | None = None
    body: bytes | None = None
    lost: str | None = None

    @property
    def pending(self) -> bool:
        """Whether it is still to be read."""
        return self.body is None and self.lost is None


@dataclass(slots=True)
class SegmentWindow:
    """What is to be read. All times are seconds of one clock, the caller's."""

    last: LastSeen | None = None
    target: float = 6.0
    _queue: list[QueuedSegment | Lost | Anew] = field(default_factory=list)
    _known: dict[int, float | None] = field(default_factory=dict)
    """Programme times by number, of what was listed lately."""
    _behind: tuple[float, int] | None = None
    """Since when the playlist is behind, and the highest number that it has shown until that was long enough."""
    _size: int = 0
    """Segments that the longest playlist listed."""
    _former: int | None = None
    """The last number of the numbering before this one."""
    begun: int = 0
    """How often the numbering has begun anew."""
    moved: float = 0.0
    """When the playlist last showed something new."""
    _held: int = 0

    # -- what the playlist shows -----------------------------------------------------------------------------------

    def offer(self, segments: Sequence[Listed], now: float) -> None:
        """Take a playlist's segments into account."""
        if not segments:
            return
        fresh, self._size = segments, max(self._size, len(segments))
        if self.last is not None:
            behind = self._is_behind(segments, self.last)
            if behind and self._may_be_old(segments[-1], self.last, now):
                return
            if behind or self._began_anew(segments, self.last, now):
                fresh = self._begin_anew(segments, self.last, now)
        self._behind = None
        self._renew(segments, now)
        self._take(fresh, now)

    def _take(self, segments: Sequence[Listed], now: float) -> None:
        for one in segments:
            if self.last is not None and one.number <= self.last.number:
                continue
            if self.last is not None and one.number > self.last.number + 1:
                self._queue.append(self._hole(self.last, one, now))
            self._queue.append(QueuedSegment(one, next_try=now))
            self.last = LastSeen(one.number, one.seconds, one.programme, now)
            self._remember(one)
            self.moved = now

    def _hole(self, before: LastSeen, after: Listed, now: float) -> Lost:
        """What lies between two segments. Its length by the source's clock where that is told, else by their number."""
        seconds = (after.number - before.number - 1) * (before.seconds or after.seconds)
        told = _between(before, after)
        if told is not None and -SLACK < told < max(2 * seconds, now - before.at) + SLACK:
            seconds = max(0.0, told)
        return Lost(before.number + 1, after.number - 1, round(seconds, 3), PASSED)

    def _remember(self, one: Listed) -> None:
        self._known[one.number] = one.programme
        while len(self._known) > 500:
            del self._known[next(iter(self._known))]

    def _renew(self, segments: Sequence[Listed], now: float) -> None:
        """What is still to be read has the address that is listed now, or is not listed any more."""
        listed = {one.number: one for one in segments}
        of_now = True
        for one in reversed(self._queue):
            if isinstance(one, Anew):
                of_now = False
            elif not isinstance(one, QueuedSegment) or not one.pending:
                continue
            elif not of_now and one.listed.number in listed:
                one.lost = ANEW  # its address may be that of another segment now
            elif of_now and one.listed.number in listed:
                one.listed, one.unlisted_at = listed[one.listed.number], None
            elif one.unlisted_at is None:
                one.unlisted_at = now

    # -- a numbering that begins anew ------------------------------------------------------------------------------

    def _is_behind(self, segments: Sequence[Listed], last: LastSeen) -> bool:
        """Whether this shows nothing that is later than what is known: an old copy, unless it goes on."""
        first, newest = segments[0], segments[-1]
        apart = first.number > last.number + 1
        if newest.programme is None or last.programme is None:
            away = FAR_BEHIND * self._size + 10
            if newest.number < last.number:
                return last.number - newest.number <= away
            return apart and self._former is not None and abs(self._former - newest.number) <= away
        later = newest.programme > last.programme + max(last.seconds / 2, LEAST)
        return not later and (newest.number < last.number or apart or self._shift(segments, last) < 0)

    def _may_be_old(self, newest: Listed, last: LastSeen, now: float) -> bool:
        """Whether a playlist that is behind is not so for so long, and with so much that is new, that it is another one."""
        since, highest = self._behind or (now, newest.number)
        dated = newest.programme is not None and last.programme is not None
        if now - since <= (OLD_FOR if dated else 3 * self.target):
            self._behind = since, max(highest, newest.number)
            return True
        return newest.number <= highest

    def _began_anew(self, segments: Sequence[Listed], last: LastSeen, now: float) -> bool:
        """Whether these are other segments, with lower, or much higher, numbers than what is known."""
        first, newest = segments[0], segments[-1]
        if newest.number < last.number or self._shift(segments, last):
            return True
        if first.number <= last.number:
            return False
        told, ahead = _between(last, first), (first.number - last.number - 1) * self.target
        if told is not None and (told < -first.seconds / 2 or (not ahead and told > 1.5 * self.target)):
            return True
        passed = now - last.at if told is None else max(told, now - last.at)
        return ahead > 2 * passed + SLACK + 2 * len(segments) * self.target

    def _shift(self, segments: Sequence[Listed], last: LastSeen) -> float:
        """By how many seconds a number stands for a later moment than before; 0 when that is not told."""
        for one in reversed(segments):
            known = last.programme if one.number == last.number else self._known.get(one.number)
            if known is not None and one.programme is not None:
                shift = one.programme - known
                return shift if abs(shift) > max(one.seconds / 2, LEAST) else 0.0
        return 0.0

    def _begin_anew(self, segments: Sequence[Listed], last: LastSeen, now: float) -> Sequence[Listed]:
        """What of the new numbering comes after what is known; what is missing in between is lost."""
        fresh, missing = self._after(segments, last, now)
        if missing > 0:
            count = max(1, round(missing / (last.seconds if last.seconds > LEAST else self.target)))
            self._queue.append(Lost(last.number + 1, last.number + count, round(missing, 3), ANEW))
        self._queue.append(Anew(ANEW))
        self.begun += 1
        self._known.clear()
        self._former = last.number
        self.last = None if fresh else LastSeen(segments[-1].number, segments[-1].seconds, segments[-1].programme, now)
        self.moved = now
        return fresh

    def _after(self, segments: Sequence[Listed], last: LastSeen, now: float) -> tuple[Sequence[Listed], float]:
        """The segments after a moment, and how many seconds are missing before them: by the source's clock, else by ours."""
        passed = max(0.0, now - last.at)
        if last.programme is not None and all(one.programme is not None for one in segments):
            fresh = [one for one in segments if (_between(last, one) or 0.0) > -one.seconds / 2]
            missing = (_between(last, fresh[0]) or 0.0) if fresh else 0.0
            back = (_between(last, segments[-1]) or 0.0) < -SLACK
            if not back and missing <= passed + OLD_FOR:
                return fresh, missing if missing > LEAST else 0.0
        kept = list[Listed]()
        for one in reversed(segments):
            if sum(other.seconds for other in kept) + one.seconds / 2 > passed:
                break
            kept.insert(0, one)
        missing = passed - sum(one.seconds for one in kept)
        return kept, missing if len(kept) == len(segments) and missing > self.target else 0.0

    # -- reading ---------------------------------------------------------------------------------------------------

    def due(self, now: float) -> QueuedSegment | None:
        """The first segment that is to be tried now."""
        return next((one for one in self._pending() if one.next_try <= now), None)

    def next_try(self) -> float | None:
        """When the next one is to be tried."""
        return min((one.next_try for one in self._pending()), default=None)

    def got(self, wanted: QueuedSegment, body: bytes) -> None:
        """It was read."""
        wanted.body = body
        self._held += len(body)

    def failed(self, wanted: QueuedSegment, reason: str, now: float, *, missing: bool) -> None:
        """It could not be read. `missing`: the source says that it does not have it."""
        wanted.tries += 1
        wanted.next_try = now + RETRY[min(wanted.tries, len(RETRY)) - 1]
        unlisted = wanted.unlisted_at
        over = unlisted is not None and (missing or now - unlisted > AFTERLIFE)
        first = next(self._pending(), None)
        if over or (wanted is first and self._held > HELD_BYTES):
            wanted.lost = reason

    def ready(self) -> Iterator[Step]:
        """What can be written now, in its order. A step counts as done when the next one is asked for; else it comes again."""
        while self._queue:
            first = self._queue[0]
            if isinstance(first, QueuedSegment) and first.pending:
                return
            lost = list(takewhile(lambda one: one is not None, map(_lost, self._queue)))
            if lost:
                yield _merged([one for one in lost if one is not None])
            elif isinstance(first, QueuedSegment):
                yield Write(first.listed, first.body or b"")
                self._held -= len(first.body or b"")
            elif isinstance(first, Anew):
                yield first
            del self._queue[: max(1, len(lost))]

    def give_up(self, reason: str) -> None:
        """Nothing more will be read: what is still wanted is lost."""
        for one in self._pending():
            one.lost = reason

    @property
    def waiting(self) -> int:
        """How many segments are still to be read."""
        return sum(1 for _ in self._pending())

    def _pending(self) -> Iterator[QueuedSegment]:
        return (one for one in self._queue if isinstance(one, QueuedSegment) and one.pending)


def _between(before: LastSeen, after: Listed) -> float | None:
    """Seconds from the end of one segment to the beginning of another, by the source's clock."""
    if before.programme is None or after.programme is None:
        return None
    return after.programme - before.programme - before.seconds


def _lost(one: QueuedSegment | Lost | Anew) -> Lost | None:
    if isinstance(one, QueuedSegment) and one.lost is not None:
        return Lost(one.listed.number, one.listed.number, one.listed.seconds, one.lost)
    return one if isinstance(one, Lost) else None


def _merged(lost: Sequence[Lost]) -> Lost:
    """One gap of several that touch; the reason is that of the longest."""
    reason = max(lost, key=lambda one: one.seconds).reason
    return Lost(lost[0].first, lost[-1].last, round(sum(one.seconds for one in lost), 3), reason)
