"""Matches what searches have found, in batches, and has the best file of each fetched."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog

from nightcrew.kernel.errors import Conflict, NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted, plain
from nightcrew.music import choosing, payload, quality, upgrades
from nightcrew.music.matching.decision import decide, explain
from nightcrew.music.matching.model import MatchDecision, TrackMatch
from nightcrew.music.models import MAX_REASON, FailureCause, MatchJob, Offer, WantedEntry, WantedState
from nightcrew.music.payload import InvalidPayload, Payload
from nightcrew.music.quality import FileQuality, HeldQuality, QualityRules
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import figures, offers, wanted

log = structlog.get_logger("nightcrew.music")

KEPT, KEPT_REFUSED = 40, 20
"""Files of a search that are remembered: the best ones, and some of those that cannot be it."""


@dataclass(slots=True)
class MatchBatch:
    """What came of one cycle. `confidence`: of each file that was saved."""

    searches: int = 0
    stored: int = 0
    discarded: int = 0
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Scored:
    """The rows of one search.

    `accepted`: how many of them can be it; `discarded`: all other files that were found; `poor`: why files were refused that are the
    right recording.
    """

    rows: list[dict[str, Any]]
    decision: MatchDecision
    accepted: int
    discarded: int
    poor: str


async def match(runtime: Runtime) -> None:
    """The cycle."""
    options = runtime.settings.of(MusicSettings)
    jobs = await offers.claim(runtime.store, by=runtime.node, limit=options.matching_worker_batch_size)
    if not jobs:
        return
    batch = MatchBatch(searches=len(jobs))
    for job in jobs:
        try:
            await _match_one(runtime, job, options, batch)
        except NightcrewError:
            raise  # the database is away: it is done when it is back
        except Exception as exc:  # what no rule has thought of in one search keeps no other from being matched
            log.exception("a search cannot be matched", job=job.id)
            await _fail(runtime, job, f"{type(exc).__name__}: {exc}", "what the search found cannot be matched")
    average = round(batch.confidence / batch.stored, 4) if batch.stored else 0.0
    await figures.put(
        runtime.store,
        {"metrics.matching.last_average_confidence": average, "metrics.matching.last_discarded": batch.discarded},
    )
    await figures.add(
        runtime.store,
        {"metrics.matching.discarded_total": batch.discarded, "metrics.matching.saved_total": batch.stored},
    )
    said = f"{counted(batch.searches, 'search', 'searches')} matched: {counted(batch.stored, 'file')} accepted, {batch.discarded} refused"
    details: dict[str, Any] = {
        "batch_size": batch.searches,
        "stored": batch.stored,
        "discarded": batch.discarded,
        "average_confidence": average,
    }
    await runtime.activity.record("matching_batch", said, **details)
    runtime.bus.publish("music")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to match."""
    return await offers.next_at(runtime.store)


async def _match_one(runtime: Runtime, job: MatchJob, options: MusicSettings, batch: MatchBatch) -> None:
    entry = (await wanted.of_ids(runtime.store, [job.wanted_id])).get(job.wanted_id)
    if entry is None or entry.state is not WantedState.MATCHING:
        async with runtime.store.write() as connection:
            await offers.settle(connection, job)
        return
    try:
        said = payload.read(job.payload)
    except InvalidPayload as exc:
        await _fail(runtime, job, f"invalid_payload: {exc}", "what the search found cannot be read")
        return
    held = await upgrades.held(runtime, entry)
    if entry.replaces is not None and held is None:
        async with runtime.store.write() as connection:
            await offers.settle(connection, job)
        await upgrades.give_up(runtime, entry, "the one in the library was moved")
        return
    scored = await asyncio.to_thread(score, entry, said, options.matching_confidence_threshold, options.quality(), held)
    batch.stored += scored.accepted
    batch.discarded += scored.discarded
    batch.confidence += sum(row["confidence"] for row in scored.rows if row["accepted"])
    try:
        await _settle(runtime, job, entry, scored, options.quality())
    except Conflict:  # a person, or the library, has settled the track meanwhile
        async with runtime.store.write() as connection:
            await offers.settle(connection, job)


async def _fail(runtime: Runtime, job: MatchJob, error: str, reason: str) -> None:
    """What a search has found cannot be matched: that is told, and its track is searched for again later."""
    async with runtime.store.write() as connection:
        await offers.settle(connection, job, plain(error))
    entry = (await wanted.of_ids(runtime.store, [job.wanted_id])).get(job.wanted_id)
    if entry is not None and entry.state is WantedState.MATCHING:
        await choosing.give_up(runtime, entry, FailureCause.SEARCH, reason)
    shown = entry.shown if entry is not None else f"track {job.wanted_id}"
    said, subject = f"{shown}: {reason} ({plain(error)[:200]})", str(job.wanted_id)
    await runtime.activity.record("matching_failed", said, level="warning", subject=subject)


def score(
    entry: WantedEntry, said: Payload, threshold: float, rules: QualityRules, held: HeldQuality | None = None
) -> Scored:
    """Hold all files against the track. A file that is the right recording and not good enough is not accepted.

    `held`: what is there, than which it has to be better.
    """
    made = decide(entry.track(), said.candidates(), threshold=threshold)
    good: list[tuple[tuple[float, ...], TrackMatch]] = []
    rest: list[tuple[TrackMatch, str]] = []
    for found in made.ranked:
        file = payload.quality_of(said.files[found.index])
        why = _too_poor(file, rules, held) if found.confidence >= threshold else ""
        if found.confidence >= threshold and not why:
            good.append((quality.rank(found.confidence, file, rules), found))
        else:
            rest.append((found, why))
    best = [found for _, found in sorted(good, key=lambda one: one[0])[:KEPT]]
    rows = [_row(entry, said, found, explain(found), accepted=True) for found in best]
    for found, why in rest[: KEPT - len(best)]:
        rows.append(_row(entry, said, found, explain(found) + (f"; {why}" if why else ""), accepted=False))
    rows += [_row(entry, said, found, found.refused, accepted=False) for found in made.refused[:KEPT_REFUSED]]
    poor = next((why for _, why in rest if why), "")
    return Scored(rows, made, len(best), len(said.files) - len(best), poor)


def _too_poor(file: FileQuality, rules: QualityRules, held: HeldQuality | None) -> str:
    why = quality.refused(file, rules)
    if why or held is None or quality.improves(quality.offered(file), held, rules):
        return why
    return f"it is no better than what is there ({held.shown})"


def _row(entry: WantedEntry, said: Payload, found: TrackMatch, text: str, *, accepted: bool) -> dict[str, Any]:
    file = said.files[found.index]
    return {
        "wanted_id": entry.id,
        "connection_id": said.connection_id,
        "search_id": said.search_id,
        "confidence": round(found.confidence, 4),
        "explanation": plain(text)[:MAX_REASON],
        "accepted": accepted,
        "parts": {} if found.parts is None else asdict(found.parts),
        **file.model_dump(),
    }


async def _settle(runtime: Runtime, job: MatchJob, entry: WantedEntry, scored: Scored, rules: QualityRules) -> None:
    """Store what was found, and what follows from it, at once: a crash leaves all or nothing."""
    error = "" if scored.accepted else "no_match"
    async with runtime.store.write() as connection:
        if not await offers.settle(connection, job, error):
            return
        await offers.keep(runtime.store, connection, entry.id, scored.rows)
        condemned = await offers.verdicts(connection, entry.id)
        free = [row for row in scored.rows if row["accepted"] and (row["peer"], row["path"]) not in condemned]
        asked = scored.decision.review and bool(free)
        if asked and entry.replaces is not None:
            free = []  # nobody is asked for the sake of a better file
        elif asked:
            reason = scored.decision.reason
            since = {WantedState.MATCHING}
            await wanted.move_in(connection, entry.id, since=since, state=WantedState.REVIEW, reason=reason)
            return
        if free:
            following = choosing.best([Offer(id=0, verdict="", final=False, **row) for row in free], rules)
            assert following is not None  # noqa: S101 - all of them are free
            await choosing.begin(connection, following, attempt=1, since={WantedState.MATCHING})
            return
    await (
        _in_vain(runtime, entry, scored) if entry.replaces is None else _no_better(runtime, entry, scored, asked=asked)
    )


async def _no_better(runtime: Runtime, entry: WantedEntry, scored: Scored, *, asked: bool) -> None:
    """The file that is there stays. `asked`: two recordings are equally likely."""
    if asked:
        reason = "it is not certain which of the shared files is the same recording"
    elif scored.accepted:
        reason = "all that may be better were tried"
    else:
        reason = "none of those that are shared is better" if scored.poor else scored.decision.reason
    await choosing.give_up(runtime, entry, FailureCause.QUALITY, reason)


async def _in_vain(runtime: Runtime, entry: WantedEntry, scored: Scored) -> None:
    if scored.poor:
        reason = f"the files that are shared are not good enough: {scored.poor}"
        await choosing.give_up(runtime, entry, FailureCause.QUALITY, reason)
        await runtime.activity.record("soulseek_low_quality", f"{entry.shown}: {reason}", subject=str(entry.id))
    elif scored.accepted:
        reason = "all files that may be it were tried or rejected"
        await choosing.give_up(runtime, entry, FailureCause.DOWNLOAD, reason)
    else:
        await choosing.give_up(runtime, entry, FailureCause.NO_RESULTS, scored.decision.reason)
        said = f"None of {scored.discarded} files is {entry.shown}"
        await runtime.activity.record("soulseek_no_results", said, subject=str(entry.id))
