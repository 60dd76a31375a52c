"""What the server and a prober say to each other, in frames (`frames.py`).

The server begins with a frame that holds a `ProbeTask`, goes on with the stream's bytes, and ends with an empty frame. The
prober answers with one `ProbeReport` as soon as it knows enough; it passes over what still comes until the empty frame.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from nightcrew.frames import framed

MAX_REPORT = 4 << 20
"""Bytes of the largest report that is read."""


@dataclass(frozen=True, slots=True)
class ProbeTask:
    """What to find out. `sample` seconds of media are looked at, 0: headers only; up to `doubt` seconds when the picture may
    be frozen or black, or the sound silent. The answer comes within `limit` seconds of the first byte. `still` 0: no picture."""

    sample: float = 3.0
    doubt: float = 15.0
    limit: float = 25.0
    least: float = 0.0
    """Seconds since the first byte for which a stream must have gone on coming, however much of it came at once."""
    stillness: bool = True
    blackness: bool = True
    silence: bool = True
    """Whether it matters that a picture stands still, is black, or that the sound is silent."""
    loops: bool = True
    """Whether it matters that the same few seconds are shown again and again."""
    suspect: bool = False
    """Whether that is to be looked for, whatever the stream itself says."""
    still: int = 256
    known: tuple[str, int, int] | None = None
    """Video codec, width and height of a stream for which its headers are enough, as long as they are these."""

    def frame(self) -> bytes:
        """As the first frame of a job."""
        return framed(json.dumps(asdict(self)).encode())


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What was found. 0 and empty stand for nothing; `None` for what was not looked at or cannot be told.

    `fps` frames a second, `kbps` kilobits a second of media time, `seconds` of media in `wall` seconds since the first byte;
    `still` is a JPEG in base64.
    """

    container: str = ""
    video_codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    audio_codec: str = ""
    sample_rate: int = 0
    channels: int = 0
    kbps: float = 0.0
    seconds: float = 0.0
    wall: float = 0.0
    pictures: int = 0
    frozen: bool | None = None
    black: bool | None = None
    silent: bool | None = None
    loop: float = 0.0
    """Seconds after which the same pictures come again, 0 when they do not."""
    ended: bool = False
    """Whether the bytes ended before enough was seen."""
    late: bool = False
    """Whether the time was up before enough was seen."""
    still: str = ""
    error: str = ""
    notes: tuple[str, ...] = field(default=())

    def payload(self) -> bytes:
        """As the answer to a job."""
        return json.dumps(asdict(self)).encode()


END = framed(b"")


def ask_of(payload: bytes) -> ProbeTask:
    """Read an `ProbeTask`."""
    found = json.loads(payload)
    known = found.get("known")
    return ProbeTask(**{**found, "known": tuple(known) if known else None})
