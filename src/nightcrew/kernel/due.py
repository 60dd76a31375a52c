"""Due rows: work that waits in a domain's own table until its time comes, and is claimed by one node at a time.

`DueRows` says which columns of a table hold that. Rows are made due in sets, claimed a few at a time, by urgency or each turn (an
account, a host) in its turn, held for a while, parked until later, and given back. What is held by a node that dies is free
when its time is over. Times are compared in the database's time, unless `now` is given.

What a claim, a renewal or a park writes need not survive a power cut, which ends its holder too: the row is then due once more.

The table needs an index on (turn, due_at), one on the columns by which a claim is ordered, and where it is large one on `until` of
the rows that have it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from nightcrew.kernel.store import Moment, Store, now_of, wake

AGE = 3600.0
"""Seconds of waiting that weigh as much as one step of priority: whatever waits long enough comes first."""

Where = Sequence[sa.ColumnElement[bool]]


class urgency(FunctionElement[Any]):  # noqa: N801 - written as a function of SQL
    """`urgency(priority, due_at)`: what a claim is ordered by, the due time and `AGE` for each step of priority.

    An index may hold it.
    """

    inherit_cache = True
    name = "urgency"


@compiles(urgency, "sqlite")
def _urgency_sqlite(element: urgency, compiler: Any, **options: Any) -> str:
    priority, due_at = (compiler.process(one, **options) for one in element.clauses)
    return f"(julianday({due_at}) + {priority} * {AGE / 86400:.12g})"


@compiles(urgency, "postgresql")
def _urgency_postgresql(element: urgency, compiler: Any, **options: Any) -> str:
    priority, due_at = (compiler.process(one, **options) for one in element.clauses)
    return f"(({due_at} AT TIME ZONE 'UTC') + {priority} * interval '{AGE:g} seconds')"


class aside(FunctionElement[Any]):  # noqa: N801 - written as a function of SQL
    """`aside(column)`: the column, by which SQLite picks no index: it would sort all that is due instead of reading it in its order."""

    inherit_cache = True
    name = "aside"
    type = Moment()


@compiles(aside)
def _aside(element: aside, compiler: Any, **options: Any) -> str:
    return str(compiler.process(*element.clauses, **options))


@compiles(aside, "sqlite")
def _aside_sqlite(element: aside, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(*element.clauses, **options)}"


async def lock_rows(connection: AsyncConnection, *where: sa.ColumnElement[bool], by: Sequence[sa.Column[Any]]) -> None:
    """Have rows of a table to oneself until the end of the transaction, the first by these columns, its key, first.

    Whoever writes several rows does so, that nobody waits for somebody who waits for him. SQLite has one writer.
    """
    if connection.dialect.name != "sqlite":
        locked = sa.select(*by).where(*where).order_by(*by).with_for_update(of=by[0].table).subquery()
        await connection.execute(sa.select(sa.func.count()).select_from(locked))


@dataclass(frozen=True, slots=True)
class DueRows:
    """The due rows of a table.

    `key` tells rows apart; a row is due from `due_at` on, never while that is NULL. `lease`: seconds for which a claimed row is its
    claimer's. `holder` and `until` say whose, and until when; rows without them puts `due_at` off by that time
    instead. `turn`: what has its turn, such as an account. `order`: who comes first within a turn, else who has waited
    longest. `topic`: under which workers are woken when rows become due.
    """

    topic: str
    key: sa.Column[Any]
    due_at: sa.Column[Any]
    lease: float = 60.0
    until: sa.Column[Any] | None = None
    holder: sa.Column[Any] | None = None
    turn: sa.Column[Any] | None = None
    order: tuple[sa.ColumnElement[Any], ...] = ()

    @property
    def _table(self) -> sa.Table:
        table = self.key.table
        if not isinstance(table, sa.Table):
            raise TypeError(f"{self.key} is no column of a table")
        return table

    @property
    def freed(self) -> dict[str, None]:
        """The values of a row that nobody holds."""
        return {column.key: None for column in (self.holder, self.until) if column is not None}

    def free(self, now: datetime) -> sa.ColumnElement[bool]:
        """Nobody holds it, or not any more."""
        return sa.true() if self.until is None else sa.or_(self.until.is_(None), self.until < now)

    def ready(self, now: datetime) -> sa.ColumnElement[bool]:
        """It can be claimed."""
        return sa.and_(self.due_at <= now, self.free(now))

    def mine(self, by: str, keys: Collection[Any]) -> sa.ColumnElement[bool]:
        """These rows, as far as `by` holds them."""
        return sa.and_(self.key.in_(keys), sa.true() if self.holder is None else self.holder == by)

    async def make_due(
        self, connection: AsyncConnection, *where: sa.ColumnElement[bool], at: datetime, **values: Any
    ) -> int:
        """Let rows be due from `at` on; returns how many. Workers are woken once that is committed."""
        row = {self.due_at.key: at, **values}
        await lock_rows(connection, *where, by=[self.key])
        found = await connection.execute(sa.update(self._table).where(*where).values(row))
        await wake(connection, self.topic)
        return found.rowcount

    async def any(self, store: Store, *where: sa.ColumnElement[bool], now: datetime | None = None) -> bool:
        """Whether something can be claimed."""
        async with store.read() as connection:
            query = sa.select(self.key).where(self.ready(now or await now_of(connection)), *where).limit(1)
            return (await connection.execute(query)).first() is not None

    async def soonest(
        self, store: Store, *where: sa.ColumnElement[bool], turns: Collection[Any] | None = None
    ) -> datetime | None:
        """When the next row can be claimed; None when there is none. What is due already has a past time.

        Of a row that somebody holds, that is when its lease is over: whoever held it may have died. `turns`: only of these, each of
        which is looked up by itself.
        """
        async with store.read() as connection:
            now = await now_of(connection)
            known = sa.and_(self.due_at.is_not(None), *where)
            query = sa.select(self.due_at).where(known, self.free(now)).order_by(self.due_at).limit(1)
            found: datetime | None = None
            for one in [query] if turns is None else [query.where(self.turn == turn) for turn in turns]:
                found = earliest((found, (await connection.execute(one)).scalar()))
                if found is not None and found <= now:
                    return found
            if self.until is None:
                return found
            held = sa.select(sa.func.min(self.until)).where(known, self.until >= now)
            return earliest((found, (await connection.execute(held)).scalar()))

    async def claim(
        self,
        store: Store,
        *,
        by: str,
        limit: int,
        of: sa.Select[Any] | None = None,
        now: datetime | None = None,
    ) -> list[Any]:
        """Take up to `limit` rows that are ready for `by`; returns their keys, the first to be done first.

        `of`: a SELECT of the key with joins and conditions of the domain. Of several nodes that claim at once, each row goes to one.
        """
        if limit <= 0:
            return []
        if not await self._anything(store, of, now):  # looking takes no lock; mostly there is nothing
            return []
        async with store.write(durable=False) as connection:
            moment = now or await now_of(connection)
            keys = await self._ready(connection, limit, of, moment)
            await self._hold(connection, keys, by, moment)
            return keys

    async def claim_in_turn(
        self,
        store: Store,
        *,
        by: str,
        limit: int,
        after: Any = None,
        of: sa.Select[Any] | None = None,
        now: datetime | None = None,
        only: Collection[Any] | None = None,
    ) -> list[Any]:
        """As `claim`, the same share for each turn, beginning with the one that follows `after`. What one leaves others have.

        `only`: the turns that are looked at; what waits in others costs nothing, however much it is. As a mapping, it says how many rows
        of each are taken at most.
        """
        if self.turn is None:
            raise ValueError(f"{self.topic} has no turns")
        if limit <= 0 or not await self._anything(store, of, now, only):
            return []
        async with store.write(durable=False) as connection:
            moment = now or await now_of(connection)
            turns = await (
                self._turns(connection, moment) if only is None else self._ready_of(connection, only, moment)
            )
            if after is not None:
                turns = [*(one for one in turns if one > after), *(one for one in turns if one <= after)]
            room = dict(only) if isinstance(only, Mapping) else dict.fromkeys(turns, limit)
            found: list[Any] = []
            while turns and len(found) < limit:
                share = max(1, (limit - len(found)) // len(turns))
                left, begun = [], len(found)
                for turn in turns:
                    if len(found) >= limit:
                        break
                    query = (sa.select(self.key) if of is None else of).where(
                        self.turn == turn, self.due_at.is_not(None)
                    )
                    most = min(share, limit - len(found), room[turn])
                    taken = await self._ready(connection, most, query, moment, in_order=True)
                    found += taken
                    room[turn] -= len(taken)
                    if len(taken) == share and room[turn] > 0:
                        left.append(turn)
                await self._hold(connection, found[begun:], by, moment)
                turns = left
            return found

    async def _anything(
        self, store: Store, of: sa.Select[Any] | None, now: datetime | None, only: Collection[Any] | None = None
    ) -> bool:
        async with store.read() as connection:
            moment = now or await now_of(connection)
            if only is not None:
                return bool(await self._ready_of(connection, only, moment))
            query = (sa.select(self.key) if of is None else of).where(self.ready(moment))
            return (await connection.execute(query.limit(1))).first() is not None

    async def _turns(self, connection: AsyncConnection, now: datetime) -> list[Any]:
        """The turns that have something ready, found in the index turn by turn, however many rows there are."""
        assert self.turn is not None  # noqa: S101 - asked by the caller
        turn = self.turn
        table = self._table.alias()
        known = sa.select(sa.func.min(table.c[turn.key]).label("turn")).cte("known", recursive=True)
        following = sa.select(sa.func.min(table.c[turn.key])).where(table.c[turn.key] > known.c.turn).scalar_subquery()
        known = known.union_all(sa.select(following).where(known.c.turn.is_not(None)))
        ready = sa.exists().where(turn == known.c.turn, self.ready(now))
        query = sa.select(known.c.turn).where(known.c.turn.is_not(None), ready)
        return list((await connection.execute(query)).scalars())

    async def _ready_of(self, connection: AsyncConnection, turns: Collection[Any], now: datetime) -> list[Any]:
        """Those of these turns that have something ready."""
        found = []
        for one in sorted(turns):
            query = sa.select(self.key).where(self.turn == one, self.ready(now)).limit(1)
            if (await connection.execute(query)).first() is not None:
                found.append(one)
        return found

    async def _ready(
        self,
        connection: AsyncConnection,
        limit: int,
        of: sa.Select[Any] | None,
        now: datetime,
        *,
        in_order: bool = False,
    ) -> list[Any]:
        due: sa.ColumnElement[Any] = aside(self.due_at) if self.order and in_order else self.due_at
        query = (sa.select(self.key) if of is None else of).where(due <= now, self.free(now))
        query = query.order_by(*(self.order or (self.due_at,)), self.key).limit(limit)
        lock = query.with_for_update(skip_locked=True, of=self._table)
        return list((await connection.execute(lock)).scalars())

    async def _hold(self, connection: AsyncConnection, keys: Sequence[Any], by: str, now: datetime) -> None:
        if keys:
            values: dict[str, Any] = {(self.until if self.until is not None else self.due_at).key: self._end(now)}
            if self.holder is not None:
                values[self.holder.key] = by
            await connection.execute(sa.update(self._table).where(self.key.in_(keys)).values(values))

    def _end(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.lease)

    async def renew(self, store: Store, *, by: str, keys: Collection[Any], now: datetime | None = None) -> set[Any]:
        """Hold these for longer; returns those that `by` still holds. Only for rows with `until`."""
        if not keys or self.until is None:
            return set()
        async with store.write(durable=False) as connection:
            values = {self.until.key: self._end(now or await now_of(connection))}
            await lock_rows(connection, self.mine(by, keys), by=[self.key])
            statement = sa.update(self._table).where(self.mine(by, keys)).values(values).returning(self.key)
            return set((await connection.execute(statement)).scalars())

    async def park(self, store: Store, *, by: str, key: Any, until: Any, values: Mapping[str, Any]) -> bool:
        """Give a row back until then, with `values` such as the plan it goes on with. False when it is another's by now.

        One that is not to be done any more, as its due time was taken away meanwhile, stays so.
        """
        at = sa.literal(until, Moment) if isinstance(until, datetime) else until
        due_at = None if at is None else sa.case((self.due_at.is_not(None), at))
        row = {self.due_at.key: due_at, **self.freed, **values}
        async with store.write(durable=False) as connection:
            parked = await connection.execute(sa.update(self._table).where(self.mine(by, [key])).values(row))
            await wake(connection, self.topic)
            return parked.rowcount == 1

    async def give_back(
        self,
        store: Store,
        *,
        by: str,
        now: datetime | None = None,
        unless: sa.ColumnElement[bool] | None = None,
        keys: Collection[Any] | None = None,
    ) -> int:
        """What `by` held is due at once, for it was started anew or stops; returns how many. `unless`: what is not due then.

        What has no due time any more gets none. `keys`: only these rows.
        """
        if self.holder is None:
            return 0
        async with store.write(durable=False) as connection:
            at: Any = sa.literal(now or await now_of(connection), Moment)
            due = self.due_at.is_not(None)
            due_at = sa.case((due if unless is None else sa.and_(due, sa.not_(unless)), at))
            values = {**self.freed, self.due_at.key: due_at}
            mine = self.holder == by if keys is None else sa.and_(self.holder == by, self.key.in_(list(keys)))
            await lock_rows(connection, mine, by=[self.key])
            found = await connection.execute(sa.update(self._table).where(mine).values(values))
            if found.rowcount:
                await wake(connection, self.topic)
            return found.rowcount


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """The first of some times, of which each may be none."""
    return min((one for one in times if one is not None), default=None)
