"""The library layout: `<streamer>/Season YYYY-MM/<streamer> - SYYYYMMEnn - <title>.mp4`. Pure.

A recording of several films has ` - part1`, ` - part2`, … behind the title.
The parts of a recording lie beside it in `<stem>_segments/<stem>_part001.ts`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

MAX_BYTES = 255
"""Of UTF-8 in one component: the limit of ext4, XFS, ZFS and APFS; NTFS and SMB count UTF-16 units, which are never more.

Folders that are encrypted name by name take less: 143 bytes with eCryptfs, as on some NAS.
"""
LEAST_BYTES = 100
"""What no file system goes below: where one says so, it is not believed."""
SUFFIX_BYTES = 32
"""Room behind the stem: `-thumb.jpg.tmp-abcdefgh` takes 23 bytes, `_part0001.m4s.tmp-abcdefgh` 26,
` - part99-thumb.jpg.tmp-abcdefgh` 32."""
STREAMER_ROOM = 55
"""Bytes that a streamer's name leaves free: fixed, so that its folder never depends on an episode's number or title."""
SEGMENTS = "_segments"
SCRATCH = ".part"
"""Behind the name of a film while it is made."""
_SCRATCH = re.compile(r"(?: - part\d{1,3})?\.(?:mp4|mkv|ts)\.part")

_ZWJ = "\u200d"
_ZWNJ = "\u200c"
_ENDS = f" .{_ZWJ}{_ZWNJ}"
_FORBIDDEN = {ord(char): ord(char) + 0xFEE0 for char in '<>:"|?*\\/'}
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)


@dataclass(frozen=True, slots=True)
class SeasonFolder:
    """What the library says of a season's folder: the episodes that lie there, and how many bytes a name may have."""

    taken: tuple[int, ...] = ()
    longest: int = MAX_BYTES


@dataclass(frozen=True, slots=True)
class FilmNames:
    """Where the files of one film lie. `stem`: its name without the suffix."""

    folder: PurePosixPath
    stem: str
    suffix: str

    @property
    def file(self) -> PurePosixPath:
        """The film."""
        return self.folder / f"{self.stem}{self.suffix}"

    @property
    def scratch(self) -> PurePosixPath:
        """The film while it is made."""
        return self.folder / f"{self.stem}{self.suffix}{SCRATCH}"

    @property
    def nfo(self) -> PurePosixPath:
        """Its metadata, under the name that Kodi and Jellyfin look for."""
        return self.folder / f"{self.stem}.nfo"

    @property
    def thumbnail(self) -> PurePosixPath:
        """Its picture, under the name that Kodi and Jellyfin look for."""
        return self.folder / f"{self.stem}-thumb.jpg"


@dataclass(frozen=True, slots=True)
class Names:
    """Where the files of one recording lie, below the library's root. No component is longer than 255 bytes."""

    folder: PurePosixPath
    stem: str

    @property
    def segments(self) -> PurePosixPath:
        """The folder of its parts."""
        return self.folder / f"{self.stem}{SEGMENTS}"

    def part(self, number: int, suffix: str = ".ts") -> PurePosixPath:
        """One part; they are numbered from 1."""
        return self.segments / f"{self.stem}_part{number:03}{suffix}"

    def film(self, number: int, count: int, suffix: str) -> FilmNames:
        """One film of `count`, numbered from 1. Several are named as Plex and Jellyfin name the parts of one film."""
        stem = self.stem if count == 1 else f"{self.stem} - part{number}"
        return FilmNames(self.folder, stem, suffix)

    def of_file(self, name: str) -> FilmNames:
        """The film that has this name."""
        path = PurePosixPath(name)
        return FilmNames(self.folder, path.name.removesuffix(path.suffix), path.suffix)

    def is_scratch(self, name: str) -> bool:
        """Whether a file with this name is a film of this recording that is being made."""
        return _SCRATCH.fullmatch(name.removeprefix(self.stem)) is not None and name.startswith(self.stem)


def names(streamer: str, title: str, started_at: datetime, episode: int, longest: int = MAX_BYTES) -> Names:
    """The names of a recording. Year and month are those of `started_at` in its own time zone.

    What is too long loses the end of its title, then all of the title; a streamer's name is never longer than 200 bytes, less
    where the file system takes no names of 255 bytes. `longest`: bytes that it takes.
    """
    longest = min(max(longest, LEAST_BYTES), MAX_BYTES)
    who = _component(streamer, longest - STREAMER_ROOM)
    year, month = f"{started_at.year:04}", f"{started_at.month:02}"
    stem = f"{who} - S{year}{month}E{episode:02}"
    room = longest - SUFFIX_BYTES - _size(f"{stem} - ")
    if shown := _cut(_allowed(title), room):
        stem = f"{stem} - {shown}"
    return Names(PurePosixPath(who, f"Season {year}-{month}"), stem)


def next_episode(taken: Iterable[int]) -> int:
    """The number after the highest one that the streamer has in this month. A gap is not filled: players remember numbers."""
    return max(taken, default=0) + 1


def clean(text: str) -> str:
    """`text` as one path component that Linux, macOS, Windows and SMB shares take; never empty, hidden, or a device.

    Each of `<>:"|?*\\/` becomes its full-width look-alike (`?` is `？`); white space becomes single spaces. Characters that
    cannot be seen are dropped, besides those that join emoji and letters.
    """
    return _component(text, MAX_BYTES)


def _component(text: str, limit: int) -> str:
    name = _cut(_allowed(text), limit) or "_"
    # Windows opens the device for "nul.mp4" and "nul .mp4" as well.
    if name.partition(".")[0].rstrip().casefold() in _DEVICES:
        return _cut(f"_{name}", limit)
    return name


def _allowed(text: str) -> str:
    kept = "".join(" " if char.isspace() else char for char in text if char.isspace() or _visible(char))
    composed = unicodedata.normalize("NFC", kept).translate(_FORBIDDEN)
    return " ".join(composed.split()).strip(_ENDS)


def _visible(char: str) -> bool:
    """False for controls, bidirectional overrides, lone surrogates, noncharacters, and private ones.

    SMB clients store forbidden characters as private ones: read back, they would be separators again. A character that
    this Python's Unicode tables do not know is kept: it may be a new emoji.
    """
    kind, code = unicodedata.category(char), ord(char)
    if kind == "Cf":
        return (
            char in {_ZWJ, _ZWNJ} or 0xE0020 <= code <= 0xE007F
        )  # the tags spell the flags of England, Scotland, Wales
    return kind not in {"Cc", "Cs", "Co"} and code & 0xFFFE != 0xFFFE and not 0xFDD0 <= code <= 0xFDEF


# -- cutting -----------------------------------------------------------------------------------------------------------


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, ending before a combined character where it would be torn."""
    if _size(text) <= limit:
        return text
    most = len(text.encode()[: max(limit, 0)].decode(errors="ignore"))
    end = most
    while end and _torn(text, end):
        end -= 1
    return text[: end or most].rstrip(_ENDS)


def _torn(text: str, at: int) -> bool:
    """Whether the characters before and after `at` are shown as one."""
    char, last = text[at], text[at - 1]
    if last == _ZWJ or char in {_ZWJ, _ZWNJ} or unicodedata.category(char).startswith("M"):
        return True
    if "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":  # skin tones, tags
        return True
    return _regional(char) and _regionals_before(text, at) % 2 == 1


def _regional(char: str) -> bool:
    """Two of them are a flag."""
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _regionals_before(text: str, at: int) -> int:
    start = at
    while start and _regional(text[start - 1]):
        start -= 1
    return at - start


def _size(text: str) -> int:
    return len(text.encode())
