"""Times as guides write them: XMLTV's own form, ISO 8601 and Unix time, with offsets in figures or zones by name. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T|\s+(?=\d{4}))?(\d\d)?(\d\d)?(\d\d)?\s*(.*)", re.DOTALL)
_ISO = re.compile(
    r"(\d{4})[-/](\d\d?)[-/](\d\d?)(?:(?:T|\s+)(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?)?\s*(.*)", re.DOTALL
)
_UNIX = re.compile(r"(1\d{9})(\d{3})?(?:\.\d+)?")
"""Seconds or milliseconds since 1970. No guide tells of the years from 1000 to 1999, as which these figures could be read."""
MOST = 60
"""Characters of a time."""
_HOURS = {
    **dict.fromkeys(["UTC", "GMT", "UT", "Z", "WET"], 0.0),
    **dict.fromkeys(["CET", "MEZ", "MET", "WEST", "BST"], 1.0),
    **dict.fromkeys(["EET", "CEST", "MESZ", "MEST", "SAST"], 2.0),
    **dict.fromkeys(["EEST", "MSK", "TRT"], 3.0),
    "GST": 4.0,
    "PKT": 5.0,
    "IST": 5.5,
    "WIB": 7.0,
    "ICT": 7.0,
    **dict.fromkeys(["SGT", "HKT", "MYT", "PHT", "AWST"], 8.0),
    "JST": 9.0,
    "KST": 9.0,
    "ACST": 9.5,
    "ACDT": 10.5,
    "AEST": 10.0,
    "AEDT": 11.0,
    "NZST": 12.0,
    "NZDT": 13.0,
    "NST": -3.5,
    "NDT": -2.5,
    "BRT": -3.0,
    "ART": -3.0,
    "AST": -4.0,
    "ADT": -3.0,
    "EST": -5.0,
    "EDT": -4.0,
    "CST": -6.0,
    "CDT": -5.0,
    "MST": -7.0,
    "MDT": -6.0,
    "PST": -8.0,
    "PDT": -7.0,
    "AKST": -9.0,
    "AKDT": -8.0,
    "HST": -10.0,
}
"""Hours ahead of UTC of zones by name. Of a name that several have (CST, IST, BST) one counts: in the US that of RFC 822."""
MOST_UNKNOWN, LONGEST_NAME = 5, 40
"""Zones that nobody knows which are told of one guide, and characters of each name."""
_OFFSET = re.compile(r"(?i)(?:(?:UTC|GMT|UT)\s*)?([+-])\s*(\d\d?)(?::?(\d\d))?(?!\d)")
"""Also UTC+2 and GMT+1, which mean hours ahead, as people write them."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]*")
_PLACE = re.compile(r"[A-Za-z_]{2,30}(?:/[A-Za-z0-9_+-]{2,30}){1,2}|[A-Z]{3}\d[A-Z]{3}")
"""Names with a place in them, and those such as EST5EDT."""


def parse_time(text: str, unknown: set[str] | None = None) -> datetime | None:
    """`YYYYMMDDhhmmss +hhmm` → aware UTC; parts from the hour on may be missing; without a zone it is UTC.

    `YYYY-MM-DDThh:mm:ss`, also with a space, and seconds since 1970 are read too, as scripts write them.
    The zone may be an offset, a name such as EST, or one such as Europe/Berlin. One that nobody knows is taken for UTC,
    and added to `unknown`.
    """
    text = text.strip()[:MOST]
    if unix := _UNIX.fullmatch(text):
        return datetime.fromtimestamp(int(unix[1]), UTC)
    match = _TIME.match(text) or _ISO.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), min(int(second or 0), 59), tzinfo=UTC
        )
        return moment - _ahead(zone, moment, unknown) if zone else moment
    except (ValueError, OverflowError):
        return None


def _ahead(zone: str, moment: datetime, unknown: set[str] | None) -> timedelta:
    """How far a zone is ahead of UTC at its own time `moment`."""
    zone = zone.lstrip("([ ")
    offset, name = _OFFSET.match(zone), _NAME.match(zone)
    if offset is not None:
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return ahead if offset[1] == "+" else -ahead
    if name is None:
        return timedelta()
    known = _HOURS.get(name[0].upper())
    if known is not None:
        return timedelta(hours=known)
    place = zone_named(name[0])
    if place is None and unknown is not None and len(unknown) < MOST_UNKNOWN:
        unknown.add(name[0][:LONGEST_NAME])
    return (place and moment.replace(tzinfo=place).utcoffset()) or timedelta()


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo | None:
    """A zone by its name in the IANA's database, such as Europe/Berlin; None for one that is not there."""
    if not _PLACE.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # the last: there is no such zone
        return None
