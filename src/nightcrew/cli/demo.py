"""`nightcrew demo`: a server, and next to it a world of local sources that speak the real protocols."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nightcrew.app import Config, serve
from nightcrew.demo.world import World
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import actions
from nightcrew.playlists.providers import KINDS
from nightcrew.playlists.store import sources
from nightcrew.recordings import actions as recordings
from nightcrew.recordings.store import watches
from nightcrew.recordings.target import target_of

WORLD_PORT = 8790
WATCHED = "Harbour camera"
"""A stream of the demo's that is always live, and is therefore recorded."""


async def run_demo(config: Config, announce: Callable[[Runtime], None]) -> None:
    """Start both; the demo's sources are added at the first start and point at the same port ever after."""
    streams = config.data_dir / "demo-streams"
    streams.mkdir(parents=True, exist_ok=True)
    async with World(port=config.port + WORLD_PORT - 8780, streams=streams) as world:
        added: list[object] = []

        def ready(node: Runtime) -> None:
            announce(node)
            print(f"The demo's sources live at {world.url}/ (faults on request: see docs/demo.md).", flush=True)
            added.append(asyncio.get_running_loop().create_task(_add_sources(node, world), name="demo sources"))

        await serve(config, ready=ready)


async def _add_sources(node: Runtime, world: World) -> None:
    known = {source.name for source in await sources.every(node.store, node.vault)}
    for body in [*world.sources(), *world.workbench()]:
        values = dict(body)
        kind, name, region = str(values.pop("kind")), str(values.pop("name")), str(values.pop("region", ""))
        if name not in known and kind in KINDS:
            await actions.add_source(node, kind, name, values, region=region, actor="demo")
    if not any(one.name == WATCHED for one in await watches.every(node.store)):
        target, shown, _ = await target_of(node, url=f"{world.url}/live/harbour/master.m3u8")
        values = {"name": WATCHED, "enabled": True, "shown": shown, "windows": [], "favourite": False, "priority": 0}
        await recordings.add_watch(node, target, {**values, "keep_count": 3}, actor="demo")
    combined = {"name": "DACH", "regions": ["DE", "AT", "CH"]}
    if not known:
        await node.settings.change(node.store, {"playlists.COMBINED_PLAYLISTS": [combined]}, actor="demo")
