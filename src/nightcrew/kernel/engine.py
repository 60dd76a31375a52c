"""The one adapter to DBOS, which stores each step of a run and resumes it after a crash.

It lives in its own SQLite file beside the main one, or in the schema `dbos` of the PostgreSQL database. Runs execute on the
event loop on which it was launched; it uses a few threads for its bookkeeping. What it needs of DBOS that is not public
stands in `PRIVATE`, and a test fails when an upgrade changes that.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from dbos import DBOS, SetEnqueueOptions, SetWorkflowID, StepInfo, WorkflowStatus
from dbos._error import DBOSMaxStepRetriesExceeded, DBOSUnexpectedStepError
from dbos._serialization import DefaultSerializer

from nightcrew.kernel.engine_bell import REST, Bell
from nightcrew.kernel.engine_rows import JsonRows, read_pickle
from nightcrew.kernel.engine_sqlite import engine_arguments
from nightcrew.kernel.queues import Lane, Place

__all__ = ["Engine", "StepInfo", "WorkflowStatus"]

ResultT = TypeVar("ResultT")

PRIVATE = (
    "dbos._error.DBOSMaxStepRetriesExceeded",
    "dbos._error.DBOSUnexpectedStepError",
    "dbos._serialization.DefaultSerializer.deserialize",
    "_recover_pending_workflows",
    "_sys_db.engine",
    "_sys_db.tables.workflow_status",
    "_sys_db.transition_delayed_workflows",
    "dbos._utils.INTERNAL_QUEUE_NAME",
    "dbos._dbos.queue_thread",
    "dbos._dbos.startup_recovery_thread",
    "dbos._workflow_commands._BACKGROUND_JOBS_INTERVAL_SEC",
)
"""What is used of DBOS beyond its public interface."""
APPLICATION_VERSION = "1"
"""DBOS resumes only runs of the same version. Ours stays: an upgrade resumes the runs of the program before, and one whose
steps have changed is begun anew (`StepsChanged`)."""
ROWS: Any = JsonRows()
"""How runs are stored. DBOS itself would store pickles, which run code when they are read."""
LOOK = 0.5
"""Seconds between two looks into a queue of which only so many runs may begin in a time: nothing rings when that time is over."""
DUE = 0.05
"""Seconds after which a run that has waited for its time is due for good."""
WAKING = 0.1
"""Seconds that a thread of DBOS on SQLite sleeps at a time, which a stop waits for. It asks the database only for messages between
runs, of which we have none."""
MANY = 1_000_000
"""More runs than ever go on at a time. DBOS claims runs of a queue with a limit for all nodes in transactions that cannot be
told from one after the other; without one, two nodes may each begin a run with the same key, when they look in the same moment."""
MOST_DELAYED = 1000
"""Runs that wait for their time and are rung for after a start. Of more, some wait until DBOS looks by itself (`REST`)."""
ENDING = "ending"
"""The attribute of a run that its node is asked to end."""
UNFINISHED = ("ENQUEUED", "DELAYED", "PENDING")
FINISHED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


setattr(DefaultSerializer, "deserialize", lambda _self, text: read_pickle(text))  # noqa: B010 - it is a method of another
"""Each row says how it is stored, and who writes rows may say pickle."""


class StepsChanged(Exception):
    """A run was begun by a program whose job had other steps: what it remembers does not fit this one."""


class Engine:
    """DBOS as one node uses it."""

    def __init__(self, *, node: str, data_dir: Path, database: sa.URL) -> None:
        self._node = node
        self._url = _system_database(data_dir, database)
        self._functions: dict[str, Callable[..., Any]] = {}
        self._launched = False
        self._dbos: Any = None
        self._bell = Bell()

    async def launch(self, functions: Mapping[str, Callable[..., Awaitable[Any]]], lanes: Mapping[str, Lane]) -> None:
        """Start, and resume this node's interrupted runs. Blocks for about a second.

        `functions` by job, `lanes` by queue. To be called on the event loop's own thread: DBOS then runs everything on that loop.
        """
        logging.getLogger("dbos").setLevel(logging.CRITICAL)  # failures of runs are ours to tell
        self._dbos = DBOS(
            config={
                "name": "nightcrew",
                "system_database_url": self._url,
                "executor_id": self._node,
                "application_version": APPLICATION_VERSION,
                "log_level": "CRITICAL",
                "enable_otlp": False,
                "db_engine_kwargs": engine_arguments(self._url),
                "max_executor_threads": 8,
                "sys_db_pool_size": 5,
                "serializer": ROWS,
                "scheduler_polling_interval_sec": 3600.0,
                "notification_listener_polling_interval_sec": WAKING,
            }
        )
        for name, function in functions.items():
            self._functions[name] = DBOS.workflow(name=name)(function)
        self._bell.hang_up()
        DBOS.listen_queues(list(lanes))  # else every node takes from the queues of all, which the database knows
        DBOS.launch()
        self._launched = True
        for name, lane in lanes.items():
            limits = lane.queue
            everywhere = MANY if lane.keyed and not self._url.startswith("sqlite") else None
            await DBOS.register_queue_async(
                name,
                worker_concurrency=limits.per_node,
                global_concurrency=limits.over_all or everywhere,
                partition_concurrency=1 if lane.keyed else None,
                limiter=None if limits.rate is None else {"limit": limits.rate[0], "period": limits.rate[1]},
                polling_interval_sec=REST if limits.rate is None else LOOK,
                on_conflict="always_update",
            )
        self.look()
        for status in await self.find(states=("DELAYED",), limit=MOST_DELAYED, whole=False):
            self._look_in((status.delay_until_epoch_ms or 0) / 1000 - time.time())

    async def close(self) -> None:
        """Stop. What is unfinished stays so, and goes on at the next start."""
        if not self._launched:
            return
        self._launched = False
        _own_threads()  # DBOS has made its pool the loop's own, and now shuts it down; others still need one
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        _own_threads()  # a run that was still at work may have brought it back

    # -- when to look ------------------------------------------------------------------------------------------------

    def look(self, lane: str | None = None) -> None:
        """Look into a queue now, or into all: a run waits there, or a place has become free."""
        self._bell.ring(lane)

    def _look_in(self, seconds: float) -> None:
        """Look when a run's time has come."""
        asyncio.get_running_loop().call_later(max(0.0, seconds) + DUE, self._begin_delayed)

    def _begin_delayed(self) -> None:
        if self._launched:
            due = asyncio.get_running_loop().run_in_executor(None, self._dbos._sys_db.transition_delayed_workflows)
            due.add_done_callback(self._begun)

    def _begun(self, done: asyncio.Future[None]) -> None:
        if not done.cancelled() and done.exception() is None:  # else DBOS does it itself, after `REST`
            self.look()

    # -- inside of a run -------------------------------------------------------------------------------------------

    @staticmethod
    def run_id() -> str:
        """The id of the run that calls."""
        found = DBOS.workflow_id
        if found is None:
            raise RuntimeError("this is no run of a job")
        return str(found)

    @staticmethod
    async def step(name: str, work: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Do `work` once and remember what came of it, also an error. Raises what `work` raised, and `StepsChanged`."""
        try:
            result: ResultT = await DBOS.run_step_async({"name": name}, work)
        except DBOSMaxStepRetriesExceeded as exc:  # of a run that a Nightcrew began that left retries to DBOS
            raise exc.errors[-1] from exc
        except DBOSUnexpectedStepError as exc:
            raise StepsChanged(str(exc)) from exc
        return result

    async def put_back(self, run_id: str, seconds: float) -> bool:
        """Have a run that this node executes wait in its queue anew, not before so many seconds; whoever calls it ends its task.

        False, and nothing has changed, when it is not this node's any more or the database cannot be written now.
        """
        rows = self._dbos._sys_db.tables.workflow_status
        mine = sa.and_(rows.c.workflow_uuid == run_id, rows.c.status == "PENDING", rows.c.executor_id == self._node)
        values = {
            "status": "DELAYED",
            "delay_until_epoch_ms": int((time.time() + seconds) * 1000),
            "owner_xid": None,
            "started_at_epoch_ms": None,
        }

        def change() -> bool:
            with self._dbos._sys_db.engine.begin() as connection:
                found = connection.execute(sa.update(rows).where(mine, rows.c.queue_name.is_not(None)).values(values))
            return bool(found.rowcount)

        try:
            changed = await asyncio.to_thread(change)
        except sa.exc.SQLAlchemyError:
            return False
        if changed:
            self._look_in(seconds)
        return changed

    @staticmethod
    async def outside(work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Do `work` as if it were asked from outside of any run: what a run asks of others is otherwise a step of its own."""
        return await asyncio.create_task(work, context=contextvars.Context())

    @staticmethod
    async def sleep(seconds: float) -> None:
        """Sleep as a step: after a crash only for what is left."""
        await DBOS.sleep_async(seconds)

    # -- from outside ----------------------------------------------------------------------------------------------

    async def start(self, name: str, run_id: str, *args: Any, place: Place | None = None) -> None:
        """Start a run, at once or through a queue, or join the one with the same id."""
        with SetWorkflowID(run_id):
            if place is None:
                await DBOS.start_workflow_async(self._functions[name], *args)
                return
            with SetEnqueueOptions(priority=place.priority, queue_partition_key=place.key):
                await DBOS.enqueue_workflow_async(place.lane, self._functions[name], *args)

    @staticmethod
    async def find(
        *,
        ids: Sequence[str] | None = None,
        prefix: str | None = None,
        states: Sequence[str] | None = None,
        queues: Sequence[str] | None = None,
        ended_before: datetime | None = None,
        limit: int | None = None,
        offset: int = 0,
        whole: bool = True,
    ) -> list[WorkflowStatus]:
        """Runs, newest first. `whole`: with what they were given and what they gave."""
        return list(
            await DBOS.list_workflows_async(
                workflow_ids=None if ids is None else list(ids),
                workflow_id_prefix=prefix,
                status=None if states is None else list(states),
                queue_name=None if queues is None else list(queues),
                end_time=None if ended_before is None else ended_before.astimezone(UTC).isoformat(),
                limit=limit,
                offset=offset,
                sort_desc=True,
                load_input=whole,
                load_output=whole,
            )
        )

    @staticmethod
    async def steps(run_id: str) -> list[StepInfo]:
        """The finished steps of a run."""
        return list(await DBOS.list_workflow_steps_async(run_id))

    @staticmethod
    async def cancel(run_id: str) -> None:
        """Store that a run is cancelled. What runs of it here is its caller's to end."""
        await DBOS.cancel_workflow_async(run_id)

    @staticmethod
    async def ask_to_end(run_id: str) -> None:
        """Have the node that runs it end it, which `asked_to_end` then tells there."""
        await DBOS.update_workflow_attributes_async(run_id, {ENDING: True}, merge=True)

    @staticmethod
    def asked_to_end(status: WorkflowStatus) -> bool:
        """Whether another node wants the run ended."""
        return ENDING in (status.attributes or {})

    @staticmethod
    async def begin_anew(run_id: str, *, place: Place | None) -> str:
        """Start the run again from its first step with the same arguments, under a new id that is returned."""
        lane, key = (None, None) if place is None else (place.lane, place.key)
        handle = await DBOS.fork_workflow_async(run_id, 1, queue_name=lane, queue_partition_key=key)
        return str(handle.workflow_id)

    @staticmethod
    async def recover(node: str) -> int:
        """Make the unfinished runs of a dead node go on here or elsewhere; exactly one runner gets each. Returns how many."""
        return len(await asyncio.to_thread(DBOS._recover_pending_workflows, [node]))

    @staticmethod
    async def delete(run_ids: Sequence[str]) -> None:
        """Forget runs."""
        await DBOS.delete_workflows_async(list(run_ids))


def _own_threads() -> None:
    """Give the running loop a pool of its own for `to_thread`."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="nightcrew"))


def _system_database(data_dir: Path, database: sa.URL) -> str:
    if database.get_backend_name() != "sqlite":
        return database.render_as_string(hide_password=False)
    path = data_dir / "jobs.db"
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # kept by the file; synchronous is FULL by default
    return f"sqlite:///{path}"
