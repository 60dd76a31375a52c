"""Texts as they are compared: folded to plain small letters, in words. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii
from rapidfuzz.distance import OSA, Indel

from nightcrew.music.matching.vocabulary import JOINTS, SMALL

CACHED = 1 << 15
"""Texts that are kept folded: those of a few searches."""
Words = tuple[str, ...]

_OUT = "'\"`’‘´ʼ“”„"
_READ = {"&": " and ", "+": " and ", "$": "s"}
_TABLE = dict.fromkeys(map(ord, _OUT)) | {ord(sign): read for sign, read in _READ.items()}
_ASCII = [(sign, "") for sign in _OUT if sign.isascii()] + list(_READ.items())
_IN_WORD = re.compile(r"(?<=[a-z])!(?=[a-z])")
_INITIALS = re.compile(r"\b(?:[a-z]\.){2,}")
_CENSORED = re.compile(r"(?<=[a-z])\*+(?=[a-z])")
_OTHER = re.compile(r"[^\x00-\u024f\u1e00-\u1eff\u2000-\u206f]")
"""Beyond the letters and the punctuation of texts in Latin letters."""
_LETTER = re.compile("[A-Za-z]")
_LATIN = frozenset(["LATIN"])
_SPLIT = re.compile(r"[^a-z0-9*]+")


def spaced(text: str) -> str:
    """With single spaces between its words, and none around them: the expressions that take it apart count on that."""
    return " ".join(text.split())


def fold(text: str) -> str:
    """In small ASCII letters, with signs that are read as letters or words written so."""
    if text.isascii():
        text = text.lower()
        for sign, read in _ASCII:
            if sign in text:
                text = text.replace(sign, read)
    else:
        text = unicodedata.normalize("NFKC", text).translate(_TABLE).casefold()
        if not text.isascii():
            text = anyascii(text).lower().translate(_TABLE)
    if "!" in text:
        text = _IN_WORD.sub("i", text)
    if text.count(".") > 1:
        text = _INITIALS.sub(lambda found: found[0].replace(".", ""), text)
    return text


def split_folded(text: str) -> list[str]:
    """The words of a text that is folded; the first and the last may be empty."""
    return _SPLIT.split(text)


@lru_cache(maxsize=CACHED)
def words(text: str) -> Words:
    """The words of a text, without those that join two others."""
    folded = fold(text)
    if "*" in folded:
        folded = _CENSORED.sub("*", folded)
    found = [one for one in _SPLIT.split(folded) if one and one != "*"]
    if len(found) > 2:
        inner = [one for one in found[1:-1] if one not in JOINTS]
        return (found[0], *inner, found[-1])
    return tuple(found)


def is_latin(text: str) -> bool:
    """Whether none of its letters is of another script."""
    return text.isascii() or _OTHER.search(text) is None


@lru_cache(maxsize=CACHED)
def scripts(text: str) -> frozenset[str]:
    """The scripts of its letters, such as LATIN or CYRILLIC. Han, Kana and Hangul are one, as names mix them."""
    if text.isascii():
        return _LATIN if _LETTER.search(text) else frozenset()
    found = {unicodedata.name(char, "").partition(" ")[0] for char in text if char.isalpha()}
    return frozenset(
        "HAN" if one in {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "FULLWIDTH", "HALFWIDTH"} else one for one in found
    )


def alike(left: str, right: str) -> float:
    """How alike two words are, from 0 to 1. Short ones are the same or not: "on" is no slip for "in"."""
    if left == right:
        return 1.0
    if "*" in left or "*" in right:
        return 0.9 if _fits(left, right) or _fits(right, left) else 0.0
    if len(left) < 4 or len(right) < 4 or left.isdigit() or right.isdigit():
        return 0.0
    found: float = Indel.normalized_similarity(left, right, score_cutoff=0.74)
    return found


def is_slip(left: str, right: str) -> bool:
    """Whether two names differ by what a hand does wrong: a letter too many, too few, wrong, or two in the wrong order."""
    shorter, longer = (len(left), len(right)) if len(left) <= len(right) else (len(right), len(left))
    most = 2 if shorter >= 12 else 1
    if shorter < 4 or longer - shorter > most or left.isdigit():
        return False
    if shorter == 4:
        return longer == 4 and sorted(left) == sorted(right) and OSA.distance(left, right) == 1
    return bool(OSA.distance(left, right, score_cutoff=most) <= most)


def _fits(pattern: str, word: str) -> bool:
    """Whether a word with stars for some of its letters is another one."""
    if "*" not in pattern:
        return False
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[a-z]{1,5}"), word) is not None


def similarity(wanted: Words, found: Words) -> float:
    """How alike two rows of words are, from 0 to 1: words that are missing and words that are too many both count.

    The order counts little, as it is seldom wrong in names of files. Small words weigh a third.
    """
    if wanted == found:
        return 1.0
    if not wanted or not found:
        return 0.0
    if wanted[0][0] == found[0][0] and "".join(wanted) == "".join(found):
        return 0.99
    left, hit, missing = list(found), 0.0, list[str]()
    for word in wanted:
        if word in left:
            left.remove(word)
            hit += weight(word)
        else:
            missing.append(word)
    for word in missing if left else ():
        much, best = _nearest(word, left)
        if much:
            left.remove(best)
            hit += weight(word) * much
            if not left:
                break
    return 2 * hit / (_weight_of(wanted) + _weight_of(found)) if hit else 0.0


def _nearest(word: str, others: list[str]) -> tuple[float, str]:
    """The word that is most like another one, and how much; 0 when none is."""
    much, best = 0.0, ""
    if len(word) > 3 or "*" in word:
        for other in others:
            if (len(other) > 3 or "*" in other) and (more := alike(word, other)) > much:
                much, best = more, other
    return much, best


@lru_cache(maxsize=CACHED)
def _weight_of(found: Words) -> float:
    return sum(map(weight, found))


def weight(word: str) -> float:
    """How much a word tells."""
    return 0.34 if word in SMALL else 1.0
