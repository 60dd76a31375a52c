"""Whether a film is fetched by itself, and from when on. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from nightcrew.movies.handover.rules import BLOCKING, OPEN, Cause, HandoverState


class Holdback(StrEnum):
    """Why a film is not fetched by itself."""

    GOING = "going"
    FETCHED = "fetched"
    GIVEN_UP = "given_up"
    """A person has ended a hand-over of it: from then on a person decides."""
    FAILED = "failed"
    """It failed by no fault of its source, as when the disk was full."""
    BLOCKED = "blocked"
    NO_SOURCE = "no_source"


HOLDBACK_WORDS = {
    Holdback.GOING: "it is being fetched",
    Holdback.FETCHED: "it was fetched already",
    Holdback.GIVEN_UP: "somebody gave it up",
    Holdback.FAILED: "it failed in a way that somebody has to look at",
    Holdback.BLOCKED: "all of its good sources are blocked",
    Holdback.NO_SOURCE: "it has no good source now",
}
MAY_END = frozenset({Holdback.GOING, Holdback.BLOCKED, Holdback.NO_SOURCE})
"""What another source may change. The others are for good."""


def holdback(known: Iterable[tuple[HandoverState, Cause | None]]) -> Holdback | None:
    """What the hand-overs of a film say against another one by itself."""
    found = list(known)
    states = {state for state, _ in found}
    if states & OPEN:
        return Holdback.GOING
    if HandoverState.DONE in states:
        return Holdback.FETCHED
    if HandoverState.REPLACED in states:
        return Holdback.GIVEN_UP
    if any(state is HandoverState.FAILED and cause not in BLOCKING for state, cause in found):
        return Holdback.FAILED
    return None


def fetched_at(good_since: datetime, delay: float) -> datetime:
    """When a film is fetched that has had a good source since then. `delay` is in seconds: better ones may be seen meanwhile."""
    return good_since + timedelta(seconds=delay)
