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
class Outage:
    """What the last checks of this node reached."""

    _unreachable: list[int] = field(default_factory=list)
    """Streams of the last checks in a row that reached nothing."""
    _buried: dict[int, int] = field(default_factory=dict)
    """Those of them that were alive before, with their channels."""

    @property
    def suspected(self) -> bool:
        """Whether nothing could be reached for a while."""
        return len(self._unreachable) >= OUTAGE

    def count(self, due: DueCheck, going: Plan, last: Outcome | None) -> bool:
        """Count a check that ends; returns whether it says nothing of its stream, as an outage is suspected."""
        if last is None or last.result is Result.INTERRUPTED:
            return False
        if going.reached:
            self._unreachable.clear()
            self._buried.clear()
            return False
        if due.stream_id not in self._unreachable:
            self._unreachable.append(due.stream_id)
            if not due.dead:
                self._buried[due.stream_id] = due.channel_id
        del self._unreachable[:-OUTAGE]
        return self.suspected

    async def spare(self, runtime: Runtime, options: CheckSettings, now: datetime) -> None:
        """Take back what this outage has buried; from now on it buries nothing."""
        buried, self._buried = self._buried, {}
        if buried:
            await results.spare(runtime.store, list(buried), now + conclusion.AFTER_OUTAGE)
            await reorder(runtime, list(set(buried.values())), options)
