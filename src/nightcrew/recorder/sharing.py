"""One reading for all recordings of a source: they share its connection, and each takes what it needs at its own pace.

Each recording has a thread, a window and a ledger of its own, so that one whose disk is full, that is stopped, or that takes up
where it was left keeps no other from anything.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Hashable, Iterator
from dataclasses import dataclass, field

from nightcrew.recorder.broadcast import Broadcast, FellBehind
from nightcrew.recorder.shelf import ELSEWHERE, PLAYLIST, Shelf
from nightcrew.recorder.source import Offline, Rendition, ResolvedStream, Unreadable, resolve
from nightcrew.recorder.wire import Order

ECHO = 2.0
"""Seconds for which one recording's failure is that of the others, so that each does not ask as well."""


@dataclass(eq=False, slots=True)
class SharedSource:
    """A source that is open for those who have joined."""

    order: Order
    readers: set[int] = field(default_factory=set)
    retired: bool = False
    """Whether it is left by all, and joined by nobody."""
    shelf: Shelf = field(default_factory=Shelf)
    beside: dict[str, Shelf] = field(default_factory=dict)
    """Of each sound with a playlist of its own, by its address."""
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _source: ResolvedStream | None = None
    _broadcast: Broadcast | None = None
    _error: Offline | Unreadable | None = None

    @property
    def source(self) -> ResolvedStream:
        """What was found; whoever comes first opens it. Raises `Offline`, `Unreadable`."""
        with self._opening:
            if self._error is not None:
                raise _again(self._error)
            if self._source is None:
                try:
                    self._source = resolve(self.order)
                except (Offline, Unreadable) as exc:
                    self._error = _again(exc)
                    raise
                if self._source.playlist is not None:
                    self.shelf.address = self._source.playlist[1]
                    self.shelf.keep(PLAYLIST, self._source.playlist, 0)
            return self._source

    def shelf_of(self, sound: Rendition) -> Shelf:
        """What was read of a sound with a playlist of its own."""
        with self._opening:
            shelf = self.beside.setdefault(sound.stream.url, Shelf(self.shelf))
            shelf.keeping, shelf.retired = self.shelf.keeping, self.shelf.retired
            return shelf

    def share(self) -> None:
        """Keep what one has read as long as there is another to read it."""
        for shelf in (self.shelf, *self.beside.values()):
            shelf.keeping = len(self.readers) > 1

    def chunks(self) -> Generator[bytes, None, None]:
        """The bytes of a stream without segments, from a moment ago on. Empty ones come while there is nothing yet."""
        source = self.source
        with self._opening:
            if self._broadcast is None:
                self._broadcast = Broadcast(source)
        return self._broadcast.read()

    def retire(self) -> None:
        """Nobody joins it any more, and those who read it leave: it has to be opened anew."""
        self.retired = True
        for shelf in (self.shelf, *self.beside.values()):
            shelf.retired = True
        if self._broadcast is not None:
            self._broadcast.retire(Unreadable(ELSEWHERE))

    def close(self) -> None:
        """Hang up. Nobody reads it any more."""
        if self._broadcast is not None:
            self._broadcast.close()
        if self._source is not None:
            self._source.close()


class Sources:
    """What the recordings of this process read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Hashable, SharedSource] = {}
        self._failed: dict[Hashable, tuple[float, Offline | Unreadable, set[int]]] = {}

    @contextlib.contextmanager
    def joined(self, order: Order) -> Iterator[SharedSource]:
        """The source of an order, which others may read as well. Raises `Offline`, `Unreadable`."""
        shared = self._join(order)
        try:
            yield shared
        except FellBehind:
            raise  # its own fault
        except (Offline, Unreadable) as exc:
            self._fail(order, shared, exc)
            raise
        finally:
            self._leave(order, shared)

    def _join(self, order: Order) -> SharedSource:
        with self._lock:
            self._hear(order)
            shared = self._open.get(order.source)
            if shared is None or shared.retired:
                shared = self._open[order.source] = SharedSource(order)
            shared.readers.add(order.recording)
            shared.share()
            return shared

    def _hear(self, order: Order) -> None:
        """Raises what another recording has met with a moment ago."""
        at, exc, met = self._failed.get(order.source, (0.0, None, set()))
        if exc is None:
            return
        if time.monotonic() - at < ECHO and order.recording not in met:
            met.add(order.recording)
            raise _again(exc)

    def _fail(self, order: Order, shared: SharedSource, exc: Offline | Unreadable) -> None:
        with self._lock:
            if not shared.retired:
                now = time.monotonic()
                self._failed = {one: known for one, known in self._failed.items() if now - known[0] < ECHO}
                self._failed[order.source] = (now, _again(exc), set(shared.readers))
            shared.retire()

    def _leave(self, order: Order, shared: SharedSource) -> None:
        with self._lock:
            shared.readers.discard(order.recording)
            shared.share()
            if shared.readers:
                return
            if self._open.get(order.source) is shared:
                del self._open[order.source]
        shared.close()


def _again(exc: Offline | Unreadable) -> Offline | Unreadable:
    """The same for somebody else, without what led to it."""
    return Unreadable(str(exc), exc.crowded) if isinstance(exc, Unreadable) else Offline(str(exc))
