"""Trackers, what was learnt of each, and how many seed and fetch what, by each of them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from nightcrew.kernel.due import lock_rows
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.store import Store, now_of
from nightcrew.kernel.vault import Vault
from nightcrew.kernel.words import plain
from nightcrew.movies.columns import MAX_REASON
from nightcrew.movies.sources.models import TrackerEntry, health, source, swarm_count, tracker

KEY = (swarm_count.c.swarm, swarm_count.c.tracker_id)
MOST_TRACKERS = 30
"""Trackers of one torrent that are asked."""
KEPT = timedelta(days=400)
"""How long it is known how many seeded a source."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A tracker that may be asked now, and the swarms that it is asked for."""

    tracker: TrackerEntry
    swarms: tuple[str, ...]


async def name_trackers(
    store: Store, vault: Vault, swarm: str, addresses: Iterable[str], *, private: bool = False
) -> int:
    """Note that these trackers know a swarm; returns how many they are. Their addresses may hold passkeys, so they are sealed.

    `private`: no other tracker is asked for it (BEP 27), also where another source of it has named one.
    """
    wanted = dict.fromkeys(addresses)
    rows = {
        vault.mark("movie trackers", one): (urlsplit(one).hostname or "", vault.seal(one))
        for one in list(wanted)[:MOST_TRACKERS]
    }
    if not rows and not private:
        return 0
    async with store.write() as connection:
        values = [
            {"key": key, "host": host[:300], "address": sealed, "memory": {}, "failures": 0, "reason": ""}
            for key, (host, sealed) in sorted(rows.items())
        ]
        if values:
            await connection.execute(store.upsert(tracker).on_conflict_do_nothing(), values)
        own = sa.select(tracker.c.id).where(tracker.c.key.in_(list(rows))).order_by(tracker.c.id)
        ids = list((await connection.execute(own.with_for_update())).scalars())
        if private:
            others = sa.and_(swarm_count.c.swarm == swarm, swarm_count.c.tracker_id.not_in(ids))
            await lock_rows(connection, others, by=KEY)
            await connection.execute(sa.delete(swarm_count).where(others))
        if links := [{"swarm": swarm, "tracker_id": one} for one in ids]:
            await connection.execute(store.upsert(swarm_count).on_conflict_do_nothing(), links)
    return len(rows)


async def asks(store: Store, swarms: Collection[str]) -> list[Ask]:
    """Which trackers may be asked now for these swarms, those first that each has not answered for longest."""
    query = (
        sa.select(tracker, swarm_count.c.swarm)
        .join(swarm_count, swarm_count.c.tracker_id == tracker.c.id)
        .where(swarm_count.c.swarm.in_(swarms))
        .order_by(tracker.c.id, swarm_count.c.at.nulls_first(), swarm_count.c.swarm)
    )
    async with store.read() as connection:
        now = await now_of(connection)
        free = sa.or_(tracker.c.free_at.is_(None), tracker.c.free_at <= now)
        found: dict[int, tuple[TrackerEntry, list[str]]] = {}
        for row in (await connection.execute(query.where(free))).mappings():
            values = dict(row)
            swarm = values.pop("swarm")
            found.setdefault(row["id"], (TrackerEntry(**values), []))[1].append(swarm)
    return [Ask(one, tuple(listed)) for one, listed in found.values()]


async def answered(store: Store, ask: Ask, counts: Mapping[str, tuple[int, int, int]], memory: dict[str, Any]) -> None:
    """Store what a tracker answered, and what was learnt of it. `counts`: seeds, leechers and completed by swarm."""
    async with store.write() as connection:
        now = await now_of(connection)
        values = {"memory": memory, "asked_at": now, "free_at": None, "failures": 0, "reason": ""}
        await connection.execute(sa.update(tracker).where(tracker.c.id == ask.tracker.id).values(values))
        if counts:
            insert = store.upsert(swarm_count)
            new = {name: insert.excluded[name] for name in ("seeds", "leechers", "completed", "at")}
            rows = [
                {
                    "swarm": swarm,
                    "tracker_id": ask.tracker.id,
                    "seeds": seeds,
                    "leechers": leechers,
                    "completed": done,
                    "at": now,
                }
                for swarm, (seeds, leechers, done) in sorted(counts.items())
            ]
            await connection.execute(insert.on_conflict_do_update(index_elements=KEY, set_=new), rows)


async def silent(store: Store, tracker_id: int, reason: str, *, pause: float, failures: int) -> None:
    """A tracker did not answer, or asks for a pause: it is not asked for so many seconds."""
    async with store.write(durable=False) as connection:
        now = await now_of(connection)
        values = {"asked_at": now, "free_at": now + timedelta(seconds=pause), "failures": failures}
        values["reason"] = plain(reason)[:MAX_REASON]
        await connection.execute(sa.update(tracker).where(tracker.c.id == tracker_id).values(values))


async def counts_of(store: Store, swarms: Collection[str]) -> dict[str, list[tuple[int, int, int, datetime]]]:
    """What all trackers have said of these swarms: seeds, leechers, completed, and when."""
    query = sa.select(swarm_count).where(swarm_count.c.swarm.in_(swarms), swarm_count.c.at.is_not(None))
    found: dict[str, list[tuple[int, int, int, datetime]]] = {}
    async with store.read() as connection:
        for row in (await connection.execute(query)).mappings():
            said = (row["seeds"], row["leechers"], row["completed"], row["at"])
            found.setdefault(row["swarm"], []).append(said)
    return found


async def of_swarm(store: Store, swarm: str) -> list[tuple[str, int | None, int | None, datetime | None, str]]:
    """What each tracker says of a swarm: host, seeds, leechers, when, and why it could not be asked."""
    query = (
        sa.select(tracker.c.host, swarm_count.c.seeds, swarm_count.c.leechers, swarm_count.c.at, tracker.c.reason)
        .join(tracker, tracker.c.id == swarm_count.c.tracker_id)
        .where(swarm_count.c.swarm == swarm)
        .order_by(swarm_count.c.seeds.desc().nulls_last(), tracker.c.host)
    )
    async with store.read() as connection:
        return [(row[0], row[1], row[2], row[3], row[4]) for row in await connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Counted:
    """The numbers of a source, and when they are looked at again."""

    source_id: int
    seeds: int | None
    leechers: int | None
    completed: int | None
    due_at: datetime
    wait_h: float
    at: datetime | None = None
    """When they were told; None: nobody tells any."""
    faded: bool = False
    """What was known is too old by now."""


_PUT_OFF = (
    sa.update(source)
    .where(source.c.id == sa.bindparam("which"), source.c.stats_due_at.is_not(None))
    .values(
        stats_due_at=sa.bindparam("next_at"),
        stats_wait_h=sa.bindparam("hours"),
        stats_holder=sa.null(),
        stats_until=sa.null(),
    )
)
_COUNTED = _PUT_OFF.values(
    seeds=sa.bindparam("new_seeds"),
    leechers=sa.bindparam("new_leechers"),
    completed=sa.bindparam("new_completed"),
    counted_at=sa.bindparam("told_at"),
)
_FADED = _PUT_OFF.values(seeds=sa.null(), leechers=sa.null(), completed=sa.null())


def _bound(one: Counted) -> dict[str, Any]:
    return {"which": one.source_id, "next_at": one.due_at, "hours": one.wait_h}


def _numbers(one: Counted) -> dict[str, Any]:
    return {"new_seeds": one.seeds, "new_leechers": one.leechers, "new_completed": one.completed, "told_at": one.at}


async def settle(store: Store, rows: Sequence[Counted]) -> None:
    """Store the numbers of sources with a sample of their history, and when each is due again. `due_at` is always set."""
    if not rows:
        return
    async with store.write() as connection:
        await lock_rows(connection, source.c.id.in_([one.source_id for one in rows]), by=[source.c.id])
        counted = [one for one in rows if one.at is not None]
        if counted:
            await connection.execute(_COUNTED, [{**_bound(one), **_numbers(one)} for one in counted])
        if faded := [_bound(one) for one in rows if one.at is None and one.faded]:
            await connection.execute(_FADED, faded)
        if uncounted := [_bound(one) for one in rows if one.at is None and not one.faded]:
            await connection.execute(_PUT_OFF, uncounted)
        samples = [
            {"source_id": one.source_id, "at": one.at, "seeds": one.seeds, "leechers": one.leechers or 0}
            for one in counted
        ]
        if samples:
            await connection.execute(store.upsert(health).on_conflict_do_nothing(), samples)


async def history(store: Store, source_ids: Collection[int]) -> dict[int, list[tuple[datetime, int, int]]]:
    """How many seeded and fetched some sources over time: times, seeds, leechers."""
    query = sa.select(health).where(health.c.source_id.in_(source_ids)).order_by(health.c.at)
    found: dict[int, list[tuple[datetime, int, int]]] = {}
    async with store.read() as connection:
        for row in (await connection.execute(query)).mappings():
            found.setdefault(row["source_id"], []).append((row["at"], row["seeds"], row["leechers"]))
    return found


async def forget_history(store: Store, before: datetime) -> int:
    """Forget samples that are older."""
    async with store.write() as connection:
        return (await connection.execute(sa.delete(health).where(health.c.at < before))).rowcount


async def trackers_of(store: Store, vault: Vault, swarm: str) -> tuple[str, ...]:
    """The addresses of the trackers that know a swarm, those first that counted most seeds. They may hold passkeys."""
    query = (
        sa.select(tracker.c.address)
        .join(swarm_count, swarm_count.c.tracker_id == tracker.c.id)
        .where(swarm_count.c.swarm == swarm)
        .order_by(swarm_count.c.seeds.desc().nulls_last(), tracker.c.id)
        .limit(MOST_TRACKERS)
    )
    async with store.read() as connection:
        sealed = list((await connection.execute(query)).scalars())
    found = []
    for one in sealed:
        with contextlib.suppress(NeedsUser):  # it was sealed with another key
            found.append(str(vault.unseal(one)))
    return tuple(found)


async def is_private(store: Store, swarm: str) -> bool:
    """Whether a torrent file of this swarm was read that is private."""
    query = sa.select(source.c.id).where(source.c.swarm == swarm, source.c.private).limit(1)
    async with store.read() as connection:
        return (await connection.execute(query)).first() is not None
