"""The demo's workbench: streams that each fail in their own way."""

from __future__ import annotations

from nightcrew.demo import workbench
from nightcrew.demo.world import World
from nightcrew.kernel.declare import Demo
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.exports import add_missing_sources


async def fill(runtime: Runtime, world: World) -> None:
    """Its two lists."""
    await add_missing_sources(runtime, world.workbench(), actor="demo")


DEMO = Demo((workbench.routes,), fill)
