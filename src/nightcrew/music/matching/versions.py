"""Words that name another recording of the same song: live, a remix, a cover. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from nightcrew.music.matching.vocabulary import (
    LEFT_OUT,
    LIVED_BEFORE,
    LIVED_BEHIND,
    NEUTRAL,
    PLAIN_MIXES,
    SMALL,
    TELLING,
    UNSURE,
    VERSIONS,
)
from nightcrew.music.matching.words import CACHED, Words, is_slip, similarity, words


@dataclass(frozen=True, slots=True)
class VersionWords:
    """What versions are named, and which words say whose or where: a remixer, a place."""

    kinds: frozenset[str] = frozenset()
    whose: Words = ()

    def __or__(self, other: VersionWords) -> VersionWords:
        """Both."""
        if not other.kinds and not other.whose:
            return self
        return VersionWords(self.kinds | other.kinds, self.whose + other.whose)


NONE = VersionWords()
_VERSION = frozenset(["version", "ver", "versione", "bajiyon", "vuajiyon"])
_SIZES = frozenset(["bit", "khz", "kbps"])
_SIZED = frozenset(["16", "24", "32", "44", "48", "88", "96", "192", "128", "256", "320"])
_RELATED = frozenset(["unplugged", "session", "extended", "edit"])
"""Versions of which others are a part (`_without_alike`)."""


def _phrases() -> tuple[dict[str, str], dict[str, tuple[tuple[Words, str], ...]]]:
    single: dict[str, str] = {}
    several: dict[str, list[tuple[Words, str]]] = {}
    for kind, phrases in VERSIONS.items():
        for phrase in phrases:
            found = words(phrase)
            if len(found) == 1:
                single[found[0]] = kind
            else:
                several.setdefault(found[0], []).append((found, kind))
    ordered = {first: tuple(sorted(rows, key=lambda row: -len(row[0]))) for first, rows in several.items()}
    return single, ordered


_SINGLE, _SEVERAL = _phrases()
CLEAR = {word: kind for word, kind in _SINGLE.items() if word not in UNSURE}
"""Words that name a version wherever they stand in a title, with its kind."""
_FIRST = frozenset(_SINGLE) | frozenset(_SEVERAL)


def may_name(found: Sequence[str]) -> bool:
    """Whether one of the words is one with which a version is named."""
    return not _FIRST.isdisjoint(found)


def has_related(kinds: frozenset[str]) -> bool:
    """Whether other versions are a part of one of these."""
    return not _RELATED.isdisjoint(kinds)


def is_lived(found: Sequence[str], at: int) -> bool:
    """Whether "live" at a place among words is a verb."""
    if found[at] != "live":
        return False
    return (at > 0 and found[at - 1] in LIVED_BEFORE) or (at + 1 < len(found) and found[at + 1] in LIVED_BEHIND)


@lru_cache(maxsize=CACHED)
def named_in(found: Words, *, loose: bool = False) -> VersionWords:
    """The versions that words name. `loose`: they are part of a title or of a folder's name, where only the clear ones count."""
    if _FIRST.isdisjoint(found):
        return NONE
    kinds, whose, at = set[str](), list[str](), 0
    if " ".join(found[-2:]) in PLAIN_MIXES:
        found = found[:-2]
    while at < len(found):
        word = found[at]
        rows = _SEVERAL.get(word)
        phrase = rows and next((row for row in rows if found[at : at + len(row[0])] == row[0]), None)
        if phrase and not (loose and " ".join(phrase[0]) in UNSURE):
            kinds.add(phrase[1])
            at += len(phrase[0])
            continue
        kind = _SINGLE.get(word)
        if kind is not None and not (loose and (word in UNSURE or is_lived(found, at))):
            kinds.add(kind)
        elif word not in NEUTRAL and word not in SMALL and not is_year(word):
            whose.append(word)
        at += 1
    return VersionWords(frozenset(kinds), tuple(whose)) if kinds else NONE


@lru_cache(maxsize=CACHED)
def named_apart(found: Words) -> VersionWords:
    """The versions of what stands in brackets or behind a dash, where "Reggae Version" and "2020 Version" name one, too."""
    named = named_in(found)
    if named.kinds or len(found) < 2 or found[-1] not in _VERSION or is_neutral(found):
        return named
    whose = tuple(word for word in found[:-1] if word not in NEUTRAL and word not in SMALL)
    return VersionWords(frozenset(["version"]), whose)


@lru_cache(maxsize=CACHED)
def is_neutral(found: Words) -> bool:
    """Whether words say nothing that makes another recording: "2011 Remaster", "Explicit"."""
    if " ".join(found[-2:]) in PLAIN_MIXES and _FIRST.isdisjoint(found[:-2]):
        return True
    if len(found) == 2 and (is_year(found[0]) or found[0] == "new") and found[1] in _VERSION:  # recorded anew
        return False
    if SMALL.issuperset(found):
        return False
    sized = not _SIZES.isdisjoint(found)  # "24-bit remaster"
    return all(
        word in NEUTRAL or word in SMALL or is_year(word) or is_ordinal(word) or (sized and word in _SIZED)
        for word in found
    )


def is_year(word: str) -> bool:
    """Whether a word is one of the years of recorded music."""
    return len(word) == 4 and word.isdigit() and "1900" <= word <= "2100"


def is_ordinal(word: str) -> bool:
    """Such as 40th."""
    return len(word) > 2 and word[-2:] in {"st", "nd", "rd", "th"} and word[:-2].isdigit()


def is_version_word(word: str) -> bool:
    """Whether one word alone names a version or is neutral."""
    return word in _SINGLE or word in NEUTRAL


def disagreement(wanted: VersionWords, found: VersionWords) -> str:
    """Why two names are those of two recordings, empty when they may be one's."""
    missing, more = _without_alike(wanted.kinds, found.kinds)
    if more:
        return f"it is another version ({', '.join(sorted(more))})"
    if missing:
        return f"it is not the version that is wanted ({', '.join(sorted(missing))})"
    if wanted.whose and found.whose and _agreement(wanted.whose, found.whose) < 0.5:
        return f"it is another version ({' '.join(found.whose)})"
    dated = "live" in found.kinds  # a date says when it was played
    if _numbers(wanted.whose, dated=dated) != _numbers(found.whose, dated=dated):
        return f"it is another version ({' '.join(found.whose) or 'without a number'})"
    return ""


def _numbers(found: Words, *, dated: bool) -> frozenset[str]:
    if not found:
        return frozenset()
    return frozenset(
        word
        for last, word in zip(("", *found), found, strict=False)
        if word.isdigit() and (not dated or last in TELLING)
    )


def surely_another(wanted: frozenset[str], found: frozenset[str]) -> frozenset[str]:
    """The versions that a title names and that are not wanted, unless what else is known of the file may explain them."""
    more = found - wanted
    return more if more and _RELATED.isdisjoint(wanted | found) else frozenset()


def _without_alike(wanted: frozenset[str], found: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What each has alone. A session or an unplugged one is live and acoustic, an extended mix need not be called a mix."""
    if "unplugged" in wanted or "unplugged" in found:
        drop = frozenset(["unplugged", "live", "acoustic", "session"])
        if wanted & drop and found & drop:
            wanted, found = wanted - drop, found - drop
    if "session" in wanted and "session" in found:
        wanted, found = wanted - {"live"}, found - {"live"}
    if ("extended" in wanted and "extended" in found) or ("edit" in wanted and "edit" in found):
        wanted, found = wanted - {"remix"}, found - {"remix"}
    return wanted - found - LEFT_OUT, found - wanted


def agreement(wanted: VersionWords, found: VersionWords) -> float:
    """How well they agree, from 0 to 1, where nothing speaks against it. A remix without a name may be any."""
    if wanted.whose and found.whose:
        return _agreement(wanted.whose, found.whose)
    if wanted.whose or found.whose or (wanted.kinds - found.kinds) & LEFT_OUT:
        return 0.6
    return 1.0


def _agreement(wanted: Words, found: Words) -> float:
    if is_slip("".join(wanted), "".join(found)):
        return 0.9
    return max(similarity(wanted, found), 0.9 if set(wanted) <= set(found) or set(found) <= set(wanted) else 0.0)


def versions_of(text: str) -> VersionWords:
    """Of a text that names a version, such as what stands in brackets."""
    return named_in(words(text))
