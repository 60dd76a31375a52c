"""Makes a film of stretches. Nothing is encoded anew, and what a player has to be told is said once, at the beginning."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from nightcrew.muxer.reading import opened
from nightcrew.muxer.timeline import AHEAD, Timeline
from nightcrew.muxer.wire import FilmOrder, FilmReport, Slot, SlotReport, Stretch

CLOSED = {"protocol_whitelist": "none"}
"""Whatever a stranger's bytes say, nothing is opened."""
PROBING = {"probesize": str(16 << 20), "analyzeduration": str(15_000_000)}
"""Bytes and microseconds in which libav looks for how each stream is set up: it comes somewhere in the stretch."""
OUTPUT = {"mp4": {"movflags": "+faststart"}, "matroska": {}, "mpegts": {}}
DEFAULT_LENGTH = {"video": 0.04, "audio": 0.02, "subtitle": 0.0}
"""Seconds that a packet lasts of which nothing is known."""


HELD = 500
"""Packets in which the first one of each stream is looked for."""
Coming: TypeAlias = "tuple[Packet[Any], int]"
"""A packet, and its slot."""


class Unfit(Exception):
    """A film that cannot be made of this, however often it is tried."""


def make(order: FilmOrder, told: Callable[[int], None], closing: Callable[[], None]) -> FilmReport:
    """Write the film. `told`: called with the bytes that were read; `closing`: once there are no more.

    Raises `Unfit`, OSError and av.FFmpegError.
    """
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
        sounds = [Beside(film, stretches, order) for stretches in order.beside]
        for stretch in order.stretches:
            for packet, slot in film.begun(packets(stretch, told), stretch, sounds if order.first else ()):
                film.horizon = max(film.horizon, film.put(packet, slot))
                for sound in sounds:
                    sound.put_until(film.horizon)
        for sound in sounds:
            sound.put_rest()
        closing()
    return FilmReport(tuple(film.counts))


def _stream(target: OutputContainer, order: FilmOrder, slot: Slot, templates: contextlib.ExitStack) -> Stream:
    """A stream of the film, set up as it is where it comes first."""
    stretch = order.input(slot.input)[slot.stretch]
    template = by_id(templates.enter_context(demuxer(stretch)), stretch.form).get(slot.id)
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
                _move(packet, stretch.offset)
                yield packet, slots[packet.stream.index]


def _move(packet: Packet[Any], seconds: float) -> None:
    if seconds and packet.time_base:
        ticks = round(seconds / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks


class FilmWriter:
    """What is being written."""

    def __init__(self, target: OutputContainer, streams: list[Stream], slots: tuple[Slot, ...]) -> None:
        self.timeline = Timeline()
        self.horizon = 0.0
        """The end of what its own stretches gave so far."""
        self.counts = [SlotReport() for _ in slots]
        self._target, self._streams, self._slots = target, streams, slots
        self._decoded: list[int | None] = [None] * len(slots)
        """When the last packet of each stream is decoded, in its time base."""

    def begun(self, coming: Iterator[Coming], stretch: Stretch, sounds: Sequence[Beside]) -> Iterator[Coming]:
        """The packets of a stretch, once it is known where each of its streams begins.

        `sounds`: those beside it, which may begin before the picture.
        """
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
        if firsts and not self.timeline.shifts:
            earliest = min(firsts.values())
            known = {sound.slot: sound.at for sound in sounds if abs(sound.at - earliest) < AHEAD}
            firsts = known | firsts
        self.timeline.begin(firsts, stretch.gap)
        yield from held
        yield from coming

    def put(self, packet: Packet[Any], number: int) -> float:
        """Write a packet where it belongs; returns when it is over. One that is torn is counted, and left out."""
        slot, count = self._slots[number], self.counts[number]
        scale = packet.time_base
        if not _whole(packet, slot.codec):
            count.torn += 1
            return 0.0
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
        return placed + length

    def _following(self, number: int, scale: Fraction) -> int:
        """The time of a packet that has none, by its own clock: right behind the one before it."""
        shift = self.timeline.shifts[-1] if self.timeline.shifts else 0.0
        return round((self.timeline.after(number) - shift) / scale)

    def _in_order(self, number: int, dts: int) -> int:
        """Each one decoded later than the one before it."""
        before = self._decoded[number]
        self._decoded[number] = dts if before is None else max(dts, before + 1)
        return self._decoded[number] or 0


class Beside:
    """A sound that was recorded by itself: its packets go into a film where their clock says."""

    def __init__(self, film: FilmWriter, stretches: Sequence[Stretch], order: FilmOrder) -> None:
        self._film, self._first, self._last = film, order.first, order.last
        self._coming = itertools.chain.from_iterable(packets(one) for one in stretches)
        self._next: Coming | None = None
        self.slot, self.at = -1, math.inf
        """Where its next packet goes, and when that is shown, by its own clock."""
        self._take()

    def _take(self) -> None:
        self._next = next(self._coming, None)
        if self._next is None:
            self.at = math.inf
            return
        packet, self.slot = self._next
        ticks = packet.pts if packet.pts is not None else packet.dts
        scale = packet.time_base
        self.at = float(ticks * scale) if ticks is not None and scale is not None else self.at

    def put_until(self, horizon: float) -> None:
        """Write what is shown before that. What lies before the film's beginning is another film's."""
        while self._next is not None and self._film.timeline.shifts:
            shift = self._film.timeline.match(self.slot, self.at)
            if not self._first and self.at + (self._film.timeline.shifts[-1] if shift is None else shift) < 0:
                self._take()
                continue
            if shift is None or self.at + shift >= horizon:
                return
            self._write()

    def put_rest(self) -> None:
        """The film's own stretches are over: what is left is another film's, or the end of the last one."""
        while self._last and self._next is not None:
            self._write()

    def _write(self) -> None:
        if self._next is not None:
            self._film.put(*self._next)
            self._take()


def _whole(packet: Packet[Any], codec: str) -> bool:
    """Whether a packet of AAC with a header has all that the header says. Others cannot be told."""
    if codec != "aac" or packet.size < 7:
        return True
    head = bytes(memoryview(packet)[:7])
    if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return True
    return ((head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5) == packet.size
