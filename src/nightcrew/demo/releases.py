"""Releases of any film, made from its title and year: good ones, and those that nobody should take. Pure.

The same film has the same releases, hashes and seeds everywhere and always, so that indexers, trackers and peers of one world agree.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from . import torrents
from .torrents import Defect

Flaw = Literal["", "cam", "executable", "other_film", "remake", "password", "wrong_hash", "damaged"]
"""Why a release should not be taken. `other_film`, `remake`: it is what it says, but of another film; `executable`: a small file, and
a program beside it; `wrong_hash`: the file is of another torrent than was promised, and the magnet is right."""
HOUR = 3600
FIRST = 1_600_000_000
"""Seconds since 1970 at which no release is older."""
_TORRENT: dict[str, Defect] = {
    "executable": "executable",
    "password": "password",
    "wrong_hash": "wrong_hash",
    "damaged": "damaged",
}


@dataclass(frozen=True)
class ShelfFilm:
    """A film that the world knows by its id."""

    title: str
    year: int
    imdb: str
    minutes: int = 95


FILMS = (
    ShelfFilm("Nosferatu", 1922, "tt0013442", 94),
    ShelfFilm("The General", 1926, "tt0017925", 78),
    ShelfFilm("His Girl Friday", 1940, "tt0032599", 92),
    ShelfFilm("House on Haunted Hill", 1959, "tt0051744", 75),
    ShelfFilm("Carnival of Souls", 1962, "tt0055830", 78),
    ShelfFilm("Charade", 1963, "tt0056923", 113),
    ShelfFilm("Night of the Living Dead", 1968, "tt0063350", 96),
    ShelfFilm("Big Buck Bunny", 2008, "tt1254207", 10),
    ShelfFilm("Sita Sings the Blues", 2008, "tt1172203", 82),
    ShelfFilm("Sintel", 2010, "tt1727587", 15),
)
"""In the public domain in the USA, or under free licences."""


@dataclass(frozen=True)
class DemoRelease:
    """What an indexer offers. `number`: its place among the releases of the film that was asked for; `size`: what is claimed, bytes."""

    name: str
    title: str
    year: int
    number: int
    flaw: Flaw
    size: int
    seeds: int
    leechers: int
    published: int
    """Seconds since 1970."""
    imdb: str = ""
    quality: str = ""
    source: str = ""
    codec: str = ""
    files: tuple[tuple[str, int | bytes], ...] = field(default=(), repr=False)

    @property
    def hash(self) -> str:
        """That is promised, 40 hex digits: of the torrent whose content this name stands for."""
        return _hash(self.name, self.files, _promised(self.flaw))

    def torrent(self, trackers: Sequence[str] = ()) -> bytes:
        """The .torrent file that is served."""
        return torrents.make(self.name, dict(self.files), trackers=trackers, defect=_TORRENT.get(self.flaw))

    def whole(self) -> bytes:
        """The torrent whose hash is promised, as its swarm has it."""
        return torrents.make(self.name, dict(self.files), defect=_promised(self.flaw))

    def magnet(self, trackers: Sequence[str] = ()) -> str:
        """A magnet of the hash that is promised."""
        return torrents.magnet_of(self.whole(), trackers=trackers)


def _promised(flaw: Flaw) -> Defect | None:
    return None if flaw in {"wrong_hash", "damaged"} else _TORRENT.get(flaw)


@lru_cache(maxsize=20_000)
def _hash(name: str, files: tuple[tuple[str, int | bytes], ...], defect: Defect | None) -> str:
    return torrents.hash_of(torrents.make(name, dict(files), defect=defect))


def words(title: str) -> str:
    """A title as searches and names of releases have it: words alone."""
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"['’`´]", "", title).replace("&", " and ")))


@lru_cache(maxsize=2_000)
def releases_of(title: str, year: int, imdb: str = "", minutes: int = 0) -> tuple[DemoRelease, ...]:
    """All releases that a search for a film finds. `minutes` 0: a usual length."""
    plain = words(title)
    digest = hashlib.sha256(f"{plain.casefold()} {year}".encode()).digest()
    minutes = minutes or 85 + digest[0] % 40
    small = max(1, digest[1])
    again = year + 24 + digest[2] % 12
    rows: list[tuple[str, int, Flaw, str, str, str, float, int]] = [
        # title, year, flaw, quality, source, codec, MB a minute, seeds
        (plain, year, "", "2160p", "WEB-DL", "x265", 90, 40 + small),
        (plain, year, "", "1080p", "BluRay", "x264", 60, 90 + small),
        (plain, year, "", "1080p", "WEBRip", "x265", 25, 60 + small),
        (plain, year, "", "720p", "BluRay", "x264", 16, 20 + small // 2),
        (plain, year, "cam", "", "HDCAM", "x264", 12, 400 + small),
        (plain, year, "executable", "1080p", "WEB-DL", "x264", 7, 900 + small),
        (f"Return of {plain}", year + 1, "other_film", "1080p", "BluRay", "x264", 55, 70 + small),
        (plain, again, "remake", "1080p", "WEB-DL", "x264", 45, 150 + small),
        (plain, year, "password", "1080p", "BluRay", "x265", 30, 300 + small),
        (plain, year, "wrong_hash", "1080p", "BluRay", "x265", 35, 30 + small // 3),
        (plain, year, "damaged", "720p", "WEBRip", "x264", 14, 5 + small // 20),
    ]
    found = []
    for number, (name, when, flaw, quality, source, codec, rate, seeds) in enumerate(rows):
        own = hashlib.sha256(digest + bytes([number])).digest()
        written = ".".join(part for part in (*name.split(), str(when), quality, source, codec) if part)
        written += f"-{('DEMO', 'HARBOUR', 'LANTERN', 'TIDE')[own[0] % 4]}"
        size = int(minutes * rate * 1_000_000)
        files: list[tuple[str, int | bytes]] = [
            (f"{written}.mkv", size),
            (f"{written}.nfo", b"Made for the demo.\n" * 20),
        ]
        found.append(
            DemoRelease(
                written,
                name,
                when,
                number,
                flaw,
                size,
                seeds,
                leechers=own[1] % 50,
                published=FIRST + int.from_bytes(own[2:5], "big") * 10,
                imdb=imdb if flaw not in {"other_film", "remake"} else "",
                quality=quality,
                source=source,
                codec=codec,
                files=tuple(files),
            )
        )
    return tuple(found)


class ReleaseShelf:
    """The films that the world knows by id, and each release that somebody has asked for, by its hash."""

    def __init__(self, films: Sequence[ShelfFilm] = FILMS) -> None:
        self.films = {film.imdb: film for film in films}
        self.by_hash: dict[str, DemoRelease] = {}
        self.origins: dict[str, ShelfFilm] = {}
        """Which film was asked for when a hash was offered."""

    def add(self, film: ShelfFilm) -> None:
        """Know one more film."""
        self.films[film.imdb] = film

    def find(self, title: str, year: int) -> tuple[DemoRelease, ...]:
        """The releases of a film by its title. One that is known has its own length and id."""
        plain = words(title).casefold()
        known = next(
            (one for one in self.films.values() if words(one.title).casefold() == plain and one.year == year), None
        )
        return self.of(known or ShelfFilm(title, year, "", 0))

    def of(self, film: ShelfFilm) -> tuple[DemoRelease, ...]:
        """The releases of a film, which can be found by hash from now on. It takes some time when it is asked first."""
        found = releases_of(film.title, film.year, film.imdb, film.minutes)
        self.by_hash |= {one.hash: one for one in found}
        self.origins |= dict.fromkeys((one.hash for one in found), film)
        return found

    def shared(self, v1: str) -> bytes | None:
        """The torrent of a hash that was offered, as those who share it have it."""
        release = self.by_hash.get(v1)
        return None if release is None else release.whole()

    def numbers(self, one: bytes) -> tuple[int, int, int] | None:
        """Seeds, leechers and how many have fetched it, of a hash (20 bytes) that was offered; None for any other."""
        release = self.by_hash.get(one.hex())
        return None if release is None else (release.seeds, release.leechers, release.seeds * 31)
