"""The task that reads torrent files: what a source really holds, before anybody is pointed to it."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import GiveUp, NeedsUser, NightcrewError
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.movies.sources import judging, offered, reach, rules
from nightcrew.movies.sources.crew import MovieCrew, connected, indexers, room, split
from nightcrew.movies.sources.models import SourceEntry, SourceState
from nightcrew.movies.store import films, sources, swarms, verdicts
from nightcrew.movies.tally import Task, TaskTally
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.torrents.magnet import Magnet
from nightcrew.movies.torrents.model import Metainfo

AGAIN = timedelta(minutes=1)
"""How often files that are due at an indexer that may not be asked are given to another one."""
FILES_KEPT = 100
ASLEEP = timedelta(hours=6)
MOST_FAILURES = 6
"""Attempts after which a source whose file cannot be read is left to its magnet, or refused."""


async def read_files(runtime: Runtime) -> None:
    """The cycle: the best sources that were not looked into are, each indexer in its turn."""
    crew = runtime.part(MovieCrew)
    await crew.files.keep()
    ready, _ = await split(runtime, await indexers(runtime))
    if not crew.files.free or not ready:
        return
    numbers = tuple(sorted(one.connection.id for one in ready))
    await _give(runtime, crew, numbers)
    asked = room((*numbers, *crew.gone), crew.files, crew.read)
    limit = min(crew.files.free, len(asked))
    for entry in await verdicts.claim_files(runtime.store, by=runtime.node, limit=limit, indexers=asked):
        crew.read[entry.id] = entry.connection_id
        crew.files.take([entry.id], _read(runtime, entry), f"torrent file of source {entry.id}")


async def _give(runtime: Runtime, crew: MovieCrew, ready: tuple[int, ...]) -> None:
    """Have read elsewhere what an indexer that may not be asked offers: at once when that changes, and what is due later soon."""
    readers = ready, frozenset(await connected(runtime))
    if readers != crew.readers or crew.given_at is None or utcnow() >= crew.given_at + AGAIN:
        crew.gone = tuple(await verdicts.give_to(runtime.store, ready, readers[1]))
        crew.readers, crew.given_at = readers, utcnow()


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do."""
    crew = runtime.part(MovieCrew)
    ready, back = await split(runtime, await indexers(runtime))
    due = given = None
    if crew.files.free and ready:
        given = crew.given_at + AGAIN if crew.given_at else None
        numbers = (*(one.connection.id for one in ready), *crew.gone)
        due = await verdicts.files_due(runtime.store, room(numbers, crew.files, crew.read))
    return earliest((due, back, given, crew.files.next_at))


async def failed(runtime: Runtime, source_id: Any, exc: Exception) -> None:
    """What nobody expected: the source is looked at again later."""
    later = utcnow() + timedelta(hours=1)
    reason = f"an error in Nightcrew: {type(exc).__name__}"
    await sources.FILES.park(runtime.store, by=runtime.node, key=source_id, until=later, values={"reason": reason})


async def _read(runtime: Runtime, entry: SourceEntry) -> None:
    """One source. Each outcome says when it is looked at next, or that it need not be."""
    now = utcnow()
    try:
        got = await offered.fetch(runtime, entry, entry.swarm)
    except DatabaseAway:
        raise
    except (RouteDown, Paused) as exc:  # neither is an attempt
        wait = timedelta(seconds=exc.after or recovery.parked())
        await _put_off(runtime, entry, now + wait, str(exc))
    except NeedsUser as exc:
        await _put_off(runtime, entry, now + ASLEEP, str(exc))
    except GiveUp as exc:
        await _without_file(runtime, entry, str(exc))
    except NightcrewError as exc:
        failures = entry.file_failures + 1
        if failures >= MOST_FAILURES:
            await _without_file(runtime, entry, str(exc))
        else:
            due_at = rules.next_file(now, failures, random.random())
            await _put_off(runtime, entry, due_at, str(exc), file_failures=failures)
            runtime.part(TaskTally).failed(Task.FILES)
    else:
        await look_into(runtime, entry, got)


async def look_into(runtime: Runtime, entry: SourceEntry, got: bytes | Magnet) -> None:
    """Judge what an indexer, or a person, gave as the torrent of a source."""
    film = await films.get(runtime.store, entry.movie_id)
    if isinstance(got, Magnet):
        await _magnet_alone(runtime, entry, got, "there is a magnet link alone")
        return
    try:
        torrent = await asyncio.to_thread(offered.read, got, entry.swarm)
    except BadTorrent as exc:
        await _without_file(runtime, entry, str(exc))
        return
    await _judged(runtime, entry, torrent, await offered.refusals(torrent, film, entry))


async def _judged(runtime: Runtime, entry: SourceEntry, torrent: Metainfo, refused: list[str]) -> None:
    now = utcnow()
    await swarms.name_trackers(runtime.store, runtime.vault, torrent.swarm, torrent.trackers, private=torrent.private)
    values: dict[str, Any] = {
        "swarm": torrent.swarm,
        "hash_v2": torrent.hash_v2 or "",
        "size": torrent.size,
        "private": torrent.private,
        "files": [["/".join(one.path), one.size] for one in torrent.content[:FILES_KEPT]],
        "file_count": len(torrent.content),
    }
    if refused and not entry.final:
        await verdicts.judge(runtime.store, entry, SourceState.REFUSED, "; ".join(refused), **values)
    else:
        values |= {"stats_due_at": now, "resync_due_at": rules.next_resync(now, 0, random.random())}
        await verdicts.judge(runtime.store, entry, SourceState.VERIFIED, **values)
    await _settled(runtime, entry)


async def _magnet_alone(runtime: Runtime, entry: SourceEntry, magnet: Magnet, reason: str) -> None:
    if entry.swarm and magnet.swarm != entry.swarm:
        await verdicts.judge(runtime.store, entry, SourceState.REFUSED, "its magnet link is of another torrent")
    else:
        now = utcnow()
        await swarms.name_trackers(runtime.store, runtime.vault, magnet.swarm, magnet.trackers)
        values = {"swarm": magnet.swarm, "hash_v2": magnet.hash_v2 or "", "size": entry.size or magnet.size}
        due = {"stats_due_at": now, "resync_due_at": rules.next_resync(now, 0, random.random())}
        await verdicts.judge(runtime.store, entry, SourceState.UNREAD, reason, **values, **due)
    await _settled(runtime, entry)


async def _without_file(runtime: Runtime, entry: SourceEntry, reason: str) -> None:
    """Its torrent file cannot be used: its magnet is, where there is one, as that is bound to the hash that was promised."""
    offers = await sources.offers_of(runtime.store, entry.id)
    if magnet := reach.magnet_of(runtime.vault, entry, offers):
        await _magnet_alone(runtime, entry, magnet, f"there is a magnet link alone: {reason}")
        return
    await verdicts.judge(runtime.store, entry, SourceState.REFUSED, reason)
    await _settled(runtime, entry)


async def _settled(runtime: Runtime, entry: SourceEntry) -> None:
    runtime.part(TaskTally).done(Task.FILES)
    await judging.choose(runtime, [entry.movie_id])
    runtime.bus.publish("movies")


async def _put_off(runtime: Runtime, entry: SourceEntry, due_at: datetime, reason: str, **values: Any) -> None:
    row = {"reason": reason[:500], **values}
    await sources.FILES.park(runtime.store, by=runtime.node, key=entry.id, until=due_at, values=row)
