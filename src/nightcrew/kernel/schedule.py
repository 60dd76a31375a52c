"""Ticks in memory and timetables in the database: heartbeats, pause, run now, time limits, no overlap.

One loop task per tick, one for all timetables, one that stores what is known of all of them. A tick that raises is recorded, backed off
and tried again; nothing that it does can end its loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from nightcrew.kernel import cron
from nightcrew.kernel import schedule_store as rows
from nightcrew.kernel.activity import Activity
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Tick, Timetable
from nightcrew.kernel.errors import NightcrewError, NotFound
from nightcrew.kernel.events import Bus
from nightcrew.kernel.forever import ROUND, forever
from nightcrew.kernel.jobs import Ended, Jobs
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.settings import Settings
from nightcrew.kernel.store import DatabaseAway, Store
from nightcrew.kernel.tasks import is_stopped
from nightcrew.kernel.wakes import Wakes
from nightcrew.kernel.workers import Mark, Worker

if TYPE_CHECKING:
    from nightcrew.kernel.declare import Runtime

log = structlog.get_logger("nightcrew.schedule")

HEARTBEAT = 5.0
"""Seconds between two writes of what has changed in the workers; it may be lost, so it is batched."""
WHOLE = 30.0
"""Seconds between two writes of all workers: those that nobody has seen for a minute are those of a dead node (`nodes.SILENT`)."""
IDLE = 60.0
"""Seconds after which work that sleeps looks by itself, should nobody have woken it; sooner where its promise is short."""
ASKING = 10.0
"""Seconds that the database has for saying when work is due."""
TELLING = 30.0
"""Seconds that the database has for a line of the activity; the tick goes on without it."""
MAX_BACKOFF = 300.0
AGAIN = 1.0
"""Seconds before timetables are looked at again, at the earliest."""


class Schedule:
    """The workers of this node, and what is known of those of the others."""

    def __init__(
        self, *, node: str, store: Store, bus: Bus, activity: Activity, jobs: Jobs, settings: Settings, wakes: Wakes
    ) -> None:
        self._node = node
        self._store = store
        self._bus = bus
        self._activity = activity
        self._jobs = jobs
        self._settings = settings
        self._wakes = wakes
        self.workers: dict[str, Worker] = {}
        self._ticks: dict[str, Tick] = {}
        self._timetables: dict[str, Timetable] = {}
        self._cron_keys: dict[str, str] = {}
        self._fire_soon = asyncio.Event()
        self._times_changed = False
        self._known: dict[str, object] = {}
        self._beats: dict[str, float] = {}
        """When each steady tick may begin again, in monotonic seconds."""
        self._written = -WHOLE
        settings.watch(self._on_settings)
        wakes.on(rows.TIMETABLES.topic, self._fire_soon.set)

    def add_tick(self, domain: str, tick: Tick) -> None:
        """Declare a tick; call before `run`."""
        self._ticks[tick.name] = tick
        worker = self.workers[tick.name] = Worker(tick.name, domain, "tick", tick.help)
        for topic in tick.topics:
            self._wakes.on(topic, worker.ring)

    def add_timetable(self, domain: str, timetable: Timetable) -> None:
        """Declare a timetable; call before `run`. Raises ValueError for times that cannot be read."""
        cron.checked(timetable.cron)
        self._cron_keys[timetable.name] = cron.key_of(domain, timetable)
        self._timetables[timetable.name] = timetable
        self.workers[timetable.name] = Worker(timetable.name, domain, "timetable", timetable.help)

    async def run(self, runtime: Runtime) -> None:
        """Run all workers until cancelled; ticks are handed `runtime`. A database that is away at the start is waited for."""
        while True:
            try:
                await self._prepare()
                break
            except DatabaseAway as exc:
                log.warning("workers cannot start yet", reason=str(exc))
                await asyncio.sleep(exc.after or 1.0)
        async with asyncio.TaskGroup() as tasks:
            for name, tick in self._ticks.items():
                tasks.create_task(self._tick_loop(runtime, tick, self.workers[name]), name=f"tick {name}")
            tasks.create_task(forever("timetables", self._timetable_round, limit=None), name="timetables")
            tasks.create_task(forever("heartbeat", self._heartbeat_round), name="heartbeat")

    async def _prepare(self) -> None:
        now = utcnow()
        for worker in self.workers.values():
            worker.born = now  # before the history is known, which may end long ago: nobody was here to keep a promise
        await rows.restore(self._store, self._node, self.workers.values())
        await self._register(now)
        paused = await rows.pauses(self._store)
        for worker in self.workers.values():
            if worker.name in paused:
                worker.pause(paused[worker.name])
        await self._refresh_timetables()

    # -- by hand ---------------------------------------------------------------------------------------------------

    async def run_now(self, name: str) -> None:
        """Start one run as soon as possible, also of a paused worker. Raises `NotFound`."""
        worker = self._get(name)
        if name in self._timetables:
            worker.trigger()
            await rows.make_due(self._store, name, utcnow())
            return
        worker.trigger()

    async def pause(self, name: str, *, actor: str) -> None:
        """Stop starting runs, on all nodes and over restarts; the present run goes on."""
        worker = self._get(name)
        await rows.set_pause(self._store, name, actor)
        worker.pause(actor)
        self._changed()

    async def resume(self, name: str) -> None:
        """Undo `pause`; a tick that is due runs at once."""
        worker = self._get(name)
        await rows.clear_pause(self._store, name)
        worker.unpause(utcnow())
        self._changed()

    def _get(self, name: str) -> Worker:
        try:
            return self.workers[name]
        except KeyError:
            raise NotFound(f"there is no worker {name!r}") from None

    # -- ticks -----------------------------------------------------------------------------------------------------

    async def _tick_loop(self, runtime: Runtime, tick: Tick, worker: Worker) -> None:
        """Run a tick for ever. Whatever goes wrong, also around the tick itself, is told, and the loop goes on."""
        due = time.monotonic() + random.uniform(0, tick.jitter)

        async def once() -> float:
            nonlocal due
            due = await self._cycle(runtime, tick, worker, due)
            return 0.0

        await forever(f"tick {tick.name}", once, limit=None)  # it waits there, and limits the tick itself

    async def _cycle(self, runtime: Runtime, tick: Tick, worker: Worker, due: float) -> float:
        """Wait for the due time (monotonic seconds), run once, and return the next due time."""
        every = _value(tick.every, runtime)
        worker.promise = _value(tick.promise, runtime)
        forced = await worker.wait_until(due, utcnow(), self._beats.get(tick.name, 0.0) if tick.steady else 0.0)
        if worker.paused and not forced:
            return due
        began = time.monotonic()
        await self._run_once(runtime, tick, worker)
        now = time.monotonic()
        if worker.failures:
            pause: float = min(every * 2.0 ** min(worker.failures, 10), max(MAX_BACKOFF, every))
            left = worker.promise - worker.age(utcnow())  # while it can still be kept, that is tried for
            return now + (min(pause, max(every, left / 3)) if left > 0 else pause)
        if tick.next_at is not None:
            wait = await self._sleep(tick.next_at(runtime), every, min(IDLE, worker.promise / 2))
            if not tick.steady:
                return now + wait
            beat = min(due, began)  # one that was woken begins a new beat; one that was held up keeps the old one
            upcoming, missed = next_due(beat, now, every)
            self._beats[tick.name] = upcoming
            if wait > every:
                return now + wait
            worker.skipped += missed
            return upcoming
        if forced and due > now:
            return due  # a run by hand does not put off the regular one
        upcoming, missed = next_due(due, now, every)
        worker.skipped += missed
        return upcoming + random.uniform(0, tick.jitter)

    async def _sleep(self, asked: Awaitable[datetime | None], every: float, most: float) -> float:
        """Seconds until there is something to do, at most `most`, and at least `every`, which work that cannot begin yet waits
        between two tries.

        A database that does not say so in time changes nothing: the next cycle comes, and tells what is wrong.
        """
        try:
            async with asyncio.timeout(ASKING):
                at = await asked
        except (NightcrewError, TimeoutError):
            return every
        return max(every, most if at is None else min(most, (at - utcnow()).total_seconds()))

    async def _run_once(self, runtime: Runtime, tick: Tick, worker: Worker) -> None:
        """One run, recorded. This is one of the places that catch everything."""
        began = time.monotonic()
        shown = worker.begin(utcnow())
        if shown:
            self._changed()
        error = await self._attempt(runtime, tick)
        was_failing = worker.failures > 0
        worker.end(utcnow(), Mark(utcnow(), time.monotonic() - began, error))
        if shown or error or was_failing:
            self._changed()
        if error and not was_failing:
            await self._tell(worker, error)

    async def _tell(self, worker: Worker, error: str) -> None:
        """A failure, in the activity. The tick goes on without it where the database does not answer."""
        try:
            async with asyncio.timeout(TELLING):
                await self._activity.record(
                    "worker.failed", f"{worker.name}: {error}", level="error", subject=worker.name
                )
        except (NightcrewError, TimeoutError) as exc:
            log.warning("a failure is not in the activity", worker=worker.name, error=error, reason=str(exc))

    async def _attempt(self, runtime: Runtime, tick: Tick) -> str | None:
        """Run the tick within its limit; returns what went wrong, for a person."""
        limit = asyncio.timeout(tick.time_limit)
        try:
            async with limit:
                await tick.run(runtime)
        except asyncio.CancelledError:
            if is_stopped():
                raise  # the server stops
            return "something it was waiting for was cancelled"
        except NightcrewError as exc:
            return redact(str(exc))
        except Exception as exc:
            if limit.expired():
                log.warning("worker cancelled", worker=tick.name, limit_s=tick.time_limit)
                return f"took longer than its limit of {tick.time_limit:g} s and was cancelled"
            log.exception("worker raised", worker=tick.name)
            return redact(f"{type(exc).__name__}: {exc}")
        return None

    def _changed(self) -> None:
        self._bus.publish("workers")

    # -- timetables ------------------------------------------------------------------------------------------------

    def _on_settings(self, keys: frozenset[str]) -> None:
        if keys & set(self._cron_keys.values()):
            self._times_changed = True
            self._fire_soon.set()
        for name, tick in self._ticks.items():
            if tick.next_at is not None:
                self.workers[name].ring()  # what is due may depend on any of them

    def _cron(self, name: str) -> str:
        """The times that hold now."""
        return str(self._settings.value(self._cron_keys[name]))

    async def _register(self, now: datetime) -> None:
        self._times_changed = False
        times = {name: self._cron(name) for name in self._timetables}
        await rows.register(self._store, {name: (text, cron.next_time(text, now)) for name, text in times.items()})

    async def _timetable_round(self) -> float:
        """Fire what is due, then sleep until something is, or was asked for, or the times change."""
        self._fire_soon.clear()
        async with asyncio.timeout(ROUND):
            if self._times_changed:
                await self._register(utcnow())
            await self._fire_due()
        pause = await self._sleep(rows.next_at(self._store, self._timetables), AGAIN, IDLE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._fire_soon.wait()
        return 0.0

    async def _fire_due(self) -> None:
        now = utcnow()
        for name, due in await rows.claim(self._store, self._timetables, now=now):
            timetable, worker = self._timetables[name], self.workers[name]
            forced = worker.take_trigger()
            if forced or not worker.paused:
                await self._fire(timetable, worker, due, now, at_once=forced)
            await rows.fired(self._store, name, due, cron.next_time(self._cron(name), now))
        await self._refresh_timetables()

    async def _fire(self, timetable: Timetable, worker: Worker, due: datetime, now: datetime, *, at_once: bool) -> None:
        job_id = f"{timetable.name}@{due:%Y%m%dT%H%M%S.%f}"
        busy = await self._jobs.active(f"{timetable.name}@")
        if timetable.overlap == "skip" and busy - {job_id}:
            worker.skipped += 1
        else:
            worker.begin(now)
            await self._jobs.start(
                timetable.job,
                run_id=job_id,
                label=timetable.name,
                timetable=timetable.name,
                delay=0.0 if at_once else random.uniform(0, timetable.jitter),
            )
        self._changed()

    async def job_ended(self, ended: Ended) -> None:
        """Called by the job runner, so that the board shows a timetable's outcome."""
        name = ended.timetable or ""
        if name not in self._timetables:
            return
        self.workers[name].end(utcnow(), Mark(utcnow(), ended.seconds, ended.error))
        if ended.error is None:
            await rows.succeeded(self._store, name, utcnow())
        self._changed()

    async def _refresh_timetables(self) -> None:
        for row in await rows.timetables(self._store):
            worker = self.workers.get(row.name)
            if worker is not None and row.name in self._timetables:
                worker.next_run = row.next_at
                worker.last_seen = utcnow()
                worker.last_ok = row.last_ok
                worker.born = max(row.created_at, worker.resumed or row.created_at)
                worker.promise = self._timetables[row.name].promise

    # -- what is known of the workers ------------------------------------------------------------------------------

    async def _heartbeat_round(self) -> float:
        whole = time.monotonic() - self._written >= WHOLE
        changed = {worker.name: worker.changes for worker in self.workers.values()}
        await rows.beat(
            self._store,
            self._node,
            [
                worker
                for worker in self.workers.values()
                if whole or changed[worker.name] != self._known.get(worker.name)
            ],
            utcnow(),
        )
        self._known = changed
        if whole:
            self._written = time.monotonic()
        if not self._store.is_sqlite:  # else nobody but this node changes anything
            await self._heed()
        return HEARTBEAT

    async def _heed(self) -> None:
        """What other nodes have changed."""
        paused = await rows.pauses(self._store)
        for worker in self.workers.values():
            if worker.name in paused and not worker.paused:
                worker.pause(paused[worker.name])
            elif worker.name not in paused and worker.paused:
                worker.unpause(utcnow())
        await self._settings.load(self._store)
        await self._jobs.heed()


def next_due(due: float, now: float, every: float) -> tuple[float, int]:
    """The next moment on the grid `due + n·every` after `now`, and how many moments were missed before it.

    All in seconds of the monotonic clock. Property: result > now, and result − now ≤ every unless due is further ahead.
    """
    upcoming = due + every
    if upcoming > now:
        return upcoming, 0
    missed = int((now - upcoming) // every) + 1
    if upcoming + missed * every <= now:  # rounding
        missed += 1
    return upcoming + missed * every, missed


def _value(number: float | Callable[[Runtime], float], runtime: Runtime) -> float:
    return number(runtime) if callable(number) else number
