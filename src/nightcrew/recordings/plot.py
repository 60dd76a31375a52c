"""The bit rate of a recording over time, with its gaps, as a curve of few points."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from nightcrew.recorder import ledger

POINTS = 200
"""Points of a curve at most."""
FINEST = 1.0
"""Least seconds between two points."""
LATELY = 20.0
"""Seconds over which the bit rate of a running recording is told."""
TAIL = 16_384
"""Bytes at the end of a ledger that are read for that."""


def plot_of(folder: Path) -> str | None:
    """JSON `[step in seconds, [kilobits a second or null, …]]` from a recording's ledger; None when it has none."""
    try:
        data = (folder / ledger.NAME).read_bytes()
    except OSError:
        return None
    step, values = curve(list(ledger.samples(line for line, _ in ledger.lines_of(data))))
    return json.dumps([step, values]) if values else None


def latest(folder: Path, seconds: float = LATELY) -> float | None:
    """Kilobits a second of what came in last, from the end of the ledger; None when there is nothing yet."""
    try:
        with (folder / ledger.NAME).open("rb") as file:
            begin = max(0, file.seek(0, 2) - TAIL)
            file.seek(begin)
            data = file.read()
    except OSError:
        return None
    whole = data[data.find(b"\n") + 1 :] if begin else data
    covered, size = 0.0, 0
    for _, length, count in reversed(list(ledger.samples(line for line, _ in ledger.lines_of(whole)))):
        covered, size = covered + length, size + count
        if covered >= seconds:
            break
    return round(size * 8 / 1000 / covered, 1) if covered else None


def curve(samples: Iterable[tuple[float, float, int]], points: int = POINTS) -> tuple[float, list[float | None]]:
    """The samples (start, seconds, bytes) as equal steps: step in seconds, and kilobits a second of each; None for a gap."""
    known = list(samples)
    end = max((start + seconds for start, seconds, _ in known), default=0.0)
    step = max(FINEST, end / points)
    sums, covered = dict[int, float](), dict[int, float]()
    for start, seconds, size in known:
        begin, left = start, seconds
        while left > 1e-9:
            index = int(begin / step + 1e-9)
            share = min(left, (index + 1) * step - begin) or left
            sums[index] = sums.get(index, 0.0) + size * share / seconds
            covered[index] = covered.get(index, 0.0) + share
            begin, left = begin + share, left - share
    count = max(sums, default=-1) + 1
    found = [round(sums[at] * 8 / 1000 / covered[at], 1) if covered.get(at) else None for at in range(count)]
    return round(step, 3), found
