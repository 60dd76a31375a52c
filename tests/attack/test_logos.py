"""Logos of strangers: pages ask this node for them, and what a provider sends as one does no harm."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import re
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.png import png
from nightcrew.kernel import picture_cache, pictures
from nightcrew.playlists import logos
from nightcrew.playlists.logos import Logos
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.store import sources
from support import Node, running

PNG = png("a")
SVG = b'<?xml version="1.0"?>\n<!-- x --><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
GOOD = {
    "png": (PNG, "image/png"),
    "gif": (b"GIF89a" + struct.pack("<HH", 8, 8) + bytes(20), "image/gif"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(40), "image/jpeg"),
    "webp": (b"RIFF\x20\0\0\0WEBPVP8 " + bytes(20), "image/webp"),
    "ico": (b"\0\0\1\0\1\0" + bytes(30), "image/x-icon"),
    "svg": (SVG, "image/svg+xml"),
}
BAD = {
    "html": b"<!doctype html><script>alert(1)</script>",
    "js": b"alert(1)//",
    "text": b"GIF is a nice format",
    "empty": b"",
    "wide": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 100_000, 100_000) + bytes(30),
    "flat": b"GIF89a" + struct.pack("<HH", 60_000, 1),
    "cut": b"\x89PNG\r\n\x1a\n",
    "html-svg": b"<html><svg onload=alert(1)></svg></html>",
    "entities": b'<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>',
    "huge": PNG + bytes(1 << 20),
    "bomb": b"",
    "error": PNG,
    "loop": b"",
}
SLOW = 60.0
"""Seconds that the slow provider takes."""
MANY = 40


class Provider:
    """A list, and logos of all kinds; counts who is asked for what, and how many at a time."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.heads: list[str] = []
        self.now = self.most = 0

    async def __aenter__(self) -> Provider:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def list(self, names: list[str]) -> str:
        lines = (f'#EXTINF:-1 tvg-logo="{self.url}/logo/{n}",{n} logo\nhttp://192.0.2.1/{n}.ts\n' for n in names)
        return "#EXTM3U\n" + "".join(lines)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split()[1]
            if path == "/list.m3u":
                names = [*GOOD, *BAD, "slow", *(f"many{n}" for n in range(MANY))]
                await self._send(writer, self.list(names).encode())
            else:
                self.heads.append(head)
                await self._logo(writer, path.rpartition("/")[2])
        writer.close()

    async def _logo(self, writer: asyncio.StreamWriter, name: str) -> None:
        self.asked[name] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if name == "slow":
                await asyncio.sleep(SLOW)
            elif name == "error":
                await self._send(writer, PNG, "HTTP/1.1 500 No\r\n")
            elif name == "loop":
                await self._send(writer, b"", "HTTP/1.1 302 Found\r\nLocation: /logo/loop\r\n")
            elif name == "bomb":
                await self._send(writer, gzip.compress(PNG + bytes(50 << 20)), more="Content-Encoding: gzip\r\n")
            else:
                await asyncio.sleep(0.02)
                body = GOOD[name][0] if name in GOOD else BAD.get(name, PNG)
                await self._send(writer, body, more="Content-Type: text/html\r\nSet-Cookie: who=you\r\n")
        finally:
            self.now -= 1

    @staticmethod
    async def _send(
        writer: asyncio.StreamWriter, body: bytes, line: str = "HTTP/1.1 200 OK\r\n", more: str = ""
    ) -> None:
        writer.write(f"{line}Connection: close\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)
        await writer.drain()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def provider() -> AsyncIterator[Provider]:
    async with Provider() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """A node with the provider's list, and a list of a stranger that names the same logos."""
    folder = tmp_path_factory.mktemp("logos")
    async with running(folder / "data") as started:
        await started.add(kind="m3u", name="List", url=f"{provider.url}/list.m3u", region="DE")
        (folder / "other.m3u").write_text(provider.list(["inside"]))
        await started.add(kind="m3u", name="Other", url=str(folder / "other.m3u"), region="AT")
        yield started


async def picture(node: Node, name: str) -> str:
    found = (await node.get("/api/v1/channels", params={"q": name, "limit": 500}))["items"]
    return str(next(one["picture"] for one in found if one["name"] == f"{name} logo"))


anywhere = pytest.mark.asyncio(loop_scope="module")


@anywhere
async def test_a_page_names_no_provider_and_lets_a_browser_ask_none(node: Node, provider: Provider) -> None:
    before = provider.asked.total()
    page = await node.http.get("/channels")
    shown = re.findall(r'<img[^>]* src="([^"]*)"', page.text)
    assert len(shown) > 20
    assert all(re.fullmatch(r"/channels/\d+/logo\?v=[0-9a-f]{8}", one) for one in shown)
    assert provider.url not in re.sub(r'value="[^"]*"', "", page.text)
    rule = re.search(r"img-src ([^;]*);", page.headers["content-security-policy"])
    assert rule is not None
    assert rule.group(1) == "'self' data:"
    assert provider.asked.total() == before


@anywhere
@pytest.mark.parametrize("name", GOOD)
async def test_a_picture_is_passed_on_with_its_own_type(node: Node, provider: Provider, name: str) -> None:
    answer = await node.http.get(await picture(node, name))
    assert (answer.status_code, answer.content) == (200, GOOD[name][0])
    headers = answer.headers
    assert headers["content-type"] == GOOD[name][1]
    assert headers["x-content-type-options"] == "nosniff"
    assert (
        "sandbox" in headers["content-security-policy"] and "default-src 'none'" in headers["content-security-policy"]
    )
    assert "set-cookie" not in headers
    assert "max-age=86400" in headers["cache-control"]
    again = await node.http.get(await picture(node, name), headers={"If-None-Match": headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert provider.asked[name] == 1
    assert not [head for head in provider.heads if re.search(r"(?im)^(referer|cookie|x-forwarded)", head)]


@anywhere
@pytest.mark.parametrize("name", BAD)
async def test_what_is_no_picture_or_too_large_is_not_passed_on_and_asked_for_once(
    node: Node, provider: Provider, name: str
) -> None:
    for _ in range(3):
        answer = await node.http.get(await picture(node, name))
        assert (answer.status_code, answer.content) == (404, b"")
        assert "max-age" in answer.headers["cache-control"]
    assert provider.asked[name] == (1 if name != "loop" else provider.asked[name])
    assert provider.asked[name] <= 6


@anywhere
async def test_many_logos_are_fetched_a_few_at_a_time_and_once(node: Node, provider: Provider) -> None:
    provider.most = 0
    paths = [await picture(node, f"many{n}") for n in range(MANY)]
    async with httpx2.AsyncClient(base_url=node.url, timeout=60, trust_env=False) as client:
        for _ in range(3):  # a browser asks again for what took too long
            answers = await asyncio.gather(*(client.get(path) for path in [*paths, *paths]))
    assert {answer.status_code for answer in answers} == {200}
    assert 1 <= provider.most <= logos.AT_A_TIME
    assert {provider.asked[f"many{n}"] for n in range(MANY)} == {1}


@anywhere
async def test_a_slow_provider_holds_no_page_up(node: Node, provider: Provider) -> None:
    began = time.monotonic()
    answer = await node.http.get(await picture(node, "slow"))
    assert time.monotonic() - began < SLOW, "it was not waited for to its end"
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    await node.http.get(await picture(node, "slow"))
    assert provider.asked["slow"] == 1


@anywhere
async def test_a_public_lists_logo_opens_nothing_at_home(node: Node, provider: Provider) -> None:
    source = await sources.get(node.runtime.store, node.runtime.vault, 2)
    node.runtime.part(Adapters).of(source).private = False  # as for a list of the web
    answer = await node.http.get(await picture(node, "inside"))
    assert answer.status_code == 404
    assert provider.asked["inside"] == 0


@anywhere
async def test_only_logos_of_channels_are_fetched(node: Node, provider: Provider) -> None:
    before = provider.asked.total()
    for path in (
        "/channels/999999/logo",
        f"/channels/1/logo/{provider.url}",
        f"/logos/{provider.url}/x",
        "/channels/0/logo",
    ):
        assert (await node.http.get(path)).status_code >= 400
    await node.http.get("/channels/1/logo", params={"url": f"{provider.url}/x", "v": "../../x"})
    assert provider.asked["x"] == 0
    assert provider.asked.total() <= before + 1


@anywhere
async def test_logos_are_private_files_within_limits(node: Node) -> None:
    await node.http.get(await picture(node, "png"))
    folder = node.runtime.data_dir / logos.FOLDER
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert kept
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in kept)
    kept[0].write_bytes(b"<html>")  # somebody has put something else there
    await node.runtime.part(Logos).tidy()
    assert (await node.http.get(await picture(node, "png"))).status_code in {200, 404}


@anywhere
async def test_a_secret_in_a_logos_address_is_not_shown_and_an_unchanged_form_keeps_it(node: Node) -> None:
    secret = "http://192.0.2.5/live/hans/geheim4711/1.png"
    await node.patch("/api/v1/channels/1", {"logo": secret})
    assert "geheim" not in (await node.http.get("/api/v1/channels/1")).text
    page = (await node.http.get("/channels/1")).text
    assert "geheim" not in page
    shown = (await node.get("/api/v1/channels/1"))["logo"]
    fields = {"name": "Renamed", "logo": shown}
    await node.http.post("/channels/1", data=fields, headers={"Origin": node.url})
    assert (await node.http.patch("/api/v1/channels/1", json={"logo": shown})).status_code == 422
    playlist = (await node.http.get("/playlist/DE.m3u")).text
    assert f'tvg-logo="{secret}"' in playlist


@anywhere
async def test_without_a_login_no_logo_is_shown_or_fetched(node: Node, provider: Provider) -> None:
    path, before = await picture(node, "gif"), provider.asked.total()
    await node.access.set_password("correct horse")
    assert (await node.http.get(path, follow_redirects=False)).status_code in {303, 307, 401, 403}
    assert provider.asked.total() == before


def test_files_go_by_size_and_age(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / f"{number}"
        path.write_bytes(bytes(100))
        os.utime(path, (time.time() - number * 86_400,) * 2)
    picture_cache.sweep(tmp_path, 450, 10 * 86_400.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "3"]
    picture_cache.sweep(tmp_path, 10_000, 1.5 * 86_400.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_picture_without_its_signature(data: bytes) -> None:
    kind = pictures.kind_of(data)
    starts = (
        b"\x89PNG",
        b"GIF8",
        b"\xff\xd8\xff",
        b"RIFF",
        b"\0\0\1\0",
        b"<",
        b" ",
        b"\n",
        b"\xef\xbb\xbf",
        b"\t",
        b"\r",
    )
    assert kind is None or data.startswith(starts)
    for start in (b"<html>", b"<script>", b"<!doctype html>", b"%PDF", b"MZ", b"PK\3\4", b"\0\0\0\x18ftypmp42"):
        assert pictures.kind_of(start + data) is None
