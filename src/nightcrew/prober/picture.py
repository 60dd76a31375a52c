"""Pictures and sound: has anything moved, is it black, is it silent; and a small still for a page."""

from __future__ import annotations

import base64
import contextlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane

SMALL = (64, 36)
"""Pixels to which pictures are scaled before they are compared: what moves differs here."""
POINTS = (160, 90)
"""Pixels that are picked out unscaled: a camera's noise differs here, even when nothing moves."""
STILL_MEAN, STILL_PEAK, POINTS_MEAN = 0.6, 10, 0.9
"""Differences, in levels of 255, up to which two pictures may be one, encoded twice: the mean and the largest of the scaled
pixels, the mean of the picked ones. Seen: a card encoded at 0.8 to 4 Mbit/s 0.04–0.18, 1–3 and 0.05–0.58; a camera's
noise of strength 3 or more over a picture that stands still 1.28–3.5 in the last."""
BLACK_LEVEL = 32
"""Luma up to which a pixel is black: the limited range begins at 16 (ITU-R BT.709)."""
BLACK_SHARE = 0.98
MOST_REMEMBERED = 60
"""Pictures that are kept to see whether they come again."""
TOGETHER = 0.15
"""Seconds within which two distances in time are one."""
SILENCE = 10 ** (-60 / 20)
"""Peak of a full scale of 1 up to which sound is silent: −60 dB."""
_TYPES = {"u8": "B", "s16": "h", "s32": "i", "flt": "f", "dbl": "d"}
_FULL = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "flt": 1.0, "dbl": 1.0}


@dataclass(frozen=True, slots=True)
class Small:
    """A picture in few pixels: its luma scaled, and picked out, and its colours scaled."""

    scaled: bytes
    points: bytes
    colours: bytes

    def same(self, other: Small) -> bool:
        """Whether two pictures may be one, encoded twice."""
        points = _differences(self.points, other.points)
        areas = (_differences(self.scaled, other.scaled), _differences(self.colours, other.colours))
        alike = all(max(found) <= STILL_PEAK and fmean(found) <= STILL_MEAN for found in areas)
        return alike and fmean(points) <= POINTS_MEAN


def _differences(one: bytes, other: bytes) -> list[int]:
    return [abs(a - b) for a, b in zip(one, other, strict=True)]


class SeenPictures:
    """What the decoded pictures have shown so far."""

    def __init__(self, still: int, aspect: Fraction) -> None:
        self._still_width = still
        self._aspect = aspect
        self._first: Small | None = None
        self._first_at = 0.0
        self._seen: list[tuple[float, Small]] = []
        self._jpeg = b""
        self._jpeg_is_black = True
        self.count = 0
        self.moving = False
        self.light = False
        self.apart = 0.0
        """Seconds of media between the first picture and the last."""
        self.at = 0.0
        """Seconds of media at the last one."""

    def add(self, frame: VideoFrame, at: float) -> None:
        """Look at one picture. `at` in seconds of media."""
        small = _small(frame)
        black = sum(level <= BLACK_LEVEL for level in small.scaled) >= BLACK_SHARE * len(small.scaled)
        self.count += 1
        self.at = at
        if len(self._seen) < MOST_REMEMBERED:
            self._seen.append((at, small))
        self.light = self.light or not black
        if self._first is None:
            self._first, self._first_at = small, at
        else:
            self.apart = max(self.apart, at - self._first_at)
            self.moving = self.moving or not self._first.same(small)
        if self._still_width and (not self._jpeg or (self._jpeg_is_black and not black)):
            self._jpeg, self._jpeg_is_black = jpeg(frame, self._still_width, self._aspect), black

    @property
    def loop(self) -> float:
        """Seconds after which two or more different pictures have come again; 0 when they did not."""
        return loop_of(self._seen) if self.moving else 0.0

    @property
    def still(self) -> str:
        """The first picture that is not black, as a JPEG in base64."""
        return base64.b64encode(self._jpeg).decode()


def loop_of(seen: Sequence[tuple[float, Small]]) -> float:
    """The period of a clip that is shown again and again, by times and pictures in order; 0 for anything else.

    Two different pictures have to come again at one distance. Of one that stands still only the beginning counts.
    """
    began = [one for number, one in enumerate(seen) if not number or not one[1].same(seen[number - 1][1])]
    again: list[tuple[float, Small]] = []
    for number, (at, picture) in enumerate(began):
        before = next((then for then, earlier in reversed(began[:number]) if picture.same(earlier)), None)
        if before is None:
            continue
        period = at - before
        if any(abs(other - period) < TOGETHER and not picture.same(shown) for other, shown in again):
            return period
        again.append((period, picture))
    return 0.0


class Sound:
    """Whether anything was heard."""

    def __init__(self) -> None:
        self.heard = False
        self.frames = 0

    def add(self, frame: AudioFrame) -> None:
        """Listen to one frame."""
        self.frames += 1
        name = frame.format.name
        kind, planar = name.removesuffix("p"), name.endswith("p")
        if kind not in _TYPES:
            self.heard = True  # a format that is not known is not called silent
            return
        values = frame.samples * (1 if planar else len(frame.layout.channels))
        for plane in frame.planes:
            samples = array(_TYPES[kind])
            samples.frombytes(bytes(plane)[: values * samples.itemsize])
            middle = 128 if kind == "u8" else 0
            peak = max(max(samples, default=0) - middle, middle - min(samples, default=0))
            if peak / _FULL[kind] > SILENCE:
                self.heard = True
                return


def _small(frame: VideoFrame) -> Small:
    width, height = SMALL
    luma, *chroma = frame.reformat(width=width, height=height, format="yuv444p", interpolation="AREA").planes
    colours = b"".join(_pixels(plane, width, height) for plane in chroma)
    picked = frame.reformat(width=POINTS[0], height=POINTS[1], format="gray8", interpolation="POINT").planes[0]
    return Small(_pixels(luma, width, height), _pixels(picked, *POINTS), colours)


def _pixels(plane: VideoPlane, width: int, height: int) -> bytes:
    """A plane without what pads its lines."""
    data, pitch = bytes(plane), plane.line_size
    return b"".join(data[row * pitch : row * pitch + width] for row in range(height))


def jpeg(frame: VideoFrame, width: int, aspect: Fraction) -> bytes:
    """A JPEG of the picture as it is shown, `width` wide; empty when it cannot be encoded. `aspect`: a pixel's width to its height."""
    shown = frame.width * aspect
    height = max(2, min(2 * width, round(width * frame.height / shown / 2) * 2))
    with contextlib.suppress(av.FFmpegError, ValueError):
        encoder = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
        encoder.time_base = Fraction(1, 25)
        encoder.options = {"qmin": "6", "qmax": "6"}
        scaled = frame.reformat(width=width, height=height, format="yuvj420p", interpolation="AREA")
        scaled.pts = 0
        scaled.time_base = Fraction(1, 25)
        scaled.pict_type = av.video.frame.PictureType.NONE
        return b"".join(bytes(packet) for packet in [*encoder.encode(scaled), *encoder.encode(None)])
    return b""
