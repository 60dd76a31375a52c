"""What waits for each task now."""

from __future__ import annotations

import sqlalchemy as sa

from nightcrew.kernel.store import Store, now_of
from nightcrew.movies.catalogue.models import checkpoint, media_list, movie, show
from nightcrew.movies.sources.models import search, source

_DUE = {
    "search": search.c.due_at,
    "files": source.c.file_due_at,
    "seasons": show.c.due_at,
    "stats": source.c.stats_due_at,
    "resync": source.c.resync_due_at,
    "lists": media_list.c.due_at,
}


async def waiting(store: Store) -> dict[str, int]:
    """How many rows are due, by task."""
    async with store.read() as connection:
        now = await now_of(connection)
        counts = [
            sa.select(sa.func.count()).where(due_at <= now).scalar_subquery().label(task)
            for task, due_at in _DUE.items()
        ]
        films = sa.select(sa.func.count()).where(movie.c.sync_due_at <= now).scalar_subquery()
        changes = sa.select(sa.func.count()).where(checkpoint.c.due_at <= now).scalar_subquery()
        row = (await connection.execute(sa.select(*counts, (films + changes).label("sync")))).mappings().one()
    return {name: int(number) for name, number in row.items()}
