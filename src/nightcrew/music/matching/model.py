"""What is compared, and what comes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


class OtherRecording(Exception):
    """A file cannot be it. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class WantedTrack:
    """A recording that somebody wants.

    `artists`: the main one first. `aliases`: other names of any of them. `seconds`: its length, None when it is not known.
    """

    title: str
    artists: tuple[str, ...]
    album: str = ""
    seconds: float | None = None
    number: int | None = None
    isrc: str = ""
    mbid: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileCandidate:
    """A file that may be it. `path` may use slashes or backslashes; `siblings` are names of other files in its folder."""

    path: str
    seconds: float | None = None
    isrc: str = ""
    mbid: str = ""
    siblings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchParts:
    """How much each part speaks for a file, from 0 to 1. None: nothing is known of it. An album or a number that is not
    known speaks neither for nor against; a length or an artist that is not known makes it less certain (`decision.ODDS_UNKNOWN`).

    `version`: how well the words agree that name a version. `evidence`: how much of the name of the file is explained.
    """

    title: float
    artist: float | None
    version: float
    album: float | None = None
    number: float | None = None
    length: float | None = None
    evidence: float = 1.0


@dataclass(frozen=True, slots=True)
class TrackMatch:
    """One file held against what is wanted. `refused`: why it cannot be it, empty when it may be."""

    index: int
    """Its place among the candidates."""
    parts: MatchParts | None
    score: float
    confidence: float
    """How likely it is the right one, calibrated."""
    refused: str = ""
    identified: bool = False
    """By an identifier alone."""
    seconds: float | None = None
    """Its length."""
    off: float | None = None
    """Seconds that it is longer than what is wanted."""


@dataclass(frozen=True, slots=True)
class MatchDecision:
    """What is done with all of them. `picked` is None when none is taken, `review` is True when a person should choose."""

    ranked: tuple[TrackMatch, ...]
    """Those that may be it, best first."""
    refused: tuple[TrackMatch, ...] = ()
    picked: TrackMatch | None = None
    review: bool = False
    reason: str = ""
    """One line that explains it."""
