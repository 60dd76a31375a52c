"""Recordings: one goes on through all rounds, and every picture of its source is on disk once, or told to be missing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

from counted import LONG, Counted
from counter import Film
from darkroom import OVER, Server, accounted, finish, get, record

from . import Case, Outside


class Live(Outside):
    """A live source, which answers 503 while it is away."""

    def __init__(self, film: Film) -> None:
        super().__init__("a live source", lambda _: 404)
        self.source = Counted(film, window=10, keeps=LONG)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Outside]:
        async with self.source:
            yield self

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        self.source.answer = 503
        try:
            yield
        finally:
            self.source.answer = None


class Recordings(Case):
    def __init__(self, film: Film) -> None:
        self.live = Live(film)
        super().__init__("recordings", [self.live])

    async def begin(self, server: Server) -> None:
        self.number = (await record(server, self.live.source.url))["id"]
        self.before = 0.0

    async def work(self, server: Server, number: int) -> None:
        self.before = (await get(server, self.number))["seconds"]

    async def ended(self, server: Server, number: int) -> bool:
        row = await get(server, self.number)
        return bool(row["state"] == "recording" and row["seconds"] >= self.before + 1)

    async def check(self, server: Server, number: int) -> None:
        rows = (await server.get("/api/v1/recordings"))["items"]
        assert [row["id"] for row in rows] == [self.number], rows
        assert rows[0]["state"] not in OVER, rows

    async def close(self, server: Server) -> None:
        await accounted(server, await finish(server, self.number), self.live.source)


CASE = Recordings
