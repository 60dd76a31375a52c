import asyncio
import time
import zlib

import httpx2
import pytest

from nightcrew.demo.bodies import BOMB_BLOCKS, MIB, gzip_bomb
from nightcrew.demo.faults import SERVICES, Fault, Faults

LIST = "/m3u/list.m3u"


async def read_some(client, path, most):
    """At most about `most` raw bytes, however long the answer is."""
    got = b""
    async with client.stream("GET", path) as answer:
        async for chunk in answer.aiter_raw():
            got += chunk
            if len(got) >= most:
                break
    return answer, got


async def collect(answer, into):
    async for chunk in answer.aiter_raw():
        into += chunk


def test_faults_count_down_and_clear():
    faults = Faults()
    faults.set("m3u", "empty", 2)
    assert [faults.take("m3u") for _ in range(3)] == [Fault.EMPTY, Fault.EMPTY, None]
    faults.set("m3u", Fault.SLOW)
    faults.set("guide", Fault.HTML)
    assert [faults.take("m3u") for _ in range(3)] == [Fault.SLOW] * 3
    faults.clear("m3u")
    assert (faults.current("m3u"), faults.current("guide")) == (None, Fault.HTML)
    faults.clear()
    assert faults.snapshot() == {}


@pytest.mark.parametrize(("service", "fault", "times"), [("x", "empty", 1), ("m3u", "x", 1), ("m3u", "empty", 0)])
def test_what_does_not_exist_cannot_be_set(service, fault, times):
    with pytest.raises(ValueError):
        Faults().set(service, fault, times)


async def test_requests_are_counted_with_and_without_faults(client, world):
    await client.get(LIST)
    world.faults.set("m3u", Fault.EMPTY, times=1)
    assert (await client.get(LIST)).content == b""
    assert len((await client.get(LIST)).content) > 1000
    assert world.counters["m3u"] == 3
    assert world.counters["guide"] == 0


async def test_half_breaks_the_connection_before_the_promised_length(client, world):
    whole = (await client.get(LIST)).content
    world.faults.set("m3u", Fault.HALF)
    got = bytearray()
    async with client.stream("GET", LIST) as answer:
        assert answer.headers["content-length"] == str(len(whole))
        with pytest.raises(httpx2.RemoteProtocolError):
            await collect(answer, got)
    assert got == whole[: len(whole) // 2]


async def test_half_clean_ends_as_if_nothing_were_missing(client, world):
    whole = (await client.get(LIST)).content
    world.faults.set("m3u", Fault.HALF_CLEAN)
    answer = await client.get(LIST)
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.content == whole[: len(whole) // 2]


async def test_half_does_not_become_a_304(client, world):
    tag = (await client.get(LIST)).headers["etag"]
    world.faults.set("m3u", Fault.HALF_CLEAN)
    answer = await client.get(LIST, headers={"If-None-Match": tag})
    assert answer.status_code == 200


@pytest.mark.parametrize("status", [404, 429, 500, 503])
async def test_status_faults(client, world, status):
    world.faults.set("guide", str(status))
    answer = await client.get("/guide/guide.xml")
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == ("1" if status in {429, 503} else None)


async def test_slow_sends_200_bytes_a_second(client, world):
    world.faults.set("m3u", Fault.SLOW)
    started = time.monotonic()
    _, got = await read_some(client, LIST, 200)
    assert time.monotonic() - started > 0.7
    assert len(got) < 300


async def test_hang_never_sends_a_header(client, world):
    world.faults.set("catalogue", Fault.HANG)
    with pytest.raises(httpx2.ReadTimeout):
        await client.post("/catalogue/token", json={"client": "demo"}, timeout=0.5)
    assert world.counters["catalogue"] == 1


async def test_html_page_comes_with_200(client, world):
    world.faults.set("xtream", Fault.HTML)
    answer = await client.get("/xtream/player_api.php")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Our service is down" in answer.text


async def test_wrong_type_is_a_list_or_a_picture(client, world):
    for service in SERVICES:
        world.faults.set(service, Fault.WRONG_TYPE)
    assert all(isinstance(item, str) for item in (await client.get("/xtream/player_api.php")).json())
    assert isinstance((await client.post("/catalogue/list")).json(), list)
    assert (await client.get(LIST)).content.startswith(b"\x89PNG")


async def test_truncated_json_has_a_matching_length(client, world):
    login = {"username": "demo", "password": "demo-password", "action": "get_live_streams"}
    world.faults.set("xtream", Fault.TRUNCATED_JSON)
    world.faults.set("m3u", Fault.TRUNCATED_JSON)
    for path in ("/xtream/player_api.php", LIST):
        answer = await client.get(path, params=login)
        assert len(answer.content) == int(answer.headers["content-length"])
        with pytest.raises(ValueError):
            answer.json()


async def test_garbage_is_long_and_does_not_repeat(client, world):
    world.faults.set("m3u", Fault.GARBAGE)
    _, got = await read_some(client, LIST, 3_000_000)
    assert len(zlib.compress(got)) > len(got) * 0.99


async def test_endless_goes_on_and_keeps_others_served(client, world):
    world.faults.set("guide", Fault.ENDLESS)
    async with client.stream("GET", "/guide/guide.xml") as answer:
        size = 0
        async for chunk in answer.aiter_raw():
            size += len(chunk)
            if size > 20_000_000:
                break
        assert (await client.get(LIST)).status_code == 200


async def test_gzip_bomb_is_small_and_expands_to_more_than_a_gigabyte(client, world):
    world.faults.set("guide", Fault.GZIP_BOMB)
    answer, got = await read_some(client, "/guide/guide.xml", 5_000_000)
    assert answer.headers["content-encoding"] == "gzip"
    assert got == gzip_bomb()
    assert len(got) < 2_000_000
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert len(unpacker.decompress(got, 50 * MIB)) == 50 * MIB
    assert BOMB_BLOCKS * MIB > 1e9


def test_gzip_bomb_is_a_valid_file_to_its_end():
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    rest, size = gzip_bomb(), 0
    while not unpacker.eof:
        size += len(unpacker.decompress(rest, 16 * MIB))
        rest = unpacker.unconsumed_tail
    assert size == BOMB_BLOCKS * MIB


async def test_xml_bomb_defines_nested_entities(client, world):
    world.faults.set("guide", Fault.XML_BOMB)
    text = (await client.get("/guide/guide.xml")).text
    assert text.count("<!ENTITY") == 10
    assert "&laugh9;</display-name>" in text


async def test_redirect_loop_always_has_another_address(client, world):
    world.faults.set("m3u", Fault.REDIRECT_LOOP)
    with pytest.raises(httpx2.TooManyRedirects):
        await client.get(LIST, follow_redirects=True)
    assert world.counters["m3u"] > 10


async def test_redirect_file_points_into_the_file_system(client, world):
    world.faults.set("m3u", Fault.REDIRECT_FILE)
    answer = await client.get(LIST)
    assert (answer.status_code, answer.headers["location"]) == (302, "file:///etc/passwd")


@pytest.mark.parametrize("fault", Fault)
async def test_every_fault_answers_head_without_running_for_ever(client, world, fault):
    world.faults.set("m3u", fault)
    try:
        answer = await client.head(LIST, timeout=3)
        assert answer.content == b""
    except httpx2.TransportError:
        assert fault in {Fault.HANG, Fault.HALF, Fault.SLOW}
    else:
        assert fault is not Fault.HANG


@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.HALF, Fault.ERROR_404, Fault.HTML, Fault.ENDLESS, Fault.GARBAGE])
async def test_faults_reach_live_streams(live_world, fault):
    live_world.faults.set("live", fault)
    async with httpx2.AsyncClient(base_url=live_world.url, timeout=5) as client:
        try:
            answer, got = await asyncio.wait_for(read_some(client, "/live/harbour.ts", 200_000), 5)
        except httpx2.RemoteProtocolError:
            assert fault is Fault.HALF
            return
    assert answer.status_code == (404 if fault is Fault.ERROR_404 else 200)
    assert len(got) < 3_000_000
