"""Pure rules: how a recording stands, when it is over, when it is stuck, what the disk has to hold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightcrew.recorder.wire import PROTECTED, ReadingStatus
from nightcrew.recordings.models import Recording, RecordingState

STARTING = 5.0
"""Seconds that a recorder may take to begin before that is called a retry."""
SILENT = 20.0
"""Seconds without a sign of life after which a recorder process hangs (stopped, or out of memory), and is replaced."""
HUNG = 240.0
"""Seconds without any news after which a recording in a living recorder hangs: more than all time limits of its requests."""
WIDE = 1.25
"""What a finished file may need beside its parts while it is made."""

OPENING = "its source is opening"
NO_RECORDER = "it is waiting for a recorder"
NOTHING = "its source sent nothing"
_PAST = {
    "is": "was",
    "are": "were",
    "has": "had",
    "cannot": "could not",
    "sends": "sent",
    "shows": "showed",
    "redirects": "redirected",
    "leads": "led",
}
_PRESENT = re.compile(rf"\b({'|'.join(_PAST)})\b")


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of a recording at a moment. Times in seconds of the boot's clock.

    `offline_for`: seconds for which its source was offline without a break; `over`: why the recorder calls it over.
    """

    standing: ReadingStatus | None
    held: bool
    """Whether a recorder process has its order."""
    segments: int
    over: str | None
    offline_for: float
    up: float
    spared: bool = False
    """Whether it pauses so that the disk is left to others."""
    growing: bool = False
    """Whether something has come since the last look."""
    quiet: float = math.inf
    """Seconds since something came last."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How it stands from now on."""

    state: RecordingState
    reason: str


def decide(row: Recording, look: Look, now: datetime, *, grace: float, patience: float) -> Decision:
    """How a recording that is to be held stands. `grace`, `patience` seconds: the settings offline_grace, wait_for_source."""
    if look.over is not None:
        return Decision(RecordingState.FINISHING, look.over)
    begun = bool(look.segments) or row.started_at is not None
    trouble = "" if begun else past(_standing(row, look).reason)
    if row.stop_asked:
        said = f"{trouble} until it was stopped manually" if trouble else "it was stopped manually"
        return Decision(RecordingState.FINISHING, said)
    if row.stop_at is not None and now >= row.stop_at:
        said = f"{trouble or NOTHING} until its time was over" if not begun else "its end time was reached"
        return Decision(RecordingState.FINISHING, said)
    if look.segments and look.offline_for >= grace and row.stop_at is None:
        protected = look.standing is not None and look.standing.reason == PROTECTED
        said = PROTECTED if protected else f"the stream was offline for {look.offline_for:.0f} s"
        return Decision(RecordingState.FINISHING, said)
    if look.standing is not None and look.standing.state == "failed":
        return Decision(RecordingState.FINISHING, look.standing.reason or "it cannot be recorded")
    waited = (now - row.created_at).total_seconds()
    if not begun and waited > patience and row.stop_at is None:
        said = f"its stream did not start within {patience / 60:.0f} minutes{trouble and f': {trouble}'}"
        return Decision(RecordingState.FINISHING, said)
    return _standing(row, look)


def past(trouble: str) -> str:
    """Why nothing came, told when it is over; empty for what is no trouble."""
    if trouble in {OPENING, NO_RECORDER}:
        return ""
    if trouble.startswith("HTTP "):
        refused = trouble.removeprefix("HTTP ") in {"401", "403"}
        return f"the server refused it ({trouble})" if refused else f"the server answered {trouble}"
    what, colon, more = trouble.partition(": ")
    for verb in [*_PRESENT.finditer(what)][-1:]:  # the last: a name may stand before it
        what = f"{what[: verb.start()]}{_PAST[verb[0]]}{what[verb.end() :]}"
    return f"{what}{colon}{more}"


def _standing(row: Recording, look: Look) -> Decision:
    standing, before = look.standing, interrupted(look.segments, row.state)
    if look.spared and look.segments:
        return Decision(RecordingState.PAUSED, "disk space is low, and other recordings take precedence")
    if look.growing or (look.quiet < STARTING and row.state is RecordingState.RECORDING and standing is None):
        return Decision(RecordingState.RECORDING, "")  # a recorder that is replaced at once interrupts nothing
    if not look.held:
        return Decision(before, row.reason or NO_RECORDER)
    if standing is None or (standing.state == "starting" and look.up - standing.since < STARTING):
        return Decision(row.state, row.reason or "")
    match standing.state:
        case "reading":
            return Decision(RecordingState.RECORDING if look.segments else before, "")
        case "full":
            return Decision(RecordingState.PAUSED if look.segments else before, "the disk is full")
        case _:
            return Decision(before, standing.reason or OPENING)


def interrupted(segments: int, state: RecordingState = RecordingState.WAITING) -> RecordingState:
    """How a recording stands that nothing comes in for: it has begun, also when its folder is not there now, or it has not."""
    return RecordingState.RETRYING if segments or state is not RecordingState.WAITING else RecordingState.WAITING


def hangs(standing: ReadingStatus, up: float) -> bool:
    """Whether a recording in a living recorder does nothing any more."""
    return standing.state not in {"over", "failed"} and up - max(standing.since, standing.alive) > HUNG


def is_stuck(row: Recording, *, held: bool, now: datetime, hours: float) -> bool:
    """Whether nobody records it and nothing has come for so long that what there is has to be finished."""
    if held or not row.active or row.state is RecordingState.WAITING:
        return False
    last = row.progress_at or row.started_at or row.created_at
    return now - last > timedelta(hours=hours)


def reserve(running: Iterable[Recording], now: datetime, *, minutes: float, least: int) -> int:
    """Bytes that should be free: what each running recording is going to need, and `least` besides."""
    return least + sum(round(rate(row) * horizon(row, now, minutes)) for row in running)


def rate(row: Recording) -> float:
    """Bytes a second of a recording, 0 when it is not known yet."""
    seconds = row.seconds - row.missing
    return row.bytes / seconds if seconds > 0 else 0.0


def horizon(row: Recording, now: datetime, minutes: float) -> float:
    """Seconds for which space is reserved: to its end where that is known, at most `minutes`."""
    if row.stop_at is None:
        return minutes * 60
    return min(max(0.0, (row.stop_at - now).total_seconds()), minutes * 60)


def first_to_pause(running: Sequence[Recording]) -> Recording | None:
    """The one that is least wanted: of lowest priority, no favourite, begun last."""
    able = [row for row in running if row.state is RecordingState.RECORDING]
    return min(able, key=lambda row: (row.priority, row.favourite, -row.created_at.timestamp()), default=None)


def space_to_finish(row: Recording) -> int:
    """Bytes that making the finished file needs."""
    return round(row.bytes * WIDE)
