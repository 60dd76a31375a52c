import pytest


async def test_faults_are_set_shown_and_cleared(client, world):
    answer = await client.post("/_faults", json={"service": "m3u", "fault": "empty", "times": 3})
    assert answer.json()["faults"] == {"m3u": {"fault": "empty", "times": 3}}
    assert (await client.get("/m3u/list.m3u")).content == b""
    shown = (await client.get("/_faults")).json()
    assert shown == {"faults": {"m3u": {"fault": "empty", "times": 2}}, "requests": {"m3u": 1}}
    await client.post("/_faults", json={"service": "guide", "fault": "html"})
    assert set((await client.delete("/_faults?service=m3u")).json()["faults"]) == {"guide"}
    assert (await client.delete("/_faults")).json()["faults"] == {}


@pytest.mark.parametrize(
    "body", [{}, {"service": "m3u", "fault": "x"}, {"service": "m3u", "fault": "500", "times": "x"}]
)
async def test_bad_faults_are_answered_400(client, body):
    assert (await client.post("/_faults", json=body)).status_code == 400


async def test_lineup_shrinks_and_comes_back(client):
    shrunk = await client.post("/_lineup/shrink", json={"service": "m3u", "keep": 0.38})
    assert shrunk.json() == {"m3u": 23, "xtream": 60, "catalogue": 60}
    assert (await client.get("/m3u/list.m3u")).text.count("#EXTINF") == 23
    assert (await client.post("/_lineup/restore")).json()["m3u"] == 60


@pytest.mark.parametrize("body", [{"service": "guide", "keep": 1}, {"service": "m3u"}, {"service": "m3u", "keep": 2}])
async def test_bad_shrinks_are_answered_400(client, body):
    assert (await client.post("/_lineup/shrink", json=body)).status_code == 400


async def test_front_page_lists_the_sources(client, world):
    assert (await client.get("/")).json() == world.sources()


async def test_logos_are_pictures(client, world):
    answer = await client.get(world.catalogue.channels[0].logo)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
