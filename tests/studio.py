"""For tests of checks: what they do with a node, and a source that a test directs: each address plays what it is told to, connections are counted, and limited on request."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightcrew.demo.broadcast import broadcast
from nightcrew.demo.pictures import LoopPictures
from support import Node, pauses

QUICK: dict[str, Any] = {
    "checks.check_new": False,
    "checks.stagger": 0,
    "checks.retries": 0,
    "checks.sample_seconds": 1,
    "checks.doubt_seconds": 3,
    "checks.probe_limit": 12,
}
"""Settings with which a check takes seconds, and only what a test asks for is checked."""


@dataclass
class Source:
    """`modes` says what an address does, by its end: play, a status such as 404, page, hang. `limit` is for each login."""

    segments: tuple[bytes, ...]
    modes: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """List's name -> (channel's name, path)."""
    limit: int | None = None
    open: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    asked: list[str] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None

    async def come(self) -> None:
        """Listen, at the same port each time."""
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def go(self) -> None:
        """Refuse all connections."""
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode().partition("?")[0]
            self.asked.append(path)
            name = path.strip("/")
            if name.endswith(".m3u"):
                await self._answer(writer, "200 OK", self._list(name), "audio/x-mpegurl")
            else:
                await self._stream(path, reader, writer)
        writer.close()

    async def _stream(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection counts from its request until the other side is gone."""
        login = path.strip("/").partition("/")[0]
        if self.limit is not None and self.open[login] >= self.limit:
            self.refused += 1
            await self._answer(writer, "403 Forbidden", b"too many connections", "text/plain")
            return
        self.open[login] += 1
        self.most[login] = max(self.most[login], self.open[login])
        playing = asyncio.ensure_future(self._play(path, writer))
        gone = asyncio.ensure_future(reader.read())
        try:
            await asyncio.wait({playing, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.open[login] -= 1
            for task in (playing, gone):
                task.cancel()
            await asyncio.gather(playing, gone, return_exceptions=True)

    async def _play(self, path: str, writer: asyncio.StreamWriter) -> None:
        mode = self.modes.get(path, "play")
        if mode == "hang":
            await asyncio.sleep(600)
        if mode == "page":
            await self._answer(writer, "200 OK", b"<!doctype html><h1>Buy a plan</h1>", "text/html")
            return
        if mode == "later":
            await self._answer(writer, "503 Later\r\nRetry-After: 1", b"", "text/plain")
            return
        if mode != "play":
            await self._answer(writer, f"{mode} No", b"", "text/plain")
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n")
        async for chunk in broadcast(self.segments, lambda: 1_000.0):
            writer.write(chunk)
            await writer.drain()

    async def _answer(self, writer: asyncio.StreamWriter, status: str, body: bytes, kind: str) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    def _list(self, name: str) -> bytes:
        lines = ["#EXTM3U"]
        for title, path in self.lists[name]:
            lines += [f'#EXTINF:-1 tvg-id="{title.lower()}.test" group-title="News",{title}', f"{self.url}{path}"]
        return "\n".join([*lines, ""]).encode()


@contextlib.asynccontextmanager
async def source_of(pictures: Path) -> AsyncIterator[Source]:
    """A source on a free port, with a moving picture."""
    made = LoopPictures()
    await made.prepare(pictures)
    source = Source(made.loops["harbour"]["360"])
    await source.come()
    try:
        yield source
    finally:
        source.go()


async def add(node: Node, source: Source, *titles: str, name: str = "S", **fields: Any) -> dict[str, Any]:
    """A list of these channels, each at `/login/<title>.ts`, as a source."""
    login = fields.pop("login", "login")
    source.lists[f"{name}.m3u"] = [(title, f"/{login}/{title.lower()}.ts") for title in titles]
    return await node.add(kind="m3u", name=name, url=f"{source.url}/{name}.m3u", region="DE", **fields)


async def check(node: Node, **what: Any) -> dict[str, Any]:
    """Check streams and wait for the run's end."""
    run = await node.post("/api/v1/checks", what)
    return await ended(node, run["id"])


async def ended(node: Node, run_id: int, limit: float = 60.0) -> dict[str, Any]:
    """A run when it is over."""
    async with asyncio.timeout(limit):
        for pause in pauses():
            run = dict(await node.get(f"/api/v1/checks/runs/{run_id}"))
            if run["state"] in {"done", "cancelled"}:
                break
            await asyncio.sleep(pause)
    return run


async def streams(node: Node, **params: Any) -> dict[str, dict[str, Any]]:
    """What is known of the streams, by the name of their channel."""
    found = await node.get("/api/v1/checks/streams", params=params)
    return {one["channel_name"]: one for one in found["items"]}


async def results(node: Node, stream: int) -> list[dict[str, Any]]:
    """The results of a stream, newest first."""
    found = await node.get(f"/api/v1/checks?stream={stream}")
    return list(found["items"])
