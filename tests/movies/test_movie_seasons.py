"""Seasons: few questions, nothing lost half-way, reopened by changes, read again when a show goes on."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any

import pytest
import sqlalchemy as sa

from catalogue_house import read_lists, read_seasons
from nightcrew.demo.cinema import shows as demo_shows
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.http_gate import AskPriority
from nightcrew.movies.catalogue import crew as catalogue_crew
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue import seasons, syncing
from nightcrew.movies.catalogue.crew import CatalogueCrew
from nightcrew.movies.catalogue.models import Medium, ShowEntry, season, show
from nightcrew.movies.store import shows
from nightcrew.movies.tmdb.client import Tmdb
from support import until

HARBOUR, TRAIN, OBSERVATORY = 2009, 2010, 2012


@pytest.fixture(autouse=True)
def one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    only = {"name": "Popular shows", "medium": Medium.SHOW, "path": "tv/popular", "pages": 5}
    monkeypatch.setattr(catalogue_rules, "DEFAULTS", (only,))


async def known(cinema, number: int) -> ShowEntry:
    """A show by its number at TMDB."""
    async with cinema.node.store.read() as connection:
        row = (await connection.execute(sa.select(show).where(show.c.tmdb_id == number))).mappings().one()
    return ShowEntry(**row)


async def due_now(cinema, number: int, **values: object) -> None:
    async with cinema.node.store.write() as connection:
        row = {"due_at": utcnow(), **values}
        await connection.execute(sa.update(show).where(show.c.tmdb_id == number).values(row))


@pytest.fixture
async def filled(cinema):
    await read_lists(cinema.node)
    await read_seasons(cinema.node)
    return cinema


@pytest.fixture
async def filled_small(small_cinema):
    await read_lists(small_cinema.node)
    await read_seasons(small_cinema.node)
    return small_cinema


async def test_a_whole_show_takes_a_question_for_each_eighteen_seasons(filled) -> None:
    for one in demo_shows():
        row = await known(filled, one.id)
        assert [len(episodes) for _, episodes in await shows.seasons_of(filled.node.store, row.id)] == list(one.seasons)
        assert filled.tmdb.asked[f"tv/{one.id}"] == ceil(len(one.seasons) / 18)


@pytest.mark.parametrize(("count", "questions"), [(18, 1), (19, 2), (36, 2), (54, 3)])
async def test_shows_of_any_length_are_read_whole(small_cinema, count: int, questions: int) -> None:
    small_cinema.tmdb.seasons[HARBOUR] = (2,) * count
    await read_lists(small_cinema.node)
    await read_seasons(small_cinema.node)
    row = await known(small_cinema, HARBOUR)
    assert len(await shows.seasons_of(small_cinema.node.store, row.id)) == count
    assert small_cinema.tmdb.asked[f"tv/{HARBOUR}"] == questions <= ceil(count / 18)


async def test_a_show_that_ended_is_complete_and_one_that_goes_on_is_read_at_its_next_air_date(filled) -> None:
    ended, running = await known(filled, HARBOUR), await known(filled, TRAIN)
    assert ended.due_at and ended.due_at - utcnow() > timedelta(days=100)
    assert running.due_at and running.due_at - utcnow() < timedelta(days=8)
    states = {one.number: one.complete for one, _ in await shows.seasons_of(filled.node.store, running.id)}
    assert states == {1: True, 2: True, 3: True, 4: True, 5: False}


async def test_only_seasons_that_are_not_complete_are_asked_for_again(
    filled_small, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    real = Tmdb.show

    async def noted(self: Tmdb, number: int, wanted: list[int], **more: bool) -> object:
        asked.append(list(wanted))
        return await real(self, number, wanted, **more)

    monkeypatch.setattr(Tmdb, "show", noted)
    await due_now(filled_small, TRAIN)
    await read_seasons(filled_small.node)
    assert asked == [[5]]
    row = await known(filled_small, TRAIN)
    async with filled_small.node.store.write() as connection:
        await connection.execute(
            sa.update(show).where(show.c.id == row.id).values(synced_at=utcnow() - timedelta(days=2))
        )
    await shows.mark_changed(filled_small.node.store, [TRAIN], before=utcnow())
    await read_seasons(filled_small.node)
    assert asked[1:] == [[1, 2, 3, 4, 5]]
    assert "Nachtzug" in (await known(filled_small, TRAIN)).original_title


async def test_a_new_season_is_found_when_the_show_has_changed(filled) -> None:
    filled.tmdb.seasons[OBSERVATORY] = (10, 4)
    await due_now(filled, OBSERVATORY)
    await read_seasons(filled.node)
    row = await known(filled, OBSERVATORY)
    assert [len(episodes) for _, episodes in await shows.seasons_of(filled.node.store, row.id)] == [10, 4]
    assert row.season_count == 2


async def test_episodes_that_vanish_from_a_whole_season_are_forgotten_and_from_a_broken_one_kept(filled) -> None:
    row = await known(filled, OBSERVATORY)
    filled.tmdb.seasons[OBSERVATORY] = (8,)
    await shows.mark_changed(filled.node.store, [OBSERVATORY], before=utcnow())
    await read_seasons(filled.node)
    ((_, episodes),) = await shows.seasons_of(filled.node.store, row.id)
    assert len(episodes) == 8
    half = [
        {
            "season_number": 1,
            "episode_count": 8,
            "air_date": None,
            "id": 1,
            "name": "",
            "overview": "",
            "poster_path": None,
        }
    ]
    part = {"season_number": 1, "episodes": [{"episode_number": 1, "name": "", "overview": "New"}]}
    filled.tmdb.change("tv", OBSERVATORY, seasons=half, **{"season/1": part})
    await shows.mark_changed(filled.node.store, [OBSERVATORY], before=utcnow())
    await due_now(filled, OBSERVATORY)
    await read_seasons(filled.node)
    ((one, episodes),) = await shows.seasons_of(filled.node.store, row.id)
    assert len(episodes) == 8
    assert (episodes[0].name, episodes[0].overview) == ("Chapter 1", "New"), "what is empty leaves what was known"
    assert not one.complete


async def test_half_a_season_of_which_the_show_says_nothing_loses_no_episode_and_is_not_complete(filled_small) -> None:
    row = await known(filled_small, OBSERVATORY)
    ((before, episodes),) = await shows.seasons_of(filled_small.node.store, row.id)
    assert before.complete
    half = {"season_number": 1, "episodes": [{"episode_number": 1, "name": "New", "air_date": "2001-01-01"}]}
    filled_small.tmdb.change("tv", OBSERVATORY, seasons=[], **{"season/1": half})
    await shows.mark_changed(filled_small.node.store, [OBSERVATORY], before=utcnow())
    await due_now(filled_small, OBSERVATORY)
    await read_seasons(filled_small.node)
    ((after, kept),) = await shows.seasons_of(filled_small.node.store, row.id)
    assert [one.number for one in kept] == [one.number for one in episodes]
    assert kept[0].name == "New"
    assert kept[1].vote_average == episodes[1].vote_average
    assert (after.complete, after.episode_count) == (False, before.episode_count)


async def test_a_complete_season_is_read_anew_before_the_terms_forbid_to_keep_it(filled_small) -> None:
    row = await known(filled_small, OBSERVATORY)

    async def claimed(age: timedelta) -> dict[int, bool]:
        await due_now(filled_small, OBSERVATORY, holder=None, until=None)
        async with filled_small.node.store.write() as connection:
            old = sa.update(season).where(season.c.show_id == row.id).values(synced_at=utcnow() - age)
            await connection.execute(old)
        found = await shows.claim(filled_small.node.store, by="test", limit=20, late=False)
        return next(one.seasons for one in found if one.id == row.id)

    assert await claimed(catalogue_rules.SEASON_KEPT - timedelta(hours=1)) == {1: True}
    assert await claimed(catalogue_rules.SEASON_KEPT) == {1: False}


async def test_a_show_that_is_gone_is_marked_and_keeps_its_seasons(filled_small) -> None:
    filled_small.tmdb.gone.add(HARBOUR)
    await due_now(filled_small, HARBOUR)
    await read_seasons(filled_small.node)
    row = await known(filled_small, HARBOUR)
    assert row.gone
    assert row.title == "The Harbour Hour"
    assert len(await shows.seasons_of(filled_small.node.store, row.id)) == 26


async def test_a_season_that_is_named_and_never_given_is_told_and_the_others_are_kept(small_cinema) -> None:
    more = [{"season_number": number, "episode_count": 3} for number in (1, 40)]
    small_cinema.tmdb.change("tv", OBSERVATORY, seasons=more)
    await read_lists(small_cinema.node)
    await read_seasons(small_cinema.node)
    row = await known(small_cinema, OBSERVATORY)
    assert "names season 40" in row.reason
    assert row.failures == 1
    assert row.due_at and row.due_at > utcnow()
    assert [len(episodes) for _, episodes in await shows.seasons_of(small_cinema.node.store, row.id)] == [10, 0]


async def test_a_thousand_shows_that_fail_for_ever_delay_a_healthy_one_by_one_cycle_at_most(small_cinema) -> None:
    node, tmdb = small_cinema.node, small_cinema.tmdb
    await read_lists(node)
    await read_seasons(small_cinema.node)
    healthy = await known(small_cinema, OBSERVATORY)
    old = utcnow() - timedelta(days=3)
    dead = range(50_000, 51_000)
    tmdb.broken.update(dead)
    async with node.store.write() as connection:
        values = {column.key: getattr(healthy, column.key) for column in show.c if column.key not in {"id", "tmdb_id"}}
        rows = [{**values, "tmdb_id": number, "due_at": old, "failures": 4} for number in dead]
        await connection.execute(sa.insert(show), rows)
    await seasons.complete(node)  # those that fail have the places that are theirs
    tmdb.asked.clear()
    await due_now(small_cinema, OBSERVATORY, synced_at=old)
    await seasons.complete(node)
    held = node.part(CatalogueCrew).shows.held
    assert healthy.id in held, "it is worked on in the next cycle"
    await until(lambda: healthy.id not in node.part(CatalogueCrew).shows.held)
    row = await known(small_cinema, OBSERVATORY)
    assert row.synced_at and row.synced_at > old


async def test_seasons_go_before_films_and_lists_where_the_rate_is_short(
    small_cinema, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, AskPriority]] = []
    real = Tmdb._ask

    async def noted(self: Tmdb, path: str, priority: AskPriority, params: dict[str, str], **more: Any) -> object:
        asked.append((path, priority))
        return await real(self, path, priority, params, **more)

    monkeypatch.setattr(Tmdb, "_ask", noted)
    await read_lists(small_cinema.node)
    await syncing.sync(small_cinema.node)
    await read_seasons(small_cinema.node)
    classes = {
        path.partition("/")[0] if path[0] != "t" else "tv" if path[3].isdigit() else "list": one for path, one in asked
    }
    assert classes["tv"] is AskPriority.CRITICAL
    assert classes["list"] is AskPriority.BACKGROUND


async def test_an_outage_is_no_failure_of_a_show(small_cinema) -> None:
    await read_lists(small_cinema.node)
    small_cinema.tmdb.rate, small_cinema.tmdb.told = 0.0, 120
    stands = await catalogue_crew.door(small_cinema.node)
    assert stands.tmdb
    await seasons.complete(small_cinema.node)
    await until(lambda: not small_cinema.node.part(CatalogueCrew).shows.held)
    async with small_cinema.node.store.read() as connection:
        rows = (await connection.execute(sa.select(show.c.failures, show.c.due_at))).all()
    assert {row.failures for row in rows} == {0}
    put_off = [row for row in rows if row.due_at > utcnow()]
    assert put_off, "those that were asked for are due again later"
    at = await seasons.next_at(small_cinema.node)
    assert at and at > utcnow() + timedelta(seconds=60)
