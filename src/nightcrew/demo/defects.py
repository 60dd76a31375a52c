"""Pictures and sounds that a check has to tell apart, encoded once by ffmpeg into loops of 20 seconds."""

import asyncio
import contextlib
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from .pictures import LOOP_SECONDS, run_ffmpeg
from .window import SEGMENT_SECONDS

FRAMES = 25
SOUND = "sine=frequency=440:sample_rate=48000"
RECIPES: dict[str, tuple[str | None, str | None]] = {
    "still": (f"smptehdbars=size=640x360:rate={FRAMES}", SOUND),
    "night": (f"color=black:size=640x360:rate={FRAMES}", SOUND),
    "mute": (f"testsrc2=size=640x360:rate={FRAMES}", "anullsrc=sample_rate=48000:channel_layout=stereo"),
    "radio": (None, SOUND),
    "wide": ("testsrc2=size=1280x720:rate=50", SOUND),
}
"""Name -> picture and sound, as ffmpeg's lavfi sources."""


@dataclass
class Defects:
    """The encoded loops: name -> segments of two seconds. Fills while the servers already run."""

    loops: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    fragments: tuple[bytes, ...] = ()
    """An fMP4 initialisation segment and what follows it."""

    async def prepare(self, folder: Path) -> None:
        """Raises OSError when ffmpeg cannot encode. What is found in the folder is reused."""
        for name in RECIPES:
            found = await _made(name, folder, ".ts")
            self.loops[name] = tuple(found[key] for key in sorted(found) if key.endswith(".ts"))
        found = await _made("wide", folder, ".m4s")
        self.fragments = (found["init.mp4"], *(found[key] for key in sorted(found) if key.endswith(".m4s")))


async def _made(name: str, folder: Path, kind: str) -> dict[str, bytes]:
    """The segments of a recipe by file name; encoded unless the folder has them."""
    checksum = zlib.crc32(repr(_arguments(name, Path(), kind)).encode())
    target = folder / f"workbench-{name}{kind}-{checksum:08x}"
    if not target.is_dir():
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="encoding-") as scratch:
            made = Path(scratch) / "loop"
            made.mkdir()
            await run_ffmpeg(*_arguments(name, made, kind))
            with contextlib.suppress(OSError):  # another world was quicker
                made.rename(target)
    return await asyncio.to_thread(lambda: {file.name: file.read_bytes() for file in target.iterdir()})


def _arguments(name: str, folder: Path, kind: str) -> list[str]:
    picture, sound = RECIPES[name]
    inputs = [part for source in (picture, sound) if source for part in ("-f", "lavfi", "-i", source)]
    rate = 50 if name == "wide" else FRAMES
    keys = str(rate * SEGMENT_SECONDS)
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", keys, "-keyint_min", keys]
    video += ["-sc_threshold", "0", "-b:v", "2500k" if name == "wide" else "500k"]
    segments = ["-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_list_size", "0"]
    if kind == ".m4s":
        segments += ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4"]
    names = ["-hls_segment_filename", str(folder / f"%03d{kind}"), str(folder / "list.m3u8")]
    start = ["-nostdin", "-v", "error", "-y", *inputs, "-t", str(LOOP_SECONDS)]
    return [*start, *(video if picture else []), "-c:a", "aac", "-b:a", "96k", *segments, *names]
