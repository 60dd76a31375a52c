"""Durable jobs: work of several steps that must not be lost, started, listed, cancelled and resumed.

`engine.py` stores the steps; here is what a run means to Nightcrew: which errors are told, what a stop of the server leaves
to the next start, how long a run may take, and who is told of its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from nightcrew.kernel import jobs_store as rows
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Job
from nightcrew.kernel.engine import FINISHED, UNFINISHED, Engine, StepsChanged
from nightcrew.kernel.errors import Conflict, GiveUp, NightcrewError, NotFound, Retry
from nightcrew.kernel.events import Bus
from nightcrew.kernel.job_state import STATES, JobState, state_of, step_of
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import Store
from nightcrew.kernel.tasks import is_stopped
from nightcrew.kernel.words import duration

log = structlog.get_logger("nightcrew.jobs")

CANCELLED = "cancelled"
CLOSING = 10.0
"""Seconds that the runs have for their end when the server stops."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended on this node. `error` None: it worked, with `result`; "cancelled": a person ended it.

    `timetable`: which timetable has started it, if one has.
    """

    job: str
    label: str
    seconds: float
    error: str | None
    result: Any = None
    timetable: str | None = None

    @property
    def outcome(self) -> str:
        """ "done", "failed" or "cancelled"."""
        if self.error is None:
            return "done"
        return "cancelled" if self.error == CANCELLED else "failed"


OnEnd = Callable[[Ended], Awaitable[None]]
Handle = Callable[[str, Callable[[], bool]], Any]
"""Makes what a job function is handed, from its run's id and from whether the server stops."""


class Jobs:
    """Starts, lists, cancels and resumes runs."""

    def __init__(self, *, node: str, data_dir: Path, database: sa.URL, store: Store, bus: Bus) -> None:
        self._node = node
        self._store = store
        self._bus = bus
        self._engine = Engine(node=node, data_dir=data_dir, database=database)
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._ended: list[OnEnd] = []
        self._closing = False

    def declare(self, job: Job) -> None:
        """Make a job known; call before `launch`."""
        self._jobs[job.name] = job

    def on_end(self, callback: OnEnd) -> None:
        """Call `callback(ended)` after each run."""
        self._ended.append(callback)

    async def launch(self, handle: Handle) -> None:
        """Start, and resume this node's interrupted runs. Blocks for about a second."""
        queues = {queue: job.concurrency for job in self._jobs.values() if (queue := self._queue(job))}
        await self._engine.launch({name: self._wrap(job, handle) for name, job in self._jobs.items()}, queues)

    async def close(self) -> None:
        """Stop at once. Unfinished runs stay unfinished and go on at the next start.

        Raises `Retry` naming the runs that did not end in time; they are left behind.
        """
        self._closing = True
        ending = dict(self._tasks)
        for task in ending.values():
            task.cancel()
        if ending:
            await asyncio.wait(ending.values(), timeout=CLOSING)
        late = sorted(run_id for run_id, task in ending.items() if not task.done())
        await self._engine.close()
        if late:
            raise Retry(f"{', '.join(late)} did not stop in time")

    def _queue(self, job: Job | None) -> str | None:
        if job is None or job.queue is None:
            return None
        return f"{job.queue} on {self._node}" if job.here else job.queue

    def _wrap(self, job: Job, handle: Handle) -> Callable[..., Any]:
        async def run(label: str, delay: float, args: list[Any], timetable: str | None = None) -> Any:
            return await self._execute(job, handle, label, delay, args, timetable)

        run.__qualname__ = run.__name__ = f"job_{job.name.replace('.', '_')}"
        return run

    async def _execute(
        self, job: Job, handle: Handle, label: str, delay: float, args: list[Any], timetable: str | None
    ) -> Any:
        """One run, from its start to the telling of its end."""
        run_id = self._engine.run_id()
        task = asyncio.current_task()
        if task is not None:
            self._tasks[run_id] = task
        began, error, result = time.monotonic(), None, None
        self._bus.publish("jobs")
        try:
            result = await self._work(job, run_id, handle(run_id, lambda: self._closing), delay, args)
        except asyncio.CancelledError:
            error = CANCELLED
            raise
        except Exception as exc:
            error = redact(str(exc) if isinstance(exc, NightcrewError) else f"{type(exc).__name__}: {exc}")
            raise
        finally:
            self._tasks.pop(run_id, None)
            if not self._closing:
                seconds = time.monotonic() - began
                await self._tell_end(Ended(job.name, label, seconds, error, result, timetable))
        return result

    async def _work(self, job: Job, run_id: str, run: Any, delay: float, args: list[Any]) -> Any:
        """Do the job. What it raises is stored as its outcome, except a cancellation: such a run stays resumable.

        So a stop of the server ends in a cancellation, whatever the job raises then; and when only something that the job
        waited for was cancelled, the run has failed. One of the places that catch everything: to record, not to swallow.
        """
        try:
            if delay > 0:
                await self._engine.sleep(delay)
            return await self._limited(job, run, args)
        except asyncio.CancelledError as exc:
            if self._closing or is_stopped():
                raise
            raise GiveUp("something that it waited for was cancelled") from exc
        except StepsChanged as exc:
            await self._replace(job, run_id)
            raise asyncio.CancelledError from exc
        except Exception as exc:
            if self._closing:
                raise asyncio.CancelledError from exc
            if not isinstance(exc, NightcrewError):
                log.exception("job raised", job=job.name, run=run_id)
            raise

    async def _limited(self, job: Job, run: Any, args: list[Any]) -> Any:
        """Do the job within its time: one that hangs would keep its place in the queue for ever."""
        limit = asyncio.timeout(job.time_limit)
        try:
            async with limit:
                return await job.run(run, *args)
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise GiveUp(f"it took longer than {duration(job.time_limit)} and was ended") from exc

    async def _replace(self, job: Job, run_id: str) -> None:
        """A run that another version of the program began with other steps is begun anew by this one."""
        fresh = await self._engine.outside(self._engine.begin_anew(run_id, queue=self._queue(job)))
        await self._engine.outside(self._engine.cancel(run_id))
        log.warning("a run was begun with other steps, by another version, and is begun anew", run=run_id, anew=fresh)

    async def _tell_end(self, ended: Ended) -> None:
        """Tell who wants to know. Nothing that goes wrong there changes how the run ended, or keeps the next from hearing of it."""
        for callback in self._ended:
            try:
                await callback(ended)
            except NightcrewError as exc:
                log.warning("the end of a run could not be told", label=ended.label, reason=str(exc))
            except Exception:
                log.exception("the end of a run could not be told", label=ended.label)
        self._bus.publish("jobs")

    # -- asked by others -------------------------------------------------------------------------------------------

    async def start(
        self,
        name: str,
        *args: Any,
        run_id: str | None = None,
        label: str | None = None,
        delay: float = 0.0,
        timetable: str | None = None,
    ) -> str:
        """Start a run, or join the one with the same id; returns the id. `args` must be JSON-able.

        `label` is what people call it; `timetable` names the timetable that starts it.
        """
        job = self._jobs.get(name)
        if job is None:
            raise NotFound(f"there is no job {name!r}")
        run_id = run_id or f"{name}:{uuid.uuid4().hex[:12]}"
        given = (label or name, delay, list(args), timetable)
        await self._engine.start(name, run_id, *given, queue=self._queue(job), priority=job.priority)
        return run_id

    async def active(self, prefix: str) -> set[str]:
        """The ids of unfinished runs whose id begins with `prefix`."""
        found = await self._engine.find(prefix=prefix, states=UNFINISHED, whole=False)
        return {status.workflow_id for status in found}

    async def page(
        self, *, state: str | None = None, queue: str | None = None, limit: int = 50, offset: int = 0
    ) -> list[JobState]:
        """Newest first."""
        wanted = [raw for raw, shown in STATES.items() if state in {None, shown}]
        found = await self._engine.find(states=wanted, queue=queue, limit=limit, offset=offset)
        known = await rows.read_progress(self._store, [status.workflow_id for status in found])
        return [state_of(status, known.get(status.workflow_id)) for status in found]

    async def get(self, run_id: str) -> JobState:
        """One run. Raises `NotFound`."""
        found = await self._engine.find(ids=[run_id])
        if not found:
            raise NotFound(f"there is no job {run_id!r}")
        known = await rows.read_progress(self._store, [run_id])
        return state_of(found[0], known.get(run_id))

    async def steps(self, run_id: str) -> list[dict[str, Any]]:
        """The finished steps of a run: name, started, ended, error."""
        return [step_of(step) for step in await self._engine.steps(run_id)]

    async def cancel(self, run_id: str) -> None:
        """End a run now. Raises `NotFound` or `Conflict` when it is over already."""
        state = await self.get(run_id)
        if state.state not in {"queued", "running"}:
            raise Conflict(f"job {run_id} is {state.state}, there is nothing to cancel")
        await self._engine.cancel(run_id)
        task = self._tasks.get(run_id)
        if task is not None:
            task.cancel()
        else:  # it was waiting, or another node ran it
            await self._tell_end(Ended(state.name, state.title, 0.0, CANCELLED))

    async def retry(self, run_id: str) -> str:
        """Run a failed or cancelled job again from its beginning, under a new id that is returned."""
        state = await self.get(run_id)
        if state.state not in {"failed", "cancelled"}:
            raise Conflict(f"job {run_id} is {state.state}, only a failed or cancelled one can be retried")
        return await self._engine.begin_anew(run_id, queue=self._queue(self._jobs.get(state.name)))

    async def wait(self, run_id: str, *, limit: float = 60.0) -> JobState:
        """The state of a run when it has ended, or after `limit` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while (state := await self.get(run_id)).state in {"queued", "running"}:  # noqa: ASYNC110 - DBOS has no event
                    await asyncio.sleep(0.1)
                return state
        return await self.get(run_id)

    async def recover(self, node: str) -> int:
        """Take over the unfinished runs of a dead node; returns how many. Exactly one runner gets each."""
        return await self._engine.recover(node)

    async def prune(self, *, days: int) -> int:
        """Delete finished runs that are older than `days`; returns how many."""
        before = utcnow() - timedelta(days=days)
        total = 0
        while True:
            old = await self._engine.find(states=FINISHED, ended_before=before, limit=500, whole=False)
            ids = [status.workflow_id for status in old]
            if not ids:
                return total
            await self._engine.delete(ids)
            await rows.prune_progress(self._store, ids)
            total += len(ids)

    @property
    def running(self) -> int:
        """How many runs this node executes now."""
        return len(self._tasks)
