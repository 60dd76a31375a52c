"""Sources, their feeds, and the record of refresh runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import owned
from nightcrew.kernel.connections.models import connection as service
from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import Conflict, NeedsUser, NotFound
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.vault import Vault
from nightcrew.playlists.models import Feed, Source, channel, feed, refresh_run, source, stream
from nightcrew.playlists.services import services_of, thing_of

FEEDS = DueRows(
    "playlists.feeds",
    key=feed.c.id,
    due_at=feed.c.due_at,
    order=(feed.c.failures > 0, feed.c.due_at),
)
"""Feeds that are to be fetched, those that work first. A feed is its run's until that ends, by the job's lock."""
_SERVICE = sa.literal("playlists:") + sa.cast(feed.c.source_id, sa.String) + "/" + feed.c.kind
"""The owner of the connection that a feed is fetched from, see `services.owner_of`."""

Slice = tuple[str, str, str]
"""(kind, lang, region) of a feed: kind is "channels" or "guide"; a guide has neither language nor region."""


async def add(store: Store, vault: Vault, *, kind: str, name: str, config: Mapping[str, Any], shown_url: str) -> int:
    """Insert a source; returns its id. Raises `Conflict` when the name is in use."""
    values = {
        "kind": kind,
        "name": name,
        "enabled": True,
        "config": vault.seal(dict(config)),
        "shown_url": shown_url,
        "created_at": utcnow(),
    }
    try:
        async with store.write() as connection:
            result = await connection.execute(sa.insert(source).values(values).returning(source.c.id))
            source_id = int(result.scalar_one())
            await _settle_services(store, vault, connection, source_id)
            return source_id
    except sa.exc.IntegrityError as exc:
        raise Conflict(f"there is a source named {name!r} already") from exc


async def update(store: Store, vault: Vault, source_id: int, **values: Any) -> None:
    """Change columns of a source; `config` is given unsealed. Raises `Conflict` for a name in use."""
    anew = bool(values.keys() & {"config", "enabled"})
    if "config" in values:
        values["config"] = vault.seal(values["config"])
    try:
        async with store.write() as connection:
            await connection.execute(sa.update(source).where(source.c.id == source_id).values(values))
            await _settle_services(store, vault, connection, source_id, anew=anew)
    except sa.exc.IntegrityError as exc:
        raise Conflict("there is already a source with that name") from exc


async def every(store: Store, vault: Vault) -> list[Source]:
    """All sources in the order in which they were added."""
    async with store.read() as connection:
        found = (await connection.execute(sa.select(source).order_by(source.c.id))).mappings().all()
    return [_source(row, vault) for row in found]


async def get(store: Store, vault: Vault, source_id: int) -> Source:
    """One source. Raises `NotFound`."""
    async with store.read() as connection:
        row = (await connection.execute(sa.select(source).where(source.c.id == source_id))).mappings().first()
    if row is None:
        raise NotFound(f"there is no source {source_id}")
    return _source(row, vault)


async def remove(store: Store, source_id: int) -> None:
    """Delete a source with its channels. A channel that another source can play too moves to that source."""
    async with store.write() as connection:
        own = sa.select(feed.c.id).where(feed.c.source_id == source_id)
        await _hand_over(connection, own)
        await connection.execute(sa.delete(stream).where(stream.c.feed_id.in_(own)))
        await connection.execute(sa.delete(channel).where(channel.c.feed_id.in_(own)))
        result = await connection.execute(sa.delete(source).where(source.c.id == source_id))
        await owned.settle(store, connection, thing_of(source_id), [])
        if result.rowcount:
            await _bump_all(connection)
    if not result.rowcount:
        raise NotFound(f"there is no source {source_id}")


async def settle_services(store: Store, vault: Vault) -> None:
    """Give the sources of an older version their connections. A migration could not: most addresses are sealed."""
    async with store.write() as connection:
        for source_id in (await connection.execute(sa.select(source.c.id))).scalars().all():
            await _settle_services(store, vault, connection, source_id)


async def _settle_services(
    store: Store, vault: Vault, connection: AsyncConnection, source_id: int, *, anew: bool = False
) -> None:
    """Let a source's connections be those of its configuration, unless that cannot be read now."""
    row = (await connection.execute(sa.select(source).where(source.c.id == source_id))).mappings().first()
    if row is not None and not (found := _source(row, vault)).locked:
        await owned.settle(store, connection, thing_of(source_id), services_of(found), anew=anew)


async def _hand_over(connection: AsyncConnection, leaving: sa.Select[Any]) -> None:
    """Channels led by `leaving` feeds that another enabled feed can play get that feed's stream as their lead."""
    heirs = (
        sa.select(stream.c.channel_id, sa.func.min(stream.c.id).label("stream_id"))
        .join(feed, feed.c.id == stream.c.feed_id)
        .where(stream.c.feed_id.not_in(leaving), stream.c.gone_at.is_(None), feed.c.enabled)
        .group_by(stream.c.channel_id)
        .subquery()
    )
    await connection.execute(
        sa.update(channel)
        .where(channel.c.feed_id.in_(leaving), channel.c.id == heirs.c.channel_id, stream.c.id == heirs.c.stream_id)
        .values(feed_id=stream.c.feed_id, origin=stream.c.key, position=stream.c.position)
    )


async def _bump_all(connection: AsyncConnection) -> None:
    await connection.execute(sa.update(feed).values(revision=feed.c.revision + 1))


# -- feeds -------------------------------------------------------------------------------------------------------------


async def sync_feeds(store: Store, source_id: int, wanted: Iterable[Slice], *, enabled: bool) -> None:
    """Make the feeds of a source the wanted ones. A feed that is no longer wanted is switched off, its channels are kept."""
    async with store.write() as connection:
        await _alone(connection, source_id)
        found = (await connection.execute(sa.select(feed).where(feed.c.source_id == source_id))).all()
        existing = {(row.kind, row.region): row for row in found}
        keys = set()
        for kind, lang, region in wanted:
            keys.add((kind, region))
            row = existing.get((kind, region))
            if row is None:
                await connection.execute(sa.insert(feed).values(_new_feed(source_id, kind, lang, region, enabled)))
            elif row.enabled != enabled or row.lang != lang:
                values = {"enabled": enabled, "lang": lang, "revision": row.revision + 1, "due_at": utcnow()}
                if not enabled:
                    await _hand_over(connection, sa.select(feed.c.id).where(feed.c.id == row.id))
                await connection.execute(sa.update(feed).where(feed.c.id == row.id).values(values))
        await wake(connection, FEEDS.topic)
        for key, row in existing.items():
            if key not in keys and row.enabled:
                values = {"enabled": False, "revision": row.revision + 1}
                await connection.execute(sa.update(feed).where(feed.c.id == row.id).values(values))


async def rename_region(store: Store, source_id: int, region: str) -> None:
    """Let a source that has one list serve it in another region. Its channels keep their ids and edits.

    A channel that another source can play too stays where it is, with that source's streams.
    """
    async with store.write() as connection:
        await _alone(connection, source_id)
        listed = sa.and_(feed.c.source_id == source_id, feed.c.kind == "channels")
        found = (await connection.execute(sa.select(feed.c.id, feed.c.region).where(listed))).all()
        if len(found) != 1 or found[0].region == region:
            return
        own = found[0].id
        await _hand_over(connection, sa.select(feed.c.id).where(feed.c.id == own))
        led = sa.select(channel.c.id).where(channel.c.feed_id == own)
        await connection.execute(sa.delete(stream).where(stream.c.feed_id == own, stream.c.channel_id.not_in(led)))
        await connection.execute(sa.update(channel).where(channel.c.feed_id == own).values(region=region))
        await connection.execute(sa.update(feed).where(feed.c.id == own).values(region=region))
        await _bump_all(connection)


async def _alone(connection: AsyncConnection, source_id: int) -> None:
    """Let other nodes wait that change the feeds of a source too: a setting that changes makes all of them do so at once."""
    await connection.execute(sa.select(source.c.id).where(source.c.id == source_id).with_for_update())


def _new_feed(source_id: int, kind: str, lang: str, region: str, enabled: bool) -> dict[str, Any]:
    counts = dict.fromkeys(("failures", "channels", "resolved", "streams", "revision", "generation"), 0)
    own = {"source_id": source_id, "kind": kind, "lang": lang, "region": region, "enabled": enabled}
    return own | counts | {"due_at": utcnow(), "rebuild_due": False, "needs_user": False}


async def feeds(store: Store, *, source_id: int | None = None, enabled: bool | None = None) -> list[Feed]:
    """Feeds by id; of all sources unless one is named."""
    query = sa.select(feed).order_by(feed.c.id)
    if source_id is not None:
        query = query.where(feed.c.source_id == source_id)
    if enabled is not None:
        query = query.where(feed.c.enabled == enabled)
    async with store.read() as connection:
        return [_feed(row) for row in (await connection.execute(query)).mappings()]


async def get_feed(store: Store, feed_id: int) -> Feed:
    """One feed. Raises `NotFound`."""
    async with store.read() as connection:
        row = (await connection.execute(sa.select(feed).where(feed.c.id == feed_id))).mappings().first()
    if row is None:
        raise NotFound(f"there is no feed {feed_id}")
    return _feed(row)


async def make_due(store: Store, *, now: datetime, rebuild: bool, kind: str = "channels") -> None:
    """Let every enabled feed of a kind be fetched at the next tick."""
    async with store.write() as connection:
        await FEEDS.make_due(connection, feed.c.enabled, feed.c.kind == kind, at=now, rebuild_due=rebuild)


async def replan(store: Store, kind: str, interval: float) -> None:
    """After a change of the interval: feeds that work are due one interval after their last refresh."""
    async with store.write() as connection:
        found = (
            await connection.execute(
                sa.select(feed.c.id, feed.c.refreshed_at).where(
                    feed.c.kind == kind, feed.c.failures == 0, feed.c.refreshed_at.is_not(None), ~feed.c.rebuild_due
                )
            )
        ).all()
        for row in found:
            due = row.refreshed_at + timedelta(seconds=interval)
            await connection.execute(sa.update(feed).where(feed.c.id == row.id).values(due_at=due))


async def due_feeds(store: Store, now: datetime) -> list[Feed]:
    """Feeds whose time has come, that nobody refreshes, and whose service is not paused.

    Those that work come before those that fail, longest overdue first.
    """
    due = sa.select(feed).where(feed.c.enabled, feed.c.run.is_(None), FEEDS.ready(now))
    async with store.read() as connection:
        paused = sa.exists().where(service.c.owner == _SERVICE, service.c.until > await now_of(connection))
        found = await connection.execute(due.where(~paused).order_by(*FEEDS.order, feed.c.id))
        return [_feed(row) for row in found.mappings()]


async def next_at(store: Store) -> datetime | None:
    """When a feed is to be fetched that no run has: when it is due, or when the pause of its service is over."""
    joined = feed.outerjoin(service, service.c.owner == _SERVICE)
    waiting = sa.select(feed.c.due_at, service.c.until).select_from(joined).where(feed.c.enabled, feed.c.run.is_(None))
    async with store.read() as connection:
        found = (await connection.execute(waiting)).all()
    return min((max(row.due_at, row.until or row.due_at) for row in found), default=None)


async def refreshing(store: Store, *, run: str | None = None) -> list[Feed]:
    """The feeds that are being refreshed; by one run, when it is named."""
    query = sa.select(feed).where(feed.c.run.is_not(None) if run is None else feed.c.run == run)
    async with store.read() as connection:
        return [_feed(row) for row in (await connection.execute(query)).mappings()]


async def expect(store: Store, feed_id: int, run: str) -> bool:
    """Note the run that is about to refresh a feed, unless it has begun, and maybe ended; returns whether that was news."""
    begun = sa.exists().where(refresh_run.c.id == run)
    async with store.write() as connection:
        noted = sa.update(feed).where(feed.c.id == feed_id, feed.c.run.is_(None), ~begun).values(run=run)
        return bool((await connection.execute(noted)).rowcount)


async def release(store: Store, runs: Iterable[str]) -> None:
    """Give back the feeds that these runs have."""
    if runs := list(runs):
        async with store.write() as connection:
            await connection.execute(sa.update(feed).where(feed.c.run.in_(runs)).values(run=None))


def _source(row: sa.RowMapping, vault: Vault) -> Source:
    try:
        return Source(**{**row, "config": vault.unseal(row["config"])})
    except NeedsUser as exc:  # one source that cannot be read must not stop the others
        return Source(**{**row, "config": {}}, locked=str(exc))


def _feed(row: sa.RowMapping) -> Feed:
    return Feed(**{**row, "notes": json.loads(row["notes"]) if row["notes"] else {}})
