"""How a route stands, and what leads from one state to another. Pure. Only `UP` lets anything through: unknown counts as down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RouteState(StrEnum):
    """How a route stands."""

    UNKNOWN = "unknown"
    """Nobody has looked yet, or not for too long."""
    UP = "up"
    SUSPECT = "suspect"
    """One look has failed. Nothing goes through until it is known better."""
    DOWN = "down"
    RECOVERING = "recovering"
    """One look was good after it was down; one more has to be."""


class RouteSeen(StrEnum):
    """What a look at a route has found."""

    GOOD = "good"
    BAD = "bad"
    """No answer, or a wrong one: it may be chance."""
    GONE = "gone"
    """What cannot be chance: the device is not there, or another one, or it leads home."""
    SILENCE = "silence"
    """Nobody has looked for too long."""


_S, _E = RouteState, RouteSeen
MOVES: dict[tuple[RouteState, RouteSeen], RouteState] = {
    (_S.UNKNOWN, _E.GOOD): _S.RECOVERING,
    (_S.UNKNOWN, _E.BAD): _S.DOWN,
    (_S.UNKNOWN, _E.GONE): _S.DOWN,
    (_S.UP, _E.GOOD): _S.UP,
    (_S.UP, _E.BAD): _S.SUSPECT,
    (_S.UP, _E.GONE): _S.DOWN,
    (_S.SUSPECT, _E.GOOD): _S.UP,
    (_S.SUSPECT, _E.BAD): _S.DOWN,
    (_S.SUSPECT, _E.GONE): _S.DOWN,
    (_S.DOWN, _E.GOOD): _S.RECOVERING,
    (_S.DOWN, _E.BAD): _S.DOWN,
    (_S.DOWN, _E.GONE): _S.DOWN,
    (_S.RECOVERING, _E.GOOD): _S.UP,
    (_S.RECOVERING, _E.BAD): _S.DOWN,
    (_S.RECOVERING, _E.GONE): _S.DOWN,
    **{(state, _E.SILENCE): _S.UNKNOWN for state in _S},
}
"""The one table of moves: every state and everything that can be seen."""


@dataclass(frozen=True, slots=True)
class RouteSight:
    """What one look found. `canary_s`: how long the canary took; `index`: the device's number; `public`: the address outside."""

    seen: RouteSeen
    reason: str = ""
    canary_s: float | None = None
    index: int = 0
    public: str = ""


@dataclass(frozen=True, slots=True)
class RouteStanding:
    """How a route stands and why; the rest is of the last look that knew it."""

    state: RouteState = RouteState.UNKNOWN
    reason: str = "nobody has looked at it yet"
    canary_s: float | None = None
    index: int = 0
    public: str = ""

    def after(self, sight: RouteSight) -> RouteStanding:
        """How it stands after a look. A device with another number is another device: what it was says nothing of it."""
        other = bool(self.index and sight.index and sight.index != self.index)
        state = RouteState.UNKNOWN if other else self.state
        known = MOVES[state, sight.seen]
        return RouteStanding(
            known,
            sight.reason or ("one good look has to follow" if known is RouteState.RECOVERING else ""),
            sight.canary_s if sight.seen is RouteSeen.GOOD else self.canary_s,
            sight.index or self.index,
            sight.public or self.public,
        )
