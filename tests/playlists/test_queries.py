"""What the lists of sources cost: as many queries for twenty sources as for two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew import app
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import api, pages
from nightcrew.playlists.models import refresh_run
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.store import refreshes, sources
from support import counting

RUNS = 4
SHOWN = {
    "cards": lambda runtime, _: pages._cards(runtime),
    "list of sources": lambda runtime, _: api.list_sources(runtime),
    "runs of a source": lambda runtime, source_id: api.source_runs(runtime, source_id, limit=3),
}


@pytest.fixture
async def runtime(tmp_path: Path, database: str | None) -> AsyncIterator[Runtime]:
    """A node that is not at work."""
    async with app.node(app.Config(data_dir=tmp_path, database_url=database)) as (made, _):
        made.add(Adapters())
        yield made


async def add(runtime: Runtime, name: str, regions: int = 2) -> None:
    """A source with feeds, each with runs: the first an hour ago, the next a minute later."""
    config = {"url": f"http://192.0.2.1/{name}.m3u"}
    source = await sources.add(runtime.store, runtime.vault, kind="m3u", name=name, config=config, shown_url="")
    slices = [("channels", "", f"R{number}") for number in range(regions)]
    await sources.sync_feeds(runtime.store, source, slices, enabled=True)
    for feed in await sources.feeds(runtime.store, source_id=source):
        for number in range(RUNS):
            run = f"{feed.id}-{number}"
            await refreshes.begin_run(runtime.store, run, feed.id, rebuild=False)
            at = utcnow() - timedelta(minutes=60 - number)
            async with runtime.store.write() as connection:
                mine = refresh_run.c.id == run
                await connection.execute(sa.update(refresh_run).where(mine).values(started_at=at, ended_at=at))


@pytest.mark.parametrize("shown", SHOWN)
async def test_the_number_of_queries_does_not_grow(runtime: Runtime, shown: str) -> None:
    show: Callable[[Runtime, int], Awaitable[Any]] = SHOWN[shown]
    few, many = list[str](), list[str]()
    for name in "AB":
        await add(runtime, name)
    with counting(runtime.store, few):
        await show(runtime, 1)
    await add(runtime, "many", regions=20)
    for number in range(18):
        await add(runtime, f"C{number}")
    with counting(runtime.store, many):
        found = await show(runtime, 3)
    assert len(many) == len(few), many
    if shown != "runs of a source":
        assert len(found["cards"] if shown == "cards" else found.items) == 21


async def test_each_feed_has_its_own_last_runs(runtime: Runtime) -> None:
    for name in "AB":
        await add(runtime, name)
    found = await refreshes.runs(runtime.store, [1, 3, 99], limit=3)
    assert {feed: [run["id"] for run in runs] for feed, runs in found.items()} == {
        1: ["1-3", "1-2", "1-1"],
        3: ["3-3", "3-2", "3-1"],
        99: [],
    }
    cards = (await pages._cards(runtime))["cards"]
    assert [[len(view["runs"]) for view in card["feeds"]] for card in cards] == [[RUNS, RUNS], [RUNS, RUNS]]
    assert [view["feed"].id for card in cards for view in card["feeds"]] == [1, 2, 3, 4]
    items = (await api.list_sources(runtime)).model_dump()["items"]
    assert [[feed["id"] for feed in item["feeds"]] for item in items] == [[1, 2], [3, 4]]
