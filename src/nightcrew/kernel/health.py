"""Freshness promises and the watchdog. This is why "fifteen days without anybody noticing" cannot happen."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from prometheus_client.core import GaugeMetricFamily

from nightcrew import __version__
from nightcrew.kernel import schedule_store
from nightcrew.kernel.activity import Activity
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Freshness, Metric, Need
from nightcrew.kernel.events import Bus
from nightcrew.kernel.forever import forever
from nightcrew.kernel.hooks import MEASURING, Hooks
from nightcrew.kernel.jobs import Ended, Jobs
from nightcrew.kernel.metrics import Metrics, family_of
from nightcrew.kernel.nodes import SILENT, Nodes
from nightcrew.kernel.pulse import Pulse
from nightcrew.kernel.schedule import Schedule
from nightcrew.kernel.store import DatabaseAway, Store
from nightcrew.kernel.words import duration

WATCH = 1.0
"""Seconds between two looks of the watchdog at the workers."""
READ = 5.0
"""Seconds between two looks at the results, which are read from the database."""
BLIND = 15.0
"""Seconds without one whole look after which the watchdog itself is the problem."""


@dataclass(frozen=True, slots=True)
class HealthSummary:
    """Whether everything is all right, in one sentence. It has no numbers that change with time: it is read aloud."""

    level: Literal["good", "attention", "failing"]
    sentence: str


def verdict(status: str, needs: list[Need]) -> HealthSummary:
    """The sentence for a health status and what waits for a person."""
    waiting = [need for need in needs if need.level != "info"]
    if status == "failing":
        return HealthSummary("failing", "Something is failing.")
    if any(need.level == "error" for need in waiting):
        return HealthSummary("attention", "Something needs you.")
    if waiting or status == "degraded":
        return HealthSummary("attention", "Mostly fine, with something to look at.")
    return HealthSummary("good", "Everything is all right.")


class Health:
    """Compares every worker and result with its promise, and tells when one breaks or holds again."""

    def __init__(
        self,
        *,
        node: str,
        store: Store,
        bus: Bus,
        activity: Activity,
        jobs: Jobs,
        schedule: Schedule,
        hooks: Hooks,
        nodes: Nodes,
    ) -> None:
        self.metrics = Metrics()
        self.results: list[Freshness] = []
        self._node = node
        self._store = store
        self._bus = bus
        self._activity = activity
        self._jobs = jobs
        self._schedule = schedule
        self._hooks = hooks
        self._nodes = nodes
        self._by_domain: dict[str, list[Freshness]] = {}
        self._broken: set[str] = set()
        self._others: list[dict[str, Any]] | None = None
        self._looked = time.monotonic()
        self._unseen: str | None = None
        self._away_since: float | None = None
        self._looking = asyncio.Lock()

    async def metrics_text(self) -> bytes:
        """What `/metrics` answers: the kernel's own metrics, and each domain's as they are now."""
        self._measure()
        families: list[GaugeMetricFamily] = []
        with contextlib.suppress(DatabaseAway):  # which the kernel's own tell
            for domain in self._hooks.domains:
                found: list[Metric] = await self._hooks.call(domain, "metrics", default=list, limit=MEASURING)
                families += [family_of(domain.name, metric) for metric in found]
        return self.metrics.render(families)

    def _measure(self) -> None:
        now = utcnow()
        for worker in self._schedule.workers.values():
            self.metrics.worker_fresh.labels(worker.name).set(worker.fresh(now))
            self.metrics.worker_age.labels(worker.name).set(worker.age(now))
            self.metrics.worker_promise.labels(worker.name).set(worker.promise)
            self.metrics.worker_failures.labels(worker.name).set(worker.failures)
        self.metrics.jobs_running.set(self._jobs.running)

    async def job_ended(self, ended: Ended) -> None:
        """Called by the job runner."""
        self.metrics.job_seconds.labels(ended.job, ended.outcome).observe(ended.seconds)

    async def run(self, listener: socket.socket | None = None) -> None:
        """Watch until cancelled. What the watchdog cannot read is an alert as well: see `problems`."""
        self._looked = time.monotonic() - READ
        pulse = Pulse(
            asyncio.get_running_loop(),
            listener,
            report=lambda sentence: self.report(stuck=sentence),
            blocked=self.metrics.loop_blocked.inc,
        )

        async def once() -> float:
            if self._unseen or time.monotonic() - self._looked >= READ or self._workers_have_changed():
                await self.look()
            return WATCH

        try:
            await forever("watchdog", once)
        finally:
            pulse.stop()

    async def look(self) -> None:
        """One comparison of everything with its promise."""
        try:
            async with self._looking:  # two at once would tell one change twice
                await self._read(utcnow())
            if self._away_since is not None:
                await self._tell_back(time.monotonic() - self._away_since)
        except DatabaseAway as exc:
            if self._away_since is None:
                self._away_since = time.monotonic()
            self._unseen = str(exc)
            return
        self._unseen = None
        self._looked = time.monotonic()

    async def _tell_back(self, seconds: float) -> None:
        """The database is there again; while it was away nothing could be noted."""
        said = f"The database answers again; it was away for {duration(max(1.0, seconds))}"
        await self._activity.record("database.back", said, level="warning")
        self._away_since = None
        self.metrics.recoveries.labels("database").inc()

    async def _read(self, now: datetime) -> None:
        since = now - timedelta(seconds=SILENT)
        self._others = [] if self._store.is_sqlite else await schedule_store.others(self._store, self._node, since)
        before, self.results = self.results, await self._freshness()
        self._forget({result.name: result.title for result in before})
        for result in self.results:
            self.metrics.result_fresh.labels(result.name).set(result.fresh)
            if result.age_s is not None:
                self.metrics.result_age.labels(result.name).set(result.age_s)
            shown = "has never been built" if result.age_s is None else f"is {result.age_s:.0f} s old"
            await self._compare(result.title, result.fresh, f"{shown} (promised: {result.promise_s:.0f} s)")
        for worker in self._schedule.workers.values():
            why = worker.error or ("it is still running" if worker.running_since else "it has not run")
            late = f"has had no success for {worker.age(now):.0f} s (promised: {worker.promise:.0f} s): {why}"
            await self._compare(f"worker {worker.name}", worker.fresh(now), late)

    def _workers_have_changed(self) -> bool:
        """Whether one has broken its promise, or keeps it again: memory says that, and the database need not be asked."""
        now = utcnow()
        return any(
            worker.fresh(now) == (f"worker {name}" in self._broken) for name, worker in self._schedule.workers.items()
        )

    async def _freshness(self) -> list[Freshness]:
        """All results; of a domain that cannot say now, those that it named last."""
        for domain in self._hooks.domains:
            known = self._by_domain.get(domain.name, [])
            self._by_domain[domain.name] = await self._hooks.call(domain, "freshness", default=lambda: known)  # noqa: B023
        return [result for results in self._by_domain.values() for result in results]

    def _forget(self, before: dict[str, str]) -> None:
        """Results that are no longer promised (a source was removed) leave the metrics."""
        for name in before.keys() - {result.name for result in self.results}:
            self._broken.discard(before[name])
            for gauge in (self.metrics.result_fresh, self.metrics.result_age):
                with contextlib.suppress(KeyError):
                    gauge.remove(name)

    async def _compare(self, name: str, fresh: bool, sentence: str) -> None:
        if fresh and name in self._broken:
            await self._activity.record("promise.kept", f"{name} keeps its promise again", subject=name)
            self._broken.discard(name)
        elif not fresh and name not in self._broken:
            await self._activity.record("promise.broken", f"{name} {sentence}", level="error", subject=name)
            self._broken.add(name)
        else:
            return
        self._bus.publish("workers")

    def problems(self, *, stuck: str | None = None) -> list[str]:
        """What keeps this node from knowing or doing its work. `stuck`: how its event loop stands still."""
        found = [stuck] if stuck else []
        blind = time.monotonic() - self._looked
        if self._unseen:
            found.append(f"the watchdog cannot see: {self._unseen}")
        elif blind > BLIND and not stuck:
            found.append(f"the watchdog has seen nothing for {blind:.0f} s; the log says why")
        if not self._schedule.workers and self._others == []:
            found.append("no node does the background work; start a node without --no-worker")
        return found

    def report(self, *, stuck: str | None = None) -> dict[str, Any]:
        """What `/health` answers. Reads memory only, so that it can be asked when the database or the loop is away.

        `status` is "failing" (HTTP 503) when a worker broke its promise or there are `problems`, "degraded" (200: a restart
        would not mend it) when only a result is old, for example because a provider is down, or a domain does not answer
        (`failed`), else "ok".
        """
        workers = self.workers()
        problems = self.problems(stuck=stuck)
        failing = problems or any(not worker["fresh"] for worker in workers)
        stale = any(not result.fresh for result in self.results)
        failed = [failure.sentence for failure in self._hooks.failures]
        return {
            "status": "failing" if failing else "degraded" if stale or failed else "ok",
            "version": __version__,
            "node": self._node,
            "problems": problems,
            "failed": failed,
            "workers": workers,
            "results": [
                {"name": r.name, "age_s": r.age_s, "promise_s": r.promise_s, "fresh": r.fresh} for r in self.results
            ],
        }

    def keeps_all(self) -> bool:
        """Whether every promise is kept, as far as this node sees. A domain that does not answer breaks none."""
        kept = not self._broken and all(result.fresh for result in self.results)
        return kept and self.report()["status"] != "failing"

    def workers(self) -> list[dict[str, Any]]:
        """All workers by name: this node's own, and those that only other living nodes have, as of the last look."""
        now = utcnow()
        own = [worker.describe(now) | {"node": self._node} for worker in self._schedule.workers.values()]
        names = {worker["name"] for worker in own}
        for worker in self._others or ():
            if worker["name"] not in names:
                names.add(worker["name"])
                own.append(worker)
        return own

    async def needs(self) -> list[Need]:
        """Everything that waits for a person, worst first."""
        now = utcnow()
        found = [
            Need(
                "error", f"Worker {worker.name} broke its promise: {worker.error or 'no success in time'}", "/activity"
            )
            for worker in self._schedule.workers.values()
            if not worker.fresh(now)
        ]
        found += [Need("error", f"{sentence[0].upper()}{sentence[1:]}", "/#workers") for sentence in self.problems()]
        found += [
            Need("info", f"Worker {worker.name} is paused by {worker.paused}", "/#workers")
            for worker in self._schedule.workers.values()
            if worker.paused
        ]
        for domain in self._hooks.domains:
            asked: list[Need] = await self._hooks.call(domain, "needs", default=list)
            found += asked
        found += self._hooks.needs() + self._nodes.needs()
        return sorted(found, key=lambda need: ("error", "warning", "info").index(need.level))
