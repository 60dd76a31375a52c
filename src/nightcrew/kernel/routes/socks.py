"""A route through a SOCKS 5 proxy. Names go to the proxy and are never looked up here.

The connection to the proxy itself is direct: it lies on this machine, in this network, or is the user's own choice outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import httpcore2

from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.routes import socks_wire as wire
from nightcrew.kernel.routes.base import Datagrams, Unavailable
from nightcrew.kernel.routes.direct import Receiver
from nightcrew.kernel.routes.gate import RouteGate
from nightcrew.kernel.routes.hops import Hop, hop_of, plain_host
from nightcrew.kernel.routes.states import RouteSight
from nightcrew.kernel.routes.streams import StreamHold, WatchedStream, stream_of
from nightcrew.kernel.targets import system_addresses

HANDSHAKE = 15.0
"""Seconds that the proxy has until it has connected."""
_NO_UDP = {wire.COMMAND_UNKNOWN, wire.REFUSED_BY_RULE}


@dataclass(frozen=True, slots=True)
class SocksProxy:
    """Where a proxy is, and the login there; an empty user name means none."""

    host: str
    port: int
    user: str = ""
    password: str = ""


class SocksDialer:
    """Talks to a proxy, whatever the state of its route."""

    def __init__(self, proxy: SocksProxy) -> None:
        self.proxy = proxy

    async def stream(self, host: str, port: int) -> httpcore2.AsyncNetworkStream:
        """A TCP connection through the proxy. Raises `httpcore2.ConnectError`."""
        made, stream = await self.connected(host, port)
        del made
        return stream

    async def connected(self, host: str, port: int) -> tuple[socket.socket, httpcore2.AsyncNetworkStream]:
        """The same, and the socket under it."""
        made, stream = await self._greeted()
        async with _closed_unless_done(stream):
            await self._asked(stream, wire.CONNECT, wire.SocksTarget(host, port))
        return made, stream

    async def associated(self) -> tuple[socket.socket, httpcore2.AsyncNetworkStream, int]:
        """A connection that keeps a relay for datagrams, and the relay's port at the proxy's own address.

        The address that the proxy names is not used: it may be 0.0.0.0, one inside of its container, or any other that datagrams
        would then be sent to directly. Raises `Unavailable` where the proxy has no relay.
        """
        made, stream = await self._greeted()
        async with _closed_unless_done(stream):
            try:
                relay = await self._asked(stream, wire.ASSOCIATE, wire.SocksTarget("0.0.0.0", 0))  # noqa: S104 - RFC 1928, 7
            except wire.BadProxy as exc:
                if exc.code in _NO_UDP:
                    raise Unavailable("the proxy carries no UDP, and nothing goes another way instead") from exc
                raise
            if not relay.port:
                raise Unavailable("the proxy names no port for UDP, and nothing goes another way instead")
        return made, stream, relay.port

    async def _greeted(self) -> tuple[socket.socket, httpcore2.AsyncNetworkStream]:
        login = bool(self.proxy.user)
        made = await self._reached()
        stream = await stream_of(made)
        async with _closed_unless_done(stream):
            await stream.write(wire.greeting(login=login), HANDSHAKE)
            version, method = await _exactly(stream, 2)
            if version != wire.VERSION:
                raise wire.BadProxy("the proxy does not speak SOCKS 5")
            if method != (wire.LOGIN if login else wire.NO_LOGIN):
                raise wire.BadProxy("the proxy does not take this login" if login else "the proxy wants a login")
            if login:
                await stream.write(wire.credentials(self.proxy.user, self.proxy.password), HANDSHAKE)
                _, status = await _exactly(stream, 2)
                if status:
                    raise wire.BadProxy("the proxy refuses the login")
        return made, stream

    async def _reached(self) -> socket.socket:
        """A TCP connection to the proxy itself."""
        loop = asyncio.get_running_loop()
        error: Exception = OSError("the proxy's name has no address")
        try:
            addresses = await system_addresses(self.proxy.host)
        except OSError as exc:
            raise httpcore2.ConnectError("the proxy's name is not known") from exc
        if hop_of(self.proxy.host) is Hop.LOCAL and any(hop_of(address) is not Hop.LOCAL for address in addresses):
            raise httpcore2.ConnectError("the proxy's name belongs to this network and its address does not")
        for address in addresses[:4]:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            made.setblocking(False)
            try:
                async with asyncio.timeout(HANDSHAKE / 3):
                    await loop.sock_connect(made, (address, self.proxy.port))
            except OSError as exc:  # a TimeoutError is one
                made.close()
                error = exc
            except BaseException:
                made.close()
                raise
            else:
                return made
        raise httpcore2.ConnectError("the proxy does not answer") from error

    async def _asked(
        self, stream: httpcore2.AsyncNetworkStream, command: int, target: wire.SocksTarget
    ) -> wire.SocksTarget:
        try:
            asked = wire.request(command, target)
        except (ValueError, UnicodeError) as exc:
            raise wire.BadProxy("the host cannot be named to a proxy") from exc
        await stream.write(asked, HANDSHAKE)
        kind = wire.checked_reply(await _exactly(stream, 4))
        first = await _exactly(stream, 1)
        rest = await _exactly(stream, wire.length_of_rest(kind, first[0]))
        try:
            return wire.read_address(bytes((kind,)) + first + rest)[0]
        except (ValueError, UnicodeDecodeError) as exc:
            raise wire.BadProxy("the proxy's answer cannot be read") from exc


class SocksRoute:
    """What requests take."""

    by_name = True

    def __init__(self, name: str, proxy: SocksProxy) -> None:
        self.name = name
        self.gate = RouteGate(name)
        self.dialer = SocksDialer(proxy)

    @property
    def generation(self) -> int:
        """Another number after each change."""
        return self.gate.generation

    @property
    def is_up(self) -> bool:
        """Whether it leads somewhere."""
        return self.gate.is_up

    def note(self, sight: RouteSight) -> bool:
        """Take up what a look found; whether that changes anything."""
        return self.gate.note(sight)

    def admit(self) -> None:
        """Raises `RouteDown` unless it is up."""
        self.gate.admit()

    async def looked_at(self) -> None:
        """Wait for a new look. Raises `RouteDown` when nobody looks."""
        await self.gate.looked_at()

    async def resolve(self, host: str) -> Sequence[str]:
        """The name itself: the proxy looks it up."""
        self.gate.admit()
        return [_checked(host)]

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        """A TCP connection through the proxy."""
        host = _checked(address)
        self.gate.admit()
        generation = self.gate.generation
        try:
            async with asyncio.timeout(HANDSHAKE):
                made, stream = await self.dialer.connected(host, port)
        except TimeoutError as exc:
            self.gate.doubted.set()
            raise httpcore2.ConnectTimeout("the proxy did not connect in time") from exc
        except httpcore2.ConnectError:
            self.gate.doubted.set()
            raise
        async with _closed_unless_done(stream):
            self.gate.still(generation)
        return WatchedStream(stream, StreamHold(made, self.gate, rests=False))

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:
        """UDP through the proxy's relay."""
        target = wire.SocksTarget(_checked(address), port)
        self.gate.admit()
        generation = self.gate.generation
        try:
            async with asyncio.timeout(HANDSHAKE):
                made, stream, relay = await self.dialer.associated()
        except (httpcore2.ConnectError, TimeoutError) as exc:
            self.gate.doubted.set()
            raise OSError(str(exc) or "the proxy does not answer in time") from exc
        async with _closed_unless_done(stream):
            self.gate.still(generation)
            there = (made.getpeername()[0], relay)
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: Receiver(lambda data: _pass_on(data, target, received)), remote_addr=there
            )
        return _ViaRelay(WatchedStream(stream, StreamHold(made, self.gate, rests=False)), transport, target)


class _ViaRelay:
    """UDP to one target by a relay, for as long as the connection to the proxy lasts."""

    def __init__(self, control: WatchedStream, transport: asyncio.DatagramTransport, target: wire.SocksTarget) -> None:
        self._control, self._transport, self._target = control, transport, target
        self._watching = asyncio.create_task(self._until_closed(), name="socks relay")

    def send(self, data: bytes) -> None:
        """Send one datagram, unless the proxy has ended the relay."""
        if not self._transport.is_closing():
            self._transport.sendto(wire.wrapped(self._target, data))

    async def close(self) -> None:
        """Receive nothing more."""
        self._watching.cancel()
        self._transport.abort()
        await asyncio.wait([self._watching])
        await self._control.aclose()

    async def _until_closed(self) -> None:
        with contextlib.suppress(httpcore2.NetworkError, httpcore2.TimeoutException):
            while await self._control.read(1):
                pass  # a proxy says nothing here
        self._transport.abort()


def _pass_on(data: bytes, target: wire.SocksTarget, received: Callable[[bytes], None]) -> None:
    """Pass on what the target sent. Of a target with a name only the port can be held against it: the proxy knows its address."""
    found = wire.unwrapped(data)
    if found is None:
        return
    sender, content = found
    same = plain_host(sender.host) == target.host or not _is_address(target.host)
    if same and sender.port == target.port:
        received(content)


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdigit()


def _checked(host: str) -> str:
    """A host as the proxy gets it. Raises `GiveUp` for what lies here: a proxy would look for it in its own network."""
    if hop_of(host) is not Hop.PUBLIC:
        raise GiveUp("an address of a private network is not asked through a proxy")
    return plain_host(host)


async def _exactly(stream: httpcore2.AsyncNetworkStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.read(size - len(data), HANDSHAKE)
        if not more:
            raise wire.BadProxy("the proxy closed the connection")
        data += more
    return data


@contextlib.asynccontextmanager
async def _closed_unless_done(stream: httpcore2.AsyncNetworkStream) -> AsyncIterator[None]:
    """Close the stream when the block raises; what the network or the proxy said is a failure to connect."""
    try:
        yield
    except BaseException as exc:
        await stream.aclose()
        if isinstance(exc, wire.BadProxy | httpcore2.NetworkError | httpcore2.TimeoutException):
            raise httpcore2.ConnectError(str(exc) or "the proxy does not answer") from exc
        raise
