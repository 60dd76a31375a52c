"""A node with the demo's indexers and tracker, in which what works is what a test does."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nightcrew.demo import indexers as demo_indexers
from nightcrew.demo.indexing import Indexers
from nightcrew.demo.releases import DemoRelease, ShelfFilm
from nightcrew.demo.tracking import DemoTracker
from nightcrew.demo.world import World
from nightcrew.kernel.activity import Entry
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections import store as connection_rows
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.http_pace import Pace
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue.models import MovieEntry, movie
from nightcrew.movies.domain import DOMAIN
from nightcrew.movies.quality import rescoring
from nightcrew.movies.releases.names import read
from nightcrew.movies.sources import files, resync, search, stats
from nightcrew.movies.sources.crew import MovieCrew
from nightcrew.movies.sources.judging import stored
from nightcrew.movies.sources.models import MovieSearch, SourceEntry, SourceState, source, swarm_count
from nightcrew.movies.sources.models import search as searches_table
from nightcrew.movies.store import films, searches, sources, swarms
from support import at_rest, until

TORZNAB, LIST = "torznab", "list_movies"
BUNNY = ShelfFilm("Big Buck Bunny", 2008, "tt1254207", 10)
SINTEL = ShelfFilm("Sintel", 2010, "tt1727587", 15)


@dataclass
class Reels:
    """A node in which nobody works, and the services that it asks."""

    node: Runtime
    world: World
    numbers: dict[str, int] = field(default_factory=dict)
    """Of the connections, by kind."""

    @property
    def indexers(self) -> Indexers:
        """The switches of the indexers."""
        return self.world.indexers

    @property
    def tracker(self) -> DemoTracker:
        """The switches of the tracker."""
        return self.world.tracker

    @property
    def crew(self) -> MovieCrew:
        return self.node.part(MovieCrew)

    def releases(self, film: ShelfFilm = BUNNY) -> Sequence[DemoRelease]:
        """What the indexers offer for it."""
        return self.world.indexers.shelf.of(film)

    async def connect(self, *kinds: str) -> None:
        """Connect some of the indexers; all without a word."""
        for one in demo_indexers.connections(self.world.url):
            if not kinds or one["kind"] in kinds:
                self.numbers[one["kind"]] = number = (await connections.add(self.node, dict(one), actor="test")).id
                await self.hurry(number)

    async def film(self, film: ShelfFilm = BUNNY, *, wanted: bool = True, **values: Any) -> int:
        """A film that the catalogue knows; returns its number."""
        now = utcnow()
        row = {
            "tmdb_id": int(film.imdb[2:]), "imdb_id": film.imdb, "title": film.title, "original_title": film.title, "titles": (),
            "language": "en", "overview": "", "released_on": f"{film.year}-01-01", "runtime_min": film.minutes, "genres": (), "poster": "",
            "backdrop": "", "popularity": 1.0, "vote_average": 0.0, "vote_count": 0, "status": "", "gone": False, "wanted": wanted,
            "added_at": now, "changed_at": now, "synced_at": now, "sync_failures": 0, "search_due_at": now if wanted else None,
        }  # fmt: skip
        async with self.node.store.write() as connection:
            made = await connection.execute(sa.insert(movie).values(row | values).returning(movie.c.id))
            return int(made.scalar_one())

    async def entry(self, movie_id: int) -> MovieEntry:
        return await films.get(self.node.store, movie_id)

    async def add(self, movie_id: int, hashes: Sequence[str], trackers: Sequence[str] = (), **values: Any) -> list[int]:
        """Sources that were checked, and that these trackers know; returns their numbers. They are counted now."""
        now = utcnow()
        row = {
            "movie_id": movie_id, "connection_id": self.numbers.get(TORZNAB, 0), "hash_v2": "", "found_at": now, "seen_at": now,
            "state": SourceState.VERIFIED, "reason": "", "final": False, "private": False, "files": [["film.mkv", 10**9]],
            "file_count": 1, "release": {}, "score": 0.0, "parts": [], "unfit": "", "file_failures": 0, "stats_due_at": now,
            "stats_wait_h": 0.0, "missed": 0, "size": 600_000_000,
        }  # fmt: skip
        name = "Big.Buck.Bunny.2008.1080p.BluRay.x264-DEMO"
        rows = [
            row | {"fingerprint": one, "swarm": one, "title": name, "release": stored(read(name))} | values
            for one in hashes
        ]
        async with self.node.store.write() as connection:
            await connection.execute(sa.insert(source), rows)
        if trackers:
            await swarms.name_trackers(self.node.store, self.node.vault, hashes[0], trackers)
            async with self.node.store.write() as connection:
                ids = list((await connection.execute(sa.select(swarm_count.c.tracker_id).distinct())).scalars())
                links = [{"swarm": one, "tracker_id": number} for one in hashes[1:] for number in ids]
                if links:
                    await connection.execute(sa.insert(swarm_count), links)
        known = {one.swarm: one.id for one in await self.sources(movie_id)}
        return [known[one] for one in hashes]

    def share(self, one: str, seeds: int, leechers: int = 0) -> None:
        """The world's tracker knows these numbers of a swarm."""
        self.tracker.swarms.known[bytes.fromhex(one)] = (seeds, leechers, seeds * 7)

    # -- the tasks -----------------------------------------------------------------------------------------------------

    async def search(self) -> None:
        """Search until nothing is due any more at indexers that may be asked."""
        await self._all(search.search, search.next_at, self.crew.searches)

    async def read(self) -> None:
        """Read all torrent files that are due."""
        await self._all(files.read_files, files.next_at, self.crew.files)

    async def count(self) -> None:
        """Count all seeds that are due."""
        await self._all(stats.count, stats.next_at, self.crew.stats)

    async def resync(self) -> None:
        """Look at all old sources that are due."""
        await self._all(resync.resync, resync.next_at, self.crew.resyncs)

    async def _all(
        self,
        work: Callable[[Runtime], Awaitable[None]],
        next_at: Callable[[Runtime], Awaitable[datetime | None]],
        hands: Hands,
    ) -> None:
        async def quiet() -> bool:
            await work(self.node)
            if hands.held or hands.free == 0:
                return False
            at = await next_at(self.node)
            return at is None or at > utcnow()

        await until(quiet)

    async def do_jobs(self) -> None:
        """Have the jobs of the domain done from now on."""
        for job in DOMAIN.jobs:
            self.node.jobs.declare(job)
        await self.node.jobs.launch(functools.partial(Run, self.node))

    # -- what is known -------------------------------------------------------------------------------------------------

    async def sources(self, movie_id: int) -> list[SourceEntry]:
        return await sources.of_movie(self.node.store, movie_id)

    async def named(self, movie_id: int, part: str) -> SourceEntry:
        """The one source whose name has this part."""
        (one,) = [one for one in await self.sources(movie_id) if part in one.title]
        return one

    async def searches(self, movie_id: int) -> dict[str, MovieSearch]:
        """How a film stands at each indexer, by its kind."""
        kinds = {number: kind for kind, number in self.numbers.items()}
        rows = await searches.of_movie(self.node.store, movie_id)
        return {kinds[one.connection_id]: one for one in rows}

    async def change(self, source_id: int | None = None, **values: Any) -> None:
        """Write into one source, or all."""
        where = sa.true() if source_id is None else source.c.id == source_id
        async with self.node.store.write() as connection:
            await connection.execute(sa.update(source).where(where).values(values))

    async def due_again(self, *kinds: str) -> None:
        """All searches, or those at some indexers, are due now, and each indexer may be asked."""
        numbers = [self.numbers[one] for one in kinds or self.numbers]
        async with self.node.store.write() as connection:
            mine = searches_table.c.connection_id.in_(numbers)
            await searches.SEARCHES.make_due(connection, mine, at=utcnow() - timedelta(seconds=1))

    async def mended(self, kind: str) -> None:
        """Forget that an indexer failed, as after its pause."""
        one = await connection_rows.get(self.node.store, self.numbers[kind])
        await connections.change(self.node, one.id, {"enabled": False}, actor="test")
        await connections.change(self.node, one.id, {"enabled": True}, actor="test")
        await self.hurry(one.id)

    async def hurry(self, number: int) -> None:
        """Ask an indexer as often as a test likes."""
        (await self.node.part(Connections).line(number)).pace = Pace(at_once=8, per_second=1_000.0)

    async def told(self, kind: str) -> list[Entry]:
        """What people were told of a kind, the oldest first."""
        return list(reversed(await self.node.activity.page(kind=kind, limit=200)))


@contextlib.asynccontextmanager
async def opened(folder: Path, world: World, database_url: str | None = None) -> AsyncIterator[Reels]:
    """A node in which nobody works."""
    async with at_rest(folder, DOMAIN, database_url=database_url) as runtime:
        runtime.add(Connections(runtime))
        await runtime.settings.change(runtime.store, {"movies.private_trackers": True}, actor="test")
        yield Reels(runtime, world)


async def rescored(node: Runtime) -> None:
    """Wait until the sources of all films are judged by what is in use now."""
    ended = await node.jobs.wait(await rescoring.begin(node))
    assert ended.state == "done", ended
