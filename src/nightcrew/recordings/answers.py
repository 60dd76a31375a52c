"""What the JSON routes of the recordings answer."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from nightcrew.recordings.models import RecordingState, Watch
from nightcrew.recordings.resting import Rest
from nightcrew.recordings.stream_access import AccessNames
from nightcrew.web.answers import Answer, Bytes, Items, Milliseconds, Moment, Text


class FilmAnswer(Answer):
    """A finished file."""

    name: str
    bytes: Bytes
    start: Milliseconds = Field(description="Where in the recording it begins, in seconds.")
    seconds: Milliseconds
    streams: list[str] = Field(description="What it holds, in words.")


class StreamAnswer(Answer):
    """A stream that was recorded, as it was set up."""

    words: str = Field(description="What it is, for people.")
    kind: str
    codec: str
    config: str
    language: str
    packets: int
    seconds: Milliseconds


class RecordingRow(Answer):
    """A recording."""

    id: int
    name: str
    url: str = Field(validation_alias="shown")
    channel: int | None = Field(validation_alias="channel_id")
    watch: int | None = Field(validation_alias="watch_id")
    state: RecordingState
    reason: str | None
    since: Moment | None = Field(description="Since when it has been in this state.")
    title: str
    category: str
    favourite: bool
    priority: int
    created_at: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    stop_at: Moment | None
    progress_at: Moment | None = Field(description="When data last arrived.")
    deleted_at: Moment | None
    bytes: Bytes
    seconds: Milliseconds = Field(description="Its length, including its gaps.")
    missing_s: Milliseconds = Field(validation_alias="missing")
    parts: int
    gaps: int
    restarts: int = Field(description="How often its recorder was replaced.")
    node: str
    continues: int | None = Field(description="The recording of a silent node that this one continues.")
    file: Text | None = Field(validation_alias="finished")
    file_bytes: Bytes
    films: list[FilmAnswer] = Field(
        validation_alias="film_files",
        description="All finished files. A stream that changes in a way that no file can hold goes on in another one.",
    )
    folder: Text = Field(validation_alias="segments")


class MoveAnswer(Answer):
    """A change of state."""

    from_state: str | None = Field(serialization_alias="from")
    to: str = Field(validation_alias="to_state")
    reason: str
    at: Moment | None


class TitleAnswer(Answer):
    """What the stream was called from a place on."""

    start: Milliseconds
    title: str
    category: str


class AccessAnswer(Answer):
    """What goes along with the requests for a stream, by name: no value is shown."""

    headers: list[str]
    cookies: list[str]
    options: list[str] = Field(description="Of streamlink's plugins.")
    proxy: str = Field(description="Without its login; empty: none.")


class RecordingDetail(RecordingRow):
    """A recording with its history and its titles."""

    streams: list[StreamAnswer] = Field(
        validation_alias="recorded_streams", description="What was recorded, once that was looked at."
    )
    access: AccessAnswer | None = Field(description="Null: it was sealed with another key.")

    moves: list[MoveAnswer]
    titles: list[TitleAnswer]


class PartAnswer(Answer):
    """A part, with the numbers of its first and last segment."""

    number: int
    path: str
    first_sequence: int | None = Field(validation_alias="first")
    last_sequence: int | None = Field(validation_alias="last")
    bytes: Bytes
    seconds: Milliseconds
    frames: int | None


class GapAnswer(Answer):
    """What is missing at a place, with the numbers of its segments."""

    first_sequence: int = Field(validation_alias="first")
    last_sequence: int = Field(validation_alias="last")
    epoch: int = Field(description="How often the numbering had started over.")
    start: Milliseconds
    seconds: Milliseconds
    reason: str


class LedgerAnswer(Answer):
    """All parts of a recording, and all that is missing."""

    recording: int = Field(validation_alias="id")
    seconds: Milliseconds
    missing_s: Milliseconds = Field(validation_alias="missing")
    parts: list[PartAnswer]
    gaps: list[GapAnswer]


class DeletedRow(Answer):
    """What was deleted of a recording, or would be, and what is kept."""

    recording: int = Field(validation_alias="row.id")
    name: str = Field(validation_alias="row.name")
    title: str = Field(validation_alias="row.title")
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


class StuckRow(Answer):
    """A recording that nobody works on any more."""

    recording_id: int = Field(validation_alias="row.id")
    name: str = Field(validation_alias="row.name")
    state: RecordingState = Field(validation_alias="row.state")
    reason: str
    remedy: str
    progress_at: Moment | None = Field(validation_alias="row.progress_at")
    bytes: Bytes = Field(validation_alias="row.bytes")


class StuckReport(Answer):
    """What was looked at, and what became of what was found."""

    checked: int
    cleaned: int
    errors: list[str]
    details: list[StuckRow]


class StuckAnswer(Answer):
    """How a clean-up ended, as the seed said it."""

    success: bool
    dry_run: bool
    message: str
    data: StuckReport


class WatchRow(Answer):
    """A watched stream."""

    @classmethod
    def at_rest(cls, watch: Watch, rest: Rest | None, access: AccessNames | None) -> Self:
        """With what is said of one that somebody has stopped, and what goes along with its requests."""
        return cls.of(watch, rests=rest and rest.said, again_at=rest and rest.again_at, access=access)

    id: int
    name: str
    enabled: bool
    url: str = Field(validation_alias="shown")
    channel: int | None = Field(validation_alias="channel_id")
    windows: list[str]
    favourite: bool
    priority: int
    keep_count: int | None
    start_early: int | None = Field(description="Minutes before each window. Null: as the settings say.")
    end_late: int | None = Field(description="Minutes after each window. Null: as the settings say.")
    live: bool | None = Field(description="Null: not checked yet, or unknown.")
    title: str
    category: str
    error: str | None
    rests: str | None = Field(description="Not null: somebody stopped its recording; when it is recorded again.")
    again_at: Moment | None = Field(description="When its next window opens, if it rests until then.")
    looked_at: Moment | None
    next_look_at: Moment | None
    access: AccessAnswer | None = Field(description="Null: it was sealed with another key.")
