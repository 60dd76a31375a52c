"""Decodes a file of music to its end."""

from __future__ import annotations

import contextlib
from array import array
from dataclasses import dataclass, field, replace
from typing import Any, cast

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from nightcrew.listener import ogg, spectrum
from nightcrew.listener.wire import Heard

LOSSLESS = frozenset({"flac", "alac", "ape", "wavpack", "tta"})
"""Codecs whose spectrum is looked at, besides PCM."""
WINDOWS = 120
"""Windows of the spectrum that are looked at of one file."""
TAGS = {
    "title": ("title",),
    "artist": ("artist",),
    "album": ("album",),
    "isrc": ("isrc", "tsrc"),
    "mbid": ("musicbrainz_trackid", "musicbrainz track id"),
}
LONGEST = 86_400.0
"""Seconds after which a file is not decoded further."""


@dataclass(slots=True)
class _Windows:
    """The mean power of windows that are spread over a file. `every`: seconds from one to the next."""

    every: float
    rate: int
    count: int = 0
    _next: float = 2.0
    _sum: list[float] = field(default_factory=lambda: [0.0] * (spectrum.SIZE // 2))
    _resampler: AudioResampler | None = None
    _held: array[float] = field(default_factory=lambda: array("f"))

    def take(self, frame: AudioFrame, at: float) -> None:
        """Look at a frame that begins at `at` seconds, when the next window is due."""
        if at < self._next or self.count >= WINDOWS:
            return
        self._resampler = self._resampler or AudioResampler(format="flt", layout="mono")
        for one in self._resampler.resample(frame):
            self._held.frombytes(bytes(one.planes[0])[: one.samples * 4])
        if len(self._held) < spectrum.SIZE:
            return
        found = spectrum.power(self._held[: spectrum.SIZE])
        self._sum = [before + more for before, more in zip(self._sum, found, strict=True)]
        self.count += 1
        self._held = array("f")
        self._next = at + self.every

    @property
    def cutoff(self) -> float | None:
        """Where an encoder has ended the spectrum."""
        if self.count < 5:
            return None
        return spectrum.cutoff([one / self.count for one in self._sum], self.rate)


def hear(path: str) -> Heard:
    """Open and decode a file. One that cannot be read is told of in `failed`."""
    try:
        with av.open(f"file:{path}", "r", options={"protocol_whitelist": "file"}, metadata_errors="replace") as source:
            heard = _hear(source)
        return replace(heard, cut=True) if heard.container == "ogg" and ogg.is_cut(path) else heard
    except (av.FFmpegError, ValueError, OSError) as exc:
        return Heard(failed=f"it cannot be opened: {(getattr(exc, 'strerror', None) or str(exc))[:200].lower()}")


def _hear(source: Any) -> Heard:
    stream = next(iter(source.streams.audio), None)
    if stream is None:
        return Heard(container=source.format.name, failed="it has no sound")
    context = stream.codec_context
    declared = _declared(source, stream)
    rate = int(context.sample_rate or 0)
    lossless = context.name in LOSSLESS or context.name.startswith("pcm_")
    windows = _Windows(max(0.5, (declared or 240.0) / WINDOWS), rate) if lossless else None
    decoded, broken, sound = 0.0, 0, 0
    for packet in source.demux(stream):
        sound += packet.size
        try:
            frames = cast("list[AudioFrame]", packet.decode())
        except (av.FFmpegError, ValueError):
            broken += 1
            continue
        for frame in frames:
            if windows is not None:
                with contextlib.suppress(
                    av.FFmpegError, ValueError
                ):  # what no resampler takes has no spectrum to look at
                    windows.take(frame, decoded)
            decoded += frame.samples / (frame.sample_rate or rate or 1)
        if decoded > LONGEST:
            break
    return Heard(
        container=source.format.name,
        codec=context.name,
        declared=declared,
        decoded=round(decoded, 3),
        broken=broken,
        bitrate=round(source.bit_rate / 1000) if source.bit_rate else None,
        rate=rate,
        cutoff=None if windows is None else windows.cutoff,
        channels=int(context.channels or 0),
        sound=sound,
        tags=_tags({**stream.metadata, **source.metadata}),
    )


def _declared(source: Any, stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        return round(float(stream.duration * stream.time_base), 3)
    return round(source.duration / av.time_base, 3) if source.duration else None


def _tags(found: dict[str, str]) -> dict[str, str]:
    lower = {key.lower(): value for key, value in found.items()}
    named = {name: next((lower[key] for key in keys if lower.get(key)), "") for name, keys in TAGS.items()}
    return {name: value[:500] for name, value in named.items() if value}
