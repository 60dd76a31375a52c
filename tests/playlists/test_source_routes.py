"""A source that takes a route: all that is asked of it goes through that or waits, and nothing goes directly."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from beyond import ZONE, Beyond, watched
from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, GiveUp
from nightcrew.kernel.routing import store
from nightcrew.kernel.routing.lookout import Lookout
from nightcrew.playlists import ways
from nightcrew.playlists.exports import Player, channels, sources
from nightcrew.playlists.models import Source
from streaming import Origin, Script, answers, head, packets, playing, sends, serving
from support import Node, until

HTMX = {"HX-Request": "true"}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1" + bytes(64)
TODAY = utcnow().strftime("%Y%m%d").encode()
GUIDE = (
    b'<?xml version="1.0"?><tv><channel id="news"><display-name>News</display-name></channel>'
    b'<programme channel="news" start="%b000000 +0000" stop="%b235900 +0000"><title>All day</title></programme></tv>'
) % (TODAY, TODAY)
MASTER = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n"
MEDIA = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n1.ts\n#EXTINF:1,\n2.ts\n#EXT-X-ENDLIST\n"


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with serving() as made:
        yield made


@pytest.fixture
def leaks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return watched(monkeypatch)


@pytest.fixture
def route(node: Node, leaks: list[str], monkeypatch: pytest.MonkeyPatch) -> Beyond:
    made = Beyond()
    node.runtime.http.routes.put(made)
    monkeypatch.setattr(recovery, "PARKED", 0.5)
    return made


def far(origin: Origin, host: str, path: str) -> str:
    """An address that only the route leads to."""
    return f"http://{host}.{ZONE}:{origin.port}{path}"


def listing(origin: Origin, **entries: str) -> Script:
    """A list of channels by name and path, each with a logo and an archive."""
    lines = ["#EXTM3U"]
    for name, path in entries.items():
        logo = far(origin, "logos", f"/{name}.png")
        lines += [
            f'#EXTINF:-1 tvg-id="{name}" tvg-logo="{logo}" catchup="append" catchup-days="3" '
            f'catchup-source="?past={{utc}}",{name}',
            far(origin, "streams", path),
        ]
    return answers("\n".join([*lines, ""]).encode(), "audio/x-mpegurl")


async def listed(node: Node, origin: Origin, **entries: str) -> dict[str, int]:
    """A source with these channels that takes the route; returns their numbers."""
    origin.scripts["/list.m3u"] = listing(origin, **entries)
    source = await node.add(kind="m3u", name="Far", url=far(origin, "list", "/list.m3u"), region="X", route="vpn")
    assert source["route"] == "vpn"
    return {one["name"]: int(one["id"]) for one in (await node.get("/api/v1/channels"))["items"]}


def feed_of(source: dict[str, Any]) -> dict[str, Any]:
    return next(feed for feed in source["feeds"] if feed["kind"] == "channels")


# -- everything goes through it ----------------------------------------------------------------------------------------


async def test_lists_guides_and_logos_take_it(node: Node, origin: Origin, route: Beyond, leaks: list[str]) -> None:
    origin.scripts |= {"/news.png": answers(PNG, "image/png"), "/guide.xml": answers(GUIDE, "text/xml")}
    found = await listed(node, origin, news="/a.ts")
    await node.post(
        "/api/v1/sources", {"kind": "guide", "name": "G", "url": far(origin, "g", "/guide.xml"), "route": "vpn"}
    )
    await until(lambda: "/guide.xml" in origin.asked)
    assert (await node.http.get(f"/channels/{found['news']}/logo")).content == PNG
    assert {"list." + ZONE, "logos." + ZONE, "g." + ZONE} <= set(route.asked)
    assert leaks == []


async def test_a_list_s_own_guide_takes_the_route_of_the_list(
    node: Node, origin: Origin, route: Beyond, leaks: list[str]
) -> None:
    origin.scripts |= {"/guide.xml": answers(GUIDE, "text/xml"), "/list.m3u": listing(origin, news="/a.ts")}
    urls = {"url": far(origin, "list", "/list.m3u"), "guide_url": far(origin, "guide", "/guide.xml")}
    source = await node.add(kind="m3u", name="Far", region="X", route="vpn", **urls)
    assert {feed["kind"]: feed["error"] for feed in source["feeds"]} == {"channels": None, "guide": None}
    assert ("guide." + ZONE in route.asked, leaks) == (True, [])


@pytest.mark.parametrize("mode", ["direct", "redirect", "proxy"])
async def test_streams_are_passed_on_in_every_mode(
    node: Node, origin: Origin, route: Beyond, leaks: list[str], mode: str
) -> None:
    await node.patch("/api/v1/settings", {"stream_mode": mode})
    origin.scripts |= {
        "/a.ts": sends(1, limit=4),
        "/master.m3u8": answers(MASTER),
        "/media.m3u8": answers(MEDIA),
        "/1.ts": answers(packets(3), "video/mp2t"),
        "/2.ts": answers(packets(4), "video/mp2t"),
    }
    found = await listed(node, origin, plain="/a.ts", hls="/master.m3u8")
    text = (await node.http.get("/playlist/X.m3u")).text
    assert f"/play/{found['plain']}\n" in text
    assert ZONE not in text, "neither streams nor logos nor archives"
    answer = await node.http.get(f"/play/{found['plain']}")
    assert (answer.status_code, answer.content) == (200, packets(1, 28))
    answer = await node.http.get(f"/play/{found['hls']}")
    assert (answer.status_code, answer.content) == (200, packets(3) + packets(4))
    assert (await node.http.head(f"/play/{found['plain']}")).status_code == 200
    moment = int((utcnow() - timedelta(hours=5)).timestamp())
    answer = await node.http.get(f"/play/{found['plain']}?utc={moment}&duration=60")
    assert (answer.status_code, answer.content) == (200, packets(1, 28))
    assert f"/a.ts?past={moment}" in origin.targets
    assert leaks == []


async def test_hls_for_players_takes_it_too(node: Node, origin: Origin, route: Beyond, leaks: list[str]) -> None:
    origin.scripts["/a.ts"] = sends(1, limit=4)
    found = await listed(node, origin, plain="/a.ts")
    answer = await node.http.get(f"/play/{found['plain']}.m3u8")
    assert answer.status_code != 302
    assert ("/a.ts" in origin.asked, "streams." + ZONE in route.asked, leaks) == (True, True, [])


async def test_the_best_variant_is_looked_for_by_it(
    node: Node, origin: Origin, route: Beyond, leaks: list[str]
) -> None:
    origin.scripts["/master.m3u8"] = answers(MASTER)
    found = await listed(node, origin, hls="/master.m3u8")
    await node.patch("/api/v1/settings", {"RES": True})
    channel = await channels.get(node.runtime.store, found["hls"])
    request = await node.runtime.part(Player).request(channel, channel.streams[0])
    assert (urlsplit(request.url).path, request.route, leaks) == ("/media.m3u8", "vpn", [])
    with pytest.raises(GiveUp, match="no player is given its address"):
        await node.runtime.part(Player).target(channel.id)
    assert route.opened


def panel(origin: Origin) -> dict[str, Script]:
    """What an Xtream panel answers."""

    async def api(_origin: Origin, writer: Any) -> None:
        action = parse_qs(urlsplit(origin.targets[-1]).query).get("action", [""])[0]
        said: Any = {"user_info": {"auth": 1, "status": "Active"}}
        if action:
            said = [{"category_id": "1", "category_name": "C"}]
        if action == "get_live_streams":
            said = [{"stream_id": 7, "name": "Seven", "category_id": "1"}]
        body = json.dumps(said).encode()
        head(writer, kind="application/json", length=len(body))
        writer.write(body)
        await writer.drain()

    return {"/player_api.php": api, "/xmltv.php": answers(GUIDE, "text/xml"), "/live/u/p/7.ts": sends(7, limit=2)}


async def test_a_panel_takes_it(node: Node, origin: Origin, route: Beyond, leaks: list[str]) -> None:
    origin.scripts |= panel(origin)
    login = {"username": "u", "password": "p"}
    source = await node.add(kind="xtream", name="P", url=far(origin, "panel", ""), region="X", route="vpn", **login)
    assert [feed["error"] for feed in source["feeds"]] == [None, None]
    channel = (await node.get("/api/v1/channels"))["items"][0]["id"]
    assert (await node.http.get(f"/play/{channel}")).content == packets(7, 14)
    rows = (await node.get("/api/v1/connections"))["items"]
    assert [row["route"] for row in rows] == ["vpn", "vpn"]
    for row in rows:
        assert (await node.post(f"/api/v1/connections/{row['id']}/test"))["ok"], "what Test asks takes it too"
    assert set(route.asked) == {"panel." + ZONE}
    assert leaks == []


async def test_a_catalogue_and_what_it_resolves_take_it(
    node: Node, origin: Origin, route: Beyond, leaks: list[str]
) -> None:
    items = [{"id": "7", "name": "Seven"}]
    address = {"url": far(origin, "streams", "/seven.ts")}
    origin.scripts |= {
        "/items": answers(json.dumps({"items": items}).encode(), "application/json"),
        "/resolve": answers(json.dumps(address).encode(), "application/json"),
        "/token": answers(b'{"token": "abcdefgh"}', "application/json"),
        "/seven.ts": sends(7, limit=2),
    }
    options = {
        "list": {"path": "items"},
        "auth": {"kind": "token", "path": "token", "header": "X-T"},
        "resolve": {"kind": "post", "path": "resolve", "body": {"id": "{id}"}},
    }
    found = {"url": far(origin, "api", ""), "locales": [["en", "X"]], "options": options}
    await node.add(kind="catalogue", name="C", route="vpn", **found)
    channel = (await node.get("/api/v1/channels"))["items"][0]["id"]
    assert (await node.http.get(f"/play/{channel}")).content == packets(7, 14)
    assert {"/items", "/token", "/resolve", "/seven.ts"} <= set(origin.asked)
    assert set(route.asked) == {"api." + ZONE, "streams." + ZONE}
    assert leaks == []


async def test_a_preview_takes_it(node: Node, origin: Origin, route: Beyond, leaks: list[str]) -> None:
    origin.scripts["/list.m3u"] = listing(origin, news="/a.ts")
    body = {"kind": "m3u", "name": "Far", "url": far(origin, "list", "/list.m3u"), "route": "vpn"}
    assert (await node.post("/api/v1/sources/preview", body))["entries"] == 1
    assert (route.opened > 0, leaks) == (True, [])


async def test_a_list_in_a_file_has_streams_that_take_it(
    node: Node, origin: Origin, route: Beyond, leaks: list[str], tmp_path: Path
) -> None:
    origin.scripts["/a.ts"] = sends(1, limit=2)
    (tmp_path / "l.m3u").write_text(f"#EXTM3U\n#EXTINF:-1,One\n{far(origin, 'streams', '/a.ts')}\n")
    await node.add(kind="m3u", name="File", url=str(tmp_path / "l.m3u"), region="X", route="vpn")
    assert (await node.http.get("/play/1")).content == packets(1, 14)
    assert (route.asked, leaks) == (["streams." + ZONE] * len(route.asked), [])
    assert await node.runtime.part(Lookout).users("vpn") == ["File"], "it has no connection that says so"


# -- what can be chosen ------------------------------------------------------------------------------------------------


async def test_only_a_route_that_is_there_can_be_chosen(node: Node, origin: Origin, route: Beyond) -> None:
    body = {"kind": "m3u", "name": "Far", "url": far(origin, "list", "/list.m3u"), "route": "nowhere"}
    for path in ("/api/v1/sources", "/api/v1/sources/preview"):
        answer = await node.http.post(path, json=body)
        assert answer.status_code == 422
        assert "there is no route 'nowhere'" in answer.text
    found = await listed(node, origin, news="/a.ts")
    answer = await node.http.patch("/api/v1/sources/1", json={"route": "nowhere"})
    assert (answer.status_code, len(found)) == (422, 1)
    assert (await node.get("/api/v1/sources/1"))["route"] == "vpn"
    assert route.opened


async def test_the_form_offers_the_routes_and_the_page_says_what_it_means(
    node: Node, origin: Origin, route: Beyond
) -> None:
    await listed(node, origin, news="/a.ts")
    form = (await node.http.get("/sources/new?kind=m3u", headers=HTMX)).text
    assert '<option value="vpn"' in form.replace("<option  ", "<option ")
    page = (await node.http.get("/sources")).text
    assert "cannot be recorded" in page
    assert "it waits" not in page
    route.turn(up=False)
    assert "it waits" in (await node.http.get("/sources")).text


async def test_a_route_that_a_source_takes_is_in_use(node: Node, origin: Origin, route: Beyond) -> None:
    await listed(node, origin, news="/a.ts")
    assert await node.runtime.part(Lookout).users("vpn") == ["Far"]
    await node.patch("/api/v1/sources/1", {"route": "direct"})
    assert await node.runtime.part(Lookout).users("vpn") == []
    assert route.name == "vpn"


def test_of_a_source_that_cannot_be_read_no_address_is_given() -> None:
    one = Source(1, "m3u", "A", True, {}, "", utcnow())
    assert not ways.is_hidden(one)
    assert ways.is_hidden(Source(1, "m3u", "A", True, {}, "", utcnow(), locked="another key"))
    assert ways.is_hidden(Source(1, "m3u", "A", True, {"route": "vpn"}, "", utcnow()))


async def test_what_plays_is_left_when_its_source_takes_another_way(
    node: Node, origin: Origin, route: Beyond, tmp_path: Path
) -> None:
    origin.scripts["/a.ts"] = sends(1)
    await node.patch("/api/v1/settings", {"stream_mode": "proxy"})
    (tmp_path / "l.m3u").write_text(f"#EXTM3U\n#EXTINF:-1,One\n{origin.url('/a.ts')}\n")
    await node.add(kind="m3u", name="File", url=str(tmp_path / "l.m3u"), region="X", private=True)
    async with playing(node, 1) as pieces:
        await anext(pieces)
        await node.patch("/api/v1/sources/1", {"route": "vpn"})
        async for _ in pieces:  # it goes on, opened anew the way that its source takes now
            if origin.asked.count("/a.ts") == 2:
                break
    await until(lambda: origin.connections == 0)
    assert route.name in node.runtime.http.routes.names


# -- a route that is down ----------------------------------------------------------------------------------------------


async def test_a_refresh_waits_for_its_route_and_is_no_failure(
    node: Node, origin: Origin, route: Beyond, leaks: list[str]
) -> None:
    route.turn(up=False)
    origin.scripts["/list.m3u"] = listing(origin, news="/a.ts")
    source = await node.add(kind="m3u", name="Far", url=far(origin, "list", "/list.m3u"), region="X", route="vpn")
    feed = feed_of(source)
    assert (feed["failures"], feed["error"], feed["channels"]) == (0, None, 0)
    told = (await node.get("/api/v1/activity"))["items"]
    assert "playlist.failed" not in {one["kind"] for one in told}
    async with node.runtime.store.write() as connection:
        await sources.FEEDS.make_due(connection, sources.feed.c.id == feed["id"], at=utcnow())
    refused = route.refused
    await until(lambda: route.refused > refused, 10)
    assert (origin.asked, leaks) == ([], [])
    route.turn(up=True)
    await until(lambda: "/list.m3u" in origin.asked, 30)
    assert leaks == []


async def test_a_stream_answers_that_its_route_is_down(
    node: Node, origin: Origin, route: Beyond, leaks: list[str]
) -> None:
    origin.scripts["/a.ts"] = sends(1, limit=2)
    found = await listed(node, origin, news="/a.ts")
    route.turn(up=False)
    answer = await node.http.get(f"/play/{found['news']}")
    assert answer.status_code == 503
    assert "the route vpn is down" in answer.text
    assert ("/a.ts" in origin.asked, leaks) == (False, [])
    node.runtime.http.routes.drop(["vpn"])
    answer = await node.http.get(f"/play/{found['news']}")
    assert (answer.status_code, "/a.ts" in origin.asked, leaks) == (503, False, [])
    node.runtime.http.routes.put(route)
    route.turn(up=True)
    assert (await node.http.get(f"/play/{found['news']}")).content == packets(1, 14)


async def test_another_stream_plays_meanwhile(node: Node, origin: Origin, route: Beyond, tmp_path: Path) -> None:
    origin.scripts |= {"/a.ts": sends(1, limit=2), "/b.ts": sends(2, limit=2)}
    found = await listed(node, origin, news="/a.ts")
    (tmp_path / "l.m3u").write_text(f'#EXTM3U\n#EXTINF:-1 tvg-id="news",news\n{origin.url("/b.ts")}\n')
    await node.add(kind="m3u", name="Near", url=str(tmp_path / "l.m3u"), region="X", private=True)
    route.turn(up=False)
    answer = await node.http.get(f"/play/{found['news']}")
    assert (answer.status_code, answer.content) == (200, packets(2, 14)), "passed on, though it takes no route itself"


async def test_a_removal_is_refused_while_a_source_takes_it(node: Node, origin: Origin) -> None:
    """By the store too, in the transaction of the removal."""
    await store.add(node.runtime.store, "vpn", kind="socks", shown="socks5h://x", sealed="")
    route = Beyond()
    node.runtime.http.routes.put(route)
    await listed(node, origin, news="/a.ts")
    with pytest.raises(Conflict, match="in use by Far"):
        await store.remove(node.runtime.store, "vpn")
