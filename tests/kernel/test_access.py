"""Who gets in: without a password only local callers, with one only those who know it or hold a token."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from support import Node, free_port, running

from nightcrew import app
from nightcrew.kernel.access import TRIES, Access
from nightcrew.kernel.errors import Invalid, NeedsUser, NotFound
from nightcrew.kernel.store import Store, database_url, migrate
from nightcrew.kernel.vault import Vault
from nightcrew.web.guard import COOKIE

PASSWORD = "correct horse"


@pytest.fixture
async def protected(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", password=PASSWORD) as started:
        yield started


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    store = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, store.url, [Path(migrate.__code__.co_filename).parent / "migrations" / "versions"])
    made = Access(store, Vault.open(tmp_path), password=None)
    await made.load()
    yield made
    await store.close()


async def raw(node: Node, *lines: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of a request written by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(node.url.rsplit(":", 1)[1]))
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    try:
        async with asyncio.timeout(10):
            answer = await reader.read()
    finally:
        writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), rest


# -- without a password --------------------------------------------------------------------------------------------


async def test_without_a_password_only_local_names_and_sites_are_let_in(node: Node) -> None:
    port = node.url.rsplit(":", 1)[1]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "app.localhost", "LOCALHOST"):
        assert (await node.http.get("/health", headers={"Host": host})).status_code == 200, host
    for host in (
        f"evil.example:{port}",
        "192.168.1.5",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "x@127.0.0.1.evil.example",
    ):
        answer = await node.http.get("/health", headers={"Host": host})
        assert answer.status_code == 403, host
        assert answer.headers["content-type"] == "application/problem+json"

    setting = {"activity_days": 10}
    for header, value in (
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Origin", f"http://localhost:{port}"),
        ("Origin", f"{node.url}.evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ):
        answer = await node.http.patch("/api/v1/settings", json=setting, headers={header: value})
        assert answer.status_code == 403, (header, value)
    assert (await node.get("/api/v1/settings"))["values"]["kernel.activity_days"] == 90
    assert (await node.http.get("/health", headers={"Origin": "http://evil.example"})).status_code == 200

    same = {"Origin": node.url, "Sec-Fetch-Site": "same-origin"}
    assert (await node.http.patch("/api/v1/settings", json=setting, headers=same)).status_code == 200
    assert (await node.get("/api/v1/settings"))["values"]["kernel.activity_days"] == 10


async def test_every_answer_has_the_security_headers(node: Node) -> None:
    for path in ("/", "/health", "/api/v1/jobs/none", "/nothing", "/static/app.css"):
        answer = await node.http.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["x-frame-options"] == "DENY", path
        assert answer.headers["referrer-policy"] in {"no-referrer", "same-origin"}, path
        assert "default-src 'self'" in answer.headers["content-security-policy"], path
        assert "server" not in answer.headers, path
    refused = await node.http.get("/", headers={"Host": "evil.example"})
    assert refused.headers["x-content-type-options"] == "nosniff"


async def test_a_nonsense_header_is_refused_or_passed_over_but_breaks_nothing(protected: Node) -> None:
    """Cookies of other programs on the same host name come along too, whatever they are called."""
    broken = []
    for header in (
        "Host: [::1",
        "Host: a]b",
        "Host: \xe9",
        "Cookie: a/b=1",
        "Cookie: =;;\xff",
        "Origin: http://[",
        "X-Api-Key: \xff",
    ):
        host = [] if header.startswith("Host") else ["Host: 127.0.0.1"]
        for method in ("GET", "POST"):
            status, _body = await raw(protected, f"{method} /health HTTP/1.1", *host, header, "Content-Length: 0")
            if status >= 500:
                broken.append((method, header, status))
    assert broken == []


async def test_a_request_body_has_a_limit(node: Node) -> None:
    big = b'{"kernel.public_url": "' + b"x" * (9 << 20) + b'"}'
    status, _ = await raw(
        node,
        "PATCH /api/v1/settings HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(big)}",
        "Content-Type: application/json",
    )
    assert status == 413


async def test_a_request_body_without_a_length_has_the_same_limit(node: Node) -> None:
    big = b'{"kernel.public_url": "' + b"x" * (9 << 20) + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 1 << 16):
            yield big[start : start + (1 << 16)]

    answer = await node.http.patch("/api/v1/settings", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


async def test_a_head_request_answers_like_a_get_without_a_body(node: Node) -> None:
    answer = await node.http.head("/health")
    assert (answer.status_code, answer.content) == (200, b"")


# -- with a password -----------------------------------------------------------------------------------------------


async def test_with_a_password_strangers_stay_outside(protected: Node) -> None:
    http = protected.http
    for path in (
        "/api/v1/settings",
        "/api/v1/workers",
        "/metrics",
        "/api/openapi.json",
        "/playlist/all.m3u",
        "/guide.xml",
        "/vavoo/stats",
    ):
        answer = await http.get(path)
        assert answer.status_code == 401, path
        assert "X-Api-Key" in answer.json()["detail"]
    assert (await http.get("/health")).status_code == 200
    page = await http.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/")
    assert (await http.get("/api/v1/settings", headers={"X-Api-Key": "wrong"})).status_code == 401
    assert (await http.get("/api/v1/settings", headers={"Cookie": f"{COOKIE}=wrong"})).status_code == 401
    assert (await http.get("/health/../api/v1/settings")).status_code in {401, 404}
    assert (await http.get("/static/../api/v1/settings")).status_code in {401, 404}


async def test_an_api_key_works_until_it_is_revoked(protected: Node) -> None:
    key = await protected.access.make_token("api", "script")
    headers = {"X-Api-Key": key}
    listed = await protected.get("/api/v1/tokens", headers=headers)
    assert [item["name"] for item in listed["items"]] == ["script"]
    assert key not in str(listed)
    made = await protected.post("/api/v1/tokens", {"scope": "api", "name": "second"}, headers=headers)
    feed = await protected.get("/api/v1/activity?kind=access.", headers=headers)
    assert feed["items"][0]["actor"] == "api:script"
    assert made["token"] not in str(feed)
    answer = await protected.http.delete(f"/api/v1/tokens/{listed['items'][0]['id']}", headers=headers)
    assert answer.status_code == 200
    assert (await protected.http.get("/api/v1/tokens", headers=headers)).status_code == 401
    assert (await protected.http.get("/api/v1/tokens", headers={"X-Api-Key": made["token"]})).status_code == 200


async def test_a_players_token_opens_only_what_players_need(protected: Node) -> None:
    token = await protected.access.make_token("player", "tv")
    for path in ("/playlist/all.m3u", "/guide.xml", "/lineup.json", "/discover.json"):
        assert (await protected.http.get(f"{path}?token={token}")).status_code not in {401, 403}, path
    assert (await protected.http.get(f"/get.php?username=any&password={token}")).status_code not in {401, 403}
    for path in ("/", "/api/v1/settings", "/metrics", "/api/v1/tokens", "/vavoo/stats"):
        assert (await protected.http.get(f"{path}?token={token}")).status_code == 401, path
        assert (await protected.http.get(path, headers={"X-Api-Key": token})).status_code == 401, path
    key = await protected.access.make_token("api", "script")
    assert (await protected.http.get(f"/guide.xml?token={key}")).status_code == 401, (
        "an API key does not belong into addresses"
    )


async def test_a_session_opens_everything(protected: Node) -> None:
    cookie = {"Cookie": f"other=1; {COOKIE}={protected.access.open_session()}"}
    assert (await protected.http.get("/api/v1/settings", headers=cookie)).status_code == 200
    assert (await protected.http.get("/", headers=cookie | {"Host": "tv.example"})).status_code == 200
    foreign = cookie | {"Origin": "http://evil.example"}
    assert (await protected.http.patch("/api/v1/settings", json={}, headers=foreign)).status_code == 403
    assert not protected.access.session_is_valid(protected.access.open_session()[:-2])


# -- the parts -----------------------------------------------------------------------------------------------------


async def test_a_password_is_stored_hashed_and_ends_older_sessions(access: Access) -> None:
    assert not access.protected
    with pytest.raises(Invalid, match="8 or more"):
        await access.set_password("short")
    await access.set_password(PASSWORD)
    assert access.protected
    session = access.open_session()
    assert access.session_is_valid(session)
    assert access.check_password(PASSWORD)
    await access.set_password("another one")
    assert not access.session_is_valid(session)
    assert not access.check_password(PASSWORD)


async def test_a_session_ends(access: Access) -> None:
    session = access.open_session()
    with time_machine.travel(datetime_in(days=29)):
        assert access.session_is_valid(session)
    with time_machine.travel(datetime_in(days=31)):
        assert not access.session_is_valid(session)


def datetime_in(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


@pytest.mark.parametrize("cookie", [None, "", "x", "é", "a" * 2000, "gAAAAA"])
async def test_a_forged_session_is_none(access: Access, cookie: str | None) -> None:
    assert not access.session_is_valid(cookie)


async def test_five_wrong_passwords_lock_the_door(tmp_path: Path, access: Access) -> None:
    await access.set_password(PASSWORD)
    assert TRIES == 5
    for _ in range(4):
        assert not access.check_password("wrong guess")
    assert access.check_password(PASSWORD), "four are forgiven"
    assert not access.check_password("wrong guess")
    assert not access.check_password(PASSWORD)


async def test_a_password_of_any_characters_is_compared(access: Access) -> None:
    await access.set_password("pässwörd \U0001f511")
    assert access.check_password("pässwörd \U0001f511")
    for odd in ("", "\0", "\ud800", "x" * 100_000):
        assert not access.check_password(odd)


async def test_a_token_is_known_by_its_text_and_scope_alone(access: Access) -> None:
    key = await access.make_token("api", " script ")
    assert (await access.find_token(key, "api")) is not None
    assert (await access.find_token(key, "player")) is None
    assert (await access.find_token(key[:-1], "api")) is None
    (token,) = await access.tokens()
    assert token.name == "script"
    assert await access.revoke_token(token.id) == "script"
    assert (await access.find_token(key, "api")) is None
    with pytest.raises(NotFound):
        await access.revoke_token(token.id)
    for name in ("", "  ", "x" * 101):
        with pytest.raises(Invalid):
            await access.make_token("api", name)


async def test_a_token_revoked_on_one_node_stops_on_the_others(access: Access, tmp_path: Path) -> None:
    """`find_token` promises half a minute; the second node's last look is put further back than that."""
    key = await access.make_token("api", "script")
    store = Store(database_url(tmp_path, None))
    other = Access(store, Vault.open(tmp_path), password=None)
    await other.load()
    assert await other.find_token(key, "api")
    (token,) = await access.tokens()
    await access.revoke_token(token.id)
    other._loaded -= 60
    assert await other.find_token(key, "api") is None
    await store.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "nas.local", ""])
async def test_without_a_password_it_listens_on_loopback_only(tmp_path: Path, host: str) -> None:
    config = app.Config(data_dir=tmp_path, host=host, port=free_port())
    with pytest.raises(NeedsUser, match=r"NIGHTCREW_PASSWORD.*nightcrew passwd"):
        async with app.node(config) as (runtime, access):
            await app.run(config, runtime, access, asyncio.Event())


async def test_with_a_password_it_listens_everywhere(tmp_path: Path) -> None:
    async with running(tmp_path, host="0.0.0.0", password=PASSWORD) as node:
        assert (await node.http.get("/health")).status_code == 200
        assert (await node.http.get("/api/v1/settings")).status_code == 401
