"""What is learnt about a tracker."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.movies.trackers import rules
from nightcrew.movies.trackers.rules import AnswerOrder, TrackerMemory

NEW = TrackerMemory()
NOW = 1_000_000.0
DAY = 86_400.0


def test_whole_answers_raise_the_batch_up_to_what_fits_into_a_packet() -> None:
    memory, sizes = NEW, []
    for _ in range(4):
        sizes.append(rules.size(memory, 72))
        memory = rules.whole(memory, sizes[-1], 72)
    assert sizes == [50, 61, 72, 72]
    assert (memory.good, memory.batch) == (72, 72)


def test_what_fits_into_a_packet_depends_on_the_way() -> None:
    assert rules.limit(ipv6=False, tunnel=False) == 72
    assert rules.limit(ipv6=True, tunnel=False) == 71
    assert rules.limit(ipv6=False, tunnel=True) == rules.limit(ipv6=True, tunnel=True) == 59


@pytest.mark.parametrize(("most", "ip", "mtu"), [(72, 20, 1492), (71, 40, 1492), (59, 40, 1280 - 22)])
def test_the_largest_packet_is_not_cut_up(most: int, ip: int, mtu: int) -> None:
    def whole(count: int) -> int:
        return ip + 8 + 16 + 20 * count

    assert whole(most) <= mtu < whole(most + 1)


def test_a_batch_that_is_not_full_teaches_nothing_about_larger_ones() -> None:
    memory = rules.whole(NEW, 20, 72)
    assert (memory.good, memory.batch) == (20, 50)


def test_a_memory_that_learns_nothing_stays_the_same_object() -> None:
    memory = replace(NEW, batch=72, good=72)
    assert rules.whole(memory, 72, 72) is memory
    assert rules.whole(memory, 30, 72) is memory
    kept = rules.in_order(memory)
    assert kept.order is AnswerOrder.KEPT
    assert rules.in_order(kept) is kept


def test_a_way_that_bears_less_makes_the_batch_smaller() -> None:
    assert rules.size(replace(NEW, batch=72, good=72), 59) == 59
    assert rules.size(replace(NEW, batch=0), 59) == 1


def test_a_short_answer_halves_the_batch_and_is_a_limit_for_a_week() -> None:
    memory = rules.short(NEW, 50, NOW)
    assert (memory.batch, memory.ceiling, memory.good) == (25, 49, 0)
    assert rules.refreshed(memory, NOW + 7 * DAY - 1) is memory
    again = rules.refreshed(memory, NOW + 7 * DAY)
    assert (again.batch, again.ceiling) == (50, 0)


def test_a_short_answer_does_not_fall_below_what_was_answered_whole() -> None:
    memory = rules.short(replace(NEW, batch=61, good=50), 61, NOW)
    assert (memory.batch, memory.good, memory.ceiling) == (50, 50, 60)


def test_where_the_same_size_is_short_that_was_whole_before_the_size_is_not_the_reason() -> None:
    memory = rules.short(replace(NEW, good=50), 50, NOW)
    assert (memory.batch, memory.good) == (25, 0)


def test_late_short_answers_do_not_halve_it_once_more() -> None:
    assert rules.short(rules.short(NEW, 50, NOW), 50, NOW).batch == 25


@given(st.integers(1, 72))
def test_a_limit_is_found_and_kept(most: int) -> None:
    """A tracker that answers for `most` at once, and cuts off the rest."""
    memory, cut = NEW, 0
    for _ in range(60):
        asked = rules.size(memory, 72)
        if asked > most:
            memory, cut = rules.short(memory, asked, NOW), cut + 1
        else:
            memory = rules.whole(memory, asked, 72)
    assert rules.size(memory, 72) == most
    assert cut <= 12


def test_what_leaves_out_the_unknown_has_no_limit() -> None:
    memory = rules.empty(rules.short(NEW, 50, NOW))
    assert (memory.ceiling, memory.drops_unknown) == (0, True)
    assert rules.empty(memory) is memory
    shorter = rules.short(memory, 25, NOW)
    assert (shorter.batch, shorter.ceiling) == (12, 0)
    assert rules.short(replace(memory, batch=1), 1, NOW).batch == 1


def test_a_larger_batch_that_is_lost_is_not_tried_again() -> None:
    memory = rules.lost(replace(NEW, batch=61, good=50), 61, NOW)
    assert (memory.batch, memory.ceiling, memory.ceiling_until) == (50, 60, NOW + 7 * DAY)
    first = rules.lost(NEW, 50, NOW)
    assert (first.batch, first.ceiling) == (1, 49)
    assert rules.lost(NEW, 1, NOW).ceiling == 1


def test_a_tracker_that_mixes_is_looked_at_again_after_growing_pauses() -> None:
    memory, pauses = NEW, []
    for _ in range(7):
        memory = rules.mixed_up(memory, NOW)
        assert memory.order is AnswerOrder.MIXED
        pauses.append((memory.mixed_until - NOW) / DAY)
    assert pauses == [1, 2, 4, 8, 16, 32, 32]
    assert rules.refreshed(memory, memory.mixed_until - 1) is memory
    again = rules.refreshed(memory, memory.mixed_until)
    assert (again.order, again.mixed) == (AnswerOrder.UNKNOWN, 7)
    assert rules.mixed_up(replace(NEW, mixed=10**5), NOW).mixed_until == NOW + 32 * DAY


def test_a_pause_that_a_tracker_wants_is_kept() -> None:
    memory = rules.asked(NEW, NOW, 90.0)
    assert memory.not_before == NOW + 90
    assert rules.asked(memory, NOW, 0.0).not_before == 0


MEMORIES = st.builds(
    TrackerMemory,
    batch=st.integers(1, 72),
    good=st.integers(0, 72),
    ceiling=st.integers(0, 72),
    ceiling_until=st.floats(0, 1e10),
    order=st.sampled_from(AnswerOrder),
    mixed=st.integers(0, 99),
    drops_unknown=st.booleans(),
)
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(MEMORIES)
def test_a_memory_survives_json(memory: TrackerMemory) -> None:
    assert rules.recalled(json.loads(json.dumps(asdict(memory)))) == memory


@given(st.dictionaries(st.sampled_from([*asdict(NEW), "else"]), ANYTHING))
def test_a_memory_of_any_kind_is_read(stored: dict[str, object]) -> None:
    memory = rules.recalled(stored)
    assert all(type(value) is type(getattr(NEW, name)) for name, value in asdict(memory).items())
    assert 1 <= rules.size(memory, 72) <= 72
    assert memory.good >= 0


def test_what_does_not_fit_is_forgotten() -> None:
    stored = {"batch": 30, "good": -1, "ceiling": True, "order": "odd", "mixed_until": float("nan"), "mixed": 10**6}
    assert rules.recalled(stored | {"not_before": 5}) == TrackerMemory(batch=30, not_before=5.0)
