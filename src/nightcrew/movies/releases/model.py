"""What is known of a release from its name, of the film that is wanted, and whether they are the same. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ReleaseKind(StrEnum):
    """What a release holds."""

    FILM = "film"
    EPISODE = "episode"
    PACK = "pack"
    EXTRA = "extra"
    OTHER = "other"


class ReleaseSource(StrEnum):
    """What a release was made from. Names of people's files say no more than this."""

    REMUX = "remux"
    DISC = "disc"
    BLURAY = "bluray"
    WEB_DL = "webdl"
    WEBRIP = "webrip"
    HDTV = "hdtv"
    DVD = "dvd"
    VHS = "vhs"
    SCREENER = "screener"
    TELECINE = "telecine"
    TELESYNC = "telesync"
    CAM = "cam"
    WORKPRINT = "workprint"
    UNKNOWN = "unknown"


FILMED = frozenset(
    {ReleaseSource.CAM, ReleaseSource.TELESYNC, ReleaseSource.TELECINE, ReleaseSource.WORKPRINT, ReleaseSource.SCREENER}
)
"""Sources that are there before a film can be had at home."""
HOME = frozenset(
    {
        ReleaseSource.REMUX,
        ReleaseSource.DISC,
        ReleaseSource.BLURAY,
        ReleaseSource.WEB_DL,
        ReleaseSource.WEBRIP,
        ReleaseSource.HDTV,
        ReleaseSource.DVD,
        ReleaseSource.VHS,
    }
)
"""Sources that are made from what is sold, streamed or sent."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the beginning of a name."""

    title: str
    year: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """What the beginning of a name says. `others`: further ways to read it, as "Blade Runner 2049" has no year.

    `why`: the words by which it is no film. `tail`: what stands behind title and year.
    """

    name: str
    title: str
    year: int | None
    others: tuple[Reading, ...] = ()
    kind: ReleaseKind = ReleaseKind.FILM
    why: str = ""
    season: int | None = None
    episodes: tuple[int, ...] = ()
    imdb_id: str = ""
    tail: str = ""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The likeliest first."""
        return (Reading(self.title, self.year), *self.others)


@dataclass(frozen=True, slots=True)
class Release:
    """What a name says. `resolution`: lines, 0 when it does not say. `languages`: ISO 639-1, as far as they are named."""

    head: Head
    resolution: int = 0
    source: ReleaseSource = ReleaseSource.UNKNOWN
    codec: str = ""
    audio: tuple[str, ...] = ()
    channels: str = ""
    hdr: tuple[str, ...] = ()
    bits: int = 0
    languages: tuple[str, ...] = ()
    is_multi: bool = False
    edition: str = ""
    group: str = ""
    service: str = ""
    proper: int = 0
    is_3d: bool = False
    is_hardcoded: bool = False
    is_dubbed: bool = False
    is_upscaled: bool = False
    is_internal: bool = False
    is_hybrid: bool = False

    @property
    def name(self) -> str:
        """As it was given."""
        return self.head.name

    @property
    def title(self) -> str:
        """The likeliest."""
        return self.head.title

    @property
    def year(self) -> int | None:
        """The likeliest."""
        return self.head.year

    @property
    def kind(self) -> ReleaseKind:
        """What it holds."""
        return self.head.kind

    @property
    def season(self) -> int | None:
        """Of an episode or of a season as a whole."""
        return self.head.season

    @property
    def episodes(self) -> tuple[int, ...]:
        """None for a season as a whole."""
        return self.head.episodes


@dataclass(frozen=True, slots=True)
class WantedFilm:
    """What is wanted. `titles`: all known ones, the usual one first. `released_at`: the first time it was shown to the public.

    `at_home_from`: from when it can be bought or streamed, None when not known. `language`: of the original, ISO 639-1.
    """

    titles: tuple[str, ...]
    year: int | None
    imdb_id: str = ""
    runtime_min: int | None = None
    released_at: date | None = None
    language: str = ""
    at_home_from: date | None = None


@dataclass(frozen=True, slots=True)
class FilmIdentity:
    """Whether a release is the film, and why or why not, as a sentence."""

    ok: bool
    reason: str
