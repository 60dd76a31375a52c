"""Single values of an indexer's answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.movies.indexers import values
from nightcrew.movies.indexers.values import known_dates

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))


@pytest.mark.parametrize(
    ("value", "imdb"),
    [
        ("0063350", "tt0063350"),
        ("63350", "tt0063350"),
        ("tt0063350", "tt0063350"),
        (" TT63350 ", "tt0063350"),
        ("12345678", "tt12345678"),
        ("tt0000000", ""),
        ("0", ""),
        ("", ""),
        ("nm0001", ""),
        ("1234567890123", ""),
        (63350, ""),
        ("٦٣٣٥٠", ""),
    ],
)
def test_an_imdb_id_with_or_without_letters_and_zeros(value: object, imdb: str) -> None:
    assert values.imdb_of(value) == imdb


def test_a_size_is_the_first_that_is_known() -> None:
    assert values.size_of("700", "800") == 700
    assert values.size_of("0", None, "", "-5", "1.5 GB", 900) == 900
    assert values.size_of(str(1 << 50)) == 1 << 50
    assert values.size_of(str((1 << 50) + 1)) is None
    assert values.size_of(True, 1.0) is None


def test_counts_have_a_limit() -> None:
    assert [values.count_of(one, 10) for one in ("10", "11", 0, -1, " 7 ", "7a")] == [10, None, 0, None, 7, None]


def test_years() -> None:
    said = ("1869", "1870", 2200, "2201", "later")
    assert [values.year_of(one) for one in said] == [None, 1870, 2200, None, None]


def test_hashes_in_hex_and_base32() -> None:
    plain = "0f" * 20
    assert values.hash_of(f" {plain.upper()} ") == plain
    assert values.hash_of("B4HQ6DYPB4HQ6DYPB4HQ6DYPB4HQ6DYP") == plain
    assert values.hash_of("b4hq6dypb4hq6dypb4hq6dypb4hq6dyp") == plain
    for wrong in ("", plain[:-1], plain + "0", "g" * 40, "1" * 32, "é" * 32, None, 5):
        assert values.hash_of(wrong) == ""


def test_links_are_http_and_may_be_relative() -> None:
    base = "http://host:9117/api/v2.0/torznab/api?t=movie&apikey=x"
    assert values.link_of("/dl/a?b=1", base) == "http://host:9117/dl/a?b=1"
    assert values.link_of("https://other.example/a", base) == "https://other.example/a"
    assert values.link_of(" //other.example/a ", base) == "http://other.example/a"
    for wrong in (
        "",
        "magnet:?xt=1",
        "file:///etc/passwd",
        "javascript:1",
        "ftp://a/b",
        "http://",
        "http://[",
        "/a\x00b",
        None,
    ):
        assert values.link_of(wrong, base) == ""
    longest = "/" + "a" * 3_999
    assert values.link_of(longest, base)
    assert not values.link_of(longest + "a", base)


def test_magnets() -> None:
    assert values.magnet_of(" Magnet:?xt=urn:btih:1 ") == "Magnet:?xt=urn:btih:1"
    for wrong in ("magnet:xt", "http://a/magnet:?", "magnet:?a\nb", None):
        assert values.magnet_of(wrong) == ""
    longest = "magnet:?" + "a" * 15_992
    assert values.magnet_of(longest) == longest
    assert values.magnet_of(longest + "a") == ""


def test_a_guid_is_the_same_whatever_the_key_is() -> None:
    def guid(link: str, key: str) -> str:
        return values.guid_of(link.replace("KEY", key), (key, ""))

    for link in ("http://h/dl?apikey=KEY&path=abc", "http://h/dl/KEY/1"):
        assert guid(link, "first-key") == guid(link, "other-key")
        assert len(guid(link, "first-key")) == 64
    assert guid("http://h/dl/KEY/1", "first-key") != guid("http://h/dl/KEY/2", "first-key")
    other = "http://h/dl?passkey=0011223344556677&id="
    assert values.guid_of(f"{other}1", ()) == values.guid_of(f"{other.replace('0011', '9999')}1", ())
    assert values.guid_of(f"{other}1", ()) != values.guid_of(f"{other}2", ())
    longest = "g" * 300
    assert values.guid_of(longest, ()) == longest
    assert len(values.guid_of(longest + "g", ())) == 64


def test_texts_are_one_printable_line() -> None:
    assert values.line_of("  A\tfilm\x00\n of \u202e1968 ") == "A film of 1968"
    assert values.line_of("\ud800a") == "a"
    assert len(values.line_of("a" * 9_000)) == 400
    assert values.line_of(" " * 1_599 + "ab") == "a", "what is behind is not looked at"
    assert values.line_of(5) == ""


def test_dates_of_rss_and_of_iso() -> None:
    for text in (
        "Sun, 29 Nov 2026 13:00:00 +0100",
        "2026-11-29T12:00:00Z",
        "2026-11-29 12:00:00",
        "29 Nov 2026 12:00:00 GMT",
    ):
        assert values.moment_of(text) == NOW
        assert values.moment_of(text.ljust(99)) == NOW
    for wrong in (
        "",
        "yesterday",
        "99 Foo 2026 99:00:00",
        "2026-13-01",
        None,
        5,
        "29 Nov 2026 12:00:00 GMT".ljust(100),
        "Fri, 31 Dec 9999 23:00:00 -0300",
    ):
        assert values.moment_of(wrong) is None


def test_the_time_of_the_question_is_no_date() -> None:
    old, older = NOW - timedelta(days=3), NOW - timedelta(days=9)
    assert known_dates([old, older], NOW) == [old, older]
    assert known_dates([NOW, old], NOW) == [None, old]
    assert known_dates([NOW - timedelta(seconds=60), old], NOW) == [None, old]
    edge = NOW - timedelta(seconds=61)
    assert known_dates([edge, old], NOW) == [edge, old]
    assert known_dates([NOW + timedelta(days=1), old], NOW) == [None, old], "nothing comes from the future"
    assert known_dates([datetime(1970, 1, 1, tzinfo=UTC), values.EARLIEST], NOW) == [None, values.EARLIEST]


def test_the_same_date_for_all_is_none() -> None:
    """A server that knows no dates, and kept its answer for a while."""
    kept = NOW - timedelta(minutes=20)
    assert known_dates([kept, kept + timedelta(seconds=2), None], NOW) == [None, None, None]
    apart = kept + timedelta(seconds=3)
    assert known_dates([kept, apart], NOW) == [kept, apart]
    assert known_dates([kept], NOW) == [kept], "one alone may be true"
    assert known_dates([kept, None], NOW) == [kept, None]
    assert known_dates([], NOW) == []


@given(ANYTHING)
def test_nothing_that_comes_is_an_error(value: object) -> None:
    for read in (
        values.imdb_of,
        values.year_of,
        values.hash_of,
        values.magnet_of,
        values.moment_of,
        values.size_of,
        values.line_of,
    ):
        read(value)
    values.link_of(value, "http://h/a")


@given(st.text())
def test_links_and_guids_can_be_stored(text: str) -> None:
    for stored in (
        values.link_of(text, "http://h/a"),
        values.guid_of(text, ()),
        values.line_of(text),
        values.magnet_of(text),
    ):
        assert "\x00" not in stored
        stored.encode()
