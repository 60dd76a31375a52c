"""Headers, cookies, options and a proxy: how they are given, what is wrong with them, and that none is ever shown."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.redaction import redact
from nightcrew.recorder.wire import Order
from nightcrew.recordings import inputs, requests, watching
from nightcrew.recordings.connections import SharedInputs
from nightcrew.recordings.keeper import Keeper
from nightcrew.recordings.models import Recording
from nightcrew.recordings.requests import NewRecording
from nightcrew.recordings.store import recordings, watches
from nightcrew.recordings.stream_access import StreamAccess
from nightcrew.recordings.stream_ref import StreamRef, unsealed, with_access
from support import Node
from terminal import Result, run

SECRET = "geheim-4711"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
async def idle(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is really recorded or looked at."""

    async def nothing(*_: object) -> None:
        """Leave it."""

    monkeypatch.setattr(Keeper, "look", nothing)
    monkeypatch.setattr(watching, "look", nothing)


@pytest.fixture(autouse=True)
def here(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NIGHTCREW_URL", node.url)
    with structlog.testing.capture_logs():
        yield


async def call(*arguments: object, stdin: str = "") -> Result:
    return await asyncio.to_thread(run, *arguments, stdin=stdin)


async def stored(node: Node, watch_id: int = 1) -> StreamRef:
    return unsealed(node.runtime, (await watches.get(node.runtime.store, watch_id)).sealed)


async def watched(node: Node, **more: Any) -> dict[str, Any]:
    body = {"url": "https://tv.example/live", "name": "TV"}
    return dict(await node.post("/api/v1/watches", body | more))


# -- what is wrong -----------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"headers": {"Host": SECRET}}, "headers"),
    ({"headers": {"Content-Length": "1"}}, "headers"),
    ({"headers": {"proxy-authorization": SECRET}}, "headers"),
    ({"headers": {"X-A": f"{SECRET}\r\nX-B: 1"}}, "headers"),
    ({"headers": {"X-A": f"{SECRET}\x00"}}, "headers"),
    ({"headers": {"X-A": f"{SECRET}ü"}}, "headers"),
    ({"headers": {"X-A": ""}}, "headers"),
    ({"headers": {"X-A": SECRET * 1000}}, "headers"),
    ({"headers": {"X A": SECRET}}, "headers"),
    ({"headers": {"": SECRET}}, "headers"),
    ({"headers": {"X-A": SECRET, "x-a": SECRET}}, "headers"),
    ({"headers": {f"X-{n}": SECRET for n in range(51)}}, "headers"),
    ({"headers": {"cookie": f"a={SECRET}"}, "cookies": "b=1"}, "cookies"),
    ({"headers": {"cookie": SECRET}}, "cookies"),
    ({"cookies": SECRET}, "cookies"),
    ({"cookies": f"a={SECRET}\x07"}, "cookies"),
    ({"cookies": f"a={SECRET * 1000}"}, "cookies"),
    ({"options": {"player": SECRET}}, "options"),
    ({"options": {"ffmpeg-ffmpeg": SECRET}}, "options"),
    ({"options": {"http-proxy": f"http://{SECRET}"}}, "options"),
    ({"options": {"twitch-api-header": SECRET}}, "options"),
    ({"proxy": f"ftp://{SECRET}"}, "proxy"),
    ({"proxy": f"http://a:{SECRET}@"}, "proxy"),
    ({"proxy": f"http://a:{SECRET}@host:0"}, "proxy"),
    ({"proxy": f"http://a:{SECRET}@host:99999"}, "proxy"),
    ({"proxy": f"http://host/{SECRET}"}, "proxy"),
    ({"proxy": f"http://a:{SECRET}@host\nx"}, "proxy"),
    ({"proxy": f"socks5://a:{SECRET * 26}@host"}, "proxy"),
    ({"proxy": f"http://[{SECRET}"}, "proxy"),
    ({"proxy": "http://proxy:3128", "url": "http://192.168.1.2/live"}, "proxy"),
    ({"proxy": "http://proxy:3128", "url": "http://127.1/live"}, "proxy"),
    ({"proxy": "http://proxy:3128", "url": "hls://http://localhost/live"}, "proxy"),
    ({"proxy": "http://proxy:3128", "url": "rtsp://camera.example/live"}, "proxy"),
]


@pytest.mark.parametrize("path", ["/api/v1/watches", "/api/v1/recordings"])
async def test_what_is_wrong_is_said_by_field_and_shows_no_value(
    node: Node, path: str, subtests: pytest.Subtests
) -> None:
    for body, field in WRONG:
        with subtests.test(str(body)[:80]):
            answer = await node.http.post(path, json={"url": "https://tv.example/live"} | body)
            assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
            assert SECRET not in answer.text
    assert not await watches.every(node.runtime.store)


# -- changing ----------------------------------------------------------------------------------------------------------


async def test_a_change_replaces_what_it_names_and_leaves_the_rest(node: Node) -> None:
    await watched(node, headers={"X-A": "1"}, cookies="a=1", options={"kick-low-latency": True}, proxy="http://p:1")
    path = "/api/v1/watches/1"
    changes: list[tuple[dict[str, Any], dict[str, str], bool, str]] = [
        ({"cookies": "b=2"}, {"X-A": "1", "Cookie": "b=2"}, True, "http://p:1"),
        ({"headers": {"X-B": "2"}}, {"X-B": "2", "Cookie": "b=2"}, True, "http://p:1"),
        ({"headers": {"cookie": "c=3"}}, {"Cookie": "c=3"}, True, "http://p:1"),
        ({"options": {}}, {"Cookie": "c=3"}, False, "http://p:1"),
        ({"proxy": ""}, {"Cookie": "c=3"}, False, ""),
        ({"cookies": ""}, {}, False, ""),
        ({"priority": 3}, {}, False, ""),
    ]
    for change, headers, options, proxy in changes:
        await node.patch(path, change)
        target = await stored(node)
        assert (dict(target.headers), bool(target.options), target.proxy) == (headers, options, proxy), change
    bad = await node.http.patch(path, json={"proxy": "http://p:1", "headers": {"Host": "x"}})
    assert bad.status_code == 422 and (await stored(node)).proxy == ""


async def test_a_change_reaches_the_recording_that_goes_on_and_no_finished_one(node: Node) -> None:
    await watched(node, cookies=f"sid={SECRET}")
    store, watch = node.runtime.store, await watches.get(node.runtime.store, 1)
    values = {"name": "TV", "shown": "x", "sealed": watch.sealed, "node": "", "root": "/r", "title": "", "category": ""}
    values |= {"favourite": False, "priority": 0}
    moment = watch.created_at
    mine = await recordings.add(store, values | {"watch_id": 1}, now=moment, moment=moment)
    other = await recordings.add(store, values | {"watch_id": None}, now=moment, moment=moment)
    await node.patch("/api/v1/watches/1", {"cookies": "sid=fresh"})
    cookies = [
        unsealed(node.runtime, (await recordings.get(store, row.id)).sealed).headers["Cookie"] for row in (mine, other)
    ]
    assert cookies == ["sid=fresh", f"sid={SECRET}"]


async def test_without_its_proxy_an_address_is_looked_at_for_its_network_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def private(_url: str) -> bool:
        return True

    monkeypatch.setattr("nightcrew.recordings.stream_ref.points_private", private)
    target = StreamRef("http://tv.example/live", private=True)
    proxied = await with_access(target, StreamAccess(proxy="http://p:1"))
    assert not proxied.private, "where the name leads is the proxy's to find"
    assert (await with_access(proxied, StreamAccess())).private


async def test_what_is_stored_is_sealed_and_hidden_from_then_on(node: Node) -> None:
    await watched(node, headers={"X-Token": SECRET}, proxy=f"socks5://me:{SECRET}-2@proxy")
    watch = await watches.get(node.runtime.store, 1)
    assert SECRET not in repr(watch)
    assert redact(f"the token {SECRET} of {SECRET}-2") == "the token ••• of •••"


# -- channels ----------------------------------------------------------------------------------------------------------


async def channel_row(node: Node, folder: Path, **given: Any) -> Recording:
    """A recording of a channel whose list asks for headers."""
    url = "http://192.0.2.1/a.m3u8|User-Agent=List/1&Referer=https://tv.example/"
    (folder / "list.m3u").write_text(f'#EXTM3U\n#EXTINF:-1 tvg-id="a",A\n{url}\n')
    await node.add(kind="m3u", name="List", url=str(folder / "list.m3u"))
    (channel,) = (await node.get("/api/v1/channels"))["items"]
    wanted = NewRecording(channel=channel["id"], name="A", **given)
    return await requests.record(node.runtime, wanted, actor="test")


async def test_a_channels_own_headers_stay_below_those_that_are_given(node: Node, tmp_path: Path) -> None:
    row = await channel_row(node, tmp_path, headers={"user-agent": "Mine/2", "X-A": "1"}, proxy="http://p:1")
    source = await inputs.open_input(node.runtime, row)
    order = inputs.order_of(node.runtime, row, source, now=row.created_at, spared=False)
    await source.close()
    assert {name.lower(): value for name, value in order.headers.items()} == {
        "user-agent": "Mine/2",
        "referer": "https://tv.example/",
        "x-a": "1",
    }
    assert (order.proxy, order.private) == ("http://p:1", False)


async def test_only_those_that_ask_in_the_same_way_share_a_connection(node: Node, tmp_path: Path) -> None:
    first = await channel_row(node, tmp_path, headers={"X-A": "1"})

    async def another(**given: Any) -> Recording:
        wanted = NewRecording(channel=first.channel_id, name="B", **given)
        return await requests.record(node.runtime, wanted, actor="test")

    connections = SharedInputs(node.runtime)
    rows = [first, await another(headers={"X-A": "1"}), await another(headers={"X-A": "2"}), await another()]
    rows += [await another(headers={"X-A": "1"}, proxy="http://p:1")]
    found = [await connections.connect(row, None) for row in rows]
    assert found[0] is found[1]
    assert len({id(one) for one in found}) == 4
    orders = [
        inputs.order_of(node.runtime, row, one, now=row.created_at, spared=False)
        for row, one in zip(rows, found, strict=True)
    ]
    assert orders[0].source == orders[1].source
    assert len({order.source for order in orders}) == 4
    for one in found:
        await one.close()


def test_a_recorder_tells_apart_what_is_asked_with_other_options() -> None:
    plain = Order(1, "", "", "https://x.example/")
    others = [replace(plain, proxy="http://p:1"), replace(plain, options={"steam-password": "a"})]
    assert len({plain.source, *(one.source for one in others)}) == 3


async def test_a_provider_is_not_asked_for_an_address_past_the_proxy(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await channel_row(node, tmp_path, proxy="http://p:1")
    get = inputs.channels.get

    async def expiring(*args: Any) -> Any:
        found = await get(*args)
        return replace(found, streams=tuple(replace(one, expires=True) for one in found.streams))

    monkeypatch.setattr(inputs.channels, "get", expiring)
    with pytest.raises(GiveUp, match="no proxy is used"):
        await inputs.open_input(node.runtime, row)


# -- pages -------------------------------------------------------------------------------------------------------------


async def send(node: Node, path: str, status: int, **fields: str) -> str:
    answer = await node.http.post(path, data=fields, headers=HTMX, follow_redirects=False)
    assert answer.status_code == status, answer.text[:500]
    return html.unescape(answer.text)


TYPED = {
    "url": "https://tv.example/live",
    "name": "TV",
    "headers": f"Authorization: Bearer {SECRET}\nUser-Agent: Player/1\n",
    "cookies": f"sid={SECRET}; lang=de",
    "options": f"--twitch-api-header=Authorization=OAuth {SECRET}\ntwitch-low-latency",
    "proxy": f"socks5://me:{SECRET}@proxy",
}


async def test_a_form_takes_them_and_pages_tell_their_names(node: Node) -> None:
    assert SECRET not in await send(node, "/recordings/watches", 200, **TYPED)
    target = await stored(node)
    assert dict(target.headers) == {
        "Authorization": f"Bearer {SECRET}",
        "User-Agent": "Player/1",
        "Cookie": f"sid={SECRET}; lang=de",
    }
    assert target.options == {
        "twitch-api-header": [["Authorization", f"OAuth {SECRET}"]],
        "twitch-low-latency": True,
    }
    assert target.proxy == f"socks5h://me:{SECRET}@proxy:1080"
    page = html.unescape((await node.http.get("/recordings")).text)
    assert (
        "Headers: Authorization, User-Agent; cookies: sid, lang; options: twitch-api-header, twitch-low-latency" in page
    )
    assert "proxy: socks5://proxy:1080" in page and SECRET not in page


MISTAKES = [
    ("headers", f"Authorization {SECRET}"),
    ("headers", f"X-A: {SECRET}\nX-A: 2"),
    ("options", f"player={SECRET}"),
    ("cookies", SECRET),
    ("proxy", f"ftp://{SECRET}"),
]


@pytest.mark.parametrize(("path", "form"), [("/recordings/watches", "watch"), ("/recordings", "record")])
async def test_a_form_with_a_mistake_gives_no_secret_back(
    node: Node, path: str, form: str, subtests: pytest.Subtests
) -> None:
    for field, value in MISTAKES:
        with subtests.test(field):
            text = await send(node, path, 422, **(TYPED | {field: value}))
            assert SECRET not in text
            assert f'id="{form}-{field}-error"' in text
            assert "https://tv.example/live" in text


async def test_a_watchs_form_shows_names_keeps_what_is_empty_and_removes_all(node: Node) -> None:
    await send(node, "/recordings/watches", 200, **TYPED)
    path = "/recordings/watches/1/access"
    text = html.unescape((await node.http.get(path)).text)
    assert SECRET not in text and "Authorization, User-Agent" in text and "socks5://proxy:1080" in text
    await send(node, path, 204, cookies="sid=fresh", headers="", options="", proxy="")
    target = await stored(node)
    assert (
        target.headers["Cookie"] == "sid=fresh" and target.headers["Authorization"] and target.options and target.proxy
    )
    assert SECRET not in await send(node, path, 422, proxy=f"nothing://{SECRET}")
    await send(node, path, 204, remove="on", proxy="http://another:3128")
    target = await stored(node)
    assert (dict(target.headers), dict(target.options), target.proxy) == ({}, {}, "http://another:3128")


# -- commands ----------------------------------------------------------------------------------------------------------


async def test_commands_ask_for_logins_and_read_them_from_stdin_or_a_file(node: Node, tmp_path: Path) -> None:
    (tmp_path / "cookies").write_text(f"sid={SECRET}\nlang=de\n")
    said = await call(
        *("recordings", "watch", "add", "https://tv.example/live", "--name", "TV"),
        *("--header", "Authorization=-", "--header", "User-Agent=Player/1", "--option", "twitch-api-header=-"),
        *("--option", "twitch-low-latency", "--cookies-file", tmp_path / "cookies", "--proxy", "-"),
        stdin=f"Bearer {SECRET}\nAuthorization=OAuth {SECRET}\nsocks5://me:{SECRET}@proxy\n",
    )
    assert (said.code, said.err) == (0, ""), said
    target = await stored(node)
    assert target.headers["Authorization"] == f"Bearer {SECRET}"
    assert target.headers["Cookie"] == f"sid={SECRET}; lang=de"
    assert target.options["twitch-api-header"] == [["Authorization", f"OAuth {SECRET}"]]
    assert target.proxy == f"socks5h://me:{SECRET}@proxy:1080"
    said = await call("recordings", "watch", "access", "TV", "--cookies-stdin", stdin="sid=fresh\n")
    assert said.out == (
        "watch 1 TV: headers Authorization, User-Agent; cookies sid; options twitch-api-header, twitch-low-latency; "
        "proxy socks5://proxy:1080\n"
    )
    said = await call("recordings", "watch", "access", "TV", "--remove")
    assert said.out == "watch 1 TV: nothing goes along\n"
    assert (await stored(node)).proxy == ""
    said = await call(
        "record", "https://tv.example/live", "--header", "X-Token=-", "--proxy", "http://p:1", stdin=f"{SECRET}\n"
    )
    assert said.code == 0
    shown = await call("recordings", "show", 1)
    assert "headers X-Token; proxy http://p:1" in shown.out and SECRET not in shown.out + said.out


async def test_a_login_among_the_arguments_is_refused(node: Node, subtests: pytest.Subtests) -> None:
    for arguments in (
        ("--header", f"Authorization={SECRET}"),
        ("--header", f"X-Anything={SECRET}"),
        ("--option", f"steam-password={SECRET}"),
        ("--option", f"twitch-api-header=Authorization={SECRET}"),
        ("--cookies-stdin", "--cookies-file", "x"),
    ):
        with subtests.test(arguments[0]):
            said = await call("recordings", "watch", "add", "https://tv.example/live", *arguments)
            assert said.code == 2 and SECRET not in said.err + said.out
    assert not await watches.every(node.runtime.store)


async def test_an_option_that_may_not_be_set_is_named_by_the_server(node: Node) -> None:
    said = await call("record", "https://tv.example/live", "--option", f"player={SECRET}")
    assert said.code == 1 and "player is none of the options that can be set" in said.err and SECRET not in said.err
