"""What a connection is opened to: an address that was checked, by the route that was chosen, or nothing."""

from __future__ import annotations

import asyncio
import socket

import httpcore2
import pytest

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.routes import Direct, Route, RouteDown, Routes
from support import free_port

pytestmark = pytest.mark.usefixtures("no_backoff")

QUICK = Limits(max_bytes=1 << 20, seconds=10)
PUBLIC = "93.184.215.14"


class Scripted(Direct):
    """Answers names in turn from a list, and leads every public address to a server on loopback."""

    def __init__(self, *answers: list[str], port: int = 0, name: str = "direct") -> None:
        self.name = name
        self.answers = list(answers)
        self.port = port
        self.asked: list[str] = []
        self.opened: list[str] = []
        self.silent: set[str] = set()
        self.closed: set[str] = set()
        self.began = asyncio.Event()

    async def resolve(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        self.opened.append(address)
        self.began.set()
        if address in self.silent:
            await asyncio.Event().wait()
        if address in self.closed:
            return await super().open("127.0.0.1", free_port())
        return await super().open("127.0.0.1", self.port)


def through(route: Route) -> Http:
    return Http(routes=Routes(route))


async def body_of(http: Http, url: str, **more: object) -> str:
    text, _ = await http.text(Request(url, **more), limits=QUICK)
    return text


async def test_a_name_is_resolved_once_and_exactly_that_address_is_connected_to(server) -> None:
    """DNS rebinding: the second answer would lead to the machine itself."""
    server.answers("/a", b"public")
    route = Scripted([PUBLIC], ["127.0.0.1"], port=server.port)
    http = through(route)
    assert await body_of(http, f"http://service.example:{server.port}/a") == "public"
    assert (route.asked, route.opened) == (["service.example"], [PUBLIC])
    assert server.requests[0].headers["host"] == f"service.example:{server.port}"
    with pytest.raises(GiveUp, match="private network"):
        await body_of(http, f"http://service.example:{server.port}/a")
    assert route.opened == [PUBLIC]
    await http.close()


async def test_one_private_address_among_public_ones_is_enough_to_stay_away(server) -> None:
    route = Scripted([PUBLIC, "10.0.0.7"], port=server.port)
    http = through(route)
    with pytest.raises(GiveUp, match="private network"):
        await body_of(http, "http://service.example/a")
    assert (route.opened, server.requests) == ([], [])
    await http.close()


async def test_a_redirect_of_a_public_source_is_checked_as_well(server) -> None:
    server.answers("/a", status="302 Found", Location=f"http://inside.example:{server.port}/b")
    server.answers("/b", b"secrets of the house")
    http = through(Scripted([PUBLIC], ["192.168.1.1"], port=server.port))
    with pytest.raises(GiveUp, match="private network"):
        await body_of(http, f"http://service.example:{server.port}/a")
    assert [seen.path for seen in server.requests] == ["/a"]
    await http.close()


async def test_a_connection_into_the_private_network_is_not_used_by_who_may_not_go_there() -> None:
    """Both ask the same host, and the first one's connection is still open."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    http = Http()
    assert await body_of(http, url, allow_private=True) == "ok"
    with pytest.raises(GiveUp, match="private network"):
        await body_of(http, url)
    assert asked == 1
    await http.close()
    listening.close()


async def test_a_route_that_is_not_known_opens_nothing(server) -> None:
    http = Http()
    with pytest.raises(RouteDown, match="no route 'tunnel', and no other"):
        await body_of(http, server.url("/a"), allow_private=True, route="tunnel")
    assert server.requests == []
    await http.close()


async def test_each_request_takes_its_own_route(server) -> None:
    server.answers("/a", b"ok")
    direct, tunnel = (Scripted([PUBLIC], port=server.port, name=name) for name in ("direct", "tunnel"))
    http = Http(routes=Routes(direct, tunnel))
    await body_of(http, "http://service.example/a", route="tunnel")
    assert (direct.asked, direct.opened) == ([], [])
    await body_of(http, "http://service.example/a")
    assert (direct.opened, tunnel.opened) == ([PUBLIC], [PUBLIC])
    await http.close()


@pytest.mark.parametrize("how", ["silent", "closed"])
async def test_an_address_that_does_not_answer_keeps_nobody_from_the_next(server, how: str) -> None:
    server.answers("/a", b"ok")
    six = "2606:4700::1111"
    route = Scripted([six, "2606:4700::2222", PUBLIC], port=server.port)
    getattr(route, how).add(six)
    http = through(route)
    assert await body_of(http, "http://service.example/a") == "ok"
    assert route.opened == [six, PUBLIC]
    await http.close()


async def test_when_no_address_answers_the_first_reason_is_told() -> None:
    route = Scripted(["2606:4700::1111", PUBLIC])
    route.closed |= {"2606:4700::1111", PUBLIC}
    http = through(route)
    with pytest.raises(Retry, match="refuses the connection") as told:
        await body_of(http, "http://service.example/a")
    assert told.value.unreached
    await http.close()


async def test_a_request_that_is_given_up_leaves_no_attempt_behind(server) -> None:
    route = Scripted([PUBLIC, "93.184.215.15"])
    route.silent |= {PUBLIC, "93.184.215.15"}
    http = through(route)
    asking = asyncio.create_task(body_of(http, "http://service.example/a"))
    await route.began.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "connect"]
    await http.close()


async def test_a_name_without_an_address_is_not_known() -> None:
    http = through(Scripted([]))
    with pytest.raises(Retry, match="DNS"):
        await body_of(http, "http://service.example/a")
    await http.close()


async def test_the_systems_resolver_knows_this_machine() -> None:
    assert "127.0.0.1" in await Direct().resolve("localhost")
    with pytest.raises(socket.gaierror):
        await Direct().resolve("name.invalid")
