"""What a Torznab server is asked for a film."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightcrew.movies.indexers.base import Wanted
from nightcrew.movies.indexers.torznab_queries import PLAIN, categories_of, ladder, movie_categories, trial, words
from nightcrew.movies.indexers.torznab_xml import Caps

NIGHT = Wanted("tt0063350", 10331, "Night of the Living Dead", "Night of the Living Dead", 1968)
ALL = frozenset({"q", "year", "imdbid", "tmdbid"})


def asked(wanted: Wanted, *takes: str, categories: str = "2000") -> list[dict[str, str]]:
    rungs = ladder(wanted, Caps(movie=frozenset(takes)), categories)
    assert all(rung["extended"] == "1" and rung["limit"] == "100" for rung in rungs)
    return [{name: text for name, text in rung.items() if name not in {"extended", "limit", "cat"}} for rung in rungs]


def test_by_id_first_and_by_words_after_an_empty_answer() -> None:
    words_ = {"t": "movie", "q": "Night of the Living Dead", "year": "1968"}
    assert asked(NIGHT, *ALL) == [{"t": "movie", "imdbid": "0063350"}, words_]
    assert asked(NIGHT, "q", "year", "tmdbid") == [{"t": "movie", "tmdbid": "10331"}, words_]
    assert asked(replace(NIGHT, imdb_id=""), *ALL) == [{"t": "movie", "tmdbid": "10331"}, words_]
    assert asked(replace(NIGHT, imdb_id="", tmdb_id=0), *ALL) == [words_]


def test_the_year_stands_where_the_server_takes_it() -> None:
    assert asked(NIGHT, "q") == [{"t": "movie", "q": "Night of the Living Dead 1968"}]
    assert asked(replace(NIGHT, year=None), "q", "year") == [{"t": "movie", "q": "Night of the Living Dead"}]
    assert asked(NIGHT, "year") == [{"t": "search", "q": "Night of the Living Dead 1968"}]


def test_a_server_without_a_search_for_films_is_asked_with_words() -> None:
    (rung,) = ladder(NIGHT, PLAIN, "2000")
    assert rung == {"t": "search", "q": "Night of the Living Dead 1968", "extended": "1", "limit": "100", "cat": "2000"}


def test_the_original_title_is_the_last() -> None:
    metropolis = Wanted("", 19, "Metropolis: The City", "Metrópolis", 1927)
    assert [one["q"] for one in asked(metropolis, "q")] == ["Metropolis The City 1927", "Metrópolis 1927"]
    assert [one["q"] for one in asked(replace(metropolis, original_title="Metropolis — The City"), "q")] == [
        "Metropolis The City 1927"
    ]
    assert asked(replace(metropolis, title="???", original_title=""), "q") == []


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("Mission: Impossible – Fallout", "Mission Impossible Fallout"),
        ("It's a Wonderful Life", "Its a Wonderful Life"),
        ("Fast & Furious", "Fast and Furious"),
        ("Amélie", "Amélie"),
        ("七人の侍", "七人の侍"),
        ('-title |or| "this" a_b', "title or this a b"),
        ("…", ""),
    ],
)
def test_a_title_as_words(title: str, plain: str) -> None:
    assert words(title) == plain


def test_a_title_has_a_length() -> None:
    assert len(words("ab " * 500)) == 200


def test_categories_that_the_server_has() -> None:
    films, other = Caps(categories=frozenset({2000, 2040, 5000})), Caps(categories=frozenset({5000, 100_001}))
    assert trial(films, "2000")["cat"] == "2000"
    assert trial(films, "2040, 8000")["cat"] == "2040"
    assert "cat" not in trial(other, "2000")
    assert trial(PLAIN, "2000, 2045")["cat"] == "2000,2045"
    assert trial(films, "2000")["q"] == ""
    assert trial(films, "2000")["t"] == "search"


def test_no_more_is_asked_for_than_the_server_sends() -> None:
    assert [trial(Caps(limit=limit), "2000")["limit"] for limit in (50, 100, 1000, None, 0)] == [
        "50",
        "100",
        "100",
        "100",
        "100",
    ]


def test_categories_as_a_person_writes_them() -> None:
    assert categories_of(" 2000,2040 , 100001") == [2000, 2040, 100_001]
    assert movie_categories(Caps(categories=frozenset({1999, 2000, 2999, 3000}))) == 2
