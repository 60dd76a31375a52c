"""A client's connection: how large and how slow the head of a request may be, and how many connections an address may hold.

h11 (RFC 9112) limits the size of a head, httptools does not. uvicorn itself waits for a head for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MAX_HEAD = 32 << 10
"""Bytes of a request line and its headers."""
PIECE = 4 << 10
"""Bytes of a head that are read at a time."""
HEAD_SECONDS = 20.0
"""From the connection, or from the first byte of a further request, to the end of its head."""
MOST_CONNECTIONS = 512
"""Open connections of one address."""


class ClientProtocol(H11Protocol):
    """One connection. What takes too long or too much is closed with the status that says so."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS and self._siblings() > MOST_CONNECTIONS:
            self._close(b"503 Service Unavailable")
        else:
            self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, or of a body."""
        before: RequestResponseCycle | None = self.cycle
        if before is None or before.response_complete:
            self._expect_head()
            while data and self.cycle is before and not self.transport.is_closing():  # h11 limits what is incomplete
                super().data_received(data[:PIECE])
                data = data[PIECE:]
        if data and not self.transport.is_closing():
            super().data_received(data)
        if self.cycle is not before:
            self._forget_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._forget_timer()
        super().connection_lost(exc)

    def _siblings(self) -> int:
        """The open connections of the same address, this one included."""
        address = self.client[0] if self.client else None
        return sum(getattr(one, "client", None) is not None and one.client[0] == address for one in self.connections)  # type: ignore[union-attr, index]

    def _expect_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self._close, b"408 Request Timeout")

    def _forget_timer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()
