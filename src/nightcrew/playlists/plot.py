"""The last runs of a source as plots: what they brought, and how long they took. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nightcrew.kernel.words import counted, duration
from nightcrew.web.plot import Plot, Series, merged

TOOK = "\0"
"""Stands beside the feeds' names."""


def history_plots(runs: Sequence[Mapping[str, Any]]) -> list[Plot]:
    """Of runs with `slice`, `at`, `ended_at`, `seconds` and `channels`. A list's own guide counts programmes, not channels."""
    ended = [run for run in runs if run["ended_at"]]
    lists = [run for run in ended if run["slice"] != "Guide"] or ended
    if not lists:
        return []
    unit = "programmes" if lists[0]["slice"] == "Guide" else "channels"
    points = [
        (run["at"].timestamp(), run["slice"], float(run["channels"])) for run in lists if run["channels"] is not None
    ]
    took = [(run["at"].timestamp(), TOOK, float(run["seconds"])) for run in lists]
    times, values = merged([*points, *took])
    seconds = values.pop(TOOK)
    series = [Series(name, unit, found, "steps") for name, found in values.items()]
    most = max(run["seconds"] for run in lists)
    words = f"The last {counted(len(lists), 'refresh', 'refreshes')}; the longest took {duration(most)}."
    return [Plot(unit.capitalize(), words, times, (*series, Series("Duration", "s", seconds, "bars", places=1)))]
