"""Which staged entries are which stored streams, where their keys do not tell (`identity.py` decides)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, insert_many
from nightcrew.playlists.identity import MOST, Side, pairs, place
from nightcrew.playlists.models import channel, staged, stream
from nightcrew.playlists.rules import digest
from nightcrew.playlists.store import staging_sql as sql

IS_LEAD = (channel.c.feed_id == stream.c.feed_id, channel.c.origin == stream.c.key)
"""Whether a channel says what the list of a stream said: it was made from it."""

Renamed = tuple[str, str]
"""What a channel was called, and what it is called now."""
MOST_TOLD = 50
"""Of them are told."""
_STORED = (stream.c.id, stream.c.url, channel.c.name, channel.c.grp, channel.c.guide_id)
_LEAD = sa.and_(channel.c.id == stream.c.channel_id, *IS_LEAD)


async def kinds(store: Store, run: str) -> dict[str, int]:
    """How many rows of each kind a run has staged."""
    query = sa.select(staged.c.kind, sa.func.count().label("rows")).where(staged.c.run == run).group_by(staged.c.kind)
    async with store.read() as connection:
        return {row.kind: row.rows for row in await connection.execute(query)}


class NameCounts:
    """How often a list has each name; eight bytes are kept for each."""

    def __init__(self) -> None:
        self._once = set[int]()
        self._more = Counter[int]()

    def add(self, name: int) -> None:
        """One more entry, by its name's `short`."""
        if name in self._once:
            self._more[name] += 1
        self._once.add(name)

    def count(self, name: str) -> int:
        """How many entries have it."""
        stands = short(name)
        return (stands in self._once) + self._more[stands]


def short(name: str) -> int:
    """What stands for a name, case aside, in 64 bits."""
    return int.from_bytes(digest(name.casefold())[:8], "big", signed=True)


async def recognise(store: Store, feed_id: int, run: str, names: NameCounts) -> list[Renamed]:
    """Find which new entries are missing streams, or some that were missing before: under another name, in another group, elsewhere.

    Entries with one name have keys by their order: those whose address says otherwise are loosened first, and weighed as if they were new.
    """
    loose = await _loosen(store, run, names)
    count = await kinds(store, run)
    if count.get("g") and max(count.get("n", 0), count["g"]) > MOST:
        # all has changed, as an upgrade of Nightcrew makes it: what is sure, in sets
        async with store.write() as connection:
            await connection.execute(sql.RENAMED_NOW, {"run": run, "feed": feed_id})
            await connection.execute(sql.DROP_RENAMED, {"run": run, "feed": feed_id})
    lost = staged.join(stream, stream.c.id == staged.c.stream_id).join(channel, _LEAD, isouter=True)
    found = await _weigh(store, run, names, lost, sa.and_(staged.c.run == run, staged.c.kind == "g"))
    await _tie_again(store, run, names, loose)
    gone = stream.join(channel, _LEAD, isouter=True)
    taken = sa.select(staged.c.stream_id).where(staged.c.run == run, staged.c.stream_id.is_not(None))
    earlier = sa.and_(stream.c.feed_id == feed_id, stream.c.gone_at.is_not(None), stream.c.id.not_in(taken))
    return [*found, *await _weigh(store, run, names, gone, earlier)][:MOST_TOLD]


async def _loosen(store: Store, run: str, names: NameCounts) -> list[Any]:
    """Take their streams from entries that share their name and are at another address than their stream was; returns those rows."""
    query = (
        sa.select(staged.c.place, staged.c.ident, staged.c.feed_id, staged.c.name, staged.c.url, staged.c.stream_id)
        .add_columns(stream.c.url.label("stored"), stream.c.gone_at)
        .join_from(staged, stream, stream.c.id == staged.c.stream_id)
        .where(staged.c.run == run, staged.c.kind == "c", staged.c.url != stream.c.url)
    )
    missing = sa.select(staged.c.name).where(staged.c.run == run, staged.c.kind == "g", staged.c.name.is_not(None))
    async with store.read() as connection:
        lost = {name.casefold() for name in (await connection.execute(missing)).scalars()}
        result = await connection.stream(query, execution_options={"yield_per": 2_000})
        found = [row async for row in result if _is_doubtful(row, names, lost)]
    if not 0 < len(found) <= MOST:
        return []
    gone = [_gone(run, row) for row in found if row.gone_at is None]
    async with store.write() as connection:
        await _give(connection, run, [(row.place, None) for row in found])
        if gone:
            await insert_many(connection, staged, gone)
    return found


def _is_doubtful(row: Any, names: NameCounts, lost: set[str]) -> bool:
    if names.count(row.name) < 2 and row.name.casefold() not in lost:
        return False
    before, now = place(row.stored), place(row.url)
    return bool(before and now and before != now)


def _gone(run: str, row: Any) -> dict[str, Any]:
    """A stream without an entry, as it is staged."""
    said = {"ident": row.ident, "stream_id": row.stream_id, "place": -row.stream_id}
    return {"run": run, "feed_id": row.feed_id, "kind": "g", **said}


async def _weigh(
    store: Store, run: str, names: NameCounts, lost: sa.FromClause, which: sa.ColumnElement[bool]
) -> list[Renamed]:
    """Weigh new entries against missing streams, if they are not too many; returns those that have another name or group now."""
    new = sa.and_(staged.c.run == run, staged.c.kind == "n")
    async with store.read() as connection:
        for source, which_one in ((staged, new), (lost, which)):
            count = sa.select(sa.func.count()).select_from(source).where(which_one)
            if not 0 < int((await connection.execute(count)).scalar() or 0) <= MOST:
                return []
        said = sa.select(staged.c.place, staged.c.url, staged.c.name, staged.c.grp, staged.c.guide_id).where(new)
        fresh = (await connection.execute(said)).all()
        missing = (await connection.execute(sa.select(*_STORED).select_from(lost).where(which))).all()
    same = await asyncio.to_thread(_same, fresh, missing, lambda name: names.count(name) > 1)
    if same:
        async with store.write() as connection:
            await _give(connection, run, same)
    new_by, old_by = {row.place: row for row in fresh}, {row.id: row for row in missing}
    both = [(old_by[number], new_by[place]) for place, number in same if number is not None]
    return [
        (old.name, now.name) for old, now in both if old.name is not None and (old.name, old.grp) != (now.name, now.grp)
    ]


def _same(fresh: Sequence[Any], missing: Sequence[Any], crowded: Callable[[str], bool]) -> list[tuple[int, int | None]]:
    def side(who: Any, row: Any, *, is_crowded: bool = False) -> Side:
        name, group, guide_id = row.name or "", row.grp or "", row.guide_id or ""
        return Side(who, name.casefold(), group.casefold(), guide_id.casefold(), place(row.url), is_crowded)

    ours = [side(row.place, row, is_crowded=crowded(row.name)) for row in fresh]
    found: list[Any] = pairs(ours, [side(row.id, row) for row in missing])
    return [(one.who, other.who) for one, other in found]


async def _tie_again(store: Store, run: str, names: NameCounts, loose: Sequence[Any]) -> None:
    """Where all channels with one name have moved elsewhere, and as many are there as were, nothing but their order tells them apart."""
    if not loose:
        return
    query = sa.select(staged.c.place, staged.c.stream_id).where(staged.c.run == run, staged.c.kind.in_(["n", "g"]))
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
    new, lost = {row.place for row in rows if row.stream_id is None}, {row.stream_id for row in rows}
    moved: dict[str, list[Any]] = {}
    for row in loose:
        if row.place in new and row.stream_id in lost:
            moved.setdefault(row.name.casefold(), []).append(row)
    again = [row for name, several in moved.items() if len(several) == names.count(name) for row in several]
    if again:
        async with store.write() as connection:
            await _give(connection, run, [(row.place, row.stream_id) for row in again])


async def _give(connection: AsyncConnection, run: str, given: Sequence[tuple[int, int | None]]) -> None:
    """Give entries their streams, or none; a stream that has an entry is not missing."""
    one = sa.and_(staged.c.run == run, staged.c.place == sa.bindparam("this"))
    values: dict[str, Any] = {"kind": sa.bindparam("its_kind"), "stream_id": sa.bindparam("its_stream")}
    rows = [
        {"this": entry, "its_kind": "n" if number is None else "c", "its_stream": number} for entry, number in given
    ]
    found = [{"missing": -number} for _, number in given if number is not None]
    if found:
        gone = sa.and_(staged.c.run == run, staged.c.kind == "g", staged.c.place == sa.bindparam("missing"))
        await connection.execute(sa.delete(staged).where(gone), found)
    await connection.execute(sa.update(staged).where(one).values(values), rows)


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
