"""A recording as a drawing: its parts, gaps and titles on one line of time, and its bit rate. Pure; the templates only draw.

Drawings are `WIDTH` units wide and are stretched to the page; labels are text beside them, so that a phone can read them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from nightcrew.kernel.words import MOST, bit_rate, bounded, hms
from nightcrew.recorder.ledger import Gap
from nightcrew.recordings.chapters import Titled, grouped
from nightcrew.recordings.models import PartRow
from nightcrew.web.plot import Plot, Series

WIDTH = 1000
LEAST = 3.0
"""Units of the narrowest mark: what is missing is seen, however short it is."""


@dataclass(frozen=True, slots=True)
class TimelineMark:
    """Something on the line of time, with the words for who points at it."""

    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class RecordingTimeline:
    """Parts in their order; gaps that would lie upon each other are one mark; `titles` are changes of title.

    `words` says all of it in a sentence.
    """

    parts: tuple[TimelineMark, ...]
    gaps: tuple[TimelineMark, ...]
    titles: tuple[TimelineMark, ...]
    words: str
    seconds: float


# -- words -------------------------------------------------------------------------------------------------------------


def length(seconds: float) -> str:
    """A short time: "0.4 s", "12 s", "3 min 5 s"."""
    seconds = bounded(seconds) or 0.0
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return hms(whole)


def missing(gaps: int, seconds: float) -> str:
    """What is missing, in words."""
    if not gaps:
        return "nothing is missing"
    return f"{length(seconds)} missing in {gaps} {'gap' if gaps == 1 else 'gaps'}"


# -- the line of time --------------------------------------------------------------------------------------------------


def spans(parts: Sequence[PartRow], gaps: Sequence[Gap]) -> list[tuple[float, float]]:
    """Begin and end of each part in seconds of the recording, with the gaps inside of it; a gap between two is of neither."""
    found, at, waiting = list[tuple[float, float]](), 0.0, sorted(gaps, key=lambda gap: gap.start, reverse=True)
    for part in parts:
        while waiting and waiting[-1].start <= at + 1e-3:
            at += waiting.pop().seconds
        begin, left = at, part.seconds
        while waiting and waiting[-1].start < at + left - 1e-3:
            gap = waiting.pop()
            left -= max(0.0, gap.start - at)
            at = max(at, gap.start) + gap.seconds
        at += left
        found.append((begin, at))
    return found


def timeline(
    seconds: float, parts: Sequence[PartRow], gaps: Sequence[Gap], titles: Sequence[Titled]
) -> RecordingTimeline | None:
    """None while there is nothing to draw."""
    known = spans(parts, gaps)
    end = max(
        [bounded(seconds) or 0.0, *(last for _, last in known), *(gap.start + gap.seconds for gap in gaps)], default=0.0
    )
    if not 0 < end <= MOST:
        return None

    def mark(begin: float, last: float, words: str, least: float = 0.0) -> TimelineMark:
        width = max(least, (last - begin) / end * WIDTH)
        return TimelineMark(round(max(0.0, min(begin / end * WIDTH, WIDTH - width)), 2), round(width, 2), words)

    def touches(group: list[Gap], gap: Gap) -> bool:
        return gap.start - (group[-1].start + group[-1].seconds) < LEAST * end / WIDTH

    drawn = tuple(
        mark(begin, last, f"Part {part.number}, {hms(begin)} to {hms(last)}")
        for part, (begin, last) in zip(parts, known, strict=True)
        if last > begin
    )
    changes = tuple(
        mark(one.start, one.start, f"{hms(one.start)} {one.title}{f' ({one.category})' if one.category else ''}")
        for one in titles
        if 0 < one.start <= end
    )
    holes = tuple(
        mark(group[0].start, group[-1].start + group[-1].seconds, _gap_words(group), LEAST)
        for group in grouped(sorted(gaps, key=lambda gap: gap.start), touches)
    )
    count = len(drawn)
    told = missing(len(gaps), sum(gap.seconds for gap in gaps))
    words = f"{hms(end)} in {count} {'part' if count == 1 else 'parts'}, {told}"
    return RecordingTimeline(drawn, holes, changes, words, end)


def _gap_words(group: Sequence[Gap]) -> str:
    seconds = sum(gap.seconds for gap in group)
    if len(group) == 1:
        return f"Gap at {hms(group[0].start)}, {length(seconds)}: {group[0].reason}"
    return f"{len(group)} gaps from {hms(group[0].start)}, {length(seconds)} in all"


# -- the bit rate ------------------------------------------------------------------------------------------------------


def rates(curve: str | None, seconds: float) -> Plot | None:
    """From `plot.plot_of`; as long as the recording, so that it lies below its timeline. None for a gap breaks the curve."""
    step: float
    values: list[float | None]
    step, values = json.loads(curve) if curve else (0.0, [])
    known = [float(value) for value in values if value is not None]
    if not known or step <= 0:
        return None
    words = f"{bit_rate(sum(known) / len(known))} on average, {bit_rate(min(known))} to {bit_rate(max(known))}."
    times = [round(min(at * step, max(seconds, step * len(values))), 3) for at in range(len(values))]
    mbit = [None if value is None else value / 1000 for value in values]
    end = max(seconds, step * len(values))
    series = Series("Bit rate", "Mbit/s", (*mbit, mbit[-1]), "area", places=2)
    return Plot("Bit rate", words, (*times, end), (series,), recording=True, height=150)
