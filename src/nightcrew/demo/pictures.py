"""Three test pictures with a tone, encoded once by ffmpeg into loops of 20 seconds, kept in memory to be served."""

import asyncio
import shutil
import tempfile
import zlib
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass, field
from pathlib import Path

from .window import SEGMENT_SECONDS

LOOP_SECONDS = 20
LOOP_SEGMENTS = LOOP_SECONDS // SEGMENT_SECONDS
FRAMES_PER_SECOND = 25
STREAMS = {
    "harbour": ("testsrc2=size=640x360:rate=25", 440),
    "aurora": ("mandelbrot=size=320x180:rate=25", 550),
    "carousel": ("smptebars=size=640x360:rate=25,hue=H=PI*t/10", 660),
}


@dataclass(frozen=True, slots=True)
class LoopVariant:
    name: str
    width: int
    height: int
    kbps: int


VARIANTS = (LoopVariant("360", 640, 360, 500), LoopVariant("180", 320, 180, 160))
Loop = dict[str, tuple[bytes, ...]]
"""Variant name -> its segments."""


@dataclass
class LoopPictures:
    """Fills while the servers already run; a stream that is not in `loops` yet is answered 503."""

    loops: dict[str, Loop] = field(default_factory=dict)
    problem: str = "the pictures are not ready"

    async def prepare(self, folder: Path) -> None:
        """Raises OSError when there is no ffmpeg or it cannot encode. Loops found in the folder are reused."""
        for stream in STREAMS:
            self.loops[stream] = await _loop(stream, folder)

    @property
    def complete(self) -> bool:
        return len(self.loops) == len(STREAMS)

    def choose(self, name: str) -> Loop | None:
        """The stream of that name; any other name gets one of them, always the same one. None: not ready."""
        return self.loops.get(stream_for(name))


def stream_for(name: str) -> str:
    return name if name in STREAMS else tuple(STREAMS)[zlib.crc32(name.encode()) % len(STREAMS)]


def find_ffmpeg() -> str:
    """The system's ffmpeg, else the one of the extra `ffmpeg`. Raises OSError when there is none."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as exc:
        raise OSError(
            "there is no ffmpeg to draw the demo's streams with: apt install ffmpeg, brew install ffmpeg, or the extra nightcrew[ffmpeg]"
        ) from exc


async def _loop(stream: str, folder: Path) -> Loop:
    """The folder's name carries a checksum of the recipe: an older recipe's segments are not taken for this one's."""
    checksum = zlib.crc32(repr(_arguments(stream, Path())).encode())
    target = folder / f"{stream}-{checksum:08x}"
    if not target.is_dir():
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        await _encode(stream, folder, target)
    return await asyncio.to_thread(_read, target)


async def _encode(stream: str, folder: Path, target: Path) -> None:
    """Encodes next to the target and renames, so that a folder under its final name is always complete."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="encoding-") as scratch:
        made = Path(scratch) / "loop"
        for variant in VARIANTS:
            (made / variant.name).mkdir(parents=True)
        await run_ffmpeg(*_arguments(stream, made))
        await asyncio.to_thread(_move, made, target)


def _move(made: Path, target: Path) -> None:
    """Another world may have been quicker: then its folder stays."""
    if not target.is_dir():
        made.rename(target)


async def run_ffmpeg(*arguments: str) -> None:
    """Raises OSError when there is none, or it fails."""
    process = await asyncio.create_subprocess_exec(
        find_ffmpeg(), *arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    try:
        _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise OSError(f"ffmpeg cannot encode the pictures: {errors.decode(errors='replace')[-500:]}")


def _arguments(stream: str, folder: Path) -> list[str]:
    """The tone starts one AAC frame (1024 samples at 32 kHz) late and ends with the picture: the encoder puts a silent
    frame before it, and so a turn of the loop holds exactly 625 frames and the next turn follows without overlap."""
    picture, pitch = STREAMS[stream]
    scales = ";".join(f"[v{v.name}]scale={v.width}:{v.height}[o{v.name}]" for v in VARIANTS)
    split = "".join(f"[v{v.name}]" for v in VARIANTS)
    tones = "".join(f"[a{v.name}]" for v in VARIANTS)
    graph = f"[0:v]split{split};{scales};[1:a]asetpts=PTS+0.032/TB,asplit{tones}"
    sound = f"sine=frequency={pitch}:sample_rate=32000:duration={LOOP_SECONDS - 0.032}"
    start = ["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    return [*start, "-filter_complex", graph, *(a for v in VARIANTS for a in _output(v, folder / v.name))]


def _output(variant: LoopVariant, folder: Path) -> list[str]:
    """Key frames on the segments' boundaries only. The HLS muxer keeps continuity counters across segments."""
    rate, every = f"{variant.kbps}k", str(FRAMES_PER_SECOND * SEGMENT_SECONDS)
    video = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-profile:v",
        "baseline",
        "-level",
        "3.0",
        "-pix_fmt",
        "yuv420p",
    ]
    keys = ["-g", every, "-keyint_min", every, "-sc_threshold", "0", "-b:v", rate, "-maxrate", rate, "-bufsize", rate]
    audio = ["-c:a", "aac", "-b:a", "64k", "-ac", "2"]
    cut = ["-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_list_size", "0"]
    names = ["-hls_segment_filename", str(folder / "%03d.ts"), str(folder / "list.m3u8")]
    maps = ["-map", f"[o{variant.name}]", "-map", f"[a{variant.name}]", "-t", str(LOOP_SECONDS)]
    return [*maps, *video, *keys, *audio, *cut, *names]


def _read(target: Path) -> Loop:
    loop = {v.name: tuple(f.read_bytes() for f in sorted((target / v.name).glob("*.ts"))) for v in VARIANTS}
    for name, segments in loop.items():
        if len(segments) != LOOP_SEGMENTS:
            raise OSError(f"{target / name} holds {len(segments)} segments and not {LOOP_SEGMENTS}")
    return loop
