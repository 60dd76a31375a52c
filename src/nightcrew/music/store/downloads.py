"""Downloads: one file that is fetched for a wanted track, from the moment it is chosen until it is found in the library."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.words import plain
from nightcrew.music.models import (
    MAX_REASON,
    OPEN,
    DownloadStage,
    DownloadState,
    Offer,
    TrackDownload,
    check_download_move,
    download,
)

DOWNLOADS = DueRows(
    "music.downloads",
    key=download.c.id,
    due_at=download.c.due_at,
    lease=60.0,
    until=download.c.until,
    holder=download.c.holder,
    order=(download.c.state == DownloadState.QUEUED, download.c.created_at),
)
"""Downloads that are to be started or looked at."""
_OPEN = download.c.state.in_(OPEN)
AT_PEER = "queued%remotely%"
"""slskd's word for what waits in the queue of its peer, in lower case (`states.waits_at_peer`)."""


@dataclass(frozen=True, slots=True)
class DownloadCounts:
    """How many downloads stand how."""

    queued: int
    running: int
    completed: int
    failed: int
    dead: int


@dataclass(frozen=True, slots=True)
class UnderWay:
    """How many running downloads are at work, wait in the queue of a peer, and wait to be imported."""

    active: int
    waiting: int
    arrived: int


async def add(
    connection: AsyncConnection, offer: Offer, *, attempt: int, forced: bool = False, search_id: str | None = None
) -> int:
    """Queue the download of an offered file. The caller knows that the track has none that goes on."""
    now = await now_of(connection)
    row = {
        "wanted_id": offer.wanted_id,
        "connection_id": offer.connection_id,
        "peer": offer.peer,
        "path": offer.path,
        "size": offer.size,
        "seconds": offer.seconds,
        "confidence": offer.confidence,
        "explanation": offer.explanation,
        "state": DownloadState.QUEUED,
        "stage": DownloadStage.SENDING,
        "forced": forced,
        "attempt": attempt,
        "batch_id": str(uuid.uuid4()),
        "search_id": search_id,
        "remote_state": "",
        "earlier": [],
        "bytes": 0,
        "error": "",
        "local_path": "",
        "library_path": "",
        "tried": [],
        "created_at": now,
        "due_at": now,
    }
    made = int((await connection.execute(sa.insert(download).values(row).returning(download.c.id))).scalar_one())
    await wake(connection, DOWNLOADS.topic)
    return made


async def get(store: Store, download_id: int) -> TrackDownload:
    """One download. Raises `NotFound`."""
    async with store.read() as connection:
        return await get_in(connection, download_id)


async def get_in(connection: AsyncConnection, download_id: int) -> TrackDownload:
    """As `get`, in a transaction."""
    row = (await connection.execute(sa.select(download).where(download.c.id == download_id))).mappings().first()
    if row is None:
        raise NotFound(f"there is no download {download_id}")
    return _row(row)


async def open_of(connection: AsyncConnection, wanted_id: int) -> TrackDownload | None:
    """The download of a track that goes on."""
    query = sa.select(download).where(download.c.wanted_id == wanted_id, _OPEN)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _row(row)


async def claim(store: Store, *, by: str, limit: int, starting: int) -> list[TrackDownload]:
    """Downloads that are to be looked at now, and of those that wait at most `starting` that are to begin."""
    of = sa.select(download.c.id)
    ids = await DOWNLOADS.claim(store, by=by, limit=limit, of=of.where(download.c.state == DownloadState.RUNNING))
    ids += await DOWNLOADS.claim(store, by=by, limit=starting, of=of.where(download.c.state == DownloadState.QUEUED))
    found = {one.id: one for one in await _select(store, download.c.id.in_(ids))} if ids else {}
    return [found[one] for one in ids if one in found]


async def next_at(store: Store, *, starting: bool) -> datetime | None:
    """When a download is to be looked at. `starting`: there is room for one more."""
    states = OPEN if starting else {DownloadState.RUNNING}
    return await DOWNLOADS.soonest(store, download.c.state.in_(states))


async def under_way(store: Store, *, patience: timedelta) -> UnderWay:
    """What the running downloads do. `patience`: how long one that waits at its peer counts as active, as it may begin at once."""
    there = download.c.stage.in_((DownloadStage.ARRIVED, DownloadStage.PLACED))
    async with store.read() as connection:
        since = await now_of(connection) - patience
        at_peer = sa.and_(sa.func.lower(download.c.remote_state).like(AT_PEER), download.c.started_at < since)
        stands = sa.case((there, "arrived"), (at_peer, "waiting"), else_="active")
        query = sa.select(stands, sa.func.count()).where(download.c.state == DownloadState.RUNNING).group_by(stands)
        found = {row[0]: row[1] for row in await connection.execute(query)}
    return UnderWay(**{name: found.get(name, 0) for name in ("active", "waiting", "arrived")})


async def note(store: Store, download_id: int, *, due_in: float | None = None, **values: Any) -> bool:
    """Note how far a running download is; False when it does not run any more. It is nobody's afterwards.

    `due_in`: seconds until it is looked at again; None: not by itself. `moved_at=True`: there was progress now.
    """
    async with store.write() as connection:
        now = await now_of(connection)
        row = {**DOWNLOADS.freed, **_stored(values, now), "due_at": _in(now, due_in)}
        same = sa.and_(download.c.id == download_id, download.c.state == DownloadState.RUNNING)
        found = await connection.execute(sa.update(download).where(same).values(row))
        if due_in is not None:
            await wake(connection, DOWNLOADS.topic)
        return found.rowcount == 1


async def take(store: Store, row: TrackDownload, node: str) -> bool:
    """Let a node import the file that has arrived; False when another one does by now."""
    async with store.write() as connection:
        same = sa.and_(download.c.id == row.id, download.c.state == DownloadState.RUNNING)
        free = download.c.node.is_(None) if row.node is None else download.c.node == row.node
        found = await connection.execute(sa.update(download).where(same, free).values(node=node))
        return found.rowcount == 1


async def wait(store: Store, download_id: int, error: str, seconds: float) -> None:
    """Leave a queued download for so long."""
    async with store.write() as connection:
        row = {**DOWNLOADS.freed, "error": plain(error)[:MAX_REASON], "due_at": _in(await now_of(connection), seconds)}
        same = sa.and_(download.c.id == download_id, download.c.state == DownloadState.QUEUED)
        await connection.execute(sa.update(download).where(same).values(row))


async def change_state(
    connection: AsyncConnection, row: TrackDownload, to: DownloadState, error: str = "", **values: Any
) -> bool:
    """Move a download; False when it has moved since `row` was read. Raises `Conflict` for a move that there is not."""
    check_download_move(row.state, to)
    now = await now_of(connection)
    due_in = values.pop("due_in", None)
    ends = to not in OPEN
    changes = {
        **DOWNLOADS.freed,
        **_stored(values, now),
        "state": to,
        "error": plain(error)[:MAX_REASON],
        "due_at": _in(now, due_in),
        "ended_at": now if ends else None,
    }
    same = sa.and_(download.c.id == row.id, download.c.state == row.state)
    moved = (await connection.execute(sa.update(download).where(same).values(changes))).rowcount == 1
    if moved and not ends:
        await wake(connection, DOWNLOADS.topic)
    return moved


async def requeue(connection: AsyncConnection, row: TrackDownload) -> None:
    """Let one that is over begin anew, under a new id for slskd. Raises `Conflict`."""
    fresh: dict[str, Any] = {
        "stage": DownloadStage.SENDING,
        "batch_id": str(uuid.uuid4()),
        "remote_id": None,
        "remote_state": "",
        "earlier": [],
        "bytes": 0,
        "place": None,
        "local_path": "",
        "library_path": "",
        "replaced": "",
        "job": None,
        "node": None,
        "tried": [],
    }
    if not await change_state(connection, row, DownloadState.QUEUED, due_in=0.0, **fresh):
        raise Conflict("the download has changed meanwhile; look at it again")


def _stored(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    marks = {name: now for name in ("moved_at", "started_at") if values.get(name) is True}
    return {**values, **marks}


def _in(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


async def page(
    store: Store, *, states: Collection[DownloadState] = (), before: int | None = None, limit: int
) -> list[TrackDownload]:
    """Downloads, the newest first."""
    where: list[sa.ColumnElement[bool]] = [download.c.state.in_(states)] if states else []
    if before is not None:
        where.append(download.c.id < before)
    return await _select(store, *where, order=(download.c.id.desc(),), limit=limit)


async def of_wanted(store: Store, wanted_id: int) -> list[TrackDownload]:
    """All downloads for a track, the newest first."""
    return await _select(store, download.c.wanted_id == wanted_id, order=(download.c.id.desc(),))


async def attempts(connection: AsyncConnection, wanted_id: int, search_id: str | None) -> int:
    """How many files of a search were tried."""
    query = sa.select(sa.func.count()).select_from(download)
    query = query.where(download.c.wanted_id == wanted_id, download.c.search_id == search_id)
    return int((await connection.execute(query)).scalar_one())


async def counts(store: Store) -> DownloadCounts:
    """How many stand how."""
    query = sa.select(download.c.state, sa.func.count()).group_by(download.c.state)
    async with store.read() as connection:
        found = {row[0]: row[1] for row in await connection.execute(query)}
    names = ("queued", "running", "completed", "failed", "dead")
    return DownloadCounts(**{name: found.get(DownloadState(name), 0) for name in names})


async def unfinished(store: Store) -> list[TrackDownload]:
    """Those whose file has arrived and is not in the library yet."""
    there = (DownloadStage.ARRIVED, DownloadStage.PLACED)
    return await _select(store, download.c.state == DownloadState.RUNNING, download.c.stage.in_(there))


async def forget_of(connection: AsyncConnection, wanted_id: int) -> None:
    """Forget all downloads for a track."""
    await connection.execute(sa.delete(download).where(download.c.wanted_id == wanted_id))


async def forget_old(store: Store, before: datetime) -> int:
    """Forget downloads that ended earlier, but for those that brought a file: that is how it is known that one came."""
    async with store.write() as connection:
        old = sa.and_(sa.not_(_OPEN), download.c.state != DownloadState.COMPLETED, download.c.ended_at < before)
        return (await connection.execute(sa.delete(download).where(old))).rowcount


async def _select(
    store: Store, *where: sa.ColumnElement[bool], order: Sequence[Any] = (download.c.id,), limit: int | None = None
) -> list[TrackDownload]:
    query = sa.select(download).where(*where).order_by(*order)
    if limit is not None:
        query = query.limit(limit)
    async with store.read() as connection:
        return [_row(row) for row in (await connection.execute(query)).mappings()]


def _row(row: Mapping[Any, Any]) -> TrackDownload:
    return TrackDownload(**{**row, "earlier": tuple(row["earlier"]), "tried": tuple(row["tried"])})
