"""Tables of the checks domain, and the frozen rows that leave its store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa

from nightcrew.kernel.due import urgency
from nightcrew.kernel.rows import Json, Word, column, columns_of, table_of, text
from nightcrew.kernel.store import Id, Moment, metadata
from nightcrew.playlists.exports import models as playlists

MAX_REASON = 500
MAX_CODEC = 40


class Verdict(StrEnum):
    """What a check says of a stream."""

    OK = "ok"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a stream that works. `kbps` None: it was not measured."""

    video_codec: Annotated[str, text(MAX_CODEC)] = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    audio_codec: Annotated[str, text(MAX_CODEC)] = ""
    kbps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCheck(Facts):
    """A stream whose check was claimed, with what was known before."""

    stream_id: int
    channel_id: int
    source_id: int
    run_id: int | None
    priority: int
    full: bool
    plan: str | None
    failures: int
    dead: bool
    good_at: datetime | None
    sampled_at: datetime | None


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One request to check streams, as of a moment. `left` are those still to do."""

    id: Annotated[int, column(Id, primary_key=True)]
    title: Annotated[str, text(200)]
    asked_by: Annotated[str, text(100)]
    state: Annotated[RunState, column(Word(RunState, 10), index=True)]
    created_at: datetime
    ended_at: datetime | None
    total: int
    ok: int
    failed: int
    interrupted: int
    died: int
    revived: int
    left: int
    as_of: datetime

    @property
    def done(self) -> int:
        """Streams with a verdict."""
        return max(0, self.total - self.left)

    @property
    def seconds_left(self) -> int | None:
        """How long it may still take, by the pace so far; None while nothing is known."""
        if self.state is not RunState.RUNNING or not self.done or not self.left:
            return None
        return round((self.as_of - self.created_at).total_seconds() / self.done * self.left)

    @property
    def told(self) -> str:
        """What it has found, for a person."""
        found = [
            f"{self.ok} ok",
            f"{self.failed} failed",
            *([f"{self.interrupted} interrupted"] if self.interrupted else []),
        ]
        changes = {"newly dead": self.died, "working again": self.revived}
        changed = ", ".join(f"{number} {words}" for words, number in changes.items() if number)
        return f"{self.title}: {', '.join(found)}" + (f" ({changed})" if changed else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedStream(Facts):
    """A stream as the list of checks shows it: what is known of it, and the last verdict."""

    stream_id: int
    channel_id: int
    channel: str
    source: str
    source_id: int
    url: str
    verdict: Verdict | None
    reason: str | None
    verdict_at: datetime | None
    good_at: datetime | None
    dead_since: datetime | None
    due_at: datetime | None
    running: bool
    parked: bool
    score: float | None
    used_profile: str | None
    failures: int
    has_still: bool

    @property
    def still(self) -> str | None:
        """The address of its last picture."""
        return f"/api/v1/checks/streams/{self.stream_id}/still.jpg" if self.has_still else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult(Facts):
    """One result of one check."""

    id: Annotated[int, column(Id, primary_key=True)]
    stream_id: Annotated[int, column(Id)]
    url: str
    run_id: Annotated[int | None, column(Id)]
    at: datetime
    verdict: Annotated[Verdict, column(Word(Verdict, 12))]
    reason: Annotated[str | None, text(MAX_REASON)]
    score: float | None
    parts: Annotated[list[dict[str, Any]] | None, column(Json)]  # of the score
    first_byte: float | None
    used_profile: Annotated[str | None, text(60)]
    failover_attempts: int
    failover_phase: int
    phase2_elapsed: float
    all_profiles_failed: bool
    elapsed: float
    trace: Annotated[list[dict[str, Any]], column(Json)]  # lines of plan.TraceLine

    @property
    def told(self) -> list[str]:
        """The trace for a person."""
        said = "Stream {}: phase {phase}, {text} [{at:.1f} s]"
        return [said.format(self.stream_id, **line) for line in self.trace]


@dataclass(frozen=True, slots=True)
class Still:
    """The last good picture of a stream, on the machine `node`. `size` in bytes."""

    stream_id: Annotated[int, column(Id, primary_key=True, autoincrement=False)]
    node: Annotated[str, text(100)]
    at: datetime
    size: int


def _of_a_stream() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["stream_id"], [playlists.stream.c.id], ondelete="CASCADE")


run = table_of("check_run", CheckRun, without=("left", "as_of"))
result = table_of("check_result", CheckResult, _of_a_stream(), without=("url",))
sa.Index("ix_check_result_stream", result.c.stream_id, result.c.id)
sa.Index("ix_check_result_run", result.c.run_id, result.c.id)
still = table_of("check_still", Still, _of_a_stream())
sa.Index("ix_check_still_node", still.c.node, still.c.at)

checked = sa.Table(
    "check_stream",
    metadata,
    sa.Column(
        "stream_id", Id, sa.ForeignKey(playlists.stream.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    sa.Column("source_id", Id, nullable=False),
    sa.Column("due_at", Moment, index=True),
    sa.Column("stage", sa.Integer),  # 1 begun and parked, 2 waiting for its turn; none: not due, or its run is paused
    sa.Column("priority", sa.Integer, nullable=False),  # smallest first
    sa.Column("run_id", Id, index=True),
    sa.Column("full", sa.Boolean, nullable=False),  # look at it closely, however recently that was done
    sa.Column("lease_node", sa.String(100)),
    sa.Column("lease_until", Moment),
    sa.Column("plan", sa.Text),  # JSON of plan.Plan: a check that is parked
    sa.Column("waiting", sa.Boolean, nullable=False),  # parked, and nothing was tried yet
    sa.Column("checked_at", Moment),
    sa.Column("sampled_at", Moment),
    sa.Column("verdict", Word(Verdict, 12)),
    sa.Column("reason", sa.String(MAX_REASON)),
    sa.Column("verdict_at", Moment),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("dead_since", Moment),
    sa.Column("score", sa.Float),
    sa.Column("good_at", Moment),
    *columns_of(Facts),
    sa.Column("used_profile", sa.String(60)),
    sa.Column("measure_at", Moment, index=True),  # when variants that nothing describes are to be measured
    sa.Index("ix_check_stream_measure", "source_id", "measure_at"),
    sa.Index("ix_check_stream_verdict", "verdict", "stream_id"),
)

URGENCY = urgency(checked.c.priority, checked.c.due_at)
sa.Index("ix_check_stream_queue", checked.c.source_id, checked.c.stage, URGENCY, checked.c.stream_id)

LISTED = sa.and_(playlists.stream.c.gone_at.is_(None), playlists.stream.c.playable, playlists.feed.c.enabled)
"""A stream can be played now. The query joins it with its feed."""
