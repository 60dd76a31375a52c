"""A healthy film among 100,000 at two indexers, of which 1,000 fail for ever and one indexer is banned: how late it is searched for.

Then what each question of the tasks costs with so many rows: the claim of a tick, when the next one is, and the figures of pages.

    python bench/fairness.py [--films 100000] [--dead 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from nightcrew import app
from nightcrew.kernel import store as kernel_store
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import Store
from nightcrew.movies.sources import rules
from nightcrew.movies.sources.crew import AT_ONCE
from nightcrew.movies.sources.models import MovieSearch, search
from nightcrew.movies.store import backlogs, searches, sources, titles, totals, verdicts

WELL, BANNED = 1, 2
HANDS = 12
"""Searches that one tick claims at most."""
TIMES = 40
PROMISED = 5.0
"""Milliseconds that one question of a tick may take."""
SHOWN = 100.0
"""Milliseconds that the figures of a page may take, which are asked for once a minute or by a person."""
INTERVAL = (rules.SEARCH_FIRST + rules.SEARCH_SPREAD / 2).total_seconds()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    """A database with all tables."""
    store = Store(f"sqlite+aiosqlite:///{folder / 'nightcrew.db'}")
    scripts = [Path(kernel_store.__file__).parent / "migrations" / "versions"]
    scripts += [domain.migrations for domain in app.DOMAINS if domain.migrations]
    await asyncio.to_thread(kernel_store.migrate, sa.make_url(store.url), scripts)
    try:
        yield store
    finally:
        await store.close()


_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {films})"
_FILMS = """
INSERT INTO movie (id, tmdb_id, imdb_id, title, original_title, titles, language, overview, released_on, genres, poster,
  backdrop, popularity, vote_average, vote_count, status, gone, wanted, added_at, changed_at, synced_at, sync_due_at,
  sync_failures, best_id)
{numbers} SELECT i, i, printf('tt%07d', i), 'Film ' || i, 'Film ' || i, '[]', 'en', hex(zeroblob(200)), '1950-01-01', '[]', '',
  '', i % 1000, 0, 0, '', 0, 1, '{now}', '{now}', '{now}', '{later}', 0, CASE WHEN i % 2 THEN i * 3 END FROM n
"""
_SEARCHES = """
INSERT INTO movie_search (movie_id, connection_id, priority, due_at, in_vain, failures, reason)
{numbers} SELECT i, {indexer}, 0, {due}, 0, CASE WHEN i <= {dead} THEN 9 ELSE 0 END, '' FROM n
"""
_SOURCES = """
INSERT INTO movie_source (id, movie_id, connection_id, fingerprint, title, swarm, hash_v2, found_at, seen_at, state, reason, final, private,
  files, file_count, release, score, parts, unfit, file_due_at, file_failures, stats_due_at, stats_wait_h, resync_due_at, missed)
{numbers} SELECT i * 3, i, 1 + i % 2, 'f' || i, 'Film ' || i, printf('%040x', i), '', '{now}', '{now}', 'verified', '', 0, 0,
  '[]', 0, '{{}}', i % 97, '[]', '', CASE WHEN i % 3 = 0 THEN '{now}' END, 0, '{later}', 6, '{later}', 0 FROM n
"""
_OFFERS = """
INSERT INTO movie_source_offer (source_id, connection_id, guid, reach, seen_at)
SELECT id, connection_id, fingerprint, '', seen_at FROM movie_source
"""


async def fill(store: Store, films: int, dead: int) -> None:
    """All films are wanted. At the well indexer their searches are spread over the time in which each has its turn once.

    Those that fail for ever are due now, and so are all at the banned indexer.
    """
    now = utcnow()
    stamp, later = (one.strftime("%Y-%m-%d %H:%M:%S.%f") for one in (now, now + timedelta(days=30)))
    numbers = _NUMBERS.format(films=films)
    late = f"strftime('%Y-%m-%d %H:%M:%f', 'now', '+' || (60 + i * {int(INTERVAL * HANDS)} / {films}) || ' seconds') || '000'"
    due = f"CASE WHEN i <= {dead} THEN '{stamp}' ELSE {late} END"
    async with store.write() as connection:
        for text in (
            _FILMS.format(numbers=numbers, now=stamp, later=later),
            _SEARCHES.format(numbers=numbers, indexer=WELL, due=due, dead=dead),
            _SEARCHES.format(numbers=numbers, indexer=BANNED, due=f"'{stamp}'", dead=0),
            _SOURCES.format(numbers=numbers, now=stamp, later=later),
            _OFFERS,
        ):
            await connection.exec_driver_sql(text)


async def settled(store: Store, rows: list[MovieSearch]) -> None:
    """What a search leaves behind: one that fails for ever is put off as rules say, another one has its turn again."""
    for row in rows:
        now = utcnow()
        if row.failures:
            due_at = rules.next_after_failure(now, row.failures + 1, 0.5)
            await searches.settle(store, row, by="n", due_at=due_at, failures=row.failures + 1, reason="it failed")
        else:
            due_at = rules.next_search(now, "1950-01-01", row.in_vain + 1, 0.5)
            await searches.settle(store, row, by="n", due_at=due_at, in_vain=row.in_vain + 1, reason="nothing")


async def delay(store: Store, film: int) -> tuple[int, float]:
    """A healthy film becomes due behind all that wait. Ticks, and seconds at 0.1 s a tick, until it is claimed."""
    async with store.write() as connection:
        mine = sa.and_(search.c.movie_id == film, search.c.connection_id == WELL)
        await searches.SEARCHES.make_due(connection, mine, at=utcnow())
    ticks = 0
    while True:
        ticks += 1
        rows = await searches.claim(store, by="n", limit=HANDS, indexers={WELL: AT_ONCE}, after=None)
        assert rows, "it was never claimed"
        assert all(one.connection_id == WELL for one in rows)
        await settled(store, rows)
        if any(one.movie_id == film for one in rows):
            return ticks, ticks * 0.1


async def often(work: Callable[[], Awaitable[object]], times: int = TIMES) -> float:
    """The median of several times, in milliseconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e3


async def costs(store: Store) -> dict[str, tuple[float, float]]:
    """Milliseconds of each question, and what is promised."""

    async def claim() -> None:
        await searches.claim(store, by="n", limit=HANDS, indexers={WELL: AT_ONCE}, after=None)

    async def claim_both() -> None:
        assert await searches.claim(store, by="n", limit=HANDS, indexers={WELL: AT_ONCE, BANNED: AT_ONCE}, after=WELL)

    async def claim_files() -> None:
        assert await verdicts.claim_files(store, by="n", limit=6, indexers={WELL: AT_ONCE})

    asked: dict[str, tuple[Callable[[], Awaitable[object]], float]] = {
        "claim searches, nothing due": (claim, PROMISED),
        "next search": (lambda: searches.next_at(store, [WELL]), PROMISED),
        "next search, of both": (lambda: searches.next_at(store, [WELL, BANNED]), PROMISED),
        "films to be given to indexers": (lambda: searches.spread(store, [WELL, BANNED]), PROMISED),
        "do any wait for that?": (lambda: searches.waiting(store), PROMISED),
        "claim searches": (claim_both, 2 * PROMISED),
        "claim files": (claim_files, 2 * PROMISED),
        "next file": (lambda: verdicts.files_due(store, [WELL]), PROMISED),
        "claim stats, nothing due": (lambda: sources.STATS.claim(store, by="n", limit=400), PROMISED),
        "next stats": (lambda: sources.STATS.soonest(store), PROMISED),
        "next resync": (lambda: sources.RESYNCS.soonest(store), PROMISED),
        "next film of the sync": (lambda: titles.FILMS.soonest(store, titles.FRESH), PROMISED),
        "files of an indexer that went away": (lambda: verdicts.give_to(store, [WELL], [WELL, BANNED]), 10 * SHOWN),
        "an indexer that has all films": (lambda: searches.catch_up(store, WELL), 10 * SHOWN),
        "what waits for each task": (lambda: backlogs.waiting(store), SHOWN),
        "figures of the first page": (lambda: totals.figures(store), SHOWN),
    }
    return {name: (await often(work, TIMES if most < SHOWN else 5), most) for name, (work, most) in asked.items()}


async def measure(folder: Path, films: int, dead: int) -> list[str]:
    """Prints each figure; returns what was not kept."""
    missed = []
    async with opened(folder) as store:
        began = time.perf_counter()
        await fill(store, films, dead)
        print(
            f"{films} films at two indexers, {dead} fail for ever, one indexer is banned ({time.perf_counter() - began:.0f} s)"
        )
        assert films > dead
        ticks, seconds = await delay(store, films)
        late = seconds / INTERVAL
        print(
            f"  a healthy film is claimed after {ticks} ticks, {seconds:.1f} s: {late:.4f} intervals late (promised 1)"
        )
        if late > 1:
            missed.append("the delay of a healthy film")
        for name, (took, most) in (await costs(store)).items():
            print(f"  {name:36} {took:8.2f} ms  promised {most:g} ms{'' if took <= most else '  MISSED'}", flush=True)
            if took > most:
                missed.append(name)
    return missed


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--dead", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        if failed := asyncio.run(measure(Path(temporary), given.films, given.dead)):
            sys.exit(f"missed: {', '.join(failed)}")
