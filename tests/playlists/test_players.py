"""What players and existing scripts see: playlists, tuner, panel, the address behind a channel, the seed's routes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from nightcrew.demo.world import World
from nightcrew.kernel.http import Request
from nightcrew.kernel.targets import points_private
from support import Node, running


def list_file(folder: Path, name: str, lines: list[tuple[str, str, str]]) -> str:
    """A playlist of (name, group, address)."""
    path = folder / f"{name}.m3u"
    text = "".join(f'#EXTINF:-1 tvg-id="{n}" group-title="{g}",{n}\n{url}\n' for n, g, url in lines)
    path.write_text(f"#EXTM3U\n{text}")
    return str(path)


@pytest.fixture
async def lists(node: Node, tmp_path: Path) -> Node:
    """Three regions: DE with three channels, AT with two, CH with one."""
    base = "http://192.0.2.1"
    de = [
        ("DE News", "News", f"{base}/1"),
        ("DE Sport", "Sport", f"{base}/2"),
        ("DE Kids", "Kids", "[NO PUBLIC STREAM]"),
    ]
    await node.add(kind="m3u", name="D", url=list_file(tmp_path, "de", de), region="DE")
    at = [("AT News", "News", f"{base}/3"), ("AT Kids", "Kids", f"{base}/4")]
    await node.add(kind="m3u", name="A", url=list_file(tmp_path, "at", at), region="AT")
    await node.add(kind="m3u", name="C", url=list_file(tmp_path, "ch", [("CH News", "News", f"{base}/5")]), region="CH")
    return node


def names(text: str) -> list[str]:
    return [line.rpartition(",")[2] for line in text.splitlines() if line.startswith("#EXTINF")]


async def test_combined_playlists_follow_their_regions_without_fetching(lists: Node) -> None:
    await lists.patch("/api/v1/settings", {"COMBINED_PLAYLISTS": [{"name": "DACH", "regions": ["ch", "DE"]}]})
    jobs = (await lists.get("/api/v1/jobs"))["items"]
    text = (await lists.http.get("/playlist/combined/DACH.m3u")).text
    assert names(text) == ["CH News", "DE News", "DE Sport", "DE Kids"]
    assert (await lists.http.get("/vavoo/playlist/combined/dach.m3u")).text == text
    assert len((await lists.get("/api/v1/jobs"))["items"]) == len(jobs)
    refused = await lists.http.patch(
        "/api/v1/settings", json={"COMBINED_PLAYLISTS": [{"name": "One", "regions": ["DE"]}]}
    )
    assert refused.status_code == 422
    assert "two or more regions" in refused.json()["detail"]


async def test_a_combined_playlist_with_a_region_that_was_never_built_serves_the_rest(lists: Node) -> None:
    await lists.patch(
        "/api/v1/settings",
        {"LOCALES": [["fr", "FR"]], "COMBINED_PLAYLISTS": [{"name": "Mix", "regions": ["FR", "DE"]}]},
    )
    answer = await lists.http.get("/playlist/combined/Mix.m3u")
    assert answer.status_code == 200
    assert names(answer.text) == ["DE News", "DE Sport", "DE Kids"]


async def test_the_filter_keeps_what_matches_in_every_output(lists: Node) -> None:
    node = lists
    await node.patch("/api/v1/settings", {"FILTER_ENABLED": True, "FILTER_KEYWORDS": []})
    assert len(names((await node.http.get("/playlist/DE.m3u")).text)) == 3, "no keywords: nothing is filtered"
    told = [need.message for need in await node.runtime.health.needs()]
    assert any("filters nothing" in message for message in told)
    await node.patch("/api/v1/settings", {"FILTER_KEYWORDS": ["news", "sport:Athletics"]})
    text = (await node.http.get("/playlist/all.m3u")).text
    assert names(text) == ["AT News", "CH News", "DE News", "DE Sport"]
    assert 'group-title="Athletics"' in text
    lineup = await node.get("/lineup.json")
    assert [item["GuideName"] for item in lineup] == ["AT News", "CH News", "DE News", "DE Sport"]
    panel = await node.get("/player_api.php", params={"action": "get_live_streams"})
    assert [item["name"] for item in panel] == ["AT News", "CH News", "DE News", "DE Sport"]
    categories = await node.get("/player_api.php", params={"action": "get_live_categories"})
    assert {item["category_name"] for item in categories} == {"News", "Athletics"}
    await node.patch("/api/v1/settings", {"FILTER_ENABLED": False})
    assert len(names((await node.http.get("/playlist/all.m3u")).text)) == 6


async def test_hidden_channels_leave_every_output(lists: Node) -> None:
    found = (await lists.get("/api/v1/channels", params={"q": "AT News"}))["items"][0]
    await lists.patch(f"/api/v1/channels/{found['id']}", {"hidden": True})
    assert "AT News" not in (await lists.http.get("/playlist/AT.m3u")).text
    assert "AT News" not in (await lists.http.get("/lineup.json")).text
    assert (await lists.get("/api/v1/channels", params={"hidden": True}))["items"][0]["name"] == "AT News"


async def test_groups_have_playlists_of_their_own(lists: Node) -> None:
    assert names((await lists.http.get("/playlist/group/News.m3u")).text) == ["AT News", "CH News", "DE News"]
    assert (await lists.http.get("/playlist/group/None.m3u")).status_code == 404


async def test_a_tuner_is_found_and_its_lineup_plays(lists: Node) -> None:
    tuner = await lists.get("/discover.json")
    assert {"DeviceID", "BaseURL", "LineupURL", "TunerCount", "FriendlyName"} <= tuner.keys()
    lineup = (await lists.http.get(tuner["LineupURL"])).json()
    assert [item["GuideName"] for item in lineup] == ["AT News", "AT Kids", "CH News", "DE News", "DE Sport"]
    assert len({item["GuideNumber"] for item in lineup}) == 5
    answer = await lists.http.get(lineup[0]["URL"])
    assert (answer.status_code, answer.headers["location"]) == (302, "http://192.0.2.1/3")
    assert (await lists.get("/lineup_status.json"))["ScanInProgress"] == 0
    assert "urn:schemas-upnp-org" in (await lists.http.get("/device.xml")).text


async def test_the_panel_speaks_xtream(lists: Node) -> None:
    account = await lists.get("/player_api.php", params={"username": "me", "password": "x"})
    assert account["user_info"]["auth"] == 1
    streams = await lists.get(
        "/player_api.php", params={"username": "me", "password": "x", "action": "get_live_streams"}
    )
    category = streams[0]["category_id"]
    some = await lists.get("/player_api.php", params={"action": "get_live_streams", "category_id": category})
    assert {item["category_id"] for item in some} == {category}
    answer = await lists.http.get(f"/live/me/x/{streams[0]['stream_id']}.ts")
    assert answer.status_code == 302
    assert names((await lists.http.get("/get.php", params={"username": "me", "password": "x"})).text)


async def test_our_panel_output_is_a_source_for_another_nightcrew(lists: Node, tmp_path: Path) -> None:
    """The reader and the writer of the same protocol, over the wire."""
    added = await lists.add(
        kind="xtream", name="Mirror", url=lists.url, username="me", password="anything", region="MIRROR"
    )
    feed = next(feed for feed in added["feeds"] if feed["kind"] == "channels")
    assert feed["error"] is None
    assert feed["streams"] == 5


async def test_a_remark_in_place_of_an_address_is_listed_but_not_played(lists: Node) -> None:
    assert "[NO PUBLIC STREAM]" in (await lists.http.get("/playlist/DE.m3u")).text
    found = (await lists.get("/api/v1/channels", params={"q": "DE Kids"}))["items"][0]
    answer = await lists.http.get(found["play"])
    assert answer.status_code == 409
    assert "no stream that can be played" in answer.json()["detail"]


async def test_play_is_no_open_proxy_into_the_private_network(node: Node, world: World, tmp_path: Path) -> None:
    """A public provider that lists a private address: it is refused. A source configured there may."""
    private = await node.add(
        kind="m3u", name="At home", url=list_file(tmp_path, "home", [("Cam", "", "http://127.0.0.1:9/x")])
    )
    cam = (await node.get("/api/v1/channels", params={"q": "Cam"}))["items"][0]
    assert (await node.http.get(cam["play"])).status_code == 302
    source = node.runtime
    from nightcrew.playlists.providers import Adapters
    from nightcrew.playlists.store import sources

    row = await sources.get(source.store, source.vault, private["id"])
    adapter = source.part(Adapters).of(row)
    adapter.private = False  # as if the list had come from a public address
    answer = await node.http.get(cam["play"])
    assert answer.status_code == 409
    assert "private network" in answer.json()["detail"]


async def test_expiring_addresses_are_resolved_when_played_and_remembered_while_they_live(
    node: Node, world: World
) -> None:
    await node.add(**world.sources()[2])
    text = (await node.http.get("/playlist/CH.m3u")).text
    addresses = [line for line in text.splitlines() if not line.startswith("#")]
    assert all("/play/" in address for address in addresses)
    before = world.counters["catalogue"]
    first = (await node.http.get(addresses[0])).headers["location"]
    second = (await node.http.get(addresses[0])).headers["location"]
    assert first == second
    assert "sig=" in first
    assert world.counters["catalogue"] == before + 1, "asked once while the address lives"


async def test_redirect_mode_points_everything_at_us(lists: Node) -> None:
    await lists.patch("/api/v1/settings", {"stream_mode": "redirect"})
    text = (await lists.http.get("/playlist/AT.m3u")).text
    assert [line for line in text.splitlines() if line.startswith("http")] == [
        f"{lists.url}/play/{c['id']}" for c in (await lists.get("/api/v1/channels", params={"region": "AT"}))["items"]
    ]
    refused = await lists.http.patch("/api/v1/settings", json={"stream_mode": "teleport"})
    assert refused.status_code == 422
    assert "'direct', 'redirect' or 'proxy'" in refused.json()["detail"]


async def test_addresses_and_tokens_are_those_of_the_client(lists: Node) -> None:
    await lists.patch("/api/v1/settings", {"stream_mode": "redirect"})
    answer = await lists.http.get(
        "/playlist/CH.m3u", params={"token": "a b"}, headers={"Host": f"localhost:{lists.url[-5:]}"}
    )
    (address,) = [line for line in answer.text.splitlines() if line.startswith("http")]
    assert address.startswith(f"http://localhost:{lists.url[-5:]}/play/")
    assert address.endswith("?token=a%20b")
    assert "/guide.xml?token=a%20b" in answer.text.splitlines()[0]


async def test_a_playlist_that_did_not_change_is_not_sent_again(lists: Node) -> None:
    first = await lists.http.get("/playlist/DE.m3u")
    again = await lists.http.get("/playlist/DE.m3u", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    head = await lists.http.head("/playlist/DE.m3u")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == first.headers["etag"]


async def test_res_picks_the_best_variant_of_a_master_playlist(tmp_path: Path, pictures: Path) -> None:
    async with World(streams=pictures) as world, running(tmp_path / "data") as node:
        await world.ready()
        url = next(
            line for line in (await _text(node, f"{world.url}/m3u/list.m3u")).splitlines() if "master.m3u8" in line
        )
        await node.add(kind="m3u", name="One", url=list_file(tmp_path, "one", [("Live", "", url)]))
        channel = (await node.get("/api/v1/channels"))["items"][0]
        assert (await node.http.get(channel["play"])).headers["location"] == url
        await node.patch("/api/v1/settings", {"RES": True})
        best = (await node.http.get(channel["play"])).headers["location"]
        assert best != url
        media = await _text(node, best)
        assert "#EXT-X-MEDIA-SEQUENCE" in media
        text = await _text(node, url)
        from nightcrew.playlists.formats import master

        variants = master.parse_master(text, url)
        assert max(variants, key=lambda v: v.height).url == best


async def _text(node: Node, url: str) -> str:
    from nightcrew.kernel.http import Limits

    text, _ = await node.runtime.http.text(Request(url, allow_private=True), limits=Limits(seconds=10))
    return text


# -- the seed ----------------------------------------------------------------------------------------------------------


async def test_every_route_of_the_seed_answers(lists: Node) -> None:
    page = await lists.http.get("/vavoo/")
    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]
    status = await lists.get("/vavoo/api/status")
    (de,) = [row for row in status["regions"] if row["region"] == "DE"]
    assert set(de) == {
        "lang", "region", "channels", "resolved", "age", "status_text", "status_class", "exists", "size",
    }  # fmt: skip
    assert (de["lang"], de["channels"], de["resolved"], de["status_class"]) == ("de", 3, 2, "fresh")
    assert (await lists.http.get("/vavoo/health")).text == "OK\nChannels: 6\nResolved: 5\n"
    stats = (await lists.http.get("/vavoo/stats")).text
    assert "News: 3" in stats
    for path in ("refresh/DE", "refresh/*", "rebuild/DE", "rebuild/*"):
        answer = await lists.http.post(f"/vavoo/api/{path}")
        assert answer.status_code == 202, path
        for job in answer.json()["jobs"]:
            assert (await lists.runtime.jobs.wait(job)).state == "done"
    assert (await lists.http.post("/vavoo/api/refresh/QQ")).status_code == 404


async def test_the_seeds_config_changes_only_what_it_names(lists: Node) -> None:
    before = await lists.get("/vavoo/api/config")
    after = await lists.post("/vavoo/api/config", {"RES": True})
    assert after == before | {"RES": True}
    wrong = await lists.http.post("/vavoo/api/config", json={"refresh_interval": 5, "RES": False})
    assert wrong.status_code == 422
    assert "60" in wrong.json()["detail"]
    assert (await lists.get("/vavoo/api/config"))["RES"] is True
    unknown = await lists.http.post("/vavoo/api/config", json={"NOPE": 1})
    assert unknown.status_code == 422
    assert "NOPE" in unknown.json()["detail"]


async def test_the_seeds_config_file_is_imported_as_it_is(lists: Node) -> None:
    config: dict[str, Any] = json.loads(
        '{"RES": false, "PLAYLIST_REBUILD_ON_START": true, "FILTER_ENABLED": false, "LOCALES": [["de", "DE"]], '
        '"COMBINED_PLAYLISTS": [], "SOMETHING_ELSE": 1}'
    )
    answer = await lists.post("/api/v1/settings/import", config)
    assert len(answer["imported"]) == 5
    assert answer["ignored"] == ["SOMETHING_ELSE"]


async def test_secrets_never_come_out_again(tmp_path: Path, world: World) -> None:
    async with running(tmp_path / "data") as node:
        await node.add(**world.sources()[1])
        texts = [
            (await node.http.get(path)).text
            for path in (
                "/api/v1/sources", "/api/v1/channels", "/api/v1/activity", "/api/v1/jobs", "/api/v1/settings", "/sources",
                "/channels", "/", "/activity", "/metrics", "/health", "/api/v1/sources/1/runs",
            )
        ]  # fmt: skip
        assert not [text for text in texts if "demo-password" in text]
        # players get the address that plays; at rest it is kept without the password
        channel = (await node.get("/api/v1/channels"))["items"][0]
        assert "demo-password" in (await node.http.get(channel["play"])).headers["location"]
        assert "•••" in channel["streams"][0]["url"]
    rest = (tmp_path / "data" / "nightcrew.db").read_bytes() + (tmp_path / "data" / "jobs.db").read_bytes()
    assert b"demo-password" not in rest


async def test_a_player_token_opens_the_playlist_and_what_it_points_at(tmp_path: Path) -> None:
    async with running(tmp_path / "data", password="a long password") as node:
        client = node.http
        refused = await client.get("/playlist/all.m3u")
        assert refused.status_code == 401
        key = await node.access.make_token("api", "test")
        client.headers["X-Api-Key"] = key
        await node.add(kind="m3u", name="L", url=list_file(tmp_path, "l", [("One", "", "http://192.0.2.1/1")]))
        await node.patch("/api/v1/settings", {"stream_mode": "redirect"})
        token = (
            await node.post("/api/v1/tokens", {"scope": "player", "name": "kitchen", "password": "a long password"})
        )["token"]
        async with httpx2.AsyncClient(base_url=node.url, trust_env=False) as player:
            text = (await player.get("/playlist/all.m3u", params={"token": token})).text
            (address,) = [line for line in text.splitlines() if line.startswith("http")]
            assert (await player.get(address)).status_code == 302
            assert (await player.get("/player_api.php", params={"username": "u", "password": token})).status_code == 200
            assert (await player.get("/api/v1/sources", params={"token": token})).status_code == 401
            (found,) = [t for t in (await node.get("/api/v1/tokens"))["items"] if t["name"] == "kitchen"]
            await client.delete(f"/api/v1/tokens/{found['id']}")
            assert (await player.get(address)).status_code == 401


@pytest.mark.parametrize("url", ["http://[bad/1.ts", "http://[::1", "http://[fe80::1%25eth0]/1.ts"])
async def test_an_address_that_cannot_be_read_belongs_to_no_public_source(url: str) -> None:
    assert await points_private(url)


async def test_a_token_of_one_playlist_plays_its_channels_and_no_others(tmp_path: Path) -> None:
    """The address behind a channel shows the login of its source: a token for one list must not show another list's."""
    async with running(tmp_path / "data", password="a long password") as node:
        node.http.headers["X-Api-Key"] = await node.access.make_token("api", "test")
        await node.patch(
            "/api/v1/settings",
            {"stream_mode": "redirect", "FILTER_KEYWORDS": ["ein", "zwei", "un"], "FILTER_ENABLED": True},
        )
        lists = {
            "DE": [("Eins", "News", "http://192.0.2.1/u/de/1"), ("Zwei", "Kids", "http://192.0.2.1/u/de/2")],
            "FR": [("Un", "News", "http://192.0.2.1/u/fr/1"), ("Deux", "Adult", "http://192.0.2.1/u/fr/2")],
        }
        for region, entries in lists.items():
            url = list_file(tmp_path, region, entries)
            await node.add(kind="m3u", name=region, region=region, url=url)
        known = {one["name"]: one["id"] for one in (await node.get("/api/v1/channels?limit=100"))["items"]}
        assert set(known) == {"Eins", "Zwei", "Un", "Deux"}
        await node.patch("/api/v1/settings", {"COMBINED_PLAYLISTS": [{"name": "Both", "regions": ["DE", "FR"]}]})
        seen = {
            "": {"Eins", "Zwei", "Un"},
            "panel": {"Eins", "Zwei", "Un"},
            "tuner": {"Eins", "Zwei", "Un"},
            "playlist/all": {"Eins", "Zwei", "Un"},
            "playlist/DE": {"Eins", "Zwei"},
            "playlist/fr": {"Un"},
            "playlist/combined/both": {"Eins", "Zwei", "Un"},
            "playlist/group/News": {"Eins", "Un"},
            "playlist/ES": set(),
            "playlist/combined/gone": set(),
        }
        async with httpx2.AsyncClient(base_url=node.url, trust_env=False) as player:
            for output, expected in seen.items():
                token = await node.access.make_token("player", "tv", output=output)
                ways = [f"/play/{{}}?token={token}", *([f"/live/u/{token}/{{}}.ts"] if output in {"", "panel"} else [])]
                for way in ways:
                    answers = {name: await player.get(way.format(number)) for name, number in known.items()}
                    assert {answer.status_code for answer in answers.values()} <= {302, 404}, output
                    assert {name for name, one in answers.items() if one.status_code == 302} == expected, (output, way)
                    refused = [one.text for one in answers.values() if one.status_code == 404]
                    assert not any("192.0.2.1" in text for text in refused)
            hidden = known["Eins"]
            await node.patch(f"/api/v1/channels/{hidden}", {"hidden": True})
            token = await node.access.make_token("player", "tv")
            assert (await player.get(f"/play/{hidden}?token={token}")).status_code == 404
        assert (await node.http.get(f"/play/{known['Deux']}")).status_code == 302, "people see what is filtered"
