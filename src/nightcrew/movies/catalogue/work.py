"""What happens to the catalogue at the start and the end of a node, and each night."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.crew import CatalogueCrew
from nightcrew.movies.catalogue.images import Images
from nightcrew.movies.catalogue.memory import Memory
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.store import changes, lists, shows, titles

LISTS = 2
"""Lists that are read at a time."""
GROUPS, LATE_GROUPS = 4, 1
"""Groups of films that are read at a time; those that failed before have places of their own, so that they hold up no others."""
SHOWS, LATE_SHOWS = 8, 2
UNEXPECTED = 6
"""An error that nobody expected weighs as much as so many failures in a row."""


async def start(runtime: Runtime) -> None:
    """At the start of a node: what it held when it was killed is due, and the first start has its lists."""
    runtime.add(Images(runtime))
    runtime.add(
        CatalogueCrew(
            lists=Hands(runtime, lists.LISTS, LISTS, _list_failed(runtime)),
            changes=Hands(runtime, changes.CHANGES, len(Medium), _changes_failed(runtime)),
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
    await runtime.part(Images).close()
    await runtime.part(CatalogueCrew).close()


async def upkeep(runtime: Runtime) -> dict[str, int]:
    """Delete pictures that nobody looks at, or that are too old."""
    return {"pictures of movies": await runtime.part(Images).tidy()}


def _list_failed(runtime: Runtime) -> Callable[[Any, Exception], Awaitable[None]]:
    async def failed(key: Any, exc: Exception) -> None:
        due_at = catalogue_rules.after_failure(utcnow(), UNEXPECTED, random.random())
        said = f"unexpected: {type(exc).__name__}"
        one = await lists.get(runtime.store, key)
        await lists.put_off(
            runtime.store,
            one,
            by=runtime.node,
            due_at=due_at,
            failures=one.failures + 1,
            reason=said,
            held_times=one.held_times,
        )

    return failed


def _changes_failed(runtime: Runtime) -> Callable[[Any, Exception], Awaitable[None]]:
    async def failed(key: Any, exc: Exception) -> None:
        due_at = catalogue_rules.after_failure(utcnow(), UNEXPECTED, random.random())
        said = f"unexpected: {type(exc).__name__}"
        await changes.settle(runtime.store, key, by=runtime.node, due_at=due_at, failures=1, reason=said)

    return failed


def _film_failed(runtime: Runtime) -> Callable[[Any, Exception], Awaitable[None]]:
    async def failed(key: Any, _exc: Exception) -> None:
        due_at = catalogue_rules.after_failure(utcnow(), UNEXPECTED, random.random())
        await titles.save(runtime.store, [titles.FilmRead(key, due_at, failures=1)])

    return failed


def _show_failed(runtime: Runtime) -> Callable[[Any, Exception], Awaitable[None]]:
    async def failed(key: Any, exc: Exception) -> None:
        due_at = catalogue_rules.after_failure(utcnow(), UNEXPECTED, random.random())
        said = f"unexpected: {type(exc).__name__}"
        await shows.settle(runtime.store, key, by=runtime.node, due_at=due_at, failures=1, reason=said)

    return failed
