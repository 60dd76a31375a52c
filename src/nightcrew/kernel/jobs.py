"""Durable jobs: a thin face on DBOS, which stores each step and resumes a run after a crash.

DBOS lives in its own SQLite file beside the main one, or in the schema `dbos` of the PostgreSQL database. Only this
file knows it. Runs execute on the server's own event loop; DBOS uses a few threads for its bookkeeping.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import sqlalchemy as sa
import structlog
from dbos import DBOS, SetEnqueueOptions, SetWorkflowID, StepOptions
from dbos._error import DBOSMaxStepRetriesExceeded

from nightcrew.kernel import jobs_store as rows
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.domain import Job
from nightcrew.kernel.errors import Conflict, NightcrewError, NotFound, Retry
from nightcrew.kernel.job_state import STATES, JobState, state_of, step_of
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import Store

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
log = structlog.get_logger("nightcrew.jobs")

APPLICATION_VERSION = "1"
"""DBOS resumes only runs of the same version. Steps are kept compatible instead, so an upgrade resumes them too."""

ATTEMPTS = 5
FIRST_PAUSE = 2.0
"""Seconds before the second attempt of a stubborn step; each pause is three times the one before."""
CANCELLED = "cancelled"
_DONE = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended on this node. `error` None: it worked; "cancelled": a person ended it."""

    job: str
    label: str
    seconds: float
    error: str | None

    @property
    def outcome(self) -> str:
        """ "done", "failed" or "cancelled"."""
        if self.error is None:
            return "done"
        return "cancelled" if self.error == CANCELLED else "failed"


OnEnd = Callable[["Runtime", Ended], Awaitable[None]]


class Run:
    """The handle that a job function gets: its id, its runtime, its steps, its progress."""

    def __init__(self, run_id: str, runtime: Runtime) -> None:
        self.id = run_id
        self.runtime = runtime
        self._written = 0.0

    async def step(
        self, name: str, work: Callable[P, Awaitable[ResultT]], *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        """Do `work` once and remember its result; after a crash a finished step gives the same result again.

        A step that was interrupted starts anew, so its effects must be the same when done twice.
        """
        return await self._step({"name": name}, functools.partial(work, *args, **kwargs))

    async def stubborn_step(
        self, name: str, work: Callable[P, Awaitable[ResultT]], *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        """As `step`; what raises `Retry`, or an error of the system, is tried `ATTEMPTS` times with growing pauses."""
        options: StepOptions = {
            "name": name,
            "retries_allowed": True,
            "max_attempts": ATTEMPTS,
            "interval_seconds": FIRST_PAUSE,
            "backoff_rate": 3.0,
            "should_retry": lambda exc: isinstance(exc, Retry | OSError),
        }
        try:
            return await self._step(options, functools.partial(work, *args, **kwargs))
        except DBOSMaxStepRetriesExceeded as exc:
            raise exc.errors[-1] from exc

    async def _step(self, options: StepOptions, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        async def call() -> ResultT:
            return await work()

        result: ResultT = await DBOS.run_step_async(options, call)
        return result

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far it is. Cheap: stored at most once a second."""
        if time.monotonic() - self._written < 1.0:
            return
        self._written = time.monotonic()
        await rows.write_progress(self.runtime.store, self.id, rows.Progress(done, total, redact(message), utcnow()))
        self.runtime.bus.publish("jobs")


class Jobs:
    """Starts, lists, cancels and resumes runs."""

    def __init__(self, *, node: str, data_dir: Path, database: sa.URL) -> None:
        self._node = node
        self._url = _system_database(data_dir, database)
        self._jobs: dict[str, Job] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._runtime: Runtime | None = None
        self._ended: list[OnEnd] = []
        self._closing = False

    def declare(self, job: Job) -> None:
        """Make a job known; call before `launch`."""
        self._jobs[job.name] = job

    def on_end(self, callback: OnEnd) -> None:
        """Call `callback(runtime, ended)` after each run."""
        self._ended.append(callback)

    async def launch(self, runtime: Runtime) -> None:
        """Start DBOS and resume this node's interrupted runs. Blocks for about a second.

        DBOS is launched on the event loop's own thread: it then runs all jobs on that loop.
        """
        self._runtime = runtime
        logging.getLogger("dbos").setLevel(logging.CRITICAL)  # failures of runs are ours to tell
        DBOS(
            config={
                "name": "nightcrew",
                "system_database_url": self._url,
                "executor_id": self._node,
                "application_version": APPLICATION_VERSION,
                "log_level": "CRITICAL",
                "enable_otlp": False,
                "max_executor_threads": 8,
                "sys_db_pool_size": 5,
                "scheduler_polling_interval_sec": 3600.0,
            }
        )
        for name, job in self._jobs.items():
            self._functions[name] = DBOS.workflow(name=name)(self._wrap(job))
        # else every node takes from the queues of all, which the database knows
        DBOS.listen_queues([self._queue(job) for job in self._jobs.values() if job.queue])
        DBOS.launch()
        for job in self._jobs.values():
            if job.queue:
                await DBOS.register_queue_async(
                    self._queue(job), worker_concurrency=job.concurrency, on_conflict="always_update"
                )

    async def close(self) -> None:
        """Stop at once. Unfinished runs stay unfinished and go on at the next start."""
        self._closing = True
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._runtime is not None:
            await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
            # DBOS had made its pool the loop's own, and has just shut it down
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="nightcrew"))

    def _queue(self, job: Job) -> str:
        return f"{job.queue} on {self._node}" if job.here else str(job.queue)

    def _wrap(self, job: Job) -> Callable[..., Any]:
        async def run(label: str, delay: float, args: list[Any]) -> Any:
            return await self._execute(job, label, delay, args)

        run.__qualname__ = run.__name__ = f"job_{job.name.replace('.', '_')}"
        return run

    async def _execute(self, job: Job, label: str, delay: float, args: list[Any]) -> Any:
        """One run. One of the places that catch everything: to record, not to swallow."""
        runtime = self._runtime
        run_id = DBOS.workflow_id
        if runtime is None or run_id is None:
            raise RuntimeError("jobs are not launched")
        task = asyncio.current_task()
        if task is not None:
            self._tasks[run_id] = task
        began = time.monotonic()
        error: str | None = None
        runtime.bus.publish("jobs")
        try:
            if delay > 0:
                await DBOS.sleep_async(delay)
            return await job.run(Run(run_id, runtime), *args)
        except asyncio.CancelledError:
            error = CANCELLED  # DBOS stores no outcome for it: at a stop of the server the run stays resumable
            raise
        except NightcrewError as exc:
            error = str(exc)
            raise
        except Exception as exc:
            error = f"{type(exc).__name__}: {exc}"
            log.exception("job raised", job=job.name, run=run_id)
            raise
        finally:
            self._tasks.pop(run_id, None)
            if not self._closing:
                seconds = time.monotonic() - began
                await self._tell_end(runtime, Ended(job.name, label, seconds, redact(error) if error else None))

    async def _tell_end(self, runtime: Runtime, ended: Ended) -> None:
        """Tell who wants to know. A database that is away then must not change how the run ended."""
        for callback in self._ended:
            try:
                await callback(runtime, ended)
            except NightcrewError as exc:
                log.warning("the end of a run could not be told", label=ended.label, reason=str(exc))
        runtime.bus.publish("jobs")

    # -- asked by others -------------------------------------------------------------------------------------------

    async def start(
        self, name: str, *args: Any, run_id: str | None = None, label: str | None = None, delay: float = 0.0
    ) -> str:
        """Start a run, or join the one with the same id; returns the id. `args` must be JSON-able."""
        job = self._jobs.get(name)
        if job is None:
            raise NotFound(f"there is no job {name!r}")
        run_id = run_id or f"{name}:{uuid.uuid4().hex[:12]}"
        with SetWorkflowID(run_id):
            if job.queue:
                with SetEnqueueOptions(priority=1):
                    await DBOS.enqueue_workflow_async(
                        self._queue(job), self._functions[name], label or name, delay, list(args)
                    )
            else:
                await DBOS.start_workflow_async(self._functions[name], label or name, delay, list(args))
        return run_id

    async def active(self, prefix: str) -> set[str]:
        """The ids of unfinished runs whose id begins with `prefix`."""
        found = await DBOS.list_workflows_async(
            workflow_id_prefix=prefix, status=["ENQUEUED", "DELAYED", "PENDING"], load_input=False, load_output=False
        )
        return {status.workflow_id for status in found}

    async def page(
        self, *, state: str | None = None, queue: str | None = None, limit: int = 50, offset: int = 0
    ) -> list[JobState]:
        """Newest first."""
        wanted = [raw for raw, shown in STATES.items() if state in {None, shown}]
        found = await DBOS.list_workflows_async(
            status=wanted,
            queue_name=queue,
            limit=limit,
            offset=offset,
            sort_desc=True,
            load_input=True,
            load_output=True,
        )
        known = await rows.read_progress(self._store, [status.workflow_id for status in found])
        return [state_of(status, known.get(status.workflow_id)) for status in found]

    async def get(self, run_id: str) -> JobState:
        """One run. Raises `NotFound`."""
        found = await DBOS.list_workflows_async(workflow_ids=[run_id])
        if not found:
            raise NotFound(f"there is no job {run_id!r}")
        known = await rows.read_progress(self._store, [run_id])
        return state_of(found[0], known.get(run_id))

    async def steps(self, run_id: str) -> list[dict[str, Any]]:
        """The finished steps of a run: name, started, ended, error."""
        found = await DBOS.list_workflow_steps_async(run_id)
        return [step_of(step) for step in found]

    async def cancel(self, run_id: str) -> None:
        """End a run now. Raises `NotFound` or `Conflict` when it is over already."""
        state = await self.get(run_id)
        if state.state not in {"queued", "running"}:
            raise Conflict(f"job {run_id} is {state.state}, there is nothing to cancel")
        await DBOS.cancel_workflow_async(run_id)
        task = self._tasks.get(run_id)
        if task is not None:
            task.cancel()
        elif self._runtime:  # it was waiting, or another node ran it
            await self._tell_end(self._runtime, Ended(state.name, state.title, 0.0, CANCELLED))

    async def retry(self, run_id: str) -> str:
        """Run a failed or cancelled job again from its beginning, under a new id that is returned."""
        state = await self.get(run_id)
        if state.state not in {"failed", "cancelled"}:
            raise Conflict(f"job {run_id} is {state.state}, only a failed or cancelled one can be retried")
        job = self._jobs.get(state.name)
        queue = self._queue(job) if job is not None and job.queue else None
        handle = await DBOS.fork_workflow_async(run_id, 1, queue_name=queue)
        return str(handle.workflow_id)

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
        handles = await asyncio.to_thread(DBOS._recover_pending_workflows, [node])
        return len(handles)

    async def prune(self, *, days: int) -> int:
        """Delete finished runs that are older than `days`; returns how many."""
        before = datetime.fromtimestamp(utcnow().timestamp() - days * 86400, UTC).isoformat()
        total = 0
        while True:
            old = await DBOS.list_workflows_async(
                status=_DONE, end_time=before, limit=500, load_input=False, load_output=False
            )
            ids = [status.workflow_id for status in old]
            if not ids:
                return total
            await DBOS.delete_workflows_async(ids)
            await rows.prune_progress(self._store, ids)
            total += len(ids)

    @property
    def running(self) -> int:
        """How many runs this node executes now."""
        return len(self._tasks)

    @property
    def _store(self) -> Store:
        if self._runtime is None:
            raise RuntimeError("jobs are not launched")
        return self._runtime.store


def _system_database(data_dir: Path, database: sa.URL) -> str:
    if database.get_backend_name() != "sqlite":
        return database.render_as_string(hide_password=False)
    path = data_dir / "jobs.db"
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # kept by the file; synchronous is FULL by default
    return f"sqlite:///{path}"
