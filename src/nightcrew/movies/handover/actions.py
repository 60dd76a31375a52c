"""What people do with hand-overs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nightcrew.kernel.errors import Conflict, NeedsUser, NightcrewError, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.clients.base import TAG
from nightcrew.movies.handover import ends as handover_ends
from nightcrew.movies.handover import following
from nightcrew.movies.handover import torrents as handover_torrents
from nightcrew.movies.handover.models import HandoverEntry
from nightcrew.movies.handover.rules import HandoverState, RemovalKind, fingerprints, next_source, removal
from nightcrew.movies.sources.models import SourceEntry
from nightcrew.movies.store import fetches, films, handovers, sources


@dataclass(frozen=True, slots=True)
class GivingUp:
    """What giving a hand-over up would do. `removed` None: the client does not say how it stands, and `why` not.

    `got`: bytes that have come. `shared`: other films that have the same torrent, for which everything stays.
    """

    entry: HandoverEntry
    removed: RemovalKind | None
    got: int
    shared: Sequence[str]
    why: str


async def hand_over(
    runtime: Runtime, movie_id: int, *, source_id: int | None = None, client: int | None = None, actor: str
) -> HandoverEntry:
    """Hand a source of a film over: the best that is not blocked, or the one that a person names, blocked or not.

    Raises `NotFound`, `NeedsUser` without a client, `Conflict` while another is on its way, when there is no source, and for one that a
    person has refused.
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


async def giving_up(runtime: Runtime, number: int) -> GivingUp:
    """What `give_up` would do: the client is asked, and nothing is changed. Raises `NotFound`, and `Conflict` for one that has ended."""
    entry = await handovers.get(runtime.store, number)
    if entry.ended_at is not None:
        raise Conflict("this hand-over has ended already")
    others = [one.movie_id for one in await handovers.sharing(runtime.store, entry)]
    shared = sorted(one.shown for one in (await films.of_ids(runtime.store, others)).values())
    try:
        client = await following.client_of(runtime, entry.connection_id)
        remote = (await client.look([entry.swarm])).get(entry.swarm)
    except NightcrewError as exc:
        return GivingUp(entry, None, 0, shared, str(exc))
    gone = removal(entry.watch.move(HandoverState.REPLACED), remote, TAG)
    return GivingUp(entry, RemovalKind.NONE if shared else gone, remote.got if remote else 0, shared, "")


async def allow(runtime: Runtime, movie_id: int, title: str | None = None, *, actor: str) -> list[str]:
    """Let what is blocked for a film be handed over again: what has this title, or all of it; returns the titles.

    Raises `NotFound` when nothing like that is blocked.
    """
    film = await films.get(runtime.store, movie_id)
    found = [one for one in await handovers.blocked_of(runtime.store, movie_id) if title in {None, one.title}]
    if not found:
        raise NotFound(f"nothing is blocked for {film.shown}" if title is None else f"{title} is not blocked")
    await handovers.unblock(runtime.store, movie_id, [one.fingerprint for one in found])
    await fetches.look_again(runtime.store, movie_id)
    titles = sorted({one.title for one in found})
    said = f"{film.shown}: {', '.join(titles)} may be handed over again"
    await runtime.activity.record("movie.handover_allowed", said, actor=actor, subject=str(movie_id))
    runtime.bus.publish("movies")
    return titles


async def _chosen(runtime: Runtime, movie_id: int, source_id: int | None) -> SourceEntry:
    if source_id is not None:
        source = await sources.get(runtime.store, source_id)
        if source.movie_id != movie_id:
            raise NotFound(f"this film has no source {source_id}")
        if not source.swarm:
            raise Conflict("nobody knows the hash of this source yet")
        if handover_torrents.is_refused_by_person(source):
            raise Conflict(f"{source.title} was refused: accept it first")
        return source
    known = {one.fingerprint for one in await handovers.blocked_of(runtime.store, movie_id)}
    found = next_source(await handover_ends.candidates(runtime, movie_id), known)
    if found is None:
        raise Conflict("this film has no source that can be handed over")
    return found


async def _client(runtime: Runtime, number: int | None) -> int:
    every = await following.clients(runtime)
    if not every:
        raise NeedsUser("no download client is connected: add qBittorrent or Transmission under Connections")
    if number is None:
        return every[0].id
    if number not in {one.id for one in every}:
        raise NotFound(f"there is no download client {number}")
    return number
