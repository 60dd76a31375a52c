"""Recordings: their rows, their states, and what their ledgers come to."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.store import Store
from nightcrew.kernel.words import plain
from nightcrew.recorder.ledger import Tally
from nightcrew.recordings import naming
from nightcrew.recordings.models import (
    ACTIVE,
    MAX_REASON,
    GapRow,
    MoveRow,
    PartRow,
    Recording,
    State,
    TitleRow,
    check_move,
    gap,
    move,
    part,
    recording,
    titled,
)

_PARTS = sa.select(sa.func.count()).where(part.c.recording_id == recording.c.id).scalar_subquery().label("parts")
_GAPS = sa.select(sa.func.count()).where(gap.c.recording_id == recording.c.id).scalar_subquery().label("gaps")


async def add(
    store: Store, values: Mapping[str, Any], *, now: datetime, moment: datetime, taken: Collection[int] = ()
) -> Recording:
    """A new recording, waiting. `moment` is in the library's time zone: it gives season and episode.

    `taken`: episodes that lie in its folder already.

    Raises `Conflict` when the same stream is recorded already.
    """
    async with store.write() as connection:
        recording_id = await _add(connection, values, now, moment, taken, "it was asked for")
    return await get(store, recording_id)


async def go_on_elsewhere(
    store: Store,
    row: Recording,
    *,
    of: str,
    node: str,
    root: str,
    now: datetime,
    moment: datetime,
    taken: Collection[int] = (),
) -> bool:
    """End a recording whose machine `of` is gone, and begin one at `node` that goes on from it, in one transaction.

    The first one waits for its machine, which has its parts. False when it was moved meanwhile.
    """
    async with store.write() as connection:
        mine = sa.and_(recording.c.id == row.id, recording.c.node == of)
        states = await _states(connection, [row.id])
        if (await connection.execute(sa.select(recording.c.id).where(mine))).first() is None or row.id not in states:
            return False
        ended = Change(
            row.id, State.FINISHING, f"{of}, which has its parts, is silent", ended_at=row.progress_at or now
        )
        await _change(connection, *states[row.id], ended, now)
        copied = (
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
        )
        values = {name: getattr(row, name) for name in copied}
        values |= {"node": node, "root": root, "continues": row.id}
        await _add(connection, values, now, moment, taken, f"it goes on from recording {row.id}, as {of} is silent")
    return True


async def _add(
    connection: AsyncConnection,
    values: Mapping[str, Any],
    now: datetime,
    moment: datetime,
    taken: Collection[int],
    why: str,
) -> int:
    season = moment.year * 100 + moment.month
    name, watch_id = str(values["name"]), values.get("watch_id")
    if watch_id is not None:
        query = sa.select(recording.c.id).where(recording.c.watch_id == watch_id, recording.c.state.in_(_names(ACTIVE)))
        if (await connection.execute(query)).first() is not None:
            raise Conflict(f"{name} is recorded already")
    title = str(values.get("title") or "")
    folder = str(naming.names(name, title, moment, 1).folder)
    same_folder = sa.func.lower(recording.c.folder) == folder.lower()  # some file systems know no case
    known = await connection.execute(sa.select(recording.c.episode).where(same_folder))
    episode = naming.next_episode([*known.scalars(), *taken])
    names = naming.names(name, title, moment, episode)
    row = {
        "state": State.WAITING.value,
        "since": now,
        "created_at": now,
        "season": season,
        "episode": episode,
        "folder": str(names.folder),
        "stem": names.stem,
        "stop_asked": False,
        "rotations": 0,
        "bytes": 0,
        "seconds": 0.0,
        "missing": 0.0,
        "restarts": 0,
        "file": False,
        "file_bytes": 0,
        **values,
    }
    recording_id = int(
        (await connection.execute(sa.insert(recording).values(row).returning(recording.c.id))).scalar_one()
    )
    await _note(connection, recording_id, None, State.WAITING, why, now)
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
    states: Collection[State] | None = None,
    name: str | None = None,
    before: int | None = None,
    limit: int = 50,
    deleted: bool = False,
) -> list[Recording]:
    """Recordings, newest first."""
    conditions: list[sa.ColumnElement[bool]] = [] if deleted else [recording.c.deleted_at.is_(None)]
    if states is not None:
        conditions.append(recording.c.state.in_(_names(states)))
    if name:
        conditions.append(recording.c.name == name)
    if before is not None:
        conditions.append(recording.c.id < before)
    return await _select(store, *conditions, limit=limit)


async def of_states(store: Store, states: Collection[State], *, node: str | None = None) -> list[Recording]:
    """All recordings in some states, oldest first; of one node, or of all."""
    conditions: list[sa.ColumnElement[bool]] = [recording.c.state.in_(_names(states)), recording.c.deleted_at.is_(None)]
    if node is not None:
        conditions.append(recording.c.node == node)
    found = await _select(store, *conditions, limit=None)
    return found[::-1]


async def running_of(store: Store, watch_ids: Collection[int]) -> dict[int, Recording]:
    """The recordings of these watches that go on, by watch."""
    conditions = [recording.c.state.in_(_names(ACTIVE)), recording.c.deleted_at.is_(None)]
    found = await _select(store, recording.c.watch_id.in_(watch_ids), *conditions, limit=None)
    return {row.watch_id: row for row in found if row.watch_id is not None}


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


@dataclass(frozen=True, slots=True)
class Change:
    """How a recording stands from now on.

    `reason` is shown for as long as it stands so; `note` is recorded in its place where nothing is to be shown.
    """

    recording_id: int
    to: State
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
    to: State,
    reason: str,
    *,
    now: datetime,
    note: str = "",
    ended_at: datetime | None = None,
) -> bool:
    """Move a recording, and record why. False when it stands so already; its reason is renewed then.

    Raises `Conflict` for a move that there is not, `NotFound`.
    """
    async with store.write() as connection:
        known = await _states(connection, [recording_id])
        if recording_id not in known:
            raise NotFound(f"there is no recording {recording_id}")
        change = Change(recording_id, to, reason, note, ended_at)
        return await _change(connection, *known[recording_id], change, now)


async def change_states(store: Store, changes: Sequence[Change], *, now: datetime) -> set[int]:
    """Move recordings in one transaction, and record why; returns those that stood otherwise.

    One that is gone, or cannot go there from where it stands by now, is left as it is.
    """
    moved = set[int]()
    if not changes:
        return moved
    async with store.write() as connection:
        known = await _states(connection, [one.recording_id for one in changes])
        for one in changes:
            with contextlib.suppress(Conflict):
                if one.recording_id in known and await _change(connection, *known[one.recording_id], one, now):
                    moved.add(one.recording_id)
    return moved


async def _states(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, tuple[State, str | None]]:
    """How recordings stand, and why; nobody else moves them until the end of the transaction."""
    mine = recording.c.id.in_(ids)
    query = sa.select(recording.c.id, recording.c.state, recording.c.reason).where(mine).order_by(recording.c.id)
    rows = (await connection.execute(query.with_for_update())).all()
    return {row.id: (State(row.state), row.reason) for row in rows}


async def _change(connection: AsyncConnection, state: State, reason: str | None, change: Change, now: datetime) -> bool:
    values: dict[str, Any] = {"reason": change.shown or None}
    if change.ended_at is not None:
        values["ended_at"] = change.ended_at
    moves = state is not change.to
    if moves:
        check_move(state, change.to)
        values |= {"state": change.to.value, "since": now}
        await _note(connection, change.recording_id, state, change.to, change.shown or change.note, now)
    if moves or values != {"reason": reason}:
        await connection.execute(sa.update(recording).where(recording.c.id == change.recording_id).values(values))
    return moves


async def change(store: Store, recording_id: int, **values: Any) -> None:
    """Change what is no state. Raises `NotFound`."""
    async with store.write() as connection:
        found = await connection.execute(sa.update(recording).where(recording.c.id == recording_id).values(values))
    if not found.rowcount:
        raise NotFound(f"there is no recording {recording_id}")


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
        {
            "recording_id": recording_id,
            "number": one.number,
            "path": one.path,
            "first": one.first,
            "last": one.last,
            "bytes": one.bytes,
            "seconds": round(one.seconds, 3),
            "frames": one.frames,
        }
        for one in tally.parts
        if one.number >= newest
    ]
    if rows:
        statement = store.upsert(part)
        fresh = {name: statement.excluded[name] for name in ("path", "first", "last", "bytes", "seconds", "frames")}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["recording_id", "number"], set_=fresh), rows
        )


async def _save_gaps(connection: AsyncConnection, recording_id: int, tally: Tally) -> None:
    known = await connection.execute(sa.select(sa.func.count()).where(gap.c.recording_id == recording_id))
    count = int(known.scalar_one())
    rows = [
        {
            "recording_id": recording_id,
            "number": number,
            "epoch": one.epoch,
            "first": one.first,
            "last": one.last,
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
    query = sa.select(part).where(part.c.recording_id == recording_id).order_by(part.c.number)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [PartRow(**{key: value for key, value in row.items() if key != "recording_id"}) for row in rows]


async def gaps(store: Store, recording_id: int) -> list[GapRow]:
    """The gaps of a recording."""
    query = sa.select(gap).where(gap.c.recording_id == recording_id).order_by(gap.c.number)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [GapRow(**{key: value for key, value in row.items() if key != "recording_id"}) for row in rows]


async def moves(store: Store, recording_id: int) -> list[MoveRow]:
    """How a recording came to stand as it does, oldest first."""
    query = sa.select(move).where(move.c.recording_id == recording_id).order_by(move.c.id)
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
    return [MoveRow(row.from_state, row.to_state, row.reason, row.at) for row in rows]


async def titles(store: Store, recording_id: int) -> list[TitleRow]:
    """What the stream was called, in the order of time."""
    query = sa.select(titled).where(titled.c.recording_id == recording_id).order_by(titled.c.id)
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
    return [TitleRow(row.start, row.title, row.category) for row in rows]


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


async def count_restarts(store: Store, ids: Collection[int]) -> list[str]:
    """These have lost their recorder; returns their names."""
    mine = recording.c.id.in_(list(ids))
    async with store.write() as connection:
        await connection.execute(sa.update(recording).where(mine).values(restarts=recording.c.restarts + 1))
        return list(
            (await connection.execute(sa.select(recording.c.name).where(mine).order_by(recording.c.id))).scalars()
        )


async def claim(store: Store, node: str, *, root: str) -> None:
    """Take the recordings that no node has yet; exactly one node gets each. They lie in its own library `root`."""
    fresh = sa.and_(recording.c.state == State.WAITING.value, recording.c.bytes == 0)
    elsewhere = sa.and_(recording.c.node == node, recording.c.root != root)
    free = sa.and_(fresh, sa.or_(recording.c.node == "", elsewhere))
    async with store.read() as connection:
        if (await connection.execute(sa.select(recording.c.id).where(free).limit(1))).first() is None:
            return
    async with store.write() as connection:
        await connection.execute(sa.update(recording).where(free).values(node=node, root=root))


async def adopt(store: Store, recording_id: int, *, of: str, node: str, root: str | None = None) -> bool:
    """Take over a recording of a node that is silent; exactly one node gets it. `root`: the library it lies in from now on."""
    async with store.write() as connection:
        mine = sa.and_(recording.c.id == recording_id, recording.c.node == of)
        values = {"node": node} if root is None else {"node": node, "root": root}
        return (await connection.execute(sa.update(recording).where(mine).values(values))).rowcount == 1


def _names(states: Collection[State]) -> list[str]:
    return [state.value for state in states]


async def _note(
    connection: AsyncConnection, recording_id: int, old: State | None, new: State, reason: str, now: datetime
) -> None:
    values = {"recording_id": recording_id, "from_state": old and old.value, "to_state": new.value, "at": now}
    await connection.execute(sa.insert(move).values({**values, "reason": reason[:MAX_REASON]}))


async def _select(store: Store, *conditions: sa.ColumnElement[bool], limit: int | None) -> list[Recording]:
    query = sa.select(recording, _PARTS, _GAPS).where(*conditions).order_by(recording.c.id.desc())
    if limit is not None:
        query = query.limit(limit)
    async with store.read() as connection:
        rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return [Recording(**{**row, "state": State(row["state"])}) for row in rows]
