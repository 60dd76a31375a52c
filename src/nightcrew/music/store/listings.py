"""Who wants which tracks: lists as their sources give them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.music import rules
from nightcrew.music.models import WantedListing, WantedState, listing, wanted
from nightcrew.music.store.wanted import LISTED, SEARCHES, stands_in

MOST = 200_000
"""Tracks that may be wanted."""
_IDLE = wanted.c.state.in_({WantedState.MISSING, WantedState.REVIEW})


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


async def take(store: Store, source: str, title: str, tracks: Sequence[NewTrack], *, whole: bool, due: bool) -> Taken:
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
            fresh = store.upsert(wanted).on_conflict_do_nothing(index_elements=["key"])
            await connection.execute(fresh, [_fresh(one, now, due=due) for one in new])
        for key in await _incomplete(connection, found, known):
            await _complete(connection, known[key], found[key])
        known = await _ids(connection, list(found))
        before = sa.select(listing.c.wanted_id).where(listing.c.source == source)
        listed = set((await connection.execute(before)).scalars())
        rows: list[dict[str, Any]] = [
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
            await connection.execute(statement, sorted(rows, key=lambda row: row["wanted_id"]))
        gone = sorted(listed - set(known.values())) if whole else []
        for start in range(0, len(gone), 500):
            batch = gone[start : start + 500]
            mine = sa.and_(listing.c.source == source, listing.c.wanted_id.in_(batch))
            await connection.execute(sa.delete(listing).where(mine))
        touched = sorted({*known.values(), *gone})
        await _rank(connection, touched)
        for start in range(0, len(touched), 500):
            await _settle(connection, wanted.c.id.in_(touched[start : start + 500]), due_at=now if due else None)
        if due:
            await wake(connection, SEARCHES.topic)
    return Taken(len(found), len(new), len(gone))


async def want_by(connection: AsyncConnection, wanted_id: int, source: str, title: str, priority: int) -> None:
    """Let a source want a track that no list wants any more."""
    row = {"wanted_id": wanted_id, "source": source, "source_title": title, "priority": priority}
    found = await connection.execute(sa.select(wanted.c.id).where(wanted.c.id == wanted_id, ~LISTED))
    if found.first() is not None:
        await connection.execute(sa.insert(listing).values({**row, "seen_at": await now_of(connection)}))
        await _rank(connection, [wanted_id])


async def drop(store: Store, sources: Collection[str]) -> int:
    """Sources that are no more want nothing; returns how many tracks they wanted."""
    async with store.write() as connection:
        dropped = sorted(sources)
        gone: set[int] = set()
        for start in range(0, len(dropped), 500):
            theirs = listing.c.source.in_(dropped[start : start + 500])
            gone.update((await connection.execute(sa.select(listing.c.wanted_id).where(theirs))).scalars())
            await connection.execute(sa.delete(listing).where(theirs))
        ids = sorted(gone)
        await _rank(connection, ids)
        for start in range(0, len(ids), 500):
            await _settle(connection, wanted.c.id.in_(ids[start : start + 500]), due_at=None)
    return len(gone)


async def settle(store: Store) -> None:
    """Let tracks rest that no list wants any more, as far as nothing is under way for them, and want those again that are listed.

    On PostgreSQL a list that is taken at the same time may name a track that has just been laid to rest.
    """
    async with store.read() as connection:
        unsettled = sa.or_(sa.and_(_IDLE, ~LISTED), sa.and_(wanted.c.state == WantedState.UNLISTED, LISTED))
        if (await connection.execute(sa.select(wanted.c.id).where(unsettled).limit(1))).first() is None:
            return
    async with store.write() as connection:
        await _settle(connection, sa.true(), due_at=None)


async def _settle(connection: AsyncConnection, mine: sa.ColumnElement[bool], *, due_at: datetime | None) -> None:
    """Note which tracks nobody wants any more, and which of those somebody wants again: they are due then."""
    values = {"changed_at": await now_of(connection), **SEARCHES.freed}
    rests = {"state": WantedState.UNLISTED, "reason": "no list wants it any more", "due_at": None, "search_id": None}
    back = {"state": WantedState.MISSING, "reason": "", "due_at": due_at, "search_step": 0, "searches": 0}
    better = wanted.c.replaces.is_not(None)
    kept = {"state": WantedState.OWNED, "reason": "in the library", "due_at": None, "search_id": None, "replaces": None}
    await connection.execute(sa.update(wanted).where(mine, _IDLE, ~LISTED, better).values(**values, **kept))
    await connection.execute(sa.update(wanted).where(mine, _IDLE, ~LISTED).values(**values, **rests))
    again = sa.and_(mine, wanted.c.state == WantedState.UNLISTED, LISTED)
    await connection.execute(sa.update(wanted).where(again).values(**values, **back))


def _unique(tracks: Sequence[NewTrack]) -> dict[str, NewTrack]:
    """One for each key, with the highest priority."""
    found: dict[str, NewTrack] = {}
    for one in tracks:
        if one.key not in found or one.priority > found[one.key].priority:
            found[one.key] = one
    return found


def _fresh(one: NewTrack, now: datetime, *, due: bool) -> dict[str, Any]:
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
        "plays": 0,
        "priority": one.priority,
        "state": WantedState.MISSING,
        "reason": "",
        "failures": 0,
        "skips": 0,
        "due_at": now if due else None,
        "search_step": 0,
        "search_sent": False,
        "searches": 0,
        "added_at": now,
        "changed_at": now,
    }


async def _ids(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(keys), 500):
        query = sa.select(wanted.c.key, wanted.c.id).where(wanted.c.key.in_(keys[start : start + 500]))
        found |= {row.key: row.id for row in await connection.execute(query)}
    return found


async def _incomplete(
    connection: AsyncConnection, found: Mapping[str, NewTrack], known: Mapping[str, int]
) -> list[str]:
    """The keys of known tracks of which the list knows more, in the order of their ids, so that two lists do not wait for each other."""
    lacking: list[tuple[int, str]] = []
    names = ("album", "isrc", "mbid", "seconds", "number", "popularity")
    keys = list(known)
    for start in range(0, len(keys), 500):
        query = sa.select(wanted.c.id, wanted.c.key, *(wanted.c[name] for name in names))
        query = query.where(wanted.c.key.in_(keys[start : start + 500]))
        for row in (await connection.execute(query)).mappings():
            more = (getattr(found[row["key"]], name) not in ("", None) and row[name] in ("", None) for name in names)
            if any(more):
                lacking.append((row["id"], row["key"]))
    return [key for _, key in sorted(lacking)]


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
    """The priority of each of these: the highest that a source gives it, and its plays; without a source, as it was."""
    best = sa.select(sa.func.max(listing.c.priority)).where(listing.c.wanted_id == wanted.c.id).scalar_subquery()
    plays = sa.case((wanted.c.plays > rules.MOST_POPULAR, rules.MOST_POPULAR), else_=wanted.c.plays)
    value = sa.func.coalesce(best + plays, wanted.c.priority)
    for start in range(0, len(ids), 500):
        mine = wanted.c.id.in_(ids[start : start + 500])
        await connection.execute(sa.update(wanted).where(mine, wanted.c.priority != value).values(priority=value))


async def note_plays(store: Store, *, by_key: Mapping[str, int], by_mbid: Mapping[str, int]) -> int:
    """Note how often tracks were played lately, 0 for all others; those come first that were. Returns how many were played."""
    async with store.write() as connection:
        known: dict[int, tuple[int, int]] = {}
        for mine in (wanted.c.plays > 0, *_among(wanted.c.key, by_key), *_among(wanted.c.mbid, by_mbid)):
            query = sa.select(wanted.c.id, wanted.c.key, wanted.c.mbid, wanted.c.plays).where(mine)
            for row in await connection.execute(query):
                known[row.id] = row.plays, max(by_key.get(row.key, 0), by_mbid.get(row.mbid, 0))
        changed = [{"row": row, "now": now} for row, (before, now) in sorted(known.items()) if now != before]
        if changed:
            one = sa.update(wanted).where(wanted.c.id == sa.bindparam("row")).values(plays=sa.bindparam("now"))
            await connection.execute(one, changed)
            await _rank(connection, [each["row"] for each in changed])
    return sum(now > 0 for _, now in known.values())


def _among(column: sa.Column[str], values: Collection[str]) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions that together hold for the rows with one of these values."""
    ordered = sorted(values)
    for start in range(0, len(ordered), 500):
        yield column.in_(ordered[start : start + 500])


async def source_keys(store: Store, begin: str) -> set[str]:
    """The sources whose key begins so."""
    query = sa.select(listing.c.source).where(listing.c.source.startswith(begin, autoescape=True)).distinct()
    async with store.read() as connection:
        return set((await connection.execute(query)).scalars())


async def sources(store: Store) -> list[dict[str, Any]]:
    """Who wants tracks: source, title, and how many are there and how many owned."""
    owned = sa.func.sum(sa.case((stands_in({WantedState.OWNED}), 1), else_=0))
    query = (
        sa.select(listing.c.source, sa.func.max(listing.c.source_title).label("title"), sa.func.count().label("tracks"))
        .add_columns(owned.label("owned"))
        .join(wanted, wanted.c.id == listing.c.wanted_id)
        .group_by(listing.c.source)
        .order_by(listing.c.source)
    )
    async with store.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def of_tracks(store: Store, ids: Collection[int]) -> dict[int, list[WantedListing]]:
    """Who wants these tracks."""
    found: dict[int, list[WantedListing]] = {}
    query = sa.select(listing).where(listing.c.wanted_id.in_(ids)).order_by(listing.c.source)
    async with store.read() as connection:
        for row in (await connection.execute(query)).mappings():
            found.setdefault(row["wanted_id"], []).append(WantedListing(**row))
    return found
