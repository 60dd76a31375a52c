"""Owned tracks for which a better file is looked for: they are owned meanwhile, and stay so when none is found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from nightcrew.kernel.store import Store, now_of
from nightcrew.music.models import LibraryTrack, WantedEntry, WantedState, library_track, wanted
from nightcrew.music.store import wanted as wanted_rows


async def begin(store: Store, wanted_id: int, track: int, reason: str) -> bool:
    """Let a better file be looked for than this track of the library; False when the wanted one stands otherwise by now."""
    fresh = {"search_id": None, "search_step": 0, "search_sent": False, "searches": 0, "failures": 0, "run_id": None}
    since, state = {WantedState.OWNED}, WantedState.MISSING
    return await wanted_rows.move(
        store, wanted_id, since=since, state=state, replaces=track, reason=reason, due_in=0.0, **fresh
    )


async def end(store: Store, entry: WantedEntry, reason: str, pause: timedelta) -> bool:
    """No better file was found: the track is as it was, and is looked for again after `pause`."""
    async with store.write() as connection:
        return await wanted_rows.move_in(
            connection,
            entry.id,
            since=set(WantedState) - wanted_rows.SETTLED,
            state=WantedState.OWNED,
            reason=reason,
            cause=None,
            skips=wanted.c.skips + 1,
            better_at=await now_of(connection) + pause,
        )


async def upgrading(store: Store) -> int:
    """For how many tracks a better file is looked for."""
    query = sa.select(sa.func.count()).select_from(wanted).where(wanted.c.replaces.is_not(None))
    async with store.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def with_files(store: Store, places: str) -> list[tuple[int, LibraryTrack]]:
    """Owned tracks for which a better file may be looked for now, each with the file that was fetched for it, those first
    that are wanted most. `places`: how the place of a library's folder begins."""
    async with store.read() as connection:
        file = sa.and_(
            library_track.c.wanted_id == wanted.c.id, library_track.c.place.startswith(places, autoescape=True)
        )
        may_be = _may_be_better(await now_of(connection))
        query = sa.select(wanted.c.id.label("owner"), library_track).join(library_track, file).where(may_be)
        rows = (await connection.execute(query.order_by(wanted.c.priority.desc(), wanted.c.id))).mappings()
        return [(row["owner"], LibraryTrack(**{k: row[k] for k in row if k != "owner"})) for row in rows]


async def may_be_better(store: Store, entries: Sequence[WantedEntry]) -> list[WantedEntry]:
    """Those for which a better file may be looked for now."""
    async with store.read() as connection:
        ids = [entry.id for entry in entries]
        query = sa.select(wanted.c.id).where(wanted.c.id.in_(ids), _may_be_better(await now_of(connection)))
        found = set((await connection.execute(query)).scalars())
    return [entry for entry in entries if entry.id in found]


def _may_be_better(now: datetime) -> sa.ColumnElement[bool]:
    rested = sa.or_(wanted.c.better_at.is_(None), wanted.c.better_at <= now)
    return sa.and_(wanted.c.state == WantedState.OWNED, wanted_rows.LISTED, rested, wanted.c.due_at.is_(None))
