"""Reads an HLS stream segment by segment. The playlist, its keys and what a plugin filters are streamlink's; the order is ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from streamlink.exceptions import StreamError
from streamlink.stream.hls import HLSStream
from streamlink.stream.hls.segment import HLSSegment

from nightcrew.recorder import protection
from nightcrew.recorder.fetch import Refused, said
from nightcrew.recorder.parts import SegmentData
from nightcrew.recorder.protection import Protected
from nightcrew.recorder.segments import HlsRequests
from nightcrew.recorder.shelf import Shelf
from nightcrew.recorder.source import ResolvedStream, Unreadable, is_crowded
from nightcrew.recorder.window import Anew, Listed, Lost, QueuedSegment, SegmentWindow, Step, Write

MISSING = frozenset({403, 404, 410})
FAILURES = 4
"""Failed looks at the playlist in a row after which its address is asked for anew."""
MOST_NUMBERS = 1 << 53
STARTING_BEHIND = 60.0
"""Seconds before a live playlist's end at which a recording begins, or six target durations: some list hours."""
TRIES = 3
"""Tries after which a segment of a finished playlist is missing for good."""
STALLED = 15.0
"""Seconds without anything new, or three target durations, after which the source is asked for its address anew."""
ENDED = "the playlist has ended"


class Sink(Protocol):
    """What the reader writes to, and asks whether to go on."""

    def check(self) -> None:
        """Raise when the reading has to end."""

    def rest(self, seconds: float) -> None:
        """Wait, or until something changes."""

    def write(self, piece: SegmentData) -> None:
        """Append; returns when it is on disk."""

    def lost(self, lost: Lost) -> None:
        """List what is missing."""

    def anew(self, reason: str) -> None:
        """The numbering begins anew."""

    def moved(self, at: float, target: float, reason: str) -> None:
        """How the playlist goes on: monotonic seconds at which it last moved; a reason when it cannot be read.

        Without one, what was told before stays told until something is written.
        """


class Stalled(Unreadable):
    """Nothing comes, for so long that its address may have changed."""


class Over(Exception):
    """The stream has an end, and all of it was read."""


@dataclass(slots=True)
class _Playlist:
    """What a look at the playlist showed."""

    listed: list[Listed]
    target: float
    ended: bool
    protected: bool
    """Whether there is nothing in it that could be recorded."""


class HlsReader:
    """Reads one media playlist until it is over."""

    def __init__(
        self, source: ResolvedStream, stream: HLSStream, window: SegmentWindow, sink: Sink, shelf: Shelf
    ) -> None:
        self._stream, self._shelf = stream, shelf
        self._asked = HlsRequests(source.session, stream, shelf, sink.check, window.target)
        self._window, self._sink = window, sink
        self._failures = 0
        self._ended = False
        self._reload_at = 0.0
        self._came = 0.0
        """When something was read last, or passed over with intent."""
        self._trouble = ""
        """Why the last segment could not be read."""
        self._any = False
        """Whether one could."""

    def turn(self, clock: Callable[[], float] = time.monotonic) -> float | None:
        """Read what is due; returns when to come again, None at the end.

        Raises `Protected`, `Unreadable`, and what the sink raises.
        """
        if not self._came:
            protection.check_master(self._stream)
            self._came = clock()
        if clock() >= self._reload_at:
            self._reload(clock)
        self._fetch_due(clock)
        for step in self._window.ready():
            self._put(step, clock)
        if self._ended and not self._window.waiting:
            return None
        self._patience(clock)
        return min(self._reload_at, self._window.next_try() or self._reload_at)

    @property
    def end(self) -> str:
        """What is said when it is over."""
        missing = self._trouble and not self._any
        return f"{ENDED}, and its segments could not be read: {self._trouble}" if missing else ENDED

    def _patience(self, clock: Callable[[], float]) -> None:
        """Raises `Stalled` when nothing has come for too long."""
        if clock() - self._came > max(STALLED, 3 * self._window.target):
            trouble = f"its segments cannot be read: {self._trouble}" if self._trouble else ""
            raise Stalled(trouble or "its playlist shows nothing new")

    def start_over(self, at: float) -> None:
        """It could not be read: look again at `at`, as if for the first time."""
        self._failures, self._reload_at, self._came, self._trouble = 0, at, at, ""

    def _put(self, step: Step, clock: Callable[[], float]) -> None:
        match step:
            case Lost():
                self._sink.lost(step)
            case Anew(reason):
                self._sink.anew(reason)
            case Write(listed, data):
                init = listed.handle.init
                self._sink.write(
                    SegmentData(listed.number, listed.seconds, data, listed.programme, listed.discontinuity, init)
                )
                self._came = clock()  # a full disk, for which it may have waited, is no fault of the source

    # -- the playlist ----------------------------------------------------------------------------------------------

    def _reload(self, clock: Callable[[], float]) -> None:
        window, began = self._window, clock()
        try:
            playlist = self._look()
        except (OSError, ValueError, StreamError) as exc:
            self._failures += 1
            self._reload_at = clock() + min(0.5 * self._failures, 2.0)
            self._sink.moved(window.moved, window.target, said(exc))
            if self._failures >= FAILURES or (
                isinstance(exc, Refused) and exc.status in MISSING and self._failures > 1
            ):
                raise Unreadable(f"its playlist: {said(exc)}", is_crowded(exc)) from exc
            return
        self._failures = 0
        if playlist.protected:
            raise Protected
        window.target = self._asked.target = playlist.target
        before = window.moved
        begun = window.begun
        window.offer(self._beginning(playlist), clock())
        if window.begun != begun:
            self._shelf.forget()
        self._ended = playlist.ended
        self._reload_at = began + (playlist.target if window.moved != before else max(playlist.target / 2, 0.5))
        self._sink.moved(window.moved, playlist.target, "")

    def _look(self) -> _Playlist:
        found = self._asked.playlist()
        target = min(max(float(found.targetduration or 6.0), 0.5), 60.0)
        protected = protection.is_over(found.segments, begun=self._window.last is not None)
        return _Playlist(self._listed(found.segments, target), target, bool(found.is_endlist), protected)

    def _beginning(self, playlist: _Playlist) -> list[Listed]:
        """Of a live playlist that is read for the first time, its end."""
        if self._window.last is not None or playlist.ended:
            return playlist.listed
        found, seconds = list[Listed](), 0.0
        for one in reversed(playlist.listed):
            if found and seconds + one.seconds > max(STARTING_BEHIND, 6 * playlist.target):
                break
            if protection.is_protected(one.handle.segment.key):
                break
            found.insert(0, one)
            seconds += one.seconds
        return found

    def _listed(self, segments: list[HLSSegment], target: float) -> list[Listed]:
        if segments and not 0 <= segments[0].num <= segments[-1].num < MOST_NUMBERS:
            raise Refused("its segment numbers make no sense")
        found: list[Listed] = []
        at: float | None = None
        for one in segments:
            seconds = one.duration if 0 < one.duration <= 120 else target
            at = one.date.timestamp() if one.date is not None else None if one.discontinuity else at
            found.append(Listed(one.num, seconds, at, bool(one.discontinuity), _Handle(one)))
            at = None if at is None else at + seconds
        return found

    # -- segments --------------------------------------------------------------------------------------------------

    def _fetch_due(self, clock: Callable[[], float]) -> None:
        """Read all that is due, looking at the playlist in between when it is time to."""
        while (wanted := self._window.due(clock())) is not None:
            self._sink.check()
            self._fetch(wanted, clock)
            for step in self._window.ready():
                self._put(step, clock)
            self._patience(clock)
            if clock() >= self._reload_at:
                self._reload(clock)

    def _fetch(self, wanted: QueuedSegment, clock: Callable[[], float]) -> None:
        segment = wanted.listed.handle.segment
        if passed_over := self._asked.passed_over(segment):
            wanted.lost = passed_over
            self._came = clock()
            return
        try:
            wanted.listed.handle.init = self._asked.init_of(segment)
            data = self._asked.segment(segment)
        except (OSError, ValueError, StreamError) as exc:
            missing = isinstance(exc, Refused) and exc.status in MISSING
            self._trouble = said(exc)
            self._window.failed(wanted, self._trouble, clock(), missing=missing)
            if missing and self._ended and wanted.tries >= TRIES:
                wanted.lost = self._trouble
            return
        self._window.got(wanted, data)
        self._came, self._trouble, self._any = clock(), "", True


@dataclass(slots=True)
class _Handle:
    segment: HLSSegment
    init: bytes = b""
