"""Whether a film's bytes fit its length and what its name claims. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nightcrew.movies.torrents.contents import MB, ContentFile, FileKind, TorrentContents
from nightcrew.movies.torrents.vocabulary import IMAGES

LEAST = {2160: 8.0, 1080: 3.0, 720: 1.7, 480: 0.8, 0: 0.5}
"""MB a minute, by lines: about half of what the smallest encodes in circulation have."""
MOST = {2160: 1200.0, 1080: 700.0, 720: 300.0, 480: 150.0, 0: 1200.0}
"""MB a minute: discs end at 128 Mbit/s (960 MB), 54 (405), and 10 (75); studio formats have more."""
LEAST_REMUX = {2160: 100.0, 1080: 25.0}
"""Where a name promises the disc's own pictures."""
LEAST_FILM = 1 * MB
"""Bytes of a film whose length is not known."""
CLAIMED = 1.3
"""By what factor a claimed size may be off: "GB" and "GiB" are taken for each other, and extras are left out."""
_LINES = (
    (2160, re.compile(r"\b(?:2160[pi]|4k|uhd)\b")),
    (1080, re.compile(r"\b(?:1080[pi]|fhd|1920x1080)\b")),
    (720, re.compile(r"\b(?:720[pi]|1280x720)\b")),
    (480, re.compile(r"\b(?:480[pi]|576[pi]|dvdrip|xvid|divx|vhsrip|pdtv|dsr)\b")),
)
_REMUX = re.compile(r"\b(?:bd)?remux\b")
_PART = re.compile(r"(?:cd|dvd|disc|disk|part|pt|teil|partie)[ ._-]?\d{1,2}\b|\b\d of \d\b", re.IGNORECASE)


def lines(names: Iterable[str]) -> int:
    """The resolution that names claim, 0 when they do not. The highest counts."""
    text = " ".join(names).casefold().replace("_", " ")
    return next((found for found, pattern in _LINES if pattern.search(text)), 0)


def film_size(held: TorrentContents) -> int:
    """Bytes of the film: the largest file, or all parts, volumes and files of a disc together."""
    largest = max(held.mains, key=lambda item: item.size)
    if largest.kind in {FileKind.DISC, FileKind.VOLUME}:
        return sum(item.size for item in held.film if item.kind is largest.kind)
    return sum(item.size for item in held.film) if is_parts(held.mains) else largest.size


def is_parts(mains: tuple[ContentFile, ...]) -> bool:
    """Whether the files are parts of one film: "CD1" and "CD2"."""
    return len(mains) > 1 and all(_PART.search(item.stem) or any(map(_PART.fullmatch, item.folders)) for item in mains)


def least(names: Iterable[str], runtime_min: int | None) -> float:
    """Bytes that a film has at least."""
    names = list(names)
    claimed = lines(names)
    rate = LEAST[claimed]
    if claimed in LEAST_REMUX and _REMUX.search(" ".join(names).casefold()):
        rate = LEAST_REMUX[claimed]
    return rate * MB * runtime_min if runtime_min else LEAST_FILM


def most(names: Iterable[str], runtime_min: int) -> float:
    """Bytes that one video has at most."""
    return MOST[lines(names)] * MB * runtime_min


def has_most(item: ContentFile) -> bool:
    """Whether an item is one video, and no disc with whatever else is on it."""
    return item.kind is FileKind.VIDEO and item.ending not in IMAGES


def is_as_claimed(held: TorrentContents, size: int, claimed: int) -> bool:
    """Whether a claim is about the size of all, or of the film alone."""
    sizes = [size, film_size(held)] if held.mains else [size]
    return any(claimed / CLAIMED <= one <= claimed * CLAIMED for one in sizes)
