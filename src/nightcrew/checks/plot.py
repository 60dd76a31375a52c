"""The history of a stream as a drawing: bit rate over time, and what each check said. Pure; the template only draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nightcrew.checks.models import Entry

WIDTH, HEIGHT = 720, 180
LEFT, TOP, BOTTOM = 64, 10, 26


@dataclass(frozen=True, slots=True)
class Mark:
    """One check: its place, its verdict, and the words for who points at it."""

    x: float
    y: float
    verdict: str
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines go through the checks that measured a bit rate; `levels` are the labels of the axis, with their heights."""

    marks: tuple[Mark, ...]
    line: str
    levels: tuple[tuple[float, str], ...]
    first: datetime
    last: datetime
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: float = HEIGHT - BOTTOM


def history(entries: Sequence[Entry]) -> Plot | None:
    """From results, oldest first; None when there are too few for a drawing."""
    if len(entries) < 2:
        return None
    first, last = entries[0].at, entries[-1].at
    span = max((last - first).total_seconds(), 1.0)
    most = nice(max([entry.kbps or 0.0 for entry in entries]))
    floor = HEIGHT - BOTTOM

    def x(entry: Entry) -> float:
        return round(LEFT + 8 + (entry.at - first).total_seconds() / span * (WIDTH - LEFT - 24), 1)

    def y(kbps: float) -> float:
        return round(floor - kbps / most * (floor - TOP), 1)

    marks = tuple(
        Mark(x(entry), y(entry.kbps) if entry.kbps else floor - 6, entry.verdict.value, entry.at, _words(entry))
        for entry in entries
    )
    measured = [f"{x(entry)},{y(entry.kbps)}" for entry in entries if entry.kbps]
    levels = tuple((y(most * share), f"{most * share / 1000:g}") for share in (0.0, 0.5, 1.0))
    return Plot(marks, " ".join(measured), levels, first, last)


def nice(kbps: float) -> float:
    """A round number that is not smaller: 1, 2 or 5 times a power of ten."""
    step = 100.0
    while True:
        for factor in (1, 2, 5):
            if step * factor >= kbps:
                return step * factor
        step *= 10


def _words(entry: Entry) -> str:
    if entry.reason:
        return f"{entry.verdict.value}: {entry.reason}"
    rate = f", {entry.kbps / 1000:.1f} Mbit/s" if entry.kbps else ""
    score = f", score {entry.score:.2f}" if entry.score is not None else ""
    return f"{entry.verdict.value}{rate}{score}"
