"""Where a track lies in the library, whether a file is what it was said to be, and whether the library has it already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.listener.wire import Heard
from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.models import REFUSED, LibraryTrack
from nightcrew.music.naming import TEMPLATE, place_of, problem_with
from nightcrew.music.owned import owned, title_key
from nightcrew.music.quality import QualityRules
from nightcrew.music.verify import problem_of, too_poor

TRACK = WantedTrack("Haul Away Joe", ("The Corsairs",), "Leave Her, Johnny", 215.0, 3)


def test_the_usual_place() -> None:
    assert str(place_of(TEMPLATE, TRACK, "flac")) == "The Corsairs/Leave Her, Johnny/03 Haul Away Joe.flac"
    assert str(place_of(TEMPLATE, replace(TRACK, album="", number=None), "mp3")) == "The Corsairs/Haul Away Joe.mp3"


def test_a_name_never_leads_out_of_the_library() -> None:
    evil = WantedTrack("../../etc/passwd", ("..",), "/etc")
    found = place_of(TEMPLATE, evil, "mp3")
    assert not found.is_absolute() and ".." not in found.parts


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300), st.integers(60, 300))
def test_any_names_give_a_place_that_file_systems_take(title: str, artist: str, album: str, longest: int) -> None:
    found = place_of(TEMPLATE, WantedTrack(title, (artist,), album), "flac", longest)
    assert isinstance(found, PurePosixPath) and not found.is_absolute()
    for part in found.parts:
        assert part not in {"", ".", ".."} and len(part.encode()) <= max(100, longest)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (TEMPLATE, ""),
        ("{artist} - {title}", ""),
        ("{artist}/{year}/{title}", "{year}"),
        ("{artist}", "{title} is missing"),
        ("/music/{title}", "inside"),
        ("../{title}", "inside"),
        ("{artist/{title}", "brace"),
    ],
)
def test_templates(template: str, problem: str) -> None:
    assert problem in problem_with(template)
    assert bool(problem) == bool(problem_with(template))


# -- verified ----------------------------------------------------------------------------------------------------------

GOOD = Heard("flac", "flac", 215.0, 215.0, 0, 900, 44100, None, {"title": "Haul Away Joe", "artist": "The Corsairs"})


def problem(
    heard: Heard, path: str = "x\\03 - Haul Away Joe.flac", *, size: int = 10, track: WantedTrack = TRACK
) -> str:
    return problem_of(heard, track, path, size=size, advertised=10, seconds=215.0)


@pytest.mark.parametrize(
    "heard",
    [
        GOOD,
        replace(GOOD, tags={}),
        replace(GOOD, decoded=217.9),
        replace(GOOD, declared=None),
        replace(GOOD, broken=1),
        replace(GOOD, tags={"title": "Track 3", "artist": "Unknown Artist"}),
        replace(GOOD, tags={"title": "Haul Away Joe (Remastered)", "artist": "Corsairs"}),
    ],
)
def test_a_good_file_is_taken(heard: Heard) -> None:
    assert problem(heard) == ""


@pytest.mark.parametrize(
    ("heard", "why"),
    [
        (Heard(failed="it cannot be opened: invalid data"), "cannot be opened"),
        (replace(GOOD, container="mp3", codec="mp3float"), "mislabelled: it ends in .flac and is mp3"),
        (replace(GOOD, decoded=130.0), "truncated: 130 of 215 s"),
        (replace(GOOD, decoded=0.0), "damaged"),
        (replace(GOOD, broken=40), "damaged"),
        (replace(GOOD, declared=260.0, decoded=260.0), "wrong length: 260 s instead of 215"),
        (replace(GOOD, cutoff=16_000.0), "transcoded from a lossy file"),
        (replace(GOOD, tags={"title": "Haul Away Joe (Live)", "artist": "The Corsairs"}), "its tags say"),
        (replace(GOOD, tags={"title": "Another", "artist": "Somebody"}), "its tags say"),
    ],
)
def test_a_bad_file_is_not(heard: Heard, why: str) -> None:
    assert why in problem(heard)


def test_bytes_that_are_missing_are_seen_first() -> None:
    assert "9 of 10 bytes" in problem(GOOD, size=9)


def test_without_a_length_of_the_track_that_of_the_peer_counts() -> None:
    unknown = replace(TRACK, seconds=None)
    assert "wrong length" in problem(replace(GOOD, declared=100.0, decoded=100.0), track=unknown)


# -- owned -------------------------------------------------------------------------------------------------------------


def in_library(title: str, artist: str = "The Corsairs", *, seconds: float | None = 215.0, **more: str) -> LibraryTrack:
    values = {"album": "", "isrc": "", "mbid": "", **more}
    return LibraryTrack(
        id=1, place="x", key=title, title=title, artist=artist, seconds=seconds, title_key=title_key(title),
        size=1, changed=0.0, wanted_id=None, **values,
    )  # fmt: skip


@pytest.mark.parametrize(
    "one",
    [
        in_library("Haul Away Joe"),
        in_library("Haul Away, Joe (2011 Remaster)", "Corsairs"),
        in_library("HAUL AWAY JOE", "The Corsairs feat. Guest", seconds=None),
        in_library("Hale di Joe", "Die Korsaren", isrc="GBAYE0601498"),
    ],
)
def test_the_library_has_it(one: LibraryTrack) -> None:
    assert owned({7: replace(TRACK, isrc="GB-AYE-06-01498")}, [one]) == {7: one}


@pytest.mark.parametrize(
    "one",
    [
        in_library("Haul Away Joe (Live)"),
        in_library("Haul Away Joe", "Somebody Else"),
        in_library("Haul Away Joe, Pt. 2"),
        in_library("Haul Away Joe", seconds=400.0),
        in_library("Johnny"),
    ],
)
def test_the_library_has_another_one(one: LibraryTrack) -> None:
    assert owned({7: TRACK}, [one]) == {}


@pytest.mark.parametrize(
    ("wrong", "hidden"),
    [
        (in_library("Haul Away Joe"), True),
        (in_library("Haul Away Joe", "Various Artists"), True),  # as another library calls the same file
        (in_library("Haul Away Joe", "Corsairs & Friends"), True),
        (in_library("Haul Away Joe", "A Cover Band"), False),
        (in_library("Haul Away Joe", seconds=300.0), False),
    ],
)
def test_the_wrong_song_hides_that_file_and_no_other(wrong: LibraryTrack, hidden: bool) -> None:
    there = in_library("Haul Away Joe")
    found = owned({7: TRACK}, [replace(wrong, id=99, place=REFUSED, wanted_id=7), there])
    assert found == ({} if hidden else {7: there})


@pytest.mark.parametrize(
    ("path", "rate", "poor"),
    [
        ("x.mp3", 128, "it has 128 kbit/s"),
        ("x.mp3", 185, ""),
        ("x.mp3", 320, ""),
        ("x.opus", 96, "it has 96 kbit/s"),
        ("x.flac", 128, ""),
    ],
)
def test_a_file_is_as_good_as_its_bytes_whatever_its_peer_said(path: str, rate: int, poor: str) -> None:
    size = round(GOOD.decoded * rate * 1000 / 8)
    assert too_poor(replace(GOOD, bitrate=320), path, size=size, rules=QualityRules(192)) == poor
