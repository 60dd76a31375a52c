"""Changes are followed day by day, and films are kept current: nothing is lost by a kill, and nothing becomes worse."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalogue_house import connected, follow_changes, read_films, read_lists
from furnished import furnish
from nightcrew import app
from nightcrew.demo.faults import Fault
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions
from nightcrew.kernel.connections.lines import Connections
from nightcrew.movies.catalogue import lists, syncing
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.models import Checkpoint, Medium, MovieEntry, checkpoint, movie, season, show
from nightcrew.movies.domain import DOMAIN
from nightcrew.movies.store import changes, shows, titles
from nightcrew.movies.tmdb.client import Tmdb
from nightcrew.movies.tmdb.shapes import ChangesPage
from support import at_rest, until

DAYS = 4
FEW = range(1028, 2000)
"""Films that are not there, so that a test asks little."""


@pytest.fixture(autouse=True)
def two_lists(monkeypatch: pytest.MonkeyPatch, cinema_world) -> None:
    """A list of movies and one of shows."""
    films = {"name": "Popular movies", "medium": Medium.MOVIE, "path": "movie/popular", "pages": 5}
    series = {"name": "Popular shows", "medium": Medium.SHOW, "path": "tv/popular", "pages": 5}
    monkeypatch.setattr(catalogue_rules, "DEFAULTS", (films, series))
    cinema_world.tmdb.gone.update(FEW)


async def checkpoints(store) -> dict[Medium, Checkpoint]:
    return {one.medium: one for one in await changes.every(store)}


async def set_back(store, days: float) -> None:
    """As if nothing had been asked for since then, and as if everything had been read before."""
    then = utcnow() - timedelta(days=days)
    async with store.write() as connection:
        await connection.execute(sa.update(checkpoint).values(known_to=then, due_at=utcnow()))
        await connection.execute(sa.update(movie).values(synced_at=then - timedelta(days=1)))
        await connection.execute(sa.update(show).values(synced_at=then - timedelta(days=1)))


async def films(store) -> dict[int, MovieEntry]:
    """All films, by their TMDB ids."""
    async with store.read() as connection:
        rows = (await connection.execute(sa.select(movie))).mappings().all()
    return {row["tmdb_id"]: MovieEntry(**row) for row in rows}


@pytest.fixture
async def filled(cinema):
    """A node that has read all there is."""
    await read_lists(cinema.node)
    await read_films(cinema.node)
    return cinema


@pytest.fixture
async def filled_small(small_cinema):
    await read_lists(small_cinema.node)
    await read_films(small_cinema.node)
    return small_cinema


async def test_what_changed_since_the_checkpoint_is_read_again_and_nothing_else(filled) -> None:
    await set_back(filled.node.store, DAYS)
    today = utcnow().date()
    filled.tmdb.change("movie", 1010, today - timedelta(days=3), runtime=81)
    filled.tmdb.change("movie", 1024, today, title="Metropolis (restored)")
    filled.tmdb.change("movie", 99_999, today)  # nobody here knows it
    filled.tmdb.asked.clear()
    await read_films(filled.node)
    found = await films(filled.node.store)
    assert found[1010].runtime_min == 81
    assert found[1024].title == "Metropolis (restored)"
    assert {path for path in filled.tmdb.asked if path.startswith("movie/1")} == {"movie/1010", "movie/1024"}
    assert filled.tmdb.asked["movie/changes"] == DAYS + 1, "one question for each day"
    stands = await checkpoints(filled.node.store)
    for one in stands.values():
        assert utcnow() - one.known_to < timedelta(minutes=5)
        assert one.due_at and timedelta(hours=1) < one.due_at - utcnow() < timedelta(hours=2)


async def test_many_changes_of_a_day_come_in_pages(filled_small) -> None:
    await set_back(filled_small.node.store, 1)
    for number in range(20_000, 20_950):
        filled_small.tmdb.change("movie", number)
    filled_small.tmdb.change("movie", 1010, title="Nosferatu again")
    await read_films(filled_small.node)
    assert filled_small.tmdb.asked["movie/changes"] >= 10
    assert (await films(filled_small.node.store))[1010].title == "Nosferatu again"


async def test_a_show_that_changed_is_read_again_and_its_finished_seasons_reopen(filled) -> None:
    async with filled.node.store.write() as connection:
        (number,) = (await connection.execute(sa.select(show.c.id).where(show.c.tmdb_id == 2005))).scalars()
        late = utcnow() + timedelta(days=100)
        await connection.execute(sa.update(show).values(due_at=late))
        row = {
            "show_id": number,
            "number": 1,
            "name": "",
            "overview": "",
            "poster": "",
            "air_on": "",
            "episode_count": 1,
        }
        await connection.execute(sa.insert(season).values(**row, complete=True))
    await set_back(filled.node.store, 1)
    filled.tmdb.change("tv", 2005)
    await read_films(filled.node)
    assert (await shows.get(filled.node.store, number)).due_at <= utcnow()
    ((one, _),) = await shows.seasons_of(filled.node.store, number)
    assert not one.complete
    async with filled.node.store.read() as connection:
        due = sa.select(sa.func.count()).select_from(show).where(show.c.due_at <= utcnow())
        assert (await connection.execute(due)).scalar_one() == 1


async def test_what_was_read_after_a_day_was_over_is_not_read_again_for_it(filled_small) -> None:
    node = filled_small.node
    async with node.store.write() as connection:
        await connection.execute(sa.update(checkpoint).values(known_to=utcnow() - timedelta(days=2), due_at=utcnow()))
    filled_small.tmdb.change("movie", 1010, utcnow().date() - timedelta(days=1))
    filled_small.tmdb.asked.clear()
    await read_films(node)
    assert "movie/1010" not in filled_small.tmdb.asked


async def test_an_outage_in_between_keeps_the_days_that_were_done(
    filled_small, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, tmdb = filled_small.node, filled_small.tmdb
    await set_back(node.store, DAYS)
    asked = 0

    async def flaky(store, ids, *, before) -> int:
        nonlocal asked
        asked += 1
        if asked == 3:
            filled_small.world.faults.set("tmdb", Fault.ERROR_500)
        return await titles.mark_changed(store, ids, before=before)

    monkeypatch.setitem(syncing.MARK, Medium.MOVIE, flaky)
    for day in range(DAYS + 1):
        tmdb.change("movie", 1010 + day, utcnow().date() - timedelta(days=day))
    await follow_changes(node)
    one = (await checkpoints(node.store))[Medium.MOVIE]
    done = datetime.combine(utcnow().date() - timedelta(days=1), datetime.min.time(), UTC)
    assert one.known_to == done, "three days are known"
    assert one.failures == 1
    assert "HTTP 500" in one.reason
    assert one.due_at and one.due_at > utcnow()
    then = utcnow() - timedelta(days=DAYS)
    due = set()
    for key, film in (await films(node.store)).items():  # some were read meanwhile, or tried in vain
        read = film.synced_at and film.synced_at > then
        if read or film.sync_failures or (film.sync_due_at and film.sync_due_at <= utcnow()):
            due.add(key)
    assert {1012, 1013, 1014} <= due


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.TRUNCATED_JSON, Fault.WRONG_TYPE, Fault.EMPTY])
async def test_an_answer_that_is_none_moves_no_checkpoint(filled_small, fault: Fault) -> None:
    await set_back(filled_small.node.store, 1)
    before = (await checkpoints(filled_small.node.store))[Medium.MOVIE].known_to
    filled_small.world.faults.set("tmdb", fault)
    await follow_changes(filled_small.node)
    after = (await checkpoints(filled_small.node.store))[Medium.MOVIE]
    assert after.known_to == before
    assert after.reason


async def test_a_page_of_changes_that_comes_twice_moves_no_checkpoint(
    filled_small, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_back(filled_small.node.store, 1)
    before = (await checkpoints(filled_small.node.store))[Medium.MOVIE].known_to
    real = Tmdb.changes

    async def first_again(self: Tmdb, medium: Medium, first: date, last: date, number: int) -> ChangesPage:
        return replace(await real(self, medium, first, last, 1), pages=2)

    with monkeypatch.context() as patched:
        patched.setattr(Tmdb, "changes", first_again)
        await follow_changes(filled_small.node)
    after = (await checkpoints(filled_small.node.store))[Medium.MOVIE]
    assert after.known_to == before
    assert after.reason


async def test_a_film_that_is_gone_is_marked_and_stays_and_may_come_back(filled) -> None:
    filled.tmdb.remove("movie", 1010)
    await set_back(filled.node.store, 1)
    await read_films(filled.node)
    found = (await films(filled.node.store))[1010]
    assert found.gone
    assert (found.title, found.runtime_min) == ("Nosferatu", 94)
    assert found.sync_due_at and found.sync_due_at - utcnow() > timedelta(days=20)
    filled.tmdb.gone.discard(1010)
    async with filled.node.store.write() as connection:
        await connection.execute(sa.update(movie).where(movie.c.tmdb_id == 1010).values(sync_due_at=utcnow()))
    await read_films(filled.node)
    assert not (await films(filled.node.store))[1010].gone


async def test_details_are_never_replaced_by_worse_ones(filled) -> None:
    worse = {
        "overview": "",
        "runtime": 0,
        "imdb_id": None,
        "poster_path": None,
        "genres": [],
        "release_date": "soon",
        "images": 7,
    }
    worse |= {"translations": None, "popularity": "high", "vote_average": -1, "original_title": None, "status": None}
    before = (await films(filled.node.store))[1010]
    filled.tmdb.change("movie", 1010, **worse)
    await set_back(filled.node.store, 1)
    await read_films(filled.node)
    after = (await films(filled.node.store))[1010]
    assert after.synced_at and before.synced_at and after.synced_at > before.synced_at
    for name in (
        "title",
        "original_title",
        "overview",
        "runtime_min",
        "imdb_id",
        "poster",
        "genres",
        "released_on",
        "popularity",
    ):
        assert getattr(after, name) == getattr(before, name), name


async def test_an_answer_without_a_title_changes_nothing_and_is_tried_again_later(filled_small) -> None:
    before = (await films(filled_small.node.store))[1010]
    filled_small.tmdb.change("movie", 1010, title="", original_title="")
    await set_back(filled_small.node.store, 1)
    await read_films(filled_small.node)
    after = (await films(filled_small.node.store))[1010]
    assert after.title == before.title
    assert after.sync_failures == 1
    assert after.sync_due_at and after.sync_due_at > utcnow()


async def test_films_that_fail_for_ever_hold_up_no_other(filled_small) -> None:
    """They are tried in places of their own, at growing intervals."""
    node, tmdb = filled_small.node, filled_small.tmdb
    everyone = sorted(await films(node.store))
    tmdb.broken.update(everyone[:15])
    async with node.store.write() as connection:
        old = utcnow() - timedelta(days=9)
        broken = movie.c.tmdb_id.in_(everyone[:15])
        await connection.execute(sa.update(movie).where(broken).values(sync_due_at=old, sync_failures=1))
        healthy = movie.c.tmdb_id == everyone[-1]
        await connection.execute(sa.update(movie).where(healthy).values(sync_due_at=utcnow(), synced_at=old))
    await syncing.sync(node)
    await until(lambda: f"movie/{everyone[-1]}" in tmdb.asked)

    async def read() -> bool:
        await syncing.sync(node)
        one = (await films(node.store))[everyone[-1]]
        return bool(one.synced_at and one.synced_at > old)

    await until(read)


async def test_a_node_that_is_killed_between_two_days_loses_no_change(cinema_world, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await asyncio.to_thread(furnish, app.Config(data_dir=folder))
    tmdb = cinema_world.tmdb
    async with at_rest(folder, DOMAIN) as runtime:
        runtime.add(Connections(runtime))
        await connected(runtime, cinema_world)
        await read_lists(runtime)
        await read_films(runtime)
        await set_back(runtime.store, 6)
    changed = {1010 + day: utcnow().date() - timedelta(days=day) for day in range(7)}
    for number, day in changed.items():
        tmdb.change("movie", number, day, runtime=500)
    tmdb.asked.clear()
    tmdb.delay = 0.15
    lab = subprocess.Popen([sys.executable, str(Path(__file__).with_name("sync_lab.py")), str(folder)])
    try:
        await until(lambda: tmdb.asked.get("movie/changes", 0) >= 4, 60)
    finally:
        lab.kill()
        lab.wait()
    tmdb.delay = 0.0
    async with at_rest(folder, DOMAIN) as runtime:
        runtime.add(Connections(runtime))
        await read_films(runtime)
        found = await films(runtime.store)
        assert {number for number in changed if found[number].runtime_min != 500} == set()
    assert tmdb.asked["movie/changes"] <= 7 + 1, "at most one day was asked for twice"


async def test_nothing_is_asked_while_there_is_no_tmdb(cinema) -> None:
    await actions.remove(cinema.node, cinema.connection, actor="test")
    await read_lists(cinema.node)
    await syncing.sync(cinema.node)
    assert await lists.next_at(cinema.node) is None
    assert await syncing.next_at(cinema.node) is None
    assert cinema.tmdb.asked == {}


def test_titles_are_read_anew_before_the_terms_forbid_to_keep_them() -> None:
    assert timedelta(days=180) > catalogue_rules.KEPT
