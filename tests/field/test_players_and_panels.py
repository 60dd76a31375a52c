"""What players, media servers and panels do that no protocol says.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nightcrew.kernel import upkeep
from nightcrew.playlists.domain import DOMAIN
from nightcrew.playlists.formats import xtream
from nightcrew.playlists.formats.hdhomerun import GuideNumbers
from nightcrew.playlists.models import Channel
from nightcrew.playlists.rules import fold
from support import Node, running


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as started:
        yield started


async def listed(node: Node, folder: Path, *entries: str) -> None:
    (folder / "list.m3u").write_text(
        "#EXTM3U\n" + "".join(f"#EXTINF:-1 {one}\nhttp://192.0.2.1/{n}\n" for n, one in enumerate(entries))
    )
    await node.add(kind="m3u", name="L", url=str(folder / "list.m3u"), region="DE")


# -- tuners ------------------------------------------------------------------------------------------------------------


async def test_each_guide_number_stands_once_in_a_line_up(node: Node, tmp_path: Path) -> None:
    """Jellyfin makes its channel's id of it, and Plex shows one channel for each."""
    await listed(
        node, tmp_path, 'tvg-chno="7",A', 'tvg-chno="7",B', ",C", 'tvg-chno="3",D', 'tvg-chno="7.1",E', 'tvg-chno="7",F'
    )
    lineup = await node.get("/lineup.json")
    assert [one["GuideNumber"] for one in lineup] == ["7", "7.2", "3.1", "3", "7.1", "7.3"]
    assert lineup == await node.get("/lineup.json")


async def test_a_guide_number_stays_with_its_channel_whatever_the_list_does(node: Node, tmp_path: Path) -> None:
    """Of two with one number the older one has it, in any order, and also while it is gone; what a person hides frees its number."""
    hd, sd, kite = 'tvg-id="a" tvg-chno="7",HD', 'tvg-id="b" tvg-chno="7",SD', 'tvg-id="k" tvg-chno="8",Kite'

    async def numbers() -> dict[str, str]:
        return {one["GuideName"]: one["GuideNumber"] for one in await node.get("/lineup.json")}

    async def refreshed(*entries: str) -> dict[str, str]:
        (tmp_path / "list.m3u").write_text(
            "#EXTM3U\n" + "".join(f"#EXTINF:-1 {one}\nhttp://192.0.2.1/{one[-2:]}\n" for one in entries)
        )
        await node.refresh(1)
        return await numbers()

    await node.patch("/api/v1/settings", {"shrink_guard": 100})
    await listed(node, tmp_path, kite, hd, sd)
    first = {"Kite": "8", "HD": "7", "SD": "7.1"}
    assert await numbers() == first
    assert await refreshed(sd, hd, kite) == first
    assert await refreshed(sd, kite) == {"Kite": "8", "SD": "7.1"}
    assert await refreshed(kite, sd, hd) == first
    (found,) = (await node.get("/api/v1/channels", params={"q": "HD"}))["items"]
    await node.patch(f"/api/v1/channels/{found['id']}", {"hidden": True})
    assert await numbers() == {"Kite": "8", "SD": "7"}


def test_numbers_are_given_once_whatever_channels_have() -> None:
    rows: list[dict[str, Any]] = [
        dict.fromkeys(Channel.__dataclass_fields__) | {"id": n, "number": str(n % 3) if n % 2 else ""}
        for n in range(40)
    ]
    channels = [Channel(**row) for row in rows]
    numbers = GuideNumbers([(one.id, one.number) for one in channels if one.number])
    given = [numbers.of(one) for one in channels]
    assert len(set(given)) == len(given)


async def test_a_tuner_behind_a_password_has_a_base_address(node: Node, tmp_path: Path) -> None:
    """Media servers append /discover.json to what they are given, and ?transcode=heavy to a channel's address."""
    await listed(node, tmp_path, 'tvg-chno="7",A')
    await node.patch("/api/v1/settings", {"stream_mode": "direct"})
    token = await node.access.make_token("player", "tv", output="tuner")
    other = await node.access.make_token("player", "list", output="playlist/DE")
    await node.access.set_password("a long password")
    base = f"{node.url}/tuner/{token}"
    found = (await node.http.get(f"{base}/discover.json")).json()
    assert found["BaseURL"] == base
    (channel,) = (await node.http.get(found["LineupURL"])).json()
    answer = await node.http.get(f"{channel['URL']}?transcode=heavy", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://192.0.2.1/0")
    assert (await node.http.get(f"{base}/lineup_status.json")).json()["ScanInProgress"] == 0
    assert base in (await node.http.get(f"{base}/device.xml")).text
    for wrong in ("nonsense", other, "", f"{token}x"):
        for path in ("discover.json", "lineup.json", "play/1"):
            assert (await node.http.get(f"{node.url}/tuner/{wrong}/{path}", follow_redirects=False)).status_code in (
                401,
                404,
            )
    assert (await node.http.get(f"{node.url}/tuner/{token}/../../api/v1/sources")).status_code == 401


async def test_a_line_up_is_there_in_each_form(node: Node, tmp_path: Path) -> None:
    await listed(node, tmp_path, 'tvg-chno="7",A <&"> B', ",C")
    rows = await node.get("/lineup.json?token=t")
    tree = ET.fromstring((await node.http.get("/lineup.xml?token=t")).content)
    assert [{one.tag: one.text for one in row} for row in tree] == rows
    text = (await node.http.get("/lineup.m3u?token=t")).text
    entries = text.removeprefix("#EXTM3U\n").splitlines()
    assert entries[1::2] == [row["URL"] for row in rows]
    assert [line.split(",", 1)[1] for line in entries[::2]] == [f"{r['GuideNumber']} {r['GuideName']}" for r in rows]


async def test_a_scan_is_over_at_once(node: Node, tmp_path: Path) -> None:
    """Plex begins one by POST when a tuner is added."""
    await listed(node, tmp_path, ",A")
    token = await node.access.make_token("player", "tv", output="tuner")
    await node.access.set_password("a long password")
    for path in (f"/lineup.post?scan=start&token={token}", f"/tuner/{token}/lineup.post?scan=start"):
        assert (await node.http.post(path)).status_code == 200
    assert (await node.http.post("/lineup.post?scan=start")).status_code == 401
    assert (await node.http.post(f"/tuner/{token}/of/nowhere/lineup.post?scan=start")).status_code == 404


@pytest.mark.parametrize("ending", ["", ".ts"])
async def test_the_short_way_to_a_channel_is_one_too(node: Node, tmp_path: Path, ending: str) -> None:
    """TiviMate and lists of panels leave /live out."""
    await listed(node, tmp_path, ",A")
    (row,) = await node.get("/lineup.json")
    number = row["URL"].rpartition("/")[2]
    await node.patch("/api/v1/settings", {"stream_mode": "direct"})
    token = await node.access.make_token("player", "tv", output="panel")
    other = await node.access.make_token("player", "guide", output="guide")
    await node.access.set_password("a long password")
    for path in (f"/anna/{token}/{number}{ending}", f"/live/anna/{token}/{number}{ending}"):
        answer = await node.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, "http://192.0.2.1/0")
    assert (await node.http.get(f"/play/{number}{ending}?token={token}")).status_code == 302
    for path in (f"/anna/{other}/{number}", f"/anna/wrong/{number}", f"/api/{token}/{number}", f"/channels/{token}/1"):
        assert (await node.http.get(path)).status_code == 401, path
    assert (await node.http.get(f"/api/v1/sources/1?token={token}")).status_code == 401


# -- panels ------------------------------------------------------------------------------------------------------------


def test_category_ids_fit_the_number_that_clients_read() -> None:
    for number in range(2_000):
        found = int(xtream.category_id(f"group {number}"))
        assert 0 <= found < 1 << 31


ODD = {
    "object": (
        {"7": {"stream_id": 7, "name": "A", "category_id": "1"}},
        [{"category_id": "1", "category_name": "News"}],
        "News",
    ),
    "categories by number": (
        [{"stream_id": 7, "name": "A", "category_id": 1}],
        {"1": {"category_id": 1, "category_name": "News"}},
        "News",
    ),
    "no categories": ([{"stream_id": 7, "name": "A", "category_id": "1"}], False, ""),
    "categories null": ([{"stream_id": 7, "name": "A", "category_id": None}], None, ""),
    "several": (
        [{"stream_id": "7", "name": "A", "category_ids": [1, 2]}],
        [{"category_id": "1", "category_name": "News"}],
        "News",
    ),
    "odd id": (
        [{"stream_id": "a-b_1", "name": "A", "category_id": "1"}],
        [{"category_id": "1", "category_name": "News"}],
        "News",
    ),
    "bad byte": (
        [{"stream_id": 7, "name": "A\udcff", "category_id": "1"}],
        [{"category_id": "1", "category_name": "News"}],
        "News",
    ),
}


@contextlib.asynccontextmanager
async def panel(streams: Callable[[], Any], categories: Callable[[], Any]) -> AsyncIterator[str]:
    """A panel that answers what it is told to; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        told: Any = {"user_info": {"auth": 1, "status": "Active", "max_connections": "2"}}
        if "get_live_streams" in asked:
            told = streams()
        elif "get_live_categories" in asked:
            told = categories()
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogateescape")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


LOGIN = {"kind": "xtream", "name": "P", "region": "DE", "username": "anna", "password": "secret-1", "guide": False}


@pytest.mark.parametrize("case", ODD)
async def test_a_panel_that_answers_a_little_wrong_gives_its_channels(node: Node, case: str) -> None:
    streams, categories, group = ODD[case]
    async with panel(lambda: streams, lambda: categories) as url:
        await node.add(url=url, **LOGIN)
        (channel,) = (await node.get("/api/v1/channels", params={"region": "DE"}))["items"]
    assert (fold(channel["name"])[0], channel["group"]) == ("a", group)


async def test_a_panel_that_forgets_its_categories_for_a_while_takes_no_groups_away(node: Node) -> None:
    """It answers `false` or an empty list, and the names of the groups stay."""
    told: list[Any] = [[{"category_id": "1", "category_name": "News"}]]
    async with panel(
        lambda: [{"stream_id": 7, "num": len(told), "name": "A", "category_id": "1"}], lambda: told[-1]
    ) as url:
        source = await node.add(url=url, **LOGIN)
        for answer, group in [
            (False, "News"),
            ([], "News"),
            (None, "News"),
            ({}, "News"),
            ([{"category_id": "1", "category_name": "Sport"}], "Sport"),
        ]:
            told.append(answer)
            await node.refresh(source["id"])
            (channel,) = (await node.get("/api/v1/channels", params={"region": "DE"}))["items"]
            assert (channel["number"], channel["group"]) == (str(len(told)), group)


# -- what an account allows --------------------------------------------------------------------------------------------


async def test_the_tuner_and_the_panel_say_what_the_accounts_allow(node: Node, tmp_path: Path) -> None:
    await listed(node, tmp_path, "A")
    assert (await node.get("/discover.json"))["TunerCount"] == 4, "any number"
    for name, most in (("One", 2), ("Two", 3)):
        (tmp_path / f"{name}.m3u").write_text(f"#EXTM3U\n#EXTINF:-1,{name}\nhttp://192.0.2.1/{name}\n")
        await node.add(kind="m3u", name=name, url=str(tmp_path / f"{name}.m3u"), region="X", max_streams=most)
    assert (await node.get("/discover.json"))["TunerCount"] == 4, "one of them allows any number"
    first = (await node.get("/api/v1/sources"))["items"][0]["id"]
    await node.http.delete(f"/api/v1/sources/{first}")
    assert (await node.get("/discover.json"))["TunerCount"] == 5
    told = (await node.get("/player_api.php?username=anna&password=p"))["user_info"]
    assert (told["max_connections"], told["active_cons"]) == ("5", "0")


async def test_the_older_api_tells_all_in_one_answer(node: Node, tmp_path: Path) -> None:
    await listed(node, tmp_path, 'group-title="News",A', 'group-title="Sport" tvg-id="b.x",B')
    told = await node.get("/panel_api.php?username=anna&password=p")
    assert told["user_info"]["auth"] == 1
    assert {one["category_name"] for one in told["categories"]["live"]} == {"News", "Sport"}
    found = {one["name"]: one for one in told["available_channels"].values()}
    assert (found["B"]["category_name"], found["B"]["epg_channel_id"], found["B"]["live"]) == ("Sport", "b.x", "1")


async def test_a_panel_without_channels_is_one_too(node: Node) -> None:
    assert (await node.get("/panel_api.php"))["available_channels"] == {}


@pytest.mark.parametrize("path", ["/player_api.php", "/panel_api.php", "/get.php", "/xmltv.php"])
async def test_what_a_player_posts_is_answered_as_if_it_had_asked(node: Node, tmp_path: Path, path: str) -> None:
    await listed(node, tmp_path, "A")
    asked = await node.http.get(f"{path}?username=anna&password=p")
    login = {"username": "anna", "password": "p"}
    for more in ({"data": login}, {"params": login}, {"json": login}):
        posted = await node.http.post(path, **more)  # type: ignore[arg-type]
        assert posted.status_code == asked.status_code == 200
        if path == "/player_api.php":
            assert posted.json()["user_info"] == asked.json()["user_info"]
    assert (await node.http.post(path, content=b"x" * 70_000)).status_code == 413
    for odd in (b"", b"[" * 9_000, b"[1]", b'{"action": {"a": 1}, "stream_id": true, "x": "\\ud800"}', b"1" * 9_000):
        answer = await node.http.post(path, content=odd, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200


async def test_a_posted_login_opens_what_its_token_opens(node: Node) -> None:
    """Behind a password, and nothing else by POST."""
    await node.access.set_password("a long password")
    token = await node.access.make_token("player", "tv", output="panel")
    answer = await node.http.post("/player_api.php", data={"username": "tv", "password": token})
    assert answer.json()["user_info"]["auth"] == 1
    assert (await node.http.post("/player_api.php", data={"username": "tv", "password": "wrong"})).status_code == 401
    assert (await node.http.post("/api/v1/sources", data={"token": token})).status_code == 401
