"""What a job function is handed: its run's id, its runtime, its steps, its progress."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, ParamSpec, TypeVar

from nightcrew.kernel import jobs_store as rows
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.engine import Engine
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.job_state import GaveWay
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.runtime import Runtime

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

ATTEMPTS = 5
FIRST_PAUSE, GROWTH = 2.0, 3.0
"""Seconds before the second attempt of a stubborn step; each pause is three times the one before."""
LONG = 1.0
"""Seconds of a pause from which on others have the run's place in its queue."""
AGAIN = "again"
"""What an error has that is worth another try. It is stored with it: what it is made of when it is read may be another kind."""
PATIENCE = 12
FIRST_WAIT = 5.0
"""Attempts of a patient step, and seconds before the second one; each pause is twice the one before, more than two hours in all."""


def _may_pass(exc: Exception) -> bool:
    return isinstance(exc, Retry | OSError)


def _may_recover(exc: Exception) -> bool:
    return isinstance(exc, Retry) or getattr(exc, "status", None) is not None


class Run:
    """The handle that a job function gets: its id, its runtime, its steps, its progress."""

    def __init__(self, runtime: Runtime, run_id: str, stopping: Callable[[], bool] = lambda: False) -> None:
        self.id = run_id
        self.runtime = runtime
        self._stopping = stopping
        self._written = 0.0

    async def step(
        self, name: str, work: Callable[P, Awaitable[ResultT]], *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        """Do `work` once and remember its result; after a crash a finished step gives the same result again.

        A step that was interrupted starts anew, so its effects must be the same when done twice.
        """
        return await Engine.step(name, self._resumable(functools.partial(work, *args, **kwargs)))

    async def stubborn_step(
        self, name: str, work: Callable[P, Awaitable[ResultT]], *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        """As `step`; what raises `Retry`, or an error of the system, is tried `ATTEMPTS` times with growing pauses.

        Each try is remembered by itself. In a long pause others have the run's place in its queue, and it waits for one anew.
        """
        pauses = [FIRST_PAUSE * GROWTH**number for number in range(ATTEMPTS - 1)]
        return await self._repeated(name, functools.partial(work, *args, **kwargs), _may_pass, pauses)

    async def patient_step(
        self, name: str, work: Callable[P, Awaitable[ResultT]], *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        """As `stubborn_step`, over hours: for a service of somebody's that is away for a while, or answers an error.

        What has no such reason, such as an address that may not be asked, is tried once.
        """
        pauses = [FIRST_WAIT * 2.0**number for number in range(PATIENCE - 1)]
        return await self._repeated(name, functools.partial(work, *args, **kwargs), _may_recover, pauses)

    async def _repeated(
        self,
        name: str,
        work: Callable[[], Awaitable[ResultT]],
        again: Callable[[Exception], bool],
        pauses: Sequence[float],
    ) -> ResultT:
        now = False

        async def attempt() -> ResultT:
            nonlocal now
            now = True
            try:
                return await work()
            except Exception as exc:
                if again(exc):
                    vars(exc)[AGAIN] = True
                raise

        for pause in pauses:
            try:
                return await Engine.step(name, self._resumable(attempt))
            except Exception as exc:
                if not getattr(exc, AGAIN, False):
                    raise
            if now:  # else it was tried before this run was resumed, and has waited
                await self._pause(pause)
        return await Engine.step(name, self._resumable(attempt))

    async def _pause(self, seconds: float) -> None:
        """Wait. Raises `GaveWay` where others have its place meanwhile: the run is resumed later."""
        if seconds >= LONG and await self.runtime.jobs.give_way(self.id, seconds):
            raise GaveWay
        await asyncio.sleep(seconds)

    @property
    def stopping(self) -> bool:
        """Whether the server stops, and the run goes on at its next start."""
        return self._stopping()

    def _resumable(self, work: Callable[[], Awaitable[ResultT]]) -> Callable[[], Coroutine[Any, Any, ResultT]]:
        """While the server stops, whatever a step raises is not remembered: it is done again at the next start."""

        async def call() -> ResultT:
            try:
                return await work()
            except Exception as exc:
                if self._stopping():
                    raise asyncio.CancelledError from exc
                raise

        return call

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far it is. Cheap: stored at most once a second."""
        if time.monotonic() - self._written < 1.0:
            return
        self._written = time.monotonic()
        await rows.write_progress(self.runtime.store, self.id, rows.Progress(done, total, redact(message), utcnow()))
        self.runtime.bus.publish("jobs")
