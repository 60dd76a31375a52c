"""The picture of a film, and the poster of its season: the first with light and detail, not the first that comes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nightcrew.kernel import files
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.ffmpeg import ffmpeg
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command

POSTER = "poster.jpg"
PLACES = 16
"""Places of a film that are looked at, at most."""
EARLY = 60.0
"""Seconds after which the first of them lies at the latest."""
LIGHT, DETAIL = 20.0, 10.0
"""Mean and deviation of a picture's brightness (0 to 255) that are enough; a studio in the dark has more of both."""
SIZE = (64, 36)
MARK = b"Nightcrew "
"""How the comment begins that a poster of ours holds. What follows is a digest of the rest: a poster that was changed is not ours."""
MOST_BYTES = 16 << 20
LOOKING = 60.0
"""Seconds that measuring a picture may take."""
DRAWING = 300.0
"""Seconds that drawing one may take."""
_FFMPEG = Pool("ffmpeg")
_LOCAL = ("-protocol_whitelist", "file,pipe")
"""Before each input: whatever a file says, nothing else is opened."""


@dataclass(frozen=True, slots=True)
class Brightness:
    """Mean and standard deviation of a picture's brightness, 0 to 255."""

    mean: float
    deviation: float

    @property
    def worth(self) -> float:
        """How much there is to see, up to 1: enough light and enough detail."""
        return min(self.mean / LIGHT, 1.0) * min(self.deviation / DETAIL, 1.0)


def places(seconds: float) -> Iterator[float]:
    """Where a film is looked at: in its first tenth, then ever more closely all over it."""
    yield min(seconds * 0.1, EARLY)
    for number in range(1, PLACES):
        bits = number.bit_length()
        yield seconds * (2 * (number - (1 << (bits - 1))) + 1) / (1 << bits)


async def draw(film: Path, picture: Path, *, seconds: float) -> None:
    """Make the picture of a film that is so long, and of it the season's poster where that is missing, or ours and worse.

    Raises `GiveUp` when the film has no pictures, `Retry` when it cannot be read.
    """
    scratch, best = (picture.with_name(f"{picture.name}{files.TEMPORARY}{end}") for end in ("", "best"))
    try:
        worth = await _choose(film, scratch, best, seconds)
        wanted = await _is_wanted(picture.with_name(POSTER), worth)
        await asyncio.to_thread(best.replace, picture)
        if wanted:
            await asyncio.to_thread(_write, picture, picture.with_name(POSTER))
    finally:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(_clear, scratch, best)


async def _choose(film: Path, scratch: Path, best: Path, seconds: float) -> float:
    """Leave the best picture in `best`; returns its worth."""
    most, missing = -1.0, GiveUp("no thumbnail could be made")
    for at in places(seconds):
        await asyncio.to_thread(scratch.unlink, missing_ok=True)
        try:
            await thumbnail(film, scratch, at=at)
        except GiveUp as exc:  # its pictures end before its sound
            missing = exc
            continue
        worth = (await brightness(scratch)).worth
        if worth > most:
            most = worth
            await asyncio.to_thread(scratch.replace, best)
        if worth >= 1.0:
            break
    if most < 0:
        raise missing
    return most


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
        async with asyncio.timeout(DRAWING):
            how = await child.wait()
    except TimeoutError as exc:
        raise Retry("ffmpeg did not end") from exc
    if child.code != 0:
        raise Retry(f"ffmpeg failed: {child.last_words()[-300:] or how}")


async def brightness(picture: Path) -> Brightness:
    """Measure a picture. Raises `Retry` when that cannot be done."""
    width, height = SIZE
    given = (*_LOCAL, "-i", f"file:{picture}")
    small = ("-frames:v", "1", "-vf", f"scale={width}:{height}:flags=area,format=gray", "-f", "rawvideo", "pipe:1")
    command = Command((ffmpeg(), "-nostdin", "-v", "error", *given, *small), grace=1)
    try:
        async with _FFMPEG.one(command, limit=LOOKING) as child:
            grey = await child.stdout.read(-1)
            await child.wait()
    except TimeoutError as exc:
        raise Retry("ffmpeg did not end") from exc
    if len(grey) != width * height:
        raise Retry(f"a picture cannot be measured: {child.last_words()[-300:]}")
    return Brightness(statistics.fmean(grey), statistics.pstdev(grey))


# -- the season's poster -----------------------------------------------------------------------------------------------


async def _is_wanted(poster: Path, worth: float) -> bool:
    """Whether a picture of that worth becomes the poster: where there is none, or a worse one of ours."""
    if not await asyncio.to_thread(os.path.lexists, poster):
        return True
    if not await asyncio.to_thread(is_ours, poster):
        return False
    try:
        return (await brightness(poster)).worth < worth
    except Retry:  # what cannot be measured shows nothing
        return True


def is_ours(poster: Path) -> bool:
    """Whether a poster is as we wrote it: with our mark, or the same as the picture of one of the season's films."""
    if poster.is_symlink() or not poster.is_file() or poster.stat().st_size > MOST_BYTES:
        return False
    data = poster.read_bytes()
    if _unmarked(data) is not None:
        return True
    beside = (path for path in poster.parent.iterdir() if path.name.endswith("-thumb.jpg"))
    return any(path.stat().st_size == len(data) and path.read_bytes() == data for path in beside)


def _write(picture: Path, poster: Path) -> None:
    with files.replacing(poster, shared=True) as file:
        file.write(marked(picture.read_bytes()))


def marked(data: bytes) -> bytes:
    """A JPEG with our comment, which stands behind its header (JFIF)."""
    at = _head(data)
    comment = MARK + hashlib.sha256(data).hexdigest().encode()
    return data[:at] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[at:]


def _unmarked(data: bytes) -> bytes | None:
    """A JPEG without our comment; None for one that has none, or was changed since."""
    at = _head(data)
    if data[at : at + 2] != b"\xff\xfe" or not data[at + 4 :].startswith(MARK):
        return None
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    rest = data[:at] + data[end:]
    digest = hashlib.sha256(rest).hexdigest().encode()
    return rest if data[at + 4 : end] == MARK + digest else None


def _head(data: bytes) -> int:
    """Where the header of a JPEG ends."""
    return 4 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe0" else 2


def _clear(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
