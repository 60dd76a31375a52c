"""Nobody waits for the next look into a queue: whatever lets a run begin has it looked for at once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nightcrew.kernel import engine, engine_bell, upkeep
from nightcrew.kernel.declare import Job, Queue
from nightcrew.kernel.engine_bell import Bell, Sleep
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.run import Run
from support import Node, domain, patient, running, until

NEVER = 86_400.0


@pytest.fixture(autouse=True)
def nobody_looks_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is missed is never begun."""
    for module in (engine, engine_bell):
        monkeypatch.setattr(module, "REST", NEVER)


class Work:
    """A job that notes what it does, and waits to be let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = asyncio.Event()

    async def __call__(self, run: Run, name: str) -> str:
        self.begun.append(name)
        await self.go.wait()
        return name

    async def has_begun(self, *names: str) -> None:
        await until(lambda: set(names) <= set(self.begun))


@contextlib.asynccontextmanager
async def node_with(folder: Path, *jobs: Job, database: str | None = None) -> AsyncIterator[Node]:
    async with running(folder, domains=(upkeep.DOMAIN, domain(jobs=jobs)), database_url=database) as node:
        yield node


LIMITS = {
    "per_node": {"queue": Queue("lab", per_node=1)},
    "over_all": {"queue": Queue("lab", over_all=1)},
    "key": {"queue": Queue("lab"), "lock": lambda _: "one"},
    "here": {"queue": Queue("lab", per_node=1), "here": True},
}


@pytest.mark.parametrize("limit", LIMITS)
async def test_the_next_one_begins_when_a_place_is_free(tmp_path: Path, database: str | None, limit: str) -> None:
    work = Work()
    async with node_with(tmp_path / "data", Job("lab.work", work, **LIMITS[limit]), database=database) as node:  # type: ignore[arg-type]
        runs = [await node.runtime.jobs.start("lab.work", name) for name in ("a", "b", "c")]
        await until(lambda: work.begun)
        assert len(work.begun) == 1
        first = work.begun[0]
        await node.runtime.jobs.cancel(runs["abc".index(first)])  # one that goes on
        await until(lambda: len(work.begun) == 2)
        work.go.set()
        await work.has_begun("a", "b", "c")
        for run in runs:
            assert (await node.runtime.jobs.wait(run, limit=patient(20))).state in {"done", "cancelled"}


async def test_those_that_wait_begin_in_their_order(tmp_path: Path, database: str | None) -> None:
    work = Work()
    job = Job("lab.work", work, queue=Queue("lab", per_node=1), lock=lambda _: "one")
    async with node_with(tmp_path / "data", job, database=database) as node:
        await node.runtime.jobs.start("lab.work", "first")
        await work.has_begun("first")
        names = [str(number) for number in range(6)]
        for name in names:
            await node.runtime.jobs.start("lab.work", name)
        work.go.set()
        await work.has_begun(*names)
    assert work.begun == ["first", *names]


async def test_one_that_was_cancelled_while_it_waited_holds_up_nobody_and_can_be_retried(tmp_path: Path) -> None:
    work = Work()
    async with node_with(tmp_path / "data", Job("lab.work", work, queue=Queue("lab", per_node=1))) as node:
        first, second = [await node.runtime.jobs.start("lab.work", name) for name in ("a", "b")]
        await work.has_begun("a")
        await node.runtime.jobs.cancel(second)
        again = await node.runtime.jobs.retry(second)
        work.go.set()
        assert (await node.runtime.jobs.wait(again, limit=patient(20))).state == "done"
        assert (await node.runtime.jobs.wait(first, limit=patient(20))).state == "done"
        assert work.begun == ["a", "b"]


async def test_one_that_has_given_way_goes_on_when_its_time_has_come(tmp_path: Path, database: str | None) -> None:
    tried: list[float] = []

    async def fails_once(run: Run) -> str:
        async def attempt() -> str:
            tried.append(time.monotonic())
            if len(tried) == 1:
                raise Retry("not yet")
            return "done"

        return str(await run.stubborn_step("try", attempt))

    async with node_with(tmp_path / "data", Job("lab.work", fails_once, queue=Queue("lab")), database=database) as node:
        run = await node.runtime.jobs.start("lab.work")
        assert (await node.runtime.jobs.wait(run, limit=patient(20))).state == "done"
    assert len(tried) == 2


@pytest.mark.parametrize("state", ["goes on", "waits", "waits for its time"])
async def test_one_that_was_interrupted_goes_on_after_the_next_start(
    tmp_path: Path, database: str | None, state: str
) -> None:
    work, again = Work(), Work()
    again.go.set()

    async def gives_way(run: Run, name: str) -> str:
        async def attempt() -> None:
            work.begun.append(name)
            raise Retry("later")

        await run.stubborn_step("try", attempt)
        return name

    first = gives_way if state == "waits for its time" else work
    async with node_with(tmp_path / "data", Job("lab.work", first, queue=Queue("lab")), database=database) as node:
        if state == "waits":
            node.runtime.jobs._engine._bell.ring = lambda _queue=None: None  # type: ignore[method-assign]  # nobody begins it
        run = await node.runtime.jobs.start("lab.work", "a")
        if state != "waits":
            await work.has_begun("a")
        if state == "waits for its time":
            await until(lambda: _is(node, run, "queued"))
    async with node_with(tmp_path / "data", Job("lab.work", again, queue=Queue("lab")), database=database) as node:
        await again.has_begun("a")
        await until(lambda: _is(node, run, "done"))


async def _is(node: Node, run: str, state: str) -> bool:
    return (await node.runtime.jobs.get(run)).state == state


# -- the bell itself ---------------------------------------------------------------------------------------------------


def sleeping(bell: Bell, stop: threading.Event, timeout: float = NEVER) -> tuple[threading.Thread, list[Any]]:
    """A thread that sleeps three times, the first of which is none, and what each sleep has said."""
    said: list[Any] = []
    sleep = Sleep(bell, stop)

    def work() -> None:
        said.extend(sleep.wait(timeout) for _ in range(1))
        said.extend(sleep.wait(timeout) for _ in range(2))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, said


def test_who_sleeps_is_woken_by_each_ring_and_by_a_stop() -> None:
    bell, stop = Bell(), threading.Event()
    thread, said = sleeping(bell, stop)
    while not said:
        time.sleep(0.001)
    bell.ring()
    thread.join(0.2)
    assert thread.is_alive(), "one ring ends one sleep"
    stop.set()
    thread.join(60)
    assert said == [False, False, True]


def test_only_the_queue_that_is_meant_is_looked_into() -> None:
    bell, said = Bell(), []

    def work() -> None:
        sleep = Sleep(bell, threading.Event())
        while len(said) < 3:
            sleep.wait(NEVER)
            said.append(threading.current_thread().name)

    thread = threading.Thread(target=work, name="queue-worker-mine", daemon=True)
    thread.start()
    while not said:
        time.sleep(0.001)
    bell.ring("another")
    thread.join(0.2)
    assert len(said) == 1
    bell.ring("mine")
    while len(said) < 2:
        time.sleep(0.001)
    bell.ring()
    thread.join(60)
    assert len(said) == 3


def test_a_ring_is_heard_by_one_who_was_at_work() -> None:
    bell, stop = Bell(), threading.Event()
    sleep = Sleep(bell, stop)
    assert not sleep.wait(NEVER), "who begins looks at once"
    bell.ring()
    bell.ring()
    assert not sleep.wait(NEVER), "this would last for ever"
    began = time.monotonic()
    assert not bell.wait(0.05, stop.is_set), "and what was heard is not heard again"
    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(
    ("name", "asked", "slept"),
    [
        ("Thread-6 (queue_thread)", 1.0, 10.0),
        ("queue-worker-_dbos_internal_queue", 1.0, 10.0),
        ("queue-worker-lab", 10.5, 10.5),
        ("queue-worker-lab", 20.0, engine_bell.AGAIN),
        ("queue-worker-lab", 120.0, engine_bell.AGAIN),
        ("queue-worker-with a rate", 0.5, 0.5),
        ("queue-worker-with a rate", 1.0, 1.0),
    ],
)
def test_sleeps_of_dbos_own_choice_are_longer_and_those_after_a_collision_shorter(
    monkeypatch: pytest.MonkeyPatch, name: str, asked: float, slept: float
) -> None:
    monkeypatch.setattr(engine_bell, "REST", 10.0)
    given: list[float] = []

    class Noted(Bell):
        def wait(self, timeout: float, stopped: Any) -> bool:
            given.append(timeout)
            return False

    thread = threading.Thread(target=Sleep(Noted(), threading.Event()).wait, args=(asked,), name=name)
    thread.start()
    thread.join()
    assert given == [slept]
