"""The task that counts seeds and peers: many sources in one question to each tracker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.routes import RouteDown, Unavailable
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.tasks import together
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.sources import judging, rules
from nightcrew.movies.sources.crew import MovieCrew
from nightcrew.movies.sources.models import SourceEntry, TrackerEntry
from nightcrew.movies.store import sources, swarms
from nightcrew.movies.store.swarms import Ask, Counted
from nightcrew.movies.tally import Task, TaskTally
from nightcrew.movies.trackers.rules import recalled

BATCH = 400
"""Sources that are counted in one go."""
AT_ONCE = 64
"""Trackers that are asked at a time."""
PATIENCE = 40.0
"""Seconds that each of them has. What it has not answered by then it is asked first next time; one that answered nothing is silent."""
LATER, LATEST = 300.0, 12 * 3600.0
"""Seconds for which a tracker that does not answer is left alone, doubled each time."""
UNSUPPORTED = 7 * 86_400.0
"""The same for one that answers no such question."""
TRUSTED = timedelta(days=3)
"""How old the numbers of a tracker may be that does not answer now, while no other knows the source."""


async def count(runtime: Runtime) -> None:
    """The cycle: sources that are due are counted together."""
    crew = runtime.part(MovieCrew)
    await crew.stats.keep()
    if not crew.stats.free:
        return
    ids = await sources.STATS.claim(runtime.store, by=runtime.node, limit=BATCH)
    if ids:
        crew.stats.take(ids, _count(runtime, ids), f"seeds of {len(ids)} sources")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do."""
    crew = runtime.part(MovieCrew)
    if not crew.stats.free:
        return crew.stats.next_at
    return earliest((await sources.STATS.soonest(runtime.store), crew.stats.next_at))


async def failed(runtime: Runtime, source_id: Any, exc: Exception) -> None:  # noqa: ARG001 - it is told already
    """What nobody expected: the source is counted later."""
    later = utcnow() + timedelta(hours=rules.STATS_FIRST)
    await sources.STATS.park(runtime.store, by=runtime.node, key=source_id, until=later, values={})


async def _count(runtime: Runtime, ids: Sequence[int]) -> None:
    rows = await sources.of_ids(runtime.store, ids)
    known = {one.swarm for one in rows if one.swarm}
    asks = await swarms.asks(runtime.store, known)
    places = asyncio.Semaphore(AT_ONCE)
    down = await together(_ask(runtime, one, places) for one in asks)
    if any(down):  # nothing was counted, and nothing is held against anybody
        until = utcnow() + timedelta(seconds=recovery.parked())
        await sources.put_off(runtime.store, sources.STATS, ids, until)
        return
    await _settle(runtime, rows)


async def _ask(runtime: Runtime, ask: Ask, places: asyncio.Semaphore) -> bool:
    """One tracker; what it says is stored. Returns whether the route is down, which is no fault of the tracker."""
    one = ask.tracker
    options = runtime.settings.of(MovieSettings)
    try:
        async with places:
            found, memory = await runtime.part(MovieCrew).scraper.scrape(
                str(runtime.vault.unseal(one.address)),
                ask.swarms,
                route=options.route,
                memory=recalled(one.memory),
                allow_private=options.private_trackers,
                patience=PATIENCE,
            )
    except RouteDown:
        return True
    except Unavailable as exc:
        await swarms.silent(runtime.store, one.id, str(exc), pause=_pause(one), failures=one.failures + 1)
    except GiveUp as exc:
        await swarms.silent(runtime.store, one.id, str(exc), pause=UNSUPPORTED, failures=one.failures + 1)
    except NightcrewError as exc:
        told = exc.after if isinstance(exc, Retry) else None
        pause = told or _pause(one)
        await swarms.silent(runtime.store, one.id, str(exc), pause=pause, failures=one.failures + 1)
    else:
        counts = {swarm: (said.seeds, said.leechers, said.completed) for swarm, said in found.items()}
        await swarms.answered(runtime.store, ask, counts, asdict(memory))
    return False


def _pause(one: TrackerEntry) -> float:
    return float(min(LATEST, LATER * 2 ** min(one.failures, 10)))


async def _settle(runtime: Runtime, rows: Sequence[SourceEntry]) -> None:
    now = utcnow()
    said = await swarms.counts_of(runtime.store, {one.swarm for one in rows if one.swarm})
    counted = [_counted(one, said.get(one.swarm, []), now) for one in rows]
    await swarms.settle(runtime.store, counted)
    runtime.part(TaskTally).done(Task.STATS, len(rows))
    moved = {one.movie_id for one, new in zip(rows, counted, strict=True) if new.seeds != one.seeds}
    if moved:
        await judging.choose(runtime, moved)
    runtime.bus.publish("movies")


def _counted(entry: SourceEntry, said: Sequence[tuple[int, int, int, datetime]], now: datetime) -> Counted:
    """The best of what its trackers say. One that knows nothing of it says zero, so zero alone says nothing."""
    fresh = [one for one in said if now - one[3] <= TRUSTED and any(one[:3])]
    best = max(fresh, default=None)
    seeds, leechers, completed = best[:3] if best else (None, None, None)
    wait_h = rules.next_stats(entry.stats_wait_h or None, entry.seeds, seeds, random.random())
    faded = entry.counted_at is not None and now - entry.counted_at > TRUSTED
    at = best[3] if best else None
    return Counted(entry.id, seeds, leechers, completed, now + timedelta(hours=wait_h), wait_h, at=at, faded=faded)
