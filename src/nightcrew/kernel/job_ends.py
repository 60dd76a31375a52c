"""How runs end, and who is told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.events import Bus

log = structlog.get_logger("nightcrew.jobs")

CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended on this node. `error` None: it worked, with `result`; "cancelled": a person ended it.

    `timetable`: which timetable has started it, if one has. `run` and `args`: its id, and what it was started with.
    """

    job: str
    label: str
    seconds: float
    error: str | None
    result: Any = None
    timetable: str | None = None
    run: str = ""
    args: tuple[Any, ...] = ()

    @property
    def outcome(self) -> str:
        """ "done", "failed" or "cancelled"."""
        if self.error is None:
            return "done"
        return "cancelled" if self.error == CANCELLED else "failed"


OnEnd = Callable[[Ended], Awaitable[None]]


class JobEnds:
    """Those who want to know of each end."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._listening: list[OnEnd] = []

    def add(self, callback: OnEnd) -> None:
        """Call `callback(ended)` after each run."""
        self._listening.append(callback)

    async def tell(self, ended: Ended) -> None:
        """Tell who wants to know. Nothing that goes wrong there changes how the run ended, or keeps the next from hearing of it."""
        for callback in self._listening:
            try:
                await callback(ended)
            except NightcrewError as exc:
                log.warning("the end of a run could not be told", label=ended.label, reason=str(exc))
            except Exception:
                log.exception("the end of a run could not be told", label=ended.label)
        self._bus.publish("jobs")
