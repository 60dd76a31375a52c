"""Cycles of the downloads against slskd and its habits, one after the other: nobody else works, and time is set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew.demo.soulseek import Soulseek
from nightcrew.demo.world import World
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import now_of
from nightcrew.music import actions, choosing, remote, syncing
from nightcrew.music.models import DownloadStage, DownloadState, TrackDownload, WantedEntry, WantedState, download
from nightcrew.music.remote import PlaceAsks
from nightcrew.music.slskd.client import PeerRefused, Slskd
from nightcrew.music.store import downloads, listings, offers, wanted
from nightcrew.music.store.listings import NewTrack

LONG = timedelta(hours=1)
TITLES = ("Greensleeves", "Shenandoah", "The Water Is Wide")


@dataclass
class Bench:
    """A node at rest, and the network that its slskd is on."""

    node: Runtime
    network: Soulseek
    connection: int

    async def want(self, title: str = TITLES[0]) -> WantedEntry:
        """A track of which each peer that is online offers its file."""
        new = [NewTrack(title.lower(), title, ("Harbour Ensemble",), 10)]
        await listings.take(self.node.store, "hand", "By hand", new, whole=False, due=False)
        (entry,) = await wanted.of_keys(self.node.store, [title.lower()])
        found = [
            (peer, file)
            for peer in self.network.network[:2]
            for file in peer.files
            if file.song.title == title and not file.song.version
        ]
        rows = [
            {
                "wanted_id": entry.id, "peer": peer.name, "path": file.path, "size": 100_000, "seconds": None,
                "bitrate": 320, "free_slot": True, "queue": 0, "speed": 1, "confidence": 0.9, "explanation": "",
                "accepted": True, "search_id": "s", "connection_id": self.connection,
            }
            for peer, file in found
        ]  # fmt: skip
        async with self.node.store.write() as connection:
            await offers.keep(self.node.store, connection, entry.id, rows)
        return entry

    async def begun(self, title: str = TITLES[0]) -> WantedEntry:
        """As `want`, with its first download queued."""
        entry = await self.want(title)
        first, *_ = await offers.of_wanted(self.node.store, entry.id)
        async with self.node.store.write() as connection:
            await choosing.begin(connection, first, attempt=1, since=tuple(WantedState))
        return entry

    async def cycle(self, *, after: timedelta = timedelta(0), stopped: bool = False) -> None:
        """One cycle, as if so much time had passed. `stopped`: in which nobody has looked."""
        async with self.node.store.write() as connection:
            open_ = download.c.state.in_(("queued", "running"))
            for row in (await connection.execute(sa.select(download).where(open_))).mappings():
                values = {name: row[name] and row[name] - after for name in ("started_at", "moved_at")}
                values |= {"due_at": await now_of(connection) - (after if stopped else timedelta(0)), "until": None}
                await connection.execute(sa.update(download).where(download.c.id == row["id"]).values(values))
        await syncing.sync(self.node)

    async def only(self) -> TrackDownload:
        (row,) = await downloads.page(self.node.store, limit=9)
        return row

    async def failures(self, entry: WantedEntry) -> tuple[WantedState, int, int]:
        """How a track stands, how often it has failed, and how many of its files are condemned."""
        now = await wanted.get(self.node.store, entry.id)
        found = await offers.of_wanted(self.node.store, entry.id)
        return now.state, now.failures, sum(bool(one.verdict) for one in found)


@pytest.fixture
async def bench(resting: Runtime, world: World) -> Bench:
    values = dict(world.services()["slskd"])
    made = await connections.add(resting, {**values, "address": values.pop("url")}, actor="test")
    return Bench(resting, world.soulseek, made.id)


UNTOUCHED = (WantedState.DOWNLOADING, 0, 0)


@pytest.mark.parametrize("version", ["0.22.5", "0.26.0"])
async def test_no_peer_is_blamed_while_slskd_is_off_the_network(
    bench: Bench, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slskd, "version", _says(version))
    entry = await bench.begun()
    bench.network.connected = False
    for _ in range(4):
        await bench.cycle(after=LONG)
    assert await bench.failures(entry) == UNTOUCHED
    assert "not connected to the network" in (await bench.only()).error
    bench.network.connected = True
    await bench.cycle()
    assert (await bench.only()).state is DownloadState.RUNNING


def _says(version: str) -> Any:
    async def told(_: Slskd) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split("."))

    return told


@pytest.mark.parametrize("version", ["0.22.5", "0.26.0"])
async def test_slskd_that_goes_off_the_network_while_it_takes_a_file_blames_no_peer(
    bench: Bench, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slskd, "version", _says(version))
    enqueue = Slskd.enqueue

    async def late(*args: Any) -> Any:
        bench.network.connected = False
        return await enqueue(*args)

    monkeypatch.setattr(Slskd, "enqueue", late)
    entry = await bench.begun()
    await bench.cycle()
    await bench.cycle(after=LONG)
    assert await bench.failures(entry) == UNTOUCHED


async def test_an_outage_of_the_network_restarts_the_clock_of_a_file(bench: Bench) -> None:
    bench.network.stuck = True
    entry = await bench.begun()
    await bench.cycle()
    await bench.cycle()
    bench.network.connected = False
    await bench.cycle(after=LONG)
    bench.network.connected = True
    await bench.cycle()
    assert await bench.failures(entry) == UNTOUCHED
    await bench.cycle(after=LONG)
    assert (await bench.failures(entry))[2] == 1, "on the network, an hour without progress is a failure"


async def test_an_outage_of_slskd_restarts_the_clock_of_a_file(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.network.stuck = True
    entry = await bench.begun()
    await bench.cycle()
    await bench.cycle()
    with monkeypatch.context() as patch:
        patch.setattr(Slskd, "transfers", _away)
        await bench.cycle(after=LONG)
    await bench.cycle()
    assert await bench.failures(entry) == UNTOUCHED


async def test_a_node_that_was_stopped_for_long_blames_no_file_for_it(bench: Bench) -> None:
    bench.network.stuck = True
    entry = await bench.begun()
    await bench.cycle()
    await bench.cycle()
    await bench.cycle(after=LONG, stopped=True)
    await bench.cycle()
    assert await bench.failures(entry) == UNTOUCHED


async def _away(*_: Any) -> Any:
    raise syncing.Retry("there is nobody")


async def test_what_ends_off_the_network_is_sent_again(bench: Bench) -> None:
    bench.network.stuck = True
    entry = await bench.begun()
    await bench.cycle()
    await bench.cycle()
    (one,) = bench.network.transfers
    one.state, one.ended, bench.network.connected = "Completed, Errored", bench.network.clock(), False
    await bench.cycle(after=LONG)
    await bench.cycle(after=LONG)
    bench.network.connected = True
    await bench.cycle()
    await bench.cycle()
    assert await bench.failures(entry) == UNTOUCHED
    assert [one.ended is None for one in bench.network.transfers] == [False, True]
    row = await bench.only()
    assert (row.stage, row.remote_id) == (DownloadStage.REMOTE, bench.network.transfers[1].id)


# -- queues of peers ---------------------------------------------------------------------------------------------------


async def test_a_better_place_in_the_queue_of_a_peer_is_progress(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ASKED_EVERY", 0.0)
    bench.network.stuck, bench.network.delay = True, 1000.0
    entry = await bench.begun()
    await bench.cycle()
    await bench.cycle()
    (one,) = bench.network.transfers
    for place in (5, 4, 3):
        one.begins = bench.network.clock() + (place - 0.5) * bench.network.delay
        await bench.cycle(after=LONG)
        assert (await bench.only()).place == place
    assert await bench.failures(entry) == UNTOUCHED
    one.begins = bench.network.clock() + 7.5 * bench.network.delay
    await bench.cycle(after=LONG)
    assert (await bench.failures(entry))[2] == 1, "a worse one is none"


async def test_places_are_asked_for_at_a_rate(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def place(_: Slskd, peer: str, remote_id: str) -> int:
        asked.append(remote_id)
        return 9

    monkeypatch.setattr(Slskd, "place", place)
    bench.network.stuck = True
    await bench.begun()
    for _ in range(5):
        await bench.cycle()
    assert len(asked) == 1
    bench.node.part(PlaceAsks).at.clear()
    await bench.cycle()
    assert len(asked) == 2


async def test_files_that_wait_in_queues_of_peers_hold_no_other_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.network.stuck = True
    for title in TITLES:
        await bench.begun(title)
    for _ in range(3):
        await bench.cycle()
    assert len(bench.network.transfers) == 2, "as many as may go on at a time"
    await bench.cycle(after=timedelta(minutes=2))
    await bench.cycle()
    assert len(bench.network.transfers) == 3
    monkeypatch.setattr(syncing, "MOST_WAITING", 1)
    assert await syncing._room(bench.node) == 0, "and they do not wait without end"


# -- cancelling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.22.5", "0.26.0"])
async def test_a_download_that_is_cancelled_while_slskd_takes_it_ends_there_too(
    bench: Bench, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slskd, "version", _says(version))
    enqueue = Slskd.enqueue

    async def meanwhile(*args: Any) -> Any:
        sent = await enqueue(*args)
        row = await bench.only()
        async with bench.node.store.write() as connection:
            await downloads.change_state(connection, row, DownloadState.CANCELLED, "test")
        return sent

    monkeypatch.setattr(Slskd, "enqueue", meanwhile)
    bench.network.stuck = True
    await bench.begun()
    await bench.cycle()
    assert [one.state for one in bench.network.transfers] == ["Completed, Cancelled"]


async def test_a_download_that_is_cancelled_while_slskd_refuses_it_stops_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue = Slskd.enqueue

    async def refuse(client: Slskd, batch_id: str, peer: str, path: str, *rest: Any) -> Any:
        if "Greensleeves" not in path:
            return await enqueue(client, batch_id, peer, path, *rest)
        (row,) = [one for one in await downloads.page(bench.node.store, limit=9) if one.path == path]
        async with bench.node.store.write() as connection:
            await downloads.change_state(connection, row, DownloadState.CANCELLED, "test")
        raise PeerRefused("it is not shared")

    monkeypatch.setattr(Slskd, "enqueue", refuse)
    bench.network.stuck = True
    for title in TITLES[:2]:
        await bench.begun(title)
    await bench.cycle()
    assert [one.path.rpartition(" - ")[2] for one in bench.network.transfers] == ["Shenandoah.flac"]


async def test_a_download_whose_id_was_not_noted_is_cancelled_at_slskd_too(bench: Bench) -> None:
    bench.network.stuck = True
    await bench.begun()
    await bench.cycle()
    row = await bench.only()
    await downloads.note(bench.node.store, row.id, remote_id=None, stage=DownloadStage.SENDING)
    await actions.act_on_download(bench.node, row.id, "cancel", actor="test")
    assert [one.state for one in bench.network.transfers] == ["Completed, Cancelled"]
