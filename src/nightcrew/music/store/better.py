"""Owned tracks for which a better file is looked for: they are owned meanwhile, and stay so when none is found."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store, now_of
from nightcrew.music.models import (
    DownloadState,
    LibraryTrack,
    WantedEntry,
    WantedState,
    download,
    library_track,
    wanted,
)
from nightcrew.music.quality import ALAC_FROM, NEARLY, UpgradeGoal
from nightcrew.music.store import wanted as wanted_rows

LOOKED_AT = 20
"""Files that are read for each one that is asked for: of some tracks there is a good one beside, or the artist is not preferred."""


async def begin(connection: AsyncConnection, wanted_id: int, track: int, reason: str) -> bool:
    """Let a better file be looked for than this track of the library; False when the wanted one stands otherwise by now."""
    fresh = {"search_id": None, "search_step": 0, "search_sent": False, "searches": 0, "failures": 0, "run_id": None}
    since, state = {WantedState.OWNED}, WantedState.MISSING
    return await wanted_rows.move_in(
        connection, wanted_id, since=since, state=state, replaces=track, reason=reason, due_in=0.0, **fresh
    )


async def end(connection: AsyncConnection, entry: WantedEntry, reason: str, pause: timedelta) -> bool:
    """No better file was found: the track is as it was, and is looked for again after `pause`."""
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


async def poor(store: Store, place: str, goal: UpgradeGoal, formats: Collection[str], most: int) -> list[LibraryTrack]:
    """Files in a library's folder that were fetched for owned tracks and are not good enough, those first that are wanted most.

    `formats`: those that are. Only tracks for which a better file may be looked for now.
    """
    ending = sa.func.lower(library_track.c.key)
    bits, seconds = library_track.c.size * 8.0, library_track.c.seconds
    enough: list[sa.ColumnElement[bool]] = [ending.like(f"%.{name}") for name in sorted(formats)]
    if "alac" in formats:
        enough.append(sa.and_(ending.like("%.m4a"), bits >= seconds * ALAC_FROM * 1000))
    if goal.bitrate:
        enough.append(bits >= seconds * (goal.bitrate * NEARLY * 1000))
    async with store.read() as connection:
        now = await now_of(connection)
        rested = sa.or_(wanted.c.better_at.is_(None), wanted.c.better_at <= now)
        may_be = sa.and_(wanted.c.state == WantedState.OWNED, wanted_rows.LISTED, rested, wanted.c.due_at.is_(None))
        query = sa.select(library_track).join(wanted, library_track.c.wanted_id == wanted.c.id)
        query = query.where(library_track.c.place == place, seconds > 0, sa.not_(sa.or_(*enough)), may_be)
        query = query.order_by(wanted.c.priority.desc(), wanted.c.id).limit(most * LOOKED_AT)
        return [LibraryTrack(**row) for row in (await connection.execute(query)).mappings()]


async def supersede(connection: AsyncConnection, wanted_id: int, but: int) -> None:
    """The files of earlier downloads of a track are not in the library any more: this one's has taken their place."""
    earlier = sa.and_(download.c.wanted_id == wanted_id, download.c.state == DownloadState.COMPLETED)
    await connection.execute(sa.update(download).where(earlier, download.c.id != but).values(library_path=""))
