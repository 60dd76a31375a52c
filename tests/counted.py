"""A live source that sends a film of numbered pictures, as HLS and as MPEG-TS, with faults that a test switches on and off."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

from counter import HEIGHT, WIDTH, Film

PACKET = 188
LONG = 60
"""Segments that a source keeps for clients that come late, where the test is not about what has left the playlist."""
CHUNKS_PER_SECOND = 10
PLAYLIST = "application/vnd.apple.mpegurl"
SEGMENT = re.compile(r"/seg/(\d+)\.(?:ts|m4s)")
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Request:
    """Header names in lower case; `path` without the query."""

    method: str
    path: str
    headers: dict[str, str]
    keep: bool
    """Whether the connection stays open for another request."""


@dataclass(frozen=True)
class Run:
    """One run of the packager: its film index `first` has the media sequence number `number`."""

    first: int
    number: int


class Counted:
    """Attributes that are faults may be set at any time. Segments are named by media sequence number; an index is of the film.

    The first playlist is a full window: its segments were complete when the source started. It grows until it lists `keeps` of them:
    on a busy machine a client comes late, and what it misses then is no fault that a test has made.
    """

    def __init__(self, film: Film, *, window: int = 6, start: int = 0, keeps: int = 0) -> None:
        self.film, self.window, self.keeps = film, window, max(window, keeps)
        self.answer: int | None = None
        """This status for every request."""
        self.hang = False
        """No answer; who was let hang is not answered later either, and a running MPEG-TS answer stands still for good."""
        self.offline = False
        """404 for playlists."""
        self.truncate: set[int] = set()
        """The next answer is cut in half; then the number is no longer in the set. MPEG-TS: the answer ends there."""
        self.lost: set[int] = set()
        """404 for these. MPEG-TS leaves them out."""
        self.asked: list[str] = []
        """Paths without their query."""
        self.fetched: Counter[int] = Counter()
        """Complete answers by segment number."""
        self.open = 0
        """Requests that are being answered, those that hang included."""
        self._runs = [Run(0, start)]
        self._breaks: set[int] = set()
        self._oldest = 0
        self._last = len(film.segments) - 1
        self._frozen: bytes | None = None
        self._zero = self._epoch = 0.0
        self._port = 0
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._problems: list[BaseException] = []

    async def __aenter__(self) -> Self:
        ahead = self.window * self.film.segment_seconds
        self._zero, self._epoch = time.monotonic() - ahead, time.time() - ahead
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Raises what went wrong in the source itself."""
        assert self._server is not None
        self._server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._problems:
            raise RuntimeError("the source itself failed") from self._problems[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/live.m3u8"

    @property
    def master(self) -> str:
        """A playlist with one variant."""
        return f"http://127.0.0.1:{self._port}/master.m3u8"

    @property
    def ts(self) -> str:
        """MPEG-TS in real time; each answer begins with the segment that is being made. Only of a film of that kind."""
        return f"http://127.0.0.1:{self._port}/live.ts"

    @property
    def newest(self) -> int:
        """Film index of the newest segment that is complete."""
        return min(self._made(), self._last)

    @property
    def over(self) -> bool:
        """No segment will follow."""
        return self._made() >= self._last

    def frame_of(self, index: int) -> range:
        """The numbers of a segment's pictures, by film index."""
        count = self.film.frames_per_segment
        return range(index * count, (index + 1) * count)

    def number_of(self, index: int) -> int:
        """The media sequence number of a film index."""
        run = self._run(index)
        return run.number + index - run.first

    @property
    def frozen(self) -> bool:
        """The playlist stands still as it was when this was set. Segments are still made and served."""
        return self._frozen is not None

    @frozen.setter
    def frozen(self, value: bool) -> None:
        self._frozen = (self._frozen or self._playlist()) if value else None

    def reset(self, to: int = 0) -> None:
        """The packager restarts: its next segment has the number `to`, and no tag says so.

        The playlist stays as it is until that segment is complete, and then lists only segments of the new numbering.
        """
        first = self.newest + 1
        self._runs = [*(run for run in self._runs if run.first < first), Run(first, to)]

    def discontinue(self) -> None:
        """The next new segment is marked as a discontinuity."""
        self._breaks.add(self.newest + 1)

    def end(self) -> None:
        """No segment after those that are there. An MPEG-TS answer still finishes the segment that it is in."""
        self._last = self.newest

    def cut(self) -> None:
        """Reset all connections at once, so that no client takes it for an answer's end."""
        for writer in self._connections.values():
            if (connection := writer.get_extra_info("socket")) is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def forget(self) -> None:
        """All that was complete before the newest segment has left the playlist, and cannot be fetched any more."""
        self._oldest = self.newest

    @contextlib.contextmanager
    def fault(
        self,
        *,
        answer: int | None = None,
        hang: bool = False,
        frozen: bool = False,
        offline: bool = False,
        forgets: bool = False,
    ) -> Iterator[None]:
        """These, and none of the others, until the end of the block; then none. `forgets`: as after a time longer than its playlist."""
        self.answer, self.hang, self.frozen, self.offline = answer, hang, frozen, offline
        try:
            yield
        finally:
            if forgets:
                self.forget()
            self.answer, self.hang, self.frozen, self.offline = None, False, False, False

    def _made(self) -> int:
        return math.floor((time.monotonic() - self._zero) / self.film.segment_seconds + 1e-6) - 1

    def _run(self, index: int) -> Run:
        return next(run for run in reversed(self._runs) if run.first <= index)

    def _index(self, number: int) -> int | None:
        """The film index of a segment that can be fetched; of two with this number the newer one."""
        newest = self.newest
        for index in range(newest, max(newest - self.keeps - self.window, self._oldest - 1), -1):
            if self.number_of(index) == number:
                return index
        return None

    def _playlist(self) -> bytes:
        newest, seconds = self.newest, self.film.segment_seconds
        run = self._run(newest)
        first = max(run.first, self._oldest, newest - self.keeps + 1)
        number = run.number + first - run.first
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", f"#EXT-X-TARGETDURATION:{math.ceil(seconds)}"]
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{number}")
        if gone := sum(run.first <= at < first for at in self._breaks):
            lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{gone}")
        if self.film.init is not None:
            lines.append('#EXT-X-MAP:URI="init.mp4"')
        since = datetime.fromtimestamp(self._epoch + first * seconds, UTC).isoformat(timespec="milliseconds")
        suffix = "ts" if self.film.init is None else "m4s"
        for index in range(first, newest + 1):
            if index in self._breaks:
                lines.append("#EXT-X-DISCONTINUITY")
            if index == first:
                lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{since.replace('+00:00', 'Z')}")
            lines += [f"#EXTINF:{seconds:.3f},", f"seg/{number + index - first}.{suffix}"]
        if self.over:
            lines.append("#EXT-X-ENDLIST")
        return "\n".join([*lines, ""]).encode()

    def _master(self) -> bytes:
        size = max(map(len, self.film.segments))
        about = f"BANDWIDTH={math.ceil(size * 8 / self.film.segment_seconds)},RESOLUTION={WIDTH}x{HEIGHT}"
        return f"#EXTM3U\n#EXT-X-STREAM-INF:{about},FRAME-RATE={self.film.fps}.000\nlive.m3u8\n".encode()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="connection")
        self._connections[task] = writer
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task).transport.abort()
        if not task.cancelled() and (problem := task.exception()) is not None:
            self._problems.append(problem)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # so that a drained answer is with the client's kernel
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            keep = True
            while keep:
                request = _parse(await reader.readuntil(b"\r\n\r\n"))
                self.asked.append(request.path)
                self.open += 1
                try:
                    keep = await self._respond(request, reader, writer) and request.keep
                finally:
                    self.open -= 1
            writer.close()
            await writer.wait_closed()

    async def _respond(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can take another request."""
        if self.hang:
            await _gone(reader)
            return False
        if self.answer is not None:
            await _send(request, writer, self.answer)
        elif request.method not in {"GET", "HEAD"}:
            await _send(request, writer, 405)
            return False  # a body may follow
        elif request.path == "/live.ts" and self.film.init is None and not self.over:
            await self._stream(request, reader, writer)
            return request.method == "HEAD"
        elif found := SEGMENT.fullmatch(request.path):
            return await self._segment(int(found[1]), request, writer)
        else:
            await self._file(request, writer)
        return True

    async def _file(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/init.mp4" and self.film.init is not None:
            await _send(request, writer, 200, self.film.init, "video/mp4")
        elif request.path == "/live.m3u8" and not self.offline:
            await _send(request, writer, 200, self._frozen or self._playlist(), PLAYLIST)
        elif request.path == "/master.m3u8" and not self.offline:
            await _send(request, writer, 200, self._master(), PLAYLIST)
        else:
            await _send(request, writer, 404)

    async def _segment(self, number: int, request: Request, writer: asyncio.StreamWriter) -> bool:
        index = None if number in self.lost else self._index(number)
        if index is None:
            await _send(request, writer, 404)
            return True
        kind = "video/mp2t" if self.film.init is None else "video/mp4"
        cut = request.method == "GET" and number in self.truncate
        if cut:
            self.truncate.remove(number)
        whole = await _send(request, writer, 200, self.film.segments[index], kind, cut=cut)
        self.fetched[number] += whole
        return not cut

    async def _stream(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client who reads too slowly falls behind and misses nothing."""
        head = ["HTTP/1.1 200 OK", "Content-Type: video/mp2t", "Cache-Control: no-store"]
        if request.method == "HEAD":
            writer.write(_head(head))
            return
        writer.write(_head([*head, "Connection: close"]))
        await writer.drain()
        playing = asyncio.ensure_future(self._play(writer))
        gone = asyncio.ensure_future(_gone(reader))
        try:
            await asyncio.wait({playing, gone}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
        finally:
            playing.cancel()
            gone.cancel()
            await asyncio.gather(playing, gone, return_exceptions=True)

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        """Until the film or the source is over."""
        seconds, index = self.film.segment_seconds, self.newest + 1
        parts = max(1, round(seconds * CHUNKS_PER_SECOND))
        while index <= self._last:
            data, number = self.film.segments[index], self.number_of(index)
            size = -(-len(data) // PACKET // parts) * PACKET
            for part in range(parts):
                await asyncio.sleep(self._zero + (index + (part + 1) / parts) * seconds - time.monotonic())
                if self.hang:
                    await asyncio.Event().wait()
                if number in self.truncate and part >= parts // 2:
                    self.truncate.remove(number)
                    return
                if number not in self.lost:
                    writer.write(data[part * size : (part + 1) * size])
                    await writer.drain()
            index += 1


def lose_one(source: Counted) -> int:
    """The number of a segment that is about to be listed, and that nobody gets; it soon leaves the playlist, so that no client asks for long."""
    number = source.newest + 3
    source.lost.add(number)
    source.keeps = source.window + 2
    return number


def _parse(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    connection = headers.get("connection", "").lower()
    keep = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
    return Request(method, target.partition("?")[0], headers, keep)


def _head(lines: list[str]) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


def _part(wanted: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last, for a Range header; several ranges, or nonsense, stand for all. None: there is no such part."""
    found = RANGE.fullmatch(wanted)
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return (max(0, size - int(found[2])), size) if int(found[2]) else None
    first, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
    if found[2] and int(found[2]) < first:
        return 0, size
    return (first, end) if first < size else None


async def _send(
    request: Request, writer: asyncio.StreamWriter, status: int, body: bytes = b"", kind: str = "", *, cut: bool = False
) -> bool:
    """Whether the client was given the whole body. `cut`: half of what is announced."""
    lines, wanted, size = [], request.headers.get("range"), len(body)
    if status == 200 and wanted is not None and request.method == "GET" and RANGE.fullmatch(wanted):
        part = _part(wanted, size)
        status = 206 if part else 416
        lines = [f"Content-Range: bytes {part[0]}-{part[1] - 1}/{size}" if part else f"Content-Range: bytes */{size}"]
        body = body[slice(*part)] if part else b""
    if kind:
        lines += [f"Content-Type: {kind}", "Accept-Ranges: bytes"]
    lines += ["Cache-Control: no-store", f"Content-Length: {len(body)}"]
    lines.append(f"Connection: {'keep-alive' if request.keep and not cut else 'close'}")
    known = HTTPStatus(status)
    sent = body if request.method == "GET" else b""
    writer.write(_head([f"HTTP/1.1 {known.value} {known.phrase}", *lines]) + (sent[: len(sent) // 2] if cut else sent))
    await writer.drain()
    return status in {200, 206} and not cut and len(sent) == size


async def _gone(reader: asyncio.StreamReader) -> None:
    """Until the client has closed; what it still sends is not read as requests."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(65_536):
            pass
