"""What a channel's guide is found by: its id, then its names, with and without what they say of the picture."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.playlists import guide_matching as matching
from nightcrew.playlists.guide_matching import NameKey
from nightcrew.playlists.models import MAX_NAME, Channel, Stream
from nightcrew.playlists.rules import ListEntry


def stream(feed: int, **attributes: str) -> Stream:
    row: dict[str, Any] = dict.fromkeys(Stream.__dataclass_fields__) | {"feed_id": feed, "attributes": attributes}
    return Stream(**row)


def channel(name: str, *streams: Stream, edited: tuple[str, ...] = ()) -> Channel:
    row: dict[str, Any] = dict.fromkeys(Channel.__dataclass_fields__)
    return Channel(**(row | {"name": name, "feed_id": 1, "edited": edited, "streams": streams}))


def test_ids_are_compared_without_case_and_to_a_length() -> None:
    assert matching.id_key("ARD.de") == matching.id_key("ard.DE")
    assert len(matching.id_key("x" * (MAX_NAME + 5))) == MAX_NAME


def test_an_id_is_known_without_what_a_list_says_of_the_feed() -> None:
    assert matching.without_feed("x.1@sd") == "x.1"
    for other in ("x.1", "@sd", "x.1@", "me@example.net", "x.1@plus1", "x.1@West"):
        assert matching.without_feed(other) == other


def test_a_guide_may_spell_the_ids_of_a_channel_in_different_ways() -> None:
    found = matching.Spellings(100)
    assert found.of_channel("x18q") == "x18q"
    assert [found.of_programme(one) for one in ("X18Q", "x18q", "Y", "y")] == ["x18q", "x18q", "Y", "Y"]
    assert found.of_channel("y") == "Y", "its programmes came first"


def test_channels_that_a_guide_declares_in_two_cases_remain_two() -> None:
    found = matching.Spellings(100)
    for one in ("AbC", "aBc"):
        assert found.of_channel(one) == one
        assert found.of_programme(one) == one
    assert found.of_programme("abc") == "AbC"


@given(st.lists(st.tuples(st.booleans(), st.text("aAbB", min_size=1, max_size=2)), max_size=20), st.integers(0, 5))
def test_a_spelling_changes_nothing_but_case(rows: list[tuple[bool, str]], most: int) -> None:
    found = matching.Spellings(most)
    for declared, one in rows:
        own = found.of_channel(one) if declared else found.of_programme(one)
        assert own.casefold() == one.casefold()


def test_a_guides_names_are_known_with_and_without_the_picture() -> None:
    assert list(matching.name_keys(["News HD", "News"])) == [
        NameKey("news hd"),
        NameKey("news", bare=True),
        NameKey("news"),
    ]
    assert list(matching.name_keys(["HD"])) == [NameKey("hd")], "a name is never nothing"


def test_a_channel_asks_for_its_names_the_surest_first() -> None:
    assert matching.wanted_keys(channel("News HD")) == [
        NameKey("news hd"),
        NameKey("news"),
        NameKey("news", bare=True),
    ]
    assert matching.wanted_keys(channel("News")) == [NameKey("news"), NameKey("news", bare=True)]


def test_what_the_list_says_besides_comes_first_unless_a_person_named_the_channel() -> None:
    said = stream(1, **{"tvg-name": "Das Erste"})
    other = stream(2, **{"tvg-name": "Other"})
    keys = [key.key for key in matching.wanted_keys(channel("ARD", other, said))]
    assert keys == ["das erste", "ard", "ard"]
    renamed = matching.wanted_keys(channel("ARD", said, edited=("name",)))
    assert [key.key for key in renamed] == ["ard", "ard"]
    assert matching.wanted_keys(channel("ARD", said, edited=("guide_id",))) == []


def test_the_attributes_are_those_of_the_list_that_made_the_channel() -> None:
    assert matching.lead_attributes([stream(2, a="x"), stream(1, b="y"), stream(1, c="z")], 1) == {"b": "y"}
    assert matching.lead_attributes([stream(2, a="x")], 1) == {}


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("1", 60),
        ("-3", -180),
        ("+1.5", 90),
        ("1,5", 90),
        ("-03:30", -210),
        ("03:30", 210),
        ("-0:30", -30),
        (" 2 ", 120),
        ("24", 1440),
        ("-24", -1440),
        ("24:01", 0),
        ("25", 0),
        ("", 0),
        ("soon", 0),
        ("1:x", 0),
        ("inf", 0),
        ("nan", 0),
    ],
)
def test_hours_of_a_shift_in_minutes(text: str, minutes: int) -> None:
    assert matching.shift_minutes(text) == minutes


def test_a_source_shifts_all_of_its_entries() -> None:
    entry = ListEntry("A", "http://192.0.2.1/1", attributes={"tvg-shift": "1", "x": "y"})
    assert matching.later_by(30)(entry).attributes == {"tvg-shift": "1.5", "x": "y"}
    assert matching.later_by(0)(entry) is entry
