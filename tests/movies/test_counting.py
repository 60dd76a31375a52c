"""Seeds and peers: the best of what trackers say, whose silence is their own, and old numbers while nobody answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew.demo.tracking import DemoTracker, UdpServer
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.routes import RouteDown, Unavailable
from nightcrew.kernel.store import DatabaseAway
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources import stats
from nightcrew.movies.sources.models import SourceEntry, TrackerEntry, swarm_count, tracker
from nightcrew.movies.store import sources, swarms
from nightcrew.movies.trackers.rules import TrackerMemory
from nightcrew.movies.trackers.scraper import Scraper
from reels import Reels


def hashed(number: int) -> str:
    return hashlib.sha1(str(number).encode()).hexdigest()


ONE, TWO, THREE = hashed(1), hashed(2), hashed(3)


@pytest.fixture
async def second() -> AsyncIterator[DemoTracker]:
    """Another tracker, which knows other things."""
    made = DemoTracker()
    server = await UdpServer.start(made)
    yield made
    server.close()


def hurry(reel: Reels) -> None:
    """A tracker that does not answer is given up soon."""
    reel.crew.scraper = Scraper(reel.node.http, reel.node.http.routes, first_wait=0.03)


async def counted(reel: Reels, film: int) -> dict[str, SourceEntry]:
    await reel.count()
    return {one.swarm: one for one in await reel.sources(film)}


async def known(reel: Reels) -> dict[str, TrackerEntry]:
    """The trackers, by their addresses."""
    async with reel.node.store.read() as connection:
        found = [TrackerEntry(**row) for row in (await connection.execute(sa.select(tracker))).mappings()]
    return {str(reel.node.vault.unseal(one.address)): one for one in found}


async def due_again(reel: Reels, *, trackers: bool = False) -> None:
    await reel.change(stats_due_at=utcnow())
    if trackers:
        async with reel.node.store.write() as connection:
            await connection.execute(sa.text("UPDATE movie_tracker SET free_at = NULL"))


async def test_the_best_of_the_trackers_counts_and_zero_says_nothing(reel: Reels, second: DemoTracker) -> None:
    film = await reel.film()
    await reel.add(film, [ONE, TWO, THREE], [reel.tracker.udp, second.udp])
    reel.share(ONE, 5, 2)
    second.swarms.known[bytes.fromhex(ONE)] = (50, 9, 300)
    reel.share(TWO, 7, 1)  # the second one answers 0/0/0 for it
    rows = await counted(reel, film)
    assert (rows[ONE].seeds, rows[ONE].leechers, rows[ONE].completed) == (50, 9, 300)
    assert (rows[TWO].seeds, rows[TWO].leechers) == (7, 1)
    assert (rows[THREE].seeds, rows[THREE].counted_at) == (None, None), "nobody knows it"
    for one in rows.values():
        assert one.stats_due_at is not None
        assert timedelta(hours=4) < one.stats_due_at - utcnow() < timedelta(hours=73)
        assert one.stats_holder is None
    history = await swarms.history(reel.node.store, [rows[ONE].id, rows[THREE].id])
    assert [said[1:] for said in history[rows[ONE].id]] == [(50, 9)]
    assert rows[THREE].id not in history


async def test_a_silent_tracker_cools_down_and_holds_up_no_other(small_reel: Reels, second: DemoTracker) -> None:
    reel = small_reel
    hurry(reel)
    second.silent = -1
    film = await reel.film()
    await reel.add(film, [ONE], [reel.tracker.udp, second.udp])
    reel.share(ONE, 5)
    pauses = []
    for number in (1, 2, 3):
        assert (await counted(reel, film))[ONE].seeds == 5
        silent = (await known(reel))[second.udp]
        assert silent.failures == number
        assert silent.reason
        assert silent.free_at is not None
        pauses.append(silent.free_at - utcnow())
        await due_again(reel, trackers=True)
    assert pauses[0] < pauses[1] < pauses[2]
    second.silent = 0
    await due_again(reel, trackers=True)
    await reel.count()
    assert (await known(reel))[second.udp].failures == 0


async def test_a_tracker_that_takes_too_long_counts_as_silent(
    small_reel: Reels, second: DemoTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "PATIENCE", 0.2)  # shorter than UDP waits before it sends a packet again
    second.silent = -1
    film = await small_reel.film()
    await small_reel.add(film, [ONE], [small_reel.tracker.udp, second.udp])
    small_reel.share(ONE, 5)
    assert (await counted(small_reel, film))[ONE].seeds == 5
    silent = (await known(small_reel))[second.udp]
    assert silent.failures == 1
    assert silent.free_at is not None


async def test_a_tracker_that_answered_a_part_in_time_is_no_failure_and_is_asked_for_the_rest_first(
    reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await reel.film()
    hashes = [hashed(one) for one in range(60)]
    await reel.add(film, hashes, [f"{reel.world.url}/tracker/announce"])
    for one in hashes:
        reel.share(one, 5)
    reel.tracker.most, reel.tracker.delay = 1, 0.02
    with monkeypatch.context() as patch:
        patch.setattr(stats, "PATIENCE", 1.0)
        first = {swarm for swarm, one in (await counted(reel, film)).items() if one.seeds}
    assert 0 < len(first) < len(hashes)
    (tracker,) = (await known(reel)).values()
    assert (tracker.failures, tracker.free_at) == (0, None)
    assert tracker.memory["batch"] < TrackerMemory().batch
    (ask,) = await swarms.asks(reel.node.store, hashes)
    assert set(ask.swarms[-len(first) :]) == first
    reel.tracker.delay = 0.0
    await due_again(reel)
    assert all(one.seeds == 5 for one in (await counted(reel, film)).values())


async def test_only_some_trackers_are_asked_at_a_time(small_reel: Reels, monkeypatch: pytest.MonkeyPatch) -> None:
    film = await small_reel.film()
    await small_reel.add(film, [ONE], [f"udp://{one}.invalid:1/announce" for one in range(9)])
    busy, most, asked = 0, 0, 0

    async def scrape(*_: object, **__: object) -> Any:
        nonlocal busy, most, asked
        busy, asked = busy + 1, asked + 1
        most = max(most, busy)
        await asyncio.sleep(0.01)
        busy -= 1
        return {}, TrackerMemory()

    monkeypatch.setattr(Scraper, "scrape", scrape)
    monkeypatch.setattr(stats, "AT_ONCE", 4)
    await small_reel.count()
    assert (asked, most) == (9, 4)


async def test_what_a_database_that_is_away_cannot_note_is_counted_again_at_once(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await small_reel.film()
    await small_reel.add(film, [ONE], [small_reel.tracker.udp])
    small_reel.share(ONE, 5)
    note, times = swarms.answered, 0

    async def away(*args: Any) -> None:
        nonlocal times
        times += 1
        if times == 1:
            raise DatabaseAway("the database cannot be used now")
        await note(*args)

    monkeypatch.setattr(swarms, "answered", away)
    assert (await counted(small_reel, film))[ONE].seeds == 5
    assert times == 2


async def test_a_tracker_that_cools_down_is_not_asked(small_reel: Reels, second: DemoTracker) -> None:
    hurry(small_reel)
    second.silent = -1
    film = await small_reel.film()
    await small_reel.add(film, [ONE], [second.udp])
    await small_reel.count()
    second.silent = 0
    await due_again(small_reel)
    await small_reel.count()
    assert second.scrapes == []


async def test_one_that_cannot_be_scraped_is_left_alone_for_long(small_reel: Reels) -> None:
    film = await small_reel.film()
    address = f"{small_reel.world.url}/tracker/other"
    await small_reel.add(film, [ONE], [small_reel.tracker.udp, address])
    small_reel.share(ONE, 5)
    assert (await counted(small_reel, film))[ONE].seeds == 5
    unsupported = (await known(small_reel))[address]
    assert unsupported.free_at is not None
    assert unsupported.free_at - utcnow() > timedelta(days=6)


async def test_a_route_without_udp_is_no_word_about_the_tracker(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await small_reel.film()
    await small_reel.add(film, [ONE], [small_reel.tracker.udp])

    async def none(*_: object, **__: object) -> Any:
        raise Unavailable("the proxy carries no UDP")

    with monkeypatch.context() as patch:
        patch.setattr(Scraper, "scrape", none)
        await small_reel.count()
    (one,) = (await known(small_reel)).values()
    assert issubclass(Unavailable, GiveUp)
    assert one.free_at is not None
    assert one.free_at - utcnow() < timedelta(hours=1)


async def test_a_pause_that_a_tracker_wants_is_kept(small_reel: Reels) -> None:
    film = await small_reel.film()
    address = f"{small_reel.world.url}/tracker/announce"
    await small_reel.add(film, [ONE], [address])
    small_reel.share(ONE, 5)
    small_reel.tracker.pause = 1_800
    assert (await counted(small_reel, film))[ONE].seeds == 5
    await due_again(small_reel)
    asked = len(small_reel.tracker.scrapes)
    assert (await counted(small_reel, film))[ONE].seeds == 5
    assert len(small_reel.tracker.scrapes) == asked


async def test_what_was_learnt_of_a_tracker_is_kept(small_reel: Reels) -> None:
    film = await small_reel.film()
    await small_reel.add(film, [hashed(one) for one in range(60)], [small_reel.tracker.udp])
    for one in range(60):
        small_reel.share(hashed(one), one + 1)
    await small_reel.count()
    (tracker,) = (await known(small_reel)).values()
    assert tracker.memory["good"] >= 30
    assert tracker.asked_at is not None


async def test_old_numbers_stay_for_three_days_of_an_outage_and_no_longer(reel: Reels) -> None:
    hurry(reel)
    film = await reel.film()
    await reel.add(film, [ONE], [reel.tracker.udp])
    reel.share(ONE, 40)
    before = (await counted(reel, film))[ONE]
    reel.tracker.silent = -1
    await due_again(reel)
    during = (await counted(reel, film))[ONE]
    assert (during.seeds, during.counted_at) == (40, before.counted_at), "they are no younger than they are"
    assert len((await swarms.history(reel.node.store, [during.id]))[during.id]) == 1, "nothing is made up"
    assert during.stats_due_at is not None
    old = utcnow() - stats.TRUSTED - timedelta(hours=1)
    await reel.change(counted_at=old)
    async with reel.node.store.write() as connection:
        await connection.execute(sa.update(swarm_count).values(at=old))
    await due_again(reel)
    after = (await counted(reel, film))[ONE]
    assert after.seeds is None


async def test_what_moves_is_counted_sooner(small_reel: Reels) -> None:
    film = await small_reel.film()
    await small_reel.add(film, [ONE, TWO], [small_reel.tracker.udp], stats_wait_h=24.0, counted_at=utcnow())
    await small_reel.change(seeds=100)
    small_reel.share(ONE, 101)
    small_reel.share(TWO, 1_000)
    rows = await counted(small_reel, film)
    waits: dict[str, datetime] = {swarm: one.stats_due_at for swarm, one in rows.items() if one.stats_due_at}
    assert waits[ONE] - utcnow() > timedelta(hours=36)
    assert waits[TWO] - utcnow() < timedelta(hours=9)


async def test_while_the_route_is_down_all_wait_and_nothing_is_held_against_anybody(
    reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await reel.film()
    await reel.add(film, [ONE, TWO], [reel.tracker.udp, f"{reel.world.url}/tracker/announce"])
    reel.share(ONE, 5)

    async def down(*_: object, **__: object) -> Any:
        raise RouteDown("the tunnel is down")

    with monkeypatch.context() as patch:
        patch.setattr(Scraper, "scrape", down)
        rows = await counted(reel, film)
    for one in rows.values():
        assert (one.seeds, one.counted_at, one.stats_wait_h, one.stats_holder) == (None, None, 0.0, None)
        assert one.stats_due_at is not None
        assert one.stats_due_at - utcnow() < timedelta(seconds=30)
    assert all(one.failures == 0 and one.free_at is None for one in (await known(reel)).values())
    await due_again(reel)
    assert (await counted(reel, film))[ONE].seeds == 5


async def test_an_error_that_nobody_expected_puts_the_sources_off(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await small_reel.film()
    await small_reel.add(film, [ONE, TWO])

    async def broken(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(swarms, "asks", broken)
    for one in (await counted(small_reel, film)).values():
        assert one.stats_holder is None
        assert one.stats_due_at is not None
        assert one.stats_due_at > utcnow() + timedelta(hours=5)


async def test_a_source_that_is_refused_meanwhile_is_counted_no_more(small_reel: Reels) -> None:
    film = await small_reel.film()
    (number,) = await small_reel.add(film, [ONE])
    await small_reel.change(stats_due_at=None)
    now = utcnow()
    await swarms.settle(small_reel.node.store, [swarms.Counted(number, 5, 0, 0, now, 6.0, at=now)])
    assert (await sources.get(small_reel.node.store, number)).stats_due_at is None


@pytest.mark.parametrize("error", [RouteDown("the tunnel is down"), ZeroDivisionError()])
async def test_a_source_that_is_refused_while_it_is_counted_is_counted_no_more(
    reel: Reels, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    film = await reel.film()
    one, two = await reel.add(film, [ONE, TWO], [reel.tracker.udp])

    async def meanwhile(*_: object, **__: object) -> Any:
        await source_actions.refuse(reel.node, one, actor="test")
        raise error

    monkeypatch.setattr(Scraper, "scrape", meanwhile)
    await reel.count()
    refused, other = [await sources.get(reel.node.store, number) for number in (one, two)]
    assert (refused.stats_due_at, refused.stats_holder, refused.stats_until) == (None, None, None)
    assert other.stats_due_at is not None


async def test_two_thousand_sources_are_counted_in_batches(small_reel: Reels) -> None:
    film = await small_reel.film()
    every = [hashed(one) for one in range(2_000)]
    await small_reel.add(film, every, [small_reel.tracker.udp], unfit="not wanted here")
    for number, one in enumerate(every, 1):
        small_reel.share(one, number)
    began = len(small_reel.tracker.scrapes)
    await stats.count(small_reel.node)
    held = len(small_reel.crew.stats.held)
    assert held == stats.BATCH
    for task in set(small_reel.crew.stats._held.values()):
        await asyncio.wait([task])
    store = small_reel.node.store
    async with store.read() as connection:
        done = await connection.execute(sa.text("SELECT count(*) FROM movie_source WHERE seeds > 0"))
        assert done.scalar_one() == stats.BATCH
    assert len(small_reel.tracker.scrapes) - began <= stats.BATCH / 20
