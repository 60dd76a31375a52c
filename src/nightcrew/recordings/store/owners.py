"""Which node has a recording: claimed by one, taken over from one that is silent."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import Store, wake
from nightcrew.recordings.models import ACTIVE, Recording, RecordingState, check_move, recording
from nightcrew.recordings.naming import SeasonFolder
from nightcrew.recordings.store.recordings import add_row
from nightcrew.recordings.store.states import TOPIC, StateChange, apply, note, standing

LEFT_TO = timedelta(seconds=15)
"""How long a new recording waits for the node that records the same stream."""
COPIED = (
    "watch_id",
    "name",
    "sealed",
    "shown",
    "channel_id",
    "title",
    "category",
    "favourite",
    "priority",
    "stop_at",
    "occurrence",
)
"""What a recording has of the one from which it goes on."""


async def any_to_keep(store: Store, node: str) -> bool:
    """Whether there is a recording that is this node's to keep or to finish, or nobody's yet."""
    concerns = sa.and_(
        recording.c.state.in_({*ACTIVE, RecordingState.FINISHING}),
        recording.c.node.in_(("", node)),
        recording.c.deleted_at.is_(None),
    )
    async with store.read() as connection:
        return (await connection.execute(sa.select(recording.c.id).where(concerns).limit(1))).first() is not None


async def claim(store: Store, node: str, *, root: str) -> None:
    """Take the recordings that no node has yet; exactly one node gets each. They lie in its own library `root`.

    What another node records already is left to that one for a while, as it can share its connection.
    """
    fresh = sa.and_(recording.c.state == RecordingState.WAITING, recording.c.bytes == 0)
    elsewhere = sa.and_(recording.c.node == node, recording.c.root != root)
    new = sa.and_(
        recording.c.node == "", sa.or_(recording.c.created_at < utcnow() - LEFT_TO, ~_recorded_by_another(node))
    )
    free = sa.and_(fresh, sa.or_(new, elsewhere))
    async with store.read() as connection:
        if (await connection.execute(sa.select(recording.c.id).where(free).limit(1))).first() is None:
            return
    async with store.write() as connection:
        await connection.execute(sa.update(recording).where(free).values(node=node, root=root))


def _recorded_by_another(node: str) -> sa.Exists:
    """Whether another node has the same stream now."""
    other = recording.alias()
    same = sa.or_(other.c.channel_id == recording.c.channel_id, other.c.shown == recording.c.shown)
    going = sa.and_(other.c.state.in_(ACTIVE), other.c.deleted_at.is_(None), other.c.node.not_in(("", node)))
    return sa.exists().where(other.c.id != recording.c.id, going, same).correlate(recording)


async def adopt(store: Store, recording_id: int, *, of: str, node: str, root: str | None = None) -> bool:
    """Take over a recording of a node that is silent; exactly one node gets it. `root`: the library it lies in from now on."""
    async with store.write() as connection:
        mine = sa.and_(recording.c.id == recording_id, recording.c.node == of)
        values = {"node": node} if root is None else {"node": node, "root": root}
        await wake(connection, TOPIC)
        return (await connection.execute(sa.update(recording).where(mine).values(values))).rowcount == 1


async def take_over(store: Store, recording_id: int, *, of: str, node: str, now: datetime) -> bool:
    """Go on at `node` with a recording of `of`, which is silent, in a new part; exactly one node gets it.

    That is recorded as a move however it stood, so that the page says why it was interrupted.
    """
    why = f"{of} is silent; it continues on {node}"
    async with store.write() as connection:
        known = await standing(connection, [recording_id], of=of)
        if recording_id not in known:
            return False
        before = known[recording_id][0]
        check_move(before, RecordingState.RETRYING)
        values = {"node": node, "state": RecordingState.RETRYING, "since": now, "reason": why}
        await connection.execute(sa.update(recording).where(recording.c.id == recording_id).values(values))
        await note(connection, recording_id, before, RecordingState.RETRYING, why, now)
    return True


async def go_on_elsewhere(
    store: Store,
    row: Recording,
    *,
    of: str,
    node: str,
    root: str,
    now: datetime,
    moment: datetime,
    season: SeasonFolder,
) -> bool:
    """End a recording whose machine `of` is gone, and begin one at `node` that goes on from it, in one transaction.

    The first one waits for its machine, which has its parts. False when it was moved meanwhile.
    """
    async with store.write() as connection:
        known = await standing(connection, [row.id], of=of)
        if row.id not in known:
            return False
        ended = StateChange(
            row.id, RecordingState.FINISHING, f"{of} has its parts, and is silent", ended_at=row.progress_at or now
        )
        await apply(connection, *known[row.id], ended, now)
        values = {name: getattr(row, name) for name in COPIED}
        values |= {"node": node, "root": root, "continues": row.id}
        await add_row(connection, values, now, moment, season, f"it continues recording {row.id}, as {of} is silent")
    return True
