"""The task that looks at old sources again: one that nobody offers or seeds any more is marked, and goes after several proofs."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import GiveUp, NightcrewError
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.movies.sources import judging, offered, reach, rules
from nightcrew.movies.sources.crew import BY_KIND, MovieCrew, connected
from nightcrew.movies.sources.models import SourceEntry, SourceOffer, SourceState
from nightcrew.movies.store import searches, sources, verdicts
from nightcrew.movies.tally import Task, TaskTally

RECENT = timedelta(days=3)
"""A source that was offered or counted so lately is there."""
NO_ACCESS = frozenset({401, 403, 451})
"""Statuses with which a server says that it does not give something to us, which says nothing about its being there."""
UNSURE = timedelta(hours=12)
"""When a source is looked at again that could not be looked for, since its indexer does not answer."""


async def resync(runtime: Runtime) -> None:
    """The cycle: sources whose time has come."""
    crew = runtime.part(MovieCrew)
    await crew.resyncs.keep()
    if not crew.resyncs.free:
        return
    ids = await sources.RESYNCS.claim(runtime.store, by=runtime.node, limit=crew.resyncs.free)
    for entry in await sources.of_ids(runtime.store, ids):
        crew.resyncs.take([entry.id], _look(runtime, entry), f"resync of source {entry.id}")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do."""
    crew = runtime.part(MovieCrew)
    due = await sources.RESYNCS.soonest(runtime.store) if crew.resyncs.free else None
    return earliest((due, crew.resyncs.next_at))


async def failed(runtime: Runtime, source_id: Any, exc: Exception) -> None:  # noqa: ARG001 - it is told already
    """What nobody expected: the source is looked at later."""
    await sources.RESYNCS.park(runtime.store, by=runtime.node, key=source_id, until=utcnow() + UNSURE, values={})


async def _look(runtime: Runtime, entry: SourceEntry) -> None:
    now = utcnow()
    runtime.part(TaskTally).done(Task.RESYNC)
    if now - entry.seen_at <= RECENT or _is_seeded(entry, now):
        await verdicts.still_there(runtime.store, entry, due_at=rules.next_resync(now, 0, random.random()))
        return
    try:
        proof = await _proof(runtime, entry)
    except DatabaseAway:
        raise
    except (RouteDown, Paused) as exc:  # neither says anything of the source
        until = now + timedelta(seconds=exc.after or recovery.parked())
        await sources.RESYNCS.park(runtime.store, by=runtime.node, key=entry.id, until=until, values={})
        return
    except NightcrewError:
        await sources.RESYNCS.park(runtime.store, by=runtime.node, key=entry.id, until=now + UNSURE, values={})
        return
    if not proof:
        await verdicts.still_there(runtime.store, entry, due_at=rules.next_resync(now, 0, random.random()))
        return
    missed = entry.missed + 1
    gone = missed >= rules.PROOFS and entry.state is SourceState.MARKED
    due_at = None if gone else rules.next_resync(now, missed, random.random())
    await verdicts.mark(runtime.store, entry, missed=missed, gone=gone, reason=proof, due_at=due_at)
    await judging.choose(runtime, [entry.movie_id])
    runtime.bus.publish("movies")


def _is_seeded(entry: SourceEntry, now: datetime) -> bool:
    return bool(entry.seeds) and entry.counted_at is not None and now - entry.counted_at <= RECENT


async def _proof(runtime: Runtime, entry: SourceEntry) -> str:
    """Why a source counts as not there; empty while that is not proved. Raises as `Line.ask` when nobody can say.

    Each indexer that offered it has answered a search for the film since, without it, and its torrent file is gone there. An indexer
    that does not answer proves nothing.
    """
    asked = await searches.of_movie(runtime.store, entry.movie_id)
    answered = {one.connection_id: one.answered_at for one in asked}
    kinds, known = await offered.kinds_by_number(runtime), await connected(runtime)
    offers = [one for one in await sources.offers_of(runtime.store, entry.id) if one.connection_id in known]
    if not offers:
        return "its indexers are not connected any more, and no tracker counts a seed"
    for one in offers:
        if one.connection_id not in kinds:
            return ""  # it is switched off for now
        last = answered.get(one.connection_id)
        if last is None or last <= one.seen_at or await _still_served(runtime, entry, one, kinds[one.connection_id]):
            return ""
    return "no indexer offers it any more, and no tracker counts a seed"


async def _still_served(runtime: Runtime, entry: SourceEntry, one: SourceOffer, kind: str) -> bool:
    """Whether an indexer has its torrent file. A magnet is no proof that anybody has it, and takes no file's place here.

    Raises as `Line.ask` when the indexer does not say so.
    """
    offer = replace(reach.offer_of(runtime.vault, entry, one), magnet="")
    if not offer.link:
        return False
    line = await runtime.part(Connections).line(one.connection_id)
    try:
        return isinstance(await BY_KIND[kind].fetch(line, offer), bytes)
    except GiveUp as exc:
        if exc.status in NO_ACCESS:
            raise
        return False
