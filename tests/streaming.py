"""A source of streams on loopback whose manners are scripts, and a channel of it that is played in proxy mode."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightcrew.kernel.ffmpeg import ffmpeg
from nightcrew.transport.ts import PACKET
from support import Node

Script = Callable[["Origin", asyncio.StreamWriter], Awaitable[None]]


def packets(marker: int, count: int = 7) -> bytes:
    """Transport stream packets filled with a byte that tells who sent them."""
    return (b"\x47\x1f\xff\x10" + bytes([marker]) * (PACKET - 4)) * count


@dataclass
class Origin:
    """A source of streams on loopback: one script for each path, connections counted."""

    scripts: dict[str, Script] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    most: int = 0
    asked: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    """The same with what follows the path."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request, with names in lower case."""
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def connections(self) -> int:
        return sum(self.open.values())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.targets.append(request.split(" ")[1])
        path = self.targets[-1].partition("?")[0]
        fields = (line.partition(":") for line in request.split("\r\n")[1:] if line)
        self.headers.append({name.lower(): value.strip() for name, _, value in fields})
        self.asked.append(path)
        self.open[path] = self.open.get(path, 0) + 1
        self.most = max(self.most, self.connections)
        script = asyncio.ensure_future(self.scripts[path](self, writer))
        gone = asyncio.ensure_future(reader.read())
        try:
            await asyncio.wait({script, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (script, gone):
                task.cancel()
            await asyncio.gather(script, gone, return_exceptions=True)
            self.open[path] -= 1
            with contextlib.suppress(ConnectionError):
                writer.close()


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Origin]:
    """An origin that listens."""
    made = Origin()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


def head(
    writer: asyncio.StreamWriter, status: str = "200 OK", kind: str = "video/mp2t", length: int | None = None
) -> None:
    size = f"Content-Length: {length}\r\n" if length is not None else ""
    writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n{size}\r\n".encode())


def sends(marker: int, *, limit: int | None = None, then: str = "end") -> Script:
    """A live stream: packets twenty times a second, for ever or `limit` times, and `then` an end or a stall."""

    async def script(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        head(writer)
        count = 0
        while limit is None or count < limit:
            writer.write(packets(marker))
            await writer.drain()
            await asyncio.sleep(0.05)
            count += 1
        if then == "stall":
            await asyncio.sleep(60)

    return script


def answers(body: bytes, kind: str = "text/html", status: str = "200 OK") -> Script:
    async def script(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        head(writer, status, kind, len(body))
        writer.write(body)
        await writer.drain()

    return script


async def hangs(_origin: Origin, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def only_head(_origin: Origin, writer: asyncio.StreamWriter) -> None:
    head(writer)
    await writer.drain()
    await asyncio.sleep(60)


async def cut_off(_origin: Origin, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await writer.drain()


def list_file(folder: Path, name: str, *streams: tuple[str, str]) -> str:
    path = folder / f"{name}.m3u"
    path.write_text("#EXTM3U\n" + "".join(f'#EXTINF:-1 tvg-id="{c}.x",{c}\n{url}\n' for c, url in streams))
    return str(path)


async def programme(node: Node, folder: Path, *lists: list[tuple[str, str]], max_streams: int = 0) -> dict[str, int]:
    """Channels by their names, of lists with the name and address of each stream, in proxy mode; returns their ids."""
    await node.patch("/api/v1/settings", {"stream_mode": "proxy"})
    for number, streams in enumerate(lists):
        listing = list_file(folder, f"list{number}", *streams)
        await node.add(kind="m3u", name=f"S{number}", url=listing, region="X", max_streams=max_streams)
    return {one["name"]: int(one["id"]) for one in (await node.get("/api/v1/channels"))["items"]}


async def proxied(node: Node, folder: Path, *urls: str, max_streams: int = 0) -> int:
    """A channel with these streams, each at a source of its own, in proxy mode; returns its id."""
    found = await programme(node, folder, *([("News", url)] for url in urls), max_streams=max_streams)
    channel = await node.get(f"/api/v1/channels/{found['News']}")
    assert len(channel["streams"]) == len(urls)
    return found["News"]


@contextlib.asynccontextmanager
async def playing(node: Node, channel: int) -> AsyncIterator[Any]:
    async with node.http.stream("GET", f"/play/{channel}") as answer:
        assert answer.status_code == 200, await answer.aread()
        pieces = answer.aiter_raw(PACKET * 7)
        yield pieces  # kept here: an iterator that nobody holds hangs up


def ended(*lines: str, target: int = 2) -> bytes:
    """A media playlist with an end."""
    return "\n".join(["#EXTM3U", f"#EXT-X-TARGETDURATION:{target}", *lines, "#EXT-X-ENDLIST", ""]).encode()


async def made(*words: str) -> bytes:
    """What ffmpeg writes."""
    process = await asyncio.create_subprocess_exec(
        ffmpeg(), "-loglevel", "error", *words, "pipe:1", stdout=asyncio.subprocess.PIPE
    )
    found, _ = await process.communicate()
    return found
