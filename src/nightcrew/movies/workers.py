"""What happens at the start and the end of a node, and each night."""

from __future__ import annotations

import functools
from datetime import timedelta

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies import settings
from nightcrew.movies.catalogue import work as catalogue_work
from nightcrew.movies.handover import fetching
from nightcrew.movies.handover import following as handovers
from nightcrew.movies.quality import rescoring
from nightcrew.movies.quality.taste import Tastes
from nightcrew.movies.sources import crew, files, resync, search, stats
from nightcrew.movies.sources.crew import MovieCrew
from nightcrew.movies.store import forgetting, samples, searches, sources, swarms
from nightcrew.movies.tally import TaskTally
from nightcrew.movies.trackers.scraper import Scraper

SEARCHES, FILES, RESYNCS = 12, 8, 4
"""How many searches, torrent files and old sources a node is busy with at a time."""
KEPT = timedelta(days=30)
"""How long sources are kept that are gone or were refused."""
SAMPLED = timedelta(days=14)
"""How long it is known what the tasks did."""


async def start(runtime: Runtime) -> None:
    """Called once at the start of a node, before its workers."""
    runtime.add(TaskTally())
    runtime.add(Tastes())
    runtime.add(
        MovieCrew(
            searches=Hands(runtime, searches.SEARCHES, SEARCHES, functools.partial(search.failed, runtime)),
            files=Hands(runtime, sources.FILES, FILES, functools.partial(files.failed, runtime)),
            stats=Hands(runtime, sources.STATS, 1, functools.partial(stats.failed, runtime)),
            resyncs=Hands(runtime, sources.RESYNCS, RESYNCS, functools.partial(resync.failed, runtime)),
            scraper=Scraper(runtime.http, runtime.http.routes),
        )
    )
    rescoring.follow(runtime)
    for rows in (searches.SEARCHES, sources.FILES, sources.STATS, sources.RESYNCS):
        await rows.give_back(runtime.store, by=runtime.node)  # what it held when it was killed
    await catalogue_work.start(runtime)
    await handovers.start(runtime)
    await fetching.start(runtime)


async def route_users(runtime: Runtime, route: str) -> list[str]:
    """What of movies takes a route."""
    return ["searches, torrent files and trackers of movies"] if settings.way(runtime.settings) == route else []


async def stop(runtime: Runtime) -> None:
    """Called at the end of a node."""
    await fetching.stop(runtime)
    await handovers.stop(runtime)
    await runtime.part(MovieCrew).close()
    await catalogue_work.stop(runtime)


async def upkeep(runtime: Runtime) -> dict[str, int]:
    """Forget what is old."""
    now = utcnow()
    known = await crew.connected(runtime)  # also those that are switched off for now
    return {
        **await catalogue_work.upkeep(runtime),
        "sources that are gone": await forgetting.forget_old(runtime.store, now - KEPT),
        "numbers of seeds": await swarms.forget_history(runtime.store, now - swarms.KEPT),
        "samples of tasks": await samples.forget(runtime.store, now - SAMPLED),
        "searches at indexers that are gone": await searches.drop_gone(runtime.store, known) if known else 0,
    }
