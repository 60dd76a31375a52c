"""Which film each indexer is asked for next. A film and an indexer are one due row, so that one's limits hold up no other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows, lock_rows
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.words import plain
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.columns import MAX_REASON
from nightcrew.movies.sources.models import SEARCH_ORDER, MovieSearch, search
from nightcrew.movies.store import fetches

SEARCHES = DueRows(
    "movies.search",
    key=search.c.id,
    due_at=search.c.due_at,
    lease=180.0,
    until=search.c.until,
    holder=search.c.holder,
    turn=search.c.connection_id,
    order=SEARCH_ORDER,
)
"""Each indexer has its turn; whom a person asks for comes first, then who has waited longest."""
_ASKED = sa.and_(movie.c.wanted, movie.c.search_due_at.is_not(None))
PIECE = 2_000
"""Films that are given to the indexers in one statement, so that it ends soon."""


async def want(connection: AsyncConnection, store: Store, where: sa.ColumnElement[bool], at: datetime) -> int:
    """Search for these films from `at` on, which are wanted from now on; returns how many they are."""
    await lock_rows(connection, where, by=[movie.c.id])
    asked = sa.update(movie).where(where).values(wanted=True, search_due_at=at)
    found = (await connection.execute(asked)).rowcount
    await fetches.note(connection, store, where)
    await wake(connection, SEARCHES.topic)
    return found


async def unwant(store: Store, ids: Collection[int]) -> None:
    """Search for these films no longer. What was found stays."""
    async with store.write() as connection:
        await _lock(connection, ids)
        await connection.execute(sa.update(movie).where(movie.c.id.in_(ids)).values(wanted=False, search_due_at=None))
        await connection.execute(sa.delete(search).where(search.c.movie_id.in_(ids)))
        await fetches.drop(connection, ids)


async def _lock(connection: AsyncConnection, ids: Collection[int]) -> None:
    """Have films to oneself, and what is asked for them: a film always before its searches."""
    await lock_rows(connection, movie.c.id.in_(ids), by=[movie.c.id])
    await lock_rows(connection, search.c.movie_id.in_(ids), by=[search.c.id])


async def spread(store: Store, indexers: Sequence[int]) -> bool:
    """Give the indexers the films that are to be searched for; returns whether there may be more of them."""
    async with store.read() as connection:
        query = sa.select(movie.c.id).where(_ASKED).limit(PIECE)
        asked = list((await connection.execute(query)).scalars())
    if asked and indexers:
        async with store.write() as connection:
            await _lock(connection, asked)
            for one in indexers:
                still = sa.and_(_ASKED, movie.c.id.in_(asked))
                await connection.execute(_given(store, one, still, movie.c.search_due_at))
            await connection.execute(sa.update(movie).where(movie.c.id.in_(asked)).values(search_due_at=None))
            await wake(connection, SEARCHES.topic)
    return len(asked) == PIECE


async def catch_up(store: Store, indexer: int) -> bool:
    """Give an indexer the films that the others were given before it was connected; returns whether there may be more of them."""
    known = sa.exists().where(search.c.movie_id == movie.c.id, search.c.connection_id == indexer)
    behind = sa.select(movie.c.id).where(movie.c.wanted, movie.c.search_due_at.is_(None), ~known).limit(PIECE)
    async with store.read() as connection:
        ids = list((await connection.execute(behind)).scalars())
    if ids:
        async with store.write() as connection:
            await _lock(connection, ids)
            now = sa.literal(await now_of(connection), search.c.due_at.type)
            await connection.execute(_given(store, indexer, sa.and_(movie.c.wanted, movie.c.id.in_(ids)), now))
            await wake(connection, SEARCHES.topic)
    return len(ids) == PIECE


def _given(
    store: Store, indexer: int, where: sa.ColumnElement[bool], at: sa.ColumnElement[Any], *, priority: int = 0
) -> Any:
    columns = ["movie_id", "connection_id", "priority", "due_at", "in_vain", "failures", "reason"]
    literals = [sa.literal(priority), at, sa.literal(0), sa.literal(0), sa.literal("")]
    query = sa.select(movie.c.id, sa.literal(indexer, sa.BigInteger), *literals).where(where)
    insert = store.upsert(search).from_select(columns, query)
    return insert.on_conflict_do_update(
        index_elements=["movie_id", "connection_id"],
        set_={"due_at": insert.excluded.due_at, "priority": insert.excluded.priority, "failures": 0},
    )


async def claim(
    store: Store, *, by: str, limit: int, indexers: Collection[int], after: int | None
) -> list[MovieSearch]:
    """Searches that are due at these indexers, each in its turn. A mapping says how many of each at most."""
    ids = await SEARCHES.claim_in_turn(store, by=by, limit=limit, after=after, only=indexers)
    found = {one.id: one for one in await _select(store, search.c.id.in_(ids))} if ids else {}
    return [found[one] for one in ids if one in found]


async def next_at(store: Store, indexers: Collection[int]) -> datetime | None:
    """When the next search is due at these indexers."""
    return await SEARCHES.soonest(store, turns=indexers) if indexers else None


async def want_now(store: Store, movie_id: int, indexers: Sequence[int]) -> None:
    """Ask these indexers for a film at once and before all others, since a person waits for it. It is wanted from now on."""
    async with store.write() as connection:
        now = await now_of(connection)
        film = movie.c.id == movie_id
        await want(connection, store, film, now)
        await _lock(connection, [movie_id])
        for one in indexers:
            await connection.execute(_given(store, one, film, sa.literal(now, search.c.due_at.type), priority=1))
        if indexers:
            await connection.execute(sa.update(movie).where(film).values(search_due_at=None))


async def waiting(store: Store) -> bool:
    """Whether films wait to be given to the indexers."""
    async with store.read() as connection:
        query = sa.select(movie.c.id).where(_ASKED).limit(1)
        return (await connection.execute(query)).first() is not None


async def settle(store: Store, row: MovieSearch, *, by: str, due_at: datetime, **values: Any) -> bool:
    """Note what came of a search, and when it is due again; False when it is another node's by now."""
    if "reason" in values:
        values["reason"] = plain(values["reason"])[:MAX_REASON]
    return await SEARCHES.park(store, by=by, key=row.id, until=due_at, values={"priority": 0, **values})


async def put_off(store: Store, search_id: int, *, by: str, reason: str, pause: timedelta = timedelta(hours=1)) -> None:
    """Ask again after a pause, since something went wrong that nobody expected."""
    async with store.read() as connection:
        due_at = await now_of(connection) + pause
    await SEARCHES.park(
        store, by=by, key=search_id, until=due_at, values={"priority": 0, "reason": plain(reason)[:MAX_REASON]}
    )


async def of_movie(store: Store, movie_id: int) -> list[MovieSearch]:
    """How a film stands at each indexer."""
    return await _select(store, search.c.movie_id == movie_id)


async def drop(store: Store, search_id: int) -> None:
    """Forget a search, as there is no such film, or no such indexer, any more."""
    async with store.write() as connection:
        await connection.execute(sa.delete(search).where(search.c.id == search_id))


async def drop_gone(store: Store, known: Collection[int]) -> int:
    """Forget the searches at indexers that are connected no longer."""
    async with store.write() as connection:
        gone = search.c.connection_id.not_in(known)
        await lock_rows(connection, gone, by=[search.c.id])
        return (await connection.execute(sa.delete(search).where(gone))).rowcount


async def _select(store: Store, *where: sa.ColumnElement[bool]) -> list[MovieSearch]:
    query = sa.select(search).where(*where).order_by(search.c.connection_id, search.c.id)
    async with store.read() as connection:
        return [MovieSearch(**row) for row in (await connection.execute(query)).mappings()]
