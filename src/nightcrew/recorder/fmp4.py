"""Fragmented MP4 (ISO/IEC 14496-12), as far as a recording needs it: its tracks, and what comes of each. Pure."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from nightcrew.recorder import parameters
from nightcrew.transport.elementary import MAX_STREAMS, Count, ElementaryStream, Kind

PROTECTED = frozenset({b"encv", b"enca", b"enct"})
"""Sample entries of what is encrypted (ISO/IEC 23001-7)."""
_KINDS: dict[bytes, Kind] = {
    b"vide": "video",
    b"soun": "audio",
    b"subt": "subtitle",
    b"text": "subtitle",
    b"sbtl": "subtitle",
    b"clcp": "subtitle",
}
_CODECS = {
    b"avc1": "h264",
    b"avc3": "h264",
    b"hvc1": "hevc",
    b"hev1": "hevc",
    b"dvh1": "hevc",
    b"dvhe": "hevc",
    b"vvc1": "vvc",
    b"av01": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"mp4v": "mpeg4",
    b"mp4a": "aac",
    b"ac-3": "ac3",
    b"ec-3": "eac3",
    b"Opus": "opus",
    b"fLaC": "flac",
    b"alac": "alac",
    b".mp3": "mp3",
    b"wvtt": "webvtt",
    b"stpp": "ttml",
    b"tx3g": "mov_text",
}
"""FFmpeg's names, by sample entry."""
_OBJECTS = {0x40: "aac", 0x66: "aac", 0x67: "aac", 0x68: "aac", 0x69: "mp2", 0x6B: "mp2", 0xA5: "ac3", 0xA6: "eac3"}
"""By the object type of an `esds` box (mp4ra.org)."""


@dataclass(frozen=True, slots=True)
class Track:
    """One track. `scale`: ticks of its clock in a second; `length`: ticks of a sample that says nothing else."""

    stream: ElementaryStream
    scale: int
    length: int = 0


def boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """The boxes in a range: name, and where its content begins and ends. Stops at the first that does not fit."""
    end = len(data) if end is None else end
    while begin + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, begin)
        header = 8
        if size == 1 and begin + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, begin + 8)
            header = 16
        elif size == 0:
            size = end - begin
        if size < header or begin + size > end:
            return
        yield name, begin + header, begin + size
        begin += size


def tracks(init: bytes) -> tuple[Track, ...]:
    """The tracks of an init section with picture, sound or text."""
    found: list[Track] = []
    for begin, end in _children(init, 0, len(init), b"moov"):
        lengths = dict(_lengths(init, begin, end))
        for first, last in _children(init, begin, end, b"trak"):
            track = _track(init, first, last, lengths)
            if track is not None and len(found) < MAX_STREAMS:
                found.append(track)
    return tuple(found)


def sample_entries(init: bytes) -> Iterator[bytes]:
    """The names of all sample entries of an init section (8.5.2), of whatever tracks."""
    for begin, end in _children(init, 0, len(init), b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        yield from (name for name, _, _ in boxes(init, begin + 8, end))  # behind the version and the count


def counts(segment: bytes, tracks: tuple[Track, ...]) -> dict[int, Count] | None:
    """Samples of each track in a segment, and the times that they are decoded at; None when it holds no fragment."""
    known = {one.stream.id: one for one in tracks}
    found: dict[int, Count] = {}
    fragments = 0
    for begin, end in _children(segment, 0, len(segment), b"moof"):
        fragments += 1
        for traf in _children(segment, begin, end, b"traf"):
            _fragment(segment, *traf, known, found)
    return found if fragments else None


def _children(data: bytes, begin: int, end: int, *path: bytes) -> Iterator[tuple[int, int]]:
    """The contents of all boxes that a path of names leads to."""
    for name, first, last in boxes(data, begin, end):
        if name == path[0]:
            if len(path) == 1:
                yield first, last
            else:
                yield from _children(data, first, last, *path[1:])


def _lengths(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """What samples of each track last where nothing else is said (8.8.3)."""
    for first, last in _children(data, begin, end, b"mvex", b"trex"):
        if last - first >= 16:
            yield struct.unpack_from(">I4xI", data, first + 4)


def _track(data: bytes, begin: int, end: int, lengths: dict[int, int]) -> Track | None:
    """A track of an init section; None for one that is neither picture, sound nor text, or that makes no sense."""
    try:
        header, behind = next(_children(data, begin, end, b"tkhd"))
        clock, _ = next(_children(data, begin, end, b"mdia", b"mdhd"))
        handler, _ = next(_children(data, begin, end, b"mdia", b"hdlr"))
        entries, stop = next(_children(data, begin, end, b"mdia", b"minf", b"stbl", b"stsd"))
        name, first, last = next(boxes(data, entries + 8, stop))
        (number,) = struct.unpack_from(">I", data[header:behind], 20 if data[header] == 1 else 12)
        scale, language = struct.unpack_from(
            ">I8xH" if data[clock] == 1 else ">I4xH", data, clock + (20 if data[clock] == 1 else 12)
        )
        kind = _KINDS.get(data[handler + 8 : handler + 12])
        if kind is None or not scale:
            return None
        codec, config = _described(kind, name, data[first:last])
    except (StopIteration, struct.error, IndexError):
        return None
    return Track(ElementaryStream(number, kind, codec, config, _language(language)), scale, lengths.get(number, 0))


def _described(kind: Kind, name: bytes, entry: bytes) -> tuple[str, str]:
    """Codec and set-up by a sample entry (8.5.2). Two that a decoder must tell apart are told apart."""
    if name in PROTECTED:
        return "encrypted", ""
    codec = _CODECS.get(name, name.decode("latin-1").strip().lower())
    if kind == "video":
        said = parameters.picture(*struct.unpack_from(">HH", entry, 24))
        setting = _settings(entry, VISUAL)
    elif kind == "audio":
        channels, rate = struct.unpack_from(">H6xH", entry, 16)
        said = parameters.sound(rate, channels)
        setting = _settings(entry, AUDIO)
        if name == b"mp4a":
            object_type, setting = _elementary(entry)
            codec = _OBJECTS.get(object_type, codec)
    else:
        return codec, ""
    return codec, f"{said} #{hashlib.sha256(setting).hexdigest()[:6]}" if setting else said


VISUAL, AUDIO = 78, 28
"""Bytes of a sample entry before the boxes in it (12.1.3, 12.2.3)."""
_SETTINGS = frozenset({b"avcC", b"hvcC", b"av1C", b"vvcC", b"vpcC", b"dOps", b"dac3", b"dec3", b"dfLa", b"alac"})


def _settings(entry: bytes, begin: int) -> bytes:
    """What a decoder is set up with."""
    return b"".join(entry[first:last] for name, first, last in boxes(entry, begin) if name in _SETTINGS)


def _elementary(entry: bytes) -> tuple[int, bytes]:
    """Object type and decoder's set-up of an `esds` box (ISO/IEC 14496-1, 7.2.6.5)."""
    for name, first, last in boxes(entry, AUDIO):
        if name == b"esds":
            described = dict(_descriptors(entry, first + 4, last))
            return next(iter(described.get(4, b"")), 0), described.get(5, b"")
    return 0, b""


def _descriptors(data: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The descriptors of an elementary stream, and those in them."""
    inside = {3: 3, 4: 13}
    while at + 2 <= end:
        tag, size = data[at], 0
        at += 1
        for _ in range(4):
            size = size << 7 | data[at] & 0x7F
            at += 1
            if not data[at - 1] & 0x80:
                break
        yield tag, data[at : min(at + size, end)]
        at += inside.get(tag, size)


def _language(packed: int) -> str:
    """ISO 639-2, five bits a letter (8.4.2)."""
    found = "".join(chr((packed >> shift & 0x1F) + 0x60) for shift in (10, 5, 0))
    return found if found.isalpha() and found.isascii() and found != "und" else ""


def _fragment(data: bytes, begin: int, end: int, known: dict[int, Track], found: dict[int, Count]) -> None:
    """Count the samples of a track's fragment (8.8.6 to 8.8.12)."""
    track, length, start, total, samples = None, 0, None, 0, 0
    try:
        for name, first, _ in boxes(data, begin, end):
            flags = int.from_bytes(data[first + 1 : first + 4])
            if name == b"tfhd":
                track = known.get(struct.unpack_from(">I", data, first + 4)[0])
                place = first + 8 + 8 * bool(flags & 1) + 4 * bool(flags & 2)
                length = struct.unpack_from(">I", data, place)[0] if flags & 8 else track.length if track else 0
            elif name == b"tfdt":
                (start,) = struct.unpack_from(">Q" if data[first] == 1 else ">I", data, first + 4)
            elif name == b"trun":
                (count,) = struct.unpack_from(">I", data, first + 4)
                samples += count
                total += _duration(data, first, flags, count, length)
    except struct.error:
        return
    if track is None:
        return
    so_far = found.setdefault(track.stream.id, Count())
    so_far.packets += samples
    if start is not None:
        so_far.first = start / track.scale if so_far.first is None else so_far.first
        so_far.last = (start + total) / track.scale


def _duration(data: bytes, first: int, flags: int, count: int, length: int) -> int:
    """Ticks of all samples of a run."""
    if not flags & 0x100:
        return count * length
    width = 4 * (flags >> 8 & 0xF).bit_count()
    place = first + 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    count = min(count, max(0, len(data) - place) // width)
    return sum(struct.unpack_from(">I", data, place + number * width)[0] for number in range(count))
