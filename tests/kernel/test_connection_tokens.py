"""Access that a person grants, at the wire: PKCE, rotation, one refresh at a time over two nodes, and what is final."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from furnished import new_database
from nightcrew.kernel.activity import activity
from nightcrew.kernel.connections import line as lines
from nightcrew.kernel.connections import store, tokens, tokens_store
from nightcrew.kernel.connections.models import (
    Connection,
    ConnectionState,
    connection,
    connection_call,
    connection_detour,
    connection_grant,
)
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.connections.tokens import challenge_of
from nightcrew.kernel.errors import Invalid, NeedsUser, Retry
from nightcrew.kernel.http_cache import http_cache
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import DatabaseAway, Store, database_url, metadata
from service import Site, oauth_kind, site

TABLES = [connection, connection_call, connection_detour, connection_grant, activity, http_cache]
BACK = "http://127.0.0.1:8780/callback"
CODE = "code-of-anna"


class Service:
    """A service with a page, a token endpoint that rotates, and one thing to ask for."""

    def __init__(self, server) -> None:
        self.url = server.url().rstrip("/")
        self.kind = oauth_kind(self.url)
        self.forms: list[dict[str, str]] = []
        self.challenge = ""
        self.refresh = ""
        self.access = ""
        self.lifetime = 3600
        self.trouble: tuple[str, dict[str, str]] | None = None
        self.slow = asyncio.Event()
        self.slow.set()
        self.asked = asyncio.Event()
        self._numbers = itertools.count(1)
        server.routes["/token"] = self.token
        server.routes["/items"] = self.items
        self.server = server

    async def token(self, seen, writer) -> None:
        form = dict(parse_qsl(seen.body.decode()))
        self.forms.append(form)
        self.asked.set()
        await self.slow.wait()
        if self.trouble is not None:
            status, answer = self.trouble
        elif form["grant_type"] == "authorization_code":
            good = form["code"] == CODE and challenge_of(form["code_verifier"]) == self.challenge
            status, answer = self._issue() if good else ("400 Bad", {"error": "invalid_grant"})
        else:
            good = form["refresh_token"] == self.refresh
            status, answer = self._issue() if good else ("400 Bad", {"error": "invalid_grant"})
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)

    def _issue(self) -> tuple[str, dict[str, str]]:
        number = next(self._numbers)
        self.access, self.refresh = f"access-token-{number}", f"refresh-token-{number}"
        answer = {"access_token": self.access, "refresh_token": self.refresh, "expires_in": self.lifetime}
        return "200 OK", answer

    async def items(self, seen, writer) -> None:
        status = "200 OK" if seen.headers.get("authorization") == f"Bearer {self.access}" else "401 No"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]".encode())

    async def at_the_page(self, here: Site, one: Connection) -> str:
        """A person begins; returns the state that the browser brings back."""
        settings = here.ground.settings_of(self.kind, one)
        url = await here.ground.tokens.begin(one, self.kind, settings, BACK)
        query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        assert (query["client_id"], query["redirect_uri"], query["scope"]) == ("my-app", BACK, "read list")
        assert query["show"] == "1"
        self.challenge = query["code_challenge"]
        return query["state"]

    async def grant(self, here: Site) -> tuple[lines.Line, Connection]:
        """A connection that was granted access."""
        one = await here.add(self.url, kind=self.kind, client_secret="top-secret-of-app")
        state = await self.at_the_page(here, one)
        await here.ground.tokens.finish(one, self.kind, here.ground.settings_of(self.kind, one), state, CODE)
        return lines.Line(here.ground, self.kind, one), one

    @property
    def refreshes(self) -> int:
        return sum(form["grant_type"] == "refresh_token" for form in self.forms)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return database_url(tmp_path_factory.mktemp("tokens"), None)
    return new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
async def here(url: str) -> AsyncIterator[Site]:
    made = Store(url)
    async with made.engine.begin() as writing:
        await writing.run_sync(metadata.create_all, tables=TABLES)
        for table in reversed(TABLES):
            await writing.execute(table.delete())
    async with site(made) as one:
        yield one
    await made.close()


@pytest.fixture
async def there(url: str, here: Site) -> AsyncIterator[Site]:
    made = Store(url)
    async with site(made) as one:
        yield one
    await made.close()


@pytest.fixture
async def service(server) -> Service:
    return Service(server)


# -- granting ------------------------------------------------------------------------------------------------------


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_a_code_is_exchanged_with_its_verifier_and_used(here: Site, service: Service) -> None:
    line, one = await service.grant(here)
    assert await line.json(Question("items")) == []
    (form,) = service.forms
    assert (form["redirect_uri"], form["client_id"], form["client_secret"]) == (BACK, "my-app", "top-secret-of-app")
    assert 43 <= len(form["code_verifier"]) <= 128
    stored = await here.standing(one.id)
    assert stored.granted_at is not None
    assert "access-token" not in str(stored)
    assert "access-token-1" not in redact("it said access-token-1")


async def test_a_state_is_good_for_one_code(here: Site, service: Service) -> None:
    one = await here.add(service.url, kind=service.kind)
    state = await service.at_the_page(here, one)
    assert await here.ground.tokens.whose(state) == one.id
    settings = here.ground.settings_of(service.kind, one)
    await here.ground.tokens.finish(one, service.kind, settings, state, CODE)
    for attempt in (state, "made-up"):
        with pytest.raises(Invalid, match="Start again"):
            await here.ground.tokens.finish(one, service.kind, settings, attempt, CODE)
        with pytest.raises(Invalid, match="Start again"):
            await here.ground.tokens.whose(attempt)
    assert len(service.forms) == 1


async def test_a_person_who_takes_too_long_begins_again(here: Site, service: Service, monkeypatch) -> None:
    monkeypatch.setattr(tokens, "GRANT", -1.0)
    one = await here.add(service.url, kind=service.kind)
    state = await service.at_the_page(here, one)
    with pytest.raises(Invalid, match="Start again"):
        await here.ground.tokens.whose(state)


async def test_people_who_never_come_back_do_not_fill_the_table(here: Site, service: Service) -> None:
    one = await here.add(service.url, kind=service.kind)
    states = [await service.at_the_page(here, one) for _ in range(tokens_store.MOST_GRANTS + 5)]
    async with here.ground.store.read() as reading:
        rows = (await reading.execute(connection_grant.select())).all()
    assert len(rows) == tokens_store.MOST_GRANTS
    assert await here.ground.tokens.whose(states[-1]) == one.id


async def test_without_a_grant_it_needs_a_person_and_nothing_is_sent(here: Site, service: Service) -> None:
    one = await here.add(service.url, kind=service.kind)
    with pytest.raises(NeedsUser, match="not granted yet"):
        await lines.Line(here.ground, service.kind, one).json(Question("items"))
    assert (await here.standing(one.id)).standing.state is ConnectionState.PERSON
    assert service.server.requests == []


# -- rotation ------------------------------------------------------------------------------------------------------


async def test_tokens_that_end_soon_are_renewed_before_they_are_used(here: Site, service: Service) -> None:
    service.lifetime = 1
    line, _ = await service.grant(here)
    service.lifetime = 3600
    for _ in range(2):  # the shortest life that is believed lasts a second longer than what counts as soon
        await asyncio.sleep(1.1 if service.refreshes == 0 else 0)
        assert await line.json(Question("items")) == []
    assert service.refreshes == 1
    assert service.forms[1]["refresh_token"] == "refresh-token-1"


async def test_a_token_that_is_refused_is_renewed_once(here: Site, service: Service) -> None:
    line, _ = await service.grant(here)
    service.access = "taken back"
    assert await line.json(Question("items")) == []
    assert service.refreshes == 1


async def test_many_requests_on_two_nodes_renew_once(here: Site, there: Site, service: Service) -> None:
    """With a service that rotates, the second use of a refresh token ends the access for good."""
    first, one = await service.grant(here)
    second = lines.Line(there.ground, service.kind, one)
    service.access = "taken back"
    service.slow.clear()
    service.asked.clear()
    asked = [asyncio.create_task(line.json(Question("items"))) for line in [first, second] * 5]
    await service.asked.wait()
    service.slow.set()
    assert await asyncio.gather(*asked) == [[]] * 10
    assert service.refreshes == 1
    assert (await here.standing(one.id)).standing.state is ConnectionState.OK


async def test_the_lease_of_a_node_that_died_ends(here: Site, there: Site, service: Service) -> None:
    line, one = await service.grant(here)
    assert await tokens_store.lease(there.ground.store, one.id, "dead", is_old=lambda _: True, seconds=-1)
    service.access = "taken back"
    assert await line.json(Question("items")) == []


async def test_a_refresh_that_is_cancelled_keeps_what_comes_of_it(here: Site, service: Service) -> None:
    """A stop in the wrong moment would lose the only refresh token that is worth something."""
    line, one = await service.grant(here)
    service.access = "taken back"
    service.slow.clear()
    service.asked.clear()
    asking = asyncio.create_task(line.json(Question("items")))
    await service.asked.wait()
    asking.cancel()
    asyncio.get_running_loop().call_later(0.05, service.slow.set)
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await lines.Line(here.ground, service.kind, one).json(Question("items")) == []
    assert service.refreshes == 1


async def test_new_tokens_are_stored_though_the_database_is_away_for_a_moment(
    here: Site, service: Service, monkeypatch
) -> None:
    line, _ = await service.grant(here)
    save, times = tokens_store.save, 0

    async def flaky(*args, **more) -> None:
        nonlocal times
        times += 1
        if times == 1:
            raise DatabaseAway("locked")
        await save(*args, **more)

    monkeypatch.setattr(tokens_store, "save", flaky)
    service.access = "taken back"
    assert await line.json(Question("items")) == []
    assert (times, service.refreshes) == (2, 1)


async def test_a_service_that_does_not_rotate_keeps_its_refresh_token(here: Site, service: Service) -> None:
    line, _ = await service.grant(here)
    service.trouble = ("200 OK", {"access_token": "access-token-9", "token_type": "Bearer"})
    service.access = "access-token-9"
    assert await line.json(Question("items")) == []
    service.access = "access-token-8"
    service.trouble = None
    assert await line.json(Question("items")) == []
    assert [form.get("refresh_token") for form in service.forms] == [None, "refresh-token-1", "refresh-token-1"]


# -- what goes wrong -----------------------------------------------------------------------------------------------


async def test_access_that_was_taken_back_needs_a_person_for_good(here: Site, service: Service) -> None:
    line, one = await service.grant(here)
    service.access = service.refresh = "taken back"
    with pytest.raises(NeedsUser, match="Grant it again"):
        await line.json(Question("items"))
    standing = (await here.standing(one.id)).standing
    assert (standing.state, standing.until) == (ConnectionState.PERSON, None)
    with pytest.raises(NeedsUser):
        await line.json(Question("items"))
    assert service.refreshes == 1


@pytest.mark.parametrize(
    ("trouble", "error", "words"),
    [
        (("401 No", {"error": "invalid_client"}), NeedsUser, "id or secret"),
        (("200 OK", {"hello": "you"}), Retry, "no tokens"),
        (("503 Busy", {}), Retry, "503"),
    ],
)
async def test_what_else_a_token_endpoint_answers(here: Site, service: Service, trouble, error, words: str) -> None:
    line, _ = await service.grant(here)
    service.access, service.trouble = "taken back", trouble
    with pytest.raises(error, match=words):
        await line.json(Question("items"))
    service.trouble = None
    if error is Retry:
        assert await line.json(Question("items")) == [], "the lease was given back"


async def test_another_client_has_no_access(here: Site, service: Service) -> None:
    line, one = await service.grant(here)
    await store.change(here.ground.store, one.id, {"settings": {"client_id": "other"}}, forget_grant=True)
    with pytest.raises(NeedsUser, match="not granted yet"):
        await line.json(Question("items"))
