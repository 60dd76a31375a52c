"""What ffmpeg does for a recording: parts become one file, which is then read from end to end; a picture of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.ffmpeg import ffmpeg
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command
from nightcrew.recorder.ts import ProgrammeTables, aligned

BLOCK = 1 << 20
QUEUE = "512"
"""Packets that ffmpeg reads ahead (18 MB at 20 Mbit/s). Up to ffmpeg 6 it looks for them 100 times a second where it has two
inputs, so that its usual 8 are 800 packets a second: eleven times as fast as they were recorded, where the disk does a thousand."""
AAC, HEVC = 0x0F, 0x24
SOUND = frozenset({0x03, 0x04, AAC, 0x11, 0x1C, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0xA1, 0xC1, 0xC2})
"""Stream types that are sound (ISO/IEC 13818-1, ATSC A/52): MPEG-1, -2, AAC with and without LATM, AC-3, DTS and their kin."""
LONGEST = 4 * 3600.0
"""Seconds that ffmpeg may take after it has all bytes: the index of a long file goes to its front."""
IDLE = 300.0
"""Seconds without any progress after which ffmpeg hangs."""

Progress = Callable[[int], Awaitable[None]]
_FFMPEG = Pool("ffmpeg")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes of a part, from `begin` to `end`."""

    path: Path
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a file holds: pictures of its first video, None without one, and seconds."""

    frames: int | None
    seconds: float


async def join(
    pieces: Sequence[ByteRange], chapters: Path, output: Path, progress: Progress, *, fragmented: bool
) -> None:
    """Write the pieces, one behind the other, into an MP4 file, nothing encoded anew. Raises `Retry` with what ffmpeg said.

    `fragmented`: they are fragments of MP4, else a transport stream. `output` is replaced. A sound packet that is torn, where
    a connection broke off, is left out; the muxer's own filter would end the file there.
    """
    await asyncio.to_thread(output.unlink, missing_ok=True)  # an ffmpeg that still writes there writes to nobody
    told = [*_LOCAL, "-f", "ffmetadata", "-i", f"file:{chapters}"]
    given = ["-thread_queue_size", QUEUE, *_read(fragmented), *told]
    maps = ["-map", "0:v?", "-map", "0:a?", "-map_metadata", "1", "-map_chapters", "1"]
    ways = await asyncio.to_thread(_ways, pieces[0].path, fragmented)
    written = ["-c", "copy", *ways, "-copyinkf", "-movflags", "+faststart", "-f", "mp4", f"file:{output}"]
    command = Command((ffmpeg(), "-nostdin", "-v", "error", "-y", *given, *maps, *written), grace=1)
    async with _FFMPEG.one(command) as child:
        await _pump(child, pieces, progress)
        await _ended(child)


def _read(fragmented: bool) -> list[str]:
    """Parts from a pipe. A programme that changes its packet ids, as where something was spliced in, is one stream."""
    kind = ["-f", "mov"] if fragmented else ["-merge_pmt_versions", "1", "-f", "mpegts"]
    return [*_LOCAL, *kind, "-i", "pipe:0"]


def _ways(part: Path, fragmented: bool) -> list[str]:
    """What streams need in MP4: HEVC the tag that Apple's players take, and AAC of a transport stream its bit stream filter.

    That is named, so that an error in one packet ends nothing.
    """
    with part.open("rb") as file:
        data = file.read(BLOCK)
    if fragmented:
        return list(_HEVC_TAG) if b"hev1" in data.partition(b"moof")[0] else []  # pictures may hold any four bytes
    programme = ProgrammeTables()
    if aligned(data):
        programme.learn(data)
    sounds = [kind for kind in programme.sounds if kind in SOUND]
    filters = [
        word for place, kind in enumerate(sounds) if kind == AAC for word in (f"-bsf:a:{place}", "aac_adtstoasc")
    ]
    return [*(_HEVC_TAG if programme.video_kind == HEVC else ()), *filters]


async def measure(path: Path) -> Measured:
    """Read a whole file, every packet of it. Raises `Retry` when that cannot be done."""
    command = Command(
        (ffmpeg(), "-nostdin", "-v", "error", *_LOCAL, "-i", f"file:{path}", *_FIRST, *_COUNTING), grace=1
    )
    async with _FFMPEG.one(command) as child:
        found = await _progress_of(child)
        await _ended(child)
    return found


async def pictures(pieces: Sequence[ByteRange], *, fragmented: bool) -> int:
    """How many pictures ffmpeg finds in the pieces."""
    command = Command((ffmpeg(), "-nostdin", "-v", "error", *_read(fragmented), "-map", "0:v:0", *_COUNTING), grace=1)
    async with _FFMPEG.one(command) as child:
        counting = asyncio.ensure_future(_progress_of(child))
        try:
            await _pump(child, pieces, None)
            found = await counting
            await _ended(child)
            return found.frames or 0
        finally:
            counting.cancel()


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


_HEVC_TAG = ("-tag:v:0", "hvc1")
_LOCAL = ("-protocol_whitelist", "file,pipe")
"""Before each input: whatever a file says, nothing else is opened."""
_FIRST = ("-map", "0:v:0?", "-map", "0:a:0?")
_COUNTING = ("-c", "copy", "-copyinkf", "-f", "null", "-progress", "pipe:1", "-stats_period", "5", "-")


async def _progress_of(child: Child) -> Measured:
    frames, seconds = 0, 0.0
    while True:
        try:
            async with asyncio.timeout(IDLE):
                line = await child.stdout.readline()
        except TimeoutError as exc:
            raise Retry("ffmpeg is making no progress") from exc
        if not line:
            return Measured(frames or None, seconds)
        key, _, value = line.decode("ascii", "replace").strip().partition("=")
        if key == "frame" and value.isdecimal():
            frames = int(value)
        elif key == "out_time_us" and value.lstrip("-").isdecimal():
            seconds = int(value) / 1e6


async def _pump(child: Child, pieces: Sequence[ByteRange], progress: Progress | None) -> None:
    """Give ffmpeg the bytes. One that ends before it has all of them is told of by `_ended`."""
    done = 0
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for piece in pieces:
            with piece.path.open("rb") as file:
                file.seek(piece.begin)
                left = piece.end - piece.begin
                while left > 0:
                    block = await asyncio.to_thread(file.read, min(BLOCK, left))
                    if not block:
                        raise Retry(f"{piece.path.name} is shorter than its ledger says")
                    child.stdin.write(block)
                    async with asyncio.timeout(IDLE):
                        await child.stdin.drain()
                    left -= len(block)
                    done += len(block)
                    if progress is not None:
                        await progress(done)
    child.stdin.close()


async def _ended(child: Child) -> None:
    try:
        async with asyncio.timeout(LONGEST):
            how = await child.wait()
    except TimeoutError as exc:
        raise Retry("ffmpeg did not end") from exc
    if child.code != 0:
        raise Retry(f"ffmpeg failed: {child.last_words()[-300:] or how}")
