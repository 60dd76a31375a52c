"""What a node remembers of what is gone: nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nightcrew.playlists import accounts
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.providers import Adapters
from support import Node

PANEL = {"kind": "xtream", "url": "http://192.0.2.1", "username": "u", "password": "p", "region": "DE"}


async def test_the_logins_of_removed_sources_and_profiles_are_forgotten(node: Node) -> None:
    kept, gone = [await node.post("/api/v1/sources", {**PANEL, "name": name}) for name in ("Kept", "Gone")]
    profile = {"name": "second", "username": "v", "password": "q"}
    await node.post(f"/api/v1/sources/{kept['id']}/profiles", profile)
    adapters = node.runtime.part(Adapters)
    await accounts.profiles(node.runtime)
    assert adapters._open.keys() == {(kept["id"], ""), (kept["id"], "second"), (gone["id"], "")}
    await node.http.delete(f"/api/v1/sources/{gone['id']}")
    await node.http.delete(f"/api/v1/sources/{kept['id']}/profiles/second")
    await accounts.profiles(node.runtime)
    assert adapters._open.keys() == {(kept["id"], "")}
    stays = adapters._open[(kept["id"], "")][1]
    await accounts.profiles(node.runtime)
    assert adapters._open[(kept["id"], "")][1] is stays


async def test_no_lock_outlives_the_building_of_a_playlist(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "list.m3u"
    path.write_text("#EXTM3U\n#EXTINF:-1,C\nhttp://192.0.2.1/1\n")
    for region in ("AA", "BB"):
        await node.add(kind="m3u", name=region, url=str(path), region=region)
    outputs = node.runtime.part(Outputs)
    for name in ("AA", "BB", "all"):
        selection = await outputs.select(name)
        outputs.path(selection).unlink(missing_ok=True)
        await asyncio.gather(*(outputs.current(selection) for _ in range(3)))
    assert dict(outputs._locks) == {}
