"""Refreshing sources from real servers that speak the providers' protocols, when they behave and when they do not."""

from __future__ import annotations

import asyncio
import base64
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew.demo.faults import Fault
from nightcrew.demo.world import World
from nightcrew.kernel.clock import utcnow
from nightcrew.playlists import jobs
from nightcrew.playlists.models import feed as feed_table
from nightcrew.playlists.store import sources
from support import Node, locked_out, running, until

SERVICES = {"m3u": 0, "xtream": 1, "catalogue": 2}


def body(world: World, kind: str) -> dict[str, Any]:
    """The demo's source of a kind, without a guide of its own."""
    found = dict(world.sources()[SERVICES[kind]])
    found.pop("guide_url", None)
    return found | ({"guide": False} if kind == "xtream" else {})


async def add(node: Node, world: World, kind: str) -> dict[str, Any]:
    """Add it and wait; it must have worked."""
    source = await node.add(**body(world, kind))
    feed = source["feeds"][0]
    assert feed["error"] is None
    assert feed["streams"] > 0
    return source


async def feed_of(node: Node, source: dict[str, Any]) -> dict[str, Any]:
    """The source's first feed as it is now."""
    return dict((await node.get(f"/api/v1/sources/{source['id']}"))["feeds"][0])


async def channels(node: Node, region: str) -> dict[str, dict[str, Any]]:
    """All channels of a region by name."""
    items = (await node.get("/api/v1/channels", params={"region": region, "limit": 1000}))["items"]
    return {item["name"]: item for item in items}


# -- what comes in -----------------------------------------------------------------------------------------------------


async def test_every_kind_of_source_fills_its_region(any_node: Node, world: World) -> None:
    for kind in SERVICES:
        await add(any_node, world, kind)
    status = {row["region"]: row for row in (await any_node.get("/vavoo/api/status"))["regions"]}
    assert {name: row["channels"] for name, row in status.items()} == {"DE": 60, "AT": 60, "CH": 20}
    assert all(row["status_text"] == "FRESH" and row["exists"] and row["size"] > 0 for row in status.values())
    text = (await any_node.http.get("/playlist/all.m3u")).text
    assert text.count("#EXTINF") == 140


async def test_films_are_left_out_by_the_item_predicate(node: Node, world: World) -> None:
    await add(node, world, "catalogue")
    listed = [c.name for c in world.catalogue.channels if c.kind == "catalogue" and c.region == "CH"]
    assert sorted(await channels(node, "CH")) == sorted(listed)


async def test_a_guide_is_served_for_our_channels_only(any_node: Node, world: World) -> None:
    await add(any_node, world, "m3u")
    await any_node.add(**world.sources()[3])
    answer = await any_node.http.get("/guide.xml")
    ours = {c["guide_id"] for c in (await channels(any_node, "DE")).values() if c["guide_id"]}
    root = ET.fromstring(answer.content)
    named = {element.get("id") for element in root.iter("channel")}
    assert named
    assert named <= ours
    assert {element.get("channel") for element in root.iter("programme")} <= named
    first = next(root.iter("programme"))
    assert first.findtext("title")


async def test_a_shorter_guide_by_ones_own_wish_is_no_loss(node: Node, world: World) -> None:
    await add(node, world, "m3u")
    guide = await node.add(**world.sources()[3])
    known = (await feed_of(node, guide))["streams"]
    await node.patch("/api/v1/settings", {"guide_days": 1})
    (job,) = await node.refresh(guide["id"], rebuild=True)
    assert job["state"] == "done", job["error"]
    assert 0 < (await feed_of(node, guide))["streams"] < known


async def test_players_of_the_panel_see_what_is_on(node: Node, world: World) -> None:
    await add(node, world, "m3u")
    await node.add(**world.sources()[3])
    now = utcnow()
    root = ET.fromstring((await node.http.get("/guide.xml")).content)
    running_now = next(e for e in root.iter("programme") if _moment(e, "start") <= now < _moment(e, "stop"))
    channel = next(c for c in (await channels(node, "DE")).values() if c["guide_id"] == running_now.get("channel"))
    asked = {"action": "get_short_epg", "stream_id": channel["id"], "limit": 3}
    listed = (await node.get("/player_api.php", params=asked))["epg_listings"]
    assert len(listed) == 3
    first = listed[0]
    assert base64.b64decode(first["title"]).decode() == running_now.findtext("title")
    assert base64.b64decode(first["description"]).decode() == (running_now.findtext("desc") or "")
    assert first["start_timestamp"] == str(int(_moment(running_now, "start").timestamp()))
    assert [item["now_playing"] for item in listed] == [1, 0, 0]
    whole = await node.get("/player_api.php", params={"action": "get_simple_data_table", "stream_id": channel["id"]})
    assert len(whole["epg_listings"]) > 3
    for nothing in ("", "0", "x", "999999"):
        got = await node.get("/player_api.php", params={"action": "get_short_epg", "stream_id": nothing})
        assert got == {"epg_listings": []}


def _moment(element: ET.Element, name: str) -> datetime:
    return datetime.strptime(element.get(name, ""), "%Y%m%d%H%M%S %z")


# -- nothing good is replaced by something worse ---------------------------------------------------------------------------

BAD_MINUTES = [
    Fault("half-clean"),
    Fault("empty"),
    Fault("half"),
    Fault("500"),
    Fault("404"),
    Fault("html"),
    Fault("wrong-type"),
    Fault("garbage"),
    Fault("gzip-bomb"),
    Fault("xml-bomb"),
    Fault("endless"),
    Fault("redirect-loop"),
    Fault("redirect-file"),
    Fault("truncated-json"),
]


@pytest.mark.parametrize("kind", list(SERVICES))
async def test_a_bad_answer_never_reaches_a_player(tmp_path: Path, world: World, kind: str) -> None:
    """For each fault: the served playlist stays byte for byte, the reason is shown, other sources go on."""
    async with running(tmp_path / "data") as node:
        await node.patch("/api/v1/settings", {"max_playlist_mb": 4})
        source = await add(node, world, kind)
        other = await node.add(kind="m3u", name="Other", url=_list_file(tmp_path, 5), region="OTHER")
        region = source["feeds"][0]["region"]
        good = (await node.http.get(f"/playlist/{region}.m3u")).content
        for fault in BAD_MINUTES:
            world.faults.set(kind, fault)
            await node.refresh(source["id"], rebuild=True)
            world.faults.clear()
            feed = await feed_of(node, source)
            assert feed["error"] or feed["held"], fault
            answer = await node.http.get(f"/playlist/{region}.m3u")
            assert answer.status_code == 200, fault
            assert answer.content == good, fault
            assert "demo-password" not in str(feed), fault
            (job,) = await node.refresh(other["id"])
            assert job["state"] == "done", fault
        await node.refresh(source["id"], rebuild=True)
        feed = await feed_of(node, source)
        assert (feed["error"], feed["held"], feed["status"]) == (None, None, "FRESH")
        messages = [e["message"] for e in (await node.get("/api/v1/activity", params={"limit": 200}))["items"]]
        assert any("last good list is served" in message for message in messages)
        assert any("works again" in message for message in messages)
        assert not list((tmp_path / "data" / "tmp").iterdir())


async def test_the_last_good_playlist_outlives_the_database(tmp_path: Path, postgres: str) -> None:
    async with running(tmp_path / "data", database_url=postgres) as node:
        await node.add(kind="m3u", name="Other", url=_list_file(tmp_path, 5), region="OTHER")
        good = (await node.http.get("/playlist/OTHER.m3u")).content
        with locked_out(postgres):
            answer = await node.http.get("/playlist/OTHER.m3u")
            assert (answer.status_code, answer.content) == (200, good)
            assert (await node.http.get("/playlist/NEVER.m3u")).status_code == 404
            assert (await node.http.get("/playlist/all.m3u")).status_code == 503
        assert (await node.http.get("/playlist/all.m3u")).status_code == 200


async def test_a_hanging_source_does_not_stop_another(node: Node, world: World, tmp_path: Path) -> None:
    source = await add(node, world, "m3u")
    other = await node.add(kind="m3u", name="Other", url=_list_file(tmp_path, 5), region="OTHER")
    world.faults.set("m3u", Fault("hang"))
    (job,) = (await node.post(f"/api/v1/sources/{source['id']}/refresh"))["jobs"]
    await asyncio.sleep(0.3)
    (done,) = await node.refresh(other["id"])
    assert done["state"] == "done"
    assert (await node.get(f"/api/v1/jobs/{job}"))["state"] == "running"
    status = {row["region"]: row["status_text"] for row in (await node.get("/vavoo/api/status"))["regions"]}
    assert status["DE"] == "REFRESHING"
    cancelled = await node.post(f"/api/v1/jobs/{job}/cancel")
    assert cancelled["state"] == "cancelled"


async def test_sources_that_hang_leave_room_for_those_that_work(node: Node, world: World, tmp_path: Path) -> None:
    listing = body(world, "m3u")["url"]
    hanging = [await node.add(kind="m3u", name=f"H{n}", url=f"{listing}?{n}", region=f"H{n}") for n in range(8)]
    good = await node.add(kind="m3u", name="Good", url=_list_file(tmp_path, 5), region="GOOD")
    world.faults.set("m3u", Fault("404"))
    for source in hanging:
        await node.refresh(source["id"], rebuild=True)
    world.faults.set("m3u", Fault("hang"))
    for _ in range(3):  # all are overdue, the ones that hang for longest
        async with node.runtime.store.write() as connection:
            long_ago = utcnow() - timedelta(days=1)
            await connection.execute(sa.update(feed_table).values(due_at=long_ago))
            mine = feed_table.c.source_id == good["id"]
            await connection.execute(sa.update(feed_table).where(mine).values(due_at=utcnow()))
        before = await _runs_done(node, good)
        await node.post("/api/v1/workers/playlists.refresh/run")
        async with asyncio.timeout(10):
            while await _runs_done(node, good) == before:
                await asyncio.sleep(0.05)
    states = [await feed_of(node, source) for source in hanging]
    assert sum(state["run"] is not None for state in states) == jobs.FAILING_AT_ONCE
    world.faults.clear()


async def _runs_done(node: Node, source: dict[str, Any]) -> int:
    runs = (await node.get(f"/api/v1/sources/{source['id']}/runs"))["items"]
    return sum(run["outcome"] in {"applied", "unchanged"} for run in runs)


async def test_a_shrunken_list_is_held_back_until_a_person_accepts(any_node: Node, world: World) -> None:
    node = any_node
    source = await add(node, world, "xtream")
    good = (await node.http.get("/playlist/AT.m3u")).content
    world.catalogue.shrink("xtream", 0.38)
    await node.refresh(source["id"])
    feed = await feed_of(node, source)
    assert feed["held"]["stored"] == 60
    assert feed["held"]["gone"] == 37
    assert feed["held"]["reason"] == "−62 %"
    assert (await node.http.get("/playlist/AT.m3u")).content == good

    accepted = await node.post(f"/api/v1/sources/{source['id']}/held/accept")
    assert accepted["accepted"] == [{"new": 0, "changed": 0, "gone": 37}]
    assert (await node.http.get("/playlist/AT.m3u")).text.count("#EXTINF") == 23
    assert (await feed_of(node, source))["held"] is None
    kinds = [e["kind"] for e in (await node.get("/api/v1/activity"))["items"]]
    assert "playlist.held" in kinds
    assert "playlist.accepted" in kinds


async def test_a_rejected_change_is_looked_at_anew(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    world.catalogue.shrink("m3u", 0.1)
    await node.refresh(source["id"])
    await node.post(f"/api/v1/sources/{source['id']}/held/reject")
    assert (await feed_of(node, source))["held"] is None
    world.catalogue.restore()
    await node.refresh(source["id"])
    assert (await feed_of(node, source))["channels"] == 60
    assert (await node.http.post(f"/api/v1/sources/{source['id']}/held/accept")).status_code == 404


async def test_a_loss_within_the_guard_is_applied_and_can_come_back(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    before = await channels(node, "DE")
    lost = next(iter(before.values()))
    known = next(c for c in world.catalogue.channels if c.name == lost["name"] and c.kind == "m3u")
    world.catalogue.remove(known.id)
    await node.refresh(source["id"])
    assert lost["name"] not in await channels(node, "DE")
    world.catalogue.add(known)
    await node.refresh(source["id"])
    assert (await channels(node, "DE"))[lost["name"]]["id"] == lost["id"]


# -- identity ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["m3u", "xtream"])
async def test_channels_keep_id_and_edits_when_addresses_change(any_node: Node, world: World, kind: str) -> None:
    node = any_node
    source = await add(node, world, kind)
    region = source["feeds"][0]["region"]
    before = await channels(node, region)
    picked = next(iter(before.values()))
    await node.patch(f"/api/v1/channels/{picked['id']}", {"name": "My favourite", "number": "7", "group": "Best"})
    world.catalogue.move_urls()
    await node.refresh(source["id"])
    after = await channels(node, region)
    assert {c["id"] for c in after.values()} == {c["id"] for c in before.values()}
    mine = after["My favourite"]
    assert (mine["id"], mine["number"], mine["group"]) == (picked["id"], "7", "Best")
    text = (await node.http.get(f"/playlist/{region}.m3u")).text
    assert 'tvg-chno="7"' in text
    assert ",My favourite\n" in text


async def test_a_source_that_moves_to_another_region_keeps_ids_and_edits(any_node: Node, tmp_path: Path) -> None:
    node = any_node
    mine = await node.add(kind="m3u", name="One", url=_list_file(tmp_path, 6, "one"), region="X")
    other = await node.add(kind="m3u", name="Two", url=_list_file(tmp_path, 2, "two"), region="X")
    before = await channels(node, "X")
    picked = before["Channel 5"]
    await node.patch(f"/api/v1/channels/{picked['id']}", {"name": "My favourite"})
    shared = {before["Channel 0"]["id"], before["Channel 1"]["id"]}

    moved = await node.patch(f"/api/v1/sources/{mine['id']}", {"region": "Y"})
    await node.settled(moved)
    assert (await channels(node, "Y"))["My favourite"]["id"] == picked["id"]
    assert [f["region"] for f in (await node.get(f"/api/v1/sources/{mine['id']}"))["feeds"]] == ["Y"]
    left = await channels(node, "X")
    assert {c["id"] for c in left.values()} == shared, "what the other source can play stays with it"
    assert all([s["account"] for s in c["streams"]] == ["Two"] for c in left.values())
    there = await channels(node, "Y")
    assert len(there) == 6
    assert all([s["account"] for s in c["streams"]] == ["One"] for c in there.values())
    assert len(_names((await node.http.get("/playlist/Y.m3u")).text)) == 6
    assert len(_names((await node.http.get("/playlist/X.m3u")).text)) == 2
    del other


@pytest.mark.parametrize(
    "change",
    [{"number": "abc"}, {"number": "-4"}, {"number": "٣"}, {"logo": "javascript:alert(1)"}, {"logo": "http://["}],
)
async def test_what_players_could_not_use_is_refused(node: Node, tmp_path: Path, change: dict[str, str]) -> None:
    await node.add(kind="m3u", name="One", url=_list_file(tmp_path, 1), region="X")
    (channel,) = (await channels(node, "X")).values()
    answer = await node.http.patch(f"/api/v1/channels/{channel['id']}", json=change)
    assert (answer.status_code, answer.json()["field"]) == (422, next(iter(change)))


async def test_an_address_that_no_client_could_ask_is_refused_at_once(node: Node) -> None:
    for url in ("http://127.0.0.1:99999/", "http://", "http://[bad/", "https://h:0/x"):
        answer = await node.http.post("/api/v1/sources", json={"kind": "m3u", "name": "X", "url": url})
        assert answer.status_code == 422, url
        assert "cannot be read" in answer.json()["detail"]


async def test_an_edit_of_nothing_is_no_change(node: Node, tmp_path: Path) -> None:
    source = await node.add(kind="m3u", name="One", url=_list_file(tmp_path, 1), region="X")
    await node.patch(f"/api/v1/sources/{source['id']}", {})
    assert not (await node.get("/api/v1/activity", params={"kind": "source.changed"}))["items"]


async def test_a_source_that_is_off_keeps_its_channels_in_another_region(node: Node, tmp_path: Path) -> None:
    mine = await node.add(kind="m3u", name="One", url=_list_file(tmp_path, 3), region="X")
    before = {name: c["id"] for name, c in (await channels(node, "X")).items()}
    await node.patch(f"/api/v1/sources/{mine['id']}", {"enabled": False})
    await node.patch(f"/api/v1/sources/{mine['id']}", {"region": "Y"})
    await node.settled(await node.patch(f"/api/v1/sources/{mine['id']}", {"enabled": True}))
    assert {name: c["id"] for name, c in (await channels(node, "Y")).items()} == before
    assert [f["region"] for f in (await node.get(f"/api/v1/sources/{mine['id']}"))["feeds"]] == ["Y"]


async def test_a_renamed_channel_keeps_its_id(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    known = next(c for c in world.catalogue.channels if c.kind == "m3u" and c.guide_id)
    before = (await channels(node, "DE"))[known.name]
    world.catalogue.rename(known.id, "Harbour Tomorrow")
    await node.refresh(source["id"])
    after = await channels(node, "DE")
    assert after["Harbour Tomorrow"]["id"] == before["id"]
    assert known.name not in after or after[known.name]["id"] != before["id"]


async def test_streams_of_two_sources_with_one_guide_id_are_one_channel(node: Node, tmp_path: Path) -> None:
    first = await node.add(kind="m3u", name="One", url=_list_file(tmp_path, 4, "one"), region="X")
    second = await node.add(kind="m3u", name="Two", url=_list_file(tmp_path, 6, "two"), region="X")
    found = await channels(node, "X")
    assert len(found) == 6
    assert [len(c["streams"]) for c in found.values()] == [2, 2, 2, 2, 1, 1]
    ids = {name: c["id"] for name, c in found.items()}
    # the first source goes: its channels live on with the other's streams
    dry = await node.http.delete(f"/api/v1/sources/{first['id']}", params={"dry_run": True})
    assert dry.json()["dry_run"] is True
    assert len(await channels(node, "X")) == 6
    await node.http.delete(f"/api/v1/sources/{first['id']}")
    left = await channels(node, "X")
    assert {name: c["id"] for name, c in left.items()} == ids
    assert all(c["streams"][0]["account"] == "Two" for c in left.values())
    await node.refresh(second["id"], rebuild=True)
    assert {name: c["id"] for name, c in (await channels(node, "X")).items()} == ids


# -- triggers, settings, restarts --------------------------------------------------------------------------------------


async def test_a_trigger_joins_the_running_refresh(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    world.faults.set("m3u", Fault("hang"))
    runs = [(await node.post("/vavoo/api/refresh/DE"))["jobs"] for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]
    await until(lambda: begun(node, runs[0][0]))
    running = (await node.get("/api/v1/jobs", params={"state": "running"}))["items"]
    assert [job["id"] for job in running] == runs[0]
    await node.post(f"/api/v1/jobs/{runs[0][0]}/cancel")
    world.faults.clear()
    del source


async def test_a_feed_whose_run_is_gone_without_a_word_is_free_again(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    feed, store = await feed_of(node, source), node.runtime.store
    assert await sources.expect(store, feed["id"], f"{jobs.JOB}:feed-{feed['id']}:7"), "as after a restored backup"
    world.faults.set("m3u", Fault("hang"))
    await jobs.release_lost(node.runtime)
    assert (await feed_of(node, source))["run"] is None
    (run,) = (await node.post(f"/api/v1/sources/{source['id']}/refresh"))["jobs"]
    await jobs.release_lost(node.runtime)
    assert (await feed_of(node, source))["run"] == run, "one that goes on keeps its feed"
    world.faults.clear()
    await node.post(f"/api/v1/jobs/{run}/cancel")


async def test_a_run_that_is_over_is_expected_no_more(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    (done,) = await node.refresh(source["id"])
    feed = await feed_of(node, source)
    assert not await sources.expect(node.runtime.store, feed["id"], done["id"])
    assert (await feed_of(node, source))["run"] is None


async def test_a_cancelled_refresh_counts_as_failed_and_its_feed_is_free(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    world.faults.set("m3u", Fault("hang"))
    (run,) = (await node.post(f"/api/v1/sources/{source['id']}/refresh"))["jobs"]
    await until(lambda: begun(node, run))
    await node.post(f"/api/v1/jobs/{run}/cancel")
    feed = await feed_of(node, source)
    assert (feed["run"], feed["failures"], feed["error"]) == (None, 1, "the run was cancelled")
    world.faults.clear()


async def begun(node: Node, run: str) -> bool:
    return (await node.runtime.jobs.get(run)).state == "running"


async def test_a_retried_run_waits_for_the_one_that_holds_the_feed(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    world.faults.set("m3u", Fault("500"))
    (failed,) = await node.refresh(source["id"], rebuild=True)
    assert failed["state"] == "failed"
    world.faults.set("m3u", Fault("hang"))
    (held,) = (await node.post(f"/api/v1/sources/{source['id']}/refresh"))["jobs"]
    await until(lambda: begun(node, held))
    again = (await node.post(f"/api/v1/jobs/{failed['id']}/retry"))["id"]
    feed = await feed_of(node, source)
    assert (feed["run"], feed["failures"]) == (held, 1)
    assert (await node.runtime.jobs.get(again)).state == "queued"
    world.faults.clear()
    await node.post(f"/api/v1/jobs/{held}/cancel")
    assert (await node.runtime.jobs.wait(again, limit=30)).state == "done"
    feed = await feed_of(node, source)
    assert (feed["run"], feed["failures"]) == (None, 0)


async def test_a_retried_run_refreshes_a_free_feed(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    world.faults.set("m3u", Fault("500"))
    (failed,) = await node.refresh(source["id"], rebuild=True)
    world.faults.clear()
    again = (await node.post(f"/api/v1/jobs/{failed['id']}/retry"))["id"]
    assert (await node.runtime.jobs.wait(again, limit=30)).state == "done"
    feed = await feed_of(node, source)
    assert (feed["run"], feed["failures"], feed["error"]) == (None, 0, None)


async def test_a_held_change_cannot_be_accepted_in_the_middle_of_a_refresh(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    world.catalogue.shrink("m3u", 0.1)
    await node.refresh(source["id"])
    world.faults.set("m3u", Fault("hang"))
    (run,) = (await node.post(f"/api/v1/sources/{source['id']}/refresh"))["jobs"]
    answer = await node.http.post(f"/api/v1/sources/{source['id']}/held/accept")
    assert answer.status_code == 409
    assert "is being refreshed right now" in answer.json()["detail"]
    assert (await feed_of(node, source))["held"] is not None
    world.faults.clear()
    await node.post(f"/api/v1/jobs/{run}/cancel")


async def test_removing_a_source_ends_its_refresh(node: Node, world: World) -> None:
    source = await add(node, world, "m3u")
    world.faults.set("m3u", Fault("hang"))
    (run,) = (await node.post(f"/api/v1/sources/{source['id']}/refresh"))["jobs"]
    assert (await node.http.delete(f"/api/v1/sources/{source['id']}")).status_code == 200
    world.faults.clear()
    assert (await node.get(f"/api/v1/jobs/{run}"))["state"] == "cancelled"


async def test_changed_locales_add_and_switch_off_regions(node: Node, world: World) -> None:
    entry = body(world, "catalogue")
    entry.pop("locales")
    await node.add(**entry)
    assert (await channels(node, "DE")).keys()
    await node.patch("/api/v1/settings", {"LOCALES": [["de", "AT"], ["de", "CH"]]})
    for _ in range(100):
        status = {row["region"]: row for row in (await node.get("/vavoo/api/status"))["regions"]}
        if all(status.get(name, {}).get("status_text") == "FRESH" for name in ("AT", "CH")):
            break
        await asyncio.sleep(0.1)
    assert set(status) == {"AT", "CH"}
    assert (await node.http.get("/playlist/DE.m3u")).status_code == 404


async def test_a_region_that_was_never_built_answers_503_and_an_unknown_one_404(node: Node, world: World) -> None:
    never = await node.http.get("/vavoo/playlist/DE.m3u")
    assert never.status_code == 503
    assert int(never.headers["retry-after"]) > 0
    assert (await node.http.get("/vavoo/playlist/QQ.m3u")).status_code == 404
    row = (await node.get("/vavoo/api/status"))["regions"][0]
    assert (row["region"], row["status_text"], row["status_class"], row["exists"]) == (
        "DE",
        "NO DATA",
        "no-data",
        False,
    )


async def test_everything_is_fetched_anew_at_a_start_and_never_unserved(tmp_path: Path, world: World) -> None:
    async with running(tmp_path / "data") as node:
        source = await add(node, world, "m3u")
        good = (await node.http.get("/playlist/DE.m3u")).content
    world.faults.set("m3u", Fault("500"))
    async with running(tmp_path / "data") as node:
        again = await node.http.get("/playlist/DE.m3u")
        assert again.content.split(b"\n")[1:] == good.split(b"\n")[1:]  # the first line names the server's address
        for _ in range(150):
            feed = await feed_of(node, source)
            if feed["failures"]:
                break
            await asyncio.sleep(0.1)
        assert feed["failures"] == 1
        runs = (await node.get(f"/api/v1/sources/{source['id']}/runs"))["items"]
        assert runs[0]["outcome"] == "failed"
        assert world.counters["m3u"] > 1


async def test_a_source_that_never_worked_breaks_its_promise_until_it_is_removed(node: Node, tmp_path: Path) -> None:
    async def told() -> tuple[str, list[str], str]:
        await node.runtime.health.look()
        needs = await node.get("/api/v1/needs")
        text = (await node.http.get("/metrics")).text
        return (await node.get("/health"))["status"], [item["message"] for item in needs["items"]], text

    assert (await told())[0] == "ok", "nothing was tried yet"
    source = await node.add(kind="m3u", name="Bad", url=str(tmp_path / "none.m3u"), region="BAD")
    status, messages, text = await told()
    assert status == "degraded"
    assert any("Bad" in message for message in messages)
    assert 'nightcrew_result_fresh{result="playlist:BAD"} 0.0' in text
    activity = (await node.get("/api/v1/activity", params={"kind": "promise.broken"}))["items"]
    assert [entry["message"] for entry in activity] == [
        "Playlist BAD has never been built (promised: 720 s)",
    ]
    await node.http.delete(f"/api/v1/sources/{source['id']}")
    status, messages, text = await told()
    assert (status, messages) == ("ok", [])
    assert "playlist:BAD" not in text


async def test_a_stale_playlist_is_served_with_its_age(node: Node, world: World) -> None:
    await add(node, world, "m3u")
    old = utcnow() - timedelta(hours=5)
    async with node.runtime.store.write() as connection:
        await connection.execute(sa.update(feed_table).values(refreshed_at=old))
    answer = await node.http.get("/playlist/DE.m3u")
    assert answer.status_code == 200
    assert 5 * 3600 <= int(answer.headers["age"]) < 5 * 3600 + 60
    assert answer.headers["last-modified"].endswith("GMT")
    row = (await node.get("/vavoo/api/status"))["regions"][0]
    assert (row["status_text"], row["status_class"]) == ("STALE", "stale")
    await node.runtime.health.look()
    health = await node.get("/health")
    assert health["status"] == "degraded"
    kinds = [e["kind"] for e in (await node.get("/api/v1/activity"))["items"]]
    assert "promise.broken" in kinds
    assert 'nightcrew_result_fresh{result="playlist:DE"} 0.0' in (await node.http.get("/metrics")).text


def _list_file(folder: Path, count: int, token: str = "t") -> str:
    path = folder / f"list-{token}-{count}.m3u"
    entries = [
        f'#EXTINF:-1 tvg-id="c{n}.example" group-title="G{n % 2}",Channel {n}\nhttp://192.0.2.1/{token}/{n}.ts'
        for n in range(count)
    ]
    path.write_text("#EXTM3U\n" + "\n".join(entries) + "\n")
    return str(path)


def _names(text: str) -> list[str]:
    return [line.rpartition(",")[2] for line in text.splitlines() if line.startswith("#EXTINF")]
