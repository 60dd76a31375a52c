"""Media of a few seconds by ffmpeg, recordings of them as a recorder leaves them, and the films that come of those."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.muxer import checking, joining
from nightcrew.muxer.wire import CheckOrder, Container, FilmOrder, FilmReport, order_line, order_of
from nightcrew.recorder import ledger
from nightcrew.recorder.parts import Parts, SegmentData
from nightcrew.recorder.wire import Order
from nightcrew.recordings import filing, material
from nightcrew.recordings.filing import Film

SECONDS = 2
"""Of each stretch; a segment takes one."""
X264 = "-c:v libx264 -preset ultrafast -g 25 -keyint_min 25 -sc_threshold 0 -pix_fmt yuv420p -bf 0"
B_FRAMES = "-c:v libx264 -preset veryfast -g 25 -keyint_min 25 -sc_threshold 0 -pix_fmt yuv420p -bf 3"
X265 = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:keyint=25:min-keyint=25:scenecut=0"
AAC = "-c:a aac -ac 2"


def picture(size: str = "160x90") -> str:
    """A moving picture."""
    return f"-f lavfi -i testsrc2=size={size}:rate=25"


def tone(hertz: int = 440, rate: int = 48000) -> str:
    """A sound."""
    return f"-f lavfi -i sine=frequency={hertz}:sample_rate={rate}"


TWO = "-map 0 -map 1 -map 2"
LANGUAGES = "-metadata:s:a:0 language=deu -metadata:s:a:1 language=eng"
STRETCHES: dict[str, tuple[str, str]] = {
    "plain": (f"{picture()} {tone()} {X264} {AAC}", "ts"),
    "reordered": (f"{picture()} {tone()} {B_FRAMES} {AAC}", "ts"),
    "mute": (f"{picture()} {X264}", "ts"),
    "mute fragments": (f"{picture()} {X264}", "mp4"),
    "larger mute": (f"{picture('320x180')} {X264}", "ts"),
    "larger": (f"{picture('320x180')} {tone()} {X264} {AAC}", "ts"),
    "44100": (f"{picture()} {tone(880, 44100)} {X264} {AAC}", "ts"),
    "mono": (f"{picture()} {tone()} {X264} -c:a aac -ac 1", "ts"),
    "ac3": (f"{picture()} {tone()} {X264} -c:a ac3 -ac 2", "ts"),
    "ac3 5.1": (f"{picture()} {tone()} {X264} -c:a ac3 -ac 6", "ts"),
    "eac3": (f"{picture()} {tone()} {X264} -c:a eac3 -ac 2", "ts"),
    "mp2": (f"{picture()} {tone()} {X264} -c:a mp2 -ac 2", "ts"),
    "mpeg2": (f"{picture()} {tone()} -c:v mpeg2video -g 25 -b:v 500k -c:a mp2 -ac 2", "ts"),
    "languages": (f"{picture()} {tone()} {tone(880)} {TWO} {X264} {AAC} {LANGUAGES}", "ts"),
    "german": (f"{picture()} {tone()} {X264} {AAC} -metadata:s:a:0 language=deu", "ts"),
    "hevc": (f"{picture()} {tone()} {X265} {AAC}", "ts"),
    "radio": (f"{tone()} {AAC}", "ts"),
    "latm": (f"{picture()} {tone()} {X264} {AAC} -mpegts_flags latm", "ts"),
    "packed": (f"{tone()} {AAC}", "aac"),
    "packed mp3": (f"{tone()} -c:a libmp3lame -ac 2", "mp3"),
    "packed ac3": (f"{tone()} -c:a ac3 -ac 2", "ac3"),
    "fragments": (f"{picture()} {tone()} {X264} {AAC}", "mp4"),
    "larger fragments": (f"{picture('320x180')} {tone()} {X264} {AAC}", "mp4"),
    "hevc fragments": (f"{picture()} {tone()} {X265} {AAC} -tag:v hvc1", "mp4"),
    "radio fragments": (f"{tone()} {AAC}", "mp4"),
    "opus fragments": (f"{picture()} {tone()} {X264} -c:a libopus", "mp4"),
    "av1 fragments": (f"{picture()} {tone()} -c:v libsvtav1 -preset 12 -g 25 {AAC}", "mp4"),
}
"""What ffmpeg makes them of, and their container."""


@dataclass(frozen=True, slots=True)
class Source:
    """A stretch of a stream: segments of a second, and the init section that they need."""

    segments: tuple[bytes, ...]
    init: bytes = b""

    @property
    def whole(self) -> bytes:
        """As one file."""
        return self.init + b"".join(self.segments)


@functools.cache
def source(name: str, offset: int = 0, seconds: int = SECONDS) -> Source:
    """A stretch by its name, whose times begin at `offset` seconds. Skips where this ffmpeg cannot make it."""
    words, kind = STRETCHES[name]
    return made(words, kind, offset, seconds)


def made(words: str, kind: str, offset: int = 0, seconds: int = SECONDS) -> Source:
    """What ffmpeg makes of some words. Skips where it cannot."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if kind == "mp4":
            form = (
                f"-f hls -hls_time 1 -hls_list_size 0 -hls_segment_type fmp4 -hls_segment_filename {folder}/s%03d.mp4"
            )
            form += f" -hls_fmp4_init_filename init.mp4 {folder}/all.m3u8"
        elif kind == "ts":
            flags = " -segment_format_options mpegts_flags=latm" if "latm" in words else ""
            form = f"-f segment -segment_time 1 -segment_format mpegts{flags} {folder}/s%03d.ts"
        else:
            muxer = {"aac": "adts"}.get(kind, kind)
            form = f"-f segment -segment_time 1 -segment_format {muxer} {folder}/s%03d.{kind}"
        words = words.replace("-mpegts_flags latm", "")
        command = [find_ffmpeg(), "-v", "error", *words.split(), "-t", str(seconds), "-output_ts_offset", str(offset)]
        done = subprocess.run([*command, *form.split()], capture_output=True, check=False, cwd=folder)
        if done.returncode:
            pytest.skip(f"this ffmpeg cannot make it: {done.stderr[-200:]!r}")
        init = (folder / "init.mp4").read_bytes() if kind == "mp4" else b""
        return Source(tuple(path.read_bytes() for path in sorted(folder.glob("s*"))), init)


def recorded(folder: Path, sources: Iterable[Source | float]) -> Path:
    """A recording of some stretches, one behind the other; a number: seconds that are missing. Returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = Parts(folder, "x")
    number, first = 0, True
    for one in sources:
        if isinstance(one, float):
            number += 1
            parts.lost(number, number, one, "the connection was interrupted")
            continue
        for place, body in enumerate(one.segments):
            number += 1
            piece = SegmentData(number, SECONDS / len(one.segments), body, None, not first and place == 0, one.init)
            parts.append(piece, Order(1, "", "x", ""), 1.0)
            first = False
    parts.close()
    return folder


def recorded_beside(folder: Path, sources: Iterable[Source | float], **about: object) -> None:
    """A sound with a playlist of its own, of a recording. `about`: its language, its name, and whether it is the default."""
    mine = folder / f"{ledger.SOUND}{about['name']}"
    mine.mkdir(parents=True)
    parts = Parts(mine, "x")
    parts.note(k="sound", **about)
    parts.close()
    recorded(mine, sources)


def films(folder: Path) -> list[Film]:
    """What its ledgers say is to be made."""
    tally, runs = material._read(folder)
    made = filing.films(runs)
    filing.add_sounds(made, material._sounds(folder, tally))
    return made


def make(
    film: Film, path: Path, container: Container | None = None, *, first: bool = True, last: bool = True
) -> FilmReport:
    """Write a film, from an order as a muxer gets it."""
    order = FilmOrder(
        str(path),
        container or film.container("auto"),
        tuple(film.slots),
        film.stretches(),
        beside=film.inputs_beside(),
        first=first,
        last=last,
    )
    sent = order_of(order_line(order))
    assert isinstance(sent, FilmOrder)
    return joining.make(sent, lambda _count: None, lambda: None)


def read(path: Path) -> FilmReport:
    """What is in a film."""
    return checking.check(CheckOrder(str(path), filing.container_of(path.suffix)), lambda _count: None)


@dataclass(slots=True)
class Content:
    """Pictures, samples of each sound in its order, and packets of subtitles that a decoder makes of media."""

    pictures: int = 0
    samples: int = 0
    subtitles: int = 0

    def __add__(self, other: Content) -> Content:
        return Content(self.pictures + other.pictures, self.samples + other.samples, self.subtitles + other.subtitles)


def content(media: Path) -> Content:
    """Counted by libav alone, without anything of the product."""
    found = Content()
    with av.open(str(media)) as file:
        for packet in file.demux():
            kind = packet.stream.type
            if kind == "subtitle":
                found.subtitles += bool(packet.size)
            elif kind in {"video", "audio"}:
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    continue
                found.pictures += len(frames) if kind == "video" else 0
                found.samples += sum(getattr(frame, "samples", 0) for frame in frames) if kind == "audio" else 0
    return found


def content_of(sources: Sequence[Source | float], folder: Path) -> Content:
    """All that some stretches hold, each decoded by itself."""
    total = Content()
    for number, one in enumerate(sources):
        if not isinstance(one, float):
            path = folder / f"source{number}"
            path.write_bytes(one.whole)
            total += content(path)
    return total
