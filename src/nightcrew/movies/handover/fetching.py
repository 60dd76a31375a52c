"""The task that hands the best source of each wanted film over by itself, where the setting `movies.fetch` says so."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.declare import Tick
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue.models import MovieEntry
from nightcrew.movies.handover import ends as handover_ends
from nightcrew.movies.handover import fetch_rules
from nightcrew.movies.handover import following as handovers
from nightcrew.movies.handover.fetch_models import FetchEntry
from nightcrew.movies.handover.fetch_rules import Holdback
from nightcrew.movies.handover.rules import next_source
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.sources.models import SourceEntry
from nightcrew.movies.store import fetches, films
from nightcrew.movies.store import handovers as rows

BUSY = 2
"""How many films are handed over at a time; each takes a few questions to the database."""
OPTIONS = frozenset({"movies.fetch", "movies.fetch_delay"})
PUT_OFF = timedelta(hours=1)
"""After what nobody expected."""


@dataclass(slots=True)
class FetchCrew:
    """Kept in the runtime from start to stop. `delay`: what the rows that wait were planned by."""

    hands: Hands
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedFetch:
    """A film that would be handed over, and when."""

    film: MovieEntry
    source: SourceEntry
    at: datetime


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """What would be handed over by itself. `on`: whether it is; `client`: to whom, None: nobody is connected."""

    on: bool
    client: Connection | None
    planned: Sequence[PlannedFetch]


async def start(runtime: Runtime) -> None:
    """Called once at the start of a node, before its workers."""
    runtime.add(FetchCrew(Hands(runtime, fetches.FETCHES, BUSY, functools.partial(_failed, runtime))))
    await fetches.FETCHES.give_back(runtime.store, by=runtime.node)  # what it held when it was killed
    runtime.settings.watch(lambda keys: runtime.wakes.ring(fetches.FETCHES.topic) if keys & OPTIONS else None)


async def stop(runtime: Runtime) -> None:
    """Called at the end of a node."""
    await runtime.part(FetchCrew).hands.close()


async def fetch_due(runtime: Runtime) -> None:
    """The cycle: what is due is handed over, or held back."""
    crew, options = runtime.part(FetchCrew), runtime.settings.of(MovieSettings)
    await crew.hands.keep()
    known = await handovers.clients(runtime) if options.fetch else []
    if not known or not crew.hands.free:
        return
    if crew.delay != options.fetch_delay:
        await fetches.plan_again(runtime.store)
        crew.delay = options.fetch_delay
    for entry in await fetches.claim(runtime.store, by=runtime.node, limit=crew.hands.free):
        crew.hands.take([entry.movie_id], _one(runtime, entry, known[0].id), f"fetch movie {entry.movie_id}")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do. Without a client nothing is, until one is connected."""
    crew, options = runtime.part(FetchCrew), runtime.settings.of(MovieSettings)
    if not options.fetch or not await handovers.clients(runtime):
        return crew.hands.next_at
    if crew.delay != options.fetch_delay:
        return utcnow()
    due = await fetches.FETCHES.soonest(runtime.store) if crew.hands.free else None
    return earliest((due, crew.hands.next_at))


async def plan(runtime: Runtime, limit: int) -> FetchPlan:
    """A dry run: what would be handed over by itself, the first one first. It asks nobody and changes nothing."""
    options = runtime.settings.of(MovieSettings)
    entries = await fetches.waiting(runtime.store, limit)
    known = await films.of_ids(runtime.store, [one.movie_id for one in entries])
    found = []
    for entry in entries:
        best = await _source(runtime, entry.movie_id)
        if isinstance(best, SourceEntry) and entry.movie_id in known:
            at = fetch_rules.fetched_at(entry.good_since, options.fetch_delay)
            found.append(PlannedFetch(known[entry.movie_id], best, at))
    clients = await handovers.clients(runtime)
    return FetchPlan(options.fetch, clients[0] if clients else None, found)


async def _one(runtime: Runtime, entry: FetchEntry, client: int) -> None:
    at = fetch_rules.fetched_at(entry.good_since, runtime.settings.of(MovieSettings).fetch_delay)
    by = runtime.node
    if at > utcnow():
        await fetches.FETCHES.park(runtime.store, by=by, key=entry.movie_id, until=at, values={})
        return
    try:
        film = await films.get(runtime.store, entry.movie_id)
        best = await _source(runtime, entry.movie_id)
        if isinstance(best, Holdback):
            await fetches.hold(runtime.store, entry, best, by=by)
            return
        number = await fetches.begin(runtime.store, entry, best, client, by=by)
    except (Conflict, NotFound):  # a person was faster, or the film is gone
        await fetches.hold(runtime.store, entry, Holdback.GOING, by=by)
        return
    if number is not None:
        said = f"{film.shown}: {best.title} is handed over by itself"
        await runtime.activity.record("movie.handover_begun", said, subject=str(film.id))
        runtime.bus.publish("movies")


async def _source(runtime: Runtime, movie_id: int) -> SourceEntry | Holdback:
    """What of a film is handed over, or why nothing is."""
    known = await rows.of_movie(runtime.store, movie_id)
    if why := fetch_rules.holdback((one.state, one.cause) for one in known):
        return why
    candidates = await handover_ends.candidates(runtime, movie_id)
    blocked = {one.fingerprint for one in await rows.blocked_of(runtime.store, movie_id)}
    if found := next_source(candidates, blocked):
        return found
    return Holdback.BLOCKED if candidates else Holdback.NO_SOURCE


async def _failed(runtime: Runtime, movie_id: Any, _: Exception) -> None:
    """What nobody expected: the film is looked at again later, and holds up no other."""
    until = utcnow() + PUT_OFF
    await fetches.FETCHES.park(runtime.store, by=runtime.node, key=movie_id, until=until, values={})


TICK = Tick(
    "movies.fetch",
    fetch_due,
    every=1.0,
    promise=900.0,
    time_limit=60.0,
    help="Hands the best source of each wanted film over by itself, where a setting says so.",
    next_at=next_at,
    topics=(fetches.FETCHES.topic, "connections"),
)
