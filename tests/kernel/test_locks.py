"""Runs that exclude each other: one at a time for each key, over all nodes, and nobody else is held up."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.kernel import jobs as jobs_module
from nightcrew.kernel import upkeep
from nightcrew.kernel.declare import Job, Queue
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.queues import Queues, next_id
from nightcrew.kernel.run import Run
from support import Node, domain, running, until

LAB_FILE = Path(__file__).with_name("lock_lab.py")
spec = importlib.util.spec_from_file_location("lock_lab", LAB_FILE)
assert spec and spec.loader
lab = importlib.util.module_from_spec(spec)
sys.modules["lock_lab"] = lab
spec.loader.exec_module(lab)

LANE = Queue("lab")


@dataclass
class Doors:
    """Runs that begin, and then wait at a door until it is opened."""

    open: dict[str, asyncio.Event] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    inside: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    async def work(self, _run: Run, key: str, name: str) -> str:
        self.seen.append(name)
        self.inside[key] = self.inside.get(key, 0) + 1
        self.most[key] = max(self.most.get(key, 0), self.inside[key])
        try:
            await self.door(name).wait()
        finally:
            self.inside[key] -= 1
        if name.startswith("bad"):
            raise GiveUp("as it was told to")
        return name

    def door(self, name: str) -> asyncio.Event:
        return self.open.setdefault(name, asyncio.Event())


@pytest.fixture
def doors() -> Doors:
    return Doors()


def parts(*jobs: Job) -> dict[str, Any]:
    return {"domains": (upkeep.DOMAIN, domain(jobs=jobs))}


async def state(node: Node, run_id: str) -> str:
    return (await node.runtime.jobs.get(run_id)).state


async def test_the_second_run_with_a_key_waits_and_others_go_on(
    tmp_path: Path, database: str | None, doors: Doors
) -> None:
    alone = Job("lab.alone", doors.work, queue=LANE, lock="{0}")
    free = Job("lab.free", doors.work, queue=LANE)
    async with running(tmp_path, database_url=database, **parts(alone, free)) as node:
        jobs = node.runtime.jobs
        first = await jobs.start("lab.alone", "a", "first")
        await until(lambda: doors.seen == ["first"])
        second = await jobs.start("lab.alone", "a", "second")
        third = await jobs.start("lab.alone", "a", "third")
        for name, key in (("lab.alone", "b"), ("lab.free", "a"), ("lab.free", "a")):
            doors.door(key + name).set()
            assert (await jobs.wait(await jobs.start(name, key, key + name), limit=20)).state == "done"
        assert [await state(node, one) for one in (first, second, third)] == ["running", "queued", "queued"]
        doors.door("first").set()
        await until(lambda: {"second", "third"} & set(doors.seen))
        assert not {"second", "third"} <= set(doors.seen)
        for name in ("second", "third"):
            doors.door(name).set()
        assert [(await jobs.wait(one, limit=20)).result for one in (first, second, third)] == [
            "first",
            "second",
            "third",
        ]


async def test_jobs_of_one_queue_exclude_each_other_by_their_keys(tmp_path: Path, doors: Doors) -> None:
    ours = Job("lab.ours", doors.work, queue=LANE, lock=lambda key, _name: f"it {key}")
    theirs = Job("lab.theirs", doors.work, queue=LANE, lock="it {0}")
    async with running(tmp_path, **parts(ours, theirs)) as node:
        jobs = node.runtime.jobs
        await jobs.start("lab.ours", "a", "first")
        await until(lambda: doors.seen)
        other = await jobs.start("lab.theirs", "a", "second")
        doors.door("third").set()
        await jobs.wait(await jobs.start("lab.theirs", "b", "third"))
        assert await state(node, other) == "queued"
        for name in ("first", "second"):
            doors.door(name).set()
        assert (await jobs.wait(other, limit=20)).state == "done"
        assert doors.most == {"a": 1, "b": 1}


async def test_who_starts_a_job_that_joins_gets_the_run_that_waits_or_goes_on(
    tmp_path: Path, database: str | None, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a second ends between two that start it at once."""
    seconds = itertools.count(int(time.time()))
    monkeypatch.setattr(jobs_module, "time", SimpleNamespace(**vars(time) | {"time": lambda: next(seconds)}))
    job = Job("lab.once", doors.work, queue=LANE, lock="{0}", busy="join")
    async with running(tmp_path, database_url=database, **parts(job)) as node:
        jobs = node.runtime.jobs
        found = await asyncio.gather(*(jobs.start("lab.once", "a", str(number)) for number in range(5)))
        assert len(set(found)) == 1
        await until(lambda: doors.seen)
        assert await jobs.start("lab.once", "a", "late") == found[0]
        assert await jobs.start("lab.once", "b", "other") != found[0]
        doors.door(doors.seen[0]).set()
        await jobs.wait(found[0], limit=20)
        anew = await jobs.start("lab.once", "a", "anew")
        assert anew != found[0], "a run that is over is joined no more"
        doors.door("anew").set()
        doors.door("other").set()
        assert (await jobs.wait(anew, limit=20)).result == "anew"


async def test_a_cancelled_run_frees_its_key_when_it_has_ended_and_not_before(
    tmp_path: Path, database: str | None, doors: Doors
) -> None:
    leaving, leave = asyncio.Event(), asyncio.Event()

    async def slow_to_leave(run: Run, key: str, name: str) -> str:
        try:
            return await doors.work(run, key, name)
        except asyncio.CancelledError:
            leaving.set()
            await leave.wait()
            doors.seen.append(f"{name} left")
            raise

    told: list[Ended] = []

    async def hear(ended: Ended) -> None:
        told.append(ended)

    job = Job("lab.alone", slow_to_leave, queue=LANE, lock="{0}")
    async with running(tmp_path, database_url=database, **parts(job)) as node:
        jobs = node.runtime.jobs
        jobs.on_end(hear)
        first = await jobs.start("lab.alone", "a", "first")
        await until(lambda: doors.seen)
        second = await jobs.start("lab.alone", "a", "second")
        waiting = await jobs.start("lab.alone", "a", "waiting")
        cancelling = asyncio.ensure_future(jobs.cancel(first))
        await leaving.wait()
        doors.door("other").set()
        await jobs.wait(await jobs.start("lab.alone", "b", "other"))
        assert await state(node, second) == "queued"
        leave.set()
        await cancelling
        assert await state(node, first) == "cancelled"
        await jobs.cancel(waiting)
        doors.door("second").set()
        assert (await jobs.wait(second, limit=20)).state == "done"
        assert doors.seen == ["first", "other", "first left", "second"]
        assert [(one.run, one.args, one.outcome) for one in told if one.outcome == "cancelled"] == [
            (first, ("a", "first"), "cancelled"),
            (waiting, ("a", "waiting"), "cancelled"),
        ]


async def test_a_run_that_is_retried_waits_for_its_key_too(tmp_path: Path, doors: Doors) -> None:
    job = Job("lab.alone", doors.work, queue=LANE, lock="{0}", busy="join")
    async with running(tmp_path, **parts(job)) as node:
        jobs = node.runtime.jobs
        doors.door("bad").set()
        bad = await jobs.start("lab.alone", "a", "bad")
        assert (await jobs.wait(bad, limit=20)).state == "failed"
        first = await jobs.start("lab.alone", "a", "first")
        await until(lambda: doors.seen == ["bad", "first"])
        again = await jobs.retry(bad)
        doors.door("other").set()
        await jobs.wait(await jobs.start("lab.alone", "b", "other"))
        assert await state(node, again) == "queued"
        doors.door("first").set()
        assert (await jobs.wait(again, limit=20)).state == "failed"
        assert (await state(node, first), doors.most["a"]) == ("done", 1)


async def test_a_queue_has_its_limits(tmp_path: Path, database: str | None, doors: Doors) -> None:
    few = Job("lab.few", doors.work, queue=Queue("few", over_all=2))
    rare = Job("lab.rare", doors.work, queue=Queue("rare", rate=(1, 3600.0)))
    alone = Job("lab.alone", doors.work, queue=Queue("looks", per_node=1), lock="{0}")
    async with running(tmp_path, database_url=database, **parts(few, rare, alone)) as node:
        jobs = node.runtime.jobs
        for number in range(5):
            doors.door(f"r{number}").set()
        runs = [await jobs.start("lab.few", "few", str(number)) for number in range(4)]
        rares = [await jobs.start("lab.rare", "rare", f"r{number}") for number in range(2)]
        await until(lambda: doors.inside.get("few") == 2)
        for number in range(3):  # in each of which a queue is looked into
            doors.door(f"look {number}").set()
            await jobs.wait(await jobs.start("lab.alone", "looks", f"look {number}"))
        assert sorted([await state(node, one) for one in rares]) == ["done", "queued"]
        for number in range(4):
            doors.door(str(number)).set()
        assert {(await jobs.wait(one, limit=20)).state for one in runs} == {"done"}
        assert doors.most["few"] == 2


def test_a_queue_is_declared_once_and_a_lock_needs_one() -> None:
    async def work(_run: Run) -> None:
        """Nothing."""

    queues = Queues("here")
    queues.add(Job("a", work, queue=Queue("one", per_node=2)))
    queues.add(Job("b", work, queue=Queue("one", per_node=2)))
    with pytest.raises(ValueError, match="the queue one is declared twice"):
        queues.add(Job("c", work, queue=Queue("one", per_node=3)))
    with pytest.raises(ValueError, match="wait in a queue"):
        queues.add(Job("d", work, lock="x"))
    assert not queues.lanes["one"].keyed
    queues.add(Job("e", work, queue=Queue("one", per_node=2), lock="x"))
    assert queues.lanes["one"].keyed
    queues.add(Job("f", work, queue=Queue("two", per_node=1), lock="x", here=True))
    assert not queues.lanes["two on here"].keyed, "they exclude each other anyway, and begin in their order"


@pytest.mark.parametrize(
    ("known", "chosen"),
    [
        ({}, "x:77"),
        ({"x:1": True}, "x:1"),
        ({"x:1": False}, "x:2"),
        ({"x:2": False, "x:10": False, "x:9": False}, "x:11"),
        ({"x:2": False, "x:10": True}, "x:10"),
        ({"x:y": True}, "x:77"),
    ],
)
def test_who_joins_gets_the_last_run_or_the_number_after_it(known: dict[str, bool], chosen: str) -> None:
    assert next_id("x:", known, 77) == chosen


# -- several nodes -----------------------------------------------------------------------------------------------------


@dataclass
class Pair:
    """A node in this process, and before it one in another, which has the run "first" with the key "a"."""

    node: Node
    other: subprocess.Popen[bytes]
    folder: Path
    first: str = "lab.work:first"

    async def start(self, key: str, name: str) -> str:
        return await self.node.runtime.jobs.start("lab.work", str(self.folder), key, name)

    def go(self, name: str) -> None:
        (self.folder / f"go-{name}").touch()

    @property
    def log(self) -> list[str]:
        found: list[str] = lab.read(self.folder)
        return found


@pytest.fixture
async def pair(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setenv("NIGHTCREW_SECRET_KEY", "kUq1Gkqk2cUqGv0e8bN1v7ZlD3VJtq3k0cW0xT1q1nA=")
    folder = tmp_path / "log"
    folder.mkdir()
    arguments = [sys.executable, str(LAB_FILE), str(tmp_path / "other"), postgres, str(folder)]
    process = subprocess.Popen(arguments, stderr=(tmp_path / "other.log").open("ab"))
    try:
        await until(lambda: process.poll() is not None or lab.read(folder), 60)
        assert process.poll() is None, (tmp_path / "other.log").read_text()
        async with running(tmp_path / "here", database_url=postgres, domains=(upkeep.DOMAIN, lab.LAB)) as node:
            yield Pair(node, process, folder)
    finally:
        process.kill()
        process.wait()


async def test_a_key_that_another_node_has_is_waited_for(pair: Pair) -> None:
    second = await pair.start("a", "second")
    pair.go("free")
    assert (await pair.node.runtime.jobs.wait(await pair.start("b", "free"), limit=20)).state == "done"
    assert await state(pair.node, second) == "queued"
    pair.go("second")
    pair.go("first")
    assert (await pair.node.runtime.jobs.wait(second, limit=20)).state == "done"
    assert pair.log == ["begin first", "begin free", "end free", "end first", "begin second", "end second"]


async def test_a_run_that_is_cancelled_from_another_node_ends_before_its_key_is_free(pair: Pair) -> None:
    second = await pair.start("a", "second")
    pair.go("second")
    await pair.node.runtime.jobs.cancel(pair.first)
    assert await state(pair.node, pair.first) == "cancelled"
    assert (await pair.node.runtime.jobs.wait(second, limit=20)).state == "done"
    assert pair.log == ["begin first", "end first", "begin second", "end second"]


async def test_a_run_of_a_node_that_does_not_answer_is_cancelled_all_the_same(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "ELSEWHERE", 0.2)
    pair.other.kill()
    pair.other.wait()
    await pair.node.runtime.jobs.cancel(pair.first)
    assert await state(pair.node, pair.first) == "cancelled"


async def test_a_dead_nodes_key_stays_with_its_run_until_that_has_gone_on_elsewhere(pair: Pair) -> None:
    jobs = pair.node.runtime.jobs
    dead = (await jobs.get(pair.first)).node
    assert dead is not None
    pair.other.kill()
    pair.other.wait()
    second = await pair.start("a", "second")
    pair.go("second")
    pair.go("free")
    await jobs.wait(await pair.start("b", "free"), limit=20)
    assert await state(pair.node, second) == "queued"
    await jobs.recover(dead)
    await until(lambda: pair.log[-1] == "begin first")
    pair.go("first")
    assert {(await jobs.wait(one, limit=20)).state for one in (pair.first, second)} == {"done"}
    assert pair.log[3:] == ["begin first", "end first", "begin second", "end second"]


@pytest.mark.parametrize("heeds", [True, False])
async def test_a_node_that_was_taken_over_from_ends_its_runs_and_tells_nobody(
    tmp_path: Path, postgres: str, doors: Doors, heeds: bool
) -> None:
    job = Job("lab.alone", doors.work, queue=LANE, lock="{0}")
    told: list[Ended] = []

    async def hear(ended: Ended) -> None:
        told.append(ended)

    async with running(tmp_path, database_url=postgres, **parts(job)) as node:
        jobs = node.runtime.jobs
        jobs.on_end(hear)
        run = await jobs.start("lab.alone", "a", "first")
        await until(lambda: doors.seen == ["first"])
        await jobs.recover(node.runtime.node)  # as another node does that has heard nothing of this one for long
        if heeds:
            await jobs.heed()
        await until(lambda: doors.seen == ["first", "first"])
        assert doors.most["a"] == 1
        assert told == []
        doors.door("first").set()
        assert (await jobs.wait(run, limit=20)).state == "done"
        with contextlib.suppress(TimeoutError):
            await until(lambda: told, 5)
        assert [one.outcome for one in told] == ["done"]
