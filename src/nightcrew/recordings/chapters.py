"""Chapters of a finished recording. Pure. All places are seconds in the finished file."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from nightcrew.kernel.words import bounded
from nightcrew.muxer.wire import Chapter
from nightcrew.recorder.ledger import Gap

APART = 1.0
"""Seconds between two chapters, at least: players cannot show shorter ones."""
UNNAMED = "Recording"
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Titled:
    """From `start` on, in seconds, the stream had this title and category."""

    start: float
    title: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class _Point:
    at: float
    titled: Titled | None = None
    gap: float = 0.0


def chapters(titles: Iterable[Titled], gaps: Iterable[Gap], duration: float) -> list[Chapter]:
    """A chapter at 0, at each change of title or category, and at each gap ("Gap of 8 s · <title>").

    What comes within a second is one chapter, with the last title and the sum of the gaps. A gap at the very end is put a
    second before it; a title that came there is left out.
    """
    if duration <= 0:
        return []
    starts: list[float] = []
    labels: list[str] = []
    now = Titled(0.0, "")
    for group in grouped(_points(titles, gaps, duration), lambda group, one: one.at - group[0].at < APART):
        was, now = now, next((point.titled for point in reversed(group) if point.titled), now)
        missing = sum(point.gap for point in group)
        if starts and not missing and (was.title, was.category) == (now.title, now.category):
            continue
        starts.append(group[0].at)
        labels.append(_label(now, missing))
    ends = [*starts[1:], duration]
    return [Chapter(start, end, plain(label)) for start, end, label in zip(starts, ends, labels, strict=True)]


def _points(titles: Iterable[Titled], gaps: Iterable[Gap], duration: float) -> list[_Point]:
    """In order, none after the end, and one at 0 before all others."""
    last = max(0.0, duration - APART)
    points = [_Point(one.start, titled=one) for one in titles if one.start <= last]
    points += [_Point(min(one.start, last), gap=one.seconds) for one in gaps if one.seconds > 0]
    points.sort(key=lambda point: point.at)
    return [_Point(0.0), *points]


def grouped(items: Iterable[ItemT], joins: Callable[[list[ItemT], ItemT], bool]) -> list[list[ItemT]]:
    """Runs of items: each is of the group before it when it `joins` that."""
    groups: list[list[ItemT]] = []
    for one in items:
        if groups and joins(groups[-1], one):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _label(titled: Titled, missing: float) -> str:
    title, category = (" ".join(text.split()) for text in (titled.title, titled.category))
    name = f"{title} ({category})" if title and category else title or category
    if not missing:
        return name or UNNAMED
    return f"Gap of {length(missing)}" + (f" · {name}" if name else "")


def length(seconds: float) -> str:
    """As a person says it: "0.4 s", "8 s", "2 min 5 s", "1 h 0 min"."""
    seconds = bounded(seconds) or 0.0
    if seconds < 59.5:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def plain(text: str) -> str:
    """A text as a container takes it. Control characters are dropped: MP4 has no place for them."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cs"})
