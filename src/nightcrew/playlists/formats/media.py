"""What the first bytes of a stream are: media of a known kind, or something else (a page, a picture, an error)."""

from __future__ import annotations

PACKET = 188
"""Bytes of an MPEG transport stream packet; each begins with 0x47 (ISO/IEC 13818-1)."""
_MAGIC = (
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x0bw", "audio/ac3"),
    *((4, box, "video/mp4") for box in (b"ftyp", b"styp", b"moof", b"sidx", b"emsg")),
)


def media_type(first: bytes) -> str | None:
    """The content type for a player; None when these are no media bytes."""
    if _is_transport_stream(first):
        return "video/mp2t"
    for offset, magic, name in _MAGIC:
        if first[offset : offset + len(magic)] == magic:
            return name
    if len(first) > 1 and first[0] == 0xFF and first[1] & 0xE0 == 0xE0:  # MPEG audio and ADTS frames
        return "audio/aac" if first[1] & 0x06 == 0 else "audio/mpeg"
    return None


def _is_transport_stream(first: bytes) -> bool:
    """Also one that begins inside of a packet: then three packet heads have to follow at their distance."""
    for start in range(min(PACKET, len(first))):
        heads = [first[at : at + 4] for at in range(start, min(len(first), start + 5 * PACKET), PACKET)]
        if all(map(_is_head, heads)) and (start == 0 or len(heads) >= 3):
            return True
    return False


def _is_head(head: bytes) -> bool:
    """The sync byte, and a packet that has a payload, an adaptation field or both."""
    return head[0] == 0x47 and (len(head) < 4 or bool(head[3] & 0x30))
