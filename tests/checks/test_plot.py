"""The history of a stream as a drawing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nightcrew.checks.models import Entry, Verdict
from nightcrew.checks.plot import HEIGHT, WIDTH, history

START = datetime(2026, 1, 1, tzinfo=UTC)


def result(hours: float, kbps: float | None, **more: Any) -> Entry:
    values: dict[str, Any] = dict.fromkeys(Entry.__dataclass_fields__)
    at = START + timedelta(hours=hours)
    return Entry(**{**values, "at": at, "kbps": kbps, "verdict": Verdict.OK, **more})


FAILED = result(2, None, verdict=Verdict.FAILED, reason="it answers HTTP 404")


def test_one_result_is_no_history() -> None:
    assert history([]) is None
    assert history([result(0, 4000.0)]) is None


def test_results_stand_from_left_to_right_by_their_time_and_from_below_by_their_bit_rate() -> None:
    plot = history([result(0, 2000.0), result(1, 4000.0), FAILED, result(4, 5000.0)])
    assert plot is not None
    assert (plot.first, plot.last) == (START, START + timedelta(hours=4))
    one, two, failed, last = plot.marks
    assert two.x - one.x == failed.x - two.x == (last.x - one.x) / 4
    assert 0 < one.x < last.x < WIDTH
    assert 0 < last.y < two.y < one.y < failed.y < plot.floor < HEIGHT
    assert plot.levels[0] == (plot.floor, "0")
    assert [words for _, words in plot.levels] == ["0", "2.5", "5"]
    assert plot.levels[2][0] == last.y, "5 Mbit/s is the top"


def test_the_line_goes_through_what_was_measured() -> None:
    plot = history([result(0, 2000.0), FAILED, result(4, 5000.0)])
    assert plot is not None
    first, _, last = plot.marks
    assert plot.line == f"{first.x},{first.y} {last.x},{last.y}"
    nothing = history([FAILED, FAILED])
    assert nothing is not None
    assert nothing.line == ""


def test_a_mark_has_words_for_who_points_at_it() -> None:
    plot = history([result(0, 2500.0, score=0.7), FAILED, result(4, None)])
    assert plot is not None
    assert [mark.words for mark in plot.marks] == ["ok, 2.5 Mbit/s, score 0.70", "failed: it answers HTTP 404", "ok"]
    assert [mark.verdict for mark in plot.marks] == ["ok", "failed", "ok"]
