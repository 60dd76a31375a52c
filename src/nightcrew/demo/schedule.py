"""Invented programmes. The same channel and time always give the same programme, whenever the guide is asked."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from .names import GROUPS, KEEPERS, SHAPES, SUBJECTS

DAY = 86_400
HALF_HOUR = 1_800


@dataclass(frozen=True, slots=True)
class DemoProgramme:
    """`start` and `stop` in seconds since 1970, on half hours."""

    start: int
    stop: int
    title: str
    subtitle: str
    description: str
    category: str


def programmes(guide_id: str, begin: float, end: float) -> Iterator[DemoProgramme]:
    """All that overlap [begin, end), without gaps, in order; each from half an hour to two hours."""
    for day in range(int(begin // DAY), int(end // DAY) + 1):
        for programme in _day(guide_id, day):
            if programme.stop > begin and programme.start < end:
                yield programme


def _day(guide_id: str, day: int) -> Iterator[DemoProgramme]:
    chance = random.Random(f"{guide_id}:{day}")
    at, midnight = day * DAY, (day + 1) * DAY
    while at < midnight:
        stop = min(midnight, at + HALF_HOUR * chance.randint(1, 4))
        subject = chance.choice(SUBJECTS)
        yield DemoProgramme(
            start=at,
            stop=stop,
            title=chance.choice(SHAPES).format(subject),
            subtitle=f"Part {chance.randint(1, 12)}: {chance.choice(KEEPERS)}",
            description=f"{chance.choice(KEEPERS)} & {chance.choice(KEEPERS)} meet <at last>: the {subject} begins.",
            category=chance.choice(GROUPS),
        )
        at = stop
