"""Reads an HLS stream segment by segment. The playlist, its keys and what a plugin filters are streamlink's; the order is ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from streamlink.exceptions import StreamError
from streamlink.stream.hls import M3U8, HLSStream, parse_m3u8
from streamlink.stream.hls.segment import HLSSegment
from streamlink.utils.crypto import AES, unpad

from nightcrew.recorder.fetch import LARGE, READ, SMALL, Refused, body, said
from nightcrew.recorder.parts import SegmentData
from nightcrew.recorder.shelf import KEPT_SECONDS, PLAYLIST, Shelf
from nightcrew.recorder.source import PLAYLIST_SECONDS, ResolvedStream, Unreadable, is_crowded
from nightcrew.recorder.window import Anew, Listed, Lost, QueuedSegment, SegmentWindow, Step, Write

SEGMENT_SECONDS = 15.0
"""Seconds that a segment may take, or three target durations if that is more."""
LEAST_PATIENCE = 2.5
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
ADVERTISEMENT = "an advertisement, which is not recorded"


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


class HlsReader:
    """Reads one media playlist until it is over."""

    def __init__(
        self, source: ResolvedStream, stream: HLSStream, window: SegmentWindow, sink: Sink, shelf: Shelf
    ) -> None:
        self._session, self._stream = source.session, stream
        self._shelf = shelf
        self._looked = 0.0
        """When the playlist was read that was looked at last."""
        self._parts = stream.__reader__(
            stream
        )  # never opened: its requests, keys and filters are used, not its threads
        self._window, self._sink = window, sink
        self._init: tuple[Any, bytes] = (None, b"")
        self._failures = 0
        self._ended = False
        self._reload_at = 0.0
        self._came = 0.0
        """When something was read last, or passed over with intent."""
        self._trouble = ""
        """Why the last segment could not be read."""

    def read(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Read until the end. Raises `Over`, `Unreadable`, and what the sink raises."""
        while True:
            self._sink.check()
            due = self.turn(clock)
            if due is None:
                raise Over("the playlist has ended")
            self._sink.rest(max(0.0, due - clock()))

    def turn(self, clock: Callable[[], float] = time.monotonic) -> float | None:
        """Read what is due; returns when to come again, None at the end. Raises `Unreadable`, and what the sink raises."""
        self._came = self._came or clock()
        if clock() >= self._reload_at:
            self._reload(clock)
        self._fetch_due(clock)
        for step in self._window.ready():
            self._put(step, clock)
        if self._ended and not self._window.waiting:
            return None
        if clock() - self._came > max(STALLED, 3 * self._window.target):
            trouble = f"its segments cannot be read: {self._trouble}" if self._trouble else ""
            raise Stalled(trouble or "its playlist shows nothing new")
        return min(self._reload_at, self._window.next_try() or self._reload_at)

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
        window.target = playlist.target
        before = window.moved
        begun = window.begun
        window.offer(self._beginning(playlist), clock())
        if window.begun != begun:
            self._shelf.forget()
        self._ended = playlist.ended
        self._reload_at = began + (playlist.target if window.moved != before else max(playlist.target / 2, 0.5))
        self._sink.moved(window.moved, playlist.target, "")

    def _look(self) -> _Playlist:
        after = max(self._looked, time.monotonic() - self._window.target)
        (data, url), self._looked = self._shelf.get(PLAYLIST, self._asked, _size_of, self._sink.check, after=after)
        found = _parsed(data, url, self._stream)
        if found.is_master:
            raise Refused("it is a master playlist")
        target = min(max(float(found.targetduration or 6.0), 0.5), 60.0)
        return _Playlist(self._listed(found.segments, target), target, bool(found.is_endlist))

    def _asked(self) -> tuple[bytes, str]:
        address = self._shelf.address or self._stream.url
        seconds, quiet = PLAYLIST_SECONDS, self._patience()
        params = self._parts.request_params
        data, self._shelf.address = body(self._session, address, limit=SMALL, seconds=seconds, quiet=quiet, **params)
        return data, self._shelf.address

    def _beginning(self, playlist: _Playlist) -> list[Listed]:
        """Of a live playlist that is read for the first time, its end."""
        if self._window.last is not None or playlist.ended:
            return playlist.listed
        found, seconds = list[Listed](), 0.0
        for one in reversed(playlist.listed):
            if found and seconds + one.seconds > max(STARTING_BEHIND, 6 * playlist.target):
                break
            found.insert(0, one)
            seconds += one.seconds
        return found

    def _patience(self) -> float:
        """Seconds without a byte after which a request is made anew: a hung server must not cost a window."""
        return min(max(LEAST_PATIENCE, 1.5 * self._window.target), READ)

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
            if clock() >= self._reload_at:
                self._reload(clock)

    def _fetch(self, wanted: QueuedSegment, clock: Callable[[], float]) -> None:
        segment = wanted.listed.handle.segment
        if self._parts.writer.should_filter_segment(segment):
            wanted.lost = ADVERTISEMENT
            self._came = clock()
            return
        try:
            wanted.listed.handle.init = self._init_of(segment)
            data = self._segment(segment, segment.key, is_map=False)
        except (OSError, ValueError, StreamError) as exc:
            missing = isinstance(exc, Refused) and exc.status in MISSING
            self._trouble = said(exc)
            self._window.failed(wanted, self._trouble, clock(), missing=missing)
            if missing and self._ended and wanted.tries >= TRIES:
                wanted.lost = self._trouble
            return
        self._window.got(wanted, data)
        self._came, self._trouble = clock(), ""

    def _init_of(self, segment: HLSSegment) -> bytes:
        """The init section that a segment needs, kept as long as it is the same one."""
        if segment.map is None:
            return b""
        name = (segment.map.uri, segment.map.byterange)
        if self._init[0] != name:
            self._init = (name, self._segment(segment, segment.map.key, is_map=True))
        return self._init[1]

    def _segment(self, segment: HLSSegment, key: Any, *, is_map: bool) -> bytes:
        what = segment.map if is_map and segment.map is not None else segment
        params = self._parts.writer.create_request_params(
            segment.num, what, is_map
        )  # counts byte ranges: it is always asked
        name = (None if is_map else segment.num, what.uri, str(what.byterange))
        after = time.monotonic() - KEPT_SECONDS
        data, _ = self._shelf.get(
            name, lambda: self._read(segment, what, key, params), len, self._sink.check, after=after
        )
        return data

    def _read(self, segment: HLSSegment, what: Any, key: Any, params: dict[str, Any]) -> bytes:
        seconds = max(SEGMENT_SECONDS, 3 * self._window.target)
        data, _ = body(self._session, what.uri, limit=LARGE, seconds=seconds, quiet=self._patience(), **params)
        if key is not None and key.method != "NONE":
            cipher = self._parts.writer.create_decryptor(key, segment.num)
            data = unpad(cipher.decrypt(data), AES.block_size, style="pkcs7")
        if not data or data.lstrip()[:1] in {b"<", b"{", b"#"}:
            raise Refused("it is not media")
        return data


@dataclass(slots=True)
class _Handle:
    segment: HLSSegment
    init: bytes = b""


def _size_of(playlist: tuple[bytes, str]) -> int:
    return len(playlist[0])


def ended(source: ResolvedStream, stream: HLSStream) -> bool:
    """Whether its playlist is finished. Raises OSError and `ValueError` when it cannot be read."""
    data, url = source.playlist or body(
        source.session, stream.url, limit=SMALL, seconds=PLAYLIST_SECONDS, **stream.__reader__(stream).request_params
    )
    return bool(_parsed(data, url, stream).is_endlist)


def _parsed(data: bytes, url: str, stream: HLSStream) -> M3U8[Any, Any]:
    """What a playlist lists. Raises `ValueError`."""
    return parse_m3u8(data.decode("utf-8", "replace"), base_uri=url, parser=stream.__parser__)
