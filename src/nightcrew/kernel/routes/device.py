"""A route through one network device, such as a WireGuard tunnel: one opener for TCP, UDP and DNS."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence

import httpcore2
import psutil

from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.routes.base import Datagrams
from nightcrew.kernel.routes.direct import Endpoint, Receiver
from nightcrew.kernel.routes.gate import RouteGate
from nightcrew.kernel.routes.hops import Hop, hop_of
from nightcrew.kernel.routes.names import PATIENCE, DnsServer, RouteNames
from nightcrew.kernel.routes.sockets import REST, bound, connected
from nightcrew.kernel.routes.states import RouteSight
from nightcrew.kernel.routes.streams import StreamHold, WatchedStream, stream_of

UNREACHED = {
    errno.ENODEV, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ETIMEDOUT,
}  # fmt: skip
"""What the kernel says where a route may have ended."""


class DeviceOpener:
    """Opens sockets of a device, whatever the state of its route: the looks at the route use it, and the route behind its gate."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.index = 0
        """The device's number that sockets must have; 0: whatever it is."""

    async def tcp(self, address: str, port: int) -> socket.socket:
        """A TCP connection. Raises `OSError`, `RouteDown`."""
        return await connected(bound(self.device, self.index, _family(address), socket.SOCK_STREAM), address, port)

    async def udp(self, address: str, port: int) -> socket.socket:
        """A connected UDP socket. Raises `OSError`, `RouteDown`."""
        return await connected(bound(self.device, self.index, _family(address), socket.SOCK_DGRAM), address, port)

    async def any(self, address: str, port: int, kind: int) -> socket.socket:
        """As the resolver asks for one."""
        return await (self.udp if kind == socket.SOCK_DGRAM else self.tcp)(address, port)

    async def stream(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        """A TCP connection as httpcore2 takes it. Raises `httpcore2.ConnectError`, `RouteDown`."""
        try:
            return await stream_of(await self.tcp(address, port))
        except OSError as exc:
            raise httpcore2.ConnectError(str(exc)) from exc


class DeviceRoute:
    """What requests take."""

    by_name = False

    def __init__(self, name: str, device: str, servers: Sequence[DnsServer], *, patience: float = PATIENCE) -> None:
        self.name = name
        self.gate = RouteGate(name)
        self.opener = DeviceOpener(device)
        self.names = RouteNames(servers, self._socket, patience=patience)
        self.probe = DeviceOpener(device)
        """The same opener for the looks at the route, whatever its state and the device's number."""
        self.probing = RouteNames(servers, self.probe.any, patience=patience)
        self._names_of = self.gate.generation

    @property
    def generation(self) -> int:
        """Another number after each change."""
        return self.gate.generation

    @property
    def is_up(self) -> bool:
        """Whether it leads somewhere."""
        return self.gate.is_up

    async def probed(self, host: str) -> list[str]:
        """The addresses of a name, for a look: whatever the state, and nothing of what was known before."""
        self.probing.forget()
        four, six = families(self.probe.device)
        return await self.probing.addresses(host, four=four or not six, six=six)

    def note(self, sight: RouteSight) -> bool:
        """Take up what a look found; whether that changes anything."""
        changed = self.gate.note(sight)
        self.opener.index = self.gate.standing.index
        return changed

    def admit(self) -> None:
        """Raises `RouteDown` unless it is up."""
        self.gate.admit()

    async def looked_at(self) -> None:
        """Wait for a new look. Raises `RouteDown` when nobody looks."""
        await self.gate.looked_at()

    async def resolve(self, host: str) -> Sequence[str]:
        """By the route's own DNS servers, through the device."""
        self.gate.admit()
        if self._names_of != self.gate.generation:
            self._names_of = self.gate.generation
            self.names.forget()
        generation = self.gate.generation
        four, six = families(self.opener.device)
        try:
            found = await self.names.addresses(host, four=four or not six, six=six)
        except socket.gaierror:
            raise
        except OSError:
            self.gate.doubted.set()
            raise
        self.gate.still(generation)
        return found

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        """A TCP connection of the device."""
        self._check(address)
        try:
            made = await self._socket(address, port, socket.SOCK_STREAM)
        except OSError as exc:
            if exc.errno in UNREACHED:
                self.gate.doubted.set()
            raise httpcore2.ConnectError(str(exc)) from exc
        hold = StreamHold(made, self.gate, rests=True)
        return WatchedStream(await stream_of(made), hold)

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:
        """A UDP socket of the device."""
        try:
            self._check(address)
        except httpcore2.ConnectError as exc:
            raise OSError(errno.ENETUNREACH, str(exc)) from exc
        made = await self._socket(address, port, socket.SOCK_DGRAM)
        copy = os.dup(made.fileno())
        try:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(lambda: Receiver(received), sock=made)
        except BaseException:
            REST.keep(copy)
            raise
        return _Gated(transport, self.gate, copy)

    def _check(self, address: str) -> None:
        """Raises `GiveUp` for what is never sent through a tunnel, and `httpcore2.ConnectError` for a family that it has not.

        Without an address of its own the kernel would send home's through the tunnel.
        """
        if hop_of(address) is not Hop.PUBLIC:
            raise GiveUp("an address of a private network is not asked through a tunnel")
        four, six = families(self.opener.device)
        if not (six if ":" in address else four):
            raise httpcore2.ConnectError("the route has no address of this kind")

    async def _socket(self, address: str, port: int, kind: int) -> socket.socket:
        """One of the opener's, while the gate is open before and after."""
        self.gate.admit()
        generation = self.gate.generation
        made = await self.opener.any(address, port, kind)
        try:
            self.gate.still(generation)
        except BaseException:
            REST.keep(os.dup(made.fileno()))
            made.close()
            raise
        return made


class _Gated(Endpoint):
    """A UDP socket that is closed when its route changes. What comes after that is dropped, and not answered."""

    def __init__(self, transport: asyncio.DatagramTransport, gate: RouteGate, copy: int) -> None:
        super().__init__(transport)
        self._gate, self._copy = gate, copy
        gate.watch(self._end)

    async def close(self) -> None:
        """Receive nothing more."""
        self._gate.forget(self._end)
        self._end()

    def _end(self) -> None:
        self._transport.abort()
        if self._copy >= 0:
            REST.keep(self._copy)
            self._copy = -1


def families(device: str) -> tuple[bool, bool]:
    """Whether a device has an address of IPv4, and one of IPv6 that leads beyond its own link."""
    four = six = False
    for one in psutil.net_if_addrs().get(device, ()):
        four |= one.family == socket.AF_INET
        six |= one.family == socket.AF_INET6 and not one.address.lower().startswith("fe80")
    return four, six


def addresses_of(device: str) -> list[str]:
    """The addresses that packets of a device have as their source."""
    found = psutil.net_if_addrs().get(device, ())
    both = (socket.AF_INET, socket.AF_INET6)
    return [one.address for one in found if one.family in both and not one.address.lower().startswith("fe80")]


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
