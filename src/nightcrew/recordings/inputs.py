"""Where a recording is read from now, with the connection that it may use for that, and what its recorder is told to do."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.ffmpeg import ffmpeg_or_none
from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.slots import GRACE, LIFETIME, MARGIN, Lease, Priority
from nightcrew.playlists.exports import Player, Releases, accounts, channels
from nightcrew.recorder.wire import Order, boottime
from nightcrew.recordings.models import Recording
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.stream_ref import StreamRef, unsealed

PURPOSE = "recording"
LATE = 60.0
"""Seconds after its end for which a recorder goes on when no server tells it to stop."""
RENEWAL = 5.0
"""Seconds that pass before a recorder is told anew how long it may use its input."""


@dataclass(eq=False, slots=True)
class Input:
    """Where to read from, with what is held for it. `stream`: which of a channel's streams, to tell which has failed.

    `streams`: all that the channel has. `others`: there is something else to try where this fails. Recordings of one channel share
    one, and with it a connection.
    """

    ref: StreamRef
    stream: int | None = None
    lease: Lease | None = None
    others: bool = True
    failed: bool = False
    """Whether it is left by all who share it."""
    users: int = 1
    streams: frozenset[int] = frozenset()
    source_id: int | None = None
    _held: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def over(self) -> bool:
        """Whether it has failed, somebody else needs it, or it could not be kept."""
        return self.failed or (self.lease is not None and self.lease.over.is_set())

    @property
    def can_be_joined(self) -> bool:
        """Whether another recording may read from it as well."""
        return self.users > 0 and not self.over

    def joined(self) -> Input:
        """It, for one more."""
        self.users += 1
        return self

    def hold_until(self, *, shared: bool) -> float | None:
        """Until when its recorder may read without hearing from this server, on the boot's clock.

        `shared`: other machines may take the connection when this server is gone; else nobody can, and there is no end.
        """
        if self.lease is None:
            return None
        if self.over:
            return 0.0
        return boottime() + LIFETIME - MARGIN if shared else None

    async def close(self) -> None:
        """Leave it; with the last who does, what is held is given back."""
        self.users -= 1
        if not self.users:
            await self._held.aclose()


async def open_input(
    runtime: Runtime, row: Recording, *, avoid: int | None = None, without: frozenset[int] = frozenset()
) -> Input:
    """Find out where to read a recording from. `avoid`: the stream of the channel that has just failed, which is tried last.
    `without`: those that are not tried at all.

    Raises `Retry` when no connection is free now, `GiveUp`, `NotFound`, `NeedsUser`.
    """
    target = unsealed(runtime, row.sealed)
    if target.channel_id is None:
        return Input(target)
    channel = await channels.get(runtime.store, target.channel_id)
    usable = sorted((one for one in channel.streams if one.usable), key=lambda one: one.id == avoid)
    error: NightcrewError = GiveUp(f"channel {channel.name!r} has no stream that can be recorded")
    if target.proxy and any(one.expires for one in usable):
        usable = [one for one in usable if not one.expires]
        error = GiveUp(f"the addresses of channel {channel.name!r} have to be asked for, which no proxy is used for")
    for stream in [one for one in usable if one.id not in without]:
        profiles = accounts.preferred(await accounts.profiles_of(runtime, stream.source_id), stream.profile)
        if (route := profiles[0].source.route) != DIRECT:
            error = GiveUp(f"its source {stream.source} takes the route {route}, which recordings cannot")
            continue
        subject = accounts.subject_of(channel.id)
        claims = [one.claim(f"recording: {row.name}", PURPOSE, Priority.USE, subject=subject) for one in profiles]
        async with contextlib.AsyncExitStack() as held:
            counted = runtime.part(Releases).seconds(one.resource for claim in claims for one in claim.limits)
            lease = await held.enter_async_context(runtime.slots.first(claims, patience=GRACE + counted))
            if lease is None:
                error = Retry(f"all connections to {stream.source} are in use")
                continue
            try:
                request = await runtime.part(Player).request(channel, stream, profiles[lease.place], pick=False)
            except NightcrewError as exc:
                error = exc
                continue
            ref = replace(
                target,
                url=request.url,
                headers=_merged(request.headers, target.headers),
                private=request.allow_private and not target.proxy,
            )
            others = len(usable) > 1 or len(profiles) > 1 or stream.expires
            streams = frozenset(one.id for one in usable)
            return Input(
                ref, stream.id, lease, others, streams=streams, source_id=stream.source_id, _held=held.pop_all()
            )
    raise error


def _merged(listed: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What a channel's list asks for, and above it what was given for the recording."""
    own = {name.lower() for name in given}
    return {name: value for name, value in listed.items() if name.lower() not in own} | dict(given)


def order_of(runtime: Runtime, row: Recording, source: Input, *, now: datetime, spared: bool) -> Order:
    """The order as of now. `spared`: it pauses so that the disk is left to others."""
    options = runtime.settings.of(RecordingSettings)
    until = None if row.stop_at is None else round(boottime() + (row.stop_at - now).total_seconds() + LATE)
    return Order(
        recording=row.id,
        folder=str(row.segments),
        stem=row.stem,
        url=source.ref.url,
        kind=source.ref.kind,
        headers=source.ref.headers,
        quality=source.ref.quality,
        part_seconds=float(options.segment_duration),
        part_bytes=options.segment_size,
        rotate=row.rotations,
        until=until,
        hold_until=0.0 if spared else source.hold_until(shared=not runtime.store.is_sqlite),
        begun=row.bytes > 0,
        private=source.ref.private,
        ffmpeg=ffmpeg_or_none(),
        proxy=source.ref.proxy,
        options=source.ref.options,
    )


def renewed(order: Order, known: Order) -> Order:
    """The order with the times of the one that is `known` where they are as good, so that it is not sent each second."""
    if order.until and known.until and abs(order.until - known.until) < RENEWAL:
        order = replace(order, until=known.until)
    if order.hold_until and known.hold_until and order.hold_until - known.hold_until < RENEWAL:
        order = replace(order, hold_until=known.hold_until)
    return order
