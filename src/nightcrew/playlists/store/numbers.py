"""The numbers that channels were given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from nightcrew.kernel.store import Store
from nightcrew.playlists.models import Channel, channel, feed
from nightcrew.playlists.numbering import Numbering

_NUMBER = sa.func.coalesce(channel.c.edit_number, sa.cast(channel.c.given_number, sa.String), channel.c.number)
_NAME = sa.func.coalesce(channel.c.edit_name, channel.c.name)

PIECE = 500
"""Rows of a write."""


async def number(store: Store, feed_id: int, wanted: Numbering) -> None:
    """Give a list's channels the numbers that they should have and have not."""
    query = sa.select(channel.c.id, sa.func.coalesce(channel.c.edit_grp, channel.c.grp), channel.c.given_number)
    counts = sa.or_(channel.c.active, channel.c.given_number.is_not(None))
    query = query.where(channel.c.feed_id == feed_id, counts).order_by(channel.c.position, channel.c.id)
    source = sa.select(feed.c.source_id).where(feed.c.id == feed_id).scalar_subquery()
    others = sa.select(channel.c.given_number).join(feed, feed.c.id == channel.c.feed_id)
    others = others.where(feed.c.source_id == source, feed.c.id != feed_id, channel.c.given_number.is_not(None))
    async with store.read() as connection:
        rows = [(row[0], row[1], row[2]) for row in await connection.execute(query)]
        elsewhere = (await connection.execute(others)).scalars().all()  # a catalogue's other regions
    found = [{"one": one, "its": its} for one, its in (await asyncio.to_thread(wanted.given, rows, elsewhere)).items()]
    update = sa.update(channel).where(channel.c.id == sa.bindparam("one")).values(given_number=sa.bindparam("its"))
    for start in range(0, len(found), PIECE):
        async with store.write() as connection:
            await connection.execute(update, found[start : start + PIECE])
            await connection.execute(_CHANGED, {"feed": feed_id})


@dataclass(frozen=True, slots=True)
class Numbered:
    """A channel with its number, as they are shown."""

    id: int
    number: str
    name: str
    group: str


async def every(store: Store, regions: Sequence[str] | None) -> list[Numbered]:
    """All channels with a number that nobody has hidden, also those that are gone, in order of their ids."""
    group = sa.func.coalesce(channel.c.edit_grp, channel.c.grp)
    query = sa.select(channel.c.id, _NUMBER, _NAME, group).where(_NUMBER != "", ~channel.c.hidden)
    if regions is not None:
        query = query.where(channel.c.region.in_(regions))
    async with store.read() as connection:
        return [Numbered(*row) for row in await connection.execute(query.order_by(channel.c.id))]


@dataclass(frozen=True, slots=True)
class Sharers:
    """How many channels have one number, and the name of the first."""

    count: int
    first: str


async def sharing(store: Store, one: Channel) -> Sharers | None:
    """The other channels of its region that are shown with the number of a channel."""
    query = sa.select(sa.func.count().over(), _NAME).where(
        channel.c.region == one.region, channel.c.active, ~channel.c.hidden
    )
    query = query.where(sa.literal(one.number) == _NUMBER, channel.c.id != one.id).order_by(channel.c.id)
    async with store.read() as connection:
        found = (await connection.execute(query.limit(1))).first()
    return Sharers(*found) if found else None


async def forget(store: Store, feed_id: int) -> None:
    """Take the numbers of a list's channels away: there are other rules."""
    given = sa.and_(channel.c.feed_id == feed_id, channel.c.given_number.is_not(None))
    async with store.write() as connection:
        await connection.execute(sa.update(channel).where(given).values(given_number=None))
        await connection.execute(_CHANGED, {"feed": feed_id})


_CHANGED = sa.update(feed).where(feed.c.id == sa.bindparam("feed")).values(revision=feed.c.revision + 1)
