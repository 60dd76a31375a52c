"""Which guide each channel has: found when channels are read, so that it is true whatever was refreshed last."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.playlists import guide_matching
from nightcrew.playlists.guide_matching import NameKey, without_feed
from nightcrew.playlists.models import Channel, GuideMatch, feed, guide_channel, guide_name

AT_ONCE = 1_000
"""Keys of a statement."""
FEW = 50
"""Channels whose names are made plain on the event loop; it takes a while for more."""


def served(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a row of a guide is of the generation that is served."""
    return sa.and_(feed.c.id == table.c.feed_id, feed.c.generation == table.c.generation, feed.c.enabled)


def of_channel(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a row belongs to a guide's channel."""
    return sa.and_(*(table.c[name] == guide_channel.c[name] for name in ("feed_id", "generation", "guide_id")))


_ANY = sa.select(sa.literal(1)).where(feed.c.kind == "guide", feed.c.enabled, feed.c.generation > 0).limit(1)
_FOUND = (guide_channel.c.key, guide_channel.c.guide_id, guide_channel.c.icon, guide_channel.c.feed_id)
_BY_ID = (
    sa.select(*_FOUND)
    .join(feed, served(guide_channel))
    .where(guide_channel.c.key.in_(sa.bindparam("keys", expanding=True)))
    .order_by(guide_channel.c.feed_id, guide_channel.c.guide_id)
)
_BY_NAME = (
    sa.select(guide_name.c.key.label("name"), guide_name.c.bare, *_FOUND)
    .join(feed, served(guide_name))
    .join(guide_channel, of_channel(guide_name))
    .where(guide_name.c.key.in_(sa.bindparam("keys", expanding=True)))
    .order_by(guide_name.c.feed_id)
)


async def with_guides(connection: AsyncConnection, channels: Sequence[Channel]) -> list[Channel]:
    """The same channels, each with the guide that it has, and with its logo where the list has none."""
    if not channels or (await connection.execute(_ANY)).first() is None:
        return list(channels)
    ids = {one.id: guide_matching.id_key(one.guide_id) for one in channels if one.guide_id}
    by_id = _matches(await _rows(connection, _BY_ID, ids.values()))
    if bare := {key: short for key in ids.values() if key not in by_id and (short := without_feed(key)) != key}:
        found_so = _matches(await _rows(connection, _BY_ID, bare.values()))
        by_id |= {key: found_so[short] for key, short in bare.items() if short in found_so}
    left = [one for one in channels if ids.get(one.id) not in by_id]
    wanted = _wanted(left) if len(left) < FEW else await asyncio.to_thread(_wanted, left)
    by_name = dict[NameKey, GuideMatch]()
    for row in await _rows(connection, _BY_NAME, (key.key for keys in wanted.values() for key in keys)):
        by_name.setdefault(
            NameKey(row.name, row.bare), GuideMatch(row.key, row.guide_id, row.icon, row.feed_id, "name")
        )
    found = []
    for one in channels:
        match = by_id.get(ids.get(one.id, ""))
        if match is None:
            match = next((by_name[key] for key in wanted.get(one.id, ()) if key in by_name), None)
        found.append(one if match is None else replace(one, guide=match, logo=one.logo or match.icon))
    return found


def _wanted(channels: Iterable[Channel]) -> dict[int, list[NameKey]]:
    return {one.id: guide_matching.wanted_keys(one) for one in channels}


async def _rows(connection: AsyncConnection, statement: sa.Select[Any], keys: Iterable[str]) -> list[Any]:
    """All rows for some keys, which need not differ."""
    left, found = list(dict.fromkeys(keys)), list[Any]()
    for start in range(0, len(left), AT_ONCE):
        found += (await connection.execute(statement, {"keys": left[start : start + AT_ONCE]})).all()
    return found


def _matches(rows: Iterable[Any]) -> dict[str, GuideMatch]:
    """By key: the first guide counts, and the first icon that there is."""
    found = dict[str, GuideMatch]()
    for row in rows:
        known = found.setdefault(row.key, GuideMatch(row.key, row.guide_id, row.icon, row.feed_id, "id"))
        if row.icon and not known.icon:
            found[row.key] = replace(known, icon=row.icon, icon_feed=row.feed_id)
    return found
