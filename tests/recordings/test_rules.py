"""How a recording stands, when it is over, when it is stuck, and who is paused first: pure rules as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import A_MOMENT as NOW
from darkroom import a_recording as row
from nightcrew.kernel.errors import Conflict
from nightcrew.recorder.wire import ReadingStatus, RecorderPulse
from nightcrew.recordings import rules
from nightcrew.recordings.fleet import RecorderProcess
from nightcrew.recordings.models import ACTIVE, MOVES, Recording, RecordingState, check_move
from nightcrew.recordings.rules import HUNG, STARTING, Decision, Look

UP = 10_000.0


def standing(state: str, *, ago: float = 60.0, reason: str = "", moved: float = 0.0) -> ReadingStatus:
    return ReadingStatus(state, UP - ago, reason, 2.0, moved)  # type: ignore[arg-type]


READING = Look(standing("reading"), held=True, segments=10, over=None, offline_for=0.0, up=UP)


def decide(recording: Recording, **seen: object) -> Decision:
    return rules.decide(recording, replace(READING, **seen), NOW, grace=120, patience=3600)  # type: ignore[arg-type]


# -- when it is over ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "seen", "reason"),
    [
        ({}, {"over": "the playlist has ended"}, "the playlist has ended"),
        ({"stop_asked": True}, {}, "it was stopped manually"),
        ({"stop_at": NOW}, {}, "its end time was reached"),
        ({}, {"offline_for": 120.0}, "the stream was offline for 120 s"),
        (
            {"state": RecordingState.WAITING, "created_at": NOW - timedelta(seconds=3601)},
            {"segments": 0},
            "its stream did not start within 60 minutes",
        ),
    ],
)
def test_each_end_has_its_reason(known: dict[str, object], seen: dict[str, object], reason: str) -> None:
    assert decide(row(**known), **seen) == Decision(RecordingState.FINISHING, reason)


@pytest.mark.parametrize(
    ("known", "seen"),
    [
        ({}, {"offline_for": 119.9}),
        ({"state": RecordingState.WAITING}, {"offline_for": 3000.0, "segments": 0}),
        ({"stop_at": NOW + timedelta(seconds=1)}, {}),
        ({"stop_at": NOW + timedelta(seconds=1)}, {"offline_for": 9999.0}),
        ({"state": RecordingState.WAITING, "created_at": NOW - timedelta(seconds=3600)}, {"segments": 0}),
        (
            {
                "state": RecordingState.WAITING,
                "created_at": NOW - timedelta(days=2),
                "stop_at": NOW + timedelta(days=1),
            },
            {"segments": 0},
        ),
        ({}, {"standing": None, "held": False, "offline_for": 0.0}),
    ],
)
def test_it_is_not_over_before(known: dict[str, object], seen: dict[str, object]) -> None:
    assert decide(row(**known), **seen).state is not RecordingState.FINISHING


# -- how it stands -----------------------------------------------------------------------------------------------------

OFFLINE = standing("offline", reason="the stream is offline")


@pytest.mark.parametrize(
    ("state", "seen", "expected"),
    [
        (RecordingState.WAITING, {}, Decision(RecordingState.RECORDING, "")),
        (RecordingState.RETRYING, {}, Decision(RecordingState.RECORDING, "")),
        (RecordingState.WAITING, {"segments": 0}, Decision(RecordingState.WAITING, "")),
        (RecordingState.RECORDING, {"held": False, "standing": None}, Decision(RecordingState.RETRYING, "it is waiting for a recorder")),
        (RecordingState.WAITING, {"held": False, "segments": 0}, Decision(RecordingState.WAITING, "it is waiting for a recorder")),
        (RecordingState.RECORDING, {"standing": None}, Decision(RecordingState.RECORDING, "")),
        (RecordingState.PAUSED, {"standing": standing("starting", ago=STARTING - 1)}, Decision(RecordingState.PAUSED, "")),
        (RecordingState.RECORDING, {"standing": standing("starting", ago=STARTING + 1)},
         Decision(RecordingState.RETRYING, "its source is opening")),
        (RecordingState.RECORDING, {"standing": OFFLINE}, Decision(RecordingState.RETRYING, "the stream is offline")),
        (RecordingState.WAITING, {"standing": OFFLINE, "segments": 0}, Decision(RecordingState.WAITING, "the stream is offline")),
        (RecordingState.RECORDING, {"standing": standing("full")}, Decision(RecordingState.PAUSED, "the disk is full")),
        (RecordingState.WAITING, {"standing": standing("full"), "segments": 0}, Decision(RecordingState.WAITING, "the disk is full")),
        (RecordingState.RECORDING, {"spared": True},
         Decision(RecordingState.PAUSED, "disk space is low, and other recordings take precedence")),
        (RecordingState.WAITING, {"spared": True, "segments": 0}, Decision(RecordingState.WAITING, "")),
        (RecordingState.RECORDING, {"segments": 0}, Decision(RecordingState.RETRYING, "")),
        (RecordingState.RETRYING, {"standing": None, "growing": True}, Decision(RecordingState.RECORDING, "")),
    ],
)  # fmt: skip
def test_it_stands_as_its_recorder_does(state: RecordingState, seen: dict[str, object], expected: Decision) -> None:
    assert decide(row(state=state), **seen) == expected


def test_while_it_is_given_to_another_recorder_its_reason_stays() -> None:
    assert decide(row(reason="HTTP 503"), held=False, standing=None).reason == "HTTP 503"
    assert decide(row(reason="HTTP 503"), standing=None).reason == "HTTP 503"


@given(
    state=st.sampled_from(sorted(ACTIVE)),
    recorder=st.none()
    | st.builds(
        ReadingStatus,
        st.sampled_from(["starting", "reading", "waiting", "offline", "full", "held", "over", "failed"]),
        st.floats(0, 2 * UP),
        st.sampled_from(["", "HTTP 503"]),
    ),
    held=st.booleans(),
    segments=st.integers(0, 2),
    over=st.none() | st.just("over"),
    offline=st.floats(0, 1000),
    spared=st.booleans(),
    growing=st.booleans(),
    asked=st.booleans(),
    stop=st.none() | st.integers(-10, 10),
    age=st.integers(-100, 10_000),
)
def test_no_look_decides_on_a_move_that_there_is_not(
    state: RecordingState,
    recorder: ReadingStatus | None,
    held: bool,
    segments: int,
    over: str | None,
    offline: float,
    spared: bool,
    growing: bool,
    asked: bool,
    stop: int | None,
    age: int,
) -> None:
    known = row(
        state=state,
        stop_asked=asked,
        created_at=NOW - timedelta(seconds=age),
        stop_at=None if stop is None else NOW + timedelta(seconds=stop),
    )
    look = Look(recorder, held, segments, over, offline, UP, spared, growing)
    found = rules.decide(known, look, NOW, grace=120, patience=3600)
    if found.state is not state:
        check_move(state, found.state)
    assert found.state in ACTIVE or found.reason


def test_only_the_moves_of_the_table_are_made() -> None:
    for now in RecordingState:
        for to in RecordingState:
            if to in MOVES[now]:
                check_move(now, to)
            else:
                with pytest.raises(Conflict):
                    check_move(now, to)
    assert all(to not in MOVES[RecordingState.DONE] for to in RecordingState), "what is done stays done"
    assert RecordingState.FINISHING in MOVES[RecordingState.FAILED], "what failed can be tried again"


@pytest.mark.parametrize(("ago", "state"), [(4.9, RecordingState.RECORDING), (5.0, RecordingState.RETRYING)])
def test_a_recorder_may_take_five_seconds_to_begin(ago: float, state: RecordingState) -> None:
    assert decide(row(state=RecordingState.RECORDING), standing=standing("starting", ago=ago)).state is state


@pytest.mark.parametrize(
    ("known", "quiet", "seen", "expected"),
    [
        (RecordingState.RECORDING, 4.9, None, RecordingState.RECORDING),
        (RecordingState.RECORDING, 5.0, None, RecordingState.RETRYING),
        (RecordingState.RETRYING, 4.9, None, RecordingState.RETRYING),
        (RecordingState.PAUSED, 4.9, None, RecordingState.RETRYING),
        (RecordingState.RECORDING, 4.9, standing("offline"), RecordingState.RETRYING),
    ],
)
def test_a_recorder_that_is_replaced_within_five_seconds_interrupts_nothing(
    known: RecordingState, quiet: float, seen: ReadingStatus | None, expected: RecordingState
) -> None:
    assert decide(row(state=known), standing=seen, held=seen is not None, quiet=quiet).state is expected


# -- hanging and stuck -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "since", "alive", "expected"),
    [
        ("reading", HUNG + 1, UP - HUNG - 1, True),
        ("starting", HUNG + 1, 0.0, True),
        ("offline", 9000, UP - HUNG - 1, True),
        ("reading", HUNG - 1, 0.0, False),
        ("reading", 9000, UP - 5, False),
        ("offline", 9000, UP - 5, False),
        ("full", 9000, UP - 5, False),
        ("held", 9000, UP - 5, False),
        ("over", 9000, 0.0, False),
    ],
)
def test_a_thread_that_does_nothing_any_more_hangs(state: str, since: float, alive: float, expected: bool) -> None:
    assert rules.hangs(replace(standing(state, ago=since), alive=alive), UP) is expected


@pytest.mark.parametrize(("quiet", "expected"), [(240.0, False), (240.1, True)])
def test_it_hangs_after_four_minutes(quiet: float, expected: bool) -> None:
    assert rules.hangs(standing("reading", ago=quiet), UP) is expected


@pytest.mark.parametrize(("quiet", "expected"), [(20.0, False), (20.1, True)])
def test_a_recorder_hangs_when_it_gave_no_sign_of_life_for_twenty_seconds(quiet: float, expected: bool) -> None:
    recorder = RecorderProcess(Path(), None, began=UP - quiet)  # type: ignore[arg-type]
    assert recorder.silent(UP) is expected
    recorder.pulse = RecorderPulse(UP - 1)
    assert not recorder.silent(UP)


def test_the_rate_of_a_recording_is_that_of_what_is_there() -> None:
    assert rules.rate(row(bytes=100, seconds=1.0)) == 100.0
    assert rules.rate(row(bytes=100, seconds=0.5)) == 200.0
    assert rules.rate(row(bytes=100, seconds=0.0)) == 0.0


DAY = timedelta(hours=24)


@pytest.mark.parametrize(
    ("known", "held", "expected"),
    [
        ({"progress_at": NOW - DAY - timedelta(seconds=1)}, False, True),
        ({"progress_at": NOW - DAY}, False, False),
        ({"progress_at": NOW - 3 * DAY}, True, False),
        ({"started_at": NOW - 2 * DAY}, False, True),
        ({"started_at": NOW - 2 * DAY, "progress_at": NOW}, False, False),
        ({"created_at": NOW - 2 * DAY}, False, True),
        ({"created_at": NOW - 2 * DAY, "state": RecordingState.RETRYING}, False, True),
        ({"created_at": NOW - 2 * DAY, "state": RecordingState.PAUSED}, False, True),
        ({"created_at": NOW - 2 * DAY, "state": RecordingState.WAITING}, False, False),
        ({"created_at": NOW - 2 * DAY, "state": RecordingState.DONE}, False, False),
        ({"created_at": NOW - 2 * DAY, "state": RecordingState.FINISHING}, False, False),
    ],
)
def test_stuck_is_what_nobody_records_and_nothing_comes_for(
    known: dict[str, object], held: bool, expected: bool
) -> None:
    assert rules.is_stuck(row(**known), held=held, now=NOW, hours=24) is expected


# -- disk --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "bytes_needed"),
    [
        ({"bytes": 6000, "seconds": 60.0}, 100 * 1800),
        ({"bytes": 6000, "seconds": 90.0, "missing": 30.0}, 100 * 1800),
        ({"bytes": 6000, "seconds": 60.0, "stop_at": NOW + timedelta(seconds=40)}, 100 * 40),
        ({"bytes": 6000, "seconds": 60.0, "stop_at": NOW + timedelta(days=1)}, 100 * 1800),
        ({"bytes": 6000, "seconds": 60.0, "stop_at": NOW - timedelta(days=1)}, 0),
        ({}, 0),
        ({"bytes": 6000, "seconds": 5.0, "missing": 5.0}, 0),
    ],
)
def test_space_is_reserved_for_what_is_going_to_come(known: dict[str, object], bytes_needed: int) -> None:
    assert rules.reserve([row(**known)], NOW, minutes=30, least=7) == bytes_needed + 7
    assert rules.reserve([row(**known)] * 3, NOW, minutes=30, least=0) == 3 * bytes_needed


def test_without_recordings_only_the_least_is_reserved() -> None:
    assert rules.reserve([], NOW, minutes=30, least=7) == 7
    assert rules.space_to_finish(row(bytes=1000)) == 1250


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ([], None),
        ([{"id": 1, "priority": 5}, {"id": 2, "priority": 1}, {"id": 3, "priority": 3}], 2),
        ([{"id": 1, "favourite": True}, {"id": 2}], 2),
        ([{"id": 1, "favourite": True, "priority": 0}, {"id": 2, "priority": 1}], 1),
        ([{"id": 1, "created_at": NOW - DAY}, {"id": 2, "created_at": NOW}, {"id": 3, "created_at": NOW - 2 * DAY}], 2),
        (
            [
                {"id": 1, "state": RecordingState.PAUSED},
                {"id": 2, "state": RecordingState.WAITING},
                {"id": 3, "priority": 9},
            ],
            3,
        ),
        ([{"id": 1, "state": RecordingState.RETRYING}], None),
    ],
)
def test_the_least_wanted_is_paused_first(rows: list[dict[str, object]], first: int | None) -> None:
    found = rules.first_to_pause([row(**one) for one in rows])
    assert (None if found is None else found.id) == first
