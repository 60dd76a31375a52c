"""Hand-overs to download clients: what is looked at next, how each stands, and what is not handed over again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.words import plain
from nightcrew.movies.columns import MAX_REASON
from nightcrew.movies.handover.models import BlockedSource, HandoverEntry, blocked, handover
from nightcrew.movies.handover.rules import HandoverState, HandoverWatch, fingerprints
from nightcrew.movies.sources.models import SourceEntry

HANDOVERS = DueRows(
    "movies.handover",
    key=handover.c.id,
    due_at=handover.c.due_at,
    lease=60.0,
    until=handover.c.until,
    holder=handover.c.holder,
)


async def begin(store: Store, source: SourceEntry, connection_id: int) -> int:
    """Hand over a source; returns the number of the hand-over. Raises `Conflict` while the film has another."""
    async with store.write() as connection:
        return await begin_in(connection, store, source, connection_id)


async def begin_in(connection: AsyncConnection, store: Store, source: SourceEntry, connection_id: int) -> int:
    """As `begin`, in a transaction that does more."""
    now = await now_of(connection)
    open_ = sa.select(handover.c.title).where(handover.c.movie_id == source.movie_id, handover.c.ended_at.is_(None))
    if (other := (await connection.execute(open_)).scalar()) is not None:
        raise Conflict(f"this film is being handed over already: {other}")
    row: dict[str, Any] = {
        "movie_id": source.movie_id,
        "source_id": source.id,
        "connection_id": connection_id,
        "swarm": source.swarm,
        "title": source.title,
        "size": source.size,
        "state": HandoverState.CHOSEN,
        "cause": None,
        "reason": "",
        "waited": 0.0,
        "missed": 0.0,
        "got": 0,
        "progress": 0.0,
        "seeds": 0,
        "eta_s": None,
        "path": "",
        "begun_at": now,
        "looked_at": now,
        "ended_at": None,
        "due_at": now,
        "failures": 0,
        **HANDOVERS.freed,
    }
    again = {name: value for name, value in row.items() if name not in {"movie_id", "swarm"}}
    insert = store.upsert(handover).values(row)
    insert = insert.on_conflict_do_update(index_elements=["movie_id", "swarm"], set_=again)
    try:
        number: int = (await connection.execute(insert.returning(handover.c.id))).scalar_one()
    except sa.exc.IntegrityError as exc:  # another transaction has begun one meanwhile
        raise Conflict("this film is being handed over already: somebody was faster") from exc
    await wake(connection, HANDOVERS.topic)
    return number


async def claim(store: Store, *, by: str, limit: int) -> list[HandoverEntry]:
    """Hand-overs that are to be looked at now."""
    ids = await HANDOVERS.claim(store, by=by, limit=limit)
    return await select(store, handover.c.id.in_(ids)) if ids else []


async def settle(
    store: Store, entry: HandoverEntry, watch: HandoverWatch, *, by: str, due_at: datetime, **values: Any
) -> bool:
    """How one that goes on stands after a look; False when it is another node's by now, or has ended."""
    row = {**_row(watch), "due_at": due_at, **HANDOVERS.freed, **values}
    mine = sa.and_(HANDOVERS.mine(by, [entry.id]), handover.c.ended_at.is_(None))
    durable = watch.state is not entry.state
    async with store.write(durable=durable) as connection:
        found = await connection.execute(sa.update(handover).where(mine).values(row))
        return found.rowcount == 1


async def end(
    store: Store,
    entry: HandoverEntry,
    watch: HandoverWatch,
    *,
    block: bool = False,
    then: SourceEntry | None = None,
    **values: Any,
) -> bool:
    """One has ended: the source is blocked, and the next one is begun, all of it at once. False when it had ended already.

    Unless it is done it is due once more, for what it leaves at the client.
    """
    async with store.write() as connection:
        now = await now_of(connection)
        due_at = None if watch.state is HandoverState.DONE else now
        row = {**_row(watch), "due_at": due_at, "ended_at": now, "failures": 0, **HANDOVERS.freed, **values}
        present = sa.and_(handover.c.id == entry.id, handover.c.state == entry.state, handover.c.ended_at.is_(None))
        if not (await connection.execute(sa.update(handover).where(present).values(row))).rowcount:
            return False
        if block:
            await _block(connection, store, entry, watch.reason, now)
        if then is not None:
            await begin_in(connection, store, then, entry.connection_id)
        await wake(connection, HANDOVERS.topic)
        return True


async def clear_again(store: Store, number: int) -> None:
    """One that ended while it was looked at is due once more: it may have been sent after it was cleared.

    Whoever clears it now loses hold of it, so that the row stays due.
    """
    gone = sa.and_(handover.c.id == number, handover.c.ended_at.is_not(None), handover.c.state != HandoverState.DONE)
    async with store.write() as connection:
        await HANDOVERS.make_due(connection, gone, at=await now_of(connection), **HANDOVERS.freed)


def unless_ended(reason: str) -> sa.ColumnElement[str]:
    """As the value of a row: this reason, but for one that has ended that of its end."""
    return sa.case((handover.c.ended_at.is_(None), reason), else_=handover.c.reason)


def _row(watch: HandoverWatch) -> dict[str, Any]:
    return {
        "state": watch.state,
        "cause": watch.cause,
        "reason": plain(watch.reason)[:MAX_REASON],
        "waited": watch.waited,
        "missed": watch.missed,
        "got": watch.got,
        "looked_at": watch.looked_at,
    }


async def _block(connection: AsyncConnection, store: Store, entry: HandoverEntry, reason: str, now: datetime) -> None:
    rows = [
        {
            "movie_id": entry.movie_id,
            "fingerprint": one,
            "title": entry.title,
            "reason": plain(reason)[:MAX_REASON],
            "blocked_at": now,
        }
        for one in fingerprints(entry.swarm, entry.title, entry.size)
    ]
    await connection.execute(store.upsert(blocked).on_conflict_do_nothing(), rows)


async def blocked_of(store: Store, movie_id: int) -> list[BlockedSource]:
    """What is not handed over again for a film."""
    async with store.read() as connection:
        query = sa.select(blocked).where(blocked.c.movie_id == movie_id).order_by(blocked.c.blocked_at)
        return [BlockedSource(**row) for row in (await connection.execute(query)).mappings()]


async def unblock(store: Store, movie_id: int, found: Collection[str]) -> int:
    """Let a source of these fingerprints be handed over again; returns how many were blocked."""
    async with store.write() as connection:
        where = sa.and_(blocked.c.movie_id == movie_id, blocked.c.fingerprint.in_(found))
        return (await connection.execute(sa.delete(blocked).where(where))).rowcount


async def get(store: Store, number: int) -> HandoverEntry:
    """One. Raises `NotFound`."""
    found = await select(store, handover.c.id == number)
    if not found:
        raise NotFound(f"there is no hand-over {number}")
    return found[0]


async def of_movie(store: Store, movie_id: int) -> list[HandoverEntry]:
    """All of a film, the newest first."""
    return await select(store, handover.c.movie_id == movie_id)


async def sharing(store: Store, entry: HandoverEntry) -> list[HandoverEntry]:
    """Hand-overs of other films that have, or are to have, the same torrent of the same client."""
    others = sa.and_(handover.c.swarm == entry.swarm, handover.c.connection_id == entry.connection_id)
    kept = sa.or_(handover.c.ended_at.is_(None), handover.c.state == HandoverState.DONE)
    return await select(store, sa.and_(others, kept, handover.c.id != entry.id))


async def open_count(store: Store) -> int:
    """How many go on."""
    async with store.read() as connection:
        query = sa.select(sa.func.count()).select_from(handover).where(handover.c.ended_at.is_(None))
        return int((await connection.execute(query)).scalar_one())


async def newest(store: Store, limit: int) -> list[HandoverEntry]:
    """Those that go on, and then those that have ended, the newest first."""
    return await select(store, sa.true(), limit=limit)


async def select(store: Store, where: sa.ColumnElement[bool], *, limit: int = 1000) -> list[HandoverEntry]:
    """Hand-overs, the open ones first and then the newest."""
    order = (handover.c.ended_at.is_not(None), handover.c.begun_at.desc(), handover.c.id)
    async with store.read() as connection:
        query = sa.select(handover).where(where).order_by(*order).limit(limit)
        return [HandoverEntry(**row) for row in (await connection.execute(query)).mappings()]
