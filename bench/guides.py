"""A programme guide of 100 MB with 300,000 programmes: how long its refresh takes, and how late the event loop is meanwhile.

Real files on SQLite with synchronous=FULL, from a path on this machine, so that no network is part of it. How late a tick of
0.05 s is, beside it and with nothing to do; and the same for a guide of which one attribute is huge.

    python bench/guides.py [--programmes 300000] [--attribute 32]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from nightcrew import app
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.http import Limits
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import guides
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.providers.base import Fetch
from nightcrew.playlists.readers import Readers
from nightcrew.playlists.store import sources

TICK = 0.05
EACH = 200
"""Programmes of a channel, half an hour each."""
STORY = "After the storm the two sisters return to the lighthouse & find letters that nobody was meant to read. "


@dataclass
class Measured:
    """Seconds, processor seconds of this process and of its children, how late the ticks were, and how it ended."""

    seconds: float
    own: float
    children: float
    late: list[float]
    said: str

    def __str__(self) -> str:
        late = sorted(self.late) or [0.0]
        p99 = late[int(len(late) * 0.99)]
        return (
            f"{self.seconds:6.2f} s, CPU {self.own:.1f} s here and {self.children:.1f} s in processes; ticks late by median "
            f"{statistics.median(late) * 1e3:.1f} ms, p99 {p99 * 1e3:.0f} ms, at worst {late[-1] * 1e3:.0f} ms: {self.said}"
        )


def honest(count: int, now: datetime) -> Iterator[str]:
    """A guide as providers write it: about 340 bytes for each programme."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tv SYSTEM "xmltv.dtd">\n<tv generator-info-name="bench">\n'
    channels = max(1, count // EACH)
    for channel in range(channels):
        yield f'<channel id="c{channel}.example"><display-name>Channel {channel}</display-name></channel>\n'
    times = [f"{now + timedelta(minutes=30 * step):%Y%m%d%H%M%S} +0000" for step in range(EACH + 1)]
    for number in range(channels * EACH):
        channel, step = divmod(number, EACH)
        yield (
            f'<programme start="{times[step]}" stop="{times[step + 1]}" channel="c{channel}.example">\n'
            f'  <title lang="en">Evening {number}</title>\n  <desc lang="en">{STORY.replace("&", "&amp;")}</desc>\n'
            f'  <category lang="en">Drama</category>\n  <episode-num system="onscreen">S1E{step}</episode-num>\n</programme>\n'
        )
    yield "</tv>\n"


def hostile(mebibytes: int) -> Iterator[str]:
    """A guide with one huge attribute."""
    yield '<tv><channel id="'
    for _ in range(mebibytes):
        yield "x" * (1 << 20)
    yield '"/></tv>'


def write(path: Path, parts: Iterator[str]) -> float:
    """Write a file; returns its size in MB."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(parts)
    return path.stat().st_size / 1e6


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--programmes", type=int, default=300_000)
    parser.add_argument("--attribute", type=int, default=32, help="MiB of the huge attribute; 0: none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        folder = Path(temporary)
        data = folder / "data"
        async with app.node(app.Config(data_dir=data)) as (runtime, _):
            runtime.add(Adapters())
            runtime.add(Readers())
            gc.freeze()  # as a node does at its start
            print(f"nothing to do: {await measured(lambda: asyncio.sleep(5))}")
            size = write(folder / "honest.xml", honest(options.programmes, utcnow()))
            for turn in ("first", "again"):
                print(f"{size:.0f} MB, {turn}: {await measured(lambda: refresh(runtime, folder / 'honest.xml'))}")
            if options.attribute:
                size = write(folder / "hostile.xml", hostile(options.attribute))
                print(
                    f"one attribute of {size:.0f} MB: {await measured(lambda: refresh(runtime, folder / 'hostile.xml'))}"
                )


async def refresh(runtime: Runtime, path: Path) -> str:
    """Fetch one guide anew, as the refresh job does; returns what became of it."""
    known = {source.name: source.id for source in await sources.every(runtime.store, runtime.vault)}
    number = known.get(path.name)
    if number is None:
        config = {"url": str(path)}
        number = await sources.add(
            runtime.store, runtime.vault, kind="guide", name=path.name, config=config, shown_url=""
        )
        await sources.sync_feeds(runtime.store, number, [("guide", "", "")], enabled=True)
    source = await sources.get(runtime.store, runtime.vault, number)
    (feed,) = await sources.feeds(runtime.store, source_id=number)
    fetch = Fetch(runtime.http, runtime.data_dir / "tmp", Limits(max_bytes=1 << 30, seconds=300.0), 1)
    run = cast("Any", SimpleNamespace(runtime=runtime, id="bench", progress=_ignored))
    try:
        found = await guides.fetch_guide(run, source, feed, fetch, due_at=utcnow() + timedelta(days=1))
    except NightcrewError as exc:
        return str(exc)
    return f"{found['programmes']} programmes"


async def _ignored(*_: Any) -> None:
    pass


async def measured(work: Callable[[], Any]) -> Measured:
    """What some work costs, and how late the ticks are beside it."""
    own, children, began = _cpu(resource.RUSAGE_SELF), _cpu(resource.RUSAGE_CHILDREN), time.perf_counter()
    async with lateness() as late:
        said = await work()
    took = time.perf_counter() - began
    return Measured(
        took, _cpu(resource.RUSAGE_SELF) - own, _cpu(resource.RUSAGE_CHILDREN) - children, late, said or "done"
    )


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


@contextlib.asynccontextmanager
async def lateness() -> AsyncIterator[list[float]]:
    """How late ticks are, in seconds, until the end of the block."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            late.append(time.perf_counter() - due)

    ticking = asyncio.create_task(tick())
    try:
        yield late
    finally:
        ticking.cancel()


if __name__ == "__main__":
    os.environ.setdefault("NIGHTCREW_LOG_LEVEL", "WARNING")
    asyncio.run(main())
