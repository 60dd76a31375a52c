"""When films are searched for, sources are counted, and old ones are looked at again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.movies.sources import rules

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
CHANCE = st.floats(0, 1)
NEW, OLD = "2026-10-31", "1968-10-01"


def after(at: datetime) -> timedelta:
    return at - NOW


@given(CHANCE, st.integers(0, 50))
def test_an_indexer_is_asked_again_after_45_minutes_at_the_earliest_whatever_it_said(chance: float, vain: int) -> None:
    assert after(rules.next_search(NOW, OLD, vain, chance)) >= timedelta(minutes=45)


@given(CHANCE, st.integers(0, 1))
def test_what_was_found_or_searched_for_once_in_vain_is_looked_for_again_within_75_minutes(
    chance: float, vain: int
) -> None:
    assert after(rules.next_search(NOW, NEW, vain, chance)) <= timedelta(minutes=75)


def test_further_answers_in_vain_double_the_pause() -> None:
    pauses = [after(rules.next_search(NOW, OLD, vain, 0.5)) for vain in range(1, 5)]
    assert pauses == [timedelta(hours=1 << times) for times in range(4)]


@given(CHANCE, st.integers(0, 40), st.sampled_from(["2026-10-31", "2026-10-10", "2026-01-01", "1968-10-01", ""]))
def test_the_pause_grows_with_what_was_in_vain_and_is_never_for_ever(chance: float, vain: int, out: str) -> None:
    pause, longer = (after(rules.next_search(NOW, out, one, chance)) for one in (vain, vain + 1))
    assert pause <= longer <= timedelta(days=14)


def test_a_new_film_is_asked_for_more_often_than_an_old_one() -> None:
    ages = ["2026-10-31", "2026-10-10", "2026-01-01", "1968-10-01"]
    pauses = [after(rules.next_search(NOW, one, 30, 0.5)) for one in ages]
    assert pauses == sorted(pauses)
    assert len(set(pauses)) == 4


@pytest.mark.parametrize(
    ("out", "before", "expected"),
    [
        ("2026-12-24", False, datetime(2026, 12, 24, tzinfo=UTC)),
        ("2026-12-24", True, NOW),
        ("2026-10-01", False, NOW),
        ("", False, NOW),
        ("soon", False, NOW),
    ],
)
def test_a_film_is_not_searched_for_before_its_release_unless_asked(out: str, before: bool, expected: datetime) -> None:
    assert rules.first_search(NOW, out, before_release=before) == expected


@given(CHANCE, st.integers(1, 60))
def test_a_failed_search_is_tried_again_after_growing_pauses(chance: float, failures: int) -> None:
    pause = after(rules.next_after_failure(NOW, failures, chance))
    assert timedelta(minutes=3.5) < pause <= timedelta(hours=15)
    assert pause <= after(rules.next_after_failure(NOW, failures + 1, chance))


@pytest.mark.parametrize(
    ("wait", "seeds_before", "seeds_after", "hours"),
    [
        (None, None, 5, 6),
        (12, 100, 102, 24),
        (12, 100, 107, 12),
        (24, 100, 115, 18),
        (24, 100, 70, 12),
        (48, 100, 200, 6),
        (48, 0, 1, 6),
        (48, 0, 0, 72),
        (60, 100, 100, 72),
        (6, 100, 85, 6),
        (24, 10, None, 6),
    ],
)
def test_numbers_that_move_are_looked_at_sooner(
    wait: float | None, seeds_before: int | None, seeds_after: int | None, hours: float
) -> None:
    assert rules.next_stats(wait, seeds_before, seeds_after, 0.5) == pytest.approx(hours)


@given(CHANCE, st.floats(6, 72) | st.none(), st.integers(0, 9999) | st.none(), st.integers(0, 9999) | st.none())
def test_numbers_are_looked_at_within_three_days_and_not_sooner_than_in_six_hours(
    chance: float, wait: float | None, seeds_before: int | None, seeds_after: int | None
) -> None:
    assert 6 <= rules.next_stats(wait, seeds_before, seeds_after, chance) <= 72


@given(st.floats(6, 72), st.integers(0, 9999))
def test_the_jitter_is_a_fifth_at_most(wait: float, seeds: int) -> None:
    low, middle, high = (rules.next_stats(wait, seeds, seeds, chance) for chance in (0.0, 0.5, 1.0))
    assert low >= min(72, middle) * 0.79
    assert low <= middle <= high


@given(CHANCE)
def test_a_source_that_was_not_found_is_looked_for_sooner(chance: float) -> None:
    assert rules.next_resync(NOW, 1, chance) < rules.next_resync(NOW, 0, chance)
    assert after(rules.next_resync(NOW, 1, chance)) > timedelta(hours=20)


@given(CHANCE, st.integers(1, 60))
def test_a_torrent_file_that_cannot_be_read_is_tried_again_within_a_day_or_so(chance: float, failures: int) -> None:
    pause = after(rules.next_file(NOW, failures, chance))
    assert timedelta(seconds=80) < pause <= timedelta(hours=30)


def test_pauses_double_up_to_a_day_or_half_of_one() -> None:
    assert [after(rules.next_file(NOW, failures, 0.5)) for failures in (1, 2, 3, 40)] == [
        timedelta(minutes=2),
        timedelta(minutes=4),
        timedelta(minutes=8),
        timedelta(days=1),
    ]
    assert [after(rules.next_after_failure(NOW, failures, 0.5)) for failures in (1, 2, 3, 40)] == [
        timedelta(minutes=5),
        timedelta(minutes=10),
        timedelta(minutes=20),
        timedelta(hours=12),
    ]


@pytest.mark.parametrize(
    ("released_on", "hours"),
    [("2026-10-31", 4), ("2026-10-10", 32), ("2026-01-01", 128), ("2020-01-01", 256), ("", 256)],
)
def test_how_seldom_a_film_is_searched_for_goes_by_its_age(released_on: str, hours: int) -> None:
    assert after(rules.next_search(NOW, released_on, 40, 0.5)) == timedelta(hours=hours)


@pytest.mark.parametrize(("after_it", "hours"), [(105, 12.0), (110, 9.0), (120, 6.0), (150, 6.0), (151, 6.0)])
def test_a_move_of_a_share_counts_from_that_share_on(after_it: int, hours: float) -> None:
    assert rules.next_stats(12, 100, after_it, 0.5) == pytest.approx(hours)
    assert rules.next_stats(48, 100, 150, 0.5) == pytest.approx(24.0), "half is not more than half"
