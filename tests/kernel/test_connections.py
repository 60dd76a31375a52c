"""Connections at the wire, on both databases: limits, pauses, mirrors, budgets, cookies, kept answers, and what is told of them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from furnished import new_database
from nightcrew.kernel import recovery
from nightcrew.kernel.activity import activity
from nightcrew.kernel.connections import line as lines
from nightcrew.kernel.connections import owned, row_calls, rules, store
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.connections.models import (
    ConnectionStanding,
    ConnectionState,
    connection,
    connection_call,
    connection_detour,
    connection_grant,
)
from nightcrew.kernel.connections.owned import Owned
from nightcrew.kernel.connections.question import Question, Reach
from nightcrew.kernel.declare import Allowance, Budget
from nightcrew.kernel.errors import Conflict, GiveUp, Misread, NeedsUser, NotFound, Retry
from nightcrew.kernel.http_cache import http_cache
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.store import DatabaseAway, Store, database_url, metadata
from service import KIND, Site, allowing, site
from support import free_port

TABLES = [connection, connection_call, connection_detour, connection_grant, activity, http_cache]
ITEMS = Question("items")
SECRET = "key-of-anna-123"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all, as making one takes longer than the tests."""
    if request.param == "sqlite":
        return database_url(tmp_path_factory.mktemp("connections"), None)
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


@pytest.fixture
async def there(url: str, database: Store) -> AsyncIterator[Site]:
    """Another node on the same database, with connections of its own to it."""
    other = Store(url)
    async with site(other) as made:
        yield made
    await other.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)


async def fail(server, line, *, times: int, error: type[Exception] = Retry) -> None:
    for _ in range(times):
        with pytest.raises(error):
            await line.json(ITEMS)


async def end_pause(here: Site, number: int) -> None:
    """The time of its pause is over."""
    one = await here.standing(number)
    past = await store.now(here.ground.store)
    assert await store.move(here.ground.store, one, replace(one.standing, until=past))


# -- asking --------------------------------------------------------------------------------------------------------


async def test_a_question_goes_to_the_address_with_the_login_of_its_kind(here: Site, server) -> None:
    server.answers("/api/v1/items", b'{"a": 1}')
    line = await here.line(server.url("/api/v1/"), api_key=SECRET)
    assert await line.json(Question("items", params={"q": "ä b"})) == {"a": 1}
    (seen,) = server.requests
    assert (seen.path, seen.headers["x-api-key"]) == ("/api/v1/items?q=%C3%A4%20b", SECRET)


async def test_a_link_to_another_host_gets_no_login(here: Site, server, other_server) -> None:
    """Services name addresses in their answers: the next page, a picture."""
    other_server.answers("/page2", b"[]")
    server.answers("/page2", b"[]")
    line = await here.line(server.url(), api_key=SECRET)
    await line.json(Question(other_server.url("/page2")))
    await line.json(Question(server.url("/page2")))
    assert "x-api-key" not in other_server.requests[0].headers
    assert server.requests[0].headers["x-api-key"] == SECRET


async def test_any_method_body_and_status(here: Site, server) -> None:
    server.answers("/searches", b'{"id": 5}', status="201 Created")
    server.answers("/searches/5", status="204 No Content")
    line = await here.line(server.url())
    assert await line.json(Question("searches", "POST", json={"text": "a"})) == {"id": 5}
    assert (await line.ask(Question("searches/5", "DELETE"))).status == 204
    assert [(seen.method, seen.body) for seen in server.requests] == [("POST", b'{"text":"a"}'), ("DELETE", b"")]


async def test_a_file_is_downloaded_with_the_login(here: Site, server) -> None:
    server.answers("/file", b"content")
    into = io.BytesIO()
    await (await here.line(server.url(), api_key=SECRET)).download(Question("file"), into)
    assert into.getvalue() == b"content"
    assert server.requests[0].headers["x-api-key"] == SECRET


async def test_two_accounts_at_one_host_never_share_a_cookie(here: Site, server) -> None:
    async def session(seen, writer) -> None:
        body = f'"{seen.headers.get("cookie", "")}"'.encode()
        cookie = f"Set-Cookie: user={seen.headers['x-api-key']}\r\n"
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\n{cookie}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    server.routes["/items"] = session
    anna, bert = [await here.line(server.url(), api_key=key) for key in ("anna", "bert")]
    assert [await one.json(ITEMS) for one in (anna, bert, anna, bert)] == ["", "", "user=anna", "user=bert"]
    number = (await store.every(here.ground.store))[0].id
    fresh = {"sealed": here.ground.vault.seal({"api_key": "carl"})}
    await store.change(here.ground.store, number, fresh)
    assert await anna.json(ITEMS) == "", "another login begins without the cookies of the one before"


async def test_no_more_at_a_time_than_the_kind_allows(here: Site, server) -> None:
    async def slow(_seen, writer) -> None:
        await asyncio.sleep(0.05)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")

    server.routes["/items"] = slow
    line = await here.line(server.url(), kind=allowing(at_once=2))
    await asyncio.gather(*(line.json(ITEMS) for _ in range(8)))
    assert server.most_open == 2


# -- failures ------------------------------------------------------------------------------------------------------


async def test_a_service_that_cannot_be_reached_is_tried_three_times(here: Site, server) -> None:
    async def reset(_seen, writer) -> None:
        writer.transport.abort()

    server.routes["/items"] = reset
    line = await here.line(server.url())
    await fail(server, line, times=1)
    assert len(server.requests) == 3
    assert (here.count("network"), here.count("skip")) == (3, 1)


async def test_a_post_is_sent_once_unless_it_is_safe(here: Site, server) -> None:
    async def reset(_seen, writer) -> None:
        writer.transport.abort()

    server.routes["/items"] = reset
    line = await here.line(server.url())
    for question, times in ((Question("items", "POST"), 1), (Question("items", "POST", safe=True), 3)):
        server.requests.clear()
        with pytest.raises(Retry):
            await line.ask(question)
        assert len(server.requests) == times


async def test_an_outage_pauses_the_service_on_all_nodes_and_is_told_once(here: Site, there: Site) -> None:
    line = await here.line(f"http://127.0.0.1:{free_port()}")
    number = (await store.every(here.ground.store))[0].id
    await fail(None, line, times=3)
    one = await here.standing(number)
    assert (one.standing.state, one.standing.pauses) == (ConnectionState.AWAY, 1)
    assert "refuses the connection" in one.standing.reason
    other = lines.Line(there.ground, KIND, one)
    for asked in (line, other):
        with pytest.raises(Paused, match="does not answer") as told:
            await asked.json(ITEMS)
        assert 0 < told.value.after <= 30
    await end_pause(here, number)
    await fail(None, other, times=1)
    assert (await here.standing(number)).standing.pauses == 2
    assert [kind for kind, _ in await here.told()] == ["connection.away"]


async def test_it_is_told_when_it_works_again_for_a_while(here: Site, server) -> None:
    server.answers("/items", status="500 Oops")
    line = await here.line(server.url())
    number = (await store.every(here.ground.store))[0].id
    await fail(server, line, times=3)
    assert (await here.standing(number)).standing.state is ConnectionState.COOLING
    await end_pause(here, number)
    server.answers("/items", b"[]")
    for _ in range(rules.SETTLED):
        await line.json(ITEMS)
    one = await here.standing(number)
    assert (one.standing, one.worked_at is not None) == (ConnectionStanding(), True)
    assert [kind for kind, _ in await here.told()] == ["connection.away", "connection.back"]


async def test_a_page_where_json_is_expected_is_a_failure_of_the_service(here: Site, server) -> None:
    server.answers("/items", b"<html>")
    line = await here.line(server.url())
    number = (await store.every(here.ground.store))[0].id
    await fail(server, line, times=3, error=Misread)
    assert (await here.standing(number)).standing.state is ConnectionState.COOLING
    assert here.count("mirror") == 3


async def test_what_is_not_there_says_nothing_against_the_service(here: Site, server) -> None:
    server.answers("/items", status="404 Not Found")
    line = await here.line(server.url())
    number = (await store.every(here.ground.store))[0].id
    await fail(server, line, times=5, error=GiveUp)
    assert (await here.standing(number)).standing == ConnectionStanding()


async def test_too_many_requests_stop_all_others_for_as_long_as_it_says(here: Site, server) -> None:
    server.answers("/items", status="429 Too Many", Retry_After="120")
    line = await here.line(server.url())
    number = (await store.every(here.ground.store))[0].id
    await fail(server, line, times=1)
    with pytest.raises(Paused, match="asks us to wait") as told:
        await line.json(ITEMS)
    assert 110 < told.value.after <= 120
    assert len(server.requests) == 1
    assert line.pace.per_second == KIND.allowance.per_second / 2
    assert (await here.standing(number)).standing.state is ConnectionState.LIMITED
    await end_pause(here, number)
    server.answers("/items", b"[]")
    await line.json(ITEMS)
    assert (await here.standing(number)).standing.state is ConnectionState.OK
    assert KIND.allowance.per_second / 2 < line.pace.per_second < KIND.allowance.per_second


async def test_a_short_wait_is_waited_for(here: Site, server) -> None:
    async def busy(_seen, writer) -> None:
        status = b"429 Too Many\r\nRetry-After: 0" if len(server.requests) == 1 else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")

    server.routes["/items"] = busy
    line = await here.line(server.url())
    assert await line.json(ITEMS) == []
    assert (await here.standing((await store.every(here.ground.store))[0].id)).standing == ConnectionStanding()


async def test_one_connections_limit_never_stops_another(here: Site, server) -> None:
    async def by_user(seen, writer) -> None:
        status = b"429 Too Many" if seen.headers["x-api-key"] == "anna" else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")

    server.routes["/items"] = by_user
    anna, bert = [await here.line(server.url(), api_key=key) for key in ("anna", "bert")]
    await fail(server, anna, times=2)
    assert await bert.json(ITEMS) == []


async def test_a_refused_login_needs_a_person_and_its_secret_is_nowhere(here: Site, server) -> None:
    server.answers("/items", status="401 No")
    line = await here.line(server.url(), api_key=SECRET)
    number = (await store.every(here.ground.store))[0].id
    await fail(server, line, times=2, error=NeedsUser)
    one = await here.standing(number)
    assert (one.standing.state, len(server.requests)) == (ConnectionState.PERSON, 1)
    assert [kind for kind, _ in await here.told()] == ["connection.person"]
    assert SECRET not in f"{one} {await here.told()}"


async def test_a_status_that_the_caller_expects_is_no_refusal(here: Site, server) -> None:
    """A playlist of somebody else cannot be read, though the login is right."""
    server.answers("/items", b'{"error": 1}', status="403 No")
    line = await here.line(server.url(), api_key=SECRET)
    assert (await line.ask(ITEMS, good=frozenset({200, 403}))).status == 403
    assert (await here.standing((await store.every(here.ground.store))[0].id)).standing.state is ConnectionState.OK


async def test_an_unknown_route_asks_nothing_and_costs_nothing(here: Site, server) -> None:
    server.answers("/items", b"[]")
    line = await here.line(server.url(), kind=allowing(budget=Budget(5, 60)))
    one = (await store.every(here.ground.store))[0]
    await store.change(here.ground.store, one.id, {"route": "tunnel"})
    with pytest.raises(RouteDown) as told:
        await line.json(ITEMS)
    assert 5 <= (told.value.after or 0) <= 15
    assert server.requests == []
    assert await store.spent(here.ground.store, one.id, Budget(5, 60)) == 0
    assert ((await here.standing(one.id)).standing, here.count("route")) == (ConnectionStanding(), 1)


async def test_a_database_that_is_away_is_no_fault_of_the_service(here: Site, server, monkeypatch) -> None:
    line = await here.line(server.url(), kind=allowing(budget=Budget(5, 60)))

    async def away(*_: object) -> None:
        raise DatabaseAway("locked")

    monkeypatch.setattr(store, "spend", away)
    await fail(server, line, times=4, error=DatabaseAway)
    assert (await here.standing((await store.every(here.ground.store))[0].id)).standing == ConnectionStanding()
    assert server.requests == []


async def test_a_connection_that_is_switched_off_or_gone_is_not_asked(here: Site, server) -> None:
    line = await here.line(server.url())
    number = (await store.every(here.ground.store))[0].id
    await store.change(here.ground.store, number, {"enabled": False})
    with pytest.raises(NeedsUser, match="switched off"):
        await line.json(ITEMS)
    await store.remove(here.ground.store, number)
    with pytest.raises(NotFound):
        await line.json(ITEMS)
    assert server.requests == []


# -- mirrors and kept answers --------------------------------------------------------------------------------------


async def test_another_mirror_answers_and_is_asked_first_then(here: Site, server, other_server) -> None:
    server.answers("/items", b"<html>moved</html>")
    other_server.answers("/items", b"[2]")
    line = await here.line(server.url(), other_server.url())
    assert [await line.json(ITEMS) for _ in range(3)] == [[2], [2], [2]]
    assert (len(server.requests), len(other_server.requests)) == (1, 3)
    assert (await here.standing((await store.every(here.ground.store))[0].id)).standing == ConnectionStanding()


async def test_what_may_have_arrived_is_not_sent_to_another_mirror_too(here: Site, server, other_server) -> None:
    server.answers("/items", status="500 Oops")
    other_server.answers("/items", b"[2]")
    line = await here.line(server.url(), other_server.url())
    with pytest.raises(Retry, match="500"):
        await line.ask(Question("items", "POST"))
    assert other_server.requests == []


async def test_when_all_mirrors_fail_the_last_good_answer_is_given_as_stale(here: Site, server, other_server) -> None:
    server.answers("/items", b"[1]")
    line = await here.line(server.url(), other_server.url())
    assert await line.kept_json(ITEMS) == ([1], False)
    server.answers("/items", status="500 Oops")
    other_server.answers("/items", b"<html>")
    for _ in range(4):
        assert await line.kept_json(ITEMS) == ([1], True)
    assert here.count("stale") == 4
    one = (await store.every(here.ground.store))[0]
    assert one.standing.state is ConnectionState.COOLING, "also while it is not asked at all"
    with pytest.raises(Retry):
        await line.kept_json(Question("others"))


# -- budgets -------------------------------------------------------------------------------------------------------


async def test_a_budget_counts_over_nodes_and_restarts(here: Site, there: Site, server, monkeypatch) -> None:
    server.answers("/items", b"[]")
    monkeypatch.setattr(row_calls, "PATIENCE", 0.0)
    kind = allowing(budget=Budget(4, 300))
    first = await here.line(server.url(), kind=kind)
    one = (await store.every(here.ground.store))[0]
    second = lines.Line(there.ground, kind, one)
    answers = await asyncio.gather(*(line.json(ITEMS) for line in [first, second] * 5), return_exceptions=True)
    assert len(server.requests) == 4
    assert [answer for answer in answers if not isinstance(answer, Exception)] == [[]] * 4
    anew = lines.Line(here.ground, kind, one)
    with pytest.raises(Paused, match="4 requests in 300 s") as told:
        await anew.json(ITEMS)
    assert 290 < told.value.after <= 300
    assert (await here.standing(one.id)).standing == ConnectionStanding()


async def test_in_no_window_are_there_more_than_the_budget_allows(here: Site, monkeypatch) -> None:
    """A bucket that fills again would let twice as many pass around its edge."""
    one = await here.add("http://a.example")
    begin = await store.now(here.ground.store)
    answers: list[float | None] = []
    for tenths in (0, 1, 2, 3, 59, 60, 60, 61, 62, 62):

        async def now_of(_: object, moment: datetime = begin + timedelta(seconds=tenths / 10)) -> datetime:
            return moment

        monkeypatch.setattr(store, "now_of", now_of)
        wait = await store.spend(here.ground.store, one.id, Budget(3, 6))
        answers.append(None if wait is None else round(wait, 3))
    assert answers == [None, None, None, 5.7, 0.1, None, 0.1, None, None, 5.8]


async def test_a_connection_that_is_added_again_has_what_is_left_of_the_budget(here: Site) -> None:
    budget = Budget(2, 300)
    other, one = await here.add("http://b.example"), await here.add("http://a.example")
    for _ in range(2):
        assert await store.spend(here.ground.store, one.id, budget) is None
    async with here.ground.store.write() as writing:
        await writing.execute(connection.delete().where(connection.c.id == one.id))
    again = await here.add("http://a.example")
    assert await store.spent(here.ground.store, again.id, budget) == 2
    assert await store.spend(here.ground.store, again.id, budget) is not None
    assert await store.spend(here.ground.store, other.id, budget) is None


async def test_a_request_waits_for_room_that_comes_soon(here: Site, server) -> None:
    server.answers("/items", b"[]")
    line = await here.line(server.url(), kind=allowing(budget=Budget(1, 0.3)))
    assert [await line.json(ITEMS) for _ in range(3)] == [[], [], []]


async def test_each_attempt_counts(here: Site, server) -> None:
    async def reset(_seen, writer) -> None:
        writer.transport.abort()

    server.routes["/items"] = reset
    budget = Budget(10, 300)
    line = await here.line(server.url(), kind=allowing(budget=budget))
    await fail(server, line, times=1)
    assert await store.spent(here.ground.store, (await store.every(here.ground.store))[0].id, budget) == 3


# -- the rows ------------------------------------------------------------------------------------------------------


async def test_names_are_told_apart_whatever_their_case(here: Site) -> None:
    one = await here.add("http://a.example")
    values = {"name": one.name.upper(), "address": one.address}
    with pytest.raises(Conflict):
        await store.add(
            here.ground.store,
            values
            | {"kind": "service", "mirrors": (), "settings": {}, "sealed": "", "route": "direct"}
            | {"private": False, "enabled": True},
        )
    await store.change(here.ground.store, one.id, {"name": one.name.upper()})


async def test_a_move_from_what_is_not_so_any_more_is_none(here: Site) -> None:
    """Of several calls that fail together only the first begins a pause."""
    one = await here.add("http://a.example")
    paused = ConnectionStanding(ConnectionState.AWAY, "no", None, 1)
    assert await store.move(here.ground.store, one, paused)
    assert not await store.move(here.ground.store, one, replace(paused, pauses=2))
    assert (await here.standing(one.id)).standing == paused


# -- what belongs to something of a domain -----------------------------------------------------------------------------


async def own(here: Site, url: str, owner: str = "lab:7/list", **allowance) -> row_calls.OwnedCalls:
    wanted = [Owned(owner, "lab.list", "A list", url, private=True, enabled=True)]
    async with here.ground.store.write() as writing:
        await owned.settle(here.ground.store, writing, "lab:7", wanted)
    return row_calls.OwnedCalls(here.ground, owner, Allowance(**allowance), Reach((url,), private=True))


async def owned_standing(here: Site) -> ConnectionStanding:
    (one,) = await store.every(here.ground.store)
    return one.standing


async def test_what_is_owned_is_paused_for_as_long_as_its_kind_says(here: Site, there: Site, server) -> None:
    line = await own(here, f"http://127.0.0.1:{free_port()}", longest_pause=5.0)
    await fail(None, line, times=3)
    standing = await owned_standing(here)
    assert standing.state is ConnectionState.AWAY
    assert (await store.paused(here.ground.store)).keys() == {"lab:7/list"}
    other = row_calls.OwnedCalls(there.ground, "lab:7/list", Allowance(), Reach((server.url(),), private=True))
    for asked in (line, other):
        with pytest.raises(Paused, match="does not answer") as told:
            await asked.json(ITEMS)
        assert 0 < told.value.after <= 5
    assert [kind for kind, _ in await here.told()] == ["connection.paused"]


async def test_who_insists_is_heard_and_makes_no_pause_longer(here: Site, server) -> None:
    line = await own(here, server.url())
    server.answers("/items", b"no", status="500 Broken")
    await fail(server, line, times=3)
    before = await owned_standing(here)
    server.requests.clear()
    with row_calls.insisted():
        await fail(server, line, times=2)
        assert len(server.requests) > 0
        assert await owned_standing(here) == before
        server.answers("/items", b"[]")
        assert await line.json(ITEMS) == []
    assert (await owned_standing(here)).until is None
    assert await line.json(ITEMS) == []


async def test_one_of_many_that_is_closed_to_a_login_closes_none_of_the_others(here: Site, server) -> None:
    line = await own(here, server.url())
    server.answers("/items", b"[]")
    server.answers("/closed", b"no", status="403 Forbidden")
    for _ in range(3):
        await line.json(ITEMS)
    with pytest.raises(NeedsUser):
        await line.json(Question("closed"))
    assert await owned_standing(here) == ConnectionStanding()
    server.answers("/items", b"no", status="403 Forbidden")
    with pytest.raises(NeedsUser):
        await (await own(here, server.url())).json(ITEMS)
    assert (await owned_standing(here)).state is ConnectionState.PERSON


async def test_an_owner_that_moves_begins_anew_and_one_that_goes_leaves_nothing(here: Site) -> None:
    line = await own(here, f"http://127.0.0.1:{free_port()}")
    await fail(None, line, times=3)
    paused = await owned_standing(here)
    async with here.ground.store.write() as writing:
        renamed = Owned("lab:7/list", "lab.list", "Other", line._reach.addresses[0], private=True, enabled=True)
        await owned.settle(here.ground.store, writing, "lab:7", [renamed])
    assert await owned_standing(here) == paused, "a new name is no other service"
    await own(here, "http://192.0.2.1/list")
    assert await owned_standing(here) == ConnectionStanding()
    async with here.ground.store.write() as writing:
        await owned.settle(here.ground.store, writing, "lab:7", [])
    assert await store.every(here.ground.store) == []


async def test_names_of_what_is_owned_are_free_for_people(here: Site) -> None:
    await own(here, "http://192.0.2.1/list")
    fresh = await here.add("http://192.0.2.2")
    assert (await store.change(here.ground.store, fresh.id, {"name": "A list"})).name == "A list"
