"""Which staged entries are which stored streams, where their keys do not tell (`identity.py` decides)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, insert_many
from nightcrew.playlists.addresses import Addresses
from nightcrew.playlists.identity import MOST, Side, known_guide, pairs, stays
from nightcrew.playlists.likeness import contradict
from nightcrew.playlists.models import channel, staged, stream
from nightcrew.playlists.rules import digest
from nightcrew.playlists.store import staging_sql as sql

IS_LEAD = (channel.c.feed_id == stream.c.feed_id, channel.c.origin == stream.c.key)
"""Whether a channel says what the list of a stream said: it was made from it."""

Renamed = tuple[str, str]
"""What a channel was called, and what it is called now; or by what it was known where its name is the same."""
MOST_TOLD = 50
"""Of them are told."""
ELSEWHERE = "at another address"
IN_ORDER = "by its order among others of this name, as all their addresses have changed"
_SAID = (channel.c.name, channel.c.grp, channel.c.guide_id)
_STORED = (stream.c.id, stream.c.url, stream.c.provider_id, *_SAID)
_NEW = (staged.c.place, staged.c.url, staged.c.provider_id, staged.c.name, staged.c.grp, staged.c.guide_id)
_CHANNEL = channel.c.id == stream.c.channel_id


SAMPLE = 10_000
"""Addresses of each kind of change from which it is learnt what of them stays."""
LONGEST_PLACEHOLDER = 40
"""Characters of what lists write where they have no guide id."""


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

    def add_all(self, names: Sequence[int]) -> None:
        """More entries, by their names' `short`."""
        fresh = set(names)
        if len(fresh) == len(names) and self._once.isdisjoint(fresh):
            self._once |= fresh
            return
        for name in names:
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

    Keys are made of a provider's id, or of names and their order. Where names or addresses say otherwise, entries are loosened from
    their streams first, and weighed as if they were new.
    """
    addresses = await _addresses(store, run)
    loose = await _loosen(store, run, names, addresses)
    count = await kinds(store, run)
    if count.get("g") and max(count.get("n", 0), count["g"]) > MOST:
        # all has changed, as an upgrade of Nightcrew makes it: what is sure, in sets
        async with store.write() as connection:
            for statement in (sql.RENAMED_NOW, sql.DROP_RENAMED, sql.RENUMBERED_NOW, sql.DROP_RENAMED):
                await connection.execute(statement, {"run": run, "feed": feed_id})
    weighing = _Weighing(store, run, feed_id, names, addresses)
    lost = staged.join(stream, stream.c.id == staged.c.stream_id).join(channel, _CHANNEL)
    found = await weighing.weigh(lost, sa.and_(staged.c.run == run, staged.c.kind == "g"))
    found += await _tie_again(store, run, names, loose)
    gone = stream.join(channel, _CHANNEL)
    taken = sa.select(staged.c.stream_id).where(staged.c.run == run, staged.c.stream_id.is_not(None))
    earlier = sa.and_(stream.c.feed_id == feed_id, stream.c.gone_at.is_not(None), stream.c.id.not_in(taken))
    return [*found, *await weighing.weigh(gone, earlier)][:MOST_TOLD]


async def _addresses(store: Store, run: str) -> Addresses:
    """What is to be learnt of addresses: some as they were, and what those entries and new ones have now."""
    query = sa.select(staged.c.url.label("now"), stream.c.url.label("before")).where(staged.c.run == run).limit(SAMPLE)
    query = query.join_from(staged, stream, stream.c.id == staged.c.stream_id, isouter=True).order_by(staged.c.place)
    apart = (staged.c.kind == "n", staged.c.kind == "g", sa.and_(staged.c.kind == "c", staged.c.url != stream.c.url))
    async with store.read() as connection:
        rows = [row for kind in apart for row in (await connection.execute(query.where(kind))).all()]
    now, before = [row.now for row in rows if row.now], [row.before for row in rows if row.before]
    return await asyncio.to_thread(Addresses, before, now)


async def _loosen(store: Store, run: str, names: NameCounts, addresses: Addresses) -> list[Any]:
    """Take their streams from entries that may be another channel than their streams were; returns those rows."""
    old = sa.func.coalesce(channel.c.name, "")
    query = (
        sa.select(
            staged.c.place, staged.c.ident, staged.c.feed_id, staged.c.url, staged.c.stream_id, staged.c.provider_id
        )
        .add_columns(staged.c.name, staged.c.grp, staged.c.guide_id, stream.c.url.label("stored"), stream.c.gone_at)
        .add_columns(old.label("old_name"), channel.c.grp.label("old_grp"), channel.c.guide_id.label("old_guide"))
        .add_columns(sa.and_(*IS_LEAD).label("is_lead"))
        .join_from(staged, stream, stream.c.id == staged.c.stream_id)
        .join(channel, _CHANNEL)
        .where(staged.c.run == run, staged.c.kind == "c")
        .where(sa.or_(staged.c.url != stream.c.url, sa.and_(staged.c.provider_id != "", staged.c.name != old)))
    )
    missing = sa.select(staged.c.name).where(staged.c.run == run, staged.c.kind == "g", staged.c.name.is_not(None))
    async with store.read() as connection:
        lost = Counter(name.casefold() for name in (await connection.execute(missing)).scalars())
        result = await connection.stream(query, execution_options={"yield_per": 2_000})
        some, surely, beyond = list[Any](), list[Any](), False
        async for row in result:
            if _is_questionable(row, names, lost):
                some.append(row)
            if len(some) > MOST:  # more than can be held against each other: what their ids say goes by names
                surely += await asyncio.to_thread(_renumbered, some, names)
                some, beyond = [], True
    if beyond:
        found = surely + await asyncio.to_thread(_renumbered, some, names)
    else:
        found = await asyncio.to_thread(_doubtful, some, names, lost, addresses)
    if not found:
        return []
    gone = [_gone(run, row) for row in found if row.gone_at is None]
    async with store.write() as connection:
        await _give(connection, run, [(row.place, None) for row in found])
        if gone:
            await insert_many(connection, staged, gone)
    return found


def _is_questionable(row: Any, names: NameCounts, lost: Counter[str]) -> bool:
    """Whether an entry has to be compared with its stream: it has the provider's id and another name, or a name that others have."""
    if row.provider_id:
        return bool(row.name.casefold() != row.old_name.casefold())
    return names.count(row.name) > 1 or row.name.casefold() in lost


def _renumbered(rows: Sequence[Any], names: NameCounts) -> list[Any]:
    """Those with the provider's id of a stream that are another channel by their names, as where a panel gives all its ids anew."""
    return [row for row in rows if row.provider_id and (names.count(row.old_name) > 0 or not _stays(row))]


def _doubtful(rows: Sequence[Any], names: NameCounts, lost: Counter[str], addresses: Addresses) -> list[Any]:
    """Those that may be another channel than their stream was."""
    places = {row.place: (addresses.of(row.stored), addresses.of(row.url)) for row in rows if not row.provider_id}
    before, now = (
        Counter((row.name.casefold(), places[row.place][side]) for row in rows if not row.provider_id)
        for side in (0, 1)
    )
    there = {row.old_name.casefold() for row in rows} | lost.keys()

    def is_another(row: Any) -> bool:
        name = row.name.casefold()
        if row.provider_id:
            return (row.is_lead and (names.count(row.old_name) > 0 or name in there)) or not _stays(row)
        was, is_now = places[row.place]
        return was != is_now or not was or before[name, was] > 1 or now[name, is_now] > 1

    return [row for row in rows if is_another(row)]


def _stays(row: Any) -> bool:
    """Whether an entry with the provider's id of a stream is the same channel under another name."""
    now = _side(None, row, "")
    then = Side(None, row.old_name.casefold(), (row.old_grp or "").casefold(), known_guide(row.old_guide or ""), "")
    if not row.is_lead and now.guide_id and now.guide_id == then.guide_id:
        return True
    return stays(now, then if row.is_lead else replace(then, group=now.group))


def _gone(run: str, row: Any) -> dict[str, Any]:
    """A stream without an entry, as it is staged."""
    said = {"ident": row.ident, "stream_id": row.stream_id, "place": -row.stream_id}
    named = {"name": row.old_name, "grp": row.old_grp} if row.is_lead else {"name": None, "grp": None}
    return {"run": run, "feed_id": row.feed_id, "kind": "g", **said, **named}


@dataclass(frozen=True, slots=True)
class _Weighing:
    """New entries of a run against streams that are missing."""

    store: Store
    run: str
    feed_id: int
    names: NameCounts
    addresses: Addresses

    async def weigh(self, lost: sa.FromClause, which: sa.ColumnElement[bool]) -> list[Renamed]:
        """Give new entries the streams that they are, if they are not too many; returns what of that is to be told."""
        new = sa.and_(staged.c.run == self.run, staged.c.kind == "n")
        async with self.store.read() as connection:
            for source, which_one in ((staged, new), (lost, which)):
                count = sa.select(sa.func.count()).select_from(source).where(which_one)
                if not 0 < int((await connection.execute(count)).scalar() or 0) <= MOST:
                    return []
            fresh = (await connection.execute(sa.select(*_NEW).where(new))).all()
            leads = sa.and_(*IS_LEAD).label("is_lead")
            missing = (await connection.execute(sa.select(*_STORED, leads).select_from(lost).where(which))).all()
            shared = {known_guide(one) for one in (await connection.execute(self._shared())).scalars()}
        same = await asyncio.to_thread(self._same, fresh, missing, shared)
        if same:
            async with self.store.write() as connection:
                await _give(connection, self.run, [(place, number) for place, number, _ in same])
        new_by, old_by = {row.place: row for row in fresh}, {row.id: row for row in missing}
        told = [_told(old_by[number], new_by[place], moved=moved) for place, number, moved in same]
        return [one for one in told if one is not None]

    def _shared(self) -> sa.Select[Any]:
        """Guide ids that several channels of the list have: they prove nothing."""
        folded = sa.func.lower(channel.c.guide_id)
        listed = sa.and_(channel.c.feed_id == self.feed_id, channel.c.active, channel.c.guide_id != "")
        return sa.select(folded).where(listed).group_by(folded).having(sa.func.count() > 1)

    def _same(
        self, fresh: Sequence[Any], missing: Sequence[Any], shared: Collection[str]
    ) -> list[tuple[int, int, bool]]:
        """Which entry is which stream, and whether it was elsewhere."""

        def side(who: Any, row: Any, *, is_crowded: bool = False) -> Side:
            place = f"#{row.provider_id}" if row.provider_id else self.addresses.of(row.url)
            one = _side(who, row, place)
            return replace(one, proof=one.guide_id not in shared, crowded=is_crowded)

        ours = [side(row.place, row, is_crowded=self.names.count(row.name) > 1) for row in fresh]
        found: list[Any] = pairs(ours, [side(row.id, row) for row in missing])
        return [(one.who, other.who, one.place != other.place) for one, other in found]


def _side(who: Any, row: Any, place: str) -> Side:
    return Side(who, (row.name or "").casefold(), (row.grp or "").casefold(), known_guide(row.guide_id or ""), place)


def _told(old: Any, now: Any, *, moved: bool) -> Renamed | None:
    if not old.is_lead:
        return None
    if (old.name, old.grp) != (now.name, now.grp):
        return old.name, now.name
    return (now.name, f"{now.name} ({ELSEWHERE})") if moved else None


async def _tie_again(store: Store, run: str, names: NameCounts, loose: Sequence[Any]) -> list[Renamed]:
    """Where all channels with one name have moved elsewhere, and as many are there as were, nothing but their order tells them apart."""
    by_name = [row for row in loose if not row.provider_id]
    if not by_name:
        return []
    query = sa.select(staged.c.place, staged.c.stream_id, staged.c.name)
    query = query.where(staged.c.run == run, staged.c.kind.in_(["n", "g"]))
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
    new, lost = {row.place for row in rows if row.stream_id is None}, {row.stream_id for row in rows}
    were = Counter(row.name.casefold() for row in rows if row.stream_id is not None and row.name is not None)
    moved: dict[str, list[Any]] = {}
    for row in by_name:
        if row.place in new and row.stream_id in lost:
            moved.setdefault(row.name.casefold(), []).append(row)
    whole = [some for name, some in moved.items() if len(some) == names.count(name) == were[name]]
    again = [row for some in whole for row in some]
    if again:
        async with store.write() as connection:
            await _give(connection, run, [(row.place, row.stream_id) for row in again])
    return [(row.name, f"{row.name} ({IN_ORDER})") for row in again if row.is_lead]


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


async def part_strangers(connection: AsyncConnection, run: str) -> None:
    """Take entries from channels of other sources that they were joined to by a guide id which proves nothing, or against their names."""
    query = (
        sa.select(staged.c.place, staged.c.name, staged.c.guide_id, channel.c.name.label("known"))
        .join_from(staged, channel, channel.c.id == staged.c.channel_id)
        .where(staged.c.run == run, staged.c.kind == "n")
        .where(sa.or_(staged.c.name != channel.c.name, sa.func.length(staged.c.guide_id) <= LONGEST_PLACEHOLDER))
    )
    result = await connection.stream(query, execution_options={"yield_per": 2_000})
    places = list[int]()
    async for rows in result.partitions():
        places += await asyncio.to_thread(_strangers, rows)
    if places:
        one = sa.and_(staged.c.run == run, staged.c.place == sa.bindparam("this"))
        await connection.execute(sa.update(staged).where(one).values(channel_id=None), [{"this": p} for p in places])


def _strangers(rows: Sequence[Any]) -> list[int]:
    return [row.place for row in rows if not known_guide(row.guide_id) or contradict(row.name, row.known)]


async def free_origins(connection: AsyncConnection, run: str, feed_id: int) -> None:
    """A provider's id that is used again for another channel does not find the one that had it, which other sources keep alive."""
    lead = sa.exists().where(stream.c.feed_id == feed_id, stream.c.key == channel.c.origin)
    known = sa.and_(channel.c.feed_id == feed_id, channel.c.origin == staged.c.key, ~lead)
    query = sa.select(
        channel.c.id, channel.c.origin, staged.c.name, staged.c.grp, staged.c.guide_id, staged.c.provider_id
    )
    query = query.add_columns(channel.c.name.label("old_name"), channel.c.grp.label("old_grp"))
    query = query.add_columns(channel.c.guide_id.label("old_guide"), sa.true().label("is_lead"))
    query = query.join_from(staged, channel, known).where(staged.c.run == run, staged.c.kind == "n")
    query = query.where(staged.c.provider_id != "", staged.c.name != channel.c.name)
    rows = (await connection.execute(query)).all()
    others = await asyncio.to_thread(lambda: [row for row in rows if not _stays(row)])
    if others:
        free = [{"this": row.id, "free": digest(f"was\0channel {row.id}\0{row.origin.hex()}")} for row in others]
        one = sa.update(channel).where(channel.c.id == sa.bindparam("this")).values(origin=sa.bindparam("free"))
        await connection.execute(one, free)


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
