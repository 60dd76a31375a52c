"""Reads a stream that has no segments: cut where a decoder can begin, so that it is kept, counted and split like one that has.

There is no window to catch up from: what is missed is missing. How much is told by the stream's own clock where it goes on,
else by ours; what a source sends again after a new connection is passed over.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import cast

from streamlink.exceptions import StreamError
from streamlink.stream.http import HTTPStream

from nightcrew.recorder.fetch import CHUNK, chunks, opened, said
from nightcrew.recorder.hls import Sink
from nightcrew.recorder.ledger import Tally
from nightcrew.recorder.parts import Piece
from nightcrew.recorder.source import Source, Unreadable
from nightcrew.recorder.ts import Cutter, aligned, later
from nightcrew.recorder.ts import Piece as Cut
from nightcrew.recorder.window import Lost
from nightcrew.recorder.wire import Order, boottime

REPEAT = 120.0
"""Seconds by which a source may go back after a new connection."""
PIECE = 2.0
"""Seconds after which what has come is written, where nothing says where it may be cut."""
INTERRUPTED = "the connection was interrupted"
FFMPEG_QUIET = 20_000_000
"""Microseconds without a byte after which ffmpeg gives up."""


class ContinuousReader:
    """Reads bytes until they end."""

    def __init__(self, source: Source, order: Order, tally: Tally, sink: Sink) -> None:
        self._source, self._order, self._sink, self._tally = source, order, sink, tally
        self._cutter = Cutter()
        self._pending: Cut | None = None
        self._number = tally.last.number if tally.last is not None else 0
        self._joined = False
        self._rate = 0.0
        """Seconds for each picture, as seen last."""
        self._clock: Callable[[], float] = time.monotonic
        self._written = 0.0

    def read(self) -> None:
        """Read until the stream ends, which is never the end of the recording. Raises `Unreadable`, `NotTransport`."""
        self._written = self._clock()
        bytes_seen = 0
        try:
            for chunk in self._chunks():
                self._sink.check()
                if not bytes_seen:
                    self._look_at(chunk)
                bytes_seen += len(chunk)
                self._sink.moved(self._clock(), 0.0, "")
                for cut in self._cutter.feed(chunk):
                    self._take(cut)
                if self._cutter.programme.video_pid is None and self._clock() - self._written > PIECE:
                    self._take(self._cutter.rest())
        except (OSError, StreamError) as exc:
            raise Unreadable(said(exc)) from exc
        finally:
            self._finish()
        raise Unreadable("the stream broke off" if bytes_seen else "it sends nothing")

    def _look_at(self, first: bytes) -> None:
        if first.lstrip()[:1] in {b"<", b"{"}:
            raise Unreadable("it sends a page, and no stream")
        if len(first) > 400 and not any(aligned(first[at:]) for at in range(188)):
            raise NotTransport

    # -- bytes -----------------------------------------------------------------------------------------------------

    def _chunks(self) -> Iterator[bytes]:
        stream = self._source.stream
        if stream is None:
            yield from self._by_ffmpeg()
        elif type(stream) is HTTPStream:
            yield from chunks(opened(self._source.session, self._source.url))
        else:
            file = stream.open()
            try:
                while chunk := file.read(CHUNK):
                    yield chunk
            finally:
                file.close()

    def _by_ffmpeg(self) -> Iterator[bytes]:
        """What only ffmpeg can read, as a transport stream. It lives in this process's group and ends with its pipe."""
        if not self._order.ffmpeg:
            raise Unreadable("only ffmpeg could read it, and there is none")
        headers = "".join(f"{key}: {value}\r\n" for key, value in self._order.headers.items())
        given = ["-headers", headers] if headers and self._source.url.startswith("http") else []
        wait = ["-rw_timeout", str(FFMPEG_QUIET)] if self._source.url.startswith(("http", "rtmp")) else []
        out = ["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "mpegts", "pipe:1"]
        command = [self._order.ffmpeg, "-nostdin", "-v", "error", *given, *wait, "-i", self._source.url, *out]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:  # noqa: S603
            output = cast("BufferedReader", child.stdout)
            try:
                while chunk := output.read1(CHUNK):
                    yield chunk
            finally:
                child.kill()

    # -- pieces ----------------------------------------------------------------------------------------------------

    def _take(self, cut: Cut | None) -> None:
        """Hold each piece until the next one's time says how long it is."""
        if cut is None:
            return
        before, self._pending = self._pending, cut
        if before is not None:
            self._write(before, self._length(before, cut))

    def _finish(self) -> None:
        """Write what is left; the last piece's length is guessed from its pictures."""
        self._take(self._cutter.rest(broken=True))
        last, self._pending = self._pending, None
        if last is not None:
            self._write(last, last.pictures * self._rate or min(PIECE, self._clock() - self._written))

    def _length(self, cut: Cut, following: Cut) -> float:
        if cut.at is not None and following.at is not None:
            seconds = later(following.at, cut.at)
            if 0 < seconds < 60:
                self._rate = seconds / cut.pictures if cut.pictures else self._rate
                return seconds
        return max(0.02, min(self._clock() - self._written, 60.0))

    def _write(self, cut: Cut, seconds: float) -> None:
        if not self._joined and not self._join(cut, seconds):
            return
        self._number += 1
        prefix = b"".join(self._cutter.programme.tables.values())
        self._sink.write(Piece(self._number, seconds, cut.data, cut.at, prefix=prefix))
        self._written = self._clock()

    def _join(self, cut: Cut, seconds: float) -> bool:
        """Where a new connection goes on: what was there before is passed over, what is missing is listed."""
        last = self._tally.last
        if last is None:
            self._joined = True
            return True
        away = boottime() - last.up
        ahead = None if cut.at is None or last.programme is None else later(cut.at, last.programme + last.seconds)
        if ahead is not None and -REPEAT < ahead < -seconds / 2:
            return False
        self._joined = True
        exact = ahead is not None and abs(ahead) <= 1.5 * away + 30
        missing = (ahead or 0.0) if exact else max(0.0, away - seconds)
        if missing > 0.1:
            self._number += 1
            self._sink.lost(Lost(self._number, self._number, missing, INTERRUPTED))
        if not exact and last.programme is not None:
            self._sink.anew("the stream's clock began anew")
        return True


class NotTransport(Exception):
    """The bytes are no transport stream: ffmpeg can make one of them."""
