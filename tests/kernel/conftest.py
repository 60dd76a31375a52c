"""A raw HTTP server on loopback that answers exactly what a test tells it, well-formed or not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from nightcrew.kernel import recovery


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """`routes[path]` writes the answer; the query does not count. Afterwards the connection is closed."""

    port: int = 0
    routes: dict[str, Script] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    open: int = 0
    most_open: int = 0

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answers(
        self, path: str, *bodies: bytes, status: str = "200 OK", length: int | None = -1, **headers: str
    ) -> None:
        """Give `bodies` as separate writes. `length` -1: the right one; None: none is sent, the end of the connection ends it."""
        total = sum(map(len, bodies)) if length == -1 else length

        async def script(_seen: Seen, writer: asyncio.StreamWriter) -> None:
            lines = [f"HTTP/1.1 {status}", "Connection: close"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            if total is not None:
                lines.append(f"Content-Length: {total}")
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
            for body in bodies:
                writer.write(body)
                await writer.drain()
                if len(bodies) > 1:
                    await asyncio.sleep(0.01)

        self.routes[path] = script

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                seen = await self._read(reader)
                self.requests.append(seen)
                await self.routes[seen.path.partition("?")[0]](seen, writer)
                await writer.drain()
        finally:
            self.open -= 1
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Seen:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        return Seen(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@contextlib.asynccontextmanager
async def raw_server() -> AsyncIterator[RawServer]:
    server = RawServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as started:
        yield started


@pytest.fixture
async def other_server() -> AsyncIterator[RawServer]:
    """A second host: another port is another authority."""
    async with raw_server() as started:
        yield started


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts as ever, without the pauses between them."""
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)
