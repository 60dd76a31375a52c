"""A run that waits for its next try gives its place in the queue to others, and is lost by nothing meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nightcrew.kernel import run as run_module
from nightcrew.kernel import upkeep
from nightcrew.kernel.declare import Job, Queue
from nightcrew.kernel.engine import Engine
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.queues import Queues
from nightcrew.kernel.run import Run
from support import Node, domain, running, until

ONE = Queue("lab", per_node=1)


def lab(*jobs: Job) -> dict[str, Any]:
    return {"domains": (upkeep.DOMAIN, domain(jobs=jobs))}


class Strange(OSError):
    """Of a library: what is stored of it is not read as one."""


class Work:
    """A job whose first tries fail, as often as is asked for."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.error: Exception = Retry("the disk is away")
        self.failures = {"bad": 1}
        self.go = asyncio.Event()
        self.go.set()

    async def run(self, run: Run, name: str) -> str:
        first = await run.step("first", self.first, name)
        second = await run.stubborn_step("second", self.second, name)
        return f"{first} {second}"

    async def first(self, name: str) -> str:
        self.tried.append(f"first {name}")
        return name

    async def second(self, name: str) -> str:
        self.tried.append(f"second {name}")
        if self.tried.count(f"second {name}") <= self.failures.get(name, 0):
            raise self.error
        await self.go.wait()
        return "made"

    def job(self, **more: Any) -> Job:
        return Job("lab.work", self.run, **{"queue": ONE, **more})


async def state(node: Node, run_id: str, *wanted: str) -> None:
    async def stands() -> bool:
        return (await node.runtime.jobs.get(run_id)).state in wanted

    await until(stands, 30)


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds between the first two tries: long enough for all that happens meanwhile."""
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 4.0)
    return 4.0


@pytest.mark.parametrize("keys", [{}, {"lock": "{0}", "busy": "join"}], ids=["no key", "a key"])
async def test_one_that_waits_for_its_next_try_holds_up_nobody(
    keys: dict[str, Any], tmp_path: Path, database: str | None, pause: float
) -> None:
    work, ends = Work(), list[Ended]()

    async def hear(ended: Ended) -> None:
        ends.append(ended)

    async with running(tmp_path, database_url=database, **lab(work.job(**keys))) as node:
        jobs = node.runtime.jobs
        jobs.on_end(hear)
        bad = await jobs.start("lab.work", "bad")
        await until(lambda: "second bad" in work.tried)
        good = await jobs.start("lab.work", "good")
        assert (await jobs.wait(good)).result == "good made"
        assert (await jobs.get(bad)).state == "queued", "it waits"
        assert bad in await jobs.active("lab.work:")
        assert [ended.run for ended in ends] == [good], "to give way is no end"
        if keys:
            assert await jobs.start("lab.work", "bad") == bad, "who wants the same joins it"
        ended = await jobs.wait(bad)
        assert (ended.state, ended.result) == ("done", "bad made")
        assert work.tried.count("first bad") == 1, "finished steps are not done again"
        steps = await jobs.steps(bad)
        assert [(step["name"], step["error"]) for step in steps] == [
            ("first", None),
            ("second", "the disk is away"),
            ("second", None),
        ]
        await until(lambda: len(ends) == 2)
        assert ends[-1].outcome == "done"


async def test_its_place_is_not_given_back_while_another_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 1.0)
    work = Work()
    async with running(tmp_path, **lab(work.job())) as node:
        jobs = node.runtime.jobs
        bad = await jobs.start("lab.work", "bad")
        await until(lambda: "second bad" in work.tried)
        work.go.clear()
        good = await jobs.start("lab.work", "good")
        await until(lambda: "second good" in work.tried)
        await asyncio.sleep(3)
        assert (await jobs.get(bad)).state == "queued", "its pause is over, and its turn has not come"
        work.go.set()
        assert {(await jobs.wait(one)).state for one in (bad, good)} == {"done"}


async def test_it_waits_over_a_restart_of_the_server(tmp_path: Path, database: str | None, pause: float) -> None:
    work = Work()
    async with running(tmp_path, database_url=database, **lab(work.job())) as node:
        bad = await node.runtime.jobs.start("lab.work", "bad")
        await state(node, bad, "queued")
        await until(lambda: "second bad" in work.tried)
        await state(node, bad, "queued")
    assert work.tried == ["first bad", "second bad"]
    async with running(tmp_path, database_url=database, **lab(work.job())) as node:
        assert (await node.runtime.jobs.wait(bad)).result == "bad made"
    assert work.tried == ["first bad", "second bad", "second bad"]


async def test_it_can_be_cancelled_while_it_waits(tmp_path: Path, pause: float) -> None:
    work, ends = Work(), list[Ended]()

    async def hear(ended: Ended) -> None:
        ends.append(ended)

    async with running(tmp_path, **lab(work.job())) as node:
        node.runtime.jobs.on_end(hear)
        bad = await node.runtime.jobs.start("lab.work", "bad")
        await until(lambda: "second bad" in work.tried)
        await until(lambda: not node.runtime.jobs.running)
        await node.runtime.jobs.cancel(bad)
        assert (await node.runtime.jobs.get(bad)).state == "cancelled"
        assert [(ended.run, ended.outcome, ended.args) for ended in ends] == [(bad, "cancelled", ("bad",))]
        await asyncio.sleep(pause + 2)
        assert work.tried == ["first bad", "second bad"]
        again = await node.runtime.jobs.retry(bad)
        assert (await node.runtime.jobs.wait(again)).state == "done"


async def test_each_try_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 1.0)
    work = Work()
    async with running(tmp_path, **lab(work.job(time_limit=1.5))) as node:
        bad = await node.runtime.jobs.start("lab.work", "bad")
        assert (await node.runtime.jobs.wait(bad)).state == "done", "its pause does not count"
        work.go.clear()
        hung = await node.runtime.jobs.start("lab.work", "hung")
        ended = await node.runtime.jobs.wait(hung)
        assert (ended.state, ended.error) == ("failed", "it took longer than 1.5 s and was ended")


@pytest.mark.parametrize("error", [Retry("later"), OSError(28, "No space left on device"), Strange("odd")])
async def test_after_its_last_try_it_fails_with_what_that_said(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 1.0)
    monkeypatch.setattr(run_module, "GROWTH", 1.0)
    monkeypatch.setattr(run_module, "ATTEMPTS", 3)
    work = Work()
    work.error, work.failures = error, {"bad": 9}
    async with running(tmp_path, **lab(work.job())) as node:
        ended = await node.runtime.jobs.wait(await node.runtime.jobs.start("lab.work", "bad"))
        assert ended.state == "failed"
        assert str(error.args[-1]) in str(ended.error)
        assert work.tried.count("second bad") == 3


async def test_what_will_not_pass_is_tried_once_also_where_an_earlier_try_has_failed_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 1.0)
    work = Work()
    work.failures = {"bad": 2}
    async with running(tmp_path, **lab(work.job())) as node:
        bad = await node.runtime.jobs.start("lab.work", "bad")
        await until(lambda: "second bad" in work.tried)
        work.error = GiveUp("never")
        ended = await node.runtime.jobs.wait(bad)
        assert (ended.state, ended.error, work.tried.count("second bad")) == ("failed", "never", 2)


async def test_a_database_that_cannot_be_written_keeps_it_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 1.0)
    asked: list[str] = []

    async def refused(_engine: Engine, run_id: str, _seconds: float) -> bool:
        asked.append(run_id)
        return False

    monkeypatch.setattr(Engine, "put_back", refused)
    work = Work()
    async with running(tmp_path, **lab(work.job())) as node:
        bad = await node.runtime.jobs.start("lab.work", "bad")
        assert (await node.runtime.jobs.wait(bad)).state == "done"
        assert asked == [bad]


@pytest.mark.parametrize(
    ("jobs", "gives_way"),
    [
        ([{"queue": ONE}], True),
        ([{"queue": None}], False),
        ([{"queue": ONE, "lock": "{0}"}], False),
        ([{"queue": Queue("lab", per_node=3), "lock": "{0}", "busy": "join"}], True),
        ([{"queue": ONE, "lock": "{0}", "here": True}], False),
        ([{"queue": ONE, "lock": "{0}", "here": True, "busy": "join"}], True),
        ([{"queue": ONE, "lock": "{0}", "here": True, "busy": "join"}] * 2, False),
        ([{"queue": ONE, "lock": "{0}", "here": True, "busy": "join"}, {"queue": ONE, "here": True}], True),
    ],
    ids=[
        "a queue",
        "no queue",
        "a key",
        "a key that is joined",
        "one place",
        "one place, joined",
        "two keys",
        "no key",
    ],
)
def test_only_who_holds_nobody_off_with_its_key_gives_way(jobs: list[dict[str, Any]], gives_way: bool) -> None:
    async def work(_run: Run) -> None: ...

    queues, declared = Queues("node"), [Job(f"lab.{number}", work, **job) for number, job in enumerate(jobs)]
    for job in declared:
        queues.add(job)
    assert queues.gives_way(declared[0]) is gives_way
