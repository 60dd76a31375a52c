"""Hand-overs from the choice to the film, on a node that is stopped in between, with the demo's download client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from furnished import furnish, new_database
from handing import FAKE, FILM, GOOD, SECOND, Crew, client_world, connect, furnish_films, manned, started
from nightcrew import app
from nightcrew.demo import torrents
from nightcrew.demo.downloads import DownloadPlan
from nightcrew.demo.faults import Fault
from nightcrew.demo.world import World
from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.errors import Conflict, GiveUp, NeedsUser, Retry
from nightcrew.movies.clients.qbittorrent import QBittorrent
from nightcrew.movies.handover import actions as handover_actions
from nightcrew.movies.handover import ends as handover_ends
from nightcrew.movies.handover import following as handovers
from nightcrew.movies.handover import torrents as handover_torrents
from nightcrew.movies.handover.models import HandoverEntry, handover
from nightcrew.movies.handover.rules import Cause, HandoverPatience, HandoverState
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources import offered
from nightcrew.movies.sources.models import SourceEntry, SourceState, offer, source
from nightcrew.movies.store import fetches, sources, swarms
from nightcrew.movies.store import handovers as rows
from nightcrew.movies.torrents import magnet
from nightcrew.movies.torrents.magnet import Magnet
from support import until


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)
    async with client_world() as made:
        yield made


@pytest.fixture
async def crew(world: World, tmp_path: Path) -> AsyncIterator[Crew]:
    async with manned(tmp_path / "data", world) as made:
        yield made


async def begin(crew: Crew) -> HandoverEntry:
    return await handover_actions.hand_over(crew.node, FILM, actor="test")


async def said(crew: Crew, kind: str) -> list[str]:
    page = await crew.node.activity.page(limit=100)
    return [one.message for one in page if one.kind == kind]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_magnet_becomes_a_film_and_nothing_comes_before_its_files_were_looked_at(
    world: World, tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    url = None
    if database == "postgres":
        server = request.getfixturevalue("postgres_server")
        url = new_database(server, like=request.getfixturevalue("furnished"))
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data", database_url=url))
    async with started(tmp_path / "data", world, url) as crew:
        await connect(crew.node, world)
        await furnish_films(crew.node, GOOD, SECOND)
        entry = await begin(crew)
        assert entry.swarm == torrents.hash_of(GOOD)
        with pytest.raises(Conflict, match="handed over already"):
            await begin(crew)
        crew.has.plans[entry.swarm] = DownloadPlan(metadata=3.0)
        await crew.reach(HandoverState.METADATA)
        (row,) = crew.has.rows.values()
        crew.clock += 60
        crew.has.advance()
        assert (row.known, row.stopped, row.done) == (True, True, 0.0)
        assert (row.category, row.tags) == ("films", ["nightcrew"])
        done = await crew.reach(HandoverState.DONE)
        assert (done.progress, done.path, done.due_at) == (1.0, "/downloads", None)
        assert crew.has.added == [torrents.hash_of(GOOD)]


@pytest.mark.parametrize("by_itself", [False, True])
async def test_of_two_who_begin_at_once_one_is_told_that_the_other_was_faster(
    world: World, tmp_path: Path, postgres_server: Any, furnished: Any, by_itself: bool
) -> None:
    url = new_database(postgres_server, like=furnished)
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data", database_url=url))
    async with started(tmp_path / "data", world, url) as crew:
        await furnish_films(crew.node, GOOD, SECOND)
        store = crew.node.store
        first, second = await sources.of_movie(store, FILM)
        now = utcnow()
        async with store.write() as connection:
            held = {"holder": "here", "until": now + timedelta(minutes=10)}  # the node's own worker leaves it alone
            row = {"movie_id": FILM, "good_since": now, "due_at": now, **held}
            await connection.execute(sa.insert(fetches.fetch).values(row))
        due = await fetches.of_movie(store, FILM)
        assert due is not None

        async def waits_for_the_other() -> bool:
            async with store.read() as connection:
                waiting = "datname = current_database() AND wait_event_type = 'Lock'"
                found = await connection.execute(sa.text(f"SELECT count(*) FROM pg_stat_activity WHERE {waiting}"))
                return bool(found.scalar_one())

        async with store.write() as connection:
            await rows.begin_in(connection, store, first, 1)
            begun = fetches.begin(store, due, second, 1, by="here") if by_itself else rows.begin(store, second, 1)
            late = asyncio.create_task(begun)
            await until(waits_for_the_other)
        with pytest.raises(Conflict, match="somebody was faster"):
            await late
        assert [one.source_id for one in await rows.of_movie(store, FILM)] == [first.id]
        assert (await fetches.of_movie(store, FILM)).held is None, "nothing of it was stored"  # type: ignore[union-attr]


async def test_a_torrent_file_is_held_until_it_was_looked_at(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch(*_: Any) -> bytes:
        return GOOD

    monkeypatch.setattr(handover_torrents, "fetch", fetch)
    await furnish_films(crew.node, GOOD)
    await begin(crew)
    await crew.step()
    (row,) = crew.has.rows.values()
    assert row.stopped
    await crew.reach(HandoverState.DONE)


# -- what is handed over -----------------------------------------------------------------------------------------------


async def known_as(crew: Crew, **values: Any) -> SourceEntry:
    """The only source of a film, with other values."""
    await furnish_films(crew.node, GOOD)
    async with crew.node.store.write() as connection:
        await connection.execute(sa.update(source).values(values or {"private": False}))
    return (await sources.of_movie(crew.node.store, FILM))[0]


def indexers_say(monkeypatch: pytest.MonkeyPatch, said: Exception | bytes | Magnet) -> None:
    async def fetch(*_: Any) -> bytes | Magnet:
        if isinstance(said, Exception):
            raise said
        return said

    monkeypatch.setattr(offered, "fetch", fetch)


@pytest.mark.parametrize("trouble", [Retry("it is away"), Paused("not now", after=60), NeedsUser("its login is wrong")])
async def test_a_private_source_waits_for_its_file_and_never_becomes_a_magnet(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    await known_as(crew, private=True, state=SourceState.VERIFIED)
    indexers_say(monkeypatch, trouble)
    await begin(crew)
    for _ in range(handover_torrents.MOST_FAILURES + 2):
        await crew.step()
    (entry,) = await rows.of_movie(crew.node.store, FILM)
    assert (entry.state, entry.reason) == (HandoverState.CHOSEN, str(trouble))
    assert entry.due_at is not None
    assert entry.due_at > utcnow() + timedelta(seconds=20)
    assert crew.has.added == []
    indexers_say(monkeypatch, GOOD)
    await crew.reach(HandoverState.DOWNLOADING)


@pytest.mark.parametrize("said", [GiveUp("it is gone"), Magnet(hash_v1=torrents.hash_of(GOOD))])
async def test_a_private_source_without_a_file_fails(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, said: Exception | Magnet
) -> None:
    await known_as(crew, private=True, state=SourceState.VERIFIED)
    indexers_say(monkeypatch, said)
    await begin(crew)
    failed = await crew.reach(HandoverState.FAILED)
    assert failed.cause is Cause.REJECTED
    assert failed.reason in {"it is gone", "it is of a private tracker, and no indexer gives its torrent file"}
    assert crew.has.added == []


async def test_what_is_private_for_one_film_is_private_for_another(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    await known_as(crew, private=True)
    await furnish_films(crew.node, GOOD, film=FILM + 1)
    (other,) = await sources.of_movie(crew.node.store, FILM + 1)
    assert not other.private
    indexers_say(monkeypatch, GiveUp("it is gone"))
    with pytest.raises(GiveUp, match="it is gone"):
        await handover_torrents.fetch(crew.node, other, other.swarm, 99)


async def test_a_checked_source_waits_for_its_file_for_some_looks_and_is_then_a_magnet(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    await known_as(crew, state=SourceState.VERIFIED)
    indexers_say(monkeypatch, Retry("it is away"))
    await begin(crew)
    for _ in range(handover_torrents.MOST_FAILURES):
        await crew.step()
        assert (await rows.of_movie(crew.node.store, FILM))[0].state is HandoverState.CHOSEN
    assert crew.has.added == []
    await crew.step()
    assert crew.has.added == [torrents.hash_of(GOOD)]


@pytest.mark.parametrize("trouble", [Retry("it is away"), NeedsUser("its login is wrong")])
async def test_what_nobody_has_looked_into_is_a_magnet_at_once(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    await known_as(crew)
    indexers_say(monkeypatch, trouble)
    await begin(crew)
    await crew.step()
    assert crew.has.added == [torrents.hash_of(GOOD)]


async def test_a_magnet_that_an_indexer_gives_is_taken_if_it_is_of_the_same_swarm(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await known_as(crew)
    given = Magnet(hash_v1=entry.swarm, name="Given", trackers=("udp://127.0.0.1:7/announce",))
    indexers_say(monkeypatch, given)
    assert await handover_torrents.fetch(crew.node, entry, entry.swarm, 0) == magnet.written(given)
    indexers_say(monkeypatch, Magnet(hash_v1="f" * 40))
    found = await handover_torrents.fetch(crew.node, entry, entry.swarm, 0)
    assert magnet.parse(str(found)).swarm == entry.swarm


@pytest.mark.parametrize("newer", [False, True])
async def test_a_magnet_that_is_made_of_the_hash_names_the_trackers_that_know_it(crew: Crew, newer: bool) -> None:
    v2 = "ab" * 32
    entry = await known_as(crew, **({"swarm": v2[:40], "hash_v2": v2} if newer else {}))
    async with crew.node.store.write() as connection:
        await connection.execute(sa.update(offer).values(reach=crew.node.vault.seal({"link": "", "magnet": ""})))
    known = {"udp://127.0.0.1:7/announce", "http://127.0.0.1:8/secret/announce"}
    await swarms.name_trackers(crew.node.store, crew.node.vault, entry.swarm, known)
    await swarms.name_trackers(crew.node.store, crew.node.vault, "f" * 40, ["udp://127.0.0.1:9/announce"])
    found = magnet.parse(str(await handover_torrents.fetch(crew.node, entry, entry.swarm, 0)))
    assert (found.hash_v1, found.hash_v2) == ((None, v2) if newer else (entry.swarm, None))
    assert set(found.trackers) == known


# -- how it ends -------------------------------------------------------------------------------------------------------


async def test_a_fake_is_never_let_go_and_the_next_source_is_taken(crew: Crew) -> None:
    await furnish_films(crew.node, FAKE, GOOD)
    await begin(crew)
    done = await crew.reach(HandoverState.DONE)
    assert done.swarm == torrents.hash_of(GOOD)
    failed = next(one for one in await rows.of_movie(crew.node.store, FILM) if one.state is HandoverState.FAILED)
    assert failed.cause is Cause.REFUSED
    assert "program" in failed.reason
    await crew.rest()
    assert list(crew.has.rows) == [torrents.hash_of(GOOD)]
    fingerprints = {one.fingerprint for one in await rows.blocked_of(crew.node.store, FILM)}
    assert f"swarm:{torrents.hash_of(FAKE)}" in fingerprints


async def test_one_that_stalls_is_removed_blocked_and_followed_by_the_next(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handovers, "patience", lambda _: HandoverPatience(progress=0.0, stalled=0.0))
    crew.has.plans[torrents.hash_of(GOOD)] = DownloadPlan(stalls_at=0.4, seeds=0)
    await furnish_films(crew.node, GOOD, SECOND)
    await begin(crew)
    done = await crew.reach(HandoverState.DONE)
    assert done.swarm == torrents.hash_of(SECOND)
    await crew.rest()
    assert list(crew.has.rows) == [torrents.hash_of(SECOND)]
    chosen = await handover_actions.hand_over(crew.node, FILM, actor="test")
    assert chosen.swarm == torrents.hash_of(SECOND), "the one that stalled is not taken again by itself"


async def test_what_was_there_before_is_never_removed(crew: Crew) -> None:
    v1, _ = torrents.hashes_of(FAKE)
    crew.has.take(FAKE, v1 or "", "", "Of a person", category="", tags=["mine"], stopped=True)
    await furnish_films(crew.node, FAKE)
    await begin(crew)
    await crew.reach(HandoverState.FAILED)
    await crew.rest()
    assert list(crew.has.rows) == [v1]


async def test_what_a_person_was_downloading_before_is_looked_into_and_never_stopped(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []

    async def pause(_: QBittorrent, swarm: str) -> None:
        stopped.append(swarm)

    monkeypatch.setattr(QBittorrent, "pause", pause)
    for data in (FAKE, GOOD):
        v1, v2 = torrents.hashes_of(data)
        crew.has.plans[torrents.hash_of(data)] = DownloadPlan(seconds=1000.0)
        crew.has.take(data, v1 or "", v2 or "", "Of a person", category="", tags=["mine"], stopped=False)
    await furnish_films(crew.node, FAKE, GOOD)
    await begin(crew)
    going = await crew.reach(HandoverState.DOWNLOADING)
    assert going.swarm == torrents.hash_of(GOOD)
    assert [one.cause for one in await rows.of_movie(crew.node.store, FILM)] == [None, Cause.REFUSED]
    assert stopped == []
    assert not any(row.stopped for row in crew.has.rows.values())


async def test_a_client_that_was_removed_ends_its_hand_overs_without_blame(crew: Crew) -> None:
    for film, data in ((FILM, GOOD), (FILM + 1, SECOND)):
        await furnish_films(crew.node, data, film=film)
        await handover_actions.hand_over(crew.node, film, actor="test")
    going = await crew.reach(HandoverState.DOWNLOADING)
    other = await crew.reach(HandoverState.DOWNLOADING, film=FILM + 1)
    await handover_actions.give_up(crew.node, other.id, actor="test")
    await connections.remove(crew.node, going.connection_id, actor="test")
    await crew.step()
    failed = await rows.get(crew.node.store, going.id)
    assert (failed.state, failed.cause) == (HandoverState.FAILED, Cause.GONE)
    assert failed.reason == "its client is not connected any more"
    await crew.step()
    ended = await rows.newest(crew.node.store, 9)
    assert [one.due_at for one in ended] == [None, None], "nobody is asked any more"
    assert await rows.blocked_of(crew.node.store, FILM) == []
    assert await said(crew, "movie.handover_failed")


async def test_the_first_client_by_name_is_taken_whatever_its_kind(crew: Crew) -> None:
    for kind, name in (("transmission", "Alpha"), ("qbittorrent", "Zulu"), ("transmission", "mike")):
        one = {"kind": kind, "name": name, "address": "http://127.0.0.1:9", "settings": {"user": "a", "password": "b"}}
        await connections.add(crew.node, one, actor="test")
    assert [one.name for one in await handovers.clients(crew.node)] == ["Alpha", "Demo downloads", "mike", "Zulu"]


async def test_a_client_that_is_away_costs_nothing(crew: Crew) -> None:
    await furnish_films(crew.node, GOOD)
    await begin(crew)
    crew.world.faults.set("qbittorrent", Fault.HTML)
    for _ in range(4):
        await crew.step()
    (entry,) = await rows.of_movie(crew.node.store, FILM)
    assert (entry.state, entry.waited, entry.missed) == (HandoverState.CHOSEN, 0.0, 0.0)
    assert entry.reason
    assert entry.due_at is not None
    assert entry.due_at > utcnow() + timedelta(seconds=5)
    crew.world.faults.clear()
    async with crew.node.store.write() as connection:  # as when its pause is over
        await connection.execute(sa.text("UPDATE connection SET state = 'ok', until = NULL"))
    await crew.reach(HandoverState.DONE)


async def test_no_time_counts_while_a_client_is_away(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    crew.has.plans[torrents.hash_of(GOOD)] = DownloadPlan(seconds=10_000.0, stalls_at=0.1, seeds=0)
    await furnish_films(crew.node, GOOD)
    await begin(crew)
    await crew.reach(HandoverState.DOWNLOADING)
    now = [utcnow() + timedelta(seconds=60)]
    monkeypatch.setattr(handovers, "utcnow", lambda: now[0])
    crew.world.faults.set("qbittorrent", Fault.HTML)
    await crew.step()
    (away,) = await rows.of_movie(crew.node.store, FILM)
    assert away.due_at is not None
    assert away.looked_at == away.due_at > now[0]
    now[0] = away.due_at + timedelta(seconds=2)
    crew.world.faults.clear()
    async with crew.node.store.write() as connection:  # as when its pause is over
        await connection.execute(sa.text("UPDATE connection SET state = 'ok', until = NULL"))
        await connection.execute(sa.update(handover).values(got=1 << 40))  # nothing more has come
    await crew.step()
    (back,) = await rows.of_movie(crew.node.store, FILM)
    assert 0.0 < back.waited - away.waited < 5.0
    assert away.reason
    assert back.reason == "", "it can be asked again"


async def test_an_error_that_nobody_expected_leaves_why_one_has_ended(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: Any) -> None:
        raise RuntimeError("broken")

    await furnish_films(crew.node, GOOD)
    entry = await begin(crew)
    monkeypatch.setattr(handovers, "_one", breaks)
    await crew.step()
    assert (await rows.get(crew.node.store, entry.id)).reason == "an error in Nightcrew: RuntimeError"
    await handover_actions.give_up(crew.node, entry.id, actor="test")
    await crew.step()
    ended = await rows.get(crew.node.store, entry.id)
    assert ended.reason == "given up by test"
    assert ended.due_at is not None
    assert ended.due_at > utcnow() + timedelta(seconds=60), "it is cleared later"


async def test_one_that_a_person_removed_at_the_client_is_not_fetched_again(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handovers, "patience", lambda _: HandoverPatience(gone=0.0))
    await furnish_films(crew.node, GOOD, SECOND)
    await begin(crew)
    await crew.reach(HandoverState.DOWNLOADING)
    crew.has.remove(torrents.hash_of(GOOD))
    failed = await crew.reach(HandoverState.FAILED)
    assert failed.cause is Cause.GONE
    assert not await rows.blocked_of(crew.node.store, FILM)
    for _ in range(3):
        await crew.step()
    assert crew.has.added == [torrents.hash_of(GOOD)]


async def test_giving_up_takes_it_off_the_client(crew: Crew) -> None:
    await furnish_films(crew.node, GOOD)
    entry = await begin(crew)
    await crew.reach(HandoverState.DOWNLOADING)
    given = await handover_actions.give_up(crew.node, entry.id, actor="test")
    assert given.state is HandoverState.REPLACED
    crew.world.faults.set("qbittorrent", Fault.ERROR_500)
    await crew.step()
    crew.world.faults.clear()
    assert crew.has.rows, "it could not be asked"
    await crew.rest()
    assert crew.has.rows == {}
    last = await rows.get(crew.node.store, entry.id)
    assert (last.due_at, last.reason) == (None, "given up by test")
    with pytest.raises(Conflict, match="ended already"):
        await handover_actions.give_up(crew.node, entry.id, actor="test")


async def test_what_a_person_refused_is_not_handed_over_until_it_is_accepted(crew: Crew) -> None:
    await furnish_films(crew.node, GOOD)
    (source,) = await sources.of_movie(crew.node.store, FILM)
    await source_actions.refuse(crew.node, source.id, actor="test")
    with pytest.raises(Conflict, match="was refused: accept it first"):
        await handover_actions.hand_over(crew.node, FILM, source_id=source.id, actor="test")
    await source_actions.accept(crew.node, source.id, actor="test")
    entry = await handover_actions.hand_over(crew.node, FILM, source_id=source.id, actor="test")
    assert entry.state is HandoverState.CHOSEN


async def test_what_a_person_refuses_while_it_is_sent_is_never_let_go(crew: Crew) -> None:
    crew.has.plans[torrents.hash_of(GOOD)] = DownloadPlan(metadata=3.0)
    await furnish_films(crew.node, GOOD)
    entry = await begin(crew)
    await crew.reach(HandoverState.METADATA)
    await source_actions.refuse(crew.node, entry.source_id, actor="test")
    failed = await crew.reach(HandoverState.FAILED)
    assert (failed.cause, failed.reason) == (Cause.REFUSED, "a person has refused this source")
    await crew.rest()
    assert crew.has.rows == {}


@pytest.mark.parametrize("fails", [False, True])
async def test_one_that_is_given_up_while_it_is_sent_does_not_stay_at_the_client(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    original = QBittorrent.add

    async def slow(self: QBittorrent, *values: Any, **more: Any) -> None:
        await handover_actions.give_up(crew.node, entry.id, actor="test")
        (row,) = await rows.claim(crew.node.store, by=crew.node.node, limit=9)  # it is cleared meanwhile
        await handover_ends.clear(crew.node, self, row, None)
        assert (await rows.get(crew.node.store, entry.id)).due_at is None
        await original(self, *values, **more)
        if fails:
            raise Retry("its answer was lost")

    monkeypatch.setattr(QBittorrent, "add", slow)
    await furnish_films(crew.node, GOOD)
    entry = await begin(crew)
    await crew.step()
    assert list(crew.has.rows) == [torrents.hash_of(GOOD)]
    await crew.rest()
    assert crew.has.rows == {}
    last = await rows.get(crew.node.store, entry.id)
    assert (last.state, last.reason) == (HandoverState.REPLACED, "given up by test")


async def test_without_a_client_a_person_is_told_what_is_missing(world: World, tmp_path: Path) -> None:
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data"))
    async with started(tmp_path / "data", world) as crew:
        await furnish_films(crew.node, GOOD)
        with pytest.raises(NeedsUser, match="no download client"):
            await begin(crew)


@pytest.mark.parametrize("after", ["add", "pause", "resume", "remove", "files"])
async def test_a_node_that_is_killed_after_any_question_goes_on_without_a_second_download(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data"))
    world.downloads.version = "v4.3.9"  # it has to be paused from here
    original = getattr(QBittorrent, after)
    killed: list[str] = []

    async def dies(self: QBittorrent, *values: Any, **more: Any) -> Any:
        found = await original(self, *values, **more)
        if not killed:
            killed.append(after)
            raise RuntimeError("killed")  # the row stays as it was written last
        return found

    monkeypatch.setattr(QBittorrent, after, dies)
    async with started(tmp_path / "data", world) as crew:
        await connect(crew.node, world)
        await furnish_films(crew.node, FAKE, GOOD)
        await begin(crew)
        for _ in range(20):
            if killed:
                break
            await crew.step()
            crew.clock += 1.0
        clock = crew.clock
    assert killed, f"it never came to {after}"
    async with started(tmp_path / "data", world) as crew:
        crew.clock = clock
        done = await crew.reach(HandoverState.DONE)
        assert done.swarm == torrents.hash_of(GOOD)
        await crew.rest()
        assert crew.has.added == [torrents.hash_of(FAKE), torrents.hash_of(GOOD)]
        assert list(crew.has.rows) == [torrents.hash_of(GOOD)]
