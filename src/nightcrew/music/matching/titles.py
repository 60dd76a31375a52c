"""Titles, as services and people write them: what belongs to the title, who else plays, which version it is, which numbers it has. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from nightcrew.music.matching import versions
from nightcrew.music.matching.versions import VersionWords
from nightcrew.music.matching.vocabulary import COUNTED, TELLING
from nightcrew.music.matching.words import CACHED, Words, is_slip, similarity, spaced, words

_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\}|（([^（）]*)）|【([^【】]*)】")
_CREDIT = re.compile(r" ?\b(?:feat|ft|featuring)\b\.? ", re.IGNORECASE)
_WITH = re.compile(r" ?(?:with|w/|con|mit|avec|prod\.?(?: by)?) ", re.IGNORECASE)
_DASH = re.compile(r" [-–—] | ?[～~] ?")
_SOURCE = re.compile(r" ?(?:from|theme from|music from|de la pelicula|aus dem film) ", re.IGNORECASE)
_SAME_COUNT = {
    "pt": "part",
    "pts": "part",
    "parte": "part",
    "teil": "part",
    "vol": "volume",
    "no": "number",
    "nr": "number",
}
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11", "xii": "12"}
_COUNTING = frozenset(_ROMAN) | COUNTED
_ROMAN_COUNTED = _ROMAN | {"i": "1", "v": "5", "x": "10"}
_NUMBER_WORDS = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8"}
_KEY = re.compile(r"\b(?:in )?([a-h])(?: (flat|sharp|is|es))? (major|minor|dur|moll|mayor|menor|majeur|mineur)\b")
_MODES = {"dur": "major", "moll": "minor", "mayor": "major", "menor": "minor", "majeur": "major", "mineur": "minor"}


class TitleReading(NamedTuple):
    """A title taken apart.

    `core`: its words without what stands in brackets; `full`: with the brackets that belong to it. `guests`: who else plays.
    """

    core: Words
    full: Words
    guests: tuple[str, ...] = ()
    versions: VersionWords = versions.NONE
    numbers: frozenset[str] = frozenset()
    key: str = ""
    """Of a classical work, such as "c minor"."""


_OPENS = frozenset("{（【")


@lru_cache(maxsize=CACHED)
def read_title(text: str) -> TitleReading:
    """Take a title apart."""
    text = spaced(text)
    guests: list[str] = []
    named = versions.NONE
    kept: list[str] = []

    def inside(found: re.Match[str]) -> str:
        nonlocal named
        held = next(filter(None, found.groups()), "")
        credit = _CREDIT.match(held) or _WITH.match(held)
        if credit is not None and not versions.versions_of(held).kinds:
            guests.append(held[credit.end() :])
            return " "
        named, belongs = _of_bracket(held, named)
        if belongs:
            kept.append(held)
        return " "

    plain = text
    if "(" in text or "[" in text or not _OPENS.isdisjoint(text):
        plain = _BRACKETS.sub(inside, text)
        if not words(plain):
            plain, named, kept = text, versions.NONE, []
    first, *behind = _DASH.split(plain)
    while behind:
        if (credit := _CREDIT.match(behind[-1]) or _WITH.match(behind[-1])) and not versions.versions_of(
            behind[-1]
        ).kinds:
            guests.append(behind.pop()[credit.end() :])
            continue
        found, belongs = _of_bracket(behind[-1], versions.NONE)
        if belongs:
            break
        named |= found
        behind.pop()
    outer = " ".join([first, *behind])
    credit = _CREDIT.search(outer) if "f" in outer or "F" in outer else None
    if credit is not None and credit.start():
        guests.append(outer[credit.end() :])
        named |= versions.named_in(words(guests[-1])[-1:], loose=True)  # "… feat. Somebody live"
        outer = outer[: credit.start()]
    core = counted(words(outer))
    full = core + tuple(word for one in kept for word in counted(words(one)))
    numbers = numbers_in(full).union(*map(_part_in, guests))
    return TitleReading(core, full, tuple(guests), named, numbers, key_in(" ".join(full)))


def _part_in(credit: str) -> frozenset[str]:
    """The number of a part that stands behind a credit: "Song feat. Somebody, Pt. 2"."""
    found = counted(words(credit))
    told = [word for last, word in zip(("", *found), found, strict=False) if last in TELLING]
    return numbers_in((*told, *(found[-1:] if credit.endswith(("II", "III", "IV")) else ())))


def says_credit_or_source(piece: str) -> bool:
    """Whether a piece of a name says who else plays, or which film it is from."""
    return bool(_CREDIT.match(piece) or _WITH.match(piece) or _SOURCE.match(piece))


def _of_bracket(held: str, named: VersionWords) -> tuple[VersionWords, bool]:
    """The versions named so far with those of a bracket, and whether it belongs to the title."""
    found = counted(words(held))
    if not found or versions.is_neutral(found) or _SOURCE.match(held):
        return named, False
    here = versions.named_apart(found)
    return (named | here, False) if here.kinds else (named, True)


def counted(found: Words) -> Words:
    """With "Pt. II" written as "part 2"."""
    if _COUNTING.isdisjoint(found):
        return found
    made: list[str] = []
    for place, word in enumerate(found):
        behind = place and found[place - 1] in COUNTED
        if behind:
            made.append(_ROMAN_COUNTED.get(word) or _NUMBER_WORDS.get(word, word))
        else:
            made.append(_SAME_COUNT.get(word) or (_ROMAN.get(word, word) if place else word))
    return tuple(made)


def numbers_in(found: Words) -> frozenset[str]:
    """The numbers that tell two titles apart."""
    return frozenset(word.lstrip("0") or "0" for word in found if word.isdigit())


def key_in(folded: str) -> str:
    """The key of a classical work, empty without one."""
    if "m" not in folded and "d" not in folded:
        return ""
    found = _KEY.search(folded)
    return " ".join(filter(None, [found[1], found[2], _MODES.get(found[3], found[3])])) if found else ""


def without(reading: TitleReading, wanted: TitleReading) -> TitleReading:
    """A title of a file whose brackets are lost, "Song live 2011 remaster": what it has more than the wanted one may name a version."""
    over = [word for word in reading.core if word not in wanted.full]
    if not over:
        return reading
    named = versions.named_in(tuple(over))
    dropped = {word for word in over if versions.is_version_word(word) or versions.is_year(word)} | set(
        named.whose if named.kinds else ()
    )
    if not dropped or dropped >= set(reading.core):
        return reading
    core = tuple(word for word in reading.core if word not in dropped)
    full = tuple(word for word in reading.full if word not in dropped)
    return reading._replace(core=core, full=full, versions=reading.versions | named, numbers=numbers_in(full))


def title_similarity(wanted: TitleReading, found: TitleReading) -> float:
    """How alike two titles are: what stands in brackets may be left out."""
    best = similarity(wanted.full, found.full)
    if best == 1.0:
        return best
    plain = wanted.full is wanted.core and found.full is found.core
    best = best if plain else max(best, 0.97 * similarity(wanted.core, found.core))
    if best < 0.9 and len(wanted.core) == len(found.core) and is_slip("".join(wanted.core), "".join(found.core)):
        return 0.9
    if not plain:
        best = max(best, 0.97 * similarity(wanted.full, found.core), 0.97 * similarity(wanted.core, found.full))
    return best
