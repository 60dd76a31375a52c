"""Reads a stream that has no segments: cut where a decoder can begin, so that it is kept, counted and split like one that has.

There is no window to catch up from: what is missed is missing. How much is told by the stream's own clock where it goes on,
else by ours; what a source sends again after a new connection is passed over.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator

from streamlink.exceptions import StreamError

from nightcrew.recorder.fetch import said
from nightcrew.recorder.hls import Sink
from nightcrew.recorder.ledger import Segment, Tally
from nightcrew.recorder.parts import SegmentData
from nightcrew.recorder.source import Unreadable, is_crowded
from nightcrew.recorder.window import Lost
from nightcrew.recorder.wire import boottime
from nightcrew.transport.ts import Cut, Cutter, later

BUFFERED = 30.0
"""Seconds that a stream's clock may run ahead of ours over a break, and still go on."""
SAME = 0.05
"""Seconds between the times of two pictures that are one."""
LEAST_GAP = 0.1
"""Seconds that are a gap; less is a rounded time."""
PIECE = 2.0
"""Seconds after which what has come is written, where nothing says where it may be cut."""
INTERRUPTED = "the connection was interrupted"
USELESS = 60.0
"""Seconds for which bytes may come of which nothing can be written: more than the longest groups of pictures."""


class ContinuousReader:
    """Reads bytes, over as many connections as it takes."""

    def __init__(self, tally: Tally, sink: Sink) -> None:
        self._tally, self._sink = tally, sink
        self._cutter = Cutter()
        self._pending: Cut | None = None
        self._torn: tuple[Cut, float] | None = None
        """What came last when a connection broke off: the next one may send it again, whole."""
        self._number = tally.last.number if tally.last is not None else 0
        self._joined = False
        self._rate = 0.0
        """Seconds for each picture, as seen last."""
        self._clock: Callable[[], float] = time.monotonic
        self._written = self._useful = 0.0
        """When something was written last, and when something came of the bytes: what is sent again is not written."""

    def read(self, coming: Generator[bytes, None, None]) -> None:
        """Read until the bytes end, which is never the end of the recording; empty ones may come. Raises `Unreadable`."""
        self._cutter, self._joined = Cutter(), False
        self._written = self._useful = self._clock()
        any_bytes = False
        try:
            with contextlib.closing(coming):
                for chunk in coming:
                    self._sink.check()
                    if chunk:
                        any_bytes = True
                        self._feed(chunk)
        except (OSError, StreamError) as exc:
            raise Unreadable(said(exc), is_crowded(exc)) from exc
        finally:
            self._finish()
        raise Unreadable("the stream broke off" if any_bytes else "it sends nothing")

    def _feed(self, chunk: bytes) -> None:
        self._sink.moved(self._clock(), 0.0, "")
        for cut in self._cutter.feed(chunk):
            self._take(cut)
        if self._cutter.programme.video_pid is None and self._clock() - self._written > PIECE:
            self._take(self._cutter.rest())
        if self._clock() - self._useful > USELESS:
            raise Unreadable("it sends neither video nor audio")

    # -- pieces ----------------------------------------------------------------------------------------------------

    def _take(self, cut: Cut | None) -> None:
        """Hold each piece until the next one's time says how long it is."""
        if cut is None:
            return
        self._useful = self._clock()
        before, self._pending = self._pending, cut
        if before is not None:
            self._write(before, self._length(before, cut))

    def _finish(self) -> None:
        """Hold what came last, as far as it is whole. Its length is guessed from its pictures."""
        self._take(self._cutter.rest(broken=True))
        last, self._pending = self._pending, None
        if last is None:
            return
        seconds = last.pictures * self._rate or min(PIECE, self._clock() - self._written)
        if self._joined or self._join(last, seconds):
            self._torn = (last, seconds)

    def _length(self, cut: Cut, following: Cut) -> float:
        if cut.at is not None and following.at is not None:
            seconds = later(following.at, cut.at)
            if 0 < seconds < 60:
                self._rate = seconds / cut.pictures if cut.pictures else self._rate
                return seconds
        return max(0.02, min(self._clock() - self._written, 60.0))

    def _write(self, cut: Cut, seconds: float) -> None:
        if self._joined or self._join(cut, seconds):
            self._append(cut, seconds)

    def _append(self, cut: Cut, seconds: float) -> None:
        self._number += 1
        prefix = b"".join(self._cutter.programme.tables.values())
        self._sink.write(SegmentData(self._number, seconds, cut.data, cut.at, prefix=prefix, key=cut.key))
        self._written = self._clock()

    def write_torn(self) -> None:
        """No other connection sends it again, whole: what came last is written."""
        torn, self._torn = self._torn, None
        if torn is not None:
            self._append(*torn)

    # -- a new connection ------------------------------------------------------------------------------------------

    def _join(self, cut: Cut, seconds: float) -> bool:
        """Where a new connection goes on: what was there before is passed over, what is missing is listed."""
        if self._cutter.programme.video_pid is not None and not cut.key:
            return False  # no decoder can begin here
        if self._torn is not None and _is(cut, self._torn[0].key, self._torn[0].at):
            self._torn = None  # it is sent again, whole
        self.write_torn()
        last = self._tally.last
        if last is None:
            self._joined = True
            return True
        if any(_is(cut, key, at) for key, at in self._tally.seen):
            return False
        self._joined = True
        self._list_missing(cut, seconds, last)
        return True

    def _list_missing(self, cut: Cut, seconds: float, last: Segment) -> None:
        """By the stream's clock where that goes on, else by ours."""
        away = boottime() - last.up
        ahead = None if cut.at is None or last.programme is None else later(cut.at, last.programme + last.seconds)
        goes_on = ahead is not None and -0.5 < ahead < away + BUFFERED
        missing = ahead if goes_on and ahead is not None else max(0.0, away - seconds)
        if missing > LEAST_GAP:
            self._number += 1
            self._sink.lost(Lost(self._number, self._number, missing, INTERRUPTED))
        if not goes_on and last.programme is not None:
            self._sink.anew("the stream's clock started over")


def _is(cut: Cut, key: str, at: float | None) -> bool:
    """Whether it is this piece, sent again: the same picture at the same time."""
    return bool(key) and cut.key == key and cut.at is not None and at is not None and abs(later(cut.at, at)) < SAME
