"""Rows that are worked on beside the tick that claims them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from nightcrew.kernel.due import DueRows
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway, Moment, Store, database_url, now_of
from nightcrew.kernel.wakes import Wakes
from support import until

errand = sa.Table(
    "errand_of_hands",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("due_at", Moment),
    sa.Column("by", sa.String(20)),
    sa.Column("until", Moment),
)
ROWS = DueRows("hands", key=errand.c.id, due_at=errand.c.due_at, lease=0.6, holder=errand.c.by, until=errand.c.until)


class Lab:
    """Three rows that are due, and who works on them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.wakes = Wakes(store)
        self.node = cast("Runtime", SimpleNamespace(node="n", store=store, wakes=self.wakes))
        self.wrong: list[tuple[Any, str]] = []
        self.hands = Hands(self.node, ROWS, 2, self.failed)

    async def failed(self, key: Any, exc: Exception) -> None:
        self.wrong.append((key, str(exc)))

    async def claim(self) -> list[int]:
        return await ROWS.claim(self.store, by="n", limit=9)

    async def ready(self) -> int:
        async with self.store.read() as connection:
            query = sa.select(sa.func.count()).where(ROWS.ready(await now_of(connection)))
            return int((await connection.execute(query)).scalar_one())


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    store = Store(database_url(tmp_path, None))
    async with store.write() as connection:
        await connection.run_sync(errand.metadata.create_all)
        now = await now_of(connection)
        await connection.execute(sa.insert(errand), [{"due_at": now}] * 3)
    made = Lab(store)
    yield made
    await made.hands.close()
    await store.close()


async def test_when_a_hand_is_free_the_tick_is_woken(lab: Lab) -> None:
    rung, gate = asyncio.Event(), asyncio.Event()
    lab.wakes.on("hands", rung.set)
    lab.hands.take([1, 2], cast("Any", gate.wait()), "work")
    assert lab.hands.free == 1
    assert set(lab.hands.held) == {1, 2}
    gate.set()
    await rung.wait()
    assert lab.hands.free == 2
    assert not lab.hands.held


async def test_what_is_worked_on_stays_claimed_for_as_long_as_that_takes(lab: Lab) -> None:
    held, gate = await lab.claim(), asyncio.Event()
    lab.hands.take(held, cast("Any", gate.wait()), "work")
    assert lab.hands.next_at is not None
    for _ in range(8):
        await asyncio.sleep(0.15)
        await lab.hands.keep()
    assert await lab.ready() == 0  # twice the lease is over
    gate.set()


@pytest.mark.parametrize("error", [Retry("the service is away"), ValueError("nobody expected that")])
async def test_a_row_whose_work_fails_is_settled_by_who_knows_how(lab: Lab, error: Exception) -> None:
    async def work() -> None:
        raise error

    lab.hands.take([1, 2], work(), "work")
    await until(lambda: len(lab.wrong) == 2)
    assert lab.wrong == [(1, str(error)), (2, str(error))]
    await until(lambda: lab.hands.free == 2)


async def test_at_a_stop_what_was_held_is_due_at_once(lab: Lab) -> None:
    held, begun = await lab.claim(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    lab.hands.take(held, work(), "work")
    await begun.wait()
    assert await lab.ready() == 0
    await lab.hands.close()
    assert await lab.ready() == 3
    assert lab.wrong == []


async def test_what_a_database_that_is_away_could_not_note_is_due_again_as_soon_as_it_is_back(lab: Lab) -> None:
    async def cut_off() -> None:
        raise DatabaseAway("the database cannot be used now")

    async def wrong() -> None:
        raise Retry("a service is slow")

    async def cannot_note(_key: Any, _exc: Exception) -> None:
        raise DatabaseAway("the database cannot be used now")

    lab.hands = Hands(lab.node, ROWS, 2, cannot_note)
    first, second, third = await lab.claim()
    lab.hands.take([first], cut_off(), "one")
    lab.hands.take([second], wrong(), "two")
    await until(lambda: lab.hands.free == 2)
    assert await lab.ready() == 0
    assert lab.hands.next_at is not None, "the tick comes by soon"
    await lab.hands.keep()
    assert await lab.claim() == [first, second]
    assert lab.hands.next_at is None
    assert third not in lab.hands.held


async def test_at_a_stop_what_was_dropped_is_due_at_once(lab: Lab) -> None:
    async def cut_off() -> None:
        raise DatabaseAway("the database cannot be used now")

    lab.hands.take(await lab.claim(), cut_off(), "work")
    await until(lambda: lab.hands.free == 2)
    assert await lab.ready() == 0
    await lab.hands.close()
    assert await lab.ready() == 3
