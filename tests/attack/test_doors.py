"""What a neighbour and a hostile web page try at the door: crafted paths, names, forms of other sites, smuggled requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from doors import every_route
from nightcrew.web.guard import COOKIE
from support import Node, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "correct horse"


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="locked")
async def with_a_password(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    async with running(tmp_path_factory.mktemp("locked"), password=PASSWORD) as started:
        yield started


def filled(path: str) -> str:
    """A route's path with something in its places."""
    return re.sub(r"\{[^}]*\}", "1", path)


async def asked(node: Node, *lines: str, body: bytes = b"", wait: float = 5.0) -> bytes:
    """All that comes back for these lines, sent as they are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(node.url.rpartition(":")[2]))
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    await writer.drain()
    found = b""
    try:
        async with asyncio.timeout(wait):
            while block := await reader.read(65536):
                found += block
    except TimeoutError:
        pass
    finally:
        writer.close()
    return found


# -- who is not logged in ----------------------------------------------------------------------------------------------


async def test_every_address_is_closed_but_those_that_are_open_on_purpose(locked: Node) -> None:
    """A new page or route that forgets about it is found here."""
    open_ones = set()
    for route in every_route(locked):
        for method in route.methods:
            answer = await locked.http.request(method, filled(route.path))
            if answer.status_code not in {401, 403}:
                open_ones.add((method, route.path))
    assert open_ones == {("GET", "/health"), ("GET", "/login"), ("POST", "/login")}
    assert len(every_route(locked)) > 100


TARGETS = ("etc/passwd", "secret.key", "nightcrew.db")
STEPS = (
    "../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "....//", "..;/", "%252e%252e%252f", "..%c0%af", "..%00/", "/%2e/%2e%2e/", "%uff0e%uff0e/",
)  # fmt: skip
PLACES = ("/static/", "/health/", "/login/", "/favicon.ico/", "/static/vendor/")
CRAFTED = [f"{place}{step * 6}{target}" for place in PLACES for step in STEPS for target in TARGETS]
ODD = [
    "//etc/passwd", "/.//../etc/passwd", "/static//etc/passwd", "/static/\\etc\\passwd", "/STATIC/../api/v1/settings", "/static/..",
    "/static/%00", "/static/.", "/static/...", "/health;/../api/v1/settings", "/health%2f..%2fapi/v1/settings", "/login/../metrics",
    "/static/..%2fapi/v1/settings", "/health?/../../api/v1/settings", "/health#/api", "http://127.0.0.1/api/v1/settings", "*",
    "/api/v1/settings/", "//api/v1/settings", "/api//v1/settings", "/API/V1/SETTINGS", "/%61pi/v1/settings", "/api/v1/settings%20",
    "/login%0d%0aX-Api-Key:%20x", "/static/" + "a/" * 2000, "/static/" + "%2e" * 2000,
]  # fmt: skip


async def test_crafted_paths_lead_nowhere(locked: Node) -> None:
    assert len(CRAFTED) + len(ODD) > 59
    secret = (locked.runtime.data_dir / "secret.key").read_bytes().strip()[:20]
    for path in (*CRAFTED, *ODD):
        found = await asked(locked, f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close")
        status = found.split(b" ", 2)[1:2]
        assert status in (
            [],
            [b"303"],
            [b"307"],
            [b"400"],
            [b"401"],
            [b"403"],
            [b"404"],
            [b"405"],
            [b"414"],
            [b"431"],
        ) or (status == [b"200"] and path.startswith("/health")), (path, found[:200])
        for planted in (b"root:", b"SQLite format", b"job_days", secret):
            assert planted not in found, path


# -- forms of other sites (CSRF) ---------------------------------------------------------------------------------------


async def test_no_other_site_changes_anything_by_any_route(locked: Node) -> None:
    cookie = {"Cookie": f"{COOKIE}={await locked.access.sessions.open()}"}
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": f"http://evil.example#{locked.url}"},
    ]
    tried = 0
    for route in every_route(locked):
        for method in route.methods & {"POST", "PUT", "PATCH", "DELETE"}:
            headers = cookie | foreign[tried % len(foreign)]
            answer = await locked.http.request(method, filled(route.path), headers=headers)
            assert answer.status_code == 403, (method, route.path)
            tried += 1
    assert tried > 50


async def test_a_page_is_shown_in_no_frame_and_runs_no_script_of_others(locked: Node) -> None:
    cookie = {"Cookie": f"{COOKIE}={await locked.access.sessions.open()}"}
    for path in ("/", "/settings", "/login", "/nothing-here", "/api/v1/settings"):
        headers = (await locked.http.get(path, headers=cookie)).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'self'" in policy
        assert "unsafe-eval" not in policy and "script-src" not in policy  # scripts have no more than the default
        assert headers["x-content-type-options"] == "nosniff"


# -- requests within requests ------------------------------------------------------------------------------------------

INNER = "GET /api/v1/settings HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: KEY\r\n\r\n"
SMUGGLED: dict[str, tuple[list[str], str]] = {
    "length and chunks": (["Content-Length: 4", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
    "chunks and length": (["Transfer-Encoding: chunked", "Content-Length: 200"], "0\r\n\r\n"),
    "two lengths": (["Content-Length: 0", "Content-Length: 44"], ""),
    "a list of lengths": (["Content-Length: 0, 44"], ""),
    "a signed length": (["Content-Length: +0"], ""),
    "a length in hex": (["Content-Length: 0x0"], ""),
    "a spaced name": (["Content-Length : 0"], ""),
    "another coding": (["Transfer-Encoding: xchunked"], "0\r\n\r\n"),
    "two codings": (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], "0\r\n\r\n"),
    "a tab before it": (["Transfer-Encoding:\tchunked", "Content-Length: 3"], "0\r\n\r\n"),
    "a folded line": (["X: y", " Transfer-Encoding: chunked", "Content-Length: 0"], ""),
    "a bare line feed": (["X: y\nTransfer-Encoding: chunked", "Content-Length: 0"], ""),
    "a bare return": (["X: y\rTransfer-Encoding: chunked", "Content-Length: 0"], ""),
    "a NUL": (["X: y\0", "Content-Length: 0"], ""),
    "a chunk's size that is none": (["Transfer-Encoding: chunked"], "0x5\r\nabcde\r\n0\r\n\r\n"),
    "a negative chunk": (["Transfer-Encoding: chunked"], "-1\r\n\r\n0\r\n\r\n"),
    "an endless chunk": (["Transfer-Encoding: chunked"], "fffffffffffffffffffff\r\n"),
}


async def test_one_request_holds_no_other(
    locked: Node, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a proxy in front may take for a body must not be taken for a request, nor the other way round."""
    inner = INNER.replace("KEY", await locked.access.make_token("api", "x", permission="read"))
    start = ["POST /login HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/x-www-form-urlencoded"]
    sent = [
        asked(locked, *start, *headers, body=(body + inner).encode("latin-1"), wait=4.0)
        for headers, body in SMUGGLED.values()
    ]
    for how, found in zip(SMUGGLED, await asyncio.gather(*sent), strict=True):
        answers = re.findall(rb"HTTP/1\.1 (\d\d\d)", found)
        if how in PLAIN:
            assert len(answers) == 2, (how, found[:300])
        else:
            assert answers == [b"400"], (how, found[:300])
    assert "Traceback" not in caplog.text + "".join(capsys.readouterr()), "a stranger must not fill the log"


PLAIN = {"a folded line"}
"""One request and another after it, for everybody who reads them."""


@pytest.mark.parametrize(
    "line",
    [
        "GET /health",
        "GET  /health HTTP/1.1",
        "G@T /health HTTP/1.1",
        "get\t/health\tHTTP/1.1",
        "\0",
        "A" * 40_000,
        "PRI * HTTP/2.0",
    ],
)
async def test_what_is_no_request_is_refused(locked: Node, line: str) -> None:
    found = await asked(locked, line, "Host: 127.0.0.1", wait=3.0)
    assert not found.startswith(b"HTTP/1.1 200"), found[:100]
    assert (await locked.http.get("/health")).status_code == 200
