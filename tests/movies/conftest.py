"""Nodes with the demo's TMDB connected, and nodes with its indexers and tracker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import reels
from catalogue_house import Cinema, connected
from furnished import furnish, new_database
from nightcrew import app
from nightcrew.demo import tmdb as tmdb_service
from nightcrew.demo.world import MOVIES, World
from nightcrew.kernel.connections.lines import Connections
from nightcrew.movies.domain import DOMAIN
from reels import Reels
from support import at_rest


@pytest.fixture
async def cinema_world() -> AsyncIterator[World]:
    async with World(live=False, services=(tmdb_service.routes,)) as made:
        made.tmdb.rate = 10_000.0
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
async def cinema(request: pytest.FixtureRequest, cinema_world: World, tmp_path: Path) -> AsyncIterator[Cinema]:
    """Once on each database."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        url = new_database(server, like=request.getfixturevalue("furnished"))
    folder = tmp_path / "data"
    await asyncio.to_thread(furnish, app.Config(data_dir=folder, database_url=url))
    async with at_rest(folder, DOMAIN, database_url=url) as runtime:
        runtime.add(Connections(runtime))
        yield Cinema(runtime, cinema_world, await connected(runtime, cinema_world))


@pytest.fixture
async def small_cinema(cinema_world: World, tmp_path: Path) -> AsyncIterator[Cinema]:
    """On SQLite alone, for what has nothing to do with databases."""
    folder = tmp_path / "data"
    await asyncio.to_thread(furnish, app.Config(data_dir=folder))
    async with at_rest(folder, DOMAIN) as runtime:
        runtime.add(Connections(runtime))
        yield Cinema(runtime, cinema_world, await connected(runtime, cinema_world))


@pytest.fixture
async def movie_world() -> AsyncIterator[World]:
    async with World(live=False, services=MOVIES) as made:
        made.indexers.links = ("torrent",)
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
async def reel(request: pytest.FixtureRequest, movie_world: World, tmp_path: Path) -> AsyncIterator[Reels]:
    """Once on each database."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        url = new_database(server, like=request.getfixturevalue("furnished"))
    folder = tmp_path / "data"
    await asyncio.to_thread(furnish, app.Config(data_dir=folder, database_url=url))
    async with reels.opened(folder, movie_world, url) as made:
        yield made


@pytest.fixture
async def small_reel(movie_world: World, tmp_path: Path) -> AsyncIterator[Reels]:
    """On SQLite alone, for what has nothing to do with databases."""
    folder = tmp_path / "data"
    await asyncio.to_thread(furnish, app.Config(data_dir=folder))
    async with reels.opened(folder, movie_world) as made:
        yield made
