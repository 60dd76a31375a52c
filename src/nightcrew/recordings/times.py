"""Lengths of time and moments as people write them: `2h`, `1h30m`, `2026-12-31T22:15`. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
"""Letter and seconds, from large to small."""
LONGEST = 365 * 86_400
_PIECE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]*)\s*", re.ASCII)


def seconds_of(text: str) -> float:
    """The seconds in `90s`, `90m`, `1.5h` or `1h30m`. Raises ValueError with a sentence that names what is wrong."""
    rest, total, before = text.strip().lower(), 0.0, ""
    if not rest:
        raise ValueError("it is empty; write for instance 2h, 90m or 1h30m")
    while rest:
        piece = _PIECE.match(rest)
        if piece is None:
            raise ValueError(f"{text!r} has no number at {rest!r}; write for instance 2h, 90m or 1h30m")
        total += float(piece["number"]) * _unit(text, piece["number"], piece["unit"], before)
        before, rest = piece["unit"], rest[piece.end() :]
    if total <= 0:
        raise ValueError(f"{text!r} is no time at all")
    if total > LONGEST:
        raise ValueError(f"{text!r} is longer than a year")
    return total


def _unit(text: str, number: str, unit: str, before: str) -> int:
    """Seconds of a unit that follows another one."""
    if not unit:
        raise ValueError(f"{text!r} does not say what {number} is; write {number}s, {number}m or {number}h")
    if unit not in UNITS:
        raise ValueError(f"{text!r} has the unit {unit!r}, which there is not; units are {', '.join(UNITS)}")
    if before and UNITS[unit] >= UNITS[before]:
        raise ValueError(f"{text!r} has {unit} after {before}; units go from large to small, each one once")
    return UNITS[unit]


def moment_of(text: str) -> datetime:
    """An ISO 8601 moment, in UTC; without a time zone it is in this machine's. Raises ValueError with a sentence."""
    text = text.strip()
    try:
        found = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{text!r} is no moment; write for instance 2026-12-31T22:15 or 2026-12-31T22:15Z") from exc
    if _is_date(text):
        raise ValueError(f"{text!r} has no time of day; write for instance {text}T22:15")
    return found


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
