"""Freshness promises, the watchdog, metrics. This is why "fifteen days without anybody noticing" cannot happen."""

from __future__ import annotations

import asyncio
import faulthandler
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from nightcrew import __version__
from nightcrew.kernel import schedule_store
from nightcrew.kernel.clock import utcnow

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.health")

WATCH = 1.0
"""Seconds between two looks of the watchdog."""
LOOP_BLOCKED = 5.0
"""An event loop that does not turn for this many seconds is reported with its stack."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """A result that a domain promised to keep fresh. `age_s` None: there is no result yet."""

    name: str
    title: str
    age_s: float | None
    promise_s: float
    fresh: bool


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person, with the page where it can be settled."""

    level: Literal["error", "warning", "info"]
    message: str
    href: str


class Metrics:
    """What `/metrics` shows (Prometheus text format)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.worker_fresh = Gauge(
            "nightcrew_worker_fresh", "1 while the worker keeps its promise", ["worker"], registry=self.registry
        )
        self.worker_age = Gauge(
            "nightcrew_worker_age_seconds", "Time since the last success", ["worker"], registry=self.registry
        )
        self.worker_promise = Gauge(
            "nightcrew_worker_promise_seconds", "How old the last success may be", ["worker"], registry=self.registry
        )
        self.worker_failures = Gauge(
            "nightcrew_worker_failures", "Failures in a row", ["worker"], registry=self.registry
        )
        self.result_fresh = Gauge(
            "nightcrew_result_fresh", "1 while the result keeps its promise", ["result"], registry=self.registry
        )
        self.result_age = Gauge(
            "nightcrew_result_age_seconds", "Age of the result that is served", ["result"], registry=self.registry
        )
        self.jobs_running = Gauge("nightcrew_jobs_running", "Jobs running on this node", registry=self.registry)
        self.job_seconds = Histogram(
            "nightcrew_job_seconds", "How long jobs took", ["job", "outcome"], registry=self.registry,
            buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200),
        )  # fmt: skip
        self.requests = Counter(
            "nightcrew_http_requests_total", "Answered requests", ["method", "status"], registry=self.registry
        )
        self.loop_blocked = Counter(
            "nightcrew_loop_blocked_seconds_total", "Time the event loop stood still", registry=self.registry
        )
        Gauge("nightcrew_info", "Version", ["version"], registry=self.registry).labels(__version__).set(1)

    def render(self) -> bytes:
        """The text that a Prometheus server reads."""
        return generate_latest(self.registry)


class Health:
    """Compares every worker and result with its promise, and tells when one breaks or holds again."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.results: list[Freshness] = []
        self._sources: list[Callable[[Runtime], Awaitable[list[Freshness]]]] = []
        self._needs: list[Callable[[Runtime], Awaitable[list[Need]]]] = []
        self._broken: set[str] = set()

    def add(
        self,
        freshness: Callable[[Runtime], Awaitable[list[Freshness]]] | None,
        needs: Callable[[Runtime], Awaitable[list[Need]]] | None,
    ) -> None:
        """Ask a domain too."""
        if freshness:
            self._sources.append(freshness)
        if needs:
            self._needs.append(needs)

    async def run(self, runtime: Runtime) -> None:
        """Watch until cancelled. The watchdog itself never dies: what it cannot read is an alert as well."""
        alive = _Pulse(self.metrics, asyncio.get_running_loop())
        try:
            while True:
                try:
                    await self.look(runtime)
                except Exception:
                    log.exception("watchdog could not look")
                await asyncio.sleep(WATCH)
        finally:
            alive.stop()

    async def look(self, runtime: Runtime) -> None:
        """One comparison of everything with its promise."""
        now = utcnow()
        for worker in runtime.schedule.workers.values():
            fresh, age = worker.fresh(now), worker.age(now)
            self.metrics.worker_fresh.labels(worker.name).set(fresh)
            self.metrics.worker_age.labels(worker.name).set(age)
            self.metrics.worker_promise.labels(worker.name).set(worker.promise)
            self.metrics.worker_failures.labels(worker.name).set(worker.failures)
            why = worker.error or ("it is still running" if worker.running_since else "it has not run")
            await self._compare(
                runtime,
                f"worker {worker.name}",
                fresh,
                f"has had no success for {age:.0f} s (promised: {worker.promise:.0f} s): {why}",
            )
        self.metrics.jobs_running.set(runtime.jobs.running)
        self.results = [result for source in self._sources for result in await source(runtime)]
        for result in self.results:
            self.metrics.result_fresh.labels(result.name).set(result.fresh)
            if result.age_s is not None:
                self.metrics.result_age.labels(result.name).set(result.age_s)
            shown = "has never been built" if result.age_s is None else f"is {result.age_s:.0f} s old"
            await self._compare(runtime, result.title, result.fresh, f"{shown} (promised: {result.promise_s:.0f} s)")

    async def _compare(self, runtime: Runtime, name: str, fresh: bool, sentence: str) -> None:
        if fresh and name in self._broken:
            self._broken.discard(name)
            await runtime.activity.record("promise.kept", f"{name} keeps its promise again", subject=name)
        elif not fresh and name not in self._broken:
            self._broken.add(name)
            await runtime.activity.record("promise.broken", f"{name} {sentence}", level="error", subject=name)
        else:
            return
        runtime.bus.publish("workers")

    async def report(self, runtime: Runtime) -> dict[str, Any]:
        """What `/health` answers.

        `status` is "failing" (HTTP 503) when a worker broke its promise, "degraded" (200: a restart would not mend it) when
        only a result is old, for example because a provider is down, else "ok".
        """
        workers = await self.workers(runtime)
        failing = [worker for worker in workers if not worker["fresh"]]
        stale = [result for result in self.results if not result.fresh and result.age_s is not None]
        return {
            "status": "failing" if failing else "degraded" if stale else "ok",
            "version": __version__,
            "node": runtime.node,
            "workers": workers,
            "results": [
                {"name": r.name, "age_s": r.age_s, "promise_s": r.promise_s, "fresh": r.fresh} for r in self.results
            ],
        }

    async def workers(self, runtime: Runtime) -> list[dict[str, Any]]:
        """All workers by name: this node's own, and those that only other living nodes have."""
        now = utcnow()
        own = [worker.describe(now) | {"node": runtime.node} for worker in runtime.schedule.workers.values()]
        if runtime.store.is_sqlite:
            return own
        names = {worker["name"] for worker in own}
        since = now - timedelta(seconds=60)
        for worker in await schedule_store.others(runtime.store, runtime.node, since):
            if worker["name"] not in names:
                names.add(worker["name"])
                own.append(worker)
        return own

    async def needs(self, runtime: Runtime) -> list[Need]:
        """Everything that waits for a person, worst first."""
        now = utcnow()
        found = [
            Need(
                "error", f"Worker {worker.name} broke its promise: {worker.error or 'no success in time'}", "/activity"
            )
            for worker in runtime.schedule.workers.values()
            if not worker.fresh(now)
        ]
        found += [
            Need("info", f"Worker {worker.name} is paused by {worker.paused}", "/#workers")
            for worker in runtime.schedule.workers.values()
            if worker.paused
        ]
        for source in self._needs:
            found += await source(runtime)
        return sorted(found, key=lambda need: ("error", "warning", "info").index(need.level))


class _Pulse:
    """A thread that sees a blocked event loop, which no task on the loop can see."""

    def __init__(self, metrics: Metrics, loop: asyncio.AbstractEventLoop) -> None:
        self._beat = time.monotonic()
        self._stop = threading.Event()
        self._metrics = metrics
        self._loop = loop
        self._turn()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def _turn(self) -> None:
        self._beat = time.monotonic()
        if not self._stop.is_set():
            self._loop.call_later(0.5, self._turn)

    def stop(self) -> None:
        self._stop.set()

    def _watch(self) -> None:
        reported = False
        while not self._stop.wait(1.0):
            silent = time.monotonic() - self._beat
            if silent <= LOOP_BLOCKED:
                reported = False
                continue
            self._metrics.loop_blocked.inc(1.0)
            if not reported:
                reported = True
                log.critical("the event loop is blocked", seconds=round(silent, 1))
                faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
