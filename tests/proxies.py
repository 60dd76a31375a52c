"""For tests: an HTTP and a SOCKS5 proxy on loopback, which keep what they were asked for, and know names of their own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """What it was asked to connect to, with the login that came along. `names`: where it finds hosts."""

    names: dict[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    port: int = 0

    def url(self, scheme: str = "http") -> str:
        """As it is given."""
        login = f"{self.login[0]}:{self.login[1]}@" if self.login else ""
        return f"{scheme}://{login}127.0.0.1:{self.port}"

    async def _joined(
        self, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes, ok: bytes
    ) -> None:
        self.asked.append((host, port))
        theirs, ours = await asyncio.open_connection(self.names.get(host, host), port)
        writer.write(ok)
        ours.write(first)
        await asyncio.gather(_copied(reader, ours), _copied(theirs, writer))

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """CONNECT and whole addresses."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            wanted = base64.b64encode(":".join(self.login).encode()) if self.login else b""
            if wanted not in head:
                writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
                return
            method, target, _ = head.split(b" ", 2)
            if method == b"CONNECT":
                host, _, port = target.decode().rpartition(":")
                await self._joined(host, int(port), reader, writer, b"", b"HTTP/1.1 200 OK\r\n\r\n")
                return
            parts = urlsplit(target.decode())
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            kept = [
                line for line in head.split(b"\r\n")[1:] if not line.lower().startswith((b"proxy-", b"connection:"))
            ]
            first = b"\r\n".join([b"%s %s HTTP/1.1" % (method, path.encode()), b"Connection: close", *kept])
            await self._joined(parts.hostname or "", parts.port or 80, reader, writer, first, b"")

    async def socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """SOCKS5 (RFC 1928), with names that it finds itself, and a login (RFC 1929)."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            await reader.readexactly((await reader.readexactly(2))[1])
            writer.write(b"\x05\x02" if self.login else b"\x05\x00")
            if self.login:
                user = await reader.readexactly((await reader.readexactly(2))[1])
                password = await reader.readexactly((await reader.readexactly(1))[0])
                good = (user.decode(), password.decode()) == self.login
                writer.write(b"\x01\x00" if good else b"\x01\x01")
                if not good:
                    await writer.drain()
                    return
            kind = (await reader.readexactly(4))[3]
            if kind == 3:
                host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
            else:
                host = ".".join(str(one) for one in await reader.readexactly(4))
            port = int.from_bytes(await reader.readexactly(2), "big")
            await self._joined(host, port, reader, writer, b"", b"\x05\x00\x00\x01\0\0\0\0\0\0")


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@asynccontextmanager
async def proxying(kind: str = "http", *, at: int = 0, **more: object) -> AsyncIterator[Proxy]:
    """A proxy until the end of the block; then nobody is served any more. `at`: its port."""
    proxy = Proxy(**more)  # type: ignore[arg-type]
    handler = proxy.socks if kind.startswith("socks") else proxy.http
    async with await asyncio.start_server(handler, "127.0.0.1", at) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
