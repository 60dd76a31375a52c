"""A provider's list holds files, scripts and line breaks where addresses belong: none of it reaches a player."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp
from nightcrew.playlists import rules
from nightcrew.playlists.accounts import profiles_of
from nightcrew.playlists.formats import m3u
from nightcrew.playlists.play import Player
from nightcrew.playlists.store import channels
from support import Node, raw, running

GOOD = "http://192.0.2.7/good.ts"
EVIL = [
    "file:///etc/passwd",
    "FILE:/etc/passwd",
    "javascript:alert(1)",
    "data:video/mp2t;base64,AAAA",
    "smb://192.0.2.9/share",
    r"\\192.0.2.9\share",
    "/etc/passwd",
    "../../etc/passwd",
    "gopher://192.0.2.9/x",
    "vbscript:x",
    "concat:http://192.0.2.9/1|file:///etc/passwd",
    "ftp://192.0.2.9/x",
    "http://",
]
BREAKS = ["\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029", "\0"]
INJECTED = "injected.example"
SCHEMES = {"http", "https"}
NAMES = {"tvg-id", "tvg-chno", "tvg-name", "group-title"}
"""Attributes that nobody takes for an address."""


def broken(text: str, sign: str) -> str:
    return f"{text}{sign}#EXTINF:-1,Mine{sign}http://{INJECTED}/x.ts{sign}X-Mine: {INJECTED}"


WORDS = st.text(max_size=40) | st.sampled_from([*EVIL, *(broken(GOOD, sign) for sign in BREAKS)])
KEYS = st.sampled_from(
    ["tvg-shift", "tvg-logo-small", "vlc:http-referrer", "vlc:sout", "kodi:x", "http:Referer", "duration"]
)


@given(WORDS, WORDS, WORDS, st.dictionaries(KEYS, WORDS, max_size=4))
def test_an_entry_is_of_known_lines_whatever_it_is_made_of(
    name: str, logo: str, url: str, attributes: dict[str, str]
) -> None:
    text = m3u.item(
        channel_id=1,
        name=name,
        group=name,
        number="1",
        logo=m3u.picture(logo),
        guide_id=name,
        url=m3u.playable(url),
        attributes=m3u.harmless(attributes),
    )
    *more, last, end = re.split("[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", text)
    assert end == ""
    assert all(line.startswith(("#EXTINF:", "#EXTVLCOPT:http-", "#KODIPROP:")) for line in more)
    assert sum(line.startswith("#EXTINF:") for line in more) == 1
    address = last.partition("|")[0]
    assert rules.is_playable(address) or re.fullmatch(r"\[[^/:\\]+\]", address)


def m3u_list() -> bytes:
    lines = ['#EXTM3U url-tvg="file:///etc/passwd,javascript:x"']
    for number, url in enumerate(EVIL):
        logo = f'tvg-logo="{url}" tvg-logo-small="{url}" catchup-source="{url}"'
        lines += [
            f"#EXTINF:-1 {logo},List evil {number}",
            f"#EXTVLCOPT:input-slave={url}",
            f"#KODIPROP:license={url}",
            url,
        ]
        lines += [f'#EXTINF:-1 tvg-id="c{number}" {logo},List good {number}', f"#EXTVLCOPT:http-referrer={GOOD}", GOOD]
    lines += ["#EXTINF:-1,Options", "#EXTVLCOPT:sout=#file{dst=/tmp/x}", "#EXTVLCOPT:http-user-agent=Fine/1", GOOD]
    for number, sign in enumerate(BREAKS[3:]):
        lines += [f'#EXTINF:-1 tvg-logo="{broken(GOOD, sign)}",{broken(f"Break {number}", sign)}', broken(GOOD, sign)]
    return ("\n".join(lines) + "\n").encode()


def panel_streams() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for number, text in enumerate([*EVIL, *(broken(GOOD, sign) for sign in BREAKS)]):
        found.append(
            {"name": f"Panel {text}", "stream_id": number + 1, "stream_icon": text, "epg_channel_id": text, "num": text}
        )
    found += [{"name": "Panel", "stream_id": broken("7", sign), "stream_icon": GOOD} for sign in BREAKS]
    return found


def guide() -> bytes:
    icons = "".join(
        f'<channel id="c{n}"><display-name>C</display-name><icon src="{url}"/></channel>' for n, url in enumerate(EVIL)
    )
    shows = "".join(
        f'<programme start="20260101000000" stop="20260101010000" channel="c{n}"><title>T</title><icon src="{url}"/>'
        f'<url>{url}</url><image type="poster">{url}</image></programme>'
        for n, url in enumerate(EVIL)
    )
    return f"<tv>{icons}{shows}</tv>".replace("20260101", f"{utcnow() + timedelta(days=1):%Y%m%d}").encode()


class Provider:
    """A list, a panel, a guide, and a catalogue that resolves to what it is told."""

    resolved = GOOD
    master = GOOD

    async def __aenter__(self) -> Provider:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length.group(1)) if length else 0)
            body = self._answer(head.split()[1])
            writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()

    def _answer(self, target: str) -> bytes:
        parts = urlsplit(target)
        action = parse_qs(parts.query).get("action", [""])[0]
        if parts.path == "/list.m3u":
            return m3u_list()
        if parts.path == "/guide.xml":
            return guide()
        if parts.path.endswith(".m3u8"):
            return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{self.master}\n".encode()
        if parts.path == "/catalogue/resolve":
            return json.dumps({"url": self.resolved}).encode()
        if parts.path.startswith("/catalogue"):
            return json.dumps({"items": [{"id": "1", "name": "Resolved"}]}).encode()
        if action == "get_live_streams":
            return json.dumps(panel_streams()).encode()
        return json.dumps([] if action else {"user_info": {"auth": 1}}).encode()


OPTIONS = {
    "list": {"path": "list"},
    "items": "items",
    "fields": {"id": "id", "name": "name"},
    "resolve": {"kind": "post", "path": "resolve", "body": {"id": "{id}"}, "url": "url", "lifetime": 60},
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def provider() -> AsyncIterator[Provider]:
    async with Provider() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def fed(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """A node with all of the provider's evil."""
    async with running(tmp_path_factory.mktemp("fed")) as node:
        await node.add(kind="m3u", name="List", url=f"{provider.url}/list.m3u", region="DE")
        await node.add(kind="xtream", name="Panel", url=provider.url, username="u", password="p", region="AT")
        await node.add(kind="guide", name="Guide", url=f"{provider.url}/guide.xml")
        catalogue = {"url": f"{provider.url}/catalogue", "locales": [["de", "CH"]], "options": OPTIONS}
        await node.add(kind="catalogue", name="Catalogue", **catalogue)
        yield node


def check_playlist(text: str) -> None:
    """Every line is one that we mean, and every address one that a player may open."""
    for line in text.split("\n"):
        assert not [sign for sign in BREAKS if sign in line], ascii(line)
        if line and not line.startswith("#"):
            assert rules.is_playable(line) or line == m3u.UNPLAYABLE, line
            assert not line.startswith(f"http://{INJECTED}")
        for key, value in re.findall(r'([\w-]+)="([^"]*)"', line):
            assert key in NAMES or value == "http://" or not rules.leads_elsewhere(value), line
        if line.startswith("#EXTVLCOPT"):
            assert line.startswith("#EXTVLCOPT:http-"), line
        if line.startswith("#KODIPROP"):
            assert not rules.leads_elsewhere(line.partition("=")[2]), line
    named = re.findall(r'(?:tvg-url|url-tvg|tvg-logo\S*)="([^"]*)"', text)
    assert {urlsplit(url).scheme for url in named} <= SCHEMES
    assert not re.search(r'(?:tvg-url|url-tvg|tvg-logo\S*)="[./\\]', text)


@pytest.mark.parametrize("mode", ["direct", "redirect"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_playlist_has_only_addresses_that_a_player_may_open(fed: Node, mode: str) -> None:
    await fed.patch("/api/v1/settings", {"stream_mode": mode})
    text = (await fed.http.get("/playlist/all.m3u")).text
    assert text.count("#EXTINF") >= 2 * len(EVIL) + len(BREAKS)
    assert text.count("List good") >= len(EVIL)
    check_playlist(text)
    check_playlist((await fed.http.get("/get.php")).text)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_lineup_and_a_panel_give_our_own_addresses_and_pictures_of_the_web(fed: Node) -> None:
    lineup = await fed.get("/lineup.json")
    assert lineup
    assert all(re.fullmatch(rf"{re.escape(fed.url)}/play/\d+", item["URL"]) for item in lineup)
    streams = await fed.get("/player_api.php", params={"action": "get_live_streams"})
    assert [item for item in streams if item["stream_icon"]]
    for item in streams:
        assert item["direct_source"] == ""
        assert item["stream_icon"] == "" or rules.is_web(item["stream_icon"]), item


@pytest.mark.asyncio(loop_scope="module")
async def test_the_guide_has_only_links_to_the_web(fed: Node) -> None:
    text = (await fed.http.get("/guide.xml")).text
    assert text.count("<programme ") == len(EVIL)
    assert "passwd" not in text and "script:" not in text and "smb:" not in text and "data:" not in text


async def locations(fed: Node) -> list[tuple[int, str]]:
    found = []
    cursor: str | None = None
    while True:
        page = await fed.get("/api/v1/channels", params={"limit": 100, **({"cursor": cursor} if cursor else {})})
        for channel in page["items"]:
            answer = await fed.http.get(f"/play/{channel['id']}")
            found.append((answer.status_code, answer.headers.get("location", "")))
            assert not [name for name in answer.headers if name.lower() == "x-mine"]
        if (cursor := page["next"]) is None:
            return found


@pytest.mark.asyncio(loop_scope="module")
async def test_a_redirect_leads_only_where_a_player_may_go(fed: Node) -> None:
    found = await locations(fed)
    assert {status for status, _ in found} == {302, 409}
    for status, location in found:
        assert (status == 302) == bool(location)
        assert not location or rules.is_playable(location), location
        assert not location.startswith(f"http://{INJECTED}")


@pytest.mark.parametrize("evil", [*EVIL, *(broken(GOOD, sign) for sign in BREAKS)])
@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_catalogue_resolves_to_is_looked_at_too(fed: Node, provider: Provider, evil: str) -> None:
    found = (await fed.get("/api/v1/channels", params={"q": "Resolved"}))["items"][0]
    provider.resolved = evil
    fed.runtime.part(Player)._known.clear()
    answer = await fed.http.get(f"/play/{found['id']}")
    assert answer.status_code >= 400
    assert "location" not in answer.headers


@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_master_playlist_names_is_looked_at_too(fed: Node, provider: Provider) -> None:
    found = (await fed.get("/api/v1/channels", params={"q": "Resolved"}))["items"][0]
    await fed.patch("/api/v1/settings", {"RES": True})
    try:
        for number, provider.master in enumerate(url for url in EVIL if ":" in url):
            provider.resolved = f"{provider.url}/master{number}.m3u8"
            answer = await fed.http.get(f"/play/{found['id']}")
            assert answer.status_code != 302 or answer.headers["location"].startswith("http://"), provider.master
            fed.runtime.part(Player)._known.clear()
    finally:
        await fed.patch("/api/v1/settings", {"RES": False})


@pytest.mark.asyncio(loop_scope="module")
async def test_a_profile_that_writes_an_address_anew_makes_no_other_kind_of_it(fed: Node) -> None:
    found = (await fed.get("/api/v1/channels", params={"q": "List good 0"}))["items"][0]
    body = {"name": "Evil", "search": "http://192.0.2.7", "replace": "file:///etc/passwd?"}
    await fed.post("/api/v1/sources/1/profiles", body)
    player = fed.runtime.part(Player)
    channel = await channels.get(fed.runtime.store, found["id"])
    (evil,) = [one for one in await profiles_of(fed.runtime, 1) if one.name == "Evil"]
    with pytest.raises(GiveUp, match="none that can be played"):
        await player.request(channel, channel.streams[0], evil)


@pytest.mark.parametrize(
    "host", [f'{INJECTED}"', "127.0.0.1:1\x0bx", "127.0.0.1:1 x", '127.0.0.1"x-tvg-url="file:', "127.0.0.1\tx"]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_host_that_a_player_says_it_asked_writes_no_line(fed: Node, host: str) -> None:
    status, body = await raw(fed, "GET /playlist/DE.m3u HTTP/1.1", f"Host: {host}")
    assert status >= 400 or f'x-tvg-url="{fed.url}/guide.xml"'.encode() in body, body[:300]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_token_writes_no_line(fed: Node) -> None:
    text = (await fed.http.get("/playlist/all.m3u", params={"token": f'a\n#EXTINF:-1,x\nhttp://{INJECTED}/"x'})).text
    assert f"\nhttp://{INJECTED}" not in text
    check_playlist(text)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_logo_of_a_person_is_of_the_web(fed: Node) -> None:
    for logo in [*EVIL, *(broken(GOOD, sign) for sign in BREAKS[:-1])]:
        answer = await fed.http.patch("/api/v1/channels/1", json={"logo": logo})
        if answer.status_code < 300:  # control characters are taken out
            assert rules.is_web((await fed.get("/api/v1/channels/1"))["logo"])
