"""Times as guides write them: parts that are missing, offsets in figures, zones by name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nightcrew.guidereader.moments import LONGEST_NAME, MOST_UNKNOWN, parse_time, zone_named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260304050607 +0000", (2026, 3, 4, 5, 6, 7)),
        (" 20260304050607", (2026, 3, 4, 5, 6, 7)),
        ("202603040506", (2026, 3, 4, 5, 6, 0)),
        ("2026030405", (2026, 3, 4, 5, 0, 0)),
        ("20260304", (2026, 3, 4, 0, 0, 0)),
        ("20260304050660", (2026, 3, 4, 5, 6, 59)),
        ("20260304050607 +0130", (2026, 3, 4, 3, 36, 7)),
        ("20260304050607 -0130", (2026, 3, 4, 6, 36, 7)),
        ("20260304050607+01:30", (2026, 3, 4, 3, 36, 7)),
        ("20260304050607 +1", (2026, 3, 4, 4, 6, 7)),
        ("20260304050607 +01", (2026, 3, 4, 4, 6, 7)),
        ("20260304050607 CET", (2026, 3, 4, 4, 6, 7)),
        ("20260304050607 cest", (2026, 3, 4, 3, 6, 7)),
        ("20260304050607 EST", (2026, 3, 4, 10, 6, 7)),
        ("20260304050607 IST", (2026, 3, 3, 23, 36, 7)),
        ("20260304050607 NST", (2026, 3, 4, 8, 36, 7)),
        ("20260304050607 Z", (2026, 3, 4, 5, 6, 7)),
        ("20260304050607 Europe/Berlin", (2026, 3, 4, 4, 6, 7)),
        ("20260704050607 Europe/Berlin", (2026, 7, 4, 3, 6, 7)),
        ("20260304050607 ?", (2026, 3, 4, 5, 6, 7)),
        ("20260304050607 GMT+1", (2026, 3, 4, 4, 6, 7)),
        ("20260304050607 gmt +1", (2026, 3, 4, 4, 6, 7)),
        ("20260304050607 UTC+2", (2026, 3, 4, 3, 6, 7)),
        ("20260304050607 UTC+02:00", (2026, 3, 4, 3, 6, 7)),
        ("20260304050607 UTC-0330", (2026, 3, 4, 8, 36, 7)),
        ("20260304050607 UTC", (2026, 3, 4, 5, 6, 7)),
        ("20260304050607 (CET)", (2026, 3, 4, 4, 6, 7)),
        ("20260304050607 (UTC+01:00) Berlin", (2026, 3, 4, 4, 6, 7)),
        ("20260304050607 +0100 (CET)", (2026, 3, 4, 4, 6, 7)),
        ("20260304050607 + 02:00", (2026, 3, 4, 3, 6, 7)),
        ("20260304050607 +02:00", (2026, 3, 4, 3, 6, 7)),
        ("20260304050607 EST5EDT", (2026, 3, 4, 10, 6, 7)),
        ("20260704050607 EST5EDT", (2026, 7, 4, 9, 6, 7)),
        ("20260304050607 Etc/GMT+1", (2026, 3, 4, 6, 6, 7)),
        ("2026-03-04T05:06:07+00:00", (2026, 3, 4, 5, 6, 7)),
        ("2026-03-04T05:06:07.250Z", (2026, 3, 4, 5, 6, 7)),
        ("2026-03-04T05:06:07+02:00", (2026, 3, 4, 3, 6, 7)),
        ("2026-03-04 05:06:07", (2026, 3, 4, 5, 6, 7)),
        ("2026-03-04 05:06", (2026, 3, 4, 5, 6, 0)),
        ("2026-03-04 05:06:07 +0200", (2026, 3, 4, 3, 6, 7)),
        ("2026/03/04 05:06:07 CET", (2026, 3, 4, 4, 6, 7)),
        ("2026-03-04", (2026, 3, 4, 0, 0, 0)),
        ("20260304T050607Z", (2026, 3, 4, 5, 6, 7)),
        ("20260304 050607 +0100", (2026, 3, 4, 4, 6, 7)),
        ("1772600767", (2026, 3, 4, 5, 6, 7)),
        ("1772600767000", (2026, 3, 4, 5, 6, 7)),
    ],
)
def test_a_time_is_read(text: str, expected: tuple[int, ...]) -> None:
    assert parse_time(text) == datetime(*expected, tzinfo=UTC)  # type: ignore[misc]


@pytest.mark.parametrize(
    "text", ["", "soon", "2026030", "20261304", "20260230", "20260304250000", "00010101000000 +0100"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


def test_a_zone_that_nobody_knows_is_utc_and_is_told() -> None:
    unknown: set[str] = set()
    assert parse_time("20260304050607 Mars/Base", unknown) == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    parse_time("20260304050607 XYZT", unknown)
    parse_time("20260304050607 CET", unknown)
    parse_time("20260304050607 +0100", unknown)
    assert unknown == {"Mars/Base", "XYZT"}
    for number in range(10):
        parse_time(f"20260304050607 QQ{number}{'x' * 60}", unknown)
    assert len(unknown) == MOST_UNKNOWN
    assert max(map(len, unknown)) == LONGEST_NAME


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../etc/passwd", "Europe/../Berlin", "CET", "", "/etc/localtime"])
def test_what_is_no_place_opens_no_file(name: str) -> None:
    assert zone_named(name) is None


def test_a_place_is_known() -> None:
    assert str(zone_named("America/New_York")) == "America/New_York"
    assert str(zone_named("America/Indiana/Knox")) == "America/Indiana/Knox"


ABROAD = {
    "Asia/Dubai": "GST",
    "Asia/Karachi": "PKT",
    "Asia/Kolkata": "IST",
    "Asia/Jakarta": "WIB",
    "Asia/Bangkok": "ICT",
    "Asia/Singapore": "SGT",
    "Asia/Hong_Kong": "HKT",
    "Asia/Manila": "PHT",
    "Asia/Kuala_Lumpur": "MYT",
    "Australia/Perth": "AWST",
    "Asia/Tokyo": "JST",
    "Asia/Seoul": "KST",
    "Europe/Moscow": "MSK",
    "Europe/Istanbul": "TRT",
    "America/Sao_Paulo": "BRT",
    "America/Argentina/Buenos_Aires": "ART",
    "Africa/Johannesburg": "SAST",
    "Pacific/Honolulu": "HST",
}
SEASONS = {
    "Australia/Adelaide": ("ACDT", "ACST"),
    "Australia/Sydney": ("AEDT", "AEST"),
    "Pacific/Auckland": ("NZDT", "NZST"),
    "America/St_Johns": ("NST", "NDT"),
    "America/Halifax": ("AST", "ADT"),
    "America/New_York": ("EST", "EDT"),
    "America/Chicago": ("CST", "CDT"),
    "America/Denver": ("MST", "MDT"),
    "America/Los_Angeles": ("PST", "PDT"),
    "America/Anchorage": ("AKST", "AKDT"),
    "Europe/Berlin": ("CET", "CEST"),
    "Europe/Lisbon": ("WET", "WEST"),
    "Europe/London": ("GMT", "BST"),
    "Europe/Athens": ("EET", "EEST"),
}


@pytest.mark.parametrize(
    ("name", "place", "day"),
    [(name, place, "20260115") for place, name in ABROAD.items()]
    + [
        (name, place, day)
        for place, names in SEASONS.items()
        for name, day in zip(names, ("20260115", "20260715"), strict=True)
    ],
)
def test_a_zones_short_name_means_what_it_means_there(name: str, place: str, day: str) -> None:
    assert parse_time(f"{day}120000 {name}") == parse_time(f"{day}120000 {place}")
