"""Whether it is this machine that reaches nothing: eight streams in a row, and one that is reached ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nightcrew.checks import plan
from nightcrew.checks.conclusion import Outcome
from nightcrew.checks.models import DueCheck
from nightcrew.checks.outage import Outage
from nightcrew.checks.plan import Result

NOWHERE = plan.begin(datetime(2026, 1, 1, tzinfo=UTC))
REACHED = replace(NOWHERE, reached=True)
FAILED = Outcome(Result.FAILED, "no route", network=True)
INTERRUPTED = Outcome(Result.INTERRUPTED, "a viewer")


def due(stream: int, *, dead: bool = False) -> DueCheck:
    values: dict[str, object] = dict.fromkeys(DueCheck.__dataclass_fields__)
    return DueCheck(**{**values, "stream_id": stream, "channel_id": 100 + stream, "dead": dead})  # type: ignore[arg-type]


def unreachable(outage: Outage, *streams: int, dead: bool = False) -> list[bool]:
    """For each of these streams: does its failure say nothing of it?"""
    return [outage.count(due(stream, dead=dead), NOWHERE, FAILED) for stream in streams]


def test_the_eighth_stream_in_a_row_that_cannot_be_reached_is_not_to_blame() -> None:
    outage = Outage()
    assert not outage.suspected
    assert unreachable(outage, *range(7)) == [False] * 7
    assert not outage.suspected
    assert unreachable(outage, 7, 8) == [True, True]
    assert outage.suspected


def test_one_stream_that_is_tried_again_and_again_is_one() -> None:
    outage = Outage()
    assert unreachable(outage, *[1] * 20) == [False] * 20


def test_one_stream_that_is_reached_ends_it() -> None:
    outage = Outage()
    unreachable(outage, *range(10))
    assert not outage.count(due(20), REACHED, Outcome(Result.FAILED, "HTTP 404"))
    assert not outage.suspected
    assert unreachable(outage, *range(7)) == [False] * 7, "it is counted anew"


@pytest.mark.parametrize("going", [NOWHERE, REACHED])
@pytest.mark.parametrize("last", [None, INTERRUPTED])
def test_a_check_that_tried_nothing_or_made_room_says_nothing_of_the_network(
    going: plan.Plan, last: Outcome | None
) -> None:
    outage = Outage()
    unreachable(outage, *range(7))
    assert not outage.count(due(9), going, last)
    assert not outage.suspected
    assert unreachable(outage, 7) == [True], "it has not ended the row either"


def test_a_long_outage_ends_with_the_first_stream_that_is_reached() -> None:
    outage = Outage()
    unreachable(outage, *range(500))
    assert not outage.count(due(501), REACHED, FAILED)
    assert unreachable(outage, 1) == [False]


def test_what_is_reached_at_home_says_nothing_of_the_world() -> None:
    """The router is up and the line is down: the tuner in the attic works, and every provider is out of reach."""
    outage = Outage()
    told = []
    for stream in range(20):
        told += unreachable(outage, stream)
        assert not outage.count(due(100 + stream), REACHED, Outcome(Result.OK), at_home=True)
    assert told == [False] * 7 + [True] * 13
    at_home = [outage.count(due(200 + n), NOWHERE, FAILED, at_home=True) for n in range(8)]
    assert at_home == [False] * 7 + [True]


def test_a_box_at_home_that_is_off_is_no_outage_while_the_world_is_reached() -> None:
    outage = Outage()
    for stream in range(20):
        assert not outage.count(due(stream), NOWHERE, FAILED, at_home=True)
        assert not outage.count(due(100 + stream), REACHED, Outcome(Result.OK))
    assert not outage.suspected
