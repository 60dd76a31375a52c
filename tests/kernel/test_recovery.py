"""What an error leads to."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter

from nightcrew.kernel import recovery
from nightcrew.kernel.errors import GiveUp, Misread, NeedsUser, NightcrewError, NotFound, Retry
from nightcrew.kernel.recovery import Left, Recoveries, Step, Trouble, next_step, trouble_of
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.store import DatabaseAway

ALL = Left(attempts=1, mirrors=1, kept=True)
NONE = Left()


def status(error: NightcrewError, number: int) -> NightcrewError:
    error.status = number
    return error


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (Retry("no connection"), Trouble.NETWORK),
        (status(Retry("busy"), 429), Trouble.RATE_LIMIT),
        (status(Retry("busy", after=7), 503), Trouble.RATE_LIMIT),
        (status(Retry("broken"), 503), Trouble.MIRROR),
        (status(Retry("broken"), 500), Trouble.MIRROR),
        (Misread("an HTML page"), Trouble.MIRROR),
        (RouteDown("the tunnel is down"), Trouble.ROUTE),
        (DatabaseAway("locked"), Trouble.DATABASE),
        (status(NeedsUser("refused"), 401), Trouble.LOGIN),
        (status(GiveUp("gone"), 404), Trouble.OTHER),
        (NotFound("no such thing"), Trouble.OTHER),
    ],
)
def test_each_error_is_one_kind_of_trouble(error: NightcrewError, trouble: Trouble) -> None:
    assert trouble_of(error) is trouble


@pytest.mark.parametrize(
    ("trouble", "left", "step"),
    [
        (Trouble.NETWORK, ALL, Step.AGAIN),
        (Trouble.NETWORK, Left(mirrors=1, kept=True), Step.NEXT),
        (Trouble.NETWORK, Left(kept=True), Step.STALE),
        (Trouble.NETWORK, NONE, Step.SKIP),
        (Trouble.MIRROR, ALL, Step.NEXT),
        (Trouble.MIRROR, Left(attempts=1, kept=True), Step.AGAIN),
        (Trouble.MIRROR, Left(kept=True), Step.STALE),
        (Trouble.MIRROR, NONE, Step.SKIP),
        (Trouble.RATE_LIMIT, ALL, Step.NEXT),
        (Trouble.RATE_LIMIT, Left(attempts=1, kept=True), Step.AGAIN),
        (Trouble.RATE_LIMIT, Left(kept=True), Step.STALE),
        (Trouble.RATE_LIMIT, NONE, Step.WAIT),
        (Trouble.ROUTE, ALL, Step.PARK),
        (Trouble.DATABASE, ALL, Step.REPEAT),
        (Trouble.LOGIN, ALL, Step.STALE),
        (Trouble.LOGIN, Left(attempts=1, mirrors=1), Step.PERSON),
        (Trouble.OTHER, ALL, Step.STALE),
        (Trouble.OTHER, Left(attempts=1, mirrors=1), Step.SKIP),
    ],
)
def test_the_first_step_that_is_possible_is_taken(trouble: Trouble, left: Left, step: Step) -> None:
    assert next_step(trouble, left) is step


@pytest.mark.parametrize("trouble", Trouble)
def test_there_is_always_a_step(trouble: Trouble) -> None:
    assert next_step(trouble, NONE) in Step


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (status(Retry("busy"), 429), False),
        (status(Retry("busy", after=20), 429), True),
        (status(Retry("busy", after=21), 429), False),
        (status(Retry("broken"), 500), True),
        (Retry("no connection"), True),
    ],
)
def test_a_short_wait_is_waited_for_and_one_that_is_not_told_is_none(error: NightcrewError, short: bool) -> None:
    assert recovery.is_short(error) is short


def test_pauses_grow_to_a_limit_and_are_not_all_the_same() -> None:
    for attempt, middle in ((2, 0.3), (3, 0.6), (4, 1.2), (40, 10.0)):
        found = {recovery.pause_before(attempt) for _ in range(50)}
        assert all(0.75 * middle <= pause <= 1.25 * middle for pause in found)
        assert len(found) > 1
    assert recovery.pause_before(2, after=7.0) == 7.0
    assert all(5 <= recovery.parked() <= 15 for _ in range(50))


def test_troubles_and_what_was_left_to_do_are_counted() -> None:
    registry = CollectorRegistry()
    recoveries = Recoveries(Counter("troubles", "", ["kind"], registry=registry))
    recoveries.met(Trouble.NETWORK)
    recoveries.met(Trouble.NETWORK)
    for step in Step:
        recoveries.took(step)
    counted = {kind: registry.get_sample_value("troubles_total", {"kind": kind}) for kind in ("network", *Step)}
    assert {kind: count for kind, count in counted.items() if count} == {"network": 2, "stale": 1, "skip": 1}


def unreached() -> Retry:
    error = Retry("no connection")
    error.unreached = True
    return error


def last() -> Retry:
    error = Retry("its time is used up")
    error.last = True
    return error


@pytest.mark.parametrize(
    ("error", "repeatable", "left"),
    [
        (Retry("broke off"), True, 3),
        (Retry("broke off"), False, 0),
        (unreached(), False, 3),
        (status(Retry("busy"), 429), True, 0),
        (status(Retry("busy", after=1), 429), False, 3),
        (status(Retry("broken"), 500), False, 0),
        (status(Retry("broken"), 500), True, 3),
        (last(), True, 0),
        (Misread("a web page"), True, 0),
        (status(Retry("busy", after=1), 429), True, 3),
        (status(Retry("busy", after=86_400), 429), True, 0),
    ],
)
def test_what_may_be_sent_again_is_and_nothing_else(error: NightcrewError, repeatable: bool, left: int) -> None:
    """What was taken is not sent twice; what was not taken is; and nobody waits for a day."""
    assert recovery.attempts_left(error, 3, repeatable=repeatable) == left
