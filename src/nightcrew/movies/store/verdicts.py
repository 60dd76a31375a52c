"""What was found in the torrent file of a source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import lock_rows
from nightcrew.kernel.store import Store, now_of
from nightcrew.movies.sources.models import SourceEntry, SourceState, offer, source
from nightcrew.movies.store import forgetting, sources
from nightcrew.movies.store.sources import FILES

_OF_NAMES = ("title", "release", "score", "parts", "unfit")
"""What of a source comes from its name."""


async def claim_files(store: Store, *, by: str, limit: int, indexers: Collection[int]) -> list[SourceEntry]:
    """Sources whose files are to be read, of these indexers, each in its turn. A mapping says how many of each at most."""
    ids = await FILES.claim_in_turn(store, by=by, limit=limit, only=indexers)
    return await sources.of_ids(store, ids)


async def files_due(store: Store, indexers: Collection[int]) -> datetime | None:
    """When the next file is to be read, of these indexers."""
    return await FILES.soonest(store, turns=indexers)


async def give_to(store: Store, ready: Collection[int], known: Collection[int]) -> list[int]:
    """Have files that are to be read at an indexer that may not be asked now read at one that may, where that offers them too.

    Returns the indexers that are connected no longer, of which files are to be read still.
    """
    here = sa.and_(offer.c.source_id == source.c.id, offer.c.connection_id.in_(ready))
    elsewhere = sa.and_(source.c.file_due_at.is_not(None), source.c.connection_id.not_in(ready))
    other = sa.select(sa.func.min(offer.c.connection_id)).where(here).scalar_subquery()
    moved = sa.update(source).where(elsewhere, sa.exists().where(here)).values(connection_id=other)
    left = sa.select(source.c.connection_id).where(elsewhere, source.c.connection_id.not_in(known)).distinct()
    async with store.read() as connection:
        if (await connection.execute(sa.select(source.c.id).where(elsewhere).limit(1))).first() is None:
            return []
    async with store.write(durable=False) as connection:
        await lock_rows(connection, elsewhere, sa.exists().where(here), by=[source.c.id])
        await connection.execute(moved)
        return list((await connection.execute(left)).scalars())


async def judge(store: Store, entry: SourceEntry, to: SourceState, reason: str = "", **values: Any) -> None:
    """Say how a source stands once it was looked into. Its file is not looked at again by itself.

    Where the film has the same torrent from another indexer already, that one stays with what was found, and this one goes. Nothing
    is said where the source stands otherwise than `entry` by now.
    """
    swarm = values.get("swarm") or entry.swarm
    async with store.write() as connection:
        mine, twin = await _locked(connection, entry, swarm)
        if twin is not None and mine is not None:
            if mine.state is entry.state and mine.final == entry.final:
                await _hand_on(connection, mine, twin, to, reason, values)
            return
        same_due = source.c.file_due_at == entry.file_due_at
        done = sa.case((same_due, None), else_=source.c.file_due_at)  # else it was offered at another place meanwhile
        row = _verdict(to, values) | ({"file_due_at": done} if to is SourceState.UNREAD else {})
        await sources.move_in(connection, entry, to, reason, **row, **({"fingerprint": swarm} if swarm else {}))


def _verdict(to: SourceState, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a row keeps of a verdict."""
    row = {"file_due_at": None, "file_failures": 0, **FILES.freed, **values}
    if to is SourceState.REFUSED:
        row |= {"stats_due_at": None, "resync_due_at": None, **sources.STATS.freed, **sources.RESYNCS.freed}
    return row


async def _locked(
    connection: AsyncConnection, entry: SourceEntry, swarm: str
) -> tuple[SourceEntry | None, SourceEntry | None]:
    """The source as it stands now, and the other one of its film that is the same torrent. Nobody else writes them now."""
    same = sa.and_(source.c.movie_id == entry.movie_id, source.c.fingerprint == swarm)
    either = sa.or_(source.c.id == entry.id, same) if swarm else source.c.id == entry.id
    query = sa.select(source).where(either).order_by(source.c.id).with_for_update()
    found = [SourceEntry(**row) for row in (await connection.execute(query)).mappings()]
    mine = next((one for one in found if one.id == entry.id), None)
    return mine, next((one for one in found if one.id != entry.id), None)


async def _hand_on(
    connection: AsyncConnection,
    entry: SourceEntry,
    twin: SourceEntry,
    to: SourceState,
    reason: str,
    values: Mapping[str, Any],
) -> None:
    """Let `twin` have the offers of a source, and what was found in it."""
    now = await now_of(connection)
    seen = {"seen_at": now, "missed": 0}
    await connection.execute(sa.update(source).where(source.c.id == twin.id).values(seen))
    for state, said, row in _moves(entry, twin, to, reason, values, now):
        await sources.move_in(connection, twin, state, said, **row)
        twin = replace(twin, state=state)
    await _give_offers(connection, entry.id, twin.id)
    await forgetting.forget(connection, [entry.id])


def _moves(
    entry: SourceEntry, twin: SourceEntry, to: SourceState, reason: str, values: Mapping[str, Any], now: datetime
) -> list[tuple[SourceState, str, dict[str, Any]]]:
    """How a twin stands after what was found in a source: states with their reasons and values, one after the other.

    What its files said before stands. A person's word counts for more than any check, and a refusal for more than its opposite.
    """
    final = {"final": True} if entry.final or values.get("final") else {}
    found: list[tuple[SourceState, str, dict[str, Any]]] = []
    if twin.state is SourceState.GONE:
        found.append((SourceState.FOUND, "", {"file_due_at": None, "connection_id": entry.connection_id}))
    elif _is_taken_back(twin, to, final=bool(final)):
        found.append((SourceState.FOUND, "", {name: getattr(entry, name) for name in _OF_NAMES}))
    state = found[-1][0] if found else twin.state
    is_refused = to is SourceState.REFUSED and "final" in values
    if state is SourceState.REFUSED or (twin.final and not is_refused):
        return found
    if state is SourceState.VERIFIED and not is_refused:
        return [(state, twin.reason, final)] if final else []
    if to is not SourceState.UNREAD or state is SourceState.UNREAD:
        return [*found, (to, reason, _verdict(to, values) | final)]
    if twin.file_count:
        due = {name: at for name, at in values.items() if name in {"stats_due_at", "resync_due_at"}}
        return [*found, (SourceState.VERIFIED, "", due | final)]
    due = {"file_due_at": twin.file_due_at or now, "file_failures": 0}  # nobody has asked where it is offered itself
    return [*found, (SourceState.FOUND, "", due | final)]


def _is_taken_back(twin: SourceEntry, to: SourceState, *, final: bool) -> bool:
    """Whether a twin is refused no longer: a person says so, or it was for its name alone, which is another one here."""
    is_open = twin.state is SourceState.REFUSED and not twin.final and to is not SourceState.REFUSED
    return is_open and (final or not twin.file_count)


async def _give_offers(connection: AsyncConnection, source_id: int, twin: int) -> None:
    known = sa.select(offer.c.connection_id).where(offer.c.source_id == twin)
    mine = sa.and_(offer.c.source_id == source_id, offer.c.connection_id.not_in(known))
    await connection.execute(sa.update(offer).where(mine).values(source_id=twin))


async def mark(
    store: Store, entry: SourceEntry, *, missed: int, gone: bool, reason: str, due_at: datetime | None
) -> None:
    """A source was looked for in vain, so many times in a row."""
    to = SourceState.GONE if gone else SourceState.MARKED
    values = {"missed": missed, "resync_due_at": due_at, **sources.RESYNCS.freed}
    if gone:
        values |= {"stats_due_at": None, "file_due_at": None, **sources.STATS.freed, **FILES.freed}
    await sources.move(store, entry, to, reason, **values)


async def still_there(store: Store, entry: SourceEntry, *, due_at: datetime) -> None:
    """A source was looked for, and found."""
    values = {"missed": 0, "resync_due_at": due_at, **sources.RESYNCS.freed}
    to = sources.before_marked(entry) if entry.state is SourceState.MARKED else entry.state
    await sources.move(store, entry, to, "" if entry.state is SourceState.MARKED else entry.reason, **values)
