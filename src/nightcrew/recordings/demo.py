"""The demo's watched stream: it is always live, and is therefore recorded."""

from __future__ import annotations

from nightcrew.demo import live
from nightcrew.demo.world import World
from nightcrew.kernel.declare import Demo
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import actions
from nightcrew.recordings.store import watches
from nightcrew.recordings.stream_ref import stream_of

WATCHED = "Harbour camera"


async def fill(runtime: Runtime, world: World) -> None:
    """Watch it, and keep three recordings."""
    if any(one.name == WATCHED for one in await watches.every(runtime.store)):
        return
    target, shown, _ = await stream_of(runtime, url=f"{world.url}/live/harbour/master.m3u8")
    values = {"name": WATCHED, "enabled": True, "shown": shown, "windows": [], "favourite": False, "priority": 0}
    await actions.add_watch(runtime, target, {**values, "keep_count": 3}, actor="demo")


DEMO = Demo((live.routes,), fill)
