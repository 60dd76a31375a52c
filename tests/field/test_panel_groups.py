"""Panels that cannot say their groups: the channels come all the same, and groups that were known stay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nightcrew.playlists import jobs
from nightcrew.playlists.store import sources
from support import Node, running

HOUSE = ("playlists",)
GROUPS = b'[{"category_id": "1", "category_name": "News"}]'
LOGIN = {"kind": "xtream", "name": "Panel", "region": "DE", "username": "anna", "password": "secret-1", "guide": False}


@dataclass
class Panel:
    """A panel, what it says of its groups, and what it was asked."""

    node: Node
    url: str = ""
    groups: bytes = b""
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        told = json.dumps({"user_info": {"auth": 1, "status": "Active"}}).encode()
        if "get_live_streams" in path:
            told = json.dumps([{"stream_id": 7, "name": "A", "num": len(self.asked), "category_id": "1"}]).encode()
        elif "get_live_categories" in path:
            told = self.groups
        self.asked.append(path)
        writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(told)}\r\n\r\n".encode() + told)
        await writer.drain()
        writer.close()

    async def refresh(self) -> str:
        """As the timetable does it; returns how the run ended."""
        feed = await sources.get_feed(self.node.runtime.store, 1)
        run = await jobs.begin(self.node.runtime, feed, rebuild=False)
        return str((await self.node.runtime.jobs.wait(run, limit=60)).state)

    async def shown(self) -> list[str]:
        return [one["group"] for one in (await self.node.get("/api/v1/channels"))["items"]]


@pytest.fixture
async def panel(tmp_path: Path) -> AsyncIterator[Panel]:
    async with running(tmp_path / "data") as node:
        made = Panel(node)
        async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
            made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield made


NO_GROUPS = [
    b"",
    b"<html>down</html>",
    b'"busy"',
    b'{"user_info": {"auth": 0}}',
    b'{"error": "busy"}',
    b"[{}]",
    b"null",
]


@pytest.mark.parametrize("said", NO_GROUPS)
async def test_a_panel_without_groups_is_refreshed_on_time_and_never_paused_for_it(panel: Any, said: bytes) -> None:
    panel.groups = said
    await panel.node.add(url=panel.url, **LOGIN)
    assert [await panel.refresh() for _ in range(4)] == ["done"] * 4
    (one,) = (await panel.node.get("/api/v1/connections"))["items"]
    assert one["state"] == "ok"
    assert await panel.shown() == [""]
    assert sum("get_live_categories" in path for path in panel.asked) == sum(
        "live_streams" in path for path in panel.asked
    )


@pytest.mark.parametrize("before", [GROUPS, b'{"data": ' + GROUPS + b"}", b"<br>Notice: x\n" + GROUPS])
@pytest.mark.parametrize("said", NO_GROUPS)
async def test_groups_that_were_known_stay_while_the_panel_says_something_else(
    panel: Any, before: bytes, said: bytes
) -> None:
    panel.groups = before
    await panel.node.add(url=panel.url, **LOGIN)
    assert await panel.shown() == ["News"]
    panel.groups = said
    for _ in range(2):
        assert await panel.refresh() == "done"
        assert await panel.shown() == ["News"]
    panel.groups = GROUPS.replace(b"News", b"Weather")
    assert await panel.refresh() == "done"
    assert await panel.shown() == ["Weather"]
