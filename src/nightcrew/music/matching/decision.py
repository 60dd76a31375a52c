"""Which file is taken, if any: the best one, unless too little speaks for it or another recording is as good. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nightcrew.music.matching import judge, reading
from nightcrew.music.matching.model import (
    FileCandidate,
    MatchDecision,
    MatchParts,
    OtherRecording,
    TrackMatch,
    WantedTrack,
)

THRESHOLD = 0.65
"""The confidence from which a file is taken."""
MARGIN = 0.05
"""How much more certain it has to be than the best one of another recording."""
APART = 8.0
"""Seconds by which two lengths are those of two recordings."""

WEIGHTS = {
    "title": 0.36,
    "artist": 0.24,
    "version": 0.08,
    "album": 0.08,
    "number": 0.04,
    "length": 0.16,
    "evidence": 0.04,
}
"""How much each part counts for the score."""
UNKNOWN = {"artist": 0.55, "album": 0.7, "number": 0.8, "length": 0.7}
"""What a part counts of which nothing is known."""
CERTAIN = 5.6
"""Log-odds that a file of which every part speaks fully, but for its album, is the right one."""
ODDS = {"title": -8.6, "artist": -3.0, "version": -11.0, "length": -11.8, "evidence": -6.0}
"""What the log-odds lose for a part that speaks not at all. Fitted on the tuning half of bench/songs.py, wrong files three times as
heavy, and rounded; that of the artist, whose names seldom differ a little, is set by hand."""
ODDS_UNKNOWN = {"artist": -5.2, "length": -1.0}
"""What they lose when nothing is known of it."""
SUREST = 0.99
"""As certain as names can make it."""
ODDS_ALBUM = 0.6
"""What they gain for the album that is wanted."""


def decide(wanted: WantedTrack, files: Sequence[FileCandidate], *, threshold: float = THRESHOLD) -> MatchDecision:
    """Rank files by how likely each is the wanted recording, and pick one."""
    read = reading.read_wanted(wanted)
    found = [match_one(read, file, index) for index, file in enumerate(files)]
    ranked = sorted((one for one in found if not one.refused), key=lambda one: (-one.confidence, -one.score, one.index))
    refused = tuple(one for one in found if one.refused)
    if not ranked:
        return MatchDecision(
            (), refused, reason=f"none of {len(files)} files can be it" if files else "there are no files"
        )
    best = ranked[0]
    rival = next((one for one in ranked[1:] if _other_recording(best, one)), None)
    said = explain(best) + _runner_up(best, rival, refused)
    if best.confidence < threshold:
        return MatchDecision(tuple(ranked), refused, reason=f"none is certain enough: {said}")
    if rival is not None and not best.identified and best.confidence - rival.confidence < MARGIN:
        return MatchDecision(tuple(ranked), refused, review=True, reason=f"two recordings are equally likely: {said}")
    return MatchDecision(tuple(ranked), refused, picked=best, reason=said)


NEAR = (
    "it is another",
    "it is not the version",
    "its title has other numbers",
    "it is in another key",
    "its length",
    "its title has more",
)
"""How the refusals begin of files that are almost it, the nearest first."""


def _runner_up(best: TrackMatch, rival: TrackMatch | None, refused: Sequence[TrackMatch]) -> str:
    """What the best file of another recording is, or the best one that cannot be it, and why."""
    if rival is not None and best.seconds is not None and rival.seconds is not None:
        off = rival.seconds - best.seconds
        return f"; runner-up {rival.confidence:.2f} ({abs(off):.0f} s {'longer' if off > 0 else 'shorter'})"
    for near in NEAR:
        for one in refused:
            if one.refused.startswith(near):
                return f"; runner-up refused: {one.refused}"
    return ""


def match_one(wanted: reading.WantedReading, file: FileCandidate, index: int = 0) -> TrackMatch:
    """Hold one file against what is wanted."""
    track = wanted.track
    length = file.seconds
    off = None if track.seconds is None or length is None else length - track.seconds
    same = (track.isrc and _code(track.isrc) == _code(file.isrc)) or (
        track.mbid and track.mbid.lower() == file.mbid.lower()
    )
    try:
        parts = judge.hold_against(wanted, file)
    except OtherRecording as exc:
        if not same:
            return TrackMatch(index, None, 0.0, 0.0, str(exc), seconds=length, off=off)
        parts = None
    if same:
        return TrackMatch(index, parts, 1.0, 1.0, identified=True, seconds=length, off=off)
    score = score_of(parts)
    return TrackMatch(index, parts, score, confidence_of(parts), seconds=length, off=off)


def _code(isrc: str) -> str:
    return isrc.replace("-", "").upper()


def score_of(parts: MatchParts | None) -> float:
    """The weighted sum of all parts, from 0 to 1."""
    if parts is None:
        return 0.0
    total = 0.0
    for name, weight in WEIGHTS.items():
        value = getattr(parts, name)
        total += weight * (UNKNOWN[name] if value is None else value)
    return total


def confidence_of(parts: MatchParts | None) -> float:
    """How likely a file with these parts is the right one."""
    if parts is None:
        return 0.0
    odds = CERTAIN
    for name, loss in ODDS.items():
        value = getattr(parts, name)
        odds += ODDS_UNKNOWN[name] if value is None else loss * (1 - value)
    if parts.album is not None and parts.album >= 0.8:
        odds += ODDS_ALBUM
    return min(SUREST, 1 / (1 + math.exp(-odds)))


def _other_recording(one: TrackMatch, other: TrackMatch) -> bool:
    """Whether two files that may both be it are those of two recordings."""
    return one.seconds is not None and other.seconds is not None and abs(one.seconds - other.seconds) > APART


def explain(match: TrackMatch) -> str:
    """A decision as one line: "0.93: title 1.00, artist 1.00, length +1 s, album differs"."""
    if match.refused:
        return match.refused
    if match.identified:
        return f"{match.confidence:.2f}: the same identifier"
    parts = match.parts
    if parts is None:
        return f"{match.confidence:.2f}"
    said = [f"title {parts.title:.2f}", "artist unknown" if parts.artist is None else f"artist {parts.artist:.2f}"]
    if match.off is not None:
        said.append(f"length {match.off:+.0f} s")
    if parts.version < 1:
        said.append("version uncertain")
    if parts.album is not None:
        said.append("album fits" if parts.album >= 0.8 else "album differs")
    if parts.number is not None:
        said.append("number fits" if parts.number else "number differs")
    return f"{match.confidence:.2f}: {', '.join(said)}"
