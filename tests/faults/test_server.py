"""The server dies, alone or with its recorders; the clock jumps; the machine is short of disk."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from counted import Counted
from counter import Film
from darkroom import (
    Server,
    accounted,
    finish,
    finished,
    get,
    in_state,
    kill,
    more,
    record,
    recorders,
    seconds,
    serving,
    wait_for,
)
from support import until


@pytest.fixture
async def source(film: Film) -> AsyncIterator[Counted]:
    """A live source whose window is longer than a server needs for its start."""
    async with Counted(film, window=20) as made:
        yield made


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that may be killed."""
    async with serving(tmp_path / "data") as made:
        yield made


async def test_recorders_outlive_the_server_and_are_taken_over(server: Server, source: Counted) -> None:
    row = await record(server, source.url)
    await seconds(server, row["id"], 22)
    before = recorders(server)
    server.kill()
    await asyncio.sleep(3)
    assert recorders(server) == before, "the recorder goes on"
    await server.start()
    await more(server, row["id"], 4)
    assert recorders(server) == before, "and was taken over"
    done = await finish(server, row["id"])
    assert (await accounted(server, done, source)).whole
    assert done["restarts"] == 0
    await until(lambda: "a recorder was taken over" in server.log())


async def test_a_server_that_dies_with_its_recorders_goes_on_where_they_were(server: Server, source: Counted) -> None:
    row = await record(server, source.url)
    await seconds(server, row["id"], 22)
    server.kill()
    kill(server)
    await server.start()
    await more(server, row["id"], 4)
    done = await finish(server, row["id"])
    assert (await accounted(server, done, source)).whole


async def test_a_server_that_is_stopped_leaves_nothing_running(server: Server, source: Counted) -> None:
    row = await record(server, source.url)
    await seconds(server, row["id"], 22)
    children = psutil.Process(server.process.pid if server.process else 0).children(recursive=True)
    assert await server.stop() == 0
    assert not recorders(server)
    assert not [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    await server.start()
    assert (await get(server, row["id"]))["state"] in {"recording", "retrying"}
    await more(server, row["id"], 4)
    assert (await accounted(server, await finish(server, row["id"]), source)).whole


async def test_a_dead_recorder_is_reaped_at_once(server: Server, source: Counted) -> None:
    row = await record(server, source.url)
    await seconds(server, row["id"], 21)
    (pid,) = recorders(server)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(pid), 3)
    await until(lambda: len(recorders(server)) == 1, 5)
    server_process = psutil.Process(server.process.pid if server.process else 0)
    assert all(one.status() != psutil.STATUS_ZOMBIE for one in server_process.children())
    await more(server, row["id"], 3)
    assert (await accounted(server, await finish(server, row["id"]), source)).whole


async def test_post_processing_goes_on_after_a_kill_and_is_done_once(server: Server, source: Counted) -> None:
    row = await record(server, source.url)
    await seconds(server, row["id"], 22)
    await server.post(f"/api/v1/recordings/{row['id']}/stop")
    for _ in range(3):
        await in_state(server, row["id"], "post-processing", "done")
        server.kill()
        await server.start()
    done = await finished(server, row["id"])
    assert (await accounted(server, done, source)).whole
    assert [move["to"] for move in done["moves"]].count("done") == 1
    folder = Path(done["file"]).parent
    assert sorted(path.suffix for path in folder.iterdir()) == [".jpg", ".jpg", ".mp4", ".nfo"]


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.mark.parametrize("jump", ["+86400", "-86400"])
async def test_a_clock_that_jumps_by_a_day_changes_nothing(tmp_path: Path, source: Counted, jump: str) -> None:
    if FAKETIME is None:
        if os.environ.get("CI") == "true":
            pytest.fail("libfaketime is missing, and CI must have it")
        pytest.skip("needs libfaketime (Debian's package faketime)")
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    async with serving(tmp_path / "data", FAKETIME_NO_CACHE="1", **faked) as server:
        row = await record(server, source.url)
        await seconds(server, row["id"], 22)
        clock.write_text(jump)
        await more(server, row["id"], 4)
        kill(server)
        await more(server, row["id"], 4)
        assert (await get(server, row["id"]))["parts"] == 1, "no part was begun for it"
        done = await finish(server, row["id"])
        assert (await accounted(server, done, source)).whole


async def test_many_recordings_survive_many_kills_and_a_rotation_of_all(server: Server, source: Counted) -> None:
    rows = [await record(server, f"{source.url}?key={number}", name=f"Film {number}") for number in range(12)]
    for row in rows:
        await seconds(server, row["id"], 20)
    for _ in range(3):
        kill(server)
        await asyncio.gather(*(more(server, row["id"], 2) for row in rows))
    await asyncio.gather(*(server.post(f"/api/v1/recordings/{row['id']}/rotate") for row in rows))
    await asyncio.gather(*(wait_for(server, row["id"], lambda now: now["parts"] == 2) for row in rows))
    await asyncio.gather(*(server.post(f"/api/v1/recordings/{row['id']}/stop") for row in rows))
    for row in rows:
        assert (await accounted(server, await finished(server, row["id"], 180), source)).whole
