"""What this node knows of a recording besides its row: its ledger, its connection, how its source behaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from nightcrew.kernel.detached import STEADY
from nightcrew.recorder.ledger import LedgerReader, Tally
from nightcrew.recorder.wire import ReadingStatus
from nightcrew.recordings import rules
from nightcrew.recordings.connections import SharedInputs
from nightcrew.recordings.inputs import Input
from nightcrew.recordings.models import Recording

log = structlog.get_logger("nightcrew.recordings")

QUICK = 2.0
"""Seconds that all wait for one input; a slow provider is asked on beside them."""
LEFT = 10.0
"""Seconds that a channel's stream may fail before the next one is tried."""
ALONE = 60.0
"""Seconds that it may where there is nothing else to try: its provider may need as long to notice that one has hung up."""


@dataclass(eq=False, slots=True)
class Kept:
    """What this node knows of a recording besides its row."""

    reader: LedgerReader
    input: Input | None = None
    asking: asyncio.Task[Input] | None = None
    sealed: str = ""
    """What its input was made of, to see whether that has changed."""
    avoid: int | None = None
    """The stream of the channel that has failed last."""
    protected: set[int] = field(default_factory=set)
    """Those that cannot be recorded at all."""
    left_at: float = 0.0
    """When a stream was left for another one, on the boot's clock."""
    restarts: int = 0
    next_start: float = 0.0
    progress: tuple[int, float] = (0, 0.0)
    """Segments, and when the last one was seen, on the boot's clock."""
    good_since: float | None = None
    offline_since: float | None = None
    failing_since: float | None = None
    ending: tuple[float, str] | None = None
    """Since when it is being ended, on the boot's clock, and why. There is no way back."""
    saved: tuple[float, int, int] = (0.0, -1, -1)
    """When, and how many segments and gaps were stored."""

    @property
    def tally(self) -> Tally:
        """What its ledger comes to."""
        return self.reader.tally

    def note(self, standing: ReadingStatus | None, up: float) -> None:
        """Notice what comes, and for how long nothing has."""
        segments, seen = self.progress
        if self.tally.segments > segments:
            self.good_since = self.good_since or up
            self.progress = (self.tally.segments, up)
            self.offline_since = self.failing_since = None
            if up - self.good_since > STEADY:
                self.restarts = 0
        elif up - seen > rules.SILENT:
            self.good_since = None
        if standing is not None and standing.state == "offline":
            self.offline_since = self.offline_since or standing.since
        elif standing is not None and standing.state != "starting":
            self.offline_since = None
        failing = standing is not None and standing.state in {"waiting", "offline"}
        self.failing_since = (self.failing_since or up) if failing else None

    async def connected(self, connections: SharedInputs, row: Recording) -> Input | None:
        """Where to read it from; None while that is being asked for, which does not keep the others waiting."""
        if self.input is None:
            if self.asking is None:
                self.sealed = row.sealed
                coming = connections.connect(row, self.avoid, frozenset(self.protected))
                self.asking = asyncio.create_task(coming, name=f"input {row.id}")
            await asyncio.wait({self.asking}, timeout=QUICK)
            if not self.asking.done():
                return None
            asking, self.asking = self.asking, None
            self.input = asking.result()
        return self.input

    def goes_elsewhere(self) -> bool:
        """Whether its channel has another stream, now that this one is protected; all who share that leave it."""
        if self.input is None or self.input.stream is None:
            return False
        self.protected.add(self.input.stream)
        if self.input.streams <= self.protected:
            return False
        self.input.failed = True
        return True

    async def hang_up(self) -> None:
        """Give its connection back, or stop asking for one."""
        if self.asking is not None:
            self.asking.cancel()
            (found,) = await asyncio.gather(self.asking, return_exceptions=True)
            self.asking, self.input = None, self.input or (found if isinstance(found, Input) else None)
        if self.input is not None:
            await self.input.close()
            self.input = None


def fails(source: Input, sharing: Iterable[Kept], up: float) -> bool:
    """Whether a source has failed for all who share it, for so long that something else is tried, or its address asked for anew."""
    since = [one.failing_since for one in sharing if one.ending is None]
    if None in since:  # somebody receives it: what the others have is trouble of their own
        return False
    return up - min((one for one in since if one is not None), default=up) > (LEFT if source.others else ALONE)


async def read_ledgers(found: Iterable[Kept]) -> None:
    """Take in what recorders have written. A ledger that cannot be read now is read the next time."""
    await asyncio.to_thread(_refresh, [kept.reader for kept in found])


def _refresh(readers: list[LedgerReader]) -> None:
    for reader in readers:
        try:
            reader.refresh()
        except (OSError, ValueError) as exc:
            log.warning("a ledger could not be read", folder=reader.folder.name, reason=str(exc))
