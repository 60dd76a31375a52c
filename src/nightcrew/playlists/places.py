"""Positions of a list's entries, so that few of them change with it: there is room between two neighbours. Pure.

An entry that comes in between gets a position in between, and the others keep theirs: a hundred thousand rows need not be written for it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import lt

STEP = 1_024
"""Between two neighbours of a list that is numbered anew. 2,000,000 entries (setting max_channels) stay below `FURTHEST`."""
FURTHEST = (1 << 31) - 1
"""The largest number of the columns; the smallest is its negative."""
ROOM = 16
"""Times as many positions as entries that there are where neighbours were spread, so that it need not be done again soon."""
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
    found, stays = array("q", before), bytearray(len(before))
    for place in kept:
        stays[place] = True
    start = stays.find(0)
    while start >= 0:
        end = _fill(found, stays, start)
        if end is None:
            return Placed(array("q", map(first, range(len(before)))), moved)
        start = stays.find(0, end)
    return Placed(found, moved)


def _fill(found: array[int], stays: bytearray, start: int) -> int | None:
    """Give positions to the entries from `start` on that have none; returns where they end.

    Where there is no room between their neighbours, those are spread with them, more and more, until there is plenty. None when that
    would be most of the list.
    """
    end, room = _next_staying(stays, start), 1
    while True:
        count = end - start
        low = found[start - 1] if start else (found[end] if end < len(found) else 0) - (count + 1) * STEP
        high = found[end] if end < len(found) else low + (count + 1) * STEP
        if high - low > room * count and low >= -FURTHEST and high <= FURTHEST:
            break
        start, end, room = max(0, start - count), _next_staying(stays, min(len(found), end + count)), ROOM
        if 2 * (end - start) > len(found):
            return None
    for number in range(count):
        found[start + number] = low + (high - low) * (number + 1) // (count + 1)
    return end


def _next_staying(stays: bytearray, place: int) -> int:
    """The next entry from a place on that keeps its position, or the end."""
    found = stays.find(1, place)
    return len(stays) if found < 0 else found


def _kept(before: Sequence[int]) -> list[int]:
    """The places of the longest ascending run of positions, not necessarily side by side (patience sorting, with links back)."""
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
