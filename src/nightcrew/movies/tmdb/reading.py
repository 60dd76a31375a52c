"""Single values out of answers of strangers: each is what it should be, within limits, or it is missing. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from nightcrew.kernel.words import plain

MAX_TEXT = 20_000
"""Characters of a description."""
MAX_ID = (1 << 31) - 1
_IMAGE = re.compile(r"/[A-Za-z0-9_-]{1,120}\.(?:jpg|jpeg|png|webp)")
_IMDB = re.compile(r"tt\d{7,10}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def objects(value: Any, most: int) -> Iterator[dict[str, Any]]:
    """The objects of a list, at most so many of its items being looked at."""
    if isinstance(value, list):
        yield from (one for one in value[:most] if isinstance(one, dict))


def inner(value: Any, name: str) -> dict[str, Any]:
    """An object inside an object; an empty one where there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def text(value: Any, most: int) -> str:
    """On one line, cut where it is too long."""
    return plain(value[: 4 * most])[:most].strip() if isinstance(value, str) else ""


def number(value: Any, most: int = MAX_ID) -> int | None:
    """A whole number from 0 on."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def identity(value: Any) -> int | None:
    """What TMDB numbers something with, from 1 on."""
    return number(value) or None


def real(value: Any, most: float) -> float | None:
    """A number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return float(value) if math.isfinite(value) else None


def day(value: Any) -> str:
    """A date as `YYYY-MM-DD`; empty for what is none, or not of film's time."""
    if not isinstance(value, str) or len(value) != 10 or not value.isascii():
        return ""
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return ""
    return found.isoformat() if 1850 <= found.year <= 2200 else ""


def image(value: Any) -> str:
    """The path of an image as TMDB names it, with its slash; empty for anything that could lead elsewhere."""
    return value if isinstance(value, str) and _IMAGE.fullmatch(value) else ""


def imdb(value: Any) -> str:
    """A title's number at IMDb."""
    return value if isinstance(value, str) and _IMDB.fullmatch(value) and value.isascii() else ""


def language(value: Any) -> str:
    """ISO 639-1."""
    return value if isinstance(value, str) and _LANGUAGE.fullmatch(value) else ""
