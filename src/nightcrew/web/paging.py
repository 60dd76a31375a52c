"""The way through a list that does not fit on one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Paging:
    """Addresses of the first and the next page; empty where there is none. `here` is the query of this page."""

    first: str
    following: str
    here: str


def paging(path: str, chosen: Mapping[str, Any], key: str, now: Any, following: Any, *, anchor: str = "") -> Paging:
    """Of a list under `path` with the filters `chosen`, whose pages begin after `key`; `now` and `following` are such keys."""
    kept = {name: value for name, value in chosen.items() if value}

    def address(query: Mapping[str, Any]) -> str:
        return path + (f"?{urlencode(query)}" if query else "") + anchor

    return Paging(
        first=address(kept) if now else "",
        following=address({**kept, key: following}) if following else "",
        here=urlencode({**kept, key: now} if now else kept),
    )
