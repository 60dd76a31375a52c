"""What movies and shows declare. `DOMAIN` is its only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.declare import Domain, NoticeKind, Page, Tick
from nightcrew.movies import files, resync, search, source_api, standing, stats, tally, workers
from nightcrew.movies.clients import CLIENTS
from nightcrew.movies.indexers import INDEXERS
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import searches, sources

_HERE = Path(__file__).parent

DOMAIN = Domain(
    name="movies",
    title="Movies and shows",
    settings=MovieSettings,
    migrations=_HERE / "migrations",
    templates=_HERE / "templates",
    activity={"movie.source_": "Sources of films", "movie.": "Movies", "show.": "Shows"},
    connections=(*(one.kind for one in INDEXERS), *(one.kind for one in CLIENTS)),
    ticks=(
        Tick(
            "movies.search",
            search.search,
            every=0.1,
            promise=900.0,
            time_limit=60.0,
            help="Asks indexers for sources of the next film.",
            next_at=search.next_at,
            topics=(searches.SEARCHES.topic, "connections"),
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
        ),
        Tick(
            "movies.samples",
            tally.sample,
            every=60.0,
            promise=900.0,
            help="Notes how much each task gets done, and what waits for it.",
        ),
    ),
    routers=(source_api.router,),
    pages=(Page("/movies", "Movies"),),
    notices=(
        NoticeKind("movie.source_found", "finished", "A film has a source", "films have a source"),
        NoticeKind("movie.source_lost", "failed", "A film has no good source any more", "films have no good source"),
    ),
    states=standing.STATES,
    needs=standing.needs,
    overview=standing.overview,
    topics=("movies",),
    metrics=tally.metrics,
    start=workers.start,
    stop=workers.stop,
    upkeep=workers.upkeep,
)
