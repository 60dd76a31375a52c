"""Programme guides: written as a new generation beside the served one, then switched over at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nightcrew.guidereader.wire import GuideChannel, Programme
from nightcrew.kernel.store import Store
from nightcrew.playlists.holes import Holes
from nightcrew.playlists.models import channel, feed, guide_channel, programme
from nightcrew.playlists.store.channels import in_group
from nightcrew.playlists.store.refreshes import end_run, mark_refreshed

PAGE = 2_000
PIECE = 100
"""Rows of a statement: what is done to each value holds the event loop, and others have their turn in between."""


async def begin(store: Store, feed_id: int) -> int:
    """The number of the generation to write. What a crashed run wrote under it is deleted."""
    async with store.write() as connection:
        served = int((await connection.execute(sa.select(feed.c.generation).where(feed.c.id == feed_id))).scalar() or 0)
        for table in (programme, guide_channel):
            await connection.execute(sa.delete(table).where(table.c.feed_id == feed_id, table.c.generation != served))
    return served + 1


async def add(
    store: Store, feed_id: int, generation: int, channels: Sequence[GuideChannel], programmes: Sequence[Programme]
) -> None:
    """Write one batch. A guide that names a channel or a start twice counts the first.

    Nobody serves it yet, and `switch` brings it to the disk, so its commit does not wait for that.
    """
    own = {"feed_id": feed_id, "generation": generation}
    async with store.write(durable=False) as connection:
        for table, found in ((guide_channel, channels), (programme, programmes)):
            names = [name for name in table.c.keys() if name not in own]  # noqa: SIM118 - of columns
            statement = store.upsert(table).on_conflict_do_nothing()
            for begin in range(0, len(found), PIECE):
                some = found[begin : begin + PIECE]
                await connection.execute(
                    statement, [own | {name: getattr(one, name) for name in names} for one in some]
                )


async def upcoming(store: Store, feed_id: int, now: datetime, before: datetime) -> int:
    """How many programmes of the served generation are not over and begin before `before`."""
    query = (
        sa.select(sa.func.count())
        .select_from(programme)
        .join(feed, sa.and_(feed.c.id == programme.c.feed_id, feed.c.generation == programme.c.generation))
        .where(programme.c.feed_id == feed_id, programme.c.stop > now, programme.c.start < before)
    )
    async with store.read() as connection:
        return int((await connection.execute(query)).scalar() or 0)


async def switch(
    store: Store,
    feed_id: int,
    run: str,
    generation: int,
    *,
    now: datetime,
    due_at: datetime,
    channels: int,
    programmes: int,
    content: dict[str, Any],
) -> None:
    """Serve the new generation from now on and delete the old ones."""
    values = {
        "generation": generation,
        "revision": feed.c.revision + 1,
        "changed_at": now,
        "channels": channels,
        "streams": programmes,
        **content,
    }
    async with store.write() as connection:
        await mark_refreshed(connection, feed_id, now=now, due_at=due_at, values=values)
        await end_run(connection, run, now, "applied", channels=programmes)
        for table in (programme, guide_channel):
            await connection.execute(
                sa.delete(table).where(table.c.feed_id == feed_id, table.c.generation != generation)
            )


def _served(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(feed.c.id == table.c.feed_id, feed.c.generation == table.c.generation, feed.c.enabled)


_PROGRAMMES = sa.select(
    *(programme.c[name] for name in ("guide_id", "start", "stop", "title", "body", "feed_id"))
).join(feed, _served(programme))


def _ours(column: sa.ColumnElement[str], regions: Sequence[str] | None, group: str | None) -> sa.ColumnElement[bool]:
    shown = sa.func.coalesce(channel.c.edit_guide_id, channel.c.guide_id)
    listed = sa.exists().where(shown == column, channel.c.active, ~channel.c.hidden)
    if regions is not None:
        listed = listed.where(channel.c.region.in_(regions))
    if group is not None:
        listed = listed.where(in_group(group))
    return listed


async def channels_of(store: Store, regions: Sequence[str] | None, group: str | None = None) -> list[GuideChannel]:
    """Guide channels that belong to a visible channel; where several guides name one, the first guide counts."""
    query = (
        sa.select(guide_channel.c.guide_id, guide_channel.c.name, guide_channel.c.icon)
        .join(feed, _served(guide_channel))
        .where(_ours(guide_channel.c.guide_id, regions, group))
        .order_by(guide_channel.c.guide_id, guide_channel.c.feed_id)
    )
    async with store.read() as connection:
        found = (await connection.execute(query)).all()
    first: dict[str, GuideChannel] = {}
    for row in found:
        first.setdefault(row.guide_id, GuideChannel(row.guide_id, row.name, row.icon))
    return list(first.values())


async def programmes_of(
    store: Store, regions: Sequence[str] | None, group: str | None = None, *, after: datetime, before: datetime
) -> AsyncIterator[list[Programme]]:
    """Programmes of visible channels that run between two moments, by channel, guide and time, page by page.

    Where several guides have programmes of a channel, later ones fill the holes of the first.
    """
    query = _PROGRAMMES.where(
        programme.c.stop > after, programme.c.start < before, _ours(programme.c.guide_id, regions, group)
    ).order_by(programme.c.guide_id, programme.c.feed_id, programme.c.start)
    holes = Holes()
    async with store.read() as connection:
        result = await connection.stream(query, execution_options={"yield_per": PAGE})
        async for rows in result.partitions(PAGE):
            yield [one for *row, feed_id in rows if holes.takes(one := Programme(*row), feed_id)]


async def schedule(store: Store, guide_id: str, *, now: datetime, limit: int = 12) -> list[Programme]:
    """What runs now and next on one guide channel. Later guides fill the holes of the first that has it."""
    query = (
        _PROGRAMMES.where(programme.c.guide_id == guide_id, programme.c.stop > now)
        .order_by(programme.c.feed_id, programme.c.start)
        .limit(PAGE)
    )
    holes = Holes()
    async with store.read() as connection:
        found = [
            Programme(*row)
            for *row, feed_id in await connection.execute(query)
            if holes.takes(Programme(*row), feed_id)
        ]
    return sorted(found, key=lambda one: one.start)[:limit]
