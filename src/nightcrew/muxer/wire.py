"""What a muxer is told, and what it says: one JSON object a line. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nightcrew.transport.elementary import Kind, Table

Form = Literal["mpegts", "mov", "aac", "mp3", "ac3", "eac3"]
"""How bytes are read: FFmpeg's name of the container."""
Container = Literal["mp4", "matroska", "mpegts"]
"""What is written: FFmpeg's name of the container."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes of a file, from `begin` to `end`."""

    path: str
    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Seam:
    """Where one stretch of a transport stream goes over into the next in the middle of packets.

    What is left of a packet in the next stretch belongs to this one; pictures belong to it up to the next one in `keys` that
    needs no other. `keys`: the PIDs of pictures that go on.
    """

    ranges: tuple[ByteRange, ...]
    keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes that are read as one: the same streams from beginning to end. `slots`: which of the film's each stream is, by its id.

    `gap`: seconds that are missing before it. `lead`: the PIDs of pictures that begin before it, None where it begins anew.
    `offset`: seconds of the source's clock at which its first packet is shown, where the bytes do not say so themselves.
    """

    form: Form
    ranges: tuple[ByteRange, ...]
    slots: tuple[tuple[int, int], ...]
    gap: float = 0.0
    lead: tuple[int, ...] | None = None
    tail: Seam | None = None
    offset: float = 0.0

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(one.size for one in self.ranges)


@dataclass(frozen=True, slots=True)
class Slot:
    """A stream of a film. It is set up as stream `id` of the stretch number `stretch` of an input: 0 is the film's own, the
    others are the sounds beside it."""

    kind: Kind
    codec: str
    config: str
    language: str
    stretch: int
    id: int
    input: int = 0


@dataclass(frozen=True, slots=True)
class Chapter:
    """From `start` to `end`, in seconds."""

    start: float
    end: float
    title: str


@dataclass(frozen=True, slots=True)
class FilmOrder:
    """A film to make. `beside`: sounds that were recorded by themselves, on the same clock.

    `first`, `last`: of those that are made of one recording; what lies before a film, or behind it, is another one's.
    """

    output: str
    container: Container
    slots: tuple[Slot, ...]
    stretches: tuple[Stretch, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[Chapter, ...] = ()
    beside: tuple[tuple[Stretch, ...], ...] = ()
    first: bool = True
    last: bool = True

    def input(self, number: int) -> tuple[Stretch, ...]:
        """The stretches of an input."""
        return self.stretches if number == 0 else self.beside[number - 1]


@dataclass(slots=True)
class SlotReport:
    """What of a stream was written, or is in a film: counted packet by packet.

    `first` and `last`: when its first and its last packet are shown, in seconds of the film; None where there is nothing. `end`:
    when it is over. `packets`: those that are whole; `torn`: those that were not; `decoded`: pictures, frames of sound or subtitles
    that a decoder gave, None when there is no decoder for it.
    """

    packets: int = 0
    torn: int = 0
    first: float | None = None
    last: float | None = None
    end: float = 0.0
    decoded: int | None = None

    def note(self, at: float, length: float) -> None:
        """A packet that is shown at `at` for `length` seconds."""
        self.packets += 1
        self.first = at if self.first is None or at < self.first else self.first
        self.last = at if self.last is None or at > self.last else self.last
        self.end = max(self.end, at + length)


@dataclass(frozen=True, slots=True)
class FilmReport:
    """What became of an order."""

    slots: tuple[SlotReport, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return max((slot.end for slot in self.slots), default=0.0)


@dataclass(frozen=True, slots=True)
class CheckOrder:
    """A film to read from end to end, every packet decoded."""

    path: str
    container: Container


@dataclass(frozen=True, slots=True)
class SourceOrder:
    """Stretches of which all is to be decoded as they are, to see what a decoder makes of them. `slots`: how many there are."""

    stretches: tuple[Stretch, ...]
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class LookOrder:
    """Bytes of which is to be said what streams they hold."""

    form: Form
    ranges: tuple[ByteRange, ...]


MuxerOrder = FilmOrder | CheckOrder | SourceOrder | LookOrder
_ORDERS: dict[str, type[MuxerOrder]] = {
    "film": FilmOrder,
    "check": CheckOrder,
    "source": SourceOrder,
    "look": LookOrder,
}
_NAMES = {kind: name for name, kind in _ORDERS.items()}


def order_line(order: MuxerOrder) -> bytes:
    """An order as a line."""
    return json.dumps([_NAMES[type(order)], asdict(order)]).encode() + b"\n"


def order_of(line: bytes) -> MuxerOrder:
    """Raises `ValueError` for what is none."""
    name, body = json.loads(line)
    if name == "check":
        return CheckOrder(**body)
    if name == "look":
        return LookOrder(body["form"], _ranges(body["ranges"]))
    slots = tuple(Slot(**slot) for slot in body.pop("slots"))
    stretches = tuple(_stretch(one) for one in body.pop("stretches"))
    if name == "source":
        return SourceOrder(stretches, slots)
    chapters = tuple(Chapter(**one) for one in body.pop("chapters"))
    beside = tuple(tuple(_stretch(one) for one in sound) for sound in body.pop("beside"))
    return FilmOrder(slots=slots, stretches=stretches, chapters=chapters, beside=beside, **body)


def _stretch(body: dict[str, Any]) -> Stretch:
    seam = body["tail"]
    return Stretch(
        body["form"],
        _ranges(body["ranges"]),
        tuple((number, slot) for number, slot in body["slots"]),
        body["gap"],
        None if body["lead"] is None else tuple(body["lead"]),
        None if seam is None else Seam(_ranges(seam["ranges"]), tuple(seam["keys"])),
        body["offset"],
    )


def _ranges(found: Sequence[dict[str, Any]]) -> tuple[ByteRange, ...]:
    return tuple(ByteRange(**one) for one in found)


def progress_line(done: int) -> bytes:
    """Bytes that were read so far."""
    return json.dumps({"done": done}).encode() + b"\n"


def closing_line() -> bytes:
    """All bytes were read: what is left is the index, which may take long and says nothing."""
    return json.dumps({"closing": True}).encode() + b"\n"


def report_line(report: FilmReport) -> bytes:
    """The end, when all is well."""
    return json.dumps({"report": [asdict(slot) for slot in report.slots]}).encode() + b"\n"


def table_line(table: Table) -> bytes:
    """The end of a look."""
    return json.dumps({"table": [one.line() for one in table]}).encode() + b"\n"


def failure_line(said: str, *, passing: bool) -> bytes:
    """The end, when it cannot be done; `passing`: it may work the next time."""
    return json.dumps({"failed": said, "passing": passing}).encode() + b"\n"


def report_of(found: Sequence[Mapping[str, Any]]) -> FilmReport:
    """What a report's line says."""
    return FilmReport(tuple(SlotReport(**slot) for slot in found))
