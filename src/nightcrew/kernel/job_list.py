"""What is known of runs: those that wait, go on or are over, their steps, and what becomes of old ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from nightcrew.kernel import jobs_store as rows
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.engine import FINISHED, UNFINISHED, Engine, WorkflowStatus
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.job_state import STATES, JobState, state_of, step_of
from nightcrew.kernel.queues import Queues
from nightcrew.kernel.store import Store
from nightcrew.kernel.wakes import Wakes

GOING_ON = frozenset({"queued", "running"})
RUNS = "runs"
"""Woken under this topic, followed by the name of a queue or not: a run waits there, or one is over."""
UNHEARD = 1.0
"""Seconds after which who waits for a run looks unasked: the word of another node may be lost."""


class JobList:
    """The runs of all nodes."""

    def __init__(self, engine: Engine, queues: Queues, store: Store, wakes: Wakes) -> None:
        self._engine = engine
        self._queues = queues
        self._store = store
        self._wakes = wakes
        self._over = asyncio.Event()
        wakes.on(RUNS, self._look)

    def _look(self, lane: str | None = None) -> None:
        """Something has happened to a run: have others begin, and look whether it is one that somebody waits for."""
        self._engine.look(lane)
        self._over.set()
        self._over = asyncio.Event()

    async def active(self, prefix: str) -> set[str]:
        """The ids of unfinished runs whose id begins with `prefix`."""
        found = await self._engine.find(prefix=prefix, states=UNFINISHED, whole=False)
        return {status.workflow_id for status in found}

    async def page(
        self, *, state: str | None = None, queue: str | None = None, limit: int = 50, offset: int = 0
    ) -> list[JobState]:
        """Newest first."""
        wanted = [raw for raw, shown in STATES.items() if state in {None, shown}]
        queues = None if queue is None else self._queues.named(queue)
        found = await self._engine.find(states=wanted, queues=queues, limit=limit, offset=offset)
        known = await rows.read_progress(self._store, [status.workflow_id for status in found])
        return [state_of(status, known.get(status.workflow_id)) for status in found]

    async def named(self, prefix: str, limit: int = 20) -> list[JobState]:
        """The runs whose ids begin with `prefix`, newest first, without their progress."""
        return [state_of(status, None) for status in await self._engine.find(prefix=prefix, limit=limit)]

    async def _newest(self, prefix: str) -> dict[str, bool]:
        """The newest runs whose ids begin with `prefix`, and whether they are unfinished; several, as they may be of the same second."""
        found = await self._engine.find(prefix=prefix, limit=20, whole=False)
        return {status.workflow_id: status.status in UNFINISHED for status in found}

    async def unfinished(self, run_ids: Sequence[str]) -> set[str]:
        """Those of these runs that wait or go on."""
        found = await self._engine.find(ids=run_ids, states=UNFINISHED, whole=False) if run_ids else ()
        return {status.workflow_id for status in found}

    async def get(self, run_id: str) -> JobState:
        """One run. Raises `NotFound`."""
        known = await rows.read_progress(self._store, [run_id])
        return state_of(await self._status(run_id), known.get(run_id))

    async def _status(self, run_id: str) -> WorkflowStatus:
        found = await self._engine.find(ids=[run_id])
        if not found:
            raise NotFound(f"there is no job {run_id!r}")
        return found[0]

    async def steps(self, run_id: str) -> list[dict[str, Any]]:
        """The finished steps of a run: name, started, ended, error."""
        return [step_of(step) for step in await self._engine.steps(run_id)]

    async def wait(self, run_id: str, *, limit: float = 60.0) -> JobState:
        """The state of a run when it has ended, or after `limit` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while True:
                    over = self._over
                    if (state := await self.get(run_id)).state not in GOING_ON:
                        return state
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(UNHEARD):
                            await over.wait()
        return await self.get(run_id)

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
