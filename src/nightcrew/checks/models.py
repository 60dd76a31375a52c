"""Tables of the checks domain, and the frozen rows that leave its store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.due import urgency
from nightcrew.kernel.store import Id, Moment, metadata
from nightcrew.playlists.exports import models as playlists

MAX_REASON = 500

run = sa.Table(
    "check_run",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("asked_by", sa.String(100), nullable=False),
    sa.Column("state", sa.String(10), nullable=False, index=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("ok", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("interrupted", sa.Integer, nullable=False),
    sa.Column("died", sa.Integer, nullable=False),
    sa.Column("revived", sa.Integer, nullable=False),
)

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
    sa.Column("verdict", sa.String(12)),
    sa.Column("reason", sa.String(MAX_REASON)),
    sa.Column("verdict_at", Moment),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("dead_since", Moment),
    sa.Column("score", sa.Float),
    sa.Column("good_at", Moment),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("fps", sa.Float, nullable=False),
    sa.Column("video_codec", sa.String(40), nullable=False),
    sa.Column("audio_codec", sa.String(40), nullable=False),
    sa.Column("kbps", sa.Float),
    sa.Column("used_profile", sa.String(60)),
    sa.Column("measure_at", Moment, index=True),  # when variants that nothing describes are to be measured
    sa.Index("ix_check_stream_measure", "source_id", "measure_at"),
    sa.Index("ix_check_stream_verdict", "verdict", "stream_id"),
)

URGENCY = urgency(checked.c.priority, checked.c.due_at)
sa.Index("ix_check_stream_queue", checked.c.source_id, checked.c.stage, URGENCY, checked.c.stream_id)

result = sa.Table(
    "check_result",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("stream_id", sa.ForeignKey(playlists.stream.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("run_id", Id),
    sa.Column("at", Moment, nullable=False),
    sa.Column("verdict", sa.String(12), nullable=False),
    sa.Column("reason", sa.String(MAX_REASON)),
    sa.Column("score", sa.Float),
    sa.Column("parts", sa.Text),  # JSON: the parts of the score
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("fps", sa.Float, nullable=False),
    sa.Column("video_codec", sa.String(40), nullable=False),
    sa.Column("audio_codec", sa.String(40), nullable=False),
    sa.Column("kbps", sa.Float),
    sa.Column("first_byte", sa.Float),
    sa.Column("used_profile", sa.String(60)),
    sa.Column("failover_attempts", sa.Integer, nullable=False),
    sa.Column("failover_phase", sa.Integer, nullable=False),
    sa.Column("phase2_elapsed", sa.Float, nullable=False),
    sa.Column("all_profiles_failed", sa.Boolean, nullable=False),
    sa.Column("elapsed", sa.Float, nullable=False),
    sa.Column("trace", sa.Text, nullable=False),  # JSON: lines of plan.Line
    sa.Index("ix_check_result_stream", "stream_id", "id"),
    sa.Index("ix_check_result_run", "run_id", "id"),
)

still = sa.Table(
    "check_still",
    metadata,
    sa.Column(
        "stream_id", Id, sa.ForeignKey(playlists.stream.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    sa.Column("node", sa.String(100), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Index("ix_check_still_node", "node", "at"),
)


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
class DueCheck:
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
    video_codec: str
    width: int
    height: int
    kbps: float | None


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One request to check streams. `left` are those still to do; `running` those that are being checked now."""

    id: int
    title: str
    asked_by: str
    state: RunState
    created_at: datetime
    ended_at: datetime | None
    total: int
    ok: int
    failed: int
    interrupted: int
    died: int
    revived: int
    left: int = 0

    @property
    def done(self) -> int:
        """Streams with a verdict."""
        return max(0, self.total - self.left)

    def seconds_left(self, now: datetime) -> float | None:
        """How long it may still take, by the pace so far; None while nothing is known."""
        if self.state is not RunState.RUNNING or not self.done or not self.left:
            return None
        return (now - self.created_at).total_seconds() / self.done * self.left


@dataclass(frozen=True, slots=True)
class CheckedStream:
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
    width: int
    height: int
    fps: float
    video_codec: str
    audio_codec: str
    kbps: float | None
    used_profile: str | None
    failures: int
    has_still: bool


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One result of one check."""

    id: int
    stream_id: int
    url: str
    run_id: int | None
    at: datetime
    verdict: Verdict
    reason: str | None
    score: float | None
    parts: list[dict[str, Any]]
    width: int
    height: int
    fps: float
    video_codec: str
    audio_codec: str
    kbps: float | None
    first_byte: float | None
    used_profile: str | None
    failover_attempts: int
    failover_phase: int
    phase2_elapsed: float
    all_profiles_failed: bool
    elapsed: float
    trace: list[dict[str, Any]]
