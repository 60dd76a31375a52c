"""Which entries of a source become channels: what a person wants of it, and what not. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from re import _constants as parts  # type: ignore[attr-defined]
from re import _parser as expressions  # type: ignore[attr-defined]
from typing import Any
from urllib.parse import urlsplit

from nightcrew.playlists.rules import ListEntry, digest

LONGEST = 200
"""Characters of a pattern."""
MOST_REPEATS = 3
"""Repeats without a limit in one regular expression: with more, a text can take for ever."""
LOOKED_AT = 300
"""Characters of a name or group that patterns see."""
GROUP = "group:"
_FILM = re.compile(r"(?i)/(?:movies?|series|vod)/|\.(?:mkv|mp4|m4v|avi|mov|wmv|webm|mpg|mpeg)$")

Test = Callable[[str, str], bool]
"""Whether a name and its group are meant."""


def is_film(url: str) -> bool:
    """Whether an address is that of a film or an episode and not of a channel, as panels and files have them."""
    return _FILM.search(urlsplit(url).path if "://" in url else url) is not None


def test_of(pattern: str) -> Test:
    """Read a pattern: `group:NAME` a whole group, `/…/` a regular expression in "group / name", anything else a part of the name.

    `*` and `?` stand for any signs; upper and lower case are one. Raises ValueError for what cannot be read.
    """
    text = pattern.strip()
    if not text or len(text) > LONGEST:
        raise ValueError(f"a pattern has 1 to {LONGEST} characters: {text[:40]!r}")
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        found = _expression(text[1:-1])
        return lambda name, group: found.search(f"{group[:LOOKED_AT]} / {name[:LOOKED_AT]}") is not None
    whole = text.casefold().startswith(GROUP)
    wanted = (text[len(GROUP) :].strip() if whole else text).replace(
        "[", "[[]"
    )  # names have brackets, and no classes of signs
    shell = re.compile(translate(wanted.casefold() if whole else f"*{wanted.casefold()}*"))
    if whole:
        return lambda _, group: shell.match(group[:LOOKED_AT].casefold()) is not None
    return lambda name, _: shell.match(name[:LOOKED_AT].casefold()) is not None


def _expression(text: str) -> re.Pattern[str]:
    try:
        tree = expressions.parse(text)
    except re.error as exc:
        raise ValueError(f"/{text}/ is no regular expression: {exc}") from exc
    depth, count = _repeats(tree)
    if depth > 1 or count > MOST_REPEATS:
        raise ValueError(
            f"/{text}/ repeats inside of a repeat, or more than {MOST_REPEATS} times: it could take for ever"
        )
    return re.compile(text, re.IGNORECASE)


def _repeats(tree: Any) -> tuple[int, int]:
    """How deep repeats without a limit lie in one another, and how many there are."""
    deepest = count = 0
    if isinstance(tree, expressions.SubPattern | list | tuple):
        for item in tree:
            repeats = isinstance(item, tuple) and item and item[0] in {parts.MAX_REPEAT, parts.MIN_REPEAT}
            own = 1 if repeats and item[1][1] > LONGEST else 0
            depth, inside = _repeats(item[1] if isinstance(item, tuple) and len(item) == 2 else item)
            deepest, count = max(deepest, depth + own), count + inside + own
    return deepest, count


@dataclass(frozen=True)
class Picks:
    """What a person wants of a source. Without `only` everything is wanted; `without` counts more."""

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    films: bool = True

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Picks:
        """What a source's configuration says."""
        only, without = (tuple(config.get(name) or ()) for name in ("only", "without"))
        return cls(only, without, bool(config.get("films", True)))

    @property
    def key(self) -> str:
        """A short text that changes with what is wanted; empty when everything is."""
        return "" if self == Picks() else digest(repr((self.only, self.without, self.films))).hex()

    @cached_property
    def _tests(self) -> tuple[list[Test], list[Test]]:
        return [test_of(one) for one in self.only], [test_of(one) for one in self.without]

    def keeps(self, entry: ListEntry) -> bool:
        """Whether an entry becomes a channel."""
        only, without = self._tests
        if not self.films and is_film(entry.url):
            return False
        if any(test(entry.name, entry.group) for test in without):
            return False
        return not only or any(test(entry.name, entry.group) for test in only)

    def kept(self, entries: Sequence[ListEntry]) -> list[ListEntry]:
        """Those of some entries."""
        return list(entries) if not self.key else [entry for entry in entries if self.keeps(entry)]
