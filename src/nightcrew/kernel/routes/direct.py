"""This machine's own network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import httpcore2

from nightcrew.kernel.routes.base import DIRECT, Datagrams
from nightcrew.kernel.targets import system_addresses


class Direct:
    """This machine's own resolver and network."""

    name = DIRECT
    by_name = False
    generation = 0
    is_up = True

    def admit(self) -> None:
        """It is always there, as far as anybody knows."""

    async def looked_at(self) -> None:
        """Nobody looks at it."""

    async def resolve(self, host: str) -> Sequence[str]:
        """As the system answers."""
        return await system_addresses(host)

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        """By whatever interface the system chooses."""
        return await httpcore2.AnyIOBackend().connect_tcp(address, port)

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:
        """As the system sends them."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Receiver(received), remote_addr=(address, port))
        return Endpoint(transport)


class Receiver(asyncio.DatagramProtocol):
    """Passes on what comes. The socket is connected: all of it is from its peer."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        """One datagram."""
        self._received(data)


class Endpoint:
    """A connected UDP socket of the event loop."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        if not self._transport.is_closing():
            self._transport.sendto(data)

    async def close(self) -> None:
        """Receive nothing more."""
        self._transport.close()
