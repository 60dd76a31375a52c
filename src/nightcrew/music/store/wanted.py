"""Wanted tracks: who wants them, how far each is, and when it is tried next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import operators

from nightcrew.kernel.due import DueRows, urgency
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.words import plain
from nightcrew.music import rules
from nightcrew.music.matching.words import words
from nightcrew.music.models import (
    MAX_REASON,
    OPEN,
    REFUSED,
    DownloadState,
    FailureCause,
    WantedEntry,
    WantedState,
    download,
    library_track,
    listing,
    match_job,
    wanted,
)

MATCHABLE = frozenset({WantedState.MISSING, WantedState.SEARCHING})
AT_WORK = frozenset({WantedState.SEARCHING, WantedState.MATCHING, WantedState.DOWNLOADING})
SEARCHES = DueRows(
    "music.search",
    key=wanted.c.id,
    due_at=wanted.c.due_at,
    lease=120.0,
    until=wanted.c.until,
    holder=wanted.c.holder,
    order=(
        wanted.c.state != WantedState.SEARCHING,
        wanted.c.search_step == 0,
        wanted.c.replaces.is_not(None),
        urgency(
            (wanted.c.failures * rules.FAILED - wanted.c.priority).self_group(against=operators.mul), wanted.c.due_at
        ),
        wanted.c.key,
    ),
)
"""Tracks that are to be searched for, or whose search goes on. What has begun is ended first. Better
files for what is there come behind what is missing. Those that failed go behind those that were not tried, and whatever has waited long
enough comes first: each hour weighs as much as a step of priority."""
LISTED = sa.exists().where(listing.c.wanted_id == wanted.c.id)
"""That somebody wants it."""
_FETCHED = sa.exists().where(library_track.c.wanted_id == wanted.c.id, library_track.c.place != REFUSED)
_COMPLETED = sa.exists().where(download.c.wanted_id == wanted.c.id, download.c.state == DownloadState.COMPLETED)
SETTLED = frozenset({WantedState.OWNED, WantedState.IGNORED, WantedState.UNLISTED, WantedState.REVIEW})
"""States in which no better file is looked for."""
_TO_BEGIN = sa.and_(wanted.c.state == WantedState.MISSING, LISTED)


async def get(store: Store, wanted_id: int) -> WantedEntry:
    """One wanted track. Raises `NotFound`."""
    found = await _select(store, wanted.c.id == wanted_id)
    if not found:
        raise NotFound(f"there is no wanted track {wanted_id}")
    return found[0]


async def of_ids(store: Store, ids: Collection[int]) -> dict[int, WantedEntry]:
    """Several, by id."""
    return {one.id: one for one in await _select(store, wanted.c.id.in_(ids))} if ids else {}


async def is_listed(store: Store, wanted_id: int) -> bool:
    """Whether somebody wants a track still."""
    async with store.read() as connection:
        return (
            await connection.execute(sa.select(wanted.c.id).where(wanted.c.id == wanted_id, LISTED))
        ).first() is not None


async def of_keys(store: Store, keys: Collection[str]) -> list[WantedEntry]:
    """Several, by their keys."""
    return await _select(store, wanted.c.key.in_(keys))


async def page(
    store: Store,
    *,
    states: Collection[WantedState] = (),
    source: str = "",
    search: str = "",
    after: int | None = None,
    limit: int,
) -> list[WantedEntry]:
    """Wanted tracks, the newest first. `after`: those that were added before this id."""
    where: list[sa.ColumnElement[bool]] = [stands_in(states)] if states else []
    if source:
        where.append(_wanted_by(source))
    where += [wanted.c.key.contains(word, autoescape=True) for word in words(plain(search))[:5]]
    if after is not None:
        where.append(wanted.c.id < after)
    return await _select(store, *where, order=(wanted.c.id.desc(),), limit=limit)


async def counts(store: Store, *, source: str = "") -> dict[str, int]:
    """How many tracks stand how, of a source or of all."""
    stands = sa.case((wanted.c.replaces.is_not(None), WantedState.OWNED.value), else_=wanted.c.state).label("stands")
    query = sa.select(stands, sa.func.count()).group_by(stands)
    if source:
        query = query.where(_wanted_by(source))
    async with store.read() as connection:
        return {str(row[0]): row[1] for row in await connection.execute(query)}


def stands_in(states: Collection[WantedState]) -> sa.ColumnElement[bool]:
    """Whether a track stands in one of these. One for which a better file is looked for is owned."""
    others = sa.and_(wanted.c.replaces.is_(None), wanted.c.state.in_(states))
    return sa.or_(others, wanted.c.replaces.is_not(None)) if WantedState.OWNED in states else others


def _wanted_by(source: str) -> sa.ColumnElement[bool]:
    return wanted.c.id.in_(sa.select(listing.c.wanted_id).where(listing.c.source == source))


async def causes(store: Store) -> dict[str, int]:
    """Why tracks are missing: how many of each cause."""
    query = (
        sa.select(wanted.c.cause, sa.func.count())
        .where(wanted.c.state == WantedState.MISSING, wanted.c.cause.is_not(None))
        .group_by(wanted.c.cause)
    )
    async with store.read() as connection:
        return {row[0].value: row[1] for row in await connection.execute(query)}


# -- searching ---------------------------------------------------------------------------------------------------------


async def claim(store: Store, *, by: str, limit: int, starting: int) -> list[WantedEntry]:
    """Searches that are to be looked at now, and at most `starting` tracks that are to be searched for."""
    of = sa.select(wanted.c.id)
    ids = await SEARCHES.claim(store, by=by, limit=limit, of=of.where(wanted.c.state == WantedState.SEARCHING))
    ids += await SEARCHES.claim(store, by=by, limit=starting, of=of.where(_TO_BEGIN))
    found = await of_ids(store, ids)
    return [found[one] for one in ids if one in found]


async def next_at(store: Store, *, starting: bool) -> datetime | None:
    """When a search is to be looked at. `starting`: there is room for one more."""
    goes_on = wanted.c.state == WantedState.SEARCHING
    return await SEARCHES.soonest(store, sa.or_(goes_on, _TO_BEGIN) if starting else goes_on)


async def now(store: Store) -> datetime:
    """Now, by the time that these rows are measured in."""
    async with store.read() as connection:
        return await now_of(connection)


async def mark(store: Store, wanted_id: int, *, by: str, **values: Any) -> bool:
    """Change a track that `by` holds, and keep it held; False when it is another's by now."""
    async with store.write() as connection:
        row = {"changed_at": await now_of(connection), **values}
        mine = SEARCHES.mine(by, [wanted_id])
        return (await connection.execute(sa.update(wanted).where(mine).values(row))).rowcount == 1


async def searching(store: Store) -> int:
    """How many searches go on."""
    query = sa.select(sa.func.count()).select_from(wanted).where(wanted.c.state == WantedState.SEARCHING)
    async with store.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def move(store: Store, wanted_id: int, *, since: Collection[WantedState], **values: Any) -> bool:
    """Change a track that stands in one of `since`; False when it stands otherwise by now. It is nobody's afterwards.

    `due_in`: seconds until it is due again.
    """
    async with store.write() as connection:
        return await move_in(connection, wanted_id, since=since, **values)


async def move_in(
    connection: AsyncConnection, wanted_id: int, *, since: Collection[WantedState], **values: Any
) -> bool:
    """As `move`, in a transaction that does more."""
    now = await now_of(connection)
    due_in = values.pop("due_in", None)
    if values.get("state") in SETTLED:
        values.setdefault("replaces", None)
    if "reason" in values:
        values["reason"] = plain(values["reason"])[:MAX_REASON]
    due_at = None if due_in is None else now + timedelta(seconds=due_in)
    row = {"due_at": due_at, "changed_at": now, **SEARCHES.freed, **values}
    same = sa.and_(wanted.c.id == wanted_id, wanted.c.state.in_(since))
    found = await connection.execute(sa.update(wanted).where(same).values(row))
    if due_at is not None:
        await wake(connection, SEARCHES.topic)
    return found.rowcount == 1


async def failed(
    store: Store, wanted_id: int, cause: FailureCause, reason: str, *, pause: tuple[timedelta, bool], failures: int
) -> bool:
    """Note that a track was tried in vain, and when it is tried again. `pause`: as `rules.pause_after` gives it."""
    wait, skipped = pause
    async with store.write() as connection:
        now = await now_of(connection)
        return await move_in(
            connection,
            wanted_id,
            since={WantedState.MISSING, *AT_WORK},
            state=WantedState.MISSING,
            cause=cause,
            reason=reason,
            failures=failures,
            skips=wanted.c.skips + (1 if skipped else 0),
            tried_at=now,
            search_id=None,
            search_step=0,
            search_sent=False,
            searches=0,
            due_in=wait.total_seconds(),
        )


async def make_due(store: Store, ids: Collection[int], *, run: str) -> int:
    """Let these missing tracks be searched for now, for a run. Those that are at work already belong to it too."""
    done = 0
    async with store.write() as connection:
        now = await now_of(connection)
        every = sorted(ids)
        for start in range(0, len(every), 500):
            batch = every[start : start + 500]
            going = sa.and_(wanted.c.id.in_(batch), wanted.c.state.in_({WantedState.MISSING, *AT_WORK}))
            await connection.execute(sa.update(wanted).where(going).values(run_id=run))
            idle = sa.and_(wanted.c.id.in_(batch), wanted.c.state == WantedState.MISSING)
            due = sa.or_(wanted.c.due_at.is_(None), wanted.c.due_at > now)
            done += await SEARCHES.make_due(connection, idle, due, at=now)
    return done


async def of_run(store: Store, run: str) -> list[WantedEntry]:
    """The tracks of a run of autosync."""
    return await _select(store, wanted.c.run_id == run)


async def open_in_run(store: Store, run: str, *, soon: timedelta) -> int:
    """How many tracks of a run are at work, or are tried within this time. One that was tried in vain is due much later."""
    async with store.read() as connection:
        due = sa.and_(wanted.c.state == WantedState.MISSING, wanted.c.due_at <= await now_of(connection) + soon)
        open_ = sa.or_(wanted.c.state.in_(AT_WORK), due)
        query = sa.select(sa.func.count()).select_from(wanted).where(wanted.c.run_id == run, open_)
        return int((await connection.execute(query)).scalar_one())


async def unowned(store: Store, *, after: int = 0, limit: int | None = None) -> list[WantedEntry]:
    """Tracks that are missing and not ignored, by id: what is compared with the library. `after`: those behind this id."""
    apart = (WantedState.OWNED, WantedState.IGNORED)
    missing = sa.and_(wanted.c.state.not_in(apart), wanted.c.replaces.is_(None))
    return await _select(store, missing, wanted.c.id > after, limit=limit)


async def owned_by_name(store: Store, *, after: int = 0, limit: int) -> list[WantedEntry]:
    """Owned tracks that are so only as a library has one of that name, by id, `after` this one.

    For the others a file was fetched, which may have been moved or renamed since.
    """
    by_name = sa.and_(wanted.c.state == WantedState.OWNED, ~_FETCHED, ~_COMPLETED)
    return await _select(store, by_name, wanted.c.id > after, limit=limit)


async def note_gone(store: Store, ids: Sequence[int], *, after: timedelta) -> None:
    """No library has these owned tracks now. Once they have been gone for so long, they may be missing again."""
    for start in range(0, len(ids), 500):
        async with store.write() as connection:
            mine = sa.and_(wanted.c.id.in_(ids[start : start + 500]), wanted.c.state == WantedState.OWNED)
            marked = {
                "due_at": await now_of(connection) + after,
                "reason": "no library has it now; if that stays so, it is missing again",
            }
            await connection.execute(sa.update(wanted).where(mine, wanted.c.due_at.is_(None)).values(marked))


async def count_lost(store: Store, at: datetime) -> int:
    """How many owned tracks had been gone for long enough at this time."""
    async with store.read() as connection:
        query = sa.select(sa.func.count()).select_from(wanted).where(_lost(at))
        return int((await connection.execute(query)).scalar_one())


async def miss_lost(store: Store, at: datetime) -> int:
    """Let those be missing again; returns how many they are."""
    async with store.write() as connection:
        missing = {"state": WantedState.MISSING, "reason": "no library has it any more", "due_at": None}
        fresh = {"search_id": None, "search_step": 0, "search_sent": False, "searches": 0}
        values = {**missing, **fresh, "changed_at": await now_of(connection)}
        return (await connection.execute(sa.update(wanted).where(_lost(at)).values(values))).rowcount


def _lost(at: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(wanted.c.state == WantedState.OWNED, wanted.c.due_at <= at)


async def unmark_gone(store: Store) -> None:
    """Those that were gone, and were fetched again since, are there."""
    async with store.write() as connection:
        back = sa.and_(wanted.c.state == WantedState.OWNED, wanted.c.due_at.is_not(None), sa.or_(_FETCHED, _COMPLETED))
        await connection.execute(sa.update(wanted).where(back).values(due_at=None, reason="in the library"))


async def stranded(store: Store) -> list[WantedEntry]:
    """Tracks that have waited for a minute for a match or a download that is not there."""
    matching = sa.exists().where(match_job.c.wanted_id == wanted.c.id, match_job.c.state == "queued")
    open_ = sa.exists().where(download.c.wanted_id == wanted.c.id, download.c.state.in_(OPEN))
    lost = sa.or_(
        sa.and_(wanted.c.state == WantedState.MISSING, wanted.c.replaces.is_not(None), wanted.c.due_at.is_(None)),
        sa.and_(wanted.c.state == WantedState.MATCHING, ~matching),
        sa.and_(wanted.c.state == WantedState.DOWNLOADING, ~open_),
    )
    return await _select(store, lost, wanted.c.changed_at < await now(store) - timedelta(minutes=1), limit=200)


async def forget(connection: AsyncConnection, wanted_id: int) -> None:
    """Want a track no longer."""
    await connection.execute(sa.delete(listing).where(listing.c.wanted_id == wanted_id))
    await connection.execute(sa.delete(wanted).where(wanted.c.id == wanted_id))


async def _select(
    store: Store, *where: sa.ColumnElement[bool], order: Sequence[Any] = (wanted.c.id,), limit: int | None = None
) -> list[WantedEntry]:
    query = sa.select(wanted).where(*where).order_by(*order)
    if limit is not None:
        query = query.limit(limit)
    async with store.read() as connection:
        return [_row(row) for row in (await connection.execute(query)).mappings()]


def _row(row: Mapping[Any, Any]) -> WantedEntry:
    return WantedEntry(**{**row, "artists": tuple(row["artists"])})
