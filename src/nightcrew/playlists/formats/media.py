"""What the first bytes of a stream are: media of a known kind, or something else (a page, a picture, an error)."""

from __future__ import annotations

from nightcrew.transport.framing import framing

_MAGIC = (
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x0bw", "audio/ac3"),
    *((4, box, "video/mp4") for box in (b"ftyp", b"styp", b"moof", b"sidx", b"emsg")),
)

BARE_SOUND = frozenset({"audio/mpeg", "audio/aac", "audio/ac3"})
"""Types of sound that is frames alone: each can be decoded by itself, and none says when it is heard."""


def media_type(first: bytes) -> str | None:
    """The content type for a player; None when these are no media bytes."""
    if framing(first) is not None:
        return "video/mp2t"
    for offset, magic, name in _MAGIC:
        if first[offset : offset + len(magic)] == magic:
            return name
    if len(first) > 1 and first[0] == 0xFF and first[1] & 0xE0 == 0xE0:  # MPEG audio and ADTS frames
        return "audio/aac" if first[1] & 0x06 == 0 else "audio/mpeg"
    return None
