"""Whether a title from a release name is one of a film's known titles. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from rapidfuzz.distance import OSA

from nightcrew.movies.releases.vocabulary import ARTICLES, BRANDS
from nightcrew.movies.releases.words import PARTS, fold, key, keys, roman, words

CACHED = 1 << 12
MOST_TITLES = 200
"""Titles of one film that are looked at: some have one for each country."""
LONG = 10
"""Letters and digits from which on a title may have a slip of the pen. In "Alien" and "Aliens" it is no slip."""

_AKA = re.compile(r"\b(?:aka|a\.k\.a\.?)\b|\s[/|]\s|(?<=\w)[/|](?=\w)|\s-\s(?=\()", re.IGNORECASE)
_BRACKETED = re.compile(r"[(\[]([^()\[\]]+)[)\]]")
_ROUND = re.compile(r"[(]([^()]+)[)]")
_LAST_BRACKET = re.compile(r"[(\[]([^()\[\]\d]+)[)\]]\s*$")
_OR = re.compile(r"[\s,:(]{1,8}or\b[\s,:(]{1,8}", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


class TitleFit(IntEnum):
    """How well a title fits, the better the more."""

    NONE = 0
    NEAR = 1
    """With an article or a brand more or less, a slip of the pen, or beside a title that is not known."""
    WHOLE = 2
    TWICE = 3
    """By two known titles beside each other."""


@dataclass(frozen=True, slots=True)
class Known:
    """The known titles of a film as they are compared."""

    whole: frozenset[str]
    near: frozenset[str]


@lru_cache(maxsize=CACHED)
def known(titles: tuple[str, ...]) -> Known:
    """All ways in which a film's titles may be written."""
    whole: set[str] = set()
    near: set[str] = set()
    for title in titles[:MOST_TITLES]:
        whole |= keys(title)
        first = _OR.split(title, maxsplit=1)[0] if _OR.search(title) else ""
        if len(words(first)) > 0 and first != title:
            near.add(key(first))
        near.add(_bare(title))
        if bracket := _BRACKETED.search(title):
            near.add(key(title.replace(bracket[0], " ")))
    return Known(frozenset(whole), frozenset(near - whole - {""}))


def fit(title: str, film: Known) -> TitleFit:
    """How well a title from a name fits a film."""
    if not (own := key(title)):
        return TitleFit.NONE
    if own in film.whole:
        return TitleFit.WHOLE
    found = max(_parts_fit(title, film), _glued(own, film))
    if found is TitleFit.NONE and (
        {own, _bare(title), _first_part(title)} & (film.whole | film.near) or _slips(own, film)
    ):
        return TitleFit.NEAR
    return found


def _bare(title: str) -> str:
    """The key without an article or a brand before it."""
    found = words(title)
    for brand in BRANDS:
        if len(found) > len(brand) and found[: len(brand)] == brand:
            found = found[len(brand) :]
            break
    if len(found) > 1 and found[0] in ARTICLES:
        found = found[1:]
    return key(" ".join(found))


def _first_part(title: str) -> str:
    """The key without "Part One" behind it: the first of several is often named so only later."""
    found = words(title)
    return key(" ".join(found[:-2])) if len(found) > 2 and found[-2] in PARTS and found[-1] == "1" else ""


def _parts_fit(title: str, film: Known) -> TitleFit:
    """By "one AKA other", "one / other", "one (other)", or two scripts beside each other."""
    for cut, own in (
        (_AKA.split(title), -1),
        (_ROUND.split(title), -1),
        (_BRACKETED.split(title), 0),
        (scripts(title), 0),
    ):
        parts = [part for part in cut if key(part)]
        if len(parts) < 2:
            continue
        fits = [key(part) in film.whole for part in parts]
        if all(fits):
            return TitleFit.TWICE if len({key(part) for part in parts}) > 1 else TitleFit.WHOLE
        others = [part for part, fitted in zip(parts, fits, strict=True) if not fitted]
        counts = any(fits) if own < 0 else fits[own]
        if counts and not any(
            word.isdigit() or roman(word) or word in PARTS for part in others for word in words(part)
        ):
            return TitleFit.NEAR
    return TitleFit.NEAR if _without_person(title, film) else TitleFit.NONE


def _without_person(title: str, film: Known) -> bool:
    """Whether a title fits without the brackets at its end, in which some write who made the film."""
    found = _LAST_BRACKET.search(title)
    return bool(found and len(words(found[1])) > 1 and key(title[: found.start()]) in film.whole)


def scripts(title: str) -> list[str]:
    """A title in two scripts, taken apart: what is in Latin letters, and what is not."""
    if title.isascii():
        return [title]
    latin, other = list[str](), list[str]()
    for word in title.split():
        letters = [char for char in word if char.isalpha()]
        is_latin = all("LATIN" in unicodedata.name(char, "LATIN") for char in letters)
        (latin if is_latin else other).append(word)
    return [" ".join(latin), " ".join(other)] if latin and other else [title]


def _glued(own: str, film: Known) -> TitleFit:
    """Whether two known titles stand beside each other with nothing between them."""
    for one in film.whole:
        rest = own.removeprefix(one)
        if rest in film.whole - {own, one}:
            return TitleFit.TWICE
    return TitleFit.NONE


def _slips(own: str, film: Known) -> bool:
    """Whether a long title has one letter wrong, not at its end (a plural is another title), and no number."""
    if len(own) < LONG:
        return False
    numbers = _DIGITS.findall(own)
    return any(
        len(one) >= LONG
        and own[-1] == one[-1]
        and own[0] == one[0]
        and OSA.distance(own, one, score_cutoff=1) == 1
        and _DIGITS.findall(one) == numbers
        for one in film.whole
    )


def shares_word(title: str, titles: tuple[str, ...]) -> bool:
    """Whether a title has a word of some length in common with a known one, or letters that cannot be compared."""
    own = {word for word in words(title) if len(word) > 3}
    return not fold(title).strip() or any(own & set(words(one)) for one in titles[:MOST_TITLES])
