"""The demo's providers of channels."""

from __future__ import annotations

from nightcrew.demo import catalogue, guide, live, m3u, xtream
from nightcrew.demo.world import World
from nightcrew.kernel.declare import Demo
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import actions
from nightcrew.playlists.store import sources

COMBINED = {"name": "DACH", "regions": ["DE", "AT", "CH"]}


async def fill(runtime: Runtime, world: World) -> None:
    """One source of each kind, and at the first start a combined playlist."""
    if not await sources.every(runtime.store, runtime.vault):
        await runtime.settings.change(runtime.store, {"playlists.COMBINED_PLAYLISTS": [COMBINED]}, actor="demo")
    await actions.add_missing(runtime, world.sources(), actor="demo")


DEMO = Demo((m3u.routes, xtream.routes, catalogue.routes, guide.routes, live.routes), fill)
