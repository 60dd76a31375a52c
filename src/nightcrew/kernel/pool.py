"""Helper processes of one kind: started when they are needed, kept for the next task, replaced in time, and never left behind.

A helper runs in a session of its own (`processes.py`): it is ended with its whole group, reaped, and its last words are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import psutil
import structlog

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.processes import Child, Command, start

log = structlog.get_logger("nightcrew.processes")

PAUSES = (0.0, 0.0, 0.0, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a process starts, by how many before it were lost without a finished task; the last one for all that follow.
Three in a row may be the fault of what they were given."""
_BY_US = (None, -signal.SIGTERM, -signal.SIGKILL)
"""Exit status of a process that runs, or that we have ended."""


@dataclass(eq=False, slots=True)
class _Helper:
    child: Child
    tasks: int = 0
    users: int = 0
    worn: bool = False
    rested: float = field(default_factory=time.monotonic)


class Pool:
    """`at_once` processes at a time, and who wants one more waits for its turn; None: as many as are asked for.

    A process makes room for a new one after `tasks` tasks, or when it holds more than `memory` bytes after one, so that what a
    library leaks stays small. `trim` ends those that nobody needed for `idle` seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        at_once: int | None = None,
        tasks: int = 1,
        memory: int | None = None,
        idle: float = 60.0,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self.name = name
        self.idle = idle
        self._tasks, self._memory, self._pauses = tasks, memory, pauses
        self._places = _Places(at_once)
        self._all: set[_Helper] = set()
        self._free: list[_Helper] = []
        self._common: _Helper | None = None
        self._starting = asyncio.Lock()
        self._lost = 0
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The processes that there are now."""
        return [helper.child.pid for helper in self._all]

    @contextlib.asynccontextmanager
    async def one(self, command: Command, *, limit: float | None = None) -> AsyncIterator[Child]:
        """A process for one task of at most `limit` seconds. It is kept only when the block ends without an error.

        Raises `Retry` when none can be started, and TimeoutError for a task that takes too long.
        """
        async with self._places:
            helper = await self._take(command)
            done = False
            try:
                async with asyncio.timeout(limit):
                    yield helper.child
                done = True
            finally:
                if not done:  # it failed or was cancelled in the middle of its work
                    await self._end(helper)
                self._note(helper, done)
            if self._closed or await self._is_worn(helper):
                await self._end(helper)
            else:
                self._free.append(helper)

    @contextlib.asynccontextmanager
    async def shared(self, command: Command, *, limit: float | None = None) -> AsyncIterator[Child]:
        """The one process that all tasks share. After an error in a block it is replaced as soon as nobody uses it.

        Raises as `one` does.
        """
        async with self._starting:
            helper = self._common
            if helper is not None and (not helper.child.alive or (helper.worn and not helper.users)):
                await self._end(helper)
                helper = None
            if helper is None:
                helper = self._common = await self._start(command)
            helper.users += 1
        done = False
        try:
            async with asyncio.timeout(limit):
                yield helper.child
            done = True
        finally:
            helper.users -= 1
            self._note(helper, done)
            helper.worn = helper.worn or not done
        helper.worn = helper.worn or await self._is_worn(helper)

    async def trim(self) -> None:
        """End those that nobody needed for a while."""
        now = time.monotonic()
        for helper in [one for one in self._free if now - one.rested > self.idle]:
            self._free.remove(helper)
            await self._end(helper)

    async def close(self) -> None:
        """End all. Those at work are ended under their tasks."""
        self._closed = True
        self._free.clear()
        for helper in list(self._all):
            await self._end(helper)

    async def _take(self, command: Command) -> _Helper:
        while self._free:
            helper = self._free.pop()
            if helper.child.alive and await asyncio.to_thread(_lives, helper.child.pid):
                return helper
            await self._end(helper)
        return await self._start(command)

    async def _start(self, command: Command) -> _Helper:
        pause = self._pauses[min(self._lost, len(self._pauses) - 1)]
        if pause:
            log.warning(
                "processes end without any use; the next one waits", kind=self.name, lost=self._lost, pause_s=pause
            )
            await asyncio.sleep(pause)
        try:
            helper = _Helper(await start(command))
        except OSError as exc:
            self._lost += 1
            raise Retry(f"cannot start the {self.name}: {exc.strerror}") from exc
        self._all.add(helper)
        return helper

    async def _end(self, helper: _Helper) -> None:
        self._all.discard(helper)
        if self._common is helper:
            self._common = None
        await asyncio.shield(helper.child.end())

    def _note(self, helper: _Helper, done: bool) -> None:
        helper.rested = time.monotonic()
        if done:
            helper.tasks += 1
            self._lost = 0
        elif helper.child.code not in _BY_US and not helper.tasks:
            self._lost += 1

    async def _is_worn(self, helper: _Helper) -> bool:
        if helper.tasks >= self._tasks or not helper.child.alive:
            return True
        return self._memory is not None and await asyncio.to_thread(_memory_of, helper.child.pid) > self._memory


class _Places:
    """Places for so many at a time; those that wait have their turn in the order in which they came."""

    def __init__(self, most: int | None) -> None:
        self._left = most
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._left is None:
            return
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():  # it had its turn, and does not take it
                self._pass_on()
            raise

    async def __aexit__(self, *_: object) -> None:
        if self._left is not None:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._left = (self._left or 0) + 1


def _lives(pid: int) -> bool:
    """Asked of the system: that a process has just died is heard a moment later."""
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.Error:
        return False


def _memory_of(pid: int) -> int:
    """Bytes that a process holds; 0 when it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
