"""Programme guides: written as a new generation beside the served one, then switched over at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from rapidfuzz import fuzz

from nightcrew.guidereader.wire import GuideChannel, Programme
from nightcrew.kernel.store import Store
from nightcrew.playlists.formats import xmltv
from nightcrew.playlists.guide_matching import MAX_NAMES, NameKey, id_key, name_keys
from nightcrew.playlists.holes import Holes
from nightcrew.playlists.identity import label
from nightcrew.playlists.models import Channel, feed, guide_channel, guide_name, programme
from nightcrew.playlists.store.guide_matches import of_channel, served
from nightcrew.playlists.store.refreshes import end_run, mark_refreshed

PAGE = 2_000
CARRIED = 5
"""Channels whose past is copied at a time: a week of them is two thousand rows."""
AT_ONCE = 40
"""Channels whose programmes are sorted at a time: those of a week are some megabytes."""
MOST_OFFERED, OFFERED = 500, 12
"""Channels of guides that are compared with what a person looks for, and that are shown."""
_TABLES = (programme, guide_channel, guide_name)
PIECE = 100
"""Rows of a statement: what is done to each value holds the event loop, and others have their turn in between."""


async def begin(store: Store, feed_id: int) -> int:
    """The number of the generation to write. What a crashed run wrote under it is deleted."""
    async with store.write() as connection:
        present = int(
            (await connection.execute(sa.select(feed.c.generation).where(feed.c.id == feed_id))).scalar() or 0
        )
        for table in _TABLES:
            await connection.execute(sa.delete(table).where(table.c.feed_id == feed_id, table.c.generation != present))
    return present + 1


async def add(
    store: Store, feed_id: int, generation: int, channels: Sequence[GuideChannel], programmes: Sequence[Programme]
) -> None:
    """Write one batch. A guide that names a channel or a start twice counts the first.

    Nobody serves it yet, and `switch` brings it to the disk, so its commit does not wait for that.
    """
    own = {"feed_id": feed_id, "generation": generation}
    found = await asyncio.to_thread(_names, channels)
    names = store.upsert(guide_name)
    is_same = names.excluded.guide_id == guide_name.c.guide_id
    alone = {"guide_id": sa.case((is_same, guide_name.c.guide_id), else_="")}
    writes: list[tuple[Any, list[dict[str, Any]]]] = [
        (store.upsert(guide_channel).on_conflict_do_nothing(), [own | _row(one) for one in channels]),
        (store.upsert(programme).on_conflict_do_nothing(), [own | _values(one) for one in programmes]),
        (
            names.on_conflict_do_update(index_elements=[*own, "key", "bare"], set_=alone),
            [own | row for row in found],
        ),
    ]
    async with store.write(durable=False) as connection:
        for statement, rows in writes:
            for begin in range(0, len(rows), PIECE):
                await connection.execute(statement, rows[begin : begin + PIECE])


def _values(one: GuideChannel | Programme) -> dict[str, Any]:
    """As `asdict`, without a copy of each value: of those, a guide has a million."""
    return {name: getattr(one, name) for name in one.__slots__}


def _row(one: GuideChannel) -> dict[str, Any]:
    return _values(one) | {"key": id_key(one.guide_id)}


def _names(channels: Iterable[GuideChannel]) -> list[dict[str, Any]]:
    """What channels can be found by. A statement may not write a row twice, so each name stands once in a batch."""
    found = dict[NameKey, str]()
    for one in channels:
        for key in name_keys(xmltv.display_names(one)[:MAX_NAMES]):
            known = found.setdefault(key, one.guide_id)
            if known != one.guide_id:
                found[key] = ""
    return [asdict(key) | {"guide_id": guide_id} for key, guide_id in found.items()]


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


async def carry_over(store: Store, feed_id: int, generation: int, after: datetime, ids: Sequence[str]) -> None:
    """Keep what the served generation says of some channels before the new one begins: guides forget what is over, archives do not."""
    new, old = programme.alias("new"), programme.alias("old")
    said = sa.exists().where(
        new.c.feed_id == feed_id,
        new.c.generation == generation,
        new.c.guide_id == old.c.guide_id,
        new.c.start < old.c.stop,
    )
    names = programme.c.keys()
    values = [sa.literal(generation) if name == "generation" else old.c[name] for name in names]
    present = sa.select(feed.c.generation).where(feed.c.id == feed_id).scalar_subquery()
    kept = sa.select(*values).where(old.c.feed_id == feed_id, old.c.generation == present, old.c.stop > after, ~said)
    for start in range(0, len(ids), CARRIED):
        some = old.c.guide_id.in_(ids[start : start + CARRIED])
        async with store.write(durable=False) as connection:
            await connection.execute(sa.insert(programme).from_select(names, kept.where(some)))


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
        for table in _TABLES:
            await connection.execute(
                sa.delete(table).where(table.c.feed_id == feed_id, table.c.generation != generation)
            )


# -- what is served ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GuideView:
    """A guide's channel as it is served: under which id, how many minutes later, and from when on."""

    served_id: str
    key: str
    shift: timedelta
    after: datetime


def view_of(channel: Channel, after: datetime) -> GuideView | None:
    """A channel's programmes as they are served; None when no guide has any."""
    if channel.guide is None:
        return None
    return GuideView(channel.served_guide_id, channel.guide.key, timedelta(minutes=channel.shift), after)


_PROGRAMMES = (
    sa.select(
        guide_channel.c.key,
        *(programme.c[name] for name in ("start", "stop", "title", "body", "attributes", "feed_id")),
    )
    .join_from(guide_channel, feed, served(guide_channel))
    .join(programme, of_channel(programme))
    .order_by(guide_channel.c.key, guide_channel.c.feed_id, programme.c.start)
)


async def channels_of(store: Store, views: Sequence[GuideView]) -> AsyncIterator[list[GuideChannel]]:
    """What the first guide that has each of them says of it, page by page, under the id that is served."""
    columns = (guide_channel.c.key, guide_channel.c.name, guide_channel.c.icon, guide_channel.c.body)
    for start in range(0, len(views), PAGE):
        some = views[start : start + PAGE]
        query = sa.select(*columns).join(feed, served(guide_channel)).order_by(guide_channel.c.feed_id)
        query = query.where(guide_channel.c.key.in_({view.key for view in some}))
        async with store.read() as connection:
            rows = (await connection.execute(query)).all()
        first: dict[str, Any] = {}
        for row in rows:
            first.setdefault(row.key, row)
        found = [(view.served_id, first[view.key]) for view in some if view.key in first]
        yield [GuideChannel(served_id, row.name, row.icon, row.body) for served_id, row in found]


async def programmes_of(store: Store, views: Sequence[GuideView], before: datetime) -> AsyncIterator[list[Programme]]:
    """Programmes that begin before a moment, by channel, guide and time, page by page.

    Where several guides have programmes of a channel, later ones fill the holes of the first.
    """
    by_key: dict[str, list[GuideView]] = {}
    for view in views:
        by_key.setdefault(view.key, []).append(view)
    keys = sorted(by_key)
    holes = Holes()
    for at in range(0, len(keys), AT_ONCE):
        some = keys[at : at + AT_ONCE]
        shown = [view for key in some for view in by_key[key]]
        query = _PROGRAMMES.where(
            guide_channel.c.key.in_(some),
            programme.c.stop > min(view.after - view.shift for view in shown),
            programme.c.start < max(before - view.shift for view in shown),
        )
        async with store.read() as connection:
            result = await connection.stream(query, execution_options={"yield_per": PAGE})
            async for rows in result.partitions(PAGE):
                found = [one for *row, feed_id in rows if holes.takes(one := Programme(*row), feed_id)]
                yield [
                    each
                    for one in found
                    for view in by_key[one.guide_id]
                    if (each := _moved(one, view)).stop > view.after and each.start < before
                ]


def _moved(one: Programme, view: GuideView) -> Programme:
    return replace(one, guide_id=view.served_id, start=one.start + view.shift, stop=one.stop + view.shift)


async def schedule(store: Store, view: GuideView, *, limit: int = 12) -> list[Programme]:
    """What runs on a channel from a moment on. Later guides fill the holes of the first that has it."""
    query = _PROGRAMMES.where(guide_channel.c.key == view.key, programme.c.stop > view.after - view.shift).limit(PAGE)
    holes = Holes()
    async with store.read() as connection:
        found = [
            _moved(one, view)
            for *row, feed_id in await connection.execute(query)
            if holes.takes(one := Programme(*row), feed_id)
        ]
    return sorted(found, key=lambda one: one.start)[:limit]


async def offered(store: Store, text: str) -> list[GuideChannel]:
    """Channels of guides that have the id or words of a text in their names, the most alike first."""
    words = [word for word in label(text).split() if len(word) > 1][:6]
    if not words:
        return []
    fits = [guide_name.c.key.contains(word, autoescape=True) for word in words]
    own_id = guide_channel.c.key == id_key(text.strip())
    rank = sum((sa.case((one, 1), else_=0) for one in fits), sa.case((own_id, len(words)), else_=0))
    columns = (guide_channel.c.guide_id, guide_channel.c.name, guide_channel.c.icon)
    query = sa.select(*columns).join(feed, served(guide_channel)).outerjoin(guide_name, of_channel(guide_name))
    query = query.where(sa.or_(own_id, *fits)).order_by(rank.desc(), guide_channel.c.guide_id).limit(MOST_OFFERED)
    async with store.read() as connection:
        found = [GuideChannel(*row) for row in await connection.execute(query)]
    name = label(text)
    first = {one.guide_id: one for one in reversed(found)}  # several guides may have it
    likeness = {one.guide_id: fuzz.token_sort_ratio(name, label(one.name)) for one in first.values()}
    return sorted(first.values(), key=lambda one: (-likeness[one.guide_id], one.guide_id))[:OFFERED]
