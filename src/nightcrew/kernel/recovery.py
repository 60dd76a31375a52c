"""What an error leads to, in one place. A table says it, and whoever asks an outside service goes by it.

network       again after a pause, three times in all, then another mirror
rate limit    wait as told: here when that is short, else nothing is asked meanwhile
route         parked: it costs no attempt, and goes on when the route is there
database      the work that needed it is repeated
mirror        another address, else the same again; then the last good answer (stale), else this round is skipped
login         a person; the last good answer meanwhile
anything else recorded; the last good answer, else the work goes on without it
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import Counter

from nightcrew.kernel.errors import Misread, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.store import DatabaseAway

ATTEMPTS = 3
"""How often one address is asked before another one is."""
FIRST_PAUSE, LONGEST_PAUSE = 0.3, 10.0
"""Seconds before the second attempt; doubled for each further one."""
MAX_WAIT = 20.0
"""A wait that a service asks for and that is longer than this many seconds is not waited for here: the work is put off instead."""
PARKED = 10.0
"""Seconds for which work is parked while its route is down, more or less: not all of it comes back at once."""


class Trouble(StrEnum):
    """What went wrong."""

    NETWORK = "network"
    RATE_LIMIT = "rate_limit"
    ROUTE = "route"
    DATABASE = "database"
    MIRROR = "mirror"
    LOGIN = "login"
    OTHER = "other"


class Step(StrEnum):
    """What happens next."""

    AGAIN = "again"
    """The same address once more, after a pause."""
    NEXT = "next"
    """Another mirror."""
    STALE = "stale"
    """The last good answer, marked as such."""
    WAIT = "wait"
    """Nothing is asked until the time is over that the service named."""
    PARK = "park"
    """It costs no attempt."""
    REPEAT = "repeat"
    """Whoever began the work begins it anew."""
    PERSON = "person"
    SKIP = "skip"
    """Recorded; the round goes on without it."""


@dataclass(frozen=True, slots=True)
class Left:
    """What there is still to try: attempts at this address, further mirrors, a kept answer."""

    attempts: int = 0
    mirrors: int = 0
    kept: bool = False


_FIRST: dict[Trouble, tuple[Step, ...]] = {
    Trouble.NETWORK: (Step.AGAIN, Step.NEXT, Step.STALE, Step.SKIP),
    Trouble.MIRROR: (Step.NEXT, Step.AGAIN, Step.STALE, Step.SKIP),
    Trouble.RATE_LIMIT: (Step.NEXT, Step.AGAIN, Step.STALE, Step.WAIT),
    Trouble.ROUTE: (Step.PARK,),
    Trouble.DATABASE: (Step.REPEAT,),
    Trouble.LOGIN: (Step.STALE, Step.PERSON),
    Trouble.OTHER: (Step.STALE, Step.SKIP),
}
"""For each trouble the steps in their order: the first that is possible is taken."""

_KINDS: tuple[tuple[type[NightcrewError], Trouble], ...] = (
    (RouteDown, Trouble.ROUTE),
    (DatabaseAway, Trouble.DATABASE),
    (Misread, Trouble.MIRROR),
    (NeedsUser, Trouble.LOGIN),
)


def trouble_of(error: NightcrewError) -> Trouble:
    """What kind of trouble an error is."""
    for kind, trouble in _KINDS:
        if isinstance(error, kind):
            return trouble
    if not isinstance(error, Retry):
        return Trouble.OTHER
    if error.status == 429 or (error.status == 503 and error.after is not None):
        return Trouble.RATE_LIMIT
    return Trouble.NETWORK if error.status is None else Trouble.MIRROR


def next_step(trouble: Trouble, left: Left) -> Step:
    """The first step of the table that is still possible."""
    possible = {Step.AGAIN: left.attempts > 0, Step.NEXT: left.mirrors > 0, Step.STALE: left.kept}
    return next(step for step in _FIRST[trouble] if possible.get(step, True))


def attempts_left(error: NightcrewError, left: int, *, repeatable: bool) -> int:
    """How many of the attempts that are left may still be made at the same address after an error.

    `repeatable`: whether twice is as good as once. What was not taken may be sent again all the same.
    """
    again = repeatable or error.unreached or error.status == 429
    useless = error.last or isinstance(error, Misread) or not is_short(error)
    return left if again and not useless else 0


def is_short(error: NightcrewError) -> bool:
    """Whether the other side asks for a wait that can be waited for here, or for none."""
    after = error.after if isinstance(error, Retry) else None
    if after is None:
        return trouble_of(error) is not Trouble.RATE_LIMIT
    return after <= MAX_WAIT


def pause_before(attempt: int, after: float | None = None) -> float:
    """Seconds to wait before the attempt number `attempt`, from 2 on, with jitter; not less than `after`."""
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 2))
    return max(after or 0.0, pause * random.uniform(0.75, 1.25))


def parked() -> float:
    """Seconds for which work is parked."""
    return PARKED * random.uniform(0.5, 1.5)


class Recoveries:
    """Counts what went wrong and what was left to do about it, for `/metrics`; nowhere without a counter."""

    def __init__(self, counter: Counter | None = None) -> None:
        self._counter = counter

    def met(self, trouble: Trouble) -> None:
        """Something went wrong."""
        self._count(trouble.value)

    def took(self, step: Step) -> None:
        """What was left to do in the end: a kept answer, or nothing."""
        if step in {Step.STALE, Step.SKIP}:
            self._count(step.value)

    def switched(self) -> None:
        """Another mirror answered than the first one."""
        self._count("switch")

    def _count(self, kind: str) -> None:
        if self._counter is not None:
            self._counter.labels(kind).inc()
