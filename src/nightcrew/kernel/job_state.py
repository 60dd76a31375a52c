"""One run as people see it, made from what DBOS stores."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nightcrew.kernel.clock import iso
from nightcrew.kernel.engine import StepInfo, WorkflowStatus
from nightcrew.kernel.jobs_store import Progress
from nightcrew.kernel.redaction import redact

STATES = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
}
"""DBOS's states and ours."""


class GaveWay(asyncio.CancelledError):
    """A run has left its place in its queue to others, and waits there for its next try: nothing of it goes on."""


@dataclass(frozen=True, slots=True)
class JobState:
    """One run as people see it. Times are aware UTC; `progress` is 0–1 or None when unknown."""

    id: str
    name: str
    title: str
    queue: str | None
    state: str
    priority: int
    attempts: int
    progress: float | None
    message: str
    seconds_left: float | None
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    result: Any
    node: str | None

    def describe(self) -> dict[str, Any]:
        """As plain data for the API."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {key: iso(plain[key]) for key in ("created_at", "started_at", "ended_at")}


def state_of(status: WorkflowStatus, progress: Progress | None) -> JobState:
    """What DBOS and the progress table know of a run, as people see it."""
    state = STATES[status.status]
    updated = _moment(status.updated_at)
    created = _moment(status.created_at)
    started = _moment(getattr(status, "dequeued_at", None)) or (created if state != "queued" else None)
    share = _share(progress, state)
    return JobState(
        id=status.workflow_id,
        name=status.name,
        title=_title(status),
        queue=status.queue_name,
        state=state,
        priority=status.priority or 0,
        attempts=getattr(status, "recovery_attempts", None) or 1,
        progress=share,
        message=progress.message if progress and state == "running" else "",
        seconds_left=_seconds_left(share, started, progress) if state == "running" else None,
        created_at=created,
        started_at=started,
        ended_at=updated if state in {"done", "failed", "cancelled"} else None,
        error=redact(str(status.error)) if status.error else None,
        result=_plain(status.output) if state == "done" else None,
        node=status.executor_id,
    )


def _plain(value: Any) -> Any:
    """A result as JSON can say it."""
    try:
        return json.loads(json.dumps(value, default=str))
    except (TypeError, ValueError, RecursionError):
        return str(type(value).__name__)


def _title(status: WorkflowStatus) -> str:
    """What people call the run: the label that it was started with."""
    given = _given(status)
    return str(given[0]) if given else str(status.name)


def arguments_of(status: WorkflowStatus) -> tuple[Any, ...]:
    """What the job was started with."""
    given = _given(status)
    return tuple(given[2]) if len(given) > 2 and isinstance(given[2], list | tuple) else ()


def _given(status: WorkflowStatus) -> tuple[Any, ...]:
    """What `Jobs.start` stores of a run: label, delay, arguments, timetable. Nothing for a row that cannot be read."""
    given: Any = status.input
    args = given.get("args") if isinstance(given, dict) else None
    return tuple(args) if isinstance(args, list | tuple) else ()


def _share(progress: Progress | None, state: str) -> float | None:
    if state == "done":
        return 1.0
    if progress is None or not progress.total:
        return None
    return min(1.0, progress.done / progress.total)


def _seconds_left(share: float | None, started: datetime | None, progress: Progress | None) -> float | None:
    if not share or started is None or progress is None:
        return None
    spent = (progress.at - started).total_seconds()
    return round(max(0.0, spent / share - spent), 1)


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def step_of(step: StepInfo) -> dict[str, Any]:
    """A finished step: name, started, ended, error."""
    return {
        "name": step["function_name"],
        "started_at": iso(_moment(step.get("started_at_epoch_ms"))),
        "ended_at": iso(_moment(step.get("completed_at_epoch_ms"))),
        "error": redact(str(step["error"])) if step.get("error") else None,
    }
