"""Positions: in the order of the list, and few of them change with it."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from nightcrew.playlists import places
from nightcrew.playlists.places import FURTHEST, NONE, STEP, placed

befores = st.lists(st.one_of(st.just(NONE), st.integers(-5, 40), st.integers(-FURTHEST, FURTHEST)), max_size=30)


@given(befores)
def test_positions_ascend_and_fit_the_column(before: list[int]) -> None:
    found = list(placed(before).positions)
    assert len(found) == len(before)
    assert all(one < other for one, other in zip(found, found[1:], strict=False))
    assert all(-FURTHEST <= one <= FURTHEST for one in found)


@given(befores)
def test_what_has_its_positions_keeps_them(before: list[int]) -> None:
    found = list(placed(before).positions)
    assert list(placed(found).positions) == found
    assert placed(found).moved == 0


@given(st.lists(st.integers(0, 200), unique=True, max_size=40), st.integers(0, 40), st.data())
def test_one_that_comes_goes_or_moves_leaves_the_others(numbers: list[int], at: int, data: st.DataObject) -> None:
    before = [number * STEP for number in sorted(numbers)]
    place = min(at, len(before))
    grown = [*before[:place], NONE, *before[place:]]
    assert [one for index, one in enumerate(placed(grown).positions) if index != place] == before
    if before:
        one = data.draw(st.integers(0, len(before) - 1))
        rest = before[:one] + before[one + 1 :]
        assert list(placed(rest).positions) == rest
        to = data.draw(st.integers(0, len(rest)))
        found = placed([*rest[:to], before[one], *rest[to:]])
        assert found.moved == (to != one)
        assert sum(
            old == new for old, new in zip([*rest[:to], before[one], *rest[to:]], found.positions, strict=True)
        ) >= len(rest)


def test_a_list_that_is_turned_round_moves_all_but_one() -> None:
    before = [places.first(place) for place in range(30)]
    assert placed(before[::-1]).moved == 29


def test_dense_positions_of_an_older_version_are_spread_once() -> None:
    dense = list(range(1_000))
    found = placed([*dense[:500], NONE, *dense[500:]])
    assert found.moved == 0
    assert list(found.positions) == [places.first(place) for place in range(1_001)]
    again = list(found.positions)
    more = placed([*again[:700], NONE, *again[700:]]).positions
    assert [*more[:700], *more[701:]] == again


def test_many_that_come_one_after_the_other_seldom_number_all_anew() -> None:
    chance, now, anew = random.Random(5), [places.first(place) for place in range(2_000)], 0
    for _ in range(2_000):
        at = chance.randrange(len(now) + 1)
        wanted = [*now[:at], NONE, *now[at:]]
        now = list(placed(wanted).positions)
        anew += sum(old not in {NONE, new} for old, new in zip(wanted, now, strict=True)) > 0
    assert anew <= 4


def test_no_list_is_too_long_for_the_column() -> None:
    assert places.first(2_000_000 - 1) <= FURTHEST


def test_entries_that_always_come_at_one_spot_seldom_number_all_anew() -> None:
    """A list with the newest first, under a heading."""
    now, written = [places.first(place) for place in range(2_000)], 0
    for _ in range(500):
        wanted = [now[0], NONE, *now[1:]]
        now = list(placed(wanted).positions)
        written += sum(old != new for old, new in zip(wanted, now, strict=True))
    assert all(one < other for one, other in zip(now, now[1:], strict=False))
    assert written < 500 * 30
