"""What the JSON routes of the checks answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nightcrew.checks.rules import ScorePart
from nightcrew.web.answers import Answer, Kilobits, Moment, Seconds

VerdictName = Literal["ok", "failed", "interrupted"]


class RunRow(Answer):
    """A run with its progress, in streams."""

    id: int
    title: str
    asked_by: str
    state: Literal["running", "paused", "cancelled", "done"]
    created_at: Moment | None
    ended_at: Moment | None
    total: int
    done: int
    ok: int
    failed: int
    interrupted: int
    died: int = Field(description="Dead since this run.")
    revived: int = Field(description="Working again since this run.")
    seconds_left: Seconds | None


class CheckRow(Answer):
    """The result of one check."""

    id: int
    stream: int
    url: str
    run: int | None
    at: Moment | None
    verdict: VerdictName
    reason: str | None
    score: float | None
    score_parts: list[ScorePart]
    width: int | None
    height: int | None
    fps: float | None
    video_codec: str | None
    audio_codec: str | None
    bitrate_kbps: Kilobits | None
    first_byte_s: Seconds | None
    used_profile: str | None
    failover_attempts: int
    failover_phase: int
    phase2_elapsed: Seconds
    all_profiles_failed: bool
    elapsed_s: Seconds
    trace: list[str]


class StreamStanding(Answer):
    """A stream with what is known of it."""

    stream: int
    url: str
    channel: int
    channel_name: str
    source: str
    source_id: int
    verdict: VerdictName | None
    reason: str | None
    at: Moment | None
    good_at: Moment | None
    dead_since: Moment | None
    due_at: Moment | None
    running: bool
    parked: bool
    score: float | None
    width: int | None
    height: int | None
    fps: float | None
    video_codec: str | None
    audio_codec: str | None
    bitrate_kbps: Kilobits | None
    used_profile: str | None
    failures: int = Field(description="In a row.")
    still: str | None = Field(description="The address of its last picture.")
