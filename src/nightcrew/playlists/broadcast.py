"""One reading of a channel for all who watch it.

The newest bytes are held once for everybody. Reading goes on as fast as the fastest viewer takes it; one who falls behind by more
than is held misses what is gone, and slows nobody. When the last one leaves, reading ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass

from nightcrew.kernel.tasks import Tasks
from nightcrew.playlists.joining import Piece, Splitter

HELD = 8 << 20
"""Bytes that are held for those who are behind."""
AHEAD = 2 << 20
"""Bytes that are read before the fastest viewer takes them."""
TOGETHER, SOON = 64 << 10, 0.04
"""Bytes after which what came is passed on, or seconds: twenty viewers are not woken for each packet."""
MOST_AT_ONCE = 256 << 10


@dataclass(eq=False, slots=True)
class Viewer:
    """Somebody who watches. `at`: the number of the next piece; `head`: what is to be sent before it.

    `until`: the loop time up to which he is taken to watch, unless he asks again; None for who is seen to hang up.
    """

    name: str
    at: int = 0
    head: bytes = b""
    until: float | None = None


class SharedReading:
    """A channel that is read now. `changed` is called when somebody comes or goes.

    `ends` gives the events after which it is read on though nobody has taken what was read: its connection is to be given up.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        cut: Splitter,
        changed: Callable[[], None],
        ends: Callable[[], Iterable[asyncio.Event]] = tuple,
    ) -> None:
        self._chunks, self._cut, self._changed, self._ends = chunks, cut, changed, ends
        self._pieces: deque[Piece] = deque()
        self._first = 0
        """The number of the oldest piece that is held."""
        self._size = 0
        self._entries: deque[int] = deque()
        """The numbers of the held pieces with which a decoder can begin."""
        self._waiting: list[Piece] = []
        self._published = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._more = asyncio.Event()
        self._taken = asyncio.Event()
        self._viewers: list[Viewer] = []
        self._tasks = Tasks()
        self._begun = False
        self.over = False

    @property
    def viewers(self) -> list[str]:
        """Who watches."""
        return [viewer.name for viewer in self._viewers]

    @property
    def until(self) -> float | None:
        """The loop time up to which somebody is taken to watch; None while one is there who would be seen to hang up."""
        times = [viewer.until for viewer in self._viewers]
        known = [one for one in times if one is not None]
        return max(known) if known and len(known) == len(times) else None

    @property
    def can_be_joined(self) -> bool:
        """Whether somebody else can watch too."""
        return self._cut.shared and not self.over

    def join(self, name: str, until: float | None = None) -> Viewer:
        """Somebody comes, and gets the newest picture first that a decoder can begin with. He is to leave by `leave`."""
        viewer = Viewer(name, until=until)
        if self._viewers or self._pieces:
            self._place(viewer)
        self._viewers.append(viewer)
        self._changed()
        if not self._begun:
            self._begun = True
            self._tasks.spawn(self._read(), "reading for viewers")
        return viewer

    def observe(self) -> Viewer:
        """For somebody who looks at what is shown, and keeps nothing from ending. He needs not leave."""
        viewer = Viewer("")
        self._place(viewer)
        return viewer

    async def leave(self, viewer: Viewer) -> None:
        """He goes. After the last one nothing is read any more when this returns."""
        if viewer not in self._viewers:
            return
        self._viewers.remove(viewer)
        self._taken.set()
        self._changed()
        if not self._viewers:
            await self.close()

    async def close(self) -> None:
        """End reading."""
        self.over = True
        self._more.set()
        await self._tasks.close()

    async def bytes_for(self, viewer: Viewer) -> AsyncGenerator[bytes, None]:
        """What he sees, until reading ends."""
        async for pieces in self.pieces_for(viewer):
            parts = (
                [viewer.head, *(piece.data for piece in pieces)] if viewer.head else [piece.data for piece in pieces]
            )
            viewer.head = b""
            yield b"".join(parts) if len(parts) > 1 else parts[0]

    async def pieces_for(self, viewer: Viewer) -> AsyncGenerator[list[Piece], None]:
        """The same in pieces, without what has to be sent first."""
        while True:
            found = self._next(viewer)
            if found:
                yield found
            elif self.over:
                return
            else:
                await self._more.wait()

    @property
    def head(self) -> bytes:
        """What a decoder needs before any piece."""
        return self._cut.head

    # -- reading ---------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            async for chunk in self._chunks:
                self._waiting += self._cut.feed(chunk)
                self._pass_on()
                while self._is_ahead() and not any(event.is_set() for event in self._ends()):
                    self._publish()
                    await self._slack()
        finally:
            self._publish()
            self.over = True
            self._more.set()
            await self._chunks.aclose()

    async def _slack(self) -> None:
        """Until somebody has taken something, or it is to end."""
        self._taken.clear()
        waits = [asyncio.ensure_future(event.wait()) for event in (self._taken, *self._ends())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _pass_on(self) -> None:
        """Give out what has come, unless so little came so soon after the last time that more can be waited for."""
        loop = asyncio.get_running_loop()
        due = self._published + SOON
        if loop.time() >= due or sum(len(piece.data) for piece in self._waiting) >= TOGETHER:
            self._publish()
        elif self._waiting and self._timer is None:
            self._timer = loop.call_at(due, self._publish)

    def _publish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting:
            return
        self._published = asyncio.get_running_loop().time()
        for piece in _joined(self._waiting):
            if piece.entry:
                self._entries.append(self._first + len(self._pieces))
            self._pieces.append(piece)
            self._size += len(piece.data)
        self._waiting = []
        while self._size > HELD and len(self._pieces) > 1:
            self._size -= len(self._pieces.popleft().data)
            self._first += 1
        while self._entries and self._entries[0] < self._first:
            self._entries.popleft()
        self._more.set()
        self._more.clear()

    def _is_ahead(self) -> bool:
        """Whether more has been read than the fastest viewer takes soon."""
        fastest = max((viewer.at for viewer in self._viewers), default=0)
        behind = max(0, self._first + len(self._pieces) - fastest)
        size = 0
        for number in range(1, behind + 1):
            size += len(self._pieces[-number].data)
            if size >= AHEAD:
                return True
        return False

    # -- giving out ------------------------------------------------------------------------------------------------

    def _next(self, viewer: Viewer) -> list[Piece]:
        """What is there for him now, and takes it as sent."""
        if viewer.at < self._first:
            self._place(viewer)
        found, size = list[Piece](), 0
        end = self._first + len(self._pieces)
        while viewer.at < end and size < MOST_AT_ONCE:
            piece = self._pieces[viewer.at - self._first]
            found.append(piece)
            size += len(piece.data)
            viewer.at += 1
        if found:
            self._taken.set()
        return found

    def _place(self, viewer: Viewer) -> None:
        """To the newest piece with which a decoder can begin; to the end where there is none."""
        end = self._first + len(self._pieces)
        viewer.at = self._entries[-1] if self._entries else end
        viewer.head = self._cut.head
        self._taken.set()  # reading may have waited for those who are behind him


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The same bytes in fewer pieces: one begins with each entry."""
    joined: list[list[bytes]] = []
    entries: list[bool] = []
    for piece in pieces:
        if piece.entry or not joined:
            joined.append([piece.data])
            entries.append(piece.entry)
        else:
            joined[-1].append(piece.data)
    return [
        Piece(parts[0] if len(parts) == 1 else b"".join(parts), entry)
        for parts, entry in zip(joined, entries, strict=True)
    ]
