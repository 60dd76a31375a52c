"""A recording as a drawing: everything that is missing is seen, and nothing is drawn over it."""

from __future__ import annotations

import json

import pytest

from nightcrew.recorder.ledger import Gap
from nightcrew.recordings import drawing
from nightcrew.recordings.chapters import Titled
from nightcrew.recordings.models import PartRow


def part(number: int, seconds: float) -> PartRow:
    return PartRow(number, f"part{number:03}.ts", None, None, 1000, seconds, None)


def gap(start: float, seconds: float, reason: str = "HTTP 404") -> Gap:
    return Gap(0, 1, 2, start, seconds, reason)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.42, "0.4 s"), (4, "4 s"), (59.6, "1 min"), (185, "3 min 5 s"), (3600, "1:00:00")]
)
def test_a_length(seconds: float, said: str) -> None:
    assert drawing.length(seconds) == said


def test_what_is_missing_is_said_in_words() -> None:
    assert drawing.missing(0, 0) == "nothing is missing"
    assert drawing.missing(1, 4) == "4 s missing in 1 gap"
    assert drawing.missing(3, 75) == "1 min 15 s missing in 3 gaps"


def test_a_part_spans_the_gaps_inside_of_it() -> None:
    assert drawing.spans([part(1, 60)], [gap(20, 10)]) == [(0, 70)]


def test_a_gap_between_two_parts_is_of_neither() -> None:
    assert drawing.spans([part(1, 30), part(2, 30)], [gap(30, 10)]) == [(0, 30), (40, 70)]


def test_gaps_in_a_row_and_at_the_beginning() -> None:
    found = drawing.spans([part(1, 30), part(2, 10)], [gap(0, 5), gap(15, 2), gap(17, 3), gap(40, 5)])
    assert found == [(5, 40), (45, 55)]


def test_parts_gaps_and_titles_lie_where_they_were() -> None:
    made = drawing.timeline(
        100, [part(1, 50), part(2, 40)], [gap(50, 10)], [Titled(0, "Morning", ""), Titled(75, "Noon", "News")]
    )
    assert made is not None
    assert [(one.x, one.width) for one in made.parts] == [(0, 500), (600, 400)]
    assert [(one.x, one.width, one.words) for one in made.gaps] == [(500, 100, "Gap at 0:00:50, 10 s: HTTP 404")]
    assert [(one.x, one.words) for one in made.titles] == [(750, "0:01:15 Noon (News)")]
    assert made.words == "0:01:40 in 2 parts, 10 s missing in 1 gap"


def test_the_shortest_gap_can_be_seen_also_at_the_end() -> None:
    made = drawing.timeline(86_400, [part(1, 86_399.5)], [gap(86_399.5, 0.5)], [])
    assert made is not None
    assert made.gaps[0].width == drawing.LEAST
    assert made.gaps[0].x + made.gaps[0].width <= drawing.WIDTH


def test_gaps_that_would_lie_upon_each_other_are_one_mark() -> None:
    made = drawing.timeline(86_400, [part(1, 86_300)], [gap(1000 + at * 20, 1) for at in range(100)], [])
    assert made is not None
    assert [one.words for one in made.gaps] == ["100 gaps from 0:16:40, 1 min 40 s in all"]


def test_nothing_on_disk_is_no_drawing() -> None:
    assert drawing.timeline(0, [], [], []) is None
    assert drawing.rates(None, 0) is None
    assert drawing.rates(json.dumps([1.0, []]), 10) is None
    assert drawing.rates(json.dumps([1.0, [None, None]]), 10) is None


def test_the_bit_rate_breaks_at_a_gap() -> None:
    made = drawing.rates(json.dumps([10.0, [1000.0, 500.0, None, 2000.0]]), 40)
    assert made is not None
    assert made.times == (0, 10, 20, 30, 40)
    assert made.series[0].values == (1.0, 0.5, None, 2.0, 2.0)
    assert made.words == "1.2 Mbit/s on average, 0.50 Mbit/s to 2.0 Mbit/s."


def test_the_bit_rate_is_as_wide_as_the_recording() -> None:
    made = drawing.rates(json.dumps([10.0, [1000.0]]), 20)
    assert made is not None
    assert made.times == (0, 20)
    assert made.recording
