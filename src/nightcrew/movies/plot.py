"""What the pages of movies draw: how many seed a film's sources over time, and what the tasks do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from nightcrew.kernel.words import counted
from nightcrew.movies.sources.models import SourceEntry, TaskSample
from nightcrew.web.plot import Plot, Series

MOST_LINES = 5
"""Sources in one plot."""
SLOT = 300
"""Seconds whose samples of tasks are drawn as one value."""


def health_plot(sources: Sequence[SourceEntry], history: Mapping[int, Sequence[tuple[datetime, int, int]]]) -> Plot:
    """Seeds over time, of the best sources that were counted. Each value holds until the next count."""
    shown = [one for one in sources if len(history.get(one.id, ())) > 0][:MOST_LINES]
    times = sorted({int(at.timestamp()) for one in shown for at, _, _ in history[one.id]})
    series = []
    for one in shown:
        known = {int(at.timestamp()): seeds for at, seeds, _ in history[one.id]}
        label = one.title if len(one.title) <= 60 else one.title[:59] + "…"
        series.append(Series(label, "seeds", tuple(_held(known, times)), shape="steps"))
    words = f"{counted(max((one.seeds or 0) for one in shown), 'seed')} at most now." if shown else ""
    return Plot("Seeds of the best sources", words, tuple(float(at) for at in times), tuple(series))


def _held(known: Mapping[int, int], times: Sequence[int]) -> list[float | None]:
    values: list[float | None] = []
    last: float | None = None
    for at in times:
        last = float(known[at]) if at in known else last
        values.append(last)
    return values


def task_plot(title: str, rows: Sequence[TaskSample]) -> Plot:
    """How many rows a task dealt with in each five minutes, over all nodes, and what waited for it then."""
    done: dict[int, int] = {}
    failed: dict[int, int] = {}
    waiting: dict[int, int] = {}
    for row in rows:
        slot = int(row.at.timestamp()) // SLOT * SLOT
        done[slot] = done.get(slot, 0) + row.done
        failed[slot] = failed.get(slot, 0) + row.failed
        waiting[slot] = row.backlog
    times = sorted(done)
    words = f"{counted(sum(done.values()), 'row')} done, {sum(failed.values())} failed." if times else ""
    return Plot(
        title,
        words,
        tuple(float(at) for at in times),
        (
            Series("Done", "rows", tuple(float(done[at]) for at in times), shape="bars"),
            Series("Failed", "rows", tuple(float(failed[at]) or None for at in times), shape="cross"),
            Series("Waiting", "waiting", tuple(float(waiting[at]) for at in times), shape="steps"),
        ),
        height=160,
    )
