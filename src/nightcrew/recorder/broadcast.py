"""The bytes of one connection for several readers. Whoever needs the next ones reads them for all: there is no thread for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

from nightcrew.recorder.source import ResolvedStream, Unreadable
from nightcrew.recorder.transport import received

TICK = 1.0
"""Seconds after which one who waits for another's bytes looks whether to go on."""
RECENT_SECONDS = 6.0
RECENT_BYTES = 4 << 20
"""What is kept for one who joins: a decoder begins at a key frame, and the last one has passed already."""
BEHIND_BYTES = 32 << 20
"""Bytes that may wait for a reader whose disk is slow; then it has to join anew."""


class FellBehind(Unreadable):
    """A reader was too slow for a connection that it shares."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """What has come for a reader."""

    chunks: deque[bytes] = field(default_factory=deque)
    size: int = 0
    dropped: bool = False

    def put(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self.size += len(chunk)
        if self.size > BEHIND_BYTES:
            self.chunks.clear()
            self.dropped = True

    def take(self) -> bytes:
        chunk = self.chunks.popleft()
        self.size -= len(chunk)
        return chunk


class Broadcast:
    """A source's bytes as a transport stream."""

    def __init__(self, source: ResolvedStream) -> None:
        self._coming = received(source)
        self._turn = threading.Condition()
        self._reading = False
        """Whether somebody waits for the connection."""
        self._readers: set[_Waiting] = set()
        self._recent: deque[tuple[float, bytes]] = deque()
        self._recent_bytes = 0
        self._ended = False
        self._error: BaseException | None = None

    def read(self) -> Generator[bytes, None, None]:
        """From a moment ago until the connection ends. Empty bytes come while there is nothing yet.

        Raises `FellBehind`, and what the source raises.
        """
        mine = _Waiting()
        with self._turn:
            for _, known in self._recent:
                mine.put(known)
            self._readers.add(mine)
        try:
            while (chunk := self._next(mine)) is not None:
                yield chunk
        finally:
            with self._turn:
                self._readers.discard(mine)

    def retire(self, why: Unreadable) -> None:
        """Have all readers end, once they have what was read."""
        with self._turn:
            self._error = self._error or why
            self._turn.notify_all()

    def close(self) -> None:
        """Hang up. Nobody reads it any more."""
        self._coming.close()

    def _next(self, mine: _Waiting) -> bytes | None:
        with self._turn:
            while True:
                if mine.dropped:
                    raise FellBehind("its disk was too slow for the connection that it shares")
                if mine.chunks:
                    return mine.take()
                if self._ended:
                    return None
                if self._error is not None:
                    raise self._error
                if not self._reading:
                    break
                if not self._turn.wait(TICK):
                    return b""
            self._reading = True
        return self._read_for_all(mine)

    def _read_for_all(self, mine: _Waiting) -> bytes | None:
        chunk, error = None, None
        try:
            chunk = next(self._coming, None)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is raised for each reader
            error = exc
        with self._turn:
            self._reading = False
            self._error = self._error or error
            self._ended = chunk is None and error is None
            if chunk:
                self._remember(chunk)
                for other in self._readers - {mine}:
                    other.put(chunk)
            self._turn.notify_all()
        if error is not None:
            raise error
        return chunk

    def _remember(self, chunk: bytes) -> None:
        now = time.monotonic()
        self._recent.append((now, chunk))
        self._recent_bytes += len(chunk)
        while self._recent_bytes > RECENT_BYTES or now - self._recent[0][0] > RECENT_SECONDS:
            self._recent_bytes -= len(self._recent.popleft()[1])
