"""A run as people see it, whatever is stored of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.kernel.job_state import STATES, JobState, state_of, step_of
from nightcrew.kernel.jobs_store import Progress

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def stored(**known: Any) -> Any:
    """As the library gives it; times in milliseconds."""
    values: dict[str, Any] = {
        "workflow_id": "lab.work:1",
        "name": "lab.work",
        "status": "PENDING",
        "queue_name": None,
        "priority": None,
        "recovery_attempts": None,
        "input": {"args": ("Fetch DE", 0.0, ["x"])},
        "output": None,
        "error": None,
        "executor_id": "here",
        "created_at": milliseconds(0),
        "updated_at": milliseconds(60),
        "dequeued_at": None,
    }
    return SimpleNamespace(**{**values, **known})


def milliseconds(after: float) -> int:
    return round((START + timedelta(seconds=after)).timestamp() * 1000)


def told(done: float, total: float | None = 100, *, after: float = 30, message: str = "reading") -> Progress:
    return Progress(done, total, message, START + timedelta(seconds=after))


def seen(progress: Progress | None = None, **known: Any) -> JobState:
    return state_of(stored(**known), progress)


def test_a_run_is_called_by_its_label_and_else_by_its_job() -> None:
    assert (seen().title, seen().name) == ("Fetch DE", "lab.work")
    for nothing in (None, {}, {"args": ()}, {"args": None}):
        assert seen(input=nothing).title == "lab.work"


def test_every_state_that_is_stored_has_a_word() -> None:
    assert {seen(status=one).state for one in STATES} == {"queued", "running", "done", "failed", "cancelled"}


@pytest.mark.parametrize("status", ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"])
def test_what_is_over_has_an_end_and_no_time_left(status: str) -> None:
    run = seen(told(50), status=status)
    assert run.ended_at == START + timedelta(seconds=60)
    assert (run.message, run.seconds_left) == ("", None)


def test_a_run_begins_when_its_queue_lets_it_and_else_when_it_was_asked_for() -> None:
    assert seen().started_at == START
    assert seen(dequeued_at=milliseconds(5)).started_at == START + timedelta(seconds=5)
    waiting = seen(status="ENQUEUED")
    assert (waiting.started_at, waiting.ended_at, waiting.state) == (None, None, "queued")


@pytest.mark.parametrize(
    ("progress", "share", "left"),
    [
        (None, None, None),
        (told(25), 0.25, 90.0),
        (told(50, after=10), 0.5, 10.0),
        (told(250), 1.0, 0.0),
        (told(0), 0.0, None),
        (told(25, None), None, None),
        (told(25, 0), None, None),
    ],
)
def test_how_far_it_is_tells_how_long_it_takes(
    progress: Progress | None, share: float | None, left: float | None
) -> None:
    run = seen(progress)
    assert (run.progress, run.seconds_left) == (share, left)
    assert run.message == ("reading" if progress else "")


def test_what_is_done_is_done_whatever_was_told_last() -> None:
    assert seen(told(3), status="SUCCESS").progress == 1.0
    assert seen(told(25), status="ERROR").progress == 0.25


def test_an_error_is_told_without_secrets() -> None:
    assert seen(status="ERROR", error=ValueError("http://u:s3cr3t@h/")).error == "http://u:•••@h/"
    assert seen().error is None


@pytest.mark.parametrize(
    ("output", "shown"),
    [(7, 7), ({"a": [1]}, {"a": [1]}), ((1, 2), [1, 2]), (START, str(START)), ({1: {2}}, {"1": "{2}"})],
)
def test_a_result_is_told_as_json_can_say_it(output: Any, shown: Any) -> None:
    assert seen(status="SUCCESS", output=output).result == shown
    assert seen(status="PENDING", output=output).result is None


def test_a_result_that_json_cannot_say_is_told_by_its_kind() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert seen(status="SUCCESS", output=endless).result == "list"


def test_a_run_is_plain_data_for_scripts() -> None:
    plain = seen(told(25), priority=1, queue_name="lab", recovery_attempts=3).describe()
    assert plain["created_at"] == plain["started_at"] == "2026-01-01T12:00:00Z"
    assert (plain["ended_at"], plain["priority"], plain["queue"], plain["attempts"]) == (None, 1, "lab", 3)
    assert (seen().attempts, seen().priority) == (1, 0)


def test_a_step_has_its_times_and_its_error_without_secrets() -> None:
    step: Any = {
        "function_name": "fetch",
        "started_at_epoch_ms": milliseconds(0),
        "completed_at_epoch_ms": milliseconds(2),
        "error": ValueError("?token=s3cr3t"),
    }
    found = step_of(step)
    assert (found["name"], found["started_at"], found["ended_at"]) == (
        "fetch",
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:02Z",
    )
    assert "s3cr3t" not in found["error"]
    assert step_of({**step, "error": None, "completed_at_epoch_ms": None}) | {"name": ""} == {
        "name": "",
        "started_at": "2026-01-01T12:00:00Z",
        "ended_at": None,
        "error": None,
    }
