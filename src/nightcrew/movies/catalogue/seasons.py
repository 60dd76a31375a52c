"""The task that reads the seasons of shows, up to nineteen in one question."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import GiveUp, NightcrewError
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue import crew as catalogue_crew
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.crew import CatalogueCrew
from nightcrew.movies.store import shows, titles
from nightcrew.movies.store.shows import DueShow
from nightcrew.movies.tally import Task, TaskTally
from nightcrew.movies.tmdb.client import SEASONS, Gone, Tmdb
from nightcrew.movies.tmdb.show_shapes import Season, ShowDetails

MOST_QUESTIONS = 25
"""Questions about one show at a time: no show has more seasons."""


class SeasonMissing(GiveUp):
    """TMDB names seasons and does not give them."""


async def complete(runtime: Runtime) -> None:
    """The cycle: give shows to hands that are free."""
    crew = runtime.part(CatalogueCrew)
    await crew.shows.keep()
    await crew.late_shows.keep()
    stands = await catalogue_crew.door(runtime)
    if stands.tmdb is None:
        return
    for hands, late in ((crew.shows, False), (crew.late_shows, True)):
        await _give(runtime, stands.tmdb, hands, late=late)


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do. A hand that is done wakes us."""
    crew = runtime.part(CatalogueCrew)
    held = earliest([crew.shows.next_at, crew.late_shows.next_at])

    async def soonest() -> datetime | None:
        found = []
        if crew.shows.free:
            found.append(await titles.SHOWS.soonest(runtime.store, shows.FRESH))
        if crew.late_shows.free:
            found.append(await titles.SHOWS.soonest(runtime.store, ~shows.FRESH))
        return earliest(found)

    return earliest([held, await catalogue_crew.next_at(runtime, soonest)])


async def _give(runtime: Runtime, tmdb: Tmdb, hands: Hands, *, late: bool) -> None:
    for one in await shows.claim(runtime.store, by=runtime.node, limit=hands.free, late=late):
        hands.take([one.id], _show(runtime, tmdb, one), f"seasons of {one.title}")


async def _show(runtime: Runtime, tmdb: Tmdb, one: DueShow) -> None:
    """One show, with a due time for whatever comes of it. What was read of it is stored at once."""
    gone = False
    try:
        due_at, failures, reason = await _read(runtime, tmdb, one), 0, ""
    except Gone as exc:
        due_at, failures, reason, gone = utcnow() + catalogue_rules.GONE, 0, str(exc), True
    except NightcrewError as exc:
        (due_at, failures), reason = catalogue_crew.later(exc, one.failures), str(exc)
    tally = runtime.part(TaskTally)
    (tally.failed if reason and not gone else tally.done)(Task.SEASONS)
    await shows.settle(
        runtime.store, one.id, by=runtime.node, due_at=due_at, failures=failures, reason=reason, gone=gone
    )
    runtime.bus.publish("movies")


@dataclass(slots=True)
class _Round:
    """What is known of a show while its seasons are read."""

    complete: dict[int, bool]
    read: dict[int, Season]

    def left(self, *, first: bool) -> list[int]:
        """What is asked for next."""
        open_ = {number: done or number in self.read for number, done in self.complete.items()}
        return catalogue_rules.wanted_seasons(open_, first, SEASONS)

    def note(self, details: ShowDetails, complete: set[int]) -> None:
        """An answer came."""
        for one in details.seasons:
            self.complete[one.number] = self.complete.get(one.number, False) or one.number in complete
            if one.episodes is not None:
                self.read[one.number] = one


async def _read(runtime: Runtime, tmdb: Tmdb, one: DueShow) -> datetime:
    """All seasons that are not complete; returns when the show is read next. Raises as `Tmdb.show`, and `SeasonMissing`."""
    known, first = _Round(dict(one.seasons), {}), not one.seasons
    for _ in range(MOST_QUESTIONS):
        asked = known.left(first=first)
        details = await tmdb.show(one.tmdb_id, asked, suspect=one.failures > 0)
        today = utcnow().astimezone(UTC).date()
        complete = catalogue_rules.complete(details, today)
        await shows.save(runtime.store, one.id, details, complete)
        known.note(details, complete)
        left = known.left(first=False)
        if not left:
            return catalogue_rules.next_look(details, list(known.read.values()), utcnow(), random.random())
        if not first and set(left) & set(asked):
            raise SeasonMissing(f"TMDB names season {left[0]} of {one.title}, and does not give it")
        first = False
    raise SeasonMissing(f"{one.title} has more seasons than can be read")
