"""qBittorrent when things go wrong, and as its versions differ: against the demo's, which keeps to the habits of the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from furnished import furnish
from nightcrew import app
from nightcrew.demo import downloaders, torrents
from nightcrew.demo.downloads import DownloadPlan, Downloads
from nightcrew.demo.faults import Fault
from nightcrew.demo.world import World
from nightcrew.kernel import recovery
from nightcrew.kernel.connections import actions, store
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import ConnectionState
from nightcrew.kernel.connections.row_calls import insisted
from nightcrew.kernel.errors import GiveUp, NeedsUser, Retry
from nightcrew.kernel.http import Http
from nightcrew.movies.clients.base import TAG
from nightcrew.movies.clients.qbittorrent import KIND, QBittorrent
from nightcrew.movies.clients.remote import RemoteState
from nightcrew.movies.domain import DOMAIN
from plain_line import plain_line
from support import at_rest

DATA = torrents.film("Nosferatu", 1922)
SWARM = torrents.hash_of(DATA)


@dataclass
class Desk:
    """The demo's client, and ours of it."""

    world: World
    http: Http
    now: float = 1000.0

    @property
    def has(self) -> Downloads:
        return self.world.downloads

    def client(self, **settings: str) -> QBittorrent:
        """A client of ours, as after a start of ours."""
        login = {"user": self.has.user, "password": self.has.password} | settings
        return QBittorrent(plain_line(self.http, KIND, f"{self.world.url}/qbittorrent", **login))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with World(live=False, services=(downloaders.routes,)) as world:
        http = Http()
        made = Desk(world, http)
        made.has.clock = lambda: made.now
        yield made
        await http.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts as ever, without the pauses between them."""
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)


async def add(client: QBittorrent, source: bytes | str = DATA, swarm: str = SWARM) -> None:
    await client.add(source, swarm=swarm, category="films", tags=(TAG,), held=True)


async def test_it_has_what_it_had_after_a_start(desk: Desk, tmp_path: Path) -> None:
    desk.world.remember(tmp_path)
    await add(desk.client())
    await desk.client().resume(SWARM)
    desk.now += 2
    before = (await desk.client().look([SWARM]))[SWARM]
    assert 0 < before.progress < 1
    async with World(live=False, services=(downloaders.routes,)) as again:
        again.remember(tmp_path)
        again.downloads.clock = lambda: desk.now
        (one,) = again.downloads.rows.values()
        assert (one.id, one.done, one.tags, one.stopped) == (before.id, pytest.approx(before.progress), [TAG], False)


# -- versions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v4.3.9", "v4.6.7", "v5.0.4", "v5.2.1"])
async def test_each_version_takes_holds_and_lets_go(desk: Desk, version: str) -> None:
    desk.has.version = version
    client = desk.client()
    for _ in range(2):
        await add(client)
    assert desk.has.added == [SWARM]
    remote = (await client.look([SWARM]))[SWARM]
    assert (remote.state, remote.category, remote.tags) == (RemoteState.PAUSED, "films", (TAG,))
    desk.now += 60
    assert (await client.look([SWARM]))[SWARM].got == 0
    await client.resume(SWARM)
    desk.now += 2
    remote = (await client.look([SWARM]))[SWARM]
    assert remote.state is RemoteState.DOWNLOADING
    assert 0 < remote.got < remote.size
    await client.pause(SWARM)
    assert (await client.look([SWARM]))[SWARM].state is RemoteState.PAUSED
    await client.resume(SWARM)
    desk.now += 60
    assert (await client.look([SWARM]))[SWARM].state is RemoteState.DONE
    await client.remove(SWARM, files=False)
    assert await client.look([SWARM]) == {}


async def test_a_magnet_of_a_hybrid_torrent_keeps_our_name_when_the_client_changes_its_own(desk: Desk) -> None:
    data = torrents.film("Faust", 1926, "hybrid")
    swarm = torrents.hash_of(data)
    desk.has.library[swarm] = data
    client = desk.client()
    await add(client, f"magnet:?xt=urn:btih:{swarm}&dn=Faust", swarm)
    remote = (await client.look([swarm]))[swarm]
    assert (remote.state, remote.metadata, remote.id) == (RemoteState.METADATA, False, swarm)
    desk.now += 1
    remote = (await client.look([swarm]))[swarm]
    assert (remote.state, remote.metadata) == (RemoteState.PAUSED, True)
    assert remote.id != swarm
    assert {file.size for file in await client.files(swarm)} >= {90 * 40 * 1_000_000}
    assert await client.metainfo(swarm) == data


async def test_what_it_does_not_take_is_told_from_what_it_has(desk: Desk) -> None:
    for version in ("v4.6.7", "v5.2.1"):
        desk.has.version = version
        desk.has.expire()
        with pytest.raises(GiveUp, match="no valid torrent file"):
            await add(desk.client(), b"no torrent", "c" * 40)


async def test_an_api_key_needs_no_login(desk: Desk) -> None:
    desk.has.version = "v5.2.1"
    client = desk.client(user="", password="", api_key=desk.has.api_key)
    await add(client)
    assert desk.has.logins == 0
    with pytest.raises(NeedsUser):
        await desk.client(user="", password="", api_key="qbt_wrong-key-0000").look([SWARM])
    assert desk.has.logins == 0


# -- sessions ----------------------------------------------------------------------------------------------------------


async def test_a_session_that_is_over_is_begun_again_once(desk: Desk) -> None:
    client = desk.client()
    await add(client)
    desk.has.expire()
    assert SWARM in await client.look([SWARM])
    assert desk.has.logins == 2
    desk.has.restart()
    await client.resume(SWARM)
    assert desk.has.logins == 3


async def test_what_was_removed_while_nobody_looked_is_gone_in_a_new_session(desk: Desk) -> None:
    client = desk.client()
    await add(client)
    desk.has.remove(SWARM)
    assert await client.look([SWARM]) == {}
    await add(client)
    desk.has.restart()
    desk.has.rows.clear()
    assert await client.look([SWARM]) == {}


async def test_only_changes_are_told_after_the_first_look(desk: Desk) -> None:
    for number in range(30):
        data = torrents.make(f"Seeded {number}", {"a.mkv": 1000})
        v1, _ = torrents.hashes_of(data)
        desk.has.take(data, v1 or "", "", f"Seeded {number}", category="", tags=[], stopped=True)
    client = desk.client()
    await add(client)
    await client.resume(SWARM)
    desk.now += 1
    before = (await client.look([SWARM]))[SWARM].got
    desk.now += 1
    assert (await client.look([SWARM]))[SWARM].got > before
    assert len(client._torrents.rows) == 31


async def test_without_a_user_nobody_is_let_in_by_guessing(desk: Desk) -> None:
    with pytest.raises(NeedsUser):
        await desk.client(user="", password="").look([SWARM])
    assert desk.has.logins == 0


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.ERROR_500, Fault.TRUNCATED_JSON, Fault.GARBAGE])
async def test_an_answer_that_cannot_be_read_is_tried_again_later(desk: Desk, fault: Fault) -> None:
    client = desk.client()
    await add(client)
    desk.world.faults.set("qbittorrent", fault)
    with pytest.raises((Retry, GiveUp)) as failed:
        await client.look([SWARM])
    assert not isinstance(failed.value, NeedsUser)
    with pytest.raises((Retry, GiveUp)):
        await add(client, torrents.film("Faust", 1926), "d" * 40)
    desk.world.faults.clear()
    assert SWARM in await client.look([SWARM])
    assert desk.has.added == [SWARM]


async def test_a_page_in_place_of_a_login_is_no_refusal(desk: Desk) -> None:
    desk.world.faults.set("qbittorrent", Fault.HTML)
    with pytest.raises(Retry):
        await desk.client().look([SWARM])


async def test_an_error_and_a_stall_are_told(desk: Desk) -> None:
    other = torrents.film("Faust", 1926)
    desk.has.plans = {SWARM: DownloadPlan(stalls_at=0.5, seeds=0), torrents.hash_of(other): DownloadPlan(fails_at=0.5)}
    client = desk.client()
    await add(client)
    await add(client, other, torrents.hash_of(other))
    for swarm in (SWARM, torrents.hash_of(other)):
        await client.resume(swarm)
    desk.now += 4
    found = await client.look([SWARM, torrents.hash_of(other)])
    assert (found[SWARM].state, found[SWARM].seeds) == (RemoteState.DOWNLOADING, 0)
    assert found[torrents.hash_of(other)].state is RemoteState.ERROR


async def test_a_wrong_password_is_tried_once_and_then_left_to_a_person(desk: Desk, tmp_path: Path) -> None:
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data"))
    async with at_rest(tmp_path / "data", DOMAIN) as node:
        known = Connections(node)
        known.kinds = {**known.kinds, KIND.name: KIND}
        node.add(known)
        values = {**desk.world.cinema()["qbittorrent"], "name": "Downloads"}
        one = await actions.add(node, {**values, "address": values.pop("url")}, actor="test")
        assert (await actions.test(node, one.id, actor="test")).ok
        desk.has.password = "changed by somebody"
        desk.has.expire()
        client = QBittorrent(await known.line(one.id))
        before = desk.has.logins
        for _ in range(6):
            with pytest.raises(NeedsUser):
                await client.look([SWARM])
        assert desk.has.logins == before + 1
        assert not desk.has.banned
        standing = (await store.get(node.store, one.id)).standing
        assert standing.state is ConnectionState.PERSON
        assert "refuses user name and password" in standing.reason
        desk.has.failures = desk.has.most_failures
        with insisted(), pytest.raises(NeedsUser, match="banned"):
            await QBittorrent(await known.line(one.id)).look([SWARM])
