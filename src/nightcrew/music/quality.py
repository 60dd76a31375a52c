"""Which files are good enough, and which of two is better: one order for searching, upgrades and review. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LOSSLESS = frozenset({"flac", "alac", "wav", "aiff", "aif", "ape", "wv"})
LOSSY = frozenset({"mp3", "ogg", "oga", "opus", "m4a", "aac", "wma", "mpc"})
AUDIO = LOSSLESS | LOSSY
"""Endings of the names of files with music."""
RANKS = ("flac", "alac", "wav", "aiff", "aif", "wv", "ape", "opus", "m4a", "ogg", "oga", "aac", "mp3", "mpc", "wma")
"""Formats, best first, unless a person prefers others."""
CLOSE = 20
"""Confidences that differ by less than 1/20 count as equal: then quality decides."""
FIT_LOSSY = (0.7, 1.5)
"""How far size ÷ length may be from the bitrate that a peer claims."""
LEAST_LOSSLESS = 200.0
"""kbit/s: what a lossless file of a silent solo voice still has."""


@dataclass(frozen=True, slots=True)
class QualityRules:
    """`min_bitrate` in kbit/s, for what is not lossless; `formats`: those that are taken, best first, empty: all."""

    min_bitrate: int = 192
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileQuality:
    """What decides between files. `bitrate` in kbit/s, `speed` in bytes a second."""

    format: str
    size: int
    seconds: float | None
    bitrate: int | None
    free_slot: bool
    queue: int
    speed: int


def format_of(path: str) -> str:
    """The ending of a file's name in lower case, empty for one without."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def refused(file: FileQuality, rules: QualityRules) -> str:
    """Why a file is not good enough; empty when it is."""
    if file.format not in AUDIO:
        return f"it is no music file (.{file.format})" if file.format else "it is no music file"
    if rules.formats and file.format not in rules.formats:
        return f"its format is {file.format}"
    real = file.size * 8 / file.seconds / 1000 if file.seconds else None
    if file.format in LOSSLESS:
        if real is not None and real < LEAST_LOSSLESS:
            return f"it has {real:.0f} kbit/s, too little for a lossless file of this length"
        return ""
    claimed = file.bitrate
    if claimed and real is not None and not FIT_LOSSY[0] * claimed <= real <= FIT_LOSSY[1] * claimed + 32:
        return f"its size fits {real:.0f} kbit/s, and {claimed} are claimed"
    known = claimed or real
    if known is not None and known < rules.min_bitrate:
        return f"it has {known:.0f} kbit/s"
    return ""


def rank(confidence: float, file: FileQuality, rules: QualityRules) -> tuple[float, ...]:
    """What files are ordered by, the best first: match, format, bitrate, free slot, queue length, speed."""
    order: Sequence[str] = rules.formats or RANKS
    place = order.index(file.format) if file.format in order else len(order)
    bitrate = 0 if file.format in LOSSLESS else -(file.bitrate or 0)
    return (-round(confidence * CLOSE), place, bitrate, not file.free_slot, file.queue, -file.speed, -confidence)
