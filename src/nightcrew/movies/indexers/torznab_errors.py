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
    text = values.line_of(said.description, 200) if said else ""
    code = said.code if said else 0
    because = f": {text}" if text else f" (HTTP {status})"
    if (till := _TILL.search(text)) is not None:
        return _limited(f"{name} is switched off for a while by its manager{because}", after or _seconds_until(till[1], now))
    if code in {429, 501} or status == 429 or (code == 500 and "limit" in text.lower()):
        return _limited(f"{name} takes no more requests now{because}", after)
    if 100 <= code < 200 or status in {401, 403}:
        return _with(NeedsUser(f"{name} refuses the API key{because}"), status if status in {401, 403} else 401)
    if 410 in {status, code}:
        gone = GiveUp(f"{name} does not have the release any more{because}")
        return _with(gone if link else NeedsUser(f"{name} is switched off in its manager{because}"), 410)
    if status == 404:
        missing = GiveUp(f"{name} does not have the release{because}")
        return _with(missing if link else NeedsUser(f"there is no indexer at the address of {name}{because}"), 404)
    if is_unsupported(status, said):
        return _with(GiveUp(f"{name} does not take the question{because}"), 400)
    if code == NOTHING:
        return _with(GiveUp(f"{name} has no such release{because}"), 404)
    if status == 503 and after is not None:
        return _with(Retry(f"{name} is busy{because}", after=after), 503)
    if said is not None or status in {408, 425} or status >= 500:
        failed = _with(Retry(f"{name} failed{because}", after=after), status if status >= 500 else 500)
        failed.last = said is not None  # behind it stands a service that was asked just now
        return failed
    return _with(GiveUp(f"{name} answers HTTP {status}"), status)


def _limited(sentence: str, after: float | None) -> NightcrewError:
    return _with(Retry(sentence, after=after), 429)


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
