"""The order of the streams of 20,000 channels after a change of settings: in batches, and one channel after the other.

Three sources list the same channels, on SQLite with synchronous=FULL. All streams have a score, and each change of settings
puts another one of them first. A sample of the channels is put into order one by one, which is what a check does at its end.
How late the event loop wakes is measured beside both.

    python bench/order.py [--channels 20000]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from nightcrew import app
from nightcrew.checks import ordering
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import order
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.identity import Identifier
from nightcrew.playlists.models import stream
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.rules import ListEntry
from nightcrew.playlists.store import applying, sources
from nightcrew.playlists.store.staging import Staging, row_of

SOURCES = ("A", "B", "C")
SAMPLE = 300
PROMISED = 10.0
"""Times as many channels a second as one by one."""


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, default=20_000)
    count = parser.parse_args().channels
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        async with app.node(app.Config(data_dir=Path(temporary))) as (runtime, _):
            runtime.add(Adapters())
            for name in SOURCES:
                await listed(runtime, name, count)
            async with runtime.store.write() as connection:
                await connection.execute(sa.update(stream).values(score=0.5 + stream.c.feed_id / 10))
            ids = await order.channels_with_choice(runtime.store, after=0, limit=count)
            assert len(ids) == count, len(ids)
            gc.freeze()  # as a node does at its start
            for first in SOURCES[:2]:  # the first time all places are new, then two of three
                ratio = await compare(runtime, ids, CheckSettings(account_priority=[first]), f"{first} first")
    if ratio < PROMISED:
        sys.exit(f"missed: {PROMISED:g} × as many as one by one")


async def compare(runtime: Runtime, ids: list[int], options: CheckSettings, words: str) -> float:
    """All but a sample in batches, and the sample one by one; returns how many times as many channels a second that is."""
    sample, rest = ids[:SAMPLE], ids[SAMPLE:]
    began = time.perf_counter()
    async with lateness() as late_one:
        for channel_id in sample:
            assert await ordering.reorder(runtime, [channel_id], options) == 1
    one = len(sample) / (time.perf_counter() - began)
    began = time.perf_counter()
    async with lateness() as late_many:
        for start in range(0, len(rest), ordering.BATCH):
            some = rest[start : start + ordering.BATCH]
            assert await ordering.reorder(runtime, some, options) == len(some)
    seconds = time.perf_counter() - began
    many = len(rest) / seconds
    print(f"{words}: {len(rest)} channels in {seconds:.2f} s, {many:.0f} a second; one by one {one:.0f} a second")
    print(
        f"  {many / one:.1f} × as many; the event loop was late by {_shown(late_many)}, one by one by {_shown(late_one)}"
    )
    return many / one


async def listed(runtime: Runtime, name: str, count: int) -> None:
    """A source with all channels."""
    config = {"url": f"http://192.0.2.1/{name}.m3u"}
    source = await sources.add(runtime.store, runtime.vault, kind="m3u", name=name, config=config, shown_url="")
    await sources.sync_feeds(runtime.store, source, [("channels", "", "BIG")], enabled=True)
    (feed,) = await sources.feeds(runtime.store, source_id=source)
    work, identifier, now = Staging(runtime.store, feed.id, name), Identifier(), utcnow()
    await work.begin()
    for start in range(0, count, 1_000):
        numbers = range(start, min(count, start + 1_000))
        entries = [ListEntry(f"Channel {n}", f"http://192.0.2.1/{name}/{n}", guide_id=f"c{n}") for n in numbers]
        await work.add([row_of(start + i, e, identifier.identify(e)) for i, e in enumerate(entries)])
    change = await work.finish()
    due_at = now + timedelta(days=1)
    await applying.apply(runtime.store, feed.id, name, now=now, due_at=due_at, change=change, content={}, merge=True)


@contextlib.asynccontextmanager
async def lateness() -> AsyncIterator[list[float]]:
    """How late the event loop wakes from naps of 5 ms, in seconds, until the end of the block."""
    late: list[float] = []

    async def nap() -> None:
        while True:
            due = time.perf_counter() + 0.005
            await asyncio.sleep(0.005)
            late.append(time.perf_counter() - due)

    napping = asyncio.create_task(nap())
    try:
        yield late
    finally:
        napping.cancel()


def _shown(late: list[float]) -> str:
    return f"{statistics.median(late) * 1e3:.1f} ms (p99 {statistics.quantiles(late, n=100)[98] * 1e3:.0f} ms)"


if __name__ == "__main__":
    asyncio.run(main())
