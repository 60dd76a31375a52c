"""Titles as they are compared: folded to small letters and digits, with numbers written one way. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

CACHED = 1 << 14
"""Titles that are kept folded: those of a few hundred searches."""
Words = tuple[str, ...]

PARTS = frozenset(
    {"part", "pt", "chapter", "vol", "volume", "teil", "partie", "parte", "kapitel", "chapitre", "capitulo"}
)
"""What stands before a number of a part; "Part II", "II" and "2" are the same."""
_SHORT = {"dr": "doctor", "mr": "mister", "mrs": "missis", "st": "saint", "vs": "versus"}
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve"
_COUNTED = {word: str(number) for number, word in enumerate(_SMALL.split())}
_ROMAN = re.compile(r"x{0,2}(?:ix|iv|v?i{0,3})")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10}
_OUT = dict.fromkeys(map(ord, "'`’‘´ʼ“”„\"°"))
_READ = str.maketrans({"&": " and ", "½": " 1 2 ", "⅓": " 1 3 ", "@": " at ", "+": " and "})
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
_SPLIT = re.compile(r"[^a-z0-9]+")


def fold(text: str) -> str:
    """In small ASCII letters, digits and what stands between them."""
    text = unicodedata.normalize("NFKC", text.translate(_READ)).translate(_OUT).casefold()
    return text if text.isascii() else anyascii(text).lower().translate(_OUT)


def roman(word: str) -> int:
    """The number of a Roman numeral up to 29; 0 for what is none."""
    if not word or not _ROMAN.fullmatch(word):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in word]
    return sum(-value if value < max(values[at:]) else value for at, value in enumerate(values))


@lru_cache(maxsize=CACHED)
def words(text: str) -> Words:
    """The words of a title, with numbers as digits. Inner "and" is left out, as people write it or not."""
    found = [word for word in _SPLIT.split(fold(text)) if word]
    numbered = [_number(found, at) for at in range(len(found))]
    return tuple(word for at, word in enumerate(numbered) if word != "and" or at in {0, len(numbered) - 1})


def _number(found: list[str], at: int) -> str:
    """A word, or its digits where it counts: behind "part", at the end, or as a Roman numeral of several letters."""
    word = found[at]
    is_part = at > 0 and found[at - 1] in PARTS
    is_last = at == len(found) - 1 and at > 0
    if word in _COUNTED and (is_part or (is_last and word not in {"zero", "one"})):
        return _COUNTED[word]
    if at and (value := roman(word)) and (is_part or len(word) > 1 or (is_last and word != "i")):
        return str(value)
    return _SHORT.get(word, word)


def without_parts(found: Words) -> Words:
    """Without "part", "chapter" or "volume" before a number."""
    return tuple(
        word
        for at, word in enumerate(found)
        if not (at and word in PARTS and at + 1 < len(found) and found[at + 1].isdigit())
    )


@lru_cache(maxsize=CACHED)
def key(text: str) -> str:
    """What two ways to write a title have in common: its letters and digits in a row."""
    return "".join(without_parts(words(text)))


def keys(text: str) -> frozenset[str]:
    """All keys of a known title: letters with dots are also written as two ("für" as "fuer")."""
    lower = text.lower()
    return frozenset({key(text), key(lower.translate(_GERMAN))}) - {""}
