"""A server whose answers nobody should trust: each path does something else that a recorder has to survive."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

Answer = Callable[[asyncio.StreamWriter, str], Awaitable[None]]

LIVE = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
"""The head of a live playlist."""
PAGE = b"<!doctype html><html><body>Please log in</body></html>"
MEGABYTE = b"\x47" + bytes(1_048_575)


def playlist(lines: str, *, target: object = 1, first: object = 0) -> bytes:
    """A live playlist with these lines."""
    return (LIVE.format(target=target, first=first) + lines).encode()


def segments(name: str, *, seconds: object = 1, count: int = 5) -> str:
    """Lines of a playlist."""
    return "".join(f"#EXTINF:{seconds},\n{name}?n={number}\n" for number in range(count))


async def send(writer: asyncio.StreamWriter, body: bytes, kind: str = "application/vnd.apple.mpegurl") -> None:
    """An answer as it should be, whatever is in it."""
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()


def fixed(body: bytes, kind: str = "application/vnd.apple.mpegurl") -> Answer:
    """Always the same."""

    async def answer(writer: asyncio.StreamWriter, _path: str) -> None:
        await send(writer, body, kind)

    return answer


async def endless(writer: asyncio.StreamWriter, path: str) -> None:
    """A body that does not end, as fast as it is taken."""
    head = playlist("") if "m3u8" in path else b""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + head)
    while True:
        writer.write(MEGABYTE if not head else b"#" + b"x" * 65_535)
        await writer.drain()


async def trickling(writer: asyncio.StreamWriter, _path: str) -> None:
    """A byte now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"#")
        await writer.drain()
        await asyncio.sleep(0.5)


async def long_head(writer: asyncio.StreamWriter, _path: str) -> None:
    """Headers without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"y" * 60_000 + b"\r\n")
        await writer.drain()


async def bomb(writer: asyncio.StreamWriter, _path: str) -> None:
    """A kilobyte for each megabyte."""
    packed = await asyncio.to_thread(_packed)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    await writer.drain()


@functools.cache
def _packed() -> bytes:
    return gzip.compress(playlist("#" + "0" * 100_000_000))


async def circle(writer: asyncio.StreamWriter, path: str) -> None:
    """Redirects to itself."""
    writer.write(f"HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\n\r\n".encode())


async def to_a_file(writer: asyncio.StreamWriter, _path: str) -> None:
    """Redirects to a file of the machine."""
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")


async def promise(writer: asyncio.StreamWriter, _path: str) -> None:
    """Announces much and sends nothing."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nContent-Length: 900000000000\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(3600)


async def nothing(writer: asyncio.StreamWriter, _path: str) -> None:
    """Hangs up."""
    writer.close()


ANSWERS: dict[str, Answer] = {
    "/page.m3u8": fixed(PAGE, "text/html"),
    "/empty.m3u8": fixed(b""),
    "/binary.m3u8": fixed(b"#EXTM3U\n" + bytes(range(256)) * 40),
    "/endless.m3u8": endless,
    "/trickling.m3u8": trickling,
    "/head.m3u8": long_head,
    "/bomb.m3u8": bomb,
    "/circle.m3u8": circle,
    "/file.m3u8": to_a_file,
    "/nothing.m3u8": nothing,
    "/itself.m3u8": fixed(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nitself.m3u8\n"),
    "/many.m3u8": fixed(playlist(segments("s", count=60_000))),
    "/huge-number.m3u8": fixed(playlist(segments("page.ts"), first=10**30)),
    "/negative.m3u8": fixed(playlist(segments("page.ts"), first=-5)),
    "/word.m3u8": fixed(playlist(segments("page.ts", seconds="soon"), target="often", first="none")),
    "/infinite.m3u8": fixed(playlist(segments("page.ts", seconds="inf"), target="1e308")),
    "/nan.m3u8": fixed(playlist(segments("page.ts", seconds="nan"), target="nan")),
    "/minus.m3u8": fixed(playlist(segments("page.ts", seconds="-1"), target=-10)),
    "/dated.m3u8": fixed(playlist("#EXT-X-PROGRAM-DATE-TIME:9999-12-31T23:59:59Z\n" + segments("page.ts"))),
    "/range.m3u8": fixed(playlist("#EXT-X-BYTERANGE:99999999999999999999@-7\n" + segments("page.ts"))),
    "/map.m3u8": fixed(playlist('#EXT-X-MAP:URI="file:///etc/passwd"\n' + segments("page.ts"))),
    "/key.m3u8": fixed(playlist('#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"\n' + segments("page.ts"))),
    "/short-key.m3u8": fixed(playlist('#EXT-X-KEY:METHOD=AES-128,URI="page.ts"\n' + segments("page.ts"))),
    "/local.m3u8": fixed(playlist(segments("file:///etc/passwd"))),
    "/pages.m3u8": fixed(playlist(segments("page.ts"))),
    "/noise.m3u8": fixed(playlist(segments("noise.ts"))),
    "/promises.m3u8": fixed(playlist(segments("promise.ts"))),
    "/fat.m3u8": fixed(playlist(segments("endless.ts"))),
    "/slow.m3u8": fixed(playlist(segments("trickling.ts"))),
    "/page.ts": fixed(PAGE, "text/html"),
    "/noise.ts": fixed(bytes(reversed(range(256))) * 400, "video/mp2t"),
    "/promise.ts": promise,
    "/endless.ts": endless,
    "/trickling.ts": trickling,
    "/page": fixed(PAGE, "text/html"),
    "/zeros": fixed(bytes(5_000_000), "video/mp2t"),
    "/stream": endless,
}


class Hostile:
    """The server, on loopback, until the end of the block."""

    def __init__(self) -> None:
        self._connections = set[asyncio.StreamWriter]()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for one in self._connections:
            one.transport.abort()

    @property
    def sources(self) -> list[str]:
        """All addresses that one may be told to record."""
        return [path for path in ANSWERS if not path.endswith(".ts")]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async for method, path in _requests(reader):
                answer = ANSWERS.get(path.partition("?")[0])
                if method == "HEAD":
                    writer.write(b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n")
                elif answer is None:
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                else:
                    await answer(writer, path)
        self._connections.discard(writer)
        writer.close()


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[tuple[str, str]]:
    while True:
        method, path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[:2]
        yield method.decode("ascii", "replace"), path.decode("ascii", "replace")
