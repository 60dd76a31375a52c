"""Durable jobs: work of several steps that must not be lost, started, listed, cancelled and resumed.

`engine.py` stores the steps; here is what a run means to Nightcrew: which errors are told, what a stop of the server leaves
to the next start, how long a run may take, and who is told of its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from nightcrew.kernel.declare import Job
from nightcrew.kernel.engine import Engine, StepsChanged
from nightcrew.kernel.errors import Conflict, GiveUp, NightcrewError, NotFound, Retry
from nightcrew.kernel.events import Bus
from nightcrew.kernel.job_ends import CANCELLED, Ended, JobEnds, OnEnd
from nightcrew.kernel.job_list import GOING_ON, RUNS, JobList
from nightcrew.kernel.job_state import STATES, GaveWay, arguments_of, state_of
from nightcrew.kernel.queues import Queues, next_id
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import Store
from nightcrew.kernel.tasks import Tasks, is_stopped
from nightcrew.kernel.wakes import Wakes
from nightcrew.kernel.words import duration

__all__ = ["Ended", "Jobs"]

log = structlog.get_logger("nightcrew.jobs")

CLOSING = 10.0
"""Seconds that the runs have for their end when the server stops, or when they are cancelled."""
ELSEWHERE = 15.0
"""Seconds in which another node ends a run of its own, or it is dead."""


Handle = Callable[[str, Callable[[], bool]], Any]
"""Makes what a job function is handed, from its run's id and from whether the server stops."""


class Jobs(JobList):
    """Starts, lists, cancels and resumes runs."""

    def __init__(self, *, node: str, data_dir: Path, database: sa.URL, store: Store, bus: Bus, wakes: Wakes) -> None:
        super().__init__(Engine(node=node, data_dir=data_dir, database=database), Queues(node), store, wakes)
        self._node = node
        self._bus = bus
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._doing: dict[str, Job] = {}
        """What those do."""
        self._unwanted: set[str] = set()
        """Runs of this node that are being cancelled."""
        self._lost: set[asyncio.Task[Any]] = set()
        """Those whose runs were taken over, as this node gave no sign of life."""
        self._given: set[asyncio.Task[Any]] = set()
        """Those whose runs have given way, and wait in their queue again."""
        self._ends = JobEnds(bus)
        self._telling = Tasks()
        self._joining = asyncio.Lock()
        """Held by who starts a run that others join."""
        self._closing = False

    def declare(self, job: Job) -> None:
        """Make a job known; call before `launch`. Raises ValueError when it does not go with the others."""
        self._queues.add(job)
        self._jobs[job.name] = job

    def on_end(self, callback: OnEnd) -> None:
        """Call `callback(ended)` after each run."""
        self._ends.add(callback)

    async def launch(self, handle: Handle) -> None:
        """Start, and resume this node's interrupted runs. Blocks for about a second."""
        functions = {name: self._wrap(job, handle) for name, job in self._jobs.items()}
        for lane in self._queues.lanes:
            self._wakes.on(f"{RUNS} {lane}", functools.partial(self._look, lane))
        await self._engine.launch(functions, self._queues.lanes)

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
        await self._telling.close()
        await self._engine.close()
        if late:
            raise Retry(f"{', '.join(late)} did not stop in time")

    def _wrap(self, job: Job, handle: Handle) -> Callable[..., Any]:
        async def run(label: str, delay: float, args: list[Any], timetable: str | None = None) -> Any:
            return await self._execute(job, handle, label, delay, args, timetable)

        run.__qualname__ = run.__name__ = f"job_{job.name.replace('.', '_')}"
        return run

    async def _execute(
        self, job: Job, handle: Handle, label: str, delay: float, args: list[Any], timetable: str | None
    ) -> Any:
        """One run, from its start to the telling of its end."""
        run_id, task = self._engine.run_id(), asyncio.current_task()
        if task is None:
            raise RuntimeError("a run is a task")
        if run_id in self._tasks:  # it was taken over, and by nobody else
            await self._lose(self._tasks[run_id])
        self._tasks[run_id], self._doing[run_id] = task, job
        task.add_done_callback(lambda _: self._gone(job))  # when its end is stored
        began, error, result = time.monotonic(), None, None
        self._bus.publish("jobs")
        try:
            result = await self._work(job, run_id, handle(run_id, lambda: self._closing), delay, args)
        except asyncio.CancelledError:
            error = CANCELLED  # or it has given way, which is no end
            if run_id in self._unwanted:
                await self._engine.outside(self._engine.cancel(run_id))
            raise
        except Exception as exc:
            error = redact(str(exc) if isinstance(exc, NightcrewError) else f"{type(exc).__name__}: {exc}")
            raise
        except BaseException:  # how DBOS ends a run that was cancelled between two steps
            error = CANCELLED
            raise
        finally:
            if self._tasks.get(run_id) is task:
                del self._tasks[run_id], self._doing[run_id]
            gone_on = task in self._lost or (task in self._given and run_id not in self._unwanted)
            if not (self._closing or gone_on):
                seconds = time.monotonic() - began
                await self._ends.tell(Ended(job.name, label, seconds, error, result, timetable, run_id, tuple(args)))
            self._unwanted.discard(run_id)
            self._lost.discard(task)
            self._given.discard(task)
        return result

    def _gone(self, job: Job) -> None:
        """A place in a queue is free."""
        if not self._closing:
            self._telling.spawn(self._tell(self._queues.lane(job)), "a run is over")

    async def _tell(self, lane: str | None) -> None:
        """Something has happened to a run of a queue; None: to one that waits in none, or to several."""
        await self._wakes.tell(RUNS if lane is None else f"{RUNS} {lane}")

    async def _work(self, job: Job, run_id: str, run: Any, delay: float, args: list[Any]) -> Any:
        """Do the job. What it raises is stored as its outcome, except a cancellation: such a run stays resumable.

        So a stop of the server ends in a cancellation, whatever the job raises then; and when only something that the job
        waited for was cancelled, the run has failed. One of the places that catch everything: to record, not to swallow.
        """
        try:
            if delay > 0:
                await self._engine.sleep(delay)
            return await self._limited(job, run, args)
        except GaveWay:
            raise
        except asyncio.CancelledError as exc:
            if self._closing or is_stopped():
                raise
            raise GiveUp("something it was waiting for was cancelled") from exc
        except StepsChanged as exc:
            await self._replace(job, run_id, args)
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

    async def _replace(self, job: Job, run_id: str, args: list[Any]) -> None:
        """A run that another version of the program began with other steps is begun anew by this one."""
        place = self._queues.place(job, args)
        fresh = await self._engine.outside(self._engine.begin_anew(run_id, place=place))
        await self._engine.outside(self._engine.cancel(run_id))
        await self._tell(None if place is None else place.lane)
        log.warning("a run was begun with other steps, by another version, and is begun anew", run=run_id, anew=fresh)

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
        """Start a run, or join the one with the same id, or the one that the job joins; returns its id. `args` must be JSON-able.

        `label` is what people call it; `timetable` names the timetable that starts it.
        """
        job = self._jobs.get(name)
        if job is None:
            raise NotFound(f"there is no job {name!r}")
        place = self._queues.place(job, args)
        once = None if place is None else place.once
        given = (label or name, delay, list(args), timetable)
        async with self._joining if once is not None else contextlib.nullcontext():
            if once is not None:  # nobody else starts it between the look and the start
                run_id = next_id(once, await self._newest(once), int(time.time()))
            # on SQLite, before Python 3.12, DBOS knows the second in which a run was made and no more: those of one are taken by their ids
            run_id = run_id or f"{name}:{time.time_ns() // 1_000_000:011x}{uuid.uuid4().hex[:6]}"
            await self._engine.start(name, run_id, *given, place=place)
        if place is not None:
            await self._tell(place.lane)
        return run_id

    async def cancel(self, run_id: str) -> None:
        """End a run now. What waits for its key begins when it has ended, and not before.

        Raises `NotFound`, or `Conflict` when it is over already.
        """
        status = await self._status(run_id)
        state = STATES[status.status]
        if state not in GOING_ON:
            raise Conflict(f"job {run_id} is {state}; there is nothing to cancel")
        if run_id in self._tasks:
            await self._end_here(run_id)
            return
        if state == "running" and status.executor_id != self._node:
            await self._engine.ask_to_end(run_id)
            if (await self.wait(run_id, limit=ELSEWHERE)).state not in GOING_ON:
                return
        await self._engine.cancel(run_id)
        if run_id in self._tasks:  # it has just begun
            await self._end_here(run_id)
        else:
            await self._tell(self._queues.lane(self._jobs.get(status.name)))
            label, args = state_of(status, None).title, arguments_of(status)
            await self._ends.tell(Ended(status.name, label, 0.0, CANCELLED, run=run_id, args=args))

    async def give_way(self, run_id: str, seconds: float) -> bool:
        """Leave a run's place in its queue to others for so long: whoever asks ends with `GaveWay`, and the run is resumed then.

        False for one that keeps its place, as others must not go on meanwhile or nobody waits for it.
        """
        task, job = self._tasks.get(run_id), self._doing.get(run_id)
        if task is None or job is None or self._closing or not self._queues.gives_way(job):
            return False
        self._given.add(task)  # before anybody sees that it waits
        if await self._engine.put_back(run_id, seconds):
            return True
        self._given.discard(task)
        return False

    async def _end_here(self, run_id: str) -> None:
        task = self._tasks[run_id]
        self._unwanted.add(run_id)
        task.cancel()
        await asyncio.wait({task}, timeout=CLOSING)

    async def heed(self) -> None:
        """End the runs of this node that another one was told to cancel, and those that others have taken over. Each few seconds."""
        for status in await self._engine.find(ids=list(self._tasks), whole=False) if self._tasks else ():
            run_id = status.workflow_id
            task = self._tasks.get(run_id)
            if task is None or run_id in self._unwanted or task in self._lost | self._given:
                continue
            if self._engine.asked_to_end(status) or STATES[status.status] == CANCELLED:
                self._unwanted.add(run_id)
                task.cancel()
            elif STATES[status.status] == "queued" or status.executor_id != self._node:
                log.warning("a run was taken over, as this node was silent", run=run_id)
                await self._lose(task)

    async def _lose(self, task: asyncio.Task[Any]) -> None:
        self._lost.add(task)
        task.cancel()
        await asyncio.wait({task}, timeout=CLOSING)

    async def retry(self, run_id: str) -> str:
        """Run a failed or cancelled job again from its beginning, under a new id that is returned."""
        status = await self._status(run_id)
        state = STATES[status.status]
        if state not in {"failed", "cancelled"}:
            raise Conflict(f"job {run_id} is {state}; only a failed or cancelled job can be retried")
        place = self._queues.place(self._jobs.get(status.name), arguments_of(status))
        fresh = await self._engine.begin_anew(run_id, place=place)
        await self._tell(None if place is None else place.lane)
        return fresh

    async def recover(self, node: str) -> int:
        """Take over the unfinished runs of a dead node; returns how many. Exactly one runner gets each."""
        found = await self._engine.recover(node)
        await self._tell(None)
        return found

    @property
    def running(self) -> int:
        """How many runs this node executes now."""
        return len(self._tasks)
