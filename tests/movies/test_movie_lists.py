"""Lists: an empty, half or broken one never replaces the one that is stored, and a real shrink gets through."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from catalogue_house import read_lists
from nightcrew.demo.cinema import films as cinema_films
from nightcrew.demo.faults import Fault
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, Invalid
from nightcrew.movies.catalogue import list_actions, lists
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.models import MediaList, Medium, media_list, movie
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import lists as rows
from nightcrew.movies.store import titles
from nightcrew.movies.tmdb.shapes import TitleFacts

POPULAR = "movie/popular"


@pytest.fixture(autouse=True)
def one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one list, so that a test asks little."""
    only = {"name": "Popular movies", "medium": Medium.MOVIE, "path": POPULAR, "pages": 5}
    monkeypatch.setattr(catalogue_rules, "DEFAULTS", (only,))


async def read_again(cinema) -> MediaList:
    """Read the list now; returns how it stands then."""
    (one,) = await rows.every(cinema.node.store)
    await rows.refresh(cinema.node.store, [one.id])
    await read_lists(cinema.node)
    (one,) = await rows.every(cinema.node.store)
    return one


async def test_a_list_is_stored_by_rank_and_read_again_after_the_interval(cinema) -> None:
    one = await read_again(cinema)
    assert await rows.places(cinema.node.store, one.id) == cinema.tmdb.ranked("movie", POPULAR)
    assert (one.size, one.failures, one.reason) == (62, 0, "")
    assert one.due_at and timedelta(minutes=50) < one.due_at - utcnow() < timedelta(minutes=61)
    assert await lists.next_at(cinema.node) == one.due_at


@pytest.mark.parametrize(
    "fault",
    [Fault.HTML, Fault.EMPTY, Fault.ERROR_500, Fault.ERROR_404, Fault.TRUNCATED_JSON, Fault.WRONG_TYPE, Fault.GARBAGE],
)
async def test_an_answer_that_is_no_list_changes_nothing(small_cinema, fault: Fault) -> None:
    before = await read_again(small_cinema)
    small_cinema.world.faults.set("tmdb", fault)
    after = await read_again(small_cinema)
    assert after.size == before.size
    assert after.reason
    assert after.due_at and after.due_at > utcnow(), "it is due again in any outcome"
    assert await rows.places(small_cinema.node.store, after.id) == small_cinema.tmdb.ranked("movie", POPULAR)


async def test_what_a_person_changes_while_a_list_is_read_is_not_lost(cinema) -> None:
    store = cinema.node.store
    before = await read_again(cinema)
    await rows.refresh(store, [before.id])
    (one,) = await rows.claim(store, by=cinema.node.node, limit=5)
    await rows.change(store, one.id, {"pages": 1, "size": 0})
    later = utcnow() + timedelta(hours=1)
    assert not await rows.replace(store, one, [1, 2, 3], by=cinema.node.node, due_at=later)
    assert await rows.places(store, one.id) == cinema.tmdb.ranked("movie", POPULAR)
    (again,) = await rows.claim(store, by=cinema.node.node, limit=5)
    assert (again.pages, again.size) == (1, 0), "it is due at once, and free"
    await rows.refresh(store, [one.id], held_times=3)
    await rows.put_off(store, again, by=cinema.node.node, due_at=later, failures=1, reason="it failed", held_times=0)
    (last,) = await rows.every(store)
    assert (last.held_times, last.failures, last.holder) == (3, 0, None)
    assert last.due_at and last.due_at <= utcnow()


async def test_a_list_that_says_no_figures_leaves_those_that_are_known(small_cinema) -> None:
    before = await read_again(small_cinema)
    (number, *_) = await rows.places(small_cinema.node.store, before.id)
    silent = TitleFacts(tmdb_id=number, title="Its title")
    async with small_cinema.node.store.read() as connection:
        known = (await connection.execute(sa.select(movie).where(movie.c.tmdb_id == number))).mappings().one()
    assert known["popularity"] and known["vote_count"]
    await titles.take(small_cinema.node.store, Medium.MOVIE, [silent], {})
    async with small_cinema.node.store.read() as connection:
        after = (await connection.execute(sa.select(movie).where(movie.c.tmdb_id == number))).mappings().one()
    for name in ("popularity", "vote_average", "vote_count"):
        assert after[name] == known[name], name


async def test_pages_that_come_half_change_nothing(cinema) -> None:
    await read_again(cinema)
    cinema.tmdb.half = True
    for _ in range(4):
        after = await read_again(cinema)
        assert after.size == 62
        assert "is not its last one" in after.reason
    cinema.tmdb.half = False
    after = await read_again(cinema)
    assert (after.size, after.failures, after.reason) == (62, 0, "")


async def test_a_list_that_is_suddenly_empty_changes_nothing(small_cinema) -> None:
    await read_again(small_cinema)
    small_cinema.tmdb.keep = 0.0
    for _ in range(5):
        assert (await read_again(small_cinema)).size == 62


async def test_a_much_smaller_list_is_believed_when_it_was_seen_three_times(cinema) -> None:
    await read_again(cinema)
    cinema.tmdb.keep = 0.5
    first, second = await read_again(cinema), await read_again(cinema)
    assert (first.size, first.held_times, second.size, second.held_times) == (62, 1, 62, 2)
    assert "only 31 titles, and had 62" in second.reason
    third = await read_again(cinema)
    assert (third.size, third.held_times, third.reason) == (31, 0, "")


async def test_a_list_that_comes_back_whole_need_not_be_believed_again(small_cinema) -> None:
    await read_again(small_cinema)
    small_cinema.tmdb.keep = 0.5
    await read_again(small_cinema)
    await read_again(small_cinema)
    small_cinema.tmdb.keep = 1.0
    assert (await read_again(small_cinema)).held_times == 0
    small_cinema.tmdb.keep = 0.5
    assert (await read_again(small_cinema)).size == 62


async def test_a_person_may_say_that_a_list_really_is_so_small(cinema) -> None:
    await read_again(cinema)
    cinema.tmdb.keep = 0.2
    one = await read_again(cinema)
    assert one.held_times == 1
    await list_actions.accept(cinema.node, one.id, actor="test")
    await read_lists(cinema.node)
    assert (await rows.get(cinema.node.store, one.id)).size == 12


async def test_what_a_person_asks_for_less_of_is_taken_at_once(small_cinema) -> None:
    one = await read_again(small_cinema)
    await list_actions.change(small_cinema.node, one.id, {"pages": 1}, actor="test")
    await read_lists(small_cinema.node)
    assert (await rows.get(small_cinema.node.store, one.id)).size == 20


async def test_titles_that_leave_a_list_stay_known(small_cinema) -> None:
    await read_again(small_cinema)
    small_cinema.tmdb.gone.add(small_cinema.tmdb.ranked("movie", POPULAR)[0])
    assert (await read_again(small_cinema)).size == 61
    async with small_cinema.node.store.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(movie))).scalar_one() == 62


async def test_titles_of_a_wanted_list_are_searched_for_and_those_that_are_not_out_wait(cinema) -> None:
    soon, later = cinema.tmdb.ranked("movie", POPULAR)[:2]
    release = (utcnow() + timedelta(days=30)).date().isoformat()
    cinema.tmdb.change("movie", later, release_date=release)
    woken: list[str] = []
    cinema.node.store.on_wake = woken.append
    (one,) = await rows.every(cinema.node.store)
    await list_actions.change(cinema.node, one.id, {"wanted": True}, actor="test")
    await read_lists(cinema.node)
    found = await searched(cinema)
    assert len(found) == 62
    assert found[soon] <= utcnow()
    assert found[later].date().isoformat() == release
    assert "movies.search" in woken


async def test_films_that_are_not_out_are_searched_for_at_once_where_a_person_wants_that(small_cinema) -> None:
    later = small_cinema.tmdb.ranked("movie", POPULAR)[0]
    small_cinema.tmdb.change("movie", later, release_date=(utcnow() + timedelta(days=30)).date().isoformat())
    wish = {"movies.search_before_release": True}
    await small_cinema.node.settings.change(small_cinema.node.store, wish, actor="test")
    assert small_cinema.node.settings.of(MovieSettings).search_before_release
    (one,) = await rows.every(small_cinema.node.store)
    await list_actions.change(small_cinema.node, one.id, {"wanted": True}, actor="test")
    await read_lists(small_cinema.node)
    assert (await searched(small_cinema))[later] <= utcnow()


async def test_a_film_that_a_person_no_longer_wants_is_not_wanted_again_by_its_list(small_cinema) -> None:
    (one,) = await rows.every(small_cinema.node.store)
    await list_actions.change(small_cinema.node, one.id, {"wanted": True}, actor="test")
    await read_lists(small_cinema.node)
    first = small_cinema.tmdb.ranked("movie", POPULAR)[0]
    async with small_cinema.node.store.write() as connection:
        await connection.execute(
            sa.update(movie).where(movie.c.tmdb_id == first).values(wanted=False, search_due_at=None)
        )
    await read_again(small_cinema)
    assert first not in await searched(small_cinema)


async def test_a_list_that_is_removed_leaves_its_titles_and_what_others_want(cinema) -> None:
    (one,) = await rows.every(cinema.node.store)
    await list_actions.change(cinema.node, one.id, {"wanted": True}, actor="test")
    values = {
        "name": "Mine",
        "medium": "movie",
        "path": "discover/movie",
        "params": {"with_genres": "27"},
        "wanted": True,
    }
    await list_actions.add(cinema.node, values, actor="test")
    await read_lists(cinema.node)
    horror = {one.id for one in cinema_films() if 27 in one.genres}
    would = await list_actions.removal(cinema.node, one.id)
    assert len(await rows.every(cinema.node.store)) == 2, "a dry run changes nothing"
    done = await list_actions.remove(cinema.node, one.id, actor="test")
    assert done == would
    left = await searched(cinema)
    assert 0 < len(left) < 62
    assert len(left) + len(done.unwanted) == 62
    assert set(left) == horror
    assert [found.name for found in await rows.every(cinema.node.store)] == ["Mine"]


async def test_the_first_lists_do_not_come_back_when_a_person_removes_them(small_cinema) -> None:
    (one,) = await rows.every(small_cinema.node.store)
    await list_actions.remove(small_cinema.node, one.id, actor="test")
    assert not await rows.begin(small_cinema.node.store, catalogue_rules.DEFAULTS)
    assert await rows.every(small_cinema.node.store) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "movie/../configuration"},
        {"path": "tv/popular"},
        {"params": {"page": "9"}, "path": "discover/movie"},
        {"params": {"with_genres": "1"}},
        {"pages": 0},
        {"pages": 51},
        {"name": "  "},
    ],
)
async def test_a_list_that_cannot_be_is_refused(small_cinema, wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        values = {"name": "Mine", "medium": "movie", "path": "movie/upcoming", **wrong}
        await list_actions.add(small_cinema.node, values, actor="test")


async def test_a_list_that_is_paused_is_not_said_to_be_read(small_cinema) -> None:
    before = await read_again(small_cinema)
    await list_actions.change(small_cinema.node, before.id, {"enabled": False}, actor="test")
    with pytest.raises(Conflict, match="paused"):
        await list_actions.refresh(small_cinema.node, before.id, actor="test")


async def test_two_lists_have_two_names(cinema) -> None:
    with pytest.raises(Conflict):
        values = {"name": "Popular movies", "medium": "movie", "path": "movie/upcoming"}
        await list_actions.add(cinema.node, values, actor="test")


async def test_a_list_is_parked_while_tmdb_asks_us_to_wait(small_cinema) -> None:
    await read_again(small_cinema)
    small_cinema.tmdb.rate, small_cinema.tmdb.told = 0.0, 300
    one = await read_again(small_cinema)
    assert (one.failures, one.size) == (0, 62)
    assert one.due_at and one.due_at > utcnow()
    asked = small_cinema.tmdb.refused
    await read_again(small_cinema)
    assert small_cinema.tmdb.refused == asked, "nothing is asked meanwhile"
    at = await lists.next_at(small_cinema.node)
    assert at and at - utcnow() > timedelta(minutes=4)


async def searched(cinema) -> dict[int, object]:
    """When the wanted films are searched for, by their TMDB ids."""
    query = sa.select(movie.c.tmdb_id, movie.c.search_due_at).where(movie.c.wanted)
    async with cinema.node.store.read() as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}


def test_every_column_of_a_list_is_set_by_its_defaults() -> None:
    needed = {one.name for one in media_list.c if not one.nullable} - {"id"}
    given = {"enabled", "wanted", "params", "size", "held_times", "failures", "reason"}
    assert all(needed <= given | set(one) for one in catalogue_rules.DEFAULTS)
