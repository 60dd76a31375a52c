"""The end of a hand-over: what is taken off the client, what is blocked, which source is next, and who is told."""

from __future__ import annotations

from typing import Any

from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.clients.base import TAG, Client
from nightcrew.movies.clients.remote import RemoteTorrent
from nightcrew.movies.handover.models import HandoverEntry
from nightcrew.movies.handover.rules import (
    BLOCKING,
    Cause,
    HandoverState,
    HandoverWatch,
    RemovalKind,
    fingerprints,
    next_source,
    removal,
)
from nightcrew.movies.sources.models import USABLE, SourceEntry, SourceState
from nightcrew.movies.store import films, handovers, sources


async def over(runtime: Runtime, entry: HandoverEntry, watch: HandoverWatch, remote: RemoteTorrent | None) -> None:
    """One has ended. That is written down first: what it leaves at the client is cleared in looks of its own, until it is."""
    block = watch.state is HandoverState.FAILED and watch.cause in BLOCKING
    then = await _next(runtime, entry) if block else None
    if not await handovers.end(runtime.store, entry, watch, block=block, then=then, **figures(remote)):
        return
    if watch.state is HandoverState.DONE:
        await tell(runtime, entry, "movie.handover_done", "is there")
    elif watch.state is HandoverState.FAILED:
        more = f"; next: {then.title}" if then else "; there is no other source" if block else ""
        await tell(runtime, entry, "movie.handover_failed", f"has failed: {watch.reason}{more}", warn=True)


async def clear(runtime: Runtime, client: Client, entry: HandoverEntry, remote: RemoteTorrent | None) -> None:
    """Take off the client what an ended one leaves there, unless another film has the same torrent."""
    gone = removal(entry.watch, remote, TAG)
    if gone is not RemovalKind.NONE and await handovers.sharing(runtime.store, entry):
        gone = RemovalKind.NONE
    if gone is not RemovalKind.NONE:
        await client.remove(entry.swarm, files=gone is RemovalKind.ALL)
    await handovers.HANDOVERS.park(runtime.store, by=runtime.node, key=entry.id, until=None, values={})


async def without_client(runtime: Runtime, entry: HandoverEntry) -> None:
    """Its connection was removed: nobody can be asked of it any more. One that goes on ends, without blame for its source."""
    if entry.ended_at is None:
        watch = entry.watch.fail(Cause.GONE, "its client is not connected any more")
        await over(runtime, entry, watch, None)
        runtime.bus.publish("movies")
    else:
        await handovers.HANDOVERS.park(runtime.store, by=runtime.node, key=entry.id, until=None, values={})


async def _next(runtime: Runtime, entry: HandoverEntry) -> SourceEntry | None:
    known = {one.fingerprint for one in await handovers.blocked_of(runtime.store, entry.movie_id)}
    known |= set(fingerprints(entry.swarm, entry.title, entry.size))
    return next_source(await candidates(runtime, entry.movie_id), known)


async def candidates(runtime: Runtime, movie_id: int) -> list[SourceEntry]:
    """The sources of a film that may be handed over: its best one, those whose files were read, and those of a magnet link alone."""
    film = (await films.of_ids(runtime.store, [movie_id])).get(movie_id)
    best_id = film.best_id if film else None
    good = [one for one in await sources.of_movie(runtime.store, movie_id) if one.state in USABLE and not one.unfit]
    return sorted(good, key=lambda one: (one.id != best_id, one.state is SourceState.UNREAD))


def figures(remote: RemoteTorrent | None) -> dict[str, Any]:
    """What is shown of how it stands at the client."""
    if remote is None:
        return {}
    seeds = min(remote.seeds, 1 << 30)
    return {"progress": remote.progress, "seeds": seeds, "eta_s": remote.eta_s, "path": remote.path}


async def tell(runtime: Runtime, entry: HandoverEntry, kind: str, said: str, *, warn: bool = False) -> None:
    """Note it."""
    level = "warning" if warn else "info"
    await runtime.activity.record(kind, f"{entry.title} {said}", level=level, subject=str(entry.movie_id))
