"""A node with the demo's TMDB, in which what works is what a test does."""

from __future__ import annotations

from dataclasses import dataclass

from nightcrew.demo.tmdb_world import TmdbWorld
from nightcrew.demo.world import World
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue import crew as catalogue_crew
from nightcrew.movies.catalogue import lists, seasons, syncing
from nightcrew.movies.catalogue.crew import CatalogueCrew
from nightcrew.movies.catalogue.models import media_list
from nightcrew.movies.store import changes, titles
from nightcrew.movies.store import lists as rows
from support import until


@dataclass
class Cinema:
    """A node in which nobody works, and the TMDB that it asks."""

    node: Runtime
    world: World
    connection: int

    @property
    def tmdb(self) -> TmdbWorld:
        """The switches of the service."""
        return self.world.tmdb


async def connected(runtime: Runtime, world: World) -> int:
    """Connect the demo's TMDB; returns the number of the connection."""
    values = dict(world.cinema()["tmdb"])
    one = await connections.add(runtime, {**values, "address": values.pop("url")}, actor="test")
    return one.id


async def read_lists(runtime: Runtime) -> None:
    """Read all lists that are due."""
    hands = runtime.part(CatalogueCrew).lists

    async def quiet() -> bool:
        await lists.refresh(runtime)
        due = await rows.LISTS.any(runtime.store, media_list.c.enabled)
        return not hands.held and not (due and await asked(runtime))

    await until(quiet)


async def follow_changes(runtime: Runtime) -> None:
    """Ask for the changes that are due."""
    hands = runtime.part(CatalogueCrew).changes

    async def quiet() -> bool:
        await syncing.sync(runtime)
        return not hands.held and not (await changes.CHANGES.any(runtime.store) and await asked(runtime))

    await until(quiet)


async def read_films(runtime: Runtime) -> None:
    """Ask for changes, and read all films that are due and did not fail before."""
    crew = runtime.part(CatalogueCrew)
    await follow_changes(runtime)

    async def quiet() -> bool:
        await syncing.sync(runtime)
        due = await titles.FILMS.any(runtime.store, titles.FRESH)
        return not due and not crew.films.held and not crew.late_films.held

    await until(quiet)


async def read_seasons(runtime: Runtime) -> None:
    """Read all shows that are due."""
    crew = runtime.part(CatalogueCrew)

    async def quiet() -> bool:
        await seasons.complete(runtime)
        return not await titles.SHOWS.any(runtime.store) and not crew.shows.held and not crew.late_shows.held

    await until(quiet)


async def asked(runtime: Runtime) -> bool:
    """Whether TMDB may be asked now."""
    return (await catalogue_crew.door(runtime)).tmdb is not None
