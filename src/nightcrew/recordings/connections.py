"""The connections of this node's recordings: those of one channel, read in one way, have one connection together."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from nightcrew.kernel.errors import GiveUp, NotFound, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings.inputs import Input, open_input
from nightcrew.recordings.models import Recording
from nightcrew.recordings.stream_ref import unsealed

CONNECTING = 60.0
"""Seconds that a slow provider may take to say where a channel is."""
Key = tuple[int, str, str, str]


class SharedInputs:
    """Asked for by whoever comes first, joined by the others."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._open: dict[Key, Input] = {}
        self._asking: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

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

    async def _of_channel(self, key: Key, row: Recording, avoid: int | None, without: frozenset[int]) -> Input:
        async with self._asking[key]:
            known = self._open.get(key)
            if known is not None and known.can_be_joined:
                return known.joined()
            self._open = {one: held for one, held in self._open.items() if held.users}
            made = self._open[key] = await open_input(self._runtime, row, avoid=avoid, without=without)
            return made
