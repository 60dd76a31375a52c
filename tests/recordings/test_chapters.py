"""Chapters, the texts of a film (read back by libav), and NFO files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from films import films, recorded, source
from nightcrew.muxer import joining
from nightcrew.muxer.wire import Container, FilmOrder
from nightcrew.recordings import nfo
from nightcrew.recordings.chapters import Chapter, Titled, chapters, length, plain

AUGUST = datetime(2026, 8, 3, 23, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Hole:
    start: float
    seconds: float


def shown(titles: Sequence[Titled], gaps: Sequence[Hole], duration: float) -> list[tuple[float, str]]:
    return [(one.start, one.title) for one in chapters(titles, gaps, duration)]


# -- where chapters begin ----------------------------------------------------------------------------------------------


def test_chapters_begin_at_the_start_at_each_change_and_at_each_gap() -> None:
    titles = [Titled(0, "Warm-up", "Chess"), Titled(600, "Final", "Chess"), Titled(900, "Final", "Just Chatting")]
    assert shown(titles, [Hole(700, 8)], 1000) == [
        (0, "Warm-up (Chess)"),
        (600, "Final (Chess)"),
        (700, "Gap of 8 s · Final (Chess)"),
        (900, "Final (Just Chatting)"),
    ]


def test_a_title_that_is_said_again_begins_nothing() -> None:
    assert shown([Titled(0, "A"), Titled(50, "A"), Titled(70, "A")], [], 100) == [(0, "A")]


def test_a_title_of_the_last_second_has_a_chapter_when_a_second_is_left_for_it() -> None:
    assert shown([Titled(0, "A"), Titled(9, "B")], [], 10) == [(0, "A"), (9, "B")]
    assert shown([Titled(0, "A"), Titled(9.1, "B")], [], 10) == [(0, "A")]


def test_what_is_a_second_apart_has_two_chapters() -> None:
    assert shown([Titled(0, "A"), Titled(1, "B"), Titled(1.9, "C")], [], 10) == [(0, "A"), (1, "C")]


def test_a_gap_of_no_length_is_none() -> None:
    assert shown([Titled(0, "A"), Titled(5.5, "B")], [Hole(5, 0)], 10) == [(0, "A"), (5.5, "B")]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0.4 s"), (59.4, "59 s"), (59.5, "1 min 0 s"), (3599.4, "59 min 59 s"), (3600, "1 h 0 min")],
)
def test_a_length_is_told_as_a_person_says_it(seconds: float, said: str) -> None:
    assert length(seconds) == said


def test_a_recording_of_which_nothing_is_known_is_one_chapter() -> None:
    assert chapters([], [], 12.5) == [Chapter(0, 12.5, "Recording")]
    assert shown([Titled(5, "A")], [], 10) == [(0, "Recording"), (5, "A")]
    assert shown([Titled(-40, "old"), Titled(-3, "A")], [], 10) == [(0, "A")], "set before the recording began"


def test_what_comes_within_a_second_is_one_chapter_and_its_gaps_are_added() -> None:
    titles = [Titled(0, "A"), Titled(0.4, "B"), Titled(30, "C"), Titled(30.9, "D")]
    gaps = [Hole(30.2, 2), Hole(30.5, 6)]
    assert shown(titles, gaps, 60) == [(0, "B"), (30, "Gap of 8 s · D")]


def test_a_gap_at_the_very_end_is_still_listed() -> None:
    assert shown([Titled(0, "A"), Titled(59.8, "B")], [Hole(60, 8)], 60) == [(0, "A"), (59, "Gap of 8 s · A")]


def test_a_file_without_length_has_no_chapters() -> None:
    assert chapters([Titled(0, "A")], [Hole(0, 8)], 0) == []


@given(
    st.lists(st.builds(Titled, st.floats(-10, 200), st.sampled_from("AB"), st.sampled_from(["", "C"])), max_size=8),
    st.lists(st.builds(Hole, st.floats(0, 200), st.floats(0.1, 99)), max_size=8),
    st.floats(0.01, 150),
)
def test_chapters_cover_the_file_without_overlap_and_each_lasts_a_second(
    titles: list[Titled], gaps: list[Hole], duration: float
) -> None:
    found = chapters(titles, gaps, duration)
    assert found[0].start == 0
    assert found[-1].end == duration
    assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]
    assert all(one.end - one.start > 0.999 for one in found) or len(found) == 1
    for gap in gaps:
        place = min(gap.start, max(0.0, duration - 1))
        assert any(0 <= place - one.start < 1 for one in found if one.title.startswith("Gap")), "listed at its place"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.04 s"), (8, "8 s"), (12.34, "12 s"), (59.9, "1 min 0 s"), (125, "2 min 5 s"), (3661, "1 h 1 min")],
)
def test_a_length_is_said_as_a_person_says_it(seconds: float, words: str) -> None:
    assert length(seconds) == words


# -- ffmpeg's file of metadata -----------------------------------------------------------------------------------------

HARD = [
    "plain",
    "a=b;c#d\\e",
    "; starts like a comment",
    "# so does this",
    "[CHAPTER]",
    "two\nlines\nof [CHAPTER]\nSTART=5",
    "ends with a backslash\\",
    "\\\n\\=",
    "\n\\\\",
    "long " + "é=" * 400,
    "“quotes” 'single' \"double\" `back` $HOME %d",
    "emoji 👨‍👩‍👧‍👦 🎉 and ümläut",
]


def test_no_control_character_is_left() -> None:
    assert plain("a\0b\rc\x1b\ud800\td") == "ab\nc\td"
    (one,) = chapters([Titled(0.0, "a\0b")], [], 5.0)
    assert one.title == "ab"


@pytest.mark.parametrize("container", [".mp4", ".mkv"])
@pytest.mark.parametrize("value", HARD)
def test_a_film_has_the_texts_that_were_given(value: str, container: str, tmp_path: Path) -> None:
    listed = (Chapter(0, 1.25, value), Chapter(1.25, 2.0, f"{value} again"))
    (film,) = films(recorded(tmp_path / "rec", [source("plain", 0)]))
    target = tmp_path / f"film{container}"
    form: Container = "mp4" if container == ".mp4" else "matroska"
    tags = {"title": value, "show": value}
    order = FilmOrder(str(target), form, tuple(film.slots), film.stretches(), tags, listed)
    joining.make(order, lambda _count: None, lambda: None)
    with av.open(str(target)) as found:
        known = {name.lower(): text for name, text in found.metadata.items()}
        assert [known[name] for name in ("title", "show")] == [value, value]
        read = [(float(one["start"] * (one["time_base"] or 0)), one["metadata"]["title"]) for one in found.chapters()]
        assert read == [(one.start, one.title) for one in listed]


# -- NFO files ---------------------------------------------------------------------------------------------------------


def test_an_episode_says_what_kodi_and_jellyfin_look_for() -> None:
    gaps = [Hole(3723.9, 8), Hole(7300, 125)]
    written = nfo.episode(
        title="<Final> & more",
        streamer="Ada",
        started_at=AUGUST,
        number=7,
        duration=5430,
        uid="42",
        category="Chess",
        gaps=gaps,
    )
    root = ET.fromstring(written)
    assert root.tag == "episodedetails"
    assert {one.tag: one.text for one in root} == {
        "title": "<Final> & more",
        "showtitle": "Ada",
        "season": "202608",
        "episode": "7",
        "aired": "2026-08-03",
        "premiered": "2026-08-03",
        "plot": "Category: Chess\nAt 1:02:03, 8 s are missing.\nAt 2:01:40, 2 min 5 s are missing.",
        "runtime": "90",
        "genre": "Chess",
        "uniqueid": "42",
    }
    unique = root.find("uniqueid")
    assert unique is not None and unique.attrib == {"type": "nightcrew", "default": "true"}
    assert written.startswith(b"<?xml version='1.0' encoding='utf-8'?>")


def test_what_is_not_known_is_left_out() -> None:
    root = ET.fromstring(nfo.episode(title="A", streamer="Ada", started_at=AUGUST, number=1, duration=3, uid="1"))
    assert root.find("plot") is None and root.find("genre") is None
    assert root.findtext("runtime") == "1"


@given(st.text(st.one_of(st.characters(), st.sampled_from("\0\x0b\ud800\ufffe\uffff]]><&\"'")), min_size=1))
def test_any_text_gives_xml_that_can_be_read(text: str) -> None:
    root = ET.fromstring(nfo.show(f"x{text}x"))
    found = root.findtext("title") or ""
    assert found[0] == found[-1] == "x"
    allowed = [char for char in text if char.isprintable() and char.isascii()]
    assert [char for char in found[1:-1] if char.isprintable() and char.isascii()] == allowed


@pytest.mark.parametrize(
    ("start", "place"), [(-3.0, "0:00:00"), (0.0, "0:00:00"), (59.9, "0:00:59"), (3725.0, "1:02:05")]
)
def test_the_place_of_a_gap_is_told_by_the_clock_of_the_file(start: float, place: str) -> None:
    written = nfo.episode(
        title="A", streamer="Ada", started_at=AUGUST, number=1, duration=9, uid="1", gaps=[Hole(start, 8)]
    )
    assert f"<plot>At {place}, 8 s are missing.</plot>".encode() in written


def test_a_person_can_read_the_file() -> None:
    assert b"\n  <title>Ada</title>\n" in nfo.show("Ada")
