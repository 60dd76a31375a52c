"""Connections that end when their route changes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import anyio.abc
import httpcore2
from httpcore2._backends.anyio import AnyIOStream

from nightcrew.kernel.routes.gate import Gate
from nightcrew.kernel.routes.sockets import ended


async def stream_of(made: socket.socket) -> httpcore2.AsyncNetworkStream:
    """A connected socket as httpcore2 takes it."""
    return AnyIOStream(await anyio.abc.SocketStream.from_socket(made))


class Watched(httpcore2.AsyncNetworkStream):
    """A connection through a gate."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream, gate: Gate, end: Callable[[], None]) -> None:
        self._inner, self._gate, self._end = inner, gate, end
        gate.watch(end)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes."""
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        self._gate.forget(self._end)
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection, encrypted."""
        inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return Watched(inner, self._gate, self._end)

    def get_extra_info(self, info: str) -> Any:
        """What the connection says of itself."""
        return self._inner.get_extra_info(info)


def end_of(made: socket.socket) -> Callable[[], None]:
    """What ends a connection; one for each, so that it can be told from others."""

    def end() -> None:
        ended(made)

    return end
