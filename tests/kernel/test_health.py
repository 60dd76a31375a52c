"""The watchdog when things are at their worst: a loop that stands still, a database that is away, a node that has died."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from nightcrew import app
from nightcrew.kernel import nodes_store, pulse, schedule_store, upkeep
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Freshness, Job, Metric, Tick
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import Store, metadata
from support import domain, free_port, locked_out, patient, running, until


def asked(url: str) -> tuple[int, Any]:
    """Status and JSON of a GET, from a thread: the event loop may stand still."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return int(answer.status), json.load(answer)
    except urllib.error.HTTPError as exc:
        return exc.code, json.load(exc)


async def test_a_blocked_event_loop_is_told_by_health_while_it_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "LOOP_BLOCKED", 0.5)
    release = tmp_path / "release"
    watching: list[asyncio.Task[list[tuple[int, Any]]]] = []
    standing = threading.Event()

    async def block(_runtime: Runtime) -> None:
        until_then = time.monotonic() + (20 if watching else 0)  # not at its first run, before anybody looks
        if watching:
            standing.set()
        while not os.access(release, os.F_OK) and time.monotonic() < until_then:
            time.sleep(0.05)

    blocking = domain(ticks=(Tick("lab.block", block, every=3600, promise=7200),))
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, blocking)) as node:

        def watch_it() -> list[tuple[int, Any]]:
            try:
                standing.wait(patient(20))
                return [asked(f"{node.url}/health"), asked(f"{node.url}/health"), asked(f"{node.url}/api/v1/jobs")]
            finally:
                release.touch()

        watching.append(asyncio.create_task(asyncio.to_thread(watch_it)))
        await node.runtime.schedule.run_now("lab.block")
        answers = await watching[0]
        failing = [answer for status, answer in answers if status == 503]
        assert failing, answers
        assert failing[-1]["status"] == "failing"
        assert "the event loop has stood still" in failing[-1]["problems"][0]
        assert failing[-1]["problems"][0].endswith("(block)"), "it names the line"
        assert {worker["name"] for worker in failing[-1]["workers"]} >= {"lab.block"}
        # and when the loop turns again, the server answers as before
        await until(lambda: _is_ok(node.url))
        assert (await node.get("/health"))["problems"] == []
        text = (await node.http.get("/metrics")).text
        (counted,) = [line for line in text.splitlines() if line.startswith("nightcrew_loop_blocked_seconds_total")]
        assert float(counted.split()[1]) >= 0.5


async def test_a_loop_that_turns_again_takes_its_clients_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "LOOP_BLOCKED", 0.5)
    monkeypatch.setattr(pulse, "YIELD", 5.0)
    async with running(tmp_path / "data") as node:
        where = ("127.0.0.1", int(node.url.rpartition(":")[2]))
        time.sleep(2)  # the watchdog waits for clients now
        with socket.create_connection(where) as client:
            time.sleep(0.2)  # and it has seen this one
            client.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            client.settimeout(patient(10))
            assert (await asyncio.to_thread(client.recv, 100)).startswith(b"HTTP/1.1 200 ")


async def _is_ok(url: str) -> bool:
    status, report = await asyncio.to_thread(asked, f"{url}/health")
    return status == 200 and report["status"] == "ok"


async def test_a_database_that_is_away_is_told_by_health_and_every_route(tmp_path: Path, postgres: str) -> None:
    async with running(tmp_path / "data", database_url=postgres) as node:
        assert (await node.http.get("/health")).status_code == 200
        with locked_out(postgres):
            await node.runtime.health.look()
            answer = await node.http.get("/health")
            assert answer.status_code == 503
            assert "the database cannot be used now" in answer.json()["problems"][0]
            listing = await node.http.get("/api/v1/sources")
            assert listing.status_code == 503
            assert "the database cannot be used now" in listing.json()["detail"]
            assert int(listing.headers["retry-after"]) > 0
        await node.runtime.health.look()
        assert (await node.http.get("/health")).json()["problems"] == []


async def test_a_database_that_was_away_is_told_once_when_it_is_back(tmp_path: Path, postgres: str) -> None:
    async with running(tmp_path / "data", database_url=postgres) as node:
        for _ in range(2):
            with locked_out(postgres):
                await node.runtime.health.look()
                await node.runtime.health.look()
            await node.runtime.health.look()
            await node.runtime.health.look()
        told = (await node.get("/api/v1/activity?kind=database."))["items"]
        assert [entry["kind"] for entry in told] == ["database.back"] * 2
        assert "The database answers again; it was away for" in told[0]["message"]
        assert 'nightcrew_recoveries_total{kind="database"} 2.0' in (await node.http.get("/metrics")).text


async def test_a_database_that_goes_away_during_the_start_ends_no_node(tmp_path: Path, postgres: str) -> None:
    config = app.Config(data_dir=tmp_path, port=free_port(), database_url=postgres)
    stop, ready, away = asyncio.Event(), asyncio.Event(), contextlib.ExitStack()

    def cut_off(_runtime: Runtime) -> None:
        away.enter_context(locked_out(postgres))
        ready.set()

    async with app.node(config) as (runtime, access):
        serving = asyncio.create_task(app.run(config, runtime, access, stop, cut_off))
        with away:
            await asyncio.wait({serving, ended := asyncio.create_task(ready.wait())}, return_when="FIRST_COMPLETED")
            assert ended.done()
            url = f"http://127.0.0.1:{config.port}/health"
            await until(lambda: serving.done() or _is_failing(url), 30)
            assert not serving.done()
        await until(lambda: serving.done() or _is_ok(url.removesuffix("/health")), 30)
        assert not serving.done(), "it came back with the database"
        stop.set()
        await serving


async def _is_failing(url: str) -> bool:
    status, report = await asyncio.to_thread(asked, url)
    return status == 503 and "the database cannot be used now" in report["problems"][0]


async def test_a_watchdog_that_sees_nothing_is_itself_the_problem(tmp_path: Path) -> None:
    async def broken(_runtime: Runtime) -> list[Any]:
        raise RuntimeError("this domain cannot say")

    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, domain(freshness=broken))) as node:
        node.runtime.health._looked = time.monotonic() - 60
        answer = await node.http.get("/health")
        assert answer.status_code == 503
        assert "the watchdog has seen nothing for 60 s" in answer.json()["problems"][0]


async def test_a_broken_promise_is_told_once_however_many_look(tmp_path: Path) -> None:
    age = 1.0

    async def stale(_runtime: Runtime) -> list[Freshness]:
        return [Freshness("lab", "The lab", age, 10.0, fresh=age < 10)]

    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, domain(freshness=stale))) as node:
        await node.runtime.health.look()
        age = 99.0
        await asyncio.gather(*(node.runtime.health.look() for _ in range(5)))
        told = await node.runtime.activity.page(kind="promise.broken")
        assert [entry.message for entry in told] == ["The lab is 99 s old (promised: 10 s)"]


async def test_a_page_without_any_worker_says_so(tmp_path: Path, postgres: str) -> None:
    async with running(tmp_path / "data", database_url=postgres, work=False) as node:
        await node.runtime.health.look()
        answer = await node.http.get("/health")
        assert answer.status_code == 503
        assert "no node does the background work" in answer.json()["problems"][0]


async def test_a_dead_node_is_taken_by_one_and_again_when_the_taker_dies_too(tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}")
    async with store.engine.begin() as connection:
        await connection.run_sync(metadata.create_all, tables=[nodes_store.node, schedule_store.worker])
    now = utcnow()
    async with store.write() as connection:
        await connection.execute(sa.insert(nodes_store.node).values(id="dead", seen_at=now - timedelta(minutes=5)))

    async def take(who: str, at: float) -> list[str]:
        with time_machine.travel(now + timedelta(seconds=at), tick=False):
            return [row.id for row in await nodes_store.take_silent(store, who, silent=60)]

    assert sorted(await asyncio.gather(*(take(f"node-{n}", 0) for n in range(4)))) == [[], [], [], ["dead"]]
    assert await take("node-9", 30) == []
    assert await take("node-9", 61) == ["dead"]  # the first taker died before it had taken over the jobs
    (dead,) = await nodes_store.every(store)
    assert await nodes_store.settle(store, dead, by="node-9", had=["1 job"], silent=60)
    assert await take("node-8", 600) == []
    await store.close()


async def test_the_time_that_jobs_took_is_in_the_metrics(tmp_path: Path) -> None:
    async def fine(_run: Run) -> None: ...

    async def bad(_run: Run) -> None:
        raise GiveUp("no use")

    jobs = (Job("lab.fine", fine), Job("lab.bad", bad))
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, domain(jobs=jobs))) as node:
        for name in ("lab.fine", "lab.bad"):
            await node.runtime.jobs.wait(await node.runtime.jobs.start(name), limit=10)
        text = (await node.http.get("/metrics")).text
        assert 'nightcrew_job_seconds_count{job="lab.fine",outcome="done"} 1.0' in text
        assert 'nightcrew_job_seconds_count{job="lab.bad",outcome="failed"} 1.0' in text


async def test_metrics_of_a_domain_are_asked_for_and_one_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    broken = True

    async def metrics(_runtime: Runtime) -> list[Metric]:
        if broken:
            raise ValueError("the domain's own fault")
        return [
            Metric("tides", "Tides by harbour", {"north": 2, 'so"uth': 3.5}, "harbour"),
            Metric("level", "Water", {"": 1}),
        ]

    async with running(tmp_path, domains=(upkeep.DOMAIN, domain(metrics=metrics))) as node:
        text = (await node.http.get("/metrics")).text
        assert "nightcrew_info" in text
        assert "tides" not in text
        broken = False
        text = (await node.http.get("/metrics")).text
        assert 'nightcrew_lab_tides{harbour="north"} 2.0' in text
        assert 'nightcrew_lab_tides{harbour="so\\"uth"} 3.5' in text
        assert "nightcrew_lab_level 1.0" in text


async def test_the_nightly_clean_up_asks_each_domain_and_goes_on_where_one_fails(tmp_path: Path) -> None:
    async def failing(_runtime: Runtime) -> dict[str, int]:
        raise ValueError("the domain's own fault")

    async def forgets(_runtime: Runtime) -> dict[str, int]:
        return {"tides": 3}

    ill, well = replace(domain(upkeep=failing), name="ill", title="Ill"), domain(upkeep=forgets)
    async with running(tmp_path, domains=(upkeep.DOMAIN, ill, well)) as node:
        ended = await node.runtime.jobs.wait(await node.runtime.jobs.start("kernel.clean_up"))
        assert (ended.state, ended.result["lab.tides"]) == ("done", 3)
        needs = [need.message for need in await node.runtime.health.needs()]
        assert any("Ill could not forget what is old" in said for said in needs)
