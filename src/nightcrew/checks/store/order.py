"""The order of channels' streams: read, decided and stored in one transaction, for many channels at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.checks.models import LISTED, checked
from nightcrew.kernel.store import Store
from nightcrew.playlists.exports import grades
from nightcrew.playlists.models import channel, feed, source, stream


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listed stream that can be played."""

    id: int
    channel_id: int
    source_id: int
    source: str
    score: float | None
    dead: bool
    height: int
    place: int


Decide = Callable[[Sequence[Candidate]], Mapping[int, int]]
"""The place of each stream, by id. The streams of a channel come together, those of its leading feed first."""


async def arrange(store: Store, channel_ids: Sequence[int], decide: Decide) -> int:
    """Store the places that `decide` gives to the streams of these channels; returns how many channels that changed.

    In one transaction: a check that ends meanwhile is either known to `decide`, or puts its channel into order afterwards.
    """
    async with store.write() as connection:
        found = await _candidates(connection, channel_ids)
        places = await asyncio.to_thread(decide, found)
        moved = [one for one in found if places[one.id] != one.place]
        await grades.place(connection, {one.id: places[one.id] for one in moved})
    return len({one.channel_id for one in moved})


async def _candidates(connection: AsyncConnection, channel_ids: Sequence[int]) -> list[Candidate]:
    """With their rows locked until the end of the transaction, where rows have locks."""
    leads = stream.c.feed_id == channel.c.feed_id
    query = (
        sa.select(
            stream.c.id,
            stream.c.channel_id,
            feed.c.source_id,
            source.c.name.label("source"),
            stream.c.score,
            stream.c.dead,
            sa.func.coalesce(checked.c.height, 0).label("height"),
            stream.c.place,
        )
        .join(channel, channel.c.id == stream.c.channel_id)
        .join(feed, feed.c.id == stream.c.feed_id)
        .join(source, source.c.id == feed.c.source_id)
        .outerjoin(checked, checked.c.stream_id == stream.c.id)
        .where(stream.c.channel_id.in_(channel_ids), LISTED)
        .order_by(stream.c.channel_id, leads.desc(), stream.c.id)
        .with_for_update(of=stream)
    )
    return [Candidate(*row) for row in await connection.execute(query)]


async def channels_with_choice(store: Store, *, after: int, limit: int) -> list[int]:
    """The ids of channels whose streams were checked, by id, from the one behind `after` on."""
    query = sa.select(stream.c.channel_id).where(_CHECKED, stream.c.channel_id > after)
    async with store.read() as connection:
        return list((await connection.execute(query.distinct().order_by(stream.c.channel_id).limit(limit))).scalars())


async def count_channels_with_choice(store: Store) -> int:
    """How many they are."""
    query = sa.select(sa.func.count(stream.c.channel_id.distinct())).where(_CHECKED)
    async with store.read() as connection:
        return int((await connection.execute(query)).scalar() or 0)


_CHECKED = sa.and_(stream.c.gone_at.is_(None), sa.or_(stream.c.score.is_not(None), stream.c.dead))
