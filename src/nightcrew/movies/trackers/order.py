"""Whether a tracker answers in the order it was asked in. Pure.

A scrape answer over UDP has numbers without hashes (BEP 15). Some servers sort, shuffle or leave out what they do not know, some of them
only at times. So the same hashes are asked for in several orders, and the numbers of each hash have to agree. They agree by chance too when
they are alike, which is why agreement is weighed: how unlikely would it be if the answers were shuffled?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from math import lgamma, log, log2

from nightcrew.movies.trackers.wire import EACH, NOTHING, Numbers

ENOUGH = 24.0
"""Bits: shuffled answers agree once in so many doublings (16 million). Where numbers prove less, hashes are asked for alone."""
FEW = 10
"""Hashes that are asked for one by one, as even different numbers would prove too little: log2(10!) is 21.8 bits."""
ANCHORS = 5
"""Known hashes in a batch that is asked for once: 5 different ones prove up to 30 bits in a packet of 72."""
SMALL_MOVE, MOVE = 2, 0.02
"""A number may move so far between two packets, as a count and as a share of it."""


class Verdict(StrEnum):
    """What several answers say about the order."""

    KEPT = "kept"
    MIXED = "mixed"
    IN_DOUBT = "in doubt"


def judge(answers: Sequence[Sequence[Numbers]]) -> Verdict:
    """`answers`: for each order that was asked in the numbers by hash, the hashes in the same order in all."""
    first = answers[0]
    same = [True] * len(first)
    for other in answers[1:]:
        for at, (one, two) in enumerate(zip(first, other, strict=True)):
            if one != two:
                same[at] = False
                if not is_near(one, two):
                    return _disagreement(answers)
    return Verdict.KEPT if evidence(first, same) >= ENOUGH else Verdict.IN_DOUBT


def evidence(values: Sequence[Numbers], same: Sequence[bool]) -> float:
    """Bits that the agreement at the places `same` is worth: minus log2 of its probability if the values were shuffled.

    Of n! permutations those agree that exchange equal values among the places; where some places do not count, any choice of so many
    might have been the one (a union bound).
    """
    total, held = len(values), sum(same)
    of_all, of_same = Counter(values), Counter(value for value, is_same in zip(values, same, strict=True) if is_same)
    bits = _log2_falling(total, held) - sum(_log2_falling(of_all[value], count) for value, count in of_same.items())
    return bits - (_log2_falling(total, held) - _log2_falling(held, held))


def anchors(values: Sequence[Numbers]) -> list[int]:
    """Places of values that no other one of the batch has, and that will stay for a moment: large swarms, though not the largest, which move with each packet."""
    count = Counter(values)
    rare = [at for at, value in enumerate(values) if value != NOTHING and count[value] == 1]
    rare.sort(key=lambda at: values[at][0] + values[at][2])
    begin = max(0, (len(rare) - ANCHORS) * 4 // 5)
    return rare[begin : begin + ANCHORS]


def anchored(body: bytes, places: Sequence[int], known: Sequence[bytes]) -> bool:
    """Whether the known values are at their places in an answer, and prove enough there. All as they stand in a packet."""
    bits, total = 0.0, len(body) // EACH
    for at, value in zip(places, known, strict=True):
        if body[at * EACH : (at + 1) * EACH] != value:
            return False
        bits += log2(total / body.count(value))
    return bits >= ENOUGH


def is_near(one: Numbers, other: Numbers) -> bool:
    """Whether numbers of one torrent may have moved from one to the other between two packets."""
    return all(abs(a - b) <= max(SMALL_MOVE, MOVE * max(a, b)) for a, b in zip(one, other, strict=True))


def _disagreement(answers: Sequence[Sequence[Numbers]]) -> Verdict:
    """The same numbers at other places are mixed up; other numbers may come from another server behind the same name."""
    first = sorted(answers[0])
    for other in answers[1:]:
        if not all(is_near(one, two) for one, two in zip(first, sorted(other), strict=True)):
            return Verdict.IN_DOUBT
    return Verdict.MIXED


def _log2_falling(n: int, k: int) -> float:
    """log2(n! / (n - k)!)."""
    return (lgamma(n + 1) - lgamma(n - k + 1)) / log(2)
