"""Durable jobs: resumed after a crash, cancelled at once, retried, and honest about their progress."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nightcrew.kernel import upkeep
from nightcrew.kernel.declare import Domain, Job, Queue
from nightcrew.kernel.engine import Engine
from nightcrew.kernel.errors import Conflict, GiveUp, NotFound, Retry
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.run import Run
from nightcrew.kernel.settings import Options
from support import Node, free_port, patient, running

LAB_FILE = Path(__file__).with_name("lab.py")
spec = importlib.util.spec_from_file_location("lab", LAB_FILE)
assert spec and spec.loader
lab = importlib.util.module_from_spec(spec)
sys.modules["lab"] = lab
spec.loader.exec_module(lab)


class NoOptions(Options):
    """None."""


def domains(*jobs: Job) -> dict[str, Any]:
    return {"domains": (upkeep.DOMAIN, Domain(name="lab", title="Laboratory", settings=NoOptions, jobs=jobs))}


def until(condition: Any, limit: float = 20) -> None:
    end = time.monotonic() + patient(limit)
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def start_process(data: Path, counters: Path) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, str(LAB_FILE), str(data), str(counters), str(free_port())]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def finished(folder: Path, counters: Path, **config: Any) -> dict[str, Any]:
    """The job's state after another start in this process, with step two let go."""
    (counters / "go").touch()
    async with running(folder, domains=(upkeep.DOMAIN, lab.LAB), **config) as node:
        state = await node.runtime.jobs.wait("lab.three:1", limit=20)
        return state.describe() | {"steps": await node.runtime.jobs.steps("lab.three:1")}


def assert_resumed(state: dict[str, Any], counters: Path) -> None:
    assert state["state"] == "done"
    assert [step["name"] for step in state["steps"]] == ["one", "two", "three"]
    counted = {name: len(lab.read(counters, name)) for name in ("one", "two", "three")}
    assert counted == {"one": 1, "two": 2, "three": 1}, "only the interrupted step is done again"


@pytest.mark.short
async def test_a_run_goes_on_after_a_kill_without_repeating_finished_steps(tmp_path: Path) -> None:
    counters = tmp_path / "counters"
    counters.mkdir()
    process = start_process(tmp_path / "data", counters)
    try:
        await asyncio.to_thread(until, lambda: lab.read(counters, "two"))
        process.send_signal(signal.SIGKILL)
        assert await asyncio.to_thread(process.wait, 15) == -9
    finally:
        process.kill()
    assert lab.read(counters, "three") == []
    assert_resumed(await finished(tmp_path / "data", counters), counters)


async def test_a_run_goes_on_after_a_graceful_stop(tmp_path: Path) -> None:
    counters = tmp_path / "counters"
    counters.mkdir()
    config = {"domains": (upkeep.DOMAIN, lab.LAB)}
    async with running(tmp_path / "data", **config) as node:
        await node.runtime.jobs.start("lab.three", str(counters), run_id="lab.three:1")
        await asyncio.to_thread(until, lambda: lab.read(counters, "two"))
    assert_resumed(await finished(tmp_path / "data", counters), counters)


async def test_threads_are_there_for_everybody_while_the_jobs_are_closed(tmp_path: Path) -> None:
    """What a domain still has in hand ends after the jobs, and reads and writes until then."""

    async def at_work() -> None:
        while not over.is_set():
            await asyncio.to_thread(int)

    over = asyncio.Event()
    async with running(tmp_path / "data", **domains()) as node:
        work = asyncio.create_task(at_work())
        await node.runtime.jobs.close()
        over.set()
        await work


async def wait_for(node: Node, run_id: str, state: str) -> None:
    async with asyncio.timeout(10):
        while (await node.runtime.jobs.get(run_id)).state != state:
            await asyncio.sleep(0.02)


async def test_cancelling_ends_a_running_job_at_once(tmp_path: Path, postgres: str) -> None:
    seen: list[str] = []

    async def sleeper(run: Run) -> None:
        seen.append("started")
        try:
            await run.step("sleep", asyncio.sleep, 60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with running(tmp_path, database_url=postgres, **domains(Job("lab.sleeper", sleeper))) as node:
        run_id = await node.runtime.jobs.start("lab.sleeper")
        await wait_for(node, run_id, "running")
        while not seen:
            await asyncio.sleep(0.02)
        assert node.runtime.jobs.running == 1
        answer = await node.post(f"/api/v1/jobs/{run_id}/cancel")
        assert answer["state"] == "cancelled"
        async with asyncio.timeout(5):
            while seen[-1] != "cancelled" or node.runtime.jobs.running:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        shown = await node.get(f"/api/v1/jobs/{run_id}")
        assert (shown["state"], shown["ended_at"] is not None) == ("cancelled", True)
        again = await node.http.post(f"/api/v1/jobs/{run_id}/cancel")
        assert (again.status_code, again.json()["title"]) == (409, "Conflict")
        assert (await node.get("/api/v1/activity?kind=job."))["items"][0]["subject"] == run_id

        seen.clear()
        fresh = await node.post(f"/api/v1/jobs/{run_id}/retry")
        assert fresh["id"] != run_id
        async with asyncio.timeout(5):
            while not seen:
                await asyncio.sleep(0.02)
        await node.runtime.jobs.cancel(fresh["id"])


async def test_a_run_that_waited_for_something_that_was_cancelled_has_failed(tmp_path: Path) -> None:
    """Nobody has cancelled the run itself: it must not stay "running" for ever, which a restart would not mend."""

    async def waits(run: Run, inside: bool) -> None:
        inner = asyncio.create_task(asyncio.sleep(60))
        asyncio.get_running_loop().call_later(0.05, inner.cancel)

        async def wait() -> None:
            await inner

        await (run.step("wait", wait) if inside else inner)

    async with running(tmp_path, **domains(Job("lab.waits", waits))) as node:
        for inside in (True, False):
            ended = await node.runtime.jobs.wait(await node.runtime.jobs.start("lab.waits", inside), limit=10)
            assert (ended.state, ended.error) == ("failed", "something it was waiting for was cancelled")
        assert node.runtime.jobs.running == 0


async def test_a_run_that_hangs_is_ended_and_frees_its_place_in_the_queue(tmp_path: Path) -> None:
    async def hang(run: Run, name: str) -> str:
        if name == "hangs":
            await run.step("hang", asyncio.sleep, 3600)
        return name

    job = Job("lab.hang", hang, queue=Queue("lab", per_node=1), time_limit=0.5)
    async with running(tmp_path, **domains(job)) as node:
        hung = await node.runtime.jobs.start("lab.hang", "hangs")
        behind = await node.runtime.jobs.start("lab.hang", "behind it")
        assert (await node.runtime.jobs.wait(behind, limit=20)).result == "behind it"
        ended = await node.runtime.jobs.get(hung)
        assert (ended.state, ended.error) == ("failed", "it took longer than 0.5 s and was ended")


async def test_a_listener_that_raises_changes_no_outcome_and_keeps_no_other_from_hearing(tmp_path: Path) -> None:
    heard: list[str] = []

    async def work(_run: Run) -> str:
        return "done"

    async def bad(*_: Any) -> None:
        raise RuntimeError("the listener's own fault")

    async def good(ended: Any) -> None:
        heard.append(ended.result)

    async with running(tmp_path, **domains(Job("lab.work", work))) as node:
        node.runtime.jobs.on_end(bad)
        node.runtime.jobs.on_end(good)
        ended = await node.runtime.jobs.wait(await node.runtime.jobs.start("lab.work"))
        assert (ended.state, heard) == ("done", ["done"])


def upgraded(seen: list[str], *names: str) -> dict[str, Any]:
    """A program whose job has these steps; it waits for ever in "wait"."""

    async def step(name: str) -> str:
        seen.append(name)
        if name == "wait":
            await asyncio.sleep(3600)
        return name

    async def work(run: Run) -> list[str]:
        return [await run.step(name, step, name) for name in names]

    return domains(Job("lab.work", work))


@pytest.mark.parametrize(
    ("after", "done", "state"),
    [
        (("one", "two", "more"), ["two", "more"], "done"),  # the same steps, and more behind them: it goes on
        (("first", "one", "two"), ["first", "one", "two"], "cancelled"),  # others: it is begun anew, as another run
    ],
)
async def test_a_run_goes_on_over_an_upgrade(
    tmp_path: Path, after: tuple[str, ...], done: list[str], state: str
) -> None:
    seen: list[str] = []
    async with running(tmp_path, **upgraded(seen, "one", "wait")) as node:
        await node.runtime.jobs.start("lab.work", run_id="lab.work:1", label="Upgraded")
        async with asyncio.timeout(10):
            while seen != ["one", "wait"]:
                await asyncio.sleep(0.02)
    seen.clear()
    async with running(tmp_path, **upgraded(seen, *after)) as node:
        jobs = node.runtime.jobs
        async with asyncio.timeout(20):
            while seen != done:
                await asyncio.sleep(0.05)
            while await jobs.active(""):
                await asyncio.sleep(0.05)
        assert (await jobs.get("lab.work:1")).state == state
        results = [one.result for one in await jobs.page(state="done") if one.title == "Upgraded"]
        assert results == [list(after)]


async def test_a_failed_job_shows_its_redacted_error_and_can_be_retried(tmp_path: Path) -> None:
    outcomes: list[Exception | None] = [
        RuntimeError("http://u:s3cr3t@h/ and ?token=s3cr3t broke"),
        None,
        Retry("later", after=5),
        GiveUp("never"),
    ]
    steps: list[str] = []

    async def flaky(run: Run, name: str) -> str:
        steps.append(name)
        await run.step("prepare", asyncio.sleep, 0)
        error = outcomes.pop(0)
        if error:
            raise error
        return name

    async with running(tmp_path, **domains(Job("lab.flaky", flaky))) as node:
        jobs = node.runtime.jobs
        failed = await jobs.wait(await jobs.start("lab.flaky", "a"))
        assert (failed.state, failed.name) == ("failed", "lab.flaky")
        assert failed.error is not None
        assert "s3cr3t" not in failed.error
        assert "broke" in failed.error
        assert "s3cr3t" not in (await node.http.get("/api/v1/jobs")).text
        fresh = await jobs.wait(await jobs.retry(failed.id))
        assert (fresh.state, fresh.progress, fresh.error) == ("done", 1.0, None)
        assert steps == ["a", "a"], "with the same arguments, from the beginning"
        with pytest.raises(Conflict):
            await jobs.retry(fresh.id)
        for sentence in ("later", "never"):
            ended = await jobs.wait(await jobs.start("lab.flaky", "b"))
            assert (ended.state, ended.error) == ("failed", sentence)
        listed = (await node.get("/api/v1/jobs?state=failed"))["items"]
        assert {item["id"] for item in listed} >= {failed.id, ended.id}
        assert all(item["state"] == "failed" for item in listed)


async def test_a_job_tells_its_progress_and_the_time_left(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def slow(run: Run) -> None:
        await asyncio.sleep(1.2)
        await run.progress(25, 100, "reading http://u:s3cr3t@h/")
        for done in range(26, 40):
            await run.progress(done, 100, "too soon to be stored")
        await go.wait()

    async with running(tmp_path, **domains(Job("lab.slow", slow))) as node:
        run_id = await node.runtime.jobs.start("lab.slow")
        async with asyncio.timeout(10):
            while (state := await node.runtime.jobs.get(run_id)).progress is None:
                await asyncio.sleep(0.05)
        assert state.progress == 0.25
        assert state.message == "reading http://u:•••@h/"
        assert 3 <= (state.seconds_left or 0) <= 15
        go.set()
        ended = await node.runtime.jobs.wait(run_id)
        assert (ended.state, ended.progress, ended.seconds_left, ended.message) == ("done", 1.0, None, "")


async def test_starting_with_an_id_in_use_joins_that_run(tmp_path: Path) -> None:
    runs: list[str] = []

    async def work(run: Run) -> None:
        runs.append(run.id)
        await asyncio.sleep(0.3)

    async with running(tmp_path, **domains(Job("lab.work", work))) as node:
        jobs = node.runtime.jobs
        ids = await asyncio.gather(*(jobs.start("lab.work", run_id="lab.work:same") for _ in range(3)))
        assert set(ids) == {"lab.work:same"}
        assert await jobs.active("lab.work:") == {"lab.work:same"}
        await jobs.wait("lab.work:same")
        await jobs.start("lab.work", run_id="lab.work:same")
        await asyncio.sleep(0.3)
        assert runs == ["lab.work:same"]
        assert await jobs.active("lab.work:") == set()


async def test_a_queue_runs_only_so_many_at_a_time(tmp_path: Path) -> None:
    at_once, most = 0, 0

    async def work(run: Run) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.2)
        at_once -= 1

    async with running(tmp_path, **domains(Job("lab.work", work, queue=Queue("lab", per_node=2)))) as node:
        ids = [await node.runtime.jobs.start("lab.work") for _ in range(3)]
        ended = [await node.runtime.jobs.wait(run_id) for run_id in ids]
        assert {state.state for state in ended} == {"done"}
        assert {state.queue for state in ended} == {"lab"}
        assert most == 2


async def test_an_ill_mannered_job_breaks_nothing(tmp_path: Path) -> None:
    """What a job raises or gives need not fit into a database."""

    class Odd(Exception):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} and {b}")
            self.socket = open(__file__)  # noqa: SIM115 - cannot be pickled

    async def odd(run: Run, kind: str) -> Any:
        if kind == "exception":
            raise Odd(1, 2)
        return object() if kind == "object" else lambda: None

    async with running(tmp_path, **domains(Job("lab.odd", odd))) as node:
        for kind in ("exception", "object", "function"):
            run_id = await node.runtime.jobs.start("lab.odd", kind)
            state = await node.runtime.jobs.wait(run_id, limit=5)
            assert state.state in {"failed", "done"}, kind
            assert (await node.http.get(f"/api/v1/jobs/{run_id}")).status_code == 200, kind
        assert (await node.http.get("/api/v1/jobs")).status_code == 200


async def test_asking_for_what_is_not_there(node: Node) -> None:
    with pytest.raises(NotFound):
        await node.runtime.jobs.start("lab.nothing")
    for path in ("/api/v1/jobs/none", "/api/v1/jobs/" + "x" * 200):
        assert (await node.http.get(path)).status_code == 404
    for path in ("/api/v1/jobs?limit=0", "/api/v1/jobs?state=odd", "/api/v1/jobs?cursor=x", "/api/v1/jobs?limit=9999"):
        assert (await node.http.get(path)).status_code == 422, path
    assert (await node.http.post("/api/v1/jobs/none/cancel")).status_code == 404
    assert (await node.http.post("/api/v1/jobs/none/retry")).status_code == 404


async def test_old_jobs_are_forgotten_however_many_there_are(tmp_path: Path) -> None:
    """One feed refreshed each minute makes 1,440 jobs a day."""

    async def work(run: Run) -> None:
        return None

    async with running(tmp_path, **domains(Job("lab.work", work))) as node:
        jobs = node.runtime.jobs
        await jobs.wait(await jobs.start("lab.work", run_id="lab.work:0"))
        with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db", timeout=10)) as connection, connection:
            columns = [row[1] for row in connection.execute("PRAGMA table_info(workflow_status)")]
            values = ", ".join("? || workflow_uuid" if name == "workflow_uuid" else f'"{name}"' for name in columns)
            names = ", ".join(f'"{name}"' for name in columns)
            for number in range(1, 1_500):
                connection.execute(
                    f"INSERT INTO workflow_status ({names}) SELECT {values} FROM workflow_status"
                    " WHERE workflow_uuid = 'lab.work:0'",
                    (f"copy{number}",),
                )
        assert len(await jobs.page(limit=1000, offset=1000)) == 500
        await asyncio.sleep(0.05)
        await jobs.prune(days=0)
        assert await jobs.page() == []


async def test_a_run_that_is_cancelled_between_two_steps_ends_as_cancelled(tmp_path: Path) -> None:
    """DBOS ends it with an error of its own kind; whoever hears of the end must not take it for one that worked."""
    ends: list[Ended] = []

    async def work(run: Run) -> None:
        await run.step("one", Engine.cancel, run.id)  # as another node does it
        await run.step("two", asyncio.sleep, 0)

    async with running(tmp_path / "data", **domains(Job("lab.work", work))) as node:

        async def hear(ended: Ended) -> None:
            ends.append(ended)

        node.runtime.jobs.on_end(hear)
        run_id = await node.runtime.jobs.start("lab.work")
        async with asyncio.timeout(30):
            while not ends:
                await asyncio.sleep(0.02)
        assert [(one.run, one.outcome) for one in ends] == [(run_id, "cancelled")]
