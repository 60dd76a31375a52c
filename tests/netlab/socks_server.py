"""A SOCKS 5 server of the tests (RFC 1928, 1929): CONNECT, UDP ASSOCIATE, a login, names that it looks up by itself."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections.abc import Callable

OK, REFUSED, UNREACHED, UNKNOWN = 0, 2, 4, 7


async def serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    login: str = "",
    lookup: Callable[[str], str],
    udp: bool = True,
    says: str = "",
    seen: list[str] | None = None,
) -> None:
    """One connection. `lookup` gives a name's address, or nothing; `says`: the address that is named as the relay's."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, OSError):
        await _served(reader, writer, login, lookup, udp, says, [] if seen is None else seen)
    writer.close()


async def _served(reader, writer, login, lookup, udp, says, seen) -> None:
    _, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    wanted = 2 if login else 0
    if wanted not in methods:
        writer.write(b"\5\xff")
        return
    writer.write(bytes((5, wanted)))
    if login:
        _, size = await reader.readexactly(2)
        user = await reader.readexactly(size)
        word = await reader.readexactly((await reader.readexactly(1))[0])
        good = f"{user.decode()}:{word.decode()}" == login
        writer.write(bytes((1, 0 if good else 1)))
        if not good:
            return
    _, command, _, kind = await reader.readexactly(4)
    host, port = await _target(reader, kind)
    seen.append(f"{command} {host} {port}")
    if command == 1:
        await _connect(reader, writer, host if kind != 3 else lookup(host), port)
    elif command == 3 and udp:
        await _associate(reader, writer, lookup, says, seen)
    else:
        writer.write(_reply(UNKNOWN))


async def _target(reader: asyncio.StreamReader, kind: int) -> tuple[str, int]:
    if kind == 3:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    else:
        host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
    return host, int.from_bytes(await reader.readexactly(2), "big")


def _reply(code: int, host: str = "0.0.0.0", port: int = 0) -> bytes:
    if host.replace(".", "").isdigit() or ":" in host:
        address = ipaddress.ip_address(host)
        packed = bytes((1 if address.version == 4 else 4,)) + address.packed
    else:
        packed = bytes((3, len(host))) + host.encode()
    return bytes((5, code, 0)) + packed + struct.pack("!H", port)


async def _connect(reader, writer, address, port) -> None:
    if not address:
        writer.write(_reply(UNREACHED))
        return
    try:
        there_reader, there = await asyncio.wait_for(asyncio.open_connection(address, port), 3)
    except (OSError, TimeoutError):
        writer.write(_reply(UNREACHED))
        return
    writer.write(_reply(OK))
    try:
        await asyncio.gather(_pump(reader, there), _pump(there_reader, writer))
    finally:
        there.close()


async def _pump(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65_536):
            into.write(data)
            await into.drain()
        if into.can_write_eof():
            into.write_eof()


class _Relay(asyncio.DatagramProtocol):
    def __init__(self, lookup: Callable[[str], str], seen: list[str]) -> None:
        self.lookup, self.seen = lookup, seen
        self.client: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.out.setblocking(False)
        asyncio.get_running_loop().add_reader(self.out, self._back)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.client = addr
        kind = data[3]
        if kind == 3:
            end = 5 + data[4]
            host = data[5:end].decode()
        else:
            end = 4 + (4 if kind == 1 else 16)
            host = str(ipaddress.ip_address(data[4:end]))
        port = int.from_bytes(data[end : end + 2], "big")
        self.seen.append(f"udp {host} {port}")
        address = self.lookup(host) if kind == 3 else host
        if address:
            self.out.sendto(data[end + 2 :], (address, port))

    def _back(self) -> None:
        data, (host, port) = self.out.recvfrom(65_536)
        if self.client:
            packed = b"\0\0\0\1" + ipaddress.ip_address(host).packed + struct.pack("!H", port)
            self.transport.sendto(packed + data, self.client)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.out)
        self.out.close()
        self.transport.close()


async def _associate(reader, writer, lookup, says, seen) -> None:
    own = writer.get_extra_info("sockname")[0]
    loop = asyncio.get_running_loop()
    transport, relay = await loop.create_datagram_endpoint(lambda: _Relay(lookup, seen), local_addr=(own, 0))
    writer.write(_reply(OK, says or "0.0.0.0", transport.get_extra_info("sockname")[1]))
    try:
        await reader.read(1)
    finally:
        relay.close()
