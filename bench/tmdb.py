"""The catalogue against a local server with TMDB's limits: how much of the allowed rate the sync uses, how many questions a show takes,
what a kill -9 loses, and whether films that fail for ever hold up one that does not.

    python bench/tmdb.py [--films 1500] [--rows 100000] [--dead 1000]

The server counts what it is asked in any second, and refuses what is more than its limit. It answers after 150 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from math import ceil
from pathlib import Path

import sqlalchemy as sa

from nightcrew import app
from nightcrew.demo import cinema as demo_cinema
from nightcrew.demo import tmdb as service
from nightcrew.demo.world import World
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import insert_many
from nightcrew.movies.catalogue import lists, seasons, syncing
from nightcrew.movies.catalogue.models import Medium, movie
from nightcrew.movies.domain import DOMAIN
from nightcrew.movies.store import lists as list_rows
from nightcrew.movies.store import titles
from nightcrew.movies.tmdb.kind import RATE
from nightcrew.movies.tmdb.shapes import TitleFacts

DELAY = 0.15
SHARE = 0.95
SETTLED = 12.0
"""Seconds after which the rate is measured."""


@contextmanager
def served() -> Iterator[World]:
    """The server in a loop of its own, as one elsewhere has, so that what holds up ours does not hold up its counting."""
    world, up, over = World(live=False, services=(service.routes,)), threading.Event(), threading.Event()

    async def serve() -> None:
        async with world:
            up.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="tmdb")
    thread.start()
    up.wait()
    try:
        yield world
    finally:
        over.set()
        thread.join()


@asynccontextmanager
async def node(folder: Path, world: World) -> AsyncIterator[Runtime]:
    """A node whose catalogue is asked by this program."""
    async with app.node(app.Config(data_dir=folder)) as (runtime, _):
        assert DOMAIN.start and DOMAIN.stop  # noqa: PT018
        await DOMAIN.start(runtime)
        runtime.add(Connections(runtime))
        if not await runtime.part(Connections).of_kind("tmdb"):
            values = dict(world.cinema()["tmdb"])
            await connections.add(runtime, {**values, "address": values.pop("url")}, actor="bench")
        yield runtime
        await DOMAIN.stop(runtime)


async def ticking(runtime: Runtime) -> None:
    """What the schedule does: the tasks of the catalogue, each at its beat."""

    async def beat(work: object, every: float) -> None:
        while True:
            await work(runtime)  # type: ignore[operator]
            await asyncio.sleep(every)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(beat(syncing.sync, 0.1))
        tasks.create_task(beat(seasons.complete, 1.0))
        tasks.create_task(beat(lists.refresh, 1.0))


async def fill(runtime: Runtime, count: int) -> None:
    """So many films that are known and not read yet."""
    facts = [TitleFacts(one, f"Film {one}") for one in range(10_000, 10_000 + count)]
    await titles.take(runtime.store, Medium.MOVIE, facts, {})


async def unread(runtime: Runtime) -> int:
    query = sa.select(sa.func.count()).select_from(movie).where(movie.c.synced_at.is_(None))
    async with runtime.store.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def rate(world: World, folder: Path, count: int) -> bool:
    """Questions answered a second, as a share of what is allowed, once the first seconds are over."""
    world.tmdb.extra, world.tmdb.rate, world.tmdb.delay = count, RATE, DELAY
    async with node(folder, world) as runtime:
        await list_rows.refresh(runtime.store, [])
        await fill(runtime, count)
        work = asyncio.create_task(ticking(runtime))
        await asyncio.sleep(SETTLED)
        gc.collect()
        gc.freeze()  # as a server does once it is up (nightcrew.app)
        began, answered, refused = time.monotonic(), world.tmdb.answered, world.tmdb.refused
        cpu = time.process_time()
        while await unread(runtime) > 2 * RATE:
            await asyncio.sleep(0.25)
        took = time.monotonic() - began
        done = (world.tmdb.answered - answered) / took
        share, per = done / RATE, (time.process_time() - cpu) / (done * took)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    first, later = refused, world.tmdb.refused - refused
    print(
        f"sync: {done:.1f} answers a second of {RATE:g} allowed: {share:.1%} (promised {SHARE:.0%}), over {took:.0f} s"
    )
    print(
        f"      refused: {first} in the first {SETTLED:g} s, {later} after; {per * 1e3:.1f} ms CPU a film, server included"
    )
    return share >= SHARE and later <= done * took / 100


async def calls(world: World, folder: Path) -> bool:
    """Questions that each show of the demo takes."""
    world.tmdb.rate, world.tmdb.delay = 10_000, 0.0
    world.tmdb.asked.clear()
    async with node(folder, world) as runtime:
        work = asyncio.create_task(ticking(runtime))
        while await titles.SHOWS.any(runtime.store) or not await shows_read(runtime):
            await asyncio.sleep(0.1)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    kept = True
    for one in demo_cinema.shows():
        asked, most = world.tmdb.asked.get(f"tv/{one.id}", 0), ceil(len(one.seasons) / 18)
        kept &= 0 < asked <= most
    asked = sum(world.tmdb.asked.get(f"tv/{one.id}", 0) for one in demo_cinema.shows())
    count = sum(len(one.seasons) for one in demo_cinema.shows())
    print(
        f"shows: {len(demo_cinema.shows())} with {count} seasons took {asked} questions; each at most ⌈seasons/18⌉: {kept}"
    )
    return kept


async def shows_read(runtime: Runtime) -> bool:
    from nightcrew.movies.catalogue.models import show

    query = sa.select(sa.func.count(), sa.func.count(show.c.synced_at)).select_from(show)
    async with runtime.store.read() as connection:
        every, read = (await connection.execute(query)).one()
    return every == len(demo_cinema.shows()) == read


async def killed(world: World, folder: Path, count: int, times: int = 5) -> bool:
    """Kill a node at work several times; in the end nothing may be left."""
    world.tmdb.extra, world.tmdb.rate, world.tmdb.delay = count, 10_000, 0.02
    async with node(folder, world) as runtime:
        await fill(runtime, count)
    world.tmdb.asked.clear()
    for _ in range(times):
        lab = subprocess.Popen([sys.executable, __file__, "--lab", str(folder)])
        before = world.tmdb.answered
        while world.tmdb.answered < before + count // (2 * times) and lab.poll() is None:
            await asyncio.sleep(0.02)
        os.kill(lab.pid, signal.SIGKILL)
        await asyncio.to_thread(lab.wait)
    async with node(folder, world) as runtime:
        work = asyncio.create_task(ticking(runtime))
        async with asyncio.timeout(300):  # what a killed node held is free when its leases are over
            while (left := await unread(runtime)) > 0:
                await asyncio.sleep(0.1)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    asked = sum(
        number for path, number in world.tmdb.asked.items() if path.startswith("movie/1") and path[6:].isdigit()
    )
    print(f"kill -9 × {times}: {left} of {count} films lost; {asked - count} asked for twice")
    return left == 0


async def lab(folder: Path) -> None:
    """A node that works until it is killed."""
    async with app.node(app.Config(data_dir=folder)) as (runtime, _):
        assert DOMAIN.start
        await DOMAIN.start(runtime)
        runtime.add(Connections(runtime))
        await ticking(runtime)


async def fairness(world: World, folder: Path, rows: int, dead: int) -> bool:
    """A healthy film becomes due among many rows, of which some fail for ever: how many intervals it is late."""
    world.tmdb.extra, world.tmdb.rate, world.tmdb.delay = 0, RATE, DELAY
    interval = 5400.0
    async with node(folder, world) as runtime:
        await fill(runtime, 1)
        async with runtime.store.write() as connection:
            row = dict((await connection.execute(sa.select(movie))).mappings().one())
            plain = {key: value for key, value in row.items() if key not in {"id", "titles", "genres"}}
            plain |= {"titles": "[]", "genres": "[]"}
            later = (utcnow() + timedelta(days=90)).strftime("%Y-%m-%d %H:%M:%S.%f")
            now = utcnow().strftime("%Y-%m-%d %H:%M:%S.%f")
            old = (utcnow() - timedelta(days=3)).strftime("%Y-%m-%d %H:%M:%S.%f")
            moments = {"added_at": now, "changed_at": now, "synced_at": old}
            world.tmdb.broken.update(range(500_000, 500_000 + dead))
            many = [
                {**plain, **moments, "tmdb_id": 100_000 + at, "sync_due_at": later, "sync_failures": 0}
                for at in range(rows - dead)
            ]
            many += [
                {**plain, **moments, "tmdb_id": 500_000 + at, "sync_due_at": old, "sync_failures": 3}
                for at in range(dead)
            ]
            await insert_many(connection, movie, many)
        world.tmdb.extra = 1
        work = asyncio.create_task(ticking(runtime))
        await asyncio.sleep(5)
        late = []
        for _ in range(20):
            began = time.monotonic()
            async with runtime.store.write() as connection:
                mine = movie.c.tmdb_id == 10_000
                await titles.FILMS.make_due(connection, mine, at=utcnow(), synced_at=None)
            while await unread(runtime):
                await asyncio.sleep(0.02)
            late.append(time.monotonic() - began)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        tried = sum(number for path, number in world.tmdb.asked.items() if path.startswith("movie/5"))
    late.sort()
    worst = late[-1] / interval
    print(
        f"fairness: among {rows} films and {dead} that fail for ever ({tried} tries meanwhile) a healthy one is read after"
    )
    print(f"      {late[len(late) // 2]:.2f} s (median), {late[-1]:.2f} s at worst: {worst:.4f} intervals (promised 1)")
    return worst <= 1


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, default=1500)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dead", type=int, default=1_000)
    parser.add_argument("--only", choices=["calls", "rate", "killed", "fairness"])
    parser.add_argument("--lab", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.lab:
        await lab(given.lab)
        return
    kept = []
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        folder = Path(temporary)
        with served() as world:
            if given.only in {None, "calls"}:
                kept.append(await calls(world, folder / "calls"))
            if given.only in {None, "rate"}:
                kept.append(await rate(world, folder / "rate", given.films))
            if given.only in {None, "killed"}:
                kept.append(await killed(world, folder / "killed", 600))
            if given.only in {None, "fairness"}:
                kept.append(await fairness(world, folder / "fair", given.rows, given.dead))
    if not all(kept):
        sys.exit("a promise was not kept")


if __name__ == "__main__":
    asyncio.run(main())
