"""Films and shows as pages and scripts look at them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.store import Store
from nightcrew.kernel.words import plain
from nightcrew.movies.catalogue.models import Medium, MovieEntry, ShowEntry, list_place, movie, show

MOST_WORDS = 6
SAMPLE = 500
"""The most popular titles, whose genres are offered as a choice."""
_TABLES = {Medium.MOVIE: (movie, movie.c.released_on), Medium.SHOW: (show, show.c.first_on)}
ORDERS = ("popular", "rated", "newest", "title", "added", "rank")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which titles are shown. `order`: one of `ORDERS`; `rank` only within a list. `gone`: also those that TMDB has no longer."""

    search: str = ""
    genre: str = ""
    list_id: int | None = None
    wanted: bool | None = None
    order: str = "popular"
    gone: bool = False


async def movies(store: Store, wish: Wish, *, skip: int = 0, limit: int) -> list[MovieEntry]:
    """Films, from one place of the whole on."""
    async with store.read() as connection:
        rows = (await connection.execute(_query(Medium.MOVIE, wish, skip, limit))).mappings().all()
    return [MovieEntry(**row) for row in rows]


async def shows(store: Store, wish: Wish, *, skip: int = 0, limit: int) -> list[ShowEntry]:
    """As `movies`."""
    async with store.read() as connection:
        rows = (await connection.execute(_query(Medium.SHOW, wish, skip, limit))).mappings().all()
    return [ShowEntry(**row) for row in rows]


async def counts(store: Store) -> dict[str, int]:
    """How many films and shows there are, how many films are wanted, and of how many titles no details are known yet."""
    query = sa.select(
        _count(movie, ~movie.c.gone).label("movies"),
        _count(show, ~show.c.gone).label("shows"),
        _count(movie, movie.c.wanted).label("wanted"),
        _count(movie, movie.c.synced_at.is_(None), ~movie.c.gone).label("unread_movies"),
        _count(show, show.c.synced_at.is_(None), ~show.c.gone).label("unread_shows"),
    )
    async with store.read() as connection:
        return {name: int(number) for name, number in (await connection.execute(query)).mappings().one().items()}


async def genres(store: Store, medium: Medium) -> list[str]:
    """The genres of the most popular titles, by name."""
    table, _ = _TABLES[medium]
    query = sa.select(table.c.genres).order_by(table.c.popularity.desc()).limit(SAMPLE)
    async with store.read() as connection:
        found: Collection[str] = {name for row in (await connection.execute(query)).scalars() for name in row}
    return sorted(found)


def _count(table: sa.Table, *where: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(table).where(*where).scalar_subquery()


def _query(medium: Medium, wish: Wish, skip: int, limit: int) -> sa.Select[Any]:
    table, on = _TABLES[medium]
    query = sa.select(table)
    if not wish.gone:
        query = query.where(~table.c.gone)
    for word in plain(wish.search).split()[:MOST_WORDS]:
        texts = (table.c.title, table.c.original_title, sa.type_coerce(table.c.titles, sa.Text))
        query = query.where(sa.or_(*(text.icontains(word, autoescape=True) for text in texts)))
    if wish.genre:
        named = json.dumps(wish.genre)
        query = query.where(sa.type_coerce(table.c.genres, sa.Text).contains(named, autoescape=True))
    if wish.wanted is not None and medium is Medium.MOVIE:
        query = query.where(movie.c.wanted.is_(wish.wanted))
    if wish.list_id is not None:
        query = query.join(list_place, list_place.c.tmdb_id == table.c.tmdb_id)
        query = query.where(list_place.c.list_id == wish.list_id)
    orders: dict[str, tuple[sa.ColumnElement[Any], ...]] = {
        "popular": (table.c.popularity.desc(),),
        "rated": ((table.c.vote_count < 20), table.c.vote_average.desc()),
        "newest": (on.desc(),),
        "title": (sa.func.lower(table.c.title),),
        "added": (table.c.added_at.desc(),),
        "rank": (list_place.c.rank,) if wish.list_id is not None else (table.c.popularity.desc(),),
    }
    return query.order_by(*orders[wish.order], table.c.id).offset(skip).limit(limit)
