"""The prober processes of this node: one for each check that runs, kept for the next one, killed when something is wrong."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from typing import Any, Self

from pydantic import TypeAdapter

from nightcrew.frames import LENGTH, framed
from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command
from nightcrew.prober.wire import END, MAX_REPORT, ProbeReport, ProbeTask

_REPORT = TypeAdapter(ProbeReport)
JOBS = 300
"""Jobs after which a prober makes room for a new one, so that what a library leaks stays small."""
MEMORY = 512 << 20
"""Bytes that a prober may hold when it has done a job, or it makes room for a new one."""
ANSWER = 5.0
"""Seconds within which a prober must answer when its stream has ended or its time is up."""


class NoByte(Retry):
    """A stream pauses for too long."""


class Chunks:
    """An iterator's bytes, where waiting for the next ones can be given up and taken up again.

    At the end of `async with` nothing is waited for any more.
    """

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._coming: asyncio.Future[bytes | None] | None = None

    async def next(self, patience: float, unless: asyncio.Future[Any] | None = None) -> bytes | None:
        """The next bytes, None at the end. Raises `Retry` when none come for `patience` seconds.

        When `unless` is done first, it gives b"" and loses nothing.
        """
        if self._coming is None:
            self._coming = asyncio.ensure_future(anext(self._chunks, None))
        either: set[asyncio.Future[Any]] = {self._coming} if unless is None else {self._coming, unless}
        await asyncio.wait(either, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if unless is not None and unless.done():
            return b""
        if not self._coming.done():
            raise NoByte(f"no data came for {patience:g} s")
        coming, self._coming = self._coming, None
        return coming.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)


class ProberDied(NightcrewError):
    """The prober crashed, hung, or took too much memory: the stream is to blame, the server goes on."""


class Probers(Pool):
    """Takes streams apart in processes. `command` is what starts one."""

    def __init__(self, command: Command | None = None) -> None:
        super().__init__("prober", tasks=JOBS, memory=MEMORY)
        program = (sys.executable, "-m", "nightcrew.prober", str(os.getpid()))
        self._command = command or Command(program, grace=0)

    async def probe(self, ask: ProbeTask, chunks: Chunks, *, patience: float) -> ProbeReport:
        """Have a stream's bytes looked into.

        Raises `ProberDied`; `Retry` when no byte comes for `patience` seconds; and what reading the bytes raises.
        """
        async with self.one(self._command) as child:
            return await _work(child, ask, chunks, patience)


async def _work(child: Child, ask: ProbeTask, chunks: Chunks, patience: float) -> ProbeReport:
    answer = asyncio.ensure_future(_report(child))
    try:
        async with asyncio.timeout(ask.limit + ANSWER):
            ended = await _send(child, ask, chunks, answer, patience)
            report = await answer
    except TimeoutError as exc:
        raise ProberDied(f"its prober did not answer in {ask.limit + ANSWER:.0f} s and was ended") from exc
    except (OSError, EOFError, ValueError) as exc:
        how = await child.end()
        words = child.last_words().rpartition(" | ")[2]
        raise ProberDied(f"its prober died: {how}{f' ({words})' if words else ''}") from exc
    finally:
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)
    if not ended:
        child.stdin.write(END)
    return report


async def _send(
    child: Child, ask: ProbeTask, chunks: Chunks, answer: asyncio.Future[ProbeReport], patience: float
) -> bool:
    """Pass the bytes on until the answer is there or they end; returns whether they ended."""
    child.stdin.write(ask.frame())
    while not answer.done():
        chunk = await chunks.next(patience, answer)
        if chunk is None:
            child.stdin.write(END)
            await _taken(child, answer)
            return True
        if chunk:
            child.stdin.write(framed(chunk))
            await _taken(child, answer)
    return False


async def _taken(child: Child, answer: asyncio.Future[ProbeReport]) -> None:
    """Wait until the prober has room for more, or has answered: one that has does not have to read on."""
    drained: asyncio.Future[None] = asyncio.ensure_future(child.stdin.drain())
    either: set[asyncio.Future[Any]] = {drained, answer}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if drained.done():
            drained.result()
    finally:
        drained.cancel()


async def _report(child: Child) -> ProbeReport:
    """Read one report. Raises EOFError, OSError or ValueError for a prober that is broken."""
    (size,) = LENGTH.unpack(await child.stdout.readexactly(LENGTH.size))
    if size > MAX_REPORT:
        raise ValueError("the report is too large")
    return _REPORT.validate_json(await child.stdout.readexactly(size))
