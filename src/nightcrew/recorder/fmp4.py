"""Fragmented MP4 (ISO/IEC 14496-12), as far as a recording needs it: which track is the picture, and how many there are. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator


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


def video_track(init: bytes) -> int | None:
    """The id of the first track with pictures in an init section; None when there is none."""
    for name, begin, end in boxes(init):
        if name != b"moov":
            continue
        for kind, first, last in boxes(init, begin, end):
            if kind == b"trak" and _handler(init, first, last) == b"vide":
                return _track_id(init, first, last)
    return None


def pictures(segment: bytes, track: int) -> int | None:
    """Samples of a track in a segment; None when it holds no fragment."""
    total, fragments = 0, 0
    for name, begin, end in boxes(segment):
        if name == b"moof":
            fragments += 1
            total += sum(_samples(segment, *traf, track) for traf in _children(segment, begin, end, b"traf"))
    return total if fragments else None


def _children(data: bytes, begin: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    for name, first, last in boxes(data, begin, end):
        if name == wanted:
            yield first, last


def _handler(data: bytes, begin: int, end: int) -> bytes:
    for first, last in _children(data, begin, end, b"mdia"):
        for start, stop in _children(data, first, last, b"hdlr"):
            return data[start + 8 : min(start + 12, stop)]
    return b""


def _track_id(data: bytes, begin: int, end: int) -> int | None:
    for first, last in _children(data, begin, end, b"tkhd"):
        at = first + (20 if data[first] == 1 else 12)
        return struct.unpack_from(">I", data, at)[0] if at + 4 <= last else None
    return None


def _samples(data: bytes, begin: int, end: int, track: int) -> int:
    count, mine = 0, False
    for name, first, last in boxes(data, begin, end):
        if name == b"tfhd" and first + 8 <= last:
            mine = struct.unpack_from(">I", data, first + 4)[0] == track
        elif name == b"trun" and mine and first + 8 <= last:
            count += struct.unpack_from(">I", data, first + 4)[0]
    return count
