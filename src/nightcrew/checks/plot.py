"""The history of a stream as a plot: bit rate over time, and which checks failed or were interrupted. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from nightcrew.checks.models import CheckResult, Verdict
from nightcrew.kernel.words import bit_rate
from nightcrew.web.plot import LEAST, Plot, Series


def history(entries: Sequence[CheckResult]) -> Plot | None:
    """From results, oldest first; None when there are too few for a plot. What did not measure a bit rate stands at 0."""
    if len(entries) < LEAST:
        return None
    rates = [entry.kbps for entry in entries if entry.kbps]
    failed = sum(entry.verdict is Verdict.FAILED for entry in entries)
    words = f"The last {len(entries)} checks, {failed or 'none'} failed"
    if rates:
        words += f"; {bit_rate(min(rates))} to {bit_rate(max(rates))}"
    series = [Series("Bit rate", "Mbit/s", tuple(_mbit(entry.kbps) for entry in entries), places=2)]
    if any(entry.verdict is Verdict.FAILED for entry in entries):
        series.append(Series("Failed", "Mbit/s", _marked(entries, Verdict.FAILED), "cross", places=2))
    if any(entry.verdict is Verdict.INTERRUPTED for entry in entries):
        series.append(Series("Interrupted", "Mbit/s", _marked(entries, Verdict.INTERRUPTED), "triangle", places=2))
    return Plot("Bit rate", f"{words}.", tuple(entry.at.timestamp() for entry in entries), tuple(series))


def _mbit(kbps: float | None) -> float | None:
    return kbps / 1000 if kbps else None


def _marked(entries: Sequence[CheckResult], verdict: Verdict) -> tuple[float | None, ...]:
    return tuple((_mbit(entry.kbps) or 0.0) if entry.verdict is verdict else None for entry in entries)
