"""Decisions about the catalogue: which lists there may be, what is taken of an answer, and when things are read again. Pure.

Times and chances are arguments; `chance` is a number from 0 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl

from nightcrew.kernel.words import counted
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.tmdb.show_shapes import Season, ShowDetails

PAGE = 20
"""Titles of a page of a list."""
MOST_PAGES = 50
GUARD = 0.7
"""The part of its size that a list has to have still, to be taken at once."""
PROOFS = 3
"""How often in a row a list has to come back small until that is believed."""
KEPT = timedelta(days=150)
"""After so long details are read anew whatever happens: TMDB's terms let nobody keep an answer for more than six months."""
SEASON_KEPT = KEPT * 0.75
"""After so long a complete season is read anew with its show, which is read at least every `KEPT`."""
GONE = timedelta(days=30)
"""When it is looked whether a title is back that TMDB had no longer."""
FAILED_FIRST, FAILED_LONGEST = timedelta(minutes=1), timedelta(days=1)
RUNNING = timedelta(days=7)
"""When a show is looked at again that goes on, with nobody knowing when."""
RECHECKED = timedelta(hours=6)
"""TMDB says on which day something changed, not when. What changed today is read again when it was read longer ago than this; once the
day is over, all of it that was read before its end."""
ENDED = frozenset({"ended", "canceled", "cancelled"})
_PATHS = {
    Medium.MOVIE: ("movie/popular", "movie/top_rated", "movie/now_playing", "movie/upcoming", "trending/movie/day"),
    Medium.SHOW: ("tv/popular", "tv/top_rated", "tv/on_the_air", "tv/airing_today", "trending/tv/day"),
}
PATHS: dict[Medium, tuple[str, ...]] = {
    Medium.MOVIE: (*_PATHS[Medium.MOVIE], "trending/movie/week", "discover/movie"),
    Medium.SHOW: (*_PATHS[Medium.SHOW], "trending/tv/week", "discover/tv"),
}
"""What may be read as a list."""
DEFAULTS: tuple[dict[str, Any], ...] = (
    {"name": "Popular movies", "medium": Medium.MOVIE, "path": "movie/popular", "pages": 5},
    {"name": "Top rated movies", "medium": Medium.MOVIE, "path": "movie/top_rated", "pages": 13},
    {"name": "Trending movies", "medium": Medium.MOVIE, "path": "trending/movie/week", "pages": 3},
    {"name": "Popular shows", "medium": Medium.SHOW, "path": "tv/popular", "pages": 5},
    {"name": "Top rated shows", "medium": Medium.SHOW, "path": "tv/top_rated", "pages": 13},
    {"name": "Trending shows", "medium": Medium.SHOW, "path": "trending/tv/week", "pages": 3},
)
"""The lists of the first start."""
OURS = frozenset({"page", "language", "api_key", "session_id", "append_to_response"})
"""Parameters that no query may set."""
_PARAMETER = re.compile(r"[a-z0-9_]{1,60}(?:\.(?:gte|lte))?")


# -- lists -------------------------------------------------------------------------------------------------------------


def parameters(text: str) -> dict[str, str]:
    """A query as people copy it, `with_genres=27&sort_by=vote_average.desc`, as its parameters. Raises ValueError."""
    found = parse_qsl(
        text.strip().lstrip("?"), keep_blank_values=False, strict_parsing=bool(text.strip()), max_num_fields=30
    )
    params = dict(found)
    if problem := problem_with(params):
        raise ValueError(problem)
    return params


def problem_with(params: Mapping[str, str]) -> str:
    """Why these cannot be the parameters of a query; empty where they can."""
    if len(params) > 30:
        return "a query has 30 parameters at most"
    for name, value in params.items():
        if name in OURS:
            return f"{name} is set by Nightcrew"
        if not _PARAMETER.fullmatch(name):
            return f"{name[:60]!r} is no parameter of a query"
        if not value or len(value) > 200 or not value.isprintable():
            return f"{name} has no value, or a strange or long one"
    return ""


def held_back(stored: int, found: int, times: int) -> str | None:
    """Why a list that was read whole is not taken yet; None where it is.

    Titles come and go in each list, so only its size tells. `times`: how often it was held back just before.
    """
    if found >= stored * GUARD or times + 1 >= PROOFS:
        return None
    return f"it has only {counted(found, 'title')}, and had {stored}; seen {counted(times + 1, 'time')} of {PROOFS}"


def after_failure(now: datetime, failures: int, chance: float, *, told: float | None = None) -> datetime:
    """When something is tried again that failed `failures` times in a row: after a minute, then twice as long each time."""
    pause = min(FAILED_FIRST * float(2 ** min(max(failures, 1) - 1, 20)), FAILED_LONGEST) * (0.75 + chance / 2)
    return now + max(pause, timedelta(seconds=told or 0.0))


def next_details(now: datetime, chance: float) -> datetime:
    """When details are read anew, should nothing have changed. Not all of them on one day."""
    return now + KEPT * (0.8 + 0.2 * chance)


# -- changes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """A day of changes. `known_to`: up to when they are known after it; `before`: what was read since then need not be read again."""

    day: date
    known_to: datetime
    before: datetime


def chunks(known_to: datetime, now: datetime) -> Iterator[Chunk]:
    """The days from the checkpoint to now, each of which is asked for whole; today's is asked for again next time."""
    known_to = min(known_to, now)
    day = known_to.astimezone(UTC).date()
    while day <= now.astimezone(UTC).date():
        over = datetime.combine(day + timedelta(days=1), time(), UTC)
        if over <= now:
            yield Chunk(day, over, over)
        else:
            yield Chunk(day, now, now - RECHECKED)
        day += timedelta(days=1)


# -- seasons -----------------------------------------------------------------------------------------------------------


def wanted_seasons(known: Mapping[int, bool], first: bool, most: int) -> list[int]:
    """Which seasons are asked for: of a show of which none is known, the usual numbers; else those that are not complete."""
    if first:
        return list(range(most))
    return sorted(number for number, complete in known.items() if not complete)[:most]


def is_ended(details: ShowDetails) -> bool:
    """Whether a show will have no further episodes."""
    return details.status.lower() in ENDED


def complete(details: ShowDetails, today: date) -> set[int]:
    """The seasons that were read and need not be read again until the show changes: all of their episodes are known and were on the air."""
    ended = is_ended(details)
    return {one.number for one in details.seasons if _is_complete(one, today, ended=ended)}


def _is_complete(one: Season, today: date, *, ended: bool) -> bool:
    if one.episodes is None or len(one.episodes) < one.count:
        return False
    if not one.episodes:
        return ended  # a season that is only announced
    return ended or all(found.air_on and found.air_on <= today.isoformat() for found in one.episodes)


def next_look(details: ShowDetails, seasons: Sequence[Season], now: datetime, chance: float) -> datetime:
    """When a show is read again, all of whose seasons were read: at its next air date while it goes on."""
    if is_ended(details):
        return next_details(now, chance)
    today = now.astimezone(UTC).date().isoformat()
    coming = [details.next_on, *(found.air_on for one in seasons for found in one.episodes or ())]
    dates = sorted(one for one in coming if one > today)
    if not dates:
        return now + RUNNING * (0.8 + 0.4 * chance)
    at = datetime.combine(date.fromisoformat(dates[0]), time(), UTC) + timedelta(hours=12 * chance)
    return min(max(at, now + timedelta(hours=1)), now + KEPT)
