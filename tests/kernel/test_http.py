"""Outbound HTTP against a server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import socket
import sys
import threading
import time
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.kernel import big_json
from nightcrew.kernel.connections.calls import Calls
from nightcrew.kernel.connections.question import Question, Reach
from nightcrew.kernel.errors import GiveUp, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.http import Http, Jar, Limits, Request, Validators
from nightcrew.kernel.http_answers import is_trickle, retry_after
from nightcrew.kernel.http_cache import MAX_KEPT, HttpCache
from nightcrew.kernel.http_pace import PER_HOST, Pace
from nightcrew.kernel.inflate import Inflate
from nightcrew.kernel.routes import Direct, Routes
from nightcrew.kernel.store import Store, database_url, migrate
from nightcrew.kernel.targets import check_target, points_private
from nightcrew.kernel.vault import Vault

pytestmark = pytest.mark.usefixtures("no_backoff")

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
QUICK = Limits(max_bytes=1 << 20, seconds=2)


def local(url: str, **more: Any) -> Request:
    return Request(url, allow_private=True, **more)


async def fetch(http: Http, url: str, limits: Limits = QUICK, **more: Any) -> bytes:
    into = io.BytesIO()
    await http.download(local(url, **more), into, limits=limits)
    return into.getvalue()


# -- answers and failures ------------------------------------------------------------------------------------------


async def test_a_body_is_counted_and_hashed(http: Http, server) -> None:
    server.answers("/a", b"hello ", b"world", Content_Type="text/plain", ETag='"e1"', Last_Modified="Mon")
    into = io.BytesIO(b"older and longer content")
    answer = await http.download(local(server.url("/a")), into, limits=QUICK)
    assert into.getvalue() == b"hello world"
    assert (answer.size, answer.sha256) == (11, hashlib.sha256(b"hello world").hexdigest())
    assert answer.validators == Validators('"e1"', "Mon")
    assert answer.content_type == "text/plain"


async def test_a_server_error_is_tried_three_times_and_no_more(http: Http, server) -> None:
    server.answers("/a", b"oops", status="500 Internal Server Error")
    with pytest.raises(Retry, match="HTTP 500") as caught:
        await fetch(http, server.url("/a"))
    assert len(server.requests) == 3
    assert caught.value.after is None


async def test_a_connection_reset_is_tried_three_times(http: Http, server) -> None:
    async def reset(_seen, writer) -> None:
        writer.transport.abort()

    server.routes["/a"] = reset
    with pytest.raises(Retry):
        await fetch(http, server.url("/a"))
    assert len(server.requests) == 3


async def test_the_second_try_may_succeed_and_starts_the_file_anew(http: Http, server) -> None:
    async def flaky(seen, writer) -> None:
        good = len(server.requests) > 1
        body = b"whole" if good else b"ha"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n" + body)

    server.routes["/a"] = flaky
    assert await fetch(http, server.url("/a")) == b"whole"
    assert len(server.requests) == 2


async def test_a_short_retry_after_is_waited_for(http: Http, server) -> None:
    moments: list[float] = []

    async def busy(seen, writer) -> None:
        moments.append(time.monotonic())
        status = b"503 Busy\r\nRetry-After: 1" if len(moments) == 1 else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    server.routes["/a"] = busy
    assert await fetch(http, server.url("/a")) == b"ok"
    assert moments[1] - moments[0] >= 0.99


@pytest.mark.parametrize("status", ["429 Too Many", "503 Busy"])
async def test_a_long_retry_after_is_handed_to_the_caller_at_once(http: Http, server, status: str) -> None:
    server.answers("/a", status=status, Retry_After="3600")
    with pytest.raises(Retry) as caught:
        await fetch(http, server.url("/a"))
    assert caught.value.after == 3600
    assert len(server.requests) == 1


async def test_a_retry_after_date_is_understood(http: Http, server) -> None:
    server.answers(
        "/a", status="503 Busy", Retry_After=format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    )
    with pytest.raises(Retry) as caught:
        await fetch(http, server.url("/a"))
    assert 7100 < (caught.value.after or 0) <= 7200


@pytest.mark.parametrize("value", ["\xb2", "9" * 5000, "Mon, 01 Jan 99999999999 00:00:00 GMT", "soon", "-5"])
async def test_an_unreadable_retry_after_is_passed_over(http: Http, server, value: str) -> None:
    server.answers("/a", status="503 Busy", Retry_After=value)
    with pytest.raises(Retry):
        await fetch(http, server.url("/a"))


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_a_refused_login_needs_the_user_and_is_not_repeated(http: Http, server, status: str) -> None:
    server.answers("/a", status=status)
    with pytest.raises(NeedsUser, match="password"):
        await fetch(http, server.url("/a?password=hunter22"))
    with pytest.raises(NeedsUser, match="password"):
        await fetch(http, server.url("/a"), headers={"Authorization": "Bearer abc"})
    assert len(server.requests) == 2


@pytest.mark.parametrize(("status", "words"), [("401 Unauthorized", "asks for a login"), ("403 No", "refuses access")])
async def test_nobody_is_told_to_check_a_password_that_was_not_sent(
    http: Http, server, other_server, status: str, words: str
) -> None:
    """Not even where a login was sent to the host that redirects to the one that refuses."""
    server.answers("/a", status=status)
    with pytest.raises(NeedsUser, match=words) as told:
        await fetch(http, server.url("/a"))
    assert "password" not in str(told.value)
    other_server.answers("/b", status="302 Found", Location=server.url("/a"))
    with pytest.raises(NeedsUser, match=words):
        await fetch(http, other_server.url("/b"), headers={"Authorization": "Bearer abc"})


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone", "204 No Content"])
async def test_a_missing_page_is_given_up_at_once(http: Http, server, status: str) -> None:
    server.answers("/a", status=status, length=None)
    with pytest.raises(GiveUp, match=status[:3]):
        await fetch(http, server.url("/a"))
    assert len(server.requests) == 1


async def test_a_closed_port_says_so() -> None:
    from support import free_port

    http = Http()
    with pytest.raises(Retry, match="refuses the connection"):
        await fetch(http, f"http://127.0.0.1:{free_port()}/")
    await http.close()


# -- limits --------------------------------------------------------------------------------------------------------


async def test_a_body_beyond_the_limit_is_given_up(http: Http, server) -> None:
    server.answers("/a", b"x" * 2_000_000)
    with pytest.raises(GiveUp, match="1 MiB"):
        await fetch(http, server.url("/a"))


async def test_a_body_of_exactly_the_limit_is_read(http: Http, server) -> None:
    server.answers("/a", b"x" * (1 << 20))
    assert len(await fetch(http, server.url("/a"))) == 1 << 20


async def test_a_gzip_bomb_stops_at_the_limit_with_little_memory(http: Http, server) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    server.answers("/a", bomb, Content_Encoding="gzip")

    class Nowhere(io.BytesIO):
        def write(self, data: Any) -> int:
            return len(data)

    tracemalloc.start()
    try:
        with pytest.raises(GiveUp, match="larger than the limit"):
            await http.download(local(server.url("/a")), Nowhere(), limits=Limits(max_bytes=64 << 20, seconds=30))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    assert len(server.requests) == 1


async def test_a_gzip_answer_is_unpacked(http: Http, server) -> None:
    server.answers("/a", gzip.compress(b"packed " * 1000), Content_Encoding="gzip")
    assert await fetch(http, server.url("/a")) == b"packed " * 1000


async def test_a_deflated_answer_is_unpacked(http: Http, server) -> None:
    server.answers("/a", zlib.compress(b"packed " * 1000), Content_Encoding="deflate")
    assert await fetch(http, server.url("/a")) == b"packed " * 1000


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "nonsense"])
async def test_a_packing_that_was_not_asked_for_is_refused(http: Http, server, coding: str) -> None:
    server.answers("/a", b"x", Content_Encoding=coding)
    with pytest.raises(GiveUp, match="not requested"):
        await fetch(http, server.url("/a"))


async def test_a_truncated_gzip_answer_is_no_answer(http: Http, server) -> None:
    server.answers("/a", gzip.compress(bytes(range(256)) * 100)[:-20], Content_Encoding="gzip")
    with pytest.raises(Retry, match="cut off"):
        await fetch(http, server.url("/a"))


async def test_what_only_claims_to_be_gzip_is_refused(http: Http, server) -> None:
    server.answers("/a", b"#EXTM3U\n", Content_Encoding="gzip")
    with pytest.raises(GiveUp, match="damaged"):
        await fetch(http, server.url("/a"))


async def test_a_body_shorter_than_promised_is_no_answer(http: Http, server) -> None:
    server.answers("/a", b"half", length=100)
    with pytest.raises(Retry, match="before the answer was complete"):
        await fetch(http, server.url("/a"))


async def test_an_endless_body_stops_at_the_limit(http: Http, server) -> None:
    async def endless(_seen, writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(bytes(65_536))
            await writer.drain()

    server.routes["/a"] = endless
    with pytest.raises(GiveUp, match="larger"):
        await fetch(http, server.url("/a"))


async def test_the_time_of_an_answer_begins_when_its_turn_has_come(http: Http, server) -> None:
    asked = asyncio.Event()

    async def slow(seen, writer) -> None:
        asked.set()
        await asyncio.sleep(0.7)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    server.routes["/slow"] = slow
    server.answers("/a", b"ok")
    pace, limits = Pace(at_once=1), Limits(max_bytes=1 << 20, seconds=0.5)
    first = asyncio.create_task(fetch(http, server.url("/slow"), pace=pace))
    await asked.wait()  # it has the only place, for longer than the next one may take
    asking = http.ask(local(server.url("/a"), pace=pace), limits=limits)
    got, reply = await asyncio.gather(fetch(http, server.url("/a"), limits, pace=pace), asking)
    assert (got, reply.body, await first) == (b"ok", b"ok", b"ok")


async def test_redirects_share_the_time_of_an_answer(http: Http, server) -> None:
    async def onward(seen, writer) -> None:
        await asyncio.sleep(0.4)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server.routes["/a"] = server.routes["/b"] = onward
    with pytest.raises(Retry, match="took too long"):
        await fetch(http, server.url("/a"), Limits(max_bytes=1 << 20, seconds=0.6))
    assert len(server.requests) == 2


async def test_a_trickle_runs_into_the_time_limit(http: Http, server) -> None:
    async def trickle(_seen, writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    server.routes["/a"] = trickle
    async with asyncio.timeout(20):
        with pytest.raises(Retry, match="took too long"):
            await fetch(http, server.url("/a"), Limits(max_bytes=1 << 20, seconds=0.5))


async def test_headers_without_end_run_into_a_limit(http: Http, server) -> None:
    async def headers(_seen, writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(b"X-A: " + b"b" * 1000 + b"\r\n")
            await writer.drain()

    server.routes["/a"] = headers
    async with asyncio.timeout(20):
        with pytest.raises(Retry):
            await fetch(http, server.url("/a"), Limits(max_bytes=1 << 20, seconds=1))


async def test_one_host_gets_only_a_few_connections_at_a_time(http: Http, server) -> None:
    async def slow(_seen, writer) -> None:
        await asyncio.sleep(0.1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server.routes["/a"] = slow
    await asyncio.gather(*(fetch(http, server.url(f"/a?{n}"), Limits(seconds=20)) for n in range(12)))
    assert server.most_open == PER_HOST
    assert len(server.requests) == 12


# -- sniffing ------------------------------------------------------------------------------------------------------


async def test_a_body_may_be_refused_by_its_first_bytes(http: Http, server) -> None:
    server.answers("/a", b"<html>", Content_Type="text/html")

    def sniff(first: bytes, content_type: str) -> None:
        assert (first, content_type) == (b"<html>", "text/html")
        raise Retry("an HTML page")

    with pytest.raises(Retry, match="an HTML page"):
        await http.download(local(server.url("/a")), io.BytesIO(), limits=QUICK, sniff=sniff)


async def test_the_sniffer_sees_enough_even_when_bytes_come_one_at_a_time(http: Http, server) -> None:
    """A first packet with nothing but a byte order mark or one letter says nothing of the body."""
    server.answers("/a", *(bytes([byte]) for byte in b"http://a/1.ts\n"))
    seen: list[bytes] = []
    await http.download(
        local(server.url("/a")), io.BytesIO(), limits=QUICK, sniff=lambda first, _type: seen.append(first)
    )
    assert len(seen) == 1
    assert seen[0].startswith(b"http://")


# -- redirects -----------------------------------------------------------------------------------------------------


async def test_redirects_are_followed_to_the_end(http: Http, server) -> None:
    server.answers("/a", status="302 Found", Location="/b?x=1")
    server.answers("/b", b"here")
    into = io.BytesIO()
    answer = await http.download(local(server.url("/a")), into, limits=QUICK)
    assert (into.getvalue(), answer.url) == (b"here", server.url("/b?x=1"))


async def test_a_redirect_loop_ends(http: Http, server) -> None:
    server.answers("/a", status="302 Found", Location="/a")
    with pytest.raises(GiveUp, match="redirects more than"):
        await fetch(http, server.url("/a"))
    assert len(server.requests) <= 6


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://a/", "javascript:1", "http://[::1", "http://a\u2100b/"],
)
async def test_a_redirect_to_anything_but_http_is_refused(http: Http, server, target: str) -> None:
    server.answers("/a", status="302 Found", Location=target.encode().decode("latin-1"))
    with pytest.raises(GiveUp):
        await fetch(http, server.url("/a"))
    assert len(server.requests) == 1


async def test_the_login_does_not_follow_a_redirect_to_another_host(http: Http, server, other_server) -> None:
    server.answers("/a", status="302 Found", Location=other_server.url("/b"))
    other_server.answers("/b", b"ok")
    headers = {"Authorization": "Bearer secret1", "Cookie": "secret2", "User-Agent": "Player"}
    assert await fetch(http, server.url("/a"), headers=headers) == b"ok"
    assert server.requests[0].headers["authorization"] == "Bearer secret1"
    assert "authorization" not in other_server.requests[0].headers
    assert "cookie" not in other_server.requests[0].headers
    assert other_server.requests[0].headers["user-agent"] == "Player"


async def test_no_header_with_a_secret_follows_a_redirect_to_another_host(http: Http, server, other_server) -> None:
    """Catalogue sources name their own header (`X-Signature`, `X-Api-Key`): it is a login as well."""
    server.answers("/a", status="302 Found", Location=other_server.url("/b"))
    other_server.answers("/b", b"ok")
    await fetch(http, server.url("/a"), headers={"X-Signature": "top-secret"}, secrets=("top-secret",))
    assert "top-secret" not in str(other_server.requests[0].headers)


async def test_the_login_stays_on_a_redirect_within_the_host(http: Http, server) -> None:
    server.answers("/a", status="301 Moved", Location="/b")
    server.answers("/b", b"ok")
    await fetch(http, server.url("/a"), headers={"Authorization": "Bearer x"})
    assert server.requests[1].headers["authorization"] == "Bearer x"


async def test_a_post_becomes_a_get_after_see_other(http: Http, server) -> None:
    server.answers("/a", status="303 See Other", Location="/b")
    server.answers("/b", b"[1]")
    assert await http.json(local(server.url("/a"), method="POST", json={"a": 1})) == [1]
    assert [(seen.method, seen.body) for seen in server.requests] == [("POST", b'{"a":1}'), ("GET", b"")]


# -- the private network -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *(
            "[::1]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:127.0.0.1]",
            "[::]",
            "[2002:7f00:1::]",
            "[64:ff9b::10.1.2.3]",
            "localhost",
            "2130706433",
            "127.1",
            "0x7f000001",
        ),
    ],
)
async def test_private_addresses_are_seen_through_every_spelling(host: str) -> None:
    assert await points_private(f"http://{host}:80/x")
    http = Http()
    with pytest.raises(GiveUp, match="private network"):
        await http.text(Request(f"http://{host}/"), limits=QUICK)
    await http.close()
    check_target(f"http://{host}/")


@pytest.mark.parametrize("host", ["1.1.1.1", "8.8.8.8", "[2606:4700::1111]"])
async def test_public_addresses_are_not_private(host: str) -> None:
    assert not await points_private(f"http://{host}/")


async def test_a_private_target_of_a_public_source_is_never_asked(http: Http, server) -> None:
    server.answers("/a", b"internal")
    with pytest.raises(GiveUp, match="private network"):
        await http.download(Request(server.url("/a")), io.BytesIO(), limits=QUICK)
    assert server.requests == []


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example", "a%00b", "\u2024", "xn--\xff"])
@pytest.mark.parametrize("allow_private", [True, False])
async def test_a_host_that_cannot_be_a_name_is_an_error_of_ours(http: Http, host: str, allow_private: bool) -> None:
    with pytest.raises(NightcrewError):
        await http.download(
            Request(f"http://{host}/", allow_private=allow_private), io.BytesIO(), limits=Limits(seconds=2)
        )


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_address_makes_the_target_check_fall_over(text: str) -> None:
    for url in (text, f"http://{text}", f"http://1.1.1.1:{text}/"):
        try:
            check_target(url)
        except GiveUp:
            pass


# -- conditional requests ------------------------------------------------------------------------------------------


async def test_a_conditional_request_that_nothing_changed(http: Http, server) -> None:
    server.answers("/a", status="304 Not Modified", length=None)
    known = Validators('"e1"', "Mon, 02 Mar 2026 00:00:00 GMT")
    answer = await http.download(local(server.url("/a")), io.BytesIO(), limits=QUICK, validators=known)
    assert answer.not_modified
    assert answer.validators == known
    assert server.requests[0].headers["if-none-match"] == '"e1"'
    assert server.requests[0].headers["if-modified-since"] == known.last_modified


async def test_not_modified_to_an_unconditional_request_is_an_error(http: Http, server) -> None:
    """Else a source that was never read counts as unchanged, with no channels."""
    server.answers("/a", status="304 Not Modified", length=None)
    with pytest.raises(NightcrewError):
        await http.download(local(server.url("/a")), io.BytesIO(), limits=QUICK)


async def test_overlong_validators_are_not_kept(http: Http, server) -> None:
    server.answers("/a", b"x", ETag="e" * 301, Last_Modified="m" * 101)
    answer = await http.download(local(server.url("/a")), io.BytesIO(), limits=QUICK)
    assert answer.validators == Validators()


# -- JSON ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"<html>down</html>", b"", b'{"a": 1', b"[" * 100_000, b"\xff\xfe", b'{"a": ' + b"1" * 5000 + b"}"]
)
async def test_what_is_no_json_may_be_json_later(http: Http, server, body: bytes) -> None:
    server.answers("/a", body)
    with pytest.raises(Retry, match="JSON is expected"):
        await http.json(local(server.url("/a")), limits=QUICK)


async def test_large_json_is_read_beside_the_loop_and_small_json_on_it(http: Http, server, monkeypatch) -> None:
    threads: list[bool] = []
    decode = json.JSONDecoder.raw_decode

    def noted(self: json.JSONDecoder, *more: Any, **named: Any) -> Any:
        on_loop = threading.current_thread() is threading.main_thread()
        if threads[-1:] != [on_loop]:  # large JSON is read in pieces
            threads.append(on_loop)
        return decode(self, *more, **named)

    monkeypatch.setattr(json.JSONDecoder, "raw_decode", noted)
    for count in (10, 60_000):
        server.answers("/a", json.dumps([{"n": n, "f": n / 4} for n in range(count)]).encode())
        found = await http.json(local(server.url("/a")), limits=Limits(max_bytes=4 << 20, seconds=20))
        assert found == [{"n": n, "f": n / 4} for n in range(count)]
    assert threads == [True, False]


@pytest.mark.parametrize("item", ['{"a": "b"}', "17", "0.25"])
async def test_the_loop_goes_on_while_large_json_is_read(monkeypatch: pytest.MonkeyPatch, item: str) -> None:
    """In a thread alone it would stand still until all is read."""
    read = 0

    def count(hook: Any) -> Any:
        def counted(value: Any) -> Any:
            nonlocal read
            read += 1
            return hook(value)

        return counted

    for name in ("_pass_on", "_whole", "_real"):
        monkeypatch.setattr(big_json, name, count(getattr(big_json, name)))
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        reading = asyncio.create_task(big_json.loads(f"[{','.join([item] * 300_000)}]"))
        seen = set()
        while not reading.done():
            seen.add(read)
            await asyncio.sleep(0)
    finally:
        sys.setswitchinterval(before)
    assert len(await reading) == read == 300_000
    assert len(seen - {0, read}) >= 3, "nothing else ran while it was read"


async def test_an_answer_that_is_too_large_to_be_kept_is_not_even_sealed(
    caching: Http, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed: list[str] = []
    monkeypatch.setattr(caching._cache, "put", lambda question, value: sealed.append(question))
    server.answers("/a", b"[" + b" " * MAX_KEPT + b"]")
    assert await kept_json(caching, server.url("/a")) == ([], False)
    assert sealed == []


async def kept_json(http: Http, url: str, question: Question | None = None) -> tuple[Any, bool]:
    return await Calls(http, Reach((url,), private=True)).kept_json(
        question or Question(), limits=Limits(max_bytes=8 << 20, seconds=5)
    )


@pytest.fixture
async def caching(tmp_path: Path):
    store = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, store.url, [Path(migrate.__code__.co_filename).parent / "migrations" / "versions"])
    http = Http(HttpCache(store, Vault.open(tmp_path)))
    yield http
    await http.close()
    await store.close()


async def test_the_last_good_answer_is_given_as_stale(caching: Http, server) -> None:
    request = server.url("/a")
    with pytest.raises(Retry):
        server.answers("/a", b"<html>")
        await kept_json(caching, request)
    server.answers("/a", b'{"n": 1}')
    assert await kept_json(caching, request) == ({"n": 1}, False)
    for status, body in (("200 OK", b"<html>"), ("404 Gone", b""), ("401 No", b"")):
        server.answers("/a", body, status=status)
        assert await kept_json(caching, request) == ({"n": 1}, True)
    server.answers("/a", b'{"n": 2}')
    assert await kept_json(caching, request) == ({"n": 2}, False)


async def test_kept_answers_of_different_questions_are_not_mixed_up(caching: Http, server) -> None:
    async def echo(seen, writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(seen.body) + seen.body)

    server.routes["/a"] = echo
    one, two = (Question(method="POST", json={"id": n}) for n in (1, 2))
    await kept_json(caching, server.url("/a"), one)
    await kept_json(caching, server.url("/a"), two)
    server.answers("/a", status="404 Gone")
    assert await kept_json(caching, server.url("/a"), one) == ({"id": 1}, True)


async def test_kept_answers_are_unreadable_at_rest(caching: Http, server, tmp_path: Path) -> None:
    server.answers("/a", b'{"owner": "Miss Marple"}')
    await kept_json(caching, server.url("/a?password=hunter22"))
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("nightcrew.db*"))
    assert b"Marple" not in stored
    assert b"hunter22" not in stored


# -- secrets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["500 x", "401 x", "404 x", "302 x", "200 x"])
async def test_no_error_shows_a_secret(http: Http, server, status: str) -> None:
    server.answers("/live/hans/pa55word/1.ts", b"<", status=status, Location="file:///hans/pa55word/tok3n99/k3yk3y")
    url = server.url("/live/hans/pa55word/1.ts?token=tok3n99&api_key=k3yk3y").replace("//", "//hans:pa55word@")
    with pytest.raises(NightcrewError) as caught:
        await http.json(local(url, secrets=("tok3n99",)), limits=QUICK)
    for secret in ("pa55word", "tok3n99", "k3yk3y"):
        assert secret not in str(caught.value)


# -- pure ----------------------------------------------------------------------------------------------------------


@given(
    st.one_of(st.none(), st.text(), st.integers().map(str), st.from_regex(r"\w{3}, \d+ \w+ \d+ \d+:\d+:\d+ [+-]?\w+"))
)
def test_retry_after_is_a_bounded_number_or_nothing(value: str | None) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@given(st.integers(0, 100_000))
def test_retry_after_in_seconds(seconds: int) -> None:
    assert retry_after(str(seconds), NOW) == min(seconds, 86_400)


@given(st.integers(-1_000_000, 1_000_000))
def test_retry_after_as_a_date(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(header, NOW) == min(max(seconds, 0), 86_400)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in zip(edges, edges[1:], strict=False)]


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=4), st.lists(st.integers(0, 10_000), max_size=30))
@settings(max_examples=200)
def test_gzip_members_in_a_row_unpack_the_same_however_they_are_split(members: list[bytes], cuts: list[int]) -> None:
    inflate = Inflate()
    packed = b"".join(gzip.compress(member, mtime=0) for member in members)
    out = b"".join(piece for raw in pieces(packed, cuts) for piece in inflate.feed(raw))
    assert out == b"".join(members)
    assert inflate.complete


def test_a_gzip_member_may_begin_with_the_last_byte_of_a_packet() -> None:
    packed = [gzip.compress(b"one"), gzip.compress(b"two")]
    inflate = Inflate()
    out = b"".join(piece for raw in (packed[0] + packed[1][:1], packed[1][1:]) for piece in inflate.feed(raw))
    assert out == b"onetwo"


@pytest.mark.parametrize("cut", [0, 1, 7, 100])
def test_padding_after_a_gzip_file_is_passed_over_however_it_is_split(cut: int) -> None:
    packed, padding = gzip.compress(b"data"), bytes(512)
    whole = packed + padding
    inflate = Inflate()
    edge = len(packed) + cut
    assert b"".join(p for raw in (whole[:edge], whole[edge:]) if raw for p in inflate.feed(raw)) == b"data"
    assert inflate.complete


@given(st.integers(1, 60), st.lists(st.integers(0, 100_000), max_size=10))
@settings(max_examples=40)
def test_large_members_unpack_whole_and_in_small_pieces(blocks: int, cuts: list[int]) -> None:
    data = bytes(range(256)) * 37 * blocks
    inflate = Inflate()
    out = [piece for raw in pieces(gzip.compress(data, 1), cuts) for piece in inflate.feed(raw)]
    assert b"".join(out) == data
    assert inflate.complete
    assert max(map(len, out)) <= 1 << 16


@given(st.binary(max_size=300), st.integers(0, 10_000))
def test_damaged_gzip_is_refused_or_incomplete_but_never_falls_over(data: bytes, position: int) -> None:
    packed = bytearray(gzip.compress(data))
    packed[position % len(packed)] ^= 0x55
    inflate = Inflate()
    try:
        list(inflate.feed(bytes(packed)))
    except GiveUp:
        pass


@given(st.integers(0, 10**9), st.floats(0, 10**5))
def test_only_what_is_slow_for_long_is_a_trickle(size: int, seconds: float) -> None:
    found = is_trickle(size, seconds)
    assert found == (seconds > 20 and size / max(seconds, 1e-9) < 1024) or abs(size - 1024 * seconds) < 1e-3 * max(
        size, 1
    )
    assert not is_trickle(size, 20), "it has 20 seconds to begin"
    assert not is_trickle(10**12, seconds)


# -- sending -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
async def test_any_good_status_says_that_a_message_was_taken(http: Http, server, status: str) -> None:
    server.answers("/", status=status)
    await http.send(Request(server.url(), "POST", json={"a": 1}, allow_private=True), limits=Limits(seconds=5))
    (seen,) = server.requests
    assert (seen.method, seen.body) == ("POST", b'{"a":1}')


async def test_a_message_is_sent_once_even_if_it_fails(http: Http, server) -> None:
    server.answers("/", status="503 Service Unavailable", retry_after="7")
    with pytest.raises(Retry, match=r"cannot send to http://127\.0\.0\.1:\d+/: it answers HTTP 503") as told:
        await http.send(Request(server.url(), "POST", json={}, allow_private=True), limits=Limits(seconds=5))
    assert told.value.after == 7
    assert len(server.requests) == 1


async def test_a_redirect_that_loses_the_message_does_not_take_it(http: Http, server) -> None:
    server.answers("/", status="302 Found", location="/login")
    server.answers("/login", b"<html>")
    with pytest.raises(GiveUp, match="it redirects to a page that does not accept messages"):
        await http.send(Request(server.url(), "POST", json={}, allow_private=True), limits=Limits(seconds=5))


async def test_a_message_leads_into_a_private_network_only_where_that_was_said(http: Http, server) -> None:
    server.answers("/")
    with pytest.raises(GiveUp, match="private network"):
        await http.send(Request(server.url(), "POST", json={}), limits=Limits(seconds=5))
    assert server.requests == []


# -- any method ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content", "207 Multi-Status"])
async def test_any_good_status_is_an_answer_with_its_body(http: Http, server, status: str) -> None:
    body = b"" if status.startswith("204") else b'{"id": 7}'
    server.answers("/a", body, status=status, X_Left="3")
    reply = await http.ask(local(server.url("/a"), method="PUT", json={"a": 1}))
    assert (reply.status, reply.headers["x-left"]) == (int(status[:3]), "3")
    assert await reply.json() == (None if not body else {"id": 7})
    assert [(seen.method, seen.body) for seen in server.requests] == [("PUT", b'{"a":1}')]


async def test_a_form_is_sent_as_a_form(http: Http, server) -> None:
    server.answers("/a", b"ok")
    await http.ask(local(server.url("/a"), method="POST", form={"grant_type": "x y", "code": "ä&b"}))
    (seen,) = server.requests
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.body == b"grant_type=x+y&code=%C3%A4%26b"


@pytest.mark.parametrize(
    ("method", "safe", "times"),
    [("POST", False, 1), ("POST", True, 3), ("PATCH", False, 1), ("PUT", False, 3), ("DELETE", False, 3)],
)
async def test_only_what_changes_nothing_more_is_repeated(
    http: Http, server, method: str, safe: bool, times: int
) -> None:
    server.answers("/a", status="503 Busy")
    with pytest.raises(Retry, match="503"):
        await http.ask(local(server.url("/a"), method=method, safe=safe))
    assert len(server.requests) == times


async def test_what_has_not_even_been_sent_is_repeated_whatever_it_is() -> None:
    """A name server that is away for a moment costs no order."""
    asked = 0

    class Late(Direct):
        async def resolve(self, host: str) -> list[str]:
            nonlocal asked
            asked += 1
            raise socket.gaierror(socket.EAI_AGAIN, "later")

    http = Http(routes=Routes(Late()))
    with pytest.raises(Retry, match="DNS") as told:
        await http.ask(local("http://service.example/", method="POST"))
    assert (asked, told.value.unreached) == (3, True)
    await http.close()


async def test_an_error_with_words_is_an_answer_to_who_wants_to_read_it(http: Http, server) -> None:
    """Indexers explain themselves in XML with any status."""
    server.answers("/a", b"<error code='500'/>", status="429 Too Many")
    reply = await http.ask(local(server.url("/a")), good=frozenset({200, 429}))
    assert (reply.status, reply.text()) == (429, "<error code='500'/>")


async def test_a_redirect_that_is_asked_for_is_not_followed(http: Http, server) -> None:
    server.answers("/a", status="302 Found", Location="magnet:?xt=urn:btih:abc")
    reply = await http.ask(local(server.url("/a")), good=frozenset({302}))
    assert reply.headers["location"] == "magnet:?xt=urn:btih:abc"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_change_does_not_become_a_look_by_a_redirect(http: Http, server, method: str) -> None:
    server.answers("/a", status="302 Found", Location="/b")
    server.answers("/b", b"a page")
    with pytest.raises(GiveUp, match="redirects a"):
        await http.ask(local(server.url("/a"), method=method))
    assert len(server.requests) == 1


# -- cookies -------------------------------------------------------------------------------------------------------


async def test_a_cookie_goes_with_the_redirects_of_its_request_and_no_further(http: Http, server) -> None:
    server.answers("/login", status="302 Found", Location="/list", Set_Cookie="seen=1; Path=/")
    server.answers("/list", b"ok")
    assert await fetch(http, server.url("/login")) == b"ok"
    assert server.requests[1].headers["cookie"] == "seen=1"
    await fetch(http, server.url("/list"))
    assert "cookie" not in server.requests[2].headers


async def test_each_jar_has_its_own_cookies(http: Http, server) -> None:
    """Two logins at one panel: with the other one's cookie a panel answers the other one's list."""

    async def session(seen, writer) -> None:
        user = seen.path.partition("?")[2]
        had = seen.headers.get("cookie", "none")
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nSet-Cookie: user={user}\r\nContent-Length: {len(had)}\r\n\r\n"
        writer.write((head + had).encode())

    server.routes["/a"] = session
    anna, bert = Jar(), Jar()
    assert await fetch(http, server.url("/a?anna"), jar=anna) == b"none"
    assert await fetch(http, server.url("/a?bert"), jar=bert) == b"none"
    assert await fetch(http, server.url("/a?anna"), jar=anna) == b"user=anna"
    assert await fetch(http, server.url("/a?bert"), jar=bert) == b"user=bert"


async def test_a_jar_does_not_fill_up_without_end(http: Http, server) -> None:
    jar = Jar()

    async def many(seen, writer) -> None:
        cookies = "".join(f"Set-Cookie: c{seen.path.partition('?')[2]}-{n}=1\r\n" for n in range(30))
        cookies += f"Set-Cookie: long={'x' * 5000}\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{cookies}Content-Length: 0\r\n\r\n".encode())

    server.routes["/a"] = many
    for n in range(4):
        await fetch(http, server.url(f"/a?{n}"), jar=jar)
    assert len(jar) == 50
    assert "long" not in jar
