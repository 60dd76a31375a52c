"""A node's start and stop, and domains that misbehave in them: nothing that one does ends or silences the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from nightcrew import app
from nightcrew.kernel import hooks, upkeep
from nightcrew.kernel.declare import Domain, Freshness, Job, Need, Tick
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.jobs import Jobs
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.slots import Slots
from support import NoOptions, domain, running, until


async def test_a_stop_ends_workers_first_then_jobs_and_the_domains_last(tmp_path: Path) -> None:
    """Jobs and workers use what a domain made at its start: it must not be gone before them."""
    seen: list[str] = []

    async def tick(_runtime: Runtime) -> None:
        seen.append("worker began")
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.2)  # an end takes its time
            seen.append("worker ended")

    async def work(run: Run) -> None:
        try:
            await run.step("wait", asyncio.sleep, 3600)
        finally:
            await asyncio.sleep(0.2)
            seen.append("job ended")

    async def stop(_runtime: Runtime) -> None:
        seen.append("domain stopped")

    lab = domain(
        ticks=(Tick("lab.tick", tick, every=1, promise=60, time_limit=3600),), jobs=(Job("lab.work", work),), stop=stop
    )
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await node.runtime.jobs.start("lab.work", run_id="lab.work:1")
        await until(lambda: node.runtime.jobs.running and seen)
    assert seen == ["worker began", "worker ended", "job ended", "domain stopped"]


@pytest.mark.parametrize("inside", [True, False], ids=["in a step", "beside its steps"])
async def test_a_run_that_fails_because_the_server_stops_goes_on_at_the_next_start(
    tmp_path: Path, inside: bool
) -> None:
    """What is torn down around a job makes it raise; that is not its outcome."""
    stopping: list[bool] = []
    rounds = 0

    async def torn() -> str:
        nonlocal rounds
        rounds += 1
        if rounds > 1:
            return "done"
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as exc:
            stopping.append(True)
            raise GiveUp("its connection was closed") from exc
        return "never"

    async def work(run: Run) -> str:
        return await (run.step("torn", torn) if inside else torn())

    lab = {"domains": (upkeep.DOMAIN, domain(jobs=(Job("lab.work", work),)))}
    async with running(tmp_path, **lab) as node:
        await node.runtime.jobs.start("lab.work", run_id="lab.work:1")
        await until(lambda: rounds == 1)
    assert stopping
    async with running(tmp_path, **lab) as node:
        ended = await node.runtime.jobs.wait("lab.work:1", limit=20)
    assert (ended.state, ended.result) == ("done", "done")


class Lazy:
    """A hook that raises, or never answers."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.mended = False

    async def __call__(self, *_: Any) -> Any:
        if self.mended:
            return []
        if self.how == "raises":
            raise RuntimeError("http://u:s3cr3t@h/ is out of order")
        if self.how == "cancelled":
            raise asyncio.CancelledError
        return await asyncio.sleep(3600)


@pytest.mark.parametrize("how", ["raises", "hangs", "cancelled"])
@pytest.mark.parametrize("hook", ["start", "freshness", "needs", "outputs", "overview"])
async def test_a_hook_that_fails_takes_no_page_with_it_and_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str, how: str
) -> None:
    monkeypatch.setattr(hooks, "PATIENCE", 0.3)
    monkeypatch.setattr(app, "STARTING", 0.3)
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "overview.html").write_text("the lab's figures")
    broken = Lazy(how)

    async def fine(_runtime: Runtime) -> list[Need]:
        return [Need("info", "the other domain has something to say", "/")]

    other = Domain(name="other", title="Other", settings=NoOptions, needs=fine)
    lab = domain(**{hook: broken}, templates=templates)
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, lab, other)) as node:
        await node.runtime.health.look()
        for path in ("/", "/settings", "/settings/access", "/api/v1/needs", "/metrics"):
            assert (await node.http.get(path)).status_code == 200, path
        health = await node.get("/health")
        assert health["status"] == "degraded"
        (said,) = health["failed"]
        assert said.startswith("Laboratory c")
        assert "s3cr3t" not in said
        told = [need["message"] for need in (await node.get("/api/v1/needs"))["items"]]
        assert said in told
        assert "the other domain has something to say" in told
        page = (await node.http.get("/")).text
        assert "Laboratory c" in page
        if hook != "start":
            broken.mended = True
            await node.http.get("/settings/access")
            await node.http.get("/")
            await node.runtime.health.look()
            assert (await node.get("/health"))["failed"] == []


async def test_results_of_a_domain_that_cannot_be_asked_stay_known(tmp_path: Path) -> None:
    answers = [Freshness("lab:a", "The lab", 1.0, 10.0, fresh=True)]

    async def freshness(_runtime: Runtime) -> list[Freshness]:
        if not answers:
            raise RuntimeError("not now")
        return list(answers)

    async with running(tmp_path, domains=(upkeep.DOMAIN, domain(freshness=freshness))) as node:
        await node.runtime.health.look()
        answers.clear()
        await node.runtime.health.look()
        report = await node.get("/health")
        assert [result["name"] for result in report["results"]] == ["lab:a"]
        assert report["status"] == "degraded"


@pytest.mark.parametrize("how", ["raises", "hangs"])
async def test_a_domain_that_cannot_be_stopped_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(app, "STOPPING", 0.3)
    stopped: list[str] = []

    async def stop(_runtime: Runtime) -> None:
        stopped.append("other")

    other = Domain(name="other", title="Other", settings=NoOptions, stop=stop)
    async with running(tmp_path, domains=(upkeep.DOMAIN, other, domain(stop=Lazy(how)))):
        pass
    assert stopped == ["other"]


async def test_a_job_that_does_not_stop_in_time_is_left_behind_and_the_server_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.kernel.jobs.CLOSING", 0.3)
    stopped: list[str] = []
    go = asyncio.Event()
    begun = asyncio.Event()

    async def deaf(_run: Run) -> None:
        begun.set()
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    async def stop(_runtime: Runtime) -> None:
        stopped.append("lab")

    lab = domain(jobs=(Job("lab.deaf", deaf),), stop=stop)
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await node.runtime.jobs.start("lab.deaf")
        await begun.wait()
    assert stopped == ["lab"]
    go.set()
    await asyncio.sleep(0)


@pytest.mark.parametrize("part", ["jobs", "nodes"])
async def test_a_part_that_raises_while_it_closes_keeps_no_domain_from_its_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    stopped: list[str] = []

    async def stop(_runtime: Runtime) -> None:
        stopped.append("lab")

    with capture_logs() as told:
        async with running(tmp_path, domains=(upkeep.DOMAIN, domain(stop=stop))) as node:
            closed = getattr(node.runtime, part)
            name = "close" if part == "jobs" else "stop"
            end = getattr(closed, name)

            async def fails() -> None:
                await end()
                raise RuntimeError("the engine is out of order")

            monkeypatch.setattr(closed, name, fails)
    assert stopped == ["lab"]
    assert [line["part"] for line in told if line["event"] == "not stopped in order"]


async def test_a_job_engine_that_cannot_start_stops_the_domains_that_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []

    async def stop(_runtime: Runtime) -> None:
        stopped.append("lab")

    async def fails(*_: object) -> None:
        raise RuntimeError("no engine")

    monkeypatch.setattr(Jobs, "launch", fails)
    with pytest.raises(RuntimeError, match="no engine"):
        async with running(tmp_path, domains=(upkeep.DOMAIN, domain(stop=stop))):
            pass
    assert stopped == ["lab"]


async def test_a_worker_that_raises_at_the_stop_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(self: Slots) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise RuntimeError("the ledger is out of order")

    monkeypatch.setattr(Slots, "run", run)
    with capture_logs() as told:
        async with running(tmp_path, domains=(upkeep.DOMAIN, domain())):
            pass
    assert [(line["part"], line["why"]) for line in told if line["event"] == "not stopped in order"] == [
        ("slots", "the ledger is out of order")
    ]
