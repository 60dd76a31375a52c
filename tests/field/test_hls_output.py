"""Channels as HLS, for browsers and players that ask for `.m3u8`: made of what is relayed, without encoding it anew."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from counted import LONG, Counted
from counter import Film, account, encode, numbers
from nightcrew.playlists import hls_output
from nightcrew.playlists.formats import hls, master
from nightcrew.playlists.formats.hls_writer import Reel
from nightcrew.playlists.joining import Piece
from nightcrew.transport import id3, ts
from nightcrew.transport.ts import PACKET
from streaming import Origin, answers, ended, made, packets, playing, proxied, sends, serving
from support import Node, until


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with serving() as made:
        yield made


async def collected(node: Node, url: str, count: int) -> tuple[str, dict[int, bytes], bytes]:
    """The last playlist, so many segments by their numbers, and the head."""
    found: dict[int, bytes] = {}
    head = b""
    async with asyncio.timeout(90):
        while len(found) < count:
            answer = await node.http.get(url)
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
            assert answer.headers["access-control-allow-origin"] == "*"
            playlist = hls.parse_media(answer.text, f"{node.url}{url}")
            for segment in playlist.segments:
                if segment.sequence not in found:
                    got = await node.http.get(segment.url)
                    assert got.status_code == 200
                    assert got.headers["access-control-allow-origin"] == "*"
                    found[segment.sequence] = got.content
                if segment.init:
                    head = (await node.http.get(segment.init)).content
            await asyncio.sleep(0.3)
    return answer.text, found, head


async def test_a_channel_as_hls_lacks_no_picture(node: Node, film: Film, tmp_path: Path) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        channel = await proxied(node, tmp_path, urljoin(source.url, "/live.ts"), max_streams=1)
        text, found, _ = await collected(node, f"/play/{channel}.m3u8", 5)
    assert "#EXT-X-TARGETDURATION" in text
    for number, data in found.items():
        single = tmp_path / f"{number}.ts"
        single.write_bytes(data)
        assert account(numbers(single)).whole, "each segment can be decoded by itself"
    whole = tmp_path / "whole.ts"
    whole.write_bytes(b"".join(found[number] for number in sorted(found)))
    assert account(numbers(whole)).whole
    lengths = [segment.seconds for segment in hls.parse_media(text, "http://h/").segments]
    assert all(0.9 < seconds < 6 for seconds in lengths), lengths


async def test_fragmented_mp4_is_sent_with_its_head(node: Node, tmp_path: Path) -> None:
    film = encode(tmp_path / "film", seconds=60, segment=1.0, kind="fmp4")
    async with Counted(film, window=8, keeps=LONG) as source:
        channel = await proxied(node, tmp_path, urljoin(source.url, "/live.m3u8"), max_streams=1)
        text, found, head = await collected(node, f"/play/{channel}.m3u8", 4)
    assert "#EXT-X-MAP" in text
    whole = tmp_path / "whole.mp4"
    whole.write_bytes(head + b"".join(found[number] for number in sorted(found)))
    assert account(numbers(whole)).whole


async def test_all_who_watch_a_channel_in_any_way_share_one_connection(node: Node, film: Film, tmp_path: Path) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        channel = await proxied(node, tmp_path, urljoin(source.url, "/live.ts"), max_streams=1)
        async with playing(node, channel) as pieces:
            await anext(pieces)
            await asyncio.gather(*(collected(node, f"/play/{channel}.m3u8", 2) for _ in range(3)))
            (account_now,) = (await node.get("/api/v1/accounts"))["items"]
            assert account_now["in_use"] == 1


async def test_the_xtream_address_gives_hls_too(node: Node, film: Film, tmp_path: Path) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        channel = await proxied(node, tmp_path, urljoin(source.url, "/live.ts"))
        text, found, _ = await collected(node, f"/live/anna/secret/{channel}.m3u8", 2)
    assert urljoin(f"/live/anna/secret/{channel}.m3u8", f"{channel}/0.ts") == f"/live/anna/secret/{channel}/0.ts"
    assert f"\n{channel}/" in text
    assert min(len(data) for data in found.values()) > 10 * PACKET


async def test_when_nobody_asks_any_more_the_connection_ends(
    node: Node, film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_output, "IDLE", 2.0)
    async with Counted(film, window=8, keeps=LONG) as source:
        channel = await proxied(node, tmp_path, urljoin(source.url, "/live.ts"), max_streams=1)
        await collected(node, f"/play/{channel}.m3u8", 2)

        async def free() -> bool:
            return not (await node.get("/api/v1/accounts"))["items"][0]["in_use"]

        await until(free)
        assert (await node.http.get(f"/play/{channel}/0.ts")).status_code == 404


async def test_what_cannot_be_hls_says_so(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = answers(b"\x1aE\xdf\xa3" + bytes(4000), "video/x-matroska")
    channel = await proxied(node, tmp_path, origin.url("/a"))
    answer = await node.http.get(f"/play/{channel}.m3u8")
    assert (answer.status_code, "cannot be sent as HLS" in answer.json()["detail"]) == (409, True)
    await until(lambda: origin.connections == 0)
    for path in (f"/play/{channel}/0.ts", f"/play/{channel}/x", "/play/99/0.ts", f"/play/{channel}/init.mp4"):
        assert (await node.http.get(path)).status_code == 404


async def test_bare_sound_has_its_time_before_it(node: Node, origin: Origin, tmp_path: Path) -> None:
    async def radio(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
        while True:
            writer.write((b"\xff\xfb\x90\x00" + bytes(413)) * 4)
            await writer.drain()
            await asyncio.sleep(0.1)

    origin.scripts["/radio"] = radio
    channel = await proxied(node, tmp_path, origin.url("/radio"))
    _, found, _ = await collected(node, f"/play/{channel}.m3u8", 2)
    times = [int.from_bytes(data[data.index(b"Timestamp\0") + 10 :][:8], "big") for _, data in sorted(found.items())]
    assert all(data.startswith(b"ID3\x04") for data in found.values())
    assert 0 < times[1] - times[0] < 5 * 90_000


@pytest.mark.parametrize("mode", ["direct", "redirect"])
@pytest.mark.parametrize("path", ["/a/index.m3u8", "/a?extension=m3u8", "/movie/a.mkv"])
async def test_a_player_is_led_to_hls_that_is_there_already(
    node: Node, origin: Origin, tmp_path: Path, mode: str, path: str
) -> None:
    channel = await proxied(node, tmp_path, origin.url(path))
    await node.patch("/api/v1/settings", {"stream_mode": mode})
    for ask in (node.http.get, node.http.head):
        answer = await ask(f"/live/anna/secret/{channel}.m3u8")
        assert (answer.status_code, answer.headers["location"]) == (302, origin.url(path))
        assert answer.headers["access-control-allow-origin"] == "*"
    assert origin.asked == []


@pytest.mark.parametrize("mode", ["direct", "redirect"])
async def test_hls_is_made_of_what_is_none_in_every_mode(node: Node, film: Film, tmp_path: Path, mode: str) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        channel = await proxied(node, tmp_path, urljoin(source.url, "/live.ts"))
        await node.patch("/api/v1/settings", {"stream_mode": mode})
        await collected(node, f"/play/{channel}.m3u8", 1)
        await collected(node, f"/live/anna/secret/{channel}.m3u8", 1)
        assert (await node.http.head(f"/play/{channel}.m3u8")).headers["content-type"] == MASTER_TYPE


async def test_what_cannot_be_hls_is_led_to_where_it_plays(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = answers(b"\x1aE\xdf\xa3" + bytes(4000), "video/x-matroska")
    channel = await proxied(node, tmp_path, origin.url("/a"))
    await node.patch("/api/v1/settings", {"stream_mode": "direct"})
    answer = await node.http.get(f"/play/{channel}.m3u8")
    assert (answer.status_code, answer.headers["location"]) == (302, origin.url("/a"))


@pytest.mark.parametrize("path", ["/play/{}", "/play/{}.ts", "/live/a/b/{}.ts", "/a/b/{}", "/play/{}.m3u8"])
async def test_a_head_says_what_a_get_gives(node: Node, film: Film, tmp_path: Path, path: str) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        channel = await proxied(node, tmp_path, urljoin(source.url, "/live.ts"))
        own = {"content-type", "content-length", "cache-control", "access-control-allow-origin"}
        async with node.http.stream("GET", path.format(channel)) as got:
            wanted = {name: value for name, value in got.headers.items() if name in own - {"content-length"}}
        answer = await node.http.head(path.format(channel))
        assert (answer.status_code, got.status_code) == (200, 200)
        assert {name: value for name, value in answer.headers.items() if name in own} == wanted


async def test_a_head_of_what_cannot_be_played_is_refused_too(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = answers(b"gone", status="404 Not Found")
    (tmp_path / "l.m3u").write_text(f'#EXTM3U\n#EXTINF:-1 catchup="shift" catchup-days="7",News\n{origin.url("/a")}\n')
    await node.patch("/api/v1/settings", {"stream_mode": "proxy"})
    await node.add(kind="m3u", name="S", url=str(tmp_path / "l.m3u"), region="X")
    (channel,) = (await node.get("/api/v1/channels"))["items"]
    path = f"/play/{channel['id']}?utc={int(time.time()) - 7200}"
    asked, told = await node.http.get(path), await node.http.head(path)
    assert asked.status_code == told.status_code >= 400


@pytest.mark.parametrize(
    "path",
    [
        "/play/7",
        "/play/7.m3u8",
        "/play/7.ts",
        "/play/7/1.ts",
        "/play/7/picture.m3u8",
        "/live/a/{}/7.m3u8",
        "/live/a/{}/7/1.ts",
        "/a/{}/7.m3u8",
        "/a/{}/7/1.ts",
        "/timeshift/a/{}/60/2026-01-31:20-15/7.ts",
        "/tuner/{}/play/7",
    ],
)
async def test_a_page_of_another_site_may_ask_first(node: Node, path: str) -> None:
    token = await node.access.make_token("player", "tv")
    await node.access.set_password("a long password")
    site = {"Origin": "http://site.test", "Access-Control-Request-Method": "GET"}
    site |= {"Access-Control-Request-Headers": "range"}
    own = path.format(token) if "{}" in path else f"{path}?token={token}"
    answer = await node.http.request("OPTIONS", own, headers=site)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "GET" in answer.headers["access-control-allow-methods"]
    assert "range" in answer.headers["access-control-allow-headers"].lower()
    refused = await node.http.request("OPTIONS", path.format("wrong"), headers=site)
    assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (401, False)


def test_a_stream_without_marks_is_cut_all_the_same() -> None:
    reel, now = Reel("video/mp2t"), 0.0
    for _ in range(400):
        reel.feed(Piece(packets(1, 7), entry=False), b"", now)
        now += 0.1
    assert len(reel.segments) == 2
    assert reel.segments[0].seconds == pytest.approx(12, abs=0.2)


def test_a_clock_that_jumps_is_told() -> None:
    def begun(seconds: float) -> Piece:
        ticks = round(seconds * 90_000)
        stamp = bytes(
            [
                0x21 | ticks >> 29 & 0xE,
                ticks >> 22 & 0xFF,
                ticks >> 14 & 0xFE | 1,
                ticks >> 7 & 0xFF,
                ticks << 1 & 0xFE | 1,
            ]
        )
        body = b"\0\0\1\xe0\0\0\x80\x80\x05" + stamp
        return Piece(b"\x47\x41\x00\x10" + body + bytes(PACKET - 4 - len(body)), entry=True)

    reel, now = Reel("video/mp2t"), 0.0
    for at in (10.0, 15.0, 20.0, 500.0, 505.0, 510.0):
        reel.feed(begun(at), b"", now)
        now += 5.0
    assert [segment.breaks for segment in reel.segments] == [False, False, False, True, False]
    assert [segment.seconds for segment in reel.segments] == pytest.approx([5.0] * 5)


def test_each_fragment_is_told_the_head_that_belongs_to_it() -> None:
    """An advert between has a head of its own: what came before it can still be decoded."""
    reel, now = Reel("video/mp4"), 0.0
    for head in (b"one", b"one", b"two", b"two", b"one", b"one"):
        reel.feed(Piece(b"\0\0\0\x10moof" + bytes(8), entry=True), head, now)
        now += 5.0
    lines = reel.playlist("p/", "?token=t").splitlines()
    maps = [line for line in lines if line.startswith("#EXT-X-MAP")]
    assert len(maps) == 3
    assert maps[0] == maps[2] != maps[1]
    assert [one.breaks for one in reel.segments] == [False, False, True, False, True]
    assert lines.count("#EXT-X-DISCONTINUITY") == 2
    for line in maps:
        name = line.partition('"p/')[2].partition("?")[0]
        assert reel.head(name) in {b"one", b"two"}
    assert reel.head("init00000000.mp4") is None


async def test_a_viewer_who_comes_later_begins_with_a_whole_picture(node: Node, film: Film, tmp_path: Path) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        channel = await proxied(node, tmp_path, urljoin(source.url, "/live.ts"), max_streams=1)
        async with contextlib.AsyncExitStack() as viewers:
            first = await viewers.enter_async_context(playing(node, channel))
            got = b""
            while len(got) < 200_000:
                got += await anext(first)
            later = await viewers.enter_async_context(playing(node, channel))
            seen = b""
            while len(seen) < 100_000:
                seen += await anext(later)
                await anext(first)
    path = tmp_path / "later.ts"
    path.write_bytes(seen[: len(seen) // PACKET * PACKET])
    found = numbers(path)
    assert account(found).whole
    assert found[0] % film.frames_per_segment == 0


async def test_only_streams_may_be_read_by_another_site(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = sends(1)
    channel = await proxied(node, tmp_path, origin.url("/a"))
    site = {"Origin": "http://site.test"}
    for path in ("/", "/api/v1/channels", "/playlist/X.m3u", "/guide.xml", "/player_api.php", "/lineup.json"):
        assert "access-control-allow-origin" not in (await node.http.get(path, headers=site)).headers, path
    async with node.http.stream("GET", f"/play/{channel}", headers=site) as answer:
        assert answer.headers["access-control-allow-origin"] == "*"
    await node.access.set_password("a long password")
    for path in (f"/play/{channel}", f"/play/{channel}.m3u8", f"/play/{channel}/1.ts"):
        refused = await node.http.get(path, headers=site)
        assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (401, False)


# -- subtitles -------------------------------------------------------------------------------------------------------------

MASTER_TYPE = "application/vnd.apple.mpegurl"


def with_subtitles(source: Counted, film: Film, start: float, *, sound: str = "") -> tuple[dict[str, Any], list[int]]:
    """A master playlist of a film that runs and its subtitles, one for each second, which say the second; and what was asked for."""
    asked: list[int] = []
    media = [
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="Deutsch",LANGUAGE="de",DEFAULT=YES,URI="de.m3u8"',
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="x y",FORCED=YES,URI="gone.m3u8"',
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="other",NAME="Another",URI="other.m3u8"',
        *([f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="A",DEFAULT=YES,URI="{sound}"'] if sound else []),
        f'#EXT-X-STREAM-INF:BANDWIDTH=1,SUBTITLES="s"{",AUDIO=" + chr(34) + "a" + chr(34) if sound else ""}',
        source.url,
    ]

    async def playlist(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        first = max(0, source.newest - 8)
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first + 100}"]
        for index in range(first, source.newest + 1):
            lines += [f"#EXTINF:{film.segment_seconds},", f"t{index}.vtt"]
        await answers("\n".join([*lines, ""]).encode(), MASTER_TYPE)(_origin, writer)

    def segment(index: int) -> Any:
        begins = index * film.segment_seconds
        cue = f"00:00:{begins:06.3f} --> 00:00:{begins + 0.8:06.3f}\nsecond {index}\n"
        text = f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{round(start * 90_000)},LOCAL:00:00:00.000\n\n{cue}"

        async def script(_origin: Origin, writer: asyncio.StreamWriter) -> None:
            asked.append(index)
            await answers(text.encode(), "text/vtt")(_origin, writer)

        return script

    scripts = {"/m": answers("\n".join(["#EXTM3U", *media, ""]).encode(), MASTER_TYPE), "/de.m3u8": playlist}
    scripts |= {f"/t{index}.vtt": segment(index) for index in range(len(film.segments))}
    return scripts, asked


async def test_subtitles_of_a_stream_reach_the_player(
    node: Node, origin: Origin, film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        scripts, asked = with_subtitles(source, film, ts.first_time(film.segments[0]) or 0.0)
        origin.scripts |= scripts
        channel = await proxied(node, tmp_path, origin.url("/m"), max_streams=1)
        answer = await node.http.get(f"/play/{channel}.m3u8")
        assert answer.status_code == 200, answer.text
        base = f"{node.url}/play/{channel}.m3u8"
        german, english = master.parse_subtitles(answer.text, base)
        assert (german.name, german.language, german.default, german.forced) == ("Deutsch", "de", True, False)
        assert (english.name, english.language, english.default, english.forced) == ("English", "", False, True)
        (variant,) = master.parse_master(answer.text, base)
        assert variant.bandwidth > 10_000
        assert variant.subtitles == german.group
        picture = hls.parse_media((await node.http.get(variant.url)).text, variant.url)
        assert (await node.http.get(picture.segments[0].url)).content[:1] == b"\x47"
        listed = await asyncio.gather(*(node.http.get(german.url) for _ in range(5)))
        assert {one.headers["content-type"] for one in listed} == {MASTER_TYPE}
        newest = hls.parse_media(listed[0].text, german.url).segments[-1]
        texts = await asyncio.gather(*(node.http.get(newest.url) for _ in range(5)))
        assert {one.text.splitlines()[-1] for one in texts} == {f"second {newest.sequence - 100}"}
        assert all(one.headers["content-type"].startswith("text/vtt") for one in texts)
        assert all(one.headers["access-control-allow-origin"] == "*" for one in [*listed, *texts])
        assert asked.count(newest.sequence - 100) == 1, "who watches the same is sent the same"
        for name in ("subs0-5.vtt", "subs7.m3u8", "subs0-17.m3u8", "subs0.vtt", "subs1.m3u8"):
            assert (await node.http.get(f"/play/{channel}/{name}")).status_code in {404, 503}, name
        (account_now,) = (await node.get("/api/v1/accounts"))["items"]
        assert account_now["in_use"] == 1


@pytest.mark.parametrize("sound", ["", "adts", "tagged"])
async def test_the_picture_keeps_the_times_from_which_subtitles_count(
    node: Node, origin: Origin, film: Film, tmp_path: Path, sound: str
) -> None:
    """Also where the sound comes apart, with and without a tag that says when it is heard."""
    begins = ts.first_time(film.segments[0]) or 0.0
    async with Counted(film, window=8, keeps=LONG) as source:
        scripts, _ = with_subtitles(source, film, begins, sound="sound" if sound else "")
        origin.scripts |= scripts
        if sound:
            heard = await made("-f", "lavfi", "-i", "sine=frequency=440:duration=60", "-c:a", "aac", "-f", "adts")
            late = max(0, source.newest - 2) * film.segment_seconds  # the newest three segments are played
            tag = id3.time_tag(begins + late) if sound == "tagged" else b""
            origin.scripts |= {
                "/sound": answers(ended("#EXTINF:60,", "s"), MASTER_TYPE),
                "/s": answers(tag + heard, "audio/aac"),
            }
        channel = await proxied(node, tmp_path, origin.url("/m"))
        assert "TYPE=SUBTITLES" in (await node.http.get(f"/play/{channel}.m3u8")).text
        _, found, _ = await collected(node, f"/play/{channel}/picture.m3u8", 3)
    for number, data in found.items():
        path = tmp_path / f"{number}.ts"
        path.write_bytes(data)
        first, at = numbers(path)[0], picture_time(data)
        assert at - begins == pytest.approx(first / film.fps, abs=0.05)
    if sound:
        listed = await made("-i", str(path), "-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "8000")
        assert len(listed) > 8000


def picture_time(data: bytes) -> float:
    """When the first picture is shown."""
    tables = ts.ProgrammeTables()
    tables.learn(data)
    packets_of = (data[at : at + PACKET] for at in range(0, len(data), PACKET))
    times = (
        ts.time_of(one) for one in packets_of if one[1] & 0x40 and (one[1] & 0x1F) << 8 | one[2] == tables.video_pid
    )
    return next(one for one in times if one is not None)
