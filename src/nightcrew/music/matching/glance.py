"""A quick look at a path before it is taken apart: most of what a search finds is surely another recording. Pure.

Nothing is refused here that the rules for a path in pieces would take (tests/music/test_matching.py holds both against each other).
A look costs much less, as the whole path is one text and each rule one search in it.
"""

from __future__ import annotations

from typing import NamedTuple

from rapidfuzz.fuzz import partial_ratio

from nightcrew.music.matching import versions
from nightcrew.music.matching.artists import ArtistName
from nightcrew.music.matching.titles import TitleReading
from nightcrew.music.matching.vocabulary import OF_FOLDERS
from nightcrew.music.matching.words import Words, fold, is_latin, split_folded, words

_BETWEEN = bytes(code for code in range(128) if not chr(code).isalnum())
_SOURCES = frozenset(["from", "theme", "music", "de", "aus"])
_CREDITS = frozenset(["feat", "ft", "featuring", "with", "con", "mit", "avec", "prod", "w"])
LEAST_TITLE, LEAST_ARTIST = 60, 74
"""Per cent of a name that is at least somewhere in a path, slips of a hand and all. A slip in a name leaves 75 (`words.is_slip`)."""


class Sought(NamedTuple):
    """What is looked for.

    `content`: words of which one is in the title. `title`: its words, with spaces. `artists`: none when they may be written in other
    letters. `known`: words that name no version here, as the title, the album or an artist is called so.
    `kinds`: versions that are wanted. `tells_versions`: whether a word can tell that a file is another one. `has_guests`: whether the
    title names others who play.
    """

    content: frozenset[str]
    title: str
    last: str
    artists: tuple[ArtistName, ...]
    known: frozenset[str]
    kinds: frozenset[str]
    tells_versions: bool
    has_guests: bool


def sought(
    title: TitleReading,
    content: frozenset[str],
    names: tuple[ArtistName, ...],
    guests: tuple[ArtistName, ...],
    album: Words,
    kinds: frozenset[str],
    letters: frozenset[str],
    *,
    is_work: bool = False,
) -> Sought:
    """Prepare to look for a track. `kinds`: the versions that its title and its album name; `letters`: the scripts of its artists."""
    latin = letters == {"LATIN"} and all(name.joined for name in names)
    known = {word for one in (*names, *guests) for word in one.words} | set(title.full) | set(album)
    return Sought(
        content,
        " ".join(title.core),
        title.core[-1] if title.core else "",
        names if latin else (),
        frozenset(known),
        kinds,
        not is_work and not versions.has_related(kinds),
        bool(guests),
    )


def refusal(wanted: Sought, folder: str, name: str) -> str:
    """Why a file surely is another recording, empty when it may be it."""
    path = fold(f"{folder}\0{name}")
    said = path.rpartition("\0")[2]
    for word in wanted.content:
        if word in said:
            break
    else:
        if partial_ratio(wanted.title, said, score_cutoff=LEAST_TITLE) < LEAST_TITLE:
            return "its title shares no word with the one that is wanted"
    if wanted.artists and not _names(wanted.artists, path) and is_latin(folder) and is_latin(name):
        return "the artist is not named"
    return _version(wanted, said) if wanted.tells_versions else ""


def _names(artists: tuple[ArtistName, ...], path: str) -> bool:
    """Whether one of them may stand in a path, whatever stands around it."""
    squeezed = path.encode().translate(None, _BETWEEN).decode()
    for one in artists:
        if one.joined in squeezed or all(map(path.__contains__, one.words)):
            return True
    if "*" in path:
        return True
    return any(partial_ratio(one.joined, squeezed, score_cutoff=LEAST_ARTIST) >= LEAST_ARTIST for one in artists)


def _version(wanted: Sought, said: str) -> str:
    """Whether a word of the name says another version, as "karaoke" does wherever it stands, or "remix" behind the title."""
    found = split_folded(said)
    if not versions.may_name(found) or (not wanted.has_guests and not _CREDITS.isdisjoint(found)):
        return ""
    for at, word in enumerate(found):
        kind = versions.CLEAR.get(word)
        if not kind or word in wanted.known or versions.is_lived(found, at) or not _tells(wanted, frozenset([kind])):
            continue
        if kind in OF_FOLDERS or (wanted.last in found[:at] and wanted.last not in found[at:]):
            return f"it is another version ({kind})"
    return _in_bracket(wanted, said)


def _tells(wanted: Sought, kinds: frozenset[str]) -> frozenset[str]:
    """Those of the versions that no other words of a path can explain."""
    return versions.surely_another(wanted.kinds, kinds) if wanted.kinds else kinds


def _in_bracket(wanted: Sought, said: str) -> str:
    """Whether the bracket at the end of a title names another version."""
    start = said.rfind("(")
    if start < 0 or said.find(")", start) < 0:
        return ""
    held = words(said[start + 1 : said.find(")", start)])
    if not held or held[0] in _CREDITS or held[0] in _SOURCES or not wanted.known.isdisjoint(held):
        return ""
    if wanted.last not in split_folded(said[:start].rpartition(" - ")[2]):
        return ""
    more = _tells(wanted, versions.named_in(held).kinds)
    return f"it is another version ({', '.join(sorted(more))})" if more else ""
