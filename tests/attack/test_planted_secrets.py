"""Logins and tokens are planted wherever providers put them; then everything that the program writes is looked through."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import httpx2
import pytest

import programs
from nightcrew.kernel import redaction
from nightcrew.kernel.redaction import MASK, know_login, redact
from support import UP, free_port
from terminal import run

USER, PASSWORD = "hans.mueller", "p@ss/wörd 9!x"
PATH_USER, PATH_PASSWORD = "lena77", "geheim4711"
MAC = "00:1A:79:4D:5E:6F"
TOKENS = (
    "8f14e45fceea167a5a36dedd4bea2543",
    "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiaGFucyJ9.c2lnbmF0dXJl",
    "Zx9Kq2Lm7Rt4Vb8N",
    "0b5e6f60-8a3d-4c0a-9f5f-0d6a7c3b2e11",
)
LINES = [
    f"live/{PATH_USER}/{PATH_PASSWORD}/{{n}}.ts",
    f"{PATH_USER}/{PATH_PASSWORD}/{{n}}",
    f"movie/{PATH_USER}/{PATH_PASSWORD}/{{n}}.mkv",
    f"timeshift/{PATH_USER}/{PATH_PASSWORD}/60/2026-01-01:12-00/{{n}}.ts",
    f"token:{PATH_PASSWORD}/{{n}}/index.m3u8",
    f"hls/key={PATH_PASSWORD}/{{n}}.m3u8",
    f"c/{MAC}/{{n}}.ts",
    *(f"hls/{token}/{{n}}.m3u8" for token in TOKENS),
    f"play?url=http%3A%2F%2Fother.example%2Flive%2F{PATH_USER}%2F{PATH_PASSWORD}%2F{{n}}.ts",
]
COMMANDS = (
    ("source", "list"),
    ("channels",),
    ("checks", "list"),
    ("recordings", "list"),
    ("jobs", "list"),
    ("activity",),
    ("connections", "list"),
)
PLAYERS = (
    "/playlist/",
    "/play/",
    "/get.php",
    "/lineup.json",
    "/panel_api.php",
    "/player_api.php",
    "/xmltv.php",
    "/live/",
    "/api/v1/events",
    "/static/",
)
"""What players are given has real addresses; the other two have no end, and nothing of ours."""


def planted(text: str) -> list[str]:
    """The secrets that a text shows, percent-encoded or not."""
    plain = {text, html.unescape(text), text.encode().decode("unicode_escape", "replace")}
    plain |= {unquote(one) for one in plain} | {unquote(unquote(one)) for one in plain}
    secrets = (USER, PASSWORD, PATH_USER, PATH_PASSWORD, MAC, *TOKENS)
    return [secret for secret in secrets if any(secret in one for one in plain)]


class Provider:
    """A panel, a list and a page that shows the address it was asked for, which is what bad ones do."""

    broken = False

    async def __aenter__(self) -> Provider:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            target = (await reader.readuntil(b"\r\n\r\n")).decode().split()[1]
            status, body, more = self._answer(target)
            head = f"HTTP/1.1 {status} Sorry for {target[:200]}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}{more}\r\n".encode() + body)
            await writer.drain()
        writer.close()

    def _answer(self, target: str) -> tuple[int, bytes, str]:
        path = urlsplit(target).path
        if path == "/list.m3u":
            head = f'#EXTM3U x-tvg-url="{self.url}/xmltv/{PATH_USER}/{PATH_PASSWORD}/guide.xml"\n'
            lines = (
                f'#EXTINF:-1 tvg-logo="{self.url}/{line.format(n=900 + n)}",Channel {n}\n{self.url}/{line.format(n=n)}\n'
                for n, line in enumerate(LINES)
            )
            return 200, (head + "".join(lines)).encode(), ""
        if path.endswith("player_api.php") and not self.broken:
            streams = [{"name": "Panel 1", "stream_id": 1, "category_id": "1"}]
            account = {"user_info": {"auth": 1, "username": USER, "password": PASSWORD}}
            named = {"get_live_streams": streams, "get_live_categories": [{"category_id": "1", "category_name": "A"}]}
            return (
                200,
                json.dumps(named.get(parse_qs(urlsplit(target).query).get("action", [""])[0], account)).encode(),
                "",
            )
        if "/hls/" in path or "/live/" in path:
            return 302, b"", f"Location: {self.url}/away/{TOKENS[0]}{path.replace('hls', 'h').replace('live', 'l')}\r\n"
        return 500, f"cannot serve {self.url}{target} to {USER} with {PASSWORD}".encode(), ""


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[httpx2.AsyncClient, Path]]:
    """A server as a process, and the file with all that it writes."""
    folder.mkdir()
    log, port = folder / "log", free_port()
    process = programs.start("serve", "--data-dir", folder, "--port", port, log=log, NIGHTCREW_LOG_LEVEL="DEBUG")
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            until = time.monotonic() + UP
            while time.monotonic() < until:
                with contextlib.suppress(httpx2.TransportError):
                    await client.get("/health")
                    break
                await asyncio.sleep(0.05)
            yield client, log
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30)


async def looked_through(client: httpx2.AsyncClient) -> dict[str, list[str]]:
    """Every page and every answer of the API that a visitor comes to, and which secrets each shows."""
    paths = (await client.get("/api/openapi.json")).json()["paths"]
    waiting = ["/", *(re.sub(r"\{[^}]+\}", "1", path) for path, ways in paths.items() if "get" in ways)]
    shapes, found = Counter[str](), dict[str, list[str]]()
    while waiting:
        path = waiting.pop()
        shapes[shape := re.sub(r"[0-9a-f-]{16,}|\d+|=[^&]*", "#", path)] += 1
        if shapes[shape] > 2 or path.startswith(PLAYERS):
            continue
        answer = await client.get(path)
        if secrets := planted(answer.text):
            found[path] = secrets
        if "html" in answer.headers.get("content-type", ""):
            waiting += [
                html.unescape(link) for link in re.findall(r"(?:href|hx-get|data-[a-z]+|src)=\"(/[^\"#]*)", answer.text)
            ]
    assert len(shapes) > 60
    return found


async def until_over(client: httpx2.AsyncClient) -> None:
    """Wait for the jobs that run."""
    for _ in range(200):
        items = (await client.get("/api/v1/jobs")).json()["items"]
        if items and not [job for job in items if job["state"] in {"queued", "running"}]:
            return
        await asyncio.sleep(0.1)


async def checked(client: httpx2.AsyncClient) -> None:
    """Wait until the first streams have been looked at."""
    for _ in range(200):
        if len((await client.get("/api/v1/checks")).json()["items"]) >= 2:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("no stream was checked")


async def test_nothing_that_is_written_shows_a_planted_secret(tmp_path: Path) -> None:
    async with Provider() as provider, served(tmp_path / "data") as (client, log):
        url = provider.url
        sources: list[dict[str, object]] = [
            {"kind": "m3u", "name": "List", "url": f"{url}/list.m3u", "region": "DE"},
            {"kind": "xtream", "name": "Panel", "url": url, "username": USER, "password": PASSWORD, "region": "AT"},
            {"kind": "m3u", "name": "Gone", "url": f"{url}/playlist/{PATH_USER}/{PATH_PASSWORD}/m3u_plus"},
            {"kind": "m3u", "name": "Token", "url": f"{url}/token:{PATH_PASSWORD}/{TOKENS[2]}/x.m3u"},
            {"kind": "guide", "name": "Guide", "url": f"{url}/epg/{PATH_USER}/{PATH_PASSWORD}/{TOKENS[1]}.xml"},
        ]
        for source in sources:
            assert (await client.post("/api/v1/sources", json=source)).status_code == 201, source
        await until_over(client)
        assert len((await client.get("/api/v1/channels")).json()["items"]) == len(LINES) + 1
        provider.broken = True
        await client.post("/api/v1/sources/2/refresh")
        assert (await client.post("/api/v1/checks", json={"all": True})).status_code == 202
        for line in (LINES[0], LINES[4], LINES[7]):
            recording = {"url": f"{url}/{line.format(n=7)}", "kind": "hls" if "m3u8" in line else "auto"}
            assert (await client.post("/api/v1/recordings", json=recording)).status_code < 300
        for channel in range(1, len(LINES) + 2):
            await client.get(f"/play/{channel}")
        await client.patch("/api/v1/settings", json={"playlists.stream_mode": "proxy"})
        for channel in range(1, len(LINES) + 2, 3):
            await client.get(f"/play/{channel}")
        await checked(client)
        assert await looked_through(client) == {}
        base = str(client.base_url).rstrip("/")
        for words in COMMANDS:
            said = await asyncio.to_thread(run, *words, "--url", base)
            assert said.out, words
            assert planted(said.out + said.err) == [], words
        written = log.read_text("utf-8", "replace")
    assert written.count("stream left") >= 4
    assert "source.failed" in written or "cannot read" in written
    leaks = [line[:500] for line in written.splitlines() if planted(line)]
    assert leaks == []


SHAPES = [
    "http://h:8080/live/{u}/{p}/5.ts",
    "http://h/live/{u}/{p}/5",
    "http://h/series/{u}/{p}/5.mp4",
    "http://h/movie/{u}/{p}/5.avi",
    "http://h/sub/folder/{u}/{p}/5.ts",
    "http://h/{u}/{p}/5",
    "http://h/{u}/{p}/5_12.ts",
    "http://h/timeshift/{u}/{p}/60/2026-01-01:12-00/5.ts",
    "http://h/hlsr/abc/{u}/{p}/5/aa/5_1.ts",
    "http://h/playlist/{u}/{p}/m3u_plus?output=hls",
    "http://h/a/token:{p}/b",
    "http://h/a/key={p}/b.m3u8",
    "http://h/a/token%3A{p}/b",
    "http://h/token/{p}/b.m3u8",
    "http://h/x/hdntl=exp=1700000000~acl=/*~hmac={p}/b",
    "http://h/x;jsessionid={p}/b",
    "http://h/x#access_token={p}",
    "http://{p}@h/x",
    "http://u:{p}@h/x",
    "http://proxy/http://h/live/{u}/{p}/5.ts",
    "http://h/go?to=http://i/live/{u}/{p}/5.ts",
    "http://h/go?to=http%3A%2F%2Fi%2Flive%2F{u}%2F{p}%2F5.ts",
    "http://h/go?to=http%253A%252F%252Fi%252Flive%252F{u}%252F{p}%252F5.ts",
    "path=/live/{u}/{p}/5.ts",
    "path=/a/token:{p}/b",
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("around", ["{}", "cannot read {}: it answers HTTP 500", "('{}')", '{{"url": "{}"}}', "<{}>"])
def test_an_address_in_any_shape_shows_neither_login_nor_token(shape: str, around: str) -> None:
    shown = redact(around.format(shape.format(u="hans77", p="geheim-4711")))
    assert "geheim" not in shown
    assert "hans77" not in shown
    assert MASK in shown
    assert redact(shown) == shown
    partly = redact(around.format(shape.format(u="hans77", p=MASK)))
    assert "hans77" not in partly, "also where the password is known, and hidden already"


@pytest.mark.parametrize("token", TOKENS)
def test_what_only_a_machine_can_have_made_up_is_hidden_in_paths_and_queries(token: str) -> None:
    for url in (f"http://h/hls/{token}/index.m3u8", f"http://h/{token}.m3u8", f"http://h/x?st={token}&e=5"):
        assert token not in redact(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/hls/das-erste-hd-1080p/index.m3u8",
        "https://example.org/BayerischesFernsehenSued/live.m3u8",
        "http://127.0.0.1:8780/api/v1/sources/5/refresh",
        "https://iptv-org.github.io/iptv/countries/de.m3u?days=14",
        "http://[2001:db8:11:22:33:44:55:66]/x.ts",
        "http://h/monkey=banana/x.ts",
    ],
)
def test_an_address_without_a_secret_stays_readable(url: str) -> None:
    assert redact(f"see {url} now") == f"see {url} now"


ENCODINGS = {
    "as it is": lambda text: text,
    "percent-encoded": lambda text: quote(text, safe=""),
    "in small letters": lambda text: re.sub("%..", lambda found: found.group().lower(), quote(text, safe="")),
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "as a form": lambda text: quote(text, safe="").replace("%20", "+"),
    "every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "half": lambda text: text[:4] + quote(text[4:], safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "HTML": html.escape,
    "Python": lambda text: repr(text)[1:-1],
}


@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize("secret", [PASSWORD, "a&b=c d%41", 'quote"d <x>', "пароль-8x"])
def test_a_known_secret_is_hidden_however_it_is_written(way: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", {})
    monkeypatch.setattr(redaction, "_in_addresses", {})
    text = f"before 100% {ENCODINGS[way](secret)} after"
    for stored in (secret, quote(secret, safe="")):
        assert redact(text, [stored]) == f"before 100% {MASK} after"
    know_login([quote(secret, safe="")])
    assert redact(text) == f"before 100% {MASK} after"


def test_a_login_of_one_word_is_hidden_in_addresses_and_the_word_stays_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redaction, "_known", {})
    monkeypatch.setattr(redaction, "_in_addresses", {})
    know_login(["television", "hans"])
    assert redact("Television for hans, the television") == "Television for hans, the television"
    assert redact("http://h/x/television/a.ts?who=hans&b=1") == f"http://h/x/{MASK}/a.ts?who={MASK}&b=1"


def test_a_log_line_shows_no_secret_in_what_is_no_text() -> None:
    url = f"http://h/live/u/{PATH_PASSWORD}/5.ts"
    values = {"a": [url], "b": {"c": (url,)}, "d": ValueError(url), "e": Path(f"/live/u/{PATH_PASSWORD}/5.ts"), "f": 5}
    line = redaction.log_processor(None, "info", {"event": "x", **values})
    assert PATH_PASSWORD not in str(line)
    assert line["f"] == 5
