"""What commands use of the API's answers, and how people are told of it. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict


class CheckRunJson(TypedDict):
    """A run of checks with its counts of streams."""

    id: int
    title: str
    state: str
    total: int
    done: int
    ok: int
    failed: int
    interrupted: int


def line(run: CheckRunJson) -> str:
    """A run in one line."""
    counts = f"{run['ok']} ok, {run['failed']} failed, {run['interrupted']} interrupted"
    return f"run {run['id']}, {run['title']}: {run['state']}, {run['done']} of {run['total']} done: {counts}"


def progress(run: CheckRunJson) -> str:
    """A run while it is followed."""
    state = "" if run["state"] == "running" else f" ({run['state']})"
    return f"{run['title']}{state}: {run['done']} of {run['total']}"


class FoundJson(TypedDict):
    """What a check has found, or is known of a stream."""

    score: float | None
    width: int | None
    height: int | None
    fps: float | None
    video_codec: str | None
    bitrate_kbps: float | None
    used_profile: str | None


class CheckJson(FoundJson):
    """The result of one check."""

    trace: list[str]


def columns(found: FoundJson) -> Mapping[str, Any]:
    """A result or a stream in columns."""
    size, rate, score = f"{found['width']}×{found['height']}", found["bitrate_kbps"], found["score"]
    return {
        "picture": f"{size} {found['fps'] or 0:.0f} fps {found['video_codec'] or ''}" if found["width"] else "",
        "kbit/s": None if rate is None else round(rate),
        "score": None if score is None else f"{score:.2f}",
        "profile": found["used_profile"],
    }
