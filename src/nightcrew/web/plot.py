"""What a plot shows: series over time as numbers, with a title, a sentence and a table of values for who does not see it.

`parts/plot.html` writes it, and `static/plot.js` draws it; without a script the table stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nightcrew.kernel.words import MOST, bounded

LEAST = 2
"""Points of a plot; fewer show nothing that a sentence does not say better."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values over the plot's moments, None where there is none.

    `shape`: a line with its points, steps that hold until the next value, bars, or single signs: a cross, a triangle. `places`:
    digits after the point. Series of one unit share an axis; there are two at most.
    """

    label: str
    unit: str
    values: tuple[float | None, ...]
    shape: Literal["line", "steps", "area", "bars", "cross", "triangle"] = "line"
    places: int = 0

    @property
    def known(self) -> tuple[float | None, ...]:
        """The values without those that are no numbers: JSON has none of these."""
        return tuple(bounded(value, MOST, -MOST) for value in self.values)


@dataclass(frozen=True, slots=True)
class Plot:
    """`times` are seconds, since 1970 or, for a `recording`, since its beginning. They rise."""

    title: str
    words: str
    times: tuple[float, ...]
    series: tuple[Series, ...]
    recording: bool = False
    height: int = 220

    @property
    def drawn(self) -> bool:
        """Whether there is enough for a drawing."""
        return len(self.times) >= LEAST

    @property
    def json(self) -> str:
        """For `plot.js`."""
        series: list[dict[str, Any]] = [
            {"label": one.label, "unit": one.unit, "values": one.known, "shape": one.shape, "places": one.places}
            for one in self.series
        ]
        return json.dumps(
            {
                "times": [bounded(time, MOST, -MOST) or 0.0 for time in self.times],
                "series": series,
                "recording": self.recording,
                "height": self.height,
            },
            separators=(",", ":"),
        )

    @property
    def mark(self) -> str:
        """Changes with what is drawn, so that a live update leaves a drawing alone that is the same."""
        return hashlib.sha256(self.json.encode()).hexdigest()[:12]

    def rows(self) -> list[tuple[float, list[tuple[float, int, str] | None]]]:
        """The table of values: each moment with a value, its digits and its unit for each series."""
        return [
            (time, [None if (v := one.known[at]) is None else (v, one.places, one.unit) for one in self.series])
            for at, time in enumerate(self.times)
        ]


def merged(points: Sequence[tuple[float, str, float]]) -> tuple[tuple[float, ...], dict[str, tuple[float | None, ...]]]:
    """Points (time, series, value) in any order as rising times, and each series' values over them."""
    times = tuple(sorted({time for time, _, _ in points}))
    found: dict[str, dict[float, float]] = {}
    for time, name, value in points:
        found.setdefault(name, {})[time] = value
    return times, {name: tuple(own.get(time) for time in times) for name, own in found.items()}
