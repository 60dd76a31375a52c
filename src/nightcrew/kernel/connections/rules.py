"""How a connection stands after what happened. No input, no output, no clock."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from nightcrew.kernel.connections.models import (
    MAX_REASON,
    Connection,
    ConnectionStanding,
    ConnectionState,
    Detour,
    DetourKind,
)

WINDOW = 20
"""Calls over which the rate of failures is taken."""
LEAST = 3
"""Calls before that rate says anything."""
FAILING = 0.5
"""The rate from which on a service is paused."""
SETTLED = 5
"""Calls of which few fail, after which a pause is forgotten."""
PAUSE, LONGEST = 30.0, 3600.0
"""Seconds of the first pause; each further one is twice as long, up to the longest."""
UNTOLD = 60.0
"""Seconds to wait for a service that asks us to wait without saying how long."""
REFUSED, REFUSED_LONGEST = 900.0, 86_400.0
"""Seconds until a refused login is tried again, as a refusal may be the service's own fault; doubled each time."""
QUIET = 60.0
"""Seconds without a further request of a detour after which it is over; doubled each time that it begins again soon."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

UNGRANTED = ConnectionStanding(ConnectionState.PERSON, "access is not granted yet")
"""How a service stands whose page nobody was at."""


class FailureWindow:
    """Whether the last calls worked, as one node saw them."""

    def __init__(self) -> None:
        self._calls: deque[bool] = deque(maxlen=WINDOW)

    def add(self, *, worked: bool) -> None:
        """One more call."""
        self._calls.append(worked)

    def clear(self) -> None:
        """Begin anew: after a pause what was before says nothing."""
        self._calls.clear()

    @property
    def calls(self) -> int:
        """How many there are."""
        return len(self._calls)

    @property
    def rate(self) -> float:
        """The part that failed, 0–1."""
        return self._calls.count(False) / len(self._calls) if self._calls else 0.0

    @property
    def failing(self) -> bool:
        """Whether so many fail that the service is better left alone."""
        return self.calls >= LEAST and self.rate >= FAILING

    @property
    def settled(self) -> bool:
        """Whether it works for a while."""
        return self.calls >= SETTLED and self.rate < FAILING


def pause(count: int, first: float = PAUSE, longest: float = LONGEST) -> float:
    """Seconds of the pause number `count`, from 1 on."""
    return float(min(longest, first * 2 ** min(count - 1, 30)))


def waits(standing: ConnectionStanding, now: datetime) -> float | None:
    """Seconds until the service may be asked; None: now. Infinite where only a person can change that."""
    if standing.until is None:
        return float("inf") if standing.state is ConnectionState.PERSON else None
    left = (standing.until - now).total_seconds()
    return left if left > 0 else None


def worked(standing: ConnectionStanding, window: FailureWindow) -> ConnectionStanding:
    """After a call that worked. Its pauses are forgotten only when it works for a while, so that one that flaps is left alone longer."""
    pauses = 0 if window.settled or standing.state is ConnectionState.PERSON else standing.pauses
    return ConnectionStanding(pauses=pauses)


def failed(
    standing: ConnectionStanding,
    window: FailureWindow,
    now: datetime,
    reason: str,
    *,
    unreached: bool,
    longest: float | None = None,
) -> ConnectionStanding:
    """After a call that failed: paused when too many fail, or when it was the attempt after a pause. `longest` seconds."""
    if not window.failing and standing.state in {ConnectionState.OK, ConnectionState.LIMITED}:
        return standing
    pauses = standing.pauses + 1
    state = ConnectionState.AWAY if unreached else ConnectionState.COOLING
    return ConnectionStanding(
        state, reason[:MAX_REASON], now + timedelta(seconds=pause(pauses, PAUSE, longest or LONGEST)), pauses
    )


def limited(standing: ConnectionStanding, now: datetime, reason: str, after: float | None) -> ConnectionStanding:
    """After it asked us to wait, for `after` seconds if it said so."""
    until = now + timedelta(seconds=UNTOLD if after is None else after)
    return ConnectionStanding(ConnectionState.LIMITED, reason[:MAX_REASON], until, standing.pauses)


def refused(
    standing: ConnectionStanding, now: datetime, reason: str, *, final: bool = False, longest: float | None = None
) -> ConnectionStanding:
    """After a refused login. `final`: it does not help to try again. `longest` seconds of a pause."""
    pauses = standing.pauses + 1
    until = None if final else now + timedelta(seconds=pause(pauses, REFUSED, longest or REFUSED_LONGEST))
    return ConnectionStanding(ConnectionState.PERSON, reason[:MAX_REASON], until, pauses)


def news(before: ConnectionStanding, after: ConnectionStanding) -> str | None:
    """What people are told of a change: "away", "back", "person", "limited"; None for what they know already."""
    if after.state is ConnectionState.PERSON:
        return None if before.state is ConnectionState.PERSON else "person"
    if after.state in {ConnectionState.AWAY, ConnectionState.COOLING}:
        return "away" if before.pauses == 0 else None
    if after.state is ConnectionState.LIMITED:
        return "limited" if before.state is ConnectionState.OK else None
    if before == UNGRANTED:
        return None
    if before.state is ConnectionState.PERSON or (before.pauses and not after.pauses):
        return "back"
    return None


def in_words(one: Connection) -> str:
    """How a connection stands, as a sentence without numbers that change."""
    standing = one.standing
    if not one.enabled:
        return f"{one.name} is switched off"
    said = {
        ConnectionState.OK: "works",
        ConnectionState.LIMITED: "asks us to wait",
        ConnectionState.AWAY: "does not answer",
        ConnectionState.COOLING: "keeps failing and is paused",
        ConnectionState.PERSON: "needs you",
    }[standing.state]
    return f"{one.name} {said}" + (f": {standing.reason}" if standing.reason else "")


def quiet(detour: Detour) -> float:
    """Seconds without a further request after which a detour is over."""
    return pause(detour.times + 1, QUIET)


def detour_begins(name: str, kind: DetourKind, reason: str, place: int = 0) -> str:
    """What people are told when requests begin to get on in another way. `place`: which address answers; 0 is the first one."""
    return {
        DetourKind.MIRROR: f"{name}: the {_ordinal(place)} address is used; the first does not answer: {reason}",
        DetourKind.STALE: f"{name}: the last good answer is used: {reason}",
        DetourKind.SKIP: f"{name}: a request was given up: {reason}",
    }[kind]


def detour_ends(name: str, kind: DetourKind, count: int) -> str:
    """What people are told when a detour is over that `count` requests took."""
    times = "once" if count == 1 else f"{count} times"
    return {
        DetourKind.MIRROR: f"{name}: the first address answers again; another one was used {times}",
        DetourKind.STALE: f"{name}: its answers are new again; an old one was used {times}",
        DetourKind.SKIP: f"{name}: no request fails any more; it happened {times}",
    }[kind]


def _ordinal(place: int) -> str:
    """A place from 0 on; there are at most 21 addresses."""
    return _ORDINALS[place] if place < len(_ORDINALS) else f"{place + 1}{'st' if place == 20 else 'th'}"


def granted_until(granted_at: datetime | None, days: int | None) -> datetime | None:
    """When a person has to grant access anew; None: never, or it was not granted."""
    return granted_at + timedelta(days=days) if granted_at is not None and days is not None else None
