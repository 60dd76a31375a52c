"""What indexers offer for films: what is new, and what was seen again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, now_of
from nightcrew.kernel.words import plain
from nightcrew.movies.columns import MAX_REASON
from nightcrew.movies.sources.models import SourceState, offer, source
from nightcrew.movies.store import sources


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
        values |= {"state": sources.state_before(row["file_count"], row["file_due_at"]), "reason": ""}
    elif row["state"] is SourceState.GONE:
        values |= {"state": SourceState.FOUND, "reason": "", "file_due_at": None, "file_failures": 0}
        values |= {"connection_id": place}
    elif new_place and row["state"] in {SourceState.UNREAD, SourceState.FOUND}:
        values |= {"file_due_at": now, "file_failures": 0, "connection_id": place}
    return values
