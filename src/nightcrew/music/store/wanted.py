"""Wanted tracks: who wants them, how far each is, and when it is tried next."""

from __future__ import annotations

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
    FailureCause,
    WantedEntry,
    WantedListing,
    WantedState,
    download,
    listing,
    match_job,
    wanted,
)

MOST = 200_000
"""Tracks that may be wanted."""
MATCHABLE = frozenset({WantedState.MISSING, WantedState.SEARCHING})
AT_WORK = frozenset({WantedState.SEARCHING, WantedState.MATCHING, WantedState.DOWNLOADING})
SEARCHES = DueRows(
    "music.search",
    key=wanted.c.id,
    due_at=wanted.c.due_at,
    lease=120.0,
    until=wanted.c.until,
    holder=wanted.c.holder,
    order=(wanted.c.state != WantedState.SEARCHING, wanted.c.failures, -wanted.c.priority, wanted.c.key),
)
"""Tracks that are to be searched for, or whose search goes on. Those that failed go behind those that were not tried."""


@dataclass(frozen=True, slots=True)
class NewTrack:
    """A track as its source gives it."""

    key: str
    title: str
    artists: tuple[str, ...]
    priority: int
    album: str = ""
    seconds: float | None = None
    number: int | None = None
    isrc: str = ""
    mbid: str = ""
    popularity: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a list: how many tracks it has, how many of them are new, how many it wants no longer."""

    tracks: int
    added: int
    gone: int


async def take(
    store: Store, source: str, title: str, tracks: Sequence[NewTrack], *, whole: bool, due: bool, run: str | None = None
) -> Taken:
    """Note what a source wants. A track that is known keeps how far it is; what it lacks is filled in.

    `whole`: it is all that the source wants, so that other tracks lose its listing. `due`: new ones are searched for at once.
    """
    found = _unique(tracks)
    async with store.write() as connection:
        now = await now_of(connection)
        known = await _ids(connection, list(found))
        new = [one for key, one in found.items() if key not in known]
        count = int((await connection.execute(sa.select(sa.func.count()).select_from(wanted))).scalar_one())
        if count + len(new) > MOST:
            raise Conflict(f"there may be {MOST} wanted tracks; {title} has {len(new)} new ones, and {count} are there")
        if new:
            await connection.execute(sa.insert(wanted), [_fresh(one, now, due=due, run=run) for one in new])
        for key in known:
            await _complete(connection, known[key], found[key])
        known = await _ids(connection, list(found))
        before = sa.select(listing.c.wanted_id).where(listing.c.source == source)
        listed = set((await connection.execute(before)).scalars())
        rows = [
            {
                "wanted_id": known[key],
                "source": source,
                "source_title": title[:200],
                "priority": one.priority,
                "seen_at": now,
            }
            for key, one in found.items()
        ]
        if rows:
            upsert = store.upsert(listing)
            renewed = {name: upsert.excluded[name] for name in ("source_title", "priority", "seen_at")}
            statement = upsert.on_conflict_do_update(index_elements=["wanted_id", "source"], set_=renewed)
            await connection.execute(statement, rows)
        gone = sorted(listed - set(known.values())) if whole else []
        for start in range(0, len(gone), 500):
            batch = gone[start : start + 500]
            mine = sa.and_(listing.c.source == source, listing.c.wanted_id.in_(batch))
            await connection.execute(sa.delete(listing).where(mine))
        await _rank(connection, [*known.values(), *gone])
        if due and new:
            await wake(connection, SEARCHES.topic)
    return Taken(len(found), len(new), len(gone))


def _unique(tracks: Sequence[NewTrack]) -> dict[str, NewTrack]:
    """One for each key, with the highest priority."""
    found: dict[str, NewTrack] = {}
    for one in tracks:
        if one.key not in found or one.priority > found[one.key].priority:
            found[one.key] = one
    return found


def _fresh(one: NewTrack, now: datetime, *, due: bool, run: str | None) -> dict[str, Any]:
    return {
        "key": one.key,
        "title": one.title,
        "artists": list(one.artists),
        "album": one.album,
        "seconds": one.seconds,
        "number": one.number,
        "isrc": one.isrc,
        "mbid": one.mbid,
        "popularity": one.popularity,
        "priority": one.priority,
        "state": WantedState.MISSING,
        "reason": "",
        "failures": 0,
        "skips": 0,
        "due_at": now if due else None,
        "search_step": 0,
        "search_sent": False,
        "searches": 0,
        "run_id": run,
        "added_at": now,
        "changed_at": now,
    }


async def _ids(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(keys), 500):
        query = sa.select(wanted.c.key, wanted.c.id).where(wanted.c.key.in_(keys[start : start + 500]))
        found |= {row.key: row.id for row in await connection.execute(query)}
    return found


async def _complete(connection: AsyncConnection, wanted_id: int, one: NewTrack) -> None:
    """Fill in what was not known of a track. What is known stays."""
    missing: dict[str, Any] = {
        name: sa.case((sa.or_(wanted.c[name].is_(None), wanted.c[name] == ""), value), else_=wanted.c[name])
        for name, value in (("album", one.album), ("isrc", one.isrc), ("mbid", one.mbid))
        if value
    }
    missing |= {
        name: sa.func.coalesce(wanted.c[name], value)
        for name, value in (("seconds", one.seconds), ("number", one.number), ("popularity", one.popularity))
        if value is not None
    }
    if missing:
        await connection.execute(sa.update(wanted).where(wanted.c.id == wanted_id).values(missing))


async def _rank(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """The priority of each of these is the highest that a source gives it; without a source, as it was."""
    best = sa.select(sa.func.max(listing.c.priority)).where(listing.c.wanted_id == wanted.c.id).scalar_subquery()
    value = sa.func.coalesce(best, wanted.c.priority)
    for start in range(0, len(ids), 500):
        mine = wanted.c.id.in_(ids[start : start + 500])
        await connection.execute(sa.update(wanted).where(mine, wanted.c.priority != value).values(priority=value))


async def get(store: Store, wanted_id: int) -> WantedEntry:
    """One wanted track. Raises `NotFound`."""
    found = await _select(store, wanted.c.id == wanted_id)
    if not found:
        raise NotFound(f"there is no wanted track {wanted_id}")
    return found[0]


async def of_ids(store: Store, ids: Collection[int]) -> dict[int, WantedEntry]:
    """Several, by id."""
    return {one.id: one for one in await _select(store, wanted.c.id.in_(ids))} if ids else {}


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
    where: list[sa.ColumnElement[bool]] = [wanted.c.state.in_(states)] if states else []
    if source:
        where.append(wanted.c.id.in_(sa.select(listing.c.wanted_id).where(listing.c.source == source)))
    where += [wanted.c.key.contains(word, autoescape=True) for word in plain(search).lower().split()[:5]]
    if after is not None:
        where.append(wanted.c.id < after)
    return await _select(store, *where, order=(wanted.c.id.desc(),), limit=limit)


async def counts(store: Store) -> dict[str, int]:
    """How many tracks stand how."""
    query = sa.select(wanted.c.state, sa.func.count()).group_by(wanted.c.state)
    async with store.read() as connection:
        return {row[0].value: row[1] for row in await connection.execute(query)}


async def causes(store: Store) -> dict[str, int]:
    """Why tracks are missing: how many of each cause."""
    query = (
        sa.select(wanted.c.cause, sa.func.count())
        .where(wanted.c.state == WantedState.MISSING, wanted.c.cause.is_not(None))
        .group_by(wanted.c.cause)
    )
    async with store.read() as connection:
        return {row[0].value: row[1] for row in await connection.execute(query)}


async def sources(store: Store) -> list[dict[str, Any]]:
    """Who wants tracks: source, title, and how many are there and how many owned."""
    owned = sa.func.sum(sa.case((wanted.c.state == WantedState.OWNED, 1), else_=0))
    query = (
        sa.select(listing.c.source, sa.func.max(listing.c.source_title).label("title"), sa.func.count().label("tracks"))
        .add_columns(owned.label("owned"))
        .join(wanted, wanted.c.id == listing.c.wanted_id)
        .group_by(listing.c.source)
        .order_by(listing.c.source)
    )
    async with store.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def listings(store: Store, ids: Collection[int]) -> dict[int, list[WantedListing]]:
    """Who wants these tracks."""
    found: dict[int, list[WantedListing]] = {}
    query = sa.select(listing).where(listing.c.wanted_id.in_(ids)).order_by(listing.c.source)
    async with store.read() as connection:
        for row in (await connection.execute(query)).mappings():
            found.setdefault(row["wanted_id"], []).append(WantedListing(**row))
    return found


# -- searching ---------------------------------------------------------------------------------------------------------


async def claim(store: Store, *, by: str, limit: int, starting: int) -> list[WantedEntry]:
    """Searches that are to be looked at now, and at most `starting` tracks that are to be searched for."""
    of = sa.select(wanted.c.id)
    ids = await SEARCHES.claim(store, by=by, limit=limit, of=of.where(wanted.c.state == WantedState.SEARCHING))
    ids += await SEARCHES.claim(store, by=by, limit=starting, of=of.where(wanted.c.state == WantedState.MISSING))
    found = await of_ids(store, ids)
    return [found[one] for one in ids if one in found]


async def next_at(store: Store, *, starting: bool) -> datetime | None:
    """When a search is to be looked at. `starting`: there is room for one more."""
    states = MATCHABLE if starting else {WantedState.SEARCHING}
    return await SEARCHES.soonest(store, wanted.c.state.in_(states))


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
            since=tuple(WantedState),
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


async def unowned(store: Store) -> list[WantedEntry]:
    """All tracks that are neither owned nor ignored: what is compared with the library."""
    apart = (WantedState.OWNED, WantedState.IGNORED)
    return await _select(store, wanted.c.state.not_in(apart))


async def stranded(store: Store) -> list[WantedEntry]:
    """Tracks that have waited for a minute for a match or a download that is not there."""
    matching = sa.exists().where(match_job.c.wanted_id == wanted.c.id, match_job.c.state == "queued")
    open_ = sa.exists().where(download.c.wanted_id == wanted.c.id, download.c.state.in_(OPEN))
    lost = sa.or_(
        sa.and_(wanted.c.state == WantedState.MATCHING, ~matching),
        sa.and_(wanted.c.state == WantedState.DOWNLOADING, ~open_),
    )
    return await _select(store, lost, wanted.c.changed_at < await now(store) - timedelta(minutes=1), limit=200)


async def forget(store: Store, wanted_id: int) -> None:
    """Want a track no longer. Raises `NotFound`."""
    async with store.write() as connection:
        found = await connection.execute(sa.delete(wanted).where(wanted.c.id == wanted_id))
        await connection.execute(sa.delete(listing).where(listing.c.wanted_id == wanted_id))
    if not found.rowcount:
        raise NotFound(f"there is no wanted track {wanted_id}")


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
