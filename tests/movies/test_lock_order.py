"""PostgreSQL: who writes several rows takes the lowest first, and films before what is asked for them, so that nobody waits in a circle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.clock import utcnow
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.sources.models import SourceState, offer, swarm_count
from nightcrew.movies.sources.models import search as searches_table
from nightcrew.movies.sources.models import source as source_table
from nightcrew.movies.store import forgetting, offering, searches, sources, swarms
from nightcrew.movies.store.offering import OfferedSource
from nightcrew.movies.store.sources import Worth
from reels import BUNNY, SINTEL, Reels
from support import until

ONE, TWO = "a" * 40, "b" * 40
pytestmark = pytest.mark.parametrize("reel", ["postgres"], indirect=True)


def offered(fingerprint: str) -> OfferedSource:
    return OfferedSource(
        fingerprint=fingerprint, guid=fingerprint, title="", reach="", swarm=fingerprint, size=None, claimed_seeds=None,
        claimed_leechers=None, published_at=None, refused="", release={}, score=0.0, parts=[], unfit="",
    )  # fmt: skip


def counted(number: int, *, told: bool) -> swarms.Counted:
    return swarms.Counted(number, 1, 0, 0, utcnow(), 6.0, at=utcnow() if told else None)


async def is_free(connection: AsyncConnection, query: sa.Select[Any]) -> bool:
    """Whether nobody else has the rows that a query finds."""
    async with connection.begin_nested() as inner:
        try:
            assert (await connection.execute(query.with_for_update(nowait=True))).all()
        except sa.exc.OperationalError:
            await inner.rollback()
            return False
    return True


async def held_up(reel: Reels, first: sa.Select[Any], *others: sa.Select[Any], work: Awaitable[Any]) -> bool:
    """Somebody has the first row; whether who does the work waits for that one without having any of the others."""
    store = reel.node.store
    async with store.write() as connection:
        await connection.execute(first.with_for_update())
        working = asyncio.ensure_future(work)

        async def waits() -> bool:
            async with store.read() as other:
                query = (
                    "SELECT count(*) FROM pg_locks JOIN pg_database ON datname = current_database() WHERE NOT granted"
                )
                return bool((await other.execute(sa.text(query))).scalar_one())

        await until(waits)
        free = all([await is_free(connection, one) for one in others])
    await working
    return free


Work = Callable[[Reels, int, int], Awaitable[Any]]


SOURCES: dict[str, Work] = {
    "worth": lambda reel, one, two: sources.rescore(
        reel.node.store, {two: Worth(1.0, [], ""), one: Worth(2.0, [], "")}
    ),
    "numbers": lambda reel, one, two: swarms.settle(
        reel.node.store, [counted(two, told=True), counted(one, told=False)]
    ),
    "files": lambda reel, one, two: sources.read_next(reel.node.store, [two], [one]),
    "given back": lambda reel, *_: sources.FILES.give_back(reel.node.store, by="me"),
}


@pytest.mark.parametrize("work", SOURCES)
async def test_the_first_source_is_taken_first(reel: Reels, work: str) -> None:
    film = await reel.film()
    one, two = await reel.add(film, [ONE, TWO], file_due_at=utcnow(), file_holder="me", file_until=utcnow())
    await offering.take(reel.node.store, film, 7, [offered(ONE), offered(TWO)])
    await reel.change(state=SourceState.FOUND)
    if work == "files":
        await reel.change(two, file_due_at=None)
    await reel.change(one, title="so that its row lies behind the other one")
    first, second = (sa.select(source_table.c.id).where(source_table.c.id == each) for each in (one, two))
    assert await held_up(reel, first, second, work=SOURCES[work](reel, one, two))


async def test_a_source_is_taken_before_its_offers(reel: Reels) -> None:
    film = await reel.film()
    (one,) = await reel.add(film, [ONE], state=SourceState.REFUSED)
    await offering.take(reel.node.store, film, 7, [offered(ONE)])
    first, second = sa.select(source_table.c.id), sa.select(offer.c.source_id).where(offer.c.source_id == one)
    assert await held_up(reel, first, second, work=forgetting.forget_old(reel.node.store, utcnow()))


FILMS: dict[str, Work] = {
    "spread": lambda reel, *_: searches.spread(reel.node.store, [7]),
    "caught up": lambda reel, *_: searches.catch_up(reel.node.store, 8),
}


@pytest.mark.parametrize("work", FILMS)
async def test_films_are_taken_in_order_and_before_what_is_asked_for_them(reel: Reels, work: str) -> None:
    one, two = await reel.film(BUNNY), await reel.film(SINTEL)
    await searches.spread(reel.node.store, [7])
    if work == "spread":
        async with reel.node.store.write() as connection:
            await searches.want(connection, reel.node.store, movie.c.id == two, utcnow())
            await searches.want(connection, reel.node.store, movie.c.id == one, utcnow())
    first, second = (sa.select(movie.c.id).where(movie.c.id == each) for each in (one, two))
    asked = sa.select(searches_table.c.id)
    assert await held_up(reel, first, second, asked, work=FILMS[work](reel, one, two))


async def test_searches_at_an_indexer_that_is_gone_are_forgotten_in_order(reel: Reels) -> None:
    for film in (BUNNY, SINTEL):
        await reel.film(film)
    await searches.spread(reel.node.store, [7])
    one, two = sorted([row.id for film in (1, 2) for row in await searches.of_movie(reel.node.store, film)])
    async with reel.node.store.write() as connection:  # so that its row lies behind the other one
        await connection.execute(sa.update(searches_table).where(searches_table.c.id == one).values(failures=1))
    first, second = (sa.select(searches_table.c.id).where(searches_table.c.id == each) for each in (one, two))
    assert await held_up(reel, first, second, work=searches.drop_gone(reel.node.store, [9]))


async def test_what_trackers_say_is_noted_in_order(reel: Reels) -> None:
    film = await reel.film()
    await reel.add(film, [ONE, TWO], ["udp://one.invalid:1/announce"])
    (ask,) = await swarms.asks(reel.node.store, [ONE, TWO])
    first, second = (sa.select(swarm_count.c.swarm).where(swarm_count.c.swarm == each) for each in (ONE, TWO))
    said = {TWO: (1, 1, 1), ONE: (2, 2, 2)}
    assert await held_up(reel, first, second, work=swarms.answered(reel.node.store, ask, said, {}))


async def test_a_persons_word_is_not_lost_where_an_indexer_offers_the_source_at_that_moment(
    reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, store = await reel.film(), reel.node.store
    (one,) = await reel.add(film, [ONE], state=SourceState.MARKED)
    words: list[asyncio.Task[None]] = []

    async def refuse() -> None:
        async with store.write() as connection:
            row = {"state": SourceState.REFUSED, "final": True}
            await connection.execute(sa.update(source_table).where(source_table.c.id == one).values(row))

    async def meanwhile(*_: object) -> set[int]:
        words.append(asyncio.create_task(refuse()))
        await asyncio.wait(words, timeout=0.5)  # it is done, or waits
        return set()

    monkeypatch.setattr(offering, "_offered_by", meanwhile)
    await offering.take(store, film, 7, [replace(offered(ONE), claimed_seeds=5)])
    await words[0]
    after = await sources.get(store, one)
    assert (after.state, after.final, after.claimed_seeds) == (SourceState.REFUSED, True, 5)
