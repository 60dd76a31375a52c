"""The end of an Ogg file (RFC 3533): unlike other containers it says no length in front, so that a copy that was cut looks whole."""

from __future__ import annotations

import os
from pathlib import Path

CAPTURE = b"OggS"
HEADER = 27
"""Bytes of a page's header before its table of segments."""
LARGEST = HEADER + 255 + 255 * 255
"""Bytes of the largest page."""


def is_cut(path: str) -> bool:
    """Whether the last page is not whole. Raises OSError."""
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2 * LARGEST))
        end = file.read()
    at = end.rfind(CAPTURE)
    if at < 0:
        return size > 2 * LARGEST
    page = end[at:]
    if len(page) < HEADER or len(page) < HEADER + page[HEADER - 1]:
        return True
    return len(page) < HEADER + page[HEADER - 1] + sum(page[HEADER : HEADER + page[HEADER - 1]])
