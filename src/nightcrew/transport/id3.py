"""The ID3 tag in front of sound that is frames alone: it says when that is heard (RFC 8216, 3.4). Pure."""

from __future__ import annotations

from nightcrew.transport.ts import CLOCK, WRAP

_OWNER = b"com.apple.streaming.transportStreamTimestamp\0"


def tag_size(data: bytes) -> int:
    """Bytes of the ID3 tags in front (ID3v2.4, 3.1)."""
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) >= at + 10:
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return min(at, len(data))


def tag_time(data: bytes) -> float | None:
    """When a segment begins, in seconds of the transport stream's clock, as its tag says."""
    at = data.find(_OWNER, 0, tag_size(data))
    found = data[at + len(_OWNER) : at + len(_OWNER) + 8]
    return (int.from_bytes(found) & WRAP - 1) / CLOCK if at >= 0 and len(found) == 8 else None


def time_tag(seconds: float) -> bytes:
    """A tag that says when what follows is heard."""
    private = _OWNER + (round(seconds * CLOCK) % WRAP).to_bytes(8, "big")
    frame = b"PRIV" + _synchsafe(len(private)) + b"\0\0" + private
    return b"ID3\x04\0\0" + _synchsafe(len(frame)) + frame


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
