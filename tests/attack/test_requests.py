"""Requests that are too large, too slow or too many, from somebody who is not logged in: each costs no more than its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from nightcrew.web import bodies, protocol
from support import Node, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def locked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """A node with a password."""
    async with running(tmp_path_factory.mktemp("locked")) as started:
        await started.access.set_password("correct horse")
        yield started


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def owner(locked: Node) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that is logged in."""
    async with httpx2.AsyncClient(base_url=locked.url, trust_env=False) as client:
        answer = await client.post("/login", data={"password": "correct horse"})
        assert answer.status_code == 303
        yield client


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body whose length is not announced."""
    for start in range(0, len(body), 4096):
        yield body[start : start + 4096]


async def answers(locked: Node) -> bool:
    return (await locked.http.get("/health")).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("size", [bodies.STRANGER + 1, 8 << 20])
async def test_a_stranger_may_send_16_kib(locked: Node, size: int, announced: bool) -> None:
    body = b"&" * size
    answer = await locked.http.post("/login", content=body if announced else pieces(body), headers=FORM)
    assert answer.status_code == 413
    assert await answers(locked)


async def test_a_form_of_separators_is_refused_before_it_is_taken_apart(locked: Node) -> None:
    answer = await locked.http.post("/login", content=b"&" * bodies.STRANGER, headers=FORM)
    assert answer.status_code == 422
    many = "&".join(f"f{number}=" for number in range(501))
    assert (await locked.http.post("/login", content=many, headers=FORM)).status_code == 422


async def test_a_form_that_is_no_text_or_has_files_is_refused(locked: Node) -> None:
    assert (await locked.http.post("/login", content=b"password=\xff\xfe", headers=FORM)).status_code == 422
    answer = await locked.http.post("/login", files={"password": b"x" * 100})
    assert answer.status_code == 422


async def test_forms_and_json_of_the_owner_have_a_larger_limit(owner: httpx2.AsyncClient) -> None:
    origin = {"Origin": str(owner.base_url).rstrip("/")}
    name = "x" * (bodies.KNOWN - 100)
    assert (await owner.post("/settings", content=f"name={name}", headers=FORM | origin)).status_code != 413
    large = f"name={name}{'x' * 200}"
    assert (await owner.post("/settings", content=large, headers=FORM | origin)).status_code == 413
    value = b'{"kernel.public_url": "' + b"x" * (bodies.KNOWN - 100) + b'"}'
    assert (await owner.patch("/api/v1/settings", content=value, headers=JSON | origin)).status_code == 422
    value = b'{"kernel.public_url": "' + b"x" * bodies.KNOWN + b'"}'
    assert (await owner.patch("/api/v1/settings", content=value, headers=JSON | origin)).status_code == 413


@pytest.mark.parametrize("text", ["[" * 900_000, '{"a":' * 150_000, "1" * 900_000], ids=["lists", "objects", "digits"])
async def test_json_that_is_deep_or_a_long_number_is_refused(owner: httpx2.AsyncClient, text: str) -> None:
    origin = {"Origin": str(owner.base_url).rstrip("/")}
    answer = await owner.patch("/api/v1/settings", content=text, headers=JSON | origin)
    assert 400 <= answer.status_code < 500


async def connected(node: Node) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(node.url.rsplit(":", 1)[1]))


async def spoken(node: Node, *said: bytes) -> bytes:
    """What comes back for these bytes until the server closes."""
    reader, writer = await connected(node)
    try:
        for piece in said:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionError:
        return b""
    finally:
        writer.close()


START = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    "head",
    [
        START + b"X-Long: " + b"x" * protocol.MAX_HEAD * 2 + b"\r\n\r\n",
        START + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1_000) for number in range(120)) + b"\r\n",
        b"GET /" + b"x" * protocol.MAX_HEAD * 2 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        START + b"X: 1\r\n" * 40_000,
    ],
    ids=["one header", "many headers", "the address", "no end"],
)
async def test_a_head_has_a_limit(locked: Node, head: bytes) -> None:
    said = await spoken(locked, head)
    assert said == b"" or said.startswith(b"HTTP/1.1 400")
    assert await answers(locked)


async def test_requests_that_are_never_finished_are_closed(locked: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    begun = [b"", b"G", b"GET / HTTP/1.1\r\n", START, START + b"X-Half: "]
    ended = await asyncio.gather(*(spoken(locked, begin) for begin in begun * 10))
    assert all(said.startswith(b"HTTP/1.1 408") for said in ended)
    reader, writer = await connected(locked)
    writer.write(START + b"\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    await reader.readuntil(b"}")
    writer.write(START)  # a second one on the same connection
    assert b"HTTP/1.1 408" in await asyncio.wait_for(reader.read(), 60)
    writer.close()


async def test_a_body_that_trickles_is_given_up(locked: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.3)
    head = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    reader, writer = await connected(locked)
    writer.write(head + b"Content-Length: 100\r\n\r\npassw")
    said = await asyncio.wait_for(reader.readuntil(b"\r\n"), 60)
    assert said.startswith(b"HTTP/1.1 408")
    writer.close()


async def test_an_answer_may_take_longer_than_a_request(locked: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is limited is the request. A page that is watched for hours goes on."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(bodies, "SECONDS", 0.2)
    key = await locked.access.make_token("api", "watcher")
    head = f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {key}\r\n\r\n"
    reader, writer = await connected(locked)
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    await asyncio.sleep(0.6)
    assert not reader.at_eof()
    writer.close()


async def test_one_address_holds_so_many_connections(locked: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 5)
    open_ones = [await connected(locked) for _ in range(8)]
    first = [await asyncio.wait_for(reader.read(1), 60) for reader, _ in open_ones[6:]]
    assert first == [b"H"] * 2, "they are told at once, the others are waited for"
    for _, writer in open_ones:
        writer.close()
        await writer.wait_closed()
    monkeypatch.undo()
    assert await answers(locked)
