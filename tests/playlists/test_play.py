"""What is asked for when a channel is opened: with which headers, which of its streams, and what is remembered for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nightcrew.kernel import upkeep
from nightcrew.kernel.errors import GiveUp, NotFound
from nightcrew.playlists import play
from nightcrew.playlists.domain import DOMAIN
from nightcrew.playlists.exports import Player
from nightcrew.playlists.models import Channel
from nightcrew.playlists.store import channels
from support import Node, running

MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x360,FRAME-RATE=25\nlow.m3u8\n" + (
    "#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=1x720,FRAME-RATE=25\nhigh.m3u8\n"
)


@dataclass
class Server:
    """Gives one answer to all, and notes what was asked."""

    asked: list[str]
    port: int = 0
    status: str = "200 OK"
    body: str = MASTER

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        writer.write((head + self.body).encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """Without checks, which open streams as well."""
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as started:
        yield started


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server([])
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


async def listed(node: Node, folder: Path, *lines: str, **fields: str) -> Channel:
    """A list of one channel, given by its lines; several addresses are several streams of it."""
    (folder / "list.m3u").write_text("#EXTM3U\n" + "\n".join(lines) + "\n")
    await node.add(kind="m3u", name="L", url=str(folder / "list.m3u"), region="DE", **fields)
    return await channels.get(node.runtime.store, 1)


async def test_a_stream_is_asked_for_with_the_headers_of_its_list_and_else_those_of_its_source(
    node: Node, tmp_path: Path
) -> None:
    lines = (
        "#EXTINF:-1,One",
        "http://192.0.2.1/1|Referer=http%3A%2F%2Fx%2F&User-Agent=Box",
        "#EXTINF:-1,Two",
        "http://192.0.2.1/2",
    )
    one = await listed(node, tmp_path, *lines, user_agent="Ours")
    two = await channels.get(node.runtime.store, 2)
    player = node.runtime.part(Player)
    asked = await player.request(one, one.streams[0])
    assert asked.url == "http://192.0.2.1/1"
    assert {name: asked.headers[name] for name in ("User-Agent", "Referer")} == {
        "User-Agent": "Box",
        "Referer": "http://x/",
    }
    assert (await player.request(two, two.streams[0])).headers == {"User-Agent": "Ours"}


async def test_what_cannot_be_played_says_so(node: Node, tmp_path: Path) -> None:
    await listed(node, tmp_path, "#EXTINF:-1,One", "[NO PUBLIC STREAM]")
    player = node.runtime.part(Player)
    with pytest.raises(GiveUp, match="channel 'One' has no stream that can be played"):
        await player.target(1)
    with pytest.raises(NotFound):
        await player.target(2)


async def test_the_best_variant_is_looked_up_once_while_it_is_remembered(
    node: Node, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await node.patch("/api/v1/settings", {"RES": True})
    base = f"http://127.0.0.1:{server.port}"
    channel = await listed(node, tmp_path, "#EXTINF:-1,One", f"{base}/master.m3u8?token=1")
    player = node.runtime.part(Player)
    assert [await player.target(1) for _ in range(2)] == [f"{base}/high.m3u8"] * 2
    assert len(server.asked) == 1
    assert (await player.request(channel, channel.streams[0], pick=False)).url == f"{base}/master.m3u8?token=1"
    fresh = play.Player(node.runtime)
    monkeypatch.setattr(play, "VARIANT_LIFETIME", -1.0)
    assert [await fresh.target(1) for _ in range(2)] == [f"{base}/high.m3u8"] * 2
    assert len(server.asked) == 3, "its time is over at once"


async def test_a_master_playlist_that_cannot_be_read_now_is_played_itself_and_asked_again(
    node: Node, tmp_path: Path, server: Server
) -> None:
    await node.patch("/api/v1/settings", {"RES": True})
    base = f"http://127.0.0.1:{server.port}"
    await listed(node, tmp_path, "#EXTINF:-1,One", f"{base}/master.m3u8")
    player, server.status = node.runtime.part(Player), "503 Later"
    assert await player.target(1) == f"{base}/master.m3u8"
    server.status = "200 OK"
    assert await player.target(1) == f"{base}/high.m3u8"


async def test_a_variant_that_is_no_address_is_not_played(node: Node, tmp_path: Path, server: Server) -> None:
    await node.patch("/api/v1/settings", {"RES": True})
    base = f"http://127.0.0.1:{server.port}"
    await listed(node, tmp_path, "#EXTINF:-1,One", f"{base}/master.m3u8", "#EXTINF:-1,Two", f"{base}/video.ts")
    server.body = "#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd\n"
    assert await node.runtime.part(Player).target(1) == f"{base}/master.m3u8"
    server.asked.clear()
    assert await node.runtime.part(Player).target(2) == f"{base}/video.ts"
    assert server.asked == [], "it is no playlist"


async def test_what_is_remembered_is_forgotten_when_it_is_too_much(
    node: Node, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "REMEMBERED", 2)
    await node.patch("/api/v1/settings", {"RES": True})
    base = f"http://127.0.0.1:{server.port}"
    lines = (line for number in range(3) for line in (f"#EXTINF:-1,C{number}", f"{base}/{number}/master.m3u8"))
    await listed(node, tmp_path, *lines)
    player = node.runtime.part(Player)
    for channel in (1, 2, 3, 3, 2):
        await player.target(channel)
    assert len(server.asked) == 3
    await player.target(1)
    assert len(server.asked) == 4, "the one that was known longest has gone"
