"""Films and shows as lists name them, and films as TMDB knows them: what is stored, and what is read next.

What an answer does not say, or says emptily, leaves what was known before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.movies.catalogue.models import Medium, movie, show
from nightcrew.movies.sources import rules
from nightcrew.movies.store import searches
from nightcrew.movies.tmdb.shapes import FilmDetails, TitleFacts

PIECE = 200
"""Rows that are written at a time, so that nobody waits for long."""
FILMS = DueRows(
    "movies.sync",
    key=movie.c.id,
    due_at=movie.c.sync_due_at,
    lease=180.0,
    until=movie.c.sync_until,
    holder=movie.c.sync_holder,
)
"""Films whose details are to be read."""
SHOWS = DueRows(
    "movies.seasons", key=show.c.id, due_at=show.c.due_at, lease=180.0, until=show.c.until, holder=show.c.holder
)
"""Shows whose seasons are to be read."""
FRESH = movie.c.sync_failures == 0
"""The last time that one of these was read it was all right, or it was never tried."""
_BEFORE = {Medium.MOVIE: (movie, FILMS, "released_on"), Medium.SHOW: (show, SHOWS, "first_on")}


@dataclass(frozen=True, slots=True)
class DueFilm:
    """A film that was claimed."""

    id: int
    tmdb_id: int
    failures: int


@dataclass(frozen=True, slots=True)
class FilmRead:
    """What came of reading a film, and when it is read again. Neither details nor `gone`: it was tried in vain."""

    id: int
    due_at: datetime
    failures: int = 0
    details: FilmDetails | None = None
    gone: bool = False


async def take(
    store: Store,
    medium: Medium,
    rows: Sequence[TitleFacts],
    genres: Mapping[int, str],
) -> int:
    """Store what a list says; returns how many titles are new. Their details are due at once.

    Of a title whose details are known only the figures are renewed.
    """
    new = 0
    once = {one.tmdb_id: one for one in rows}
    for piece in _pieces([once[key] for key in sorted(once)]):  # in one order, so that no two wait for each other
        async with store.write() as connection:
            now = await now_of(connection)
            new += await _put(store, connection, medium, piece, genres, now)
    return new


async def _put(
    store: Store,
    connection: AsyncConnection,
    medium: Medium,
    piece: Sequence[TitleFacts],
    genres: Mapping[int, str],
    now: datetime,
) -> int:
    table, due, on = _BEFORE[medium]
    ids = [one.tmdb_id for one in piece]
    known = sa.select(table.c.tmdb_id, table.c.gone).where(table.c.tmdb_id.in_(ids))
    before = {row.tmdb_id: row.gone for row in await connection.execute(known)}
    insert = store.upsert(table)
    figures: dict[str, Any] = {
        name: sa.case((insert.excluded[name] > 0, insert.excluded[name]), else_=table.c[name])  # 0: it does not say
        for name in ("popularity", "vote_average", "vote_count")
    }
    unread = table.c.synced_at.is_(None)
    shown = ("title", "overview", "poster", "backdrop")
    for name in shown:
        figures[name] = sa.case(
            (sa.and_(unread, insert.excluded[name] != ""), insert.excluded[name]), else_=table.c[name]
        )
    again = sa.and_(table.c.gone, sa.or_(due.due_at.is_(None), due.due_at > now))  # a list has it, so it may be back
    figures[due.due_at.key] = sa.case((again, sa.literal(now, due.due_at.type)), else_=due.due_at)
    statement = insert.on_conflict_do_update(index_elements=["tmdb_id"], set_=figures)
    await connection.execute(statement, [_row(medium, one, genres, now, on) for one in piece])
    if any(before.get(one, True) for one in ids):
        await wake(connection, due.topic)
    return len(set(ids) - set(before))


def _row(medium: Medium, one: TitleFacts, genres: Mapping[int, str], now: datetime, on: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "tmdb_id": one.tmdb_id,
        "imdb_id": "",
        "title": one.title,
        "original_title": one.original_title,
        "titles": (),
        "language": one.language,
        "overview": one.overview,
        on: one.on,
        "genres": tuple(genres[key] for key in one.genre_ids if key in genres),
        "poster": one.poster,
        "backdrop": one.backdrop,
        "popularity": one.popularity or 0.0,
        "vote_average": one.vote_average or 0.0,
        "vote_count": one.vote_count or 0,
        "status": "",
        "gone": False,
        "added_at": now,
        "changed_at": now,
    }
    if medium is Medium.MOVIE:
        return row | {"wanted": False, "sync_due_at": now, "sync_failures": 0}
    return row | {"last_on": "", "season_count": 0, "episode_count": 0, "due_at": now, "failures": 0, "reason": ""}


async def want_listed(store: Store, ids: Collection[int], *, before_release: bool) -> int:
    """Search for the films with these TMDB ids from their release on, or at once with `before_release`; returns how many are new to it."""
    found = 0
    for piece in _pieces(sorted(ids)):
        async with store.write() as connection:
            now = await now_of(connection)
            where = sa.and_(movie.c.tmdb_id.in_(piece), ~movie.c.wanted, ~movie.c.gone)
            by_time: dict[datetime, list[int]] = {}
            coming = sa.select(movie.c.id, movie.c.released_on).where(where)
            for row in await connection.execute(coming.order_by(movie.c.tmdb_id).with_for_update()):
                at = rules.first_search(now, row.released_on, before_release=before_release)
                by_time.setdefault(at, []).append(row.id)
            for at, numbers in by_time.items():
                found += await searches.want(connection, store, movie.c.id.in_(numbers), at)
    return found


# -- details -----------------------------------------------------------------------------------------------------------


async def claim(store: Store, *, by: str, limit: int, late: bool) -> list[DueFilm]:
    """Films whose details are due. `late`: those that could not be read before, which have places of their own."""
    of = sa.select(movie.c.id).where(~FRESH if late else FRESH)
    ids = await FILMS.claim(store, by=by, limit=limit, of=of)
    if not ids:
        return []
    query = sa.select(movie.c.id, movie.c.tmdb_id, movie.c.sync_failures).where(movie.c.id.in_(ids))
    async with store.read() as connection:
        return [DueFilm(*row) for row in await connection.execute(query)]


async def save(store: Store, read: Sequence[FilmRead]) -> None:
    """Store what was read of some films, in one transaction. They are nobody's afterwards."""
    if not read:
        return
    async with store.write() as connection:
        now = await now_of(connection)
        locked = sa.select(movie.c.id).where(movie.c.id.in_([one.id for one in read])).order_by(movie.c.tmdb_id)
        await connection.execute(locked.with_for_update())
        good = [_found(one, one.details, now) for one in read if one.details is not None]
        if good:
            await connection.execute(_RENEW, good)
        other = [
            {"key": one.id, "due": one.due_at, "count": one.failures, "away": one.gone}
            for one in read
            if one.details is None
        ]
        if other:
            await connection.execute(_PUT_OFF, other)
        await wake(connection, FILMS.topic)


def _found(one: FilmRead, details: FilmDetails, now: datetime) -> dict[str, Any]:
    facts = details.facts
    return {
        "key": one.id,
        "at": now,
        "due": one.due_at,
        "said_title": facts.title,
        "said_original_title": facts.original_title,
        "said_language": facts.language,
        "said_overview": facts.overview,
        "said_released_on": facts.on,
        "said_imdb_id": details.imdb_id,
        "said_poster": facts.poster,
        "said_backdrop": facts.backdrop,
        "said_status": details.status,
        "said_titles": details.titles or None,
        "said_genres": facts.genres or None,
        "said_runtime_min": details.runtime_min,
        "said_popularity": facts.popularity,
        "said_vote_average": facts.vote_average,
        "said_vote_count": facts.vote_count,
    }


def keeping(table: sa.Table, texts: Collection[str], others: Collection[str]) -> dict[str, Any]:
    """SET that takes the values `said_…` of an execution, and leaves a column for which there is none."""
    values: dict[str, Any] = {}
    for name in texts:
        said = sa.bindparam(f"said_{name}", type_=table.c[name].type)
        values[name] = sa.func.coalesce(sa.func.nullif(said, ""), table.c[name])
    for name in others:
        values[name] = sa.func.coalesce(sa.bindparam(f"said_{name}", type_=table.c[name].type), table.c[name])
    return values


_FREED: dict[str, Any] = dict(FILMS.freed)
_MINE = movie.c.id == sa.bindparam("key")
_RENEW = (
    sa.update(movie)
    .where(_MINE)
    .values(
        {
            **_FREED,
            **keeping(
                movie,
                (
                    "title",
                    "original_title",
                    "language",
                    "overview",
                    "released_on",
                    "imdb_id",
                    "poster",
                    "backdrop",
                    "status",
                ),
                ("titles", "genres", "runtime_min", "popularity", "vote_average", "vote_count"),
            ),
            "gone": False,
            "synced_at": sa.bindparam("at", type_=movie.c.synced_at.type),
            "changed_at": sa.bindparam("at", type_=movie.c.synced_at.type),
            "sync_due_at": sa.bindparam("due", type_=movie.c.sync_due_at.type),
            "sync_failures": 0,
        }
    )
)
_PUT_OFF = (
    sa.update(movie)
    .where(_MINE)
    .values(
        {
            **_FREED,
            "gone": sa.or_(movie.c.gone, sa.bindparam("away", type_=sa.Boolean)),
            "sync_due_at": sa.bindparam("due", type_=movie.c.sync_due_at.type),
            "sync_failures": sa.bindparam("count", type_=sa.Integer),
        }
    )
)


async def mark_changed(store: Store, ids: Collection[int], *, before: datetime) -> int:
    """Let the details of the known ones among these TMDB ids be read, unless that was done since `before`; returns how many."""
    found = 0
    for piece in _pieces(sorted(ids)):
        async with store.write() as connection:
            now = await now_of(connection)
            old = sa.or_(movie.c.synced_at.is_(None), movie.c.synced_at < before)
            later = sa.or_(movie.c.sync_due_at.is_(None), movie.c.sync_due_at > now)
            found += await FILMS.make_due(connection, movie.c.tmdb_id.in_(piece), old, later, at=now, sync_failures=0)
    return found


def _pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), PIECE):
        yield values[start : start + PIECE]
