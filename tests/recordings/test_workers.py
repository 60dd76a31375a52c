"""Recordings that wait to be finished: asked about when there is something to learn, not each second; and runs that were ended."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from darkroom import A_MOMENT, a_recording
from nightcrew.kernel.job_ends import CANCELLED, Ended
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import domain as recordings_domain
from nightcrew.recordings import processing
from nightcrew.recordings.models import RecordingState
from nightcrew.recordings.processing import JOB
from nightcrew.recordings.store import recordings, states
from nightcrew.recordings.workers import BEGUN, Waiting
from support import at_rest


def rows(count: int, **values: Any) -> list[Any]:
    return [a_recording(id=number, state=RecordingState.FINISHING, since=A_MOMENT, **values) for number in range(count)]


async def test_those_whose_post_processing_waits_in_its_queue_are_left_alone() -> None:
    waiting, found = Waiting(), rows(100)
    assert waiting.due(found) == found
    for row in found:
        waiting.put_off(row, BEGUN)
    assert waiting.due(found) == []
    again = rows(1)[0]
    assert waiting.due([*found[1:], again]) == []
    moved = a_recording(id=0, state=RecordingState.FINISHING, since=A_MOMENT + timedelta(seconds=1))
    assert waiting.due([moved, *found[1:]]) == [moved], "it was tried again: that is news"


async def finishing(runtime: Runtime, *moves: RecordingState) -> int:
    """A recording that went through these states."""
    values = {"name": "Owl", "shown": "x", "sealed": "x", "node": runtime.node, "root": "/nowhere", "title": ""}
    row = await recordings.add(
        runtime.store, {**values, "category": "", "favourite": False, "priority": 0}, now=A_MOMENT, moment=A_MOMENT
    )
    for state in moves:
        await states.change_state(runtime.store, row.id, state, "why", now=A_MOMENT)
    return row.id


@pytest.mark.parametrize(
    ("moves", "outcome", "state"),
    [
        ([RecordingState.FINISHING], CANCELLED, RecordingState.FAILED),
        ([RecordingState.FINISHING], "no space", RecordingState.FINISHING),
        ([RecordingState.FINISHING], None, RecordingState.FINISHING),
        ([RecordingState.FINISHING, RecordingState.PROCESSING], CANCELLED, RecordingState.FAILED),
        (
            [RecordingState.FINISHING, RecordingState.PROCESSING],
            "it took longer than 6 h and was ended",
            RecordingState.FAILED,
        ),
        ([RecordingState.FINISHING, RecordingState.PROCESSING, RecordingState.DONE], CANCELLED, RecordingState.DONE),
    ],
)
async def test_a_recording_whose_run_was_ended_has_failed(
    tmp_path: Path, moves: list[RecordingState], outcome: str | None, state: RecordingState
) -> None:
    async with at_rest(tmp_path, recordings_domain.DOMAIN) as runtime:
        number = await finishing(runtime, *moves)
        other = await finishing(runtime, RecordingState.FINISHING)
        await processing.ended(runtime, Ended(JOB, "Finish Owl", 1.0, outcome, args=(number,)))
        await processing.ended(runtime, Ended("playlists.refresh", "a list", 1.0, CANCELLED, args=(other,)))
        assert (await recordings.get(runtime.store, number)).state is state
        assert (await recordings.get(runtime.store, other)).state is RecordingState.FINISHING
        if outcome and state is RecordingState.FAILED:
            assert (await recordings.get(runtime.store, number)).reason == "its post-processing was cut short"
