"""Whose numbers they are: trackers that sort, shuffle, swap, leave out, cut off and fill up, always or at times, are asked for many torrents."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.demo.swarms import Swarms
from nightcrew.demo.tracking import DemoTracker, Habit
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.movies.trackers import wire
from nightcrew.movies.trackers.order import Orders
from nightcrew.movies.trackers.rules import AnswerOrder, TrackerMemory
from nightcrew.movies.trackers.survey import Declined, Silent, Survey

NEW = TrackerMemory()
KNOWN = TrackerMemory(batch=72, good=72, order=AnswerOrder.KEPT)
NOW = 1_000_000.0
Triple = tuple[int, int, int]


def names(count: int) -> list[str]:
    return [hashlib.sha1(b"%d" % at).hexdigest() for at in range(count)]


def raw(numbers: dict[str, Triple]) -> dict[bytes, Triple]:
    return {bytes.fromhex(one): triple for one, triple in numbers.items()}


class Asked:
    """A tracker that is asked without a network. `drift` changes its numbers before each packet."""

    def __init__(self, tracker: DemoTracker, drift: Random | None = None) -> None:
        self.tracker, self.drift = tracker, drift
        self.sizes: list[int] = []

    async def __call__(self, hashes: Sequence[str], briefly: bool) -> bytes | None:
        self.sizes.append(len(hashes))
        await asyncio.sleep(0)
        if self.drift:
            known = self.tracker.swarms.known
            for one in self.drift.sample(sorted(known), min(3, len(known))):
                seeds, leechers, completed = known[one]
                known[one] = (seeds + self.drift.choice((-1, 1)), leechers, completed + 1)
        answer = self.tracker.answered([bytes.fromhex(one) for one in hashes])
        return wire.body((seeds, completed, leechers) for seeds, leechers, completed in answer)


def survey(
    ask: Asked | object, hashes: list[str], memory: TrackerMemory = NEW, seed: int = 1, window: int = 4
) -> tuple[dict[str, Triple], TrackerMemory]:
    made = Survey(ask, memory, most=72, now=NOW, orders=Orders(Random(seed)), window=window)  # type: ignore[arg-type]
    found = asyncio.run(made.run(hashes))
    return {one: (swarm.seeds, swarm.leechers, swarm.completed) for one, swarm in found.items()}, made.memory


SHAPES = {
    "different": lambda chance: (chance.randrange(1, 5_000), chance.randrange(900), chance.randrange(50_000)),
    "small": lambda chance: (chance.randrange(4), chance.randrange(3), chance.randrange(4)),
    "tiny": lambda chance: (chance.randrange(2), 0, 0),
}


@settings(max_examples=150, deadline=None)
@given(
    habit=st.sampled_from(Habit),
    share=st.sampled_from([1.0, 0.9, 0.5, 0.2, 0.05]),
    most=st.sampled_from([1, 7, 30, 50, 60, 74]),
    drops=st.booleans(),
    count=st.integers(0, 260),
    unknown=st.sampled_from([0.0, 0.1, 0.6, 0.97]),
    shape=st.sampled_from(sorted(SHAPES)),
    memory=st.sampled_from([NEW, KNOWN, replace(NEW, batch=12, drops_unknown=True)]),
    seed=st.integers(0, 2**32),
)
def test_no_number_is_given_to_another_torrent(
    habit: Habit,
    share: float,
    most: int,
    drops: bool,
    count: int,
    unknown: float,
    shape: str,
    memory: TrackerMemory,
    seed: int,
) -> None:
    chance = Random(seed)
    true = {one: SHAPES[shape](chance) for one in names(count) if chance.random() >= unknown}
    tracker = DemoTracker(Swarms(raw(true)), habit=habit, share=share, most=most, drops_unknown=drops, chance=chance)
    ask = Asked(tracker)
    found, after = survey(ask, names(count), memory, seed)
    assert found.items() <= true.items()
    if habit is Habit.KEPT:
        assert after.order is not AnswerOrder.MIXED
    if habit is Habit.KEPT or (after.order is AnswerOrder.MIXED and memory.order is AnswerOrder.MIXED):
        assert found == {one: triple for one, triple in true.items() if any(triple)}, "some that it knows are missing"
    assert len(ask.sizes) <= 4 * count + 40, "it does not end"


@settings(max_examples=60, deadline=None)
@given(habit=st.sampled_from(Habit), share=st.sampled_from([1.0, 0.5, 0.1]), seed=st.integers(0, 2**32))
def test_no_number_is_given_to_another_torrent_while_numbers_move(habit: Habit, share: float, seed: int) -> None:
    chance = Random(seed)
    true = {one: (1_000 * at + 500, 0, 0) for at, one in enumerate(names(150)) if at % 7}
    ask = Asked(DemoTracker(Swarms(raw(true)), habit=habit, share=share, chance=chance), drift=chance)
    found, _ = survey(ask, names(150), seed=seed)
    for one, (seeds, _leechers, _completed) in found.items():
        assert abs(seeds - true[one][0]) < 400, "it is another one's"
    if habit is Habit.KEPT:
        assert found.keys() == true.keys()


def test_a_good_tracker_is_asked_in_three_orders_and_then_in_two() -> None:
    true = {one: (at + 1, at, 2 * at) for at, one in enumerate(names(144))}
    ask = Asked(DemoTracker(Swarms(raw(true))))
    found, memory = survey(ask, names(144), window=1)
    assert found == true
    assert memory == replace(NEW, batch=72, good=61, order=AnswerOrder.KEPT)
    assert ask.sizes == [50, 50, 50, 61, 61, 33, 33, 33], "three for the first and a small one, two for others"
    ask.sizes.clear()
    assert survey(ask, names(144), KNOWN)[0] == true
    assert ask.sizes == [72] * 4


def test_hashes_that_are_named_twice_are_asked_for_once() -> None:
    true = {one: (at + 1, at, 2 * at) for at, one in enumerate(names(40))}
    ask = Asked(DemoTracker(Swarms(raw(true)), merges=True))
    found, _ = survey(ask, names(40) * 3)
    assert found == true
    assert ask.sizes == [40] * 3


def test_a_tracker_that_sorts_is_asked_for_each_hash_alone_and_left_so_for_a_day() -> None:
    true = {one: (at + 1, at, 2 * at) for at, one in enumerate(names(60))}
    ask = Asked(DemoTracker(Swarms(raw(true)), habit=Habit.SORTED))
    found, memory = survey(ask, names(60))
    assert found == true
    assert (memory.order, memory.mixed_until) == (AnswerOrder.MIXED, NOW + 86_400)
    ask.sizes.clear()
    again, _ = survey(ask, names(60), memory)
    assert again == true
    assert set(ask.sizes) == {1}


def test_sorted_names_do_not_hide_that_a_tracker_sorts() -> None:
    true = {one: (at + 1, at, 2 * at) for at, one in enumerate(names(60))}
    ask = Asked(DemoTracker(Swarms(raw(true)), habit=Habit.SORTED))
    found, memory = survey(ask, sorted(names(60)), KNOWN)
    assert (found, memory.order) == (true, AnswerOrder.MIXED)


def test_one_batch_that_is_mixed_up_makes_all_of_them_void() -> None:
    true = {one: (at + 1, at, 2 * at) for at, one in enumerate(names(500))}
    tracker = DemoTracker(Swarms(raw(true)))
    ask = Asked(tracker)
    answered = tracker.answered

    def late(hashes: Sequence[bytes]) -> list[Triple]:
        return answered(hashes)[::-1] if len(ask.sizes) == 11 else answered(hashes)

    tracker.answered = late  # type: ignore[method-assign]
    found, memory = survey(ask, names(500), KNOWN)
    assert (found, memory.order) == (true, AnswerOrder.MIXED)
    assert ask.sizes.count(1) == 500


def test_what_was_mixed_up_is_not_given_either_where_nothing_else_is_answered() -> None:
    """The wrong numbers of an earlier batch agreed; a later batch showed that they cannot be believed."""
    true = {one: (at + 1, at, 2 * at) for at, one in enumerate(names(200))}
    tracker = DemoTracker(Swarms(raw(true)))
    ask = Asked(tracker)

    async def then_silent(hashes: Sequence[str], briefly: bool) -> bytes | None:
        if len(hashes) == 1:
            raise Silent("gone")
        tracker.habit = Habit.SHUFFLED if len(ask.sizes) > 3 else Habit.KEPT
        return await ask(hashes, briefly)

    with pytest.raises(Silent):
        survey(then_silent, names(200), KNOWN, window=1)
    assert len(ask.sizes) > 4


def test_few_torrents_are_asked_for_one_by_one() -> None:
    true = {one: (at + 1, at, 2 * at) for at, one in enumerate(names(10))}
    ask = Asked(DemoTracker(Swarms(raw(true)), habit=Habit.SHUFFLED))
    assert survey(ask, names(10))[0] == true
    assert ask.sizes == [1] * 10


def test_where_numbers_prove_nothing_only_what_is_known_is_asked_for_alone() -> None:
    true = dict.fromkeys(names(60)[20:23], (3, 1, 2))
    ask = Asked(DemoTracker(Swarms(raw(true))))
    found, memory = survey(ask, names(60))
    assert found == true
    assert memory.order is AnswerOrder.UNKNOWN
    assert ask.sizes.count(1) == 3


def test_a_tracker_that_leaves_out_the_unknown_is_asked_in_parts() -> None:
    true = {one: (at + 1, at, 2 * at) for at, one in enumerate(names(200)) if at % 40}
    ask = Asked(DemoTracker(Swarms(raw(true)), drops_unknown=True))
    found, memory = survey(ask, names(200))
    assert found == true
    assert memory.drops_unknown
    assert memory.ceiling == 0


class Broken:
    """Answers as it is told by the size of a packet and how many there were."""

    def __init__(self, *errors: Exception | None, largest: int = 99) -> None:
        self.errors, self.largest = list(errors), largest
        self.sizes: list[tuple[int, bool]] = []

    async def __call__(self, hashes: Sequence[str], briefly: bool) -> bytes | None:
        self.sizes.append((len(hashes), briefly))
        if self.errors and (error := self.errors.pop(0)):
            raise error
        if len(hashes) > self.largest:
            raise Silent("nothing")
        return wire.body([(int(one[:4], 16) + 1, 5, 9) for one in hashes])


def test_a_larger_batch_that_is_lost_falls_back_to_what_was_answered() -> None:
    ask = Broken(largest=55)
    found, memory = survey(ask, names(122), replace(NEW, batch=61, good=50, order=AnswerOrder.KEPT))
    assert len(found) == 122
    assert ask.sizes[0] == (61, True), "silence about it is not waited out"
    assert ask.sizes[1][0] == 50
    assert {briefly for size, briefly in ask.sizes if size <= 50} == {False}
    assert 50 <= memory.batch <= memory.ceiling <= 60


def test_a_new_tracker_that_bears_no_large_packet_is_asked_for_one_hash() -> None:
    ask = Broken(largest=20)
    found, memory = survey(ask, names(60))
    assert len(found) == 60
    assert [size for size, _ in ask.sizes[:2]] == [30, 1]
    assert memory.ceiling < 30


def test_a_refused_batch_is_halved_and_a_refused_hash_is_an_error() -> None:
    ask = Broken(Declined("too many"))
    found, memory = survey(ask, names(50))
    assert len(found) == 50
    assert (ask.sizes[0][0], memory.ceiling) == (50, 49)
    with pytest.raises(Declined, match="not here"):
        survey(Broken(*[Declined("not here")] * 999), names(50))


def test_silence_after_some_answers_leaves_what_was_answered() -> None:
    ask = Broken(*[None] * 5, *[Silent("gone")] * 999)
    found, _ = survey(ask, names(200), KNOWN, window=1)
    assert 60 < len(found) < 200
    with pytest.raises(Silent):
        survey(Broken(*[Silent("gone")] * 999), names(200), KNOWN)


def test_a_route_that_is_down_is_told_though_there_are_answers() -> None:
    with pytest.raises(RouteDown):
        survey(Broken(*[None] * 5, *[RouteDown("down")] * 999), names(200), KNOWN)
    with pytest.raises(Retry):
        survey(
            Broken(*[None] * 60, *[RouteDown("down")] * 999),
            names(200),
            replace(NEW, order=AnswerOrder.MIXED, mixed_until=NOW + 1),
        )


def test_a_body_that_is_no_whole_number_of_torrents_is_no_answer() -> None:
    async def odd(hashes: Sequence[str], briefly: bool) -> bytes | None:
        return None

    assert survey(odd, names(30))[0] == {}


@pytest.mark.parametrize("order", [AnswerOrder.KEPT, AnswerOrder.MIXED])
async def test_what_was_answered_in_time_counts(order: AnswerOrder) -> None:
    hashes = names(200)
    tracker = DemoTracker()
    tracker.swarms.known = raw({one: (at + 1, 2, 3) for at, one in enumerate(hashes)})
    inner, packets = Asked(tracker), 0

    async def stops(asked: Sequence[str], briefly: bool) -> bytes | None:
        nonlocal packets
        packets += 1
        if packets > 4:
            await asyncio.Event().wait()
        return await inner(asked, briefly)

    memory = replace(KNOWN, order=order, mixed_until=NOW + 99)
    made = Survey(stops, memory, most=72, now=NOW, orders=Orders(Random(1)), window=1)
    found = await made.run(hashes, asyncio.get_running_loop().time() + 0.1)
    assert 0 < len(found) < len(hashes)
    assert all(found[one].seeds == at + 1 for at, one in enumerate(hashes) if one in found)
    packets = 4
    with pytest.raises(Silent):
        await Survey(stops, memory, most=72, now=NOW, orders=Orders(Random(1))).run(
            hashes, asyncio.get_running_loop().time() + 0.1
        )
