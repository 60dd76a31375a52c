"""Sources that nobody should trust, all at once: one good recording among them loses nothing, and memory stays small."""

from __future__ import annotations

import asyncio

import psutil

from counted import LONG, Counted
from counter import Film
from darkroom import accounted, finish, get, more, record, recorders, seconds, wait_for_all
from hostile import Hostile
from support import Node

MOST_MEMORY = 700e6
"""Bytes that a recorder may take beside such sources; one segment may have 256 MB."""
NOISE = "noise.m3u8"
"""Its segments are bytes of which nobody can say what they are, and they are kept."""


async def test_a_good_recording_among_hostile_ones_loses_nothing(node: Node, film: Film) -> None:
    async with Hostile() as hostile, Counted(film, window=10, keeps=LONG) as source:
        good = await record(node, source.url, name="Good")
        bad = [(await record(node, f"{hostile.url}{path}", name=path[1:]))["id"] for path in hostile.sources]
        await seconds(node, good["id"], 10)
        most = 0
        for _ in range(40):
            await asyncio.sleep(0.5)
            most = max(most, *(psutil.Process(pid).memory_info().rss for pid in recorders(node)))
        assert most < MOST_MEMORY
        await more(node, good["id"], 5)
        assert (await get(node, good["id"]))["restarts"] == 0, "no recorder died or hung of it"
        assert (await accounted(node, await finish(node, good["id"]), source)).whole
        rows = {row["name"]: row for row in [await get(node, one) for one in bad]}
        assert {name for name, row in rows.items() if row["bytes"]} == {NOISE}
        assert {row["state"] for name, row in rows.items() if name != NOISE} == {"waiting"}
        silent = [name for name, row in rows.items() if not row["reason"]]
        assert not silent, "each says why nothing comes"
        assert rows["page"]["reason"] == "it sends a web page instead of a stream"
        for one in bad:
            await node.post(f"/api/v1/recordings/{one}/stop")
        useless = [row["id"] for name, row in rows.items() if name != NOISE]
        for row in await wait_for_all(node, useless, lambda row: row["state"] == "failed"):
            assert "nothing was recorded" in row["reason"]
