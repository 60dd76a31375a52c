"""Which segments of a live playlist are to be read, in which order they are written, and which are given up. Pure.

The playlist is a window that moves on. A segment that cannot be read is tried again for as long as it is listed, and a while
longer; what comes after it is read meanwhile, held, and written behind it. What stays missing becomes a `Lost`, and no
number is ever passed over without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

RETRY = (0.5, 1.0, 2.0)
"""Seconds before a segment is tried again; the last one for all that follow."""
AFTERLIFE = 15.0
"""Seconds for which a segment is still tried when the playlist does not list it any more."""
HELD_BYTES = 64 << 20
"""Bytes that may wait for one missing segment before that is given up."""
FAR_BEHIND = 3
"""Windows by which a playlist must be behind for its numbers to have begun anew, and not to be an old copy."""
ANEW = "the stream's numbering began anew"
PASSED = "it had left the playlist before it could be read"


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment as a playlist lists it. `programme`: when it was made, by the source's clock; `handle`: the reader's own."""

    number: int
    seconds: float
    programme: float | None = None
    discontinuity: bool = False
    handle: Any = None


@dataclass(frozen=True, slots=True)
class Known:
    """The last segment that is known of, from before. `age` seconds have passed since it was read."""

    number: int
    seconds: float
    programme: float | None
    age: float


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
class Wanted:
    """A segment that is to be read."""

    listed: Listed
    tries: int = 0
    next_try: float = 0.0
    unlisted_at: float | None = None
    body: bytes | None = None
    lost: str | None = None


@dataclass(slots=True)
class Window:
    """What is to be read. All times are seconds of one clock, the caller's."""

    last: Known | None = None
    target: float = 6.0
    _queue: list[Wanted | Lost | Anew] = field(default_factory=list)
    _known: dict[int, float | None] = field(default_factory=dict)
    """Programme times by number, of what was listed lately."""
    _behind_since: float | None = None
    _newest: int | None = None
    moved: float = 0.0
    """When the playlist last showed something new."""
    _held: int = 0

    # -- what the playlist shows -----------------------------------------------------------------------------------

    def offer(self, segments: Sequence[Listed], now: float) -> None:
        """Take a playlist's segments into account."""
        if not segments:
            return
        if segments[-1].number != self._newest:
            self.moved = now
        if self.last is not None and self._began_anew(segments, self.last, now):
            segments = self._begin_anew(segments, self.last, now)
        self._newest = segments[-1].number if segments else self._newest
        self._renew({one.number: one for one in segments}, now)
        self._take(segments, now)

    def _take(self, segments: Sequence[Listed], now: float) -> None:
        for one in segments:
            if self.last is not None and one.number <= self.last.number:
                continue
            if self.last is not None and one.number > self.last.number + 1:
                self._queue.append(self._hole(self.last, one))
            self._queue.append(Wanted(one, next_try=now))
            self.last = Known(one.number, one.seconds, one.programme, 0.0)
            self._remember(one)

    def _hole(self, before: Known, after: Listed) -> Lost:
        """What lies between two segments. Its length by the source's clock where that is told, else by their number."""
        count = after.number - before.number - 1
        seconds = count * (before.seconds or after.seconds)
        if before.programme is not None and after.programme is not None:
            told = after.programme - before.programme - before.seconds
            if 0 < told < 2 * seconds + 60:
                seconds = told
        return Lost(before.number + 1, after.number - 1, round(seconds, 3), PASSED)

    def _remember(self, one: Listed) -> None:
        self._known[one.number] = one.programme
        while len(self._known) > 500:
            del self._known[next(iter(self._known))]

    def _renew(self, listed: dict[int, Listed], now: float) -> None:
        """What is still to be read has the address that is listed now, or is not listed any more."""
        for one in self._queue:
            if not isinstance(one, Wanted) or one.body is not None:
                continue
            if one.listed.number in listed:
                one.listed = listed[one.listed.number]
            elif one.unlisted_at is None:
                one.unlisted_at = now

    # -- a numbering that begins anew ------------------------------------------------------------------------------

    def _began_anew(self, segments: Sequence[Listed], last: Known, now: float) -> bool:
        """Whether these are other segments with lower, or much higher, numbers, and not an old copy of the playlist."""
        first, newest = segments[0], segments[-1]
        if self._renamed(segments):
            return True
        if newest.number >= last.number:
            self._behind_since = None
            ahead = (first.number - last.number - 1) * self.target
            return ahead > 2 * (last.age + now - min(self.moved or now, now)) + 60 + len(segments) * self.target * 2
        if newest.programme is not None and last.programme is not None:
            return newest.programme > last.programme + self.target / 2
        if newest.number < last.number - FAR_BEHIND * len(segments) - 10:
            return True
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since > 3 * self.target and newest.number != self._newest

    def _renamed(self, segments: Sequence[Listed]) -> bool:
        """Whether a number now stands for another moment than before."""
        for one in segments:
            known = self._known.get(one.number)
            if known is not None and one.programme is not None and one.programme > known + 1.5 * self.target:
                return True
        return False

    def _begin_anew(self, segments: Sequence[Listed], last: Known, now: float) -> list[Listed]:
        """What of the new numbering comes after what is known; what is missing in between is lost."""
        self._behind_since, self._newest = None, None
        self._known.clear()
        fresh, missing = self._after(segments, last, now)
        if missing > 0:
            count = max(1, round(missing / (last.seconds or self.target)))
            self._queue.append(Lost(last.number + 1, last.number + count, round(missing, 3), ANEW))
        self._queue.append(Anew(ANEW))
        if fresh:
            self.last = None
        else:
            self.last = Known(segments[-1].number, segments[-1].seconds, segments[-1].programme, 0.0)
        return fresh

    def _after(self, segments: Sequence[Listed], last: Known, now: float) -> tuple[list[Listed], float]:
        """The segments after a moment, and how many seconds are missing before them: by the source's clock, else by ours."""
        if last.programme is not None and segments[0].programme is not None:
            end = last.programme + last.seconds
            fresh = [one for one in segments if one.programme is None or one.programme > end - one.seconds / 2]
            begin = fresh[0].programme if fresh else None
            missing = begin - end if begin is not None else 0.0
            return fresh, missing if missing > self.target / 2 else 0.0
        passed, kept = last.age + max(0.0, now - self.moved), list[Listed]()
        for one in reversed(segments):
            if sum(other.seconds for other in kept) + one.seconds / 2 > passed:
                break
            kept.insert(0, one)
        missing = passed - sum(one.seconds for one in kept)
        return kept, missing if len(kept) == len(segments) and missing > self.target else 0.0

    # -- reading ---------------------------------------------------------------------------------------------------

    def due(self, now: float) -> Wanted | None:
        """The first segment that is to be tried now."""
        for one in self._queue:
            if isinstance(one, Wanted) and one.body is None and one.lost is None and one.next_try <= now:
                return one
        return None

    def next_try(self) -> float | None:
        """When the next one is to be tried."""
        return min(
            (one.next_try for one in self._queue if isinstance(one, Wanted) and one.body is None and one.lost is None),
            default=None,
        )

    def got(self, wanted: Wanted, body: bytes) -> None:
        """It was read."""
        wanted.body = body
        self._held += len(body)

    def failed(self, wanted: Wanted, reason: str, now: float, *, missing: bool) -> None:
        """It could not be read. `missing`: the source says that it does not have it."""
        wanted.tries += 1
        wanted.next_try = now + RETRY[min(wanted.tries, len(RETRY)) - 1]
        unlisted = wanted.unlisted_at
        over = unlisted is not None and (missing or now - unlisted > AFTERLIFE)
        first = next((one for one in self._queue if isinstance(one, Wanted)), None)
        if over or (wanted is first and self._held > HELD_BYTES):
            wanted.lost = reason

    def ready(self) -> Iterator[Step]:
        """What can be written now, in its order. Take all of it, or put it back by not asking: each is given once."""
        while self._queue:
            first = self._queue[0]
            if isinstance(first, Wanted) and first.body is None and first.lost is None:
                return
            lost = list[Lost]()
            while self._queue and (one := _lost(self._queue[0])) is not None:
                lost.append(one)
                self._queue.pop(0)
            if lost:
                yield _merged(lost)
                continue
            self._queue.pop(0)
            if isinstance(first, Wanted):
                self._held -= len(first.body or b"")
                yield Write(first.listed, first.body or b"")
            else:
                yield first

    def give_up(self, reason: str) -> None:
        """Nothing more will be read: what is still wanted is lost."""
        for one in self._queue:
            if isinstance(one, Wanted) and one.body is None and one.lost is None:
                one.lost = reason

    @property
    def waiting(self) -> int:
        """How many segments are still to be read."""
        return sum(isinstance(one, Wanted) and one.body is None and one.lost is None for one in self._queue)


def _lost(one: Wanted | Lost | Anew) -> Lost | None:
    if isinstance(one, Wanted) and one.lost is not None:
        return Lost(one.listed.number, one.listed.number, one.listed.seconds, one.lost)
    return one if isinstance(one, Lost) else None


def _merged(lost: Sequence[Lost]) -> Lost:
    """One gap of several that touch; the reason is that of the longest."""
    reason = max(lost, key=lambda one: one.seconds).reason
    return Lost(lost[0].first, lost[-1].last, round(sum(one.seconds for one in lost), 3), reason)
