"""Sound without a container, as in HLS segments of packed audio (RFC 8216, 3.4): frames one behind the other, after an ID3 tag. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from nightcrew.recorder import parameters
from nightcrew.transport.id3 import tag_size

SUFFIXES = {"aac": ".aac", "mp3": ".mp3", "ac3": ".ac3", "eac3": ".ec3"}
"""What files of each codec are called, by FFmpeg's name of the codec."""


def codec_of(data: bytes) -> str:
    """FFmpeg's name of what a segment holds; empty for what is no sound of these."""
    body = data[tag_size(data) :]
    if len(body) < 8:
        return ""
    if body[0] == 0xFF and body[1] & 0xF6 == 0xF0:
        return "aac"
    if body[0] == 0xFF and body[1] & 0xE0 == 0xE0 and body[1] & 0x06 and parameters.mpeg_audio(body[:4] + b"\0"):
        return "mp3"
    if body[:2] == b"\x0b\x77":
        return "eac3" if body[5] >> 3 > 10 else "ac3"
    return ""


def stretches(codec: str, data: bytes) -> Iterator[tuple[int, str, int]]:
    """Where a segment's sound is set up in one way: offset, how, and its frames as far as they are counted (AAC alone).

    The tag belongs to what follows it.
    """
    begin, at = 0, tag_size(data)
    config = parameters.of(codec, data[at : at + parameters.HEADER])
    if codec != "aac":
        yield begin, config, 0
        return
    frames = 0
    while at + 7 <= len(data):
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0 or size < 7 or at + size > len(data):
            break
        now = parameters.adts(data[at : at + 7])
        if now and now != config:
            yield begin, config, frames
            begin, config, frames = at, now, 0
        frames += 1
        at += size
    yield begin, config, frames
