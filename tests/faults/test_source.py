"""The tools of the fault tests: numbered pictures are read back exactly, and the source does what a test tells it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from counted import LONG, Counted
from counter import Film, account, encode, numbers, numbers_of
from nightcrew.demo.pictures import find_ffmpeg
from support import until

QUICK = 0.2
"""Length of a segment, so that a window moves while a test looks."""


@pytest.fixture(scope="module")
def quick(film: Film, tmp_path_factory: pytest.TempPathFactory) -> Film:
    """12 seconds in short segments."""
    return encode(tmp_path_factory.mktemp("quick"), seconds=12, segment=QUICK)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """Keeps connections open between requests."""
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as made:
        yield made


@pytest.fixture
async def source(quick: Film) -> AsyncIterator[Counted]:
    """A running source with short segments."""
    async with Counted(quick) as made:
        yield made


class Listing:
    """What a playlist says."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.first = int(re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[1])
        self.names = re.findall(r"^seg/\S+$", text, re.MULTILINE)
        self.numbers = [int(re.search(r"\d+", name)[0]) for name in self.names]
        self.ended = "#EXT-X-ENDLIST" in text


async def listing(client: httpx2.AsyncClient, source: Counted) -> Listing:
    answer = await client.get(source.url)
    assert answer.status_code == 200
    return Listing(answer.text)


async def segment(client: httpx2.AsyncClient, source: Counted, number: int, **more) -> httpx2.Response:
    return await client.get(source.url.replace("live.m3u8", f"seg/{number}.ts"), **more)


async def past(source: Counted, index: int) -> None:
    await until(lambda: source.newest >= index)


@asynccontextmanager
async def raw(source: Counted, text: str) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which this was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(source.url.split(":")[2].split("/")[0]))
    writer.write(text.encode())
    yield reader
    writer.close()


def saved(path: Path, *parts: bytes) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def remuxed(source: Path, target: Path) -> Path:
    subprocess.run([find_ffmpeg(), "-v", "error", "-y", "-i", source, "-c", "copy", target], check=True)
    return target


def test_each_segment_holds_exactly_its_pictures(film: Film, tmp_path: Path):
    assert film.frames_per_segment == 25
    assert numbers(saved(tmp_path / "all.ts", *film.segments)) == list(range(25 * len(film.segments)))
    last = len(film.segments) - 1
    one, other = (saved(tmp_path / f"{n}.ts", film.segments[n]) for n in (0, last))
    assert numbers_of(one, other) == [*range(25), *range(25 * last, 25 * last + 25)]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_numbers_survive_a_remux(film: Film, tmp_path: Path, name: str):
    assert numbers(remuxed(saved(tmp_path / "some.ts", *film.segments[7:19]), tmp_path / name)) == [*range(175, 475)]


def test_fragmented_mp4_is_read_back(tmp_path: Path):
    film = encode(tmp_path, seconds=8, segment=0.8, kind="fmp4")
    assert film.init is not None and film.frames_per_segment == 20 and len(film.segments) == 10
    assert numbers(saved(tmp_path / "all.mp4", film.init, *film.segments)) == list(range(200))
    assert numbers(saved(tmp_path / "some.mp4", film.init, *film.segments[3:5])) == list(range(60, 100))


def test_film_is_encoded_once(tmp_path: Path):
    made = encode(tmp_path, seconds=2, segment=1)
    marks = [file.stat().st_mtime_ns for file in sorted(tmp_path.rglob("*"))]
    assert encode(tmp_path, seconds=2, segment=1) == made
    assert [file.stat().st_mtime_ns for file in sorted(tmp_path.rglob("*"))] == marks


def test_pictures_must_fill_their_segments(tmp_path: Path):
    with pytest.raises(ValueError, match="whole segments"):
        encode(tmp_path, seconds=3, segment=2)


def test_missing_and_doubled_segments_are_found(film: Film, tmp_path: Path):
    parts = [film.segments[n] for n in (2, 3, 5, 5, 6, 9)]
    found = account(numbers(saved(tmp_path / "faulty.ts", *parts)))
    assert (found.first, found.last) == (50, 249)
    assert found.missing == [(100, 124), (175, 224)]
    assert found.doubled == list(range(125, 150))
    assert found.disordered and not found.whole


def test_account_of_a_whole_recording_is_clean():
    found = account(range(10, 20))
    assert found.whole and (found.first, found.last) == (10, 19)
    assert account([1, 1, 2]).disordered is False
    with pytest.raises(ValueError, match="no picture"):
        account([])


@pytest.mark.parametrize(("color", "why"), [("gray", "neither black nor white"), ("white", "do not agree")])
def test_a_picture_without_a_readable_number_is_named(film: Film, tmp_path: Path, color: str, why: str):
    whole, marred = saved(tmp_path / "some.ts", *film.segments[:2]), tmp_path / "marred.mp4"
    paint = ["-vf", f"drawbox=enable='eq(n,30)':w=192:h=24:color={color}:t=fill", "-preset", "ultrafast", marred]
    subprocess.run([find_ffmpeg(), "-v", "error", "-y", "-i", whole, "-an", *paint], check=True)
    with pytest.raises(ValueError, match=f"marred.mp4: picture 30 cannot be read: .*{why}"):
        numbers(marred)
    assert account(numbers(marred, skip_torn=True)).missing == [(30, 30)]


def test_a_file_without_pictures_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match="noise.ts cannot be decoded"):
        numbers(saved(tmp_path / "noise.ts", b"\x00" * 5000))


def test_a_lost_packet_never_yields_a_wrong_number(film: Film, tmp_path: Path):
    data = b"".join(film.segments[:4])
    for at in range(188 * 40, len(data), 188 * 37):
        torn = saved(tmp_path / "torn.ts", data[:at], data[at + 188 * 3 :])
        found = numbers(torn, skip_torn=True)
        assert set(found) <= set(range(100)) and found == sorted(found)


async def test_the_window_moves(client: httpx2.AsyncClient, quick: Film):
    async with Counted(quick, window=4, start=100) as source:
        before = await listing(client, source)
        assert before.numbers[:1] == [before.first] and len(before.numbers) == 4
        assert before.first >= 100 and f"#EXTINF:{QUICK:.3f}," in before.text and not before.ended
        await past(source, source.newest + 2)
        after = await listing(client, source)
        assert after.numbers == [*range(after.first, after.first + 4)] and after.first >= before.first + 2
        assert (await segment(client, source, after.numbers[-1])).content == quick.segments[after.numbers[-1] - 100]
        assert (await segment(client, source, after.numbers[-1] + 2)).status_code == 404
        await past(source, 8)
        kept = 100 + source.newest - 5
        assert [(await segment(client, source, number)).status_code for number in (100, kept)] == [404, 200]
        assert source.fetched[kept] == 1 and source.fetched[100] == 0
        assert source.asked.count("/live.m3u8") == 2 and source.open == 0


async def test_dates_count_on_with_the_segments(client: httpx2.AsyncClient, source: Counted):
    stamps = []
    for _ in range(2):
        found = await listing(client, source)
        stamp = re.search(r"#EXT-X-PROGRAM-DATE-TIME:\S+:([\d.]+)Z\n#EXTINF", found.text)
        stamps.append((found.first, float(stamp[1])))
        await past(source, source.newest + 1)
    (one, then), (other, later) = stamps
    assert (later - then) % 60 == pytest.approx((other - one) * QUICK, abs=0.01)


async def test_master_has_one_variant_and_keys_do_not_matter(client: httpx2.AsyncClient, source: Counted):
    text = (await client.get(source.master + "?key=3")).text
    assert text.count("#EXT-X-STREAM-INF:") == 1 and text.splitlines()[-1] == "live.m3u8"
    assert (await client.get(source.url + "?key=17")).status_code == 200
    assert source.asked == ["/master.m3u8", "/live.m3u8"]


async def test_fragmented_mp4_is_served_with_its_map(client: httpx2.AsyncClient, tmp_path: Path):
    film = encode(tmp_path, seconds=4, segment=QUICK, kind="fmp4")
    async with Counted(film) as source:
        found = await listing(client, source)
        assert '#EXT-X-MAP:URI="init.mp4"' in found.text and found.names[0].endswith(".m4s")
        base = source.url.removesuffix("live.m3u8")
        parts = [(await client.get(base + name)).content for name in ("init.mp4", *found.names)]
        assert account(numbers(saved(tmp_path / "got.mp4", *parts))).whole
        assert (await client.get(source.ts)).status_code == 404


async def test_an_error_status_is_given_for_everything(client: httpx2.AsyncClient, source: Counted):
    with source.fault(answer=503):
        assert [(await client.get(url)).status_code for url in (source.url, source.master, source.ts)] == [503] * 3
        assert (await segment(client, source, source.newest)).status_code == 503
    assert (await client.get(source.url)).status_code == 200
    source.offline = True
    assert (await client.get(source.url)).status_code == 404
    assert (await segment(client, source, source.newest)).status_code == 200


async def test_who_was_let_hang_keeps_hanging(client: httpx2.AsyncClient, source: Counted):
    with source.fault(hang=True):
        waiting = asyncio.ensure_future(client.get(source.url))
        await until(lambda: source.open == 1)
    assert (await client.get(source.url)).status_code == 200
    assert not waiting.done() and source.open == 1
    waiting.cancel()
    await until(lambda: source.open == 0)


async def test_a_segment_is_cut_once(client: httpx2.AsyncClient, source: Counted):
    number = source.newest
    source.truncate.add(number)
    with pytest.raises(httpx2.RemoteProtocolError):
        await segment(client, source, number)
    assert source.fetched[number] == 0 and not source.truncate
    assert (await segment(client, source, number)).content == source.film.segments[number]
    assert source.fetched[number] == 1


async def test_a_lost_segment_stays_in_the_playlist(client: httpx2.AsyncClient, source: Counted):
    number = source.newest
    source.lost.add(number)
    assert number in (await listing(client, source)).numbers
    assert [(await segment(client, source, number)).status_code for _ in range(2)] == [404, 404]


async def test_a_frozen_playlist_stands_still(client: httpx2.AsyncClient, source: Counted):
    source.frozen = True
    before = await listing(client, source)
    await past(source, source.newest + 2)
    assert (await listing(client, source)).text == before.text
    assert (await segment(client, source, source.newest)).status_code == 200
    source.frozen = False
    assert (await listing(client, source)).first >= before.first + 2


async def test_a_reset_renumbers_while_pictures_go_on(client: httpx2.AsyncClient, source: Counted, tmp_path: Path):
    await past(source, source.window)
    old, got = await listing(client, source), {}
    last = source.newest
    source.reset(to=0)
    assert (await listing(client, source)).first >= old.first
    while len(got) < 4:
        found = await listing(client, source)
        if found.first == 0:
            got |= {n: (await segment(client, source, n)).content for n in found.numbers if n not in got}
        await asyncio.sleep(QUICK / 4)
    assert "#EXT-X-DISCONTINUITY" not in found.text
    assert numbers(saved(tmp_path / "new.ts", *got.values()))[0] == source.frame_of(last + 1)[0]
    assert account(numbers(tmp_path / "new.ts")).whole
    assert source.number_of(last) == last and source.number_of(last + 1) == 0


async def test_a_discontinuity_is_marked_and_counted(client: httpx2.AsyncClient, quick: Film):
    async with Counted(quick, window=3) as source:
        source.discontinue()
        index = source.newest + 1
        await past(source, index)
        assert re.search(rf"DISCONTINUITY\n(#.*\n)+seg/{index}\.ts", (await listing(client, source)).text)
        await past(source, index + 3)
        assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in (await listing(client, source)).text


async def test_the_end_stops_the_window(client: httpx2.AsyncClient, source: Counted):
    source.end()
    before = await listing(client, source)
    await asyncio.sleep(2 * QUICK)
    assert before.ended and (await listing(client, source)).text == before.text
    assert (await client.get(source.ts)).status_code == 404


async def test_a_film_that_is_over_ends_its_playlist(client: httpx2.AsyncClient, tmp_path: Path):
    async with Counted(encode(tmp_path, seconds=1, segment=0.2)) as source:
        found = await listing(client, source)
        assert found.ended and found.numbers == [0, 1, 2, 3, 4]


async def test_mpeg_ts_is_paced_and_whole(client: httpx2.AsyncClient, source: Counted, tmp_path: Path):
    index, data = source.newest + 1, b""
    async with client.stream("GET", source.ts + "?key=1") as answer:
        began = time.monotonic()
        async for part in answer.aiter_bytes():
            data += part
            if time.monotonic() - began > 1.0:
                break
    found = account(numbers(saved(tmp_path / "live.ts", data), skip_torn=True))
    assert found.whole and found.first in (source.frame_of(index)[0], source.frame_of(index + 1)[0])
    assert 20 <= found.last - found.first <= 31
    await until(lambda: source.open == 0)


async def test_mpeg_ts_leaves_out_what_is_lost_and_ends_where_it_is_cut(
    client: httpx2.AsyncClient, source: Counted, tmp_path: Path
):
    index = source.newest + 3
    source.lost, source.truncate = {index}, {index + 2}
    found = account(numbers(saved(tmp_path / "live.ts", (await client.get(source.ts)).content), skip_torn=True))
    lost = source.frame_of(index)
    assert found.missing == [(lost[0], lost[-1])] and not found.doubled
    assert found.last in source.frame_of(index + 2) and not source.truncate


async def test_a_cut_breaks_running_answers(client: httpx2.AsyncClient, source: Counted):
    with pytest.raises(httpx2.TransportError):
        async with client.stream("GET", source.ts) as answer:
            async for _ in answer.aiter_bytes():
                source.cut()
    assert (await client.get(source.url)).status_code == 200


async def test_head_and_range_on_one_connection(source: Counted):
    number = source.newest
    data = source.film.segments[number]
    asking = f"HEAD /seg/{number}.ts HTTP/1.1\r\n\r\nGET /seg/{number}.ts HTTP/1.1\r\nRange: bytes=%s\r\n\r\n"
    async with raw(source, asking % "188-375" + f"GET /seg/{number}.ts HTTP/1.0\r\n\r\n") as reader:
        answers = await reader.read()
    head, part, whole = re.split(rb"(?=HTTP/1\.1 )", answers)[1:]
    assert head.endswith(b"\r\n\r\n") and b"Content-Length: %d\r\n" % len(data) in head
    assert part.endswith(b"\r\n\r\n" + data[188:376]) and b"bytes 188-375/%d" % len(data) in part
    assert part.startswith(b"HTTP/1.1 206") and whole.endswith(data) and source.fetched[number] == 1


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [("bytes=0-", 206, slice(None)), ("bytes=-188", 206, slice(-188, None)), ("bytes=9999999-", 416, slice(0))],
)
async def test_ranges(client: httpx2.AsyncClient, source: Counted, wanted: str, status: int, part: slice):
    number = source.newest
    answer = await segment(client, source, number, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (status, source.film.segments[number][part])
    assert source.fetched[number] == (part == slice(None))


async def test_a_hundred_clients_fetch_everything(film: Film):
    async def watch(key: int) -> list[bytes]:
        got: dict[int, bytes] = {}
        async with httpx2.AsyncClient(timeout=5, trust_env=False, verify=False) as client:
            while len(got) < 7:
                found = Listing((await client.get(f"{source.url}?key={key}")).text)
                for number in found.numbers:
                    if number not in got:
                        got[number] = (await segment(client, source, number)).content
                await asyncio.sleep(0.4)
        return [got[number] for number in sorted(got)]

    async with Counted(film, keeps=LONG) as source:
        recorded = await asyncio.gather(*(watch(key) for key in range(100)))
    for parts in recorded:
        first = film.segments.index(parts[0])
        assert parts == list(film.segments[first : first + len(parts)])
