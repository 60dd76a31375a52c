"""What goes wrong around a recording: its folder, its source, its provider, its file. It is told, and costs nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from counted import LONG, Counted
from counter import FPS, Film
from darkroom import accounted, finish, get, in_state, kill, more, record, recorders, seconds, wait_for
from films import Source, content, films, make, recorded
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.kernel import schedule
from nightcrew.kernel.clock import utcnow
from nightcrew.recordings import connections, inputs, keeper, kept, stuck, workers
from nightcrew.recordings.inputs import Input
from nightcrew.recordings.models import Recording
from nightcrew.recordings.store import recordings
from nightcrew.recordings.verdict import believable
from support import Node, until


@pytest.fixture
async def source(film: Film) -> AsyncIterator[Counted]:
    """A live source."""
    async with Counted(film, window=10, keeps=LONG) as made:
        yield made


async def test_a_keeper_with_nothing_to_keep_rests_and_is_woken_by_a_new_recording(
    node: Node, source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by one that another node was asked for, of which nobody here is told but through the database."""

    async def nobody_tells(_: keeper.Keeper) -> None:
        """A request that came in elsewhere."""

    monkeypatch.setattr(schedule, "IDLE", 3600.0)
    monkeypatch.setattr(keeper.Keeper, "soon", nobody_tells)
    assert await workers.keep_at(node.runtime) is None
    worker = node.runtime.schedule.workers["recordings.keep"]
    before = worker.last_ok
    await node.post("/api/v1/workers/recordings.keep/run")
    await until(lambda: worker.last_ok != before)
    row = await record(node, source.url)
    await seconds(node, row["id"], 1)
    assert await workers.keep_at(node.runtime) is not None
    await finish(node, row["id"])


# -- its folder --------------------------------------------------------------------------------------------------------


async def test_a_folder_that_is_taken_away_is_missed_and_goes_on_when_it_is_back(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    folder = Path((await seconds(node, row["id"], 12))["folder"])
    away = folder.with_name("away")
    folder.rename(away)
    missed = await in_state(node, row["id"], "retrying")
    assert missed["reason"] == "its folder is missing: mount its disk or stop the recording"
    kill(node, row["id"])
    await asyncio.sleep(3)
    assert not folder.exists(), "nothing begins anew in its place"
    away.rename(folder)
    await in_state(node, row["id"], "recording")
    await more(node, row["id"], 4)
    await accounted(node, await finish(node, row["id"]), source)


# -- its source --------------------------------------------------------------------------------------------------------


async def test_a_source_that_is_removed_is_told_and_not_forgotten(node: Node, source: Counted, tmp_path: Path) -> None:
    (tmp_path / "list.m3u").write_text(f"#EXTM3U\n#EXTINF:-1,One\n{source.url}\n")
    added = await node.add(kind="m3u", name="List", url=str(tmp_path / "list.m3u"), region="DE", max_streams=1)
    channel = (await node.get("/api/v1/channels"))["items"][0]["id"]
    row = await node.post("/api/v1/recordings", {"channel": channel})
    await seconds(node, row["id"], 10)
    assert (await node.http.delete(f"/api/v1/sources/{added['id']}")).status_code < 300
    kill(node, row["id"])
    await more(node, row["id"], 3)  # it goes on with the address that is known
    held = node.runtime.part(keeper.Keeper)
    held.kept[row["id"]].input = None  # as after a start of the server
    held.connections = connections.SharedInputs(node.runtime)
    told = await in_state(node, row["id"], "retrying")
    assert told["reason"].startswith("its channel was removed")
    await finish(node, row["id"])


async def test_a_provider_that_does_not_answer_keeps_no_other_recording_waiting(
    node: Node, source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "QUICK", 0.1)
    monkeypatch.setattr(connections, "CONNECTING", 6.0)

    async def slowly(runtime: Any, row: Recording, **more: Any) -> Input:
        if row.name == "Slow":
            await asyncio.sleep(600)
        return await inputs.open_input(runtime, row, **more)

    monkeypatch.setattr(connections, "open_input", slowly)
    slow = await record(node, source.url, name="Slow")
    good = await record(node, source.url, name="Good")
    await seconds(node, good["id"], 12)
    assert (await accounted(node, await finish(node, good["id"]), source)).whole
    told = await wait_for(node, slow["id"], lambda row: "in time" in (row["reason"] or ""))
    assert told["state"] == "waiting"
    await node.post(f"/api/v1/recordings/{slow['id']}/stop")
    await in_state(node, slow["id"], "failed")


async def test_a_source_of_ffmpeg_that_is_silent_can_be_stopped(node: Node) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    address = f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"
    row = await record(node, address)

    def children() -> list[psutil.Process]:
        return [child for pid in recorders(node) for child in psutil.Process(pid).children()]

    await until(lambda: bool(children()), 20)
    await node.post(f"/api/v1/recordings/{row['id']}/stop")
    await in_state(node, row["id"], "failed", limit=12)
    await until(lambda: not children(), 5)
    server.close()


async def test_a_stream_whose_first_bytes_come_alone_is_known_all_the_same(
    node: Node, film: Film, tmp_path: Path
) -> None:
    """FLV, as a camera sends it: its head is sent as soon as there is one."""
    path = tmp_path / "film.flv"
    part = tmp_path / "film.ts"
    part.write_bytes(b"".join(film.segments[:20]))
    made = [find_ffmpeg(), "-v", "error", "-i", str(part), "-c", "copy", "-an", str(path)]
    await asyncio.to_thread(subprocess.run, made, check=True)
    data = path.read_bytes()

    async def camera(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            method = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[0]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n")
            for block in (data[:13], data[13:]) if method == b"GET" else ():
                writer.write(block)
                await writer.drain()
                await asyncio.sleep(0.3)
        writer.close()

    async with await asyncio.start_server(camera, "127.0.0.1", 0) as server:
        row = await record(node, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/camera")
        await wait_for(node, row["id"], lambda now: now["bytes"] > len(data) / 2)
        assert (await finish(node, row["id"]))["state"] == "done"


# -- its machine -------------------------------------------------------------------------------------------------------


async def test_a_machine_that_is_gone_for_a_moment_keeps_its_recordings(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    folder = Path((await seconds(node, row["id"], 12))["folder"])
    await node.post("/api/v1/workers/recordings.keep/pause")
    await asyncio.sleep(1.2)
    folder.rename(folder.with_name("its own disk"))
    await recordings.change(node.runtime.store, row["id"], node="rebooting")
    _, found = await stuck.find(node.runtime)
    assert found == [], "its machine was forgotten after a minute, and comes back"
    long_ago = utcnow() - timedelta(hours=25)
    await recordings.change(node.runtime.store, row["id"], progress_at=long_ago, since=long_ago)
    _, found = await stuck.find(node.runtime)
    assert [one.remedy for one in found] == ["fail"]


# -- its file ----------------------------------------------------------------------------------------------------------


async def test_pictures_on_another_packet_id_are_in_the_file(film: Film, tmp_path: Path) -> None:
    """As where an advertisement or another encoder was spliced in: the programme says which ids are its own now."""
    blocks = [b"".join(film.segments[at : at + 2]) for at in (0, 2, 4)]
    (tmp_path / "middle.ts").write_bytes(blocks[1])
    moved = tmp_path / "moved.ts"
    ids = ["-mpegts_start_pid", "0x200", "-copyts", "-muxdelay", "0"]
    command = [
        find_ffmpeg(),
        "-v",
        "error",
        "-copyts",
        "-i",
        str(tmp_path / "middle.ts"),
        "-c",
        "copy",
        *ids,
        str(moved),
    ]
    await asyncio.to_thread(subprocess.run, command, check=True)
    stretches = [Source((one,)) for one in (blocks[0], moved.read_bytes(), blocks[2])]
    (made,) = films(recorded(tmp_path / "rec", stretches))
    make(made, tmp_path / "made.mp4")
    assert content(tmp_path / "made.mp4").pictures == 6 * FPS


@pytest.mark.parametrize(
    ("counted", "believed"),
    [(0, False), (75_000, False), (97_000, False), (99_950, True), (100_001, True), (50_010, True)],
)
def test_a_count_that_stands_for_lost_pictures_is_not_believed(counted: int, believed: bool) -> None:
    assert believable(counted, 100_000) is believed


async def test_a_file_that_was_removed_by_hand_can_be_forgotten(node: Node, source: Counted) -> None:
    kept, gone = [await record(node, source.url, name=name) for name in ("Kept", "Gone")]
    for row in (kept, gone):
        await seconds(node, row["id"], 10)
    done = [await finish(node, row["id"]) for row in (kept, gone)]
    Path(done[1]["file"]).unlink()
    answer = await node.http.delete(f"/api/v1/recordings/{gone['id']}", params={"dry_run": False})
    assert answer.status_code == 200, answer.text
    assert (await get(node, gone["id"]))["deleted_at"] is not None
