"""Album, length and number of a file held against what is wanted. Pure."""

from __future__ import annotations

from rapidfuzz.distance import Indel

from nightcrew.music.matching import titles
from nightcrew.music.matching.model import FileCandidate, OtherRecording
from nightcrew.music.matching.paths import FolderReading, NameReading
from nightcrew.music.matching.reading import WantedReading
from nightcrew.music.matching.words import Words, similarity, words

LENGTH_FULL, LENGTH_NONE, LENGTH_GATE = 3.0, 15.0, 30.0
"""Seconds that a length may be off: without a doubt, to be worth nothing, and at all."""


def number_of(wanted: WantedReading, read: NameReading) -> float | None:
    """Whether the track's number is the wanted one; None where one of them is not known."""
    if wanted.track.number is None or read.number is None:
        return None
    return 1.0 if wanted.track.number == read.number else 0.0


def is_wanted_album(wanted: WantedReading, folder: FolderReading) -> bool:
    """Whether a folder is surely that of the wanted album."""
    return bool(wanted.album.core) and album_of(wanted, folder, ()) == 1.0


def length_of(wanted: WantedReading, file: FileCandidate) -> float | None:
    """How well the lengths agree. Raises `OtherRecording`."""
    if wanted.track.seconds is None or file.seconds is None or file.seconds <= 0:
        return None
    off = abs(file.seconds - wanted.track.seconds)
    if off > LENGTH_GATE:
        raise OtherRecording(f"its length is off by {off:.0f} s")
    return min(1.0, max(0.0, 1 - (off - LENGTH_FULL) / (LENGTH_NONE - LENGTH_FULL)))


def album_of(wanted: WantedReading, folder: FolderReading, rest: tuple[str, ...]) -> float | None:
    """How well a folder, or one of the pieces of the name around the title, is the wanted album; None where nothing says."""
    if not wanted.album.core:
        return None
    if wanted.album_joined in folder.joined:
        return 1.0
    pieces = [*folder.pieces, *rest]
    if not pieces:
        return None
    near = [piece for piece in pieces if may_be_album(wanted, words(piece))]
    best = max([similarity(wanted.album.core, titles.read_title(piece).core) for piece in near], default=0.0)
    return best if best >= 0.5 else 0.0


def may_be_album(wanted: WantedReading, found: Words) -> bool:
    """A quick look whether a piece has anything of the album's title."""
    return not wanted.album_content.isdisjoint(found) or (
        Indel.normalized_similarity(wanted.album_joined, "".join(found), score_cutoff=0.6) > 0
    )
