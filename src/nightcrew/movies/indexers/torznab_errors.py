"""What an error of a Torznab server means for us. Pure.

The codes are Newznab's; Prowlarr uses HTTP's own instead (429, 410, 500), and Jackett 900 for whatever went wrong. A status tells less
than the body: the same error comes with 200, 400, 401, 404, 410, 429 or 500.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from nightcrew.kernel.errors import GiveUp, NeedsUser, NightcrewError, Retry
from nightcrew.movies.indexers import values
from nightcrew.movies.indexers.torznab_xml import Said

DISABLED = 900.0
"""Seconds for which an indexer is left alone that its manager has switched off until a time that cannot be read."""
LONGEST = 86_400.0
"""Seconds for which managers switch an indexer off at most."""
NOTHING = 300
"""The code for "no such item"."""
_TILL = re.compile(r"disabled (?:till|until) (.{4,40}?)(?: due to|\.?$)", re.IGNORECASE)
_FORMATS = (
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
)


def is_unsupported(status: int, said: Said | None) -> bool:
    """Whether another kind of query may work: a parameter or a function is not known there."""
    return said is not None and 200 <= said.code <= 203 and status not in {404, 410}


def is_unknown_function(said: Said) -> bool:
    """Whether it is the kind of search that the server does not have, whatever is searched for."""
    return said.code in {202, 203}


def error_of(
    name: str, status: int, said: Said | None, after: float | None, now: datetime, *, link: bool = False
) -> NightcrewError:
    """The error for an answer of the indexer `name`. `after`: its Retry-After in seconds; `now` in this machine's time zone.

    `link`: a release's link was asked, so that what is not there is the release and not the indexer.
    """
    said = said or Said(0, "")
    text = values.line_of(said.description, 200)
    because = f": {text}" if text else f" (HTTP {status})"
    return (
        _limit(name, status, said.code, text, because, after, now)
        or _refusal(name, status, said.code, because)
        or _absence(name, status, said.code, because, link=link)
        or _failure(name, status, said.code, because, after)
    )


def _limit(
    name: str, status: int, code: int, text: str, because: str, after: float | None, now: datetime
) -> NightcrewError | None:
    if (till := _TILL.search(text)) is not None:
        away = Retry(
            f"{name} is switched off for a while by its manager{because}", after=after or _seconds_until(till[1], now)
        )
        return _with(away, 429)
    if code in {429, 501} or status == 429 or (code == 500 and "limit" in text.lower()):
        return _with(Retry(f"{name} takes no more requests now{because}", after=after), 429)
    return None


def _refusal(name: str, status: int, code: int, because: str) -> NightcrewError | None:
    if not 100 <= code < 200 and status not in {401, 403}:
        return None
    return _with(NeedsUser(f"{name} refuses the API key{because}"), status if status in {401, 403} else 401)


def _absence(name: str, status: int, code: int, because: str, *, link: bool) -> NightcrewError | None:
    if code == NOTHING or (link and (status in {404, 410} or code == 410)):
        return _with(GiveUp(f"{name} does not have the release{because}"), 404)
    if 410 in {status, code}:
        return _with(NeedsUser(f"{name} is switched off in its manager{because}"), 410)
    if status == 404:
        return _with(NeedsUser(f"there is no indexer at the address of {name}{because}"), 404)
    return None


def _failure(name: str, status: int, code: int, because: str, after: float | None) -> NightcrewError:
    if 200 <= code <= 203:
        return _with(GiveUp(f"{name} does not take the question{because}"), 400)
    if code or status in {408, 425} or status >= 500:
        failed = _with(Retry(f"{name} failed{because}", after=after), max(status, 500))
        failed.last = code > 0  # behind it stands a service that was asked just now
        return failed
    return _with(GiveUp(f"{name} answers HTTP {status}"), status)


def _with(error: NightcrewError, status: int) -> NightcrewError:
    error.status = status
    return error


def _seconds_until(text: str, now: datetime) -> float:
    """Until a time that a manager writes in the way and the zone of its own machine: mostly those of ours, or UTC."""
    for zone in (now.tzinfo, UTC):
        for one in _FORMATS:
            try:
                seconds = (datetime.strptime(text.strip(), one).replace(tzinfo=zone) - now).total_seconds()
            except (ValueError, OverflowError):
                continue
            if 0 < seconds <= LONGEST:
                return seconds
    return DISABLED
