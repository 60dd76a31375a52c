"""What the recordings of one HLS stream have read lately: each playlist and segment is asked for once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from nightcrew.recorder.source import Unreadable

ValueT = TypeVar("ValueT")

PLAYLIST = "playlist"
"""The name of the playlist; what a segment's is, its reader knows."""
KEPT_BYTES = 64 << 20
"""Bytes that are kept of what one recording has read, for the others."""
KEPT_SECONDS = 120.0
"""Seconds for which a segment is kept."""
TICK = 0.5
"""Seconds after which one that waits for another's request looks whether to go on."""
ELSEWHERE = "its address is asked for anew"


class Shelf:
    """What was read of an HLS stream lately. One request is made at a time, so one connection is enough.

    `beside`: what else is read over that connection.
    """

    def __init__(self, beside: Shelf | None = None) -> None:
        self.address = ""
        """Where the last look at the playlist was led to, where the next one goes: who is sent there anew counts as another viewer."""
        self.keeping = False
        """Whether several read, so that what one has read is kept."""
        self.retired = False
        self._requests: threading.Lock = threading.Lock() if beside is None else beside._requests
        self._kept: OrderedDict[Hashable, tuple[float, Any, int]] = OrderedDict()
        self._bytes = 0

    def get(
        self,
        name: Hashable,
        read: Callable[[], ValueT],
        size: Callable[[ValueT], int],
        check: Callable[[], None],
        *,
        after: float,
    ) -> tuple[ValueT, float]:
        """What is kept under `name`, else what `read` gives, and when it was read (monotonic seconds).

        `after`: only what was read later than that will do. Raises what `read` and `check` raise, `Unreadable` when the source is to
        be opened anew.
        """
        while not self._requests.acquire(timeout=TICK):
            check()
        try:
            known = self._kept.get(name)
            if known is not None and known[0] > after:
                return known[1], known[0]
            if self.retired:
                raise Unreadable(ELSEWHERE)
            value = read()
            return value, self._keep(name, value, size(value))
        finally:
            self._requests.release()

    def keep(self, name: Hashable, value: object, size: int) -> None:
        """Have something for the next one who asks for it."""
        with self._requests:
            self._store(name, time.monotonic(), value, size)

    def forget(self) -> None:
        """The numbering begins anew: what has a known name may be something else by now."""
        with self._requests:
            self._clear()

    def _clear(self) -> None:
        self._kept.clear()
        self._bytes = 0

    def _keep(self, name: Hashable, value: object, size: int) -> float:
        now = time.monotonic()
        if self.keeping:
            self._store(name, now, value, size)
        else:
            self._clear()
        return now

    def _store(self, name: Hashable, now: float, value: object, size: int) -> None:
        self._bytes += size - self._kept.pop(name, (0.0, None, 0))[2]
        self._kept[name] = (now, value, size)
        while self._bytes > KEPT_BYTES:
            self._bytes -= self._kept.popitem(last=False)[1][2]
