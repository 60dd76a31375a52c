"""How much there is in all."""

from __future__ import annotations

import sqlalchemy as sa

from nightcrew.kernel.store import Store
from nightcrew.movies.catalogue.models import movie, show


async def figures(store: Store) -> dict[str, int]:
    """Movies, shows, films that are wanted, and those of them that have a source."""
    columns = {
        "movies": sa.select(sa.func.count()).select_from(movie),
        "shows": sa.select(sa.func.count()).select_from(show),
        "wanted": sa.select(sa.func.count()).select_from(movie).where(movie.c.wanted),
        "with_source": sa.select(sa.func.count()).select_from(movie).where(movie.c.best_id.is_not(None)),
    }
    query = sa.select(*(one.scalar_subquery().label(name) for name, one in columns.items()))
    async with store.read() as connection:
        return {name: int(number) for name, number in (await connection.execute(query)).mappings().one().items()}
