"""Where ffmpeg is: the system's, else the one of the wheel. It always runs as a process of its own, and is never linked."""

from __future__ import annotations

import shutil
from functools import cache

from nightcrew.kernel.errors import NeedsUser


@cache
def ffmpeg() -> str:
    """Its path. Raises `NeedsUser` when there is none."""
    if found := shutil.which("ffmpeg"):
        return found
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as exc:
        raise NeedsUser("there is no ffmpeg: install it, for instance with apt-get install ffmpeg") from exc


def ffmpeg_or_none() -> str:
    """Its path, or empty."""
    try:
        return ffmpeg()
    except NeedsUser:
        return ""
