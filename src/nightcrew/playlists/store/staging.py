"""From a provider's list to stored channels: compare batch by batch, stage what differs, apply it in one transaction.

What is unchanged is recognised by its hash and never written. Memory holds one batch and eight bytes for each row
that was seen, however long the list is.
"""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, insert_many
from nightcrew.playlists import rules
from nightcrew.playlists.identity import EntryIdentity, ident_of
from nightcrew.playlists.models import MAX_NAME, MAX_URL, channel, feed, staged, stream
from nightcrew.playlists.rules import ListChange, ListEntry
from nightcrew.playlists.store import recognising
from nightcrew.playlists.store import staging_sql as sql
from nightcrew.playlists.store.refreshes import ANSWERED, NOTHING_HELD, end_run, mark_refreshed

PAGE = 5_000
"""Rows that are looked at in one piece when the missing ones are sought."""

_MATCH = sa.select(stream.c.id, stream.c.key, stream.c.hash, stream.c.position, stream.c.gone_at).where(
    stream.c.feed_id == sa.bindparam("feed"), stream.c.key.in_(sa.bindparam("keys", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry with its place in the list, its identity, its hash, and its address with secrets hidden."""

    position: int
    entry: ListEntry
    identity: EntryIdentity
    hash: bytes
    url: str


class Staging:
    """One run's comparison with what is stored."""

    def __init__(self, store: Store, feed_id: int, run: str) -> None:
        self._store = store
        self._feed = feed_id
        self._run = run
        self._seen = array("q")
        self._names = recognising.NameCounts()
        self._new = self._changed = self._moved = 0
        self.total = 0
        self.renamed: list[recognising.Renamed] = []
        """Channels that were recognised although the list changed their name or group."""

    async def begin(self) -> None:
        """Forget what this run staged before a crash."""
        await discard(self._store, self._run)

    async def add(self, rows: Sequence[Row]) -> None:
        """Compare one batch and stage what differs."""
        self.total += len(rows)
        for row in rows:
            self._names.add(row.entry.name[:MAX_NAME])
        async with self._store.read() as connection:
            found = await connection.execute(_MATCH, {"feed": self._feed, "keys": [row.identity.key for row in rows]})
            stored = {row.key: row for row in found}
        differing = await asyncio.to_thread(self._differing, rows, stored)
        if differing:
            async with self._store.write() as connection:
                await insert_many(connection, staged, differing)

    def _differing(self, rows: Sequence[Row], stored: Mapping[bytes, Any]) -> list[dict[str, Any]]:
        found = []
        for row in rows:
            match = stored.get(row.identity.key)
            kind = self._kind(row, match)
            if kind is not None:
                found.append(self._values(row, kind, match.id if match is not None else None))
        return found

    def _kind(self, row: Row, match: Any) -> str | None:
        if match is None:
            self._new += 1
            return "n"
        if match.gone_at is not None:
            self._new += 1
            return "c"
        self._seen.append(match.id)
        if match.hash != row.hash:
            self._changed += 1
            return "c"
        if match.position != row.position:
            self._moved += 1
            return "m"
        return None

    def _values(self, row: Row, kind: str, stream_id: int | None) -> dict[str, Any]:
        entry = row.entry
        return {
            "run": self._run,
            "key": row.identity.key,
            "feed_id": self._feed,
            "kind": kind,
            "ident": row.identity.ident,
            "hash": row.hash,
            "position": row.position,
            "stream_id": stream_id,
            "channel_id": None,
            "name": entry.name[:MAX_NAME],
            "number": entry.number[:20],
            "grp": entry.group[:MAX_NAME],
            "logo": entry.logo[:MAX_URL],
            "guide_id": entry.guide_id[:MAX_NAME],
            "search": rules.search_text(entry.name, entry.group, entry.guide_id, entry.number)[: 2 * MAX_NAME],
            "url": row.url[:MAX_URL],
            "provider_id": entry.provider_id[:MAX_NAME],
            "attributes": json.dumps(dict(entry.attributes), ensure_ascii=False) if entry.attributes else None,
            "expires": entry.expires,
            "playable": entry.expires or rules.is_playable(entry.url),
        }

    async def finish(self) -> ListChange:
        """Stage what is missing, recognise renamed channels, and count."""
        async with self._store.read() as connection:
            active = sa.and_(stream.c.feed_id == self._feed, stream.c.gone_at.is_(None))
            stored = int((await connection.execute(sa.select(sa.func.count()).where(active))).scalar() or 0)
        if len(self._seen) < stored:
            await self._stage_missing()
        if self._new or self._changed:
            async with self._store.write() as connection:
                await _plan_well(connection, "playlist_staged", "playlist_stream")
            self.renamed = await recognising.recognise(self._store, self._feed, self._run, self._names)
        kinds = await recognising.kinds(self._store, self._run)
        gone = kinds.get("g", 0)
        new = self.total - stored + gone
        again = new - kinds.get("n", 0)  # streams that were gone, and are new in this list
        return ListChange(stored=stored, new=new, changed=kinds.get("c", 0) - again, moved=self._moved, gone=gone)

    async def _stage_missing(self) -> None:
        seen, after = set(self._seen), 0
        lead = sa.and_(channel.c.id == stream.c.channel_id, *recognising.IS_LEAD)
        said = (channel.c.name, channel.c.grp, channel.c.guide_id)
        listed = sa.select(stream.c.id, stream.c.key, stream.c.ident, stream.c.provider_id, *said)
        listed = listed.join_from(stream, channel, lead, isouter=True).order_by(stream.c.id).limit(PAGE)
        listed = listed.where(stream.c.feed_id == self._feed, stream.c.gone_at.is_(None))
        while True:
            query = listed.where(stream.c.id > after)
            async with self._store.read() as connection:
                rows = (await connection.execute(query)).all()
            if not rows:
                return
            after = rows[-1].id
            same = {"run": self._run, "feed_id": self._feed, "kind": "g"}
            missing = [same | _missing(row) for row in rows if row.id not in seen]
            if missing:
                async with self._store.write() as connection:
                    await insert_many(connection, staged, missing)


def _missing(row: Any) -> dict[str, Any]:
    """A missing stream as it is staged: by what its list said, where that is stored."""
    ident = bytes(row.ident)
    if row.name is not None or row.provider_id:
        ident = ident_of(row.name or "", row.grp or "", row.guide_id or "", row.provider_id)
    return {"key": row.key, "ident": ident, "stream_id": row.id, "name": row.name, "grp": row.grp}


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
            await recognising.free_keys(connection, run, feed_id)
            for statement in sql.APPLY:
                await connection.execute(statement, names)
            await _plan_well(connection, "playlist_channel", "playlist_stream")
        await _count(connection, feed_id, changed=not change.nothing, now=now)
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


async def _count(connection: AsyncConnection, feed_id: int, *, changed: bool, now: datetime) -> None:
    playable = sa.exists().where(stream.c.channel_id == channel.c.id, stream.c.gone_at.is_(None), stream.c.playable)
    own = sa.and_(channel.c.feed_id == feed_id, channel.c.active)
    values: dict[str, Any] = {
        "streams": sa.select(sa.func.count())
        .select_from(stream)
        .where(stream.c.feed_id == feed_id, stream.c.gone_at.is_(None))
        .scalar_subquery(),
        "channels": sa.select(sa.func.count()).select_from(channel).where(own).scalar_subquery(),
        "resolved": sa.select(sa.func.count()).select_from(channel).where(own, playable).scalar_subquery(),
    }
    if changed:
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
