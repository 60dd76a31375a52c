"""Times, sizes and strange texts as people read them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.words import duration, plain, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.001, "under 0.01 s"),
        (0.01, "0.01 s"),
        (0.25, "0.25 s"),
        (0.5, "0.5 s"),
        (0.994, "0.99 s"),
        (0.995, "1 s"),
        (1, "1 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (59.4, "59 s"),
        (59.5, "1 min"),
        (179, "2 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (3_660, "1 h 1 min"),
        (7_500, "2 h 5 min"),
        (36_060, "10 h"),
        (86_399, "23 h"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (864_000, "10 d"),
    ],
)
def test_a_length_of_time_has_one_unit_or_two_where_one_is_too_coarse(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@given(st.floats(0, 1e7))
def test_no_length_of_time_is_told_longer_than_it_is_by_more_than_its_last_digit(seconds: float) -> None:
    lengths = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
    words = duration(seconds).removeprefix("under ").split()
    told = sum(float(number) * lengths[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert told <= seconds + max(0.5, 0.01)
    assert told >= seconds - lengths[words[-1]]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (999.5, "1.0 kB"),
        (1_000, "1.0 kB"),
        (12_345, "12.3 kB"),
        (100_000, "100 kB"),
        (999_400, "999 kB"),
        (999_500, "1.0 MB"),
        (5_300_000_000, "5.3 GB"),
        (5_300_000_000_000, "5.3 TB"),
        (5_300_000_000_000_000, "5300.0 TB"),
    ],
)
def test_a_size_has_few_digits(count: float | None, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("text", "line"),
    [("one\ntwo\r\nthree\t", "one two  three"), ("\0\x1b[31mred", "[31mred"), ("a\ud800b", "a b"), (" é 🎬 ", "é 🎬")],
)
def test_a_text_of_another_machine_is_one_line_that_a_database_takes(text: str, line: str) -> None:
    assert plain(text) == line


@given(st.text(st.characters(exclude_categories=())))
def test_no_control_character_is_left(text: str) -> None:
    found = plain(text)
    assert not {unicodedata.category(char) for char in found} & {"Cc", "Cs"}
    assert plain(found) == found
    assert len(found) <= len(text)
