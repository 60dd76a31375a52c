"""Lengths of time, sizes and strange texts as people read them, on pages and in the command line. Pure.

A clock that is set back makes a length of time negative, and a database may hold any number: every number has words here.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

MOST = 1e21
"""The largest number that is told as it is."""
_CENTURY = 3_155_760_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def bounded(number: float | None, most: float = MOST, least: float = 0) -> float | None:
    """The number between `least` and `most`; None for none and for what is not a number."""
    if number is None or number != number:  # noqa: PLR0124 - only NaN is not itself, and an int may be too large for isnan
        return None
    return max(least, min(number, most))


def duration(seconds: float | None) -> str:
    """A length of time in one unit, or two where one is too coarse: "0.25 s", "12 s", "3 min", "2 h 5 min"."""
    seconds = bounded(seconds)
    if seconds is None:
        return "–"
    if seconds > _CENTURY:
        return "over 100 years"
    if 0 < seconds < 0.995:
        return "under 0.01 s" if seconds < 0.01 else f"{seconds:.2f}".rstrip("0") + " s"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    place = next(index for index, (length, _) in enumerate(_UNITS) if whole >= length)
    length, unit = _UNITS[place]
    first, rest = divmod(whole, length)
    if length <= 60 or first >= 10:
        return f"{first} {unit}"
    smaller, its_unit = _UNITS[place + 1]
    second = rest // smaller
    return f"{first} {unit} {second} {its_unit}" if second else f"{first} {unit}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: "1 job", "3 jobs"."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def plain(text: str) -> str:
    """Text on one line: control characters and halves of characters, which no database takes, become spaces."""
    return "".join(" " if unicodedata.category(char) in {"Cc", "Cs"} else char for char in text).strip()


def size(count: float | None) -> str:
    """Bytes in the unit that leaves few digits (1 kB = 1000 B)."""
    count = bounded(count)
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def parse_value(text: str) -> Any:
    """A value typed on the command line or in a form: JSON when it reads as JSON, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def bit_rate(kbps: float | None) -> str:
    """Kilobits a second as "0.56 Mbit/s"; a dash for none."""
    kbps = bounded(kbps)
    if not kbps:
        return "–"
    return f"{kbps / 1000:.1f} Mbit/s" if kbps >= 1000 else f"{kbps / 1000:.2f} Mbit/s"


def hms(seconds: float) -> str:
    """A place in a recording: "1:02:03"."""
    whole = int(bounded(seconds, _CENTURY) or 0)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def sentence(text: str) -> str:
    """Text that begins with a capital and ends with one full stop, or the sign that it ends with."""
    text = text[:1].upper() + text[1:].rstrip()
    return text if not text or text[-1] in ".?!…" else f"{text}."
