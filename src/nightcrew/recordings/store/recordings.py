"""Recordings: their rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store
from nightcrew.recordings import naming
from nightcrew.recordings.models import ACTIVE, Recording, RecordingState, gap, part, recording
from nightcrew.recordings.naming import SeasonFolder
from nightcrew.recordings.store.states import note

NOTHING_THERE = SeasonFolder()

_PARTS = sa.select(sa.func.count()).where(part.c.recording_id == recording.c.id).scalar_subquery().label("parts")
_GAPS = sa.select(sa.func.count()).where(gap.c.recording_id == recording.c.id).scalar_subquery().label("gaps")


async def add(
    store: Store, values: Mapping[str, Any], *, now: datetime, moment: datetime, season: SeasonFolder = NOTHING_THERE
) -> Recording:
    """A new recording, waiting. `moment` is in the library's time zone: it gives season and episode.

    `season`: what the library says of its folder.

    Raises `Conflict` when the same stream is recorded already.
    """
    async with store.write() as connection:
        recording_id = await add_row(connection, values, now, moment, season, "it was requested")
    return await get(store, recording_id)


async def add_row(
    connection: AsyncConnection,
    values: Mapping[str, Any],
    now: datetime,
    moment: datetime,
    season: SeasonFolder,
    why: str,
) -> int:
    name, watch_id = str(values["name"]), values.get("watch_id")
    if watch_id is not None and values.get("continues") is None:
        occurrence = values.get("occurrence")
        same = recording.c.state.in_(ACTIVE) if occurrence is None else recording.c.occurrence == occurrence
        query = sa.select(recording.c.id).where(recording.c.watch_id == watch_id, same)
        if (await connection.execute(query)).first() is not None:
            raise Conflict(f"{name} is already being recorded")
    title = str(values.get("title") or "")
    folder = str(naming.names(name, title, moment, 1, season.longest).folder)
    same_folder = sa.func.lower(recording.c.folder) == folder.lower()  # some file systems know no case
    known = await connection.execute(sa.select(recording.c.episode).where(same_folder))
    episode = naming.next_episode([*known.scalars(), *season.taken])
    names = naming.names(name, title, moment, episode, season.longest)
    row = {
        "state": RecordingState.WAITING,
        "since": now,
        "created_at": now,
        "season": moment.year * 100 + moment.month,
        "episode": episode,
        "folder": str(names.folder),
        "stem": names.stem,
        **values,
    }
    recording_id = int(
        (await connection.execute(sa.insert(recording).values(row).returning(recording.c.id))).scalar_one()
    )
    await note(connection, recording_id, None, RecordingState.WAITING, why, now)
    return recording_id


async def get(store: Store, recording_id: int) -> Recording:
    """One recording. Raises `NotFound`."""
    found = await _select(store, recording.c.id == recording_id, limit=1)
    if not found:
        raise NotFound(f"there is no recording {recording_id}")
    return found[0]


async def page(
    store: Store,
    *,
    states: Collection[RecordingState] | None = None,
    name: str | None = None,
    before: int | None = None,
    limit: int = 50,
    deleted: bool = False,
) -> list[Recording]:
    """Recordings, newest first."""
    conditions: list[sa.ColumnElement[bool]] = [] if deleted else [recording.c.deleted_at.is_(None)]
    if states is not None:
        conditions.append(recording.c.state.in_(states))
    if name:
        conditions.append(recording.c.name == name)
    if before is not None:
        conditions.append(recording.c.id < before)
    return await _select(store, *conditions, limit=limit)


async def of_states(store: Store, states: Collection[RecordingState], *, node: str | None = None) -> list[Recording]:
    """All recordings in some states, oldest first; of one node, or of all."""
    conditions: list[sa.ColumnElement[bool]] = [
        recording.c.state.in_(states),
        recording.c.deleted_at.is_(None),
    ]
    if node is not None:
        conditions.append(recording.c.node == node)
    found = await _select(store, *conditions, limit=None)
    return found[::-1]


async def running_of(store: Store, watch_ids: Collection[int]) -> dict[int, list[Recording]]:
    """The recordings of these watches that go on, by watch, oldest first."""
    conditions = [recording.c.state.in_(ACTIVE), recording.c.deleted_at.is_(None)]
    found: dict[int, list[Recording]] = {}
    for row in reversed(await _select(store, recording.c.watch_id.in_(watch_ids), *conditions, limit=None)):
        if row.watch_id is not None:
            found.setdefault(row.watch_id, []).append(row)
    return found


async def begun(store: Store, watch_id: int, occurrences: Collection[str]) -> set[str]:
    """Those of a watch's windows that were recorded, however that has ended."""
    mine = sa.and_(recording.c.watch_id == watch_id, recording.c.occurrence.in_(occurrences))
    async with store.read() as connection:
        return set((await connection.execute(sa.select(recording.c.occurrence).where(mine))).scalars())


async def stopped(store: Store, wanted: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Watches and windows, of those that are asked for, whose recordings somebody has stopped."""
    ids, keys = {number for number, _ in wanted}, {key for _, key in wanted}
    query = sa.select(recording.c.watch_id, recording.c.occurrence).where(
        recording.c.watch_id.in_(ids), recording.c.occurrence.in_(keys), recording.c.stop_asked
    )
    async with store.read() as connection:
        return {(row[0], row[1]) for row in await connection.execute(query)} & set(wanted)


async def names(store: Store, limit: int = 500) -> list[str]:
    """The names that recordings have, in their order; found name by name in the index, however many recordings there are."""
    known = sa.select(sa.func.min(recording.c.name).label("name")).cte("known", recursive=True)
    after = sa.select(sa.func.min(recording.c.name)).where(recording.c.name > known.c.name).scalar_subquery()
    known = known.union_all(sa.select(after).where(known.c.name.is_not(None)))
    query = sa.select(known.c.name).where(known.c.name.is_not(None)).limit(limit)
    async with store.read() as connection:
        return list((await connection.execute(query)).scalars())


async def counts(store: Store) -> dict[str, int]:
    """How many there are in each state, and the bytes of all finished ones."""
    query = (
        sa.select(recording.c.state, sa.func.count(), sa.func.sum(recording.c.file_bytes))
        .where(recording.c.deleted_at.is_(None))
        .group_by(recording.c.state)
    )
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
    return {**{row[0]: row[1] for row in rows}, "bytes": int(sum(row[2] or 0 for row in rows))}


async def change(store: Store, recording_id: int, **values: Any) -> None:
    """Change what is no state. Raises `NotFound`."""
    async with store.write() as connection:
        found = await connection.execute(sa.update(recording).where(recording.c.id == recording_id).values(values))
    if not found.rowcount:
        raise NotFound(f"there is no recording {recording_id}")


async def count_restarts(store: Store, ids: Collection[int]) -> list[str]:
    """These have lost their recorder; returns their names."""
    mine = recording.c.id.in_(list(ids))
    async with store.write() as connection:
        await connection.execute(sa.update(recording).where(mine).values(restarts=recording.c.restarts + 1))
        return list(
            (await connection.execute(sa.select(recording.c.name).where(mine).order_by(recording.c.id))).scalars()
        )


async def _select(store: Store, *conditions: sa.ColumnElement[bool], limit: int | None) -> list[Recording]:
    query = sa.select(recording, _PARTS, _GAPS).where(*conditions).order_by(recording.c.id.desc())
    if limit is not None:
        query = query.limit(limit)
    async with store.read() as connection:
        return [Recording(**row) for row in (await connection.execute(query)).mappings()]
