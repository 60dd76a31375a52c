"""Positions of a list's entries, so that few of them change with it: there is room between two neighbours. Pure.

An entry that comes in between gets a position in between, and the others keep theirs: a hundred thousand rows need not be written for it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import lt

STEP = 1_024
"""Between two neighbours of a list that is numbered anew. 2,000,000 entries (setting max_channels) stay below `FURTHEST`."""
FURTHEST = (1 << 31) - 1
"""The largest number of the columns; the smallest is its negative."""
NONE = -(1 << 40)
"""Stands for an entry that has no position yet."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Ascending positions, and how many entries stand before or behind others than they did."""

    positions: Sequence[int]
    moved: int


def first(place: int) -> int:
    """The position of an entry of a list that is numbered anew, by its place from 0."""
    return (place + 1) * STEP


def placed(before: Sequence[int]) -> Placed:
    """Positions for entries that have had those of `before`, or `NONE`. As many as there is room for keep theirs."""
    if NONE not in before[:1] and all(map(lt, before, islice(before, 1, None))):
        return Placed(before, 0)
    kept = _kept(before)
    moved = sum(position != NONE for position in before) - len(kept)
    found = array("q", before)
    for start, end in _gaps(kept, len(before)):
        count = end - start
        low = found[start - 1] if start else (found[end] if end < len(before) else 0) - (count + 1) * STEP
        high = found[end] if end < len(before) else low + (count + 1) * STEP
        if high - low <= count or low < -FURTHEST or high > FURTHEST:
            return Placed(array("q", map(first, range(len(before)))), moved)
        for number in range(count):
            found[start + number] = low + (high - low) * (number + 1) // (count + 1)
    return Placed(found, moved)


def _gaps(kept: Sequence[int], count: int) -> Iterator[tuple[int, int]]:
    """The runs of places, as ranges, that do not keep their positions."""
    for one, other in pairwise([-1, *kept, count]):
        if other - one > 1:
            yield one + 1, other


def _kept(before: Sequence[int]) -> list[int]:
    """The places of the longest ascending run of positions, not side by side (patience sorting, with links back)."""
    known = [place for place, position in enumerate(before) if position != NONE]
    if all(before[one] < before[other] for one, other in pairwise(known)):
        return known
    tails: list[int] = []  # the lowest position in which a run of each length ends
    ends: list[int] = []  # its place
    back = dict[int, int]()
    for place in known:
        position = before[place]
        length = bisect_left(tails, position)
        if length == len(tails):
            tails.append(position)
            ends.append(place)
        else:
            tails[length], ends[length] = position, place
        if length:
            back[place] = ends[length - 1]
    run = [ends[-1]]
    while run[-1] in back:
        run.append(back[run[-1]])
    return run[::-1]
