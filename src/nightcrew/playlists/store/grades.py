"""What checks found out about streams, as playlists and players use it: score, dead or not, place, the profile that works."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store
from nightcrew.playlists.models import Stream, channel, feed, stream

CHUNK = 500


async def save(connection: AsyncConnection, stream_id: int, *, score: float | None, profile: str | None) -> None:
    """A stream works: its score, and the profile that it worked with."""
    values = {"dead": False, "score": score, "profile": profile}
    await connection.execute(sa.update(stream).where(stream.c.id == stream_id).values(values))


async def rescore(connection: AsyncConnection, scores: Mapping[int, float]) -> None:
    """Streams are worth something else now."""
    values = [{"graded": stream_id, "worth": value} for stream_id, value in scores.items()]
    mine = stream.c.id == sa.bindparam("graded")
    await connection.execute(sa.update(stream).where(mine).values(score=sa.bindparam("worth")), values)


async def bury(connection: AsyncConnection, stream_id: int) -> None:
    """A stream is dead. Its score stays."""
    await connection.execute(sa.update(stream).where(stream.c.id == stream_id).values(dead=True))


async def place(store: Store, channel_id: int, before: tuple[Stream, ...], places: Mapping[int, int]) -> bool:
    """Store the order of a channel's streams, `before` being what is stored; returns whether anything changed.

    Its playlists are out of date when another stream is tried first now.
    """
    changed = [one.id for one in before if places.get(one.id, one.place) != one.place]
    if not changed:
        return False
    async with store.write() as connection:
        for stream_id in changed:
            await connection.execute(sa.update(stream).where(stream.c.id == stream_id).values(place=places[stream_id]))
        await renew_playlists(connection, channel_id)
    return True


async def renew_playlists(connection: AsyncConnection, channel_id: int) -> None:
    """Make the playlists with a channel out of date."""
    lead = sa.select(channel.c.feed_id).where(channel.c.id == channel_id).scalar_subquery()
    await connection.execute(sa.update(feed).where(feed.c.id == lead).values(revision=feed.c.revision + 1))


async def unbury(connection: AsyncConnection, stream_ids: list[int]) -> None:
    """These streams are not dead after all."""
    for start in range(0, len(stream_ids), CHUNK):
        some = stream_ids[start : start + CHUNK]
        await connection.execute(sa.update(stream).where(stream.c.id.in_(some)).values(dead=False))
