"""What a search has found for a wanted track, before and after it was matched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store, now_of, wake
from nightcrew.kernel.words import plain
from nightcrew.music.models import MAX_REASON, MatchJob, Offer, WantedState, match_job, offer, wanted, wrong_sound

MATCHES = DueRows(
    "music.match",
    key=match_job.c.id,
    due_at=match_job.c.due_at,
    lease=120.0,
    until=match_job.c.until,
    holder=match_job.c.holder,
)
"""Found files that wait to be matched, in the order in which they came."""
_RENEWED = (
    "size",
    "seconds",
    "bitrate",
    "free_slot",
    "queue",
    "speed",
    "confidence",
    "explanation",
    "accepted",
    "search_id",
    "connection_id",
    "parts",
)


async def queue(connection: AsyncConnection, wanted_id: int, payload: str) -> None:
    """Let what a search has found be matched."""
    now = await now_of(connection)
    row = {"wanted_id": wanted_id, "payload": payload, "state": "queued", "error": "", "created_at": now, "due_at": now}
    await connection.execute(sa.insert(match_job).values(row))
    await wake(connection, MATCHES.topic)


async def claim(store: Store, *, by: str, limit: int) -> list[MatchJob]:
    """The next ones that are to be matched."""
    ids = await MATCHES.claim(store, by=by, limit=limit)
    query = sa.select(match_job).where(match_job.c.id.in_(ids)).order_by(match_job.c.id)
    async with store.read() as connection:
        return [MatchJob(**row) for row in (await connection.execute(query)).mappings()] if ids else []


async def next_at(store: Store) -> datetime | None:
    """When something is to be matched."""
    return await MATCHES.soonest(store)


async def settle(connection: AsyncConnection, job: MatchJob, error: str = "") -> bool:
    """It is matched, or `error` says why it cannot be; False when it was settled before. What it held is let go."""
    row = {"state": "failed" if error else "done", "error": error[:MAX_REASON], "due_at": None, "payload": ""}
    open_ = sa.and_(match_job.c.id == job.id, match_job.c.state == "queued")
    return (await connection.execute(sa.update(match_job).where(open_).values(row | MATCHES.freed))).rowcount == 1


async def keep(store: Store, connection: AsyncConnection, wanted_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store what was found last. Of what was found before only verdicts stay."""
    old = sa.and_(offer.c.wanted_id == wanted_id, offer.c.verdict == "")
    await connection.execute(sa.delete(offer).where(old))
    if rows:
        upsert = store.upsert(offer)
        renewed = {name: upsert.excluded[name] for name in _RENEWED}
        statement = upsert.on_conflict_do_update(index_elements=["wanted_id", "peer", "path"], set_=renewed)
        await connection.execute(statement, [{"verdict": "", "final": False, **row} for row in rows])


async def of_wanted(store: Store, wanted_id: int) -> list[Offer]:
    """All that are offered for a track (`choosing.in_order`)."""
    query = sa.select(offer).where(offer.c.wanted_id == wanted_id).order_by(offer.c.id)
    async with store.read() as connection:
        return [Offer(**row) for row in (await connection.execute(query)).mappings()]


async def get(store: Store, offer_id: int) -> Offer:
    """One. Raises `NotFound`."""
    async with store.read() as connection:
        row = (await connection.execute(sa.select(offer).where(offer.c.id == offer_id))).mappings().first()
    if row is None:
        raise NotFound(f"there is no offer {offer_id}")
    return Offer(**row)


async def verdicts(connection: AsyncConnection, wanted_id: int) -> set[tuple[str, str]]:
    """(peer, path) of the files that are not to be tried again."""
    query = sa.select(offer.c.peer, offer.c.path).where(offer.c.wanted_id == wanted_id, offer.c.verdict != "")
    return {(row.peer, row.path) for row in await connection.execute(query)}


async def condemn(
    connection: AsyncConnection, wanted_id: int, peer: str, path: str, verdict: str, *, final: bool = False
) -> None:
    """Remember that a file failed or was rejected. What a person said is not softened."""
    said = plain(verdict)[:MAX_REASON] or "it failed"
    mine = sa.and_(offer.c.wanted_id == wanted_id, offer.c.peer == peer, offer.c.path == path)
    mine = sa.and_(mine, sa.or_(sa.not_(offer.c.final), sa.literal(final)))
    await connection.execute(sa.update(offer).where(mine).values(verdict=said, final=final))


async def pardon(connection: AsyncConnection, one: Offer) -> None:
    """A person chooses it: what was said of it before is void."""
    await connection.execute(sa.update(offer).where(offer.c.id == one.id).values(verdict="", final=False))
    sound = sa.and_(wrong_sound.c.wanted_id == one.wanted_id, wrong_sound.c.peer == one.peer)
    await connection.execute(sa.delete(wrong_sound).where(sound, wrong_sound.c.path == one.path))


async def note_wrong_sound(connection: AsyncConnection, wanted_id: int, peer: str, path: str, words: str) -> None:
    """Remember what the wrong song sounds like: other peers share it too. `words`: as `fingerprints.packed`."""
    row = {"wanted_id": wanted_id, "peer": peer, "path": path, "words": words}
    await connection.execute(sa.insert(wrong_sound).values(row))


async def wrong_sounds(store: Store, wanted_id: int) -> list[str]:
    """What the files sounded like that a person has called the wrong song for a track."""
    query = sa.select(wrong_sound.c.words).where(wrong_sound.c.wanted_id == wanted_id)
    async with store.read() as connection:
        return list((await connection.execute(query)).scalars())


async def pardon_file(connection: AsyncConnection, wanted_id: int, peer: str, path: str) -> None:
    """It is tried again, unless a person has rejected it."""
    mine = sa.and_(offer.c.wanted_id == wanted_id, offer.c.peer == peer, offer.c.path == path, sa.not_(offer.c.final))
    await connection.execute(sa.update(offer).where(mine).values(verdict=""))


async def forget_of(connection: AsyncConnection, wanted_id: int) -> None:
    """Forget all that was found for a track."""
    await connection.execute(sa.delete(offer).where(offer.c.wanted_id == wanted_id))
    await connection.execute(sa.delete(match_job).where(match_job.c.wanted_id == wanted_id))
    await connection.execute(sa.delete(wrong_sound).where(wrong_sound.c.wanted_id == wanted_id))


async def forget_settled(store: Store, before: datetime) -> int:
    """Forget the offers of tracks that have been in the library since then, but for what a person has said."""
    done = sa.select(wanted.c.id).where(wanted.c.state == WantedState.OWNED, wanted.c.changed_at < before)
    async with store.write() as connection:
        old = sa.and_(offer.c.wanted_id.in_(done), sa.not_(offer.c.final))
        return (await connection.execute(sa.delete(offer).where(old))).rowcount


async def forget_old(store: Store, before: datetime) -> int:
    """Forget matched searches that are older."""
    async with store.write() as connection:
        old = sa.and_(match_job.c.state != "queued", match_job.c.created_at < before)
        return (await connection.execute(sa.delete(match_job).where(old))).rowcount
