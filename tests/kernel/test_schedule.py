"""Ticks, timetables, promises: nothing that a worker does ends it, and nobody overlooks one that stands still."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from nightcrew import app
from nightcrew.kernel import cron, schedule, schedule_store, upkeep
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Job, Tick, Timetable
from nightcrew.kernel.errors import NotFound, Retry
from nightcrew.kernel.forever import forever
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.schedule import Schedule, next_due
from nightcrew.kernel.workers import Worker
from support import Node, domain, running, until


@contextlib.asynccontextmanager
async def ticking(folder: Path, *ticks: Tick) -> AsyncIterator[Runtime]:
    """The parts of a node of which only the schedule runs. A schedule that ends by itself fails the test."""
    config = app.Config(data_dir=folder, domains=(upkeep.DOMAIN,))
    async with app.node(config) as (runtime, _access):
        for tick in ticks:
            runtime.schedule.add_tick("lab", tick)
        running_schedule = asyncio.create_task(runtime.schedule.run(runtime))
        try:
            yield runtime
            if running_schedule.done():
                running_schedule.result()
                raise AssertionError("the schedule has ended by itself")
        finally:
            running_schedule.cancel()
            await asyncio.gather(running_schedule, return_exceptions=True)


class Probe:
    """A tick's work: notes each run, and does what `act` says."""

    def __init__(self, act: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.runs = 0
        self.at_once = self.most_at_once = 0
        self.act = act

    async def __call__(self, _runtime: Runtime) -> None:
        self.runs += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.act:
                await self.act(self.runs)
        finally:
            self.at_once -= 1


# -- ticks ---------------------------------------------------------------------------------------------------------


async def test_a_tick_that_raises_is_recorded_backed_off_and_tried_again(tmp_path: Path) -> None:
    async def act(run: int) -> None:
        if run <= 3:
            raise [RuntimeError("http://u:s3cr3t@h/ broke"), Retry("later please"), ValueError("bad")][run - 1]

    probe = Probe(act)
    async with ticking(tmp_path, Tick("lab.flaky", probe, every=0.05, promise=60)) as runtime:
        worker = runtime.schedule.workers["lab.flaky"]
        await until(lambda: worker.failures == 3)
        assert [mark.error for mark in worker.runs] == [
            "RuntimeError: http://u:•••@h/ broke",
            "later please",
            "ValueError: bad",
        ]
        assert worker.state == "failing"
        await until(lambda: probe.runs >= 6)
        assert (worker.failures, worker.error, worker.state) == (0, None, "waiting")
        entries = await runtime.activity.page(kind="worker.failed")
        assert [entry.message for entry in entries] == ["lab.flaky: RuntimeError: http://u:•••@h/ broke"]


async def test_a_tick_that_keeps_failing_is_tried_less_and_less(tmp_path: Path) -> None:
    async def act(run: int) -> None:
        raise Retry("down")

    probe = Probe(act)
    async with ticking(tmp_path, Tick("lab.a", probe, every=0.05, promise=60)) as runtime:
        await until(lambda: probe.runs >= 2)
        await asyncio.sleep(1.5)
        assert 3 <= probe.runs <= 7, "not thirty"
        assert runtime.schedule.workers["lab.a"].failures == probe.runs


async def test_the_pause_after_a_failure_counts_from_its_end(tmp_path: Path) -> None:
    """A run that fails slowly would else be followed by the next one at once: no pause at all for what it asks."""
    moments: list[float] = []

    async def act(run: int) -> None:
        moments.append(time.monotonic())
        await asyncio.sleep(0.38)
        moments.append(time.monotonic())
        raise Retry("down")

    async with ticking(tmp_path, Tick("lab.a", Probe(act), every=0.2, promise=60)):
        await until(lambda: len(moments) >= 3)
        assert moments[2] - moments[1] >= 0.19


async def test_a_tick_past_its_time_limit_is_cancelled_and_reported(tmp_path: Path) -> None:
    cancelled = []

    async def act(run: int) -> None:
        if run == 1:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(run)
                raise

    probe = Probe(act)
    async with ticking(tmp_path, Tick("lab.slow", probe, every=0.05, promise=60, time_limit=0.2)) as runtime:
        worker = runtime.schedule.workers["lab.slow"]
        await until(lambda: probe.runs >= 3)
        assert cancelled == [1]
        assert worker.runs[0].error == "took longer than its limit of 0.2 s and was cancelled"
        assert worker.error is None


async def test_a_timeout_of_the_ticks_own_is_not_taken_for_its_limit(tmp_path: Path) -> None:
    async def act(run: int) -> None:
        raise TimeoutError("the printer does not answer")

    async with ticking(tmp_path, Tick("lab.a", Probe(act), every=0.05, promise=60, time_limit=30)) as runtime:
        worker = runtime.schedule.workers["lab.a"]
        await until(lambda: worker.runs)
        assert worker.runs[0].error == "TimeoutError: the printer does not answer"


async def test_a_tick_that_awaits_something_cancelled_lives_on(tmp_path: Path) -> None:
    """`CancelledError` also comes out of an awaited task that somebody else cancelled."""

    async def act(run: int) -> None:
        if run == 1:
            helper = asyncio.create_task(asyncio.sleep(60))
            helper.cancel()
            await helper

    probe = Probe(act)
    async with ticking(tmp_path, Tick("lab.a", probe, every=0.05, promise=60)) as runtime:
        await until(lambda: probe.runs >= 3, 3)
        assert runtime.schedule.workers["lab.a"].runs[0].error is not None


async def test_a_tick_that_raises_before_it_awaits_lives_on(tmp_path: Path) -> None:
    calls = []

    def not_even_a_coroutine(_runtime: Runtime) -> Awaitable[None]:
        calls.append(1)
        raise RuntimeError("at once")

    async with ticking(tmp_path, Tick("lab.a", not_even_a_coroutine, every=0.02, promise=60)):
        await until(lambda: len(calls) >= 2, 3)


async def test_a_period_that_cannot_be_read_does_not_end_the_loop(tmp_path: Path) -> None:
    def every(_runtime: Runtime) -> float:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("no such setting")
        return 0.05

    calls: list[int] = []
    probe = Probe()
    async with ticking(tmp_path, Tick("lab.a", probe, every=every, promise=60)):
        await until(lambda: probe.runs >= 3, 4)


async def test_a_database_that_is_away_does_not_end_a_failing_tick(tmp_path: Path) -> None:
    """The failure cannot be written into the feed then; that must not end the schedule, and the program with it."""
    renamed = []

    async def act(run: int) -> None:
        raise RuntimeError("no database")

    probe = Probe(act)
    async with ticking(
        tmp_path, Tick("lab.a", probe, every=0.05, promise=60), Tick("lab.b", Probe(), every=1, promise=9)
    ) as runtime:
        worker = runtime.schedule.workers["lab.a"]
        await until(lambda: worker.failures >= 1)
        worker.failures = 0
        async with runtime.store.write() as connection:
            await connection.execute(sa.text("ALTER TABLE activity RENAME TO elsewhere"))
        renamed.append(probe.runs)
        await until(lambda: probe.runs >= renamed[0] + 3, 5)
        async with runtime.store.write() as connection:
            await connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO activity"))


async def test_a_tick_never_overlaps_itself_and_late_ones_are_counted(tmp_path: Path) -> None:
    async def act(run: int) -> None:
        await asyncio.sleep(0.13)

    probe = Probe(act)
    async with ticking(tmp_path, Tick("lab.a", probe, every=0.05, promise=60)) as runtime:
        worker = runtime.schedule.workers["lab.a"]
        await until(lambda: probe.runs >= 2)
        await runtime.schedule.run_now("lab.a")
        await until(lambda: probe.runs >= 5)
        assert probe.most_at_once == 1
        assert worker.skipped >= 4


async def test_one_slow_tick_does_not_hold_up_another(tmp_path: Path) -> None:
    async def forever(run: int) -> None:
        await asyncio.sleep(60)

    quick = Probe()
    async with ticking(
        tmp_path,
        Tick("lab.slow", Probe(forever), every=0.05, promise=60),
        Tick("lab.quick", quick, every=0.05, promise=60),
    ):
        await until(lambda: quick.runs >= 5)


async def test_run_now_does_not_wait_for_the_period(tmp_path: Path) -> None:
    probe = Probe()
    async with ticking(tmp_path, Tick("lab.a", probe, every=600, promise=1300)) as runtime:
        await until(lambda: probe.runs == 1)
        await runtime.schedule.run_now("lab.a")
        await until(lambda: probe.runs == 2)
        with pytest.raises(NotFound, match="no worker 'lab.b'"):
            await runtime.schedule.run_now("lab.b")


async def test_a_run_by_hand_does_not_put_off_the_next_regular_one(tmp_path: Path) -> None:
    """Else one click breaks the promise of a worker that promises less than two periods."""
    probe = Probe()
    async with ticking(tmp_path, Tick("lab.a", probe, every=600, promise=720)) as runtime:
        worker = runtime.schedule.workers["lab.a"]
        await until(lambda: probe.runs == 1)
        for count in (2, 3, 4):
            await runtime.schedule.run_now("lab.a")
            await until(lambda count=count: probe.runs == count)
        await until(lambda: worker.state == "waiting" and worker.next_run is not None)
        await asyncio.sleep(0.05)
        assert worker.next_run is not None
        assert worker.next_run - utcnow() <= timedelta(seconds=601)


async def test_a_paused_tick_stands_still_until_it_is_resumed_but_runs_by_hand(tmp_path: Path) -> None:
    probe = Probe()
    async with ticking(tmp_path, Tick("lab.a", probe, every=0.05, promise=60)) as runtime:
        await until(lambda: probe.runs >= 2)
        await runtime.schedule.pause("lab.a", actor="hans")
        await asyncio.sleep(0.1)
        runs = probe.runs
        await asyncio.sleep(0.3)
        assert probe.runs == runs
        await runtime.schedule.run_now("lab.a")
        await until(lambda: probe.runs == runs + 1)
        await asyncio.sleep(0.2)
        assert probe.runs == runs + 1
        await runtime.schedule.resume("lab.a")
        await until(lambda: probe.runs >= runs + 3)


async def test_a_changed_period_counts_from_the_next_cycle_on(tmp_path: Path) -> None:
    period = [0.05]
    probe = Probe()
    async with ticking(
        tmp_path, Tick("lab.a", probe, every=lambda _: period[0], promise=lambda _: period[0] * 9)
    ) as runtime:
        await until(lambda: probe.runs >= 3)
        period[0] = 60
        await until(lambda: runtime.schedule.workers["lab.a"].promise == 540)
        runs = probe.runs
        await asyncio.sleep(0.3)
        assert probe.runs <= runs + 1


async def test_the_history_of_a_worker_survives_a_restart(tmp_path: Path) -> None:
    async def act(run: int) -> None:
        if run == 2:
            raise RuntimeError("once")

    probe = Probe(act)
    async with ticking(tmp_path, Tick("lab.a", probe, every=0.05, promise=60)) as runtime:
        worker = runtime.schedule.workers["lab.a"]
        await until(lambda: probe.runs >= 3 and worker.running_since is None)
        await schedule_store.beat(runtime.store, runtime.node, [worker], utcnow())
    async with ticking(tmp_path, Tick("lab.a", Probe(), every=600, promise=1300)) as runtime:
        again = runtime.schedule.workers["lab.a"]
        await until(lambda: len(again.runs) >= 4)
        assert [mark.error for mark in again.runs][:3] == [None, "RuntimeError: once", None]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(0.05, 1e5))
def test_the_next_run_lies_ahead_on_the_grid_and_within_one_period(due: float, later: float, every: float) -> None:
    now = due + later
    upcoming, missed = next_due(due, now, every)
    assert upcoming > now
    assert upcoming - now <= every * 1.001
    assert missed >= 0
    assert abs((upcoming - due) - (missed + 1) * every) <= 1e-3 * max(1, every)


@given(st.floats(0, 1e6), st.floats(0, 1e5), st.floats(0.05, 1e5))
def test_a_run_ahead_of_time_misses_nothing(now: float, ahead: float, every: float) -> None:
    assert next_due(now + ahead, now, every) == (now + ahead + every, 0)


# -- promises ------------------------------------------------------------------------------------------------------


async def fresh_metric(node: Node, name: str) -> float:
    text = (await node.http.get("/metrics")).text
    (line,) = [line for line in text.splitlines() if line.startswith(f'nightcrew_worker_fresh{{worker="{name}"}}')]
    return float(line.split()[-1])


async def test_broken_promises_are_seen_everywhere_until_they_are_kept_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "MAX_BACKOFF", 0.5)  # else the one that fails is tried again after 100 s
    broken = [True]

    async def hangs(_runtime: Runtime) -> None:
        while broken[0]:
            await asyncio.sleep(0.05)

    async def fails(_runtime: Runtime) -> None:
        if broken[0]:
            raise RuntimeError("http://u:s3cr3t@h/ is down")

    lab = domain(
        ticks=(
            Tick("lab.hangs", hangs, every=0.1, promise=2, time_limit=60),
            Tick("lab.fails", fails, every=0.1, promise=2),
            Tick("lab.works", Probe(), every=0.1, promise=60),
        )
    )
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        assert (await node.http.get("/health")).status_code == 200
        await until(lambda: _status(node, 503))
        report = (await node.http.get("/health")).json()
        assert report["status"] == "failing"
        shown = {worker["name"]: worker for worker in report["workers"]}
        await until(lambda: _broken(node, 2))
        assert {name for name, worker in shown.items() if not worker["fresh"]} <= {"lab.hangs", "lab.fails"}
        assert shown["lab.hangs"]["state"] == "running"
        assert shown["lab.works"]["fresh"]
        assert [await fresh_metric(node, name) for name in ("lab.hangs", "lab.fails", "lab.works")] == [0, 0, 1]
        entries = (await node.get("/api/v1/activity?kind=promise.broken"))["items"]
        assert {entry["subject"] for entry in entries} == {"worker lab.hangs", "worker lab.fails"}
        assert all(entry["level"] == "error" for entry in entries)
        assert "s3cr3t" not in str(entries) + str(report)
        assert any("it is still running" in entry["message"] for entry in entries)

        broken[0] = False
        await until(lambda: _status(node, 200))
        await until(lambda: _kept(node, 2))
        await until(lambda: _all_fresh(node))  # on a busy machine one may be late again
        assert len((await node.get("/api/v1/activity?kind=promise."))["items"]) == 4, "told once, not at each look"


async def _all_fresh(node: Node) -> bool:
    return [await fresh_metric(node, name) for name in ("lab.hangs", "lab.fails", "lab.works")] == [1, 1, 1]


async def _status(node: Node, wanted: int) -> bool:
    return (await node.http.get("/health")).status_code == wanted


async def _broken(node: Node, count: int) -> bool:
    return len((await node.get("/api/v1/activity?kind=promise.broken"))["items"]) == count


async def _kept(node: Node, count: int) -> bool:
    return len((await node.get("/api/v1/activity?kind=promise.kept"))["items"]) == count


async def test_a_restart_after_a_long_stop_breaks_no_promise(tmp_path: Path) -> None:
    parts = domain(ticks=(Tick("lab.often", Probe(), every=0.2, promise=30),))
    async with running(tmp_path, domains=(upkeep.DOMAIN, parts)) as node:
        worker = node.runtime.schedule.workers["lab.often"]
        await until(lambda: worker.last_ok)
        await schedule_store.beat(node.runtime.store, node.runtime.node, [worker], utcnow())
        store = node.runtime.store
        async with store.write() as connection:
            await connection.execute(sa.update(schedule_store.worker).values(last_ok=utcnow() - timedelta(days=2)))

        one = node.runtime
        parts_of_one = {"node": one.node, "store": one.store, "bus": one.bus, "activity": one.activity}
        again = Schedule(**parts_of_one, jobs=one.jobs, settings=one.settings, wakes=one.wakes)
        again.add_tick("lab", parts.ticks[0])
        preparing = asyncio.create_task(again._prepare())
        while not preparing.done():  # the watchdog may look between any two steps of a start
            await asyncio.sleep(0)
            assert again.workers["lab.often"].fresh(utcnow())


async def test_a_pause_survives_a_restart_and_breaks_no_promise(tmp_path: Path) -> None:
    probe = Probe()
    lab = domain(ticks=(Tick("lab.a", probe, every=0.05, promise=0.3),))
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await until(lambda: probe.runs >= 1)
        shown = await node.post("/api/v1/workers/lab.a/pause")
        assert shown["state"] in {"paused", "running"}
        assert (await node.http.post("/api/v1/workers/lab.b/pause")).status_code == 404
    probe.runs = 0
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await until(lambda: _paused(node))
        runs = probe.runs
        await asyncio.sleep(0.6)
        answer = await node.http.get("/health")
        (shown,) = [worker for worker in answer.json()["workers"] if worker["name"] == "lab.a"]
        assert (answer.status_code, shown["state"], shown["fresh"], shown["paused_by"]) == (
            200,
            "paused",
            True,
            "script",
        )
        assert probe.runs == runs
        assert runs == 0, "a paused worker does not run at start either"
        await node.post("/api/v1/workers/lab.a/resume")
        await until(lambda: probe.runs >= 2)


async def _paused(node: Node) -> bool:
    workers = (await node.get("/api/v1/workers"))["items"]
    return any(worker["name"] == "lab.a" and worker["state"] == "paused" for worker in workers)


async def test_a_loop_that_sleeps_until_something_is_due_is_not_ended_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(forever.__kwdefaults__, "limit", 0.3)
    parts = domain(
        ticks=(Tick("lab.rests", Probe(), every=0.1, promise=600, next_at=_never),),
        timetables=(Timetable("lab.rare", cron="0 0 1 1 *", job="lab.job", promise=1e9),),
        jobs=(Job("lab.job", Probe()),),
    )
    with capture_logs() as told:
        async with running(tmp_path, domains=(upkeep.DOMAIN, parts)):
            await asyncio.sleep(1)
    assert not [line["part"] for line in told if line.get("part") in {"timetables", "tick lab.rests"}]


async def _never(_runtime: Runtime) -> None:
    return None


async def test_a_steady_tick_keeps_to_its_beat_however_often_it_is_woken(tmp_path: Path) -> None:
    begun: list[float] = []

    async def work(_run: int) -> None:
        begun.append(time.monotonic())
        await asyncio.sleep(0.05)

    async def at_once(_runtime: Runtime) -> datetime:
        return utcnow()

    tick = Tick("lab.beat", Probe(work), every=0.2, promise=60, next_at=at_once, topics=("lab",), steady=True)
    async with ticking(tmp_path, tick) as node:
        while len(begun) < 8:
            node.wakes.ring("lab")
            await asyncio.sleep(0.01)
    places = [(at - begun[0]) / 0.2 for at in begun]
    assert len({round(place) for place in places}) == len(places), "each beat has one run"
    assert all(place > round(place) - 0.2 for place in places), "none begins before its beat"


async def test_a_steady_tick_that_sleeps_is_woken_at_once(tmp_path: Path) -> None:
    probe = Probe()
    tick = Tick("lab.beat", probe, every=0.05, promise=600, next_at=_never, topics=("lab",), steady=True)
    async with ticking(tmp_path, tick) as node:
        await until(lambda: probe.runs == 1)
        await asyncio.sleep(0.2)
        assert probe.runs == 1
        node.wakes.ring("lab")
        await until(lambda: probe.runs == 2)


# -- timetables ----------------------------------------------------------------------------------------------------


class JobProbe:
    def __init__(self, seconds: float = 0.0) -> None:
        self.ids: list[str] = []
        self.seconds = seconds

    async def __call__(self, run: Run) -> None:
        self.ids.append(run.id)
        await asyncio.sleep(self.seconds)


async def test_a_timetable_by_the_second_fires_each_occurrence_once(tmp_path: Path, postgres: str) -> None:
    probe, slow = JobProbe(), JobProbe(seconds=60)
    lab = domain(
        jobs=(Job("lab.job", probe), Job("lab.slow", slow)),
        timetables=(
            Timetable("lab.each", cron="* * * * * *", job="lab.job", promise=60),
            Timetable("lab.busy", cron="* * * * * *", job="lab.slow", promise=60, overlap="skip"),
        ),
    )
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab), database_url=postgres) as node:
        await until(lambda: len(probe.ids) >= 3, 15)
        assert len(set(probe.ids)) == len(probe.ids)
        seconds = [datetime.strptime(name.partition("@")[2], "%Y%m%dT%H%M%S.%f") for name in probe.ids]
        assert all(moment.microsecond == 0 for moment in seconds)
        assert seconds == sorted(seconds)
        assert len(slow.ids) == 1, "an occurrence is skipped while the run before is still going"
        worker = node.runtime.schedule.workers["lab.busy"]
        assert worker.skipped >= 1
        assert worker.state == "running"
        each = node.runtime.schedule.workers["lab.each"]
        await until(lambda: each.last_ok is not None)


async def test_a_timetable_whose_name_begins_like_another_one_is_not_held_up_by_it(tmp_path: Path) -> None:
    probe, slow = JobProbe(), JobProbe(seconds=60)
    lab = domain(
        jobs=(Job("lab.job", probe), Job("lab.slow", slow)),
        timetables=(
            Timetable("lab.night", cron="0 0 1 1 *", job="lab.job", promise=1e9),
            Timetable("lab.nightly", cron="0 0 1 1 *", job="lab.slow", promise=1e9),
        ),
    )
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await node.post("/api/v1/workers/lab.nightly/run")
        await until(lambda: slow.ids)
        await node.post("/api/v1/workers/lab.night/run")
        await until(lambda: probe.ids, 4)


async def test_what_was_missed_is_done_once(tmp_path: Path) -> None:
    probe = JobProbe()
    lab = domain(
        jobs=(Job("lab.job", probe),),
        timetables=(Timetable("lab.hourly", cron="0 * * * *", job="lab.job", promise=7300),),
    )
    async with app.node(app.Config(data_dir=tmp_path, domains=(upkeep.DOMAIN, lab))) as (runtime, _):
        old = utcnow() - timedelta(days=3)
        await schedule_store.register(runtime.store, {"lab.hourly": ("0 * * * *", old)})
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await until(lambda: probe.ids)
        await asyncio.sleep(1.3)
        assert probe.ids == [f"lab.hourly@{old:%Y%m%dT%H%M%S.%f}"]
        worker = node.runtime.schedule.workers["lab.hourly"]
        assert worker.next_run is not None
        assert timedelta() < worker.next_run - utcnow() <= timedelta(hours=1)


async def test_a_timetable_fires_by_hand_even_when_paused_and_its_promise_counts_from_the_resume(
    tmp_path: Path,
) -> None:
    probe = JobProbe()
    lab = domain(
        jobs=(Job("lab.job", probe),), timetables=(Timetable("lab.t", cron="0 0 1 1 *", job="lab.job", promise=60),)
    )
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await node.post("/api/v1/workers/lab.t/pause")
        await node.post("/api/v1/workers/lab.t/run")
        await until(lambda: probe.ids)
        table = schedule_store.timetable

        async def has_ended() -> bool:
            async with node.runtime.store.read() as connection:
                return await connection.scalar(sa.select(table.c.last_ok).where(table.c.name == "lab.t")) is not None

        await until(has_ended)  # or its run would write over what comes next
        async with node.runtime.store.write() as connection:
            old = utcnow() - timedelta(days=3)
            await connection.execute(
                sa.update(table).where(table.c.name == "lab.t").values(created_at=old, last_ok=old)
            )
        worker = node.runtime.schedule.workers["lab.t"]
        node.runtime.wakes.ring(schedule_store.TIMETABLES.topic)
        await until(lambda: worker.last_ok == old)
        assert (await node.http.get("/health")).status_code == 200, "a pause breaks no promise"
        await node.post("/api/v1/workers/lab.t/resume")
        await asyncio.sleep(1.3)
        assert worker.fresh(utcnow())


async def test_a_failing_timetable_shows_its_error_and_works_again(tmp_path: Path) -> None:
    outcome: list[Exception | None] = [RuntimeError("http://u:s3cr3t@h/ is down"), None]

    async def work(run: Run) -> None:
        error = outcome.pop(0)
        if error:
            raise error

    lab = domain(
        jobs=(Job("lab.job", work),), timetables=(Timetable("lab.t", cron="0 0 1 1 *", job="lab.job", promise=1e9),)
    )
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        worker = node.runtime.schedule.workers["lab.t"]
        await node.post("/api/v1/workers/lab.t/run")
        await until(lambda: worker.failures == 1)
        assert worker.error == "RuntimeError: http://u:•••@h/ is down"
        assert worker.state == "failing"

        async def idle() -> bool:
            return not await node.runtime.jobs.active("lab.t@")

        await until(idle)  # what is asked for while the run before it ends would be passed over
        await node.post("/api/v1/workers/lab.t/run")
        await until(lambda: worker.failures == 0)
        assert worker.state == "waiting"


@pytest.fixture
def berlin() -> Any:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 1, 11, 3, 30, tzinfo=UTC)),
        (datetime(2026, 7, 10, 12, tzinfo=UTC), datetime(2026, 7, 11, 2, 30, tzinfo=UTC)),
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 2, 30, tzinfo=UTC)),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 3, 30, tzinfo=UTC)),
    ],
    ids=["winter", "summer", "spring forward", "fall back"],
)
@pytest.mark.usefixtures("berlin")
def test_a_timetable_keeps_its_time_of_day_over_a_change_of_the_clocks(now: datetime, expected: datetime) -> None:
    assert cron.next_time("30 4 * * *", now) == expected


async def test_a_wrong_cron_expression_is_refused_where_it_is_declared(tmp_path: Path) -> None:
    async with ticking(tmp_path) as runtime:
        with pytest.raises(ValueError, match="61"):
            runtime.schedule.add_timetable("lab", Timetable("lab.t", cron="61 * * * *", job="lab.job", promise=1))


def test_the_sixth_field_is_the_second() -> None:
    now = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert cron.next_time("* * * * * 30", now) == datetime(2026, 3, 4, 5, 6, 30, tzinfo=UTC)


async def test_the_times_of_a_timetable_can_be_changed_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    done: list[str] = []

    async def work(run: Run) -> None:
        done.append(run.id)

    lab = domain(
        jobs=(Job("lab.sweep", work),),
        timetables=(Timetable("lab.rare", cron="0 0 1 1 *", job="lab.sweep", promise=1e9),),
    )
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await until(lambda: _due_at(node, "lab.rare"))
        before = node.runtime.schedule.workers["lab.rare"].next_run
        for wrong in ("61 * * * *", "0 0 31 2 *", "@daily", "* * * *", "", "0 0 1 1 * * 2030"):
            answer = await node.http.patch("/api/v1/settings", json={"lab.rare_cron": wrong})
            assert (answer.status_code, "rare_cron" in answer.json()["detail"]) == (422, True), wrong
        assert node.runtime.schedule.workers["lab.rare"].next_run == before
        await node.patch("/api/v1/settings", {"lab.rare_cron": "* * * * * *"})
        await until(lambda: len(done) > 1)
        await node.patch("/api/v1/settings", {"lab.rare_cron": "30 5 * * *"})
        await until(lambda: _due_at(node, "lab.rare") == (5, 30))
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        await until(lambda: _due_at(node, "lab.rare") == (5, 30))
        assert "lab.rare_cron" in (await node.http.get("/settings")).text


def _due_at(node: Node, name: str) -> tuple[int, int] | None:
    due = node.runtime.schedule.workers[name].next_run
    return None if due is None else (due.astimezone().hour, due.astimezone().minute)


# -- one worker ----------------------------------------------------------------------------------------------------


def test_the_age_of_a_worker_counts_from_its_last_success_or_its_birth() -> None:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    worker = Worker("lab.a", "lab", "tick", promise=60)
    assert worker.fresh(now)
    worker.born = now
    assert worker.age(now + timedelta(seconds=61)) == 61
    assert not worker.fresh(now + timedelta(seconds=61))
    worker.last_ok = now + timedelta(seconds=30)
    assert worker.fresh(now + timedelta(seconds=61))
    worker.last_ok = now - timedelta(days=1)
    assert worker.age(now + timedelta(seconds=5)) == 5, "what happened before a restart is no broken promise"
    worker.pause("hans")
    assert worker.fresh(now + timedelta(days=9))
    worker.unpause(now + timedelta(days=9))
    assert worker.age(now + timedelta(days=9)) == 0
