"""What lies between the server and a recorder: a folder with one order for each recording, and the recorder's pulse."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

PULSE = "pulse.json"
"""The recorder writes it about once a second: that it lives, and how its recordings stand."""
ORDERS = "orders"
MAX_ORDER = 1 << 20
PROTECTED = "this stream is protected (DRM) and cannot be recorded"
"""What is said of such a stream, wherever that is found out."""

ReadingState = Literal["starting", "reading", "waiting", "offline", "full", "held", "over", "failed"]
Kind = Literal["auto", "hls", "http", "ffmpeg"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with one recording. Changing its file changes what is done, within a second.

    `part_seconds` and `part_bytes`: when a part is full (0: never). `rotate`: how often a new part was asked for by hand,
    `stop`: finish what is being read, and end. `hold_until`: until when (seconds of the clock that counts since the boot) the
    connection may be used, None: for ever. `private`: whether it may be read from a private network.
    `proxy`: the address of the one that everything goes through. `options`: those of streamlink's plugins.
    `until`: when it ends by itself, on the same clock. `begun`: something is on disk already, and nothing begins anew without it.
    """

    recording: int
    folder: str
    stem: str
    url: str
    kind: Kind = "auto"
    headers: Mapping[str, str] = field(default_factory=dict)
    quality: str = "best"
    part_seconds: float = 86_400.0
    part_bytes: int = 100 * 10**9
    rotate: int = 0
    stop: bool = False
    hold_until: float | None = None
    private: bool = False
    ffmpeg: str = ""
    until: float | None = None
    begun: bool = False
    proxy: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> tuple[str, ...]:
        """What is read, and how: recordings for which that is the same share a connection."""
        asked = (f"{name}: {value}" for name, value in sorted(self.headers.items()))
        options = json.dumps(self.options, sort_keys=True)
        return (self.url, self.kind, self.quality, str(self.private), self.ffmpeg, self.proxy, options, *asked)

    def save(self, folder: Path) -> None:
        """Write it whole, readable by this user alone: addresses hold logins."""
        path = folder / ORDERS / f"{self.recording}.json"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, json.dumps(asdict(self)).encode())


@dataclass(frozen=True, slots=True)
class ReadingStatus:
    """How a recording stands in its recorder. `since`: seconds of the boot's clock at which it began to stand so."""

    state: ReadingState
    since: float
    reason: str = ""
    target: float = 0.0
    """The playlist's target duration in seconds, 0 without one."""
    moved: float = 0.0
    """When the source last showed something new, on the boot's clock."""
    alive: float = 0.0
    """When its thread last did anything, on the boot's clock."""


@dataclass(frozen=True, slots=True)
class RecorderPulse:
    """A sign of life. `at` is on the clock that counts since the boot."""

    at: float
    recordings: Mapping[int, ReadingStatus] = field(default_factory=dict)

    def payload(self) -> bytes:
        """As it is written."""
        return json.dumps({"at": self.at, "recordings": {k: asdict(v) for k, v in self.recordings.items()}}).encode()


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """What a scout has found. `live` None: it cannot be told now, and `error` says why. `protected`: it cannot be recorded at all."""

    id: int
    live: bool | None
    title: str = ""
    category: str = ""
    author: str = ""
    error: str = ""
    protected: bool = False


def boottime() -> float:
    """Seconds since the boot, also those asleep: no change of the wall clock moves it."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def read_orders(folder: Path) -> dict[int, Order]:
    """All orders that can be read, by recording."""
    found: dict[int, Order] = {}
    for path in sorted((folder / ORDERS).glob("*.json")):
        with contextlib.suppress(TypeError):  # no object, or one of another version
            order = Order(**_small(path))
            found[order.recording] = order
    return found


def read_pulse(folder: Path) -> RecorderPulse | None:
    """The last sign of life, None when there is none yet."""
    raw = _small(folder / PULSE)
    if not isinstance(raw, dict):
        return None
    try:
        touched = time.clock_gettime(time.CLOCK_REALTIME) - (folder / PULSE).stat().st_mtime
        at = max(
            float(raw["at"]), boottime() - touched if 0 <= touched < 60 else 0.0
        )  # a full disk lets it be touched only
        return RecorderPulse(at, {int(key): ReadingStatus(**value) for key, value in raw["recordings"].items()})
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _small(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return json.loads(file.read(MAX_ORDER))
    except (OSError, ValueError, RecursionError):
        return None


def write_whole(path: Path, payload: bytes) -> None:
    """Replace a file at once, without waiting for the disk. Raises OSError."""
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if os.write(descriptor, payload) != len(payload):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)
    beside.replace(path)
