"""Reads a film, or what it was made of, from end to end: every packet of every stream goes through its decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import av
from av.codec import CodecContext
from av.packet import Packet
from av.stream import Stream

from nightcrew.muxer.joining import by_id, demuxer, packets
from nightcrew.muxer.wire import CheckOrder, FilmReport, LookOrder, SlotReport, SourceOrder, Stretch
from nightcrew.recorder import parameters
from nightcrew.transport.elementary import ElementaryStream, Kind, Table

SHOWN = frozenset({"video", "audio", "subtitle"})
THREADS = 2
"""Of a decoder of pictures: a recording is checked beside what else goes on."""


def _note(count: SlotReport, packet: Packet[Any]) -> None:
    at = packet.pts if packet.pts is not None else packet.dts
    if at is None or packet.time_base is None:
        count.packets += 1
    else:
        count.note(float(at * packet.time_base), float((packet.duration or 0) * packet.time_base))


def _decode(count: SlotReport, context: CodecContext | None, packet: Packet[Any] | None) -> None:
    """Count what a decoder makes of a packet, or of what it still holds."""
    if context is None or (packet is None and context.type == "subtitle"):
        return
    count.decoded = count.decoded or 0
    try:
        frames: list[Any] = cast("Any", context).decode(packet)
    except (av.FFmpegError, ValueError):
        return  # it is counted as what was not decoded
    count.decoded += len(frames)


def check(order: CheckOrder, told: Callable[[int], None]) -> FilmReport:
    """Each stream of a film, in its order. Raises av.FFmpegError for what is no film."""
    form = {"mp4": "mov"}.get(order.container, order.container)
    options = {"protocol_whitelist": "file"}
    with av.open(f"file:{order.path}", "r", format=form, options=options, metadata_errors="replace") as film:
        found = [SlotReport() for _ in film.streams]
        for packet in film.demux():
            count = found[packet.stream.index]
            if packet.size:
                _note(count, packet)
                told(packet.size)
            _decode(count, _decoder(packet.stream), packet if packet.size else None)
        kinds = [one.type for one in film.streams]
    return FilmReport(tuple(one for one, kind in zip(found, kinds, strict=True) if kind in SHOWN))


def check_source(order: SourceOrder, told: Callable[[int], None]) -> FilmReport:
    """What a decoder makes of each slot as it came: a film can hold no more than that."""
    found = [SlotReport() for _ in order.slots]
    for stretch in order.stretches:
        contexts: dict[int, CodecContext | None] = {}
        for packet, slot in packets(stretch, told):
            contexts.setdefault(slot, _decoder(packet.stream))
            _note(found[slot], packet)
            _decode(found[slot], contexts[slot], packet)
        for slot, context in contexts.items():
            _decode(found[slot], context, None)
    return FilmReport(tuple(found))


def look(order: LookOrder) -> Table:
    """The streams that libav finds."""
    with demuxer(Stretch(order.form, order.ranges, ())) as source:
        found = by_id(source, order.form)
        return tuple(_described(number, one) for number, one in found.items() if one.type in SHOWN)


def _described(number: int, stream: Stream) -> ElementaryStream:
    context = cast("CodecContext | None", stream.codec_context)
    config = ""
    if isinstance(context, av.VideoCodecContext):
        config = parameters.picture(context.width, context.height)
    elif isinstance(context, av.AudioCodecContext):
        config = parameters.sound(context.sample_rate or 0, context.channels)
    kind = cast("Kind", stream.type)
    codec = stream.codec.canonical_name if context is not None else "unknown"
    return ElementaryStream(number, kind, codec, config, stream.language or "")


def _decoder(stream: Stream) -> CodecContext | None:
    """None where there is none for it."""
    context = cast("CodecContext | None", stream.codec_context)
    if context is None or not context.is_decoder:
        return None
    if stream.type == "video" and not context.is_open:
        context.thread_count = THREADS
    return context
