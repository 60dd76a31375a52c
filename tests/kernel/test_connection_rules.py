"""How a connection stands after what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.connections import rules
from nightcrew.kernel.connections.mirrors import Mirrors
from nightcrew.kernel.connections.models import Connection, ConnectionStanding, ConnectionState
from nightcrew.kernel.connections.rules import FailureWindow

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def window(calls: str) -> FailureWindow:
    made = FailureWindow()
    for call in calls:
        made.add(worked=call == "+")
    return made


@pytest.mark.parametrize(
    ("calls", "failing"),
    [("", False), ("--", False), ("---", True), ("++-", False), ("+--", True), ("+-+-", True), ("+++--", False)],
)
def test_a_service_fails_by_its_rate_and_not_by_one_call(calls: str, failing: bool) -> None:
    assert window(calls).failing is failing


def test_only_the_last_calls_count() -> None:
    assert window("-" * 50 + "+" * 11).rate == 9 / 20
    assert window("-" * 50).calls == 20


def test_pauses_double_up_to_an_hour() -> None:
    assert [rules.pause(n) for n in (1, 2, 3, 7, 8, 1000)] == [30, 60, 120, 1920, 3600, 3600]


def test_too_many_failures_pause_a_service_longer_each_time() -> None:
    standing = ConnectionStanding()
    seen = []
    for _ in range(3):
        standing = rules.failed(standing, window("---"), NOW, "HTTP 500", unreached=False)
        seen.append((standing.state, (standing.until - NOW).total_seconds()))
    assert seen == [(ConnectionState.COOLING, 30), (ConnectionState.COOLING, 60), (ConnectionState.COOLING, 120)]


def test_the_call_after_a_pause_decides_alone() -> None:
    paused = ConnectionStanding(ConnectionState.COOLING, "HTTP 500", NOW, 2)
    again = rules.failed(paused, window("-"), NOW, "HTTP 500", unreached=True)
    assert (again.state, again.pauses) == (ConnectionState.AWAY, 3)
    assert rules.worked(paused, window("+")).state is ConnectionState.OK


def test_one_failure_of_a_service_that_works_changes_nothing() -> None:
    assert rules.failed(ConnectionStanding(), window("++++-"), NOW, "HTTP 500", unreached=False) == ConnectionStanding()


def test_one_that_flaps_is_left_alone_longer_and_told_of_once() -> None:
    """It works after each pause, and fails again at once."""
    standing, told, waits = ConnectionStanding(), [], []
    for _ in range(4):
        after = rules.failed(standing, window("---"), NOW, "HTTP 500", unreached=False)
        told.append(rules.news(standing, after))
        waits.append((after.until - NOW).total_seconds())
        standing = rules.worked(after, window("+"))
        told.append(rules.news(after, standing))
    assert waits == [30, 60, 120, 240]
    assert [news for news in told if news] == ["away"]
    settled = rules.worked(standing, window("+++++"))
    assert (settled, rules.news(standing, settled)) == (ConnectionStanding(), "back")


def test_it_waits_as_told_and_a_minute_when_nothing_is_told() -> None:
    assert rules.limited(ConnectionStanding(), NOW, "429", 7.0).until == NOW + timedelta(seconds=7)
    assert rules.limited(ConnectionStanding(), NOW, "429", None).until == NOW + timedelta(seconds=60)
    assert rules.worked(rules.limited(ConnectionStanding(), NOW, "429", 7.0), window("+")) == ConnectionStanding()


def test_a_refused_login_is_tried_seldom_and_one_that_is_final_not_at_all() -> None:
    first = rules.refused(ConnectionStanding(), NOW, "HTTP 401")
    second = rules.refused(first, NOW, "HTTP 401")
    assert [(one.until - NOW).total_seconds() for one in (first, second)] == [900, 1800]
    final = rules.refused(ConnectionStanding(), NOW, "invalid_grant", final=True)
    assert rules.waits(final, NOW + timedelta(days=999)) == float("inf")
    assert rules.worked(second, window("+")) == ConnectionStanding()
    assert (
        rules.news(ConnectionStanding(), first),
        rules.news(first, second),
        rules.news(second, ConnectionStanding()),
    ) == (
        "person",
        None,
        "back",
    )


@given(st.integers(-100, 100) | st.sampled_from([0.5, -0.5]))
def test_waiting_ends_when_its_time_is_over(seconds: float) -> None:
    standing = ConnectionStanding(ConnectionState.LIMITED, "", NOW + timedelta(seconds=seconds))
    assert rules.waits(standing, NOW) == (seconds if seconds > 0 else None)
    assert rules.waits(ConnectionStanding(), NOW) is None


@pytest.mark.parametrize(
    ("calls", "settled"), [("++++", False), ("+++++", True), ("+++---", False), ("++++---", True), ("", False)]
)
def test_a_pause_is_forgotten_when_few_of_some_calls_fail(calls: str, settled: bool) -> None:
    assert window(calls).settled is settled
    assert rules.worked(ConnectionStanding(pauses=2), window(calls)).pauses == (0 if settled else 2)


def test_it_is_told_that_it_is_away_only_the_first_time() -> None:
    away = ConnectionStanding(ConnectionState.AWAY, "no", NOW, 1)
    assert rules.news(ConnectionStanding(), away) == "away"
    assert rules.news(away, ConnectionStanding(ConnectionState.COOLING, "no", NOW, 2)) is None
    assert rules.news(ConnectionStanding(pauses=1), ConnectionStanding(ConnectionState.AWAY, "no", NOW, 2)) is None
    assert rules.news(ConnectionStanding(), ConnectionStanding()) is None


@pytest.mark.parametrize(
    ("standing", "enabled", "words"),
    [
        (ConnectionStanding(), True, "Shelf works"),
        (ConnectionStanding(ConnectionState.LIMITED, "HTTP 429"), True, "Shelf asks us to wait: HTTP 429"),
        (ConnectionStanding(ConnectionState.AWAY, "no connection"), True, "Shelf does not answer: no connection"),
        (
            ConnectionStanding(ConnectionState.COOLING, "HTTP 500"),
            True,
            "Shelf keeps failing and is paused: HTTP 500",
        ),
        (ConnectionStanding(ConnectionState.PERSON, "HTTP 401"), True, "Shelf needs you: HTTP 401"),
        (ConnectionStanding(ConnectionState.AWAY, "no connection"), False, "Shelf is switched off"),
    ],
)
def test_how_it_stands_is_a_sentence(standing: ConnectionStanding, enabled: bool, words: str) -> None:
    one = Connection(
        1, "kind", "Shelf", "http://a", (), {}, "", "direct", False, enabled, standing, NOW, 1, NOW, None, None, None
    )
    assert rules.in_words(one) == words


def test_a_mirror_that_fails_is_asked_after_the_others_and_tried_again() -> None:
    mirrors = Mirrors()
    assert mirrors.order(["a", "b"], 0) == ["a", "b"]
    mirrors.failed("a", 0)
    assert mirrors.order(["a", "b"], 29) == ["b"]
    assert mirrors.order(["a", "b"], 30) == ["a", "b"]
    mirrors.failed("a", 30)
    mirrors.failed("b", 40)
    assert mirrors.order(["a", "b"], 50) == ["b"], "the one that is tried again soonest"
    mirrors.worked("a")
    assert mirrors.order(["a", "b"], 50) == ["a"]


def test_a_grant_ends_so_many_days_after_it_was_given() -> None:
    assert rules.granted_until(NOW, 180) == NOW + timedelta(days=180)
    assert rules.granted_until(NOW, None) is None
    assert rules.granted_until(None, 180) is None


def test_people_are_told_once_that_a_service_asked_us_to_wait() -> None:
    limited = rules.limited(ConnectionStanding(), NOW, "slow down", None)
    assert rules.news(ConnectionStanding(), limited) == "limited"
    assert rules.news(limited, rules.limited(limited, NOW, "slow down", 5.0)) is None
    away = ConnectionStanding(ConnectionState.AWAY, "no", NOW, 2)
    assert rules.news(away, limited) is None
