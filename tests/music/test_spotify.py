"""Spotify as people connect it: its page, tokens that rotate and end, limits without a time, and back again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa

import consent
from furnished import furnish
from nightcrew import app
from nightcrew.demo.grants import CLIENT_ID
from nightcrew.demo.world import MUSIC, World
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions, store, work
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import ConnectionState, connection
from nightcrew.kernel.connections.tokens import challenge_of
from nightcrew.kernel.errors import NeedsUser, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.music.domain import DOMAIN
from nightcrew.music.wishes import spotify
from nightcrew.web import connections_api
from support import Node, at_rest, running

API = "/api/v1/connections"
DAY = 86_400.0


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(live=False, services=MUSIC, streams=tmp_path / "world") as made:
        yield made


def resting(folder: Path, world: World):
    return at_rest(folder, DOMAIN, domains=consent.at_world(world.url))


@pytest.fixture
async def node(tmp_path: Path, world: World) -> AsyncIterator[Runtime]:
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data"))
    async with resting(tmp_path / "data", world) as runtime:
        runtime.add(Connections(runtime))
        yield runtime


@pytest.fixture
async def number(node: Runtime, world: World) -> int:
    """The connection's, with access that was granted."""
    values = dict(world.services()["spotify"])
    one = await actions.add(node, {**values, "address": values.pop("url")}, actor="test")
    await consent.grant(node, one.id)
    return one.id


def later(world: World, seconds: float) -> None:
    """The service's clock is ahead."""
    world.clock = lambda: time.time() + seconds


async def read(node: Runtime, number: int) -> list[str]:
    saved, *_ = await spotify.read(await node.part(Connections).line(number))
    return [one.title for one in saved.tracks]


async def needs(node: Runtime) -> list[str]:
    return [one.message for one in await work.needs(node)]


# -- a person connects it ----------------------------------------------------------------------------------------------


async def at_the_page(node: Node, number: int) -> str:
    return str((await node.post(f"{API}/{number}/grant"))["url"])


async def test_a_person_connects_it_and_what_is_saved_there_is_wanted(tmp_path: Path, world: World) -> None:
    async with running(tmp_path / "data", domains=consent.at_world(world.url)) as node:
        kinds = {one["kind"]: one for one in (await node.get(f"{API}/kinds"))["items"]}
        assert kinds["spotify"]["url"] == f"{world.url}/spotify", "nothing real is contacted"
        number = (await node.post(API, world.services()["spotify"]))["id"]
        panel = (await node.http.get(f"/connections/{number}/grant")).text
        assert f"{node.url}/callback</span>" in panel and f"{node.url}/callback?…" in panel

        declined = await node.http.get(await consent.answer(await at_the_page(node, number), "cancel"))
        assert (declined.status_code, "was declined on the service&#39;s page" in declined.text) == (409, True)
        assert (await node.get(f"{API}/{number}"))["state"] == "person"

        back = await consent.answer(await at_the_page(node, number))
        assert back.startswith(f"{node.url}/callback?")
        wrong = back.replace("state=", "state=x")
        assert (await node.http.get(wrong)).status_code == 422, "it came from nobody's page"
        assert "Access granted" in (await node.http.get(back)).text
        assert (await node.http.get(back)).status_code == 422, "once"
        row = await node.get(f"{API}/{number}")
        assert (row["state"], row["grant_ends_at"] > row["granted_at"]) == ("new", True)
        told = [one["message"] for one in (await node.get("/api/v1/activity"))["items"]]
        assert "Access to Demo spotify was granted" in told and "Demo spotify works again" not in told
        async with node.runtime.store.read() as reading:
            sealed = str((await reading.execute(sa.select(connection))).one()._mapping)
        (given,) = world.grants._refreshes.values()
        assert given.access and given.access not in sealed and given.refresh not in sealed

        elsewhere = (await consent.answer(await at_the_page(node, number))).replace(node.url, "http://127.0.0.1:1")
        await node.post(f"{API}/granted", {"address": elsewhere})
        assert (await node.post(f"{API}/{number}/test"))["facts"] == ["You have saved 8 tracks."]

        job = (await node.post("/api/v1/music/autosync"))["job"]
        wanted: set[str] = set()
        while not {one.shown for one in (*world.wishes.saved, *world.wishes.listed)} <= wanted:
            await asyncio.sleep(0.05)
            wanted = {one["title"] for one in (await node.get("/api/v1/music/wanted", params={"limit": 100}))["items"]}
        await node.runtime.jobs.cancel(job)


# -- tokens ------------------------------------------------------------------------------------------------------------


async def test_two_who_ask_at_once_renew_the_access_once(node: Runtime, world: World, number: int) -> None:
    """A second use of a refresh token ends the access for good."""
    second = Connections(node)
    for turn in (1, 2):
        later(world, turn * 4_000)
        lines = [await one.line(number) for one in (node.part(Connections), second)]
        lists = await asyncio.gather(*(spotify.read(line) for line in lines))
        assert [len(one) for one in lists] == [3, 3] and world.grants.refreshes == turn
    assert await needs(node) == []


@pytest.mark.parametrize("over", ["revoked", "six months later", "used by somebody else"])
async def test_access_that_has_ended_needs_a_person_and_comes_back(
    node: Runtime, world: World, number: int, over: str
) -> None:
    if over == "revoked":
        world.grants.revoke()
    elif over == "used by somebody else":
        stolen = next(iter(world.grants._refreshes))
        assert world.grants.renew({"refresh_token": stolen}, time.time()) is not None
    else:
        later(world, 181 * DAY)
    with pytest.raises(NeedsUser, match="has expired or was revoked. Grant it again"):
        await read(node, number)
    standing = (await store.get(node.store, number)).standing
    assert (standing.state, standing.until) == (ConnectionState.PERSON, None)
    (said,) = await needs(node)
    assert said == "Demo spotify needs you: the access that was granted has expired or was revoked. Grant it again"
    asked = world.counters["spotify"]
    with pytest.raises(NeedsUser):
        await read(node, number)
    assert world.counters["spotify"] == asked, "it is left alone until then"
    await consent.grant(node, number)
    assert len(await read(node, number)) == 8
    assert await needs(node) == []


@pytest.mark.parametrize(("days", "told"), [(149, False), (151, True)])
async def test_thirty_days_before_the_end_a_person_is_told(node: Runtime, number: int, days: int, told: bool) -> None:
    granted = utcnow() - timedelta(days=days)
    async with node.store.write() as writing:
        await writing.execute(sa.update(connection).values(granted_at=granted))
    said = f"Access to Demo spotify ends on {granted + timedelta(days=180):%Y-%m-%d}. Grant it again before then"
    assert await needs(node) == ([said] if told else [])
    await consent.grant(node, number)
    assert await needs(node) == []


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_a_quota_that_is_used_up_is_waited_for_also_after_a_restart(tmp_path: Path, world: World) -> None:
    folder = tmp_path / "data"
    await asyncio.to_thread(furnish, app.Config(data_dir=folder))
    async with resting(folder, world) as node:
        node.add(Connections(node))
        values = dict(world.services()["spotify"])
        number = (await actions.add(node, {**values, "address": values.pop("url")}, actor="test")).id
        await consent.grant(node, number)
        world.wishes.used_up = True
        with pytest.raises(Retry, match="quota of your app is used up"):
            await read(node, number)
    asked = world.counters["spotify"]
    world.wishes.used_up = False
    async with resting(folder, world) as node:
        node.add(Connections(node))
        with pytest.raises(Paused, match="asks us to wait: the quota of your app is used up") as paused:
            await read(node, number)
        assert world.counters["spotify"] == asked
        assert 60 < (paused.value.after or 0) <= spotify.QUOTA
        one = await store.get(node.store, number)
        row = await connections_api.row_of(node, one)
        assert (row.state, row.retry_at is not None) == ("limited", True), "the page counts it down"
        assert (await actions.test(node, number, actor="test")).ok, "a person need not wait"
        assert len(await read(node, number)) == 8


async def test_a_limit_with_a_time_is_waited_for_as_long(node: Runtime, world: World, number: int) -> None:
    world.wishes.limited, world.wishes.wait = 1, 120
    with pytest.raises(Retry) as limit:
        await read(node, number)
    assert (limit.value.status, limit.value.after) == (429, 120.0)
    standing = (await store.get(node.store, number)).standing
    assert standing.state is ConnectionState.LIMITED and standing.until is not None
    assert standing.until <= utcnow() + timedelta(seconds=120)


# -- the demo's page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"client_id": "other"}, 400, "INVALID_CLIENT"),
        ({"redirect_uri": "https://example.net/callback"}, 400, "INVALID_CLIENT"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, 400, "INVALID_CLIENT"),
        ({"response_type": "token"}, 303, "error=unsupported_response_type"),
        ({"code_challenge_method": "plain"}, 303, "error=invalid_request"),
        ({"state": ""}, 303, "error=invalid_request"),
    ],
)
async def test_the_page_refuses_what_is_no_question(
    world: World, change: dict[str, str], status: int, said: str
) -> None:
    good = {
        "client_id": CLIENT_ID,
        "redirect_uri": "http://127.0.0.1:9/callback",
        "response_type": "code",
        "state": "x",
    }
    good |= {"code_challenge_method": "S256", "code_challenge": challenge_of("any")}
    async with httpx2.AsyncClient(trust_env=False, base_url=f"{world.url}/spotify") as browser:
        assert "Agree" in (await browser.get("/authorize", params=good)).text
        answer = await browser.get("/authorize", params=good | change)
    assert (answer.status_code, said in answer.text + answer.headers.get("location", "")) == (status, True)


async def test_a_code_is_good_once_and_for_who_began(node: Runtime, world: World, number: int) -> None:
    async def exchanged(**form: str) -> str:
        async with httpx2.AsyncClient(trust_env=False) as client:
            fields = {"grant_type": "authorization_code", "client_id": CLIENT_ID, **form}
            return str(
                (await client.post(f"{world.url}/spotify/api/token", data=fields)).json().get("error", "granted")
            )

    url = await actions.begin_grant(node, number)
    code = parse_qs(urlsplit(await consent.answer(url)).query)["code"][0]
    assert await exchanged(code=code, code_verifier="guessed", redirect_uri=actions.back_to(node)) == "invalid_grant"
    assert await exchanged(client_id="other") == "invalid_client"
    assert await exchanged(grant_type="password") == "unsupported_grant_type"
