"""Whether the names in a torrent are those of the film that is expected. Pure.

`releases` says of a release's name which film it is; here are the names of files, many of which say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from rapidfuzz import fuzz

from nightcrew.movies.releases.words import Words, key, without_parts, words
from nightcrew.movies.torrents import vocabulary
from nightcrew.movies.torrents.contents import Contents, Item, Kind
from nightcrew.movies.torrents.model import Metainfo

_YEAR = re.compile(r"18[89]\d|19\d\d|20[0-3]\d")
_OPAQUE = re.compile(r"[0-9a-f]{8,}|[a-z0-9]*\d[a-z0-9]*")
"""Numbers, hashes, and abbreviations with a number."""


class Fit(StrEnum):
    """What a name says. `OTHER_YEAR`: the title is right, and the year is another film's."""

    YES = "yes"
    WITH_YEAR = "with_year"
    SILENT = "silent"
    OTHER = "other"
    OTHER_YEAR = "other_year"


_ORDER = (Fit.WITH_YEAR, Fit.YES, Fit.OTHER_YEAR, Fit.OTHER, Fit.SILENT)
"""The best first, of several files."""


def misfit(torrent: Metainfo, held: Contents, titles: Sequence[str], year: int | None) -> str:
    """The name that speaks against the film; empty when none does. The film's own file counts more than the torrent's name.

    Where many files are about as large, they are episodes or editions, and the torrent's name speaks for all.
    """
    outer = fit(_bare(torrent), titles, year)
    mains = [item for item in held.mains if item.kind is Kind.VIDEO]
    fits = [(_best(item, titles, year), item) for item in mains]
    best = next((one for one in _ORDER if any(found is one for found, _ in fits)), Fit.SILENT)
    if best is Fit.WITH_YEAR:
        return ""
    if best in {Fit.OTHER, Fit.OTHER_YEAR} and not (outer in {Fit.YES, Fit.WITH_YEAR} and _are_episodes(mains)):
        return "/".join(next(item.file.path for found, item in fits if found is best))
    is_named = outer in {Fit.YES, Fit.WITH_YEAR} or (best is Fit.YES and outer is not Fit.OTHER_YEAR)
    return "" if is_named else torrent.name


def _bare(torrent: Metainfo) -> str:
    """The name without the ending that the only file has."""
    return torrent.name.rpartition(".")[0] or torrent.name if torrent.single else torrent.name


def _best(item: Item, titles: Sequence[str], year: int | None) -> Fit:
    """Of the name of a file and of the folder that it lies in."""
    here = fit(item.stem, titles, year)
    if here is not Fit.SILENT or not item.folders:
        return here
    folder = fit(item.folders[-1], titles, year)
    return here if folder is Fit.OTHER else folder


def _are_episodes(mains: Sequence[Item]) -> bool:
    """Whether files are numbered, or many: their names are those of episodes then."""
    return len(mains) >= 3 or all(vocabulary.EPISODE.match(" ".join(words(item.stem))) for item in mains)


def fit(name: str, titles: Sequence[str], year: int | None) -> Fit:
    """Of the name of a torrent, folder or file, without its ending."""
    found = without_parts(words(name))
    in_titles = {word for title in titles for word in words(title)}
    years = {int(word) for word in found if _YEAR.fullmatch(word)} - {
        int(word) for word in in_titles if _YEAR.fullmatch(word)
    }
    has_year = year is not None and any(abs(one - year) <= 1 for one in years)
    if not any(_titled(found, name, title, has_year=has_year) for title in titles):
        return Fit.OTHER if _says_another(found, in_titles, titles) else Fit.SILENT
    if has_year:
        return Fit.WITH_YEAR
    return Fit.OTHER_YEAR if years and year and not vocabulary.LATER & set(found) else Fit.YES


def _titled(found: Words, name: str, title: str, *, has_year: bool) -> bool:
    """Whether a title stands in a name; without its year, it is not part of another one."""
    wanted = without_parts(words(title))
    if not wanted:
        return False
    for bare in dict.fromkeys((wanted, _without_article(wanted))):
        for at in range(len(found) - len(bare) + 1):
            if found[at : at + len(bare)] == bare and (has_year or not _is_within(found, at, at + len(bare))):
                return True
    whole, there = key(title), key(name)
    if len(whole) >= 5 and whole in there:
        return has_year or len(wanted) == 1 or len(there) < 2 * len(whole)
    return len(whole) >= 8 and fuzz.partial_ratio(whole, there, score_cutoff=88) > 0


def _is_within(found: Words, begin: int, end: int) -> bool:
    """Whether the words around make it another film: a sequel's number, or "bride of" before it."""
    after, before = found[end : end + 1], found[begin - 1 : begin] if begin else ()
    is_numbered = bool(after) and after[0].isdigit() and 1 < int(after[0]) < 20
    return is_numbered or before == ("of",)


def _without_article(wanted: Words) -> Words:
    return (
        wanted[1:]
        if len(wanted) > 2 and wanted[0] in {"the", "a", "an", "le", "la", "les", "der", "die", "das", "el", "il"}
        else wanted
    )


def _says_another(found: Words, in_titles: set[str], titles: Sequence[str]) -> bool:
    """Whether words are left that belong to no film in general, and none that belongs to this one."""
    left = [
        word
        for word in found
        if word not in vocabulary.GENERIC and not vocabulary.QUALITY.fullmatch(word) and not word.isdigit()
    ]
    if any(len(word) >= 4 and word in in_titles for word in left):
        return False
    names = [word for word in left if len(word) >= 3 and not _OPAQUE.fullmatch(word)]
    if len(found) <= 4 and any(_shortens(word, key(title)) for word in names for title in titles):
        return False
    return bool(names) and (len(names) > 1 or len(names[0]) >= 4)


def _shortens(word: str, whole: str) -> bool:
    """Whether a word is made of a title's letters in their order, as the scene shortens them: "mtrpls"."""
    letters = iter(whole)
    return len(word) >= 3 and word[0] == whole[:1] and all(letter in letters for letter in word)
