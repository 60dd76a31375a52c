"""The one place that reads the wall clock. Everything else takes the time as an argument.

Nodes that share a database tell the time by it (decision 12): each measures how far its own clock is off, and what
`utcnow` answers is the database's time, counted on by a clock that nobody can set.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TOLERANCE = 0.05
"""Seconds by which two measurements may differ before the newer one counts: time does not jump by the network's jitter."""
_UP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class _Followed:
    """It was `moment` when this machine was `up` seconds up."""

    moment: datetime
    up: float

    def at(self, up: float) -> datetime:
        return self.moment + timedelta(seconds=up - self.up)


_followed: _Followed | None = None


def utcnow() -> datetime:
    """Now, aware, in UTC: by the database that is followed, else by this machine's own clock."""
    return wall() if _followed is None else _followed.at(uptime())


def wall() -> datetime:
    """Now, by this machine's own clock, right or wrong."""
    return datetime.now(UTC)


def uptime() -> float:
    """Seconds since this machine was started, also those in which it slept. No change of the wall clock moves it."""
    return time.clock_gettime(_UP)


def follow(moment: datetime, up: float) -> float:
    """It is `moment` at the database when this machine is `up` seconds up. Returns how many seconds our own clock is ahead."""
    global _followed  # noqa: PLW0603 - a process has one time
    fresh = _Followed(moment, up)
    if _followed is None or abs((_followed.at(up) - moment).total_seconds()) > TOLERANCE:
        _followed = fresh
    return (wall() - fresh.at(uptime())).total_seconds()


def follow_nobody() -> None:
    """Go by this machine's own clock again."""
    global _followed  # noqa: PLW0603
    _followed = None


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, to the second; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def age(moment: datetime | None, now: datetime) -> float | None:
    """Seconds from `moment` to `now`, never negative; None when it never was."""
    if moment is None:
        return None
    return max(0.0, (now - moment).total_seconds())
