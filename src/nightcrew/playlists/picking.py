"""Which entries of a source become channels: what a person wants of it, and what not. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from re import _constants as parts  # type: ignore[attr-defined]
from re import _parser as expressions  # type: ignore[attr-defined]
from typing import Any
from urllib.parse import urlsplit

from nightcrew.playlists.rules import ListEntry, digest, groups_of

LONGEST = 200
"""Characters of a pattern."""
MOST_REPEATS = 2
"""Repeats of any length in one regular expression, each of a single sign: with more, a text can take for ever."""
LOOKED_AT, LONGEST_GROUP = 100, 300
"""Characters of a name or group that patterns see."""
SINGLE = frozenset({parts.LITERAL, parts.NOT_LITERAL, parts.ANY, parts.IN, parts.CATEGORY})
PLAIN = SINGLE | {parts.AT}
"""What may stand in a regular expression, besides groups, alternatives and repeats."""
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
        if _repeats(tree) > MOST_REPEATS:
            raise ValueError(f"/{text}/ repeats more than {MOST_REPEATS} times: it could take for ever")
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as exc:
        raise ValueError(f"/{text}/ is no regular expression: {exc}") from exc


def _repeats(tree: Any) -> int:
    """How many repeats of any length there are. Raises ValueError for one of more than a single sign: it could take for ever."""
    count = 0
    for operation, argument in tree:
        if operation in {parts.MAX_REPEAT, parts.MIN_REPEAT, parts.POSSESSIVE_REPEAT}:
            least, most, repeated = argument
            if most > 1 and (len(repeated) != 1 or repeated[0][0] not in SINGLE):
                raise ValueError("a repeat of more than one sign, such as (ab)*, could take for ever")
            count += (most != least) + (_repeats(repeated) if most <= 1 else 0)
        elif operation is parts.SUBPATTERN:
            count += _repeats(argument[-1])
        elif operation is parts.BRANCH:
            count += sum(_repeats(branch) for branch in argument[1])
        elif operation in {parts.ASSERT, parts.ASSERT_NOT}:
            count += _repeats(argument[1])
        elif operation not in PLAIN:
            raise ValueError(f"{str(operation).lower()} is not known here")
    return count


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
        groups = groups_of(entry.group[:LONGEST_GROUP])
        if any(test(entry.name, group) for test in without for group in groups):
            return False
        return not only or any(test(entry.name, group) for test in only for group in groups)
