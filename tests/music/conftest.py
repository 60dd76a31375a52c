"""A node with the demo's slskd connected, in which nothing takes long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nightcrew.demo.world import MUSIC, World
from nightcrew.music import importing, searching, syncing
from shop import Shop
from support import running


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
