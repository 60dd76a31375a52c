"""What people do with hand-overs."""

from __future__ import annotations

from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import Conflict, NeedsUser, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies import handover_ends
from nightcrew.movies.handover_models import HandoverEntry
from nightcrew.movies.handover_rules import HandoverState, fingerprints, next_source
from nightcrew.movies.handovers import BY_KIND
from nightcrew.movies.models import SourceEntry
from nightcrew.movies.store import films, handovers, sources


async def hand_over(
    runtime: Runtime, movie_id: int, *, source_id: int | None = None, client: int | None = None, actor: str
) -> HandoverEntry:
    """Hand a source of a film over: the best that is not blocked, or the one that a person names, blocked or not.

    Raises `NotFound`, `NeedsUser` without a client, `Conflict` while another is on its way or when there is no source.
    """
    film = await films.get(runtime.store, movie_id)
    source = await _chosen(runtime, movie_id, source_id)
    number = await handovers.begin(runtime.store, source, await _client(runtime, client))
    if source_id is not None:
        await handovers.unblock(runtime.store, movie_id, fingerprints(source.swarm, source.title, source.size))
    said = f"{film.shown}: {source.title} is handed over"
    await runtime.activity.record("movie.handover_begun", said, actor=actor, subject=str(movie_id))
    runtime.bus.publish("movies")
    return await handovers.get(runtime.store, number)


async def give_up(runtime: Runtime, number: int, *, actor: str) -> HandoverEntry:
    """End a hand-over. What has come of it is removed at the client, unless it is complete or was there before.

    Raises `NotFound`, and `Conflict` for one that has ended.
    """
    entry = await handovers.get(runtime.store, number)
    if entry.ended_at is not None:
        raise Conflict("this hand-over has ended already")
    watch = entry.watch.move(HandoverState.REPLACED, reason=f"given up by {actor}")
    if not await handovers.end(runtime.store, entry, watch):
        raise Conflict("it has just moved on: look again")
    await handover_ends.tell(runtime, entry, "movie.handover_given_up", f"was given up by {actor}")
    runtime.bus.publish("movies")
    return await handovers.get(runtime.store, number)


async def _chosen(runtime: Runtime, movie_id: int, source_id: int | None) -> SourceEntry:
    if source_id is not None:
        source = await sources.get(runtime.store, source_id)
        if source.movie_id != movie_id:
            raise NotFound(f"this film has no source {source_id}")
        if not source.swarm:
            raise Conflict("nobody knows the hash of this source yet")
        return source
    known = {one.fingerprint for one in await handovers.blocked_of(runtime.store, movie_id)}
    found = next_source(await handover_ends.candidates(runtime, movie_id), known)
    if found is None:
        raise Conflict("this film has no source that can be handed over")
    return found


async def _client(runtime: Runtime, number: int | None) -> int:
    known = runtime.part(Connections)
    every = [one for name in BY_KIND for one in await known.of_kind(name)]
    if not every:
        raise NeedsUser("no download client is connected: add qBittorrent or Transmission under Connections")
    if number is None:
        return every[0].id
    if number not in {one.id for one in every}:
        raise NotFound(f"there is no download client {number}")
    return number
