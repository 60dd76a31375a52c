"""Puts the streams of channels into order by what checks know of them: one channel after a check, many after a change of settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from nightcrew.checks import rules
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import order, results
from nightcrew.checks.store.order import Candidate
from nightcrew.kernel.words import counted
from nightcrew.playlists.exports import Profile, accounts

if TYPE_CHECKING:
    from nightcrew.kernel.run import Run
    from nightcrew.kernel.runtime import Runtime

BATCH = 1_000
"""Streams or channels that a step of a job takes."""
Batch = tuple[int, int, int]
"""What a step did: the last id that it took, how many it took, and how many of them changed."""


async def reorder(runtime: Runtime, channel_ids: Sequence[int], options: CheckSettings) -> int:
    """Put the streams of channels into order; returns how many channels that changed. Those that are gone are passed over.

    The number of queries does not grow with the number of channels.
    """
    ways = {source_id: found[0] for source_id, found in (await accounts.profiles(runtime)).items()}
    changed = await order.arrange(runtime.store, channel_ids, partial(_places, ways=ways, options=options))
    if changed:
        runtime.bus.publish("channels")
    return changed


def _places(found: Sequence[Candidate], *, ways: Mapping[int, Profile], options: CheckSettings) -> dict[int, int]:
    """The place of each stream in its channel. `ways`: how each source is used first."""
    own = {source_id for source_id, way in ways.items() if accounts.is_own_list(way.source)}
    places: dict[int, int] = {}
    for _, streams in groupby(found, attrgetter("channel_id")):
        entries = [
            rules.RankedStream(
                id=one.id,
                account=ways[one.source_id].account if one.source_id in ways else str(one.source_id),
                source=one.source,
                score=one.score,
                height=one.height,
                dead=one.dead,
                exempt=one.source_id in own,
                lead=index,
            )
            for index, one in enumerate(streams)
        ]
        places |= rules.order(entries, options)
    return places


# -- after a change of the settings that judge and order streams -------------------------------------------------------


OPTIONS = frozenset(
    f"checks.{name}"
    for name in CheckSettings.model_fields
    if name.startswith("weight_")
    or name in {"account_priority", "prefer_max_height", "diversify", "account_stream_limit"}
)
"""Settings that judge or order streams."""


async def judge_again(run: Run) -> int:
    """The score of every stream that is known, and the order of every channel's streams; returns how many channels changed.

    Who changes a setting meanwhile joins this run, which then begins again: what it has done went by the setting before.
    """
    changed, began_with = 0, await run.step("settings", _settings, run.runtime)
    while True:
        known = await results.count_known(run.runtime.store)
        await _in_batches(run, "score", _score_some, known, "stream", "scored")
        ordered = await order.count_channels_with_choice(run.runtime.store)
        changed += await _in_batches(run, "order", _reorder_some, ordered, "channel", "put in order")
        ended_with = await run.step("settings", _settings, run.runtime)
        if ended_with == began_with:
            return changed
        began_with = ended_with


async def _settings(runtime: Runtime) -> dict[str, Any]:
    return {key: runtime.settings.value(key) for key in sorted(OPTIONS)}


async def _in_batches(
    run: Run, name: str, some: Callable[[Runtime, int], Awaitable[Batch | None]], total: int, noun: str, did: str
) -> int:
    """All of them by their ids, a step for each batch: after a crash at most one is done again. Returns how many changed."""
    done, changed, after = 0, 0, 0
    while (batch := await run.step(name, some, run.runtime, after)) is not None:
        after, count, new = batch
        done, changed = done + count, changed + new
        await run.progress(done, max(done, total), f"{counted(done, noun)} {did}")
    return changed


async def _score_some(runtime: Runtime, after: int) -> Batch | None:
    options = runtime.settings.of(CheckSettings)
    known = await results.facts(runtime.store, after=after, limit=BATCH)
    if not known:
        return None
    worth = {one.stream_id: rules.score(one.facts, options).value for one in known}
    new = {one.stream_id: worth[one.stream_id] for one in known if worth[one.stream_id] != one.score}
    await results.rescore(runtime.store, new)
    return known[-1].stream_id, len(known), len(new)


async def _reorder_some(runtime: Runtime, after: int) -> Batch | None:
    ids = await order.channels_with_choice(runtime.store, after=after, limit=BATCH)
    if not ids:
        return None
    return ids[-1], len(ids), await reorder(runtime, ids, runtime.settings.of(CheckSettings))
