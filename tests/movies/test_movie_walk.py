"""From lists to films with all their details, and shows with all their episodes."""

from __future__ import annotations

import sqlalchemy as sa

from catalogue_house import read_films, read_lists, read_seasons
from nightcrew.movies.catalogue.models import movie, show
from nightcrew.movies.store import lists as list_rows
from nightcrew.movies.store import shows


async def test_lists_become_films_and_shows_with_all_that_is_known_of_them(cinema) -> None:
    await read_lists(cinema.node)
    found = {one.name: one for one in await list_rows.every(cinema.node.store)}
    assert found["Top rated movies"].size == len(cinema.tmdb.ranked("movie", "movie/top_rated")) > 60
    assert found["Popular shows"].size == 12
    top = await list_rows.places(cinema.node.store, found["Top rated movies"].id)
    assert top == cinema.tmdb.ranked("movie", "movie/top_rated")
    await read_films(cinema.node)
    await read_seasons(cinema.node)
    async with cinema.node.store.read() as connection:
        film = (await connection.execute(sa.select(movie).where(movie.c.title == "Nosferatu"))).mappings().one()
        unread = sa.select(sa.func.count()).select_from(movie).where(movie.c.synced_at.is_(None))
        assert (await connection.execute(unread)).scalar_one() == 0
        harbour = (
            await connection.execute(sa.select(show.c.id).where(show.c.title == "The Harbour Hour"))
        ).scalar_one()
    assert film["imdb_id"] == "tt0013442"
    assert film["runtime_min"] == 94
    assert film["genres"] == ["Horror"]
    assert film["original_title"] == "Nosferatu, eine Symphonie des Grauens"
    seasons_ = await shows.seasons_of(cinema.node.store, harbour)
    assert [len(episodes) for _, episodes in seasons_] == [12] * 26
    assert all(one.complete for one, _ in seasons_)
    assert cinema.tmdb.asked["tv/2009"] == 2, "26 seasons take two questions"
    assert cinema.tmdb.asked["tv/2010"] == 1
    assert cinema.tmdb.refused == 0
