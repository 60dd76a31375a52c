"""The stream's bytes as libav reads them: from the frames on standard input, until they end or the time is up."""

from __future__ import annotations

import os
import select
import time

from nightcrew.child import write_all
from nightcrew.frames import LENGTH, framed

BLOCK = 1 << 16
HEAD = 1 << 18
"""Bytes from the beginning that are kept, in which a transport stream says which programmes it has."""


class Pipe:
    """Frames on a file descriptor. Its end means that the server is gone, and so is this process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._held = bytearray()

    def frame(self, deadline: float | None = None) -> bytes | None:
        """The next frame; None when none is complete at `deadline` (monotonic seconds). Raises EOFError at the pipe's end."""
        while True:
            if len(self._held) >= LENGTH.size:
                (size,) = LENGTH.unpack_from(self._held)
                if len(self._held) >= LENGTH.size + size:
                    payload = bytes(self._held[LENGTH.size : LENGTH.size + size])
                    del self._held[: LENGTH.size + size]
                    return payload
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                    return None
            block = os.read(self._fd, BLOCK)
            if not block:
                raise EOFError
            self._held += block


class StreamBytes:
    """One job's bytes, as a file that can only be read forward."""

    def __init__(self, pipe: Pipe, *, limit: float) -> None:
        self._pipe = pipe
        self._limit = limit
        self._rest = b""
        self._deadline: float | None = None
        self.began: float | None = None
        """Monotonic seconds at the first byte."""
        self.head = bytearray()
        """The first bytes that were read."""
        self.ended = False
        self.late = False
        self.gone = False
        """The server has ended: nobody waits for an answer."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; empty at the end, or when the time is up."""
        if not self._rest and not (self.ended or self.late):
            self._rest = self._next()
        found, self._rest = self._rest[:size], self._rest[size:]
        if len(self.head) < HEAD:
            self.head += found
        return found

    def drain(self) -> None:
        """Pass over what is left of the job."""
        while not self.ended:
            if not self._pipe.frame():
                self.ended = True

    @property
    def wall(self) -> float:
        """Seconds since the first byte."""
        return 0.0 if self.began is None else time.monotonic() - self.began

    def _next(self) -> bytes:
        try:
            payload = self._pipe.frame(self._deadline)
        except EOFError:  # libav would take an exception for a broken stream
            self.gone = self.ended = True
            return b""
        if payload is None:
            self.late = True
            return b""
        if not payload:
            self.ended = True
        elif self._deadline is None:
            self.began = time.monotonic()
            self._deadline = self.began + self._limit
        return payload


def answer(fd: int, payload: bytes) -> None:
    """Write a whole frame."""
    write_all(fd, framed(payload))
