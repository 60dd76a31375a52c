"""Who gets in: without a password only local callers, with one only those who know it or hold a token."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import time_machine

from nightcrew import app
from nightcrew.kernel.access import RELOAD, Access, MustWait
from nightcrew.kernel.errors import Invalid, NeedsUser, NotFound
from nightcrew.kernel.guesses import MAX_CLIENTS, TRIES, Guesses, client_of
from nightcrew.kernel.store import Store, database_url, migrate
from support import free_port, running

PASSWORD = "correct horse"


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    store = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, store.url, [Path(migrate.__code__.co_filename).parent / "migrations" / "versions"])
    made = Access(store, password=None)
    await made.load()
    yield made
    await store.close()


# -- the parts -----------------------------------------------------------------------------------------------------


async def test_a_password_is_stored_hashed_and_ends_older_sessions(access: Access) -> None:
    assert not access.protected
    with pytest.raises(Invalid, match="8 or more"):
        await access.set_password("short")
    await access.set_password(PASSWORD)
    assert access.protected
    session = await access.sessions.open()
    assert await access.find_session(session)
    assert await check(access, PASSWORD)
    await access.set_password("another one")
    assert not await access.find_session(session)
    assert not await check(access, PASSWORD)


async def test_a_session_ends(access: Access) -> None:
    session = await access.sessions.open()
    with time_machine.travel(datetime_in(days=29)):
        assert await access.find_session(session)
    with time_machine.travel(datetime_in(days=31)):
        assert not await access.find_session(session)


def datetime_in(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


@pytest.mark.parametrize("cookie", [None, "", "x", "é", "a" * 2000, "gAAAAA"])
async def test_a_forged_session_is_none(access: Access, cookie: str | None) -> None:
    assert not await access.find_session(cookie)


async def check(access: Access, password: str, address: str = "192.0.2.1") -> bool:
    """False also for who has to wait."""
    try:
        return await access.check_password(password, address=address)
    except MustWait:
        return False


async def test_five_wrong_passwords_lock_the_door(access: Access) -> None:
    await access.set_password(PASSWORD)
    assert TRIES == 5
    for _ in range(4):
        assert not await check(access, "wrong guess")
    assert await check(access, PASSWORD), "four are forgiven"
    assert not await check(access, "wrong guess")
    assert not await check(access, PASSWORD)


async def test_a_strangers_guesses_keep_nobody_else_out(access: Access) -> None:
    await access.set_password(PASSWORD)
    for _ in range(50):
        assert not await check(access, "wrong guess", "203.0.113.9")
    assert not await check(access, PASSWORD, "203.0.113.9"), "the stranger has to wait"
    assert await check(access, PASSWORD, "192.0.2.1")


async def test_the_owner_logs_in_while_a_stranger_guesses(tmp_path: Path) -> None:
    """Over real connections: the stranger comes from another loopback address."""
    async with running(tmp_path, password=PASSWORD) as node:
        transport = httpx2.AsyncHTTPTransport(local_address="127.0.0.2")
        async with httpx2.AsyncClient(base_url=node.url, transport=transport) as stranger:
            for _ in range(TRIES):
                assert (await stranger.post("/login", data={"password": "wrong guess"})).status_code == 422
            answer = await stranger.post("/login", data={"password": PASSWORD})
            assert (answer.status_code, "try again in 1 min" in answer.text.lower()) == (429, True)
        assert (await node.http.post("/login", data={"password": PASSWORD})).status_code == 303


async def test_guesses_at_the_same_time_count_too(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    await access.set_password(PASSWORD)
    verify = hashing(access, monkeypatch)
    assert not any(await asyncio.gather(*(check(access, "wrong guess") for _ in range(20))))
    assert verify.calls == TRIES


async def test_only_two_passwords_are_hashed_at_a_time_and_none_on_the_loop(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    await access.set_password(PASSWORD)
    verify = hashing(access, monkeypatch)
    found = await asyncio.gather(*(check(access, PASSWORD, f"192.0.2.{n}") for n in range(12)))
    assert all(found)
    assert verify.calls == 12
    assert verify.most <= 2
    assert threading.get_ident() not in verify.threads
    await access.set_password("another one")
    assert (verify.calls, threading.get_ident() in verify.threads) == (13, False)


class Hashing:
    """Counts what is hashed, how much at a time, and where."""

    def __init__(self) -> None:
        self.calls = self.now = self.most = 0
        self.threads: set[int] = set()
        self._lock = threading.Lock()

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            with self._lock:
                self.calls, self.now = self.calls + 1, self.now + 1
                self.most = max(self.most, self.now)
                self.threads.add(threading.get_ident())
            try:
                return work(*args)
            finally:
                with self._lock:
                    self.now -= 1

        return counted


def hashing(access: Access, monkeypatch: pytest.MonkeyPatch) -> Hashing:
    counting = Hashing()
    for name in ("verify", "hash"):
        monkeypatch.setattr(access._hasher, name, counting.around(getattr(access._hasher, name)))
    return counting


def test_only_so_many_clients_are_remembered() -> None:
    guesses = Guesses()
    for number in range(MAX_CLIENTS + 50):
        assert guesses.begin(f"client {number}", 0.0)
    assert len(guesses) == MAX_CLIENTS
    for _ in range(TRIES):
        guesses.begin("one", 1.0)
    assert not guesses.begin("one", 60.9)
    assert guesses.begin("one", 61.0), "after a minute"


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_all_addresses_of_one_client_count_together(address: str, client: str) -> None:
    assert client_of(address) == client


async def test_a_password_of_any_characters_is_compared(access: Access) -> None:
    await access.set_password("pässwörd \U0001f511")
    assert await check(access, "pässwörd \U0001f511")
    for odd in ("", "\0", "\ud800", "x" * 100_000):
        assert not await check(access, odd)


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
    other = Access(store, password=None)
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


async def test_a_password_changed_on_one_node_holds_on_the_others(access: Access, tmp_path: Path) -> None:
    """For who logs in there, who was logged in before, and who has logged in elsewhere since."""
    await access.set_password(PASSWORD)
    other_store = Store(database_url(tmp_path, None))
    other = Access(other_store, password=None)
    await other.load()
    old = await other.sessions.open()
    assert await access.find_session(old)
    await access.set_password("another one")
    new = await access.sessions.open()
    other._loaded -= RELOAD + 1
    assert await other.find_session(new)
    assert not await other.find_session(old)
    assert (await check(other, "another one"), await check(other, PASSWORD)) == (True, False)
    await other_store.close()
