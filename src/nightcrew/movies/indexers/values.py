"""Single values of an indexer's answer: numbers, hashes, ids, dates, texts. What cannot be read is None or empty. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

from nightcrew.kernel.redaction import MASK, credentials_in
from nightcrew.kernel.targets import is_web_address

MAX_TITLE, MAX_LINK, MAX_MAGNET, MAX_GUID = 400, 4_000, 16_000, 300
MOST_PEERS = 10_000_000
MOST_BYTES = 1 << 50
EARLIEST = datetime(2001, 7, 2, tzinfo=UTC)
"""The first torrent was made then."""
AS_ASKED = timedelta(seconds=60)
"""A date within this of the answer's own is that of the question: the server knows none."""
TOGETHER = timedelta(seconds=2)
"""When all dates of an answer lie within this, they are that of the question, from a server that kept its answer for a while."""
_HEX = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_IMDB = re.compile(r"(?:tt)?0*(\d{1,9})", re.IGNORECASE | re.ASCII)
_DIGITS = re.compile(r"\d{1,18}", re.ASCII)


def line_of(text: Any, most: int = MAX_TITLE) -> str:
    """A text as one printable line, cut off at `most` characters."""
    if not isinstance(text, str):
        return ""
    shown = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * most])
    return " ".join(shown.split())[:most]


def count_of(value: Any, most: int) -> int | None:
    """A whole number from 0 to `most`, given as one or as digits."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, str):
        text = value.strip()
        if not _DIGITS.fullmatch(text):
            return None
        value = int(text)
    return value if 0 <= value <= most else None


def size_of(*values: Any) -> int | None:
    """Bytes by the first of these that says so: a server that does not know a size sends 0."""
    return next((size for value in values if (size := count_of(value, MOST_BYTES))), None)


def imdb_of(value: Any) -> str:
    """`tt0123456` from an id with or without its letters and zeros; empty for what is none."""
    found = _IMDB.fullmatch(value.strip()) if isinstance(value, str) else None
    return f"tt{int(found[1]):07}" if found and int(found[1]) else ""


def year_of(value: Any) -> int | None:
    """The year of a film."""
    year = count_of(value, 2200)
    return year if year is not None and year >= 1870 else None


def hash_of(value: Any) -> str:
    """An info-hash (v1) in hex, which some write in base32; empty for what is none."""
    text = value.strip() if isinstance(value, str) else ""
    if len(text) == 32:
        try:
            text = base64.b32decode(text.upper()).hex()
        except (binascii.Error, ValueError):
            return ""
    return text.lower() if _HEX.fullmatch(text) else ""


def link_of(value: Any, base: str) -> str:
    """An http(s) address, which may be given relative to `base`; empty for what is none."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > MAX_LINK or not text.isprintable():
        return ""
    try:
        link = urljoin(base, text)
    except ValueError:
        return ""
    return link if link != base and is_web_address(link) else ""


def magnet_of(value: Any) -> str:
    """A magnet link; empty for what is none."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text[:8].lower() == "magnet:?" and len(text) <= MAX_MAGNET and text.isprintable() else ""


def guid_of(value: str, secrets: Sequence[str]) -> str:
    """What tells a release from others. Addresses serve as ids too, and may have a key in them: they are told by their hash, which
    does not change with the key."""
    text = line_of(value, MAX_LINK)
    for secret in (*secrets, *credentials_in(text)):
        text = text.replace(secret, MASK) if secret else text
    return text if "://" not in text and len(text) <= MAX_GUID else hashlib.sha256(text.encode()).hexdigest()


def moment_of(value: Any) -> datetime | None:
    """A date as RSS writes it (RFC 822), or as others do (ISO 8601)."""
    text = value.strip() if isinstance(value, str) and len(value) < 100 else ""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def known_dates(dates: Sequence[datetime | None], answered_at: datetime) -> list[datetime | None]:
    """Those dates of an answer's releases that say something: servers that know none put in the time of the question."""
    given = [date for date in dates if date is not None]
    if len(given) > 1 and max(given) - min(given) <= TOGETHER:
        return [None] * len(dates)
    latest = answered_at - AS_ASKED
    return [date if date is not None and EARLIEST <= date < latest else None for date in dates]
