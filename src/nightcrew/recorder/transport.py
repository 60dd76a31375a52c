"""Bytes of any kind as a transport stream: those that are one as they are, others by way of a process that remuxes them."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from itertools import chain
from typing import Self

from streamlink.stream.http import HTTPStream
from streamlink.stream.stream import Stream

from nightcrew.recorder.fetch import CHUNK, chunks, opened
from nightcrew.recorder.source import PAGE, ResolvedStream, Unreadable
from nightcrew.transport.ts import PACKET, aligned

ENOUGH = 400
"""Bytes that tell whether it is a transport stream: two packets."""
SILENT = 30.0
"""Seconds without a byte after which the process is ended."""
TICK = 1.0
"""Seconds after which whoever reads can look whether to go on."""


def received(source: ResolvedStream) -> Generator[bytes, None, None]:
    """A source's bytes as a transport stream. Raises `Unreadable` and what its connection raises."""
    if source.stream is None:
        return of_address(source.url)
    return as_transport(_chunks(source, source.stream))


def _chunks(source: ResolvedStream, stream: Stream) -> Generator[bytes, None, None]:
    if source.answer is not None:
        yield from source.answer.chunks()
        return
    if type(stream) is HTTPStream:
        yield from chunks(opened(source.session, source.url))
        return
    file = stream.open()
    try:
        while chunk := file.read(CHUNK):
            yield chunk
    finally:
        file.close()


def as_transport(coming: Iterator[bytes]) -> Generator[bytes, None, None]:
    """What comes, as a transport stream. Empty bytes come while there is nothing yet.

    Raises `Unreadable` for a web page and for what no transport stream can be made of, and what `coming` raises.
    """
    head = b""
    for chunk in coming:
        head += chunk
        if len(head) > ENOUGH:
            break
        yield b""
    if head.lstrip()[:1] in {b"<", b"{"}:
        raise Unreadable(PAGE)
    if len(head) <= ENOUGH:
        return
    whole = chain([head], coming)
    if any(aligned(head[at:]) for at in range(PACKET)):
        yield from whole
        return
    with _Remuxer() as process:
        yield from process.feed(chain([b"\n"], whole))


def of_address(url: str) -> Generator[bytes, None, None]:
    """What only libav can read (rtsp, rtmp). The caller has made sure that it may be read. Raises `Unreadable`."""
    with _Remuxer() as process:
        yield from process.feed(iter([f"{url}\n".encode()]))


class _Remuxer:
    """One `nightcrew.recorder.remux`, which is told everything through a pipe: every user of the machine sees arguments."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "nightcrew.recorder.remux", str(os.getpid())]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)  # noqa: S603
        self._input, self._output, self._words = (
            one.fileno() for one in (self._process.stdin, self._process.stdout, self._process.stderr) if one is not None
        )
        self._heard = time.monotonic()
        os.set_blocking(self._input, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        for file in (self._process.stdin, self._process.stdout, self._process.stderr):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()
        self._process.wait()

    def feed(self, coming: Iterator[bytes]) -> Generator[bytes, None, None]:
        """Pass everything on, and give what becomes of it."""
        for chunk in coming:
            rest = memoryview(chunk)
            while rest or self._ready(0.0):
                readable, writable, _ = select.select([self._output], [self._input] if rest else [], [], TICK)
                if readable:
                    yield self._read()
                if writable:
                    rest = rest[self._write(rest) :]
                if not readable and not writable:
                    self._patience()
                    yield b""
        if self._process.stdin is not None:
            self._process.stdin.close()
        yield from self.rest()

    def rest(self) -> Generator[bytes, None, None]:
        """What still comes, until it ends."""
        while True:
            if not self._ready(TICK):
                self._patience()
                yield b""
            elif chunk := self._read():
                yield chunk
            else:
                return

    def _ready(self, seconds: float) -> bool:
        return bool(select.select([self._output], [], [], seconds)[0])

    def _write(self, data: memoryview) -> int:
        self._heard = time.monotonic()
        try:
            return os.write(self._input, data[:CHUNK])
        except BrokenPipeError:
            raise self._ended() from None

    def _read(self) -> bytes:
        """Empty when it has ended well. Raises `Unreadable` when it has not."""
        self._heard = time.monotonic()
        chunk = os.read(self._output, CHUNK)
        if not chunk and self._status() != 0:
            raise self._ended()
        return chunk

    def _status(self) -> int | None:
        """How it has ended; None when it closed its output and did not end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(SILENT)
        return None

    def _ended(self) -> Unreadable:
        self._process.kill()
        words = os.read(self._words, 500).decode("utf-8", "replace").strip().rpartition("\n")[2]
        return Unreadable(f"it cannot be read as a stream: {words}" if words else "it cannot be read as a stream")

    def _patience(self) -> None:
        if time.monotonic() - self._heard > SILENT:
            raise Unreadable("the server did not respond in time")
