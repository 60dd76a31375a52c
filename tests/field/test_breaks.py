"""Streams that break soon after they have begun, and players that zap without hanging up.

Reported for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from counted import LONG, Counted
from counter import Film
from nightcrew.playlists import hls_output, relay
from nightcrew.playlists.segments import is_page
from streaming import Origin, Script, answers, ended, packets, playing, programme, proxied, sends, serving
from support import Node, until

PLAYLIST = "application/vnd.apple.mpegurl"


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with serving() as made:
        yield made


def in_turn(*scripts: Script) -> Script:
    """One after the other, and then the last one always."""
    asked = 0

    async def script(source: Origin, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await scripts[min(asked, len(scripts)) - 1](source, writer)

    return script


def segmented(origin: Origin, count: int, **odd: Script) -> None:
    """A film of segments at /f: `s3=…` is how the third one answers."""
    lines = [line for n in range(count) for line in ("#EXTINF:2,", f"s{n}")]
    origin.scripts["/f"] = answers(ended(*lines), PLAYLIST)
    for number in range(count):
        whole = answers(packets(number), "video/mp2t")
        origin.scripts[f"/s{number}"] = odd.get(f"s{number}", whole)


FORBIDDEN, BUSY = answers(b"no", status="403 Forbidden"), answers(b"busy", status="503 Busy")
PAGE = answers(b"<!DOCTYPE html><title>Wait</title>" + b" " * 600)


async def shown(node: Node, channel: int) -> list[int]:
    """Which segments a viewer gets."""
    answer = await node.http.get(f"/play/{channel}")
    assert answer.status_code == 200, answer.text
    return [answer.content[at] for at in range(4, len(answer.content), len(packets(0)))]


# -- streams that break --------------------------------------------------------------------------------------------------


async def test_a_stream_that_was_closed_once_soon_after_its_beginning_goes_on(
    node: Node, origin: Origin, tmp_path: Path
) -> None:
    origin.scripts["/a"] = in_turn(sends(1, limit=30), sends(2))
    channel = await proxied(node, tmp_path, origin.url("/a"), max_streams=1)
    async with playing(node, channel) as pieces:
        async for piece in pieces:
            if piece == packets(2):
                break
    assert origin.most == 1


async def test_a_stream_that_never_lasts_ends_after_a_few_tries(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PAUSES", (0.0, 0.1, 0.2))
    monkeypatch.setattr(relay, "AT_ONCE", 0.1)
    origin.scripts["/a"] = sends(1, limit=10)
    channel = await proxied(node, tmp_path, origin.url("/a"))
    assert len(await shown(node, channel)) == 40
    assert len(origin.asked) == 4


async def test_of_several_that_never_last_each_is_tried_as_often(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PAUSES", (0.0, 0.1))
    monkeypatch.setattr(relay, "AT_ONCE", 0.1)
    origin.scripts |= {"/a": sends(1, limit=10), "/b": sends(2, limit=10)}
    channel = await proxied(node, tmp_path, origin.url("/a"), origin.url("/b"))
    assert {1, 2} == set(await shown(node, channel))
    assert 3 <= origin.asked.count("/a") + origin.asked.count("/b") <= 6


async def test_an_empty_first_answer_is_not_the_last_word(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = in_turn(answers(b"", "video/mp2t"), sends(1))
    channel = await proxied(node, tmp_path, origin.url("/a"))
    async with playing(node, channel) as pieces:
        assert await anext(pieces) == packets(1)


async def test_segments_that_are_refused_now_and_then_are_left_out(node: Node, origin: Origin, tmp_path: Path) -> None:
    segmented(origin, 22, **{f"s{n}": FORBIDDEN for n in range(6, 22, 7)})
    channel = await proxied(node, tmp_path, origin.url("/f"))
    assert await shown(node, channel) == [n for n in range(22) if n % 7 != 6]


async def test_a_stream_whose_segments_are_all_refused_ends(node: Node, origin: Origin, tmp_path: Path) -> None:
    segmented(origin, 22, **{f"s{n}": FORBIDDEN for n in range(3, 22)})
    channel = await proxied(node, tmp_path, origin.url("/f"))
    assert await shown(node, channel) == [0, 1, 2]
    assert len(origin.asked) < 20


@pytest.mark.parametrize("once", [BUSY, PAGE, answers(b"wait", status="429 Slow Down")])
@pytest.mark.parametrize("place", ["s0", "s4"])
async def test_a_segment_that_is_not_there_at_once_is_asked_for_again(
    node: Node, origin: Origin, tmp_path: Path, once: Script, place: str
) -> None:
    segmented(origin, 6, **{place: in_turn(once, answers(packets(int(place[1:])), "video/mp2t"))})
    channel = await proxied(node, tmp_path, origin.url("/f"))
    assert await shown(node, channel) == [0, 1, 2, 3, 4, 5]


async def test_a_page_in_a_segments_place_refuses_no_stream(node: Node, origin: Origin, tmp_path: Path) -> None:
    segmented(origin, 4, s0=PAGE, s2=PAGE)
    channel = await proxied(node, tmp_path, origin.url("/f"))
    assert await shown(node, channel) == [1, 3]


async def test_fragments_of_which_one_is_missing_go_on(node: Node, origin: Origin, tmp_path: Path) -> None:
    fragments = [b"\0\0\0\x10moof" + bytes([n]) * 8 + b"\0\0\0\x10mdat" + bytes([n]) * 8 for n in range(4)]
    lines = [line for n in range(4) for line in ("#EXTINF:2,", f"s{n}")]
    origin.scripts["/f"] = answers(ended('#EXT-X-MAP:URI="i"', *lines), PLAYLIST)
    box = b"\0\0\0\x18ftypiso6" + bytes(12)
    origin.scripts |= {"/i": answers(box, "video/mp4"), "/s1": answers(b"", status="404 Gone")}
    origin.scripts |= {f"/s{n}": answers(fragments[n], "video/mp4") for n in (0, 2, 3)}
    channel = await proxied(node, tmp_path, origin.url("/f"))
    assert (await node.http.get(f"/play/{channel}")).content == box + b"".join(fragments[n] for n in (0, 2, 3))


def test_pages_are_told_from_media() -> None:
    assert all(map(is_page, (b"<html>", b"\n <?xml", b'\xef\xbb\xbf{"error": 1}', b"<")))
    media = (b"", packets(1), b"ID3\4", b"\xff\xfb\x90", b"\0\0\0\x18ftyp", b"<\0\0\0", b"WEBVTT", b"{\x01")
    assert not any(map(is_page, media))


# -- players that zap ------------------------------------------------------------------------------------------------------


async def two(node: Node, folder: Path, source: Counted) -> tuple[int, int]:
    url = urljoin(source.url, "/live.ts")
    found = await programme(node, folder, [("One", url), ("Two", url + "?two")], max_streams=1)
    return found["One"], found["Two"]


@pytest.mark.parametrize("suffix", [".m3u8", ""])
async def test_a_player_that_zaps_gets_the_connection_of_the_channel_before(
    node: Node, film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(hls_output, "IDLE", 300.0)
    async with Counted(film, window=8, keeps=LONG) as source:
        one, other = await two(node, tmp_path, source)
        assert (await node.http.get(f"/play/{one}.m3u8")).status_code == 200
        async with asyncio.timeout(20), node.http.stream("GET", f"/play/{other}{suffix}") as answer:
            assert answer.status_code == 200, await answer.aread()
            (account,) = (await node.get("/api/v1/accounts"))["items"]
            assert account["in_use"] == 1
        gone = await node.http.get(f"/play/{one}/0.ts")
        assert gone.status_code == 404


async def test_a_channel_that_is_watched_as_hls_keeps_its_connection(node: Node, film: Film, tmp_path: Path) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        one, other = await two(node, tmp_path, source)
        assert (await node.http.get(f"/play/{one}.m3u8")).status_code == 200

        async def watch() -> None:
            while True:
                assert (await node.http.get(f"/play/{one}.m3u8")).status_code == 200
                await asyncio.sleep(1)

        watching = asyncio.ensure_future(watch())
        answer = await node.http.get(f"/play/{other}", timeout=30)
        assert (answer.status_code, "in use" in answer.text) == (503, True)
        assert not watching.done()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_who_asks_again_has_the_connection_for_himself_again(
    node: Node, film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_output, "SILENT", 0.5)
    monkeypatch.setattr(hls_output, "SILENT_SEGMENTS", 0.0)
    async with Counted(film, window=8, keeps=LONG) as source:
        one, _ = await two(node, tmp_path, source)
        assert (await node.http.get(f"/play/{one}.m3u8")).status_code == 200

        async def ranked(priority: int) -> bool:
            return [int(held.priority) for held in await node.runtime.slots.holders()] == [priority]

        await until(lambda: ranked(0))
        assert (await node.http.get(f"/play/{one}.m3u8")).status_code == 200
        await until(lambda: ranked(1))
        async with playing(node, one) as pieces:
            await anext(pieces)
            await asyncio.sleep(1)  # longer than the other one is waited for: who would be seen to hang up keeps it
            assert await ranked(1)
        await until(lambda: ranked(0))
