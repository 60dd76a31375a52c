"""Which of the files that are offered for a track is fetched next, and what happens when none is left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import quality, rules, upgrades
from nightcrew.music.models import FailureCause, Offer, WantedEntry, WantedState
from nightcrew.music.quality import FileQuality, QualityRules, format_of
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import downloads, offers, wanted
from nightcrew.music.verify import TRANSCODE

MOST_ATTEMPTS = 5
"""Files of one search that are tried."""


def best(found: Iterable[Offer], rules: QualityRules, *, not_from: Collection[str] = ()) -> Offer | None:
    """The one that is fetched next: accepted, not tried in vain, and from a peer that has not failed us with this track."""
    free = [one for one in found if one.accepted and not one.verdict and one.peer not in not_from]
    return min(free, key=lambda one: quality.rank(one.confidence, quality_of(one), rules), default=None)


def following(found: Sequence[Offer], rules: QualityRules, *, peer: str = "") -> Offer | None:
    """The one that is tried after a failure: from another peer than `peer` and those that have failed us with this track."""
    failed = {one.peer for one in found if one.verdict and not one.final}
    return best(found, rules, not_from={*failed, peer})


def in_order(found: Iterable[Offer], rules: QualityRules) -> list[Offer]:
    """As a person chooses among them: those that can be it first, by the one order that files have."""
    return sorted(found, key=lambda one: (not one.accepted, quality.rank(one.confidence, quality_of(one), rules)))


def last_resort(found: Iterable[Offer], rules: QualityRules) -> Offer | None:
    """What is fetched again when nothing else is left: a file that was good but for having been transcoded."""
    marked = [replace(one, verdict="") for one in found if one.verdict.startswith(TRANSCODE) and not one.final]
    return best(marked, rules)


def quality_of(one: Offer) -> FileQuality:
    """What decides between files."""
    return FileQuality(format_of(one.path), one.size, one.seconds, one.bitrate, one.free_slot, one.queue, one.speed)


async def begin(
    connection: AsyncConnection,
    offer: Offer,
    *,
    attempt: int,
    since: Collection[WantedState],
    forced: bool = False,
    **values: Any,
) -> int:
    """Queue the download of an offer, and let its track wait for it; returns the download. `values`: what else the track says then.

    Raises `Conflict`, so that nothing is queued, for a track that does not stand in one of `since` any more.
    """
    number = await downloads.add(connection, offer, attempt=attempt, forced=forced, search_id=offer.search_id or None)
    moved = await wanted.move_in(
        connection,
        offer.wanted_id,
        since=since,
        state=WantedState.DOWNLOADING,
        reason="",
        search_id=None,
        search_sent=False,
        **values,
    )
    if not moved:
        raise Conflict("the track has changed meanwhile; look at it again")
    return number


async def give_up(runtime: Runtime, entry: WantedEntry, cause: FailureCause, reason: str) -> None:
    """A track was tried in vain. It is tried again later; from the threshold on it is skipped for longer and longer.

    One for which only a better file was looked for stays owned.
    """
    if entry.replaces is not None:
        await upgrades.give_up(runtime, entry, reason)
        return
    failures = entry.failures + 1
    threshold = runtime.settings.of(MusicSettings).skip_threshold
    pause = rules.pause_after(failures, threshold, entry.skips)
    await wanted.failed(runtime.store, entry.id, cause, reason, pause=pause, failures=failures)
    runtime.bus.publish("music")


async def try_next(
    runtime: Runtime, entry: WantedEntry, search_id: str | None, cause: FailureCause, reason: str
) -> bool:
    """Fetch the next file that is offered for a track whose download failed. False when none is left: it is tried later."""
    found = await offers.of_wanted(runtime.store, entry.id)
    quality_rules = runtime.settings.of(MusicSettings).quality()
    another = following(found, quality_rules)
    resort = None if reason.startswith(TRANSCODE) or entry.replaces is not None else last_resort(found, quality_rules)
    if entry.state is not WantedState.DOWNLOADING:
        return True  # a person, or the library, has settled it meanwhile
    async with runtime.store.write() as connection:
        if await downloads.open_of(connection, entry.id) is not None:
            return True
        attempts = await downloads.attempts(connection, entry.id, search_id)
        chosen = another if attempts < MOST_ATTEMPTS else None
        if chosen is None and attempts <= MOST_ATTEMPTS:
            chosen = resort
        if chosen is not None:
            await begin(connection, chosen, attempt=attempts + 1, since={WantedState.DOWNLOADING})
            return True
    left = "no other peer has it" if another is None else f"{MOST_ATTEMPTS} files were tried"
    await give_up(runtime, entry, cause, f"{reason}; {left}")
    return False
