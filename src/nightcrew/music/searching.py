"""Searches the network for wanted tracks, each step of a search stored before it is done."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import choosing, clients, library, payload, servers
from nightcrew.music.models import FailureCause, WantedEntry, WantedState
from nightcrew.music.settings import MusicSettings
from nightcrew.music.slskd.client import SEARCH_SECONDS, BadQuery, Slskd, SlskdBusy
from nightcrew.music.slskd.queries import ladder
from nightcrew.music.store import offers, wanted

log = structlog.get_logger("nightcrew.music")

LOOK = 1.5
"""Seconds until a search that goes on is looked at again."""
AWAY = 30.0
"""Seconds until a track is tried again whose search met an outage. That is no failure of the track."""
UNREAD = 2.0
"""Seconds until it is looked again whether all libraries were read."""
MOST_SEARCHES = 8
"""Searches of one try of a track: its ladder has four, and slskd may have lost some."""
LOST = timedelta(seconds=8 * SEARCH_SECONDS)
"""A search that has not ended after so long is given up."""


@dataclass(slots=True)
class SearchGate:
    """Until when this node begins no search, in seconds of the loop's clock: the budget is used up, or slskd is away."""

    until: float = 0.0

    @property
    def left(self) -> float:
        """Seconds until it opens; 0 while it is open."""
        return max(0.0, self.until - asyncio.get_running_loop().time())

    def open(self) -> None:
        """A person asks for a search: try."""
        self.until = 0.0

    def close(self, seconds: float) -> None:
        """Begin none for so long."""
        self.until = max(self.until, asyncio.get_running_loop().time() + seconds)


async def search(runtime: Runtime) -> None:
    """The cycle: look at the searches that go on, and begin new ones as far as there is room."""
    found = await clients.slskd(runtime)
    if found is None:
        return
    number, client = found
    if await servers.unread(runtime):
        return  # what they have is not searched for; the scan that reads them is woken when one is connected
    room = 0
    if not runtime.part(SearchGate).left:
        room = runtime.settings.of(MusicSettings).searches_at_once - await wanted.searching(runtime.store)
    rows = await wanted.claim(runtime.store, by=runtime.node, limit=20, starting=max(0, room))
    for row in rows:  # one after the other: slskd takes one search at a time
        await _guarded(runtime, number, client, row)
    if rows:
        runtime.bus.publish("music")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do."""
    if await clients.slskd(runtime) is None:
        return None
    if await servers.unread(runtime):
        return utcnow() + timedelta(seconds=UNREAD)
    if left := runtime.part(SearchGate).left:
        opens = utcnow() + timedelta(seconds=left)
        return earliest([opens, await wanted.next_at(runtime.store, starting=False)])
    room = runtime.settings.of(MusicSettings).searches_at_once - await wanted.searching(runtime.store)
    return await wanted.next_at(runtime.store, starting=room > 0)


async def _guarded(runtime: Runtime, number: int, client: Slskd, row: WantedEntry) -> None:
    try:
        if row.state is WantedState.MISSING:
            await _begin(runtime, client, row)
        elif not row.search_sent:
            await _send(runtime, client, row, again=True)
        else:
            await _look(runtime, number, client, row)
    except BadQuery as exc:
        await _next_step(runtime, row, str(exc))
    except NightcrewError as exc:
        wait = (exc.after if isinstance(exc, Retry) else None) or AWAY
        if not isinstance(exc, SlskdBusy):
            runtime.part(SearchGate).close(wait)
        said = str(exc) if isinstance(exc, Paused) else f"the search waits: {exc}"
        await wanted.move(runtime.store, row.id, since=wanted.MATCHABLE, reason=said, due_in=wait)


async def _begin(runtime: Runtime, client: Slskd, row: WantedEntry) -> None:
    """The next query of the ladder, under an id that is stored before slskd hears of it."""
    if row.replaces is None and await library.has(runtime, row):
        return
    if row.search_step >= len(_steps(row)):
        await choosing.give_up(runtime, row, FailureCause.NO_RESULTS, "no peer shares it now")
        await runtime.activity.record("soulseek_no_results", f"Nobody shares {row.shown}", subject=str(row.id))
        return
    if row.searches >= MOST_SEARCHES:
        await choosing.give_up(runtime, row, FailureCause.SEARCH, "slskd keeps losing its searches")
        said = f"slskd keeps losing the searches for {row.shown}"
        await runtime.activity.record("soulseek_error", said, level="warning", subject=str(row.id))
        return
    search_id = str(uuid.uuid4())
    mine = await wanted.mark(
        runtime.store, row.id, by=runtime.node, state=WantedState.SEARCHING, search_id=search_id, search_sent=False
    )
    if mine:
        await _send(runtime, client, await wanted.get(runtime.store, row.id))


async def _send(runtime: Runtime, client: Slskd, row: WantedEntry, *, again: bool = False) -> None:
    """Give slskd the query. `again`: it may have it already, as we were stopped in between."""
    assert row.search_id is not None  # noqa: S101 - stored with the state
    steps = _steps(row)
    if not again or await client.searched(row.search_id) is None:
        await client.search(row.search_id, steps[min(row.search_step, len(steps) - 1)])
    await wanted.move(
        runtime.store,
        row.id,
        since={WantedState.SEARCHING},
        search_sent=True,
        searches=row.searches + 1,
        reason="",
        due_in=LOOK,
    )


def _steps(row: WantedEntry) -> list[str]:
    """The queries for a track. A better file is looked for with its artist's name alone: it can wait for another time."""
    steps = ladder(row.track())
    return steps if row.replaces is None else steps[:1]


async def _look(runtime: Runtime, number: int, client: Slskd, row: WantedEntry) -> None:
    assert row.search_id is not None  # noqa: S101 - stored with the state
    ended = await client.searched(row.search_id)
    lost = ended is False and await wanted.now(runtime.store) - row.changed_at >= LOST
    if ended is None or lost:  # slskd was set up anew, was restarted meanwhile, or says that the search failed
        await wanted.move(
            runtime.store,
            row.id,
            since={WantedState.SEARCHING},
            state=WantedState.MISSING,
            search_id=None,
            search_sent=False,
            due_in=LOOK,
        )
    elif not ended:
        since = {WantedState.SEARCHING}
        await wanted.move(runtime.store, row.id, since=since, changed_at=row.changed_at, due_in=LOOK)
    else:
        files = await client.found(row.search_id)
        if not files:
            await _next_step(runtime, row, "nobody answers")
            return
        search_ = payload.Search(row.id, number, row.search_id)
        text = await asyncio.to_thread(payload.written, search_, files)
        async with runtime.store.write() as connection:
            if await wanted.move_in(
                connection, row.id, since={WantedState.SEARCHING}, state=WantedState.MATCHING, reason=""
            ):
                await offers.queue(connection, row.id, text)


async def _next_step(runtime: Runtime, row: WantedEntry, reason: str) -> None:
    await wanted.move(
        runtime.store,
        row.id,
        since=wanted.MATCHABLE,
        state=WantedState.MISSING,
        search_step=row.search_step + 1,
        search_id=None,
        search_sent=False,
        reason=reason,
        due_in=0.0,
    )
