"""Lists, and the titles that each has, by rank."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.words import plain
from nightcrew.movies.catalogue.models import MediaList, Medium, list_place, media_list, movie
from nightcrew.movies.columns import MAX_REASON
from nightcrew.movies.store import changes

LISTS = DueRows(
    "movies.lists",
    key=media_list.c.id,
    due_at=media_list.c.due_at,
    lease=300.0,
    until=media_list.c.until,
    holder=media_list.c.holder,
)


async def begin(store: Store, defaults: Sequence[dict[str, Any]]) -> bool:
    """At the first start: these lists, due at once. They are a person's from then on, who may remove them."""
    async with store.write() as connection:
        now = await now_of(connection)
        if not await changes.begin(connection, now):
            return False
        await connection.execute(sa.insert(media_list), [_new(one, now) for one in defaults])
        await wake(connection, LISTS.topic)
        return True


async def every(store: Store, *, medium: Medium | None = None) -> list[MediaList]:
    """All lists, by name."""
    return await _select(store, *([media_list.c.medium == medium] if medium else []))


async def get(store: Store, list_id: int) -> MediaList:
    """One list. Raises `NotFound`."""
    found = await _select(store, media_list.c.id == list_id)
    if not found:
        raise NotFound(f"there is no list {list_id}")
    return found[0]


async def add(store: Store, values: dict[str, Any]) -> MediaList:
    """A new list, which is read at once. Raises `Conflict` where one has its name."""
    async with store.write() as connection:
        now = await now_of(connection)
        insert = store.upsert(media_list).values(_new(values, now)).on_conflict_do_nothing()
        number = (await connection.execute(insert.returning(media_list.c.id))).scalar()
        if number is None:
            raise Conflict(f"there is a list {values['name']!r} already")
        await wake(connection, LISTS.topic)
    return await get(store, number)


def _new(values: dict[str, Any], now: datetime) -> dict[str, Any]:
    blank = {"enabled": True, "wanted": False, "params": {}, "size": 0, "held_times": 0, "failures": 0, "reason": ""}
    return {**blank, **values, "due_at": now}


async def change(store: Store, list_id: int, values: dict[str, Any]) -> MediaList:
    """Change a list; what is asked for anew is due at once. Raises `NotFound`, `Conflict`."""
    async with store.write() as connection:
        if "name" in values:
            same = sa.select(media_list.c.id).where(media_list.c.name == values["name"], media_list.c.id != list_id)
            if (await connection.execute(same)).first() is not None:
                raise Conflict(f"there is a list {values['name']!r} already")
        row = {**values, "due_at": await now_of(connection)}
        done = await connection.execute(sa.update(media_list).where(media_list.c.id == list_id).values(row))
        if not done.rowcount:
            raise NotFound(f"there is no list {list_id}")
        await wake(connection, LISTS.topic)
    return await get(store, list_id)


async def refresh(store: Store, ids: Collection[int], *, held_times: int | None = None) -> int:
    """Read these lists now. `held_times`: as if they had come back small so often."""
    values = {} if held_times is None else {"held_times": held_times}
    async with store.write() as connection:
        now = await now_of(connection)
        return await LISTS.make_due(connection, media_list.c.id.in_(ids), media_list.c.enabled, at=now, **values)


async def remove(store: Store, list_id: int) -> None:
    """Forget a list. Its titles stay."""
    async with store.write() as connection:
        await connection.execute(sa.delete(list_place).where(list_place.c.list_id == list_id))
        await connection.execute(sa.delete(media_list).where(media_list.c.id == list_id))


async def claim(store: Store, *, by: str, limit: int) -> list[MediaList]:
    """Lists that are to be read."""
    of = sa.select(media_list.c.id).where(media_list.c.enabled)
    ids = await LISTS.claim(store, by=by, limit=limit, of=of)
    found = {one.id: one for one in await _select(store, media_list.c.id.in_(ids))} if ids else {}
    return [found[one] for one in ids if one in found]


async def next_at(store: Store) -> datetime | None:
    """When the next list is due."""
    return await LISTS.soonest(store, media_list.c.enabled)


async def replace(store: Store, one: MediaList, ids: Sequence[int], *, by: str, due_at: datetime) -> bool:
    """The list has these titles now, in this order, all in one transaction.

    False when it is another node's by now, or when a person has changed it since it was claimed: it is then read anew.
    """
    async with store.write() as connection:
        if not await _is_as_claimed(connection, one, by):
            return False
        values = {
            "size": len(ids),
            "refreshed_at": await now_of(connection),
            "failures": 0,
            "held_times": 0,
            "reason": "",
            "due_at": due_at,
            **LISTS.freed,
        }
        await connection.execute(sa.update(media_list).where(media_list.c.id == one.id).values(values))
        await connection.execute(sa.delete(list_place).where(list_place.c.list_id == one.id))
        places = [{"list_id": one.id, "tmdb_id": number, "rank": rank} for rank, number in enumerate(ids, 1)]
        await connection.execute(sa.insert(list_place), places)
        await wake(connection, LISTS.topic)
        return True


async def put_off(
    store: Store, one: MediaList, *, by: str, due_at: datetime, failures: int, reason: str, held_times: int
) -> None:
    """What is stored stays; note why, and when the list is read again. One that a person has changed since is read anew at once."""
    values = {"failures": failures, "reason": plain(reason)[:MAX_REASON], "held_times": held_times, "due_at": due_at}
    async with store.write() as connection:
        if await _is_as_claimed(connection, one, by):
            await connection.execute(
                sa.update(media_list).where(media_list.c.id == one.id).values({**values, **LISTS.freed})
            )


async def _is_as_claimed(connection: AsyncConnection, one: MediaList, by: str) -> bool:
    """Whether a list is still this node's and due since the same moment; else this node lets go of it."""
    mine = LISTS.mine(by, [one.id])
    locked = sa.select(media_list.c.due_at).where(mine).with_for_update()
    row = (await connection.execute(locked)).first()
    if row is None:
        return False
    if row.due_at == one.due_at:
        return True
    await connection.execute(sa.update(media_list).where(mine).values(LISTS.freed))
    await wake(connection, LISTS.topic)
    return False


async def places(store: Store, list_id: int) -> list[int]:
    """The TMDB ids of a list, by rank."""
    query = sa.select(list_place.c.tmdb_id).where(list_place.c.list_id == list_id).order_by(list_place.c.rank)
    async with store.read() as connection:
        return list((await connection.execute(query)).scalars())


async def of_title(store: Store, medium: Medium, tmdb_id: int) -> list[tuple[MediaList, int]]:
    """The lists that have a title, with its rank in each."""
    query = (
        sa.select(media_list, list_place.c.rank.label("rank"))
        .join(list_place, list_place.c.list_id == media_list.c.id)
        .where(list_place.c.tmdb_id == tmdb_id, media_list.c.medium == medium)
        .order_by(media_list.c.name)
    )
    async with store.read() as connection:
        rows = [dict(row) for row in (await connection.execute(query)).mappings()]
    return [(MediaList(**row), rank) for row in rows for rank in [row.pop("rank")]]


async def only_here(store: Store, list_id: int) -> list[int]:
    """The wanted films, by id, that no other wanted list has."""
    others = sa.exists(
        sa.select(list_place.c.tmdb_id)
        .join(media_list, media_list.c.id == list_place.c.list_id)
        .where(list_place.c.tmdb_id == movie.c.tmdb_id, media_list.c.id != list_id)
        .where(media_list.c.wanted, media_list.c.medium == Medium.MOVIE)
    )
    here = sa.exists().where(list_place.c.tmdb_id == movie.c.tmdb_id, list_place.c.list_id == list_id)
    async with store.read() as connection:
        return list((await connection.execute(sa.select(movie.c.id).where(movie.c.wanted, here, ~others))).scalars())


async def _select(store: Store, *where: sa.ColumnElement[bool]) -> list[MediaList]:
    query = sa.select(media_list).where(*where).order_by(media_list.c.name)
    async with store.read() as connection:
        return [MediaList(**row) for row in (await connection.execute(query)).mappings()]
