"""When things are looked at again. Pure: times and chances are arguments.

`chance` is a number from 0 to 1, drawn by the caller; times are aware UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

HOUR = timedelta(hours=1)
SEARCH_FIRST, SEARCH_SPREAD = timedelta(minutes=45), timedelta(minutes=30)
"""A film that was searched for in vain is searched for again after 45 to 75 minutes, at first."""
_DOUBLINGS = ((timedelta(days=7), 2), (timedelta(days=30), 5), (timedelta(days=365), 7))
"""How often that pause may double, by the age of the film: within a week of its release up to four times as long, and so on."""
_OLD = 8
"""The same for older films: at most some eleven days."""
FAILED_FIRST, FAILED_LONGEST = timedelta(minutes=5), timedelta(hours=12)
"""Pauses after a search that failed."""
STATS_FIRST, STATS_LONGEST = 6.0, 72.0
"""Hours between two looks at the numbers of a source."""
RESYNC, RESYNC_MARKED = timedelta(days=7), timedelta(days=1)
"""How often a source is checked again; sooner once it was not found."""
PROOFS = 3
"""Looks in a row that do not find a source, until it counts as gone."""
FILE_FIRST, FILE_LONGEST = timedelta(minutes=2), timedelta(days=1)
"""Pauses after a torrent file that could not be read."""


def released(released_on: str) -> datetime | None:
    """The day of a release as a moment; None where it is not known, or not to be read."""
    try:
        return datetime.combine(date.fromisoformat(released_on), time(), UTC)
    except ValueError:
        return None


def first_search(now: datetime, released_on: str, *, before_release: bool) -> datetime:
    """From when on a film is searched for: its release, unless a person wants it sooner. Before that, most of what is offered is fake."""
    out = released(released_on)
    return now if out is None or before_release else max(now, out)


def next_search(now: datetime, released_on: str, in_vain: int, chance: float) -> datetime:
    """When an indexer is asked for a film again, after `in_vain` answers in a row that had nothing new (0: this one had).

    Better sources appear after good ones, so it is never the last time; for a film that is long out that is seldom.
    """
    out = released(released_on)
    age = now - out if out is not None else timedelta(days=3650)
    most = next((doublings for limit, doublings in _DOUBLINGS if age < limit), _OLD)
    pause = SEARCH_FIRST + SEARCH_SPREAD * chance
    return now + pause * float(2 ** min(max(in_vain - 1, 0), most))


def next_after_failure(now: datetime, failures: int, chance: float) -> datetime:
    """When a search that failed `failures` times in a row is tried again."""
    return now + _grown(FAILED_FIRST, failures, FAILED_LONGEST) * (0.75 + chance / 2)


def next_file(now: datetime, failures: int, chance: float) -> datetime:
    """When a torrent file is tried again that could not be read so often in a row."""
    return now + _grown(FILE_FIRST, failures, FILE_LONGEST) * (0.75 + chance / 2)


def _grown(first: timedelta, failures: int, longest: timedelta) -> timedelta:
    """A pause that doubles with each failure."""
    return min(first * float(2 ** min(failures - 1, 20)), longest)


def next_stats(wait_h: float | None, before: int | None, after: int | None, chance: float) -> float:
    """Hours until the numbers of a source are looked at again: sooner the more they have moved.

    `wait_h`: the last pause, None before the first one. `before`, `after`: seeds; None where no tracker knows the source.
    """
    if wait_h is None or before is None:
        wait = STATS_FIRST
    else:
        moved = _moved(before, after or 0)
        wait = STATS_FIRST if moved > 0.5 else wait_h * _factor(moved)
    return min(STATS_LONGEST, max(STATS_FIRST, wait * (0.8 + 0.4 * chance)))


def _moved(before: int, after: int) -> float:
    """The part by which a number has changed; from nothing to something counts as all of it."""
    if before == after:
        return 0.0
    return 1.0 if before == 0 else abs(after - before) / before


def _factor(moved: float) -> float:
    if moved < 0.05:
        return 2.0
    if moved < 0.10:
        return 1.0
    return 0.75 if moved < 0.20 else 0.5


def next_resync(now: datetime, missed: int, chance: float) -> datetime:
    """When a source is checked again, after so many looks in a row that did not find it."""
    return now + (RESYNC_MARKED if missed else RESYNC) * (0.9 + 0.2 * chance)
