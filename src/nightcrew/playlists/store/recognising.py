"""Which staged entries are which stored streams, where their keys do not tell (`identity.py` decides)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, insert_many
from nightcrew.playlists.identity import MOST, Side, pairs, place
from nightcrew.playlists.models import channel, staged, stream
from nightcrew.playlists.rules import digest

IS_LEAD = (channel.c.feed_id == stream.c.feed_id, channel.c.origin == stream.c.key)
"""Whether a channel says what the list of a stream said: it was made from it."""

_SAID = (staged.c.key, staged.c.name, staged.c.grp, staged.c.guide_id, staged.c.url)
_STORED = (channel.c.name, channel.c.grp, channel.c.guide_id, stream.c.url)


async def kinds(store: Store, run: str) -> dict[str, int]:
    """How many rows of each kind a run has staged."""
    query = sa.select(staged.c.kind, sa.func.count().label("rows")).where(staged.c.run == run).group_by(staged.c.kind)
    async with store.read() as connection:
        return {row.kind: row.rows for row in await connection.execute(query)}


async def tell_alike_apart(store: Store, run: str) -> None:
    """Entries that are alike in name, group and ids have numbers in their order: where an address tells better, it decides.

    So the second of three keeps its stream when the first one goes.
    """
    said = [staged.c.ident, sa.func.lower(staged.c.name).label("name"), sa.func.lower(staged.c.grp).label("grp")]
    differing = sa.and_(staged.c.run == run, staged.c.kind.in_(["n", "c", "g"]))
    several = (
        sa.select(*said)
        .where(differing)
        .group_by(*said)
        .having(sa.func.count() > 1, sa.func.max(sa.case((staged.c.kind == "c", 1), else_=0)) == 1)
        .subquery()
    )
    alike = sa.and_(*[one == other for one, other in zip(said, several.c, strict=True)])
    query = (
        sa.select(
            staged.c.ident, staged.c.kind, staged.c.stream_id, staged.c.key, staged.c.url, several.c.name, several.c.grp
        )
        .add_columns(stream.c.url.label("stored"), stream.c.gone_at)
        .join_from(staged, several, alike)
        .join(stream, stream.c.id == staged.c.stream_id, isouter=True)
        .where(differing)
    )
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault((row.ident, row.name, row.grp), []).append(row)
    changed = [change for group in groups.values() for change in _apart(group)]
    if changed:
        await _assign(store, run, changed)


def _apart(rows: Sequence[Any]) -> Iterable[tuple[Any, int | None]]:
    """For rows that are alike whose streams change: the row, and its stream."""
    entries = [row for row in rows if row.kind != "g" and row.gone_at is None]
    own = {row.key: row.stream_id for row in entries}
    wanted = _once((place(row.url), row.key) for row in entries)
    there = _once((place(row.stored), row.stream_id) for row in rows if row.stored is not None and row.gone_at is None)
    found = {wanted[one]: there[one] for one in wanted if one and one in there}
    if all(own.get(key) == number for key, number in found.items()):
        return []
    taken = set(found.values())
    for key, number in own.items():
        if key not in found:
            found[key] = number if number not in taken else None
    return [(row, found[row.key]) for row in entries if found[row.key] != row.stream_id] + [
        (row, None) for row in rows if row.kind == "g" and row.stream_id in taken
    ]


def _once(rows: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """By place, those whose place nobody else has."""
    found: dict[str, Any] = {}
    twice = set[str]()
    for one, value in rows:
        if one in found:
            twice.add(one)
        found[one] = value
    return {one: value for one, value in found.items() if one not in twice}


async def _assign(store: Store, run: str, changed: Sequence[tuple[Any, int | None]]) -> None:
    """Give rows their streams. A stream that has lost its row is gone; one that was gone and has a row is not."""
    before = {row.stream_id for row, _ in changed if row.stream_id is not None}
    after = {number for _, number in changed if number is not None}
    by_key = sa.and_(staged.c.run == run, staged.c.key == sa.bindparam("this"))
    async with store.write() as connection:
        feed_id = (await connection.execute(sa.select(staged.c.feed_id).where(staged.c.run == run).limit(1))).scalar()
        found = [{"this": row.key} for row, _ in changed if row.kind == "g"]
        if found:
            await connection.execute(sa.delete(staged).where(by_key), found)
        given = [
            {"this": row.key, "its_kind": "n" if number is None else "c", "its_stream": number}
            for row, number in changed
            if row.kind != "g"
        ]
        values: dict[str, Any] = {"kind": sa.bindparam("its_kind"), "stream_id": sa.bindparam("its_stream")}
        if given:
            await connection.execute(sa.update(staged).where(by_key).values(values), given)
        lost = [
            {"run": run, "feed_id": feed_id, "kind": "g", "ident": row.ident, "stream_id": row.stream_id}
            | {"key": digest(f"lost\0{row.stream_id}")}
            for row, _ in changed
            if row.stream_id in before - after
        ]
        if lost:
            await insert_many(connection, staged, lost)


async def weigh(store: Store, run: str) -> None:
    """Weigh new entries and lost streams together."""
    count = await kinds(store, run)
    if not 0 < min(count.get("n", 0), count.get("g", 0)) <= max(count.get("n", 0), count.get("g", 0)) <= MOST:
        return
    lead = sa.and_(channel.c.id == stream.c.channel_id, *IS_LEAD)
    stored = (
        sa.select(staged.c.key, staged.c.stream_id, *_STORED)
        .join_from(staged, stream, stream.c.id == staged.c.stream_id)
        .join(channel, lead, isouter=True)
        .where(staged.c.run == run, staged.c.kind == "g")
    )
    async with store.read() as connection:
        said = await connection.execute(sa.select(*_SAID).where(staged.c.run == run, staged.c.kind == "n"))
        fresh = [_side(row.key, row) for row in said]
        lost = [_side((row.key, row.stream_id), row) for row in await connection.execute(stored)]
    same = pairs(fresh, lost)
    if not same:
        return
    one = sa.and_(staged.c.run == run, staged.c.key == sa.bindparam("this"))
    found: list[Any] = [(ours.who, theirs.who) for ours, theirs in same]
    async with store.write() as connection:
        await connection.execute(sa.delete(staged).where(one), [{"this": key} for _, (key, _) in found])
        given = [{"this": key, "its_stream": number} for key, (_, number) in found]
        await connection.execute(
            sa.update(staged).where(one).values(kind="c", stream_id=sa.bindparam("its_stream")), given
        )


def _side(who: Any, row: Any) -> Side:
    name, group, guide_id = row.name or "", row.grp or "", row.guide_id or ""
    return Side(who, name.casefold(), group.casefold(), guide_id.casefold(), place(row.url))


async def free_keys(connection: AsyncConnection, run: str, feed_id: int) -> None:
    """Streams whose key another one is about to take, as the entries have changed places, take one that nobody wants."""
    query = (
        sa.select(stream.c.id, stream.c.key)
        .join(staged, staged.c.key == stream.c.key)
        .where(staged.c.run == run, staged.c.kind.in_(["n", "c"]), stream.c.feed_id == feed_id)
        .where(sa.or_(staged.c.stream_id.is_(None), staged.c.stream_id != stream.c.id))
    )
    held = (await connection.execute(query)).all()
    if held:
        moved = [{"old": row.key, "free": digest(f"was\0{row.id}\0{row.key.hex()}")} for row in held]
        for table, column in ((channel, channel.c.origin), (stream, stream.c.key)):
            mine = sa.and_(table.c.feed_id == feed_id, column == sa.bindparam("old"))
            await connection.execute(sa.update(table).where(mine).values({column.name: sa.bindparam("free")}), moved)
