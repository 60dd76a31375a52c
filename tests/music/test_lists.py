"""Lists of wanted tracks that people have in files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.music.lists import MOST, ListedTrack, read
from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.naming import place_of
from nightcrew.music.rules import key_of
from nightcrew.music.slskd.queries import ladder


def test_an_m3u_says_length_artist_and_title() -> None:
    text = "\ufeff#EXTM3U\n#EXTINF:215,The Corsairs - Haul Away Joe\n../x.mp3\n#EXTINF:-1,No Dash Here\ny.mp3\n"
    found = read(text)
    assert found.tracks == (ListedTrack("Haul Away Joe", ("The Corsairs",), seconds=215.0),)
    assert (found.unread, found.problems) == (1, ("line 4: 'No Dash Here' is not `artist - title`",))


EXPORTIFY = (
    "Track URI,Track Name,Artist Name(s),Album Name,Track Duration (ms),Popularity,ISRC\n"
    'spotify:track:1,"Leave Her, Johnny","The Corsairs;Guest","Songs, Vol. 2",215000,55,GBAYE0601498\n'
    "spotify:track:2,,Nobody,,1,0,\n"
)


def test_a_csv_of_a_streaming_service() -> None:
    found = read(EXPORTIFY)
    assert found.tracks == (
        ListedTrack(
            "Leave Her, Johnny", ("The Corsairs", "Guest"), "Songs, Vol. 2", 215.0, None, "GBAYE0601498", "", 55
        ),
    )
    assert found.problems == ("line 3: it has no title or no artist",)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Artist;Title;Duration\nA;B;3:35\n", 215.0),
        ("artist\ttitle\ttime\nA\tB\t1:00:05\n", 3605.0),
        ("Title,Artist,Length\r\nB,A,215.5\r\n", 215.5),
        ("Title,Artist,Length\nB,A,soon\n", None),
    ],
)
def test_other_tables(text: str, seconds: float | None) -> None:
    assert read(text).tracks == (ListedTrack("B", ("A",), seconds=seconds),)


def test_plain_lines_with_remarks_and_dashes() -> None:
    found = read("# my songs\n\nA – B\nC — D - E\nnothing\n")
    assert [(one.artists, one.title) for one in found.tracks] == [(("A",), "B"), (("C",), "D - E")]
    assert found.unread == 1


NAMES = [
    ("Tyler, The Creator", ("Tyler, The Creator",)),
    ("Sarah, the Illstrumentalist", ("Sarah, the Illstrumentalist",)),
    ("Earth, Wind & Fire", ("Earth, Wind & Fire",)),
    ("Peter, Paul and Mary", ("Peter, Paul and Mary",)),
    ("Crosby, Stills, Nash & Young", ("Crosby, Stills, Nash & Young",)),
    ("Grover Washington, Jr.", ("Grover Washington, Jr.",)),
    ("Beatles, The", ("The Beatles",)),
    ("Tyler, The Creator, Kali Uchis", ("Tyler, The Creator", "Kali Uchis")),
    ("Queen, David Bowie", ("Queen", "David Bowie")),
    ("Queen / David Bowie", ("Queen", "David Bowie")),
    ("Tyler, The Creator;A, B", ("Tyler, The Creator", "A, B")),
    ("10,000 Maniacs", ("10,000 Maniacs",)),
]


@pytest.mark.parametrize(("credit", "artists"), NAMES)
def test_a_comma_may_be_part_of_a_name(credit: str, artists: tuple[str, ...]) -> None:
    for text in (f"{credit} - Song", f"#EXTM3U\n#EXTINF:1,{credit} - Song", f'Title,Artist\nSong,"{credit}"'):
        assert read(text).tracks[0].artists == artists


@pytest.mark.parametrize("artist", ["Tyler, The Creator", "Earth, Wind & Fire", "The Beatles"])
def test_a_plain_list_and_a_service_mean_the_same_track(artist: str) -> None:
    """Its key, its first query and its folder are those of the artist, as Spotify names it."""
    listed = read(f"{artist} - Song").tracks[0]
    assert key_of(listed.title, listed.artists[0]) == key_of("Song", artist)
    track = WantedTrack(listed.title, listed.artists)
    assert ladder(track) == ladder(WantedTrack("Song", (artist,)))
    assert place_of("{artist}/{title}", track, "mp3").parts[0] == artist


@pytest.mark.parametrize("text", ["", "\n\n", "# only remarks", "no dash", "#EXTM3U\n", "Title,Artist\n", '"'])
def test_a_list_without_a_track_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no track that can be read"):
        read(text)


def test_a_list_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="divide this one"):
        read("A - B\n" * (MOST + 1))


@given(st.text(max_size=400) | st.text(alphabet='",;\t\n\r#EXTINF:-0a', max_size=200))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    for begin in ("", "#EXTM3U\n#EXTINF:1,", "Title,Artist\n"):
        try:
            found = read(begin + text)
        except ValueError:
            continue
        for one in found.tracks:
            assert one.title and all(one.artists)
