"""The search for sources: each film once at each indexer, whose trouble is its own, and a due time after whatever happens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew.demo.faults import Fault
from nightcrew.demo.indexing import DemoError
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.routes import Direct, RouteDown
from nightcrew.kernel.store import DatabaseAway, Store
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.quality import taste
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources import search
from nightcrew.movies.sources.crew import AT_ONCE
from nightcrew.movies.sources.models import SourceState, offer
from nightcrew.movies.sources.models import search as searches_table
from nightcrew.movies.sources.models import source as source_table
from nightcrew.movies.store import films, profiles, searches, sources, verdicts
from reels import BUNNY, LIST, SINTEL, TORZNAB, Reels
from support import until

SOON = timedelta(seconds=30)


async def test_a_film_is_given_to_each_indexer_once_and_asked_for_again_later(reel: Reels) -> None:
    await reel.connect()
    film = await reel.film()
    await reel.search()
    found = await reel.searches(film)
    assert found.keys() == {TORZNAB, LIST}
    assert [one["t"] for one in reel.indexers.asked].count("movie") == 1
    for one in found.values():
        assert one.answered_at is not None
        assert one.due_at is not None
        assert timedelta(minutes=44) < one.due_at - utcnow() < timedelta(minutes=151)
        assert one.holder is None
    assert await reel.sources(film)
    await reel.search()
    assert [one["t"] for one in reel.indexers.asked].count("movie") == 1


async def test_an_indexer_that_is_connected_later_catches_up(reel: Reels) -> None:
    await reel.connect(TORZNAB)
    films = [await reel.film(one) for one in (BUNNY, SINTEL)]
    await reel.search()
    await reel.connect(LIST)
    await reel.search()
    for film in films:
        assert (await reel.searches(film)).keys() == {TORZNAB, LIST}
    assert [one["t"] for one in reel.indexers.asked].count("movie") == 2, "the first one is not asked again"


async def test_the_same_torrent_of_two_indexers_is_one_source_with_two_offers(reel: Reels) -> None:
    await reel.connect()
    film = await reel.film()
    await reel.search()
    rows = await reel.sources(film)
    assert len({one.fingerprint for one in rows}) == len(rows)
    both = [one for one in reel.releases() if not one.flaw]
    assert both
    for release in both:
        (row,) = [one for one in rows if one.swarm == release.hash]
        offers = await sources.offers_of(reel.node.store, row.id)
        assert {one.connection_id for one in offers} == set(reel.numbers.values())


async def test_other_films_and_remakes_are_refused_with_the_reason(small_reel: Reels) -> None:
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    await small_reel.search()
    rows = {one.title: one for one in await small_reel.sources(film)}
    for release in small_reel.releases():
        assert (rows[release.name].state is SourceState.REFUSED) is (release.flaw in {"other_film", "remake"})
    said = {release.flaw: rows[release.name].reason for release in small_reel.releases()}
    assert "the film of 2008" in said["remake"]
    assert said["other_film"]
    assert not said[""]


BANNED = DemoError(429, 429, "Indexer is disabled till 01/01/2199 00:00:00 due to recent failures.", retry_after=600)
TROUBLES: dict[str, Callable[[Reels], None]] = {
    "disabled": lambda reel: setattr(reel.indexers, "error", BANNED),
    "limited": lambda reel: setattr(
        reel.indexers, "error", DemoError(429, 500, "Request limit reached", retry_after=600)
    ),
    "failing": lambda reel: setattr(reel.indexers, "error", DemoError(500, 900, "Something broke")),
    "a page": lambda reel: setattr(reel.indexers, "html", True),
    "garbage": lambda reel: reel.world.faults.set("torznab", Fault.GARBAGE),
    "no login": lambda reel: setattr(reel.indexers, "error", DemoError(401, 100, "Invalid API Key")),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_an_indexer_in_trouble_holds_up_no_other(small_reel: Reels, trouble: str) -> None:
    reel = small_reel
    await reel.connect()
    TROUBLES[trouble](reel)
    films = [await reel.film(one) for one in (BUNNY, SINTEL)]
    await reel.search()
    for film in films:
        found = await reel.searches(film)
        assert found[LIST].answered_at is not None
        assert await reel.sources(film)
        bad = found[TORZNAB]
        assert bad.answered_at is None
        assert bad.due_at is not None
        assert bad.holder is None, "nobody works on it any more"
    assert any(one.reason for one in [(await reel.searches(film))[TORZNAB] for film in films])
    reel.indexers.error, reel.indexers.html = None, False
    reel.world.faults.clear()
    await reel.mended(TORZNAB)
    await reel.due_again(TORZNAB)
    await reel.search()
    for film in films:
        again = (await reel.searches(film))[TORZNAB]
        assert again.answered_at is not None
        assert again.failures == 0


async def test_an_indexer_that_does_not_answer_leaves_hands_for_the_others(small_reel: Reels) -> None:
    reel = small_reel
    await reel.connect()
    reel.world.faults.set("torznab", Fault.HANG)
    known = list(reel.indexers.shelf.films.values())[:9]
    films = [await reel.film(one) for one in known]

    async def answered() -> bool:
        await search.search(reel.node)
        found = [await reel.searches(film) for film in films]
        return all(LIST in one and one[LIST].answered_at for one in found)

    await until(answered)
    hung = [(await reel.searches(film))[TORZNAB] for film in films]
    assert 0 < len([one for one in hung if one.holder]) < len(films)


async def test_an_indexer_is_asked_for_no_more_at_once_where_the_others_have_nothing_to_do(small_reel: Reels) -> None:
    reel = small_reel
    await reel.connect(TORZNAB)
    slow = reel.numbers[TORZNAB]
    for number in range(7):
        await connections.add(reel.node, demo_list(reel, number), actor="test")
    known = list(reel.indexers.shelf.films.values())[:9]
    films = [await reel.film(one) for one in known]
    await searches.spread(reel.node.store, [slow])
    reel.crew.caught_up = {one.connection.id for one in await search.indexers(reel.node)}
    reel.world.faults.set("torznab", Fault.HANG)
    for _ in range(4):
        await search.search(reel.node)
        held = [one for film in films for one in await searches.of_movie(reel.node.store, film) if one.holder]
        assert 0 < len(held) <= AT_ONCE


def demo_list(reel: Reels, number: int) -> dict[str, Any]:
    """One more indexer."""
    return {"kind": LIST, "name": f"List {number}", "address": f"{reel.world.url}/list_movies/well"}


async def test_who_says_when_it_may_be_asked_again_is_asked_then_and_it_is_no_failure(small_reel: Reels) -> None:
    await small_reel.connect(TORZNAB)
    small_reel.indexers.error = BANNED
    film = await small_reel.film()
    await small_reel.search()
    one = (await small_reel.searches(film))[TORZNAB]
    assert one.failures == 0
    assert one.due_at is not None
    assert timedelta(seconds=560) < one.due_at - utcnow() <= timedelta(seconds=610)


async def test_what_fails_is_tried_after_growing_pauses(small_reel: Reels) -> None:
    await small_reel.connect(TORZNAB)
    small_reel.indexers.error = DemoError(500, 900, "Something broke")
    film = await small_reel.film()
    pauses = []
    for number in (1, 2, 3, 4):
        await small_reel.search()
        one = (await small_reel.searches(film))[TORZNAB]
        assert one.failures == number
        assert one.due_at is not None
        pauses.append(one.due_at - utcnow())
        await small_reel.mended(TORZNAB)
        await small_reel.due_again(TORZNAB)
    assert pauses[0] < pauses[2] / 2
    assert pauses[1] < pauses[3] / 2


async def test_answers_without_anything_new_are_counted_and_the_pause_grows(small_reel: Reels) -> None:
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    pauses = []
    for vain in (0, 1, 2, 3):
        await small_reel.search()
        one = (await small_reel.searches(film))[TORZNAB]
        assert one.in_vain == vain
        assert one.due_at is not None
        pauses.append(one.due_at - utcnow())
        await small_reel.due_again(TORZNAB)
    assert pauses[3] > 2 * pauses[0]


async def test_what_is_offered_no_longer_keeps_how_it_stands(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    await small_reel.search()
    before = {one.id: one.state for one in await small_reel.sources(film)}
    monkeypatch.setattr(small_reel.indexers.shelf, "of", lambda _: ())
    await small_reel.due_again(TORZNAB)
    await small_reel.search()
    assert (await small_reel.searches(film))[TORZNAB].in_vain == 1
    assert {one.id: one.state for one in await small_reel.sources(film)} == before


async def aged(reel: Reels) -> None:
    """All sources were offered long ago, and are due."""
    long_ago = utcnow() - timedelta(days=30)
    await reel.change(seen_at=long_ago, missed=2)
    async with reel.node.store.write() as connection:
        await connection.execute(sa.update(offer).values(seen_at=long_ago))
    await reel.due_again()


async def seen_lately(reel: Reels, film: int) -> list[bool]:
    """Of each source, whether it was."""
    recent, store = utcnow() - timedelta(days=1), reel.node.store
    return [
        one.seen_at > recent
        and not one.missed
        and all(each.seen_at > recent for each in await sources.offers_of(store, one.id))
        for one in await reel.sources(film)
    ]


@pytest.mark.parametrize("untold", [False, True])
async def test_what_is_offered_was_seen_where_only_the_best_offers_are_stored(
    reel: Reels, monkeypatch: pytest.MonkeyPatch, untold: bool
) -> None:
    reel.indexers.untold = untold
    await reel.connect(TORZNAB)
    film = await reel.film()
    await reel.search()
    count = len(await reel.sources(film))
    await reel.read()
    await aged(reel)
    monkeypatch.setattr(search, "MOST_OFFERS", 1)
    monkeypatch.setattr(search, "REFUSED_KEPT", 1)
    await reel.search()
    seen = await seen_lately(reel, film)
    assert seen == [True] * count, "nothing new was stored"


@pytest.mark.parametrize("kind", [TORZNAB, LIST])
async def test_what_is_offered_with_too_few_seeds_was_seen(small_reel: Reels, kind: str) -> None:
    await small_reel.connect(kind)
    film = await small_reel.film()
    await small_reel.search()
    few = {"settings": {"min_seeds": 10_000}}
    await connections.change(small_reel.node, small_reel.numbers[kind], few, actor="test")
    await small_reel.hurry(small_reel.numbers[kind])
    await aged(small_reel)
    await small_reel.search()
    assert all(await seen_lately(small_reel, film))
    other = await small_reel.film(SINTEL)
    await small_reel.search()
    assert await small_reel.sources(other) == []


async def test_what_is_offered_is_judged_beside_the_event_loop(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    score = taste.Taste.score

    def noted(*args: Any, **options: Any) -> Any:
        threads.add(threading.get_ident())
        return score(*args, **options)

    monkeypatch.setattr(taste.Taste, "score", noted)
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    await small_reel.search()
    assert await small_reel.sources(film)
    assert threads
    assert threading.get_ident() not in threads


async def test_an_indexer_that_tells_no_hashes_offers_nothing_new_once_its_files_were_read(reel: Reels) -> None:
    reel.indexers.untold = True
    await reel.connect(TORZNAB)
    film = await reel.film()
    await reel.search()
    await reel.read()
    rows = await reel.sources(film)
    assert any(one.state is SourceState.VERIFIED for one in rows)
    for _ in range(2):
        await reel.due_again(TORZNAB)
        await reel.search()
        await reel.read()
    again = await reel.sources(film)
    assert {one.id for one in again} == {one.id for one in rows}
    assert (await reel.searches(film))[TORZNAB].in_vain == 2


async def test_a_person_is_served_before_everybody_else(reel: Reels) -> None:
    await reel.connect(TORZNAB)
    store, indexer = reel.node.store, reel.numbers[TORZNAB]
    others = [await reel.film(SINTEL, tmdb_id=10_000 + one, imdb_id="") for one in range(30)]
    await searches.spread(store, [indexer])
    new, old = await reel.film(BUNNY, wanted=False), others[-1]
    await source_actions.search_now(reel.node, new, actor="test")
    await source_actions.search_now(reel.node, old, actor="test")
    rows = await searches.claim(store, by=reel.node.node, limit=2, indexers=[indexer], after=None)
    assert {one.movie_id for one in rows} == {new, old}
    assert (await reel.entry(new)).wanted


async def test_a_search_of_a_person_waits_for_an_indexer(small_reel: Reels) -> None:
    film = await small_reel.film(wanted=False)
    await source_actions.search_now(small_reel.node, film, actor="test")
    assert await small_reel.searches(film) == {}
    await small_reel.connect(TORZNAB)
    await small_reel.search()
    assert await small_reel.sources(film)


async def test_a_film_that_is_not_wanted_any_more_is_asked_for_nowhere(reel: Reels) -> None:
    await reel.connect(TORZNAB)
    film = await reel.film()
    await reel.search()
    await source_actions.stop_searching(reel.node, film, actor="test")
    assert await reel.searches(film) == {}
    assert await reel.sources(film), "what was found stays"
    reel.crew.caught_up.clear()
    await reel.search()
    assert await reel.searches(film) == {}


async def test_while_the_route_is_down_nothing_is_counted_and_it_goes_on_by_itself(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()

    async def down(*_: object) -> Any:
        raise RouteDown("the tunnel is down", after=7)

    with monkeypatch.context() as patch:
        patch.setattr(search, "_offers", down)
        await small_reel.search()
    one = (await small_reel.searches(film))[TORZNAB]
    assert (one.failures, one.in_vain, one.asked_at) == (0, 0, None)
    assert one.due_at is not None
    assert one.due_at - utcnow() < SOON
    await small_reel.due_again(TORZNAB)
    await small_reel.search()
    assert (await small_reel.searches(film))[TORZNAB].answered_at is not None


async def test_while_the_database_is_away_nothing_counts_as_something_else(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    get, times = films.get, 0

    async def away(*args: Any) -> Any:
        nonlocal times
        times += 1
        if times == 1:
            raise DatabaseAway("the database cannot be used now")
        return await get(*args)

    monkeypatch.setattr(films, "get", away)
    await small_reel.search()
    one = (await small_reel.searches(film))[TORZNAB]
    assert (times, one.failures) == (2, 0)
    assert one.answered_at is not None


async def test_an_error_that_nobody_expected_puts_the_search_off(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small_reel.connect()
    films = [await small_reel.film(one) for one in (BUNNY, SINTEL)]

    async def broken(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(search, "_offers", broken)
    await small_reel.search()
    for film in films:
        for one in (await small_reel.searches(film)).values():
            assert one.due_at is not None
            assert one.due_at > utcnow() + timedelta(minutes=30)
            assert one.holder is None
            assert "ZeroDivisionError" in one.reason


async def test_a_film_that_was_removed_is_asked_for_no_longer(small_reel: Reels) -> None:
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    await searches.spread(small_reel.node.store, [small_reel.numbers[TORZNAB]])
    async with small_reel.node.store.write() as connection:
        await connection.execute(sa.delete(movie).where(movie.c.id == film))
    await small_reel.search()
    assert await small_reel.searches(film) == {}
    assert not small_reel.indexers.asked


async def test_an_indexer_that_was_removed_meanwhile_is_forgotten(small_reel: Reels) -> None:
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    indexer = small_reel.numbers[TORZNAB]
    await searches.spread(small_reel.node.store, [indexer])
    known = await search.indexers(small_reel.node)
    (row,) = await searches.claim(
        small_reel.node.store, by=small_reel.node.node, limit=1, indexers=[indexer], after=None
    )
    await connections.remove(small_reel.node, indexer, actor="test")
    await search._ask(small_reel.node, known[0], row)
    assert await small_reel.searches(film) == {}


async def test_while_the_quality_profile_cannot_be_read_nobody_is_asked_in_vain(small_reel: Reels) -> None:
    node = small_reel.node
    await profiles.put(node.store, "Mine", {"profile": {"surely": "not"}, "formats": []})
    await node.settings.change(node.store, {"movies.quality_profile": "Mine"}, actor="test")
    with pytest.raises(NeedsUser):
        await taste.in_use(node)
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    await small_reel.search()
    one = (await small_reel.searches(film))[TORZNAB]
    assert one.due_at is not None
    assert utcnow() < one.due_at < utcnow() + timedelta(hours=2)
    assert "Mine" in one.reason
    assert not any(asked["t"] == "movie" for asked in small_reel.indexers.asked)


async def test_a_node_that_stops_gives_back_what_it_was_at(small_reel: Reels, monkeypatch: pytest.MonkeyPatch) -> None:
    await small_reel.connect(TORZNAB)
    film = await small_reel.film()
    begun = asyncio.Event()

    async def long(*_: object) -> Any:
        begun.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(search, "_offers", long)
    await search.search(small_reel.node)
    await begun.wait()
    assert (await small_reel.searches(film))[TORZNAB].holder == small_reel.node.node
    await small_reel.crew.searches.close()
    one = (await small_reel.searches(film))[TORZNAB]
    assert one.holder is None
    assert one.due_at is not None
    assert one.due_at <= utcnow()


async def test_the_name_of_an_indexer_is_looked_up_on_the_route_of_movies(small_reel: Reels) -> None:
    node = small_reel.node
    asked: list[str] = []

    class Beyond(Direct):
        name = "beyond"

        async def resolve(self, host: str) -> Sequence[str]:
            asked.append(host)
            return ["10.0.0.9"]

    node.http.routes.put(Beyond())
    await node.settings.change(node.store, {"movies.route": "beyond"}, actor="test")
    row = {"kind": LIST, "name": "Far", "address": "http://indexer.invalid"}
    one = await connections.add(node, row, actor="test")
    assert (asked, one.route, one.private) == (["indexer.invalid"], "direct", True)


# -- many films --------------------------------------------------------------------------------------------------------

MANY, DEAD = 3_000, 200


async def many(store: Store, indexers: list[int]) -> None:
    """So many searches at each indexer. At the first one those of the first films fail for ever, and the others are not due."""
    now = utcnow()
    rows = [
        {
            "movie_id": film, "connection_id": one, "priority": 0, "in_vain": 0, "reason": "",
            "due_at": now - timedelta(hours=1) if film <= DEAD or one != indexers[0] else now + timedelta(days=1),
            "failures": 9 if film <= DEAD else 0,
        }
        for one in indexers for film in range(1, MANY + 1)
    ]  # fmt: skip
    async with store.write() as connection:
        await connection.execute(sa.insert(searches_table), rows)


async def test_a_healthy_film_is_late_by_a_small_part_of_an_interval_whatever_fails_around_it(reel: Reels) -> None:
    store, well, banned = reel.node.store, 1, 2
    await many(store, [well, banned])
    async with store.write() as connection:
        mine = sa.and_(searches_table.c.movie_id == MANY, searches_table.c.connection_id == well)
        await searches.SEARCHES.make_due(connection, mine, at=utcnow())
    found, ticks = False, 0
    while not found:
        ticks += 1
        rows = await searches.claim(store, by="n", limit=8, indexers=[well], after=None)
        assert {one.connection_id for one in rows} == {well}
        found = any(one.movie_id == MANY for one in rows)
        later = utcnow() + timedelta(hours=1)
        for one in rows:
            await searches.settle(store, one, by="n", due_at=later, failures=one.failures + 1, reason="it failed")
    assert ticks <= DEAD / 8 + 1, "each that failed was tried once before it, at most"


async def plan(store: Store, work: Callable[[], Any]) -> list[str]:
    """How SQLite does what `work` asks for."""
    steps: list[str] = []
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    sa.event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    await work()
    sa.event.remove(store.engine.sync_engine, "before_cursor_execute", note)
    async with store.read() as connection:
        for statement, values in asked:
            found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            steps += [row.detail for row in found]
    return steps


async def test_what_a_tick_asks_for_is_found_in_an_index_and_never_sorted(small_reel: Reels) -> None:
    store = small_reel.node.store
    await many(store, [1, 2])
    async with store.write() as connection:
        film = {
            "movie_id": 1,
            "connection_id": 1,
            "title": "",
            "swarm": "",
            "hash_v2": "",
            "found_at": utcnow(),
            "seen_at": utcnow(),
        }
        film |= {
            "state": SourceState.FOUND,
            "reason": "",
            "final": False,
            "private": False,
            "files": [],
            "file_count": 0,
        }
        film |= {"release": {}, "score": 1.0, "parts": [], "unfit": "", "file_due_at": utcnow(), "file_failures": 0}
        film |= {"stats_wait_h": 0.0, "missed": 0, "fingerprint": "one"}
        await connection.execute(sa.insert(source_table), film)
    asked: list[Callable[[], Any]] = [
        lambda: searches.claim(store, by="n", limit=8, indexers=[1, 2], after=1),
        lambda: searches.next_at(store, [1, 2]),
        lambda: verdicts.claim_files(store, by="n", limit=8, indexers=[1, 2]),
        lambda: verdicts.files_due(store, [1, 2]),
        lambda: sources.STATS.claim(store, by="n", limit=8),
        lambda: sources.STATS.soonest(store),
        lambda: sources.RESYNCS.claim(store, by="n", limit=8),
        lambda: sources.RESYNCS.soonest(store),
        lambda: searches.waiting(store),
        lambda: searches.spread(store, [1, 2]),
    ]
    claims: list[str] = []
    for number, one in enumerate(asked):
        steps = await plan(store, one)
        assert steps, number
        assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step], (number, steps)
        claims += steps
    assert any("ix_movie_search_queue" in step for step in claims)
    assert any("ix_movie_source_queue" in step for step in claims)
