"""The task that reads lists. One that is empty, half, or no list at all never replaces what is stored."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import Misread, NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.tasks import together
from nightcrew.movies.catalogue import crew as catalogue_crew
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.crew import CatalogueCrew
from nightcrew.movies.catalogue.models import MediaList, Medium
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import lists, titles
from nightcrew.movies.tally import Task, TaskTally
from nightcrew.movies.tmdb.client import Tmdb
from nightcrew.movies.tmdb.shapes import ListPage, TitleFacts

SPARED = 5
"""Rows of a page that cannot be read, with which it still counts as whole."""


def promise(runtime: Runtime) -> float:
    """Seconds after which the task has to have worked."""
    return 600.0 + runtime.settings.of(MovieSettings).list_refresh_interval


async def refresh(runtime: Runtime) -> None:
    """The cycle: give lists that are due to hands that are free."""
    hands = runtime.part(CatalogueCrew).lists
    await hands.keep()
    stands = await catalogue_crew.door(runtime)
    if stands.tmdb is None:
        return
    for one in await lists.claim(runtime.store, by=runtime.node, limit=hands.free):
        hands.take([one.id], _refresh(runtime, stands.tmdb, one), f"list {one.name}")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do. A hand that is done wakes us."""
    hands = runtime.part(CatalogueCrew).lists
    due = await catalogue_crew.next_at(runtime, lambda: lists.next_at(runtime.store)) if hands.free else None
    return earliest([hands.next_at, due])


async def _refresh(runtime: Runtime, tmdb: Tmdb, one: MediaList) -> None:
    """One list, with a due time for whatever comes of it."""
    interval = runtime.settings.of(MovieSettings).list_refresh_interval
    try:
        rows = await _read(tmdb, one)
        held = catalogue_rules.held_back(one.size, len(rows), one.held_times)
        if held is None:
            await _take(runtime, tmdb, one, rows, due_at=_in(interval))
            runtime.part(TaskTally).done(Task.LISTS)
            return
    except NightcrewError as exc:
        runtime.part(TaskTally).failed(Task.LISTS)
        due_at, failures = catalogue_crew.later(exc, one.failures)
        await lists.put_off(
            runtime.store,
            one,
            by=runtime.node,
            due_at=min(due_at, _in(interval)),
            failures=failures,
            reason=str(exc),
            held_times=one.held_times,
        )
        return
    finally:
        runtime.bus.publish("movies")
    due_at, times = _in(interval), one.held_times + 1
    await lists.put_off(
        runtime.store, one, by=runtime.node, due_at=due_at, failures=0, reason=f"held back: {held}", held_times=times
    )
    if times == 1:
        said = f"The list {one.name} is not changed: {held}"
        await runtime.activity.record("list.held", said, level="warning", subject=one.name)


async def _read(tmdb: Tmdb, one: MediaList) -> list[TitleFacts]:
    """All titles of a list, each once, by rank. Raises `Misread` for a list that is not whole."""
    first = await tmdb.page(one.path, one.params, one.medium, 1)
    pages = min(one.pages, first.pages)
    rest = await together(tmdb.page(one.path, one.params, one.medium, number) for number in range(2, pages + 1))
    return list(_whole([first, *rest]).values())


def _whole(pages: list[ListPage]) -> dict[int, TitleFacts]:
    found: dict[int, TitleFacts] = {}
    for place, page in enumerate(pages, 1):
        if page.number != place:
            raise Misread(f"TMDB gives page {page.number} of the list for page {place}")
        last = place == page.pages or page.pages < place
        if not page.rows or (len(page.rows) < catalogue_rules.PAGE - SPARED and not last):
            raise Misread(f"page {place} of the list has {len(page.rows)} titles, and is not its last one")
        for row in page.rows:
            found.setdefault(row.tmdb_id, row)  # a list may move while its pages are read
    return found


async def _take(runtime: Runtime, tmdb: Tmdb, one: MediaList, rows: list[TitleFacts], *, due_at: datetime) -> None:
    """Store the titles first, then the list as a whole. Of a wanted list the titles are wanted that it did not have before."""
    genres = await runtime.part(CatalogueCrew).memory.genres(tmdb, one.medium)
    new = await titles.take(runtime.store, one.medium, rows, genres)
    ids = [row.tmdb_id for row in rows]
    if one.wanted and one.medium is Medium.MOVIE:
        before_release = runtime.settings.of(MovieSettings).search_before_release
        coming = set(ids) - set(await lists.places(runtime.store, one.id))
        await titles.want_listed(runtime.store, coming, before_release=before_release)
    taken = await lists.replace(runtime.store, one, ids, by=runtime.node, due_at=due_at)
    if taken and (one.size == 0 or one.held_times):
        said = f"The list {one.name} has {len(rows)} titles, {new} of them new"
        await runtime.activity.record("list.read", said, subject=one.name)


def _in(interval: float) -> datetime:
    return utcnow() + timedelta(seconds=interval * random.uniform(0.95, 1.0))
