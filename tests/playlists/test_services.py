"""Sources as connections: how their providers stand, over nodes and restarts, and what people see of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from darkroom import Server, serving
from nightcrew.demo.faults import Fault
from nightcrew.demo.world import World
from nightcrew.kernel import recovery
from nightcrew.kernel.clock import iso, utcnow
from nightcrew.kernel.connections import store
from nightcrew.kernel.connections.models import connection
from nightcrew.playlists import jobs
from nightcrew.playlists.models import feed as feed_table
from nightcrew.playlists.store import sources
from support import Node, running, until

API = "/api/v1/connections"
HOUSE = ()  # a program of its own opens the same database


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the attempts of one request."""
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)


def body(world: World, kind: str) -> dict[str, Any]:
    """The demo's source of a kind, without a guide of its own."""
    found = dict(next(source for source in world.sources() if source["kind"] == kind))
    found.pop("guide_url", None)
    return found | ({"guide": False} if kind == "xtream" else {})


async def services(node: Node) -> dict[str, dict[str, Any]]:
    """The connections by name."""
    return {row["name"]: row for row in (await node.get(API))["items"]}


async def feed_of(node: Node | Server, source: dict[str, Any]) -> dict[str, Any]:
    return dict((await node.get(f"/api/v1/sources/{source['id']}"))["feeds"][0])


async def told(node: Node, kind: str) -> list[str]:
    """What the activity feed says, the oldest first."""
    items = (await node.get("/api/v1/activity", params={"kind": kind}))["items"]
    return [item["message"] for item in reversed(items)]


async def outage(node: Node, world: World, source: dict[str, Any], kind: str = "m3u") -> dict[str, Any]:
    """A person refreshes until the provider is paused; returns its connection."""
    world.faults.set(kind, Fault.ERROR_500)
    for _ in range(5):
        await node.refresh(source["id"])
        row = (await services(node))[source["name"]]
        if row["state"] == "cooling":
            return row
    raise AssertionError(row)


async def let_be_due(node: Node) -> None:
    """As if the interval were over; the workers are woken."""
    past = utcnow() - timedelta(seconds=5)
    async with node.runtime.store.write() as writing:
        await writing.execute(sa.update(feed_table).values(due_at=past))
    node.runtime.wakes.ring(sources.FEEDS.topic)


async def runs(node: Node | Server, source: dict[str, Any]) -> int:
    return len((await node.get(f"/api/v1/sources/{source['id']}/runs"))["items"])


# -- the rows ----------------------------------------------------------------------------------------------------------


async def test_each_source_has_its_connections_for_as_long_as_it_is_there(
    any_node: Node, world: World, tmp_path: Path
) -> None:
    panel = await any_node.add(**body(world, "xtream") | {"guide": True})
    listed = await any_node.add(**body(world, "m3u"))
    await any_node.add(**body(world, "catalogue"))
    (tmp_path / "own.m3u").write_text("#EXTM3U\n#EXTINF:-1,One\nhttp://192.0.2.1/1\n")
    await any_node.add(kind="m3u", name="Own file", url=str(tmp_path / "own.m3u"))
    rows = await services(any_node)
    catalogue = body(world, "catalogue")["name"]
    assert set(rows) == {panel["name"], f"{panel['name']} (guide)", listed["name"], catalogue}
    assert {row["state"] for row in rows.values()} == {"ok"}
    assert all(row["worked_at"] and row["page"].startswith("/sources#source-") for row in rows.values())
    assert (rows[panel["name"]]["title"], rows[panel["name"]]["url"]) == ("Xtream panel", panel["url"])
    assert "demo-password" not in str(rows)
    await any_node.patch(f"/api/v1/sources/{panel['id']}", {"name": "Other", "guide": False})
    await any_node.patch(f"/api/v1/sources/{listed['id']}", {"url": str(tmp_path / "own.m3u")})
    assert set(await services(any_node)) == {"Other", catalogue}
    await any_node.patch(f"/api/v1/sources/{panel['id']}", {"enabled": False})
    assert (await services(any_node))["Other"]["state"] == "off"
    await any_node.http.delete(f"/api/v1/sources/{panel['id']}")
    assert set(await services(any_node)) == {catalogue}


async def test_sources_of_an_older_version_get_theirs_at_the_start(tmp_path: Path, world: World) -> None:
    async with running(tmp_path / "data") as node:
        source = await node.add(**body(world, "xtream"))
        async with node.runtime.store.write() as writing:
            await writing.execute(sa.delete(connection))
    async with running(tmp_path / "data") as node:
        assert set(await services(node)) == {source["name"]}


async def test_it_is_changed_at_its_source_alone(node: Node, world: World) -> None:
    source = await node.add(**body(world, "m3u"))
    row = (await services(node))[source["name"]]
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/grant")):
        answer = await node.http.request(method, f"{API}/{row['id']}{path}", json={})
        assert answer.status_code == 409, method
        assert "page /sources" in answer.text
    assert "provider" not in {one["kind"] for one in (await node.get(f"{API}/kinds"))["items"]}, "none to enter here"
    page = (await node.http.get("/connections")).text
    assert 'href="/connections"' in page
    assert f'href="/sources#source-{source["id"]}"' in page
    assert f"/connections/{row['id']}/edit" not in page


# -- a provider that fails ---------------------------------------------------------------------------------------------


async def test_a_paused_source_is_put_off_without_an_attempt_and_served_as_it_was(any_node: Node, world: World) -> None:
    source = await any_node.add(**body(world, "m3u"))
    good = (await any_node.http.get(f"/playlist/{source['region']}.m3u")).content
    row = await outage(any_node, world, source)
    assert row["retry_at"] is not None
    assert "HTTP 500" in row["reason"]
    failures, before = (await feed_of(any_node, source))["failures"], await runs(any_node, source)
    await let_be_due(any_node)
    await asyncio.sleep(3)
    assert (await feed_of(any_node, source))["failures"] == failures
    assert await runs(any_node, source) == before
    assert (await any_node.http.get(f"/playlist/{source['region']}.m3u")).content == good
    (said,) = await told(any_node, "connection.")
    assert said.startswith(f"{source['name']} is paused: ")
    world.faults.clear()
    async with any_node.runtime.store.write() as writing:
        await writing.execute(sa.update(connection).values(until=utcnow()))
    any_node.runtime.wakes.ring(store.TOPIC)
    await until(lambda: _works(any_node, source))


async def _works(node: Node | Server, source: dict[str, Any]) -> bool:
    return (await feed_of(node, source))["failures"] == 0


async def test_a_run_that_meets_a_pause_was_no_attempt(node: Node, world: World) -> None:
    """Another node may have begun the pause after this one looked."""
    source = await node.add(**body(world, "m3u"))
    later = utcnow() + timedelta(minutes=5)
    async with node.runtime.store.write() as writing:
        await writing.execute(sa.update(connection).values(state="away", reason="gone", until=later, pauses=1))
    feed = await sources.get_feed(node.runtime.store, source["feeds"][0]["id"])
    job = await node.runtime.jobs.wait(await jobs.begin(node.runtime, feed, rebuild=False), limit=60)
    assert (job.state, "does not answer: gone" in (job.error or "")) == ("failed", True)
    after = await feed_of(node, source)
    assert (after["failures"], after["error"], after["run"]) == (0, None, None)
    assert await told(node, "playlist.failed") == []
    assert "paused</a>" in (await node.http.get("/sources")).text


async def test_a_person_always_tries_and_ends_the_pause(node: Node, world: World) -> None:
    source = await node.add(**body(world, "xtream"))
    row = await outage(node, world, source, "xtream")
    (job,) = await node.refresh(source["id"])
    assert (job["state"], (await services(node))[source["name"]]["retry_at"]) == ("failed", row["retry_at"])
    world.faults.clear()
    (job,) = await node.refresh(source["id"])
    assert job["state"] == "done"
    after = (await services(node))[source["name"]]
    assert (after["state"], after["retry_at"]) == ("ok", None)


async def test_a_viewer_is_served_while_the_source_is_paused(node: Node, world: World) -> None:
    source = await node.add(**body(world, "catalogue"))
    row = (await services(node))[source["name"]]
    later = utcnow() + timedelta(minutes=5)
    async with node.runtime.store.write() as writing:
        await writing.execute(sa.update(connection).values(state="cooling", until=later, pauses=1))
    (channel, *_) = (await node.get("/api/v1/channels"))["items"]
    answer = await node.http.get(f"/play/{channel['id']}", follow_redirects=False)
    assert answer.status_code in {302, 307}, answer.text
    assert (await services(node))[row["name"]]["state"] == "ok"


async def test_a_list_that_is_not_there_is_no_outage(node: Node, world: World) -> None:
    source = await node.add(**body(world, "m3u"))
    world.faults.set("m3u", Fault.ERROR_404)
    for _ in range(4):
        await node.refresh(source["id"])
    assert (await services(node))[source["name"]]["state"] == "ok"
    assert "404" in (await feed_of(node, source))["error"]


async def test_a_guide_that_fails_leaves_the_list_alone(node: Node, world: World) -> None:
    source = await node.add(**body(world, "xtream") | {"guide": True})
    world.faults.set("guide", Fault.ERROR_500)
    for _ in range(5):
        await node.refresh(source["id"])
    assert (await services(node))[source["name"]]["state"] == "ok"


async def test_a_pause_holds_at_every_node_and_over_a_restart(
    tmp_path: Path, postgres: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("NIGHTCREW_SECRET_KEY", key)
    environment = {"NIGHTCREW_DATABASE_URL": postgres, "NIGHTCREW_SECRET_KEY": key}
    async with running(tmp_path / "one", database_url=postgres) as one:
        source = await one.add(**body(world, "m3u"))
        async with serving(tmp_path / "two", **environment) as two:
            await until(lambda: _is_idle(one, source), 60)  # a start fetches everything anew
            await outage(one, world, source)
            longer = utcnow() + timedelta(minutes=10)
            async with one.runtime.store.write() as writing:
                await writing.execute(sa.update(connection).values(until=longer))
            before = await runs(one, source)
            await let_be_due(one)
            await asyncio.sleep(3)
            for node in (one, two):
                assert await runs(node, source) == before
                (row,) = (await node.get(API))["items"]
                assert (row["state"], row["retry_at"]) == ("cooling", iso(longer))
            await two.stop()
            await two.start()
            await asyncio.sleep(3)
            assert await runs(two, source) == before
            world.faults.clear()
            async with one.runtime.store.write() as writing:
                await writing.execute(sa.update(connection).values(until=utcnow()))
            one.runtime.wakes.ring(store.TOPIC)
            await until(lambda: _works(two, source), 60)


async def _is_idle(node: Node, source: dict[str, Any]) -> bool:
    feed = await feed_of(node, source)
    return feed["run"] is None and await runs(node, source) >= 2


# -- Test --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("m3u", "It is an M3U list of "),
        ("xtream", "The account is active"),
        ("catalogue", "It answers. Its first page has "),
        ("guide", "It is an XMLTV guide"),
    ],
)
async def test_a_test_says_what_works(node: Node, world: World, kind: str, message: str) -> None:
    source = await node.add(**body(world, kind))
    row = (await services(node))[source["name"]]
    found = await node.post(f"{API}/{row['id']}/test")
    assert found["ok"], found
    assert found["message"].startswith(message)
    if kind == "xtream":
        assert any(fact.startswith("It allows ") for fact in found["facts"]), found
    world.faults.set(kind, Fault.ERROR_500)
    found = await node.post(f"{API}/{row['id']}/test")
    assert (found["ok"], "HTTP 500" in found["message"]) == (False, True)
    world.faults.clear()
    await node.post(f"{API}/{row['id']}/test")
    assert (await services(node))[source["name"]]["state"] == "ok"


async def test_a_test_ends_a_pause_and_what_waited_is_fetched(node: Node, world: World) -> None:
    source = await node.add(**body(world, "m3u"))
    row = await outage(node, world, source)
    await let_be_due(node)
    world.faults.clear()
    assert (await node.post(f"{API}/{row['id']}/test"))["ok"]
    await until(lambda: _works(node, source))


async def test_nodes_that_sync_a_sources_feeds_at_once_all_succeed(tmp_path: Path, database: str | None) -> None:
    """A setting that changes makes every node do so, also while a person adds a source."""
    async with running(tmp_path / "data", database_url=database) as node:
        store, vault = node.runtime.store, node.runtime.vault
        for number in range(5):
            config = {"url": "http://192.0.2.1/x", "region": "DE"}
            source = await sources.add(
                store, vault, kind="m3u", name=f"S{number}", config=config, shown_url="http://192.0.2.1/x"
            )
            wanted = [("channels", "de", "DE"), ("channels", "fr", "FR")]
            await asyncio.gather(*(sources.sync_feeds(store, source, wanted, enabled=True) for _ in range(8)))
            assert len(await sources.feeds(store, source_id=source)) == 2
