"""The demo's watched stream: it is always live, and is therefore recorded."""

from __future__ import annotations

from nightcrew.demo import live
from nightcrew.demo.world import World
from nightcrew.kernel.declare import Demo
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import requests
from nightcrew.recordings.requests import NewWatch
from nightcrew.recordings.store import watches

WATCHED = "Harbour camera"


async def fill(runtime: Runtime, world: World) -> None:
    """Watch it, and keep three recordings."""
    if any(one.name == WATCHED for one in await watches.every(runtime.store)):
        return
    wanted = {"url": f"{world.url}/live/harbour/master.m3u8", "name": WATCHED, "keep_count": 3}
    await requests.watch(runtime, NewWatch.model_validate(wanted), actor="demo")


DEMO = Demo((live.routes,), fill)
