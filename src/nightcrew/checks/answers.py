"""What the JSON routes of the checks answer: fields of `models` under the names that scripts know."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from nightcrew.checks.rules import ScorePart
from nightcrew.playlists.exports import shown_url
from nightcrew.web.answers import Answer, Kilobits, Moment, Seconds

VerdictName = Literal["ok", "failed", "interrupted"]
Url = Annotated[str, BeforeValidator(shown_url)]
Known = Annotated[str | None, BeforeValidator(lambda text: text or None)]
"""Text that is empty where nothing is known."""


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


class Seen(Answer):
    """A stream, with what a check has seen of it."""

    stream: int = Field(validation_alias="stream_id")
    url: Url
    reason: str | None
    score: float | None
    width: int | None
    height: int | None
    fps: float | None
    video_codec: Known
    audio_codec: Known
    bitrate_kbps: Kilobits | None = Field(validation_alias="kbps")
    used_profile: str | None


class CheckRow(Seen):
    """The result of one check."""

    id: int
    run: int | None = Field(validation_alias="run_id")
    at: Moment | None
    verdict: VerdictName
    score_parts: Annotated[list[ScorePart], BeforeValidator(lambda parts: parts or [])] = Field(
        validation_alias="parts"
    )
    first_byte_s: Seconds | None = Field(validation_alias="first_byte")
    failover_attempts: int
    failover_phase: int
    phase2_elapsed: Seconds
    all_profiles_failed: bool
    elapsed_s: Seconds = Field(validation_alias="elapsed")
    trace: list[str] = Field(validation_alias="told")


class StreamStanding(Seen):
    """A stream, with what is known about it."""

    channel: int = Field(validation_alias="channel_id")
    channel_name: str = Field(validation_alias="channel")
    source: str
    source_id: int
    verdict: VerdictName | None
    at: Moment | None = Field(validation_alias="verdict_at")
    good_at: Moment | None
    dead_since: Moment | None
    due_at: Moment | None
    running: bool
    parked: bool
    failures: int = Field(description="In a row.")
    still: str | None = Field(description="The address of its last picture.")
