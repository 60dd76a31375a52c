"""Channels as people and players see them: lists by cursor, groups, edits, the rows of a playlist."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store, plain_rows
from nightcrew.playlists import rules
from nightcrew.playlists.guide_matching import SHIFTED, lead_attributes, shift_minutes
from nightcrew.playlists.models import MAX_NAME, Channel, Stream, channel, feed, source, stream
from nightcrew.playlists.store.guide_matches import with_guides

Cursor = tuple[str, int, int, int]
"""The place of a channel in every list: (region, feed, position, id)."""

PAGE = 1_000
"""Channels that a playlist is built from at a time."""

_EDITABLE = ("name", "number", "grp", "logo", "guide_id")
_PLAINLY = {"hidden": "hidden", "shift": "edit_shift"}
_ORDER = (channel.c.region, channel.c.feed_id, channel.c.position, channel.c.id)


def _shown(column: str) -> sa.ColumnElement[str]:
    given = [sa.cast(channel.c.given_number, sa.String)] if column == "number" else []
    return sa.func.coalesce(channel.c[f"edit_{column}"], *given, channel.c[column]).label(column)


def in_group(name: str) -> sa.ColumnElement[bool]:
    """Whether a channel is in a group, among others perhaps (`rules.groups_of`)."""
    shown = sa.func.coalesce(channel.c.edit_grp, channel.c.grp)
    plain = ";" + shown + ";"
    for spaced in ("  ", " ;", "; "):  # two spaces are one, and none stands beside a semicolon
        plain = sa.func.replace(plain, spaced, spaced.strip() or " ")
    among = sa.func.replace(plain, f";{name};", "") != plain  # LIKE does not tell cases apart on SQLite
    return sa.or_(shown == name, sa.and_(shown.contains(";"), among)) if name else shown == ""


_COLUMNS = (  # as a `Channel` has them, and then which are edited
    channel.c.id,
    channel.c.region,
    channel.c.feed_id,
    channel.c.position,
    *(_shown(column) for column in _EDITABLE),
    channel.c.hidden,
    channel.c.edit_shift,
    *(channel.c[f"edit_{column}"].is_not(None).label(f"edited_{column}") for column in _EDITABLE),
)
_STREAMS = (  # as a `Stream` has them behind its channel
    stream.c.id.label("stream_id"),
    stream.c.feed_id.label("stream_feed"),
    feed.c.source_id,
    source.c.name.label("source_name"),
    stream.c.url,
    stream.c.provider_id,
    stream.c.attributes,
    stream.c.expires,
    stream.c.playable,
    stream.c.score,
    stream.c.dead,
    stream.c.place,
    stream.c.profile,
)
_LEAD_FIRST = sa.case((stream.c.feed_id == channel.c.feed_id, 0), else_=1)
_WIDTH = len(_COLUMNS)
_PLAIN = _WIDTH - len(_EDITABLE)
_END = _WIDTH + len(_STREAMS)
_NAMES = [column.name for column in (*_COLUMNS, *_STREAMS)]
_FEED, _STREAM_ID, _STREAM_FEED, _PLACE = map(_NAMES.index, ("feed_id", "stream_id", "stream_feed", "place"))

_DECISIVE = [
    column
    for table, without in ((channel, {"search", "edit_search", "position"}), (stream, {"score", "position"}))
    for column in table.c
    if column.name not in without and not isinstance(column.type, sa.LargeBinary)
]
"""The columns by which an entry may differ: all but these few, so that a new one is among them."""


@dataclass(frozen=True, slots=True)
class ChannelQuery:
    """Which channels a list is about. Empty or None means all; `q` is any text."""

    q: str = ""
    group: str | None = None
    region: str | None = None
    hidden: bool | None = None
    source_id: int | None = None
    gone: bool = False
    """Channels that no source lists any more and that a person has changed, in place of those that are listed."""
    problem: bool = False
    """Only channels that cannot be played: no source gives an address, or every stream is dead."""


async def page(store: Store, wanted: ChannelQuery, *, after: Cursor | None = None, limit: int = 100) -> list[Channel]:
    """Channels in playlist order with their streams; `after` is the cursor of the last one that is known."""
    query = sa.select(*_COLUMNS).where(*_conditions(wanted)).order_by(*_ORDER).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(*_ORDER) > sa.tuple_(*(sa.literal(part) for part in after)))
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
        streams = await _streams(connection, [row[0] for row in rows])
        return await with_guides(connection, [_channel(row, streams.get(row[0], ())) for row in rows])


async def get(store: Store, channel_id: int) -> Channel:
    """One channel, also a hidden one. Raises `NotFound`."""
    async with store.read() as connection:
        row = (await connection.execute(sa.select(*_COLUMNS).where(channel.c.id == channel_id))).first()
        if row is None:
            raise NotFound(f"there is no channel {channel_id}")
        streams = await _streams(connection, [channel_id])
        (found,) = await with_guides(connection, [_channel(row, streams.get(channel_id, ()))])
    return found


async def with_stream(store: Store, stream_id: int) -> tuple[Channel, Stream]:
    """A stream and its channel. Raises `NotFound` for one that no source lists any more."""
    query = sa.select(*_COLUMNS).join(stream, stream.c.channel_id == channel.c.id).where(stream.c.id == stream_id)
    async with store.read() as connection:
        row = (await connection.execute(query)).first()
        streams = (await _streams(connection, [row[0]])).get(row[0], ()) if row is not None else ()
    found = next((one for one in streams if one.id == stream_id), None)
    if row is None or found is None:
        raise NotFound(f"stream {stream_id} is no longer listed")
    return _channel(row, streams), found


async def count(store: Store, wanted: ChannelQuery) -> int:
    """How many channels a list has."""
    query = sa.select(sa.func.count()).select_from(channel).where(*_conditions(wanted))
    async with store.read() as connection:
        return int((await connection.execute(query)).scalar() or 0)


async def groups(store: Store, *, region: str | None = None) -> list[tuple[str, int]]:
    """Group names with their number of visible channels, by name. A channel counts in each of its groups."""
    shown = sa.func.coalesce(channel.c.edit_grp, channel.c.grp)
    query = sa.select(shown, sa.func.count()).where(*_conditions(ChannelQuery(region=region, hidden=False)))
    async with store.read() as connection:
        found = (await connection.execute(query.group_by(shown))).all()
    counts = Counter[str]()
    for text, number in found:
        for name in rules.groups_of(text):
            counts[name] += number
    return sorted(counts.items(), key=lambda one: (one[0].lower(), one[0]))


async def edit(store: Store, channel_id: int, changes: Mapping[str, Any]) -> None:
    """Set a person's values (None: the provider's again), `shift` in minutes, and `hidden`. Raises `NotFound`."""
    values: dict[str, Any] = {f"edit_{key}": changes[key] for key in _EDITABLE if key in changes}
    values |= {column: changes[key] for key, column in _PLAINLY.items() if key in changes}
    async with store.write() as connection:
        row = (await connection.execute(sa.select(channel).where(channel.c.id == channel_id))).mappings().first()
        if row is None:
            raise NotFound(f"there is no channel {channel_id}")
        merged = {**row, **values}
        values["edit_search"] = edit_search(merged)
        await connection.execute(sa.update(channel).where(channel.c.id == channel_id).values(values))
        await connection.execute(
            sa.update(feed).where(feed.c.id == row["feed_id"]).values(revision=feed.c.revision + 1)
        )


def edit_search(row: Mapping[str, Any]) -> str | None:
    """What a search looks in of a person's values, in a channel's row."""
    edited = [row[f"edit_{key}"] or "" for key in _EDITABLE if key != "logo"]
    return rules.search_text(*edited)[: 2 * MAX_NAME] or None


@dataclass(frozen=True, slots=True)
class PlaylistPage:
    """Some channels of a playlist, and of each what stands for all that is stored of it (`standing_for`)."""

    channels: list[Channel]
    marks: list[int]


class PlaylistView:
    """The channels of playlists as they were at one moment."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def guides(self) -> list[str]:
        """What stands for all that guides say: those that are served, and their generations."""
        query = sa.select(feed.c.id, feed.c.generation).where(
            feed.c.kind == "guide", feed.c.enabled, feed.c.generation > 0
        )
        return sorted(f"{number}.{generation}" for number, generation in await self._connection.execute(query))

    async def pages(self, regions: Sequence[str] | None, *, group: str | None = None) -> AsyncIterator[PlaylistPage]:
        """Visible channels with at least one listed stream, in order, page by page.

        `regions` None means all; several come in the order given.
        """
        for query in _playlist_queries(self._columns, regions, group):
            async for found in self._pages(query):
                yield found

    async def marks(
        self, regions: Sequence[str] | None, *, group: str | None = None
    ) -> AsyncIterator[tuple[Sequence[int], Sequence[int]]]:
        """The ids of the channels of `pages` in their order, and their marks: much quicker than to read them."""
        columns: list[sa.ColumnElement[Any]] = [channel.c.id, _stored(self._connection)]
        for query in _playlist_queries(columns, regions, group):
            pending: list[Sequence[Any]] = []
            async for rows in plain_rows(self._connection, query, PAGE):
                pending += rows
                last = len(pending)  # the last channel may have more streams on the next page
                while last and pending[last - 1][0] == pending[-1][0]:
                    last -= 1
                yield _marks(pending[:last])
                del pending[:last]
            yield _marks(pending)

    async def of_ids(self, ids: Sequence[int]) -> AsyncIterator[PlaylistPage]:
        """Those of some channels that could be in a playlist, in any order."""
        for start in range(0, len(ids), PAGE):
            query = _playlist_query(self._columns).where(channel.c.id.in_(ids[start : start + PAGE]))
            async for found in self._pages(query):
                yield found

    @property
    def _columns(self) -> Sequence[sa.ColumnElement[Any]]:
        return (*_COLUMNS, *_STREAMS, _stored(self._connection))

    async def _pages(self, query: sa.Select[Any]) -> AsyncIterator[PlaylistPage]:
        async for groups in _groups(self._connection, query):
            found = await with_guides(self._connection, [_channel_of(rows) for rows in groups])
            yield PlaylistPage(found, [standing_for([row[-1] for row in rows]) for rows in groups])


@contextlib.asynccontextmanager
async def view(store: Store) -> AsyncIterator[PlaylistView]:
    """What is stored now, however long it takes to look at it."""
    async with store.snapshot() as connection:
        yield PlaylistView(connection)


async def playlist(
    store: Store, regions: Sequence[str] | None, *, group: str | None = None
) -> AsyncIterator[list[Channel]]:
    """As `PlaylistView.pages`, without marks."""
    async with store.read() as connection:
        for query in _playlist_queries((*_COLUMNS, *_STREAMS), regions, group):
            async for groups in _groups(connection, query):
                yield await with_guides(connection, [_channel_of(rows) for rows in groups])


def _marks(rows: Sequence[Sequence[Any]]) -> tuple[Sequence[int], Sequence[int]]:
    """Ids and marks of channels, of which each has all of its rows here. For each channel of a long list, of which most have one."""
    ids = [row[0] for row in rows]
    if len(set(ids)) == len(ids):
        return ids, [hash(row[-1]) for row in rows]
    groups = _grouped(rows)
    return [some[0][0] for some in groups], [standing_for([row[-1] for row in some]) for some in groups]


def standing_for(stored: Sequence[str]) -> int:
    """What stands, in this process, for what is stored of a channel and each of its streams."""
    return hash(stored[0]) if len(stored) == 1 else hash(tuple(sorted(stored)))


async def with_archives(store: Store) -> AsyncIterator[list[Channel]]:
    """Channels with the streams of which there is an archive perhaps, page by page."""
    words = ("catchup", "tvg-rec", "timeshift")
    named = sa.or_(*(stream.c.attributes.contains(f'"{word}') for word in words))
    query = _playlist_query((*_COLUMNS, *_STREAMS)).where(named)
    async with store.read() as connection:
        async for groups in _groups(connection, query):
            yield [_channel_of(rows) for rows in groups]


def _playlist_queries(
    columns: Sequence[sa.ColumnElement[Any]], regions: Sequence[str] | None, group: str | None
) -> Iterator[sa.Select[Any]]:
    query = _playlist_query(columns)
    if group is not None:
        query = query.where(in_group(group))
    if regions is None:
        yield query
    for region in regions or ():
        yield query.where(channel.c.region == region)


def _playlist_query(columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """A row for each stream. `_grouped` puts those of a channel in order: SQLite would sort all of them."""
    return (
        sa.select(*columns)
        .join_from(channel, stream, sa.and_(stream.c.channel_id == channel.c.id, stream.c.gone_at.is_(None)))
        .join(feed, sa.and_(feed.c.id == stream.c.feed_id, feed.c.enabled))
        .join(source, source.c.id == feed.c.source_id)
        .where(channel.c.active, ~channel.c.hidden)
        .order_by(*_ORDER)
    )


def _stored(connection: AsyncConnection) -> sa.ColumnElement[str]:
    """All that is stored of a channel and one of its streams, but for what no entry of a playlist shows, as one text."""
    arrays = sa.func.json_array if connection.dialect.name == "sqlite" else sa.func.json_build_array
    return sa.cast(arrays(*_DECISIVE), sa.Text)


async def _groups(connection: AsyncConnection, query: sa.Select[Any]) -> AsyncIterator[list[Sequence[sa.Row[Any]]]]:
    """The rows of a query whose first column is the channel's id, those of each channel together."""
    result = await connection.stream(query, execution_options={"yield_per": PAGE})
    async for groups in _together(result.partitions(PAGE)):
        yield groups


async def _together(pages: AsyncIterator[Sequence[Any]]) -> AsyncIterator[list[Sequence[Any]]]:
    """Those of each channel together."""
    pending: Sequence[Any] = ()
    async for rows in pages:
        *whole, pending = _grouped([*pending, *rows])  # the last channel may have more streams on the next page
        yield whole
    if pending:
        yield [pending]


def _grouped(rows: Sequence[Any]) -> list[Sequence[Any]]:
    groups: list[Sequence[Any]] = []
    start = 0
    for index in range(1, len(rows) + 1):
        if index == len(rows) or rows[index][0] != rows[start][0]:
            groups.append(rows[start:index])
            start = index
    return groups


def _tried(row: sa.Row[Any]) -> tuple[int, bool, int]:
    """A stream's place, the lead first where two have the same one."""
    return row[_PLACE], row[_FEED] != row[_STREAM_FEED], row[_STREAM_ID]


def _channel_of(rows: Sequence[sa.Row[Any]]) -> Channel:
    """From a row for each of its streams."""
    in_order = rows if len(rows) == 1 else sorted(rows, key=_tried)
    return _channel(rows[0][:_WIDTH], tuple([_stream(row[0], row[_WIDTH:_END]) for row in in_order]))


async def _streams(connection: Any, channel_ids: list[int]) -> dict[int, tuple[Stream, ...]]:
    if not channel_ids:
        return {}
    query = (
        sa.select(stream.c.channel_id.label("id"), *_STREAMS)
        .join(channel, channel.c.id == stream.c.channel_id)
        .join(feed, feed.c.id == stream.c.feed_id)
        .join(source, source.c.id == feed.c.source_id)
        .where(stream.c.channel_id.in_(channel_ids), stream.c.gone_at.is_(None), feed.c.enabled)
        .order_by(stream.c.channel_id, stream.c.place, _LEAD_FIRST, stream.c.id)
    )
    found: dict[int, tuple[Stream, ...]] = {}
    for row in await connection.execute(query):
        found[row[0]] = (*found.get(row[0], ()), _stream(row[0], row[1:]))
    return found


def _conditions(wanted: ChannelQuery) -> list[sa.ColumnElement[bool]]:
    shown = sa.select(feed.c.id).where(feed.c.enabled)
    if wanted.source_id is not None:  # also of a source that is switched off
        shown = sa.select(feed.c.id).where(feed.c.source_id == wanted.source_id)
    conditions: list[sa.ColumnElement[bool]] = [
        ~channel.c.active if wanted.gone else channel.c.active,
        channel.c.feed_id.in_(shown),
    ]
    if wanted.gone:
        edits = [column for column in channel.c if column.name.startswith("edit_")]
        conditions.append(sa.or_(channel.c.hidden, *(column.is_not(None) for column in edits)))
    if wanted.region:
        conditions.append(channel.c.region == wanted.region)
    if wanted.group is not None:
        conditions.append(in_group(wanted.group))
    if wanted.hidden is not None:
        conditions.append(channel.c.hidden if wanted.hidden else ~channel.c.hidden)
    if wanted.problem:
        listed = sa.exists().where(
            stream.c.channel_id == channel.c.id, stream.c.gone_at.is_(None), stream.c.playable, ~stream.c.dead
        )
        conditions.append(~listed)
    for word in rules.search_text(wanted.q).split()[:8]:
        found = channel.c.search.contains(word, autoescape=True)
        edited = channel.c.edit_search.contains(word, autoescape=True)
        given = [channel.c.given_number == int(word)] if word.isascii() and word.isdecimal() and len(word) < 7 else []
        conditions.append(sa.or_(found, edited, *given))
    return conditions


def _channel(row: Sequence[Any], streams: tuple[Stream, ...]) -> Channel:
    """From a row of `_COLUMNS`. By place, not by name: playlists have 100,000 of them."""
    *plain, said = row[:_PLAIN]
    marks = row[_PLAIN:]
    edited = tuple([key for key, is_edited in zip(_EDITABLE, marks, strict=True) if is_edited]) if any(marks) else ()
    if said is None:
        text = lead_attributes(streams, row[2]).get(SHIFTED)
        shift = shift_minutes(text) if text else 0
    else:
        shift, edited = said, (*edited, "shift")
    return Channel(*(*plain, shift, edited, streams))


def _stream(channel_id: int, row: Sequence[Any]) -> Stream:
    """From a row of `_STREAMS`."""
    stream_id, feed_id, source_id, name, url, provider_id, attributes, *rest = row
    known = json.loads(attributes) if attributes else {}
    return Stream(*(stream_id, channel_id, feed_id, source_id, name, url, provider_id, known, *rest))
