"""Which segments a live playlist shows at a moment: arithmetic on the clock, no state. Terms as in RFC 8216."""

from dataclasses import dataclass

SEGMENT_SECONDS = 2
WINDOW = 6


@dataclass(frozen=True, slots=True)
class LoopSegment:
    number: int
    """The media sequence number: segment n holds the pictures of the seconds [2n, 2n+2) since 1970."""
    wraps: bool
    """The loop starts again here, so the timestamps jump: needs EXT-X-DISCONTINUITY."""


@dataclass(frozen=True, slots=True)
class LoopWindow:
    discontinuity_sequence: int
    entries: tuple[LoopSegment, ...]

    @property
    def media_sequence(self) -> int:
        return self.entries[0].number


def newest_segment(now: float) -> int:
    """The last segment that is complete at `now`."""
    return max(0, int(now // SEGMENT_SECONDS) - 1)


def window_at(now: float, loop_length: int) -> LoopWindow:
    """`loop_length` in segments. Early in 1970 the window is shorter than `WINDOW`.

    A tag counts towards EXT-X-DISCONTINUITY-SEQUENCE once its segment has left the window (RFC 8216, 6.2.2).
    """
    last = newest_segment(now)
    first = max(0, last - WINDOW + 1)
    entries = tuple(LoopSegment(n, n > 0 and n % loop_length == 0) for n in range(first, last + 1))
    return LoopWindow(max(0, first - 1) // loop_length, entries)
