"""What this node of movies works with: hands for each task, and which indexers it asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import store as connection_rows
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.connections.rules import waits
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.tasks import Tasks
from nightcrew.movies.indexers import INDEXERS
from nightcrew.movies.indexers.base import IndexerKind
from nightcrew.movies.trackers.scraper import Scraper

AT_ONCE = 3
"""Searches, and torrent files, that wait for one indexer at a time: so a slow one leaves hands for the others."""
BY_KIND: dict[str, IndexerKind] = {one.kind.name: one for one in INDEXERS}


@dataclass(slots=True)
class MovieCrew:
    """Kept in the runtime from start to stop."""

    searches: Hands
    files: Hands
    stats: Hands
    resyncs: Hands
    scraper: Scraper
    turn: int = 0
    """The indexer that was claimed for last."""
    caught_up: set[int] = field(default_factory=set)
    """Indexers that have been given all films that are wanted."""
    asked: dict[int, int] = field(default_factory=dict)
    """Of which indexer a search is waited for, by its number."""
    read: dict[int, int] = field(default_factory=dict)
    """The same of torrent files, by the number of the source."""
    readers: tuple[tuple[int, ...], frozenset[int]] | None = None
    """The indexers that could be asked for torrent files when that was looked at last, and all that were connected."""
    given_at: datetime | None = None
    """When that was."""
    gone: tuple[int, ...] = ()
    """Indexers that are connected no longer, of which files are to be read still."""
    tasks: Tasks = field(default_factory=Tasks)

    async def close(self) -> None:
        """End what goes on; it is due again at once."""
        await asyncio.gather(self.searches.close(), self.files.close(), self.stats.close(), self.resyncs.close())
        await self.tasks.close()


@dataclass(frozen=True, slots=True)
class AskedIndexer:
    """An indexer that may be asked now."""

    connection: Connection
    kind: IndexerKind


async def indexers(runtime: Runtime) -> list[AskedIndexer]:
    """The indexers that people connected and did not switch off."""
    known = runtime.part(Connections)
    return [AskedIndexer(one, kind) for name, kind in BY_KIND.items() for one in await known.of_kind(name)]


def room(indexers: Iterable[int], hands: Hands, waited: dict[int, int]) -> dict[int, int]:
    """How much more these indexers may be asked for now, each that may. `waited`: of which indexer each row is waited for; what is
    over goes."""
    for key in waited.keys() - set(hands.held):
        del waited[key]
    busy = Counter(waited.values())
    return {one: AT_ONCE - busy[one] for one in indexers if busy[one] < AT_ONCE}


async def connected(runtime: Runtime) -> set[int]:
    """The numbers of all indexers that people connected, also of those that they switched off for now."""
    return {one.id for one in await connection_rows.every(runtime.store) if one.kind in BY_KIND}


async def split(runtime: Runtime, every: list[AskedIndexer]) -> tuple[list[AskedIndexer], datetime | None]:
    """Those that may be asked now, and when the next of the others may be."""
    now = await connection_rows.now(runtime.store)
    ready, soonest = [], None
    for one in every:
        left = waits(one.connection.standing, now)
        if left is None:
            ready.append(one)
        elif left != float("inf"):
            at = utcnow() + timedelta(seconds=left)
            soonest = at if soonest is None else min(soonest, at)
    return ready, soonest
