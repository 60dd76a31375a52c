"""What TMDB answers: the real shapes are read, and whatever else comes ends in an error of ours or in nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Misread, NightcrewError
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.tmdb import reading, shapes, show_shapes
from nightcrew.movies.tmdb.shapes import OddTitle
from support import data_file

FILM = {
    "id": 1010,
    "title": "Nosferatu",
    "original_title": "Nosferatu, eine Symphonie des Grauens",
    "original_language": "de",
    "overview": "A ship comes.",
    "release_date": "1922-03-04",
    "runtime": 94,
    "imdb_id": "tt0013442",
    "genres": [{"id": 27, "name": "Horror"}],
    "poster_path": "/poster-1010.png",
    "backdrop_path": None,
    "popularity": 12.5,
    "vote_average": 7.7,
    "vote_count": 2000,
    "status": "Released",
    "translations": {"translations": [{"data": {"title": "Нос"}}, {"data": {"title": ""}}, {"data": None}]},
    "images": {"backdrops": [{"file_path": "/a.jpg", "vote_count": 1}, {"file_path": "/b.jpg", "vote_count": 5}]},
}

leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("2020-01-01"), st.just("/a.jpg")
)
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=5)),
    max_leaves=20,
)
KEYS = (
    "id", "title", "name", "results", "page", "total_pages", "genres", "seasons", "season/1", "episodes", "season_number",
    "episode_number", "episode_count", "translations", "images", "posters", "external_ids", "air_date", "genre_ids", "data",
    "next_episode_to_air", "status", "vote_average", "popularity", "imdb_id", "runtime", "original_title",
)  # fmt: skip
shaped = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=8)),
    max_leaves=30,
)


def read_all(answer: Any) -> None:
    """Every reader; anything but an error of ours is a defect."""
    for read in (
        lambda: shapes.list_page(answer, Medium.MOVIE),
        lambda: shapes.list_page(answer, Medium.SHOW),
        lambda: shapes.changes_page(answer),
        lambda: shapes.genre_names(answer),
        lambda: shapes.image_place(answer),
        lambda: shapes.film_details(answer, 1),
        lambda: show_shapes.show_details(answer, 1),
    ):
        try:
            json.dumps(str(read()))
        except NightcrewError:
            continue
    show_shapes.season_of(answer, 1)


@given(st.one_of(anything, shaped))
def test_no_answer_raises_anything_but_our_errors(answer: Any) -> None:
    read_all(answer)


@given(st.dictionaries(st.sampled_from(KEYS), shaped, max_size=10))
def test_no_answer_about_a_title_raises_anything_but_our_errors(more: dict[str, Any]) -> None:
    read_all({**more, "id": 1, "title": "T", "name": "T"})
    read_all({**more, "page": 1, "results": [{**more, "id": 1, "title": "T", "name": "T"}, more]})


@given(st.dictionaries(st.sampled_from(list(FILM)), shaped, max_size=6))
def test_what_is_wrong_of_a_film_is_left_out_and_the_rest_is_read(wrong: dict[str, Any]) -> None:
    wrong = {key: value for key, value in wrong.items() if key not in {"id", "title"}}
    found = shapes.film_details({**FILM, **wrong}, 1010)
    assert found.facts.title == "Nosferatu"
    if "runtime" not in wrong:
        assert found.runtime_min == 94


def test_a_film_is_read_with_its_further_titles_and_its_best_picture() -> None:
    found = shapes.film_details(FILM, 1010)
    assert found.titles == ("Нос",)
    assert found.facts.backdrop == "/b.jpg"
    assert found.facts.genres == ("Horror",)
    assert found.imdb_id == "tt0013442"


@pytest.mark.parametrize(
    "wrong", [{"title": "", "original_title": ""}, {"id": 7}, {"id": True}, {"title": None, "original_title": 3}]
)
def test_an_answer_of_another_title_or_none_says_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(OddTitle):
        shapes.film_details({**FILM, **wrong}, 1010)


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"results": {}}, {"results": [], "page": 0}, {"results": [1], "page": 1}]
)
def test_what_is_no_page_of_a_list_is_no_empty_list(answer: Any) -> None:
    if answer == {"results": [1], "page": 1}:  # no objects in it at all
        assert shapes.list_page(answer, Medium.MOVIE).rows == ()
        return
    with pytest.raises(Misread):
        shapes.list_page(answer, Medium.MOVIE)


def test_rows_of_which_none_can_be_read_are_no_empty_page() -> None:
    with pytest.raises(Misread):
        shapes.list_page({"page": 1, "results": [{"id": "x"}]}, Medium.MOVIE)


@pytest.mark.parametrize(
    "path",
    [
        "../etc/passwd",
        "/../x.jpg",
        "/a/b.jpg",
        "//evil.example/x.jpg",
        "/x.svg",
        "/x.jpg?u=1",
        "x.jpg",
        "/" + "a" * 200 + ".jpg",
        "/x.jpg\n",
    ],
)
def test_the_path_of_a_picture_leads_nowhere_else(path: str) -> None:
    assert reading.image(path) == ""


def test_a_season_that_was_asked_for_and_is_not_there_is_left_out() -> None:
    answer = {
        "id": 1,
        "name": "S",
        "seasons": [{"season_number": 1, "episode_count": 2}, {"season_number": 2, "episode_count": 1}],
    }
    answer["season/1"] = {
        "season_number": 1,
        "episodes": [{"episode_number": 1, "name": "A"}, {"episode_number": 1, "name": "B"}],
    }
    answer["season/2"] = {"status_code": 34}
    first, second = show_shapes.show_details(answer, 1).seasons
    assert [one.name for one in first.episodes or ()] == ["A"]
    assert second.episodes is None


def test_real_films_are_read() -> None:
    folder = data_file("tmdb")
    files = sorted(folder.glob("movie_[0-9]*.json"))
    assert len(files) > 40
    for file in files:
        answer = json.loads(file.read_text("utf-8"))
        found = shapes.film_details(answer, answer["id"])
        assert found.facts.title == answer["title"].strip()
        assert found.runtime_min == (answer["runtime"] or None)
        assert found.facts.poster == answer["poster_path"]
        assert found.imdb_id == (answer["imdb_id"] or "")
        assert len(found.facts.genres) == len(answer["genres"])


def test_real_lists_changes_and_genres_are_read() -> None:
    folder = data_file("tmdb")
    for file in folder.glob("*page_*.json"):
        answer = json.loads(file.read_text("utf-8"))
        if "changes" in file.name:
            assert len(shapes.changes_page(answer).ids) == len({one["id"] for one in answer["results"]})
            continue
        medium = Medium.SHOW if "_tv_" in file.name else Medium.MOVIE
        found = shapes.list_page(answer, medium)
        assert [one.tmdb_id for one in found.rows] == [one["id"] for one in answer["results"]]
        assert found.pages == answer["total_pages"]
    for file in folder.glob("genre_*.json"):
        assert len(shapes.genre_names(json.loads(file.read_text("utf-8")))) > 10
    place = shapes.image_place(json.loads((folder / "configuration.json").read_text("utf-8")))
    assert place.base.startswith("https://")
    assert {"w185", "w342", "w500", "w780"} <= place.sizes


def test_real_shows_are_read_with_the_seasons_that_are_there() -> None:
    folder = data_file("tmdb")
    read = 0
    for file in (one for one in folder.glob("tv_[0-9]*.json") if "season" not in one.name):
        answer = json.loads(file.read_text("utf-8"))
        for season in folder.glob(f"{file.stem}_season_*.json"):
            place = season.name.split("_season_")[1].split("-")[0]
            answer[f"season/{place}"] = json.loads(season.read_text("utf-8"))
        found = show_shapes.show_details(answer, answer["id"])
        assert {one.number for one in found.seasons} == {one["season_number"] for one in answer["seasons"]}
        for one in found.seasons:
            raw = answer.get(f"season/{one.number}")
            assert (one.episodes is None) is (raw is None)
            if raw is not None:
                assert len(one.episodes or ()) == len({episode["episode_number"] for episode in raw["episodes"]})
                read += 1
    assert read > 30
