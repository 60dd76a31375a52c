"""Films, as the search for their sources needs them."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store
from nightcrew.movies.catalogue.models import MovieEntry, movie
from nightcrew.movies.sources.models import source


async def get(store: Store, movie_id: int) -> MovieEntry:
    """One film. Raises `NotFound`."""
    found = await of_ids(store, [movie_id])
    if not found:
        raise NotFound(f"there is no movie {movie_id}")
    return found[movie_id]


async def of_ids(store: Store, ids: Collection[int]) -> dict[int, MovieEntry]:
    """Several, by id."""
    if not ids:
        return {}
    query = sa.select(movie).where(movie.c.id.in_(ids))
    async with store.read() as connection:
        return {row["id"]: MovieEntry(**row) for row in (await connection.execute(query)).mappings()}


async def all_ids(store: Store, *, after: int, limit: int) -> list[int]:
    """Films that have sources, by id, those behind `after`."""
    has = sa.exists().where(source.c.movie_id == movie.c.id)
    query = sa.select(movie.c.id).where(movie.c.id > after, has).order_by(movie.c.id).limit(limit)
    async with store.read() as connection:
        return list((await connection.execute(query)).scalars())


async def count_with_sources(store: Store) -> int:
    """How many films have sources."""
    has = sa.exists().where(source.c.movie_id == movie.c.id)
    async with store.read() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(movie).where(has))).scalar_one())
