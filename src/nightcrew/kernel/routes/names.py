"""Names looked up through a route: DNS over the route's own sockets (RFC 1035, 6891), never by the system's resolver.

Nothing of the system is read: no search list, no hosts file, no mDNS.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from nightcrew.kernel.routes.base import RouteDown
from nightcrew.kernel.routes.hops import as_address, plain_host
from nightcrew.kernel.routes.sockets import REST

PATIENCE = 2.0
"""Seconds that one server has for an answer, over UDP or TCP."""
ROUNDS = 2
"""How often each server is asked."""
PAYLOAD = 1_232
"""Bytes of an answer over UDP that are asked for (DNS flag day 2020): it fits a tunnel without fragments."""
MOST_BYTES = 65_535
LEAST_TTL, MOST_TTL, NONE_TTL = 5.0, 300.0, 10.0
"""Seconds that an answer is kept at least and at most, and one that says that there is none."""
MOST_KEPT = 1_000
MOST_ANSWERS = 16
MOST_STRAYS = 8
"""Datagrams that are no answer to the question, after which the server is called silent."""

Open = Callable[[str, int, int], Awaitable[socket.socket]]
"""Gives a connected, non-blocking socket: address, port, kind. Raises `OSError` or `RouteDown`."""


@dataclass(frozen=True, slots=True)
class DnsServer:
    """One DNS server."""

    address: str
    port: int = 53


@dataclass(frozen=True, slots=True)
class _Kept:
    addresses: tuple[str, ...]
    until: float


_Key = tuple[str, bool, bool]


class RouteNames:
    """The resolver of one route. `open`: its opener."""

    def __init__(self, servers: Sequence[DnsServer], open: Open, *, patience: float = PATIENCE) -> None:  # noqa: A002
        self._servers = tuple(servers)
        self._open = open
        self._patience = patience
        self._kept: dict[_Key, _Kept] = {}

    def forget(self) -> None:
        """What was learnt before a change says nothing now."""
        self._kept = {}

    async def addresses(self, host: str, *, four: bool = True, six: bool = True) -> list[str]:
        """The addresses of a name, of the families that the route has; an address is its own. Raises `OSError`, `RouteDown`."""
        name = plain_host(host)
        if as_address(name) is not None:
            return [name]
        if "." not in name:
            raise socket.gaierror(socket.EAI_NONAME, "it is no name that can be looked up")
        key, now, kept = (name, four, six), time.monotonic(), self._kept
        known = kept.get(key)
        if known is None or known.until < now:
            known = await self._looked_up(name, four=four, six=six)
            _keep(kept, key, known)  # where it was asked: what is forgotten meanwhile stays so
        if not known.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return list(known.addresses)

    async def answers(self) -> float:
        """Ask for the root's servers; the seconds that the quickest way to an answer took. Raises `OSError`, `RouteDown`."""
        began = time.monotonic()
        answer = await self._asked(".", "NS")
        if answer.rcode() == dns.rcode.SERVFAIL:
            raise OSError("the DNS server can look nothing up")
        return time.monotonic() - began

    async def _looked_up(self, name: str, *, four: bool, six: bool) -> _Kept:
        kinds = [kind for kind, wanted in (("AAAA", six), ("A", four)) if wanted]
        asked = await asyncio.gather(*(self._asked(name, kind) for kind in kinds), return_exceptions=True)
        found: list[str] = []
        ttls: list[float] = []
        for answer in asked:
            if isinstance(answer, dns.message.QueryMessage):
                addresses, ttl = _read(answer)
                found += addresses
                ttls.append(ttl)
        failed = [answer for answer in asked if isinstance(answer, BaseException)]
        if failed and not found:
            raise failed[0]
        return _Kept(tuple(dict.fromkeys(found[:MOST_ANSWERS])), time.monotonic() + min(ttls))

    async def _asked(self, name: str, kind: str) -> dns.message.QueryMessage:
        """The answer of the first server that gives one. Raises `OSError` when none does."""
        try:
            absolute = dns.name.from_text(name if name == "." else f"{name}.")
        except dns.exception.DNSException as exc:
            raise socket.gaierror(socket.EAI_NONAME, "it is no name that can be looked up") from exc
        error: OSError = OSError("the route has no DNS server")
        for server in self._servers * ROUNDS:
            query = dns.message.make_query(absolute, kind, use_edns=0, payload=PAYLOAD)
            try:
                async with asyncio.timeout(self._patience):
                    return await self._over_udp(server, query)
            except TimeoutError:
                error = TimeoutError(f"the DNS server {server.address} does not answer")
            except RouteDown:
                raise
            except OSError as exc:
                error = exc
        raise error

    async def _over_udp(self, server: DnsServer, query: dns.message.QueryMessage) -> dns.message.QueryMessage:
        loop = asyncio.get_running_loop()
        made = await self._open(server.address, server.port, socket.SOCK_DGRAM)
        with _resting(made):
            await loop.sock_sendall(made, query.to_wire())
            for _ in range(MOST_STRAYS):
                answer = _answer_to(query, await loop.sock_recv(made, PAYLOAD * 4))
                if answer is not None:
                    break
            else:
                raise OSError(f"the DNS server {server.address} answers something else")
        return await self._over_tcp(server, query) if answer.flags & dns.flags.TC else answer

    async def _over_tcp(self, server: DnsServer, query: dns.message.QueryMessage) -> dns.message.QueryMessage:
        loop = asyncio.get_running_loop()
        made = await self._open(server.address, server.port, socket.SOCK_STREAM)
        with contextlib.closing(made):
            wire = query.to_wire()
            await loop.sock_sendall(made, struct.pack("!H", len(wire)) + wire)
            (size,) = struct.unpack("!H", await _exactly(made, 2))
            answer = _answer_to(query, await _exactly(made, size))
        if answer is None:
            raise OSError(f"the DNS server {server.address} answers something else")
        return answer


def _keep(kept: dict[_Key, _Kept], key: _Key, known: _Kept) -> None:
    kept.pop(key, None)
    while len(kept) >= MOST_KEPT:
        del kept[next(iter(kept))]
    kept[key] = known


@contextlib.contextmanager
def _resting(made: socket.socket) -> Iterator[None]:
    """Close a socket when it has its answer; one that has none still takes what comes late."""
    with contextlib.closing(made):
        try:
            yield
        except BaseException:
            REST.keep(os.dup(made.fileno()))
            raise


async def _exactly(made: socket.socket, size: int) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < size:
        more = await loop.sock_recv(made, size - len(data))
        if not more:
            raise OSError("the DNS server closed the connection")
        data += more
    return data


def _answer_to(query: dns.message.QueryMessage, wire: bytes) -> dns.message.QueryMessage | None:
    """The answer, when it is one to exactly this question: its number, its name, its kind."""
    try:
        answer = dns.message.from_wire(wire[:MOST_BYTES], ignore_trailing=True)
    except (dns.exception.DNSException, ValueError, struct.error):
        return None
    return answer if isinstance(answer, dns.message.QueryMessage) and query.is_response(answer) else None


def _read(answer: dns.message.QueryMessage) -> tuple[list[str], float]:
    """The addresses of an answer along its aliases, and the seconds that it may be kept. Raises `OSError` for a failure."""
    if answer.rcode() == dns.rcode.NXDOMAIN:
        return [], NONE_TTL
    if answer.rcode() != dns.rcode.NOERROR:
        raise socket.gaierror(socket.EAI_AGAIN, f"the DNS server says {dns.rcode.to_text(answer.rcode())}")
    try:
        chain = answer.resolve_chaining()
    except dns.exception.DNSException as exc:
        raise socket.gaierror(socket.EAI_FAIL, "the DNS server's answer cannot be read") from exc
    if chain.answer is None:
        return [], NONE_TTL
    found = [text for record in chain.answer if (text := as_address(record.to_text())) is not None]
    return found, min(MOST_TTL, max(LEAST_TTL, float(chain.minimum_ttl)))
