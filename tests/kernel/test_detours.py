"""How requests get on when the first address does not answer: told once when it begins and once when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from furnished import new_database
from nightcrew.kernel import recovery
from nightcrew.kernel.activity import activity
from nightcrew.kernel.connections import detours, detours_store, line, rules, store
from nightcrew.kernel.connections.models import (
    Connection,
    Detour,
    DetourKind,
    connection,
    connection_call,
    connection_detour,
    connection_grant,
)
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.http_cache import http_cache
from nightcrew.kernel.store import Store, database_url, metadata
from service import KIND, Site, site

TABLES = [connection, connection_call, connection_detour, connection_grant, activity, http_cache]
ITEMS = Question("items")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return database_url(tmp_path_factory.mktemp("detours"), None)
    return new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Store]:
    made = Store(url)
    async with made.engine.begin() as writing:
        await writing.run_sync(metadata.create_all, tables=TABLES)
        for table in reversed(TABLES):
            await writing.execute(table.delete())
    yield made
    await made.close()


@pytest.fixture
async def here(database: Store) -> AsyncIterator[Site]:
    async with site(database) as made:
        yield made


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for, and each request is noted."""
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(detours, "WRITE_EVERY", 0.0)


async def only(here: Site) -> Connection:
    (one,) = await store.every(here.ground.store)
    return one


async def detour(here: Site, kind: DetourKind) -> Detour:
    return (await detours_store.of(here.ground.store, (await only(here)).id))[kind]


async def messages(here: Site) -> list[str]:
    return [message for _, message in await here.told()]


async def long_ago(here: Site, **age: float) -> None:
    """The last request that took a detour is so old."""
    at = await store.now(here.ground.store) - timedelta(**age)
    async with here.ground.store.write() as writing:
        await writing.execute(sa.update(connection_detour).values(last_at=at))


def cooled(asked: line.Line, address: str) -> None:
    """The pause of an address is over."""
    known = asked.mirrors.of(address)
    assert known is not None
    asked.mirrors._cooling[address] = type(known)(known.failures, 0.0, known.reason)


# -- mirrors -------------------------------------------------------------------------------------------------------


async def test_a_mirror_is_told_once_when_it_takes_over_and_once_when_the_first_answers_again(
    here: Site, server, other_server
) -> None:
    server.answers("/items", status="500 Oops")
    other_server.answers("/items", b"[2]")
    asked = await here.line(server.url(), other_server.url())
    for _ in range(3):
        assert await asked.json(ITEMS) == [2]
    assert here.count("switch") == 3
    (said,) = await here.told()
    assert said[0] == "connection.mirror"
    assert "Service 1: the second address is used; the first does not answer" in said[1]
    assert "500" in said[1]
    assert (await detour(here, DetourKind.MIRROR)).count == 3

    server.answers("/items", b"[1]")
    cooled(asked, server.url())
    assert await asked.json(ITEMS) == [1]
    assert len(await here.told()) == 1, "it has to be quiet for a while"
    await long_ago(here, seconds=rules.QUIET)
    for _ in range(3):
        assert await asked.json(ITEMS) == [1]
    assert (await here.told())[1:] == [
        ("connection.mirror_over", "Service 1: the first address answers again; another one was used 3 times")
    ]
    assert (await detour(here, DetourKind.MIRROR)).over_at is not None


async def test_what_is_over_is_told_by_a_node_that_did_not_see_it_begin(
    here: Site, database: Store, server, other_server
) -> None:
    other_server.answers("/items", b"[2]")
    server.answers("/items", status="500 Oops")
    await (await here.line(server.url(), other_server.url())).json(ITEMS)
    server.answers("/items", b"[1]")
    await long_ago(here, seconds=rules.QUIET)
    async with site(database) as restarted:
        assert await line.Line(restarted.ground, KIND, await only(here)).json(ITEMS) == [1]
    assert [kind for kind, _ in await here.told()] == ["connection.mirror", "connection.mirror_over"]


async def test_two_nodes_tell_it_once(here: Site, url: str, server, other_server) -> None:
    server.answers("/items", status="500 Oops")
    other_server.answers("/items", b"[2]")
    first = await here.line(server.url(), other_server.url())
    second_store = Store(url)
    async with site(second_store) as there:
        second = line.Line(there.ground, KIND, await only(here))
        await asyncio.gather(*(asked.json(ITEMS) for asked in (first, second) for _ in range(4)))
    await second_store.close()
    assert [kind for kind, _ in await here.told()] == ["connection.mirror"]
    assert (await detour(here, DetourKind.MIRROR)).count == 8


async def test_an_address_that_flaps_is_told_ever_more_rarely(here: Site, server, other_server) -> None:
    other_server.answers("/items", b"[2]")
    asked = await here.line(server.url(), other_server.url())
    told = []
    for _ in range(6):
        server.answers("/items", status="500 Oops")
        await asked.json(ITEMS)
        server.answers("/items", b"[1]")
        await long_ago(here, seconds=rules.QUIET)
        cooled(asked, server.url())
        await asked.json(ITEMS)
        told.append(len(await here.told()))
    assert told == [2, 3, 3, 3, 3, 3], "its second quiet has to be twice as long"
    await long_ago(here, seconds=2 * rules.QUIET)
    await asked.json(ITEMS)
    assert len(await here.told()) == 4


async def test_an_address_whose_pause_is_over_is_probed_by_one_request_with_one_attempt(
    here: Site, server, other_server
) -> None:
    async def reset(_seen, writer) -> None:
        writer.transport.abort()

    server.routes["/items"] = reset
    other_server.answers("/items", b"[2]")
    asked = await here.line(server.url(), other_server.url())
    await asked.json(ITEMS)
    assert len(server.requests) == recovery.ATTEMPTS
    server.requests.clear()
    cooled(asked, server.url())
    assert await asyncio.gather(*(asked.json(ITEMS) for _ in range(5))) == [[2]] * 5
    assert len(server.requests) == 1
    known = asked.mirrors.of(server.url())
    assert known is not None
    assert (known.failures, known.until > asyncio.get_running_loop().time() + rules.PAUSE) == (2, True)


async def test_what_may_not_be_sent_twice_probes_nothing(here: Site, server, other_server) -> None:
    server.answers("/items", status="500 Oops")
    other_server.answers("/items", b"[2]")
    asked = await here.line(server.url(), other_server.url())
    await asked.json(ITEMS)
    server.requests.clear()
    cooled(asked, server.url())
    assert await (await asked.ask(Question("items", "POST"))).json() == [2]
    assert server.requests == []


# -- kept answers and skips ----------------------------------------------------------------------------------------


async def test_the_use_of_an_old_answer_is_told_with_its_reason_and_its_end_with_a_count(here: Site, server) -> None:
    server.answers("/items", b"[1]")
    asked = await here.line(server.url())
    await asked.kept_json(ITEMS)
    assert await here.told() == []
    server.answers("/items", b"<html>")
    for _ in range(4):
        assert await asked.kept_json(ITEMS) == ([1], True)
    begun = [message for kind, message in await here.told() if kind == "connection.stale"]
    assert len(begun) == 1
    assert begun[0].startswith("Service 1: the last good answer is used: ")
    one = await only(here)
    await store.move(here.ground.store, one, type(one.standing)())
    server.answers("/items", b"[3]")
    await long_ago(here, seconds=rules.QUIET)
    assert await asked.kept_json(ITEMS) == ([3], False)
    assert "Service 1: its answers are new again; an old one was used 4 times" in await messages(here)


async def test_an_empty_answer_in_the_place_of_a_full_one_is_a_stale_one(here: Site, server) -> None:
    server.answers("/items", b"[1]")
    asked = await here.line(server.url())
    await asked.kept_json(ITEMS)
    server.answers("/items", b"[]")
    assert await asked.kept_json(ITEMS) == ([1], True)
    assert here.count("stale") == 1
    assert await messages(here) == ["Service 1: the last good answer is used: its answer is empty"]


async def test_one_request_of_many_that_is_given_up_is_told(here: Site, server) -> None:
    server.answers("/items", b"[1]")
    server.answers("/broken", status="500 Oops")
    asked = await here.line(server.url())
    for _ in range(8):
        await asked.json(ITEMS)
    for _ in range(2):
        with pytest.raises(Retry):
            await asked.json(Question("broken"))
    (said,) = await here.told()
    assert (said[0], "a request was given up" in said[1]) == ("connection.skip", True)
    await long_ago(here, seconds=rules.QUIET)
    await asked.json(ITEMS)
    assert (await messages(here))[1:] == ["Service 1: no request fails any more; it happened 2 times"]


async def test_a_test_of_a_connection_takes_no_detour(here: Site, server, other_server) -> None:
    server.answers("/items", status="500 Oops")
    other_server.answers("/items", b"[2]")
    one = await here.add(server.url(), other_server.url())
    asked = line.Line(here.ground, KIND, one, trial=True)
    assert await asked.kept_json(ITEMS) == ([2], False)
    other_server.answers("/items", status="500 Oops")
    assert await asked.kept_json(ITEMS) == ([2], True)
    assert (await here.told(), await detours_store.every(here.ground.store)) == ([], {})


async def test_a_connection_that_is_changed_begins_without_the_detours_of_before(
    here: Site, server, other_server
) -> None:
    server.answers("/items", status="500 Oops")
    other_server.answers("/items", b"[2]")
    await (await here.line(server.url(), other_server.url())).json(ITEMS)
    one = await only(here)
    await store.change(here.ground.store, one.id, {"address": other_server.url()})
    assert await detours_store.every(here.ground.store) == {}
    await store.remove(here.ground.store, one.id)
    async with here.ground.store.write() as writing:
        begun = await detours_store.take(here.ground.store, writing, one.id, DetourKind.STALE, "late", count=1)
    assert not begun, "what is gone takes none"


@pytest.mark.parametrize(("place", "word"), [(1, "second"), (9, "tenth"), (10, "11th"), (20, "21st")])
def test_addresses_are_numbered_in_words(place: int, word: str) -> None:
    assert f"the {word} address" in rules.detour_begins("A", DetourKind.MIRROR, "no", place)
