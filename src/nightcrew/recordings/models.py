"""Tables of the recordings domain, the states of a recording, and the frozen rows that leave its store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath

import sqlalchemy as sa

from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.store import Id, Moment, metadata

MAX_NAME = 200
MAX_TITLE = 500
MAX_REASON = 500

watch = sa.Table(
    "recording_watch",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.String(MAX_NAME), nullable=False, unique=True),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),  # stream_ref.StreamRef: addresses may hold logins
    sa.Column("shown", sa.String(1000), nullable=False),
    sa.Column("channel_id", Id),
    sa.Column("windows", sa.Text, nullable=False),  # JSON list of windows.TimeWindow as text
    sa.Column("favourite", sa.Boolean, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),  # the lowest is paused first when the disk is short
    sa.Column("keep_count", sa.Integer),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("looked_at", Moment),
    sa.Column("next_look_at", Moment, nullable=False, index=True),
    sa.Column("live", sa.Boolean),  # none: never looked, or it could not be told
    sa.Column("title", sa.String(MAX_TITLE), nullable=False),
    sa.Column("category", sa.String(MAX_NAME), nullable=False),
    sa.Column("error", sa.String(MAX_REASON)),
    sa.Column("ended_window", sa.String(60)),  # the window in which its recording has ended already
)

recording = sa.Table(
    "recording",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("watch_id", Id, index=True),
    sa.Column("continues", Id),  # the recording of a machine that is gone, from which it goes on
    sa.Column("name", sa.String(MAX_NAME), nullable=False, index=True),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("shown", sa.String(1000), nullable=False),
    sa.Column("channel_id", Id),
    sa.Column("node", sa.String(100), nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("reason", sa.String(MAX_REASON)),
    sa.Column("since", Moment, nullable=False),  # in this state
    sa.Column("title", sa.String(MAX_TITLE), nullable=False),
    sa.Column("category", sa.String(MAX_NAME), nullable=False),
    sa.Column("favourite", sa.Boolean, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("season", sa.Integer, nullable=False),  # YYYYMM
    sa.Column("episode", sa.Integer, nullable=False),
    sa.Column("root", sa.String(2000), nullable=False),  # the library it lies in
    sa.Column("folder", sa.String(600), nullable=False),
    sa.Column("stem", sa.String(300), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),  # the first segment
    sa.Column("ended_at", Moment),
    sa.Column("stop_at", Moment),
    sa.Column("stop_asked", sa.Boolean, nullable=False),
    sa.Column("rotations", sa.Integer, nullable=False),  # asked for by hand
    sa.Column("progress_at", Moment),  # the last segment
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("missing", sa.Float, nullable=False),  # seconds of its gaps
    sa.Column("restarts", sa.Integer, nullable=False),
    sa.Column("plot", sa.Text),  # JSON: kilobits a second over time
    sa.Column("file", sa.Boolean, nullable=False),
    sa.Column("file_bytes", sa.BigInteger, nullable=False),
    sa.Column("deleted_at", Moment),
    sa.UniqueConstraint("folder", "stem"),
)

move = sa.Table(
    "recording_move",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("recording_id", sa.ForeignKey(recording.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("from_state", sa.String(20)),
    sa.Column("to_state", sa.String(20), nullable=False),
    sa.Column("reason", sa.String(MAX_REASON), nullable=False),
    sa.Column("at", Moment, nullable=False),
)

part = sa.Table(
    "recording_part",
    metadata,
    sa.Column("recording_id", sa.ForeignKey(recording.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("path", sa.String(300), nullable=False),
    sa.Column("first", sa.BigInteger),
    sa.Column("last", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("frames", sa.BigInteger),
)

gap = sa.Table(
    "recording_gap",
    metadata,
    sa.Column("recording_id", sa.ForeignKey(recording.c.id, ondelete="CASCADE"), primary_key=True),
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
    sa.Column("recording_id", sa.ForeignKey(recording.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("start", sa.Float, nullable=False),  # seconds into the recording
    sa.Column("title", sa.String(MAX_TITLE), nullable=False),
    sa.Column("category", sa.String(MAX_NAME), nullable=False),
)


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

MOVES: dict[RecordingState, frozenset[RecordingState]] = {
    RecordingState.WAITING: _RUNNING | {RecordingState.FINISHING},
    RecordingState.RECORDING: _RUNNING | {RecordingState.FINISHING},
    RecordingState.RETRYING: _RUNNING | {RecordingState.FINISHING},
    RecordingState.PAUSED: _RUNNING | {RecordingState.FINISHING},
    RecordingState.FINISHING: frozenset({RecordingState.PROCESSING, RecordingState.FAILED}),
    RecordingState.PROCESSING: frozenset({RecordingState.DONE, RecordingState.FAILED}),
    RecordingState.FAILED: frozenset({RecordingState.FINISHING}),
    RecordingState.DONE: frozenset(),
}
"""The moves that there are."""

ACTIVE = frozenset({RecordingState.WAITING, *_RUNNING})
"""States in which a recorder is to hold it."""


def check_move(now: RecordingState, to: RecordingState) -> None:
    """Raises `Conflict` for a move that there is not."""
    if to not in MOVES[now]:
        raise Conflict(f"a recording cannot go from {now.value} to {to.value}")


@dataclass(frozen=True, slots=True)
class Watch:
    """A stream that is recorded whenever it is live, or at certain times."""

    id: int
    name: str
    enabled: bool
    sealed: str
    shown: str
    channel_id: int | None
    windows: tuple[str, ...]
    favourite: bool
    priority: int
    keep_count: int | None
    created_at: datetime
    looked_at: datetime | None
    next_look_at: datetime
    live: bool | None
    title: str
    category: str
    error: str | None
    ended_window: str | None


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording. `folder` and `stem` are relative to `root`; `gaps` and `parts` are counts."""

    id: int
    watch_id: int | None
    name: str
    sealed: str
    shown: str
    channel_id: int | None
    node: str
    state: RecordingState
    reason: str | None
    since: datetime
    title: str
    category: str
    favourite: bool
    priority: int
    season: int
    episode: int
    root: str
    folder: str
    stem: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    stop_at: datetime | None
    stop_asked: bool
    rotations: int
    progress_at: datetime | None
    bytes: int
    seconds: float
    missing: float
    restarts: int
    plot: str | None
    file: bool
    file_bytes: int
    deleted_at: datetime | None
    continues: int | None = None
    parts: int = 0
    gaps: int = 0

    @property
    def active(self) -> bool:
        """Whether a recorder is to hold it."""
        return self.state in ACTIVE

    @property
    def path(self) -> PurePosixPath:
        """The finished file."""
        return PurePosixPath(self.root) / self.folder / f"{self.stem}.mp4"

    @property
    def segments(self) -> PurePosixPath:
        """The folder of its parts and its ledger."""
        return PurePosixPath(self.root) / self.folder / f"{self.stem}_segments"


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part as the database knows it."""

    number: int
    path: str
    first: int | None
    last: int | None
    bytes: int
    seconds: float
    frames: int | None


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One change of state."""

    from_state: str | None
    to_state: str
    reason: str
    at: datetime
