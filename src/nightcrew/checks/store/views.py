"""Streams with what checks know of them, as lists and pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nightcrew.checks.models import LISTED, CheckedStream, Verdict, checked, still
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store
from nightcrew.playlists.models import channel, feed, source, stream

SHOWN: Mapping[str, sa.ColumnElement[bool]] = {
    "all": sa.true(),
    "ok": sa.and_(checked.c.good_at.is_not(None), checked.c.dead_since.is_(None)),
    "dead": checked.c.dead_since.is_not(None),
    "failed": checked.c.verdict == Verdict.FAILED.value,
    "unchecked": sa.and_(checked.c.good_at.is_(None), checked.c.dead_since.is_(None)),
    "waiting": checked.c.run_id.is_not(None),
}


@dataclass(frozen=True, slots=True)
class StreamFilter:
    """Which streams a list is about. `show`: one of `SHOWN`."""

    show: str = "all"
    source_id: int | None = None
    channel_id: int | None = None
    q: str = ""


async def page(
    store: Store, wanted: StreamFilter, *, node: str, now: datetime, after: int = 0, limit: int = 100
) -> list[CheckedStream]:
    """Streams by id; `after` is the last id that is known. Pictures count where they lie on `node`."""
    query = _query(now, node).where(stream.c.id > after, *_conditions(wanted)).order_by(stream.c.id).limit(limit)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [CheckedStream(**row) for row in rows]


async def get(store: Store, stream_id: int, *, node: str, now: datetime) -> CheckedStream:
    """One stream. Raises `NotFound`."""
    async with store.read() as connection:
        row = (await connection.execute(_query(now, node).where(stream.c.id == stream_id))).mappings().first()
    if row is None:
        raise NotFound(f"there is no stream {stream_id}")
    return CheckedStream(**row)


async def counts(store: Store, now: datetime) -> dict[str, int]:
    """How many streams there are: all, ok, dead, unchecked, due and running."""
    conditions = {name: SHOWN[name] for name in ("ok", "dead", "unchecked")}
    conditions |= {"due": SHOWN["waiting"], "running": checked.c.lease_until > now}
    query = (
        sa.select(
            sa.func.count().label("all"),
            *(sa.func.count().filter(condition).label(name) for name, condition in conditions.items()),
        )
        .select_from(stream)
        .join(feed, feed.c.id == stream.c.feed_id)
        .outerjoin(checked, checked.c.stream_id == stream.c.id)
        .where(LISTED)
    )
    async with store.read() as connection:
        return dict((await connection.execute(query)).mappings().one())


def _query(now: datetime, node: str) -> sa.Select[Any]:
    return (
        sa.select(
            stream.c.id.label("stream_id"),
            stream.c.channel_id,
            sa.func.coalesce(channel.c.edit_name, channel.c.name).label("channel"),
            source.c.name.label("source"),
            feed.c.source_id,
            stream.c.url,
            *(_known(name) for name in CheckedStream.__dataclass_fields__ if name in checked.c and name not in _OTHERS),
            sa.func.coalesce(checked.c.lease_until > now, sa.false()).label("running"),
            checked.c.plan.is_not(None).label("parked"),
            still.c.stream_id.is_not(None).label("has_still"),
        )
        .select_from(stream)
        .join(channel, channel.c.id == stream.c.channel_id)
        .join(feed, feed.c.id == stream.c.feed_id)
        .join(source, source.c.id == feed.c.source_id)
        .outerjoin(checked, checked.c.stream_id == stream.c.id)
        .outerjoin(still, sa.and_(still.c.stream_id == stream.c.id, still.c.node == node))
    )


_OTHERS = frozenset({"stream_id", "source_id"})
"""Columns that checks have too, and that a stream has before it is checked."""


def _known(name: str) -> sa.ColumnElement[Any]:
    """A column of the checks, also for a stream that was never queued."""
    column = checked.c[name]
    return column if column.nullable else sa.func.coalesce(column, column.type.python_type()).label(name)


def _conditions(wanted: StreamFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [LISTED, SHOWN[wanted.show]]
    given = {feed.c.source_id: wanted.source_id, stream.c.channel_id: wanted.channel_id}
    conditions += [column == value for column, value in given.items() if value is not None]
    for word in wanted.q.casefold().split()[:8]:
        found = channel.c.search.contains(word, autoescape=True)
        conditions.append(sa.or_(found, channel.c.edit_search.contains(word, autoescape=True)))
    return conditions
