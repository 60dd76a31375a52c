"""Real qbittorrent-nox and transmission-daemon: what they take, what they say of it, and that they agree with our hashes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import real_clients
from nightcrew.demo import torrents
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.errors import GiveUp, NeedsUser
from nightcrew.kernel.http import Http
from nightcrew.movies.clients import CLIENTS
from nightcrew.movies.clients.base import TAG, Client, ClientKind, Rejected
from nightcrew.movies.clients.remote import RemoteState, RemoteTorrent
from nightcrew.movies.torrents import metainfo
from plain_line import plain_line
from real_clients import PASSWORD, USER, RealClient
from support import until

FILES: torrents.Files = {"Film.mkv": 300_000, "Subs/English.srt": b"1\n00:00:01,000 --> 00:00:02,000\nGood evening.\n"}
STARTS: dict[str, Callable[[Path], object]] = {
    "qbittorrent": real_clients.qbittorrent,
    "transmission": real_clients.transmission,
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RealClient]]:
    """Both of them, started once."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(start(tmp_path_factory.mktemp(name))) for name, start in STARTS.items()}  # type: ignore[arg-type]


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    made = Http()
    yield made
    await made.close()


@dataclass
class Both:
    """The two clients as the product asks them."""

    clients: dict[str, Client]
    programs: dict[str, RealClient]


@pytest.fixture
async def both(http: Http, programs: dict[str, RealClient]) -> Both:
    lines = {
        kind.kind.name: (kind, plain_line(http, kind.kind, programs[kind.kind.name].url, user=USER, password=PASSWORD))
        for kind in CLIENTS
    }
    return Both({name: kind.client(line) for name, (kind, line) in lines.items()}, programs)


@pytest.fixture(params=["qbittorrent", "transmission"])
def client(request: pytest.FixtureRequest, both: Both) -> Client:
    return both.clients[request.param]


async def stands(client: Client, swarm: str, *states: RemoteState) -> RemoteTorrent:
    """Wait until it stands so."""
    seen: list[RemoteTorrent | None] = []

    async def so() -> bool:
        seen.append((await client.look([swarm])).get(swarm))
        return seen[-1] is not None and seen[-1].state in states

    try:
        await until(so)
    except TimeoutError:
        pytest.fail(f"it stands otherwise: {seen[-1]}")
    found = seen[-1]
    assert found is not None
    return found


async def add(client: Client, source: bytes | str, swarm: str, *, held: bool = True) -> None:
    await client.add(source, swarm=swarm, category="films", tags=(TAG,), held=held)


# -- what they are -----------------------------------------------------------------------------------------------------


async def test_a_test_says_what_works(http: Http, programs: dict[str, RealClient]) -> None:
    for kind in CLIENTS:
        program = programs[kind.kind.name]
        said = await kind.kind.test(plain_line(http, kind.kind, program.url, user=USER, password=PASSWORD))
        assert kind.kind.title in said[0]
        assert f"It saves in {program.saves}" in said[1]
        assert said[2].endswith("are free there.")
        assert "films" in said[3]


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.kind.name)
async def test_a_wrong_password_needs_a_person(http: Http, programs: dict[str, RealClient], kind: ClientKind) -> None:
    line = plain_line(http, kind.kind, programs[kind.kind.name].url, user=USER, password="not this one")
    with pytest.raises(NeedsUser):
        await kind.client(line).look(["0" * 40])
    right = plain_line(http, kind.kind, programs[kind.kind.name].url, user=USER, password=PASSWORD)
    assert await kind.client(right).look(["0" * 40]) == {}


# -- torrents ----------------------------------------------------------------------------------------------------------


async def test_both_know_a_torrent_by_our_hash_and_its_files(client: Client) -> None:
    data = torrents.make(f"Ours {client.line.name}", FILES)
    read = metainfo.read(data)
    await add(client, data, read.swarm)
    remote = await stands(client, read.swarm, RemoteState.PAUSED)
    assert remote.metadata
    assert remote.name == read.name
    assert remote.size == read.size
    assert TAG in remote.tags
    assert "films" in (remote.category, *remote.tags)
    files = {file.path: file.size for file in await client.files(read.swarm) if not file.pad}
    assert files == {(read.name, *file.path): file.size for file in read.content}
    await client.remove(read.swarm, files=True)
    await until(lambda: gone(client, read.swarm))


async def gone(client: Client, swarm: str) -> bool:
    return not await client.look([swarm])


async def test_a_torrent_that_is_there_is_not_added_again(client: Client) -> None:
    data = torrents.make(f"Twice {client.line.name}", FILES)
    swarm = metainfo.read(data).swarm
    for _ in range(3):
        await add(client, data, swarm)
    await stands(client, swarm, RemoteState.PAUSED)
    other = CLIENTS[[kind.kind.title for kind in CLIENTS].index(client.line.name)].client(client.line)
    await add(other, data, swarm)  # as after a restart of ours
    assert len(await other.look([swarm])) == 1
    await client.remove(swarm, files=False)
    await client.remove(swarm, files=False)
    await until(lambda: gone(client, swarm))


async def test_what_is_no_torrent_is_not_taken(client: Client) -> None:
    with pytest.raises(Rejected):
        await add(client, b"d4:infod4:name4:Filmee", "1" * 40)


async def test_a_folder_that_transmission_does_not_take_is_not_the_fault_of_a_torrent(
    http: Http, programs: dict[str, RealClient]
) -> None:
    (kind,) = [one for one in CLIENTS if one.kind.name == "transmission"]
    line = plain_line(http, kind.kind, programs["transmission"].url, user=USER, password=PASSWORD, folder="films")
    data = torrents.make("Nowhere to go", FILES)
    with pytest.raises(NeedsUser, match="not absolute"):
        await add(kind.client(line), data, metainfo.read(data).swarm)


@pytest.mark.parametrize("kind", ["v2", "hybrid"])
async def test_qbittorrent_knows_newer_torrents_by_our_hashes(both: Both, kind: torrents.Kind) -> None:
    client = both.clients["qbittorrent"]
    data = torrents.make(f"Newer {kind}", FILES, kind)
    read = metainfo.read(data)
    try:
        await add(client, data, read.swarm)
    except GiveUp:
        pytest.skip("this qBittorrent is built without torrents of version 2")
    remote = await stands(client, read.swarm, RemoteState.PAUSED)
    assert read.hash_v2 is not None
    assert remote.id in {read.swarm, read.hash_v2[:40]}
    assert read.hash_v2 in await client.look([read.hash_v2])
    await add(client, data, read.swarm)
    files = {file.path: file.size for file in await client.files(read.swarm) if not file.pad}
    assert files == {(read.name, *file.path): file.size for file in read.content}
    told = await client.metainfo(read.swarm)
    assert told is not None
    assert metainfo.read(told).hash_v2 == read.hash_v2
    await client.remove(read.swarm, files=True)


async def test_a_hybrid_torrent_has_our_hash_at_transmission(both: Both) -> None:
    client = both.clients["transmission"]
    data = torrents.make("Newer at Transmission", FILES, "hybrid")
    swarm = metainfo.read(data).swarm
    try:
        await add(client, data, swarm)
    except GiveUp:
        pytest.skip("this Transmission is older than 4.0 and takes no hybrid torrents")
    await stands(client, swarm, RemoteState.PAUSED)
    await client.remove(swarm, files=True)


# -- magnets -----------------------------------------------------------------------------------------------------------


async def introduce(both: Both, swarm: str) -> None:
    """Tell qBittorrent where the other one is: Transmission calls nobody on this machine by itself."""
    form = {"hashes": swarm, "peers": f"127.0.0.1:{both.programs['transmission'].peer_port}"}
    question = Question("api/v2/torrents/addPeers", "POST", form=form)
    await both.clients["qbittorrent"].line.ask(question, good=frozenset({200, 400, 404, 409}))


@pytest.mark.parametrize(("seeds", "asks"), [("transmission", "qbittorrent"), ("qbittorrent", "transmission")])
async def test_a_magnet_is_resolved_and_nothing_of_its_content_comes_before_it_is_let_go(
    both: Both, seeds: str, asks: str
) -> None:
    files: torrents.Files = {"Film.mkv": 3_000_000, "Notes.txt": b"Free to share."}
    data = torrents.make(f"Resolved by {asks}", files)
    read = metainfo.read(data)
    for path, given in files.items():
        place = both.programs[seeds].saves / read.name / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(torrents.content(read.name, path, given, 0, 1 << 30))
    seed, asker = both.clients[seeds], both.clients[asks]
    await add(seed, data, read.swarm, held=False)
    await stands(seed, read.swarm, RemoteState.DONE)
    await add(asker, torrents.magnet_of(data), read.swarm)

    async def held() -> bool:
        remote = (await asker.look([read.swarm]))[read.swarm]
        if not remote.metadata:
            await introduce(both, read.swarm)
        elif remote.state is not RemoteState.PAUSED:  # Transmission starts once more when it has looked for data
            await asker.pause(read.swarm)
        return remote.metadata and remote.state is RemoteState.PAUSED

    await until(held)
    assert (await asker.look([read.swarm]))[read.swarm].got <= 32 * 1024
    assert {file.path: file.size for file in await asker.files(read.swarm)} == {
        (read.name, *file.path): file.size for file in read.files
    }
    await asker.resume(read.swarm)

    async def complete() -> bool:
        await introduce(both, read.swarm)
        return (await asker.look([read.swarm]))[read.swarm].state is RemoteState.DONE

    await until(complete)
    for one in (seed, asker):
        await one.remove(read.swarm, files=True)
