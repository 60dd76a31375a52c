"""Whether a tracker answers in the order it was asked in. Pure.

A scrape answer over UDP has numbers without hashes (BEP 15). Some servers sort, shuffle or leave out what they do not know, some of them
only at times. So the same hashes are asked for in several orders, and the numbers of each hash have to agree. They agree by chance too when
they are alike, which is why agreement is weighed: how unlikely would it be if the answers were shuffled?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from math import lgamma, log
from operator import eq, itemgetter, sub
from random import Random

from nightcrew.movies.trackers.wire import Numbers

ENOUGH = 24.0
"""Bits: shuffled answers agree once in so many doublings (16 million). Where numbers prove less, hashes are asked for alone."""
FEW = 10
"""Hashes that are asked for one by one, as even different numbers would prove too little: log2(10!) is 21.8 bits."""
SMALL = 40
"""Hashes up to which a batch is asked for in a third order."""
KEPT = 8
"""Orders by chance that are kept for each size."""
SMALL_MOVE, MOVE = 2, 0.02
"""A number may move so far between two packets, as a count and as a share of it."""


class OrderProof(StrEnum):
    """What several answers say about the order."""

    KEPT = "kept"
    MIXED = "mixed"
    IN_DOUBT = "in doubt"


class Rearranged:
    """An order to ask a batch in, and the way back for its answer. `places`: of which hash each one is, two at least."""

    __slots__ = ("back", "there")

    def __init__(self, places: Sequence[int]) -> None:
        self.there = itemgetter(*places)
        self.back = itemgetter(*sorted(range(len(places)), key=places.__getitem__))


def shuffled(count: int, chance: Random) -> Rearranged:
    """By chance, with each of more than `FEW` hashes at another place and beside others than it was.

    One that stays, or neighbours that do, might meet the same mistake twice. Every twentieth order is so.
    """
    places = chance.sample(range(count), count)
    while any(map(eq, places, range(count))) or not {1, -1}.isdisjoint(map(sub, places, places[1:])):
        chance.shuffle(places)
    return Rearranged(places)


class Orders:
    """Orders by chance that were made, some for each size of a batch: to make one takes a millisecond."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._made: dict[int, list[Rearranged]] = {}

    def some(self, count: int, *, is_new: bool) -> list[Rearranged]:
        """The orders in which a batch is asked for beside its own: one, and one more where that may not do.

        A tracker that exchanges two of n hashes in each answer meets the same two again once in n²/2 times.
        """
        if is_new:
            return [self._next(count), Rearranged(range(count)[::-1])]
        return [self._next(count) for _ in range(1 if count > SMALL else 2)]

    def _next(self, count: int) -> Rearranged:
        made = self._made.setdefault(count, [])
        if len(made) == KEPT:
            return self._chance.choice(made)
        made.append(shuffled(count, self._chance))
        return made[-1]


def judge(answers: Sequence[Sequence[Numbers]]) -> OrderProof:
    """`answers`: for each order that was asked in the numbers by hash, the hashes in the same order in all."""
    first = answers[0]
    if all(other == first for other in answers[1:]) and _at_least(first) >= ENOUGH:
        return OrderProof.KEPT
    same = [True] * len(first)
    for other in answers[1:]:
        for at, (one, two) in enumerate(zip(first, other, strict=True)):
            if one != two:
                same[at] = False
                if not is_near(one, two):
                    return _disagreement(answers)
    return OrderProof.KEPT if evidence(first, same) >= ENOUGH else OrderProof.IN_DOUBT


def _at_least(values: Sequence[Numbers]) -> float:
    """What `evidence` cannot fall below where all agree, by how many different values there are: quick to tell."""
    return _log2_falling(len(values), len(set(values)) - 1)


def evidence(values: Sequence[Numbers], same: Sequence[bool]) -> float:
    """Bits that the agreement at the places `same` is worth: minus log2 of its probability if the values were shuffled.

    Of n! permutations those agree that exchange equal values among the places; where some places do not count, any choice of so many
    might have been the one (a union bound).
    """
    total, held = len(values), sum(same)
    of_all, of_same = Counter(values), Counter(value for value, is_same in zip(values, same, strict=True) if is_same)
    bits = _log2_falling(total, held) - sum(_log2_falling(of_all[value], count) for value, count in of_same.items())
    return bits - (_log2_falling(total, held) - _log2_falling(held, held))


def is_near(one: Numbers, other: Numbers) -> bool:
    """Whether numbers of one torrent may have moved from one to the other between two packets."""
    return all(abs(a - b) <= max(SMALL_MOVE, MOVE * max(a, b)) for a, b in zip(one, other, strict=True))


def _disagreement(answers: Sequence[Sequence[Numbers]]) -> OrderProof:
    """The same numbers at other places are mixed up; other numbers may come from another server behind the same name."""
    first = sorted(answers[0])
    for other in answers[1:]:
        if not all(is_near(one, two) for one, two in zip(first, sorted(other), strict=True)):
            return OrderProof.IN_DOUBT
    return OrderProof.MIXED


def _log2_falling(n: int, k: int) -> float:
    """log2(n! / (n - k)!)."""
    return (lgamma(n + 1) - lgamma(n - k + 1)) / log(2)
