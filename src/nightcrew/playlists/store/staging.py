"""From a provider's list to stored channels: compare batch by batch, stage what differs, apply it in one transaction.

What is unchanged is recognised by its hash and never written. Memory holds one batch and eight bytes for each row
that was seen, however long the list is.
"""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, insert_many
from nightcrew.playlists import places, rules
from nightcrew.playlists.identity import EntryIdentity, ident_of
from nightcrew.playlists.models import MAX_NAME, MAX_URL, channel, feed, staged, stream
from nightcrew.playlists.rules import ListChange, ListEntry
from nightcrew.playlists.store import recognising
from nightcrew.playlists.store import staging_sql as sql
from nightcrew.playlists.store.refreshes import ANSWERED, NOTHING_HELD, end_run, mark_refreshed

PAGE = 5_000
"""Rows that are looked at in one piece when the missing ones are sought."""

NEW = -1
"""In place of the id of a stream, for an entry that has none."""
KEY = 16
"""Bytes of a key, and of a hash."""
AT_ONCE = 500
"""Rows that are looked for, or written, in one statement: others want to write too."""
LARGE = 20_000
"""Streams of a list from which on SQLite reads all streams in their order instead of following an index."""
MOST = 250_000
"""Streams that are looked at in one piece, 200 bytes each; those of a longer list are looked for."""

_STORED = (stream.c.key, stream.c.id, stream.c.hash, stream.c.position)
_MATCH = sa.select(*_STORED, stream.c.gone_at).where(
    stream.c.feed_id == sa.bindparam("feed"), stream.c.key.in_(sa.bindparam("keys", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a list says of an entry: itself, `identity.ident_of` of it, and its address with secrets hidden."""

    entry: ListEntry
    ident: bytes
    url: str

    @classmethod
    def of(cls, entry: ListEntry, secrets: Sequence[str]) -> Said:
        """What is stored of an entry."""
        ident = ident_of(entry.name, entry.group, entry.guide_id, entry.provider_id)
        return cls(entry, ident, rules.hide_secrets(entry.url, secrets))


@dataclass(slots=True)
class Row:
    """An entry's place in the list, its key, its hash, its name's `recognising.short`, and what was said, once it is asked for."""

    place: int
    key: bytes
    hash: bytes
    name: int
    said: Callable[[], Said]


def row_of(place: int, entry: ListEntry, identity: EntryIdentity, secrets: Sequence[str] = ()) -> Row:
    """The row of an entry. Blocking for some microseconds."""
    said = partial(Said.of, entry, secrets)
    return Row(place, identity.key, rules.row_hash(entry), recognising.short(entry.name[:MAX_NAME]), said)


Stored = tuple[int, bytes, int, bool]
"""What is stored of a stream: id, hash, position, and whether it is gone."""


class Listed:
    """The streams of a feed that are listed now, in little memory: a list may have hundreds of thousands."""

    def __init__(self) -> None:
        self.count = 0
        self._places: dict[bytes, int] = {}
        self._hashes = bytearray()
        self._ids, self._positions = array("q"), array("q")

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """More of them, as rows of `_STORED`. Blocking."""
        keys, ids, hashes, positions = zip(*rows, strict=True)
        self._places.update(zip(keys, range(self.count, self.count + len(keys)), strict=True))
        self._ids.extend(ids)
        self._hashes += b"".join(hashes)
        self._positions.extend(positions)
        self.count += len(keys)

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def take(self, key: bytes) -> Stored | None:
        """The stream with a key, which is not asked for again."""
        place = self._places.pop(key, None)
        if place is None:
            return None
        return self._ids[place], bytes(self._hashes[KEY * place : KEY * (place + 1)]), self._positions[place], False

    def left(self) -> list[int]:
        """The ids of those that were not taken."""
        return [self._ids[place] for place in self._places.values()]


class Staging:
    """One run's comparison with what is stored."""

    def __init__(self, store: Store, feed_id: int, run: str) -> None:
        self._store = store
        self._feed = feed_id
        self._run = run
        self._listed: Listed | None = None
        self._differ: list[dict[str, Any]] = []
        self._is_first = False
        self._seen, self._before = array("q"), array("q")
        """For each entry the stream that it is and its position; `NEW` and `places.NONE` for one that has none."""
        self._staged = set[int]()
        """The places of entries that are staged, whose positions are not decided yet."""
        self._names = recognising.NameCounts()
        self._known = self._new = self._changed = self._moved = 0
        self.total = 0
        self.renamed: list[recognising.Renamed] = []
        """Channels that were recognised although the list changed their name or group."""

    async def begin(self) -> None:
        """Forget what this run staged before a crash, and look at what is stored."""
        await discard(self._store, self._run)
        async with self._store.read() as connection:
            size = (await connection.execute(sa.select(feed.c.streams).where(feed.c.id == self._feed))).scalar() or 0
            if size > MOST:
                return
            query = sa.select(*_STORED).where(_of(connection, stream, self._feed, size), stream.c.gone_at.is_(None))
            result = await connection.stream(query, execution_options={"yield_per": PAGE})
            listed = self._listed = Listed()
            async for rows in result.partitions(PAGE):
                await asyncio.to_thread(listed.add, rows)
            if not listed.count:
                any_gone = sa.select(stream.c.id).where(stream.c.feed_id == self._feed).limit(1)
                self._is_first = (await connection.execute(any_gone)).first() is None

    async def add(self, rows: Sequence[Row]) -> None:
        """Compare some entries and stage what differs."""
        self.total += len(rows)
        listed = self._listed or Listed()
        unknown = [] if self._is_first else [row.key for row in rows if row.key not in listed]
        others = await self._look_for(unknown) if unknown else {}
        self._differ += await asyncio.to_thread(self._differing, rows, listed, others)
        await self.flush(AT_ONCE + 1)

    async def flush(self, least: int = 1) -> None:
        """Stage what differs, once it is so much."""
        while len(self._differ) >= least:
            some, self._differ = self._differ[:AT_ONCE], self._differ[AT_ONCE:]
            # not waiting for the disk: the last of them does, which `finish` writes, and all before with it
            async with self._store.write(durable=least == 1) as connection:
                await insert_many(connection, staged, some)

    async def _look_for(self, keys: Sequence[bytes]) -> dict[bytes, Stored]:
        """Streams that are gone, and those of a list that is too long to be looked at in one piece."""
        found = {}
        async with self._store.read() as connection:
            for start in range(0, len(keys), AT_ONCE):
                names = {"feed": self._feed, "keys": keys[start : start + AT_ONCE]}
                for key, number, known, place, gone_at in await connection.execute(_MATCH, names):
                    found[key] = (number, known, place, gone_at is not None)
        return found

    def _differing(self, rows: Sequence[Row], listed: Listed, others: Mapping[bytes, Stored]) -> list[dict[str, Any]]:
        found = []
        for row in rows:
            self._names.add(row.name)
            match = listed.take(row.key) or others.get(row.key)
            kind = self._kind(row, match)
            if kind is not None:
                found.append(self._values(row, kind, match[0] if match is not None else None))
                if not self._is_first:
                    self._staged.add(row.place)
        return found

    def _kind(self, row: Row, match: Stored | None) -> str | None:
        listed = match if match is not None and not match[-1] else None
        self._seen.append(NEW if listed is None else listed[0])
        self._before.append(places.NONE if listed is None else listed[2])
        if listed is None:
            self._new += 1
            return "n" if match is None else "c"
        self._known += 1
        if listed[1] != row.hash:
            self._changed += 1
            return "c"
        return None

    def _values(self, row: Row, kind: str, stream_id: int | None) -> dict[str, Any]:
        said = row.said()
        entry, before = said.entry, self._before[row.place]
        return {
            "run": self._run,
            "place": row.place,
            "key": row.key,
            "feed_id": self._feed,
            "kind": kind,
            "ident": said.ident,
            "hash": row.hash,
            "position": places.first(row.place) if before == places.NONE else before,
            "stream_id": stream_id,
            "channel_id": None,
            "name": entry.name[:MAX_NAME],
            "number": entry.number[:20],
            "grp": entry.group[:MAX_NAME],
            "logo": entry.logo[:MAX_URL],
            "guide_id": entry.guide_id[:MAX_NAME],
            "search": rules.search_text(entry.name, entry.group, entry.guide_id, entry.number)[: 2 * MAX_NAME],
            "url": said.url[:MAX_URL],
            "provider_id": entry.provider_id[:MAX_NAME],
            "attributes": json.dumps(dict(entry.attributes), ensure_ascii=False) if entry.attributes else None,
            "expires": entry.expires,
            "playable": entry.expires or rules.is_playable(entry.url),
        }

    async def finish(self) -> ListChange:
        """Stage what is missing, recognise renamed channels, and count."""
        await self.flush()
        if not self._is_first:
            await self._place()
        stored = await self._stored()
        if self._known < stored:
            await self._stage_missing()
        if (self._new or self._changed) and not self._is_first:
            async with self._store.write() as connection:
                await _plan_well(connection, "playlist_staged", "playlist_stream")
            self.renamed = await recognising.recognise(self._store, self._feed, self._run, self._names)
        kinds = await recognising.kinds(self._store, self._run)
        gone = kinds.get("g", 0)
        new = self.total - stored + gone
        again = new - kinds.get("n", 0)  # streams that were gone, and are new in this list
        return ListChange(stored=stored, new=new, changed=kinds.get("c", 0) - again, moved=self._moved, gone=gone)

    async def _place(self) -> None:
        """Give staged entries their positions, and stage those that are where they were said to be, but for their position."""
        found = await asyncio.to_thread(places.placed, self._before)
        self._moved = found.moved
        given = [
            {"this": place, "where": found.positions[place]}
            for place in sorted(self._staged)
            if found.positions[place] != self._before[place]
        ]
        one = sa.and_(staged.c.run == self._run, staged.c.place == sa.bindparam("this"))
        for start in range(0, len(given), AT_ONCE):
            async with self._store.write() as connection:
                update = sa.update(staged).where(one).values(position=sa.bindparam("where"))
                await connection.execute(update, given[start : start + AT_ONCE])
        if found.positions is not self._before:
            self._differ = await asyncio.to_thread(self._displaced, found.positions)
            await self.flush()

    def _displaced(self, positions: Sequence[int]) -> list[dict[str, Any]]:
        """Entries that have not changed but for their position."""
        same = {"run": self._run, "feed_id": self._feed, "kind": "m"}
        every = enumerate(zip(self._seen, self._before, positions, strict=True))
        return [
            {**same, "place": place, "stream_id": number, "position": now}
            for place, (number, before, now) in every
            if number != NEW and before != now and place not in self._staged
        ]

    async def _stored(self) -> int:
        if self._listed is not None:
            return self._listed.count
        query = sa.select(sa.func.count()).select_from(stream)
        async with self._store.read() as connection:
            query = query.where(stream.c.feed_id == self._feed, stream.c.gone_at.is_(None))
            return int((await connection.execute(query)).scalar() or 0)

    async def _stage_missing(self) -> None:
        lead = sa.and_(channel.c.id == stream.c.channel_id, *recognising.IS_LEAD)
        said = (channel.c.name, channel.c.grp, channel.c.guide_id)
        query = sa.select(stream.c.id, stream.c.ident, stream.c.provider_id, *said)
        query = query.join_from(stream, channel, lead, isouter=True)
        async for numbers in self._unseen():
            async with self._store.read() as connection:
                rows = (await connection.execute(query.where(stream.c.id.in_(numbers)))).all()
            same = {"run": self._run, "feed_id": self._feed, "kind": "g"}
            async with self._store.write() as connection:
                await insert_many(connection, staged, [same | _missing(row) for row in rows])

    async def _unseen(self) -> AsyncIterator[list[int]]:
        """The ids of listed streams that the list no longer has."""
        if self._listed is not None:
            missing = self._listed.left()
            for start in range(0, len(missing), AT_ONCE):
                yield missing[start : start + AT_ONCE]
            return
        seen, after = set(self._seen), 0
        query = sa.select(stream.c.id).where(stream.c.feed_id == self._feed, stream.c.gone_at.is_(None))
        while True:
            async with self._store.read() as connection:
                page = query.where(stream.c.id > after).order_by(stream.c.id).limit(AT_ONCE)
                numbers = list((await connection.execute(page)).scalars())
            if not numbers:
                return
            after = numbers[-1]
            missing = [number for number in numbers if number not in seen]
            if missing:
                yield missing


def _of(connection: AsyncConnection, table: sa.Table, feed_id: int, size: int) -> sa.ColumnElement[bool]:
    """Whether a row of a table is of a feed that has `size` of them. SQLite follows an index where it had better read all."""
    by_index = connection.dialect.name != "sqlite" or size < LARGE
    mine: sa.ColumnElement[bool] = (table.c.feed_id if by_index else table.c.feed_id + 0) == feed_id
    return mine


def _missing(row: Any) -> dict[str, Any]:
    """A missing stream as it is staged: by what its list said, where that is stored."""
    ident = bytes(row.ident)
    if row.name is not None or row.provider_id:
        ident = ident_of(row.name or "", row.grp or "", row.guide_id or "", row.provider_id)
    return {"place": -row.id, "ident": ident, "stream_id": row.id, "name": row.name, "grp": row.grp}


async def discard(store: Store, run: str) -> None:
    """Delete what a run staged."""
    async with store.write() as connection:
        await connection.execute(sa.delete(staged).where(staged.c.run == run))


async def discard_orphans(store: Store) -> None:
    """Delete staged rows that belong to no run in progress and to no held-back change."""
    owners = sa.select(feed.c.run).where(feed.c.run.is_not(None))
    held = sa.select(feed.c.held_run).where(feed.c.held_run.is_not(None))
    async with store.write() as connection:
        await connection.execute(sa.delete(staged).where(staged.c.run.not_in(owners.union(held))))


async def hold(
    store: Store,
    feed_id: int,
    run: str,
    *,
    now: datetime,
    due_at: datetime,
    reason: str,
    change: ListChange,
    content: dict[str, Any],
) -> None:
    """Keep a change aside. What an earlier run kept aside is forgotten; `content` are the feed's columns for an acceptance."""
    async with store.write() as connection:
        before = (await connection.execute(sa.select(feed.c.held_run).where(feed.c.id == feed_id))).scalar()
        kept = {**asdict(change), "content": content}
        held = {"held_run": run, "held_at": now, "held_reason": reason, "held_change": kept}
        await connection.execute(sa.update(feed).where(feed.c.id == feed_id).values(**ANSWERED, **held, due_at=due_at))
        await end_run(connection, run, now, "held", change=change, reason=f"held back: {reason}")
        if before and before != run:
            await connection.execute(sa.delete(staged).where(staged.c.run == before))


async def reject(store: Store, feed_id: int) -> None:
    """Forget a held-back change; the next refresh looks anew."""
    async with store.write() as connection:
        run = (await connection.execute(sa.select(feed.c.held_run).where(feed.c.id == feed_id))).scalar()
        await connection.execute(sa.update(feed).where(feed.c.id == feed_id).values(NOTHING_HELD))
        if run:
            await connection.execute(sa.delete(staged).where(staged.c.run == run))


async def apply(
    store: Store,
    feed_id: int,
    run: str,
    *,
    now: datetime,
    due_at: datetime,
    change: ListChange,
    content: dict[str, Any],
    merge: bool,
) -> None:
    """Make the staged change the stored state, all of it or nothing. Doing it twice is doing it once."""
    names = {"run": run, "feed": feed_id, "now": now}
    async with store.write() as connection:
        if not change.nothing:
            await _plan_well(connection, "playlist_staged", "playlist_channel", "playlist_stream")
            if merge:
                await connection.execute(sql.MERGE, names)
                await recognising.part_strangers(connection, run)
            await recognising.free_keys(connection, run, feed_id)
            for statement in sql.APPLY:
                await connection.execute(statement, names)
            await _plan_well(connection, "playlist_channel", "playlist_stream")
        await _count(connection, feed_id, change, now=now)
        await mark_refreshed(connection, feed_id, now=now, due_at=due_at, values=content)
        total = (await connection.execute(sa.select(feed.c.streams).where(feed.c.id == feed_id))).scalar()
        outcome = "unchanged" if change.nothing else "applied"
        await end_run(connection, run, now, outcome, channels=total, change=change)
        await connection.execute(sa.delete(staged).where(staged.c.run == run))


async def _plan_well(connection: AsyncConnection, *tables: str) -> None:
    """Give PostgreSQL's planner present figures: without them it loops over the staged rows (bench/choices.py)."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            await connection.execute(sa.text(f"ANALYZE {table}"))


async def _count(connection: AsyncConnection, feed_id: int, change: ListChange, *, now: datetime) -> None:
    size = change.stored + change.new
    listed = sa.and_(_of(connection, stream, feed_id, size), stream.c.gone_at.is_(None))
    own = sa.and_(_of(connection, channel, feed_id, size), channel.c.active)
    playable = sa.and_(stream.c.channel_id == channel.c.id, stream.c.gone_at.is_(None), stream.c.playable)
    values: dict[str, Any] = {
        "streams": sa.select(sa.func.count()).select_from(stream).where(listed).scalar_subquery(),
        "channels": sa.select(sa.func.count()).select_from(channel).where(own).scalar_subquery(),
        "resolved": sa.select(sa.func.count(channel.c.id.distinct()))
        .join_from(channel, stream, playable)
        .where(own)
        .scalar_subquery(),
    }
    if not change.nothing:
        values |= {"revision": feed.c.revision + 1, "changed_at": now}
    await connection.execute(sa.update(feed).where(feed.c.id == feed_id).values(values))


async def forget_gone(store: Store, before: datetime) -> int:
    """Delete streams that are gone since before `before`, and channels left without any; returns how many streams."""
    async with store.write() as connection:
        gone = await connection.execute(sa.delete(stream).where(stream.c.gone_at < before))
        if gone.rowcount:
            orphan = ~sa.exists().where(stream.c.channel_id == channel.c.id)
            await connection.execute(sa.delete(channel).where(orphan, ~channel.c.active))
    return gone.rowcount
