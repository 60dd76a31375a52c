"""A small disk fills up: recordings pause and go on, what is on disk stays readable, no file is half made."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from counted import LONG, Counted
from counter import Film, account
from darkroom import accounted, finish, finished, get, in_state, more, parts_of, record, seconds
from support import Node

SIZE = 6 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 6 MB, in memory."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must be able to mount a small disk: {mounted.stderr!r}")
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Leave so many bytes free."""
    stuff = folder / "stuff"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with stuff.open("ab") as file:
        file.write(b"\0" * max(0, free - leave))
    return stuff


async def test_a_full_disk_pauses_a_recording_and_space_resumes_it(node: Node, film: Film, small_disk: Path) -> None:
    await node.patch("/api/v1/settings", {"recordings.library": str(small_disk), "recordings.reserve_size": 0})
    async with Counted(film, window=10, keeps=LONG) as source:
        row = await record(node, source.url)
        await seconds(node, row["id"], 12)
        stuff = fill(small_disk, 0)
        paused = await in_state(node, row["id"], "paused")
        assert "disk is full" in paused["reason"]
        found = account(parts_of(paused))
        assert found.whole, "what is written stays readable"
        needs = await node.get("/api/v1/needs")
        assert any("paused" in one["message"] for one in needs["items"])
        stuff.unlink()
        await in_state(node, row["id"], "recording")
        await more(node, row["id"], 4)
        done = await finish(node, row["id"])
        await accounted(node, done, source)


async def test_a_disk_that_is_too_short_for_the_finished_file_keeps_the_parts_until_there_is_space(
    node: Node, film: Film, small_disk: Path
) -> None:
    await node.patch("/api/v1/settings", {"recordings.library": str(small_disk), "recordings.reserve_size": 0})
    async with Counted(film, window=10, keeps=LONG) as source:
        row = await record(node, source.url)
        await seconds(node, row["id"], 14)
        stuff = fill(small_disk, 100_000)
        await node.post(f"/api/v1/recordings/{row['id']}/stop")
        waiting = await in_state(node, row["id"], "finishing")
        await asyncio.sleep(2)
        waiting = await get(node, row["id"])
        assert waiting["state"] == "finishing"
        assert "once there is enough" in waiting["reason"]
        stuff.unlink()
        assert (await accounted(node, await finished(node, row["id"]), source)).whole


async def test_a_disk_that_fills_up_while_the_file_is_made_loses_no_part(
    node: Node, film: Film, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.kernel.run.FIRST_PAUSE", 0.1)
    monkeypatch.setattr("nightcrew.recordings.rules.WIDE", 0.0)  # as if the space had been there when it began
    await node.patch("/api/v1/settings", {"recordings.library": str(small_disk), "recordings.reserve_size": 0})
    async with Counted(film, window=10, keeps=LONG) as source:
        row = await record(node, source.url)
        await seconds(node, row["id"], 14)
        stuff = fill(small_disk, 60_000)
        await node.post(f"/api/v1/recordings/{row['id']}/stop")
        failed = await in_state(node, row["id"], "failed", limit=120)
        assert not list(small_disk.rglob("*.mp4*")), "nothing half made is left"
        assert account(parts_of(failed)).whole
        stuff.unlink()
        await node.post(f"/api/v1/recordings/{row['id']}/retry")
        assert (await accounted(node, await finished(node, row["id"]), source)).whole
