"""Makes a film of stretches. Nothing is encoded anew, and what a player has to be told is said once, at the beginning."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, TypeAlias

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from nightcrew.muxer.counting import Counting
from nightcrew.muxer.reading import opened
from nightcrew.muxer.timeline import Timeline
from nightcrew.muxer.wire import FilmOrder, FilmReport, Slot, Stretch

CLOSED = {"protocol_whitelist": "none"}
"""Whatever a stranger's bytes say, nothing is opened."""
PROBING = {"probesize": str(16 << 20), "analyzeduration": str(15_000_000)}
"""Bytes and microseconds in which libav looks for how each stream is set up: it comes somewhere in the stretch."""
OUTPUT = {"mp4": {"movflags": "+faststart"}, "matroska": {}, "mpegts": {}}
DEFAULT_LENGTH = {"video": 0.04, "audio": 0.02, "subtitle": 0.0}
"""Seconds that a packet lasts of which nothing is known."""


class Unfit(Exception):
    """A film that cannot be made of this, however often it is tried."""


HELD = 500
"""Packets in which the first one of each stream is looked for."""
Coming: TypeAlias = "tuple[Packet[Any], int]"
"""A packet, and its slot."""


def make(order: FilmOrder, told: Callable[[int], None]) -> FilmReport:
    """Write the film. `told`: called with the bytes that were read. Raises `Unfit`, OSError and av.FFmpegError."""
    with av.open(f"file:{order.output}", "w", format=order.container, options=OUTPUT[order.container]) as target:
        with contextlib.ExitStack() as templates:
            streams = [_stream(target, order, slot, templates) for slot in order.slots]
            target.metadata.update(order.metadata)
            target.set_chapters(
                [
                    {
                        "id": number,
                        "start": round(one.start * 1000),
                        "end": round(one.end * 1000),
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": one.title},
                    }
                    for number, one in enumerate(order.chapters)
                ]
            )
            target.start_encoding()
        film = FilmWriter(target, streams, order.slots)
        for stretch in order.stretches:
            for packet, slot in film.begun(packets(stretch, told), stretch):
                film.put(packet, slot)
        told(0)
    return FilmReport(tuple(one.report() for one in film.counts))


def _stream(target: OutputContainer, order: FilmOrder, slot: Slot, templates: contextlib.ExitStack) -> Stream:
    """A stream of the film, set up as it is where it comes first."""
    source = templates.enter_context(demuxer(order.stretches[slot.stretch]))
    template = by_id(source, order.stretches[slot.stretch].form).get(slot.id)
    if template is None or template.codec_context is None:
        raise Unfit(f"{slot.codec} cannot be found where it begins")
    try:
        stream = target.add_stream_from_template(template, opaque=True)
    except ValueError as exc:
        raise Unfit(f"{order.container} cannot hold {slot.codec}") from exc
    if slot.codec == "hevc" and order.container == "mp4":
        stream.codec_context.codec_tag = "hvc1"  # Apple's players take no other
    if slot.language:
        stream.metadata["language"] = slot.language
    return stream


@contextlib.contextmanager
def demuxer(stretch: Stretch, told: Callable[[int], None] = lambda _count: None) -> Iterator[InputContainer]:
    """libav, reading a stretch."""
    with opened(stretch, told) as file:
        options = PROBING | CLOSED
        with av.open(file, "r", format=stretch.form, options=options, metadata_errors="replace") as source:
            yield source


def by_id(source: InputContainer, form: str) -> dict[int, Stream]:
    """The streams of a container as its tables number them."""
    numbered = form in {"mpegts", "mov"}
    return {(one.id if numbered else one.index): one for one in source.streams}


def packets(stretch: Stretch, told: Callable[[int], None] = lambda _count: None) -> Iterator[Coming]:
    """The packets of a stretch, each with its slot."""
    with demuxer(stretch, told) as source:
        known = by_id(source, stretch.form)
        slots = {known[number].index: slot for number, slot in stretch.slots if number in known}
        if not slots:
            return
        for packet in source.demux([source.streams[index] for index in slots]):
            if packet.size:
                yield packet, slots[packet.stream.index]


class FilmWriter:
    """What is being written."""

    def __init__(self, target: OutputContainer, streams: list[Stream], slots: tuple[Slot, ...]) -> None:
        self.timeline = Timeline()
        self.counts = [Counting() for _ in slots]
        self._target, self._streams, self._slots = target, streams, slots
        self._decoded: list[int | None] = [None] * len(slots)
        """When the last packet of each stream is decoded, in its time base."""

    def begun(self, coming: Iterator[Coming], stretch: Stretch) -> Iterator[Coming]:
        """The packets of a stretch, once it is known where each of its streams begins."""
        wanted = {slot for _, slot in stretch.slots if self._slots[slot].kind != "subtitle"}
        held: list[Coming] = []
        firsts: dict[int, float] = {}
        for packet, slot in coming:
            held.append((packet, slot))
            at = packet.pts if packet.pts is not None else packet.dts
            if at is not None and slot in wanted:
                at_s = float(at * packet.time_base)
                firsts[slot] = min(at_s, firsts.get(slot, at_s))
            if firsts.keys() == wanted or len(held) >= HELD:
                break
        self.timeline.begin(firsts, stretch.gap)
        yield from held
        yield from coming

    def put(self, packet: Packet[Any], number: int) -> None:
        """Write a packet where it belongs. One that is torn is counted, and left out."""
        slot, count = self._slots[number], self.counts[number]
        scale = packet.time_base
        if not _whole(packet, slot.codec):
            count.torn += 1
            return
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            pts = self._following(number, scale)
        length = float((packet.duration or 0) * scale) or DEFAULT_LENGTH[slot.kind]
        shift = self.timeline.place(number, float(pts * scale), length, sparse=slot.kind == "subtitle")
        out = self._streams[number].time_base or scale
        at = round((float(pts * scale) + shift) / out)
        ahead = 0 if packet.dts is None else round((packet.dts - pts) * scale / out)
        packet.dts = self._in_order(number, at + ahead)
        packet.pts = max(at, packet.dts)
        packet.duration = round((packet.duration or 0) * scale / out)
        packet.time_base = out
        placed = float(packet.pts * out)
        packet.stream = self._streams[number]
        self._target.mux(packet)
        count.note(placed, length)

    def _following(self, number: int, scale: Fraction) -> int:
        """The time of a packet that has none, by its own clock: right behind the one before it."""
        shift = self.timeline.shifts[-1] if self.timeline.shifts else 0.0
        return round((self.timeline.after(number) - shift) / scale)

    def _in_order(self, number: int, dts: int) -> int:
        """Each one decoded later than the one before it."""
        before = self._decoded[number]
        self._decoded[number] = dts if before is None else max(dts, before + 1)
        return self._decoded[number] or 0


def _whole(packet: Packet[Any], codec: str) -> bool:
    """Whether a packet of AAC with a header has all that the header says. Others cannot be told."""
    if packet.is_corrupt and codec == "aac":
        return False
    if codec != "aac" or packet.size < 7:
        return True
    head = bytes(memoryview(packet)[:7])
    if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return True
    return ((head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5) == packet.size
