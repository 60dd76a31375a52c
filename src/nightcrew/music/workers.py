"""What happens at the start and the end of a node, and each night."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import library, replacing, servers, sources, syncing, telling
from nightcrew.music.clients import Clients
from nightcrew.music.listening import Listeners
from nightcrew.music.remote import PlaceAsks
from nightcrew.music.scanning import CountPace
from nightcrew.music.searching import SearchGate
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import downloads, listings, offers
from nightcrew.music.store import library as library_rows
from nightcrew.music.syncing import PollPace

KEPT = timedelta(days=90)
"""How long downloads that are over are remembered."""
COUNTED = timedelta(days=730)
"""How long it is known how much the libraries had."""


async def start(runtime: Runtime) -> None:
    """Called once at the start of a node, before its workers."""
    runtime.add(Clients())
    runtime.add(Listeners())
    runtime.add(PollPace())
    runtime.add(PlaceAsks())
    runtime.add(SearchGate())
    runtime.add(CountPace())
    runtime.add(telling.Looks())
    runtime.add(Swept())


async def stop(runtime: Runtime) -> None:
    """Called at the end of a node."""
    await runtime.part(Listeners).close()


async def mend(runtime: Runtime) -> None:
    """The cycle that lets go on what waits for nothing, lets rest what nobody wants, and ends and removes what nobody needs."""
    await syncing.mend(runtime)
    await listings.settle(runtime.store)
    await telling.tell_waiting(runtime)
    await runtime.part(Listeners).trim()
    await _forget_replaced(runtime)


@dataclass(slots=True)
class Swept:
    """On which day this node last looked for replaced files that are kept for long enough: each has a folder of its own."""

    day: date | None = None


async def _forget_replaced(runtime: Runtime) -> None:
    swept, today = runtime.part(Swept), utcnow().date()
    if swept.day != today:
        days = timedelta(days=runtime.settings.of(MusicSettings).replaced_kept_days)
        await asyncio.to_thread(replacing.forget, library.root_of(runtime), today - days)
        swept.day = today


async def upkeep(runtime: Runtime) -> dict[str, int]:
    """Forget what is old."""
    now = utcnow()
    return {
        "music downloads": await downloads.forget_old(runtime.store, now - KEPT),
        "matched searches": await offers.forget_old(runtime.store, now - timedelta(days=7)),
        "offered files": await offers.forget_settled(runtime.store, now - KEPT),
        "tracks that no list wants": await sources.drop_gone(runtime),
        "tracks of libraries that are gone": await servers.drop_gone(runtime),
        "library counts": await library_rows.forget_counts(runtime.store, now - COUNTED),
    }
