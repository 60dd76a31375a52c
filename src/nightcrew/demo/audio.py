"""Files of music, encoded by ffmpeg when a peer is first asked for one: soft noise under a tune, with tags."""

import asyncio
import contextlib
import os
import zlib
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from .pictures import find_ffmpeg
from .songs import DemoSong, SharedFile, SongDefect

CUT = 0.6
"""How much of a truncated file is there."""


class Audio:
    """Keeps what it has made in a folder, one file for each recipe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making = asyncio.Lock()

    async def file(self, shared: SharedFile) -> Path:
        """The file that a peer sends. Raises OSError when there is no ffmpeg or it cannot encode."""
        song: object = shared.song if shared.tagged else shared.song.seconds
        recipe = zlib.crc32(repr((song, shared.ending, shared.bitrate, shared.defect)).encode())
        path = self._folder / f"{recipe:08x}.{shared.ending}"
        async with self._making:
            if not path.exists():
                await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
                await self._make(shared, path)
        return path

    async def _make(self, shared: SharedFile, path: Path) -> None:
        song, defect = shared.song, shared.defect
        seconds = song.seconds * 2 if defect is SongDefect.WRONG_LENGTH else song.seconds
        title = "Another Song" if defect is SongDefect.WRONG_TAGS else song.shown
        tags = {"title": title, "artist": song.artist, "album": song.album, "track": str(song.number)}
        beside = path.with_name(f"{path.stem}.{os.getpid()}.tmp.{path.suffix[1:]}")
        source: tuple[str, ...] = (
            "-f", "lavfi", "-i", f"anoisesrc=color=pink:sample_rate=44100:amplitude=0.4:seed=7:duration={seconds}",
            "-f", "lavfi", "-i", f"aevalsrc='{_tune(song)}':s=44100:d={seconds}",
            "-filter_complex", "amix=inputs=2", "-ac", "2",
        )  # fmt: skip
        marks = (
            []
            if not shared.tagged
            else [text for key, value in tags.items() for text in ("-metadata", f"{key}={value}")]
        )
        if defect is SongDefect.TRANSCODED:
            lossy = path.with_name(f"{path.stem}.{os.getpid()}.lossy.mp3")
            await _ffmpeg(*source, "-c:a", "libmp3lame", "-b:a", "128k", str(lossy))
            source = ("-i", str(lossy))
        coder: tuple[str, ...] = (
            ("-c:a", "libmp3lame", "-b:a", f"{shared.bitrate}k") if shared.bitrate else ("-c:a", "flac")
        )
        if defect is SongDefect.MISLABELLED:
            coder = ("-c:a", "libmp3lame", "-b:a", "192k", "-f", "mp3")
        await _ffmpeg(*source, *coder, *marks, str(beside))
        if defect is SongDefect.TRUNCATED:
            await asyncio.to_thread(_cut, beside)
        beside.replace(path)


def _tune(song: DemoSong) -> str:
    """Half a second for each note, of which one follows the other by rule: as FFmpeg's expression of the time `t`."""
    step = f"mod({song.pitch % 5 + 1}*floor(2*t)*floor(2*t)+{song.pitch % 7 + 2}*floor(2*t),12)"
    return f"0.125*sin(2*PI*{song.pitch}*pow(2,{step}/12-0.5)*t)"


def _cut(path: Path) -> None:
    with path.open("rb+") as file:
        file.truncate(int(path.stat().st_size * CUT))


async def _ffmpeg(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        find_ffmpeg(), "-v", "error", "-nostdin", "-y", *arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    try:
        _, words = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise OSError(f"ffmpeg cannot encode: {words.decode(errors='replace').strip()[-200:]}")
