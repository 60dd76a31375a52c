"""The sources of films: what indexers offer, what became of it, and which one is best."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows, lock_rows
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.words import plain
from nightcrew.movies.handover_models import handover
from nightcrew.movies.models import (
    FILE_ORDER,
    MAX_REASON,
    USABLE,
    SourceEntry,
    SourceOffer,
    SourceState,
    check_source_move,
    health,
    movie,
    offer,
    source,
    swarm_count,
    tracker,
)
from nightcrew.movies.store import fetches

FILES = DueRows(
    "movies.files",
    key=source.c.id,
    due_at=source.c.file_due_at,
    lease=120.0,
    until=source.c.file_until,
    holder=source.c.file_holder,
    turn=source.c.connection_id,
    order=FILE_ORDER,
)
"""Sources whose torrent files are to be read, the best first; those that could not be read go behind the others."""
STATS = DueRows(
    "movies.stats",
    key=source.c.id,
    due_at=source.c.stats_due_at,
    lease=300.0,
    until=source.c.stats_until,
    holder=source.c.stats_holder,
)
"""Sources whose seeds and peers are to be counted."""
RESYNCS = DueRows(
    "movies.resync",
    key=source.c.id,
    due_at=source.c.resync_due_at,
    lease=120.0,
    until=source.c.resync_until,
    holder=source.c.resync_holder,
)
"""Old sources that are to be looked at again."""


@dataclass(frozen=True, slots=True)
class OfferedSource:
    """What an indexer offers for a film, judged by its name."""

    fingerprint: str
    guid: str
    title: str
    reach: str
    swarm: str
    size: int | None
    claimed_seeds: int | None
    claimed_leechers: int | None
    published_at: datetime | None
    refused: str
    """Why it is not taken; empty: it is."""
    release: Mapping[str, Any]
    score: float
    parts: Sequence[Sequence[Any]]
    unfit: str


async def take(
    store: Store,
    movie_id: int,
    connection_id: int,
    offers: Sequence[OfferedSource],
    besides: Collection[tuple[str, str]] = (),
) -> int:
    """Store what an indexer offers for a film; returns how many sources are new.

    What is known already keeps how it stands: only what the indexer claims of it now is written, and one that was gone, or was not
    found, is back. `besides`: fingerprints and ids there of all that it offers; what is known of that was seen, and nothing else is stored.
    """
    if not offers and not besides:
        return 0
    async with store.write() as connection:
        now = await now_of(connection)
        offers = await _named(connection, movie_id, connection_id, offers)
        seen = await _seen_besides(connection, movie_id, connection_id, besides)
        before = await _known(connection, movie_id, offers, seen, lock=True)
        new = sorted((one for one in offers if one.fingerprint not in before), key=lambda one: one.fingerprint)
        fresh = [_row(one, movie_id, connection_id, now) for one in new]
        if fresh:
            await connection.execute(store.upsert(source).on_conflict_do_nothing(), fresh)
        ids = {one: row["id"] for one, row in (await _known(connection, movie_id, offers)).items()}
        elsewhere = await _offered_by(connection, list(ids.values()), connection_id)
        again = [(before[one.fingerprint], one) for one in offers if one.fingerprint in before]
        for row, one in again:
            values = _seen(one, row, now, connection_id, new_place=row["id"] not in elsewhere)
            await connection.execute(sa.update(source).where(source.c.id == row["id"]).values(values))
        await _renew(connection, connection_id, seen - set(ids.values()), now)
        if offers:
            await _note_offers(store, connection, connection_id, {ids[one.fingerprint]: one for one in offers}, now)
        return sum(not row["reason"] for row in fresh)


async def _named(
    connection: AsyncConnection, movie_id: int, connection_id: int, offers: Sequence[OfferedSource]
) -> list[OfferedSource]:
    """Offers of an indexer that tells no hashes, by the hash that was found in their torrents when they were read before."""
    unnamed = [one.guid for one in offers if not one.swarm]
    known: dict[str, str] = {}
    if unnamed:
        query = (
            sa.select(offer.c.guid, source.c.fingerprint)
            .join(source, source.c.id == offer.c.source_id)
            .where(source.c.movie_id == movie_id, offer.c.connection_id == connection_id, offer.c.guid.in_(unnamed))
        )
        known = {row[0]: row[1] for row in await connection.execute(query)}
    found: dict[str, OfferedSource] = {}
    for one in offers:
        new = one if one.swarm else replace(one, fingerprint=known.get(one.guid, one.fingerprint))
        found.setdefault(new.fingerprint, new)
    return list(found.values())


async def _known(
    connection: AsyncConnection,
    movie_id: int,
    offers: Sequence[OfferedSource],
    others: Collection[int] = (),
    *,
    lock: bool = False,
) -> dict[str, Mapping[str, Any]]:
    """Those that are stored, and others. `lock`: nobody else writes them until the end of the transaction, such as a person's word."""
    same = sa.or_(source.c.fingerprint.in_([one.fingerprint for one in offers]), source.c.id.in_(others))
    query = sa.select(source).where(source.c.movie_id == movie_id, same).order_by(source.c.id)
    query = query.with_for_update() if lock else query
    return {row["fingerprint"]: dict(row) for row in (await connection.execute(query)).mappings()}


async def _seen_besides(
    connection: AsyncConnection, movie_id: int, connection_id: int, besides: Collection[tuple[str, str]]
) -> set[int]:
    """The sources that are known of what an indexer offers, by fingerprint or by its id there."""
    if not besides:
        return set()
    mine = sa.select(source.c.id).where(source.c.movie_id == movie_id)
    same = mine.where(source.c.fingerprint.in_({key for key, _ in besides}))
    guids = sa.and_(offer.c.connection_id == connection_id, offer.c.guid.in_({guid for _, guid in besides if guid}))
    named = mine.join(offer, offer.c.source_id == source.c.id).where(guids)
    return set((await connection.execute(same.union(named))).scalars())


async def _renew(connection: AsyncConnection, connection_id: int, ids: Collection[int], now: datetime) -> None:
    """These sources were offered, too."""
    if ids:
        values = {"seen_at": now, "missed": 0}
        await connection.execute(sa.update(source).where(source.c.id.in_(ids)).values(values))
        mine = sa.and_(offer.c.source_id.in_(ids), offer.c.connection_id == connection_id)
        await connection.execute(sa.update(offer).where(mine).values(seen_at=now))


async def _offered_by(connection: AsyncConnection, ids: Sequence[int], connection_id: int) -> set[int]:
    """Those of these sources that an indexer is known to offer."""
    query = sa.select(offer.c.source_id).where(offer.c.source_id.in_(ids), offer.c.connection_id == connection_id)
    return set((await connection.execute(query)).scalars())


async def _note_offers(
    store: Store, connection: AsyncConnection, connection_id: int, offers: Mapping[int, OfferedSource], now: datetime
) -> None:
    rows = [
        {"source_id": one, "connection_id": connection_id, "guid": new.guid, "reach": new.reach, "seen_at": now}
        for one, new in sorted(offers.items())
    ]
    insert = store.upsert(offer)
    new = {name: insert.excluded[name] for name in ("guid", "reach", "seen_at")}
    which = ["source_id", "connection_id"]
    await connection.execute(insert.on_conflict_do_update(index_elements=which, set_=new), rows)


def _row(one: OfferedSource, movie_id: int, connection_id: int, now: datetime) -> dict[str, Any]:
    state = SourceState.REFUSED if one.refused else SourceState.FOUND
    return {
        "movie_id": movie_id,
        "connection_id": connection_id,
        "fingerprint": one.fingerprint,
        "title": one.title,
        "swarm": one.swarm,
        "hash_v2": "",
        "size": one.size,
        "claimed_seeds": one.claimed_seeds,
        "claimed_leechers": one.claimed_leechers,
        "published_at": one.published_at,
        "found_at": now,
        "seen_at": now,
        "state": state,
        "reason": plain(one.refused)[:MAX_REASON],
        "final": False,
        "private": False,
        "files": [],
        "file_count": 0,
        "release": dict(one.release),
        "score": one.score,
        "parts": [list(part) for part in one.parts],
        "unfit": one.unfit[:MAX_REASON],
        "file_due_at": None,  # until it is among the best of its film
        "file_failures": 0,
        "stats_due_at": None,
        "stats_wait_h": 0.0,
        "resync_due_at": None,
        "missed": 0,
    }


def _seen(one: OfferedSource, row: Mapping[str, Any], now: datetime, place: int, *, new_place: bool) -> dict[str, Any]:
    """What a new offer of a known source changes. One whose files nobody could read is tried at the new place, an indexer."""
    values: dict[str, Any] = {"seen_at": now, "missed": 0}
    values |= {"claimed_seeds": one.claimed_seeds, "claimed_leechers": one.claimed_leechers}
    if row["state"] is SourceState.MARKED:
        values |= {"state": _before(row["file_count"], row["file_due_at"]), "reason": ""}
    elif row["state"] is SourceState.GONE:
        values |= {"state": SourceState.FOUND, "reason": "", "file_due_at": None, "file_failures": 0}
        values |= {"connection_id": place}
    elif new_place and row["state"] in {SourceState.UNREAD, SourceState.FOUND}:
        values |= {"file_due_at": now, "file_failures": 0, "connection_id": place}
    return values


def before_marked(entry: SourceEntry) -> SourceState:
    """How a source stood before it was not found."""
    return _before(entry.file_count, entry.file_due_at)


def _before(file_count: int, file_due_at: datetime | None) -> SourceState:
    if file_count:
        return SourceState.VERIFIED
    return SourceState.UNREAD if file_due_at is None else SourceState.FOUND


async def offers_of(store: Store, source_id: int) -> list[SourceOffer]:
    """Where a source is offered, the latest offer first."""
    query = sa.select(offer).where(offer.c.source_id == source_id).order_by(offer.c.seen_at.desc())
    async with store.read() as connection:
        return [SourceOffer(**row) for row in (await connection.execute(query)).mappings()]


async def get(store: Store, source_id: int) -> SourceEntry:
    """One source. Raises `NotFound`."""
    found = await select(store, source.c.id == source_id)
    if not found:
        raise NotFound(f"there is no source {source_id}")
    return found[0]


async def of_movie(store: Store, movie_id: int) -> list[SourceEntry]:
    """All sources of a film, the best first."""
    return await select(store, source.c.movie_id == movie_id, order=(source.c.score.desc(), source.c.id))


async def of_ids(store: Store, ids: Collection[int]) -> list[SourceEntry]:
    """Several, in the order of their ids as given."""
    if not ids:
        return []
    found = {one.id: one for one in await select(store, source.c.id.in_(ids))}
    return [found[one] for one in ids if one in found]


async def move(store: Store, entry: SourceEntry, to: SourceState, reason: str = "", **values: Any) -> bool:
    """Let a source stand otherwise; False when it stands otherwise than `entry` by now. Raises `Conflict`.

    Values of due rows say when it is looked at next.
    """
    check_source_move(entry.state, to)
    async with store.write() as connection:
        return await move_in(connection, entry, to, reason, **values)


async def move_in(
    connection: AsyncConnection, entry: SourceEntry, to: SourceState, reason: str = "", **values: Any
) -> bool:
    """As `move`, in a transaction that does more."""
    check_source_move(entry.state, to)
    same = sa.and_(source.c.id == entry.id, source.c.state == entry.state)
    row = {"state": to, "reason": plain(reason)[:MAX_REASON], **values}
    found = await connection.execute(sa.update(source).where(same).values(row))
    for rows in (FILES, STATS, RESYNCS):
        if values.get(rows.due_at.key) is not None:
            await wake(connection, rows.topic)
    return found.rowcount == 1


@dataclass(frozen=True, slots=True)
class Worth:
    """What a source is worth: points, what they are for, and why the profile does not take it."""

    score: float
    parts: list[list[Any]]
    unfit: str


async def rescore(store: Store, new: Mapping[int, Worth]) -> None:
    """Store what some sources are worth."""
    if not new:
        return
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in ("score", "parts", "unfit")}
    statement = sa.update(source).where(source.c.id == sa.bindparam("which")).values(values)
    rows = [
        {"which": key, "new_score": one.score, "new_parts": one.parts, "new_unfit": one.unfit[:MAX_REASON]}
        for key, one in sorted(new.items())
    ]
    async with store.write() as connection:
        await connection.execute(statement, rows)


async def read_next(store: Store, ids: Collection[int], rest: Collection[int]) -> None:
    """Have the torrent files of some sources read, and not those of the `rest`, for now."""
    async with store.write() as connection:
        await lock_rows(connection, source.c.id.in_([*ids, *rest]), by=[source.c.id])
        found = source.c.state == SourceState.FOUND  # else it was refused meanwhile
        idle = sa.and_(source.c.id.in_(ids), source.c.file_due_at.is_(None), found)
        if ids:
            await FILES.make_due(connection, idle, at=await now_of(connection))
        if rest:
            await connection.execute(sa.update(source).where(source.c.id.in_(rest)).values(file_due_at=None))


async def put_off(store: Store, rows: DueRows, ids: Collection[int], until: datetime) -> None:
    """Let sources wait until a time, for a task that could not be done now. Those that are not to be done any more stay so."""
    async with store.write(durable=False) as connection:
        await rows.make_due(connection, source.c.id.in_(ids), rows.due_at.is_not(None), at=until, **rows.freed)


async def set_best(store: Store, movie_id: int, *, since: int | None, best: int | None) -> bool:
    """Let a film have this best source; False when another node has chosen meanwhile, or it may not be the best any more."""
    async with store.write() as connection:
        same = movie.c.best_id.is_(None) if since is None else movie.c.best_id == since
        usable = sa.true() if best is None else sa.exists().where(source.c.id == best, MAY_BE_BEST)
        values = {"best_id": best, "best_at": await now_of(connection)}
        found = await connection.execute(sa.update(movie).where(movie.c.id == movie_id, same, usable).values(values))
        if found.rowcount and best is not None:
            await fetches.note(connection, store, movie.c.id == movie_id)
        return found.rowcount == 1


async def forget(connection: AsyncConnection, ids: Collection[int]) -> None:
    """Remove sources with all that is known of them."""
    await connection.execute(sa.delete(health).where(health.c.source_id.in_(ids)))
    await connection.execute(sa.delete(offer).where(offer.c.source_id.in_(ids)))
    await connection.execute(sa.delete(source).where(source.c.id.in_(ids)))


async def forget_old(store: Store, before: datetime) -> int:
    """Forget sources that no indexer has offered since, and that are gone, were refused or were never looked into.

    What a person has judged stays, and what is a film's best or is handed over. Counts of swarms that nobody needs go too, and trackers
    that count nothing.
    """
    states = source.c.state.in_([SourceState.GONE, SourceState.REFUSED, SourceState.FOUND])
    is_best = sa.exists().where(movie.c.best_id == source.c.id)
    handed_over = sa.select(handover.c.source_id).where(handover.c.ended_at.is_(None))
    old = sa.and_(source.c.seen_at < before, ~source.c.final)
    over = sa.and_(states, old, ~is_best, source.c.id.not_in(handed_over))
    done = 0
    while True:
        async with store.write() as connection:
            query = sa.select(source.c.id).where(over).order_by(source.c.id).limit(500).with_for_update()
            ids = list((await connection.execute(query)).scalars())
            await forget(connection, ids)
            done += len(ids)
        if len(ids) < 500:
            break
    async with store.write() as connection:
        needed = sa.exists().where(source.c.swarm == swarm_count.c.swarm)
        await lock_rows(connection, ~needed, by=[swarm_count.c.swarm, swarm_count.c.tracker_id])
        await connection.execute(sa.delete(swarm_count).where(~needed))
    while await _forget_trackers(store, 500) == 500:
        pass
    return done


async def _forget_trackers(store: Store, most: int) -> int:
    """Forget trackers that count nothing any more; returns how many were looked at."""
    counts = sa.exists().where(swarm_count.c.tracker_id == tracker.c.id)
    async with store.write() as connection:
        query = sa.select(tracker.c.id).where(~counts).order_by(tracker.c.id).limit(most).with_for_update()
        ids = list((await connection.execute(query)).scalars())
        idle = sa.and_(tracker.c.id.in_(ids), ~counts)  # a swarm may have named it since it was looked for
        await connection.execute(sa.delete(tracker).where(idle))
    return len(ids)


async def select(
    store: Store, *where: sa.ColumnElement[bool], order: Sequence[Any] = (source.c.id,), limit: int | None = None
) -> list[SourceEntry]:
    """Sources, for the stores beside this one."""
    query = sa.select(source).where(*where).order_by(*order)
    if limit is not None:
        query = query.limit(limit)
    async with store.read() as connection:
        return [SourceEntry(**row) for row in (await connection.execute(query)).mappings()]


MAY_BE_BEST = source.c.state.in_([one.value for one in USABLE])
