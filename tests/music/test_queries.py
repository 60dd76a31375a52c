"""What the network is asked for a track."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.slskd.queries import ladder


def test_the_ladder_hides_the_artist_then_leaves_it_out() -> None:
    track = WantedTrack("Come Together", ("The Beatles",), "Abbey Road")
    assert ladder(track) == [
        "Beatles Come Together",
        "*eatles Come Together",
        "Come Together Abbey Road",
        "Come Together",
    ]


@pytest.mark.parametrize(
    ("title", "terms"),
    [
        ("Hurt (Remastered 2011)", "Hurt"),
        ("Hurt (feat. Somebody)", "Hurt"),
        ("Hurt (Live)", "Hurt Live"),
        ("Don't Stop -now-", "Dont Stop now"),
        ("-excluded- word", "excluded word"),
        ("I Want a Dog", "Want Dog"),
        ("上を向いて歩こう", "上を向いて歩こう"),
        ("7", "7"),
    ],
)
def test_terms_are_those_that_every_file_has_and_the_server_takes(title: str, terms: str) -> None:
    assert ladder(WantedTrack(title, ("Nine Inch Nails",)))[-1] == terms


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_no_query_excludes_anything_and_none_comes_twice(title: str, artist: str, album: str) -> None:
    steps = ladder(WantedTrack(title, (artist,), album))
    assert len(set(steps)) == len(steps)
    for step in steps:
        assert step.strip() == step and step
        assert not any(term.startswith("-") for term in step.split())
