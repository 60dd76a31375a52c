"""Listeners at work: each file of a stranger's is opened in a process of its own, which may fail without taking anything along."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command
from nightcrew.listener.wire import (
    Heard,
    Printed,
    TagsRead,
    hear_line,
    heard_of,
    print_line,
    printed_of,
    tags_line,
    tags_of,
)

PROGRAM = (sys.executable, "-m", "nightcrew.listener")
LONGEST = 300.0
"""Seconds that a file may take to be decoded."""
TAGS = 20.0
"""Seconds that the tags of one file may take."""
BATCH = 200
"""Files whose tags are asked for at once."""


def fpcalc() -> str:
    """Where `fpcalc` is, which makes fingerprints; empty where it is not installed."""
    return shutil.which("fpcalc") or ""


class Listeners:
    """The processes of one node."""

    def __init__(self) -> None:
        self._pool = Pool("listener", at_once=2, tasks=20, memory=400 << 20)

    async def hear(self, path: Path) -> Heard:
        """Decode a file. One that kills its listener is told of as one that cannot be read; raises `Retry` when none starts."""
        command = Command((*PROGRAM, str(os.getpid())), grace=0)
        try:
            async with self._pool.one(command, limit=LONGEST) as child:
                return heard_of(await _asked(child, hear_line(str(path))))
        except TimeoutError:
            return Heard(failed=f"it takes longer than {LONGEST:.0f} s to decode")
        except EOFError:
            return Heard(failed="it ends the process that reads it")

    async def fingerprint(self, path: Path) -> Printed:
        """What a file sounds like. Without `fpcalc`, or from a file that kills its listener, there is none; raises `Retry`."""
        program = fpcalc()
        if not program:
            return Printed(failed="there is no fpcalc (apt install libchromaprint-tools)")
        command = Command((*PROGRAM, str(os.getpid())), grace=0)
        try:
            async with self._pool.one(command, limit=LONGEST) as child:
                return printed_of(await _asked(child, print_line(str(path), program)))
        except TimeoutError:
            return Printed(failed=f"it takes longer than {LONGEST:.0f} s")
        except EOFError:
            return Printed(failed="it ends the process that reads it")

    async def tags(self, paths: Sequence[Path]) -> AsyncIterator[TagsRead]:
        """The tags of files, in their order. One that kills its listener has none; raises `Retry` when none starts."""
        left = list(paths)
        while left:
            done = 0
            try:
                command = Command((*PROGRAM, str(os.getpid())), grace=0)
                async with self._pool.one(command) as child:
                    batch = left[:BATCH]
                    child.stdin.write(tags_line([str(path) for path in batch]))
                    await child.stdin.drain()
                    for _ in batch:
                        found = tags_of(await _line(child, TAGS))
                        done += 1
                        yield found
            except (TimeoutError, EOFError):
                yield TagsRead(str(left[done]), failed="it ends the process that reads it")
                done += 1
            left = left[done:]

    async def trim(self) -> None:
        """End those that nobody needs."""
        await self._pool.trim()

    async def close(self) -> None:
        """End all."""
        await self._pool.close()


async def _asked(child: Child, order: bytes) -> bytes:
    child.stdin.write(order)
    await child.stdin.drain()
    return await _line(child, LONGEST)


async def _line(child: Child, limit: float) -> bytes:
    """Raises EOFError for a process that dies, TimeoutError, and `Retry` for an answer that is none."""
    try:
        async with asyncio.timeout(limit):
            line = await child.stdout.readline()
    except ValueError as exc:
        raise Retry("the listener said what no listener says") from exc
    if not line.endswith(b"\n"):
        raise EOFError
    return line
