"""Recordings that wait to be finished: asked about when there is something to learn, not each second."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from darkroom import A_MOMENT, a_recording
from nightcrew.kernel.jobs import CANCELLED, Ended
from nightcrew.recordings.models import State
from nightcrew.recordings.processing import JOB
from nightcrew.recordings.workers import BEGUN, Waiting


def rows(count: int, **values: Any) -> list[Any]:
    return [a_recording(id=number, state=State.FINISHING, since=A_MOMENT, **values) for number in range(count)]


async def test_those_whose_post_processing_waits_in_its_queue_are_left_alone() -> None:
    waiting, found = Waiting(), rows(100)
    assert waiting.due(found) == found
    for row in found:
        waiting.put_off(row, BEGUN)
    assert waiting.due(found) == []
    again = rows(1)[0]
    assert waiting.due([*found[1:], again]) == []
    moved = a_recording(id=0, state=State.FINISHING, since=A_MOMENT + timedelta(seconds=1))
    assert waiting.due([moved, *found[1:]]) == [moved], "it was tried again: that is news"


async def test_a_run_that_has_not_worked_has_them_looked_at_now() -> None:
    waiting, found = Waiting(), rows(3)
    for row in found:
        waiting.put_off(row, BEGUN)
    await waiting.ended(Ended(JOB, "another", 1.0, None))
    await waiting.ended(Ended("playlists.refresh", "a list", 1.0, "it failed"))
    assert waiting.due(found) == []
    await waiting.ended(Ended(JOB, "one of them", 1.0, CANCELLED))
    assert waiting.due(found) == found
