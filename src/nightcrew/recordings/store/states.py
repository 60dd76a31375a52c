"""How recordings stand: their moves from state to state, each with its reason."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store, wake
from nightcrew.kernel.words import plain
from nightcrew.recordings.models import MAX_REASON, MoveRow, RecordingState, check_move, move, recording

RowT = TypeVar("RowT")

TOPIC = "recordings.keep"
"""Under which the keepers of all nodes are woken when a recording moves, is new, or is another node's from now on."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """How a recording stands from now on.

    `reason` is shown for as long as it stands so; `note` is recorded in its place where nothing is to be shown.
    """

    recording_id: int
    to: RecordingState
    reason: str
    note: str = ""
    ended_at: datetime | None = None

    @property
    def shown(self) -> str:
        """The reason as it is stored: it may hold what other machines say."""
        return plain(self.reason)[:MAX_REASON]


async def change_state(
    store: Store,
    recording_id: int,
    to: RecordingState,
    reason: str,
    *,
    now: datetime | None = None,
    note: str = "",
    ended_at: datetime | None = None,
) -> bool:
    """Move a recording, and record why. False when it stands so already; its reason is renewed then. `now`: else the present.

    Raises `Conflict` for a move that there is not, `NotFound`.
    """
    async with store.write() as connection:
        known = await standing(connection, [recording_id])
        if recording_id not in known:
            raise NotFound(f"there is no recording {recording_id}")
        change = StateChange(recording_id, to, reason, note, ended_at)
        return await apply(connection, *known[recording_id], change, now or utcnow())


async def change_states(store: Store, changes: Sequence[StateChange], *, now: datetime) -> set[int]:
    """Move recordings in one transaction, and record why; returns those that stood otherwise.

    One that is gone, or cannot go there from where it stands by now, is left as it is.
    """
    moved = set[int]()
    async with store.write() as connection:
        known = await standing(connection, [one.recording_id for one in changes])
        for one in changes:
            with contextlib.suppress(Conflict):
                if one.recording_id in known and await apply(connection, *known[one.recording_id], one, now):
                    moved.add(one.recording_id)
    return moved


async def moves(store: Store, recording_id: int) -> list[MoveRow]:
    """How a recording came to stand as it does, oldest first."""
    return await rows_of(store, MoveRow, move, recording_id, move.c.id)


async def rows_of(
    store: Store, made: Callable[..., RowT], table: sa.Table, recording_id: int, order: sa.Column[int]
) -> list[RowT]:
    """What a table has for a recording, each row made of the columns that `made`, a dataclass, has fields for."""
    columns = (table.c[one.name] for one in fields(cast("Any", made)))
    query = sa.select(*columns).where(table.c.recording_id == recording_id).order_by(order)
    async with store.read() as connection:
        return [made(*row) for row in await connection.execute(query)]


async def standing(
    connection: AsyncConnection, ids: Sequence[int], *, of: str | None = None
) -> dict[int, tuple[RecordingState, str | None]]:
    """How recordings stand, and why; of one node, or of all. Nobody else moves them until the end of the transaction."""
    mine = sa.and_(recording.c.id.in_(ids), sa.true() if of is None else recording.c.node == of)
    query = sa.select(recording.c.id, recording.c.state, recording.c.reason).where(mine).order_by(recording.c.id)
    rows = (await connection.execute(query.with_for_update())).all()
    return {row.id: (row.state, row.reason) for row in rows}


async def apply(
    connection: AsyncConnection, state: RecordingState, reason: str | None, change: StateChange, now: datetime
) -> bool:
    values: dict[str, Any] = {"reason": change.shown or None}
    if change.ended_at is not None:
        values["ended_at"] = change.ended_at
    moves = state is not change.to
    if moves:
        check_move(state, change.to)
        values |= {"state": change.to, "since": now}
        await note(connection, change.recording_id, state, change.to, change.shown or change.note, now)
    if moves or values != {"reason": reason}:
        await connection.execute(sa.update(recording).where(recording.c.id == change.recording_id).values(values))
    return moves


async def note(
    connection: AsyncConnection,
    recording_id: int,
    old: RecordingState | None,
    new: RecordingState,
    reason: str,
    now: datetime,
) -> None:
    values = {"recording_id": recording_id, "from_state": old and old.value, "to_state": new.value, "at": now}
    await connection.execute(sa.insert(move).values({**values, "reason": reason[:MAX_REASON]}))
    await wake(connection, TOPIC)
