"""Movies: a list at TMDB is read in each round; each of its films is stored once, and none is lost."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

from darkroom import Server
from nightcrew.demo import tmdb
from nightcrew.demo.faults import Fault
from nightcrew.demo.world import World

from . import Case, Outside

KEPT = "movie/popular"


class Tmdb(Outside):
    """The demo's TMDB, which answers 500 while it is away."""

    def __init__(self) -> None:
        super().__init__("TMDB", lambda _: 404)
        self.world = World(live=False, services=(tmdb.routes,))

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Outside]:
        async with self.world:
            self.world.tmdb.rate = 10_000.0
            yield self

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        self.world.faults.set("tmdb", Fault.ERROR_500)
        try:
            yield
        finally:
            self.world.faults.clear("tmdb")


class Movies(Case):
    def __init__(self) -> None:
        self.tmdb = Tmdb()
        super().__init__("movies", [self.tmdb])

    async def begin(self, server: Server) -> None:
        for one in (await server.get("/api/v1/lists"))["items"]:
            if one["path"] == KEPT:
                self.list = one["id"]
            else:
                assert (await server.http.delete(f"/api/v1/lists/{one['id']}")).is_success
        await server.post("/api/v1/connections", dict(self.tmdb.world.cinema()["tmdb"]))

    async def work(self, server: Server, number: int) -> None:
        await server.post(f"/api/v1/lists/{self.list}/refresh")

    async def ended(self, server: Server, number: int) -> bool:
        (one,) = (await server.get("/api/v1/lists"))["items"]
        if one["failures"]:  # TMDB was away
            await self.work(server, number)
            return False
        due = datetime.fromisoformat(one["due_at"]) if one["due_at"] else datetime.min.replace(tzinfo=UTC)
        return bool(one["size"]) and due > datetime.now(UTC) + timedelta(minutes=10)

    async def check(self, server: Server, number: int) -> None:
        ranked = self.tmdb.world.tmdb.ranked("movie", KEPT)
        rows = (await server.get("/api/v1/movies", params={"limit": 200, "list": self.list}))["items"]
        assert sorted(row["tmdb_id"] for row in rows) == sorted(ranked)


CASE = Movies
