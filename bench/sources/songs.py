"""Searches as a file-sharing network answers them, made from real tracks: the right file in several shapes among many wrong ones.

Made by rules that the matcher does not know: ten path templates, lengths that are missing, slips of the pen, versions, covers, folders
that are named for the title, other files of the same folder; a quarter of the searches hold no right file. Of the wanted tracks some have
no length, some no album, and some neither, as those of plain lists. Some searches are for artists whose names the server drops: what comes
back has the title in common, and is mostly of others.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from nightcrew.music.matching.model import FileCandidate, WantedTrack

DATA = Path(__file__).parents[3] / "shared" / "data" / "tracks.csv.gz"
SUFFIXES = ("mp3", "mp3", "mp3", "flac", "flac", "m4a", "ogg")
OTHERS = ("live", "remix", "acoustic", "karaoke", "instrumental", "demo", "cover", "edit", "extended", "sped", "slowed")
SAID = {
    "live": ["(Live)", "(Live at {place})", "- Live", "[live in {place}]", "(En Vivo)", "live"],
    "remix": ["({name} Remix)", "- {name} Remix", "[{name} Rmx]", "({name} Bootleg)", "(Remix)"],
    "acoustic": ["(Acoustic)", "- Acoustic Version", "(Acústico)", "acoustic"],
    "karaoke": ["(Karaoke Version)", "(In the Style of {artist})", "[Karaoke]"],
    "instrumental": ["(Instrumental)", "- Instrumental", "[instrumental version]"],
    "demo": ["(Demo)", "- Demo", "(Early Version)"],
    "cover": ["(Cover)", "(cover by {name})", "(Tribute)"],
    "edit": ["(Radio Edit)", "- Radio Edit", "(Single Edit)"],
    "extended": ["(Extended Mix)", "- Extended Version", "(12'' Version)"],
    "sped": ["(Sped Up)", "- Nightcore", "(sped up)"],
    "slowed": ["(Slowed + Reverb)", "(slowed)"],
}
NEUTRAL = [
    "(Remastered)",
    "(2011 Remaster)",
    "[Explicit]",
    "(Album Version)",
    "- Remastered 2009",
    "(Official Audio)",
    "",
]
SAME = (
    "original mix",
    "single version",
    "album version",
    "remaster",
    "vinyl",
    "lp version",
    "mono version",
    "stereo",
    "anniversary",
    "original version",
)
"""In a title, what makes no other recording of it."""
TOLD = ("remix", "edit", "live", "acoustic", "vivo", "acústic", "instrumental", "extended")
WRONG = (*["version"] * 3, *["cover"] * 2, "other", "longer", "folder", "tribute", "part", "nameless")
"""What else comes back for an artist and a title."""
DROPPED = ("version", *["cover"] * 6, "longer", "longer", "tribute", "nameless", "nameless")
"""The same where the server drops the artist's name."""
KNOWN = (*[(True, True)] * 7, (False, True), (True, False), (False, False))
"""Whether length and album of a wanted track are known."""
PLACES = ("Wembley", "Paris", "Montreux", "Tokyo", "Rock am Ring", "Madrid", "KEXP")


@dataclass(frozen=True, slots=True)
class Song:
    """A row of the data."""

    title: str
    artist: str
    album: str
    year: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Search:
    """What is wanted, the files that came back, and the places of those that are it."""

    wanted: WantedTrack
    files: tuple[FileCandidate, ...]
    right: frozenset[int]

    def plain(self) -> Search:
        """The same for a track of a plain list, of which only artist and title are known."""
        return replace(self, wanted=WantedTrack(self.wanted.title, self.wanted.artists))


def songs() -> list[Song]:
    """All tracks, each once."""
    found: dict[tuple[str, str], Song] = {}
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["track_name"] and row["track_artist"]:
                one = Song(
                    row["track_name"],
                    row["track_artist"],
                    row["track_album_name"],
                    row["track_album_release_date"][:4],
                    int(row["duration_ms"]) / 1000,
                )
                found.setdefault((one.title.casefold(), one.artist.casefold()), one)
    return list(found.values())


def is_tuning(artist: str) -> bool:
    """Whether an artist belongs to the half on which rules may be tuned."""
    return hashlib.sha256(artist.casefold().encode()).digest()[0] < 128


@dataclass(frozen=True, slots=True)
class Shape:
    """How somebody names the files of a folder: one of ten templates, and what is the same in all of them."""

    form: int
    year: str
    disc: int
    crew: str
    hits: str

    def place(self, artist: str, title: str, album: str, number: int) -> tuple[list[str], str]:
        """Folders and name of a file."""
        match self.form:
            case 0:
                return [artist, f"({self.year}) {album} [FLAC]"], f"{number:02d} - {title}"
            case 1:
                return [artist, album], f"{number:02d} {title}"
            case 2:
                return [f"{artist} - {album} ({self.year})"], f"{number:02d}. {title}"
            case 3:
                return ["Downloads"], f"{artist} - {title}"
            case 4:
                return [artist], f"{artist} - {album} - {number:02d} - {title}"
            case 5:
                name = f"{number:02d}-{artist}-{title}-{self.crew}".lower().replace(" ", "_")
                return [f"{artist}-{album}-WEB-{self.year}-GRP".replace(" ", "_")], name
            case 6:
                return [artist, f"{self.year} - {album}"], f"{self.disc}-{number:02d} {title}"
            case 7:
                return [f"VA - {self.hits} {self.year}"], f"{number:02d} - {artist} - {title}"
            case 8:
                return [artist[:1].upper(), artist, album], f"{artist} - {title}"
            case _:
                return [artist, album, f"CD{self.disc}"], f"{number:02d} - {artist} - {title}"


@dataclass
class Network:
    """Files that are shared, of the songs of one half."""

    songs: list[Song]
    seed: int

    def __post_init__(self) -> None:
        """Its own chance."""
        self.random = random.Random(self.seed)

    @cached_property
    def by_artist(self) -> dict[str, list[Song]]:
        """The songs of each."""
        found: dict[str, list[Song]] = {}
        for one in self.songs:
            found.setdefault(one.artist.casefold(), []).append(one)
        return found

    def searches(self, count: int) -> Iterator[Search]:
        """So many searches, each for another song."""
        for song in self.random.sample(self.songs, count):
            yield self.search(song)

    def search(self, song: Song) -> Search:
        """What comes back for one."""
        chance = self.random
        kinds = DROPPED if chance.random() < 0.12 else WRONG
        right = [] if chance.random() < 0.25 else [self.right(song) for _ in range(chance.randint(1, 4))]
        wrong = [self.wrong(song, chance.choice(kinds)) for _ in range(chance.randint(4, 16))]
        rows = [(one, True) for one in right] + [(one, False) for one in wrong if one is not None]
        chance.shuffle(rows)
        length, album = chance.choice(KNOWN)
        wanted = WantedTrack(
            song.title, (song.artist,), song.album if album else "", round(song.seconds, 3) if length else None
        )
        return Search(
            wanted, tuple(file for file, _ in rows), frozenset(at for at, (_, good) in enumerate(rows) if good)
        )

    # -- files -----------------------------------------------------------------------------------------------------

    def right(self, song: Song) -> FileCandidate:
        """The song, as somebody has named it."""
        title = song.title
        if self.random.random() < 0.2:
            title = f"{title} {self.random.choice(NEUTRAL)}".strip()
        if self.random.random() < 0.15:
            title = title.replace(" - ", " (", 1) + ")" if " - " in title and "(" not in title else title
        if self.random.random() < 0.1:
            title = self.slip(title)
        album = song.album if self.random.random() < 0.8 else self.random.choice(self.songs).album
        return self.file(song.artist, title, album, song, song.seconds + self.random.uniform(-2, 2))

    def wrong(self, song: Song, kind: str) -> FileCandidate | None:
        """Another recording that the search would find too."""
        chance = self.random
        other = chance.choice(self.songs)
        if kind == "version":
            return self.version(song)
        if kind == "cover":
            if other.artist.casefold() in song.artist.casefold() or song.artist.casefold() in other.artist.casefold():
                return None
            return self.file(other.artist, song.title, other.album, song, song.seconds + chance.uniform(-40, 40))
        own = [one for one in self.by_artist[song.artist.casefold()] if _bare(one.title) != _bare(song.title)]
        if kind == "other":
            another = chance.choice(own) if own else None
            if another is None:
                return None
            return self.file(another.artist, another.title, another.album, another, another.seconds)
        if kind == "longer":
            words = other.title.split()[:2]
            title = f"{song.title.split(' (')[0].split(' - ')[0]} {' '.join(words)}"
            return (
                None
                if not words
                else self.file(song.artist, title, song.album, song, song.seconds + chance.uniform(-60, 60))
            )
        if kind == "folder":
            title = other.title
            return (
                None
                if _bare(title) == _bare(song.title)
                else self.file(song.artist, title, song.title, song, other.seconds)
            )
        if kind == "tribute":
            album = f"A Tribute to {song.artist}"
            return self.path(
                ["Various Artists", album],
                f"{chance.randint(1, 20):02d} - {other.artist} - {song.title}",
                song.seconds + 8,
            )
        if kind == "part":
            if any(char.isdigit() for char in song.title):
                return None
            title = f"{song.title} {chance.choice(['Pt. 2', 'Part II', '2', 'Vol. 3', '(Part 2)'])}"
            return self.file(song.artist, title, song.album, song, song.seconds + chance.uniform(-60, 60))
        return self.path(
            [chance.choice(["VA - Top 100", "Various Artists - Hits", "Now 45"])],
            f"{chance.randint(1, 99):02d} {song.title}",
            0,
        )

    def version(self, song: Song) -> FileCandidate | None:
        """Another version of it."""
        chance = self.random
        kind = chance.choice(OTHERS)
        lower = song.title.casefold()
        if any(word in lower for word in (kind, "mix", "edit", "version", "live", "acoustic", "vivo", "acústic")):
            title = song.title.split(" - ")[0].split(" (")[0]  # the song without its version
            if title == song.title or any(word in lower for word in SAME) or not any(word in lower for word in TOLD):
                return None
            return self.file(
                song.artist, title, f"Album {chance.randrange(1000)}", song, song.seconds + chance.uniform(12, 90)
            )
        said = chance.choice(SAID[kind])
        name = chance.choice(self.songs).artist
        words = said.format(place=chance.choice(PLACES), name=name, artist=song.artist)
        off = chance.choice([0, chance.uniform(-60, 60), chance.uniform(-60, 60)])
        if kind == "live" and chance.random() < 0.3:
            album = f"Live at {chance.choice(PLACES)}"
            found = self.file(song.artist, song.title, album, song, song.seconds + off)
            return (
                found
                if album.replace(" ", "").lower() in found.path.replace(" ", "").replace("_", "").lower()
                else None
            )
        return self.file(song.artist, f"{song.title} {words}", song.album, song, song.seconds + off)

    def file(self, artist: str, title: str, album: str, song: Song, seconds: float) -> FileCandidate:
        """A file with a path of one of ten templates, some of them with others of their folder."""
        chance = self.random
        one = artist if chance.random() < 0.93 else self.slip(artist)
        shape = Shape(
            chance.randrange(10),
            song.year,
            chance.randint(1, 2),
            chance.choice(["grp", "cms", "jce"]),
            chance.choice(["Summer Hits", "Club Sounds", "Love Songs"]),
        )
        number = chance.randint(1, 18)
        folders, name = shape.place(one, title, album, number)
        beside: list[str] = []
        if shape.form != 3 and chance.random() < 0.4:
            others = chance.sample(self.songs, chance.randint(2, 8))
            beside = [
                shape.place(other.artist if shape.form == 7 else one, other.title, album, at)[1]
                for at, other in enumerate(others, 1 + number % 9)
            ]
        return self.path(folders, name, seconds, beside)

    def path(self, folders: list[str], name: str, seconds: float, beside: list[str] | None = None) -> FileCandidate:
        """A file below somebody's share. `beside`: names of other files of its folder."""
        chance = self.random
        share = f"@@{chance.randrange(1 << 24):06x}"
        suffix = chance.choice(SUFFIXES)
        parts = [
            share,
            chance.choice(["Music", "mp3", "Shared\\Music", "FLAC"]),
            *folders,
            f"{name}.{suffix}",
        ]
        known = seconds > 0 and chance.random() > 0.3
        siblings = tuple(_shared(f"{one}.{suffix}") for one in [name, *beside]) if beside else ()
        return FileCandidate("\\".join(map(_shared, parts)), round(seconds) if known else None, siblings=siblings)

    def slip(self, text: str) -> str:
        """With a letter too many, too few or two in the wrong order."""
        places = [at for at in range(1, len(text) - 1) if text[at - 1 : at + 2].isalpha()]
        if not places:
            return text
        at = self.random.choice(places)
        match self.random.randrange(3):
            case 0:
                return text[:at] + text[at + 1 :]
            case 1:
                return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            case _:
                return text[:at] + text[at] + text[at:]


def _shared(part: str) -> str:
    return part.replace("/", "_").replace(":", "_").replace("?", "").replace('"', "'")


def _bare(title: str) -> str:
    title = title.casefold().replace("in'", "ing")
    return "".join(char for char in title.casefold().split(" (")[0].split(" - ")[0] if char.isalnum())
