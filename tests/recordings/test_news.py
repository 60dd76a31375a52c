"""What is told of recordings: one line for those that fare alike."""

from __future__ import annotations

from dataclasses import replace

from darkroom import a_recording as row
from nightcrew.recordings import news
from nightcrew.recordings.models import RecordingState
from nightcrew.recordings.store.states import StateChange


def test_recordings_that_fare_alike_are_told_of_in_one_line() -> None:
    many = [replace(row(state=RecordingState.RECORDING), id=one, name=f"Film {one}") for one in range(1, 6)]
    lost = [(one, StateChange(one.id, RecordingState.RETRYING, "it is waiting for a recorder")) for one in many[:4]]
    full = [(many[4], StateChange(5, RecordingState.PAUSED, "the disk is full"))]
    assert news.of_moves([*lost, *full]) == [
        news.News(
            "recording.retrying",
            "Film 1, Film 2, Film 3 and 1 more: interrupted, it is waiting for a recorder",
            "warning",
            "",
        ),
        news.News("recording.paused", "Film 5: paused, the disk is full", "warning", "5"),
    ]


def test_what_begins_is_told_from_what_goes_on() -> None:
    begun = (row(state=RecordingState.WAITING), StateChange(1, RecordingState.RECORDING, ""))
    back = (row(state=RecordingState.RETRYING), StateChange(1, RecordingState.RECORDING, ""))
    over = (row(state=RecordingState.RECORDING), StateChange(1, RecordingState.FINISHING, "its end time was reached"))
    assert [one.message for one in news.of_moves([begun, back, over])] == [
        "ada: recording has started",
        "ada: recording again",
        "ada: its end time was reached",
    ]
    assert news.of_moves([(row(), StateChange(1, RecordingState.WAITING, "no source"))]) == []


def test_a_death_names_whom_it_concerns() -> None:
    told = news.of_a_death(["ada", "ben"], [3, 4], "it was ended by SIGKILL")
    assert told.message == "ada, ben: the recorder ended (it was ended by SIGKILL) and is being replaced"
    assert not told.subject
    assert news.of_a_death(["ada"], [3], "").subject == "3"
