"""The path of a shared file, such as `@@abc\\Music\\Artist\\(1999) Album [FLAC]\\03 - Title (Remastered).flac`, taken apart. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from nightcrew.music.matching import versions
from nightcrew.music.matching.versions import VersionWords
from nightcrew.music.matching.vocabulary import OF_MANY, OF_MANY_FIRST, PLACES
from nightcrew.music.matching.words import CACHED, Words, spaced, words

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{2,4}$")
_DASH = re.compile(r" [-–—]{1,3} | ?_-_ ?| [-–—]|[-–—] ")
_SCENE = re.compile(r" ?-{1,3} ?")
_HYPHEN = re.compile(r"(?<! )-|-(?! )")
_BRACKET = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NUMBER = re.compile(
    r"""
    ^[\[(]?
    (?:(?:cd|disc|disk)[ ]?\d{1,2}[-_. ]{0,3})?            # CD1
    (?:(?P<disc>\d{1,2})[-.](?=\d{2}\D))?(?:track[ ]?)?    # 1-07
    (?P<number>\d{1,3}|[a-d]\d{1,2})[\])]?                 # 07, A3
    (?:[ ]?[.)_\-–—]{1,3}[ ]?|[ ])(?=\S)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ALONE = re.compile(r"^[\[(]?(?:\d{1,2}[-.])?(?P<number>\d{1,3})[\])]?\.?$")
_YEAR = re.compile(r"^[\[(]?(?:19|20)\d\d[\])]? ?[-–—.]? ?| ?[\[(](?:19|20)\d\d[\])]$| [-–—] (?:19|20)\d\d$")
_TECHNICAL = re.compile(
    r"[\[({][^\[\](){}]*\b(?:flac|mp3|m4a|aac|ogg|opus|alac|lossless|320|256|192|v0|web|vinyl|cd\s?rip|24\s?bit|16\s?bit|\d+\s?k?hz|kbps)\b[^\[\](){}]*[\])}]",
    re.IGNORECASE,
)
_DISC = re.compile(r"^(?:cd|disc|disk|side)\s*[\dab]{1,2}\b", re.IGNORECASE)
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d[-._](?:0[1-9]|1[0-2])[-._](?:0[1-9]|[12]\d|3[01])(?!\d)")
_DAY_FIRST = re.compile(rf"^[\[(]?{_DAY.pattern}[\])]? ?")
_COMPILATION = re.compile(rf"\b(?:{OF_MANY})\b")
DEEP = 4
"""Folders above a file that are looked at."""
MAX_PATH = 1_000
"""Characters of a path; longer ones are cut at the front."""


class FolderReading(NamedTuple):
    """The folders above a file, the nearest one first, without those that say nothing."""

    names: tuple[str, ...]
    pieces: tuple[str, ...]
    """The same, split at dashes, and without years and what is said of the format."""
    joined: frozenset[str]
    """Each of them as one word, to see whether a piece of a file's name is one."""
    is_compilation: bool
    is_dated: bool
    """Whether the nearest one is of a day, as those of concerts are: "1992-08-30 - Reading"."""
    named: tuple[tuple[str, VersionWords], ...]
    """Pieces of the nearest folder, each as one word, with the versions it names: all its files are live, for one. A disc counts with
    the folder above it."""


class NameReading(NamedTuple):
    """The name of a file. `pieces`: as it is split at dashes, without its number. `number`: of the track, None without one."""

    pieces: tuple[str, ...]
    first: int
    """The first piece that may be the title: what stands before a number in the middle is not."""
    number: int | None
    numbered: str
    """The first piece with its number, should that belong to the title; empty where there is none."""
    is_scene: bool
    """Whether its words are held together by underscores, where the last piece is who made the file."""


def split(path: str) -> tuple[str, str]:
    """Folder and file name of a path with slashes or backslashes."""
    path = path[-MAX_PATH:].replace("\\", "/")
    folder, _, name = path.rpartition("/")
    return folder, name


def read_folder(folder: str) -> FolderReading:
    """Read the folders above a file."""
    return _read_folder(unshared(folder))


def unshared(folder: str) -> str:
    """Without the name of a peer's share, such as `@@abcde`."""
    return folder.partition("/")[2] if folder.startswith("@@") else folder


@lru_cache(maxsize=CACHED)
def _read_folder(folder: str) -> FolderReading:
    """Kept without the `@@abcde` that each peer's path begins with: many peers have the same folders."""
    levels = []
    for one in reversed(folder.split("/")):
        if (level := _read_level(one)) is not None:
            levels.append(level)
            if len(levels) == DEEP:
                break
    said = [word for level in levels for word in level.said]
    nearest = levels[: 2 if levels and levels[0].is_disc else 1]
    return FolderReading(
        tuple([level.name for level in levels]),
        tuple([piece for level in levels for piece in level.pieces]),
        frozenset([one for level in levels for one in level.joined]),
        bool(not OF_MANY_FIRST.isdisjoint(said) and _COMPILATION.search(" ".join(said))),
        any(_DAY.search(level.name) for level in nearest),
        tuple([one for level in nearest if versions.may_name(level.said) for one in _named_in(level.name)]),
    )


class _Level(NamedTuple):
    """One folder. `said`: its words; `joined`: its pieces, each as one word."""

    name: str
    said: Words
    pieces: tuple[str, ...]
    joined: tuple[str, ...]
    is_disc: bool
    """Whether it is one disc of an album, with a name of its own: "CD2 - Live in Tokyo"."""


@lru_cache(maxsize=CACHED)
def _read_level(one: str) -> _Level | None:
    """A folder by itself: the upper ones are those of many files."""
    plain = spaced(one)
    if len(plain) < 2 or plain.startswith("@@") or plain.endswith(":"):
        return None
    plain = plain.replace("_", " ") if " " not in plain else plain
    if disc := _DISC.match(plain):
        plain = plain[disc.end() :].lstrip(" -–—_.:,()[]").rstrip(")]") if plain[disc.end() :] else ""
    said = words(plain)
    if (
        len(plain) < 2
        or " ".join(said) in PLACES
        or (disc and all(word.isdigit() or versions.is_neutral((word,)) for word in said))
    ):
        return None
    bare = spaced(_without_technical(plain))
    found = [piece for piece in (_without_year(_without_day(part)).strip() for part in _dashed(bare)) if piece]
    pieces = found if found == [bare] else [*found, bare]
    whole = "".join(said)
    return _Level(
        plain, said, tuple(pieces), tuple([whole if one == plain else joined(one) for one in pieces]), bool(disc)
    )


@lru_cache(maxsize=CACHED)
def _named_in(name: str) -> tuple[tuple[str, VersionWords], ...]:
    """The versions that the pieces of a folder's name say."""
    nearest = [part for part in _dashed(_bare(name)) if part.strip()]
    named = [(joined(part), versions.named_in(words(part), loose=True)) for part in nearest]
    return tuple([(one, found) for one, found in named if found.kinds])


def _bare(name: str) -> str:
    return _without_year(spaced(_without_technical(name))).strip()


def _without_year(text: str) -> str:
    return _YEAR.sub(" ", text) if "19" in text or "20" in text else text


def _without_day(text: str) -> str:
    return _DAY_FIRST.sub("", text) if text[:3].strip("[(")[:2] in {"19", "20"} else text


def _dashed(text: str) -> list[str]:
    return _DASH.split(text) if "-" in text or "–" in text or "—" in text else [text]


def _without_technical(name: str) -> str:
    return _TECHNICAL.sub(" ", name).strip() if "[" in name or "(" in name or "{" in name else name


def read_name(name: str) -> NameReading:
    """Read the name of a file."""
    stem, scene = _stem(name)
    number, numbered, rest = None, "", stem
    found = _NUMBER.match(stem)
    if found is not None:
        number, rest = _number(found["number"]), stem[found.end() :]
        numbered = _split(stem, scene=scene)[0]
    pieces, first = _split(rest, scene=scene), 0
    if number is None:
        number, numbered, first = _take_number(pieces)
    return NameReading(tuple(pieces), first, number, numbered, scene)


def _stem(name: str) -> tuple[str, bool]:
    """A name without its ending and what it says of the format, and whether underscores hold its words together."""
    stem = _SUFFIX.sub("", spaced(name))
    scene = " " not in stem and ("_" in stem or "-" in stem)
    return spaced(_without_technical(stem.replace("_", " ") if scene else stem)), scene


def whole_pieces(name: str) -> list[str]:
    """The pieces of a name with all the numbers but that of the track: of a classical work they are its title."""
    stem, scene = _stem(name)
    found = _NUMBER.match(stem)
    return _split(stem[found.end() :] if found else stem, scene=scene)


def _take_number(pieces: list[str]) -> tuple[int | None, str, int]:
    """Take a track's number out of the middle of a name; returns also the piece that held it, and the first that may be the title."""
    for place, piece in enumerate(pieces[1:-1], 1):
        found = _ALONE.match(piece)
        if found is not None:  # "Artist - Album - 03 - Title"
            del pieces[place]
            return _number(found["number"]), "", place
    for place, piece in enumerate(pieces[1:], 1):
        found = _NUMBER.match(piece)
        if found is not None:  # "Artist - 03 Title"
            pieces[place] = piece[found.end() :]
            return _number(found["number"]), piece, place
    return None, "", 0


def _split(text: str, *, scene: bool) -> list[str]:
    found = _SCENE.split(text) if scene and not _is_spaced(text) else _dashed(text)
    return [piece.strip() for piece in found if piece.strip()] or [text]


def _is_spaced(text: str) -> bool:
    """Whether spaces stand around all dashes outside of brackets: then a hyphen is part of a name, "(feat. Anne-Marie)"."""
    return " - " in text and _HYPHEN.search(_BRACKET.sub("", text)) is None


def _number(text: str) -> int | None:
    digits = text.lstrip("abcdABCD")
    return int(digits) % 100 if digits.isdigit() and digits else None


@lru_cache(maxsize=1 << 10)
def constant_pieces(siblings: tuple[str, ...]) -> frozenset[str]:
    """The pieces that stand in the names of all files of a folder, each as one word: an artist, an album, who made it."""
    if len(siblings) < 3:
        return frozenset()
    rows = [{"".join(words(piece)) for piece in read_name(one).pieces} for one in siblings[:30]]
    return frozenset.intersection(*map(frozenset, rows))


def joined(piece: str) -> str:
    """A piece as one word."""
    return "".join(words(piece))
