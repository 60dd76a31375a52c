"""Each night: what is forgotten, and what stays."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.movies import workers
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.sources.models import SourceState, tracker
from nightcrew.movies.store import handovers, sources, swarms
from reels import BUNNY, LIST, SINTEL, TORZNAB, Reels

LONG = workers.KEPT + timedelta(days=1)


async def test_offers_that_were_never_looked_into_are_forgotten_once_nobody_makes_them_any_more(reel: Reels) -> None:
    store, now = reel.node.store, utcnow()
    film, other = await reel.film(BUNNY), await reel.film(SINTEL)
    names = ["old", "new", "final", "best", "going", "checked", "refused"]
    hashes = [f"{number:040x}" for number in range(len(names))]
    ids = dict(zip(names, await reel.add(film, hashes, state=SourceState.FOUND, seen_at=now - LONG), strict=True))
    await reel.change(ids["new"], seen_at=now - workers.KEPT + timedelta(days=1))
    await reel.change(ids["final"], final=True)
    await reel.change(ids["checked"], state=SourceState.VERIFIED)
    await reel.change(ids["refused"], state=SourceState.REFUSED)
    async with store.write() as connection:
        await connection.execute(sa.update(movie).where(movie.c.id == other).values(best_id=ids["best"]))
        await handovers.begin_in(connection, store, await sources.get(store, ids["going"]), 1)
    assert (await workers.upkeep(reel.node))["sources that are gone"] == 2
    left = {one.id for one in await reel.sources(film)}
    assert left == set(ids.values()) - {ids["old"], ids["refused"]}


async def test_trackers_that_no_source_names_any_more_are_forgotten(reel: Reels) -> None:
    film = await reel.film()
    kept, gone = await reel.add(film, ["a" * 40, "b" * 40])
    store, vault = reel.node.store, reel.node.vault
    await swarms.name_trackers(store, vault, "a" * 40, ["udp://one.invalid:1/announce"])
    await swarms.name_trackers(store, vault, "b" * 40, ["udp://one.invalid:1/announce", "udp://two.invalid:1/announce"])
    await reel.change(gone, state=SourceState.REFUSED, seen_at=utcnow() - LONG)
    await workers.upkeep(reel.node)
    assert [one.id for one in await reel.sources(film)] == [kept]
    async with store.read() as connection:
        assert list((await connection.execute(sa.select(tracker.c.host))).scalars()) == ["one.invalid"]


async def test_searches_at_an_indexer_that_is_switched_off_are_kept_and_those_of_one_that_is_gone_are_not(
    small_reel: Reels,
) -> None:
    await small_reel.connect()
    film = await small_reel.film()
    await small_reel.search()
    await connections.change(small_reel.node, small_reel.numbers[TORZNAB], {"enabled": False}, actor="test")
    await workers.upkeep(small_reel.node)
    assert (await small_reel.searches(film)).keys() == {TORZNAB, LIST}
    await connections.remove(small_reel.node, small_reel.numbers[TORZNAB], actor="test")
    await workers.upkeep(small_reel.node)
    assert (await small_reel.searches(film)).keys() == {LIST}
