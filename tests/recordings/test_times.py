"""Lengths of time and moments as people write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import example, given
from hypothesis import strategies as st

from nightcrew.recordings.times import LONGEST, moment_of, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("90m", 5400),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1 h 30 m", 5400),
        (" 1D ", 86_400),
        ("1.5h", 5400),
        ("0h20m", 1200),
        ("1d2h3m4.5s", 93_784.5),
    ],
)
def test_a_length_is_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("90", "'90' does not say what 90 is; write 90s, 90m or 90h"),
        ("1h30", "does not say what 30 is"),
        ("2x", "the unit 'x'"),
        ("2min", "the unit 'min', which there is not; units are d, h, m, s"),
        ("-5m", "no number at '-5m'"),
        ("h", "no number at 'h'"),
        ("1h,30m", "no number at ',30m'"),
        ("30m1h", "h after m"),
        ("1h1h", "h after h"),
        ("0s", "no time at all"),
        ("366d", "longer than a year"),
        ("9" * 400 + "s", "longer than a year"),
        ("1e3s", "the unit 'e'"),
        ("٣h", "no number"),
    ],
)
def test_what_is_wrong_with_a_length_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        seconds_of(text)
    assert words in str(caught.value)


@given(st.text(max_size=30))
@example("nan h")
def test_any_text_is_a_length_or_a_sentence(text: str) -> None:
    try:
        found = seconds_of(text)
    except ValueError:
        return
    assert math.isfinite(found)
    assert 0 < found <= LONGEST


def test_a_moment_is_read_with_its_zone_or_in_this_machines() -> None:
    assert moment_of("2026-12-31T22:15Z") == datetime(2026, 12, 31, 22, 15, tzinfo=UTC)
    assert moment_of("2026-12-31T22:15+01:00") == datetime(2026, 12, 31, 21, 15, tzinfo=UTC)
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC)):
        local = moment_of(" 2026-12-31 22:15 ")
    assert local == datetime(2026, 12, 31, 22, 15).astimezone()
    assert abs(local - datetime(2026, 12, 31, 22, 15, tzinfo=UTC)) < timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tonight", "'tonight' is no moment"),
        ("22:15", "'22:15' is no moment"),
        ("2026-12-31", "no time of day; write for instance 2026-12-31T22:15"),
        ("2026-02-30T10:00", "is no moment"),
        ("", "is no moment"),
        ("9999-12-31T23:59-10:00", "is no moment"),
        ("0001-01-01T00:00+10:00", "is no moment"),
    ],
)
def test_what_is_wrong_with_a_moment_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        moment_of(text)
    assert words in str(caught.value)
