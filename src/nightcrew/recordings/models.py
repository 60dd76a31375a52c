"""Tables of the recordings domain, the states of a recording, and the frozen rows that leave its store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any

import sqlalchemy as sa

from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.rows import Json, Word, column, table_of, text
from nightcrew.kernel.store import Id, metadata
from nightcrew.recordings.films import FilmFile, RecordedStream, films_of, streams_of
from nightcrew.recordings.naming import FilmNames, Names

MAX_NAME = 200
MAX_TITLE = 500
MAX_REASON = 500


class RecordingState(StrEnum):
    """How a recording stands."""

    WAITING = "waiting"
    RECORDING = "recording"
    RETRYING = "retrying"
    PAUSED = "paused"
    FINISHING = "finishing"
    PROCESSING = "post-processing"
    DONE = "done"
    FAILED = "failed"


_RUNNING = frozenset({RecordingState.RECORDING, RecordingState.RETRYING, RecordingState.PAUSED})
ACTIVE = frozenset({RecordingState.WAITING, *_RUNNING})
"""States in which a recorder is to hold it."""

MOVES: dict[RecordingState, frozenset[RecordingState]] = {
    **dict.fromkeys(ACTIVE, _RUNNING | {RecordingState.FINISHING}),
    RecordingState.FINISHING: frozenset({RecordingState.PROCESSING, RecordingState.FAILED}),
    RecordingState.PROCESSING: frozenset({RecordingState.DONE, RecordingState.FAILED}),
    RecordingState.FAILED: frozenset({RecordingState.FINISHING}),
    RecordingState.DONE: frozenset(),
}
"""The moves that there are."""


def check_move(now: RecordingState, to: RecordingState) -> None:
    """Raises `Conflict` for a move that there is not."""
    if to not in MOVES[now]:
        raise Conflict(f"a recording cannot go from {now.value} to {to.value}")


@dataclass(frozen=True, slots=True)
class Watch:
    """A stream that is recorded whenever it is live, or at certain times."""

    id: Annotated[int, column(Id, primary_key=True)]
    name: Annotated[str, text(MAX_NAME, unique=True)]
    enabled: bool
    sealed: str  # stream_ref.StreamRef: addresses may hold logins
    shown: Annotated[str, text(1000)]
    channel_id: Annotated[int | None, column(Id)]
    windows: Annotated[tuple[str, ...], column(Json)]  # windows.TimeWindow as text
    favourite: bool
    priority: int  # the lowest is paused first when the disk is short
    keep_count: int | None
    created_at: datetime
    looked_at: datetime | None
    next_look_at: Annotated[datetime, column(index=True)]
    live: bool | None  # none: never looked, or it could not be told
    title: Annotated[str, text(MAX_TITLE)]
    category: Annotated[str, text(MAX_NAME)]
    error: Annotated[str | None, text(MAX_REASON)]
    ended_window: Annotated[str | None, text(60)]  # `live` once it was stopped, until it was offline
    start_early: int | None  # minutes before each window; none: as the setting says
    end_late: int | None  # minutes after it


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording. `folder` and `stem` are relative to `root`; `gaps` and `parts` are counts."""

    id: Annotated[int, column(Id, primary_key=True)]
    watch_id: Annotated[int | None, column(Id, index=True)]
    name: Annotated[str, text(MAX_NAME, index=True)]
    sealed: str
    shown: Annotated[str, text(1000)]
    channel_id: Annotated[int | None, column(Id)]
    node: Annotated[str, text(100)]
    state: Annotated[RecordingState, column(Word(RecordingState, 20), index=True)]
    reason: Annotated[str | None, text(MAX_REASON)]
    since: datetime  # in this state
    title: Annotated[str, text(MAX_TITLE)]
    category: Annotated[str, text(MAX_NAME)]
    favourite: bool
    priority: int
    season: int  # YYYYMM
    episode: int
    root: Annotated[str, text(2000)]  # the library it lies in
    folder: Annotated[str, text(600)]
    stem: Annotated[str, text(300)]
    created_at: datetime
    started_at: datetime | None  # the first segment
    ended_at: datetime | None
    stop_at: datetime | None
    stop_asked: Annotated[bool, column(default=False)]
    rotations: Annotated[int, column(default=0)]  # asked for by hand
    progress_at: datetime | None  # the last segment
    bytes: Annotated[int, column(sa.BigInteger, default=0)]
    seconds: Annotated[float, column(default=0.0)]
    missing: Annotated[float, column(default=0.0)]  # seconds of its gaps
    restarts: Annotated[int, column(default=0)]
    plot: str | None  # JSON: kilobits a second over time
    file: Annotated[bool, column(default=False)]
    file_bytes: Annotated[int, column(sa.BigInteger, default=0)]
    deleted_at: datetime | None
    continues: Annotated[int | None, column(Id)] = (
        None  # the recording of a machine that is gone, from which it goes on
    )
    films: Annotated[tuple[dict[str, Any], ...] | None, column(Json)] = None  # films.FilmFile, once they are there
    streams: Annotated[tuple[dict[str, Any], ...] | None, column(Json)] = None  # films.RecordedStream
    container: Annotated[str | None, text(10)] = None  # asked for; none: the setting
    occurrence: Annotated[str | None, text(60)] = None  # windows.Occurrence.key: the window of its watch
    parts: int = 0
    gaps: int = 0

    @property
    def active(self) -> bool:
        """Whether a recorder is to hold it."""
        return self.state in ACTIVE

    @property
    def finished(self) -> PurePosixPath | None:
        """The finished file, once there is one."""
        return self.path if self.file else None

    @property
    def names(self) -> Names:
        """Where its files lie."""
        return Names(PurePosixPath(self.root) / self.folder, self.stem)

    @property
    def film_files(self) -> tuple[FilmFile, ...]:
        """The finished files. One that an earlier version made is known by its name alone."""
        if self.films is None and self.file:
            return (
                FilmFile(self.names.film(1, 1, ".mp4").file.name, self.file_bytes, 0.0, self.seconds - self.missing),
            )
        return films_of(self.films)

    @property
    def films_at(self) -> tuple[FilmNames, ...]:
        """Where each of them lies."""
        return tuple(self.names.of_file(one.name) for one in self.film_files)

    @property
    def recorded_streams(self) -> tuple[RecordedStream, ...]:
        """What it holds, once that was looked at."""
        return streams_of(self.streams)

    @property
    def path(self) -> PurePosixPath:
        """Where the first finished file is, or will be."""
        return next((one.file for one in self.films_at), self.names.film(1, 1, ".mp4").file)

    @property
    def segments(self) -> PurePosixPath:
        """The folder of its parts and its ledger."""
        return self.names.segments


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part as the database knows it."""

    number: Annotated[int, column(primary_key=True)]
    path: Annotated[str, text(300)]
    first: Annotated[int | None, column(sa.BigInteger)]
    last: Annotated[int | None, column(sa.BigInteger)]
    bytes: Annotated[int, column(sa.BigInteger)]
    seconds: float
    frames: Annotated[int | None, column(sa.BigInteger)]


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One change of state."""

    from_state: Annotated[str | None, text(20)]
    to_state: Annotated[str, text(20)]
    reason: Annotated[str, text(MAX_REASON)]
    at: datetime


watch = table_of("recording_watch", Watch)
recording = table_of("recording", Recording, sa.UniqueConstraint("folder", "stem"), without=("parts", "gaps"))


def _of_recording(**options: Any) -> sa.Column[int]:
    return sa.Column("recording_id", sa.ForeignKey(recording.c.id, ondelete="CASCADE"), nullable=False, **options)


move = table_of("recording_move", MoveRow, sa.Column("id", Id, primary_key=True), _of_recording(index=True))
part = table_of("recording_part", PartRow, _of_recording(primary_key=True))
gap = sa.Table(
    "recording_gap",
    metadata,
    _of_recording(primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("start", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("reason", sa.String(MAX_REASON), nullable=False),
)

titled = sa.Table(
    "recording_title",
    metadata,
    sa.Column("id", Id, primary_key=True),
    _of_recording(index=True),
    sa.Column("start", sa.Float, nullable=False),  # seconds into the recording
    sa.Column("title", sa.String(MAX_TITLE), nullable=False),
    sa.Column("category", sa.String(MAX_NAME), nullable=False),
)
