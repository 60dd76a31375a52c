"""Each adapter against the demo world: what it reads, and what it says when the provider has a bad minute."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.faults import Fault
from nightcrew.demo.world import World
from nightcrew.guidereader.wire import GuideChannel, Programme
from nightcrew.kernel import recovery
from nightcrew.kernel.errors import GiveUp, Invalid, Misread, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.http import Http, Limits, Validators
from nightcrew.playlists.providers import KINDS, checked_config
from nightcrew.playlists.providers.base import Fetch, Listing, Unchanged, host_is_private
from nightcrew.playlists.providers.catalogue import dig, fill, filled
from nightcrew.playlists.providers.guide import Guide
from nightcrew.playlists.readers import Readers
from nightcrew.playlists.rules import ListEntry

LIMITS = Limits(max_bytes=5 << 20, seconds=3)
SECRETS = ("demo-password", "s3cr3t-t0ken")


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts as ever, without the pauses between them."""
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)


def fetching(http: Http, folder: Path, **more: Any) -> Fetch:
    return Fetch(http=http, folder=folder, **{"limits": LIMITS, "max_entries": 10_000, **more})


def source(world: World, kind: str, **changes: Any) -> dict[str, Any]:
    (found,) = [entry for entry in world.sources() if entry["kind"] == kind]
    return {key: value for key, value in found.items() if key not in {"kind", "name"}} | changes


def adapter(world: World, kind: str, **changes: Any) -> Any:
    factory = KINDS[kind].open
    assert factory is not None
    return factory(checked_config(kind, source(world, kind, **changes)))


async def entries(provider: Any, fetch: Fetch) -> list[ListEntry]:
    async with provider.listing(fetch) as listing:
        assert isinstance(listing, Listing)
        return [entry async for batch in listing.batches for entry in batch]


async def answers(handler: Any) -> tuple[str, asyncio.Server]:
    """A server that answers each request with what `handler(path, headers)` gives: status and body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
        await reader.readexactly(length)
        status, body = handler(head.split(" ")[1], head)
        writer.write(f"HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", server


# -- what they read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/m3u/list.m3u", "/m3u/list.m3u.gz"])
async def test_a_playlist_is_read_plain_and_packed(world: World, http: Http, tmp_path: Path, path: str) -> None:
    found = await entries(adapter(world, "m3u", url=world.url + path), fetching(http, tmp_path))
    offered = world.catalogue.of("m3u")
    assert [(e.name, e.group, e.guide_id, e.number) for e in found] == [
        (c.name, c.group, c.guide_id, str(c.number)) for c in offered
    ]
    assert all(entry.url.startswith(world.url) and entry.logo.startswith(world.url) for entry in found)
    assert found[4].attributes["vlc:http-user-agent"] == "HarbourPlayer/1.0"
    assert list(tmp_path.iterdir()) == [], "temporary files have no name"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["{path}", "file://{path}", "FILE://{path}"])
async def test_a_file_is_read_plain_and_packed(
    world: World, http: Http, tmp_path: Path, packed: bool, form: str
) -> None:
    path = tmp_path / "list.m3u"
    text = b"#EXTM3U\n#EXTINF:-1,A\nhttp://s/1\n"
    path.write_bytes(gzip.compress(text, mtime=0) if packed else text)
    found = await entries(adapter(world, "m3u", url=form.format(path=path)), fetching(http, tmp_path))
    assert found == [ListEntry(name="A", url="http://s/1")]


async def test_a_file_address_may_be_percent_encoded(world: World, http: Http, tmp_path: Path) -> None:
    path = tmp_path / "my list.m3u"
    path.write_text("#EXTM3U\n#EXTINF:-1,A\nhttp://s/1\n")
    assert len(await entries(adapter(world, "m3u", url=path.as_uri()), fetching(http, tmp_path))) == 1


async def test_an_unchanged_playlist_is_not_read_again(world: World, http: Http, tmp_path: Path) -> None:
    provider = adapter(world, "m3u")
    async with provider.listing(fetching(http, tmp_path)) as listing:
        validators, digest = listing.validators, listing.content_hash
        assert [batch async for batch in listing.batches]
        assert listing.notes["guides"] == [f"{world.url}/guide/guide.xml.gz"]
    for known in ({"validators": validators}, {"content_hash": digest}):
        async with provider.listing(fetching(http, tmp_path, **known)) as again:
            assert isinstance(again, Unchanged)
    world.catalogue.move_urls()
    async with provider.listing(fetching(http, tmp_path, validators=validators, content_hash=digest)) as again:
        assert isinstance(again, Listing)


async def test_a_panel_is_read(world: World, http: Http, tmp_path: Path) -> None:
    provider = adapter(world, "xtream")
    async with provider.listing(fetching(http, tmp_path)) as listing:
        assert listing.notes["account"] | {"expires": None} == {
            "status": "Active",
            "timezone": "",
            "expires": None,
            "max_connections": 2,
            "active_connections": 0,
        }
        found = [entry async for batch in listing.batches for entry in batch]
        marker = listing.content_hash
    offered = world.catalogue.of("xtream")
    assert [(e.name, e.group, e.guide_id, e.number, e.provider_id) for e in found] == [
        (c.name, c.group, c.guide_id, str(c.number), c.id) for c in offered
    ]
    assert found[0].url == f"{world.url}/xtream/live/demo/demo-password/{offered[0].id}.ts"
    assert provider.guide_url() == f"{world.url}/xtream/xmltv.php?username=demo&password=demo-password"
    async with provider.listing(fetching(http, tmp_path, content_hash=marker)) as again:
        assert isinstance(again, Unchanged)


async def test_a_catalogue_is_read_page_by_page_without_what_is_no_channel(
    world: World, http: Http, tmp_path: Path
) -> None:
    provider = adapter(world, "catalogue")
    found = await entries(provider, fetching(http, tmp_path, lang="de", region="CH"))
    offered = world.catalogue.of("catalogue", "CH")
    assert [(e.name, e.group, e.provider_id) for e in found] == [(c.name, c.group, c.id) for c in offered]
    assert len(found) == 20
    assert all(entry.expires and entry.url == "" for entry in found)
    assert world.counters["catalogue"] == 3, "one token, two pages"
    resolved = await provider.resolve(http, "", found[0].provider_id, "CH")
    assert resolved.url.startswith(world.url)
    assert resolved.lifetime == 120


async def test_a_token_that_is_refused_is_renewed_once(world: World, http: Http, tmp_path: Path) -> None:
    provider = adapter(world, "catalogue")
    fetch = fetching(http, tmp_path, region="CH")
    await entries(provider, fetch)
    count = world.counters["catalogue"]
    await entries(provider, fetch)
    assert world.counters["catalogue"] == count + 2, "the token is still good"
    clock = world.clock
    world.clock = lambda: clock() + 61
    assert len(await entries(provider, fetch)) == 20
    assert world.counters["catalogue"] == count + 2 + 4, "refused, token, two pages"


async def test_a_token_that_never_works_needs_the_user(world: World, http: Http, tmp_path: Path) -> None:
    options = source(world, "catalogue")["options"]
    options["auth"]["header"] = "X-Wrong"
    options["list"]["headers"] = {}
    async with asyncio.timeout(10):
        with pytest.raises(NeedsUser, match="HTTP 401"):
            await entries(adapter(world, "catalogue", options=options), fetching(http, tmp_path, region="CH"))


async def test_resolving_what_is_gone_gives_up(world: World, http: Http) -> None:
    with pytest.raises(GiveUp, match="HTTP 404"):
        await adapter(world, "catalogue").resolve(http, "", "nothing", "CH")


async def read_guide(file: BinaryIO, **window: datetime) -> list[GuideChannel | Programme]:
    async with Readers().reading(file, **window) as batches:
        return [item async for batch in batches for item in (*batch.channels, *batch.programmes)]


@pytest.mark.parametrize("path", ["/guide/guide.xml", "/guide/guide.xml.gz"])
async def test_a_guide_is_read_plain_and_packed(world: World, http: Http, tmp_path: Path, path: str) -> None:
    now = datetime.now(UTC)
    async with Guide(world.url + path).open(fetching(http, tmp_path)) as found:
        assert not isinstance(found, Unchanged)
        items = await read_guide(found[0], after=now, before=now + timedelta(hours=6))
    ids = {channel.guide_id for channel in world.catalogue.channels if channel.guide_id}
    assert {item.guide_id for item in items if isinstance(item, GuideChannel)} == ids
    assert {item.guide_id for item in items if isinstance(item, Programme)} == ids


# -- faults --------------------------------------------------------------------------------------------------------

HARMLESS = {("m3u", Fault.HALF_CLEAN), ("m3u", Fault.XML_BOMB)}
"""What no reader can tell by these bytes, or what is a list without channels: only that nothing hangs is looked at."""


async def run_fault(world: World, http: Http, folder: Path, kind: str, *, slow: bool = False) -> int:
    fetch = fetching(http, folder, lang="de", region="CH", limits=Limits(max_bytes=5 << 20, seconds=0.2 if slow else 3))
    if kind != "guide":
        return len(await entries(adapter(world, kind), fetch))
    now = datetime.now(UTC)
    async with Guide(f"{world.url}/guide/guide.xml").open(fetch) as found:
        assert not isinstance(found, Unchanged)
        return len(await read_guide(found[0], after=now, before=now + timedelta(hours=2)))


@pytest.mark.parametrize("kind", ["m3u", "xtream", "guide"])
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in {Fault.HANG, Fault.SLOW}])
async def test_every_fault_of_a_provider_ends_in_one_sentence(
    world: World, http: Http, tmp_path: Path, kind: str, fault: Fault
) -> None:
    world.faults.set(kind, fault)
    found, error = 0, None
    try:
        async with asyncio.timeout(20):
            found = await run_fault(world, http, tmp_path, kind)
    except NightcrewError as exc:
        error = exc
    if error is None:
        assert (kind, fault) in HARMLESS, f"{found} entries were taken for a whole list"
        return
    assert 15 < len(str(error)) < 400
    assert "demo-password" not in str(error)
    assert "Traceback" not in str(error)
    if fault in {Fault.ERROR_404, Fault.ENDLESS, Fault.REDIRECT_LOOP, Fault.REDIRECT_FILE}:
        assert isinstance(error, GiveUp), error
    if fault in {Fault.ERROR_500, Fault.ERROR_503, Fault.ERROR_429, Fault.EMPTY, Fault.HALF, Fault.HTML}:
        assert isinstance(error, Retry), error


@pytest.mark.parametrize(
    "fault",
    [
        Fault.EMPTY,
        Fault.HALF_CLEAN,
        Fault.TRUNCATED_JSON,
        Fault.WRONG_TYPE,
        Fault.HTML,
        Fault.GARBAGE,
        Fault.ERROR_500,
        Fault.ENDLESS,
    ],
)
async def test_every_fault_of_a_catalogue_ends_in_one_sentence(
    world: World, http: Http, tmp_path: Path, fault: Fault
) -> None:
    """It is met in the middle: the token and the first page are good."""
    provider = adapter(world, "catalogue")
    with pytest.raises(NightcrewError) as caught:
        async with asyncio.timeout(30), provider.listing(fetching(http, tmp_path, region="CH")) as listing:
            world.faults.set("catalogue", fault)
            _ = [batch async for batch in listing.batches]
    assert 15 < len(str(caught.value)) < 400


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.SLOW])
@pytest.mark.parametrize("kind", ["m3u", "guide"])
async def test_a_provider_that_does_not_answer_is_left_in_time(
    world: World, http: Http, tmp_path: Path, kind: str, fault: Fault
) -> None:
    world.faults.set(kind, fault)
    async with asyncio.timeout(15):
        with pytest.raises(Retry, match="took too long"):
            await run_fault(world, http, tmp_path, kind, slow=True)


# -- panels --------------------------------------------------------------------------------------------------------


async def test_two_logins_at_one_panel_never_share_a_cookie(http: Http, tmp_path: Path) -> None:
    """A panel that knows its users by a cookie gives the wrong one somebody else's list."""
    seen: list[tuple[str, str]] = []

    async def panel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        user = head.partition("username=")[2].partition("&")[0].partition(" ")[0]
        cookie = head.partition("ookie: session=")[2].partition("\r\n")[0]
        seen.append((user, cookie))
        body = b'{"user_info": {"auth": 1}}' if "action=" not in head else b"[]"
        head = (
            f"HTTP/1.1 200 OK\r\nSet-Cookie: session={user}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(panel, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        for user in ("anna", "bert"):
            config = checked_config("xtream", {"url": url, "username": user, "password": "p4ssw0rd"})
            with pytest.raises(Retry, match="no live channels"):
                await entries(KINDS["xtream"].open(config), fetching(http, tmp_path))  # type: ignore[misc]
    assert seen == [(user, cookie) for user in ("anna", "bert") for cookie in ("", user, user)]


async def test_a_wrong_login_at_a_panel_needs_the_user(world: World, http: Http, tmp_path: Path) -> None:
    with pytest.raises(NeedsUser, match="check user name and password") as caught:
        await entries(adapter(world, "xtream", password="s3cr3t-t0ken"), fetching(http, tmp_path))
    assert "s3cr3t-t0ken" not in str(caught.value)


@pytest.mark.parametrize(
    "info",
    [
        {"auth": 1, "status": "Expired", "exp_date": "1600000000"},
        {"auth": 1, "status": "Active", "exp_date": 1600000000},
        {"auth": "1", "status": "Banned"},
        {"auth": 1, "status": "Disabled", "exp_date": None},
        {"auth": "0"},
    ],
)
async def test_an_account_that_has_ended_needs_the_user(
    world: World, http: Http, tmp_path: Path, info: dict[str, Any]
) -> None:
    url, server = await answers(lambda path, head: (200, json.dumps({"user_info": info}).encode()))
    async with server:
        with pytest.raises(NeedsUser):
            await entries(adapter(world, "xtream", url=url), fetching(http, tmp_path))


def panel(rows: bytes) -> Any:
    """A panel whose channel list is `rows`."""

    def handler(path: str, _head: str) -> tuple[int, bytes]:
        if "get_live_streams" in path:
            return 200, rows
        return (
            200,
            b"[]" if "categories" in path else b'{"user_info": {"auth": 1, "exp_date": null, "max_connections": "x"}}',
        )

    return handler


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"stream_id": "7", "name": None}, {"provider_id": "7", "name": "Channel 7"}),
        (
            {"stream_id": 7, "name": " A ", "num": "", "epg_channel_id": None},
            {"name": "A", "number": "", "guide_id": ""},
        ),
        (
            {"stream_id": 7, "name": "A", "tv_archive": "1", "tv_archive_duration": "3"},
            {"attributes": {"catchup": "xc", "catchup-days": "3"}},
        ),
        (
            {"stream_id": 7, "name": {"a": 1}, "stream_icon": ["x"], "num": True},
            {"name": "Channel 7", "logo": "", "number": ""},
        ),
    ],
)
async def test_odd_rows_of_a_panel_are_read(
    world: World, http: Http, tmp_path: Path, row: dict[str, Any], expected: dict[str, Any]
) -> None:
    url, server = await answers(panel(json.dumps([5, None, {"name": "no id"}, {"stream_id": "../x"}, row]).encode()))
    async with server:
        (entry,) = await entries(adapter(world, "xtream", url=url), fetching(http, tmp_path))
    assert {key: getattr(entry, key) for key in expected} == expected


NOTICE = b"<br />\n<b>Notice</b>: Undefined index: a[0] in <b>/x.php</b> on line <b>3</b><br />\n"
ROWS = b'[{"stream_id": 1, "name": "A\tB", "category_id": "5"}]'


@pytest.mark.parametrize(
    "before", [b"", b"\xef\xbb\xbf", b"\n\n", NOTICE, b"\nNotice: Undefined index: a in /x.php on line 3\n"]
)
@pytest.mark.parametrize("rows", [ROWS, b'{"data": ' + ROWS + b"}", b'{"status": 1, "streams": ' + ROWS + b"}"])
async def test_a_panel_whose_answers_are_wrapped_in_something_else_is_read(
    world: World, http: Http, tmp_path: Path, before: bytes, rows: bytes
) -> None:
    said = {
        "streams": rows,
        "categories": b'[{"category_id": "5", "category_name": "News"}]',
        "": b'{"user_info": {"auth": 1, "message": "a\tb"}}',
    }
    url, server = await answers(
        lambda path, _head: (200, before + next(text for key, text in said.items() if key in path))
    )
    async with server:
        (entry,) = await entries(adapter(world, "xtream", url=url), fetching(http, tmp_path))
    assert (entry.provider_id, entry.group) == ("1", "News")
    assert entry.name in {"AB", "A B"}


@pytest.mark.parametrize(
    "categories", [b"", b"<html>down</html>", b"null", b"false", b"[]", b'"no"', b"5", b'{"user_info": {}}']
)
async def test_a_panel_that_says_no_groups_has_channels_all_the_same(
    world: World, http: Http, tmp_path: Path, categories: bytes
) -> None:
    url, server = await answers(
        lambda path, head: (200, categories) if "categories" in path else panel(ROWS)(path, head)
    )
    async with server:
        (entry,) = await entries(adapter(world, "xtream", url=url), fetching(http, tmp_path))
    assert (entry.provider_id, entry.group) == ("1", "")


async def test_films_among_the_channels_of_a_panel_are_no_channels(world: World, http: Http, tmp_path: Path) -> None:
    types = ["live", "movie", "", None, "created_live", "radio_streams", "Series"]
    rows = [{"stream_id": number, "name": "N", "stream_type": one} for number, one in enumerate(types)]
    url, server = await answers(panel(json.dumps(rows).encode()))
    async with server:
        found = await entries(adapter(world, "xtream", url=url), fetching(http, tmp_path))
    assert [entry.provider_id for entry in found] == ["0", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "page", [b'<!doctype html><script>{"a": {"stream_id": 1}}</script>', b"Sorry", b"Notice: none"]
)
async def test_a_page_is_no_list_of_channels_whatever_is_in_it(
    world: World, http: Http, tmp_path: Path, page: bytes
) -> None:
    url, server = await answers(panel(page))
    async with server:
        with pytest.raises(Misread, match="instead of its channel list"):
            await entries(adapter(world, "xtream", url=url), fetching(http, tmp_path))


async def test_control_characters_of_a_panel_do_not_come_through(world: World, http: Http, tmp_path: Path) -> None:
    """PostgreSQL stores no NUL, and a line break in a name breaks lists."""
    row = b'[{"stream_id": 1, "name": "A\\u0000B\\nC", "stream_icon": "http://l/\\u0000", "epg_channel_id": "x\\u0000y", "num": "1\\u0000"}]'
    url, server = await answers(panel(row))
    async with server:
        (entry,) = await entries(adapter(world, "xtream", url=url), fetching(http, tmp_path))
    for field in ("name", "logo", "guide_id", "number"):
        assert not set(getattr(entry, field)) & {"\0", "\n"}, field


@pytest.mark.parametrize(
    "rows",
    [
        b'[{"stream_id": 1, "name": "A"}, {"stream_id": 2',
        b'[{"stream_id": 1e9999999999999999999999}]',
        b'[{"stream_id": 1}] trailing',
        b'[{"a": NaN}]',
        b"[]",
        b"{}",
        b"[1, 2]",
        b"null",
        b'["' + b"x" * 1000,
    ],
)
async def test_a_broken_channel_list_of_a_panel_may_be_whole_later(
    world: World, http: Http, tmp_path: Path, rows: bytes
) -> None:
    url, server = await answers(panel(rows))
    async with server:
        with pytest.raises(NightcrewError):
            await entries(adapter(world, "xtream", url=url), fetching(http, tmp_path))


HOSTILE_LISTS = ["b'[{\"stream_id\": ' + b'1' * 5000 + b'}]'", "b'[{\"a\":' * 20_000", "b'[' * 100_000"]


def test_no_channel_list_of_a_panel_takes_the_process_with_it(tmp_path: Path) -> None:
    """In a process of its own with 1 GB: 5,000 digits crash the C parser, and 100 KB of `[` take all the memory there is."""
    script = f"""
        import asyncio, resource, sys
        from pathlib import Path
        resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        from nightcrew.kernel.errors import NightcrewError
        from nightcrew.kernel.http import Http, Limits
        from nightcrew.playlists.providers.base import Fetch
        from nightcrew.playlists.providers.xtream import Xtream, XtreamConfig
        ROWS = [{", ".join(HOSTILE_LISTS)}]
        async def serve(reader, writer):
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            body = ROWS[0] if b"get_live_streams" in head else b"[]" if b"categories" in head else b'{{"user_info": {{}}}}'
            writer.write(b"HTTP/1.1 200 x\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
            await writer.drain()
            writer.close()
        async def main():
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            provider = Xtream(XtreamConfig(url=url, username="user", password="password"))
            fetch = Fetch(http=Http(), folder=Path(sys.argv[1]), limits=Limits(max_bytes=5 << 20, seconds=10), max_entries=1000)
            while ROWS:
                try:
                    async with provider.listing(fetch) as listing:
                        print("taken", len([entry async for batch in listing.batches for entry in batch]), flush=True)
                except NightcrewError as exc:
                    print("refused", exc, flush=True)
                ROWS.pop(0)
        asyncio.run(main())
    """
    arguments = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, timeout=60, check=False)
    survived = done.stdout.decode().splitlines()
    assert len(survived) == len(HOSTILE_LISTS), (
        f"ended with {done.returncode} at {HOSTILE_LISTS[len(survived)]}: {done.stderr.decode()[-300:]}"
    )
    assert done.returncode == 0


@pytest.mark.parametrize(
    "url", ["http://h:80/player_api.php", "http://h:80/get.php?username=a&password=b", "http://h:80/", "http://h:80"]
)
def test_the_address_of_a_panel_may_be_copied_from_anywhere(world_config: dict[str, Any], url: str) -> None:
    assert checked_config("xtream", world_config | {"url": url}).url == "http://h:80"  # type: ignore[attr-defined]


@pytest.fixture
def world_config() -> dict[str, Any]:
    return {"url": "http://h", "username": "u", "password": "p"}


# -- catalogues ----------------------------------------------------------------------------------------------------


def plain_catalogue(url: str, **options: Any) -> Any:
    shape = {
        "items": "items",
        "next_cursor": "next",
        "fields": {"id": "id", "name": "name", "url": "url"},
        "list": {"path": "/l?c={cursor}"},
    }
    factory = KINDS["catalogue"].open
    assert factory is not None
    return factory(checked_config("catalogue", {"url": url, "options": shape | options}))


def page_of(*ids: object, following: object = None) -> bytes:
    return json.dumps(
        {"items": [{"id": i, "name": f"N{i}", "url": f"http://s/{i}"} for i in ids], "next": following}
    ).encode()


async def test_pages_that_go_round_in_a_circle_are_given_up(http: Http, tmp_path: Path) -> None:
    count = 0

    def handler(path: str, _head: str) -> tuple[int, bytes]:
        nonlocal count
        count += 1
        return 200, page_of(count, following="b" if path.endswith("a") else "a")

    url, server = await answers(handler)
    async with server:
        with pytest.raises(GiveUp, match="repeat themselves"):
            await entries(plain_catalogue(url), fetching(http, tmp_path))
    assert count <= 4


@pytest.mark.parametrize("following", [None, "", "a"])
async def test_the_last_page_has_no_cursor_or_no_items(http: Http, tmp_path: Path, following: object) -> None:
    pages = [page_of(1, following="a"), page_of(following=following) if following else page_of(2, following=following)]
    url, server = await answers(lambda path, head: (200, pages.pop(0)))
    async with server:
        found = await entries(plain_catalogue(url), fetching(http, tmp_path))
    assert [entry.provider_id for entry in found] == (["1"] if following else ["1", "2"])


async def test_a_page_without_its_list_is_no_page(http: Http, tmp_path: Path) -> None:
    url, server = await answers(lambda path, head: (200, b'{"error": "try later"}'))
    async with server:
        with pytest.raises(Retry, match="no list at 'items'"):
            await entries(plain_catalogue(url), fetching(http, tmp_path))


async def test_only_items_that_fit_the_predicate_are_taken(http: Http, tmp_path: Path) -> None:
    items = [
        {"id": i, "name": "N", "url": "u", "kind": kind, "x": {"live": live}}
        for i, (kind, live) in enumerate([("tv", True), ("tv", False), ("film", True), ("TV", True)])
    ]
    url, server = await answers(lambda path, head: (200, json.dumps({"items": [*items, 5, None, {"id": 9}]}).encode()))
    async with server:
        found = await entries(plain_catalogue(url, where={"kind": "tv", "x.live": True}), fetching(http, tmp_path))
    assert [entry.provider_id for entry in found] == ["0"]


@pytest.mark.parametrize("pages", [[range(11)], [range(5), range(5, 11)]], ids=["one page", "two pages"])
async def test_no_more_channels_are_read_than_allowed(http: Http, tmp_path: Path, pages: list[range]) -> None:
    bodies = [page_of(*ids, following="a" if index + 1 < len(pages) else None) for index, ids in enumerate(pages)]
    url, server = await answers(lambda path, head: (200, bodies.pop(0)))
    async with server:
        with pytest.raises(GiveUp, match="max_channels"):
            await entries(plain_catalogue(url), fetching(http, tmp_path, max_entries=10))


async def test_no_more_entries_of_a_list_are_read_than_allowed(world: World, http: Http, tmp_path: Path) -> None:
    for kind in ("m3u", "xtream"):
        with pytest.raises(GiveUp, match="max_channels"):
            await entries(adapter(world, kind), fetching(http, tmp_path, max_entries=59))


async def test_an_answer_without_a_playable_address_is_not_played(http: Http) -> None:
    for body in (b'{"url": "file:///etc/passwd"}', b'{"url": 5}', b"[]", b'{"url": ""}'):
        url, server = await answers(lambda path, head, body=body: (200, body))
        async with server:
            provider = plain_catalogue(url, resolve={"kind": "post", "path": "/r"})
            with pytest.raises(Retry, match="no address at 'url'"):
                await provider.resolve(http, "", "1", "DE")


async def test_no_error_of_a_catalogue_shows_its_secrets(http: Http, tmp_path: Path) -> None:
    def handler(path: str, _head: str) -> tuple[int, bytes]:
        return (200, b'{"token": "s3cr3t-t0ken"}') if "/token" in path else (500, b"")

    url, server = await answers(handler)
    auth = {"kind": "token", "path": "/token", "header": "X-Auth", "body": {"client_secret": "demo-password"}}
    async with server:
        with pytest.raises(Retry) as caught:
            await entries(
                plain_catalogue(url, auth=auth, list={"path": "/demo-password/list?t={token}"}),
                fetching(http, tmp_path),
            )
    assert not any(secret in str(caught.value) for secret in SECRETS)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(JSON, st.text(st.sampled_from("ab.01-9"), max_size=8))
def test_no_path_falls_over_in_any_json(value: Any, path: str) -> None:
    dig(value, path)


def test_paths_into_json() -> None:
    value = {"a": [{"b": 1}, {"b": {"0": 2}}]}
    assert [dig(value, path) for path in ("a.0.b", "a.1.b.0", "a.2", "a.b", "x", "a.-1")] == [
        1,
        2,
        None,
        None,
        None,
        None,
    ]
    assert dig(value, "") is value


@given(st.text(max_size=30))
def test_what_is_filled_into_an_address_cannot_leave_its_place(text: str) -> None:
    filled_in = fill("http://h/{id}/x", {"id": text.encode("utf-8", "replace").decode()}, quoted=True)
    assert filled_in.count("/") == 4
    assert not set("?#&") & set(filled_in)


def test_a_body_with_holes() -> None:
    body = {"a": "{cursor}", "b": ["{lang}-{region}", 5], "c": {"d": "{other}"}}
    assert filled(body, {"cursor": None, "lang": "de", "region": "CH"}) == {
        "a": None,
        "b": ["de-CH", 5],
        "c": {"d": "{other}"},
    }
    assert fill("{cursor}x", {"cursor": "{lang}", "lang": "no"}) == "{lang}x"


# -- files ---------------------------------------------------------------------------------------------------------


async def test_what_is_no_readable_file_needs_the_user(world: World, http: Http, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.m3u", tmp_path, Path("/dev/zero"), Path("/proc/self/mem")):
        with pytest.raises(NightcrewError, match=str(path)):
            await entries(adapter(world, "m3u", url=str(path)), fetching(http, tmp_path))


async def test_a_pipe_in_place_of_a_file_does_not_hang(world: World, http: Http, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    task = asyncio.create_task(entries(adapter(world, "m3u", url=str(pipe)), fetching(http, tmp_path)))
    done, _ = await asyncio.wait({task}, timeout=2)
    if not done:
        os.close(os.open(pipe, os.O_WRONLY))  # else the reading thread would keep the test run from ending
        await asyncio.gather(task, return_exceptions=True)
    assert done, "it waits for somebody to write into the pipe"
    with pytest.raises(NeedsUser, match="is not a file"):
        task.result()


async def test_a_home_folder_that_does_not_exist_needs_the_user(world: World, http: Http, tmp_path: Path) -> None:
    with pytest.raises(NightcrewError):
        await entries(adapter(world, "m3u", url="~nobody-of-that-name/list.m3u"), fetching(http, tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html></html>",
        b"#EXTM3U\n",
        gzip.compress(b"<html>", mtime=0),
        gzip.compress(b"#EXTM3U\n" * 99, mtime=0)[:-9],
        b"#EXTM3U\n#EXTINF:-1,A",
        b"\x1f\x8bno gzip",
    ],
)
async def test_a_file_that_is_no_list_is_refused(world: World, http: Http, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(NightcrewError):
        await entries(adapter(world, "m3u", url=str(path)), fetching(http, tmp_path))


@pytest.mark.parametrize("packed", [False, True])
async def test_a_file_beyond_the_limit_is_given_up(world: World, http: Http, tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "list.m3u"
    text = b"#EXTM3U\n" + b"#EXTINF:-1,A\nhttp://s/1\n" * 300_000
    path.write_bytes(gzip.compress(text, 1, mtime=0) if packed else text)
    with pytest.raises(GiveUp, match="limit of 5 MiB"):
        await entries(adapter(world, "m3u", url=str(path)), fetching(http, tmp_path))


# -- what a user enters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        ("odd", {}, "kind"),
        ("m3u", {}, "url"),
        ("m3u", {"url": " "}, "url"),
        ("m3u", {"url": "ftp://h/x"}, "url"),
        ("m3u", {"url": "http://h/\nx"}, "url"),
        ("m3u", {"url": "http://h", "region": "../x"}, "region"),
        ("m3u", {"url": "http://h", "colour": "red"}, "colour"),
        ("xtream", {"url": "h", "username": "u", "password": "p"}, "url"),
        ("xtream", {"url": "http://h", "username": "", "password": "p"}, "username"),
        ("xtream", {"url": "http://[", "username": "u", "password": "p"}, "url"),
        ("catalogue", {"url": "file:///x"}, "url"),
        ("catalogue", {"url": "http://h", "locales": [["de"]]}, "locales"),
        ("catalogue", {"url": "http://h", "options": {"auth": {"kind": "token"}}}, "options.auth"),
        ("catalogue", {"url": "http://h", "options": {"list": {"path": 5}}}, "options.list.path"),
        ("guide", {"url": "gopher://h"}, "url"),
    ],
)
def test_a_wrong_source_is_refused_by_field(kind: str, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_config(kind, values)
    assert (caught.value.field or "").startswith(field)


@pytest.mark.parametrize("value", ["s3cr3t-t0ken", {"password": "s3cr3t-t0ken"}])
def test_a_complaint_about_a_source_does_not_repeat_its_password(value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        checked_config("xtream", {"url": "http://h", "username": "u", "password": [value]})
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://192.168.1.2/x", True),
        ("http://localhost:80", True),
        ("http://nas/x", True),
        ("http://nas.local/x", True),
        ("http://[fd00::1]/", True),
        ("http://tv.example/x", False),
        ("http://1.1.1.1/x", False),
        ("http://LOCALHOST/", True),
    ],
)
def test_which_addresses_are_private(url: str, private: bool) -> None:
    assert host_is_private(url) is private


async def test_a_list_that_was_never_read_is_not_unchanged(world: World, http: Http, tmp_path: Path) -> None:
    url, server = await answers(lambda path, head: (304, b""))
    async with server:
        with pytest.raises(NightcrewError):
            await entries(adapter(world, "m3u", url=url), fetching(http, tmp_path, validators=Validators()))
