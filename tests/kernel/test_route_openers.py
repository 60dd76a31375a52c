"""Routes over real sockets, without root: a SOCKS proxy, a DNS server, pools, and requests whose route ends under them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import httpcore2
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "netlab"))

import socks_server

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.routes import Direct, Private, RouteDown, Routes, Unavailable, links, sockets
from nightcrew.kernel.routes.definition import RouteDefinition
from nightcrew.kernel.routes.device import DeviceRoute
from nightcrew.kernel.routes.looks import build, look
from nightcrew.kernel.routes.names import DnsServer, RouteNames
from nightcrew.kernel.routes.sockets import REST, RestingSockets, bound, can_bind, ended
from nightcrew.kernel.routes.socks import SocksProxy, SocksRoute
from nightcrew.kernel.routes.states import RouteSeen, RouteSight
from nightcrew.kernel.routing.asks import LookHttp

pytestmark = pytest.mark.usefixtures("no_backoff")
QUICK = Limits(max_bytes=1 << 20, seconds=5)
GOOD = RouteSight(RouteSeen.GOOD, canary_s=0.01)


class Relay:
    """A SOCKS proxy on loopback; every name that ends in .example is loopback."""

    def __init__(self, **how: object) -> None:
        self.how = how
        self.seen: list[str] = []

    async def __aenter__(self) -> Relay:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await socks_server.serve(reader, writer, lookup=lambda name: "127.0.0.1", seen=self.seen, **self.how)


def up(route: SocksRoute | DeviceRoute) -> None:
    route.note(GOOD)
    route.note(GOOD)


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    async with Relay(login="anna:secret") as made:
        yield made


def by(relay: Relay, password: str = "secret") -> SocksRoute:
    return SocksRoute("proxy", SocksProxy("127.0.0.1", relay.port, "anna", password))


async def text_of(http: Http, url: str, **more: object) -> str:
    text, _ = await http.text(Request(url, attempts=1, route="proxy", **more), limits=QUICK)
    return text


# -- SOCKS -------------------------------------------------------------------------------------------------------------


async def test_names_go_to_the_proxy_and_are_never_looked_up_here(relay: Relay, server, monkeypatch) -> None:
    server.answers("/a", b"through")
    asked: list[object] = []
    lookup = asyncio.get_running_loop().getaddrinfo

    async def watched(host: object, *args: object, **more: object) -> object:
        asked.append(host)
        return await lookup(host, *args, **more)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", watched)
    route = by(relay)
    up(route)
    http = Http(routes=Routes(Direct(), route))
    assert await text_of(http, f"http://service.example:{server.port}/a") == "through"
    assert relay.seen == [f"1 service.example {server.port}"]
    assert {str(host) for host in asked} == {"127.0.0.1"}
    await http.close()


@pytest.mark.parametrize("host", ["192.168.1.1", "0x7f000001", "2130706433", "[::1]", "router", "nas.lan", "localhost"])
async def test_what_lies_here_is_no_question_for_a_proxy(relay: Relay, host: str) -> None:
    route = by(relay)
    up(route)
    http = Http(routes=Routes(Direct(), route))
    with pytest.raises(GiveUp, match="private network"):
        await text_of(http, f"http://{host}/")
    with pytest.raises(GiveUp):
        await route.open(host.strip("[]"), 80)
    with pytest.raises(GiveUp):
        await route.datagrams(host.strip("[]"), 80, lambda data: None)
    assert relay.seen == []
    await http.close()


async def test_a_wrong_login_is_a_connection_that_failed(relay: Relay) -> None:
    route = by(relay, "wrong")
    up(route)
    with pytest.raises(httpcore2.ConnectError, match="refuses the login"):
        await route.open("service.example", 80)
    assert route.gate.doubted.is_set()


@pytest.mark.parametrize("says", ["", "8.8.8.8", "relay.example", "2606:4700::1"])
async def test_datagrams_go_both_ways_through_the_relay_at_the_proxys_own_address(says: str) -> None:
    loop = asyncio.get_running_loop()
    there, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    port = there.get_extra_info("sockname")[1]
    async with Relay(login="anna:secret", says=says) as relay:
        route = by(relay)
        up(route)
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        peer = await route.datagrams("tracker.example", port, heard.put_nowait)
        peer.send(b"hello")
        assert await asyncio.wait_for(heard.get(), 5) == b"hello"
        assert relay.seen == ["3 0.0.0.0 0", f"udp tracker.example {port}"]
        await peer.close()
        peer.send(b"nothing")
    there.close()


async def test_a_proxy_without_udp_leaves_udp_unavailable() -> None:
    async with Relay(login="anna:secret", udp=False) as relay:
        route = by(relay)
        up(route)
        with pytest.raises(Unavailable, match="no UDP"):
            await route.datagrams("tracker.example", 80, lambda data: None)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\4\0",
        b"\5\xff",
        b"HTTP/1.0 400 Bad\r\n\r\n",
        b"\5\2\1\0\5\0\0\7",
        b"\5\2\1\0\5\1\0\1" + bytes(6),
        b"\5\2\1\0\5\0\0\3\xffabc",
    ],
)
async def test_what_is_no_proxy_is_a_connection_that_failed(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    route = SocksRoute("proxy", SocksProxy("127.0.0.1", listening.sockets[0].getsockname()[1], "anna", "secret"))
    up(route)
    with pytest.raises(httpcore2.ConnectError):
        await route.open("service.example", 80)
    listening.close()


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.transport.sendto(data, addr)


# -- generations -------------------------------------------------------------------------------------------------------


async def test_no_pooled_connection_outlives_a_change_of_state(relay: Relay) -> None:
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://service.example:{listening.sockets[0].getsockname()[1]}/"
    route = by(relay)
    up(route)
    http = Http(routes=Routes(Direct(), route))
    assert await text_of(http, url) == await text_of(http, url) == "ok"
    assert opened == 1
    route.note(RouteSight(RouteSeen.BAD, "lost"))
    with pytest.raises(RouteDown, match="suspect: lost"):
        await text_of(http, url)
    route.note(GOOD)
    assert await text_of(http, url) == "ok"
    assert opened == 2
    await http.close()
    listening.close()


async def test_a_request_whose_route_ends_under_it_costs_no_attempt_where_it_may_be_repeated(relay: Relay) -> None:
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://service.example:{listening.sockets[0].getsockname()[1]}/"
    for method, error in (("GET", RouteDown), ("POST", Retry)):
        arrived.clear()
        route = by(relay)
        up(route)
        http = Http(routes=Routes(Direct(), route))
        asking = asyncio.create_task(http.ask(Request(url, method, route="proxy", attempts=1), limits=QUICK))
        await arrived.wait()
        route.note(RouteSight(RouteSeen.GONE, "pulled out"))
        with pytest.raises(error) as told:
            await asking
        assert (type(told.value) is RouteDown) is (method == "GET"), "what may have arrived is not sent again unasked"
        await http.close()
    listening.close()


async def test_what_was_begun_before_a_change_is_not_used_after_it() -> None:
    route = SocksRoute("proxy", SocksProxy("127.0.0.1", 1))
    up(route)
    route.dialer = Changing(route)
    with pytest.raises(RouteDown):
        await route.open("service.example", 80)


class Changing:
    """A dialer under whose hands the route changes."""

    def __init__(self, route: SocksRoute) -> None:
        self.route = route

    async def connected(self, host: str, port: int) -> tuple[socket.socket, httpcore2.AsyncNetworkStream]:
        self.route.note(RouteSight(RouteSeen.BAD))
        self.route.note(GOOD)
        return socket.socket(), httpcore2.AsyncMockStream([])


async def test_a_redirect_from_here_to_outside_takes_the_route(relay: Relay, server) -> None:
    server.answers("/go", status="302 Found", Location=f"http://service.example:{server.port}/there")
    server.answers("/there", b"outside")
    route = by(relay)
    http = Http(routes=Routes(Direct(), route))
    with pytest.raises(RouteDown):
        await text_of(http, server.url("/go"), allow_private=True)
    assert [seen.path for seen in server.requests] == ["/go"], "what lies here is asked though the route is closed"
    up(route)
    assert await text_of(http, server.url("/go"), allow_private=True) == "outside"
    assert relay.seen == [f"1 service.example {server.port}"]
    await http.close()


# -- names -------------------------------------------------------------------------------------------------------------


class NameServer:
    """A DNS server on loopback, over UDP and TCP. `answer(query)` gives a message, bytes, or a list of them."""

    def __init__(self, answer: Callable[[dns.message.QueryMessage, bool], object]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, bool]] = []

    async def __aenter__(self) -> NameServer:
        loop = asyncio.get_running_loop()
        outer = self

        class Udp(Echo):
            def datagram_received(self, data: bytes, addr: object) -> None:
                for wire in outer.wires(data, tcp=False):
                    self.transport.sendto(wire, addr)

        async def tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            for wire in self.wires(await reader.readexactly(size), tcp=True):
                writer.write(struct.pack("!H", len(wire)) + wire)
            writer.close()

        self.listening = await asyncio.start_server(tcp, "127.0.0.1", 0)
        self.port = self.listening.sockets[0].getsockname()[1]
        self.udp, _ = await loop.create_datagram_endpoint(Udp, local_addr=("127.0.0.1", self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.udp.close()
        self.listening.close()

    def wires(self, data: bytes, *, tcp: bool) -> list[bytes]:
        query = dns.message.from_wire(data)
        self.asked.append((query.question[0].to_text(), tcp))
        found = self.answer(query, tcp)
        return [
            one if isinstance(one, bytes) else one.to_wire() for one in (found if isinstance(found, list) else [found])
        ]

    def names(self, patience: float = 0.3) -> RouteNames:
        return RouteNames([DnsServer("127.0.0.1", self.port)], plain, patience=patience)


async def plain(address: str, port: int, kind: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (address, port))
    return made


def saying(*addresses: str, ttl: int = 60) -> Callable[[dns.message.QueryMessage, bool], object]:
    def answer(query: dns.message.QueryMessage, tcp: bool) -> object:
        found = dns.message.make_response(query)
        kind = query.question[0].rdtype.name
        fitting = [one for one in addresses if (":" in one) == (kind == "AAAA")]
        if fitting:
            found.answer.append(dns.rrset.from_text(query.question[0].name, ttl, "IN", kind, *fitting))
        return found

    return answer


async def test_a_name_has_its_addresses_of_both_families_and_is_asked_once() -> None:
    async with NameServer(saying("93.184.215.14", "2606:4700::1")) as there:
        names = there.names()
        assert await names.addresses("Service.Example.") == ["2606:4700::1", "93.184.215.14"]
        assert await names.addresses("service.example") == ["2606:4700::1", "93.184.215.14"]
        assert len(there.asked) == 2
        assert await names.addresses("service.example", six=False) == ["93.184.215.14"]
        names.forget()
        await names.addresses("service.example")
        assert len(there.asked) == 5


async def test_an_address_is_not_asked_for_and_neither_is_what_is_no_name() -> None:
    async with NameServer(saying("93.184.215.14")) as there:
        names = there.names()
        assert await names.addresses("93.184.215.14") == ["93.184.215.14"]
        assert await names.addresses("0x5db8d70e") == ["93.184.215.14"]
        for wrong in ("", "router", "a b.example", "x" * 64 + ".example", "example.1", "a\\.example"):
            with pytest.raises(OSError):
                await names.addresses(wrong)
        assert there.asked == []


async def test_an_answer_that_is_cut_off_is_asked_for_over_tcp() -> None:
    def answer(query: dns.message.QueryMessage, tcp: bool) -> object:
        found = saying("93.184.215.14")(query, tcp)
        if not tcp:
            found.answer.clear()
            found.flags |= dns.flags.TC
        return found

    async with NameServer(answer) as there:
        assert await there.names().addresses("service.example", six=False) == ["93.184.215.14"]
        assert [tcp for _, tcp in there.asked] == [False, True]


async def test_answers_to_other_questions_are_not_believed() -> None:
    """A wrong number, another name, a question instead of an answer, and bytes that are none."""

    def answer(query: dns.message.QueryMessage, tcp: bool) -> object:
        good = saying("93.184.215.14")(query, tcp)
        other = saying("6.6.6.6")(query, tcp)
        other.id ^= 1
        renamed = saying("6.6.6.6")(dns.message.make_query("evil.example", "A", id=query.id), tcp)
        asking = dns.message.make_query("service.example", "A", id=query.id)
        return [b"", b"\xff" * 40, other, renamed, asking, good]

    async with NameServer(answer) as there:
        assert await there.names().addresses("service.example", six=False) == ["93.184.215.14"]


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NXDOMAIN])
async def test_a_failure_is_an_error_of_the_network(code: dns.rcode.Rcode) -> None:
    def answer(query: dns.message.QueryMessage, tcp: bool) -> object:
        found = dns.message.make_response(query)
        found.set_rcode(code)
        return found

    async with NameServer(answer) as there:
        with pytest.raises(socket.gaierror):
            await there.names().addresses("service.example")


async def test_aliases_are_followed_and_a_loop_of_them_is_not() -> None:
    def answer(query: dns.message.QueryMessage, tcp: bool) -> object:
        found = dns.message.make_response(query)
        name = query.question[0].name.to_text()
        if name.startswith("loop"):
            pairs = [("loop.example.", "CNAME", "loop2.example."), ("loop2.example.", "CNAME", "loop.example.")]
        else:
            pairs = [
                (name, "CNAME", "a.example."),
                ("a.example.", "CNAME", "b.example."),
                ("b.example.", "A", "93.184.215.14"),
            ]
        found.answer += [dns.rrset.from_text(owner, 60, "IN", kind, data) for owner, kind, data in pairs]
        return found

    async with NameServer(answer) as there:
        assert await there.names().addresses("service.example", six=False) == ["93.184.215.14"]
        with pytest.raises(OSError):
            await there.names().addresses("loop.example", six=False)


async def test_a_server_that_is_silent_is_asked_again_and_its_sockets_rest() -> None:
    async with NameServer(lambda query, tcp: []) as there:
        before = len(REST)
        with pytest.raises(TimeoutError, match="does not answer"):
            await there.names(0.05).addresses("service.example", six=False)
        assert len(there.asked) == 2 and len(REST) == before + 2


@pytest.mark.skipif(not can_bind(), reason="only Linux holds sockets to devices")
async def test_a_connection_whose_route_ended_rests_until_the_other_side_can_be_told(monkeypatch) -> None:
    monkeypatch.setattr(sockets, "RESTING", 0.0)
    monkeypatch.setattr(sockets, "SWEEP", 0.0)
    rest, leads = RestingSockets(), 0

    def swept() -> None:
        rest.keep(socket.socket(type=socket.SOCK_DGRAM).detach())

    with socket.create_server(("127.0.0.1", 0)) as server:
        made = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        with peer:
            ended(made)
            rest.keep(made.detach(), device=lambda: leads)
            for _ in range(3):
                peer.send(b"late")  # raises when the one before was answered with a reset
                swept()
                await asyncio.sleep(0.02)
            leads = socket.if_nametoindex("lo")
            swept()
            with pytest.raises(ConnectionResetError):
                peer.recv(1)


@pytest.mark.skipif(not can_bind(), reason="only Linux holds sockets to devices")
async def test_a_connection_that_both_sides_have_ended_makes_room_before_one_that_still_gets_something(
    monkeypatch,
) -> None:
    monkeypatch.setattr(sockets, "MOST_RESTING", 4)
    rest = RestingSockets()
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as peers:

        def kept() -> socket.socket:
            made = socket.create_connection(server.getsockname())
            peer = peers.enter_context(server.accept()[0])
            rest.keep(made.detach(), finished=True)
            return peer

        first = kept()
        for peer in [kept() for _ in range(3)]:
            peer.close()
        kept()
        assert len(rest) == 2
        first.send(b"late")
        await asyncio.sleep(0.02)
        first.send(b"late")  # there is still a socket for it


async def test_what_has_to_lie_here_is_not_asked_elsewhere(server, monkeypatch) -> None:
    """gluetun's control server and the proxy: a resolver that answers everything would be told a key, and all names."""

    async def everything(host: str) -> list[str]:
        return ["93.184.215.14"]

    opened: list[str] = []

    async def watched(self: Direct, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        opened.append(address)
        raise httpcore2.ConnectError("no")

    server.answers("/v1", status="302 Found", Location="http://public.example/")
    asks = LookHttp()
    with pytest.raises(RouteDown):
        await asks.here(server.url("/v1"), {"X-API-Key": "key"})
    monkeypatch.setattr("nightcrew.kernel.routes.direct.system_addresses", everything)
    monkeypatch.setattr("nightcrew.kernel.routes.socks.system_addresses", everything)
    monkeypatch.setattr(Direct, "open", watched)
    with pytest.raises(GiveUp, match="past its route"):
        await asks.here("http://gluetun:8000/v1/vpn/status", {"X-API-Key": "key"})
    route = SocksRoute("proxy", SocksProxy("gluetun", 1080))
    up(route)
    with pytest.raises(httpcore2.ConnectError, match="belongs to this network"):
        await route.open("service.example", 80)
    assert opened == []


@pytest.mark.parametrize(
    ("said", "seen"), [("running", None), ("stopped", RouteSeen.GONE), ("crashed", RouteSeen.GONE)]
)
async def test_gluetun_can_only_say_that_it_is_down(server, said: str, seen: RouteSeen | None) -> None:
    server.answers("/v1/vpn/status", f'{{"status": "{said}"}}'.encode())
    one = RouteDefinition(
        "vpn", "socks5h://127.0.0.1:1", canary="x.example:80", gluetun=server.url("").rstrip("/"), gluetun_key="k"
    )
    found = await look(build(one), one, LookHttp())
    assert found.seen is (seen or RouteSeen.BAD)
    assert server.requests[0].headers["x-api-key"] == "k"


# -- devices -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not can_bind(), reason="only Linux holds sockets to a device")
def test_a_socket_is_held_to_its_device_or_there_is_none() -> None:
    made = bound("lo", 0, socket.AF_INET, socket.SOCK_STREAM)
    assert made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).startswith(b"lo\0")
    made.close()
    index = socket.if_nametoindex("lo")
    bound("lo", index, socket.AF_INET6, socket.SOCK_DGRAM).close()
    with pytest.raises(RouteDown, match="not the one that was looked at"):
        bound("lo", index + 999, socket.AF_INET, socket.SOCK_STREAM)
    with pytest.raises(RouteDown, match="no device"):
        bound("nowhere0", 0, socket.AF_INET, socket.SOCK_STREAM)


async def test_nothing_private_is_sent_through_a_tunnel() -> None:
    route = DeviceRoute("vpn", "lo", [DnsServer("127.0.0.1")])
    up(route)
    for address in ("127.0.0.1", "192.168.1.1", "fe80::1", "224.0.0.1"):
        with pytest.raises(GiveUp):
            await route.open(address, 80)
        with pytest.raises(GiveUp):
            await route.datagrams(address, 80, lambda data: None)


async def test_a_route_that_nobody_has_looked_at_is_closed() -> None:
    route = DeviceRoute("vpn", "lo", [DnsServer("127.0.0.1")])
    for ask in (
        route.resolve("service.example"),
        route.open("93.184.215.14", 80),
        route.datagrams("93.184.215.14", 80, print),
    ):
        with pytest.raises(RouteDown, match="nobody has looked"):
            await ask
    assert route.gate.refused == 3


async def test_a_pool_belongs_to_one_rule(server) -> None:
    """A request that may not go into the private network is not given the connection of one that may."""
    from nightcrew.kernel.http_pool import Pools

    pools = Pools(Routes())
    assert pools.of("direct", Private.NEVER) is pools.of("direct", Private.NEVER)
    assert pools.of("direct", Private.NEVER) is not pools.of("direct", Private.ANYWHERE)
    await pools.close()


@pytest.mark.skipif(not can_bind(), reason="only Linux tells of its devices")
async def test_where_the_kernel_does_not_tell_of_changes_looks_go_on_without(monkeypatch) -> None:
    called: list[set[int]] = []
    with links.watching(called.append):
        await asyncio.sleep(0)

    def refused(*args: object) -> None:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(links.socket, "socket", refused)
    with links.watching(called.append):
        await asyncio.sleep(0)
    assert called == []
