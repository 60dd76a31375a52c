"""What the JSON routes of the recordings answer."""

from __future__ import annotations

from pydantic import Field

from nightcrew.recordings.models import RecordingState
from nightcrew.web.answers import Answer, Bytes, Items, Moment, Seconds


class RecordingRow(Answer):
    """A recording."""

    id: int
    name: str
    url: str
    channel: int | None
    watch: int | None
    state: RecordingState
    reason: str | None
    since: Moment | None = Field(description="In this state.")
    title: str
    category: str
    favourite: bool
    priority: int
    created_at: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    stop_at: Moment | None
    progress_at: Moment | None = Field(description="When something came in last.")
    deleted_at: Moment | None
    bytes: Bytes
    seconds: Seconds = Field(description="Its length, with what is missing.")
    missing_s: Seconds
    parts: int
    gaps: int
    restarts: int = Field(description="Recorders that were replaced.")
    node: str
    continues: int | None = Field(description="The recording of a silent node from which it goes on.")
    file: str | None
    file_bytes: Bytes
    folder: str


class MoveAnswer(Answer):
    """A change of state."""

    from_state: str | None = Field(alias="from")
    to: str
    reason: str
    at: Moment | None


class TitleAnswer(Answer):
    """What the stream was called from a place on."""

    start: Seconds
    title: str
    category: str


class RecordingDetail(RecordingRow):
    """A recording with its history and its titles."""

    moves: list[MoveAnswer]
    titles: list[TitleAnswer]


class PartAnswer(Answer):
    """A part, with the numbers of its first and last segment."""

    number: int
    path: str
    first_sequence: int | None
    last_sequence: int | None
    bytes: Bytes
    seconds: Seconds
    frames: int | None


class GapAnswer(Answer):
    """What is missing at a place, with the numbers of its segments."""

    first_sequence: int
    last_sequence: int
    epoch: int = Field(description="How often the numbering had begun anew.")
    start: Seconds
    seconds: Seconds
    reason: str


class LedgerAnswer(Answer):
    """All parts of a recording, and all that is missing."""

    recording: int
    seconds: Seconds
    missing_s: Seconds
    parts: list[PartAnswer]
    gaps: list[GapAnswer]


class DeletedRow(Answer):
    """What was deleted of a recording, or would be, and what is kept."""

    recording: int
    name: str
    title: str
    reason: str
    removed: list[str]
    kept: list[str]
    errors: list[str]
    bytes: Bytes


class DeletionAnswer(DeletedRow):
    """A deletion, or its dry run."""

    dry_run: bool


class RetentionList(Items[DeletedRow]):
    """What the retention rules would delete."""

    bytes: Bytes


class RetentionAnswer(RetentionList):
    """What the retention rules deleted, or would."""

    dry_run: bool


class WatchRow(Answer):
    """A watched stream."""

    id: int
    name: str
    enabled: bool
    url: str
    channel: int | None
    windows: list[str]
    favourite: bool
    priority: int
    keep_count: int | None
    live: bool | None = Field(description="Null: it was not looked at, or it cannot be told.")
    title: str
    category: str
    error: str | None
    looked_at: Moment | None
    next_look_at: Moment | None
