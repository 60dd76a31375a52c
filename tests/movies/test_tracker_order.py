"""When answers prove that a tracker keeps the order."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations
from math import log2
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.movies.trackers import order
from nightcrew.movies.trackers.order import OrderProof
from nightcrew.movies.trackers.wire import Numbers

DIFFERENT: list[Numbers] = [(100 * at, 1_000 * at, 50 * at) for at in range(1, 31)]
NOBODY: Numbers = (0, 0, 0)


def test_different_numbers_that_agree_prove_the_order() -> None:
    assert order.judge([DIFFERENT, DIFFERENT]) is OrderProof.KEPT
    assert order.judge([DIFFERENT, DIFFERENT, DIFFERENT]) is OrderProof.KEPT


def test_the_same_numbers_at_other_places_are_mixed_up() -> None:
    assert order.judge([DIFFERENT, DIFFERENT[::-1]]) is OrderProof.MIXED
    assert order.judge([DIFFERENT, DIFFERENT, [DIFFERENT[1], DIFFERENT[0], *DIFFERENT[2:]]]) is OrderProof.MIXED


@pytest.mark.parametrize(
    "values", [[NOBODY] * 60, [(3, 1, 2)] * 60, DIFFERENT[:8], [NOBODY] * 50 + DIFFERENT[:3]], ids=str
)
def test_numbers_that_are_alike_prove_nothing(values: list[Numbers]) -> None:
    assert order.judge([values, values, values]) is OrderProof.IN_DOUBT


def test_numbers_of_which_few_are_alike_prove_enough() -> None:
    values = [NOBODY] * 40 + DIFFERENT[:6]
    assert order.judge([values, values]) is OrderProof.KEPT
    pairs = [(at // 2, 0, 0) for at in range(16)]
    assert order.judge([pairs, pairs]) is OrderProof.KEPT


def test_other_numbers_come_from_elsewhere_and_prove_no_mixing() -> None:
    assert order.judge([DIFFERENT, [(2 * a, b, c) for a, b, c in DIFFERENT]]) is OrderProof.IN_DOUBT


def test_numbers_may_move_a_little() -> None:
    moved = [(a + 1, b, c) if at % 10 == 0 else (a, b, c) for at, (a, b, c) in enumerate(DIFFERENT)]
    assert order.judge([DIFFERENT, moved]) is OrderProof.KEPT
    every = [(a + 1, b, c) for a, b, c in DIFFERENT]
    assert order.judge([DIFFERENT, every]) is OrderProof.IN_DOUBT, "nothing is the same, so nothing is proven"


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ((5, 5, 5), (7, 3, 5), True),
        ((5, 5, 5), (8, 5, 5), False),
        ((5, 5, 5), (5, 5, 2), False),
        ((1000, 0, 0), (980, 0, 0), True),
        ((1000, 0, 0), (979, 0, 0), False),
        ((980, 0, 0), (1000, 0, 0), True),
        ((0, 0, 0), (2, 2, 2), True),
    ],
)
def test_how_far_numbers_may_move(one: Numbers, other: Numbers, near: bool) -> None:
    assert order.is_near(one, other) is near


SMALL = st.lists(st.sampled_from([NOBODY, (1, 0, 0), (2, 0, 0)]), min_size=1, max_size=6)


@given(SMALL)
def test_evidence_is_how_seldom_shuffled_numbers_agree(values: list[Numbers]) -> None:
    every = list(permutations(values))
    share = sum(list(one) == values for one in every) / len(every)
    assert order.evidence(values, [True] * len(values)) == pytest.approx(-log2(share), abs=1e-9)
    assert order._at_least(values) <= order.evidence(values, [True] * len(values)) + 1e-9


@settings(max_examples=40, deadline=None)
@given(SMALL.filter(lambda values: len(values) < 6), st.data())
def test_evidence_of_some_places_allows_for_their_choice(values: list[Numbers], data: st.DataObject) -> None:
    """So many places that prove as much agree by chance no more often than that says."""
    same = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    places = range(len(values))
    bits = {one: order.evidence(values, [at in one for at in places]) for one in combinations(places, sum(same))}
    mine = bits[tuple(at for at in places if same[at])]
    strong = [set(one) for one, worth in bits.items() if worth >= mine - 1e-9]
    every = [{at for at in places if one[at] == values[at]} for one in permutations(values)]
    share = sum(any(one <= agreed for one in strong) for agreed in every) / len(every)
    assert mine <= -log2(share) + 1e-9


def test_few_are_those_whose_different_numbers_would_prove_too_little() -> None:
    values = [(at, at, at) for at in range(100)]
    assert order.evidence(values[: order.FEW], [True] * order.FEW) < order.ENOUGH
    assert order.evidence(values[: order.FEW + 1], [True] * (order.FEW + 1)) >= order.ENOUGH


@given(st.integers(order.FEW + 1, 72), st.integers(0, 2**32), st.booleans())
def test_the_way_back_leads_back(count: int, seed: int, is_new: bool) -> None:
    batch = [f"{at}" for at in range(count)]
    for one in order.Orders(Random(seed)).some(count, is_new=is_new):
        assert sorted(one.there(batch)) == sorted(batch)
        assert list(one.back(one.there(batch))) == batch


@given(st.integers(order.FEW + 1, 72), st.integers(0, 2**32))
def test_no_hash_stays_and_no_neighbours_stay_neighbours(count: int, seed: int) -> None:
    there = list(order.shuffled(count, Random(seed)).there(range(count)))
    assert not any(at == place for at, place in enumerate(there))
    assert not any(abs(a - b) == 1 for a, b in pairwise(there))


def test_a_new_tracker_and_a_small_batch_are_asked_in_a_third_order() -> None:
    orders = order.Orders(Random(1))
    assert [len(orders.some(count, is_new=False)) for count in (11, 40, 41, 72)] == [2, 2, 1, 1]
    assert len(orders.some(72, is_new=True)) == 2
    assert list(orders.some(72, is_new=True)[1].there(range(72))) == list(range(72))[::-1]


def test_orders_are_made_a_few_times_and_then_taken_again() -> None:
    orders = order.Orders(Random(1))
    made = {id(one) for _ in range(200) for one in orders.some(72, is_new=False)}
    assert len(made) == order.KEPT
