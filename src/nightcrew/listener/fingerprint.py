"""The fingerprint of a file's sound, made by `fpcalc` (Chromaprint).

It gets samples that were decoded here, never the file: what a stranger's file says opens nothing there.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import av
from av.audio.resampler import AudioResampler

from nightcrew.listener.wire import Printed

SECONDS = 120
"""How much of a file the fingerprint is made of, from its beginning."""
RATE = 11_025
"""Samples a second that Chromaprint works with."""
LIMIT = 60.0
"""Seconds that `fpcalc` may take."""
MOST_WORDS = 2_000


def make(path: str, program: str) -> Printed:
    """Decode the beginning of a file and have `program` make its fingerprint."""
    try:
        samples = _samples(path)
    except (av.FFmpegError, ValueError, OSError) as exc:
        return Printed(failed=f"it cannot be opened: {(getattr(exc, 'strerror', None) or str(exc))[:200].lower()}")
    given = ("-raw", "-json", "-format", "s16le", "-rate", str(RATE), "-channels", "1", "-length", str(SECONDS), "-")
    try:
        done = subprocess.run((program, *given), input=samples, capture_output=True, timeout=LIMIT, check=False)  # noqa: S603
        found = json.loads(done.stdout)["fingerprint"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as exc:
        return Printed(failed=f"fpcalc makes no fingerprint ({type(exc).__name__})")
    if not isinstance(found, list) or not all(isinstance(word, int) for word in found):
        return Printed(failed="fpcalc says no fingerprint")
    return Printed(words=found[:MOST_WORDS])


def _samples(path: str) -> bytes:
    """16 bits each, one channel, `RATE` a second. Raises what libav does."""
    resampler, shape = AudioResampler(format="s16", layout="mono", rate=RATE), None
    found, most = bytearray(), 2 * RATE * SECONDS
    with av.open(f"file:{path}", "r", options={"protocol_whitelist": "file"}, metadata_errors="replace") as source:
        stream = next(iter(source.streams.audio), None)
        if stream is None:
            raise ValueError("it has no sound")
        for packet in source.demux(stream):
            try:
                frames: Any = packet.decode()
            except (av.FFmpegError, ValueError):
                continue
            for frame in frames:
                if shape not in (None, now := (frame.format.name, frame.layout.name, frame.sample_rate)):
                    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
                shape = now
                for one in resampler.resample(frame):
                    found += bytes(one.planes[0])[: 2 * one.samples]
            if len(found) >= most:
                break
    return bytes(found[:most])
