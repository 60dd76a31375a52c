"""A subscriber's headers, cookies and proxy: providers, redirects and playlists try to get them, and to get around the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from streamlink.session.http import SSLContextAdapter, TLSNoDHAdapter

from nightcrew.addresses import names_private
from nightcrew.recorder import fetch, recording, sharing
from nightcrew.recorder.fetch import body, said
from nightcrew.recorder.login import login_of, site_of
from nightcrew.recorder.proxy import HTTP_ALONE, NOT_INSIDE
from nightcrew.recorder.scout import answer
from nightcrew.recorder.session import session_of, without_login
from nightcrew.recorder.source import Offline, Unreadable, resolve
from nightcrew.recorder.transport import received
from nightcrew.recorder.wire import Order
from proxies import Proxy, proxying

TOKEN, SESSION = "Bearer geheim-4711", "session-0815"
LOGIN = {"Authorization": TOKEN, "Cookie": f"sid={SESSION}; lang=de", "X-Token": "x-4712", "User-Agent": "Player/1"}
SECRETS = (b"geheim-4711", b"session-0815", b"x-4712")
PRIVATE = "127.0.0.1"
OTHER = "127.0.0.2"
MEDIA = b"\x47" + b"\0" * 187


class Host:
    """A server that gives its `pages`, and keeps the heads of the requests."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.heads: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            lost = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            writer.write(self.pages.get(head.split(b" ")[1].decode().partition("?")[0], lost))
            await writer.drain()

    def asked(self, path: str) -> list[bytes]:
        """The heads of the requests for a path."""
        return [head for head in self.heads if head.split(b" ")[1].decode() == path]

    @property
    def shown(self) -> set[bytes]:
        """The secrets that it was told."""
        return {secret for secret in SECRETS for head in self.heads if secret in head}


def ok(data: bytes, *more: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in more)
    return f"HTTP/1.1 200 OK\r\nConnection: close\r\n{lines}\r\n".encode() + data


def moved(url: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


@asynccontextmanager
async def hosting(address: str) -> AsyncIterator[Host]:
    host = Host()
    async with await asyncio.start_server(host.serve, address, 0) as server:
        host.port = server.sockets[0].getsockname()[1]
        yield host


def read(order: Order) -> tuple[bytes, str]:
    """What a recording would hold, and why there is no more."""
    found = b""
    try:
        stream = resolve(order)
        if stream.hls is not None:
            playlist, base = body(stream.session, stream.hls.url, limit=1 << 20, seconds=5)
            assert base
            for line in playlist.decode().splitlines():
                if line.startswith("http"):
                    found += body(stream.session, line, limit=1 << 20, seconds=5)[0]
            return found, ""
        for chunk in received(stream):
            found += chunk
    except (Unreadable, Offline) as exc:
        return found, str(exc)
    except OSError as exc:
        return found, said(exc)
    return found, ""


async def recorded(url: str, **more: Any) -> tuple[bytes, str]:
    return await asyncio.to_thread(read, Order(1, "", "", url, **{"headers": LOGIN, "private": True, **more}))


def playlist(*segments: str) -> bytes:
    lines = "".join(f"#EXTINF:2,\n{one}\n" for one in segments)
    return ok(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{lines}#EXT-X-ENDLIST\n".encode())


# -- whom a login is shown to ------------------------------------------------------------------------------------------


async def test_playlist_and_segments_of_the_own_host_get_the_login_and_another_host_none_of_it() -> None:
    async with hosting(PRIVATE) as own, hosting(OTHER) as other:
        url = f"http://{PRIVATE}:{own.port}"
        own.pages["/live.m3u8"] = playlist(f"{url}/1.ts", f"http://{OTHER}:{other.port}/2.ts")
        own.pages["/1.ts"] = other.pages["/2.ts"] = ok(MEDIA)
        found, why = await recorded(f"{url}/live.m3u8")
        assert (found, why) == (MEDIA * 2, "")
        for path in ("/live.m3u8", "/1.ts"):
            assert all(secret in head for secret in SECRETS for head in own.asked(path)), own.heads
        assert other.shown == set()
        assert b"User-Agent: Player/1" in other.heads[0], "what is no login is needed there too"


@pytest.mark.parametrize("kind", ["auto", "hls", "http", "ffmpeg"])
@pytest.mark.parametrize("address", [OTHER, "localhost", PRIVATE])
async def test_a_redirect_takes_the_login_to_no_other_host_or_port(kind: str, address: str) -> None:
    async with hosting(PRIVATE) as own, hosting(OTHER if address == OTHER else PRIVATE) as other:
        own.pages["/live"] = moved(f"http://{address}:{other.port}/away")
        other.pages["/away"] = moved(f"http://{address}:{other.port}/end")
        other.pages["/end"] = ok(MEDIA * 3)
        await recorded(f"http://{PRIVATE}:{own.port}/live", kind=kind)
        assert own.shown == set(SECRETS)
        assert other.asked("/end") and other.shown == set()


async def test_a_redirect_on_the_own_host_keeps_the_login_and_one_that_comes_back_gets_it_again() -> None:
    async with hosting(PRIVATE) as own, hosting(OTHER) as other:
        own.pages["/live"] = moved(f"http://{OTHER}:{other.port}/away")
        other.pages["/away"] = moved(f"http://{PRIVATE}:{own.port}/back")
        own.pages["/back"] = moved("/end")
        own.pages["/end"] = ok(MEDIA * 3)
        await recorded(f"http://{PRIVATE}:{own.port}/live", kind="http")
        assert other.shown == set()
        for path in ("/live", "/back", "/end"):
            assert own.asked(path) and all(secret in head for secret in SECRETS for head in own.asked(path)), path


async def test_a_cookie_that_the_server_renews_takes_the_place_of_the_one_that_was_given() -> None:
    async with hosting(PRIVATE) as own:
        url = f"http://{PRIVATE}:{own.port}"
        own.pages["/live.m3u8"] = ok(
            f"#EXTM3U\n#EXTINF:2,\n{url}/1.ts\n#EXT-X-ENDLIST\n".encode(), "Set-Cookie: sid=fresh; Path=/"
        )
        own.pages["/1.ts"] = ok(MEDIA)
        await recorded(f"{url}/live.m3u8", kind="hls")
        assert b"session-0815" in own.heads[0]
        (head,) = own.asked("/1.ts")
        assert b"sid=fresh" in head and b"lang=de" in head and b"session-0815" not in head


SITES = [
    ("https://www.example.com/live", "https://example.com/x", True),
    ("https://www.example.com/live", "https://cdn.example.com:443/x", True),
    ("https://example.com/live", "https://notexample.com/x", False),
    ("https://example.com/live", "https://example.com.evil.org/x", False),
    ("https://example.com/live", "http://example.com/x", False),
    ("http://example.com/live", "https://example.com/x", True),
    ("http://example.com:8080/live", "http://example.com/x", False),
    ("http://example.com/live", "http://example.com:8080/x", False),
    ("https://live.example.com/x", "https://example.com/x", False),
    ("https://www.com/x", "https://evil.com/x", False),
    ("http://nas/live", "http://nas/x", True),
    ("http://nas/live", "http://evil.nas/x", False),
    ("http://10.0.0.1/live", "http://2.10.0.0.1/x", False),
    ("http://[::1]/live", "http://[::1]/x", True),
    ("hls://https://example.com/live", "https://example.com/x", True),
    ("hls+http://example.com/live", "http://example.com/x", True),
    ("httpstream://example.com/live", "https://example.com/x", True),
    ("httpstream://http://example.com/live method=get", "http://example.com/x", True),
    ("https://example.com/live", "https://example.com@evil.org/x", False),
    ("https://example.com/live", "https://EXAMPLE.com./x", True),
    ("https://example.com/live", "https://example.com:999999/x", False),
    ("rtsp://example.com/live", "ftp://example.com/x", False),
]


@pytest.mark.parametrize(("given", "asked", "there"), SITES)
def test_where_a_login_belongs(given: str, asked: str, there: bool) -> None:
    site = site_of(given)
    assert site is not None and site.takes(asked) is there
    sent = login_of(given, LOGIN).headers_for(asked, {"Host": "x", "Cookie": "other=1"})
    assert ("Authorization" in sent, "X-Token" in sent, SESSION in sent["Cookie"]) == (there,) * 3
    assert "other=1" in sent["Cookie"], "cookies of that host itself stay"


def test_what_a_plugin_sends_by_itself_is_not_replaced() -> None:
    sent = login_of("https://example.com/", LOGIN).headers_for(
        "https://example.com/api", {"authorization": "OAuth own"}
    )
    assert sent["authorization"] == "OAuth own" and "Authorization" not in sent


# -- the proxy ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["http", "socks5h"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that this machine has looked up."""
    real, found = socket.getaddrinfo, list[str]()

    def noting(host: Any, *args: Any, **more: Any) -> Any:
        found.append(str(host))
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", noting)
    return found


async def test_everything_goes_through_the_proxy_and_names_are_found_there(kind: str, looked_up: list[str]) -> None:
    names = {"tv.example": PRIVATE, "cdn.example": OTHER}
    async with hosting(PRIVATE) as own, hosting(OTHER) as other, proxying(kind, names=names) as proxy:
        own.pages["/live"] = moved(f"http://tv.example:{own.port}/live.m3u8")
        own.pages["/live.m3u8"] = playlist(
            f"http://tv.example:{own.port}/1.ts", f"http://cdn.example:{other.port}/2.ts"
        )
        own.pages["/1.ts"] = other.pages["/2.ts"] = ok(MEDIA)
        url = f"http://tv.example:{own.port}/live"
        found, why = await recorded(url, proxy=proxy.url(kind), private=False)
        assert (found, why) == (MEDIA * 2, "")
        assert {host for host, _ in proxy.asked} == set(names)
        assert len(proxy.asked) == len(own.heads) + len(other.heads)
        assert own.shown == set(SECRETS) and other.shown == set()
        seen = await asyncio.to_thread(answer, 1, Order(0, "", "", url, proxy=proxy.url(kind)))
        assert (seen.live, seen.error) == (False, "its playlist has ended"), "the scout goes there too"
        assert looked_up and not set(looked_up) & set(names)


async def test_a_login_for_the_proxy_is_shown_to_the_proxy_alone(kind: str) -> None:
    login = ("hans", "wort-4711")
    async with hosting(PRIVATE) as own, proxying(kind, names={"tv.example": PRIVATE}, login=login) as proxy:
        own.pages["/live"] = moved("/end")
        own.pages["/end"] = ok(MEDIA * 3)
        await recorded(f"http://tv.example:{own.port}/live", kind="http", proxy=proxy.url(kind))
        assert own.asked("/end")
        assert not [head for head in own.heads if b"proxy-authorization" in head.lower()]
        proxy.login = ("hans", "another")
        url = f"{kind}://hans:wort-4711@127.0.0.1:{proxy.port}"
        _, why = await recorded(f"http://tv.example:{own.port}/live", kind="http", proxy=url)
        assert "407" in why or why == "the proxy refuses the login"


async def test_a_proxy_that_is_down_is_told_and_nothing_goes_around_it(kind: str) -> None:
    async with hosting(PRIVATE) as own, proxying(kind) as proxy:
        gone = proxy.url(kind)
        own.pages["/live"] = ok(MEDIA)
    async with hosting(PRIVATE) as own:
        for how in ("auto", "hls", "http", "ffmpeg"):
            found, why = await recorded(f"http://tv.example:{own.port}/live", kind=how, proxy=gone, private=False)
            assert (found, why) == (b"", "the proxy cannot be reached")
        assert own.heads == []


INSIDE = ["127.0.0.1", "localhost", "192.168.1.1", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:10.0.0.1]"]


@pytest.mark.parametrize("host", INSIDE)
async def test_nothing_that_is_written_as_a_private_address_is_asked_through_a_proxy(kind: str, host: str) -> None:
    async with hosting(PRIVATE) as own, proxying(kind, names={"tv.example": PRIVATE}) as proxy:
        for address in ("/live", "/redirected"):
            own.pages["/redirected"] = moved(f"http://{host}/secret")
            start = f"http://{host}/live" if address == "/live" else f"http://tv.example:{own.port}{address}"
            for private in (True, False):
                found, why = await recorded(start, kind="http", proxy=proxy.url(kind), private=private)
                assert (found, why) == (b"", NOT_INSIDE)
        assert {name for name, _ in proxy.asked} <= {"tv.example"}


@pytest.mark.parametrize("host", [*INSIDE, "127.0.0.1.", "a.localhost", "１２７.0.0.1", "10。0。0。1", "fe80::1%eth0"])
def test_a_private_address_is_seen_in_any_spelling(host: str) -> None:
    assert names_private(host)
    assert not any(names_private(name) for name in ("example.com", "8.8.8.8", "localhost.example.com", "tv10", ""))


async def test_no_address_and_no_request_chooses_another_way_out(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlink's own addresses take options of requests after a space. The direct way would be open here."""
    real = socket.getaddrinfo
    monkeypatch.setattr(fetch, "is_private", lambda _: False)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **how: real(PRIVATE if "tv." in str(host) else host, *more, **how)
    )
    async with hosting(PRIVATE) as own, proxying(kind, names={"tv.example": PRIVATE}) as proxy:
        plain = f"http://tv.example:{own.port}/live"
        own.pages["/live"] = ok(MEDIA)
        order = Order(1, "", "", plain, proxy=proxy.url(kind))
        for around in ({}, {"http": ""}, {"http": None, "https": None}, {"no_proxy": "*"}):
            await recorded(f"httpstream://{plain} proxies={around}", proxy=proxy.url(kind), private=False)
            await asyncio.to_thread(session_of(order).http.get, plain, proxies=around)
        assert len(proxy.asked) == len(own.heads) == 8


async def test_what_plugins_keep_of_a_login_is_in_no_file_where_headers_have_one() -> None:
    for headers, options in (({"Cookie": "a=1"}, {}), ({}, {"steam-password": "x"})):
        assert session_of(Order(1, "", "", "https://x.example", headers=headers, options=options)).get_option(
            "no-plugin-cache"
        )


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp"])
async def test_what_only_libav_reads_is_not_recorded_past_a_proxy(scheme: str) -> None:
    async with proxying() as proxy:
        assert await recorded(f"{scheme}://127.0.0.1:1/live", proxy=proxy.url()) == (b"", HTTP_ALONE)


def test_what_opens_connections_in_other_ways_takes_the_proxy_or_is_off() -> None:
    made = session_of(Order(1, "", "", "https://example.com", proxy="http://proxy.example:3128"))
    assert made.get_option("http-proxy") == "http://proxy.example:3128"  # streamlink's websockets ask for it
    assert made.get_option("webbrowser") is False


@pytest.mark.parametrize("name", ["dailymotion", "douyu", "kick"])
async def test_a_plugin_that_speaks_tls_in_its_own_way_takes_no_guard_away(name: str) -> None:
    """Each adapter that a plugin of the installed streamlink mounts, at each address that it is mounted for."""
    plugin = importlib.import_module(f"streamlink.plugins.{name}")
    (adapter,) = [
        one
        for one in vars(plugin).values()
        if isinstance(one, type) and issubclass(one, SSLContextAdapter) and one.__module__ == plugin.__name__
    ] or [TLSNoDHAdapter]
    made = session_of(Order(1, "", "", "https://tv.example"))
    made.http.mount("https://", adapter())
    made.http.mount("http://", adapter())
    async with hosting(PRIVATE) as own:
        for url in (f"http://{PRIVATE}:{own.port}/x", f"https://{PRIVATE}:{own.port}/x"):
            with pytest.raises(OSError) as refused:
                await asyncio.to_thread(body, made, url, limit=1000, seconds=5)
            assert "private network" in said(refused.value)
        assert own.heads == []


@given(
    st.sampled_from(["example.com", "www.example.com", "live.example.co.uk", "nas", "10.0.0.1"]),
    st.one_of(st.from_regex(r"[a-z0-9.@:/#?\\-]{0,20}", fullmatch=True), st.text(max_size=10)),
    st.sampled_from(["{junk}", "{junk}.{home}", "{home}.{junk}", "{junk}@{home}", "{home}@{junk}", "{junk}{home}"]),
)
def test_no_spelling_of_another_host_is_taken_for_the_own_one(home: str, junk: str, form: str) -> None:
    """Against what the request library makes of the address."""
    url = f"http://{form.format(junk=junk, home=home)}/x"
    site = site_of(f"http://{home}/live")
    try:
        prepared = requests.Request("GET", url).prepare().url or ""
        host = urllib3.util.parse_url(prepared).host or ""
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError):
        return
    base = home.removeprefix("www.")
    if site is not None and site.takes(prepared):
        assert host.rstrip(".") == base or host.rstrip(".").endswith(f".{base}"), (url, prepared)


# -- logs --------------------------------------------------------------------------------------------------------------


def test_what_a_recorder_logs_shows_no_login() -> None:
    order = Order(1, "", "", "https://example.com", headers=LOGIN, proxy="socks5h://me:w%C3%B6rt-1@proxy")
    order = Order(
        **{**{name: getattr(order, name) for name in Order.__slots__}, "options": {"steam-password": "pw-99"}}
    )
    text = f"failed with {TOKEN}, sid={SESSION}, wört-1, w%C3%B6rt-1, pw-99 at Player/1"
    assert without_login(text, order) == "failed with •••, sid=•••, •••, •••, ••• at Player/1"


def test_a_failure_of_a_plugin_is_logged_without_the_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_order: Order) -> Any:
        raise RuntimeError(f"it said: {TOKEN} and {SESSION}")

    monkeypatch.setattr(sharing, "resolve", failing)
    thread = recording.RecordingThread(
        Order(1, str(tmp_path / "x"), "x", "https://x.example", headers=LOGIN), sharing.Sources()
    )
    told = threading.Event()
    stand = thread._stand

    def standing(*words: Any) -> None:
        stand(*words)
        if "RuntimeError" in words[1]:
            told.set()

    monkeypatch.setattr(thread, "_stand", standing)
    thread.start()
    assert told.wait(30)
    thread.stop()
    thread.join(30)
    logged = capsys.readouterr().err
    assert "RuntimeError: it said: ••• and •••" in logged
    assert not any(secret.decode() in logged for secret in SECRETS)


def test_fetch_says_what_is_wrong_with_a_proxy_without_naming_it() -> None:
    assert Proxy(login=("a", "b")).url().startswith("http://a:b@")
    assert "proxy" not in said(fetch.Refused("HTTP 500", 500))
