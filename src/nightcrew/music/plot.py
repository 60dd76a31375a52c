"""What the page of music draws: the library over time, and how sure the matcher was."""

from __future__ import annotations

from collections.abc import Sequence

from nightcrew.kernel.activity import Entry
from nightcrew.kernel.words import counted
from nightcrew.music.models import LibraryCount
from nightcrew.web.plot import Plot, Series


def library_plot(counts: Sequence[LibraryCount]) -> Plot:
    """How much the library had over time; of the largest place, where there are several."""
    place = max(counts, key=lambda one: one.tracks).place if counts else ""
    rows = [one for one in counts if one.place == place]
    kept = [row for at, row in enumerate(rows) if at in {0, len(rows) - 1} or row.tracks != rows[at - 1].tracks]
    now = kept[-1] if kept else None
    words = f"{counted(now.tracks, 'track')} of {counted(now.artists, 'artist')} now." if now else ""
    return Plot(
        "Tracks in the library",
        words,
        tuple(row.at.timestamp() for row in kept),
        (Series("Tracks", "tracks", tuple(float(row.tracks) for row in kept), shape="steps"),),
    )


def matching_plot(batches: Sequence[Entry]) -> Plot:
    """How sure the matcher was of what it kept, and how many files it kept and refused, in its last batches."""
    rows = [one for one in reversed(batches) if isinstance(one.data.get("average_confidence"), int | float)]
    seconds = {int(one.at.timestamp()): one for one in rows}  # one for each second: times of a plot rise
    kept = list(seconds.values())
    sure = [one.data["average_confidence"] * 100 for one in kept if one.data.get("stored")]
    words = f"{sum(sure) / len(sure):.0f} % on average." if sure else ""
    return Plot(
        "How sure the matcher was",
        words,
        tuple(float(at) for at in seconds),
        (
            Series(
                "Confidence",
                "%",
                tuple(one.data["average_confidence"] * 100 if one.data.get("stored") else None for one in kept),
            ),
            Series(
                "Files that may be it", "files", tuple(float(one.data.get("stored") or 0) for one in kept), shape="bars"
            ),
        ),
    )
