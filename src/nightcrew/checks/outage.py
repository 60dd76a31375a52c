"""Whether it is this machine that reaches nothing, and not the streams that are dead."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nightcrew.checks import conclusion
from nightcrew.checks.conclusion import Outcome
from nightcrew.checks.models import DueCheck
from nightcrew.checks.ordering import reorder
from nightcrew.checks.plan import Plan, Result
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import results

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

OUTAGE = 8
"""Checks in a row that reached nothing at all, after which this machine's network is suspected and not the streams."""


@dataclass(slots=True)
class _Row:
    """Checks in a row that reached nothing: their streams, and those of them that were alive before, with their channels."""

    streams: list[int] = field(default_factory=list)
    buried: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Outage:
    """What the last checks of this node reached, in the world and at home: what one reaches at home says nothing of the world."""

    _rows: dict[bool, _Row] = field(default_factory=lambda: {False: _Row(), True: _Row()})
    """By whether their streams are at home."""

    @property
    def suspected(self) -> bool:
        """Whether nothing could be reached for a while, in the world or at home."""
        return any(len(row.streams) >= OUTAGE for row in self._rows.values())

    def count(self, due: DueCheck, going: Plan, last: Outcome | None, *, at_home: bool = False) -> bool:
        """Count a check that ends; returns whether it says nothing of its stream, as an outage is suspected."""
        if last is None or last.result is Result.INTERRUPTED:
            return False
        if going.reached:
            self._rows[True] = _Row()  # who reaches the world has a network: what is away at home is switched off
            if not at_home:
                self._rows[False] = _Row()
            return False
        row = self._rows[at_home]
        if due.stream_id not in row.streams:
            row.streams.append(due.stream_id)
            if not due.dead:
                row.buried[due.stream_id] = due.channel_id
        del row.streams[:-OUTAGE]
        return len(row.streams) >= OUTAGE

    async def spare(self, runtime: Runtime, options: CheckSettings, now: datetime) -> None:
        """Take back what this outage has buried; from now on it buries nothing."""
        over = [row for row in self._rows.values() if len(row.streams) >= OUTAGE]
        buried = {stream: channel for row in over for stream, channel in row.buried.items()}
        for row in over:
            row.buried = {}
        if buried:
            await results.spare(runtime.store, list(buried), now + conclusion.AFTER_OUTAGE)
            await reorder(runtime, list(set(buried.values())), options)
