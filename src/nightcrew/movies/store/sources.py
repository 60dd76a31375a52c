"""The sources of films: what became of what indexers offer, and which one is best."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows, lock_rows
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.words import plain
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.columns import MAX_REASON
from nightcrew.movies.sources.models import (
    FILE_ORDER,
    USABLE,
    SourceEntry,
    SourceOffer,
    SourceState,
    check_source_move,
    offer,
    source,
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


def before_marked(entry: SourceEntry) -> SourceState:
    """How a source stood before it was not found."""
    return state_before(entry.file_count, entry.file_due_at)


def state_before(file_count: int, file_due_at: datetime | None) -> SourceState:
    """How a source stood before it was not found, by what is known of its files, and when they are read."""
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
    """As `move`, in a transaction that does more. A person's word that came meanwhile counts for more as well."""
    check_source_move(entry.state, to)
    same = sa.and_(source.c.id == entry.id, source.c.state == entry.state, source.c.final == entry.final)
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
