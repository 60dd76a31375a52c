"""What the ledgers of recordings come to: figures, parts, gaps and titles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.store import Store
from nightcrew.recorder.ledger import Gap, Tally
from nightcrew.recordings.chapters import Titled
from nightcrew.recordings.models import MAX_REASON, PartRow, gap, part, recording, titled
from nightcrew.recordings.store.states import rows_of

_PART = [one.name for one in fields(PartRow)]


async def save_tallies(store: Store, tallies: Mapping[int, Tally], now: datetime) -> None:
    """What the ledgers of running recordings come to: figures, parts and gaps, in one transaction."""
    if not tallies:
        return
    async with store.write() as connection:
        for recording_id, tally in tallies.items():
            if max((abs(gap.last) for gap in tally.gaps), default=0) >> 62:
                continue  # no database takes that, and the others must not suffer for it
            values: dict[str, Any] = {
                "bytes": tally.bytes,
                "seconds": round(tally.seconds, 3),
                "missing": round(tally.missing, 3),
            }
            if tally.segments:
                started = sa.func.coalesce(recording.c.started_at, sa.literal(now, recording.c.started_at.type))
                values |= {"progress_at": now, "started_at": started}
            await connection.execute(sa.update(recording).where(recording.c.id == recording_id).values(values))
            await _save_parts(store, connection, recording_id, tally)
            await _save_gaps(connection, recording_id, tally)


async def _save_parts(store: Store, connection: AsyncConnection, recording_id: int, tally: Tally) -> None:
    """The parts that may have changed: the last one, and those that are not known yet."""
    known = await connection.execute(sa.select(sa.func.max(part.c.number)).where(part.c.recording_id == recording_id))
    newest = int(known.scalar() or 0)
    rows = [
        {name: getattr(one, name) for name in _PART} | {"recording_id": recording_id, "seconds": round(one.seconds, 3)}
        for one in tally.parts
        if one.number >= newest
    ]
    if rows:
        statement = store.upsert(part)
        fresh = {name: statement.excluded[name] for name in _PART if name != "number"}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["recording_id", "number"], set_=fresh), rows
        )


async def _save_gaps(connection: AsyncConnection, recording_id: int, tally: Tally) -> None:
    known = await connection.execute(sa.select(sa.func.count()).where(gap.c.recording_id == recording_id))
    count = int(known.scalar_one())
    rows = [
        {
            **asdict(one),
            "recording_id": recording_id,
            "number": number,
            "start": round(one.start, 3),
            "seconds": round(one.seconds, 3),
            "reason": one.reason[:MAX_REASON],
        }
        for number, one in enumerate(tally.gaps)
        if number >= count
    ]
    if rows:
        await connection.execute(sa.insert(gap), rows)


async def parts(store: Store, recording_id: int) -> list[PartRow]:
    """The parts of a recording."""
    return await rows_of(store, PartRow, part, recording_id, part.c.number)


async def gaps(store: Store, recording_id: int) -> list[Gap]:
    """The gaps of a recording."""
    return await rows_of(store, Gap, gap, recording_id, gap.c.number)


async def titles(store: Store, recording_id: int) -> list[Titled]:
    """What the stream was called, in the order of time."""
    return await rows_of(store, Titled, titled, recording_id, titled.c.id)


async def add_title(store: Store, recording_id: int, title: str, category: str) -> bool:
    """The stream has another name now; False when it is the one that is known."""
    async with store.write() as connection:
        query = sa.select(titled).where(titled.c.recording_id == recording_id).order_by(titled.c.id.desc()).limit(1)
        last = (await connection.execute(query)).first()
        if last is not None and (last.title, last.category) == (title, category):
            return False
        at = sa.select(recording.c.seconds).where(recording.c.id == recording_id).scalar_subquery()
        values = {"recording_id": recording_id, "start": at, "title": title, "category": category}
        await connection.execute(sa.insert(titled).values(values))
        if last is None:
            now = {"title": title, "category": category}
            await connection.execute(sa.update(recording).where(recording.c.id == recording_id).values(now))
    return True
