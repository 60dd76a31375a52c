"""A node with the demo's slskd connected, in which nothing takes long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nightcrew.demo.soulseek import Soulseek
from nightcrew.demo.world import MUSIC, World
from nightcrew.kernel.store import Store
from nightcrew.music import importing, searching, syncing
from nightcrew.music.models import WantedEntry, WantedState
from nightcrew.music.store import wanted
from support import Node, running, until


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


@dataclass
class Shop:
    """A node, its network, and what is asked of both."""

    node: Node
    world: World
    connection: dict[str, Any]

    @property
    def store(self) -> Store:
        return self.node.runtime.store

    @property
    def network(self) -> Soulseek:
        return self.world.soulseek

    async def want(self, artist: str, title: str, seconds: float | None = None, **more: Any) -> int:
        """Want a track; returns its number."""
        body = {"title": title, "artists": [artist], "seconds": seconds, **more}
        return int((await self.node.post("/api/v1/music/wanted", body))["id"])

    async def entry(self, number: int) -> WantedEntry:
        return await wanted.get(self.store, number)

    async def stands(self, number: int, *states: WantedState) -> WantedEntry:
        """Wait until a track stands in one of these states; one that is missing was tried."""

        async def there() -> bool:
            one = await self.entry(number)
            return one.state in states and (one.state is not WantedState.MISSING or one.tried_at is not None)

        await until(there, 60.0)
        return await self.entry(number)

    async def detail(self, number: int) -> dict[str, Any]:
        return dict(await self.node.get(f"/api/v1/music/wanted/{number}"))

    @property
    def library(self) -> list[str]:
        """The files in the library."""
        root = self.node.runtime.data_dir / "music"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.fixture
async def shop(world: World, quick: None, tmp_path: Path) -> AsyncIterator[Shop]:
    async with running(tmp_path / "data") as node:
        connection = await node.post("/api/v1/connections", world.services()["slskd"])
        yield Shop(node, world, connection)
