"""Old radio servers answer `ICY 200 OK` where HTTP has `HTTP/1.0 200 OK` (SHOUTcast 1); what follows is HTTP."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

_ICY, _HTTP = b"ICY ", b"HTTP/1.0 "


class IcyBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections by another backend; on each, a first answer of that kind is read as HTTP/1.0."""

    def __init__(self, inner: httpcore2.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """As the other backend does it."""
        return _IcyStream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    async def sleep(self, seconds: float) -> None:
        """Pause between attempts."""
        await self._inner.sleep(seconds)


class _IcyStream(httpcore2.AsyncNetworkStream):
    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._begun = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes. The first ones are looked at before they are passed on."""
        found = await self._inner.read(max_bytes, timeout)
        if self._begun:
            return found
        while len(found) < len(_ICY) and _ICY.startswith(found):
            more = await self._inner.read(max_bytes, timeout)
            if not more:
                break
            found += more
        self._begun = True
        return _HTTP + found[len(_ICY) :] if found.startswith(_ICY) else found

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection, encrypted."""
        return _IcyStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What the connection says of itself."""
        return self._inner.get_extra_info(info)
