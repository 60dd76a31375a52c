import asyncio
import itertools
import json
import re
import time

import httpx2
import pytest

from nightcrew.demo.pictures import LOOP_SECONDS, STREAMS
from nightcrew.demo.world import World


@pytest.fixture
async def viewer(live_world):
    async with httpx2.AsyncClient(base_url=live_world.url, timeout=10) as made:
        yield made


def skipped_counters(data):
    """(offset, stream) wherever a continuity counter is not one more than the stream's last; whole packets only."""
    last, skipped = {}, []
    for at in range(0, len(data) - 187, 188):
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        counter = data[at + 3] & 0x0F
        if data[at + 3] & 0x10 and (last.get(pid, counter - 1) + 1) % 16 != counter % 16:
            skipped.append((at, pid))
        last[pid] = counter
    return skipped


async def probe(ffprobe, url, *entries):
    command = [ffprobe, "-v", "error", "-analyzeduration", "1000000", "-of", "json", *entries, url]
    process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1)
    out, errors = await asyncio.wait_for(process.communicate(), 20)
    assert errors == b""
    return json.loads(out)


async def test_master_names_both_variants(viewer):
    answer = await viewer.get("/live/harbour/master.m3u8")
    assert answer.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    text = answer.text
    assert re.findall(r"RESOLUTION=(\S+?),FRAME-RATE=25.000", text) == ["640x360", "320x180"]
    assert all(int(rate) > 100_000 for rate in re.findall(r":BANDWIDTH=(\d+)", text))
    assert text.count('CODECS="avc1.42c01e,mp4a.40.2"') == 2


async def test_playlist_slides_with_the_clock_and_marks_the_wrap(viewer, live_world):
    start = 1_800_000_000
    seen = []
    for second in range(0, 3 * LOOP_SECONDS, 2):
        live_world.clock = lambda at=start + second: at
        text = (await viewer.get("/live/harbour/360/index.m3u8")).text
        assert text.count("#EXTINF:2.000,") == 6
        seen.append(int(re.search(r"MEDIA-SEQUENCE:(\d+)", text)[1]))
        if wrap := re.search(r"#EXT-X-DISCONTINUITY\n.*\n.*\n(\d+)\.ts", text):
            assert int(wrap[1]) % 10 == 0
    assert seen == list(range(seen[0], seen[0] + len(seen)))


async def test_segments_are_served_while_in_the_window_only(viewer):
    text = (await viewer.get("/live/aurora/180/index.m3u8")).text
    number = int(re.search(r"(\d+)\.ts", text)[1])
    segment = await viewer.get(f"/live/aurora/180/{number}.ts")
    assert segment.headers["content-type"] == "video/mp2t"
    assert len(segment.content) % 188 == 0
    assert segment.content[::188] == b"G" * (len(segment.content) // 188)
    for missing in (f"180/{number - 100}.ts", f"180/{number + 100}.ts", f"720/{number}.ts", "720/index.m3u8"):
        assert (await viewer.get(f"/live/aurora/{missing}")).status_code == 404


async def test_a_segment_is_the_same_again_one_turn_later(viewer, live_world):
    first = int(time.time()) // 2 - 2
    one = await viewer.get(f"/live/aurora/180/{first}.ts")
    live_world.clock = lambda: time.time() + LOOP_SECONDS
    assert (await viewer.get(f"/live/aurora/180/{first + 10}.ts")).content == one.content


async def test_any_name_plays_and_always_the_same_picture(viewer):
    one = await viewer.get("/live/m00042/master.m3u8")
    assert one.status_code == 200
    assert one.content == (await viewer.get("/live/m00042/master.m3u8")).content


async def test_transport_stream_is_paced_in_real_time(viewer):
    async with viewer.stream("GET", "/live/harbour.ts") as answer:
        assert answer.headers["content-type"] == "video/mp2t"
        started, received = time.monotonic(), []
        async for chunk in answer.aiter_raw():
            received.append((time.monotonic() - started, len(chunk)))
            if received[-1][0] > 2:
                break
    early = sum(size for at, size in received if at < 0.2)
    assert early > 50_000, "a whole segment comes at once"
    later = sum(size for at, size in received if 0.5 < at <= 2)
    assert 50_000 < later < 250_000, "then 1.5 s of some 70 kB/s"


async def test_ffprobe_reads_hls(live_world, ffprobe):
    found = await probe(ffprobe, f"{live_world.url}/live/carousel/master.m3u8", "-show_streams")
    shown = {(s["codec_name"], s.get("height"), s["r_frame_rate"]) for s in found["streams"]}
    assert shown == {("h264", 360, "25/1"), ("h264", 180, "25/1"), ("aac", None, "0/0")}


@pytest.mark.parametrize("name", STREAMS)
async def test_ffprobe_reads_transport_stream(live_world, ffprobe, name):
    found = await probe(ffprobe, f"{live_world.url}/live/{name}.ts", "-show_streams")
    video, audio = found["streams"]
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", 640, 360)
    assert (audio["codec_name"], audio["channels"]) == ("aac", 2)


async def test_transport_stream_crosses_the_wrap_without_a_jump(live_world, ffprobe, tmp_path):
    """Starts 2 s before the loop ends, so that the wrap falls into the 6 s that are read."""
    before = time.time() // LOOP_SECONDS * LOOP_SECONDS + LOOP_SECONDS - 2 - time.time()
    live_world.clock = lambda: time.time() + before
    file = tmp_path / "wrap.ts"
    started = time.monotonic()
    async with httpx2.AsyncClient() as client, client.stream("GET", f"{live_world.url}/live/harbour.ts") as answer:
        with file.open("wb") as out:
            async for chunk in answer.aiter_raw():
                out.write(chunk)
                if time.monotonic() - started > 4:
                    break
    found = await probe(ffprobe, str(file), "-select_streams", "v", "-show_entries", "packet=pts,flags")
    stamps = [packet["pts"] for packet in found["packets"]]
    assert len(stamps) > 120
    assert {b - a for a, b in itertools.pairwise(stamps)} == {3600}
    keys = [i for i, packet in enumerate(found["packets"]) if packet["flags"].startswith("K")]
    assert keys[:3] == [0, 50, 100]
    assert skipped_counters(file.read_bytes()) == []


async def test_streams_answer_503_until_ready_while_everything_else_works():
    async with World(live=True) as world, httpx2.AsyncClient(base_url=world.url) as client:
        answer = await client.get("/live/harbour/master.m3u8")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert (await client.get("/live/harbour.ts")).status_code == 503
        assert (await client.get("/m3u/list.m3u")).status_code == 200


async def test_missing_ffmpeg_is_said_and_the_rest_keeps_serving(monkeypatch, caplog):
    def none():
        raise OSError("no ffmpeg")

    monkeypatch.setattr("nightcrew.demo.pictures.find_ffmpeg", none)
    async with World() as world, httpx2.AsyncClient(base_url=world.url) as client:
        with pytest.raises(OSError, match="no ffmpeg"):
            await world.ready()
        answer = await client.get("/live/harbour.ts")
        assert (answer.status_code, answer.text) == (503, "no ffmpeg")
    assert "no live streams" in caplog.text


async def test_kept_pictures_are_not_encoded_again(monkeypatch, pictures):
    def none():
        raise OSError("no ffmpeg")

    monkeypatch.setattr("nightcrew.demo.pictures.find_ffmpeg", none)
    async with World(streams=pictures) as world:
        await world.ready()
