"""Pictures that carry their own number: a film made of them, and what numbers a recording of it holds.

A picture is three bands: the number in 24 blocks of black and white, lowest bit first; the same bits inverted and in
reverse order, so that a torn or mixed picture is noticed and not misread; and a pattern that moves.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Literal

from nightcrew.demo.pictures import find_ffmpeg

FPS = 25
BITS = 24
BLOCK_WIDTH, BAND_HEIGHT, MOVING_HEIGHT = 16, 24, 16
WIDTH, HEIGHT = BITS * BLOCK_WIDTH, 2 * BAND_HEIGHT + MOVING_HEIGHT
BLACK, WHITE = 16, 235
SURELY_BLACK, SURELY_WHITE = 72, 184
"""Limits of a block's mean; between them it is neither, as in a picture that is mixed from two."""

_BLOCKS = (bytes([BLACK]) * BLOCK_WIDTH, bytes([WHITE]) * BLOCK_WIDTH)
_ROWS = [b"".join(_BLOCKS[value >> bit & 1] for bit in range(8)) for value in range(256)]
_GUARDS = [b"".join(_BLOCKS[~value >> bit & 1] for bit in reversed(range(8))) for value in range(256)]
_RAMP = bytes(BLACK + abs(at % 96 - 48) * 4 for at in range(WIDTH + 96))


@dataclass(frozen=True)
class Film:
    """Segments of equal length that begin with a key frame; the timestamps go on through all of them."""

    segments: tuple[bytes, ...]
    init: bytes | None
    """The initialization segment of fragmented MP4; None for MPEG-TS."""
    segment_seconds: float
    fps: int
    frames_per_segment: int


@dataclass(frozen=True)
class Account:
    """What became of the pictures from the lowest to the highest number that was found."""

    first: int
    last: int
    missing: list[tuple[int, int]]
    """Ranges, both ends inclusive."""
    doubled: list[int]
    disordered: bool
    """A picture follows one with a higher number."""

    @property
    def whole(self) -> bool:
        """Each picture once, and in order."""
        return not (self.missing or self.doubled or self.disordered)


def encode(folder: Path, *, seconds: int, segment: float, kind: Literal["ts", "fmp4"] = "ts") -> Film:
    """A film whose pictures are numbered from 0. One that the folder already holds is reused. Raises OSError."""
    frames = round(segment * FPS)
    if abs(frames - segment * FPS) > 1e-6 or seconds * FPS % frames:
        raise ValueError(f"{seconds} s do not make whole segments of {segment} s at {FPS} pictures a second")
    recipe = repr((_encoder(Path(), seconds, frames, kind), WIDTH, HEIGHT, zlib.crc32(b"".join(_pictures(1)))))
    target = folder / f"film-{kind}-{zlib.crc32(recipe.encode()):08x}"
    if not target.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="encoding-") as scratch:
            made = Path(scratch) / "film"
            made.mkdir()
            _encode(made, seconds, frames, kind)
            if not target.is_dir():
                made.rename(target)
    init = target / "init.mp4"
    segments = tuple(file.read_bytes() for file in sorted(target.glob("[0-9]*")))
    if len(segments) != seconds * FPS // frames:
        raise OSError(f"{target} holds {len(segments)} segments and not {seconds * FPS // frames}")
    return Film(segments, init.read_bytes() if kind == "fmp4" else None, frames / FPS, FPS, frames)


def numbers(path: Path, *, skip_torn: bool = False) -> list[int]:
    """The numbers of a file's pictures in the order in which they are shown.

    Raises ValueError for a file that ffmpeg cannot decode, and for a picture whose number cannot be read, unless
    `skip_torn` says to leave such pictures out, as at the end of a file whose writer was killed.
    """
    found, shown = [], _means(path)
    for at in range(0, len(shown), 2 * BITS):
        try:
            found.append(_number(shown[at : at + 2 * BITS]))
        except ValueError as exc:
            if not skip_torn:
                raise ValueError(f"{path}: picture {at // (2 * BITS)} cannot be read: {exc}") from exc
    return found


def numbers_of(*paths: Path, skip_torn: bool = False) -> list[int]:
    """The numbers of several files, one after the other."""
    return [number for path in paths for number in numbers(path, skip_torn=skip_torn)]


def account(found: Sequence[int]) -> Account:
    """Raises ValueError when nothing was found."""
    if not found:
        raise ValueError("there is no picture to account for")
    times = Counter(found)
    known = sorted(times)
    return Account(
        first=known[0],
        last=known[-1],
        missing=[(one + 1, after - 1) for one, after in pairwise(known) if after > one + 1],
        doubled=[number for number in known if times[number] > 1],
        disordered=any(after < one for one, after in pairwise(found)),
    )


def _pictures(count: int) -> Iterator[bytes]:
    """Raw gray."""
    for number in range(count):
        low, middle, high = number.to_bytes(3, "little")
        row = _ROWS[low] + _ROWS[middle] + _ROWS[high]
        guard = _GUARDS[high] + _GUARDS[middle] + _GUARDS[low]
        shift = number * 4 % 96
        yield row * BAND_HEIGHT + guard * BAND_HEIGHT + _RAMP[shift : shift + WIDTH] * MOVING_HEIGHT


def _encode(folder: Path, seconds: int, frames: int, kind: str) -> None:
    process = subprocess.Popen(
        _encoder(folder, seconds, frames, kind),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    feeding = threading.Thread(target=_feed, args=(process.stdin, seconds * FPS), name="pictures")
    feeding.start()
    assert process.stderr is not None
    errors = process.stderr.read()
    feeding.join()
    process.stderr.close()
    if process.wait():
        raise OSError(f"ffmpeg cannot encode the film: {errors.decode(errors='replace')[-500:]}")


def _feed(pipe: IO[bytes], count: int) -> None:
    """An encoder that ends early says why itself."""
    with contextlib.suppress(BrokenPipeError), pipe:
        for picture in _pictures(count):
            pipe.write(picture)


def _encoder(folder: Path, seconds: int, frames: int, kind: str) -> list[str]:
    """The tone starts one AAC frame (1024 samples at 32 kHz) late: the encoder puts a silent frame before it."""
    source = f"-f rawvideo -pix_fmt gray -s {WIDTH}x{HEIGHT} -r {FPS} -i pipe:0".split()
    tone = f"sine=frequency=440:sample_rate=32000:duration={seconds - 0.032},asetpts=PTS+0.032/TB"
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0", "-flags", "+cgop"]
    keys = ["-sc_threshold", "0", "-g", str(frames), "-keyint_min", str(frames)]
    audio = ["-c:a", "aac", "-b:a", "48k", "-ac", "2"]
    # half a picture less than a segment: the muxer cuts at the key frame whatever rounding does to its time
    cut = ["-f", "hls", "-hls_time", f"{(frames - 0.5) / FPS:.3f}", "-hls_list_size", "0"]
    if kind == "fmp4":
        cut += ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4"]
    names = ["-hls_segment_filename", str(folder / ("%06d.m4s" if kind == "fmp4" else "%06d.ts"))]
    command = [find_ffmpeg(), "-v", "error", "-y", *source, "-f", "lavfi", "-i", tone, "-map", "0:v", "-map", "1:a"]
    return [*command, *video, *keys, *audio, "-t", str(seconds), *cut, *names, str(folder / "list.m3u8")]


def _means(path: Path) -> bytes:
    """Of each picture the mean of each block: 24 bytes for the number and 24 for its guard."""
    means = f"crop={WIDTH}:{2 * BAND_HEIGHT}:0:0:exact=1,scale={BITS}:2:flags=area,format=gray"
    start = [find_ffmpeg(), "-nostdin", "-v", "error", "-i", str(path), "-map", "0:v:0", "-vf", means]
    decoded = subprocess.run([*start, "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"], capture_output=True)
    if decoded.returncode or len(decoded.stdout) % (2 * BITS):
        raise ValueError(f"{path} cannot be decoded: {decoded.stderr.decode(errors='replace')[-500:]}")
    return decoded.stdout


def _number(means: bytes) -> int:
    unclear = [at for at, mean in enumerate(means) if SURELY_BLACK < mean < SURELY_WHITE]
    if unclear:
        raise ValueError(f"block {unclear[0]} is neither black nor white")
    bits = [mean >= SURELY_WHITE for mean in means]
    number, guard = bits[:BITS], bits[BITS:]
    if any(one == other for one, other in zip(number, reversed(guard), strict=True)):
        raise ValueError("the number and its guard do not agree")
    return sum(1 << at for at, bit in enumerate(number) if bit)
