"""Streams with what checks know of them, as lists and pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nightcrew.checks.models import CheckedStream, Verdict, checked, still
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store
from nightcrew.playlists.models import channel, feed, source, stream


@dataclass(frozen=True, slots=True)
class StreamFilter:
    """Which streams a list is about. `show`: all, ok, dead, failed, unchecked or waiting."""

    show: str = "all"
    source_id: int | None = None
    channel_id: int | None = None
    stream_id: int | None = None
    q: str = ""


async def page(
    store: Store, wanted: StreamFilter, *, node: str, now: datetime, after: int = 0, limit: int = 100
) -> list[CheckedStream]:
    """Streams by id; `after` is the last id that is known. Pictures count where they lie on `node`."""
    query = _query(now, node).where(stream.c.id > after, *_conditions(wanted)).order_by(stream.c.id).limit(limit)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [_standing(row) for row in rows]


async def get(store: Store, stream_id: int, *, node: str, now: datetime) -> CheckedStream:
    """One stream. Raises `NotFound`."""
    async with store.read() as connection:
        row = (await connection.execute(_query(now, node).where(stream.c.id == stream_id))).mappings().first()
    if row is None:
        raise NotFound(f"there is no stream {stream_id}")
    return _standing(row)


async def counts(store: Store, now: datetime) -> dict[str, int]:
    """How many streams there are: all, ok, dead, interrupted, unchecked, due and running."""
    listed = sa.and_(stream.c.gone_at.is_(None), stream.c.playable, feed.c.enabled)

    def number(condition: sa.ColumnElement[bool]) -> Any:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    query = (
        sa.select(
            sa.func.count().label("all"),
            number(sa.and_(checked.c.good_at.is_not(None), checked.c.dead_since.is_(None))).label("ok"),
            number(checked.c.dead_since.is_not(None)).label("dead"),
            number(sa.and_(checked.c.good_at.is_(None), checked.c.dead_since.is_(None))).label("known_unchecked"),
            number(checked.c.stream_id.is_(None)).label("unknown"),
            number(checked.c.run_id.is_not(None)).label("due"),
            number(checked.c.lease_until > now).label("running"),
        )
        .select_from(stream)
        .join(feed, feed.c.id == stream.c.feed_id)
        .outerjoin(checked, checked.c.stream_id == stream.c.id)
        .where(listed)
    )
    async with store.read() as connection:
        row = (await connection.execute(query)).mappings().one()
    found = {key: int(value or 0) for key, value in row.items()}
    found["unchecked"] = found.pop("known_unchecked") + found.pop("unknown")
    return found


def _query(now: datetime, node: str) -> sa.Select[Any]:
    shown = sa.func.coalesce(channel.c.edit_name, channel.c.name)
    return (
        sa.select(
            stream.c.id.label("stream_id"),
            stream.c.channel_id,
            shown.label("channel"),
            source.c.name.label("source"),
            feed.c.source_id,
            stream.c.url,
            *(checked.c[name] for name in _CHECKED),
            sa.and_(checked.c.lease_until.is_not(None), checked.c.lease_until > now).label("running"),
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


_CHECKED = (
    "verdict",
    "reason",
    "verdict_at",
    "good_at",
    "dead_since",
    "due_at",
    "score",
    "width",
    "height",
    "fps",
    "video_codec",
    "audio_codec",
    "kbps",
    "used_profile",
    "failures",
)


def _conditions(wanted: StreamFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [stream.c.gone_at.is_(None), stream.c.playable, feed.c.enabled]
    match wanted.show:
        case "ok":
            conditions += [checked.c.good_at.is_not(None), checked.c.dead_since.is_(None)]
        case "dead":
            conditions.append(checked.c.dead_since.is_not(None))
        case "failed":
            conditions.append(checked.c.verdict == Verdict.FAILED.value)
        case "unchecked":
            conditions += [checked.c.good_at.is_(None), checked.c.dead_since.is_(None)]
        case "waiting":
            conditions.append(checked.c.run_id.is_not(None))
        case _:
            pass
    if wanted.source_id is not None:
        conditions.append(feed.c.source_id == wanted.source_id)
    if wanted.channel_id is not None:
        conditions.append(stream.c.channel_id == wanted.channel_id)
    if wanted.stream_id is not None:
        conditions.append(stream.c.id == wanted.stream_id)
    for word in wanted.q.casefold().split()[:8]:
        found = channel.c.search.contains(word, autoescape=True)
        conditions.append(sa.or_(found, channel.c.edit_search.contains(word, autoescape=True)))
    return conditions


def _standing(row: Any) -> CheckedStream:
    values = dict(row)
    for name, nothing in (
        ("width", 0),
        ("height", 0),
        ("fps", 0.0),
        ("video_codec", ""),
        ("audio_codec", ""),
        ("failures", 0),
    ):
        values[name] = values[name] if values[name] is not None else nothing
    values["verdict"] = Verdict(values["verdict"]) if values["verdict"] else None
    for name in ("running", "parked", "has_still"):
        values[name] = bool(values[name])
    return CheckedStream(**values)
