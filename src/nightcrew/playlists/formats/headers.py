"""The HTTP headers that an entry of a list asks for, in each of the ways in which lists say so. Pure.

- `url|User-Agent=…&Referer=…` (Kodi), kept as `http:` attributes, with options of the player among them
- `#EXTHTTP:{"User-Agent": "…", "cookie": "…"}` (TiviMate and others), kept as `json:EXTHTTP`
- `#KODIPROP:inputstream.adaptive.stream_headers=User-Agent=…&Referer=…`, kept as `kodi:` attributes
- `#EXTVLCOPT:http-user-agent=…`, `http-referrer`, kept as `vlc:` attributes
- attributes of the entry itself: `http-user-agent="…"`, `http-referrer="…"`, `tvg-user-agent="…"`, `http-header="Name: …"`
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
_NAMES |= {"user_agent": "User-Agent", "useragent": "User-Agent"}
_WAYS = {f"{way}{name}": header for way in ("http-", "kodi:http-", "vlc:http-") for name, header in _NAMES.items()}
_WAYS |= dict.fromkeys(["user-agent", "tvg-user-agent", "kodi:user-agent"], "User-Agent")
_WAYS |= dict.fromkeys(["referrer", "referer", "tvg-referrer", "tvg-referer"], "Referer")
_WAYS |= dict.fromkeys(["vlc:http-cookie", "vlc:http-cookies"], "Cookie")
_SEVERAL = [
    "http-header",
    "http-headers",
    "kodi:http-header",
    "kodi:http-headers",
    "kodi:inputstream.ffmpegdirect.stream_headers",
]
_SEVERAL += [f"kodi:inputstream.adaptive.{name}_headers" for name in ("manifest", "stream", "common")]
"""Keys whose values name several headers."""
_OPTIONS = {"auth", "seekable", "noshout", "verifypeer", "sslcipherlist", "connection-timeout", "failonerror"}
_OPTIONS |= {"redirect-limit", "postdata", "customrequest", "httpproxy", "http_proxy", "acceptcharset", "mimetype"}
_OPTIONS |= {"acceptencoding", "encoding", "active-remote", "timeout", "rw_timeout", "tls_verify", "reconnect"}
_OPTIONS |= {"reconnect_streamed", "reconnect_at_eof", "reconnect_delay_max", "probesize", "analyzeduration"}
_OPTIONS |= {"drmscheme", "drmlicense"}
"""Options of players that stand among headers behind an address, those of Kodi's curl above all."""
_HEADERS = r"(?i:user[-_]?agent|refer?rer|referer|origin|cookie|authorization|accept(?:-[a-z]+)?|x-[a-z-]{1,40})"
NAMED = re.compile(rf"\s{{0,9}}{_HEADERS}\s{{0,9}}[:=]")
"""How headers begin, where what they stand in could be something else."""
ENCODED_BAR = re.compile(rf"%7[Cc](?={_HEADERS}(?:=|%3[Dd]))")
_PAIR = re.compile(r"""\s*([^\s=:"'{}]{1,60})\s*[=:](.*)""", re.DOTALL)
_LOOSE = re.compile(r""""([^"\\]{1,60})"\s{0,9}:\s{0,9}"([^"\\]*)"|'([^'\\]{1,60})'\s{0,9}:\s{0,9}'([^'\\]*)'""")
"""Names and values of an object that is no JSON, as it is in single quotes."""
MOST, LONGEST = 20, 4_000
"""Headers of an entry, and characters of one."""


def headers_of(attributes: Mapping[str, str]) -> dict[str, str]:
    """The headers by name; where two ways disagree, the one counts that stands nearest to the address."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in _said(attributes):
        if _is_header(name) and _fits(value) and len(found) < MOST:
            own = _NAMES.get(name.lower(), name)
            found[own.lower()] = (own, value)
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
        and key not in _SEVERAL
    }


def _said(attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every header that is named, the weakest first."""
    for key, value in attributes.items():
        if key in _WAYS:
            own, bar, more = value.partition("|")
            if bar and NAMED.match(more):
                yield from pairs(more)
            yield _WAYS[key], _bare(own if bar and NAMED.match(more) else value)
    for key in _SEVERAL:
        yield from pairs(attributes.get(key, ""))
    yield from _object(attributes.get(EXTHTTP, ""))
    for key, value in attributes.items():
        if key.startswith(HTTP):
            yield key[len(HTTP) :].lstrip("!"), _bare(value)


def pairs(text: str) -> Iterable[tuple[str, str]]:
    """`User-Agent=…&Referer=…`, with values in percent-encoding, as Kodi reads it; some write `Name: value`, and quotes around it."""
    found = (_PAIR.fullmatch(part) for part in _bare(text).split("&"))
    return [(one[1], unquote(_bare(one[2]))) for one in found if one]


def _bare(text: str) -> str:
    """A value without quotes around it."""
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _object(text: str) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        yield from ((one[1] or one[3], one[2] or one[4] or "") for one in _LOOSE.finditer(text))
        return
    if isinstance(found, dict):
        nested = [inner for name in ("headers", "header") if isinstance(inner := found.get(name), dict)]
        for one in (*nested, found):
            yield from ((name, value) for name, value in one.items() if isinstance(value, str))


def _is_header(name: str) -> bool:
    return (
        bool(_NAME.fullmatch(name)) and "." not in name and name.lower() not in _OURS and name.lower() not in _OPTIONS
    )


def _fits(value: str) -> bool:
    return bool(value) and len(value) <= LONGEST and value.isascii() and value.isprintable()
