"""Muxers at work: each task in a process of its own, which may fail without taking anything along."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command
from nightcrew.kernel.words import plain
from nightcrew.muxer.wire import (
    ByteRange,
    CheckOrder,
    Container,
    FilmOrder,
    FilmReport,
    Form,
    LookOrder,
    MuxerOrder,
    SourceOrder,
    order_line,
    report_of,
)
from nightcrew.transport.elementary import Table, table_of

IDLE = 300.0
"""Seconds without any progress after which a muxer hangs."""
LONGEST = 4 * 3600.0
"""Seconds that it may take after it has all bytes: the index of a long file goes to its front."""
PROGRAM = (sys.executable, "-m", "nightcrew.muxer")
"""What one is started with."""

Progress = Callable[[int], Awaitable[None]]
_POOL = Pool("muxer")


async def make(order: FilmOrder, progress: Progress) -> FilmReport:
    """Write a film; what has its name is replaced. Raises `Retry`, and `GiveUp` for what will not work another time either."""
    return _report(await _ask(order, progress))


async def check(path: str, container: Container, progress: Progress) -> FilmReport:
    """Decode a film from end to end. Raises `Retry`, `GiveUp`."""
    return _report(await _ask(CheckOrder(path, container), progress))


async def check_source(order: SourceOrder, progress: Progress) -> FilmReport:
    """Decode what a film was made of. Raises `Retry`, `GiveUp`."""
    return _report(await _ask(order, progress))


async def look(form: Form, ranges: Sequence[ByteRange]) -> Table:
    """The streams in bytes of which no ledger says anything. Raises `Retry`, `GiveUp`."""
    said = await _ask(LookOrder(form, tuple(ranges)), _nobody)
    try:
        return table_of(said.get("table"))
    except ValueError as exc:
        raise GiveUp("its streams cannot be told") from exc


async def _nobody(_done: int) -> None:
    return None


def _report(said: Mapping[str, Any]) -> FilmReport:
    try:
        return report_of(said["report"])
    except (KeyError, TypeError) as exc:
        raise Retry("the muxer said what no muxer says") from exc


async def _ask(order: MuxerOrder, progress: Progress) -> Mapping[str, Any]:
    command = Command((*PROGRAM, str(os.getpid())), grace=1)
    async with _POOL.one(command) as child:
        child.stdin.write(order_line(order))
        await child.stdin.drain()
        child.stdin.close()
        said = await _last_word(child, progress)
    if "failed" in said:
        reason = plain(str(said["failed"])) or "it failed"
        raise Retry(reason) if said.get("passing") else GiveUp(f"{reason}; the parts are kept")
    return said


async def _last_word(child: Child, progress: Progress) -> Mapping[str, Any]:
    """Read how far it is, until it says how it ended. Raises `Retry` for one that dies or hangs."""
    patience = IDLE
    while True:
        try:
            async with asyncio.timeout(patience):
                line = await child.stdout.readline()
        except TimeoutError as exc:
            raise Retry("the muxer is making no progress") from exc
        try:
            said = json.loads(line) if line else None
        except ValueError:
            said = None
        if not isinstance(said, dict):
            how = await child.end()
            raise Retry(f"the muxer died: {how}{_words(child)}")
        if "closing" in said:
            patience = LONGEST
        elif "done" in said:
            await progress(int(said["done"]))
        else:
            return said


def _words(child: Child) -> str:
    words = child.last_words().rpartition(" | ")[2][-200:]
    return f" ({words})" if words else ""
