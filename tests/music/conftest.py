"""A node with the demo's slskd connected, in which nothing takes long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from furnished import furnish, new_database
from nightcrew import app
from nightcrew.demo.world import MUSIC, World
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import importing, searching, syncing
from nightcrew.music.domain import DOMAIN
from shop import Shop
from support import at_rest, running


@pytest.fixture(scope="session")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of the network's peers are made, once for all tests of a process."""
    return tmp_path_factory.mktemp("audio")


@pytest.fixture
async def world(audio: Path, tmp_path: Path) -> AsyncIterator[World]:
    async with World(live=False, services=MUSIC, streams=tmp_path / "world") as made:
        made.soulseek.begin(tmp_path / "slskd", audio)
        made.soulseek.delay = 0.1
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short."""
    monkeypatch.setattr(searching, "LOOK", 0.15)
    monkeypatch.setattr(searching, "AWAY", 0.3)
    monkeypatch.setattr(syncing, "SOON", 0.15)
    monkeypatch.setattr(syncing, "AWAY", 0.3)
    monkeypatch.setattr(syncing, "GRACE", 1.0)
    monkeypatch.setattr(syncing.PollPace, "__init__", lambda self: setattr(self, "seconds", 0.15))
    monkeypatch.setattr(importing, "LATER", 0.5)


@pytest.fixture
async def shop(world: World, quick: None, tmp_path: Path) -> AsyncIterator[Shop]:
    async with running(tmp_path / "data") as node:
        connection = await node.post("/api/v1/connections", world.services()["slskd"])
        yield Shop(node, world, connection)


@pytest.fixture(params=["sqlite", "postgres"])
async def resting(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Runtime]:
    """A node in which nobody works, once on each database."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        url = new_database(server, like=request.getfixturevalue("furnished"))
    folder = tmp_path / "data"
    await asyncio.to_thread(furnish, app.Config(data_dir=folder, database_url=url))
    async with at_rest(folder, DOMAIN, database_url=url) as runtime:
        runtime.add(Connections(runtime))
        yield runtime
