"""The prober's process: what it says of real streams, and what becomes of one that hangs, crashes or eats memory."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from nightcrew.checks.probers import Chunks, ProberDied, Probers
from nightcrew.demo.world import World
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.http import Http, Request
from nightcrew.kernel.processes import Command, start
from nightcrew.playlists.exports import media
from nightcrew.prober.wire import ProbeReport, ProbeTask
from support import until

ASK = ProbeTask(sample=1.0, doubt=3.0, limit=8.0)


@pytest.fixture
async def probers() -> AsyncIterator[Probers]:
    made = Probers()
    yield made
    pids = made.pids
    await made.close()
    assert not any(psutil.pid_exists(pid) for pid in pids), "a prober was left behind"


async def look(world: World, probers: Probers, path: str, ask: ProbeTask = ASK) -> ProbeReport:
    """A report on a stream of the world, fetched as a check fetches it."""
    http = Http()
    try:
        request = Request(f"{world.url}{path}", allow_private=True)
        async with media(http, request) as opened, Chunks(opened.chunks) as chunks:
            return await probers.probe(ask, chunks, patience=opened.patience)
    finally:
        await http.close()


async def of(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


async def going_on(*blocks: bytes) -> AsyncIterator[bytes]:
    """The blocks, and the last one again and again, at the pace of a stream."""
    for block in blocks:
        yield block
    while True:
        await asyncio.sleep(0.1)
        yield blocks[-1]


# -- what it says ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "size", "fps", "audio"),
    [
        ("/workbench/good.ts", (640, 360), 25.0, "aac"),
        ("/workbench/wide.ts", (1280, 720), 50.0, "aac"),
        ("/live/harbour/360/index.m3u8", (640, 360), 25.0, "aac"),
        ("/live/harbour/master.m3u8", (640, 360), 25.0, "aac"),
        ("/workbench/vod/fmp4/index.m3u8", (1280, 720), 50.0, "aac"),
        ("/workbench/radio.ts", (0, 0), 0.0, "aac"),
    ],
)
async def test_it_reads_transport_streams_hls_fmp4_and_sound_alone(
    studio: World, probers: Probers, path: str, size: tuple[int, int], fps: float, audio: str
) -> None:
    found = await look(studio, probers, path)
    assert (found.width, found.height, found.fps, found.audio_codec) == (*size, fps, audio)
    assert found.video_codec == ("h264" if size[0] else "")
    assert 50 < found.kbps < 5_000
    assert (found.frozen, found.black, found.silent) == ((False, False, False) if size[0] else (None, None, False))
    assert bool(found.still) == bool(size[0])


async def test_a_master_is_judged_by_its_best_variant_and_by_its_segments_bytes(
    studio: World, probers: Probers
) -> None:
    best = await look(studio, probers, "/live/harbour/master.m3u8")
    low = await look(studio, probers, "/live/harbour/180/index.m3u8")
    assert (best.height, low.height) == (360, 180)
    assert best.kbps > 400 > low.kbps > 100, "not the playlist's own few bytes"


@pytest.mark.parametrize(("kind", "what"), [("still", "frozen"), ("night", "black"), ("mute", "silent")])
async def test_it_takes_a_second_look_before_it_calls_a_stream_frozen_black_or_silent(
    studio: World, probers: Probers, kind: str, what: str
) -> None:
    found = await look(studio, probers, f"/workbench/{kind}.ts")
    assert getattr(found, what) is True
    assert found.seconds >= 3.0, "the doubt was looked into"


@pytest.mark.parametrize("name", ["harbour", "aurora", "carousel"])
async def test_a_picture_that_moves_is_not_frozen_even_when_only_its_colours_do(
    studio: World, probers: Probers, name: str
) -> None:
    found = await look(studio, probers, f"/live/{name}.ts")
    assert (found.frozen, found.black) == (False, False)


async def test_a_stream_that_is_known_is_only_asked_for_its_headers(studio: World, probers: Probers) -> None:
    known = ProbeTask(sample=1.0, doubt=3.0, limit=8.0, known=("h264", 640, 360))
    found = await look(studio, probers, "/workbench/good.ts", known)
    assert (found.height, found.kbps, found.pictures) == (360, 0.0, 0)
    changed = ProbeTask(sample=1.0, doubt=3.0, limit=8.0, known=("h264", 1920, 1080))
    assert (await look(studio, probers, "/workbench/good.ts", changed)).kbps > 0


@pytest.mark.parametrize(
    "body", [b"", b"\x47" * 4_000, random.Random(1).randbytes(60_000), b"#EXTM3U\nfile:///etc/passwd\n" * 50]
)
async def test_noise_is_reported_and_the_prober_works_on(studio: World, probers: Probers, body: bytes) -> None:
    found = await probers.probe(ASK, Chunks(of(body)), patience=2)
    assert found.error or not found.width
    pids = probers.pids
    assert (await look(studio, probers, "/workbench/good.ts")).height == 360
    assert probers.pids == pids, "the same process took the next stream"


async def test_a_stream_that_turns_into_noise_before_enough_was_seen_is_not_good(
    tmp_path: Path, probers: Probers
) -> None:
    body = encoded(
        tmp_path, "torn.mp4", *CARD, "-t", "2", *QUICKLY, "-g", "25", "-movflags", "frag_keyframe+empty_moov"
    )
    noise = b"\0\0\0\x04free" * 8_000
    found = await probers.probe(LONG, Chunks(going_on(body, noise)), patience=2)
    assert "its data made no sense" in found.error
    assert found.width == 320, "what was seen before is told"


async def test_a_playlist_inside_of_a_stream_opens_no_other_address(probers: Probers) -> None:
    asked = asyncio.Event()

    async def seen(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()

    server = await asyncio.start_server(seen, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x.ts"
    lists = [f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}\n", f"ffconcat version 1.0\nfile '{url}'\n"]
    for text in lists:
        found = await probers.probe(ASK, Chunks(of(text.encode() * 20)), patience=2)
        assert found.error
    server.close()
    assert not asked.is_set()


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def broken(code: str) -> Command:
    """A prober that is replaced by some lines of Python."""
    start_of_it = "import os, sys, time, resource; from nightcrew.child import limit_memory, limit_cpu\n"
    return Command((sys.executable, "-c", start_of_it + code), grace=0)


@contextmanager
def leaving_nobody(probers: Probers) -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert left <= set(probers.pids), "a process was left behind"


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(10_000)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("sys.exit(3)", "status 3"),
        ("limit_memory(64 << 20); x = bytearray(1 << 30)", "MemoryError"),
        ("limit_cpu(1)\nwhile True: pass", "SIGXCPU"),
        ("os.write(1, b'\\xff' * 100); time.sleep(60)", "died"),
        ("os.write(1, b'\\0\\0\\0\\2{]'); time.sleep(60)", "died"),
        ("time.sleep(600)", "did not answer"),
    ],
)
async def test_a_prober_that_crashes_hangs_or_eats_memory_is_ended_and_named(code: str, word: str) -> None:
    probers = Probers(broken(code))
    # Time enough for a process to start on a busy machine; the one that hangs gets hardly any.
    ask = ProbeTask(limit=-3.5 if word == "did not answer" else 300.0)
    with leaving_nobody(probers):
        with pytest.raises(ProberDied, match=word):
            await probers.probe(ask, Chunks(endless()), patience=5)
        await probers.close()
    assert probers.pids == []


async def test_a_stream_that_stalls_is_not_the_probers_fault(probers: Probers) -> None:
    async def stalls() -> AsyncIterator[bytes]:
        yield bytes(188)
        await asyncio.sleep(60)

    async with Chunks(stalls()) as chunks:
        with pytest.raises(Retry, match="no data came for 0.2 s"):
            await probers.probe(ASK, chunks, patience=0.2)


async def test_a_probe_that_is_given_up_leaves_no_process(probers: Probers) -> None:
    with leaving_nobody(probers):
        task = asyncio.create_task(probers.probe(ASK, Chunks(endless()), patience=5))
        await until(lambda: probers.pids)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert probers.pids == []


async def test_probers_that_nobody_needs_are_ended(probers: Probers) -> None:
    await probers.probe(ASK, Chunks(of(b"x")), patience=2)
    assert len(probers.pids) == 1
    probers.idle = 0.0
    await probers.trim()
    assert probers.pids == []


def test_a_prober_ends_with_its_server_however_that_ends(tmp_path: Path) -> None:
    """Busy or idle: the server's process is killed, and a moment later no prober is there."""
    code = (
        "import asyncio, sys\n"
        "from nightcrew.checks.probers import Probers, Chunks\n"
        "from nightcrew.prober.wire import ProbeTask\n"
        "async def endless():\n"
        "    while True:\n"
        "        yield bytes(188)\n"
        "        await asyncio.sleep(0.05)\n"
        "async def main():\n"
        "    p = Probers()\n"
        "    tasks = [asyncio.create_task(p.probe(ProbeTask(limit=60), Chunks(endless()), patience=60)) for _ in range(3)]\n"
        "    while len(p.pids) < 3: await asyncio.sleep(0.05)\n"
        "    print(*p.pids, flush=True)\n"
        "    await asyncio.gather(*tasks)\n"
        "asyncio.run(main())\n"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pids = [int(text) for text in server.stdout.readline().split()]
    assert len(pids) == 3
    server.send_signal(signal.SIGKILL)
    server.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(psutil.pid_exists, pids)):
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, pids))


async def test_a_child_gets_no_secret_of_ours_and_its_whole_group_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_PASSWORD", "very-secret")
    code = "import os, subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, 'NIGHTCREW_PASSWORD' in os.environ, flush=True); sys.stdin.read()"
    child = await start(Command((sys.executable, "-c", code), grace=0.2))
    pid, knows = (await child.stdout.readline()).split()
    assert knows == b"False"
    assert psutil.pid_exists(int(pid))
    await child.end()
    await until(lambda: not psutil.pid_exists(int(pid)))
    assert not child.alive
    assert "SIG" in await child.end(), "ending it twice is all right"


# -- what real broadcasts do -------------------------------------------------------------------------------------------


def encoded(folder: Path, name: str, *arguments: str) -> bytes:
    """A file made by ffmpeg."""
    path = folder / name
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, str(path)]
    subprocess.run(command, check=True)
    return path.read_bytes()


CARD = ("-f", "lavfi", "-i", "smptehdbars=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=440:sample_rate=48000")
QUICKLY = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
LONG = ProbeTask(sample=1.0, doubt=9.0, limit=20.0)


async def test_a_card_with_one_key_frame_is_found_to_stand_still(tmp_path: Path, probers: Probers) -> None:
    body = encoded(tmp_path, "card.ts", *CARD, "-t", "12", *QUICKLY, "-g", "600", "-sc_threshold", "0")
    found = await probers.probe(LONG, Chunks(of(body)), patience=2)
    assert (found.frozen, found.seconds > 8) == (True, True)


async def test_a_moving_picture_with_one_key_frame_is_not(tmp_path: Path, probers: Probers) -> None:
    moving = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25")
    body = encoded(tmp_path, "moving.ts", *moving, "-t", "12", *QUICKLY, "-g", "600", "-sc_threshold", "0")
    assert (await probers.probe(LONG, Chunks(of(body)), patience=2)).frozen is False


async def test_sound_on_any_track_is_sound(tmp_path: Path, probers: Probers) -> None:
    silence = ("-f", "lavfi", "-i", "anullsrc=sample_rate=48000:channel_layout=stereo")
    tracks = ("-map", "0:v", "-map", "2:a", "-map", "1:a")
    body = encoded(tmp_path, "tracks.ts", *CARD, *silence, *tracks, "-t", "4", *QUICKLY)
    assert (await probers.probe(ASK, Chunks(of(body)), patience=2)).silent is False


async def test_a_title_that_is_not_utf_8_changes_nothing(tmp_path: Path, probers: Probers) -> None:
    body = encoded(tmp_path, "title.mkv", *CARD, "-t", "4", *QUICKLY, "-metadata", "title=Caf3 Nightcrew")
    assert body.count(b"Caf3") == 1
    found = await probers.probe(ASK, Chunks(of(body.replace(b"Caf3", b"Caf\xe9"))), patience=2)
    assert (found.height, found.error) == (180, "")


async def test_a_codec_that_libav_cannot_decode_is_named_and_nothing_more(tmp_path: Path, probers: Probers) -> None:
    body = encoded(tmp_path, "known.mp4", *CARD, "-t", "4", *QUICKLY, "-movflags", "frag_keyframe+empty_moov")
    found = await probers.probe(ASK, Chunks(of(body.replace(b"mp4a", b"ac-4").replace(b"esds", b"free"))), patience=2)
    assert (found.video_codec, found.audio_codec, found.silent) == ("h264", "unknown", None)
    found = await probers.probe(ASK, Chunks(of(body.replace(b"avc1", b"zzzz"))), patience=2)
    assert (found.video_codec, found.width, found.audio_codec) == ("unknown", 0, "aac")
    assert len(probers.pids) == 1, "it did not even cough"


async def test_no_ffmpeg_is_needed_on_the_machine(studio: World) -> None:
    bare = Probers(
        Command((sys.executable, "-m", "nightcrew.prober", str(os.getpid())), {"PATH": "/nonexistent"}, grace=0)
    )
    assert (await look(studio, bare, "/workbench/good.ts")).height == 360
    await bare.close()
