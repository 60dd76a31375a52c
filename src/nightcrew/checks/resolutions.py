"""The resolution workers of the setting RES: measure the variants that a master playlist does not describe.

A pool of as many as there are cores, four at the most. What they find is kept, and decides which variant is played. A
stream is measured again each day; one that could not be measured after ten minutes.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from nightcrew.checks.capacity import PURPOSE
from nightcrew.checks.crew import Crew
from nightcrew.checks.models import DueCheck
from nightcrew.checks.probers import Chunks
from nightcrew.checks.store import queue
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.http import Request
from nightcrew.kernel.slots import Priority, while_held
from nightcrew.kernel.tasks import Tasks
from nightcrew.playlists.exports import (
    PLAYLIST_LIMITS,
    Player,
    PlaylistSettings,
    Releases,
    accounts,
    channels,
    media,
    parse_master,
    released,
    unnamed,
    variant_key,
    variants,
)
from nightcrew.prober.wire import ProbeTask

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.checks")

POOL = min(4, os.cpu_count() or 1)
AGAIN = timedelta(days=1)
HEADERS = ProbeTask(sample=0.0, doubt=0.0, limit=12.0, still=0)
SECONDS = 15.0
"""Longest time for one variant."""


@dataclass(slots=True)
class Resolver:
    """The pool of this node."""

    runtime: Runtime
    _tasks: Tasks = field(default_factory=Tasks)
    _turn: int | None = None
    """The source whose turn was last."""

    async def look(self) -> None:
        """The worker's cycle: take up what is to be measured, while RES is on."""
        room = POOL - len(self._tasks)
        if room <= 0 or not self.runtime.settings.of(PlaylistSettings).RES:
            return
        for due in await queue.to_measure(self.runtime.store, limit=room, after=self._turn):
            self._turn = due.source_id
            self._tasks.spawn(self._measure(due), f"variants of stream {due.stream_id}")

    async def next_at(self) -> datetime | None:
        """When there is something to measure."""
        if not self.runtime.settings.of(PlaylistSettings).RES:
            return None
        return await queue.MEASURES.soonest(self.runtime.store)

    async def close(self) -> None:
        """Stop; what was not finished is done at the next start."""
        await self._tasks.close()

    async def _measure(self, due: DueCheck) -> None:
        try:
            channel, stream = await channels.with_stream(self.runtime.store, due.stream_id)
            ways = accounts.preferred(await accounts.profiles_of(self.runtime, stream.source_id), stream.profile)
            owner, subject = f"resolutions: {channel.name}", f"stream:{stream.id}"
            claims = [way.claim(owner, PURPOSE, Priority.CHECK, subject=subject) for way in ways]
            async with self.runtime.slots.first(claims) as lease:
                if lease is None:
                    return  # no connection is free; it is tried again
                async with released(self.runtime.part(Releases), lease) as opening:
                    opening.opened()
                    player = self.runtime.part(Player)
                    request = await player.request(channel, stream, ways[lease.place], pick=False)
                    found = await while_held(lease, self._variants(request))
            await variants.save(self.runtime.store, due.stream_id, found)
            again = utcnow() + AGAIN
            await queue.MEASURES.park(self.runtime.store, by="", key=due.stream_id, until=again, values={})
        except (NightcrewError, TimeoutError) as exc:
            log.info("variants could not be measured", stream=due.stream_id, reason=str(exc) or "it took too long")

    async def _variants(self, request: Request) -> dict[bytes, tuple[int, float]]:
        """Height and frame rate of each variant that the master playlist does not describe, one after the other."""
        text, base = await self.runtime.http.text(request, limits=PLAYLIST_LIMITS)
        found = {}
        for variant in unnamed(parse_master(text, base)):
            async with asyncio.timeout(SECONDS):
                found[variant_key(variant)] = await self._one(replace(request, url=variant.url))
        return found

    async def _one(self, request: Request) -> tuple[int, float]:
        async with media(self.runtime.http, request) as opened, Chunks(opened.chunks) as chunks:
            found = await self.runtime.part(Crew).probers.probe(HEADERS, chunks, patience=opened.patience)
        if not found.height:
            raise Retry(found.error or "a variant has no picture")
        return found.height, found.fps
