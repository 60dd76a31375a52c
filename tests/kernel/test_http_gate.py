"""Turns where little may be asked: the rate, the order, nobody starves, and whoever gives up takes nothing along."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel import http_gate
from nightcrew.kernel.http_gate import AskPriority, Starts, TurnGate
from nightcrew.kernel.http_pace import Pace
from support import patient

FAST = 10_000.0
"""A rate that holds nobody up."""


@given(
    rate=st.one_of(st.floats(0.2, 3.0), st.floats(3.0, 60.0)),
    steps=st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 0.2)), min_size=1, max_size=200),
)
def test_no_window_has_more_starts_than_the_rate_allows(rate: float, steps: list[tuple[float, float]]) -> None:
    """Whoever asks comes now and then, and a timer may be late."""
    starts, now, begun = Starts(rate), 0.0, []
    for pause, late in steps:
        came = now + pause * (pause > 1.5) - late / 2  # mostly at once, now and then after a rest
        due = starts.next_at(came)
        now = max(now, due + late * (late > 0.1) + late / 50)
        starts.start(now, due)
        begun.append(now)
    most = max(1, int(rate))
    for first, last in zip(begun, begun[most:], strict=False):
        assert last - first >= most / rate - 1e-6


@given(st.floats(2.0, 100.0), st.floats(0.0, 0.002))
def test_timers_that_are_always_a_little_late_cost_nothing(rate: float, late: float) -> None:
    starts, now = Starts(rate), 0.0
    for _ in range(1_000):
        due = starts.next_at(now - late)
        now = max(now, due + late)
        starts.start(now, due)
    assert 1_000 / now >= 0.94 * rate


@given(st.floats(2.0, 100.0))
def test_who_always_asks_gets_nearly_all_of_the_rate(rate: float) -> None:
    starts, now = Starts(rate), 0.0
    for _ in range(1_000):
        now = starts.next_at(now)
        starts.start(now, now)
    assert 1_000 / now >= 0.94 * rate


def test_after_the_first_few_starts_are_spread_evenly() -> None:
    starts, now, begun = Starts(40.0), 0.0, []
    for _ in range(400):
        now = starts.next_at(now)
        starts.start(now, now)
        begun.append(now)
    gaps = [later - one for one, later in zip(begun[100:], begun[101:], strict=False)]
    assert min(gaps) > 0.5 / 40.0
    assert max(gaps) < 0.3


async def served(gate: TurnGate, names: list[tuple[str, AskPriority]]) -> list[str]:
    """In which order some who came one after the other, while the one place was taken, had their turn."""
    await gate.enter(AskPriority.STANDARD, place=True)
    order: list[str] = []

    async def one(name: str, priority: AskPriority) -> None:
        await gate.enter(priority, place=True)
        order.append(name)
        gate.leave()

    async with asyncio.timeout(patient(10)), asyncio.TaskGroup() as tasks:
        for name, priority in names:
            tasks.create_task(one(name, priority))
            await asyncio.sleep(0)
        gate.leave()
    return order


async def test_the_urgent_come_first_and_within_a_class_whoever_came_first() -> None:
    names = [
        ("lists", AskPriority.BACKGROUND),
        ("stats", AskPriority.STANDARD),
        ("seasons", AskPriority.CRITICAL),
        ("more stats", AskPriority.STANDARD),
        ("more seasons", AskPriority.CRITICAL),
    ]
    order = await served(TurnGate(at_once=1, per_second=FAST), names)
    assert order == ["seasons", "more seasons", "stats", "more stats", "lists"]


async def test_whoever_has_waited_long_enough_goes_before_the_urgent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_gate, "AGE", 0.0)  # a class weighs nothing: all that counts is who came first
    order = await served(
        TurnGate(at_once=1, per_second=FAST), [("lists", AskPriority.BACKGROUND), ("seasons", AskPriority.CRITICAL)]
    )
    assert order == ["lists", "seasons"]


async def test_a_stream_of_urgent_ones_starves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_gate, "AGE", 0.05)
    gate, over = TurnGate(at_once=1, per_second=FAST), asyncio.Event()

    async def urgent() -> None:
        while not over.is_set():
            await gate.enter(AskPriority.CRITICAL, place=True)
            await asyncio.sleep(0.001)
            gate.leave()

    async with asyncio.timeout(patient(20)), asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(urgent())
        await asyncio.sleep(0)
        await gate.enter(AskPriority.BACKGROUND, place=True)
        gate.leave()
        over.set()


async def test_whoever_gives_up_takes_no_place_along() -> None:
    gate = TurnGate(at_once=1, per_second=FAST)
    await gate.enter(AskPriority.STANDARD, place=True)
    waiting = [asyncio.create_task(gate.enter(AskPriority.CRITICAL, place=True)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.leave()  # the second one has its turn now
    waiting[1].cancel()  # and is cancelled in the same moment
    await asyncio.gather(*waiting[:2], return_exceptions=True)
    async with asyncio.timeout(patient(10)):
        await waiting[2]
        gate.leave()
        await gate.enter(AskPriority.BACKGROUND, place=True)


async def test_who_needs_no_place_does_not_wait_for_one() -> None:
    gate = TurnGate(at_once=1, per_second=FAST)
    await gate.enter(AskPriority.CRITICAL, place=True)
    stuck = asyncio.create_task(gate.enter(AskPriority.CRITICAL, place=True))
    await asyncio.sleep(0)
    async with asyncio.timeout(patient(10)):
        await gate.enter(AskPriority.BACKGROUND, place=False)
    assert not stuck.done()
    stuck.cancel()


async def test_several_refusals_at_once_slow_down_once() -> None:
    pace = Pace(at_once=4, per_second=40.0)
    for _ in range(8):
        pace.slower()
    assert pace.per_second == 20.0
    pace.faster()
    assert 20.0 < pace.per_second < 40.0


async def test_a_short_wait_that_a_service_asks_for_holds_everybody() -> None:
    pace, loop = Pace(at_once=4, per_second=1_000.0), asyncio.get_running_loop()
    began = loop.time()
    pace.slower(0.2)
    async with pace.turn(priority=AskPriority.CRITICAL):
        assert loop.time() - began >= 0.2


async def test_a_changed_rate_takes_effect_for_those_who_wait() -> None:
    gate = TurnGate(at_once=10, per_second=0.01)
    await gate.enter(AskPriority.STANDARD, place=True)
    waiting = asyncio.create_task(gate.enter(AskPriority.STANDARD, place=True))
    await asyncio.sleep(0)
    gate.starts.set(FAST)
    gate.retime()
    async with asyncio.timeout(patient(10)):
        await waiting
