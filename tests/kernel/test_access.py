"""Who gets in: without a password only local callers, with one only those who know it or hold a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from nightcrew import app
from nightcrew.kernel.access import TRIES, Access
from nightcrew.kernel.errors import Invalid, NeedsUser, NotFound
from nightcrew.kernel.store import Store, database_url, migrate
from nightcrew.kernel.vault import Vault
from support import free_port, running

PASSWORD = "correct horse"


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    store = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, store.url, [Path(migrate.__code__.co_filename).parent / "migrations" / "versions"])
    made = Access(store, Vault.open(tmp_path), password=None)
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
