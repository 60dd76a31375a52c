"""A node with the demo's network of music, and what tests ask of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nightcrew.demo.soulseek import Soulseek
from nightcrew.demo.world import World
from nightcrew.kernel.store import Store
from nightcrew.music.models import WantedEntry, WantedState
from nightcrew.music.store import wanted
from support import Node, until

RUBBISH = ["html", "truncated-json", "empty", "half", "wrong-type", "garbage", "500", "404", "redirect-loop"]
"""Faults of a service that says something else than it was asked for."""


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
