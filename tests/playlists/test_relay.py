"""Proxy mode: what plays is passed on, what does not is left before the player notices, no connection too many."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.slots import Claim, Limit, Priority, Why
from nightcrew.playlists import opening, relay
from nightcrew.playlists import origin as origin_of_media
from nightcrew.playlists.formats import hls
from nightcrew.playlists.formats.media import media_type
from streaming import (
    Origin,
    Script,
    answers,
    cut_off,
    hangs,
    only_head,
    packets,
    playing,
    programme,
    proxied,
    sends,
    serving,
)
from support import Node, until


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with serving() as made:
        yield made


BAD: dict[str, Script] = {
    "403": answers(b"no", status="403 Forbidden"),
    "404": answers(b"<html>gone</html>", status="404 Not Found"),
    "500": answers(b"broken", status="500 Internal Server Error"),
    "html": answers(b"<!doctype html><h1>Buy a plan</h1>"),
    "empty": answers(b"", "video/mp2t"),
    "json": answers(b'{"error": "expired"}', "video/mp2t"),
    "picture": answers(b"\x89PNG\r\n\x1a\n" + bytes(2000), "video/mp2t"),
    "hanging": hangs,
    "stalled": only_head,
    "cut off": cut_off,
    "encrypted HLS": answers(
        b'#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://k"\n#EXTINF:2,\n1.ts\n', "application/x-mpegurl"
    ),
    "empty HLS": answers(b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n", "application/x-mpegurl"),
}


# -- playing -----------------------------------------------------------------------------------------------------------


async def test_a_stream_is_passed_on_byte_for_byte(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = sends(1, limit=10)
    channel = await proxied(node, tmp_path, origin.url("/a"))
    assert f"/play/{channel}" in (await node.http.get("/playlist/X.m3u")).text
    answer = await node.http.get(f"/play/{channel}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp2t")
    assert answer.content == packets(1, 70)
    assert origin.connections == 0


@pytest.mark.parametrize("kind", BAD)
async def test_what_does_not_play_is_left_before_the_player_notices(
    node: Node, origin: Origin, tmp_path: Path, kind: str
) -> None:
    origin.scripts |= {"/bad": BAD[kind], "/good": sends(2)}
    channel = await proxied(node, tmp_path, origin.url("/bad"), origin.url("/good"))
    async with playing(node, channel) as pieces:
        assert await anext(pieces) == packets(2)
    assert origin.asked[:1] == ["/bad"]
    await until(lambda: origin.connections == 0)


async def test_a_source_that_refuses_connections_is_left_too(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/good"] = sends(2)
    channel = await proxied(node, tmp_path, "http://127.0.0.1:1/dead", origin.url("/good"))
    async with playing(node, channel) as pieces:
        assert await anext(pieces) == packets(2)


@pytest.mark.parametrize("then", ["end", "stall"])
async def test_a_stream_that_fails_later_is_followed_by_the_next(
    node: Node, origin: Origin, tmp_path: Path, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin_of_media, "STALL", 0.4)
    origin.scripts |= {"/a": sends(1, limit=4, then=then), "/b": sends(2)}
    channel = await proxied(node, tmp_path, origin.url("/a"), origin.url("/b"))
    async with playing(node, channel) as pieces:
        got = b""
        async for piece in pieces:
            got += piece
            if got.endswith(packets(2)):
                break
        assert got.startswith(packets(1, 28))
        assert origin.open == {"/a": 0, "/b": 1}


async def test_when_nothing_plays_the_answer_says_why(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PATIENT", 1.5)
    origin.scripts |= {"/a": BAD["404"], "/b": BAD["hanging"]}
    channel = await proxied(node, tmp_path, origin.url("/a"), origin.url("/b"))
    answer = await node.http.get(f"/play/{channel}")
    assert answer.status_code == 503
    assert "sent nothing within" in answer.json()["detail"]
    assert (await node.http.get("/play/999999")).status_code == 404
    assert await node.runtime.slots.holders() == []


async def test_only_the_head_opens_nothing(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = sends(1)
    channel = await proxied(node, tmp_path, origin.url("/a"))
    assert (await node.http.head(f"/play/{channel}")).status_code == 200
    assert origin.asked == []


# -- connections -------------------------------------------------------------------------------------------------------


async def test_an_account_never_has_more_connections_than_it_allows(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "GRACE", 0.2)
    origin.scripts |= {f"/{n}": sends(n) for n in range(1, 6)}
    listed = [(f"News {n}", origin.url(f"/{n}")) for n in range(1, 6)]
    found = list((await programme(node, tmp_path, listed, max_streams=2)).values())
    async with contextlib.AsyncExitStack() as viewers:
        for channel in found[:2]:
            await anext(await viewers.enter_async_context(playing(node, channel)))
        refused = await asyncio.gather(*(node.http.get(f"/play/{channel}") for channel in found[2:]))
        assert [answer.status_code for answer in refused] == [503] * 3
        assert "all 2 connections of S0 are in use" in refused[0].json()["detail"]
        (account,) = (await node.get("/api/v1/accounts"))["items"]
        assert (account["name"], account["max_streams"], account["in_use"]) == ("S0", 2, 2)
        assert {holder["owner"] for holder in account["holders"]} == {"127.0.0.1: News 1", "127.0.0.1: News 2"}
    await until(lambda: origin.connections == 0)
    assert origin.most == 2

    async def free() -> bool:
        return not (await node.get("/api/v1/accounts"))["items"][0]["in_use"]

    await until(free)


async def test_a_player_that_hangs_up_before_the_first_byte_leaves_nothing(
    node: Node, origin: Origin, tmp_path: Path
) -> None:
    origin.scripts["/a"] = sends(1)
    channel = await proxied(node, tmp_path, origin.url("/a"))
    opened = await node.runtime.part(relay.Relay).open(channel, "somebody")
    assert len(await node.runtime.slots.holders()) == 1
    await opened.close()
    assert await node.runtime.slots.holders() == []
    await until(lambda: origin.connections == 0)
    for _ in range(5):  # and over the wire: the request is sent, and nobody waits for the answer
        _reader, writer = await asyncio.open_connection("127.0.0.1", int(node.url.rsplit(":", 1)[1]))
        writer.write(f"GET /play/{channel} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def nothing_held() -> bool:
        return not await node.runtime.slots.holders() and origin.connections == 0

    await asyncio.sleep(0.5)
    await until(nothing_held)


async def test_a_full_account_is_passed_over_for_one_with_room(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "GRACE", 0.1)
    origin.scripts |= {"/a": sends(1), "/b": sends(2), "/c": sends(3)}
    lists = [("Other", origin.url("/a")), ("News", origin.url("/c"))], [("News", origin.url("/b"))]
    found = await programme(node, tmp_path, *lists, max_streams=1)
    async with playing(node, found["Other"]) as first, playing(node, found["News"]) as second:
        assert (await anext(first), await anext(second)) == (packets(1), packets(2))


async def test_a_viewer_takes_the_place_of_a_check(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = sends(1)
    channel = await proxied(node, tmp_path, origin.url("/a"), max_streams=1)
    (account,) = (await node.get("/api/v1/accounts"))["items"]
    claim = Claim((Limit(account["id"], 1),), "check of News", "check", Priority.CHECK)
    async with node.runtime.slots.lease(claim) as lease:
        assert lease is not None
        watching = asyncio.create_task(node.http.send(node.http.build_request("GET", f"/play/{channel}"), stream=True))
        await lease.over.wait()
        assert lease.why is Why.PREEMPTED
    answer = await watching
    assert answer.status_code == 200
    await answer.aclose()


async def test_sources_with_one_login_share_its_connections(node: Node, tmp_path: Path, origin: Origin) -> None:
    origin.scripts["/get.php"] = answers(
        b'#EXTM3U\n#EXTINF:-1 tvg-id="a.x",A\nhttp://192.0.2.1/1.ts\n', "audio/mpegurl"
    )
    for name, user in (("One", "me"), ("Two", "me"), ("Three", "other")):
        url = origin.url(f"/get.php?username={user}&password=secret-password&output=ts")
        await node.add(kind="m3u", name=name, url=url, region=name, max_streams=3 if name == "Two" else 0)
    items = (await node.get("/api/v1/accounts"))["items"]
    assert [(item["name"], item["max_streams"]) for item in items] == [("One, Two", 3), ("Three", 0)]
    assert "secret-password" not in str(items)


# -- HLS ---------------------------------------------------------------------------------------------------------------


def live_hls(origin: Origin, *, segments: int = 8, init: bytes = b"") -> list[bytes]:
    """A sliding window of three segments that moves each time the playlist is asked, and ends; returns the segments."""
    bodies = [
        packets(number + 1, 20) if not init else b"....moof" + bytes([number + 1]) * 50 for number in range(segments)
    ]
    asked = 0

    async def index(source: Origin, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        first = min(asked // 2, segments - 3)
        asked += 1
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines += ['#EXT-X-MAP:URI="init.mp4"'] if init else []
        for number in range(first, first + 3):
            lines += ["#EXTINF:0.2,", f"{number}.ts"]
        lines += ["#EXT-X-ENDLIST"] if first + 3 == segments else []
        await answers("\n".join(lines).encode(), "application/vnd.apple.mpegurl")(source, writer)

    origin.scripts |= {f"/hls/{number}.ts": answers(body, "video/mp2t") for number, body in enumerate(bodies)}
    origin.scripts["/hls/init.mp4"] = answers(init, "video/mp4")
    origin.scripts["/hls/index.m3u8"] = index
    master = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=9\nindex.m3u8\n"
    origin.scripts["/hls/master.m3u8"] = answers(master, "application/vnd.apple.mpegurl")
    return bodies


async def test_hls_becomes_one_stream_without_gap_or_repetition(node: Node, origin: Origin, tmp_path: Path) -> None:
    bodies = live_hls(origin)
    channel = await proxied(node, tmp_path, origin.url("/hls/master.m3u8"))
    answer = await node.http.get(f"/play/{channel}")
    assert answer.headers["content-type"] == "video/mp2t"
    assert answer.content == b"".join(bodies)


async def test_fragmented_mp4_is_sent_after_its_head(node: Node, origin: Origin, tmp_path: Path) -> None:
    init = b"....ftypiso6" + b"i" * 40
    bodies = live_hls(origin, init=init)
    channel = await proxied(node, tmp_path, origin.url("/hls/index.m3u8"))
    answer = await node.http.get(f"/play/{channel}")
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.content == init + b"".join(bodies)


def test_a_server_that_counts_anew_starts_anew() -> None:
    text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{}\n" + "".join(f"#EXTINF:2,\n{n}.ts\n" for n in range(5))
    late = hls.parse_media(text.format(900), "http://h/a/i.m3u8")
    again = hls.parse_media(text.format(0), "http://h/a/i.m3u8")
    assert [s.sequence for s in hls.following(late, None)] == [902, 903, 904]
    assert hls.following(late, 904) == ()
    assert [s.sequence for s in hls.following(late, 902)] == [903, 904]
    assert [s.sequence for s in hls.following(again, 904)] == [2, 3, 4]
    assert again.segments[0].url == "http://h/a/0.ts"


@pytest.mark.parametrize("said", [True, False])
async def test_segments_with_a_key_beside_them_are_decrypted_as_any_player_does(
    node: Node, origin: Origin, tmp_path: Path, said: bool
) -> None:
    key, vector, first = b"sixteen bytes ok", bytes(range(16)), 7
    bodies = [packets(marker, 9) for marker in (1, 2, 3)]
    for number, body in enumerate(bodies, start=first):
        padding = PKCS7(128).padder()
        iv = vector if said else number.to_bytes(16, "big")
        cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        packed = cipher.update(padding.update(body) + padding.finalize()) + cipher.finalize()
        origin.scripts[f"/hls/{number}.ts"] = answers(packed, "video/mp2t")
    origin.scripts["/hls/key"] = answers(key, "application/octet-stream")
    iv_text = f",IV=0x{vector.hex()}" if said else ""
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="key"{iv_text}')
    lines += [line for number in range(first, first + 3) for line in ("#EXTINF:2,", f"{number}.ts")]
    origin.scripts["/hls/index.m3u8"] = answers("\n".join([*lines, "#EXT-X-ENDLIST"]).encode(), "application/x-mpegurl")
    channel = await proxied(node, tmp_path, origin.url("/hls/index.m3u8"))
    answer = await node.http.get(f"/play/{channel}")
    assert answer.content == b"".join(bodies)
    assert origin.asked.count("/hls/key") == 1
    origin.scripts["/hls/key"] = answers(b"short", "application/octet-stream")
    assert (await node.http.get(f"/play/{channel}")).status_code == 503


async def test_a_viewer_gets_another_profile_when_the_first_ones_connections_are_in_use(
    node: Node, origin: Origin, tmp_path: Path
) -> None:
    origin.scripts |= {"/one/x.ts": sends(1), "/two/x.ts": sends(3), "/two/y.ts": sends(2)}
    listed = [(name, origin.url(f"/one/{name}.ts")) for name in ("x", "y", "z")]
    found = await programme(node, tmp_path, listed, max_streams=1)
    source = (await node.get("/api/v1/sources"))["items"][0]["id"]
    profile = {"name": "Two", "search": "/one/", "replace": "/two/", "own_login": True, "max_streams": 1}
    await node.post(f"/api/v1/sources/{source}/profiles", profile)
    async with playing(node, found["x"]) as first, playing(node, found["y"]) as second:
        assert await anext(first) == packets(1)
        assert await anext(second) == packets(2)
        assert (await node.http.get(f"/play/{found['z']}")).status_code == 503
    assert origin.asked[-2:] == ["/one/x.ts", "/two/y.ts"]


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_of_hls_fall_over(text: str) -> None:
    with contextlib.suppress(Retry, GiveUp):
        hls.parse_media("#EXTM3U\n" + text, "http://h/i.m3u8")


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_each_segment_is_given_once_whatever_windows_are_seen(moves: list[int]) -> None:
    """A window of six that moves on by any steps: nothing twice, nothing that is still there left out, in order."""
    last, first, given_out = None, 0, []
    for move in moves:
        first += move
        window = hls.MediaPlaylist(
            tuple(hls.MediaSegment(n, f"http://h/{n}", 2.0) for n in range(first, first + 6)), 2.0, ended=False
        )
        fresh = hls.following(window, last)
        expected = range(first + 3 if last is None else max(first, last + 1), first + 6)
        assert [segment.sequence for segment in fresh] == list(expected)
        if fresh:
            last = fresh[-1].sequence
        given_out += [segment.sequence for segment in fresh]
    assert given_out == sorted(set(given_out))


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (packets(1), "video/mp2t"),
        (packets(1)[100:], "video/mp2t"),
        (b"\x47", "video/mp2t"),
        (b"....ftypisom", "video/mp4"),
        (b"....styp", "video/mp4"),
        (b"\x1aE\xdf\xa3" + bytes(20), "video/x-matroska"),
        (b"FLV\x01\x05", "video/x-flv"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xf1\x50\x80" + bytes(100), "audio/aac"),
        (b"\xff\xfb\x90\x00" + bytes(100), "audio/mpeg"),
        (b"OggS", "audio/ogg"),
        (b"<html>", None),
        (b"<!DOCTYPE html>" + b"G" * 600, None),
        (b'{"error":1}', None),
        (b"\x89PNG", None),
        (b"", None),
        (b"Goodbye, this stream has moved" * 20, None),
    ],
)
def test_media_is_told_from_pages_by_its_first_bytes(first: bytes, kind: str | None) -> None:
    assert media_type(first) == kind
