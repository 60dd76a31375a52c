"""When a stream is to be recorded: `mon-fri 20:00-22:15`, `sat,sun 10:00-12:00`, `daily 23:30-00:30`, `2026-12-31 20:00-23:30`. Pure.

Times are the installation's. A window that ends before it begins ends on the next day. When a clock change leaves two moments,
or none, for one of its times, it is open for the longer while.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from nightcrew.kernel.errors import Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"(?P<days>\S+)\s+(?P<begin>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})", re.ASCII)
YEARS = range(1971, 9000)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """On some days of the week, or on one date, from `begin` to `end`."""

    days: frozenset[int]
    on: date | None
    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a window is open."""

    begin: datetime
    end: datetime

    @property
    def key(self) -> str:
        """Tells it from all others."""
        return f"{self.begin.isoformat(timespec='minutes')}/{self.end.isoformat(timespec='minutes')}"


@dataclass(frozen=True, slots=True)
class Margins:
    """The time before a window and after it that belongs to it."""

    before: timedelta = timedelta()
    after: timedelta = timedelta()

    def around(self, one: Occurrence, now: datetime) -> bool:
        """Whether a moment is in a window's time, or in that before or after it."""
        return one.begin - self.before <= now < one.end + self.after


NONE = Margins()
MAX_MARGIN = 240
"""Minutes before and after a window at most."""


def parse(text: str) -> TimeWindow:
    """Raises `Invalid` for what is no window."""
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        raise Invalid(
            f"{text!r} is not a time window; write for example `mon-fri 20:00-22:15` or `2026-12-31 20:00-23:30`"
        )
    begin, end = _time(found["begin"], text), _time(found["end"], text)
    if begin == end:
        raise Invalid(f"{text!r} is empty: it ends when it starts")
    if _DATE.fullmatch(found["days"]):
        return TimeWindow(frozenset(), _date(found["days"], text), begin, end)
    return TimeWindow(_days(found["days"], text), None, begin, end)


def open_at(
    windows: Iterable[TimeWindow], now: datetime, zone: tzinfo | None = None, *, margins: Margins = NONE
) -> list[Occurrence]:
    """All that are open at `now` (aware), with the time before and after, by the clock of `zone`, else of this machine.

    Each is there once, in the order in which they begin.
    """
    today = now.astimezone(zone).date()
    days = [today + timedelta(days=shift) for shift in range(-2, 2)]
    found = {one for window in windows for day in days if (one := _on(window, day, zone)) and margins.around(one, now)}
    ordered = sorted(found, key=lambda one: (one.begin, one.end))
    return [Occurrence(one.begin.astimezone(zone), one.end.astimezone(zone)) for one in ordered]


def following(
    windows: Iterable[TimeWindow], now: datetime, zone: tzinfo | None = None, *, margins: Margins = NONE
) -> datetime | None:
    """When the next window opens, with the time before it; None when none ever will (within a week, or on its date)."""
    found: list[datetime] = []
    today = now.astimezone(zone).date()
    for window in windows:
        days = [window.on] if window.on else [today + timedelta(days=shift) for shift in range(10)]
        opens = (one.begin - margins.before for day in days if (one := _on(window, day, zone)) is not None)
        found += [moment for moment in opens if moment > now]
    return min(found).astimezone(zone) if found else None


def _on(window: TimeWindow, day: date, zone: tzinfo | None) -> Occurrence | None:
    """In UTC: times of one zone are compared by what its clock shows, which is wrong where that is changed."""
    if window.on is not None and day != window.on:
        return None
    if window.on is None and day.weekday() not in window.days:
        return None
    until = day if window.end > window.begin else day + timedelta(days=1)
    return Occurrence(min(_moments(day, window.begin, zone)), max(_moments(until, window.end, zone)))


def _moments(day: date, at: time, zone: tzinfo | None) -> list[datetime]:
    return [datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]


def _days(text: str, whole: str) -> frozenset[int]:
    if text == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise Invalid(f"{whole!r} has an unknown day; use {', '.join(DAYS)} or daily")
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        found |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(found)


def _time(text: str, whole: str) -> time:
    hours, _, minutes = text.partition(":")
    try:
        return time(int(hours), int(minutes))
    except ValueError as exc:
        raise Invalid(f"{whole!r} has a time that does not exist") from exc


def _date(text: str, whole: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as exc:
        raise Invalid(f"{whole!r} has a date that does not exist") from exc
    if found.year not in YEARS:
        raise Invalid(f"{whole!r} has a date that is too far away")
    return found
