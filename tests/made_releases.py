"""Films that belong to everybody, and releases of them as people name and pack them: the parts of good and of poisoned torrents.

There are two worlds, with other films, names, groups and habits. Rules are made with the first in view; the second shows what
they are worth.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nightcrew.movies.torrents.inspection import Expected
from nightcrew.movies.torrents.model import Metainfo, TorrentFile

MB = 1_000_000
Files = dict[str, int]
Film = tuple[tuple[str, ...], int, int]
"""Titles, year, minutes."""

SEEN: tuple[Film, ...] = (
    (("Nosferatu", "Nosferatu, eine Symphonie des Grauens"), 1922, 94),
    (("Metropolis",), 1927, 153),
    (("The General",), 1926, 79),
    (("The Cabinet of Dr. Caligari", "Das Cabinet des Dr. Caligari"), 1920, 76),
    (("Night of the Living Dead",), 1968, 96),
    (("A Trip to the Moon", "Le Voyage dans la Lune"), 1902, 13),
    (("The Kid",), 1921, 68),
    (("Battleship Potemkin", "Броненосец Потёмкин"), 1925, 75),
    (("His Girl Friday",), 1940, 92),
    (("Plan 9 from Outer Space",), 1957, 79),
    (("The Bat",), 1959, 80),
    (("Big Buck Bunny",), 2008, 10),
    (("Sita Sings the Blues",), 2008, 82),
    (("Safety Last!",), 1923, 74),
    (("It",), 1927, 72),
    (("The Mark of Zorro",), 1920, 79),
    (("Un Chien Andalou",), 1929, 21),
    (("Intolerance", "Intolerance: Love's Struggle Throughout the Ages"), 1916, 197),
)
UNSEEN: tuple[Film, ...] = (
    (("Häxan", "Witchcraft Through the Ages"), 1922, 106),
    (("Sherlock Jr.",), 1924, 45),
    (("Man with a Movie Camera", "Человек с киноаппаратом"), 1929, 68),
    (("Faust", "Faust: Eine deutsche Volkssage"), 1926, 107),
    (("The Phantom of the Opera",), 1925, 93),
    (("Charade",), 1963, 113),
    (("House on Haunted Hill",), 1959, 75),
    (("Carnival of Souls",), 1962, 78),
    (("Detour",), 1945, 68),
    (("D.O.A.",), 1950, 83),
    (("Sintel",), 2010, 15),
    (("Tears of Steel",), 2012, 12),
    (("The Golem: How He Came into the World", "Der Golem, wie er in die Welt kam"), 1920, 91),
    (("The Great Train Robbery",), 1903, 12),
    (("The Passion of Joan of Arc", "La Passion de Jeanne d'Arc"), 1928, 82),
    (("3 Bad Men",), 1926, 92),
    (("20,000 Leagues Under the Sea",), 1916, 105),
    (("Wings",), 1927, 144),
    (("The Man Who Knew Too Much",), 1934, 75),
    (("Seven Chances",), 1925, 56),
    (("The Last Man on Earth",), 1964, 86),
)
SHOWS: dict[bool, tuple[Film, ...]] = {
    True: ((("The Beverly Hillbillies",), 1962, 25), (("Flash Gordon",), 1936, 20)),
    False: ((("One Step Beyond",), 1959, 26), (("Radar Men from the Moon",), 1952, 14), (("Dragnet",), 1951, 27)),
}
GROUPS = {True: ("OLDiES", "SiLENT", "PDX", "ARCHiVE"), False: ("NiTRATE", "FLiCKER", "REELS", "TiNTED", "lantern")}
TAGS = {
    True: {
        2160: ("2160p.UHD.BluRay.x265.HDR", "2160p.WEB-DL.DDP2.0.H.265"),
        1080: ("1080p.BluRay.x264", "1080p.WEB-DL.AAC2.0.H.264", "1080p.BluRay.REMUX.AVC.FLAC.1.0"),
        720: ("720p.BluRay.x264", "720p.HDTV.x264"),
        480: ("DVDRip.XviD", "480p.x264"),
        0: ("", "DVD"),
    },
    False: {
        2160: ("4K.Restored.2160p.BluRay.REMUX.HEVC.DTS-HD.MA", "2160p.AV1.Opus"),
        1080: (
            "RESTORED.1080p.BluRay.FLAC.x264",
            "MULTi.1080p.WEB.H264",
            "1080p.BDRip.10bit.HEVC",
            "Criterion.1080p.x265.AC3",
        ),
        720: ("720p.WEBRip.AAC", "GERMAN.720p.BluRay.x264", "iNTERNAL.720p.BDRip.h264"),
        480: ("576p.DVDRip.x265", "VHSRip.DivX", "PROPER.DVDRip.x264"),
        0: ("", "Colorized", "TVRip", "Silent Classic"),
    },
}
RATES = {2160: (20, 700), 1080: (6, 250), 720: (3, 90), 480: (2, 20), 0: (1.5, 60)}
"""MB a minute of good ones."""


@dataclass(frozen=True)
class Made:
    """A torrent and what is expected of it. `label`: how it was made."""

    torrent: Metainfo
    expected: Expected
    label: str


@dataclass(frozen=True)
class Release:
    """What files are made from."""

    rng: random.Random
    is_seen: bool
    film: Film
    lines: int
    tags: str
    title: str

    @property
    def year(self) -> int:
        return self.film[1]

    @property
    def minutes(self) -> int:
        return self.film[2]

    @property
    def name(self) -> str:
        """As the scene and its friends write it."""
        group = self.rng.choice(GROUPS[self.is_seen])
        title = self.title.replace("!", "").replace(",", "").replace(":", "").replace("'", "")
        parts = [title, str(self.year), self.tags]
        return ".".join(".".join(filter(None, parts)).split()).replace("..", ".") + f"-{group}"

    @property
    def words(self) -> str:
        """As people write it."""
        tags = self.tags.replace(".", " ")
        forms = ["{title} ({year})", "{title} ({year}) [{tags}]", "{title} {year} {tags}", "{title} ({year}) {tags}"]
        if not self.is_seen:
            forms += [
                "[{group}] {title} ({tags})",
                "{year} - {title} [{tags}]",
                "{title}",
                "{title}_{year}_{tags}",
                "{title} [{year}] {group}",
            ]
        form = self.rng.choice(forms)
        return " ".join(
            form.format(title=self.title, year=self.year, tags=tags, group="Flicker")
            .replace("[]", "")
            .replace("()", "")
            .split()
        )

    def size(self, share: float = 1.0) -> int:
        """Of the film, as bytes."""
        low, high = (45, 250) if "REMUX" in self.tags and self.lines == 1080 else RATES[self.lines]
        if "REMUX" in self.tags and self.lines == 2160:
            low = 150
        return int(self.minutes * MB * low * (high / low) ** self.rng.random() * share * self.rng.uniform(0.98, 1.02))


def release(rng: random.Random, *, is_seen: bool, films: Sequence[Film] = ()) -> Release:
    """A film in some quality."""
    film = rng.choice(films or (SEEN if is_seen else UNSEEN))
    lines = rng.choice((2160, 1080, 1080, 1080, 720, 720, 480, 0))
    title = film[0][0] if rng.random() < 0.8 else rng.choice(film[0])
    return Release(rng, is_seen, film, lines, rng.choice(TAGS[is_seen][lines]), title)


def expected(made: Release, size: int) -> Expected:
    """What the catalogue and the indexer say. Sizes are rounded, or taken for another unit; runtimes are off by some minutes."""
    rng = made.rng
    minutes = max(1, made.minutes + rng.choice((0, 0, 0, -3, 2, 7))) if rng.random() < 0.95 else None
    claimed = rng.choice((size, round(size / MB) * MB, int(size * 1.07), int(size / 1.07), None, 0))
    return Expected(made.film[0], made.year, minutes, claimed, rng.choice((None, "ab" * 20)))


def torrent(name: str, files: Files, *, single: bool = False, padded: bool = False) -> Metainfo:
    """With sizes that differ a little, as those of real files do. `padded`: zeros between the files."""
    listed = [TorrentFile(tuple(path.split("/")), size) for path, size in files.items()]
    if padded:
        listed = [one for file in listed for one in (file, TorrentFile((".pad", "7777"), 7777, pad=True))]
    return Metainfo(name=name, files=tuple(listed), hash_v1="ab" * 20, piece_length=1 << 20, single=single)


def finished(made: Release, name: str, files: Files, label: str, **options: bool) -> Made:
    """A good torrent."""
    found = torrent(
        name, files, padded=not made.is_seen and made.rng.random() < 0.1 and not options.get("single"), **options
    )
    return Made(found, expected(made, found.size), label)


def claiming(made: Made, factor: float) -> Made:
    """The same, with another claim of its size."""
    return replace(made, expected=replace(made.expected, claimed_size=int(made.torrent.size * factor)))


Maker = Callable[[Release], Made]
