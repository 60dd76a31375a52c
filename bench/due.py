"""The queue of due streams: 100,000 streams of one source on SQLite are made due, claimed, counted, paused and cancelled.

Then rows are claimed in batches, in turn over 20 sources, and a tick of 0.1 s looks for due rows all the while.

Each figure stands next to what SQLite itself takes in the same run, with the same durability: one row read or written by its
key in a transaction of its own; all rows of a table with one index inserted, changed, or counted.

    python bench/due.py [--streams 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from nightcrew import app
from nightcrew.checks.models import RunState, checked
from nightcrew.checks.store import queue, runs, views
from nightcrew.checks.store.queue import Scope
from nightcrew.kernel import store as kernel_store
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import Store
from nightcrew.kernel.vault import Vault
from nightcrew.playlists import identity
from nightcrew.playlists.rules import ListEntry
from nightcrew.playlists.store import applying, sources
from nightcrew.playlists.store.staging import Staging, row_of

TIMES = 50
"""How often a thing is done that takes milliseconds; the figure is the median."""
SOURCES = 20
BATCH = 500
"""Rows of one claim."""
CLAIMED = 5_000.0
"""Rows claimed a second, in batches."""
TICK, TICKS = 0.1, 200
LATER = 10.0
"""Milliseconds by which a tick that claims begins later than one that does nothing, in the 99th percentile."""
PROMISED = {"claim the next one": 20.0, "claim, three channels watched": 20.0, "is anything due?": 10.0}
"""Milliseconds: the crew asks for these each second and after each check."""


@dataclass(frozen=True)
class Limits:
    """Seconds that SQLite itself takes."""

    read: float
    write: float
    insert_all: float
    change_all: float
    count_all: float


@dataclass
class Report:
    """Prints each figure beside its limit, and collects the promises that were not kept."""

    missed: list[str] = field(default_factory=list)

    def add(self, name: str, seconds: float, limit: float, words: str) -> None:
        """One line."""
        promise = PROMISED.get(name)
        kept = promise is None or seconds * 1e3 <= promise
        said = f"promised {promise:g} ms" if promise else ""
        print(
            f"  {name:36} {seconds * 1e3:8.1f} ms {seconds / limit:7.1f} × {words:16} {said}{'' if kept else '  MISSED'}",
            flush=True,
        )
        if not kept:
            self.missed.append(name)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=100_000)
    count = parser.parse_args().streams
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        folder = Path(temporary)
        limits = bare(folder / "bare.db", count)
        print(
            f"{count} streams; SQLite itself: one row read {limits.read * 1e3:.3f} ms, written {limits.write * 1e3:.2f} ms; "
            f"all rows inserted {limits.insert_all:.2f} s, changed {limits.change_all:.2f} s, "
            f"counted {limits.count_all * 1e3:.0f} ms"
        )
        store = await listed(folder, count)
        try:
            read, write = await driven(store)
            print(
                f"the same row through aiosqlite and SQLAlchemy: read {read * 1e3:.2f} ms, written {write * 1e3:.2f} ms"
            )
            report = await measure(store, limits, count)
            await claim_in_batches(store, report)
            await keep_time(store, report)
        finally:
            await store.close()
    if report.missed:
        sys.exit(f"missed: {', '.join(report.missed)}")


def bare(path: Path, count: int) -> Limits:
    """The same disk, journal and durability, and nothing of ours."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, source, stage, priority, due_at)")
    connection.execute("CREATE INDEX i ON t (source, stage, priority, due_at, id)")

    @contextmanager
    def transaction() -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")

    def insert_all() -> None:
        with transaction():
            connection.executemany("INSERT INTO t VALUES (?, 1, 2, 10, 'now')", ((n,) for n in range(count)))

    def change_all() -> None:
        with transaction():
            connection.execute("UPDATE t SET stage = NULL, due_at = NULL")

    def write(number: int) -> None:
        with transaction():
            connection.execute("UPDATE t SET due_at = 'later' WHERE id = ?", (number,))

    def read(number: int) -> None:
        connection.execute("SELECT * FROM t WHERE id = ?", (number,)).fetchone()

    def count_all() -> None:
        connection.execute("SELECT count(*), sum(due_at = 'now'), sum(stage = 2) FROM t").fetchone()

    inserted = timed(insert_all)
    counted = statistics.median(timed(count_all) for _ in range(5))
    written = statistics.median(timed(lambda n=n: write(n)) for n in range(TIMES))  # type: ignore[misc]
    got = statistics.median(timed(lambda n=n: read(n)) for n in range(TIMES))  # type: ignore[misc]
    changed = timed(change_all)
    connection.close()
    return Limits(got, written, inserted, changed, counted)


async def listed(folder: Path, count: int) -> Store:
    """A database with one source, and as many channels with one stream each."""
    store = Store(f"sqlite+aiosqlite:///{folder / 'nightcrew.db'}")
    scripts = [Path(kernel_store.__file__).parent / "migrations" / "versions"]
    scripts += [domain.migrations for domain in app.DOMAINS if domain.migrations]
    await asyncio.to_thread(kernel_store.migrate, sa.make_url(store.url), scripts)
    source = await sources.add(store, Vault.open(folder), kind="m3u", name="Big", config={}, shown_url="")
    await sources.sync_feeds(store, source, [("channels", "", "BIG")], enabled=True)
    (feed,) = await sources.feeds(store, source_id=source)
    work, identifier = Staging(store, feed.id, "run"), identity.Identifier()
    await work.begin()
    for start in range(0, count, 1_000):
        numbers = range(start, min(count, start + 1_000))
        entries = [ListEntry(f"Channel {n}", f"http://192.0.2.1/{n}", guide_id=f"c{n}") for n in numbers]
        rows = [row_of(start + i, e, identifier.identify(e)) for i, e in enumerate(entries)]
        await work.add(rows)
    change = await work.finish()
    now = utcnow()
    await applying.apply(
        store, feed.id, "run", now=now, due_at=now + timedelta(days=1), change=change, content={}, merge=True
    )
    return store


async def driven(store: Store) -> tuple[float, float]:
    """Seconds to read and to write one row through the drivers that we use: what no query of ours can go below."""

    async def read() -> None:
        async with store.read() as connection:
            (await connection.exec_driver_sql("SELECT * FROM playlist_stream WHERE id = 1")).first()

    async def write() -> None:
        async with store.write() as connection:
            await connection.exec_driver_sql("UPDATE playlist_stream SET score = NULL WHERE id = 1")

    return await often(read), await often(write)


async def measure(store: Store, limits: Limits, count: int) -> Report:
    """From the first run to the second, in the order in which a user would see it."""
    report = Report()
    one = limits.read + limits.write

    async def enqueue(immunity: float | None) -> int:
        run_id = await runs.start(
            store, Scope(), title="all", asked_by="me", priority=10, full=False, immunity=immunity, now=utcnow()
        )
        assert run_id is not None
        assert (await runs.get(store, run_id)).total == count
        return run_id

    async def claim(watched: tuple[int, ...] = ()) -> None:
        found = await queue.claim(store, node="n", source_id=1, limit=1, now=utcnow(), parked=False, watched=watched)
        assert len(found) == 1

    async def move(to: RunState) -> None:
        await runs.move(store, run_id, to, now=utcnow(), retry_at=utcnow())

    async def any_due(*, expected: bool) -> None:
        assert await queue.CHECKS.any(store, now=utcnow()) is expected

    began = time.perf_counter()
    run_id = await enqueue(None)
    report.add("make all due, never checked before", time.perf_counter() - began, limits.insert_all, "insert all")
    report.add("is anything due?", await often(lambda: any_due(expected=True)), limits.read, "read one")
    report.add("claim the next one", await often(claim), one, "read, write one")
    watched = (3 * TIMES, 3 * TIMES + 1, 3 * TIMES + 2)
    report.add("claim, three channels watched", await often(lambda: claim(watched)), one, "read, write one")
    report.add("is a run over?", await often(lambda: runs.end_finished(store, utcnow())), limits.read, "read one")
    report.add(
        "counts of the page", await often(lambda: views.counts(store, utcnow()), 5), limits.count_all, "count all"
    )
    looked = await often(lambda: queue.drop_unplayable(store, utcnow()), 5)
    report.add("what is due and listed no longer?", looked, limits.count_all, "count all")
    report.add("pause the run", await once(move(RunState.PAUSED)), limits.change_all, "change all")
    report.add(
        "is anything due, in a paused run?", await often(lambda: any_due(expected=False)), limits.read, "read one"
    )
    report.add("let the run go on", await once(move(RunState.RUNNING)), limits.change_all, "change all")
    report.add("cancel the run", await once(move(RunState.CANCELLED)), limits.change_all, "change all")
    report.add("make all due again", await once(enqueue(7_200.0)), limits.change_all, "change all")
    return report


async def claim_in_batches(store: Store, report: Report) -> None:
    """All rows are claimed in batches, the same share for each of 20 sources, and each batch is settled in one statement."""
    async with store.write() as connection:
        now = utcnow()
        spread = {"source_id": 1 + checked.c.stream_id % SOURCES, "due_at": now, "stage": queue.WAITING}
        await connection.execute(sa.update(checked).values({**spread, **queue.CHECKS.freed}))
    waiting = sa.select(checked.c.stream_id).where(checked.c.stage == queue.WAITING)
    claimed, claiming, settling = 0, 0.0, 0.0
    while True:
        began = time.perf_counter()
        found = await queue.CHECKS.claim_in_turn(store, by="n", limit=BATCH, of=waiting)
        claiming += (ended := time.perf_counter()) - began
        if not found:
            break
        claimed += len(found)
        async with store.write() as connection:
            settled = {"due_at": now + timedelta(days=1), **queue.CHECKS.freed}
            await connection.execute(sa.update(checked).where(queue.CHECKS.mine("n", found)).values(settled))
        settling += time.perf_counter() - ended
    rate = claimed / claiming
    print(
        f"  {claimed} rows claimed in turn, {BATCH} at a time: {rate:.0f} a second, promised {CLAIMED:g}; "
        f"settled {claimed / settling:.0f} a second"
    )
    if rate < CLAIMED:
        report.missed.append("claim in batches")


async def keep_time(store: Store, report: Report) -> None:
    """A tick of 0.1 s beside a bare one: how late each is, while the first claims and parks a row in each cycle."""
    async with store.write() as connection:
        now = utcnow()
        await connection.execute(sa.update(checked).values({"due_at": now, **queue.CHECKS.freed}))
    async with store.read() as connection:
        await connection.exec_driver_sql(
            "PRAGMA wal_checkpoint(TRUNCATE)"
        )  # of that change, which is none of the tick's

    turns = itertools.cycle(range(1, SOURCES + 1))

    async def work() -> None:
        source = next(turns)
        for due in await queue.claim(store, node="n", source_id=source, limit=1, now=utcnow(), parked=False):
            until = utcnow() + timedelta(hours=1)
            await queue.park(store, node="n", stream_id=due.stream_id, plan=None, until=until, waiting=False)

    async def nothing() -> None:
        pass

    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        written = percentile(await lateness(writer(Path(temporary) / "peer.db")))
    bare = await lateness(nothing)
    loaded = await lateness(work)
    more = (percentile(loaded) - percentile(bare)) * 1e3
    print(
        f"  a tick of {TICK:g} s is late by p99 {percentile(loaded) * 1e3:.1f} ms, a bare one by {percentile(bare) * 1e3:.1f} ms: "
        f"{more:.1f} ms more, promised {LATER:g}"
    )
    print(f"  one that only writes three rows with SQLite itself, as durably: {written * 1e3:.1f} ms")
    if more > LATER:
        report.missed.append("a tick of 0.1 s")


def writer(path: Path) -> Callable[[], Awaitable[None]]:
    """A tick's work that is nothing but three commits: what the disk costs in the same run."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, x)"
    )

    def write() -> None:
        for number in range(3):
            connection.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", (number, time.time()))

    async def work() -> None:
        await asyncio.to_thread(write)

    return work


async def lateness(work: Callable[[], Awaitable[None]]) -> list[float]:
    """Seconds by which each cycle of a tick began after its time."""
    loop, late = asyncio.get_running_loop(), []
    begin = loop.time()
    for number in range(1, TICKS + 1):
        due = begin + number * TICK
        await asyncio.sleep(max(0.0, due - loop.time()))
        late.append(max(0.0, loop.time() - due))
        await work()
    return late


def percentile(values: list[float]) -> float:
    """The 99th."""
    return statistics.quantiles(values, n=100)[-1]


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def once(work: Awaitable[object]) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def often(work: Callable[[], Awaitable[object]], times: int = TIMES) -> float:
    """The median of several times, in seconds."""
    return statistics.median([await once(work()) for _ in range(times)])


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
    asyncio.run(main())
