"""For tests of recordings: record a film of numbered pictures, and account for every one of them afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from counted import Counted
from counter import FPS, Account, account, numbers, numbers_of
from nightcrew.recordings.keeper import Keeper
from support import Node

OVER = {"done", "failed"}


async def record(node: Node, url: str, **more: Any) -> dict[str, Any]:
    """Begin a recording."""
    return dict(await node.post("/api/v1/recordings", {"url": url, "name": "Film", **more}))


async def get(node: Node, recording: int) -> dict[str, Any]:
    """A recording as it stands."""
    return dict(await node.get(f"/api/v1/recordings/{recording}"))


async def wait_for(
    node: Node, recording: int, ready: Callable[[dict[str, Any]], object], limit: float = 60
) -> dict[str, Any]:
    """The recording as soon as it is as it should be."""
    row: dict[str, Any] = {}
    try:
        async with asyncio.timeout(limit):
            while not ready(row := await get(node, recording)):
                await asyncio.sleep(0.1)
    except TimeoutError as exc:
        ledger = await node.get(f"/api/v1/recordings/{recording}/ledger")
        raise AssertionError(f"after {limit} s: {row} {ledger}") from exc
    return row


async def seconds(node: Node, recording: int, least: float) -> dict[str, Any]:
    """Wait until so many seconds are on disk."""
    return await wait_for(node, recording, lambda row: row["seconds"] >= least)


async def more(node: Node, recording: int, least: float = 3.0) -> dict[str, Any]:
    """Wait until it has gone on for some seconds."""
    now = (await get(node, recording))["seconds"]
    return await seconds(node, recording, now + least)


async def in_state(node: Node, recording: int, *states: str, limit: float = 60) -> dict[str, Any]:
    """Wait until it stands so."""
    return await wait_for(node, recording, lambda row: row["state"] in states, limit)


async def finish(node: Node, recording: int) -> dict[str, Any]:
    """Stop it, and wait for its file."""
    await node.post(f"/api/v1/recordings/{recording}/stop")
    return await finished(node, recording)


async def finished(node: Node, recording: int, limit: float = 90) -> dict[str, Any]:
    """Wait until there is nothing left to do with it; it must have worked."""
    row = await in_state(node, recording, *OVER, limit=limit)
    assert row["state"] == "done", row
    return row


def recorders(node: Node) -> list[int]:
    """The recorder processes of a node."""
    return node.runtime.part(Keeper).fleet.pids


def kill(node: Node) -> None:
    """SIGKILL for all recorders of a node."""
    for pid in recorders(node):
        os.kill(pid, signal.SIGKILL)


async def accounted(node: Node, row: dict[str, Any], source: Counted | None = None) -> Account:
    """Decode the finished file: nothing is doubled or out of order, and what is missing is listed, to the segment.

    With `source`, whose numbers never began anew, each gap must name the very segments whose pictures are missing.
    """
    ledger = await node.get(f"/api/v1/recordings/{row['id']}/ledger")
    found = account(numbers(Path(row["file"])))
    assert not found.doubled, found
    assert not found.disordered, found
    assert sum(part["frames"] for part in ledger["parts"]) == len(numbers(Path(row["file"])))
    missing = sum(last - first + 1 for first, last in found.missing)
    listed = sum(gap["seconds"] for gap in ledger["gaps"]) * FPS
    assert abs(missing - listed) <= FPS / 2, (found.missing, ledger["gaps"])
    if source is not None:
        per = source.film.frames_per_segment
        said = [(gap["first_sequence"] * per, (gap["last_sequence"] + 1) * per - 1) for gap in ledger["gaps"]]
        assert _joined(said) == found.missing
    return found


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that touch are one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def parts_of(row: dict[str, Any]) -> list[int]:
    """The numbers of all pictures in the parts on disk, in their order."""
    return numbers_of(*sorted(Path(row["folder"]).glob("*_part*")))
