"""The services around movies and shows in the demo."""

from __future__ import annotations

from dataclasses import replace

from nightcrew.demo import downloaders, indexers, tmdb, tracker
from nightcrew.demo.downloads import DownloadPlan
from nightcrew.demo.world import World
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.declare import ConnectionKind, Demo
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue import list_actions
from nightcrew.movies.store import lists
from nightcrew.movies.tmdb import kind as tmdb_kind

WANTED = "Popular movies"
"""The list whose films are searched for."""
DOWNLOAD = 60.0
"""Seconds that a download takes, so that there is something to see."""


async def fill(runtime: Runtime, world: World) -> None:
    """Connect them once, and want the films of a list."""
    world.downloads.usual = DownloadPlan(metadata=3.0, seconds=DOWNLOAD)
    if await runtime.part(Connections).of_kind(tmdb_kind.NAME):
        return
    await runtime.settings.change(runtime.store, {"movies.private_trackers": True}, actor="demo")
    services = world.cinema()
    for values in (*services.values(), *indexers.connections(world.url)):
        address = values.get("address") or values["url"]
        row = {name: value for name, value in values.items() if name != "url"} | {"address": address}
        await connections.add(runtime, row, actor="demo")
    for one in await lists.every(runtime.store):
        if one.name == WANTED:
            await list_actions.change(runtime, one.id, {"wanted": True}, actor="demo")


def kinds(url: str) -> list[ConnectionKind]:
    """TMDB as the world at `url` has it."""
    return [replace(tmdb_kind.KIND, address=f"{url}/tmdb/3")]


DEMO = Demo((tmdb.routes, indexers.routes, tracker.routes, downloaders.routes), fill, kinds)
