"""What ffmpeg does for a recording: a picture of its film."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.ffmpeg import ffmpeg
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command

LONGEST = 300.0
"""Seconds that a picture may take."""

_FFMPEG = Pool("ffmpeg")
_LOCAL = ("-protocol_whitelist", "file,pipe")
"""Before each input: whatever a file says, nothing else is opened."""


async def thumbnail(path: Path, output: Path, *, at: float) -> None:
    """A picture at `at` seconds, at most 1280 wide, as JPEG. Raises `GiveUp` when there is none."""
    seek = [*_LOCAL, "-ss", f"{at:.3f}", "-i", f"file:{path}", "-map", "0:v:0"]
    drawn = ["-frames:v", "1", "-vf", "scale='min(1280,iw)':-2", "-q:v", "4"]
    written = ["-f", "image2", "-update", "1", f"file:{output}"]
    command = Command((ffmpeg(), "-nostdin", "-v", "error", "-y", *seek, *drawn, *written), grace=1)
    async with _FFMPEG.one(command) as child:
        await _ended(child)
    if not await asyncio.to_thread(output.exists):
        raise GiveUp("no thumbnail could be made")


async def _ended(child: Child) -> None:
    try:
        async with asyncio.timeout(LONGEST):
            how = await child.wait()
    except TimeoutError as exc:
        raise Retry("ffmpeg did not end") from exc
    if child.code != 0:
        raise Retry(f"ffmpeg failed: {child.last_words()[-300:] or how}")
