"""What movies and shows declare. `DOMAIN` is its only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.declare import Domain, NoticeKind, Page, Tick
from nightcrew.movies import standing, tally, workers
from nightcrew.movies.catalogue import api as catalogue_api
from nightcrew.movies.catalogue import list_pages, lists, seasons, syncing
from nightcrew.movies.catalogue import pages as catalogue_pages
from nightcrew.movies.catalogue import standing as catalogue_standing
from nightcrew.movies.clients import CLIENTS
from nightcrew.movies.handover import api as handover_api
from nightcrew.movies.handover import fetching
from nightcrew.movies.handover import following as handovers
from nightcrew.movies.handover import pages as handover_pages
from nightcrew.movies.indexers import INDEXERS
from nightcrew.movies.quality import api as quality_api
from nightcrew.movies.quality import pages as quality_pages
from nightcrew.movies.quality import rescoring
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.sources import api as source_api
from nightcrew.movies.sources import files, resync, search, stats
from nightcrew.movies.sources import pages as source_pages
from nightcrew.movies.store import searches, sources, titles
from nightcrew.movies.store.lists import LISTS
from nightcrew.movies.tmdb.kind import KIND as TMDB

_HERE = Path(__file__).parent


DOMAIN = Domain(
    name="movies",
    title="Movies and shows",
    settings=MovieSettings,
    migrations=_HERE / "migrations",
    states=standing.STATES,
    topics=("movies",),
    templates=_HERE / "templates",
    activity={
        "movie.source_": "Sources of films",
        "movie.handover_": "Hand-overs",
        "movie.": "Movies",
        "list.": "Lists",
    },
    routers=(
        quality_api.router,
        source_api.router,
        handover_api.router,
        handover_pages.router,
        quality_pages.router,
        source_pages.router,
        catalogue_api.router,
        list_pages.router,
        catalogue_pages.router,
    ),
    pages=(Page("/movies", "Movies"),),
    connections=(TMDB, *(one.kind for one in INDEXERS), *(one.kind for one in CLIENTS)),
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
            steady=True,
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
            steady=True,
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
            steady=True,
        ),
        Tick(
            "movies.search",
            search.search,
            every=0.1,
            promise=900.0,
            time_limit=60.0,
            help="Asks indexers for sources of the next film.",
            next_at=search.next_at,
            topics=(searches.SEARCHES.topic, "connections"),
            steady=True,
        ),
        Tick(
            "movies.files",
            files.read_files,
            every=0.2,
            promise=900.0,
            time_limit=60.0,
            help="Reads the torrent files of the best sources, and refuses what is not the film.",
            next_at=files.next_at,
            topics=(sources.FILES.topic, "connections"),
            steady=True,
        ),
        Tick(
            "movies.stats",
            stats.count,
            every=2.0,
            promise=900.0,
            time_limit=60.0,
            help="Counts seeds and peers at trackers.",
            next_at=stats.next_at,
            topics=(sources.STATS.topic,),
            steady=True,
        ),
        Tick(
            "movies.resync",
            resync.resync,
            every=5.0,
            promise=900.0,
            time_limit=60.0,
            help="Looks at old sources again, and marks what is gone.",
            next_at=resync.next_at,
            topics=(sources.RESYNCS.topic,),
            steady=True,
        ),
        handovers.TICK,
        fetching.TICK,
        Tick(
            "movies.samples",
            tally.sample,
            every=60.0,
            promise=900.0,
            help="Notes how much each task gets done, and what waits for it.",
        ),
    ),
    jobs=(rescoring.JOB,),
    notices=(
        NoticeKind("movie.source_found", "finished", "A film has a source", "films have a source"),
        NoticeKind("movie.source_lost", "failed", "A film has no good source any more", "films have no good source"),
        NoticeKind("movie.handover_done", "finished", "A film is there", "films are there"),
        NoticeKind("movie.handover_failed", "failed", "A download of a film failed", "downloads of films failed"),
    ),
    freshness=catalogue_standing.freshness,
    needs=standing.needs,
    overview=standing.overview,
    metrics=tally.metrics,
    start=workers.start,
    stop=workers.stop,
    route_users=workers.route_users,
    upkeep=workers.upkeep,
)
