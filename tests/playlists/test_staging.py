"""The set-based comparison against a simple model in Python: whatever lists come one after the other, both agree."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightcrew.kernel.clock import utcnow
from nightcrew.playlists import identity, rules
from nightcrew.playlists.models import staged
from nightcrew.playlists.rules import ListEntry
from nightcrew.playlists.store import applying, channels, sources, staging
from nightcrew.playlists.store import staging_sql as sql
from nightcrew.playlists.store.staging import Staging, row_of
from support import Node

NAMES = [f"Channel {letter}" for letter in "ABCDEFGH"]
entries = st.builds(
    ListEntry,
    name=st.sampled_from(NAMES),
    url=st.sampled_from([f"http://192.0.2.1/{n}" for n in range(4)]),
    group=st.sampled_from(["", "News", "Sport"]),
    guide_id=st.sampled_from(["", "", "g1", "g2", "g3"]),
    number=st.sampled_from(["", "1", "2"]),
)
lists = st.lists(st.lists(entries, max_size=12), min_size=1, max_size=5)


async def load(node: Node, feed_id: int, run: str, found: list[ListEntry]) -> rules.ListChange:
    """What the refresh job does, without the guard."""
    store = node.runtime.store
    work = Staging(store, feed_id, run)
    await work.begin()
    identifier = identity.Identifier()
    rows = [row_of(i, e, identifier.identify(e)) for i, e in enumerate(found)]
    for start in range(0, len(rows), 5):
        await work.add(rows[start : start + 5])
    change = await work.finish()
    now = utcnow()
    await applying.apply(
        store, feed_id, run, now=now, due_at=now + timedelta(days=1), change=change, content={}, merge=True
    )
    return change


async def new_feed(node: Node, name: str, region: str) -> int:
    store, vault = node.runtime.store, node.runtime.vault
    source = await sources.add(store, vault, kind="m3u", name=name, config={"url": "/nowhere"}, shown_url="")
    await sources.sync_feeds(store, source, [("channels", "", region)], enabled=True)
    (feed,) = await sources.feeds(store, source_id=source)
    return feed.id


async def stored(node: Node, region: str) -> list[channels.Channel]:
    return await channels.page(node.runtime.store, channels.ChannelQuery(region=region), limit=1000)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_any_sequence_of_lists_ends_in_the_last_one(any_node: Node) -> None:
    """After each list: the channels are exactly its entries, in order, and the change's counts add up."""
    examples: list[list[list[ListEntry]]] = []

    @given(lists)
    @settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def collect(sequence: list[list[ListEntry]]) -> None:
        examples.append(sequence)

    collect()
    for count, sequence in enumerate(examples if any_node.runtime.store.is_sqlite else examples[::2]):
        region = f"R{count}"
        feed_id = await new_feed(any_node, f"Source {count}", region)
        before = 0
        for index, found in enumerate(sequence):
            change = await load(any_node, feed_id, f"{region}-{index}", found)
            shown = await stored(any_node, region)
            assert [(c.name, c.streams[0].url, c.group, c.guide_id, c.number) for c in shown] == [
                (e.name, e.url, e.group, e.guide_id, e.number) for e in found
            ]
            assert change.stored == before
            assert before + change.new - change.gone == len(found)
            before = len(found)
            again = await load(any_node, feed_id, f"{region}-{index}-again", found)
            assert again.nothing, "the same list is no change"
            assert [c.id for c in await stored(any_node, region)] == [c.id for c in shown]
    async with any_node.runtime.store.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(staged))).scalar() == 0
    assert len(examples) >= 20


async def test_ids_follow_the_channel_not_its_place(any_node: Node) -> None:
    feed_id = await new_feed(any_node, "Order", "ORDER")
    first = [ListEntry(f"Channel {n}", f"http://192.0.2.1/{n}", guide_id=f"g{n}") for n in range(30)]
    await load(any_node, feed_id, "a", first)
    ids = {c.name: c.id for c in await stored(any_node, "ORDER")}
    change = await load(any_node, feed_id, "b", list(reversed(first)))
    assert (change.new, change.gone, change.changed) == (0, 0, 0)
    assert change.moved == 29, "one of them need not move"
    shown = await stored(any_node, "ORDER")
    assert [c.name for c in shown] == [e.name for e in reversed(first)]
    assert {c.name: c.id for c in shown} == ids


async def test_duplicates_of_a_guide_id_are_told_apart_by_name(any_node: Node) -> None:
    feed_id = await new_feed(any_node, "Twins", "TWINS")
    twins = [ListEntry(f"News {n}", f"http://192.0.2.1/{n}", guide_id="news.example") for n in range(4)]
    await load(any_node, feed_id, "a", twins)
    ids = {c.name: c.id for c in await stored(any_node, "TWINS")}
    assert len(ids) == 4
    await load(any_node, feed_id, "b", twins[1:])  # the first one goes: the others stay themselves
    assert {c.name: c.id for c in await stored(any_node, "TWINS")} == {k: v for k, v in ids.items() if k != "News 0"}
    renamed = [twins[1], twins[2], replace(twins[3], name="Entirely new")]
    change = await load(any_node, feed_id, "c", renamed)
    assert (change.new, change.gone) == (0, 0)
    assert {c.name: c.id for c in await stored(any_node, "TWINS")}["Entirely new"] == ids["News 3"]


async def test_the_same_step_done_twice_is_done_once(any_node: Node) -> None:
    """What a crash between the step's end and its record leads to."""
    feed_id = await new_feed(any_node, "Twice", "TWICE")
    found = [ListEntry(f"Channel {n}", f"http://192.0.2.1/{n}") for n in range(8)]
    change = await load(any_node, feed_id, "run", found)
    feed = await sources.get_feed(any_node.runtime.store, feed_id)
    now = utcnow()
    content: dict[str, Any] = {}
    await applying.apply(
        any_node.runtime.store, feed_id, "run", now=now, due_at=now, change=change, content=content, merge=True
    )
    assert len(await stored(any_node, "TWICE")) == 8
    again = await sources.get_feed(any_node.runtime.store, feed_id)
    assert (again.channels, again.streams) == (feed.channels, feed.streams)


async def test_what_is_gone_for_long_is_forgotten_and_what_is_not_is_kept(any_node: Node) -> None:
    feed_id = await new_feed(any_node, "Old", "OLD")
    found = [ListEntry(f"Channel {n}", f"http://192.0.2.1/{n}") for n in range(6)]
    await load(any_node, feed_id, "a", found)
    await load(any_node, feed_id, "b", found[:4])
    assert await applying.forget_gone(any_node.runtime.store, utcnow() - timedelta(days=1)) == 0
    assert await applying.forget_gone(any_node.runtime.store, utcnow() + timedelta(days=1)) == 2
    assert len(await stored(any_node, "OLD")) == 4


async def test_a_region_lists_quickly_by_cursor_in_order(any_node: Node) -> None:
    feed_id = await new_feed(any_node, "Pages", "PAGES")
    found = [ListEntry(f"Channel {n:03}", f"http://192.0.2.1/{n}", group="Ä" if n % 2 else "B") for n in range(95)]
    await load(any_node, feed_id, "a", found)
    seen: list[str] = []
    cursor = None
    while True:
        params = {"region": "PAGES", "limit": 10, **({"cursor": cursor} if cursor else {})}
        body = await any_node.get("/api/v1/channels", params=params)
        seen += [item["name"] for item in body["items"]]
        cursor = body["next"]
        if cursor is None:
            break
    assert seen == [e.name for e in found]
    accent = await any_node.get("/api/v1/channels", params={"q": "CHANNEL 0 a", "group": "Ä", "limit": 100})
    assert {item["group"] for item in accent["items"]} == {"Ä"}


# -- what it costs -----------------------------------------------------------------------------------------------------


def cost(node: Node, statement: sa.TextClause, run: str, feed_id: int) -> tuple[int, int]:
    """How many rows a statement changes, and how many instructions of its machine SQLite takes for it. Nothing is kept."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    with contextlib.closing(
        sqlite3.connect(node.runtime.data_dir / "nightcrew.db", isolation_level=None)
    ) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.set_progress_handler(count, 1)
        changed = connection.execute(str(statement), {"run": run, "feed": feed_id}).rowcount
        connection.set_progress_handler(None, 1)
        connection.execute("ROLLBACK")
    return changed, taken


async def stage(node: Node, feed_id: int, run: str, found: list[ListEntry]) -> Staging:
    work, identifier = Staging(node.runtime.store, feed_id, run), identity.Identifier()
    await work.begin()
    await work.add([row_of(i, e, identifier.identify(e)) for i, e in enumerate(found)])
    await work.flush()
    return work


def many(count: int, name: str) -> list[ListEntry]:
    return [ListEntry(f"{name} {n}", f"http://192.0.2.1/{name}/{n}", guide_id=f"g{n}") for n in range(count)]


async def test_a_second_source_joins_the_channels_of_the_first_at_a_cost_that_grows_with_the_list(node: Node) -> None:
    taken = []
    for count in (200, 800):
        first, second = [await new_feed(node, f"{name} {count}", f"R{count}") for name in "AB"]
        await load(node, first, f"first {count}", many(count, "First"))
        await stage(node, second, f"second {count}", many(count, "Second"))
        changed, instructions = cost(node, sql.MERGE, f"second {count}", second)
        assert changed == count
        taken.append(instructions)
    assert taken[1] < 8 * taken[0], "four times as many channels cost 16 times as much where each is compared with all"


async def test_lost_channels_are_found_in_another_group_at_a_cost_that_grows_with_the_list(node: Node) -> None:
    taken = []
    for count in (200, 800):
        feed_id = await new_feed(node, f"Source {count}", f"R{count}")
        await load(node, feed_id, f"first {count}", many(count, "First"))
        work = await stage(node, feed_id, f"again {count}", [replace(one, group="G") for one in many(count, "First")])
        await work._stage_missing()
        changed, instructions = cost(node, sql.RENAMED_NOW, f"again {count}", feed_id)
        assert changed == count
        taken.append(instructions)
    assert taken[1] < 8 * taken[0]


@pytest.mark.parametrize(("most", "large"), [(-1, 10**6), (10**6, -1)], ids=["looked for", "whole table"])
async def test_a_long_list_is_compared_in_another_way_with_the_same_result(
    any_node: Node, monkeypatch: pytest.MonkeyPatch, most: int, large: int
) -> None:
    monkeypatch.setattr(staging, "MOST", most)
    monkeypatch.setattr(applying, "LARGE", large)
    feed_id = await new_feed(any_node, "Long", "LONG")
    first = [ListEntry(f"Channel {n}", f"http://192.0.2.1/{n}", guide_id=f"g{n}") for n in range(40)]
    await load(any_node, feed_id, "a", first)
    ids = {one.name: one.id for one in await stored(any_node, "LONG")}
    later = [*first[30:], *first[:10], ListEntry("New", "http://192.0.2.1/new"), *first[20:30]]
    change = await load(any_node, feed_id, "b", later)
    assert (change.stored, change.new, change.changed, change.gone) == (40, 1, 0, 10)
    shown = await stored(any_node, "LONG")
    assert [one.name for one in shown] == [entry.name for entry in later]
    assert all(ids[one.name] == one.id for one in shown if one.name != "New")
    assert (await load(any_node, feed_id, "c", later)).nothing
    back = await load(any_node, feed_id, "d", first)
    assert (back.new, back.gone) == (10, 1)
    assert {one.name: one.id for one in await stored(any_node, "LONG")} == ids


async def test_an_entry_that_comes_back_joins_the_channel_that_another_list_has_kept(any_node: Node) -> None:
    """Its own stream was gone for so long that it is forgotten, but its channel lives on, with what a person changed."""
    node, store = any_node, any_node.runtime.store
    ours, theirs = await new_feed(node, "Ours", "R"), await new_feed(node, "Theirs", "R")
    first = [ListEntry(f"Channel {n}", f"http://192.0.2.1/{n}", guide_id=f"g{n}") for n in range(10)]
    await load(node, ours, "a", first)
    await load(node, theirs, "b", [replace(first[5], url="http://192.0.2.2/5")])
    kept = next(one for one in await stored(node, "R") if one.name == "Channel 5")
    assert len(kept.streams) == 2
    await channels.edit(store, kept.id, {"number": "55"})
    await load(node, ours, "c", first[:5] + first[6:])
    assert await applying.forget_gone(store, utcnow() + timedelta(days=1)) == 1
    for name in ("d", "e"):
        change = await load(node, ours, name, [*first[:5], replace(first[5], number="6"), *first[6:]])
        shown = [one for one in await stored(node, "R") if one.name == "Channel 5"]
        assert [(one.id, one.number, len(one.streams)) for one in shown] == [(kept.id, "55", 2)]
        assert change.new == (name == "d")
