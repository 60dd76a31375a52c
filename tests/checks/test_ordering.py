"""The order of channels' streams, many channels at a time: as one by one, in a few queries, and step by step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew import app
from nightcrew.checks import ordering, rules
from nightcrew.checks.models import checked
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import order, views
from nightcrew.checks.store.order import Decide
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import Store
from nightcrew.playlists import accounts
from nightcrew.playlists.exports import channels
from nightcrew.playlists.identity import Identifier
from nightcrew.playlists.models import feed, stream
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.rules import ListEntry
from nightcrew.playlists.store import applying, sources
from nightcrew.playlists.store.staging import Staging, row_of
from support import Node, counting, running, until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHANNELS = 40
OPTIONS = (
    CheckSettings(),
    CheckSettings(account_priority=["third", "Own"], prefer_max_height=720),
    CheckSettings(diversify=True, account_stream_limit=1),
)


@pytest.fixture
async def runtime(tmp_path: Path, database: str | None) -> AsyncIterator[Runtime]:
    """A node that is not at work, with four sources of the same channels: two of one login, and one that a person made."""
    async with app.node(app.Config(data_dir=tmp_path, database_url=database)) as (made, _):
        made.add(Adapters())
        login = {"username": "u", "password": "p"}
        await lists(made, "First", {"url": "http://192.0.2.1", **login}, kind="xtream")
        await lists(made, "Second", {"url": "http://192.0.2.1", **login, "max_streams": 2}, kind="xtream")
        await lists(made, "Third", {"url": "http://192.0.2.3/list.m3u"})
        await lists(made, "Own", {"url": "/srv/own.m3u"})
        await scatter(made.store)
        yield made


async def lists(runtime: Runtime, name: str, config: dict[str, Any], *, kind: str = "m3u") -> None:
    """A source with all channels."""
    store = runtime.store
    source = await sources.add(store, runtime.vault, kind=kind, name=name, config=config, shown_url="")
    await sources.sync_feeds(store, source, [("channels", "", "DE")], enabled=True)
    (own,) = await sources.feeds(store, source_id=source)
    work, identifier = Staging(store, own.id, name), Identifier()
    await work.begin()
    entries = [ListEntry(f"C{n}", f"http://192.0.2.9/{name}/{n}", guide_id=f"c{n}") for n in range(CHANNELS)]
    await work.add([row_of(i, one, identifier.identify(one)) for i, one in enumerate(entries)])
    change = await work.finish()
    await applying.apply(store, own.id, name, now=NOW, due_at=NOW, change=change, content={}, merge=True)


async def scatter(store: Store) -> None:
    """Anything that checks can find: good, better, dead, never checked, gone, not to be played."""
    chance = random.Random(10)
    async with store.write() as connection:
        for stream_id, source_id in (
            await connection.execute(sa.select(stream.c.id, feed.c.source_id).join(feed, feed.c.id == stream.c.feed_id))
        ).all():
            values = {
                "score": chance.choice([None, 0.2, 0.5, 0.5, 0.9]),
                "dead": chance.random() < 0.2,
                "playable": chance.random() < 0.9,
                "gone_at": NOW if chance.random() < 0.1 else None,
                "place": chance.choice([1, 2, 500, 1000, -1]),
            }
            await connection.execute(sa.update(stream).where(stream.c.id == stream_id).values(values))
            if chance.random() < 0.7:
                nothing = {"priority": 1, "full": False, "waiting": False, "failures": 0, "width": 0, "fps": 0.0}
                height = chance.choice([0, 576, 720, 1080])
                codecs = {"video_codec": "h264", "audio_codec": ""}
                known = {"stream_id": stream_id, "source_id": source_id, "height": height, **nothing, **codecs}
                await connection.execute(sa.insert(checked).values(known))


async def one_by_one(runtime: Runtime, channel_id: int, options: CheckSettings) -> dict[int, int]:
    """The places of a channel's streams, as its channel's page, the list of checks and the accounts tell them."""
    channel = await channels.get(runtime.store, channel_id)
    heights = {
        one.stream_id: one.height
        for one in await views.page(
            runtime.store, views.StreamFilter(channel_id=channel_id), now=utcnow(), node=runtime.node
        )
    }
    ways = await accounts.profiles(runtime)
    entries = [
        rules.RankedStream(
            id=one.id,
            account=ways[one.source_id][0].account,
            source=one.source,
            score=one.score,
            height=heights[one.id],
            dead=one.dead,
            exempt=accounts.is_own_list(ways[one.source_id][0].source),
            lead=index,
        )
        for index, one in enumerate(sorted(channel.streams, key=lambda s: (s.feed_id != channel.feed_id, s.id)))
        if one.playable
    ]
    return rules.order(entries, options)


async def places(store: Store) -> dict[int, int]:
    async with store.read() as connection:
        return {row.id: row.place for row in await connection.execute(sa.select(stream.c.id, stream.c.place))}


async def ids_of(store: Store) -> list[int]:
    return await order.channels_with_choice(store, after=0, limit=CHANNELS)


async def revisions(store: Store) -> dict[int, int]:
    return {one.id: one.revision for one in await sources.feeds(store)}


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "wishes", "spread"])
async def test_many_channels_at_a_time_are_ordered_as_one_by_one(runtime: Runtime, options: CheckSettings) -> None:
    store = runtime.store
    ids, before = await ids_of(store), await places(store)
    assert len(ids) > CHANNELS * 0.8
    wanted: dict[int, int] = {}
    moved = 0
    for channel_id in ids:
        found = await one_by_one(runtime, channel_id, options)
        moved += any(before[stream_id] != place for stream_id, place in found.items())
        wanted |= found
    assert len({place for place in wanted.values() if 0 < place < 500}) > 2, "not even three good streams in a channel"
    assert await ordering.reorder(runtime, ids, options) == moved
    assert await places(store) == before | wanted


async def test_one_channel_is_ordered_and_no_other(runtime: Runtime) -> None:
    store = runtime.store
    before = await places(store)
    channel_id = (await ids_of(store))[3]
    assert await ordering.reorder(runtime, [channel_id], CheckSettings()) == 1
    assert await places(store) == before | await one_by_one(runtime, channel_id, CheckSettings())


async def test_only_what_changes_makes_playlists_out_of_date(runtime: Runtime) -> None:
    ids = await ids_of(runtime.store)
    fresh = await revisions(runtime.store)
    await ordering.reorder(runtime, ids, CheckSettings())
    assert {number for number, revision in (await revisions(runtime.store)).items() if revision != fresh[number]} == {1}
    ordered = await revisions(runtime.store)
    assert await ordering.reorder(runtime, ids, CheckSettings()) == 0
    assert await revisions(runtime.store) == ordered


async def test_channels_that_are_gone_are_passed_over(runtime: Runtime) -> None:
    assert await ordering.reorder(runtime, [10_000], CheckSettings()) == 0


async def test_the_number_of_queries_does_not_grow_with_the_channels(runtime: Runtime) -> None:
    ids = await ids_of(runtime.store)
    few, many = [], []
    with counting(runtime.store, few):
        assert await ordering.reorder(runtime, ids[:4], CheckSettings()) > 2
    with counting(runtime.store, many):
        assert await ordering.reorder(runtime, ids[4:], CheckSettings()) > 20
    assert len(many) == len(few), many


async def test_a_check_that_ends_meanwhile_is_not_written_over(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it finds is stored before the places are read, or its own order comes after they are stored."""
    store, ids = runtime.store, await ids_of(runtime.store)
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Task[None]] = []

    async def check_ends() -> None:
        async with store.write() as connection:
            await connection.execute(sa.update(stream).values(dead=True))
        await ordering.reorder(runtime, ids, CheckSettings())

    arranged = order.arrange

    async def meanwhile(store: Store, channel_ids: Sequence[int], decide: Decide) -> int:
        def slow(found: Any) -> Any:
            if not ends:
                begun = asyncio.run_coroutine_threadsafe(_begin(), loop)
                begun.result()
            return decide(found)

        return await arranged(store, channel_ids, slow)

    async def _begin() -> None:
        ends.append(asyncio.create_task(check_ends()))
        await asyncio.wait(ends, timeout=0.2)

    monkeypatch.setattr(order, "arrange", meanwhile)
    await ordering.reorder(runtime, ids, CheckSettings())
    await asyncio.gather(*ends)
    assert await ordering.reorder(runtime, ids, CheckSettings()) == 0, "the order of what is dead by now was lost"


# -- the job -----------------------------------------------------------------------------------------------------------


async def scored_list(node: Node, folder: Path, count: int) -> None:
    """A list whose channels have a stream that was scored, and is in no order."""
    path = folder / "list.m3u"
    path.write_text("#EXTM3U\n" + "".join(f"#EXTINF:-1,C{n}\nhttp://192.0.2.1/{n}\n" for n in range(count)))
    await node.add(kind="m3u", name="List", url=str(path), region="DE")
    async with node.runtime.store.write() as connection:
        await connection.execute(sa.update(stream).values(score=0.5))


async def test_an_order_that_was_interrupted_goes_on_behind_its_last_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[int]] = []
    hang = True
    arranged = order.arrange

    async def noted(store: Store, channel_ids: Sequence[int], decide: Decide) -> int:
        batches.append(list(channel_ids))
        if hang and len(batches) == 3:
            await asyncio.Event().wait()
        return await arranged(store, channel_ids, decide)

    monkeypatch.setattr(ordering, "BATCH", 2)
    monkeypatch.setattr(order, "arrange", noted)
    async with running(tmp_path / "data") as node:
        await scored_list(node, tmp_path, 9)
        run_id = await node.runtime.jobs.start("checks.reorder")
        await until(lambda: len(batches) == 3)
    hang = False
    async with running(tmp_path / "data") as node:
        ended = await node.runtime.jobs.wait(run_id)
        assert ended.state == "done"
        assert batches == [[1, 2], [3, 4], [5, 6], [5, 6], [7, 8], [9]]
        assert set((await places(node.runtime.store)).values()) == {1}


async def test_the_order_of_all_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[float, float | None, str]] = []

    async def note(self: Any, done: float, total: float | None = None, message: str = "") -> None:
        said.append((done, total, message))

    monkeypatch.setattr(ordering, "BATCH", 2)
    async with running(tmp_path / "data") as node:
        await scored_list(node, tmp_path, 3)
        monkeypatch.setattr("nightcrew.kernel.run.Run.progress", note)
        await node.runtime.jobs.wait(await node.runtime.jobs.start("checks.reorder"))
    assert said == [(2, 3, "2 channels put in order"), (3, 3, "3 channels put in order")]


async def test_an_order_of_all_is_made_once_and_goes_by_the_last_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    went_by: list[bool] = []
    door = asyncio.Event()
    arranged = order.arrange

    async def noted(store: Store, channel_ids: Sequence[int], decide: Decide) -> int:
        went_by.append(node.runtime.settings.of(CheckSettings).diversify)
        await door.wait()
        return await arranged(store, channel_ids, decide)

    monkeypatch.setattr(ordering, "BATCH", 2)
    monkeypatch.setattr(order, "arrange", noted)
    async with running(tmp_path / "data") as node:
        await scored_list(node, tmp_path, 3)
        jobs = node.runtime.jobs
        first = await jobs.start("checks.reorder")
        await until(lambda: went_by)
        await node.patch("/api/v1/settings", {"checks.diversify": True})
        assert await jobs.start("checks.reorder") == first
        door.set()
        assert (await jobs.wait(first)).state == "done"
        assert went_by == [False, True, True, True], (
            "two batches, of which one went by the old settings, and both again"
        )
        assert await jobs.start("checks.reorder") != first
