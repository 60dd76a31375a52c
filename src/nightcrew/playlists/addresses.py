"""What stays of streams' addresses from one list of a provider to the next. Pure.

Nothing in an address says which part of it names the stream and which is a token of today. So parts are compared: what a list said
before and says now, at one place of its addresses, are names where they are mostly the same, and tokens where they are all others.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

_TOKEN = re.compile(r"(?=[^/]*\d)[\w=~-]{20,}(?:[.][\w-]+)?|\d{10}|\d{13}")
"""What may be another one tomorrow. A number of ten digits may be a time."""
_PANEL = re.compile(r"(?:/(?:live|movie|series))?/[^/]+/[^/]+/(\d+)(?:\.\w+)?")
"""An Xtream panel's address: user name, password, id."""
_TOKEN_NAME = re.compile(
    r"(?i).*(?:token|auth|expire|hash|sign|hmac|session|nonce|secret|passw|jwt|policy|key-?pair).*"
    r"|_|e|exp|st|md5|sig|t|ts|time|timestamp|r|rand|random|cb|key|pass|user|username|u|p|hdn(?:ea|ts|tl)|acl"
)
"""Names of what allows somebody something, or is of this moment."""
_ANY = "*"
MOST_PARTS = 50
"""Parts of an address that are looked at; one with more is not relied on."""


@dataclass(frozen=True, slots=True)
class _Parted:
    """An address as its server and its parts, each with the kind of place where it stands."""

    server: str
    path: tuple[tuple[Hashable, str], ...]
    query: tuple[tuple[str, str], ...]


@lru_cache(maxsize=4096)
def _parted(url: str) -> _Parted | None:
    try:
        split = urlsplit(url)
        query = parse_qsl(split.query, keep_blank_values=True, max_num_fields=MOST_PARTS)
        host = split.hostname
    except ValueError:
        return None
    panel = _PANEL.fullmatch(split.path)
    if panel is not None:
        return _Parted(host or "", (("panel", panel[1]),), ())
    steps = split.path.split("/")[1:]
    if len(steps) > MOST_PARTS:
        return None
    path = tuple(((len(steps), index), step) for index, step in enumerate(steps))
    kept = tuple((name, value) for name, value in query if value and not _TOKEN_NAME.fullmatch(name))
    return _Parted(split.netloc.rpartition("@")[2], path, kept)


@dataclass(slots=True)
class _Values:
    """What stood at one kind of place, and in how many addresses, before and now."""

    before: set[str] = field(default_factory=set)
    now: set[str] = field(default_factory=set)
    counts: list[int] = field(default_factory=lambda: [0, 0])

    def lasts(self) -> tuple[bool, bool]:
        """Whether what stands here stays: of what looks like a token, and of anything else."""
        common, least = len(self.before & self.now), min(len(self.before), len(self.now))
        return 0 < least <= 2 * common, bool(common) or min(self.counts) < 2


class Addresses:
    """What stays of the addresses of a list, judged by some of them as they were before and as they are now."""

    def __init__(self, before: Iterable[str] = (), now: Iterable[str] = ()) -> None:
        values = defaultdict[Hashable, _Values](_Values)
        known = list[_Parted]()
        for side, urls in enumerate((before, now)):
            for url in urls:
                parted = _parted(url)
                if parted is None:
                    continue
                known.append(parted)
                for kind, value in (*parted.path, *parted.query):
                    seen = values[kind]
                    (seen.now if side else seen.before).add(value)
                    seen.counts[side] += 1
        self._lasting = {kind: seen.lasts() for kind, seen in values.items()}
        self._open = defaultdict[str, set[str]](set)
        """What stays of each server's addresses that have tokens in them."""
        for parted in known:
            text, is_open = self._text(parted)
            if is_open:
                self._open[parted.server].add(text)

    def of(self, url: str) -> str:
        """What stays of an address; empty where nothing can be relied on."""
        parted = _parted(url)
        if parted is None:
            return ""
        text, is_open = self._text(parted)
        return "" if is_open and len(self._open[parted.server]) < 2 else text

    def _text(self, parted: _Parted) -> tuple[str, bool]:
        """An address without its tokens, and whether it has some where the stream is named."""
        if len(parted.path) == 1 and parted.path[0][0] == "panel":
            return f"{parted.server}#{parted.path[0][1]}", False
        path = [self._said(kind, value) for kind, value in parted.path]
        query = [f"{name}={self._said(name, value)}" for name, value in parted.query]
        said = "/".join(path) + ("?" + "&".join(query) if query else "")
        return (f"{parted.server}/{said}" if said else ""), _ANY in path or any(
            one.endswith("=" + _ANY) for one in query
        )

    def _said(self, kind: Hashable, value: str) -> str:
        token, other = self._lasting.get(kind, (False, True))
        return value if (token if _TOKEN.fullmatch(value) else other) else _ANY
