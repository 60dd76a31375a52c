"""Where ffmpeg is: the system's, else the one of the extra `ffmpeg`. It always runs as a process of its own, and is never linked."""

from __future__ import annotations

import shutil
from functools import cache

from nightcrew.kernel.errors import NeedsUser

MISSING = "there is no ffmpeg: install it (apt install ffmpeg, brew install ffmpeg), or install Nightcrew with its extra: nightcrew[ffmpeg]"


@cache
def ffmpeg() -> str:
    """Its path. Raises `NeedsUser` when there is none."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as exc:
        raise NeedsUser(MISSING) from exc


def ffmpeg_or_none() -> str:
    """Its path, or empty."""
    try:
        return ffmpeg()
    except NeedsUser:
        return ""
