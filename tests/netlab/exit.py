"""One end of the lab's network, in a namespace of its own: a small world of HTTP, DNS, UDP and SOCKS that says where it was met.

Started as `unshare -n python exit.py NAME`; takes one JSON object a line, answers one, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

PUBLIC, PUBLIC_SIX = "93.184.215.20", "2606:4700::20"
LAN = "192.168.7.1"
_ARP, _IP, _IPV6 = 0x0806, 0x0800, 0x86DD
_OWN_SIX = {133, 134, 135, 136, 143}
"""ICMPv6 of the link's own: router and neighbour discovery, and multicast listeners (RFC 4861, 3810)."""
_INCOMING = {0, 1, 2, 3}


class PacketLog:
    """Every packet that comes out of the host's device, seen at the other end of its cable."""

    def __init__(self, device: str) -> None:
        self.seen: list[str] = []
        self.count = 0
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind((device, 0))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data, where = self._socket.recvfrom(65_536)
            except OSError:  # its device went
                return
            if where[2] not in _INCOMING or self._is_own(where[1], data):
                continue
            self.count += 1
            if len(self.seen) < 50:
                self.seen.append(f"{where[1]:04x} {data[14:94].hex()}")

    @staticmethod
    def _is_own(kind: int, data: bytes) -> bool:
        """Whether the link itself needs it: ARP, neighbour discovery, group membership."""
        if kind == _ARP:
            return True
        if kind == _IP:
            return data[23] == 2
        if kind != _IPV6:
            return False
        at, following = 54, data[20]
        if following == 0:
            following, at = data[54], 62
        return following == 58 and len(data) > at and data[at] in _OWN_SIX

    def dropped(self) -> int:
        packets_dropped = self._socket.getsockopt(263, 6, 8)
        return struct.unpack("II", packets_dropped)[1]


class Exit:
    """What answers here. `name` stands in every answer."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.dns_on = True
        self.late = 0.0
        self.relay_says = ""
        self.udp_on = True
        self.asked: list[str] = []
        self.hits = 0
        self._socks: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._log: PacketLog | None = None
        self._keep: list[object] = []

    async def start(self, places: list[str], own: list[str]) -> None:
        """Serve on the public addresses, and DNS also on the end's own."""
        loop = asyncio.get_running_loop()
        for place in places:
            self._keep.append(await asyncio.start_server(self._http, place, 80))
            self._keep.append(await loop.create_datagram_endpoint(lambda: _Echo(self), local_addr=(place, 7777)))
        for place in [*places, *own]:
            self._keep.append(await loop.create_datagram_endpoint(lambda: _Dns(self), local_addr=(place, 53)))
            self._keep.append(await asyncio.start_server(self._dns_tcp, place, 53))

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.hits += 1
                path = head.split(" ")[1]
                if path.startswith("/go/"):
                    writer.write(f"HTTP/1.1 302 Found\r\nLocation: {path[4:]}\r\nContent-Length: 0\r\n\r\n".encode())
                elif path == "/slow":
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                    for _ in range(200):
                        writer.write(b"x" * 100)
                        await writer.drain()
                        await asyncio.sleep(0.02)
                else:
                    body = json.dumps({"ip": self.address}) if path == "/ip" else self.name
                    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
                await writer.drain()
        writer.close()

    # -- DNS ----------------------------------------------------------------------------------------------------------

    def answer(self, wire: bytes, *, tcp: bool = False) -> bytes:
        query = dns.message.from_wire(wire)
        found = dns.message.make_response(query)
        found.flags |= dns.flags.RA
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        if name.startswith("big") and not tcp:
            found.flags |= dns.flags.TC
            return found.to_wire()
        data = None
        if name.startswith("inside"):
            data = LAN if kind == "A" else None
        elif name.startswith("mixed") and kind == "A":
            data = f"{PUBLIC} {LAN}"
        elif name.startswith("six"):
            data = PUBLIC_SIX if kind == "AAAA" else None
        elif name.endswith((".example.", ".lan.", ".internal.")):
            data = PUBLIC if kind == "A" else None
        elif name == ".":
            data = "ns.example."
        else:
            found.set_rcode(dns.rcode.NXDOMAIN)
        if data is not None:
            found.answer.append(dns.rrset.from_text(question.name, 5, "IN", kind, *data.split(" ")))
        return found.to_wire()

    async def _dns_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            wire = await reader.readexactly(size)
            if self.dns_on:
                answer = self.answer(wire, tcp=True)
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        writer.close()

    # -- SOCKS --------------------------------------------------------------------------------------------------------

    async def socks(self, on: bool, place: str, login: str) -> None:
        self.login = login
        if self._socks is not None:
            self._socks.close()
            self._socks = None
            for writer in list(self._open):
                writer.transport.abort()
        if on:
            self._socks = await asyncio.start_server(self._serve_socks, place, 1080)

    async def _serve_socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from socks_server import serve

        self._open.add(writer)
        try:
            await serve(reader, writer, login=self.login, lookup=self._lookup, udp=self.udp_on, says=self.relay_says)
        finally:
            self._open.discard(writer)

    def _lookup(self, name: str) -> str:
        return PUBLIC if name.endswith(".example") else ""

    # -- commands -----------------------------------------------------------------------------------------------------

    async def do(self, asked: dict[str, object]) -> object:
        match asked.pop("do"):
            case "start":
                await self.start(**asked)  # type: ignore[arg-type]
            case "log":
                self._log = PacketLog(str(asked["device"]))
            case "seen":
                await asyncio.sleep(0.05)
                log = self._log
                found = {
                    "count": log.count,
                    "seen": log.seen,
                    "dropped": log.dropped(),
                    "asked": self.asked[-20:],
                    "hits": self.hits,
                }
                if asked.get("clear"):
                    log.count, log.seen, self.asked, self.hits = 0, [], [], 0
                return found
            case "set":
                vars(self).update(asked)
            case "socks":
                await self.socks(**asked)  # type: ignore[arg-type]
        return True


class _Echo(asyncio.DatagramProtocol):
    def __init__(self, of: Exit) -> None:
        self._exit = of

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._exit.name.encode() + b" " + data
        if data.startswith(b"late"):
            asyncio.get_running_loop().call_later(0.3, self._transport.sendto, answer, addr)
        else:
            self._transport.sendto(answer, addr)


class _Dns(_Echo):
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._exit.dns_on:
            asyncio.get_running_loop().call_later(
                self._exit.late, self._transport.sendto, self._exit.answer(data), addr
            )


async def main() -> None:
    here = Exit(sys.argv[1], sys.argv[2])
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(await here.do(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
