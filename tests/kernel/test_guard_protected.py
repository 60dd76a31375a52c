"""The door with a password: who has it, a key or a token comes in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from nightcrew.web.guard import COOKIE
from support import Node, raw, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "correct horse"


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="protected")
async def shared_node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """One node for all tests of this file."""
    async with running(tmp_path_factory.mktemp("node"), password=PASSWORD) as started:
        yield started


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
        "Authorization: Bearer \xff",
        "Authorization: ",
    ):
        host = [] if header.startswith("Host") else ["Host: 127.0.0.1"]
        for method in ("GET", "POST"):
            status, _body = await raw(protected, f"{method} /health HTTP/1.1", *host, header, "Content-Length: 0")
            if status >= 500:
                broken.append((method, header, status))
    assert broken == []


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
        offered = answer.headers["WWW-Authenticate"]
        assert "Bearer" in offered
        assert "ApiKey" in offered
    assert (await http.get("/health")).status_code == 200
    page = await http.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/")
    assert (await http.get("/api/v1/settings", headers={"X-Api-Key": "wrong"})).status_code == 401
    assert (await http.get("/api/v1/settings", headers={"Cookie": f"{COOKIE}=wrong"})).status_code == 401
    assert (await http.get("/health/../api/v1/settings")).status_code in {401, 404}
    assert (await http.get("/static/../api/v1/settings")).status_code in {401, 404}


async def test_a_key_is_as_good_as_a_bearer_token(protected: Node) -> None:
    key = await protected.access.make_token("api", "bearer")
    player = await protected.access.make_token("player", "set-top box")
    for value in (f"Bearer {key}", f"bearer  {key}"):
        answer = await protected.http.get("/api/v1/tokens", headers={"Authorization": value})
        assert answer.status_code == 200, value
    for value in (key, f"Basic {key}", "Bearer", "Bearer wrong", f"Bearer {player}"):
        answer = await protected.http.get("/api/v1/tokens", headers={"Authorization": value})
        assert answer.status_code == 401, value


async def test_an_api_key_works_until_it_is_revoked(protected: Node) -> None:
    key = await protected.access.make_token("api", "script")
    headers = {"X-Api-Key": key}
    listed = await protected.get("/api/v1/tokens", headers=headers)
    (mine,) = [item for item in listed["items"] if item["name"] == "script"]
    assert key not in str(listed)
    wanted = {"scope": "api", "name": "second"}
    for password in ({}, {"password": "a wrong one"}):
        answer = await protected.http.post("/api/v1/tokens", json=wanted | password, headers=headers)
        assert (answer.status_code, "an API key makes no further keys" in answer.text) == (403, True)
    made = await protected.post("/api/v1/tokens", wanted | {"password": PASSWORD}, headers=headers)
    feed = await protected.get("/api/v1/activity?kind=access.", headers=headers)
    assert feed["items"][0]["actor"] == "api:script"
    assert made["token"] not in str(feed)
    answer = await protected.http.delete(f"/api/v1/tokens/{mine['id']}", headers=headers)
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
    key = await protected.access.make_token("api", "other")
    assert (await protected.http.get(f"/guide.xml?token={key}")).status_code == 401, (
        "an API key does not belong into addresses"
    )


OPENED = {
    "": {"/playlist/DE.m3u", "/playlist/all.m3u", "/guide.xml", "/discover.json", "/play/1", "/player_api.php"},
    "playlist/DE": {"/playlist/DE.m3u", "/guide.xml", "/play/1"},
    "playlist/combined/DACH": {"/playlist/combined/DACH.m3u", "/guide.xml", "/play/1"},
    "tuner": {"/discover.json", "/lineup.json", "/guide.xml", "/play/1"},
    "panel": {"/player_api.php", "/get.php", "/xmltv.php", "/guide.xml", "/play/1", "/live/u/t/1.ts"},
    "guide": {"/guide.xml", "/xmltv.php"},
}


@pytest.mark.parametrize("output", OPENED)
async def test_a_token_bound_to_an_output_opens_that_one(protected: Node, output: str) -> None:
    key = {"X-Api-Key": await protected.access.make_token("api", "script")}
    wanted = {"scope": "player", "name": "tv", "output": output, "password": PASSWORD}
    made = await protected.post("/api/v1/tokens", wanted, headers=key)
    paths = {path for opened in OPENED.values() for path in opened} | {"/api/v1/settings", "/playlist/DEN.m3u"}
    got = set()
    for path in paths:
        asked = path.replace("/t/", f"/{made['token']}/")
        if (await protected.http.get(asked, params={"token": made["token"]})).status_code != 401:
            got.add(path)
    everything = {path for path in paths if not path.startswith("/api/")}
    assert got == (everything if output == "" else OPENED[output])


async def test_a_token_for_an_output_that_is_none_is_refused(protected: Node) -> None:
    key = {"X-Api-Key": await protected.access.make_token("api", "script")}
    wanted = {"scope": "player", "name": "tv", "output": "settings", "password": PASSWORD}
    answer = await protected.http.post("/api/v1/tokens", json=wanted, headers=key)
    assert (answer.status_code, answer.json()["field"]) == (422, "output")


async def test_a_session_opens_everything(protected: Node) -> None:
    cookie = {"Cookie": f"other=1; {COOKIE}={await protected.access.sessions.open()}"}
    assert (await protected.http.get("/api/v1/settings", headers=cookie)).status_code == 200
    assert (await protected.http.get("/", headers=cookie | {"Host": "tv.example"})).status_code == 200
    foreign = cookie | {"Origin": "http://evil.example"}
    assert (await protected.http.patch("/api/v1/settings", json={}, headers=foreign)).status_code == 403
    assert not await protected.access.find_session((await protected.access.sessions.open())[:-2])
