"""What the files of a torrent are: the film, what comes along with it, and what has no place there. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from nightcrew.movies.releases.words import words
from nightcrew.movies.torrents import vocabulary
from nightcrew.movies.torrents.model import Metainfo, TorrentFile

MB = 1_000_000
MOST_OF_A_SAMPLE = 600 * MB
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Signs that turn the direction of a text: "gpj.exe" reads as "exe.jpg" with one."""
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
_VOLUME = re.compile(r"(?P<base>.+?)(?:\.part\d{1,4}\.rar|\.rar|\.[r-z]\d\d)$", re.IGNORECASE)
_DISC_FOLDERS = frozenset(("video_ts", "bdmv", "hvdvd_ts", "avchd", "certificate", "vcd", "mpegav", "mpeg2", "svcd"))
_OF_DISCS = frozenset(
    [
        "vob",
        "ifo",
        "bup",
        "bdmv",
        "mpls",
        "clpi",
        "m2ts",
        "mts",
        "cpi",
        "mpl",
        "ssif",
        "evo",
        "bdjo",
        "dat",
        "otf",
        "ttf",
        "crt",
    ]
)


class FileKind(StrEnum):
    """What a file is."""

    VIDEO = "video"
    DISC = "disc"
    EXTRA = "extra"
    SAMPLE = "sample"
    VOLUME = "volume"
    ARCHIVE = "archive"
    PROGRAM = "program"
    PAGE = "page"
    TEXT = "text"
    COMPANION = "companion"
    OTHER = "other"


_BY_ENDING = (
    (FileKind.VIDEO, vocabulary.VIDEOS | vocabulary.IMAGES),
    (FileKind.ARCHIVE, vocabulary.ARCHIVES),
    (FileKind.PAGE, vocabulary.PAGES),
    (FileKind.TEXT, vocabulary.TEXTS),
    (FileKind.COMPANION, vocabulary.SUBTITLES | vocabulary.SOUND | vocabulary.PICTURES | vocabulary.CHECKSUMS),
)


@dataclass(frozen=True, slots=True)
class ContentFile:
    """`ending`: in small letters, as the system that opens the file reads it. `stem`: the name without it."""

    file: TorrentFile
    kind: FileKind
    stem: str
    ending: str

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.size

    @property
    def folders(self) -> tuple[str, ...]:
        """Those it lies in."""
        return self.file.path[:-1]


@dataclass(frozen=True, slots=True)
class TorrentContents:
    """`film`: what can be the film: videos, discs or volumes. `mains`: those of it that are about as large as the largest."""

    items: tuple[ContentFile, ...]
    film: tuple[ContentFile, ...]
    mains: tuple[ContentFile, ...]

    def of(self, *kinds: FileKind) -> list[ContentFile]:
        """The items of some kinds."""
        return [item for item in self.items if item.kind in kinds]


def contents(torrent: Metainfo) -> TorrentContents:
    """Sorted by what they are. Pad files are in it where they are called like something else."""
    files = [file for file in torrent.files if not file.pad or _ending(seen(file.path[-1]))[1] in vocabulary.PROGRAMS]
    volumes = _scene_sets(files)
    items = tuple(_item(file, volumes) for file in files)
    film = tuple(item for item in items if item.kind in {FileKind.VIDEO, FileKind.DISC, FileKind.VOLUME})
    largest = max((item.size for item in film), default=0)
    return TorrentContents(items, film, tuple(item for item in film if item.size * 2 >= largest))


def seen(name: str) -> str:
    """A name as a system reads it: without signs that are not seen, in ordinary letters, without spaces and dots at its end."""
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", name)).rstrip(" .")


def shown(path: tuple[str, ...]) -> str:
    """For a sentence: what turns, or is not seen, is written out."""
    text = "/".join(path)
    text = text if len(text) <= 120 else f"…{text[-119:]}"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def is_disc(file: TorrentFile) -> bool:
    """Whether it is part of a disc that was copied as folders."""
    folders = {part.casefold() for part in file.path[:-1]}
    return bool(folders & _DISC_FOLDERS) and _ending(file.path[-1])[1] in _OF_DISCS


def _item(file: TorrentFile, volumes: frozenset[tuple[str, ...]]) -> ContentFile:
    stem, ending = _ending(seen(file.path[-1]))
    return ContentFile(file, _kind(file, stem, ending, volumes), stem, ending)


def _kind(file: TorrentFile, stem: str, ending: str, volumes: frozenset[tuple[str, ...]]) -> FileKind:
    if is_program(file, ending):
        return FileKind.PROGRAM
    if _base(file) in volumes:
        return FileKind.VOLUME
    if is_disc(file) or ending in {"vob", "ifo", "bup"}:
        return FileKind.DISC
    if _VOLUME.fullmatch(file.path[-1]):
        return FileKind.ARCHIVE
    found = next((kind for kind, endings in _BY_ENDING if ending in endings), FileKind.OTHER)
    return _of_video(file, stem) if found is FileKind.VIDEO else found


def is_program(file: TorrentFile, ending: str) -> bool:
    """By its ending, or as a part of a Mac's application. Discs of the BDMV kind have small programs in a folder of their own."""
    folders = [part.casefold() for part in file.path[:-1]]
    if ending in {"jar", "bdjo"} and "bdmv" in folders and folders[-1] in {"jar", "bdjo"}:
        return False
    return (
        ending in vocabulary.PROGRAMS
        or any(seen(part).endswith(".app") for part in folders)
        or stem_is(file, "autorun.inf")
    )


def stem_is(file: TorrentFile, name: str) -> bool:
    """Whether a file has this very name."""
    return seen(file.path[-1]).casefold() == name


def _of_video(file: TorrentFile, stem: str) -> FileKind:
    """A sample is small; the film may have the word in its title."""
    folders = {word for part in file.path[:-1] for word in words(part)}
    here = words(stem)
    if file.size < MOST_OF_A_SAMPLE and ({*here[:1], *here[-1:]} | folders) & vocabulary.SAMPLES:
        return FileKind.SAMPLE
    if len(file.path) > 1 and set(words(file.path[-2])) & vocabulary.EXTRAS:
        return FileKind.EXTRA
    return FileKind.VIDEO


def _ending(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, ending.strip().casefold()) if dot else (name, "")


def _base(file: TorrentFile) -> tuple[str, ...]:
    """Which set of volumes a file belongs to; empty where to none."""
    found = _VOLUME.fullmatch(file.path[-1])
    return (*file.path[:-1], found["base"].casefold()) if found else ()


def _scene_sets(files: list[TorrentFile]) -> frozenset[tuple[str, ...]]:
    """Sets of volumes as the scene makes them: three or more of one size, with the last one smaller, and a checksum or note with them."""
    sizes: dict[tuple[str, ...], list[int]] = {}
    endings = {_ending(file.path[-1])[1] for file in files}
    for file in files:
        if base := _base(file):
            sizes.setdefault(base, []).append(file.size)
    if not endings & {"sfv", "nfo"}:
        return frozenset()
    return frozenset(base for base, found in sizes.items() if len(found) >= 3 and _alike(found))


def _alike(sizes: list[int]) -> bool:
    size, many = Counter(sizes).most_common(1)[0]
    return many >= len(sizes) - 1 and max(sizes) == size
