"""The JSON of list_movies.json."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Misread
from nightcrew.movies.indexers.base import Found, Wanted
from nightcrew.movies.indexers.list_json import MOST_MOVIES, MOST_TORRENTS, found_of, movies_of, name_of

SAVED = json.loads((Path(__file__).parent / "answers" / "list_movies.json").read_text())
BASE = "https://films.example/api/v2/list_movies.json?query_term=tt0063350"
NIGHT = Wanted("tt0063350", 10331, "Night of the Living Dead", "", 1968)


def answer(*movies: Any, **data: Any) -> dict[str, Any]:
    return {"status": "ok", "data": {"movie_count": len(movies), "movies": list(movies), **data}}


def test_the_torrents_of_the_film_and_of_no_other() -> None:
    small, large = found_of(SAVED, BASE, NIGHT)
    assert small == Found(
        guid="00112233445566778899aabbccddeeff00112233",
        title="Night of the Living Dead 1968 720p BluRay x264 2.0",
        link="https://films.example/torrent/download/00112233445566778899AABBCCDDEEFF00112233",
        magnet="",
        info_hash="00112233445566778899aabbccddeeff00112233",
        size=855_113_728,
        seeds=20,
        leechers=7,
        published_at=datetime.fromtimestamp(1_446_333_320, UTC),
        imdb_id="tt0063350",
        year=1968,
    )
    assert large.title == "Night of the Living Dead 1968 2160p WEBRip x265 10bit 5.1 REPACK"
    assert large.link == "https://films.example/api/v2/torrent/download/FFEEDDCCBBAA99887766554433221100FFEEDDCC"
    assert (large.seeds, large.leechers) == (0, 0)


def test_without_an_id_all_films_come() -> None:
    assert [one.year for one in found_of(SAVED, BASE, replace(NIGHT, imdb_id=""))] == [1968, 1968, 1990]


def test_no_films_is_an_answer() -> None:
    for data in ({"movie_count": 0}, {}, {"movie_count": 0, "movies": []}, {"movies": None}):
        assert movies_of({"status": "ok", "data": data}) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (None, "something else"),
        ([], "something else"),
        ({}, "something else"),
        ({"status": "error", "status_message": "Query failed\n"}, "it failed: Query failed"),
        ({"status": "error"}, "it failed"),
        ({"status": "ok"}, "no data"),
        ({"status": "ok", "data": []}, "no data"),
        ({"status": "ok", "data": {"movie_count": 3}}, "no films"),
        ({"status": "ok", "data": {"movies": {}}}, "no films"),
        ({"status": "ok", "data": {"movie_count": 1_000_000_000, "movies": None}}, "no films"),
        ({"status": "ok", "data": {"movies": ["a", 1]}}, "no films"),
    ],
)
def test_what_is_no_list_of_films_is_misread(wrong: Any, words: str) -> None:
    with pytest.raises(Misread, match=words):
        movies_of(wrong)


def test_films_and_torrents_have_limits() -> None:
    assert (MOST_MOVIES, MOST_TORRENTS) == (100, 50)
    torrent = {"hash": "0f" * 20}
    film = {"imdb_code": "tt0063350", "title": "A", "torrents": [torrent] * (MOST_TORRENTS + 3)}
    assert len(movies_of(answer(*[film] * (MOST_MOVIES + 3)))) == MOST_MOVIES
    assert len(found_of(answer(film), BASE, NIGHT)) == MOST_TORRENTS


def test_what_is_wrong_in_a_film_leaves_the_rest() -> None:
    film = {"imdb_code": "tt0063350", "title": "A", "torrents": [None, {}, {"hash": "x"}, {"url": "/t/1"}]}
    (one,) = found_of(answer("b", film), BASE, NIGHT)
    assert (one.link, one.title, one.info_hash, one.published_at) == ("https://films.example/t/1", "A", "", None)
    assert len(one.guid) == 64
    assert found_of(answer({"imdb_code": "tt0063350", "title": "", "torrents": [{"url": "/t/1"}]}), BASE, NIGHT) == []
    assert found_of(answer({"imdb_code": "tt0063350", "title": "A", "torrents": {}}), BASE, NIGHT) == []


def test_dates_before_torrents_are_none() -> None:
    film = {"imdb_code": "tt0063350", "title": "A"}
    for seconds, there in (
        (0, False),
        (10, False),
        (1_446_333_320, True),
        (9_999_999_999, False),
        ("1446333320", True),
    ):
        torrent = {"hash": "0f" * 20, "date_uploaded_unix": seconds}
        (one,) = found_of(answer({**film, "torrents": [torrent]}), BASE, NIGHT)
        assert (one.published_at is not None) is there


def test_names_are_made_of_what_is_there() -> None:
    film = {"title": "A", "title_english": "The A", "year": 1968}
    assert name_of(film, {}) == "The A 1968"
    assert name_of({"title": "A"}, {"quality": "1080p", "type": "DVD", "bit_depth": "8"}) == "A 1080p DVDRip"
    assert name_of({"title": "A"}, {"type": "Laserdisc", "bit_depth": 9, "is_repack": 1}) == "A Laserdisc 9bit REPACK"
    assert name_of({"title": "A"}, {"is_repack": "0", "bit_depth": "many"}) == "A"
    assert name_of({"title": "A"}, {"is_repack": 2}) == name_of({"title": "A"}, {"is_repack": False}) == "A"
    assert name_of({"title": "A"}, {"bit_depth": 16}) == "A 16bit"
    assert name_of({"title": "A"}, {"bit_depth": 17}) == "A"
    assert name_of({"title": "t" * 201}, {"quality": "q" * 21, "type": "k" * 21, "video_codec": "c" * 21}) == (
        f"{'t' * 200} {'q' * 20} {'k' * 20} {'c' * 20}"
    )
    assert name_of({"title": "A"}, {"audio_channels": "5.1 channels"}) == "A 5.1 c"
    assert name_of({"year": 1968}, {"quality": "1080p"}) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "data",
                    "movies",
                    "movie_count",
                    "torrents",
                    "hash",
                    "url",
                    "imdb_code",
                    "title",
                    "year",
                    "seeds",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.booleans())
def test_whatever_comes_is_a_list_or_misread(value: Any, wrapped: bool) -> None:
    try:
        found = found_of(
            answer({"title": "A", "torrents": [value]}, value) if wrapped else value, BASE, replace(NIGHT, imdb_id="")
        )
    except Misread:
        return
    for one in found:
        assert one.link or one.info_hash
        one.title.encode()
