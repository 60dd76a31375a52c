import asyncio
import re
import xml.etree.ElementTree as ET

import httpx2
import pytest

LOGIN = {"username": "demo", "password": "demo-password"}


async def ask(client, **params):
    return (await client.get("/xtream/player_api.php", params={**LOGIN, **params})).json()


async def test_account_has_the_fields_of_real_panels(client):
    body = await ask(client)
    user = body["user_info"]
    assert (user["username"], user["auth"], user["status"]) == ("demo", 1, "Active")
    assert all(isinstance(user[name], str) for name in ("exp_date", "active_cons", "max_connections", "created_at"))
    assert user["allowed_output_formats"] == ["m3u8", "ts"]
    assert body["server_info"]["server_protocol"] == "http"


@pytest.mark.parametrize("login", [{}, {"username": "demo", "password": "wrong"}])
async def test_wrong_credentials_are_answered_200_without_auth(client, login):
    answer = await client.get("/xtream/player_api.php", params=login)
    assert (answer.status_code, answer.json()) == (200, {"user_info": {"auth": 0}})


async def test_streams_belong_to_the_categories(client, world):
    categories = {c["category_id"]: c["category_name"] for c in await ask(client, action="get_live_categories")}
    streams = await ask(client, action="get_live_streams")
    mine = world.catalogue.of("xtream")
    assert [s["name"] for s in streams] == [c.name for c in mine]
    assert [categories[s["category_id"]] for s in streams] == [c.group for c in mine]
    one = await ask(client, action="get_live_streams", category_id=streams[0]["category_id"])
    assert one == [s for s in streams if s["category_id"] == streams[0]["category_id"]]
    assert all(isinstance(s["stream_id"], int) and isinstance(s["category_id"], str) for s in streams)


async def test_there_are_no_films_and_no_series(client):
    assert await ask(client, action="get_vod_categories") == []
    assert await ask(client, action="get_series_categories") == []


async def test_playlist_and_guide_cover_the_same_channels(client, world):
    text = (await client.get("/xtream/get.php", params=LOGIN)).text
    guide = ET.fromstring((await client.get("/xtream/xmltv.php", params=LOGIN)).content)
    mine = world.catalogue.of("xtream")
    assert len(re.findall(rf"^{world.url}/xtream/live/demo/demo-password/\d+\.ts$", text, re.MULTILINE)) == len(mine)
    assert {c.get("id") for c in guide.iter("channel")} == {c.guide_id for c in mine} - {""}


@pytest.mark.parametrize("path", ["get.php", "xmltv.php", "live/demo/wrong/20001.ts"])
async def test_everything_else_refuses_wrong_credentials(client, path):
    assert (await client.get(f"/xtream/{path}")).status_code == 403


async def test_unknown_stream_is_missing(client):
    assert (await client.get("/xtream/live/demo/demo-password/1.ts")).status_code == 404
    assert (await client.get("/xtream/live/demo/demo-password/20001.ts")).status_code == 503


async def test_connections_above_the_limit_are_refused_until_one_closes(live_world):
    path = f"{live_world.url}/xtream/live/demo/demo-password/20001.ts"
    async with httpx2.AsyncClient(timeout=10) as client:
        async with client.stream("GET", path) as first, client.stream("GET", path) as second:
            assert (first.status_code, second.status_code) == (200, 200)
            account = (await client.get(f"{live_world.url}/xtream/player_api.php", params=LOGIN)).json()
            assert account["user_info"]["active_cons"] == "2"
            assert (await client.get(path)).status_code == 403
            live_world.max_connections = 3
            async with client.stream("GET", path) as third:
                assert third.status_code == 200
        async with asyncio.timeout(2):
            while live_world.open_streams:
                await asyncio.sleep(0.02)


async def test_head_opens_no_connection(live_world):
    async with httpx2.AsyncClient(timeout=5) as client:
        answer = await client.head(f"{live_world.url}/xtream/live/demo/demo-password/20001.ts")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp2t")
    assert live_world.open_streams == 0


async def test_hls_form_lists_playable_segments(live_world):
    async with httpx2.AsyncClient(base_url=live_world.url) as client:
        text = (await client.get("/xtream/live/demo/demo-password/20001.m3u8")).text
        segment = next(line for line in text.splitlines() if not line.startswith("#"))
        assert (await client.get(segment)).content[:1] == b"G"
