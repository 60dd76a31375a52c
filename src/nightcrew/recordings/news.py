"""What is told of recordings. Those that fare alike are told of in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings.models import Recording, RecordingState
from nightcrew.recordings.store.states import StateChange

NAMED = 3
"""Recordings that a line names; it counts the others."""


@dataclass(frozen=True, slots=True)
class News:
    """One line. `subject`: the recording, when it is about one."""

    kind: str
    message: str
    level: str
    subject: str


async def announce(
    runtime: Runtime, kind: str, message: str, *, level: str = "info", actor: str = "system", subject: int | str = ""
) -> None:
    """Record it in the feed, and have the pages of recordings drawn anew. `subject`: the recording or the watch."""
    await runtime.activity.record(kind, message, level=level, actor=actor, subject=str(subject))
    runtime.bus.publish("recordings")


def of_moves(moved: Iterable[tuple[Recording, StateChange]]) -> list[News]:
    """What is told of recordings that stand otherwise now."""
    alike = dict[tuple[str, str, str], list[Recording]]()
    for row, change in moved:
        found = _words(row, change)
        if found is not None:
            alike.setdefault(found, []).append(row)
    return [
        News(kind, f"{named([row.name for row in rows])}: {words}", level, _subject([row.id for row in rows]))
        for (kind, words, level), rows in alike.items()
    ]


def of_a_death(names: Sequence[str], ids: Sequence[int], how: str) -> News:
    """What is told when a recorder has died."""
    return News(
        "recording.restarted",
        f"{named(names)}: the recorder ended ({how}) and is being replaced",
        "warning",
        _subject(ids),
    )


def named(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - NAMED
    return f"{', '.join(names[:NAMED])}{f' and {more} more' if more > 0 else ''}"


def _words(row: Recording, change: StateChange) -> tuple[str, str, str] | None:
    kind = f"recording.{change.to.value}"
    match change.to:
        case RecordingState.RECORDING:
            return kind, "recording has started" if row.state is RecordingState.WAITING else "recording again", "info"
        case RecordingState.RETRYING:
            return kind, f"interrupted, {change.shown}", "warning"
        case RecordingState.PAUSED:
            return kind, f"paused, {change.shown}", "warning"
        case RecordingState.FINISHING:
            return "recording.ended", change.shown, "info"
        case _:
            return None


def _subject(ids: Sequence[int]) -> str:
    return str(ids[0]) if len(ids) == 1 else ""
