"""Reads the tags of a file of music."""

from __future__ import annotations

import math
from typing import Any

from tinytag import TinyTag
from tinytag.tinytag import TinyTagException

from nightcrew.listener.wire import TagsRead

MOST = 500
"""Characters of a tag."""
_MBID = ("musicbrainz_trackid", "musicbrainz track id", "musicbrainz_recordingid")


def read(path: str) -> TagsRead:
    """Its tags. A file that cannot be read is told of in `failed`."""
    try:
        found = TinyTag.get(path)
    except (TinyTagException, OSError, ValueError, KeyError, IndexError, OverflowError, RecursionError) as exc:
        return TagsRead(path, failed=(str(exc) or type(exc).__name__)[:200])
    other = {str(key).lower(): value for key, value in (found.other or {}).items()}
    return TagsRead(
        path,
        title=_text(found.title),
        artist=_text(found.artist),
        album=_text(found.album),
        albumartist=_text(found.albumartist),
        number=found.track if isinstance(found.track, int) and 0 < found.track < 1000 else None,
        seconds=_positive(found.duration),
        bitrate=round(rate) if (rate := _positive(found.bitrate)) is not None else None,
        isrc=_first(other, "isrc")[:20],
        mbid=next((value for name in _MBID if (value := _first(other, name))), "")[:40],
    )


def _text(value: Any) -> str:
    return value.replace("\x00", " ").strip()[:MOST] if isinstance(value, str) else ""


def _positive(value: Any) -> float | None:
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 < value < 10_000_000:
        return None
    return float(value)


def _first(other: dict[str, Any], name: str) -> str:
    value = other.get(name)
    return _text(value[0] if isinstance(value, list) and value else value)
