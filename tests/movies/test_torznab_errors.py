"""What an error of a Torznab server means: by its body first, whatever status comes with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel import recovery
from nightcrew.kernel.errors import GiveUp, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.recovery import Trouble
from nightcrew.movies.indexers.torznab_errors import error_of, is_unknown_function, is_unsupported
from nightcrew.movies.indexers.torznab_xml import Said

EAST = timezone(timedelta(hours=5, minutes=30))
NOW = datetime(2026, 11, 29, 18, 0, tzinfo=EAST)
STATUSES = [200, 400, 401, 403, 404, 410, 429, 500]


def of(status: int, code: int = 0, text: str = "", after: float | None = None, *, link: bool = False) -> NightcrewError:
    return error_of("Harbour", status, Said(code, text) if code else None, after, NOW, link=link)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 410, 500])
@pytest.mark.parametrize("code", [100, 101, 102, 199])
def test_a_refused_key_needs_a_person_whatever_the_status_is(status: int, code: int) -> None:
    error = of(status, code, "Invalid API Key")
    assert isinstance(error, NeedsUser)
    assert error.status == 401
    assert str(error) == "Harbour refuses the API key: Invalid API Key"


def test_a_status_alone_tells_of_a_login_too() -> None:
    assert [type(of(status)) for status in (401, 403)] == [NeedsUser] * 2
    assert [of(status).status for status in (401, 403)] == [401, 403]
    assert [of(status, 100, "No").status for status in (401, 403)] == [401, 403]
    assert str(of(403)) == "Harbour refuses the API key (HTTP 403)"


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("code", "text"),
    [(429, "Slow down"), (501, "Download limit reached"), (500, "Request limit reached (100/100)"), (500, "API LIMIT")],
)
def test_a_limit_is_waited_for_as_told(status: int, code: int, text: str) -> None:
    error = of(status, code, text, 321.0)
    assert isinstance(error, Retry)
    assert (error.status, error.after) == (429, 321.0)
    assert recovery.trouble_of(error) is Trouble.RATE_LIMIT
    untold = of(status, code, text)
    assert isinstance(untold, Retry)
    assert untold.after is None, "the kernel's own time is waited for"


def test_a_limit_without_a_body() -> None:
    error = of(429, after=5.0)
    assert isinstance(error, Retry)
    assert error.after == 5.0
    assert str(error) == "Harbour takes no more requests now (HTTP 429)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Indexer is disabled till 11/29/2026 18:30:00 due to recent failures.", 1800),
        ("Indexer is disabled till 11/29/2026 6:30:00 PM due to recent failures.", 1800),
        ("Indexer is disabled till 29.11.2026 18:30:00 due to recent failures.", 1800),
        ("Indexer is disabled until 2026-11-29 18:30:00.", 1800),
        ("disabled till 2026-11-29T18:00:01", 1),
        ("Indexer is disabled till 11/30/2026 18:00:00 due to recent failures.", 86_400),
        ("Indexer is disabled till 11/29/2026 12:40:00 due to recent failures.", 600),  # a machine that goes by UTC
        ("Indexer is disabled till 11/30/2026 18:00:01 due to recent failures.", 900),
        ("Indexer is disabled till 11/29/2026 18:00:00 due to recent failures.", 19_800),  # by UTC
        ("Indexer is disabled till 11/28/2026 18:30:00 due to recent failures.", 900),
        ("Indexer is disabled till 12/30/2026 18:30:00 due to recent failures.", 900),
        ("Indexer is disabled till tomorrow", 900),
    ],
)
@pytest.mark.parametrize("status", [200, 429])
def test_an_indexer_that_is_switched_off_for_a_while_is_left_alone_until_then(
    status: int, text: str, seconds: float
) -> None:
    error = of(status, 429, text)
    assert isinstance(error, Retry)
    assert (error.status, error.after) == (429, seconds)
    assert recovery.trouble_of(error) is Trouble.RATE_LIMIT, "it is skipped, and has not failed"


def test_a_day_and_a_month_that_can_be_confused() -> None:
    now = datetime(2026, 8, 9, 12, 0, tzinfo=UTC)
    for text in ("8/9/2026 12:10:00", "9/8/2026 12:10:00"):
        error = error_of("H", 429, Said(429, f"Indexer is disabled till {text} due to failures"), None, now)
        assert isinstance(error, Retry)
        assert error.after == 600


def test_retry_after_counts_more_than_a_time_in_words() -> None:
    error = of(429, 429, "Indexer is disabled till 11/29/2026 18:30:00 due to recent failures.", 77.0)
    assert isinstance(error, Retry)
    assert error.after == 77.0


def test_an_indexer_that_is_not_there_or_switched_off_needs_a_person() -> None:
    for status, code, words in (
        (410, 410, "switched off in its manager: Indexer is disabled"),
        (200, 410, "switched off in its manager: Indexer is disabled"),
        (404, 201, "no indexer at the address of Harbour: Indexer is disabled"),
    ):
        error = of(status, code, "Indexer is disabled")
        assert isinstance(error, NeedsUser)
        assert error.status == (410 if code == 410 else 404)
        assert words in str(error)
    assert isinstance(of(404), NeedsUser)
    assert isinstance(of(410), NeedsUser)


@pytest.mark.parametrize(
    ("status", "code"), [(404, 0), (410, 0), (200, 410), (404, 201), (410, 410), (200, 300), (400, 300)]
)
def test_a_release_that_is_not_there_is_no_fault_of_the_indexer(status: int, code: int) -> None:
    error = of(status, code, "Release not available", link=True)
    assert isinstance(error, GiveUp)
    assert error.status == 404
    assert recovery.trouble_of(error) is Trouble.OTHER


def test_nothing_found_is_that_for_searches_too() -> None:
    assert isinstance(of(200, 300), GiveUp)


def test_what_is_not_supported_may_be_asked_in_another_way() -> None:
    assert [is_unsupported(400, Said(code, "")) for code in (199, 200, 201, 202, 203, 204)] == [
        False,
        *[True] * 4,
        False,
    ]
    assert is_unsupported(200, Said(203, ""))
    assert not is_unsupported(404, Said(201, "")), "there is no such indexer"
    assert not is_unsupported(410, Said(201, ""))
    assert not is_unsupported(400, None)
    assert [is_unknown_function(Said(code, "")) for code in (200, 201, 202, 203)] == [False, False, True, True]
    for code in (200, 201, 203):
        error = of(400, code, "Incorrect parameter (imdbid)")
        assert isinstance(error, GiveUp)
        assert error.status == 400


@pytest.mark.parametrize(("status", "code"), [(200, 900), (400, 900), (500, 500), (200, 1), (200, 204)])
def test_other_errors_are_failures_that_are_not_asked_again_at_once(status: int, code: int) -> None:
    error = of(status, code, "Download failed")
    assert isinstance(error, Retry)
    assert (error.status, error.last) == (500, True)
    assert recovery.trouble_of(error) is Trouble.MIRROR


def test_a_server_error_without_a_body_may_be_asked_again() -> None:
    assert [of(status).status for status in (500, 502, 408, 425)] == [500, 502, 500, 500]
    assert not any(of(status).last for status in (500, 502, 408, 425))
    busy = of(503, after=9.0)
    assert isinstance(busy, Retry)
    assert (busy.status, busy.after) == (503, 9.0)
    assert isinstance(of(402), GiveUp)
    assert (str(of(402)), of(402).status) == ("Harbour answers HTTP 402", 402)


@given(
    st.integers(200, 599),
    st.integers(0, 999),
    st.one_of(st.text(), st.text().map(lambda text: f"disabled till {text} due to")),
    st.one_of(st.none(), st.floats(0, 86_400)),
    st.booleans(),
)
def test_each_error_is_one_of_ours_with_a_status(
    status: int, code: int, text: str, after: float | None, link: bool
) -> None:
    error = of(status, code, text, after, link=link)
    assert isinstance(error, Retry | GiveUp | NeedsUser)
    assert error.status is not None
    assert str(error).isprintable()
    assert len(str(error)) < 300
