"""How the catalogue stands: how old lists and changes are against what is promised, and what waits for a person."""

from __future__ import annotations

from datetime import datetime

from nightcrew.kernel.clock import age, utcnow
from nightcrew.kernel.declare import Freshness, Need
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue import memory as catalogue
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import changes, lists

LATE = 3
"""Intervals after which a list, or the changes of a medium, count as old."""
TOLD_FROM = 3
"""Failures in a row from which on a person is told of a list."""


async def freshness(runtime: Runtime) -> list[Freshness]:
    """Each list that is read, and the changes of movies and of shows; nothing while TMDB is not connected."""
    if not await catalogue.is_connected(runtime):
        return []
    options, now = runtime.settings.of(MovieSettings), utcnow()
    found = [
        _fresh(f"list:{one.id}", f"List {one.name}", one.refreshed_at, options.list_refresh_interval, now)
        for one in await lists.every(runtime.store)
        if one.enabled
    ]
    for one in await changes.every(runtime.store):
        name = f"changes:{one.medium.value}"
        found.append(_fresh(name, f"Changes of {one.medium.value}s", one.known_to, options.sync_interval, now))
    return found


async def needs(runtime: Runtime) -> list[Need]:
    """Lists that were held back, or that cannot be read."""
    found = []
    for one in await lists.every(runtime.store):
        if one.enabled and one.held_times:
            said = f"The list {one.name} is not changed: {one.reason}"
            found.append(Need("warning", said, "/movies/lists", key=f"movies.list.held.{one.id}"))
        elif one.enabled and one.failures >= TOLD_FROM:
            said = f"The list {one.name} cannot be read: {one.reason}"
            found.append(Need("warning", said, "/movies/lists", key=f"movies.list.failing.{one.id}"))
    return found


def _fresh(name: str, title: str, at: datetime | None, interval: float, now: datetime) -> Freshness:
    """What was never read is still being read, and no broken promise."""
    old, promise = age(at, now), LATE * interval + 600.0
    return Freshness(name, title, None if old is None else round(old, 1), promise, old is None or old <= promise)
