"""What this node keeps the catalogue current with: hands for each task, and whether TMDB may be asked now."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import store as connection_rows
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.rules import waits
from nightcrew.kernel.errors import NeedsUser, NightcrewError, Retry
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.movies import catalogue, catalogue_rules
from nightcrew.movies.catalogue import Memory
from nightcrew.movies.store import changes, lists, shows, titles
from nightcrew.movies.tmdb.client import Tmdb
from nightcrew.movies.tmdb.kind import NAME

GROUPS, LATE_GROUPS = 4, 1
"""Groups of films that are read at a time; those that failed before have places of their own, so that they hold up no others."""
SHOWS, LATE_SHOWS = 8, 2
ASLEEP = timedelta(hours=1)
"""When it is looked again whether TMDB may be asked that needs a person. A change of the connection wakes us sooner."""
AWAY = 30.0
"""Seconds for which what is due waits while TMDB cannot be asked. That is no failure of what is due."""


@dataclass(slots=True)
class CatalogueCrew:
    """Kept in the runtime from start to stop."""

    films: Hands
    late_films: Hands
    shows: Hands
    late_shows: Hands
    memory: Memory

    async def keep(self) -> None:
        """Hold for longer what is worked on."""
        for hands in (self.films, self.late_films, self.shows, self.late_shows):
            await hands.keep()

    async def close(self) -> None:
        """End what goes on; it is due again at once."""
        await asyncio.gather(*(one.close() for one in (self.films, self.late_films, self.shows, self.late_shows)))


async def start(runtime: Runtime) -> None:
    """At the start of a node: what it held when it was killed is due, and the first start has its lists."""
    runtime.add(
        CatalogueCrew(
            films=Hands(runtime, titles.FILMS, GROUPS, _film_failed(runtime)),
            late_films=Hands(runtime, titles.FILMS, LATE_GROUPS, _film_failed(runtime)),
            shows=Hands(runtime, titles.SHOWS, SHOWS, _show_failed(runtime)),
            late_shows=Hands(runtime, titles.SHOWS, LATE_SHOWS, _show_failed(runtime)),
            memory=Memory(),
        )
    )
    await lists.begin(runtime.store, catalogue_rules.DEFAULTS)
    for rows in (titles.FILMS, titles.SHOWS, lists.LISTS, changes.CHANGES):
        await rows.give_back(runtime.store, by=runtime.node)


async def stop(runtime: Runtime) -> None:
    """At the end of a node."""
    await runtime.part(CatalogueCrew).close()


@dataclass(frozen=True, slots=True)
class Door:
    """Whether TMDB may be asked. `tmdb` None: not now; `opens`: when it is to be looked at again, None where it is not connected."""

    tmdb: Tmdb | None
    opens: datetime | None = None


async def door(runtime: Runtime) -> Door:
    """How it stands now. What waits is not claimed meanwhile."""
    found = await runtime.part(Connections).of_kind(NAME)
    if not found:
        return Door(None)
    left = waits(found[0].standing, await connection_rows.now(runtime.store))
    if left is not None:
        return Door(None, utcnow() + (timedelta(seconds=left) if left != float("inf") else ASLEEP))
    try:
        return Door(await catalogue.tmdb(runtime))
    except NeedsUser:
        return Door(None, utcnow() + ASLEEP)


async def next_at(runtime: Runtime, soonest: Callable[[], Awaitable[datetime | None]]) -> datetime | None:
    """When there is something to do: when something is due and TMDB may be asked."""
    stands = await door(runtime)
    if stands.tmdb is not None:
        return await soonest()
    if stands.opens is None:
        return None  # a new connection wakes us
    at = await soonest()
    return None if at is None else max(at, stands.opens)


def is_outage(error: NightcrewError) -> bool:
    """Whether an error says nothing of what was asked for: nothing may be asked now, or the database is away."""
    return isinstance(error, Paused | NeedsUser | RouteDown | DatabaseAway) or error.status == 429


def later(error: NightcrewError, failures: int) -> tuple[datetime, int]:
    """When something is due again that could not be read, and how often it has failed in a row then."""
    told = error.after if isinstance(error, Retry) else None
    if is_outage(error):
        return utcnow() + timedelta(seconds=max(told or 0.0, AWAY * random.uniform(0.75, 1.25))), failures
    return catalogue_rules.after_failure(utcnow(), failures + 1, random.random(), told=told), failures + 1


def _film_failed(runtime: Runtime) -> Callable[[Any, Exception], Awaitable[None]]:
    async def failed(key: Any, _exc: Exception) -> None:
        due_at = catalogue_rules.after_failure(utcnow(), 6, random.random())
        await titles.save(runtime.store, [titles.FilmRead(key, due_at, failures=1)])

    return failed


def _show_failed(runtime: Runtime) -> Callable[[Any, Exception], Awaitable[None]]:
    async def failed(key: Any, exc: Exception) -> None:
        due_at = catalogue_rules.after_failure(utcnow(), 6, random.random())
        said = f"unexpected: {type(exc).__name__}"
        await shows.settle(runtime.store, key, by=runtime.node, due_at=due_at, failures=1, reason=said)

    return failed
