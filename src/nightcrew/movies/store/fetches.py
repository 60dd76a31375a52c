"""Films that are fetched by themselves: each is a due row from its first good source on, until it is handed over or held back."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.handover.fetch_models import FetchEntry, fetch
from nightcrew.movies.handover.fetch_rules import MAY_END, Holdback
from nightcrew.movies.handover.models import handover
from nightcrew.movies.handover.rules import BLOCKING, HandoverState
from nightcrew.movies.sources.models import SourceEntry
from nightcrew.movies.store import handovers

FETCHES = DueRows(
    "movies.fetch",
    key=fetch.c.movie_id,
    due_at=fetch.c.due_at,
    lease=60.0,
    until=fetch.c.until,
    holder=fetch.c.holder,
)
_MAY_END = sa.and_(fetch.c.due_at.is_(None), fetch.c.held.in_(sorted(MAY_END)))


async def note(connection: AsyncConnection, store: Store, where: sa.ColumnElement[bool]) -> None:
    """These films may have a good source now: those that are wanted are looked at, unless they are held back for good."""
    now = sa.literal(await now_of(connection), fetch.c.due_at.type)
    good = sa.select(movie.c.id, sa.func.coalesce(movie.c.best_at, now), now).where(
        movie.c.wanted, movie.c.best_id.is_not(None), where
    )
    insert = store.upsert(fetch).from_select(["movie_id", "good_since", "due_at"], good)
    again = insert.on_conflict_do_update(
        index_elements=["movie_id"], set_={"due_at": now, "held": None}, where=_MAY_END
    )
    await connection.execute(again)
    await wake(connection, FETCHES.topic)


async def drop(connection: AsyncConnection, ids: Collection[int]) -> None:
    """These films are wanted no longer."""
    await connection.execute(sa.delete(fetch).where(fetch.c.movie_id.in_(ids)))


async def look_again(store: Store, movie_id: int) -> None:
    """Something has come to a film that was held back, such as another source."""
    held = sa.and_(fetch.c.movie_id == movie_id, _MAY_END)
    async with store.read() as connection:
        if (await connection.execute(sa.select(fetch.c.movie_id).where(held))).first() is None:
            return
    async with store.write() as connection:
        await FETCHES.make_due(connection, held, at=await now_of(connection), held=None)


async def plan_again(store: Store) -> None:
    """How long is waited has changed: all that wait are looked at."""
    async with store.write() as connection:
        await FETCHES.make_due(connection, fetch.c.due_at.is_not(None), at=await now_of(connection))


async def claim(store: Store, *, by: str, limit: int) -> list[FetchEntry]:
    """Films that are to be looked at now."""
    ids = await FETCHES.claim(store, by=by, limit=limit)
    return await _select(store, sa.select(fetch).where(fetch.c.movie_id.in_(ids))) if ids else []


async def hold(store: Store, entry: FetchEntry, why: Holdback, *, by: str) -> bool:
    """A film is not fetched by itself. False when another node has it by now."""
    return await FETCHES.park(store, by=by, key=entry.movie_id, until=None, values={"held": why})


async def begin(store: Store, entry: FetchEntry, source: SourceEntry, connection_id: int, *, by: str) -> int | None:
    """Hand a film over, once over all nodes; returns the number of the hand-over. None when another node has it by now.

    Raises `Conflict` while the film has another hand-over.
    """
    async with store.write() as connection:
        mine = FETCHES.mine(by, [entry.movie_id])
        values = {"held": Holdback.GOING, "due_at": None, **FETCHES.freed}
        if not (await connection.execute(sa.update(fetch).where(mine).values(values))).rowcount:
            return None
        return await handovers.begin_in(connection, store, source, connection_id)


async def of_movie(store: Store, movie_id: int) -> FetchEntry | None:
    """How a film stands; None: it is not wanted, or never had a good source."""
    found = await _select(store, sa.select(fetch).where(fetch.c.movie_id == movie_id))
    return found[0] if found else None


async def waiting(store: Store, limit: int) -> list[FetchEntry]:
    """Films that wait to be fetched, those first that have had a good source for longest."""
    over = handover.c.state.in_([HandoverState.DONE.value, HandoverState.REPLACED.value])
    failed = sa.and_(handover.c.state == HandoverState.FAILED, handover.c.cause.not_in(sorted(BLOCKING)))
    speaks = sa.or_(handover.c.ended_at.is_(None), over, failed)  # as `fetch_rules.holdback`
    had = sa.exists().where(handover.c.movie_id == fetch.c.movie_id, speaks)
    query = sa.select(fetch).where(fetch.c.due_at.is_not(None), ~had)
    return await _select(store, query.order_by(fetch.c.good_since, fetch.c.movie_id).limit(limit))


async def _select(store: Store, query: sa.Select[tuple[object, ...]]) -> list[FetchEntry]:
    async with store.read() as connection:
        return [FetchEntry(**row) for row in (await connection.execute(query)).mappings()]
