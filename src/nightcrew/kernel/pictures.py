"""Pictures that strangers send: what they are by their first bytes, whatever they are called. Pure."""

from __future__ import annotations

import re
import struct

HEAD = 4_096
"""Bytes that tell the kind."""
MOST_SIDE = 8_192
"""Pixels of a side; a few kilobytes may unfold to a picture that takes gigabytes in a browser."""
SVG = "image/svg+xml"
"""The only kind that can hold a script: whoever serves it forbids that."""
_SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^<>]*>\s*)?(?:<!--[^<>]*-->\s*|<!DOCTYPE\s+svg[^<>\[]*>\s*)*<svg[\s>]"
)


def kind_of(picture: bytes) -> str | None:
    """The media type; None for what is no picture that a page shows, and for one whose sides are too long."""
    head = picture[:HEAD]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png" if head[12:16] == b"IHDR" and _fits(*_numbers(">II", head, 16)) else None
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif" if _fits(*_numbers("<HH", head, 6)) else None
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"\0\0\1\0") and 0 < int.from_bytes(head[4:6], "little") < 256:
        return "image/x-icon"
    return SVG if _SVG.match(head) else None


def _numbers(layout: str, head: bytes, place: int) -> tuple[int, ...]:
    """Numbers at a place; zeros where the bytes end before."""
    size = struct.calcsize(layout)
    return struct.unpack(layout, head[place : place + size].ljust(size, b"\0"))


def _fits(width: int, height: int) -> bool:
    return 0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE
