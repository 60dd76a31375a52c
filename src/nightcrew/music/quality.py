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
ALAC_FROM = 450.0
"""kbit/s from which a file that ends in .m4a is taken for a lossless one."""
LOSSY_CODECS = {"mp3": "mp3", "aac": "aac", "vorbis": "ogg", "opus": "opus", "wmav2": "wma", "wmav1": "wma"}
"""Formats by what libav calls the codecs of some containers that usually are lossless."""
GAIN = 1.25
"""How many times the bit rate a lossy file has to have to take the place of another one of its format."""
NEARLY = 0.9
"""What a file with a varying bit rate may have of the one that it goes by."""
LEAST_LOSSLESS = 200.0
"""kbit/s: what a lossless file of a silent solo voice still has."""


@dataclass(frozen=True, slots=True)
class QualityRules:
    """`min_bitrate` in kbit/s, for what is not lossless; `formats`: those that are taken, best first, empty: all."""

    min_bitrate: int = 192
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpgradeGoal:
    """When a file of the library is good enough, so that no better one is looked for.

    `formats`: any of these, empty: every lossless one; `bitrate`: kbit/s from which a lossy file is, 0: none is.
    """

    formats: tuple[str, ...] = ()
    bitrate: int = 0


@dataclass(frozen=True, slots=True)
class HeldQuality:
    """What is known of a file that is there. `bitrate`: kbit/s by its size and its length, None where that is not known."""

    format: str
    bitrate: float | None

    @property
    def shown(self) -> str:
        """Such as "MP3, 192 kbit/s"."""
        lossy = self.format not in LOSSLESS and self.bitrate
        return f"{self.format.upper()}, {self.bitrate:.0f} kbit/s" if lossy else self.format.upper()


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


def held(path: str, size: int, seconds: float | None) -> HeldQuality:
    """What a file is by its name, its bytes and its length: a guess, as pictures count too, and .m4a may be lossless."""
    bitrate = size * 8 / seconds / 1000 if seconds else None
    name = format_of(path)
    return HeldQuality("alac" if name == "m4a" and bitrate and bitrate >= ALAC_FROM else name, bitrate)


def heard(codec: str, path: str, bitrate: float | None) -> HeldQuality:
    """What a file is by its sound. `codec`: as libav calls it; `bitrate`: of the sound alone."""
    name = format_of(path)
    if codec == "alac":
        name = "alac"
    elif name in LOSSLESS and codec in LOSSY_CODECS:
        name = LOSSY_CODECS[codec]
    return HeldQuality(name, bitrate)


def offered(file: FileQuality) -> HeldQuality:
    """What a file would be, by what its peer says."""
    real = file.size * 8 / file.seconds / 1000 if file.seconds else None
    return HeldQuality(file.format, real or file.bitrate)


def is_enough(one: HeldQuality, goal: UpgradeGoal) -> bool:
    """Whether no better file is looked for."""
    if one.format in (goal.formats or LOSSLESS):
        return True
    return bool(goal.bitrate and one.bitrate and one.bitrate >= goal.bitrate * NEARLY)


def improves(new: HeldQuality, old: HeldQuality, rules: QualityRules) -> bool:
    """Whether a file is better than the one that is there, by the order that all files have, and worse in nothing.

    Lossless is better than lossy, and no lossless one than another. Of two lossy ones the better format has to have the same bit rate
    at least, and the same format a good deal more.
    """
    place, before = _place(new.format, rules), _place(old.format, rules)
    if place > before:
        return False
    if (new.format in LOSSLESS) != (old.format in LOSSLESS):
        return new.format in LOSSLESS
    if new.format in LOSSLESS or not new.bitrate or not old.bitrate:
        return False
    return new.bitrate >= old.bitrate * (1.0 if place < before else GAIN)


def _place(name: str, rules: QualityRules) -> int:
    order: Sequence[str] = rules.formats or RANKS
    return order.index(name) if name in order else len(order)


def rank(confidence: float, file: FileQuality, rules: QualityRules) -> tuple[float, ...]:
    """What files are ordered by, the best first: match, format, bitrate, free slot, queue length, speed."""
    place = _place(file.format, rules)
    bitrate = 0 if file.format in LOSSLESS else -(file.bitrate or 0)
    return (-round(confidence * CLOSE), place, bitrate, not file.free_slot, file.queue, -file.speed, -confidence)
