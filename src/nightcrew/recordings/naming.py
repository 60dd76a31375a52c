"""The library layout: `<streamer>/Season YYYY-MM/<streamer> - SYYYYMMEnn - <title>.mp4`. Pure.

A recording of several films has ` - part1`, ` - part2`, … behind the title.
The parts of a recording lie beside it in `<stem>_segments/<stem>_part001.ts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from nightcrew.kernel import path_names

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


@dataclass(frozen=True, slots=True)
class SeasonFolder:
    """What the library says of a season's folder: the episodes that lie there, and how many bytes a name may have."""

    taken: tuple[int, ...] = ()
    longest: int = path_names.MAX_BYTES


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


def names(streamer: str, title: str, started_at: datetime, episode: int, longest: int = path_names.MAX_BYTES) -> Names:
    """The names of a recording. Year and month are those of `started_at` in its own time zone.

    What is too long loses the end of its title, then all of the title; a streamer's name is never longer than 200 bytes, less
    where the file system takes no names of 255 bytes. `longest`: bytes that it takes.
    """
    longest = min(max(longest, LEAST_BYTES), path_names.MAX_BYTES)
    who = path_names.component(streamer, longest - STREAMER_ROOM)
    year, month = f"{started_at.year:04}", f"{started_at.month:02}"
    stem = f"{who} - S{year}{month}E{episode:02}"
    room = longest - SUFFIX_BYTES - path_names.size(f"{stem} - ")
    if shown := path_names.cut(path_names.allowed(title), room):
        stem = f"{stem} - {shown}"
    return Names(PurePosixPath(who, f"Season {year}-{month}"), stem)


def next_episode(taken: Iterable[int]) -> int:
    """The number after the highest one that the streamer has in this month. A gap is not filled: players remember numbers."""
    return max(taken, default=0) + 1
