"""`nightcrew demo`: a server, and next to it a world of local sources that speak the real protocols."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from nightcrew import domains
from nightcrew.app import Config, serve
from nightcrew.client import say
from nightcrew.demo.world import World
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.runtime import Runtime

WORLD_PORT = 8790


async def run_demo(config: Config, announce: Callable[[Runtime], None]) -> None:
    """Start both; what uses the world is set up at the first start and points at the same port ever after."""
    streams = config.data_dir / "demo-streams"
    streams.mkdir(parents=True, exist_ok=True)
    demos = domains.demos()
    services = dict.fromkeys(server for demo in demos for server in demo.servers)
    port = config.port + WORLD_PORT - 8780
    async with contextlib.AsyncExitStack() as closing:
        try:
            world = await closing.enter_async_context(World(port=port, streams=streams, services=services))
        except OSError as exc:
            said = f"the demo's sources cannot listen on port {port}: {exc.strerror}. Choose another with --port"
            raise NeedsUser(said) from exc
        world.remember(streams)
        there = replace(config, domains=domains.at_world(config.domains, world.url))
        filling: list[object] = []

        async def fill(node: Runtime) -> None:
            for demo in demos:
                await demo.fill(node, world)

        def ready(node: Runtime) -> None:
            announce(node)
            say(f"The demo's sources live at {world.url}/ (faults on request: see docs/demo.md).")
            filling.append(asyncio.get_running_loop().create_task(fill(node), name="demo"))

        await serve(there, ready=ready)
