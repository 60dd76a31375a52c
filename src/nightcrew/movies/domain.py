"""What movies and shows declare. `DOMAIN` is its only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.declare import Domain, Page, Tick
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies import (
    catalogue_api,
    catalogue_pages,
    catalogue_work,
    list_pages,
    lists,
    seasons,
    standing,
    syncing,
)
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import titles
from nightcrew.movies.store.lists import LISTS
from nightcrew.movies.tally import Tally
from nightcrew.movies.tmdb.kind import KIND as TMDB

_HERE = Path(__file__).parent


async def _start(runtime: Runtime) -> None:
    runtime.add(Tally())  # until workers.start, which begins both halves, can be imported
    await catalogue_work.start(runtime)


DOMAIN = Domain(
    name="movies",
    title="Movies and shows",
    settings=MovieSettings,
    migrations=_HERE / "migrations",
    states=standing.STATES,
    topics=("movies",),
    templates=_HERE / "templates",
    activity={"list.": "Lists"},
    routers=(catalogue_api.router, list_pages.router, catalogue_pages.router),
    pages=(Page("/movies", "Movies"),),
    connections=(TMDB,),
    ticks=(
        Tick(
            "movies.lists",
            lists.refresh,
            every=1.0,
            promise=lists.promise,
            time_limit=600.0,
            help="Reads the lists of movies and shows.",
            next_at=lists.next_at,
            topics=(LISTS.topic, "connections"),
        ),
        Tick(
            "movies.sync",
            syncing.sync,
            every=0.1,
            promise=syncing.promise,
            time_limit=1800.0,
            help="Asks which movies and shows have changed, and reads those and new ones.",
            next_at=syncing.next_at,
            topics=(titles.FILMS.topic, "connections"),
        ),
        Tick(
            "movies.seasons",
            seasons.complete,
            every=1.0,
            promise=600.0,
            time_limit=60.0,
            help="Reads the seasons of shows.",
            next_at=seasons.next_at,
            topics=(titles.SHOWS.topic, "connections"),
        ),
    ),
    start=_start,
    stop=catalogue_work.stop,
)
