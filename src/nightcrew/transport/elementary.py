"""The elementary streams of a recording: each picture, sound and subtitle, with its codec and how that is set up.

Codecs have FFmpeg's names. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

Kind = Literal["video", "audio", "subtitle"]
_KINDS = frozenset(get_args(Kind))
MAX_STREAMS = 64
"""Streams of one table that are followed; more are no television."""


@dataclass(frozen=True, slots=True)
class ElementaryStream:
    """One stream, as it is from some place on.

    `id`: packet identifier or track. `config`: for people and to compare, such as "1280x720" or "48000 Hz, 2 channels"; empty
    as long as nothing has come. `language`: ISO 639-2, or empty.
    """

    id: int
    kind: Kind
    codec: str
    config: str = ""
    language: str = ""

    def line(self) -> list[Any]:
        """As it stands in a ledger."""
        return [self.id, self.kind, self.codec, self.config, self.language]


Table = tuple[ElementaryStream, ...]
"""All streams at one place, in the order of their table."""


def table_of(lines: object) -> Table:
    """What a ledger says of the streams. Raises `ValueError` for what is no table."""
    if not isinstance(lines, list) or len(lines) > MAX_STREAMS:
        raise ValueError("no table of streams")
    return tuple(_stream_of(line) for line in lines)


def _stream_of(line: object) -> ElementaryStream:
    if not isinstance(line, list) or len(line) != 5 or line[1] not in _KINDS:
        raise ValueError("no stream of a table")
    number, kind, *words = line
    if not isinstance(number, int) or not all(isinstance(word, str) for word in words):
        raise ValueError("no stream of a table")
    return ElementaryStream(number, cast("Kind", kind), *words)


@dataclass(slots=True)
class Count:
    """What came of one stream: packets, and when the first was to be shown and the last one ended, in seconds of its clock."""

    packets: int = 0
    first: float | None = None
    last: float | None = None

    def line(self) -> list[Any]:
        """As it stands in a ledger."""
        return [self.packets, *(None if at is None else round(at, 3) for at in (self.first, self.last))]


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a piece holds. `changes`: the table from an offset in it on, where it is another one than before."""

    counts: dict[int, Count]
    changes: tuple[tuple[int, Table], ...] = ()
    pictures: int | None = None
    """Of the first video; None where they cannot be counted, 0 where there is none."""
