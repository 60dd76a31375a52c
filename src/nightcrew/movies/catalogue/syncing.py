"""The task that keeps films current: what has changed since the checkpoint is read again, and what is new is read whole.

Changes are asked for in days. The checkpoint moves on once all that a day concerns is due, so that a kill in between repeats a day and
loses none. Films are read in groups, within the rate, and a group is stored in a few transactions.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import Misread, NightcrewError
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.tasks import together
from nightcrew.movies.catalogue import crew as catalogue_crew
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.crew import CatalogueCrew
from nightcrew.movies.catalogue.models import Checkpoint, Medium
from nightcrew.movies.catalogue.rules import Chunk
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import changes, shows, titles
from nightcrew.movies.store.titles import DueFilm, FilmRead
from nightcrew.movies.tally import Task, TaskTally
from nightcrew.movies.tmdb.client import Gone, Tmdb
from nightcrew.movies.tmdb.shapes import MOST_PAGES

GROUP = 25
"""Films of a group."""
STORED, UNSTORED = 10, 0.5
"""Films that are stored at a time at most, and seconds for which one that was read waits for others."""
PAGES_AT_ONCE = 8
MARK = {Medium.MOVIE: titles.mark_changed, Medium.SHOW: shows.mark_changed}


def promise(runtime: Runtime) -> float:
    """Seconds after which the task has to have worked."""
    return 600.0 + runtime.settings.of(MovieSettings).sync_interval


async def sync(runtime: Runtime) -> None:
    """The cycle: give media whose changes are due, and films, to hands that are free."""
    crew = runtime.part(CatalogueCrew)
    for hands in (crew.changes, crew.films, crew.late_films):
        await hands.keep()
    stands = await catalogue_crew.door(runtime)
    if stands.tmdb is None:
        return
    await _give(runtime, stands.tmdb, crew)
    if crew.changes.free:
        for one in await changes.claim(runtime.store, by=runtime.node):
            crew.changes.take([one.medium], _follow(runtime, stands.tmdb, one), f"changes of {one.medium.value}s")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do. A hand that is done wakes us."""
    crew = runtime.part(CatalogueCrew)
    held = earliest([crew.changes.next_at, crew.films.next_at, crew.late_films.next_at])

    async def soonest() -> datetime | None:
        found = [await changes.CHANGES.soonest(runtime.store)] if crew.changes.free else []
        if crew.films.free:
            found.append(await titles.FILMS.soonest(runtime.store, titles.FRESH))
        if crew.late_films.free:
            found.append(await titles.FILMS.soonest(runtime.store, ~titles.FRESH))
        return earliest(found)

    return earliest([held, await catalogue_crew.next_at(runtime, soonest)])


# -- changes -----------------------------------------------------------------------------------------------------------


async def _follow(runtime: Runtime, tmdb: Tmdb, one: Checkpoint) -> None:
    """All days since the checkpoint of a medium. Those that were done stay done, whatever happens next."""
    interval = timedelta(seconds=runtime.settings.of(MovieSettings).sync_interval)
    try:
        for chunk in catalogue_rules.chunks(one.known_to, utcnow()):
            await _chunk(runtime, tmdb, one.medium, chunk)
    except NightcrewError as exc:
        due_at, failures = catalogue_crew.later(exc, one.failures)
        await changes.settle(
            runtime.store,
            one.medium,
            by=runtime.node,
            due_at=min(due_at, utcnow() + interval),
            failures=failures,
            reason=str(exc),
        )
        return
    await changes.settle(runtime.store, one.medium, by=runtime.node, due_at=utcnow() + interval)
    runtime.bus.publish("movies")


async def _chunk(runtime: Runtime, tmdb: Tmdb, medium: Medium, chunk: Chunk) -> None:
    """One day: its pages, then what they concern, then the checkpoint."""
    last = chunk.day + timedelta(days=1)
    places = asyncio.Semaphore(PAGES_AT_ONCE)
    ids: set[int] = set()

    async def page(number: int) -> int:
        async with places:
            found = await tmdb.changes(medium, chunk.day, last, number)
        if found.number != number:
            raise Misread(f"TMDB gives page {found.number} of the changes for page {number}")
        if not found.ids and found.pages > 1:
            raise Misread(f"page {number} of {found.pages} of TMDB's changes is empty")
        ids.update(found.ids)
        return min(found.pages, MOST_PAGES)

    pages = await page(1)
    await together(page(number) for number in range(2, pages + 1))
    await MARK[medium](runtime.store, ids, before=chunk.before)
    await changes.advance(runtime.store, medium, chunk.known_to)


# -- films -------------------------------------------------------------------------------------------------------------


async def _give(runtime: Runtime, tmdb: Tmdb, crew: CatalogueCrew) -> None:
    for hands, late in ((crew.films, False), (crew.late_films, True)):
        while hands.free:
            group = await titles.claim(runtime.store, by=runtime.node, limit=GROUP, late=late)
            if not group:
                break
            _take(runtime, tmdb, hands, group)


def _take(runtime: Runtime, tmdb: Tmdb, hands: Hands, group: Sequence[DueFilm]) -> None:
    hands.take(
        [one.id for one in group], _read(runtime, tmdb, group), f"{len(group)} movies from {group[0].tmdb_id} on"
    )


async def _read(runtime: Runtime, tmdb: Tmdb, group: Sequence[DueFilm]) -> None:
    """A group: all are asked for at once, as far as the rate lets them, and stored as they come."""
    ready: asyncio.Queue[FilmRead] = asyncio.Queue()

    async def one_film(one: DueFilm) -> None:
        ready.put_nowait(await _film(tmdb, one))

    async def stored() -> None:
        left = len(group)
        while left:
            read = [await ready.get()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(UNSTORED):
                    while len(read) < min(STORED, left):
                        read.append(await ready.get())
            await titles.save(runtime.store, read)
            left -= len(read)
            failed = sum(1 for one in read if one.details is None and not one.gone)
            runtime.part(TaskTally).done(Task.SYNC, len(read) - failed)
            runtime.part(TaskTally).failed(Task.SYNC, failed)

    await together([*(one_film(one) for one in group), stored()])
    runtime.bus.publish("movies")


async def _film(tmdb: Tmdb, one: DueFilm) -> FilmRead:
    """One film. One that TMDB has no longer is marked, and stays."""
    try:
        details = await tmdb.film(one.tmdb_id, suspect=one.failures > 0)
    except Gone:
        return FilmRead(one.id, utcnow() + catalogue_rules.GONE, gone=True)
    except NightcrewError as exc:
        due_at, failures = catalogue_crew.later(exc, one.failures)
        return FilmRead(one.id, due_at, failures)
    return FilmRead(one.id, catalogue_rules.next_details(utcnow(), random.random()), details=details)
