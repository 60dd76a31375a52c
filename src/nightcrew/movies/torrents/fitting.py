"""Whether the names in a torrent are those of the film that is expected. Pure.

`releases` says of a release's name which film it is; here are the names of files, many of which say nothing.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise

from rapidfuzz import fuzz

from nightcrew.movies.releases.words import Words, key, without_parts, words
from nightcrew.movies.torrents import vocabulary
from nightcrew.movies.torrents.contents import ContentFile, FileKind, TorrentContents
from nightcrew.movies.torrents.model import Metainfo

MOST_MAINS = 100
"""Names of files that are read: each takes up to a millisecond, and a torrent may have as many files of one size as it likes."""
_YEAR = re.compile(r"18[89]\d|19\d\d|20[0-3]\d")
_OPAQUE = re.compile(r"[0-9a-f]{8,128}|[a-z]{0,40}\d[a-z0-9]{0,80}")
"""Numbers, hashes, and abbreviations with a number."""
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where "TheGeneral" has its words."""
_ARTICLES = frozenset(("the", "a", "an", "le", "la", "les", "der", "die", "das", "el", "il"))
_SEASON = re.compile(
    r"\bs\d{1,2}(?: ?e\d{1,3})*\b|\b\d{1,2}x\d{2,3}\b|\b(?:season|staffel|saison|temporada|stagione|sezon|series|episode|folge|ep) \d"
)


class NameFit(StrEnum):
    """What a name says. `OTHER_YEAR`: the title is right, and the year is another film's."""

    YES = "yes"
    WITH_YEAR = "with_year"
    SILENT = "silent"
    OTHER = "other"
    OTHER_YEAR = "other_year"


_ORDER = (NameFit.WITH_YEAR, NameFit.YES, NameFit.OTHER_YEAR, NameFit.OTHER, NameFit.SILENT)
"""The best first, of several files."""


def misfit(torrent: Metainfo, held: TorrentContents, titles: Sequence[str], year: int | None) -> str:
    """The name that speaks against the film; empty when none does. The film's own file counts more than the torrent's name.

    Where many files are about as large, they are episodes or editions, and the torrent's name speaks for all. Of more than
    `MOST_MAINS` of them the largest are looked at.
    """
    outer = fit(_bare(torrent), titles, year)
    known = frozenset(words(torrent.name)) if outer in {NameFit.YES, NameFit.WITH_YEAR} else frozenset()
    videos = [item for item in held.mains if item.kind is FileKind.VIDEO]
    largest = heapq.nlargest(MOST_MAINS, range(len(videos)), key=lambda at: videos[at].size)
    mains = [videos[at] for at in sorted(largest)]
    fits = [(_best(item, titles, year, known), item) for item in mains]
    best = next((one for one in _ORDER if any(found is one for found, _ in fits)), NameFit.SILENT)
    if best is NameFit.WITH_YEAR:
        return ""
    if best in {NameFit.OTHER, NameFit.OTHER_YEAR} and not (
        outer in {NameFit.YES, NameFit.WITH_YEAR} and _are_episodes(mains)
    ):
        return "/".join(next(item.file.path for found, item in fits if found is best))
    is_named = outer in {NameFit.YES, NameFit.WITH_YEAR} or (best is NameFit.YES and outer is not NameFit.OTHER_YEAR)
    return "" if is_named else torrent.name


def _bare(torrent: Metainfo) -> str:
    """The name without the ending that the only file has."""
    return torrent.name.rpartition(".")[0] or torrent.name if torrent.single else torrent.name


def _best(item: ContentFile, titles: Sequence[str], year: int | None, known: frozenset[str]) -> NameFit:
    """Of the name of a file and of the folder that it lies in."""
    here = fit(item.stem, titles, year, known)
    if here is not NameFit.SILENT or not item.folders:
        return here
    folder = fit(item.folders[-1], titles, year, known)
    return here if folder is NameFit.OTHER else folder


def _are_episodes(mains: Sequence[ContentFile]) -> bool:
    """Whether files are many, or numbered: their names are those of episodes then."""
    return len(mains) >= 3 or all(_SEASON.search(" ".join(words(item.stem))) for item in mains)


def fit(name: str, titles: Sequence[str], year: int | None, known: frozenset[str] = frozenset()) -> NameFit:
    """Of the name of a torrent, folder or file, without its ending. `known`: words that mean nothing here, such as a group's name."""
    found = without_parts(words(_HUMP.sub(" ", name) if name.isalnum() else name))
    in_titles = {word for title in titles for word in words(title)}
    years = [] if _SEASON.search(" ".join(found)) else _years(found, in_titles)  # those of a show's seasons are many
    has_year = year is not None and any(abs(one - year) <= 1 for one in years)
    is_other_year = year is not None and bool(years) and not has_year
    ends = [end for title in titles for end in _ends(found, name, title)]
    if not ends and has_year and any(_shares(found, title) for title in titles):
        return NameFit.WITH_YEAR
    if not ends:
        is_another = _says_another(found, in_titles, titles, known, is_other_year=is_other_year)
        return NameFit.OTHER if is_another else NameFit.SILENT
    if has_year:
        return NameFit.WITH_YEAR
    if all(_is_within(found, end) for end in ends):
        return NameFit.OTHER
    is_edition = bool(vocabulary.LATER & set(found)) and not any(_year_at(found, at) for _, at in ends)
    return NameFit.OTHER_YEAR if is_other_year and not is_edition else NameFit.YES


def _years(found: Words, in_titles: set[str]) -> list[int]:
    """Without those of the titles, and the width in "1920 x 1080"."""
    return [
        int(word)
        for word, after in pairwise((*found, ""))
        if _YEAR.fullmatch(word) and word not in in_titles and after not in {"x", "1080"}
    ]


def _ends(found: Words, name: str, title: str) -> Iterator[tuple[int, int]]:
    """Where a title begins and ends in a name; (0, 0) where that cannot be said."""
    wanted = without_parts(words(title))
    whole, there = key(title), key(name)
    if not wanted:
        return
    places = _places(found, wanted)
    yield from places
    if places:
        return
    is_there = (
        len(whole) >= 5
        and whole in there
        and (len(wanted) == 1 or len(there) < 2 * len(whole) or bool(_YEAR.search(there)))
    )
    is_word = len(whole) >= 3 and any(
        word == whole or (word.startswith(whole) and _YEAR.fullmatch(word[len(whole) :])) for word in found
    )
    if is_there or is_word or _is_like(whole, there):
        yield 0, 0


def _places(found: Words, wanted: Words) -> list[tuple[int, int]]:
    """Where words stand in a row. An article may be missing before several, and stand behind: "General, The"."""
    article, bare = (wanted[:1], wanted[1:]) if len(wanted) > 1 and wanted[0] in _ARTICLES else ((), wanted)
    spans = [(at, at + len(bare)) for at in range(len(found) - len(bare) + 1) if found[at : at + len(bare)] == bare]
    if len(bare) > 1 or not article:
        return spans
    return [(at, end) for at, end in spans if article in {found[at - 1 : at], found[end : end + 1]}]


def _is_like(whole: str, there: str) -> bool:
    """Whether a long title stands in a name with a letter or two that differ."""
    return 8 <= len(whole) <= 1.1 * len(there) and fuzz.partial_ratio(whole, there, score_cutoff=88) > 0


def _shares(found: Words, title: str) -> bool:
    """Whether a third of a title's long words are in a name: in a year, few films have that in common."""
    long = {word for word in words(title) if len(word) >= 5}
    return bool(long) and 3 * len(long & set(found)) >= len(long)


def _year_at(found: Words, at: int) -> bool:
    return 0 < at < len(found) and _YEAR.fullmatch(found[at]) is not None


def _is_within(found: Words, place: tuple[int, int]) -> bool:
    """Whether the words around make it another film: a sequel's number, or "bride of" before it."""
    begin, end = place
    after, before = found[end : end + 1] if end else (), found[max(0, begin - 2) : begin]
    is_numbered = bool(after) and after[0].isdigit() and 1 < int(after[0]) < 20
    return is_numbered or (bool(before) and (before[-1] == "of" or before == ("of", "the")))


def _says_another(
    found: Words, in_titles: set[str], titles: Sequence[str], known: frozenset[str], *, is_other_year: bool
) -> bool:
    """Whether words are left that belong to no film in general, and none that belongs to this one."""
    left = [word for word in found if not _says_nothing(word)]
    if left and is_other_year:
        return True
    if any(len(word) >= 4 and word in in_titles for word in left):
        return False
    names = [word for word in left if len(word) >= 3 and word not in known and not _OPAQUE.fullmatch(word)]
    if len(found) <= 4 and any(_shortens(word, key(title)) for word in names for title in titles):
        return False
    return len(names) > 1 or any(len(name) >= 4 for name in names)


def _says_nothing(word: str) -> bool:
    return word in vocabulary.GENERIC or word.isdigit() or vocabulary.QUALITY.fullmatch(word) is not None


def _shortens(word: str, whole: str) -> bool:
    """Whether a word is made of a title's letters in their order, as the scene shortens them: "mtrpls"."""
    letters = iter(whole)
    return len(word) >= 3 and word[0] == whole[:1] and all(letter in letters for letter in word)
