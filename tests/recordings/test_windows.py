"""Windows of time: read from text, and when they are open, also over midnight and on days on which the clock is changed."""

from __future__ import annotations

import os
import time as clock
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Invalid
from nightcrew.recordings import windows
from nightcrew.recordings.windows import DAYS, Margins, Occurrence, TimeWindow, following, parse

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def occurrence(found: Iterable[TimeWindow], now: datetime, zone: ZoneInfo | None = None) -> Occurrence | None:
    """The only one that is open."""
    several = windows.open_at(found, now, zone)
    assert len(several) <= 1
    return several[0] if several else None


def shown(one: Occurrence) -> tuple[str, str]:
    return one.begin.isoformat(timespec="minutes"), one.end.isoformat(timespec="minutes")


def open_at(now: datetime, *texts: str) -> tuple[str, str] | None:
    found = occurrence([parse(text) for text in texts], now, BERLIN)
    return None if found is None else shown(found)


def all_open_at(now: datetime, *texts: str, margins: Margins = windows.NONE) -> list[str]:
    found = windows.open_at([parse(text) for text in texts], now, BERLIN, margins=margins)
    return [f"{one.begin:%H:%M}-{one.end:%H:%M}" for one in found]


def next_after(now: datetime, *texts: str) -> str | None:
    found = following([parse(text) for text in texts], now, BERLIN)
    return None if found is None else found.isoformat(timespec="minutes")


# -- read --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "days", "on", "begin", "end"),
    [
        ("mon-fri 20:00-22:15", {0, 1, 2, 3, 4}, None, time(20), time(22, 15)),
        ("sat,sun 10:00-12:00", {5, 6}, None, time(10), time(12)),
        ("daily 23:30-00:30", set(range(7)), None, time(23, 30), time(0, 30)),
        ("fri-mon 8:05 - 9:00", {4, 5, 6, 0}, None, time(8, 5), time(9)),
        ("mon,wed-thu,sun 1:00-2:00", {0, 2, 3, 6}, None, time(1), time(2)),
        ("mon-mon 1:00-2:00", {0}, None, time(1), time(2)),
        ("sun-sat 1:00-2:00", set(range(7)), None, time(1), time(2)),
        ("  MON 1:00-2:00\n", {0}, None, time(1), time(2)),
        ("2026-12-31 20:00-23:30", set(), date(2026, 12, 31), time(20), time(23, 30)),
    ],
)
def test_each_form_of_the_help_is_understood(
    text: str, days: set[int], on: date | None, begin: time, end: time
) -> None:
    assert parse(text) == TimeWindow(frozenset(days), on, begin, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "20:00-22:00",
        "mon 20:00",
        "mon 20:00-20:00",
        "mon 24:00-01:00",
        "mon 20:60-21:00",
        "mon 200:00-21:00",
        "mon -1:00-21:00",
        "mon- 20:00-22:00",
        "-mon 20:00-22:00",
        "mon--fri 20:00-22:00",
        "mon,,tue 20:00-22:00",
        "mon, tue 20:00-22:00",
        "monday 20:00-22:00",
        "daily,mon 20:00-22:00",
        "2026-02-30 20:00-22:00",
        "0001-01-01 20:00-22:00",
        "9999-12-31 23:00-01:00",
        "2026-12-31,mon 20:00-22:00",
        "mon ２０:00-22:00",
        "mon 20:00-22:00; drop table",
        "mon 20:00-22:00\nmon 20:00-22:00",
    ],
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse(text)


PIECES = [
    "mon",
    "sun",
    "daily",
    "-",
    ",",
    " ",
    ":",
    "0",
    "9",
    "20:00",
    "24:00",
    "2026-02-29",
    "9999-12-31",
    "\x00",
    "Ω",
    "٣",
]


@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_hostile_text_is_refused_or_can_be_asked(text: str) -> None:
    try:
        found = parse(text)
    except Invalid:
        return
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert occurrence([found], now, BERLIN) is None or found.days
    assert following([found], now, BERLIN) is not None or found.on is not None


# -- open --------------------------------------------------------------------------------------------------------------


def test_a_window_is_open_from_its_beginning_to_just_before_its_end() -> None:
    window = "mon-fri 20:00-22:15"
    expected = ("2026-06-01T20:00+02:00", "2026-06-01T22:15+02:00")
    assert open_at(at("2026-06-01T19:59:59"), window) is None
    assert open_at(at("2026-06-01T20:00"), window) == expected
    assert open_at(at("2026-06-01T22:14:59"), window) == expected
    assert open_at(at("2026-06-01T22:15"), window) is None
    assert open_at(at("2026-06-06T21:00"), window) is None, "a Saturday"


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    window = "fri 23:30-00:30"
    expected = ("2026-06-05T23:30+02:00", "2026-06-06T00:30+02:00")
    assert open_at(at("2026-06-05T23:30"), window) == expected
    assert open_at(at("2026-06-06T00:29"), window) == expected
    assert open_at(at("2026-06-06T00:30"), window) is None
    assert open_at(at("2026-06-05T00:10"), window) is None, "that is Thursday's night"
    assert open_at(at("2026-06-06T23:40"), window) is None


def test_a_date_is_open_once() -> None:
    window = "2026-12-31 23:00-01:00"
    assert open_at(at("2027-01-01T00:30"), window) == ("2026-12-31T23:00+01:00", "2027-01-01T01:00+01:00")
    assert open_at(at("2026-12-31T00:30"), window) is None
    assert open_at(at("2027-12-31T23:30"), window) is None


def test_of_several_that_are_open_side_by_side_each_is_told_once() -> None:
    texts = ("mon 20:30-23:00", "mon 20:00-21:00", "mon 19:00-20:45", "daily 20:00-21:00")
    assert all_open_at(at("2026-06-01T20:40"), *texts) == ["19:00-20:45", "20:00-21:00", "20:30-23:00"]
    assert all_open_at(at("2026-06-01T20:10"), *texts) == ["19:00-20:45", "20:00-21:00"]
    assert all_open_at(at("2026-06-01T20:10"), "mon 19:00-23:00", "mon 20:00-20:30") == ["19:00-23:00", "20:00-20:30"]
    assert all_open_at(at("2026-06-01T20:10"), "mon 20:00-23:00", "mon 20:00-20:30") == ["20:00-20:30", "20:00-23:00"]
    assert all_open_at(at("2026-06-01T20:10")) == []


def test_the_time_before_and_after_belongs_to_a_window() -> None:
    five = Margins(timedelta(minutes=5), timedelta(minutes=10))
    texts = ("mon 20:00-21:00", "mon 21:00-22:00")
    for moment, expected in {
        "19:54:59": [],
        "19:55": ["20:00-21:00"],
        "20:54:59": ["20:00-21:00"],
        "20:55": ["20:00-21:00", "21:00-22:00"],
        "21:09:59": ["20:00-21:00", "21:00-22:00"],
        "21:10": ["21:00-22:00"],
        "22:10": [],
    }.items():
        assert all_open_at(at(f"2026-06-01T{moment}"), *texts, margins=five) == expected, moment
    found = following([parse(text) for text in texts], at("2026-06-01T19:55"), BERLIN, margins=five)
    assert found == at("2026-06-01T20:55")
    assert following([parse(texts[0])], at("2026-06-01T19:00"), BERLIN, margins=five) == at("2026-06-01T19:55")


def test_the_time_before_and_after_reaches_into_other_days() -> None:
    most = Margins(timedelta(minutes=windows.MAX_MARGIN), timedelta(minutes=windows.MAX_MARGIN))
    assert all_open_at(at("2026-06-01T21:00"), "tue 00:30-01:00", margins=most) == ["00:30-01:00"]
    assert all_open_at(at("2026-06-03T02:00"), "mon 23:00-22:30", margins=most) == ["23:00-22:30"]


def test_the_key_tells_one_occurrence_from_the_next() -> None:
    keys = [
        found.key
        for day in range(1, 8)
        for hour in (20, 21)
        for found in windows.open_at(
            [parse("daily 20:00-22:00"), parse("daily 20:00-23:00")], at(f"2026-06-0{day}T{hour}:30"), BERLIN
        )
    ]
    assert (len(keys), len(set(keys))) == (28, 14)
    assert all(len(key) <= 60 for key in keys)


# -- next --------------------------------------------------------------------------------------------------------------


def test_the_next_opening_is_found_within_a_week_or_on_its_date() -> None:
    window = "mon 20:00-22:00"
    assert next_after(at("2026-06-01T19:00"), window) == "2026-06-01T20:00+02:00"
    assert next_after(at("2026-06-01T20:00"), window) == "2026-06-08T20:00+02:00", "it is open already"
    assert next_after(at("2026-06-02T00:00"), window, "thu 1:00-2:00") == "2026-06-04T01:00+02:00"
    assert next_after(at("2026-06-02T00:00"), "2030-01-01 10:00-11:00") == "2030-01-01T10:00+01:00"
    assert next_after(at("2030-01-01T10:00"), "2030-01-01 10:00-11:00") is None
    assert next_after(at("2026-06-02T00:00")) is None


# -- days on which the clock is changed --------------------------------------------------------------------------------


def test_a_window_over_the_change_is_as_long_as_the_clock_says() -> None:
    spring, autumn = "2026-03-29 01:30-04:00", "2026-10-25 01:30-04:00"
    assert open_at(at("2026-03-29T03:30"), spring) == ("2026-03-29T01:30+01:00", "2026-03-29T04:00+02:00")
    assert open_at(at("2026-10-25T03:30"), autumn) == ("2026-10-25T01:30+02:00", "2026-10-25T04:00+01:00")
    over_midnight = "sat 23:30-03:30"
    assert open_at(at("2026-10-24T23:45"), over_midnight) == ("2026-10-24T23:30+02:00", "2026-10-25T03:30+01:00")
    assert open_at(at("2026-03-28T23:45"), over_midnight) == ("2026-03-28T23:30+01:00", "2026-03-29T03:30+02:00")


def test_in_an_hour_that_comes_twice_a_window_stays_open_until_it_is_over_for_good() -> None:
    expected = ("2026-10-25T02:30+02:00", "2026-10-25T03:30+01:00")
    assert open_at(at("2026-10-25T02:29"), "sun 02:30-03:30") is None
    assert open_at(at("2026-10-25T02:30"), "sun 02:30-03:30") == expected
    assert open_at(at("2026-10-25T02:10", fold=1), "sun 02:30-03:30") == expected, "it does not close in between"
    assert open_at(at("2026-10-25T02:40", fold=1), "sun 02:15-02:45") is not None
    assert open_at(at("2026-10-25T02:45", fold=1), "sun 02:15-02:45") is None


def test_in_an_hour_that_is_left_out_nothing_of_a_window_is() -> None:
    assert open_at(at("2026-03-29T03:05"), "sun 02:30-03:15") == ("2026-03-29T01:30+01:00", "2026-03-29T03:15+02:00")
    assert open_at(at("2026-03-29T03:10"), "sun 02:15-02:45") is not None
    assert open_at(at("2026-03-29T03:45"), "sun 02:15-02:45") is None


@given(
    minutes=st.integers(0, 3 * 1440),
    change=st.sampled_from([date(2026, 3, 28), date(2026, 10, 24), date(2026, 6, 1)]),
    begin=st.times(),
    end=st.times(),
    days=st.sampled_from(["daily", *DAYS]),
)
def test_whenever_the_clock_shows_a_time_in_a_window_it_is_open_and_the_next_one_is_later(
    minutes: int, change: date, begin: time, end: time, days: str
) -> None:
    if begin.replace(second=0, microsecond=0) == end.replace(second=0, microsecond=0):
        return
    window = parse(f"{days} {begin:%H:%M}-{end:%H:%M}")
    now = (datetime.combine(change, time(), BERLIN).astimezone(UTC) + timedelta(minutes=minutes)).astimezone(BERLIN)
    wall, shows = now.replace(tzinfo=None, fold=0), False
    for day in (wall.date() - timedelta(days=1), wall.date()):
        opens = datetime.combine(day, window.begin)
        closes = datetime.combine(day, window.end) + timedelta(days=window.end <= window.begin)
        shows = shows or (day.weekday() in window.days and opens <= wall < closes)
    found, later = occurrence([window], now, BERLIN), following([window], now, BERLIN)
    assert not shows or found is not None
    if found is not None:
        assert found.begin.astimezone(UTC) <= now.astimezone(UTC) < found.end.astimezone(UTC)
        nominal = (datetime.combine(change, window.end) - datetime.combine(change, window.begin)) % timedelta(days=1)
        length = found.end.astimezone(UTC) - found.begin.astimezone(UTC)
        assert nominal - timedelta(hours=1) <= length <= nominal + timedelta(hours=1)
    assert later is not None
    assert later.astimezone(UTC) > now.astimezone(UTC)
    assert occurrence([window], later, BERLIN) is not None


CLOCK = st.times().map(lambda found: found.replace(second=0, microsecond=0))
MINUTES = st.integers(0, windows.MAX_MARGIN)


@given(
    minutes=st.integers(0, 3 * 1440),
    day=st.sampled_from([date(2026, 3, 28), date(2026, 10, 24), date(2026, 6, 1)]),
    clocks=st.lists(st.tuples(CLOCK, CLOCK, st.sampled_from(["daily", *DAYS])), min_size=1, max_size=4),
    early=MINUTES,
    late=MINUTES,
)
def test_each_window_is_open_for_its_whole_time_whatever_the_others_are(
    minutes: int, day: date, clocks: list[tuple[time, time, str]], early: int, late: int
) -> None:
    found = [parse(f"{days} {begin:%H:%M}-{end:%H:%M}") for begin, end, days in clocks if begin != end]
    margins = Margins(timedelta(minutes=early), timedelta(minutes=late))
    now = datetime.combine(day, time(), BERLIN).astimezone(UTC) + timedelta(minutes=minutes)
    together = windows.open_at(found, now, BERLIN, margins=margins)
    keys = [one.key for one in together]
    assert len(keys) == len(set(keys))
    alone = {one.key for window in found for one in windows.open_at([window], now, BERLIN, margins=margins)}
    assert set(keys) == alone
    plain = {one.key for one in windows.open_at(found, now, BERLIN)}
    assert plain <= alone
    for one in together:
        begin, end = one.begin.astimezone(UTC) - margins.before, one.end.astimezone(UTC) + margins.after
        assert begin <= now < end
        for moment in (begin, end - timedelta(seconds=1)):
            assert one.key in [other.key for other in windows.open_at(found, moment, BERLIN, margins=margins)]
        for moment in (begin - timedelta(seconds=1), end):
            assert one.key not in [other.key for other in windows.open_at(found, moment, BERLIN, margins=margins)]
    upcoming = following(found, now, BERLIN, margins=margins)
    assert (upcoming is None) == (not found)
    if upcoming is not None:
        assert upcoming.astimezone(UTC) > now
        opened = {one.key for one in windows.open_at(found, upcoming, BERLIN, margins=margins)}
        before = windows.open_at(found, upcoming.astimezone(UTC) - timedelta(seconds=1), BERLIN, margins=margins)
        assert opened - {one.key for one in before}, "one opens then"


@pytest.fixture
def in_berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    clock.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    clock.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_without_a_zone_the_machines_own_is_taken_with_its_changes_of_the_clock() -> None:
    window, now = [parse("sat 23:30-03:30")], datetime(2026, 10, 24, 21, 45, tzinfo=UTC)
    found = occurrence(window, now)
    assert found is not None
    assert found.end.isoformat() == "2026-10-25T03:30:00+01:00"
    assert found == occurrence(window, now.astimezone(), BERLIN), "whatever zone `now` is told in"
    assert following(window, now).isoformat() == "2026-10-31T23:30:00+01:00"  # type: ignore[union-attr]
