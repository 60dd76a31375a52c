"""The connections of this node's recordings: those of one channel, read in one way, have one connection together."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from nightcrew.kernel.connections.store import TOPIC
from nightcrew.kernel.errors import GiveUp, NotFound, Retry
from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.exports import sources
from nightcrew.recorder.wire import boottime
from nightcrew.recordings.inputs import Input, open_input
from nightcrew.recordings.models import Recording
from nightcrew.recordings.stream_ref import unsealed

CONNECTING = 60.0
"""Seconds that a slow provider may take to say where a channel is."""
RECHECK = 30.0
"""Seconds after which it is looked whether sources take a route now, though nobody has told."""
Key = tuple[int, str, str, str]


class SharedInputs:
    """Asked for by whoever comes first, joined by the others."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._open: dict[Key, Input] = {}
        self._asking: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._looked_at = -RECHECK
        runtime.wakes.on(TOPIC, self._look_soon)

    async def connect(self, row: Recording, avoid: int | None, without: frozenset[int] = frozenset()) -> Input:
        """Where to read a recording from; it has to be closed. `avoid`: the stream of its channel that has just failed.
        `without`: those that cannot be recorded at all.

        Raises `Retry` when no connection is free now, `GiveUp`, `NeedsUser`.
        """
        target = unsealed(self._runtime, row.sealed)
        try:
            async with asyncio.timeout(CONNECTING):
                if target.channel_id is None:
                    return await open_input(self._runtime, row, avoid=avoid)
                key = target.channel_id, target.quality, target.kind, target.access.key
                return await self._of_channel(key, row, avoid, without)
        except TimeoutError as exc:
            raise Retry("its address could not be found in time") from exc
        except NotFound as exc:
            raise GiveUp(f"its channel was removed: {exc}") from exc

    async def recheck(self) -> None:
        """Leave what is read of a source that takes a route now: recorders take none."""
        if boottime() - self._looked_at < RECHECK:
            return
        self._looked_at = boottime()
        if any(one.source_id is not None and one.users for one in self._open.values()):
            found = await sources.every(self._runtime.store, self._runtime.vault)
            away = {source.id for source in found if source.route != DIRECT}
            for one in self._open.values():
                one.failed = one.failed or one.source_id in away

    def _look_soon(self) -> None:
        """Something has changed about sources."""
        self._looked_at = -RECHECK

    async def _of_channel(self, key: Key, row: Recording, avoid: int | None, without: frozenset[int]) -> Input:
        async with self._asking[key]:
            known = self._open.get(key)
            if known is not None and known.can_be_joined:
                return known.joined()
            self._open = {one: held for one, held in self._open.items() if held.users}
            made = self._open[key] = await open_input(self._runtime, row, avoid=avoid, without=without)
            return made
