"""What people do with the sources of films."""

from __future__ import annotations

import random

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue.models import MovieEntry
from nightcrew.movies.sources import crew, judging, rules
from nightcrew.movies.sources.models import USABLE, SourceEntry, SourceState
from nightcrew.movies.store import films, searches, sources, verdicts


async def search_now(runtime: Runtime, movie_id: int, *, actor: str) -> MovieEntry:
    """Search for a film before all others. It is wanted from now on, and waits for no release date."""
    entry = await films.get(runtime.store, movie_id)
    await searches.want_now(runtime.store, movie_id, [one.connection.id for one in await crew.indexers(runtime)])
    await runtime.activity.record(
        "movie.searched", f"{entry.shown} is searched for", actor=actor, subject=str(movie_id)
    )
    runtime.bus.publish("movies")
    return entry


async def stop_searching(runtime: Runtime, movie_id: int, *, actor: str) -> MovieEntry:
    """Search for a film no longer; its sources stay."""
    entry = await films.get(runtime.store, movie_id)
    await searches.unwant(runtime.store, [movie_id])
    said = f"{entry.shown} is no longer searched for"
    await runtime.activity.record("movie.unwanted", said, actor=actor, subject=str(movie_id))
    runtime.bus.publish("movies")
    return entry


async def refuse(runtime: Runtime, source_id: int, *, actor: str) -> SourceEntry:
    """A person says that a source is not the film: it is never its best one again."""
    entry = await sources.get(runtime.store, source_id)
    if entry.state is SourceState.GONE:
        raise Conflict("this source is gone already")
    await verdicts.judge(runtime.store, entry, SourceState.REFUSED, f"refused by {actor}", final=True)
    await _told(runtime, entry, f"{entry.title} was refused", actor)
    return await sources.get(runtime.store, source_id)


async def accept(runtime: Runtime, source_id: int, *, actor: str) -> SourceEntry:
    """A person says that a source is the film: what its files or its name say against it does not count."""
    entry = await sources.get(runtime.store, source_id)
    if entry.state in USABLE:
        await sources.move(runtime.store, entry, entry.state, entry.reason, final=True)
        return await sources.get(runtime.store, source_id)
    now = utcnow()
    values = {"final": True, "file_due_at": now, "file_failures": 0, "missed": 0}
    values |= {"resync_due_at": rules.next_resync(now, 0, random.random())}
    await sources.move(runtime.store, entry, SourceState.FOUND, f"accepted by {actor}", **values)
    await _told(runtime, entry, f"{entry.title} was accepted", actor)
    return await sources.get(runtime.store, source_id)


async def _told(runtime: Runtime, entry: SourceEntry, said: str, actor: str) -> None:
    await runtime.activity.record("movie.source_judged", said, actor=actor, subject=str(entry.movie_id))
    await judging.choose(runtime, [entry.movie_id])
    runtime.bus.publish("movies")
