"""What this node keeps the catalogue current with: hands for each task, and whether TMDB may be asked now."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from nightcrew.movies.catalogue import memory as catalogue
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.memory import Memory
from nightcrew.movies.tmdb.client import Tmdb
from nightcrew.movies.tmdb.kind import NAME

ASLEEP = timedelta(hours=1)
"""When it is looked again whether TMDB may be asked that needs a person. A change of the connection wakes us sooner."""
AWAY = 30.0
"""Seconds for which what is due waits while TMDB cannot be asked. That is no failure of what is due."""


@dataclass(slots=True)
class CatalogueCrew:
    """Kept in the runtime from start to stop."""

    lists: Hands
    changes: Hands
    films: Hands
    late_films: Hands
    shows: Hands
    late_shows: Hands
    memory: Memory

    async def keep(self) -> None:
        """Hold for longer what is worked on."""
        for hands in self._all:
            await hands.keep()

    async def close(self) -> None:
        """End what goes on; it is due again at once."""
        await asyncio.gather(*(one.close() for one in self._all))

    @property
    def _all(self) -> tuple[Hands, ...]:
        return self.lists, self.changes, self.films, self.late_films, self.shows, self.late_shows


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
