"""Proxy mode: a channel's bytes through this node, holding a connection of its account, from the first stream that works.

A stream that does not answer in time, or with an error, or with bytes that are no media, is left for the next one before the
player sees anything. One that stalls or breaks off later is left too, and the player's connection goes on, unless the next one
has another container. HLS is passed on as one continuous stream, so that every player takes it. All who watch a channel on this
node share one reading of it, and with it one connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import structlog

from nightcrew.kernel.errors import GiveUp, NightcrewError
from nightcrew.kernel.slots import Why
from nightcrew.kernel.tasks import Tasks
from nightcrew.playlists.broadcast import SharedReading, Viewer
from nightcrew.playlists.joining import Piece, splitter
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.opening import Finder, Playing
from nightcrew.playlists.standby import Standby
from nightcrew.playlists.store import channels, sources
from nightcrew.playlists.subtitles import Subtitles

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.playlists")

Judge = Callable[[Channel, Stream, AsyncIterator[bytes]], Awaitable[str]]
"""Says why a stream that is being watched should be left, by its bytes; empty when it need not."""
LOOK = 60.0
"""Seconds between two looks at what is watched."""
STEADY = 5.0
"""Seconds that a stream must have run for all streams to be worth another try after it, itself included, however often."""
AT_ONCE, ENDED = 1.0, "it has ended"
"""Seconds within which the whole of something short is sent that has no length; it is not begun anew."""
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds after which all are tried again that ran for a shorter time, each time that this happens in a row."""
MOST_YIELDING = 8.0
"""Seconds at most for which it is waited whether a viewer is gone who cannot be seen to hang up."""
REMEMBERED = 2_000
"""Channels whose content type is kept in memory."""


@dataclass(slots=True)
class Opened:
    """A channel that plays, for one viewer. Whoever opened it calls `close`, also when it read nothing of `body`."""

    content_type: str
    body: AsyncGenerator[bytes, None]
    _showing: Showing
    _viewer: Viewer

    @property
    def finite(self) -> bool:
        """Whether it is known to have an end: a film, which begins anew for each viewer."""
        return self._showing.playing.finite

    @property
    def subtitles(self) -> Subtitles | None:
        """Those of the stream that plays now."""
        return self._showing.playing.subtitles

    async def pieces(self) -> AsyncGenerator[tuple[list[Piece], bytes], None]:
        """In the place of `body`: its pieces, each time with what a decoder needs before them."""
        async for pieces in self._showing.broadcast.pieces_for(self._viewer):
            yield pieces, self._showing.broadcast.head

    def needed(self, until: float) -> None:
        """The viewer is taken to watch up to this loop time: its connection is not given to others before."""
        self._viewer.until = until
        self._showing.standby.look()

    async def close(self) -> None:
        """Leave. After the last viewer it hangs up and gives the connection back."""
        await self.body.aclose()
        await self._showing.left(self._viewer)


class Relay:
    """Opens channels for players."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._now: dict[int, Showing] = {}
        """Those that can be joined, by channel."""
        self._all = set[Showing]()
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._kinds: OrderedDict[int, str] = OrderedDict()
        self._tasks = Tasks()
        self.judge: Judge | None = None

    async def open(self, channel_id: int, viewer: str, until: float | None = None) -> Opened:
        """Join those who watch, or find a stream that plays. `until`: see `Viewer`.

        Raises `NotFound`, `GiveUp` when none ever can, `Retry` when none does now.
        """
        channel = await channels.get(self._runtime.store, channel_id)
        async with self._turns.setdefault(channel_id, asyncio.Lock()):
            showing = self._now.get(channel_id)
            if showing is None or showing.playing.finite or not showing.broadcast.can_be_joined:
                showing = await self._begin(channel, viewer)
            return showing.joined(viewer, until)

    async def open_archive(self, channel: Channel, viewer: str) -> Opened:
        """Play what is over, from the addresses that the channel's streams have here; for one viewer, once. Raises as `open`."""
        return (await self._begin(channel, viewer, once=True)).joined(viewer)

    async def recheck(self) -> None:
        """Leave what plays another way than its source takes now."""
        if not self._all:
            return
        found = await sources.every(self._runtime.store, self._runtime.vault)
        wanted = {source.id: source.route for source in found if not source.locked}
        for showing in self._all:
            playing = showing.playing
            if wanted.get(playing.stream.source_id, playing.route) != playing.route:
                playing.leave(f"{playing.stream.source} takes another way now")

    def recheck_soon(self) -> None:
        """The same beside what goes on: something has changed about sources, perhaps at another node."""
        self._tasks.spawn(self.recheck(), "ways of what plays")

    def content_type(self, channel_id: int) -> str | None:
        """What a channel was sent as the last time, None when it was not."""
        return self._kinds.get(channel_id)

    def yields_in(self, resources: Collection[str]) -> float:
        """Seconds until a connection of these may be taken from viewers who may be gone; 0 where there is none of that kind."""
        now = asyncio.get_running_loop().time()
        waits = [
            until - now
            for showing in self._all
            if (until := showing.broadcast.until) is not None
            and any(limit.resource in resources for limit in showing.playing.lease.claim.limits)
        ]
        return min(max(0.0, min(waits, default=0.0)), MOST_YIELDING)

    async def close(self) -> None:
        """End all that plays."""
        for showing in list(self._all):
            await showing.close()
        await self._tasks.close()

    async def _begin(self, channel: Channel, viewer: str, *, once: bool = False) -> Showing:
        streams = playable(channel)
        finder = Finder(self._runtime, channel, _owner([viewer], channel), self.yields_in)
        playing = await finder.next(streams)
        showing = Showing(self, channel, finder, playing, once=once)
        self._all.add(showing)
        if once:
            return showing
        self._now[channel.id] = showing
        self._kinds[channel.id] = playing.content_type
        self._kinds.move_to_end(channel.id)
        while len(self._kinds) > REMEMBERED:
            self._kinds.popitem(last=False)
        if self.judge is not None and len(streams) > 1 and showing.goes_on:
            showing.looking = self._tasks.spawn(showing.look(self.judge), f"look at {channel.name}")
        return showing

    def ended(self, showing: Showing) -> None:
        """It cannot be joined any more."""
        self._all.discard(showing)
        if self._now.get(showing.channel.id) is showing:
            del self._now[showing.channel.id]

    def standby(self, showing: Showing) -> Standby:
        """What gives its connection to others once nobody is taken to watch."""
        return Standby(self._runtime.slots, self._tasks, lambda: showing.broadcast.until, lambda: showing.playing.lease)

    def renamed(self, showing: Showing, owner: str) -> None:
        """Others watch now: the board shows who."""
        renaming = self._runtime.slots.rename(showing.playing.lease, owner)
        self._tasks.spawn(renaming, f"viewers of {showing.channel.name}")


class Showing:
    """A channel that plays for everybody who watches it on this node. `once`: what has an end, and is not begun anew after it."""

    def __init__(self, relay: Relay, channel: Channel, finder: Finder, playing: Playing, *, once: bool = False) -> None:
        self.channel, self._once = channel, once
        self.playing = playing
        self.content_type = finder.kind = playing.content_type
        self._relay, self._finder = relay, finder
        self._cut = splitter(playing.content_type)
        self.broadcast = SharedReading(
            self._chunks(), self._cut, self._changed, lambda: (self.playing.lease.over, self.playing.left)
        )
        self.standby = relay.standby(self)
        self.looking: asyncio.Task[None] | None = None
        self._unfit = set[int]()
        """Streams that were left for what they show."""

    def joined(self, viewer: str, until: float | None = None) -> Opened:
        """For one more."""
        one = self.broadcast.join(viewer, until)
        return Opened(self.content_type, self.broadcast.bytes_for(one), self, one)

    @property
    def goes_on(self) -> bool:
        """Whether another stream may take the place of this one within an answer."""
        return self._cut.continues and not self.playing.finite

    async def left(self, viewer: Viewer) -> None:
        """For one less. The last one ends it."""
        try:
            await self.broadcast.leave(viewer)
        finally:
            if not self.broadcast.viewers:
                await self.close()

    async def close(self) -> None:
        """Hang up, and give back what is held."""
        self._relay.ended(self)
        self.standby.close()
        if self.looking is not None:
            self.looking.cancel()
        try:
            await self.broadcast.close()
        finally:
            await self.playing.held.aclose()  # of one that was never begun

    async def look(self, judge: Judge) -> None:
        """Look at what is shown now and then, and leave a stream that is not what the channel is, as long as there is another one."""
        while not self.broadcast.over:
            playing = self.playing
            others = {one.id for one in self.channel.streams if one.usable} - {playing.stream.id}
            if self.goes_on and others - self._unfit - self._finder.failed:
                async with contextlib.aclosing(self.broadcast.bytes_for(self.broadcast.observe())) as chunks:
                    reason = await judge(self.channel, playing.stream, chunks)
                if reason and self.playing is playing:
                    self._unfit.add(playing.stream.id)
                    playing.leave(reason)
            await asyncio.sleep(LOOK if self.playing is playing and not playing.unfit else 1.0)

    def _changed(self) -> None:
        self.standby.look()
        viewers = self.broadcast.viewers
        owner = _owner(viewers, self.channel)
        if viewers and owner != self._finder.owner:
            self._finder.owner = owner
            self._relay.renamed(self, owner)

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the present stream, and of its successors, which take its place."""
        clock = asyncio.get_running_loop().time
        left, rounds = self._after(self.playing.stream), 0
        while True:
            playing, began, reason = self.playing, clock(), ""
            async with playing.held:
                try:
                    yield playing.first
                    async for chunk in playing.watched():
                        yield chunk
                except NightcrewError as exc:
                    reason = str(exc)
            log.info("stream left", channel=self.channel.name, source=playing.stream.source, reason=reason or ENDED)
            lasted = clock() - began > STEADY
            ended = playing.finite and not playing.unfit
            whole = not reason and (clock() - began < AT_ONCE or playing.has_ended)
            if not self._cut.continues or (lasted and (ended or self._once)) or self._has_yielded(playing):
                return
            rounds = 0 if lasted else rounds
            if lasted or not (left or ended or whole or self._once):
                left = [*self._after(playing.stream, every=True), playing.stream]
                if not lasted:
                    if rounds == len(PAUSES):
                        return
                    await asyncio.sleep(PAUSES[rounds])
                    rounds += 1
            left.sort(key=lambda stream: stream.id in self._unfit)
            try:
                self.playing = await self._finder.next(left)
            except NightcrewError:
                return
            self.standby.taken()
            left = self._after(self.playing.stream, among=left)
            self._cut.restart()

    def _has_yielded(self, playing: Playing) -> bool:
        """Whether its connection went to somebody else because nobody was taken to watch."""
        return playing.lease.why is Why.PREEMPTED and self.broadcast.until is not None

    def _after(self, stream: Stream, *, every: bool = False, among: list[Stream] | None = None) -> list[Stream]:
        """The streams that come after one; `every`: all others."""
        streams = [one for one in self.channel.streams if one.usable] if among is None else among
        at = streams.index(stream)
        return [*streams[at + 1 :], *(streams[:at] if every else [])]


def playable(channel: Channel) -> list[Stream]:
    """The streams that are tried. Raises `GiveUp` where there are none."""
    streams = [stream for stream in channel.streams if stream.usable]
    if not streams:
        raise GiveUp(f"channel {channel.name!r} has no stream that can be played")
    return streams


def _owner(viewers: list[str], channel: Channel) -> str:
    """Who holds the connection, for the board: names once each, and how many they are when more are behind one name."""
    names = list(dict.fromkeys(viewers))
    more = f" ({len(viewers)})" if len(viewers) > len(names) else ""
    return f"{', '.join(names)}{more}: {channel.name}"
