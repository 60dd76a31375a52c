"""Old sources are looked at again: an outage proves nothing, and what is gone goes after several proofs on different days."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nightcrew.demo.faults import Fault
from nightcrew.demo.server import DemoServer, listen
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.store import DatabaseAway
from nightcrew.movies.indexers.base import Found
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources import judging, reach, resync
from nightcrew.movies.sources.models import SourceEntry, SourceState, offer
from nightcrew.movies.sources.models import search as searches_table
from nightcrew.movies.store import searches, sources
from reels import TORZNAB, Reels

ONE, TWO = (hashlib.sha1(name).hexdigest() for name in (b"one", b"two"))
LONG = timedelta(days=30)
VERIFIED, MARKED, GONE = SourceState.VERIFIED, SourceState.MARKED, SourceState.GONE


async def old(
    reel: Reels, *hashes: str, answered: timedelta | None = timedelta(days=1), link: str = "", magnet: str = ""
) -> list[SourceEntry]:
    """Sources that nobody has offered for long, of a film for which the indexer was asked `answered` ago, and which are due."""
    if not reel.numbers:
        await reel.connect(TORZNAB)
    film, indexer, now = await reel.film(), reel.numbers[TORZNAB], utcnow()
    ids = await reel.add(film, list(hashes), seen_at=now - LONG, resync_due_at=now, stats_due_at=None)
    found = Found("", "", link, magnet, "", None, None, None, None, "", None)
    sealed = reach.sealed(reel.node.vault, found)
    async with reel.node.store.write() as connection:
        offers = [
            {"source_id": one, "connection_id": indexer, "guid": str(one), "reach": sealed, "seen_at": now - LONG}
            for one in ids
        ]
        await connection.execute(sa.insert(offer), offers)
        row = {"movie_id": film, "connection_id": indexer, "priority": 0, "in_vain": 0, "failures": 0, "reason": ""}
        row |= {"due_at": now + LONG, "answered_at": None if answered is None else now - answered}
        await connection.execute(sa.insert(searches_table), row)
    await judging.choose(reel.node, [film])
    return [await sources.get(reel.node.store, one) for one in ids]


async def looked(reel: Reels, one: SourceEntry) -> SourceEntry:
    """The source is due, and looked at."""
    await reel.change(one.id, resync_due_at=utcnow())
    await reel.resync()
    return await sources.get(reel.node.store, one.id)


async def test_what_was_offered_or_counted_lately_is_there(reel: Reels) -> None:
    one, two = await old(reel, ONE, TWO)
    await reel.change(one.id, seen_at=utcnow() - timedelta(days=1))
    await reel.change(two.id, seeds=3, counted_at=utcnow() - timedelta(days=1))
    for each in (one, two):
        after = await looked(reel, each)
        assert (after.state, after.missed) == (VERIFIED, 0)
        assert after.resync_due_at is not None
        assert after.resync_due_at - utcnow() > timedelta(days=6)


async def test_old_numbers_and_numbers_of_nobody_prove_nothing_either_way(small_reel: Reels) -> None:
    (one,) = await old(small_reel, ONE)
    await small_reel.change(one.id, seeds=3, counted_at=utcnow() - timedelta(days=4))
    assert (await looked(small_reel, one)).state is MARKED


async def test_what_is_not_found_is_marked_and_goes_after_three_proofs_on_different_days(reel: Reels) -> None:
    (one,) = await old(reel, ONE)
    assert (await reel.entry(one.movie_id)).best_id == one.id
    for missed in (1, 2):
        after = await looked(reel, one)
        assert (after.state, after.missed) == (MARKED, missed)
        assert after.reason
        assert after.resync_due_at is not None
        assert timedelta(hours=20) < after.resync_due_at - utcnow() < timedelta(hours=28)
    assert (await reel.entry(one.movie_id)).best_id is None
    assert [entry.level for entry in await reel.told("movie.source_lost")] == ["warning"]
    after = await looked(reel, one)
    assert (after.state, after.missed) == (GONE, 3)
    assert (after.resync_due_at, after.stats_due_at, after.file_due_at) == (None, None, None)


async def test_where_the_best_is_lost_the_next_one_takes_its_place(small_reel: Reels) -> None:
    one, two = await old(small_reel, ONE, TWO)
    best = (await small_reel.entry(one.movie_id)).best_id
    lost, kept = (one, two) if best == one.id else (two, one)
    await small_reel.change(kept.id, seen_at=utcnow())
    await looked(small_reel, lost)
    assert (await small_reel.entry(one.movie_id)).best_id == kept.id
    assert len(await small_reel.told("movie.source_better")) == 1
    assert await small_reel.told("movie.source_lost") == []


async def test_before_the_indexer_has_answered_again_nothing_is_proved(small_reel: Reels) -> None:
    (one,) = await old(small_reel, ONE, answered=LONG + timedelta(days=1))
    assert (await looked(small_reel, one)).state is VERIFIED
    async with small_reel.node.store.write() as connection:
        await connection.execute(sa.update(searches_table).values(answered_at=None))
    assert (await looked(small_reel, one)).state is VERIFIED


async def down(reel: Reels, patch: pytest.MonkeyPatch) -> None:
    """The route leads nowhere."""

    async def none(*_: object) -> Any:
        raise RouteDown("the tunnel is down")

    patch.setattr(resync, "_still_served", none)


async def failing(reel: Reels, _: pytest.MonkeyPatch) -> None:
    """The indexer answers errors."""
    reel.world.faults.set("torznab", Fault.ERROR_500)


async def page(reel: Reels, _: pytest.MonkeyPatch) -> None:
    """The indexer answers a page for people."""
    reel.world.faults.set("torznab", Fault.HTML)


async def off(reel: Reels, _: pytest.MonkeyPatch) -> None:
    """A person switched the indexer off for a while."""
    await connections.change(reel.node, reel.numbers[TORZNAB], {"enabled": False}, actor="test")


@pytest.mark.parametrize("outage", [down, failing, page, off])
async def test_an_outage_of_its_indexer_proves_nothing(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch, outage: Callable[[Reels, pytest.MonkeyPatch], Awaitable[None]]
) -> None:
    (one,) = await old(small_reel, ONE, link=f"{small_reel.world.url}/torznab/dl?link=e30")
    await outage(small_reel, monkeypatch)
    after = await looked(small_reel, one)
    assert (after.state, after.missed) == (VERIFIED, 0)
    assert after.resync_holder is None
    assert after.resync_due_at is not None
    assert after.resync_due_at > utcnow()


async def test_a_magnet_beside_a_link_that_cannot_be_asked_now_proves_nothing(small_reel: Reels) -> None:
    link = f"{small_reel.world.url}/torznab/dl?link=e30"
    (one,) = await old(small_reel, ONE, link=link, magnet=f"magnet:?xt=urn:btih:{ONE}")
    small_reel.world.faults.set("torznab", Fault.HTML)
    after = await looked(small_reel, one)
    assert (after.state, after.missed) == (VERIFIED, 0)


@pytest.mark.parametrize(("status", "state"), [(403, VERIFIED), (404, MARKED)])
async def test_only_a_server_that_does_not_have_a_file_proves_that_it_is_gone(
    small_reel: Reels, status: int, state: SourceState
) -> None:
    async def answer(_: Request) -> Response:
        return Response(status_code=status)

    listener = listen(0)
    server = DemoServer(Starlette(routes=[Route("/file", answer)]))
    serving = asyncio.create_task(server.serve([listener]))
    await server.listening.wait()
    link = f"http://127.0.0.1:{listener.getsockname()[1]}/file"
    (one,) = await old(small_reel, ONE, link=link, magnet=f"magnet:?xt=urn:btih:{ONE}")
    after = await looked(small_reel, one)
    server.leaving.set()
    await serving
    assert after.state is state


async def test_a_file_that_is_still_served_is_there(small_reel: Reels) -> None:
    small_reel.releases()
    link = f"{small_reel.world.url}/list_movies/well/torrent/{small_reel.releases()[1].hash}"
    (one,) = await old(small_reel, ONE, link=link)
    assert (await looked(small_reel, one)).state is VERIFIED
    (offered,) = await sources.offers_of(small_reel.node.store, one.id)
    assert offered.connection_id == small_reel.numbers[TORZNAB]


async def test_sources_of_an_indexer_that_was_removed_go_by_and_by(small_reel: Reels) -> None:
    (one,) = await old(small_reel, ONE)
    await connections.remove(small_reel.node, small_reel.numbers[TORZNAB], actor="test")
    after = await looked(small_reel, one)
    assert after.state is MARKED
    assert "not connected any more" in after.reason


@pytest.mark.parametrize("state", [MARKED, GONE])
async def test_what_is_offered_again_is_back(reel: Reels, state: SourceState) -> None:
    await reel.connect(TORZNAB)
    film = await reel.film()
    await reel.search()
    await reel.read()
    best = (await reel.entry(film)).best_id
    assert best is not None
    row = await sources.get(reel.node.store, best)
    await reel.change(row.id, state=state, missed=2, file_due_at=None, resync_due_at=None, stats_due_at=None)
    await judging.choose(reel.node, [film])
    assert (await reel.entry(film)).best_id != best
    await reel.due_again(TORZNAB)
    await reel.search()
    await reel.read()
    after = await sources.get(reel.node.store, best)
    assert (after.state, after.missed) == (VERIFIED, 0)


async def test_a_marked_source_that_somebody_seeds_is_back(small_reel: Reels) -> None:
    (one,) = await old(small_reel, ONE)
    await looked(small_reel, one)
    await small_reel.change(one.id, seeds=2, counted_at=utcnow())
    after = await looked(small_reel, one)
    assert (after.state, after.missed, after.reason) == (VERIFIED, 0, "")


async def test_while_the_database_is_away_nothing_counts_as_something_else(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = await old(small_reel, ONE)
    asked, times = searches.of_movie, 0

    async def away(*args: Any) -> Any:
        nonlocal times
        times += 1
        if times == 1:
            raise DatabaseAway("the database cannot be used now")
        return await asked(*args)

    monkeypatch.setattr(searches, "of_movie", away)
    after = await looked(small_reel, one)
    assert (times, after.state, after.missed) == (2, MARKED, 1), "it was looked at again at once"


@pytest.mark.parametrize("error", [RouteDown("the tunnel is down"), Retry("it does not answer"), ZeroDivisionError()])
async def test_a_source_that_is_refused_while_it_is_looked_for_is_looked_for_no_more(
    reel: Reels, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    (one,) = await old(reel, ONE)

    async def meanwhile(*_: object) -> Any:
        await source_actions.refuse(reel.node, one.id, actor="test")
        raise error

    monkeypatch.setattr(resync, "_proof", meanwhile)
    after = await looked(reel, one)
    assert (after.state, after.final) == (SourceState.REFUSED, True)
    assert (after.resync_due_at, after.resync_holder, after.resync_until) == (None, None, None)


async def test_what_is_gone_is_held_by_nobody(reel: Reels) -> None:
    (one,) = await old(reel, ONE)
    held = {"stats_due_at": utcnow(), "stats_holder": "n", "stats_until": utcnow() + LONG}
    await reel.change(one.id, state=MARKED, missed=2, **held)
    after = await looked(reel, one)
    assert (after.state, after.stats_due_at, after.stats_holder, after.stats_until) == (GONE, None, None, None)


async def test_an_error_that_nobody_expected_puts_the_source_off(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = await old(small_reel, ONE)

    async def broken(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(resync, "_proof", broken)
    after = await looked(small_reel, one)
    assert (after.state, after.resync_holder) == (VERIFIED, None)
    assert after.resync_due_at is not None
    assert after.resync_due_at > utcnow() + timedelta(hours=10)
