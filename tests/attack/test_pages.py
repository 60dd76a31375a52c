"""Clocks that were set back and numbers that are none: every page and every word for a number stands."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel import words
from nightcrew.recordings import chapters, drawing, following
from nightcrew.web import plot, render
from support import running

ANY = (
    st.floats()
    | st.integers()
    | st.sampled_from([-1.0, -0.5, -1e300, 1e300, math.nan, math.inf, -math.inf, 0, 10**400])
)
"""Also those that no clock and no disk gives."""
WORDS: list[Callable[[Any], str]] = [
    words.duration,
    words.size,
    words.bit_rate,
    words.hms,
    drawing.length,
    chapters.length,
    render.number,
    render.ago,
    render.clock,
    render.iso,
]


@pytest.mark.parametrize("say", WORDS)
@given(value=ANY)
def test_every_number_has_words(say: Callable[[Any], str], value: float) -> None:
    said = say(value)
    assert said
    assert len(said) < 40
    assert "nan" not in said
    assert "inf" not in said
    assert say is render.number or not said.startswith("-")


@given(value=ANY)
def test_a_share_is_a_part_of_a_whole_and_a_moment_is_in_the_calendar(value: float) -> None:
    assert 0 <= render.fraction(value) <= 1
    assert 1970 <= render.epoch(value).year <= 9999
    assert render.clock(render.epoch(value))


@given(st.lists(ANY | st.none(), max_size=40))
def test_bars_have_a_height_whatever_the_runs_took(seconds: list[float | None]) -> None:
    runs = [{"seconds": one, "at": None, "error": None} for one in seconds]
    assert all(0.15 <= bar["height"] <= 1 for bar in render.bars(runs))


@given(st.lists(st.tuples(ANY, ANY | st.none()), min_size=2, max_size=10))
def test_a_plot_is_json_that_a_browser_reads(points: list[tuple[float, float | None]]) -> None:
    times = tuple(at for at, _ in points)
    drawn = plot.Plot("T", "W", times, (plot.Series("S", "s", tuple(value for _, value in points)),))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert len(json.loads(drawn.json, parse_constant=refuse)["times"]) == len(times)
    for at, ((value,),) in ((at, values) for at, *values in drawn.rows()):
        assert words.hms(at)
        assert render.clock(render.epoch(at))
        assert value is None or ("%." + str(value[1]) + "f") % value[0]


@given(seconds=ANY)
def test_a_recording_is_drawn_whatever_its_length(seconds: float) -> None:
    line = drawing.timeline(seconds, (), (), ())
    assert line is None or "nan" not in line.words


@given(bytes_now=st.floats(), seconds=st.floats())
def test_a_followed_recording_has_a_rate(bytes_now: float, seconds: float) -> None:
    row: Any = {"bytes": bytes_now, "seconds": seconds, "missing_s": 0.0}
    assert "nan" not in following.bit_rate([row])


PAGES = (
    *("/", "/sources", "/fragments/sources", "/sources/1/history", "/channels", "/jobs", "/checks", "/recordings"),
    *("/connections", "/activity", "/settings", "/settings/access", "/settings/notifications", "/fragments/workers"),
    *("/fragments/running", "/fragments/standing", "/fragments/figures", "/fragments/nodes", "/fragments/checks/runs"),
    *("/api/v1/jobs", "/api/v1/workers", "/api/v1/sources", "/api/v1/sources/1/runs", "/api/v1/nodes", "/metrics"),
)


def set_back(database: Path) -> int:
    """What has ended did so a day before it began, in every table; returns in how many there was something."""
    changed = 0
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for begin in {"started_at", "created_at", "begun_at", "at"} & columns:
                for end in {"ended_at", "finished_at", "progress_at", "checked_at"} & columns:
                    later = (
                        f"UPDATE {table} SET {end} = datetime({begin}, '-1 day') || '.000000' WHERE {end} IS NOT NULL"
                    )
                    changed += connection.execute(later).rowcount > 0
        connection.commit()
    return changed


async def test_every_page_stands_after_the_clock_was_set_back(tmp_path: Path) -> None:
    (tmp_path / "list.m3u").write_text("#EXTM3U\n#EXTINF:-1,One\nhttp://192.0.2.1/1.ts\n")
    async with running(tmp_path / "data") as node:
        await node.add(kind="m3u", name="List", url=str(tmp_path / "list.m3u"), region="DE")
        await node.refresh(1)
        assert set_back(tmp_path / "data" / "nightcrew.db") > 0
        for path in PAGES:
            answer = await node.http.get(path)
            assert answer.status_code == 200, (path, answer.text[:500])
