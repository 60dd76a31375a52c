"""What came of one stream, counted packet by packet. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nightcrew.muxer.wire import SlotReport


@dataclass(slots=True)
class Counting:
    """See `wire.SlotReport`."""

    packets: int = 0
    torn: int = 0
    first: float | None = None
    last: float | None = None
    end: float = 0.0
    decoded: int | None = None
    samples: int = 0

    def note(self, at: float, length: float) -> None:
        """A packet that is shown at `at` for `length` seconds."""
        self.packets += 1
        self.first = at if self.first is None or at < self.first else self.first
        self.last = at if self.last is None or at > self.last else self.last
        self.end = max(self.end, at + length)

    def report(self) -> SlotReport:
        """What it comes to."""
        return SlotReport(self.packets, self.torn, self.first, self.last, self.end, self.decoded, self.samples)
