"""How runs end, and who is told: once, with the true outcome, and not while the server only stops."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nightcrew.kernel import upkeep
from nightcrew.kernel.declare import Job, Queue
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.run import Run
from support import Node, domain, running, until


class Told:
    """Hears of each end."""

    def __init__(self, node: Node) -> None:
        self.ends: list[Ended] = []
        node.runtime.jobs.on_end(self.hear)

    async def hear(self, ended: Ended) -> None:
        self.ends.append(ended)

    @property
    def outcomes(self) -> list[tuple[str, str, str | None]]:
        return [(ended.label, ended.outcome, ended.error) for ended in self.ends]


def lab(*jobs: Job) -> dict[str, Any]:
    return {"domains": (upkeep.DOMAIN, domain(jobs=jobs))}


async def test_each_end_is_told_once_with_its_outcome(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def work(run: Run, how: str) -> str:
        if how == "sleep":
            begun.set()
            await asyncio.sleep(60)
        if how == "fail":
            raise GiveUp("no such list at http://user:s3cr3t@host/")
        if how == "break":
            raise ZeroDivisionError("ours")
        return how

    async with running(tmp_path, **lab(Job("lab.work", work))) as node:
        told, jobs = Told(node), node.runtime.jobs
        for how in ("good", "fail", "break"):
            await jobs.wait(await jobs.start("lab.work", how, label=how))
        sleeping = await jobs.start("lab.work", "sleep", label="sleep")
        await begun.wait()
        await jobs.cancel(sleeping)
        await until(lambda: len(told.ends) >= 4)
        assert told.outcomes == [
            ("good", "done", None),
            ("fail", "failed", "no such list at http://user:•••@host/"),
            ("break", "failed", "ZeroDivisionError: ours"),
            ("sleep", "cancelled", "cancelled"),
        ]
        assert {ended.job for ended in told.ends} == {"lab.work"}


async def test_a_stop_of_the_server_is_no_end_and_the_run_that_goes_on_afterwards_has_one(tmp_path: Path) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(run: Run) -> str:
        begun.set()
        await go.wait()
        return "made"

    async with running(tmp_path, **lab(Job("lab.work", work))) as node:
        before = Told(node)
        run_id = await node.runtime.jobs.start("lab.work", label="long")
        await begun.wait()
    assert before.outcomes == [], "it was interrupted, and goes on at the next start"
    begun.clear()
    async with running(tmp_path, **lab(Job("lab.work", work))) as node:
        after = Told(node)
        await begun.wait()
        go.set()
        assert (await node.runtime.jobs.wait(run_id)).result == "made"
        await until(lambda: after.ends)
        assert after.outcomes == [("long", "done", None)]


async def test_one_that_cannot_hear_of_an_end_changes_neither_the_run_nor_what_others_hear(tmp_path: Path) -> None:
    async def work(run: Run) -> str:
        return "made"

    async def deaf(_ended: Ended) -> None:
        raise Retry("the database is away")

    async with running(tmp_path, **lab(Job("lab.work", work))) as node:
        node.runtime.jobs.on_end(deaf)
        told = Told(node)
        assert (await node.runtime.jobs.wait(await node.runtime.jobs.start("lab.work"))).state == "done"
        await until(lambda: told.ends)


async def test_a_stubborn_step_is_tried_again_for_what_may_pass_and_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.kernel.run.FIRST_PAUSE", 0.01)
    errors: list[Exception] = []
    tried: list[str] = []

    async def work(run: Run) -> str:
        async def step() -> str:
            tried.append("step")
            if errors:
                raise errors.pop(0)
            return "made"

        return await run.stubborn_step("step", step)

    async with running(tmp_path, **lab(Job("lab.work", work))) as node:

        async def played(*raised: Exception) -> tuple[int, str, str | None]:
            errors[:], tried[:] = raised, []
            ended = await node.runtime.jobs.wait(await node.runtime.jobs.start("lab.work"))
            return len(tried), ended.state, ended.error

        assert await played(OSError(28, "No space left on device"), Retry("later")) == (3, "done", None)
        assert await played(GiveUp("never")) == (1, "failed", "never")
        assert await played(ZeroDivisionError("ours")) == (1, "failed", "ours")
        assert await played(*(Retry(f"try {number}") for number in range(9))) == (5, "failed", "try 4")


async def test_what_is_retried_waits_for_its_turn_in_its_queue(tmp_path: Path) -> None:
    at_once, most, good = 0, 0, False
    go = asyncio.Event()

    async def work(run: Run) -> None:
        nonlocal at_once, most
        if not good:
            raise GiveUp("not yet")
        at_once += 1
        most = max(most, at_once)
        await go.wait()
        at_once -= 1

    async with running(tmp_path, **lab(Job("lab.work", work, queue=Queue("lab", per_node=1)))) as node:
        jobs = node.runtime.jobs
        failed = [await jobs.start("lab.work") for _ in range(2)]
        assert [(await jobs.wait(run_id)).state for run_id in failed] == ["failed", "failed"]
        good = True
        again = [await jobs.retry(run_id) for run_id in failed]
        await until(lambda: at_once)
        assert {(await jobs.get(run_id)).queue for run_id in again} == {"lab"}
        assert sorted([(await jobs.get(run_id)).state for run_id in again]) == ["queued", "running"]
        go.set()
        assert [(await jobs.wait(run_id)).state for run_id in again] == ["done", "done"]
        assert most == 1


async def test_one_that_is_cancelled_while_it_waits_is_told_and_never_begins(tmp_path: Path) -> None:
    go, begun = asyncio.Event(), list[str]()

    async def work(run: Run, name: str) -> None:
        begun.append(name)
        await go.wait()

    async with running(tmp_path, **lab(Job("lab.work", work, queue=Queue("lab", per_node=1)))) as node:
        jobs, told = node.runtime.jobs, Told(node)
        first = await jobs.start("lab.work", "first", label="first")
        await until(lambda: begun)
        second = await jobs.start("lab.work", "second", label="second")
        await jobs.cancel(second)
        assert told.outcomes == [("second", "cancelled", "cancelled")]
        go.set()
        await jobs.wait(first)
        third = await jobs.start("lab.work", "third", label="third")
        assert (await jobs.wait(third)).state == "done"
        assert begun == ["first", "third"]
