"""The HTTP headers that an entry of a list asks for, in each of the ways in which lists say so. Pure.

- `url|User-Agent=…&Referer=…` (Kodi), kept as `http:` attributes
- `#EXTHTTP:{"User-Agent": "…", "cookie": "…"}` (TiviMate and others), kept as `json:EXTHTTP`
- `#KODIPROP:inputstream.adaptive.stream_headers=User-Agent=…&Referer=…`, kept as `kodi:` attributes
- `#EXTVLCOPT:http-user-agent=…`, `http-referrer`, kept as `vlc:` attributes
- attributes of the entry itself: `http-user-agent="…"`, `http-referrer="…"`
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

HTTP, EXTHTTP = "http:", "json:EXTHTTP"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,60}")
"""A token of RFC 9110, 5.6.2."""
_OURS = {"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect", "range"}
_OURS |= {"accept-encoding", "proxy-authorization"}
"""What Nightcrew says itself: these belong to one request or to one connection."""
_NAMES = {"user-agent": "User-Agent", "referrer": "Referer", "referer": "Referer", "origin": "Origin"}
_WAYS = {f"{way}{name}": header for way in ("http-", "vlc:http-") for name, header in _NAMES.items()}
_WAYS |= {"user-agent": "User-Agent", "vlc:http-cookie": "Cookie", "vlc:http-cookies": "Cookie"}
_KODI = [f"kodi:inputstream.adaptive.{name}_headers" for name in ("manifest", "stream", "common")]
MOST, LONGEST = 20, 4_000
"""Headers of an entry, and characters of one."""


def headers_of(attributes: Mapping[str, str]) -> dict[str, str]:
    """The headers by name; where two ways disagree, the one counts that stands nearest to the address."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in _said(attributes):
        if _NAME.fullmatch(name) and name.lower() not in _OURS and _fits(value) and len(found) < MOST:
            found[name.lower()] = (_NAMES.get(name.lower(), name), value)
    return dict(found.values())


def headers_from(text: str) -> dict[str, str]:
    """Headers as a person writes them, `Name: value` on each line. Raises ValueError for one that cannot be sent."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not _NAME.fullmatch(name) or not _fits(value):
            raise ValueError(f"{name[:60]!r} is no header: write Name: value on each line")
        if name.lower() in _OURS:
            raise ValueError(f"the header {name} is one that Nightcrew says itself")
        found[_NAMES.get(name.lower(), name)] = value
    if len(found) > MOST:
        raise ValueError(f"at most {MOST} headers are sent")
    return found


def for_our_address(attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes that hold for an address at Nightcrew too: it sends the headers itself, and plays nothing that is over."""
    return {
        key: value
        for key, value in attributes.items()
        if not key.startswith((HTTP, EXTHTTP, "catchup", "timeshift", "tvg-rec"))
        and key not in _WAYS
        and key not in _KODI
    }


def _said(attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every header that is named, the weakest first."""
    for key, value in attributes.items():
        if key in _WAYS:
            yield _WAYS[key], value
    for key in _KODI:
        yield from pairs(attributes.get(key, ""))
    yield from _object(attributes.get(EXTHTTP, ""))
    for key, value in attributes.items():
        if key.startswith(HTTP):
            yield key[len(HTTP) :], value


def pairs(text: str) -> Iterable[tuple[str, str]]:
    """`User-Agent=…&Referer=…`, with values in percent-encoding, as Kodi reads it."""
    parts = (part.partition("=") for part in text.split("&"))
    return [(name.strip(), unquote(value.strip())) for name, equals, value in parts if equals and name.strip()]


def _object(text: str) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        yield from ((name, value) for name, value in found.items() if isinstance(value, str))


def _fits(value: str) -> bool:
    return bool(value) and len(value) <= LONGEST and value.isascii() and value.isprintable()
