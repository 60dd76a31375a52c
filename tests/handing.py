"""Nodes that hand over, step by step, with the demo's download client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from furnished import furnish
from nightcrew import app
from nightcrew.demo import bencoding, downloaders, torrents
from nightcrew.demo.downloads import Downloads
from nightcrew.demo.world import World
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import now_of
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.domain import DOMAIN
from nightcrew.movies.handover import following as handovers
from nightcrew.movies.handover.following import HandoverCrew
from nightcrew.movies.handover.models import HandoverEntry, handover
from nightcrew.movies.handover.rules import HandoverState
from nightcrew.movies.sources.models import SourceState, source
from nightcrew.movies.store import handovers as rows
from nightcrew.movies.store import offering
from nightcrew.movies.store.offering import OfferedSource
from support import at_rest, until

FILM = 1
GOOD = torrents.film("Nosferatu", 1922, minutes=94)
SECOND = torrents.film("Nosferatu", 1922, minutes=94, tags="720p.BluRay.x264-OTHER", mb_per_minute=20)
FAKE = torrents.film("Nosferatu", 1922, minutes=94, defect="executable", tags="2160p.WEB-FAKE")


@dataclass
class Crew:
    """A node that hands over, step by step."""

    node: Runtime
    world: World

    @property
    def has(self) -> Downloads:
        return self.world.downloads

    async def step(self) -> None:
        """Look at everything once."""
        async with self.node.store.write() as connection:
            now = await now_of(connection)  # by which it is claimed
            await connection.execute(sa.update(handover).where(handover.c.ended_at.is_(None)).values(due_at=now))
        await handovers.follow(self.node)
        await until(lambda: not self.node.part(HandoverCrew).hands.held)

    async def rest(self) -> None:
        """Go on until nothing is left to be done for those that have ended."""

        async def done() -> bool:
            async with self.node.store.write() as connection:
                left = sa.update(handover).where(handover.c.ended_at.is_not(None), handover.c.due_at.is_not(None))
                if not (await connection.execute(left.values(due_at=await now_of(connection)))).rowcount:
                    return True
            await self.step()
            return False

        await until(done)

    async def reach(self, *states: HandoverState, steps: int = 30, film: int = FILM) -> HandoverEntry:
        """Go on until the newest hand-over stands so."""
        for _ in range(steps):
            await self.step()
            entry = (await rows.of_movie(self.node.store, film))[0]
            if entry.state in states:
                return entry
            self.clock += 1.0
        pytest.fail(f"it is {entry.state}: {entry.reason}; all of it: {entry}")

    clock: float = 1000.0


async def furnish_films(node: Runtime, *data: bytes, film: int = FILM) -> None:
    """A film, and sources of it, the first the best."""
    values: dict[str, Any] = {
        "id": film,
        "tmdb_id": 652 + film,
        "imdb_id": "tt0013442",
        "title": "Nosferatu",
        "runtime_min": 94,
    }
    for one in movie.c:
        if one.name not in values and not one.nullable:
            empty: dict[str, Any] = {"titles": (), "genres": ()}
            blank = utcnow() if one.name.endswith("_at") else False if isinstance(one.type, sa.Boolean) else 0
            values[one.name] = empty.get(one.name, "" if isinstance(one.type, sa.String | sa.Text) else blank)
    values |= {"released_on": "1922-03-04", "language": "de"}
    async with node.store.write() as connection:
        await connection.execute(sa.insert(movie).values(values))
    offers = []
    for place, one in enumerate(data):
        name = str(bencoding.decode(one)[0][b"info"][b"name"].decode())
        sealed = node.vault.seal({"link": "", "magnet": torrents.magnet_of(one)})
        swarm = torrents.hash_of(one)
        offers.append(OfferedSource(swarm, swarm, name, sealed, swarm, None, 5, 1, None, "", {}, 100.0 - place, (), ""))
    await offering.take(node.store, film, 99, offers)
    async with node.store.write() as connection:
        await connection.execute(
            sa.update(source).where(source.c.movie_id == film).values(state=SourceState.UNREAD, file_due_at=None)
        )


@asynccontextmanager
async def started(folder: Path, world: World, url: str | None = None) -> AsyncIterator[Crew]:
    """The node, from a start to a stop."""
    async with at_rest(folder, DOMAIN, database_url=url) as node:
        node.add(Connections(node))
        made = Crew(node, world)
        world.downloads.clock = lambda: made.clock
        yield made


async def connect(node: Runtime, world: World) -> None:
    values = dict(world.cinema()["qbittorrent"])
    await connections.add(node, {**values, "address": values.pop("url")}, actor="test")


@asynccontextmanager
async def client_world() -> AsyncIterator[World]:
    """A world with a download client alone, whose swarms have the three torrents."""
    async with World(live=False, services=(downloaders.routes,)) as made:
        made.downloads.library = {torrents.hash_of(one): one for one in (GOOD, SECOND, FAKE)}
        yield made


@asynccontextmanager
async def manned(folder: Path, world: World) -> AsyncIterator[Crew]:
    """A node that is connected with the world's client."""
    await asyncio.to_thread(furnish, app.Config(data_dir=folder))
    async with started(folder, world) as made:
        await connect(made.node, world)
        yield made
