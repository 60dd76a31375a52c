"""Ways out to the network. A route alone resolves names and opens connections for the requests that take it.

Each address that a name has is checked, and one of exactly these addresses is connected to: a name that answers differently a
moment later (DNS rebinding) leads nowhere else. A route that is not known opens nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, zip_longest
from typing import Protocol

import httpcore2

from nightcrew.addresses import is_private
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.targets import system_addresses

DIRECT = "direct"
"""The route that this machine's own network is."""
STAGGER = 0.25
"""Seconds after which a name's next address is tried beside the one that does not answer (RFC 8305)."""
MOST_ADDRESSES = 8
"""Addresses of one name that are tried."""


class RouteDown(Retry):
    """The route that a request has to take is not there, so it took none."""


class Datagrams(Protocol):
    """A UDP socket that one peer is asked through."""

    def send(self, data: bytes) -> None:
        """Send one datagram. It may be lost, as datagrams may."""

    async def close(self) -> None:
        """Receive nothing more."""


class Route(Protocol):
    """One way out."""

    name: str

    async def resolve(self, host: str) -> Sequence[str]:
        """The IP addresses of a name, best first. Raises `OSError` when it has none."""

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        """A TCP connection to an IP address. Raises `httpcore2.ConnectError`, or `RouteDown` while the route leads nowhere."""

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:
        """A UDP socket to an IP address; `received` gets each datagram that comes from there.

        Raises `OSError`, `RouteDown` while the route leads nowhere, and `GiveUp` where it carries no UDP at all.
        """


class Direct:
    """This machine's own resolver and network."""

    name = DIRECT

    async def resolve(self, host: str) -> Sequence[str]:
        """As the system answers."""
        return await system_addresses(host)

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        """By whatever interface the system chooses."""
        return await httpcore2.AnyIOBackend().connect_tcp(address, port)

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:
        """As the system sends them."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Receiver(received), remote_addr=(address, port))
        return _Endpoint(transport)


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        self._received(data)


class _Endpoint:
    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data)

    async def close(self) -> None:
        self._transport.close()


class Routes:
    """The routes of this node, by name."""

    def __init__(self, *routes: Route) -> None:
        self._known = {route.name: route for route in routes or (Direct(),)}

    def of(self, name: str) -> Route:
        """The route of this name. Raises `RouteDown` when there is none: nothing goes another way instead."""
        if name not in self._known:
            raise RouteDown(f"there is no route {name!r}, and no other is taken in its place")
        return self._known[name]

    @property
    def names(self) -> list[str]:
        """All that can be chosen."""
        return list(self._known)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """What a connection pool opens its connections with: one route, and the rule where it may lead."""

    def __init__(self, route: Route, *, allow_private: bool) -> None:
        self._route = route
        self._allow_private = allow_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - a source address is no way to choose a route
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 - they would be set too late
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check, connect. Raises `GiveUp` for a name with an address that lies in a private network."""
        try:
            async with asyncio.timeout(timeout):
                return await self._fastest(await self._addresses(host), port)
        except TimeoutError as exc:
            raise httpcore2.ConnectTimeout("no connection in time") from exc
        except (OSError, UnicodeError) as exc:
            raise httpcore2.ConnectError(str(exc)) from exc

    async def sleep(self, seconds: float) -> None:
        """Pause between attempts."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str) -> list[str]:
        found = list(await self._route.resolve(host))
        if not self._allow_private and any(is_private(address) for address in found):
            raise GiveUp("it leads into a private network, which its source does not belong to")
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return _alternating(found)[:MOST_ADDRESSES]

    async def _fastest(self, addresses: Sequence[str], port: int) -> httpcore2.AsyncNetworkStream:
        """The address that answers first. The next one is begun when one fails, or is slow."""
        if len(addresses) == 1:
            return await self._route.open(addresses[0], port)
        waiting, errors = list(addresses), []
        trying: set[asyncio.Task[httpcore2.AsyncNetworkStream]] = set()
        try:
            while waiting or trying:
                if waiting:
                    trying.add(asyncio.create_task(self._route.open(waiting.pop(0), port), name="connect"))
                done, _ = await asyncio.wait(
                    trying, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    trying.discard(task)
                    if (error := task.exception()) is None:
                        return task.result()
                    errors.append(error)
            raise errors[0]
        finally:
            await _left(trying)


async def _left(trying: set[asyncio.Task[httpcore2.AsyncNetworkStream]]) -> None:
    """End what was begun and is not needed."""
    for task in trying:
        task.cancel()
    if trying:
        await asyncio.wait(trying)
    for task in trying:
        if not task.cancelled() and task.exception() is None:
            await task.result().aclose()


def _alternating(addresses: Sequence[str]) -> list[str]:
    """Both families in turn, the first one's first: where one of them is broken, the other is tried soon."""
    six = [address for address in addresses if ":" in address]
    four = [address for address in addresses if ":" not in address]
    first, second = (six, four) if addresses[0] in six else (four, six)
    return [address for address in chain.from_iterable(zip_longest(first, second)) if address]
