"""What checks found out about streams, as playlists and players use it: score, dead or not, place, the profile that works."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.playlists.models import channel, feed, stream

CHUNK = 500


async def save(connection: AsyncConnection, stream_id: int, *, score: float | None, profile: str | None) -> None:
    """A stream works: its score, and the profile that it worked with."""
    values = {"score": score, "profile": profile}
    await connection.execute(sa.update(stream).where(stream.c.id == stream_id).values(values))
    await _set_dead(connection, [stream_id], dead=False)


async def rescore(connection: AsyncConnection, scores: Mapping[int, float]) -> None:
    """Streams are worth something else now."""
    values = [{"graded": stream_id, "worth": value} for stream_id, value in scores.items()]
    mine = stream.c.id == sa.bindparam("graded")
    await connection.execute(sa.update(stream).where(mine).values(score=sa.bindparam("worth")), values)


async def bury(connection: AsyncConnection, stream_id: int) -> None:
    """A stream is dead. Its score stays."""
    await _set_dead(connection, [stream_id], dead=True)


async def place(connection: AsyncConnection, places: Mapping[int, int]) -> None:
    """Streams have other places in their channels. The playlists with them are out of date."""
    if not places:
        return
    values = [{"placed": stream_id, "at": place} for stream_id, place in places.items()]
    mine = stream.c.id == sa.bindparam("placed")
    await connection.execute(sa.update(stream).where(mine).values(place=sa.bindparam("at")), values)
    await _renew_playlists(connection, list(places))


async def _renew_playlists(connection: AsyncConnection, stream_ids: list[int]) -> None:
    """Make the playlists with the channels of these streams out of date."""
    for start in range(0, len(stream_ids), CHUNK):
        some = stream.c.id.in_(stream_ids[start : start + CHUNK])
        leads = sa.select(channel.c.feed_id).join(stream, stream.c.channel_id == channel.c.id).where(some)
        await connection.execute(sa.update(feed).where(feed.c.id.in_(leads)).values(revision=feed.c.revision + 1))


async def unbury(connection: AsyncConnection, stream_ids: list[int]) -> None:
    """These streams are not dead after all."""
    await _set_dead(connection, stream_ids, dead=False)


async def _set_dead(connection: AsyncConnection, stream_ids: list[int], *, dead: bool) -> None:
    """Playlists leave dead streams out on request, so those in which something changes are out of date in the same transaction."""
    for start in range(0, len(stream_ids), CHUNK):
        some = stream_ids[start : start + CHUNK]
        others = sa.update(stream).where(stream.c.id.in_(some), stream.c.dead == (not dead))
        if (await connection.execute(others.values(dead=dead))).rowcount:
            await _renew_playlists(connection, some)
