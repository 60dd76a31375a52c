"""The history of a stream as a drawing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nightcrew.checks.models import CheckResult, Verdict
from nightcrew.checks.plot import history

START = datetime(2026, 1, 1, tzinfo=UTC)


def result(hours: float, kbps: float | None, **more: Any) -> CheckResult:
    values: dict[str, Any] = dict.fromkeys(CheckResult.__dataclass_fields__)
    at = START + timedelta(hours=hours)
    return CheckResult(**{**values, "at": at, "kbps": kbps, "verdict": Verdict.OK, **more})


FAILED = result(2, None, verdict=Verdict.FAILED, reason="it answers HTTP 404")


def test_one_result_is_no_history() -> None:
    assert history([]) is None
    assert history([result(0, 4000.0)]) is None


def test_each_check_stands_at_its_time_with_its_bit_rate() -> None:
    plot = history([result(0, 2000.0), result(1, 4000.0), FAILED, result(4, 5000.0)])
    assert plot is not None
    assert plot.times == tuple((START + timedelta(hours=hours)).timestamp() for hours in (0, 1, 2, 4))
    assert [(one.label, one.values) for one in plot.series] == [
        ("Bit rate", (2.0, 4.0, None, 5.0)),
        ("Failed", (None, None, 0.0, None)),
    ]
    assert plot.series[1].shape == "cross", "what failed is told apart by its shape too"


def test_an_interrupted_check_is_marked_where_it_measured() -> None:
    plot = history([result(0, 2000.0), result(1, 1500.0, verdict=Verdict.INTERRUPTED)])
    assert plot is not None
    assert (plot.series[1].label, plot.series[1].values, plot.series[1].shape) == (
        "Interrupted",
        (None, 1.5),
        "triangle",
    )


def test_a_sentence_says_what_the_plot_shows() -> None:
    plot = history([result(0, 2500.0), FAILED, result(4, 800.0)])
    assert plot is not None
    assert plot.words == "The last 3 checks, 1 failed; 0.80 Mbit/s to 2.5 Mbit/s."
    nothing = history([FAILED, FAILED])
    assert nothing is not None
    assert nothing.words == "The last 2 checks, 2 failed."
