"""Connections that end when their route changes."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Any

import anyio.abc
import httpcore2
from httpcore2._backends.anyio import AnyIOStream

from nightcrew.kernel.routes.gate import RouteGate
from nightcrew.kernel.routes.sockets import REST, ended


async def stream_of(made: socket.socket) -> httpcore2.AsyncNetworkStream:
    """A connected socket as httpcore2 takes it."""
    return AnyIOStream(await anyio.abc.SocketStream.from_socket(made))


class StreamHold:
    """What a gate ends. `rests`: the socket is a device's, and stays for a while after that, so that the kernel answers for none."""

    def __init__(self, made: socket.socket, gate: RouteGate, *, rests: bool) -> None:
        self._made, self._gate = made, gate
        self._copy = os.dup(made.fileno()) if rests else None
        gate.watch(self.end)

    def end(self) -> None:
        """The route has changed."""
        ended(self._made)
        self._rest(finished=False)

    def release(self) -> None:
        """The connection is closed."""
        self._gate.forget(self.end)
        self._rest(finished=True)

    def _device(self) -> int:
        return self._gate.standing.index if self._gate.is_up else 0

    def _rest(self, *, finished: bool) -> None:
        if self._copy is not None:
            REST.keep(self._copy, finished=finished, device=self._device)
            self._copy = None


class WatchedStream(httpcore2.AsyncNetworkStream):
    """A connection through a gate."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream, hold: StreamHold) -> None:
        self._inner, self._hold = inner, hold

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes."""
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        try:
            await self._inner.aclose()
        finally:
            self._hold.release()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection, encrypted."""
        try:
            inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            self._hold.release()
            raise
        return WatchedStream(inner, self._hold)

    def get_extra_info(self, info: str) -> Any:
        """What the connection says of itself."""
        return self._inner.get_extra_info(info)
