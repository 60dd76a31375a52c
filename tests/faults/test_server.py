"""The server dies, alone or with its recorders; the clock jumps; many recordings at once. Every picture is accounted for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from counted import Counted
from counter import Film
from darkroom import (
    OVER,
    Server,
    accounted,
    all_of,
    chosen,
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
    wait_for_all,
)
from support import until

Play = Callable[[Server, Counted], Awaitable[None]]
WINDOW = 90
"""Segments in the source's playlist, more than the seconds that a server takes to start on a busy machine."""
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


async def server_is_killed(server: Server, source: Counted) -> None:
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


async def server_and_recorders_are_killed(server: Server, source: Counted) -> None:
    row = await record(server, source.url)
    await seconds(server, row["id"], 22)
    server.kill()
    kill(server)
    await server.start()
    await more(server, row["id"], 4)
    done = await finish(server, row["id"])
    assert (await accounted(server, done, source)).whole


async def server_is_stopped(server: Server, source: Counted) -> None:
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


async def recorder_is_killed_and_reaped(server: Server, source: Counted) -> None:
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


async def server_is_killed_while_the_file_is_made(server: Server, source: Counted) -> None:
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


async def _clock_jumps(server: Server, source: Counted, jump: str) -> None:
    """By a day: nothing changes."""
    clock = Path(server.environment["FAKETIME_TIMESTAMP_FILE"])
    row = await record(server, source.url)
    await seconds(server, row["id"], 22)
    clock.write_text(jump)
    await more(server, row["id"], 4)
    kill(server)
    await more(server, row["id"], 4)
    assert (await get(server, row["id"]))["parts"] == 1, "no part was begun for it"
    assert (await accounted(server, await finish(server, row["id"]), source)).whole


def _has(seconds: float, row: dict[str, Any]) -> bool:
    return bool(row["seconds"] >= seconds)


async def many_recordings_many_kills_and_a_rotation_of_all(server: Server, source: Counted) -> None:
    many = range(int(os.environ.get("NIGHTCREW_RECORDINGS", "4")))
    ids = [(await record(server, f"{source.url}?key={number}", name=f"Film {number}"))["id"] for number in many]
    reached = 20.0
    for _ in range(int(os.environ.get("NIGHTCREW_KILLS", "2"))):
        rows = await wait_for_all(server, ids, partial(_has, reached))
        kill(server)
        reached = max(row["seconds"] for row in rows) + 3
    await wait_for_all(server, ids, partial(_has, reached))
    await asyncio.gather(*(server.post(f"/api/v1/recordings/{one}/rotate") for one in ids))
    await wait_for_all(server, ids, lambda row: row["parts"] == 2)
    await asyncio.gather(*(server.post(f"/api/v1/recordings/{one}/stop") for one in ids))
    await wait_for_all(server, ids, lambda row: row["state"] in OVER, 60 + 6 * len(ids))
    for one in ids:
        assert (await accounted(server, await finished(server, one), source)).whole


SCENARIOS: dict[str, Play] = {
    "many_recordings_many_kills_and_a_rotation_of_all": many_recordings_many_kills_and_a_rotation_of_all,
    "server_is_killed": server_is_killed,
    "server_and_recorders_are_killed": server_and_recorders_are_killed,
    "server_is_stopped": server_is_stopped,
    "recorder_is_killed_and_reaped": recorder_is_killed_and_reaped,
    "server_is_killed_while_the_file_is_made": server_is_killed_while_the_file_is_made,
    "clock_jumps_a_day_ahead": partial(_clock_jumps, jump="+86400"),
    "clock_jumps_a_day_back": partial(_clock_jumps, jump="-86400"),
}


def _turned_clock(folder: Path) -> dict[str, str]:
    """The environment of a process whose clock a file turns. It runs without uvloop.

    libfaketime takes a lock in each `pthread_cond_init`. uvloop forks, and Python's part in the child then waits for ever for that
    lock when another thread had it; asyncio's own loop starts programs without running anything in the child.
    """
    if FAKETIME is None:
        raise RuntimeError("it needs libfaketime (Debian's package faketime)")
    folder.mkdir(parents=True)
    (folder / "clock").write_text("+0")
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "uvloop.py").write_text("raise ImportError")
    turned = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(folder / "clock")}
    turned |= {"PYTHONPATH": os.pathsep.join(filter(None, [str(hidden), os.environ.get("PYTHONPATH")]))}
    return {**turned, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_CACHE_DURATION": "1"}


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, film: Film, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, BaseException | None]:
    """What became of all scenarios, each with a server of its own and a source whose window is longer than a server's start."""

    async def play(name: str) -> None:
        folder = tmp_path_factory.mktemp("server") / name
        environment = _turned_clock(folder) if name.startswith("clock") else {}
        async with serving(folder / "data", **environment) as server, Counted(film, window=WINDOW) as source:
            await SCENARIOS[name](server, source)

    return asyncio.run(all_of({name: partial(play, name) for name in chosen(request, SCENARIOS)}, at_once=3))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_picture_is_accounted_for(outcomes: dict[str, BaseException | None], name: str) -> None:
    outcome = outcomes[name]
    if name.startswith("clock") and FAKETIME is None and os.environ.get("CI") != "true":
        pytest.skip("it needs libfaketime (Debian's package faketime)")
    if outcome is not None:
        raise outcome
