"""Tells media servers that there are new files: of a folder that they know, else to look at all that they have, which is not done often."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import structlog

from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.music.libraries.base import LibraryKind, folder_there
from nightcrew.music.servers import connected

log = structlog.get_logger("nightcrew.music")

LOOKS_EVERY = 900.0
"""Seconds between two looks of a server at all that it has: where it begins anew with each file, it never comes to an end."""


@dataclass(slots=True)
class Looks:
    """When servers were told to look at everything, by connection, and those that are to be told again."""

    told: dict[int, float] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)

    def may(self, number: int) -> bool:
        """Whether a server may be told now; else it is remembered."""
        now = time.monotonic()
        if now - self.told.get(number, -math.inf) < LOOKS_EVERY:
            self.waiting.add(number)
            return False
        self.told[number] = now
        self.waiting.discard(number)
        return True


async def tell_all(runtime: Runtime, folder: str) -> None:
    """Tell all servers that there is something new in a folder. One that cannot be told finds it by itself."""
    for kind, number, _ in await connected(runtime):
        await _tell(runtime, kind, number, folder)


async def tell_waiting(runtime: Runtime) -> None:
    """Tell those servers that could not be told at once."""
    waiting = runtime.part(Looks).waiting
    if waiting:
        for kind, number, _ in await connected(runtime):
            if number in waiting:
                await _tell(runtime, kind, number, "")
        waiting.intersection_update(number for _, number, _ in await connected(runtime))


async def _tell(runtime: Runtime, kind: LibraryKind, number: int, folder: str) -> None:
    looks = runtime.part(Looks)
    try:
        line = await runtime.part(Connections).line(number)
        if folder_there(line.settings, folder) is not None or looks.may(number):
            await kind.refresh(line, folder)
    except NightcrewError as exc:
        looks.waiting.add(number)
        log.info("a media server could not be told of new files", connection=number, reason=str(exc))
