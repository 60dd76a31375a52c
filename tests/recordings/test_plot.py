"""The bit rate of a recording over time: from its ledger, in few points, with its gaps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.recorder import ledger
from nightcrew.recordings.plot import curve, latest, plot_of


def written(folder: Path, *lines: dict[str, object]) -> Path:
    (folder / ledger.NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def segment(number: int, size: int, seconds: float = 1.0) -> dict[str, object]:
    return {
        "k": "seg",
        "n": number,
        "e": 0,
        "p": 1,
        "o": 0,
        "b": size,
        "s": seconds,
        "f": 0,
        "d": 0,
        "t": None,
        "up": 0,
    }


PART: dict[str, object] = {"k": "part", "p": 1, "path": "x.ts", "up": 0, "turn": 0}
GAP: dict[str, object] = {"k": "gap", "e": 0, "a": 3, "z": 5, "s": 3.0, "why": ""}


def test_each_step_tells_the_rate_of_what_came_in_it() -> None:
    assert curve([(0.0, 1.0, 125_000), (1.0, 1.0, 250_000)]) == (1.0, [1000.0, 2000.0])
    assert curve([(0.0, 2.0, 250_000), (2.0, 0.5, 125_000)]) == (1.0, [1000.0, 1000.0, 2000.0])
    assert curve([]) == (1.0, [])


def test_what_is_missing_has_no_rate() -> None:
    assert curve([(0.0, 1.0, 125_000), (3.0, 1.0, 125_000)]) == (1.0, [1000.0, None, None, 1000.0])


def test_a_long_recording_has_no_more_points_than_are_wanted() -> None:
    step, values = curve([(float(at), 1.0, 125_000) for at in range(1000)], points=100)
    assert (step, values) == (10.0, [1000.0] * 100)


@given(st.lists(st.tuples(st.floats(0.01, 30), st.integers(0, 10**7)), max_size=40), st.integers(1, 50))
def test_nothing_is_added_or_lost(pieces: list[tuple[float, int]], points: int) -> None:
    at, samples = 0.0, []
    for seconds, size in pieces:
        samples.append((at, seconds, size))
        at += seconds
    step, values = curve(samples, points)
    assert len(values) <= points + 1
    lengths = [min(step, at - number * step) for number in range(len(values))]
    told = sum((value or 0) * 125 * max(0.0, length) for value, length in zip(values, lengths, strict=True))
    assert told == pytest.approx(sum(size for _, size in pieces), abs=10 * at + 5_000, rel=0.02)


def test_a_ledger_becomes_a_curve_with_its_gap(tmp_path: Path) -> None:
    folder = written(tmp_path, PART, segment(1, 125_000), segment(2, 250_000), GAP, segment(6, 125_000))
    text = plot_of(folder)
    assert text is not None
    step, values = json.loads(text)
    assert step == 1.0
    assert [value for value in values if value is not None] == [1000.0, 2000.0, 1000.0]


def test_without_a_ledger_or_with_an_empty_one_there_is_none(tmp_path: Path) -> None:
    assert (plot_of(tmp_path), latest(tmp_path)) == (None, None)
    written(tmp_path, PART)
    assert (plot_of(tmp_path), latest(tmp_path)) == (None, None)


def test_the_rate_of_now_is_that_of_the_last_seconds(tmp_path: Path) -> None:
    old, new = [segment(n, 1_250_000) for n in range(1, 30)], [segment(n, 125_000) for n in range(30, 50)]
    folder = written(tmp_path, PART, *old, *new)
    assert latest(folder) == 1000.0
    assert latest(folder, 40.0) == 5500.0, "twenty of each"


def test_of_a_long_ledger_the_end_is_enough(tmp_path: Path) -> None:
    folder = written(tmp_path, PART, *(segment(number, 125_000) for number in range(1, 2_000)))
    with (folder / ledger.NAME).open("ab") as file:
        file.write(b'{"k": "seg", "n": 2000')
    assert latest(folder) == 1000.0, "a line that is being written is none yet"
