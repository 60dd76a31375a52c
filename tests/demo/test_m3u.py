import gzip
import re

from nightcrew.demo.lineup import DemoChannel

ENTRY = re.compile(r"^#EXTINF:-1 (?P<attributes>.*),(?P<rest>.*)$")


async def test_list_names_every_channel_of_its_kind(client, world):
    answer = await client.get("/m3u/list.m3u")
    text = answer.text
    assert answer.headers["content-type"].startswith("audio/x-mpegurl")
    assert text.startswith(f'#EXTM3U x-tvg-url="{world.url}/guide/guide.xml.gz"\n')
    for channel in world.catalogue.of("m3u"):
        assert f'tvg-chno="{channel.number}"' in text
        assert f",{channel.name}\n" in text
    assert text.count("#EXTINF") == text.count("\nhttp://") == 60
    assert world.catalogue.of("xtream")[0].logo not in text


async def test_list_has_the_irregular_lines(client):
    text = (await client.get("/m3u/list.m3u")).text
    assert text.count("#EXTGRP:") == 60 // 7
    assert text.count("#EXTVLCOPT:") == 60 // 5
    assert 'tvg-name="Radio "Leuchtturm" TV"' in text
    assert 'tvg-id=""' in text


async def test_first_entries_are_the_live_streams(client, world):
    urls = [line for line in (await client.get("/m3u/list.m3u")).text.splitlines() if line.startswith("http")]
    paths = [url.removeprefix(world.url).partition("?")[0] for url in urls[:6]]
    assert paths[:2] == ["/live/harbour/master.m3u8", "/live/harbour.ts"]
    assert paths[4:] == ["/live/carousel/master.m3u8", "/live/carousel.ts"]
    assert all(url.startswith(world.url + "/live/") for url in urls)


async def test_gzip_file_is_the_same_list(client):
    packed = await client.get("/m3u/list.m3u.gz")
    assert packed.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in packed.headers
    assert gzip.decompress(packed.content) == (await client.get("/m3u/list.m3u")).content


async def test_unchanged_list_is_answered_304(client):
    first = await client.get("/m3u/list.m3u")
    for name, header in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")):
        again = await client.get("/m3u/list.m3u", headers={name: first.headers[header]})
        assert again.status_code == 304
        assert again.content == b""


async def test_changed_list_has_new_validators(client, world):
    first = await client.get("/m3u/list.m3u")
    world.catalogue.rename("m00001", "Renamed")
    for name, header in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")):
        again = await client.get("/m3u/list.m3u", headers={name: first.headers[header]})
        assert again.status_code == 200
        assert "Renamed" in again.text


async def test_etag_wins_over_date(client):
    first = await client.get("/m3u/list.m3u")
    headers = {"If-None-Match": '"other"', "If-Modified-Since": first.headers["last-modified"]}
    assert (await client.get("/m3u/list.m3u", headers=headers)).status_code == 200
    assert (await client.get("/m3u/list.m3u", headers={"If-Modified-Since": "yesterday"})).status_code == 200


async def test_lineup_changes_show_at_once(client, world):
    world.catalogue.add(DemoChannel("new", "Brand New", "News", 99, "/logos/new.png", "new.example", "m3u", "DE"))
    world.catalogue.remove("m00060")
    before = (await client.get("/m3u/list.m3u")).text
    assert ",Brand New\n" in before
    assert 'tvg-id="m00060' not in before
    world.catalogue.move_urls()
    after = (await client.get("/m3u/list.m3u")).text
    assert after != before
    assert re.sub("token=.*", "", after) == re.sub("token=.*", "", before)
