"""From a provider's list to stored channels: compare batch by batch, and stage what differs (`applying.py` makes it the stored state).

What is unchanged is recognised by its hash and never written. Memory holds one batch, some 40 bytes for each entry that was seen, and
200 for each stream that is stored, of `MOST` at most.

What is staged does not wait for the disk, as a power cut ends the run that staged it. `finish` waits for all of it before the step is done.
"""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.store import Store, insert_many, plain_rows
from nightcrew.playlists import places, rules
from nightcrew.playlists.identity import EntryIdentity, ident_of
from nightcrew.playlists.models import MAX_NAME, MAX_URL, channel, feed, staged, stream
from nightcrew.playlists.rules import ListChange, ListEntry
from nightcrew.playlists.store import recognising, refreshes
from nightcrew.playlists.store.applying import discard, of_feed, plan_well

PAGE = 5_000
"""Stored streams that are read at a time."""

NEW = -1
"""In place of the id of a stream, for an entry that has none."""
KEY = 16
"""Bytes of a key, and of a hash."""
AT_ONCE = 500
"""Rows that are looked for, or written, in one statement: others want to write too."""
MOST = 250_000
"""Streams that are looked at in one piece, 200 bytes each; those of a longer list are looked for."""

_STORED = (stream.c.key, stream.c.id, stream.c.hash, stream.c.position)
_MATCH = sa.select(*_STORED, stream.c.gone_at).where(
    stream.c.feed_id == sa.bindparam("feed"), stream.c.key.in_(sa.bindparam("keys", expanding=True))
)


@dataclass(frozen=True, slots=True)
class SaidEntry:
    """What a list says of an entry: itself, `identity.ident_of` of it, and its address with secrets hidden."""

    entry: ListEntry
    ident: bytes
    url: str

    @classmethod
    def of(cls, entry: ListEntry, secrets: Sequence[str]) -> SaidEntry:
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
    said: Callable[[], SaidEntry]


def row_of(place: int, entry: ListEntry, identity: EntryIdentity, secrets: Sequence[str] = ()) -> Row:
    """The row of an entry. Blocking for some microseconds."""
    said = partial(SaidEntry.of, entry, secrets)
    return Row(place, identity.key, rules.row_hash(entry), recognising.short(entry.name[:MAX_NAME]), said)


Stored = tuple[int, bytes, int, bool]
"""What is stored of a stream: id, hash, position, and whether it is gone."""


class ListedStreams:
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

    def take_same(self, key: bytes, known: bytes) -> tuple[int, int] | None:
        """Id and position of the stream with a key and a hash, which is not asked for again. For each entry of a long list."""
        place = self._places.get(key)
        if place is None or self._hashes[KEY * place : KEY * (place + 1)] != known:
            return None
        del self._places[key]
        return self._ids[place], self._positions[place]

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
        self._listed: ListedStreams | None = None
        self._differ: list[dict[str, Any]] = []
        self._is_first = False
        self._seen, self._before = array("q"), array("q")
        """For each entry the stream that it is and its position; `NEW` and `places.NONE` for one that has none."""
        self._staged = set[int]()
        """The places of entries that are staged, whose positions are not decided yet."""
        self._names = recognising.NameCounts()
        self._matched = self._new = self._changed = self._moved = 0
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
            query = sa.select(*_STORED).where(of_feed(connection, stream, self._feed, size), stream.c.gone_at.is_(None))
            listed = self._listed = ListedStreams()
            async for rows in plain_rows(connection, query, PAGE):
                await asyncio.to_thread(listed.add, rows)
            if not listed.count:
                any_gone = sa.select(stream.c.id).where(stream.c.feed_id == self._feed).limit(1)
                self._is_first = (await connection.execute(any_gone)).first() is None

    async def add(self, rows: Sequence[Row]) -> None:
        """Compare some entries and stage what differs."""
        self.total += len(rows)
        listed = self._listed or ListedStreams()
        unknown = [] if self._is_first else [row.key for row in rows if row.key not in listed]
        others = await self._look_for(unknown) if unknown else {}
        self._differ += await asyncio.to_thread(self._differing, rows, listed, others)
        await self.flush(AT_ONCE)

    async def flush(self, least: int = 1) -> None:
        """Stage what differs, once it is so much."""
        while len(self._differ) >= least:
            some, self._differ = self._differ[:AT_ONCE], self._differ[AT_ONCE:]
            async with self._store.write(durable=False) as connection:
                await insert_many(connection, staged, some)

    async def _look_for(self, keys: Sequence[bytes]) -> dict[bytes, Stored]:
        """Streams that are gone, and those of a list that is too long to be looked at in one piece."""
        found = {}
        async with self._store.read() as connection:
            for start in range(0, len(keys), AT_ONCE):
                names = {"feed": self._feed, "keys": keys[start : start + AT_ONCE]}
                for key, number, known, position, gone_at in await connection.execute(_MATCH, names):
                    found[key] = (number, known, position, gone_at is not None)
        return found

    def _differing(
        self, rows: Sequence[Row], listed: ListedStreams, others: Mapping[bytes, Stored]
    ) -> list[dict[str, Any]]:
        found, seen, before = [], self._seen.append, self._before.append
        self._names.add_all([row.name for row in rows])
        for row in rows:
            if (same := listed.take_same(row.key, row.hash)) is not None:
                seen(same[0])
                before(same[1])
                self._matched += 1
                continue
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
        self._matched += 1
        if listed[1] != row.hash:
            self._changed += 1
            return "c"
        return None

    def _values(self, row: Row, kind: str, stream_id: int | None) -> dict[str, Any]:
        said = row.said()
        entry = said.entry
        return {
            "run": self._run,
            "place": row.place,
            "key": row.key,
            "feed_id": self._feed,
            "kind": kind,
            "ident": said.ident,
            "hash": row.hash,
            "position": self._staged_at(row.place),
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
            "playable": entry.expires or (rules.is_playable(entry.url) and not rules.is_page(entry.url)),
        }

    async def finish(self) -> ListChange:
        """Stage what is missing, recognise renamed channels, and count."""
        await self.flush()
        if not self._is_first:
            await self._place()
        stored = await self._stored()
        if self._matched < stored:
            await self._stage_missing()
        if (self._new or self._changed) and not self._is_first:
            async with self._store.write() as connection:
                await plan_well(connection, "playlist_staged", "playlist_stream")
            self.renamed = await recognising.recognise(self._store, self._feed, self._run, self._names)
        kinds = await recognising.kinds(self._store, self._run)
        gone = kinds.get("g", 0)
        await refreshes.compared(self._store, self._run, self.total)  # and with it all that was staged is on disk
        new = self.total - stored + gone
        again = new - kinds.get("n", 0)  # streams that were gone, and are new in this list
        return ListChange(stored=stored, new=new, changed=kinds.get("c", 0) - again, moved=self._moved, gone=gone)

    async def _place(self) -> None:
        """Give staged entries their positions, and stage those of which only the position is another one."""
        found = await asyncio.to_thread(places.placed, self._before)
        self._moved = found.moved
        given = await asyncio.to_thread(self._replaced, found.positions)
        one = sa.and_(staged.c.run == self._run, staged.c.place == sa.bindparam("this"))
        for start in range(0, len(given), AT_ONCE):
            async with self._store.write(durable=False) as connection:
                update = sa.update(staged).where(one).values(position=sa.bindparam("where"))
                await connection.execute(update, given[start : start + AT_ONCE])
        if found.positions is not self._before:
            self._differ = await asyncio.to_thread(self._displaced, found.positions)
            await self.flush()

    def _replaced(self, positions: Sequence[int]) -> list[dict[str, int]]:
        """Staged entries that get another position than they were staged with."""
        return [
            {"this": place, "where": positions[place]}
            for place in sorted(self._staged)
            if positions[place] != self._staged_at(place)
        ]

    def _staged_at(self, place: int) -> int:
        """The position with which an entry is staged, as long as the others are not known."""
        before = self._before[place]
        return places.first(place) if before == places.NONE else before

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


def _missing(row: Any) -> dict[str, Any]:
    """A missing stream as it is staged: by what its list said, where that is stored."""
    ident = bytes(row.ident)
    if row.name is not None or row.provider_id:
        ident = ident_of(row.name or "", row.grp or "", row.guide_id or "", row.provider_id)
    return {"place": -row.id, "ident": ident, "stream_id": row.id, "name": row.name, "grp": row.grp}
