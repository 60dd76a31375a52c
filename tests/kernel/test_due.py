"""Due rows on a table of its own, on SQLite and PostgreSQL: who gets which, in which order, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew import app
from nightcrew.checks.models import checked
from nightcrew.checks.store import queue
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import AGE, DueRows, earliest, urgency
from nightcrew.kernel.store import Moment, Store, database_url, migrate, wake
from nightcrew.kernel.wakes import Wakes
from support import until

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
LEASE = 60.0
errand = sa.Table(
    "errand",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host", sa.String(20), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("due_at", Moment),
    sa.Column("by", sa.String(20)),
    sa.Column("until", Moment),
    sa.Column("plan", sa.String(20)),
    sa.Index("ix_errand_turn", "host", "due_at"),
)
ROWS = DueRows(
    "errands",
    key=errand.c.id,
    due_at=errand.c.due_at,
    lease=LEASE,
    holder=errand.c.by,
    until=errand.c.until,
    turn=errand.c.host,
    order=(urgency(errand.c.priority, errand.c.due_at),),
)
BARE = DueRows("errands", key=errand.c.id, due_at=errand.c.due_at, lease=LEASE)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
async def store(tmp_path: Path, database: str | None) -> AsyncIterator[Store]:
    made = Store(database_url(tmp_path, database))
    async with made.write() as connection:
        await connection.run_sync(errand.metadata.create_all)
    yield made
    await made.close()


async def add(store: Store, *rows: tuple[str, int, float | None]) -> None:
    """Rows as (host, priority, seconds from now until they are due)."""
    async with store.write() as connection:
        for host, priority, due in rows:
            values = {"host": host, "priority": priority, "due_at": None if due is None else at(due)}
            await connection.execute(sa.insert(errand).values(values))


async def row(store: Store, key: int) -> Any:
    async with store.read() as connection:
        return (await connection.execute(sa.select(errand).where(errand.c.id == key))).one()


async def test_what_is_due_is_claimed_once_the_most_urgent_first(store: Store) -> None:
    await add(store, ("a", 5, -1), ("a", 0, 0), ("a", 5, -2), ("a", 0, 1), ("a", 0, None))
    assert await ROWS.any(store, now=NOW)
    assert await ROWS.claim(store, by="n", limit=2, now=NOW) == [2, 3]
    assert await ROWS.claim(store, by="m", limit=9, now=NOW) == [1]
    assert await ROWS.claim(store, by="m", limit=9, now=NOW) == []
    assert not await ROWS.any(store, now=NOW)
    assert await ROWS.claim(store, by="m", limit=0, now=at(1)) == []
    assert (await row(store, 2)).by == "n"


async def test_what_waits_long_enough_comes_before_what_is_more_urgent(store: Store) -> None:
    await add(store, ("a", 0, 0), ("a", 3, -3 * AGE + 1), ("a", 3, -3 * AGE - 1))
    assert await ROWS.claim(store, by="n", limit=3, now=NOW) == [3, 1, 2]


async def test_a_claim_ends_by_itself_unless_it_is_renewed_by_who_has_it(store: Store) -> None:
    await add(store, ("a", 0, 0), ("a", 0, 0))
    assert await ROWS.claim(store, by="n", limit=2, now=NOW) == [1, 2]
    assert await ROWS.renew(store, by="n", keys=[1], now=at(30)) == {1}
    assert await ROWS.renew(store, by="m", keys=[1, 2], now=at(30)) == set(), "they are not its own"
    assert await ROWS.renew(store, by="n", keys=[], now=at(30)) == set()
    assert await ROWS.claim(store, by="m", limit=2, now=at(LEASE)) == []
    assert await ROWS.claim(store, by="m", limit=2, now=at(LEASE + 1)) == [2]
    assert await ROWS.renew(store, by="n", keys=[1, 2], now=at(LEASE + 2)) == {1}, "one was taken over"


async def test_what_is_parked_is_due_again_then_with_its_plan(store: Store) -> None:
    await add(store, ("a", 0, 0))
    await ROWS.claim(store, by="n", limit=1, now=NOW)
    assert not await ROWS.park(store, by="m", key=1, until=at(10), values={"plan": "of another"})
    assert await ROWS.park(store, by="n", key=1, until=at(10), values={"plan": "go on"})
    assert await ROWS.soonest(store) == at(10)
    assert await ROWS.claim(store, by="m", limit=1, now=at(9)) == []
    assert await ROWS.claim(store, by="m", limit=1, now=at(10)) == [1]
    assert (await row(store, 1)).plan == "go on"


async def test_who_stops_gives_back_all_that_it_has(store: Store) -> None:
    await add(store, ("a", 0, 0), ("a", 0, 0), ("b", 0, 0), ("b", 0, 0))
    await ROWS.claim(store, by="n", limit=3, now=NOW)
    await ROWS.claim(store, by="m", limit=1, now=NOW)
    assert await ROWS.give_back(store, by="n", now=at(5), unless=errand.c.id == 3) == 3
    assert await ROWS.claim(store, by="m", limit=9, now=at(5)) == [1, 2]
    assert (await row(store, 3)).due_at is None
    assert (await row(store, 4)).by == "m"


async def test_what_is_not_to_be_done_any_more_stays_so_whatever_becomes_of_its_claim(store: Store) -> None:
    await add(store, *(("a", 0, 0) for _ in range(4)))
    await ROWS.claim(store, by="n", limit=4, now=NOW)
    async with store.write() as connection:
        await connection.execute(sa.update(errand).where(errand.c.id <= 2).values(due_at=None))
    assert await ROWS.park(store, by="n", key=1, until=at(5), values={"plan": "kept"})
    assert await ROWS.park(store, by="n", key=3, until=None, values={})
    await ROWS.give_back(store, by="n", now=at(5))
    assert [(await row(store, key)).due_at for key in (1, 2, 3, 4)] == [None, None, None, at(5)]
    assert [(await row(store, key)).by for key in (1, 2, 3, 4)] == [None] * 4
    assert (await row(store, 1)).plan == "kept"


async def test_each_turn_gets_its_share_and_what_one_leaves_others_have(store: Store) -> None:
    await add(store, *(("big", 0, -9) for _ in range(20)), ("small", 9, 0), ("small", 9, 0), ("late", 0, 5))
    first = await ROWS.claim_in_turn(store, by="n", limit=4, now=NOW)
    assert sorted(first) == [1, 2, 21, 22]
    assert await ROWS.claim_in_turn(store, by="n", limit=4, now=NOW) == [3, 4, 5, 6], "nothing else is due"


async def test_what_waits_in_other_turns_is_left_alone(store: Store) -> None:
    await add(store, ("a", 0, 0), ("b", 0, -5), ("c", 0, 0), ("c", 0, 60))
    assert sorted(await ROWS.claim_in_turn(store, by="n", limit=9, now=NOW, only=["c", "a", "z"])) == [1, 3]
    assert await ROWS.claim_in_turn(store, by="n", limit=9, now=NOW, only=["c"]) == []
    assert await ROWS.claim_in_turn(store, by="n", limit=9, now=NOW, only=[]) == []


async def test_a_turn_that_has_enough_gets_no_more(store: Store) -> None:
    await add(store, *(("full", 0, -9) for _ in range(9)), *(("free", 0, 0) for _ in range(4)))
    assert sorted(await ROWS.claim_in_turn(store, by="n", limit=9, now=NOW, only={"full": 2, "free": 3})) == [
        1,
        2,
        10,
        11,
        12,
    ]
    assert await ROWS.claim_in_turn(store, by="n", limit=9, now=NOW, only={"full": 1, "none": 5}) == [3]
    assert await ROWS.claim_in_turn(store, by="n", limit=1, now=NOW, only={"full": 4}) == [4]


async def test_the_next_of_some_turns(store: Store) -> None:
    ahead = (utcnow() - NOW).total_seconds()
    await add(store, ("a", 0, ahead + 900), ("b", 0, -5), ("c", 0, ahead + 600))
    assert await ROWS.soonest(store, turns=["a", "c"]) == at(ahead + 600)
    assert await ROWS.soonest(store, turns=["a", "b", "c"]) == at(-5), "what is due already"
    assert await ROWS.soonest(store, turns=[]) is None


async def test_turns_go_on_behind_the_one_that_was_last(store: Store) -> None:
    await add(store, ("a", 0, 0), ("a", 0, 0), ("b", 0, 0), ("c", 0, 0))
    assert await ROWS.claim_in_turn(store, by="n", limit=1, after="a", now=NOW) == [3]
    assert await ROWS.claim_in_turn(store, by="n", limit=1, after="b", now=NOW) == [4]
    assert await ROWS.claim_in_turn(store, by="n", limit=2, after="c", now=NOW) == [1, 2]
    with pytest.raises(ValueError, match="no turns"):
        await BARE.claim_in_turn(store, by="n", limit=1)


async def test_rows_without_a_lease_of_their_own_are_put_off_by_a_claim(store: Store) -> None:
    await add(store, ("a", 0, -1), ("a", 0, -2))
    assert await BARE.claim(store, by="", limit=9, now=NOW) == [2, 1], "who has waited longest comes first"
    assert await BARE.claim(store, by="", limit=9, now=at(LEASE - 1)) == []
    assert await BARE.claim(store, by="", limit=1, now=at(LEASE)) == [1]
    assert await BARE.park(store, by="", key=1, until=at(999), values={})
    assert await BARE.renew(store, by="", keys=[1]) == set()
    assert await BARE.give_back(store, by="") == 0


async def test_the_next_due_time_is_of_what_nobody_has(store: Store) -> None:
    assert await ROWS.soonest(store) is None
    await add(store, ("a", 0, -5), ("a", 0, 7), ("a", 0, None), ("b", 0, 3))
    assert await ROWS.soonest(store) == at(-5)
    assert await ROWS.soonest(store, errand.c.host == "b") == at(3)
    async with store.write() as connection:
        held = {"by": "n", "until": datetime.now(UTC) + timedelta(minutes=5)}
        await connection.execute(sa.update(errand).where(errand.c.id == 1).values(held))
    assert await ROWS.soonest(store) == at(3)


async def test_what_somebody_holds_is_due_when_the_lease_is_over(store: Store) -> None:
    """Whoever held it may have died, and nobody is woken by that."""
    await add(store, ("a", 0, -5), ("a", 0, -5), ("a", 0, None))
    ends = [datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (9, 5, 1)]
    for number, end in enumerate(ends, 1):
        async with store.write() as connection:
            values = {"by": "n", "until": end}
            await connection.execute(sa.update(errand).where(errand.c.id == number).values(values))
    assert await ROWS.soonest(store) == ends[1], "the third has no due time"


async def test_of_nodes_that_claim_at_once_each_row_goes_to_one(tmp_path: Path, database: str | None) -> None:
    stores = [Store(database_url(tmp_path, database)) for _ in range(4)]
    async with stores[0].write() as connection:
        await connection.run_sync(errand.metadata.create_all)
    await add(stores[0], *((f"h{n % 3}", n % 2, -1) for n in range(90)))

    async def take(number: int) -> list[int]:
        mine: list[int] = []
        while found := await ROWS.claim_in_turn(stores[number], by=str(number), limit=7, now=NOW):
            mine += found
        return mine

    taken = [one for found in await asyncio.gather(*(take(n) for n in range(4))) for one in found]
    assert len(set(taken)) == len(taken)
    left = await ROWS.claim(stores[0], by="last", limit=99, now=NOW)  # a node may pass over what another has locked
    assert sorted([*taken, *left]) == list(range(1, 91))
    for one in stores:
        await one.close()


async def test_a_set_is_made_due_in_one_statement(store: Store) -> None:
    await add(store, ("a", 3, None), ("a", 3, 99), ("b", 3, None))
    async with store.write() as connection:
        assert await ROWS.make_due(connection, errand.c.host == "a", at=NOW, priority=1) == 2
    assert await ROWS.claim(store, by="n", limit=9, now=NOW) == [1, 2]
    assert (await row(store, 1)).priority == 1


# -- being woken -------------------------------------------------------------------------------------------------------


async def test_who_waits_is_woken_when_it_is_committed_and_not_when_it_is_not(store: Store) -> None:
    rung: list[str] = []
    wakes = Wakes(store)
    wakes.on("errands", lambda: rung.append("errands"))
    async with store.write() as connection:
        await wake(connection, "errands")
        await wake(connection, "errands")
        await wake(connection, "of nobody")
        assert rung == [], "others do not see it yet"
    assert rung == ["errands"]
    with pytest.raises(RuntimeError):
        async with store.write() as connection:
            await wake(connection, "errands")
            raise RuntimeError
    async with store.write() as connection:
        pass
    assert rung == ["errands"]


async def test_another_node_is_woken_and_hears_again_after_its_connection_broke(postgres: str, tmp_path: Path) -> None:
    here, there = (Store(database_url(tmp_path, postgres)) for _ in range(2))
    Wakes(here)
    rung: list[int] = []
    wakes = Wakes(there)
    wakes.on("errands", lambda: rung.append(1))
    hearing = asyncio.create_task(wakes.run())
    try:
        await until(lambda: rung)  # once it listens it looks for what it has missed
        rung.clear()
        async with here.write() as connection:
            await wake(connection, "errands")
        await until(lambda: rung)
        rung.clear()
        async with here.read() as connection:
            ended = sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN nightcrew'"
                " AND datname = current_database()"
            )
            assert len((await connection.execute(ended)).all()) == 1
        await until(lambda: rung, 30)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await here.close()
        await there.close()


# -- rules -------------------------------------------------------------------------------------------------------------


def test_the_earliest_of_some_times() -> None:
    assert earliest(()) is None
    assert earliest((None, at(2), at(1), None)) == at(1)


async def test_the_next_check_is_found_in_an_index(tmp_path: Path) -> None:
    store = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, store.url, app.migration_folders())
    order = urgency(checked.c.priority, checked.c.due_at)
    query = sa.select(checked.c.stream_id).where(checked.c.source_id == 1, checked.c.stage == queue.WAITING)
    text = query.order_by(order, checked.c.stream_id).compile(
        dialect=store.engine.dialect, compile_kwargs={"literal_binds": True}
    )
    async with store.read() as connection:
        plan = [row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    await store.close()
    assert any("ix_check_stream_queue" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
