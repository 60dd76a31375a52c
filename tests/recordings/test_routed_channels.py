"""A channel whose source takes a route is not recorded: what records opens its address by itself, and takes none."""

from __future__ import annotations

from pathlib import Path

import pytest

from beyond import ZONE, Beyond, watched
from nightcrew.kernel.errors import GiveUp
from nightcrew.recordings import inputs, requests
from nightcrew.recordings.connections import SharedInputs
from nightcrew.recordings.models import Recording
from nightcrew.recordings.requests import NewRecording
from support import Node


async def recorded(node: Node, folder: Path, *, route: str) -> Recording:
    node.runtime.http.routes.put(Beyond())
    (folder / "l.m3u").write_text(f"#EXTM3U\n#EXTINF:-1,One\nhttp://streams.{ZONE}/a.ts\n")
    await node.add(kind="m3u", name="File", url=str(folder / "l.m3u"), region="X", route=route)
    return await requests.record(node.runtime, NewRecording(channel=1, name="A"), actor="test")


async def test_a_recording_is_refused_with_the_route_s_name(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks = watched(monkeypatch)
    row = await recorded(node, tmp_path, route="vpn")
    with pytest.raises(GiveUp, match="its source File takes the route vpn, which recordings cannot"):
        await inputs.open_input(node.runtime, row)
    assert leaks == []


async def test_what_is_recorded_is_left_when_its_source_takes_a_route(node: Node, tmp_path: Path) -> None:
    row = await recorded(node, tmp_path, route="direct")
    connections = SharedInputs(node.runtime)
    source = await connections.connect(row, None)
    await connections.recheck()
    assert not source.over
    await node.patch("/api/v1/sources/1", {"route": "vpn"})
    await connections.recheck()
    assert source.over
    with pytest.raises(GiveUp, match="takes the route vpn"):
        await connections.connect(row, None)
    await source.close()
