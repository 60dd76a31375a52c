"""Streams that only subscribers get, and recordings through a proxy: what users of programs of this kind ask for.

Reported in public; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from streamlink.utils.crypto import AES, pad

from counted import LONG, Counted, Request, _send
from counter import Film
from darkroom import finish, in_state, more, recorders, seconds, wait_for
from nightcrew.kernel.redaction import MASK
from proxies import proxying
from support import Node, pauses, running

TOKEN, SESSION, LOGIN = "geheim-4711-token", "sitzung-0815", "wort-1234"
ACCESS = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "cookies": f"sid={SESSION}; lang=de"}


class Paywall(Counted):
    """Gives nothing to who does not show the right token and cookie, with any request."""

    session = SESSION

    async def _respond(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        cookies = request.headers.get("cookie", "").split("; ")
        if request.headers.get("authorization") == f"Bearer {TOKEN}" and f"sid={self.session}" in cookies:
            return await super()._respond(request, reader, writer)
        await _send(request, writer, 403)
        return True


@pytest.fixture
async def paywall(film: Film) -> AsyncIterator[Paywall]:
    async with Paywall(film, window=8) as made:
        yield made


def shown_secrets(text: str) -> list[str]:
    return [secret for secret in (TOKEN, SESSION, LOGIN) if secret in html.unescape(text)]


async def everything(node: Node, recording: int) -> dict[str, str]:
    """What is shown of a recording and a watch, and what lies on disk beside the orders of a running recorder."""
    paths = [
        *("/recordings", f"/recordings/{recording}", "/recordings/watches/1/access", "/activity", "/jobs"),
        *(f"/api/v1/recordings/{recording}", "/api/v1/recordings", "/api/v1/watches", "/api/v1/activity"),
    ]
    found: dict[str, str] = {}
    for path in paths:
        answer = await node.http.get(path)
        assert answer.status_code in {200, 404}, path
        found[path] = answer.text
    for path_on_disk in node.runtime.data_dir.rglob("*"):
        if path_on_disk.is_file() and path_on_disk.parent.name != "orders":
            found[str(path_on_disk)] = path_on_disk.read_bytes().decode("latin-1")
    return found


@pytest.mark.parametrize("kind", ["live.m3u8", "master.m3u8", "live.ts"])
async def test_a_stream_for_subscribers_is_recorded_with_a_token_and_a_cookie(
    node: Node, paywall: Paywall, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    url = paywall.url.replace("live.m3u8", kind)
    row = await node.post("/api/v1/recordings", {"url": url, "name": "Film", **ACCESS})
    await seconds(node, row["id"], 4)
    (pid,) = recorders(node)
    listed = await asyncio.to_thread(Path(f"/proc/{pid}/cmdline").read_bytes)
    listed += await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_bytes)
    assert not shown_secrets(listed.decode())
    for place, text in (await everything(node, row["id"])).items():
        assert not shown_secrets(text), place
    row = await finish(node, row["id"])
    assert row["gaps"] == 0
    assert row["access"] == {"headers": ["Authorization"], "cookies": ["sid", "lang"], "options": [], "proxy": ""}
    assert not shown_secrets("".join(capfd.readouterr()))


async def test_a_watch_looks_and_records_with_them_and_a_cookie_that_ran_out_is_renewed_on_the_way(
    node: Node, paywall: Paywall
) -> None:
    watch = await node.post("/api/v1/watches", {"url": paywall.url, "name": "Film", **ACCESS})
    row = await _first(node)
    await seconds(node, row["id"], 3)
    assert row["watch"] == watch["id"]
    paywall.session = "fresh-4712"
    await in_state(node, row["id"], "retrying")
    changed = await node.patch(f"/api/v1/watches/{watch['id']}", {"cookies": "sid=fresh-4712"})
    assert changed["access"]["headers"] == ["Authorization"] and changed["access"]["cookies"] == ["sid"]
    await in_state(node, row["id"], "recording")
    await more(node, row["id"], 3)
    assert len(recorders(node)) == 1
    assert (await finish(node, row["id"]))["gaps"] == 0


async def _first(node: Node) -> dict[str, Any]:
    async with asyncio.timeout(60):
        for pause in pauses():
            if rows := (await node.get("/api/v1/recordings"))["items"]:
                break
            await asyncio.sleep(pause)
    return dict(rows[0])


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_watch_behind_a_proxy_is_looked_at_and_recorded_through_it_alone(
    node: Node, film: Film, kind: str
) -> None:
    names, login = {"tv.example": "127.0.0.1"}, ("hans", LOGIN)
    async with Counted(film, window=8, keeps=LONG) as source, proxying(kind, names=names, login=login) as proxy:
        url = source.url.replace("127.0.0.1", "tv.example")
        watch = await node.post("/api/v1/watches", {"url": url, "name": "Film", "proxy": proxy.url(kind)})
        assert watch["access"]["proxy"] == f"{kind}://127.0.0.1:{proxy.port}"
        row = await _first(node)
        await seconds(node, row["id"], 4)
        assert {host for host, _ in proxy.asked} == {"tv.example"}
        for place, text in (await everything(node, row["id"])).items():
            assert not shown_secrets(text), place
        assert MASK not in watch["url"]
        assert (await finish(node, row["id"]))["gaps"] == 0


async def test_a_proxy_that_goes_down_is_waited_for_and_nothing_goes_past_it(tmp_path: Path, film: Film) -> None:
    async with running(tmp_path / "data") as node, Counted(film, window=30) as source:
        async with proxying(names={"tv.example": "127.0.0.1"}) as proxy:
            url = source.url.replace("127.0.0.1", "localhost.example")
            proxy.names["localhost.example"] = "127.0.0.1"
            body = {"url": url, "name": "Film", "proxy": proxy.url()}
            row = await node.post("/api/v1/recordings", body)
            await seconds(node, row["id"], 3)
            port = proxy.port
        row = await wait_for(node, row["id"], lambda row: "proxy" in (row["reason"] or ""))
        assert "the proxy cannot be reached" in row["reason"]
        asked = len(source.asked)
        await asyncio.sleep(2.5)  # that nothing is asked can only be seen while time goes by
        assert len(source.asked) == asked
        async with proxying(names={"localhost.example": "127.0.0.1"}, at=port):
            await in_state(node, row["id"], "recording")
            await more(node, row["id"], 3)
            assert (await finish(node, row["id"]))["gaps"] == 0


async def test_a_key_that_only_subscribers_get_opens_an_encrypted_stream(node: Node, film: Film) -> None:
    key, asked = bytes(range(16)), list[tuple[str, bytes]]()
    lines = "".join(f"#EXTINF:1,\n{number}.ts\n" for number in range(4))
    head = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n'
    pages = {"/live.m3u8": f"{head}{lines}#EXT-X-ENDLIST\n".encode(), "/key": key}
    for number in range(4):
        cipher = AES.new(key, AES.MODE_CBC, iv=number.to_bytes(16, "big"))
        pages[f"/{number}.ts"] = cipher.encrypt(pad(film.segments[number], 16))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = await reader.readuntil(b"\r\n\r\n")
        path = text.split(b" ")[1].decode()
        asked.append((path, text))
        status = b"200 OK" if len(shown_secrets(text.decode())) == 2 else b"403 Forbidden"
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n" + pages[path])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/live.m3u8"
        row = await node.post("/api/v1/recordings", {"url": url, "name": "Film", **ACCESS})
        row = await in_state(node, row["id"], "done", "failed")
    assert (row["state"], row["seconds"], row["gaps"]) == ("done", 4, 0)
    assert "/key" in {path for path, _ in asked}


async def test_another_hosts_advertisement_in_the_stream_gets_no_login(node: Node, film: Film) -> None:
    """Its segments are recorded like any others, and it is asked as a stranger asks."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + film.segments[int(heads[-1].split(b" ")[1][1:])])
        await writer.drain()
        writer.close()

    own: list[bytes] = []
    async with await asyncio.start_server(serve, "127.0.0.2", 0) as other:
        base = f"http://127.0.0.2:{other.sockets[0].getsockname()[1]}"
        lines = "".join(f"#EXTINF:1,\n{base}/{number}\n" for number in range(4))
        listed = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{lines}#EXT-X-ENDLIST\n".encode()

        async def playlist(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            own.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + listed)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(playlist, "127.0.0.1", 0) as first:
            url = f"http://127.0.0.1:{first.sockets[0].getsockname()[1]}/live.m3u8"
            row = await node.post("/api/v1/recordings", {"url": url, "name": "Film", **ACCESS})
            row = await in_state(node, row["id"], "done")
    assert row["seconds"] == 4
    assert len(heads) == 4 and not any(shown_secrets(head.decode()) for head in heads)
    assert all(len(shown_secrets(head.decode())) == 2 for head in own)
