"""Background tasks that come and go: an owner who tells what they raise, and ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

import structlog

from nightcrew.kernel.errors import NightcrewError

log = structlog.get_logger("nightcrew")

AGAIN = 5.0
"""Seconds after which a task is cancelled again: a cancel can be lost where a time-out of a library ends at the same moment."""

ResultT = TypeVar("ResultT")
OnError = Callable[[Exception], Awaitable[None]]


class Tasks:
    """The tasks of one part of a node. `len()` is how many there are now."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None], name: str, on_error: OnError | None = None) -> asyncio.Task[None]:
        """Do `work` in the background. What it raises is told, and then given to `on_error`; the task itself raises nothing."""
        task = asyncio.create_task(_logged(work, name, on_error), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # of one that was cancelled before it began
        return task

    async def close(self) -> None:
        """Cancel all and wait for their end, also of those that are spawned meanwhile."""
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=AGAIN)


async def together(work: Iterable[Coroutine[Any, Any, ResultT]]) -> list[ResultT]:
    """Do all of it at once, and return what each gave. The first error ends the others, and is raised as it is."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def is_stopped() -> bool:
    """Whether the present task itself is being cancelled, and not merely something that it waits for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _logged(work: Awaitable[None], name: str, on_error: OnError | None = None) -> None:
    """With the job runner, the tick, `forever` and the request boundary one of the places that catch everything."""
    try:
        await work
    except NightcrewError as exc:
        log.warning("a task failed", task=name, reason=str(exc))
        raised: Exception = exc
    except Exception as exc:
        log.exception("a task failed", task=name)
        raised = exc
    else:
        return
    if on_error is not None:
        await _logged(on_error(raised), f"{name}: after its error")
