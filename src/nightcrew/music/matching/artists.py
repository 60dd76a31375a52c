"""Credits: whether a text names one of the artists that are wanted. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from nightcrew.music.matching import versions
from nightcrew.music.matching.vocabulary import AROUND_ARTISTS
from nightcrew.music.matching.words import CACHED, Words, is_slip, spaced, words

_GUEST = re.compile(r" \(?(?:feat|ft|featuring)\b\.? ", re.IGNORECASE)
_SPLIT = re.compile(
    r" ?(?:,|;|/|\\|&|\+|\bfeat\b\.?|\bft\b\.?|\bfeaturing\b|\bwith\b|\band\b|\bund\b|\by\b|\bvs\b\.?|\bx\b|\bpresents\b|\bpres\b\.?) ?",
    re.IGNORECASE,
)


class ArtistName(NamedTuple):
    """A name in the forms in which it is compared."""

    words: Words
    joined: str


@lru_cache(maxsize=CACHED)
def read_artist(text: str) -> ArtistName:
    """Without its article."""
    found = _bare(words(text))
    return ArtistName(found, "".join(found))


def _bare(found: Words) -> Words:
    if len(found) > 1 and found[0] in {"the", "die", "les", "los", "el", "la"}:
        return found[1:]
    if len(found) > 1 and found[-1] == "the":  # "Beatles, The"
        return found[:-1]
    return found


@lru_cache(maxsize=CACHED)
def names_in(text: str) -> tuple[ArtistName, ...]:
    """A credit as a whole, and each name in it."""
    text = spaced(text)
    whole = read_artist(text)
    if not _SPLIT.search(text):
        return (whole,)
    return (whole, *(read_artist(one) for one in _SPLIT.split(text) if one and words(one)))


def credit(wanted: tuple[ArtistName, ...], text: str, around: Words = ()) -> float:
    """How surely a text names one of the artists, from 0 to 1; the main one comes first.

    What else stands in it has to be other artists, words such as "discography", or `around`: the words of the album.
    """
    found = words(text)
    if wanted and wanted[0].joined == "".join(_bare(found)):
        return 1.0
    lead = _GUEST.split(text, maxsplit=1)[0] if "f" in text or "F" in text else text
    if lead != text and not credit(wanted, lead, around):  # a guest's song is another's
        return 0.0
    best, names = 0.0, names_in(text)
    for place, artist in enumerate(wanted):
        much = 0.0
        for one in names:
            much = max(much, _same(artist, one))
        if not much and artist.words and artist.words[0] in found:
            much = _within(artist, found, around)
        best = max(best, much if not place else 0.92 * much)
        if best == 1.0:
            break
    return best


def leads(wanted: tuple[ArtistName, ...], text: str) -> bool:
    """Whether a text begins with a name of several words, as folders do: "Pink Floyd The Wall". One word may begin another name."""
    found = _bare(words(text))
    if _SPLIT.search(text):
        return False
    return any(len(one.words) > 1 and found[: len(one.words)] == one.words for one in wanted)


def _same(wanted: ArtistName, found: ArtistName) -> float:
    if wanted.joined == found.joined:
        return 1.0
    size = len(wanted.words)
    if size > 1 and size == len(found.words) and sorted(wanted.words) == sorted(found.words):  # "Jackson, Michael"
        return 0.98
    return 0.85 if is_slip(wanted.joined, found.joined) else 0.0


def _within(wanted: ArtistName, found: Words, around: Words) -> float:
    size = len(wanted.words)
    if not size or size >= len(found):
        return 0.0
    for at in range(len(found) - size + 1):
        if found[at : at + size] == wanted.words:
            rest = found[:at] + found[at + size :]
            if all(
                word in AROUND_ARTISTS or word in around or word.isdigit() or versions.is_neutral((word,))
                for word in rest
            ):
                return 0.9
    return 0.0
