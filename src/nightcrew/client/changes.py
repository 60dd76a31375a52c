"""When to look again: when the server says that something has changed, and each second at the latest."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from nightcrew.client.server import Failed, Server, Unreachable

if TYPE_CHECKING:
    import httpx2

LOOK_EVERY = 1.0
"""A change at another node is told by nobody."""
SOON = 0.25
"""Seconds between two looks at least. Also after a look that a change has led to, as what was told may be stored a moment later."""
PATIENCE = 120.0
"""Seconds for which a server may be away: what is followed outlives a restart."""

T = TypeVar("T")


class Changes:
    """The server's stream of events, in this thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._answer: httpx2.Response | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._moved = True
        self._looked = 0.0

    def __enter__(self) -> Changes:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def wait(self) -> None:
        """Until it is worth looking again."""
        until = time.monotonic() + min(LOOK_EVERY, SOON if self._moved else LOOK_EVERY)
        self._moved = self._heard(until)
        time.sleep(max(0.0, min(until, self._looked + SOON) - time.monotonic()))
        self._looked = time.monotonic()

    def _heard(self, until: float) -> bool:
        """Whether something changes by then. A stream that cannot be had, or breaks, is opened anew the next time."""
        import httpx2

        left = until - time.monotonic()
        if left <= 0:
            return False
        try:
            if self._answer is None:  # what has changed before is told by nobody
                self._answer = self._server.events()
                self._chunks = self._answer.iter_raw()
                return True
            socket = self._answer.extensions["network_stream"].get_extra_info("socket")
            if not select.select([socket], [], [], left)[0]:
                return False
            return b"event:" in next(self._chunks)
        except (Failed, httpx2.HTTPError, httpx2.StreamError, StopIteration, OSError, ValueError):
            self._close()
            time.sleep(max(0.0, until - time.monotonic()))
            return False

    def _close(self) -> None:
        if self._answer is not None:
            self._answer.close()
        self._answer = None


def patiently(look: Callable[[], T], away: Callable[[], None] = lambda: None) -> T:
    """What a look finds, also at a server that is being restarted; meanwhile `away` is called. Raises `Failed`."""
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            return look()
        except Unreachable:
            if time.monotonic() > limit:
                raise
        away()
        time.sleep(LOOK_EVERY)
