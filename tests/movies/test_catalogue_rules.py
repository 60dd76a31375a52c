"""Decisions about lists, days of changes and seasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.movies.catalogue import rules
from nightcrew.movies.tmdb.shapes import TitleFacts
from nightcrew.movies.tmdb.show_shapes import Episode, Season, ShowDetails

NOW = datetime(2026, 3, 15, 14, 30, tzinfo=UTC)
TODAY = NOW.date()


def test_a_list_that_comes_back_half_is_held_back_until_it_was_seen_three_times() -> None:
    assert rules.held_back(100, 50, 0)
    assert rules.held_back(100, 50, 1)
    assert rules.held_back(100, 50, 2) is None
    assert rules.held_back(100, 70, 0) is None
    assert rules.held_back(0, 1, 0) is None


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.integers(0, 5))
def test_a_list_that_is_about_as_long_is_never_held_back(stored: int, found: int, times: int) -> None:
    if found >= stored:
        assert rules.held_back(stored, found, times) is None


@pytest.mark.parametrize(
    "text",
    [
        "page=3",
        "api_key=x",
        "language=de",
        "x y=1",
        "a=1&a",
        "with_genres",
        "name=" + "x" * 300,
        "with_genres=1\x00",
        "A=1",
    ],
)
def test_a_query_that_would_do_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        rules.parameters(text)


def test_a_query_is_read_as_people_copy_it() -> None:
    assert rules.parameters("?with_genres=27,53&vote_count.gte=200&sort_by=vote_average.desc") == {
        "with_genres": "27,53",
        "vote_count.gte": "200",
        "sort_by": "vote_average.desc",
    }
    assert rules.parameters("") == {}


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 15)), st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 15))
)
def test_the_days_since_the_checkpoint_have_no_gap(one: datetime, other: datetime) -> None:
    known_to, now = (moment.replace(tzinfo=UTC) for moment in sorted((one, other)))
    found = list(rules.chunks(known_to, now))
    assert found[0].day == known_to.date()
    assert found[-1].day == now.date()
    assert found[-1].known_to == now
    assert [later.day - first.day for first, later in zip(found, found[1:], strict=False)] == [timedelta(days=1)] * (
        len(found) - 1
    )
    for chunk in found[:-1]:  # after it nothing of that day is unknown
        assert chunk.known_to.date() == chunk.day + timedelta(days=1)
        assert chunk.before == chunk.known_to


def test_a_checkpoint_in_the_future_asks_for_today() -> None:
    (chunk,) = rules.chunks(NOW + timedelta(days=400), NOW)
    assert chunk.day == TODAY


def show(status: str = "Returning Series", next_on: str = "", *seasons: Season) -> ShowDetails:
    return ShowDetails(TitleFacts(1, "Night Train"), status=status, next_on=next_on, seasons=seasons)


def season(number: int, *dates: str, count: int | None = None) -> Season:
    episodes = tuple(Episode(place, air_on=day) for place, day in enumerate(dates, 1))
    return Season(number, count=len(dates) if count is None else count, episodes=episodes)


def test_a_season_is_complete_when_all_of_it_was_on_the_air() -> None:
    aired, running = season(1, "2025-01-01", "2025-01-08"), season(2, "2026-03-01", "2026-03-22")
    short, dateless, announced = season(3, "2025-01-01", count=3), season(4, "2025-01-01", ""), season(5)
    details = show(
        "Returning Series", "", aired, running, short, dateless, announced, replace(aired, number=6, episodes=None)
    )
    assert rules.complete(details, TODAY) == {1}
    ended = replace(details, status="Ended")
    assert rules.complete(ended, TODAY) == {1, 2, 4, 5}


def test_a_show_that_goes_on_is_read_again_at_its_next_air_date() -> None:
    running = season(2, "2026-03-01", "2026-03-22", "2026-03-29")
    at = rules.next_look(show("Returning Series", "2026-03-20", running), [running], NOW, 0.0)
    assert at.date() == date(2026, 3, 20)
    at = rules.next_look(show("Returning Series", "", running), [running], NOW, 1.0)
    assert at.date() == date(2026, 3, 22)
    at = rules.next_look(show("In Production"), [], NOW, 0.5)
    assert timedelta(days=5) < at - NOW < timedelta(days=9)


@given(st.floats(0, 1), st.sampled_from(["Ended", "Canceled", "Returning Series", "", "Planned"]))
def test_nothing_is_kept_for_more_than_six_months(chance: float, status: str) -> None:
    far = season(1, "2199-01-01")
    for at in (rules.next_details(NOW, chance), rules.next_look(show(status, "2190-01-01", far), [far], NOW, chance)):
        assert timedelta(0) < at - NOW < timedelta(days=180)


def test_of_an_unknown_show_the_usual_seasons_are_asked_for_then_those_that_are_open() -> None:
    assert rules.wanted_seasons({}, True, 19) == list(range(19))
    assert rules.wanted_seasons({1: True, 2: False, 30: False}, False, 19) == [2, 30]


@given(st.integers(1, 60), st.floats(0, 1))
def test_pauses_grow_up_to_a_day(failures: int, chance: float) -> None:
    pause = rules.after_failure(NOW, failures, chance) - NOW
    assert timedelta(seconds=45) <= pause <= timedelta(days=1.25)
    assert rules.after_failure(NOW, failures, chance, told=90_000) - NOW >= timedelta(seconds=90_000)


def test_pauses_double_from_a_minute_on() -> None:
    pauses = [rules.after_failure(NOW, failures, 0.5) - NOW for failures in (0, 1, 2, 3, 4, 60)]
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 1, 2, 4, 8, 1440)]
    assert rules.after_failure(NOW, 1, 0.5, told=30.0) - NOW == timedelta(minutes=1), "what is told is the least"


def test_a_show_of_which_nothing_is_known_is_read_again_within_nine_days() -> None:
    going = ShowDetails(TitleFacts(1, "A show"), status="Returning Series")
    assert rules.next_look(going, [], NOW, 0.0) - NOW == timedelta(days=7) * 0.8
    assert rules.next_look(going, [], NOW, 1.0) - NOW == timedelta(days=7) * 1.2


def test_the_first_lists_are_those_that_the_documents_name() -> None:
    assert [(one["path"], one["pages"]) for one in rules.DEFAULTS] == [
        ("movie/popular", 5),
        ("movie/top_rated", 13),
        ("trending/movie/week", 3),
        ("tv/popular", 5),
        ("tv/top_rated", 13),
        ("trending/tv/week", 3),
    ]
