"""Channels as HLS, for players and browsers that want it: segments are made of what is relayed, for as long as somebody asks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from weakref import WeakValueDictionary

from nightcrew.kernel.errors import GiveUp, NotFound, Retry
from nightcrew.kernel.tasks import Tasks
from nightcrew.playlists import subtitles
from nightcrew.playlists.formats.hls_writer import HLS_TYPE, PICTURE, SUFFIXES, Reel, master_text
from nightcrew.playlists.formats.master import SubtitleRendition
from nightcrew.playlists.relay import Opened, Relay
from nightcrew.playlists.subtitles import Subtitles

SILENT, IDLE = 6.0, 15.0
"""Seconds without a question after which the connection goes to who else needs it, and after which nobody watches any more."""
SILENT_SEGMENTS, IDLE_SEGMENTS = 1.5, 2.5
"""The same in lengths of the longest segment: a player asks about once for each."""
FIRST = 20.0
"""Seconds within which the first segment is there."""
WITHHELD = 2
"""Segments with which a playlist begins, so that a player has something to begin with."""


class HlsOutput:
    """What is sent as HLS now."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._known: dict[int, _Show] = {}
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._tasks = Tasks()

    async def playlist(self, channel: int, viewer: str, prefix: str, query: str) -> str:
        """The playlist of a channel, which begins to play. Raises as `Relay.open`, and `GiveUp` for what cannot be sent as HLS."""
        async with self._turns.setdefault(channel, asyncio.Lock()):
            show = self._known.get(channel)
            if show is None or show.over:
                show = await self._begin(channel, viewer)
        await show.ready()
        if renditions := show.renditions:
            return master_text(renditions, show.reel.bandwidth, prefix, query)
        return show.reel.playlist(prefix, query)

    async def file(self, channel: int, name: str, query: str) -> tuple[bytes, str]:
        """What a playlist names: a segment, the head, subtitles or another playlist, and its content type.

        `query`: what the addresses in it end with. Raises `NotFound`, and for subtitles what reading them raises.
        """
        show = self._known.get(channel)
        if show is not None:
            show.asked()
            if name == PICTURE:
                return show.reel.playlist("", query).encode(), HLS_TYPE
            if (subs := subtitles.NAME.fullmatch(name)) is not None and show.subtitles is not None:
                place, number, kind = subs.groups()
                if kind == "m3u8" and number is None:
                    return (await show.subtitles.playlist(int(place), query)).encode(), HLS_TYPE
                if kind == "vtt" and number is not None:
                    return await show.subtitles.segment(int(place), int(number)), subtitles.KIND
            number, _, suffix = name.partition(".")
            if (head := show.reel.head(name)) is not None:
                return head, show.reel.kind
            if number.isascii() and number.isdecimal() and len(number) < 12 and suffix == SUFFIXES[show.reel.kind]:
                found = show.reel.segment(int(number))
                if found is not None:
                    return found.data, show.reel.kind
        raise NotFound(f"there is no segment {name!r} of channel {channel} any more")

    async def close(self) -> None:
        """End all."""
        await self._tasks.close()

    async def _begin(self, channel: int, viewer: str) -> _Show:
        opened = await self._relay.open(channel, viewer, asyncio.get_running_loop().time() + FIRST)
        if opened.content_type not in SUFFIXES or opened.finite:
            await opened.close()
            what = "a film" if opened.finite else opened.content_type
            raise GiveUp(f"{what} cannot be sent as HLS; ask for the channel without .m3u8")
        show = self._known[channel] = _Show(opened)
        self._tasks.spawn(self._run(channel, show), f"HLS of channel {channel}")
        return show

    async def _run(self, channel: int, show: _Show) -> None:
        try:
            await show.run()
        finally:
            if self._known.get(channel) is show:
                del self._known[channel]


class _Show:
    """One channel as HLS."""

    def __init__(self, opened: Opened) -> None:
        self.reel = Reel(opened.content_type, int(time.time()))  # no segment has the number of one that a player keeps
        self.over = False
        self._opened = opened
        self._error: GiveUp | None = None
        self._named: tuple[SubtitleRendition, ...] | None = None
        self._more = asyncio.Event()
        self._deadline: Callable[[float], None] = lambda _: None

    @property
    def subtitles(self) -> Subtitles | None:
        """Those of the stream that plays now."""
        return self._opened.subtitles

    @property
    def renditions(self) -> tuple[SubtitleRendition, ...]:
        """The subtitles that its playlist names. What was a playlist of segments stays one, also when its source takes another way:
        players do not take the one for the other."""
        if self._named is None:
            self._named = self.subtitles.renditions if self.subtitles is not None else ()
        return self._named

    def asked(self, within: float = 0.0) -> None:
        """Somebody watches, and waits for so many seconds perhaps before he asks again."""
        if self.over:
            return
        longest, now = self.reel.longest, asyncio.get_running_loop().time()
        self._opened.needed(now + max(SILENT, SILENT_SEGMENTS * longest, within))
        self._deadline(now + max(IDLE, IDLE_SEGMENTS * longest, within))

    async def ready(self) -> None:
        """Wait for the first segments. Raises `Retry` when none comes."""
        if len(self.reel.segments) < WITHHELD:
            self.asked(within=FIRST)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST):
                while len(self.reel.segments) < WITHHELD and not self.over:
                    self._more.clear()
                    await self._more.wait()
        self.asked()
        if self._error is not None:
            raise self._error
        if not self.reel.segments:
            raise Retry("it plays, but no segment could be made of it yet", after=5)

    async def run(self) -> None:
        """Read and cut until nobody asks any more, or it ends."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(FIRST) as limit:
                self._deadline = lambda at: None if limit.expired() else limit.reschedule(at)
                async for pieces, head in self._opened.pieces():
                    for piece in pieces:
                        if self.reel.feed(piece, head, loop.time()):
                            self._more.set()
        except TimeoutError:
            pass
        except GiveUp as exc:
            self._error = exc
        finally:
            self.over, self._deadline = True, lambda _: None
            self._more.set()
            await self._opened.close()
