"""The address that a recording is read from now, and the connection that it may use for it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace

from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.slots import GRACE, LIFETIME, MARGIN, Lease, Priority
from nightcrew.playlists.exports import Player, accounts, channels
from nightcrew.recorder.wire import boottime
from nightcrew.recordings.models import Recording
from nightcrew.recordings.stream_ref import StreamRef, unsealed

PURPOSE = "recording"


@dataclass(eq=False, slots=True)
class Input:
    """Where to read from, with what is held for it. `stream`: which of a channel's streams, to tell which has failed."""

    ref: StreamRef
    stream: int | None = None
    lease: Lease | None = None
    _held: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def over(self) -> bool:
        """Whether somebody else needs it, or it could not be kept."""
        return self.lease is not None and self.lease.over.is_set()

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
        """Give it back."""
        await self._held.aclose()


async def open_input(runtime: Runtime, row: Recording, *, avoid: int | None = None) -> Input:
    """Find out where to read a recording from. `avoid`: the stream of the channel that has just failed, which is tried last.

    Raises `Retry` when no connection is free now, `GiveUp`, `NotFound`, `NeedsUser`.
    """
    target = unsealed(runtime, row.sealed)
    if target.channel_id is None:
        return Input(target)
    channel = await channels.get(runtime.store, target.channel_id)
    usable = sorted((one for one in channel.streams if one.usable), key=lambda one: one.id == avoid)
    error: NightcrewError = GiveUp(f"channel {channel.name!r} has no stream that can be recorded")
    for stream in usable:
        profiles = accounts.preferred(await accounts.profiles_of(runtime, stream.source_id), stream.profile)
        subject = accounts.subject_of(channel.id)
        claims = [one.claim(f"recording: {row.name}", PURPOSE, Priority.USE, subject=subject) for one in profiles]
        async with contextlib.AsyncExitStack() as held:
            lease = await held.enter_async_context(runtime.slots.first(claims, patience=GRACE))
            if lease is None:
                error = Retry(f"all connections of {stream.source} are in use")
                continue
            try:
                request = await runtime.part(Player).request(channel, stream, profiles[lease.place], pick=False)
            except NightcrewError as exc:
                error = exc
                continue
            ref = replace(target, url=request.url, headers=dict(request.headers), private=request.allow_private)
            return Input(ref, stream.id, lease, held.pop_all())
    raise error
