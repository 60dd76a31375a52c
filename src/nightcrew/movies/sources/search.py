"""The task that asks indexers for sources of films. A tick claims what is due; each question is asked beside it."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import store as connection_rows
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.rules import UNTOLD
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import NeedsUser, NightcrewError, NotFound, Retry
from nightcrew.kernel.recovery import Trouble
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.kernel.vault import Vault
from nightcrew.movies.catalogue.models import MovieEntry
from nightcrew.movies.columns import MAX_TITLE
from nightcrew.movies.indexers.base import Found, Offers, Wanted
from nightcrew.movies.quality import taste
from nightcrew.movies.quality.taste import Taste
from nightcrew.movies.releases import names
from nightcrew.movies.releases.identity import judge
from nightcrew.movies.releases.model import FilmIdentity, Release, WantedFilm
from nightcrew.movies.releases.ranking import ReleaseScore
from nightcrew.movies.sources import judging, reach, rules
from nightcrew.movies.sources.crew import AskedIndexer, MovieCrew, indexers, room, split
from nightcrew.movies.sources.models import MovieSearch
from nightcrew.movies.store import films, offering, searches
from nightcrew.movies.store.offering import OfferedSource
from nightcrew.movies.tally import Task, TaskTally

MOST_OFFERS = 100
"""Offers of one answer that are stored, the best first."""
REFUSED_KEPT = 20
"""Of these, those that are not the film, which a person may want to see."""
ASLEEP = timedelta(hours=1)
"""When it is tried again where a person has to do something first. An indexer whose login is wrong is not asked before that is mended."""
LONGEST_KEY, LONGEST_GUID = 200, 500


async def search(runtime: Runtime) -> None:
    """The cycle: give the indexers what is wanted, and ask those that may be asked."""
    crew = runtime.part(MovieCrew)
    await crew.searches.keep()
    known = await indexers(runtime)
    numbers = [one.connection.id for one in known]
    await searches.spread(runtime.store, numbers)
    await _catch_up(runtime, crew, numbers)
    ready, _ = await split(runtime, known)
    if not crew.searches.free or not ready:
        return
    by_number = {one.connection.id: one for one in ready}
    asked = room(by_number, crew.searches, crew.asked)
    limit = min(crew.searches.free, len(asked))
    for row in await searches.claim(runtime.store, by=runtime.node, limit=limit, indexers=asked, after=crew.turn):
        crew.turn = crew.asked[row.id] = row.connection_id
        work = _ask(runtime, by_number[row.connection_id], row)
        crew.searches.take([row.id], work, f"search for movie {row.movie_id}")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do."""
    crew, known = runtime.part(MovieCrew), await indexers(runtime)
    numbers = [one.connection.id for one in known]
    if numbers and (set(numbers) - crew.caught_up or await searches.waiting(runtime.store)):
        return utcnow()
    ready, back = await split(runtime, known)
    due = None
    if crew.searches.free:
        asked = room([one.connection.id for one in ready], crew.searches, crew.asked)
        due = await searches.next_at(runtime.store, asked)
    return earliest((due, back, crew.searches.next_at))


async def _catch_up(runtime: Runtime, crew: MovieCrew, numbers: Sequence[int]) -> None:
    crew.caught_up &= set(numbers)
    for one in numbers:
        if one not in crew.caught_up and not await searches.catch_up(runtime.store, one):
            crew.caught_up.add(one)


async def failed(runtime: Runtime, row_id: Any, exc: Exception) -> None:
    """What nobody expected: the row is due again later, and holds up nobody."""
    await searches.put_off(
        runtime.store, row_id, by=runtime.node, reason=f"an error in Nightcrew: {type(exc).__name__}"
    )


async def _ask(runtime: Runtime, asked: AskedIndexer, row: MovieSearch) -> None:
    """One film at one indexer. Each outcome says when it is asked again."""
    now, by = await connection_rows.now(runtime.store), runtime.node
    try:
        entry = await films.get(runtime.store, row.movie_id)
        liked = await taste.in_use(runtime)  # before anybody is asked in vain
        found = await _offers(runtime, asked, entry)
    except DatabaseAway:
        raise
    except NotFound:  # neither does the film come back under this number, nor the indexer
        await searches.drop(runtime.store, row.id)
    except (RouteDown, Paused) as exc:  # neither is an attempt
        wait = timedelta(seconds=exc.after or recovery.parked())
        await searches.settle(runtime.store, row, by=by, due_at=now + wait, reason=str(exc))
    except NeedsUser as exc:
        await searches.settle(runtime.store, row, by=by, due_at=now + ASLEEP, reason=str(exc))
    except NightcrewError as exc:
        failures = row.failures + 1
        due_at = rules.next_after_failure(now, failures, random.random())
        if isinstance(exc, Retry) and recovery.trouble_of(exc) is Trouble.RATE_LIMIT:
            failures, due_at = row.failures, now + timedelta(seconds=exc.after or UNTOLD)  # as told
        elif isinstance(exc, Retry) and exc.after:
            due_at = max(due_at, now + timedelta(seconds=exc.after))
        await searches.settle(
            runtime.store, row, by=by, due_at=due_at, asked_at=now, failures=failures, reason=str(exc)
        )
        runtime.part(TaskTally).failed(Task.SEARCH)
    else:
        await _take(runtime, row, entry, found, liked)


async def _offers(runtime: Runtime, asked: AskedIndexer, entry: MovieEntry) -> Offers:
    line = await runtime.part(Connections).line(asked.connection.id)
    wanted = Wanted(entry.imdb_id, entry.tmdb_id, entry.title, entry.original_title, entry.year)
    return await asked.kind.search(line, wanted)


async def _take(runtime: Runtime, row: MovieSearch, entry: MovieEntry, found: Offers, liked: Taste) -> None:
    now = await connection_rows.now(runtime.store)  # before its offers are noted, by the same clock
    offers = await judged(runtime, row.connection_id, entry, found, liked)
    besides = {(_fingerprint(row.connection_id, one), one.guid[:LONGEST_GUID]) for one in (*found, *found.few)}
    fresh = await offering.take(runtime.store, entry.id, row.connection_id, offers, besides)
    if offers:
        await judging.choose(runtime, [entry.id])
    in_vain = 0 if fresh else row.in_vain + 1
    usable = sum(not one.refused for one in offers)
    said = f"{usable} of {len(found)} offers may be the film, {fresh} new" if found else "it offers nothing"
    await searches.settle(
        runtime.store,
        row,
        by=runtime.node,
        due_at=rules.next_search(now, entry.released_on, in_vain, random.random()),
        asked_at=now,
        answered_at=now,
        in_vain=in_vain,
        failures=0,
        reason=said,
    )
    runtime.part(TaskTally).done(Task.SEARCH)
    if fresh:
        runtime.bus.publish("movies")


async def judged(
    runtime: Runtime, connection_id: int, entry: MovieEntry, found: Sequence[Found], liked: Taste
) -> list[OfferedSource]:
    """What is offered, with what its name says: the best first, and some of what is refused."""
    return await asyncio.to_thread(_judged, runtime.vault, connection_id, judging.film_of(entry), list(found), liked)


def _judged(
    vault: Vault, connection_id: int, film: WantedFilm, found: Sequence[Found], liked: Taste
) -> list[OfferedSource]:
    """It takes up to a second, so it is done beside the event loop."""
    offered: dict[str, tuple[Found, FilmIdentity]] = {}
    for one, head in zip(found, names.read_heads([one.title[:MAX_TITLE] for one in found]), strict=True):
        key, identity = _fingerprint(connection_id, one), judge(head, film, one.imdb_id)
        if key not in offered or (identity.ok and not offered[key][1].ok):
            offered[key] = one, identity
    refused = [key for key, (_, identity) in offered.items() if not identity.ok]
    over = frozenset(refused[REFUSED_KEPT:])
    kept = {key: pair for key, pair in offered.items() if key not in over}
    releases = names.read_many([one.title[:MAX_TITLE] for one, _ in kept.values()])
    made = [
        _offer(vault, key, one, identity, release, liked.score(release, film, size=one.size, seeds=one.seeds))
        for (key, (one, identity)), release in zip(kept.items(), releases, strict=True)
    ]
    good = sorted((one for one in made if not one.refused), key=lambda one: -one.score)[:MOST_OFFERS]
    return [*good, *[one for one in made if one.refused]]


def _offer(
    vault: Vault, key: str, one: Found, identity: FilmIdentity, release: Release, score: ReleaseScore
) -> OfferedSource:
    worth = judging.worth_of(score)
    return OfferedSource(
        fingerprint=key,
        guid=one.guid[:LONGEST_GUID],
        title=one.title[:MAX_TITLE],
        reach=reach.sealed(vault, one),
        swarm=one.info_hash,
        size=one.size,
        claimed_seeds=one.seeds,
        claimed_leechers=one.leechers,
        published_at=one.published_at,
        refused="" if identity.ok else identity.reason,
        release=judging.stored(release),
        score=worth.score,
        parts=worth.parts,
        unfit=worth.unfit,
    )


def _fingerprint(connection_id: int, one: Found) -> str:
    """By which a release is known again: its hash, or else its id there."""
    key = f"{connection_id}:{one.guid}"
    short = key if len(key) <= LONGEST_KEY else f"{connection_id}:{hashlib.sha256(one.guid.encode()).hexdigest()}"
    return one.info_hash or short
