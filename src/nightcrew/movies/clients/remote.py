"""How a torrent stands at a download client, in words that all clients share. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_NAME, MAX_PATH, MAX_WORDS = 300, 1000, 300
MAX_FILES = 100_000
MAX_TAGS = 50


class RemoteState(StrEnum):
    """What a client does with a torrent now."""

    METADATA = "metadata"
    """It asks peers for the description of a magnet."""
    CHECKING = "checking"
    """It checks, moves or makes room for data."""
    QUEUED = "queued"
    PAUSED = "paused"
    DOWNLOADING = "downloading"
    DONE = "done"
    """All that is wanted is there, whether it is still shared or not."""
    MISSING = "missing"
    """What it had downloaded is gone from its disk."""
    ERROR = "error"
    UNKNOWN = "unknown"
    """A state that is not known here. It changes nothing."""


@dataclass(frozen=True, slots=True)
class RemoteTorrent:
    """A torrent at a client. `hash` is the one that was asked for; `id` is what the client calls it."""

    hash: str
    id: str
    name: str
    state: RemoteState
    progress: float
    """The part of what is wanted that is there, 0–1."""
    size: int
    """Bytes of what is wanted; 0 while it is not known."""
    got: int
    """Bytes of its content that are there."""
    eta_s: float | None
    seeds: int
    """What trackers and peers say; 0 when nobody says anything."""
    error: str
    path: str
    """The folder that it is saved in, as the client sees it."""
    metadata: bool
    """Whether the client knows what files there are."""
    tags: tuple[str, ...] = ()
    category: str = ""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a torrent at a client. `index` is the client's number for it; `path` begins with the torrent's folder, if it has one."""

    index: int
    path: tuple[str, ...]
    size: int
    wanted: bool
    progress: float
    pad: bool = False


def is_pad(path: tuple[str, ...]) -> bool:
    """Whether a file only fills up a piece (BEP 47), as clients show those."""
    return len(path) > 1 and path[-2] == ".pad" and path[-1].isdigit()


def parts_of(name: str) -> tuple[str, ...]:
    """A path as a client writes it, in parts."""
    return tuple(part for part in name[:MAX_PATH].replace("\\", "/").split("/") if part)


def text(row: Mapping[str, Any], name: str, most: int = MAX_NAME) -> str:
    """A text field; empty for what is none."""
    value = row.get(name)
    return value[:most].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def count(row: Mapping[str, Any], name: str) -> int:
    """A whole number that is not below 0; 0 for what is none."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return int(min(max(value, 0), 1 << 60))


def share(row: Mapping[str, Any], name: str) -> float:
    """A number from 0 to 1."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0.0
    return min(1.0, max(0.0, float(value)))


def texts(values: Any) -> tuple[str, ...]:
    """A list of short texts."""
    if not isinstance(values, Collection) or isinstance(values, str | bytes):
        return ()
    return tuple(one[:MAX_NAME] for one in values if isinstance(one, str))[:MAX_TAGS]
