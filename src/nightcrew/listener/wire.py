"""What a listener is told and what it answers: JSON, one object in a line.

It is told `{"hear": path}`, `{"tags": [path, …]}` or `{"print": path, "program": fpcalc}`, and answers one line for each file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """What a file turned out to be. Seconds; `bitrate` in kbit/s; `cutoff` in Hz.

    `declared`: the length that it says; `decoded`: the length of what a decoder made of it; `broken`: packets that it could make
    nothing of. `cutoff`: where the spectrum of a lossless file ends as lossy encoders end it; None: it does not, or it was not
    looked for. `failed`: it cannot be opened, and why. `cut`: it ends in the middle of what its container keeps together.
    `sound`: bytes of its packets of sound; `channels`: how many it has.
    """

    container: str = ""
    codec: str = ""
    declared: float | None = None
    decoded: float = 0.0
    broken: int = 0
    bitrate: int | None = None
    rate: int = 0
    cutoff: float | None = None
    tags: dict[str, str] = field(default_factory=dict)
    failed: str = ""
    cut: bool = False
    channels: int = 0
    sound: int = 0

    @property
    def bitrate_of_sound(self) -> float | None:
        """kbit/s of the sound alone, without pictures and tags; None where there is none."""
        return self.sound * 8 / self.decoded / 1000 if self.sound and self.decoded > 0 else None


@dataclass(frozen=True, slots=True)
class TagsRead:
    """The tags of a file. `failed`: they cannot be read, and why."""

    path: str
    title: str = ""
    artist: str = ""
    album: str = ""
    albumartist: str = ""
    number: int | None = None
    seconds: float | None = None
    bitrate: int | None = None
    isrc: str = ""
    mbid: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Printed:
    """The fingerprint of a file's sound: 32-bit words, as Chromaprint makes them. `failed`: there is none, and why."""

    words: list[int] = field(default_factory=list)
    failed: str = ""


def hear_line(path: str) -> bytes:
    """Decode this file."""
    return _line({"hear": path})


def tags_line(paths: list[str]) -> bytes:
    """Read the tags of these files."""
    return _line({"tags": paths})


def print_line(path: str, program: str) -> bytes:
    """Have this program make the fingerprint of this file."""
    return _line({"print": path, "program": program})


def answer_line(answer: Heard | TagsRead | Printed) -> bytes:
    """As the listener answers."""
    return _line(asdict(answer))


def heard_of(line: bytes) -> Heard:
    """Raises ValueError."""
    return Heard(**_known(line, Heard))


def tags_of(line: bytes) -> TagsRead:
    """Raises ValueError."""
    return TagsRead(**_known(line, TagsRead))


def printed_of(line: bytes) -> Printed:
    """Raises ValueError."""
    return Printed(**_known(line, Printed))


def _known(line: bytes, kind: type[Heard | TagsRead | Printed]) -> dict[str, Any]:
    said = json.loads(line)
    if not isinstance(said, dict):
        raise ValueError("a listener says an object")  # noqa: TRY004 - it is the value that is wrong
    return {one.name: said[one.name] for one in fields(kind) if one.name in said}


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"
