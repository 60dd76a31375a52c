"""A channel that its source no longer lists goes on as another one, because a person said that it is the same."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa
from rapidfuzz import fuzz, process
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store
from nightcrew.playlists.identity import label
from nightcrew.playlists.models import channel, feed, stream
from nightcrew.playlists.store.channels import edit_search

_EDITS = tuple(name for name in channel.c.keys() if name.startswith("edit_"))  # noqa: SIM118 - of columns
_LISTED = ("region", "feed_id", "position", "origin", "name", "number", "grp", "logo", "guide_id", "search")
"""What a list says of a channel."""
OFFERED = 12


async def successors(store: Store, channel_id: int) -> list[tuple[int, str]]:
    """Listed channels of the same list that a gone one may be now, ids and names; the most alike first.

    None for one that is listed. Raises `NotFound`.
    """
    async with store.read() as connection:
        lost = await _row(connection, channel_id)
        if lost.active:
            return []
        query = sa.select(channel.c.id, channel.c.name).where(channel.c.feed_id == lost.feed_id, channel.c.active)
        names = {row.id: row.name for row in await connection.execute(query)}
    return await asyncio.to_thread(_alike, lost.name, names)


def _alike(name: str, names: dict[int, str]) -> list[tuple[int, str]]:
    found = process.extract(name, names, scorer=fuzz.token_sort_ratio, processor=label, limit=OFFERED)
    return [(number, text) for text, _, number in found]


async def adopt(store: Store, gone_id: int, listed_id: int) -> tuple[str, str]:
    """Let a gone channel go on with what a listed one is now, which is no channel of its own any more; returns both names.

    The gone one keeps its id and a person's changes. What was changed of the listed one counts more. Raises `NotFound`, or
    `Conflict` when one of them is not what it should be.
    """
    async with store.write() as connection:
        gone, listed = await _row(connection, gone_id), await _row(connection, listed_id)
        if gone.active:
            raise Conflict(f"{gone.name} is still listed by its source, so it cannot take the place of another channel")
        if not listed.active or gone_id == listed_id:
            raise Conflict(f"{listed.name} is not listed by any source")
        busy = sa.select(sa.literal(1)).where(feed.c.id.in_({gone.feed_id, listed.feed_id}))
        busy = busy.where(sa.or_(feed.c.run.is_not(None), feed.c.held_run.is_not(None)))
        if (await connection.execute(busy)).first() is not None:
            raise Conflict(
                "its list is being refreshed, or has a change that is held back. Wait for that, or decide it, first"
            )
        values: dict[str, Any] = {name: getattr(listed, name) for name in _LISTED}
        edits = {name: getattr(listed, name) for name in _EDITS if getattr(listed, name) is not None}
        await connection.execute(sa.delete(stream).where(stream.c.channel_id == gone_id))
        await connection.execute(sa.update(stream).where(stream.c.channel_id == listed_id).values(channel_id=gone_id))
        await connection.execute(sa.delete(channel).where(channel.c.id == listed_id))
        edits["edit_search"] = edit_search({**{name: getattr(gone, name) for name in _EDITS}, **edits})
        number = gone.given_number if gone.given_number is not None else listed.given_number
        changed = {**values, **edits, "given_number": number, "active": True}
        await connection.execute(sa.update(channel).where(channel.c.id == gone_id).values(**changed))
        feeds = {gone.feed_id, listed.feed_id}
        await connection.execute(sa.update(feed).where(feed.c.id.in_(feeds)).values(revision=feed.c.revision + 1))
    return gone.name, listed.name


async def _row(connection: AsyncConnection, channel_id: int) -> Any:
    row = (await connection.execute(sa.select(channel).where(channel.c.id == channel_id))).first()
    if row is None:
        raise NotFound(f"there is no channel {channel_id}")
    return row
