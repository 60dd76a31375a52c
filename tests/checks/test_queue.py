"""The queue of due streams, on both databases: what is due, who gets it, and what becomes of it when a run or a list changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew.checks import conclusion, plan
from nightcrew.checks.conclusion import Conclusion, Outcome
from nightcrew.checks.models import DueCheck, RunState, Verdict, checked
from nightcrew.checks.plan import End, Result
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import queue, results, runs, views
from nightcrew.checks.store.queue import Scope
from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.store import Store, database_url, metadata
from nightcrew.kernel.vault import Vault
from nightcrew.playlists import identity, models
from nightcrew.playlists.rules import ListEntry
from nightcrew.playlists.store import applying, sources
from nightcrew.playlists.store.staging import Staging, row_of
from nightcrew.prober.wire import ProbeReport
from support import counting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
STREAMS = [1, 2, 3, 4]
GOOD = ProbeReport(video_codec="h264", width=1920, height=1080, fps=25.0, audio_codec="aac", kbps=4000.0, pictures=2)
OK = Outcome(Result.OK, report=GOOD)
FAILED = Outcome(Result.FAILED, "it answers HTTP 404")


@pytest.fixture
async def store(tmp_path: Path, database: str | None) -> AsyncIterator[Store]:
    """A source with four streams, one for each channel."""
    made = Store(database_url(tmp_path, database))
    tables = [table for table in metadata.sorted_tables if table.name.startswith(("connection", "playlist_", "check_"))]
    async with made.engine.begin() as connection:
        await connection.run_sync(metadata.create_all, tables=tables)
    source = await sources.add(made, Vault.open(tmp_path), kind="m3u", name="S", config={}, shown_url="")
    await sources.sync_feeds(made, source, [("channels", "", "DE")], enabled=True)
    await lists(made, STREAMS)
    yield made
    await made.close()


async def lists(store: Store, streams: list[int]) -> None:
    """The source lists these streams from now on."""
    (feed,) = await sources.feeds(store, source_id=1)
    run, identifier = f"run-{feed.revision}", identity.Identifier()
    work = Staging(store, feed.id, run)
    await work.begin()
    entries = [ListEntry(f"C{number}", f"http://192.0.2.1/{number}", guide_id=f"c{number}") for number in streams]
    await work.add([row_of(i, e, identifier.identify(e)) for i, e in enumerate(entries)])
    change = await work.finish()
    await applying.apply(store, feed.id, run, now=NOW, due_at=LATER, change=change, content={}, merge=True)


async def start(store: Store, scope: Scope | None = None, *, priority: int = queue.NIGHTLY) -> int:
    run_id = await runs.start(
        store, scope or Scope(), title="t", asked_by="me", priority=priority, full=False, immunity=None, now=NOW
    )
    assert run_id is not None
    return run_id


async def claim(store: Store, limit: int = 10, *, node: str = "n", now: datetime = NOW, **more: Any) -> list[DueCheck]:
    return await queue.claim(store, node=node, source_id=1, limit=limit, now=now, parked=False, **more)


async def move(store: Store, run_id: int, to: RunState) -> None:
    await runs.move(store, run_id, to, now=NOW, retry_at=NOW + timedelta(hours=1))


async def park(store: Store, due: DueCheck, *, with_plan: bool = True) -> None:
    text = plan.begin(NOW).dump() if with_plan else None
    await queue.park(store, node="n", stream_id=due.stream_id, plan=text, until=NOW, waiting=True)


async def finish(
    store: Store, due: DueCheck, outcome: Outcome = OK, *, node: str = "n", keep: int = 5, **more: Any
) -> bool:
    """Store what a check came to, as the crew does."""
    end = End.OK if outcome is OK else End.ALL_FAILED
    found: Conclusion = conclusion.finding(due, plan.begin(NOW), end, outcome, NOW, CheckSettings())
    return await results.finish(store, due, replace(found, **more), node=node, keep=keep)


async def known(store: Store, stream_id: int) -> Any:
    """What checks know of a stream, with what playlists are told of it."""
    graded = (models.stream.c.dead, models.stream.c.score.label("worth"))
    query = sa.select(checked, *graded).join(models.stream, models.stream.c.id == checked.c.stream_id)
    async with store.read() as connection:
        return (await connection.execute(query.where(checked.c.stream_id == stream_id))).one()


def ids(found: list[DueCheck]) -> list[int]:
    return [due.stream_id for due in found]


# -- claiming ----------------------------------------------------------------------------------------------------------


async def test_a_stream_is_one_nodes_until_its_lease_ends(store: Store) -> None:
    await start(store)
    assert ids(await claim(store, 1, node="a")) == [1]
    assert ids(await claim(store, node="b")) == [2, 3, 4]
    over = NOW + timedelta(seconds=queue.LEASE + 1)
    await queue.CHECKS.renew(store, by="a", keys=[1, 2], now=over)
    assert ids(await claim(store, node="c", now=over)) == [2, 3, 4], "a could only renew what was its own"


async def test_what_a_person_asks_for_comes_first(store: Store) -> None:
    await start(store)
    await start(store, Scope(stream_id=3), priority=queue.BY_HAND)
    assert ids(await claim(store, 2)) == [3, 1]


async def test_a_watched_channel_is_left_alone_except_by_hand(store: Store) -> None:
    await start(store)
    await start(store, Scope(stream_id=3), priority=queue.BY_HAND)
    channels = {due.channel_id for due in await claim(store, 2, watched=[1, 3])}
    assert channels == {3, 2}


async def test_what_a_node_had_claimed_is_due_at_once_when_it_starts_anew(store: Store) -> None:
    await start(store)
    await claim(store, 3)
    assert await queue.give_back(store, node="n", now=NOW) == 3
    assert ids(await claim(store, node="other")) == STREAMS


async def test_a_parked_check_goes_on_with_its_plan_before_others_begin(store: Store) -> None:
    await start(store)
    *_, last = await claim(store)
    await park(store, last)
    await queue.give_back(store, node="n", now=NOW)
    first, *_others = await claim(store)
    assert (first.stream_id, first.plan) == (4, plan.begin(NOW).dump())


# -- runs --------------------------------------------------------------------------------------------------------------


async def test_a_paused_run_is_not_due_and_goes_on_with_all_that_was_left_what_had_begun_first(store: Store) -> None:
    run = await start(store)
    done, _given_back, parked = await claim(store, 3)
    await finish(store, done)
    await park(store, parked)
    await queue.give_back(store, node="n", now=NOW)
    await move(store, run, RunState.PAUSED)
    assert not await queue.CHECKS.any(store, now=LATER)
    assert await claim(store, now=LATER) == []
    await move(store, run, RunState.RUNNING)
    assert ids(await claim(store)) == [3, 2, 4]


@pytest.mark.parametrize("with_plan", [True, False])
async def test_a_check_that_parks_in_a_paused_run_is_due_when_that_goes_on(store: Store, with_plan: bool) -> None:
    run = await start(store, Scope(stream_id=1))
    (due,) = await claim(store)
    await move(store, run, RunState.PAUSED)
    await park(store, due, with_plan=with_plan)
    assert not await queue.CHECKS.any(store, now=LATER)
    assert not await queue.one_waits(store, 1), "others need not wait for it"
    await move(store, run, RunState.RUNNING)
    (again,) = await claim(store)
    assert bool(again.plan) is with_plan


async def test_what_a_node_gives_back_in_a_paused_run_is_not_due(store: Store) -> None:
    run = await start(store)
    await claim(store)
    await move(store, run, RunState.PAUSED)
    await queue.give_back(store, node="n", now=NOW)
    assert not await queue.CHECKS.any(store, now=LATER)


async def test_a_cancelled_run_leaves_nothing_due_but_the_next_look_at_dead_streams(store: Store) -> None:
    await start(store)
    first, *_ = await claim(store)
    await finish(store, first, FAILED)
    run = await start(store)
    dead, alive, *_ = await claim(store, now=LATER)
    await finish(store, alive)
    await park(store, dead)
    await move(store, run, RunState.CANCELLED)
    assert not await queue.CHECKS.any(store, now=NOW + timedelta(minutes=59))
    (again,) = await claim(store, now=NOW + timedelta(hours=1))
    assert (again.stream_id, again.run_id, again.plan, again.priority) == (1, None, None, queue.DEAD)
    ended = await runs.get(store, run)
    assert (ended.state, ended.total, ended.done, ended.ended_at) == (RunState.CANCELLED, 1, 1, NOW)


async def test_a_cancelled_check_stores_nothing_and_its_run_stays_over(store: Store) -> None:
    run = await start(store)
    due, *_ = await claim(store)
    await move(store, run, RunState.CANCELLED)
    assert not await finish(store, due)
    assert await results.page(store) == []
    with pytest.raises(Conflict):
        await move(store, run, RunState.RUNNING)


async def test_a_run_ends_once_with_its_last_stream(store: Store) -> None:
    await start(store)
    for due in await claim(store):
        assert await runs.end_finished(store, NOW) == []
        await finish(store, due, FAILED if due.stream_id == 2 else OK)
    (ended,) = await runs.end_finished(store, NOW)
    assert (ended.state, ended.ok, ended.failed, ended.died, ended.done) == (RunState.DONE, 3, 1, 1, 4)
    assert await runs.end_finished(store, NOW) == []


# -- lists that change, outages ----------------------------------------------------------------------------------------


async def test_a_stream_that_is_listed_no_longer_is_dropped_and_does_not_hold_its_run(store: Store) -> None:
    run = await start(store)
    (busy,) = await claim(store, 1)
    await lists(store, [2, 3])
    assert ids(await claim(store)) == [2, 3]
    await queue.drop_unplayable(store, NOW)
    assert (await runs.get(store, run)).left == 3, "what is being checked is left to its node"
    await park(store, busy)
    await queue.drop_unplayable(store, NOW)
    assert (await runs.get(store, run)).left == 2
    assert (await known(store, 1)).plan is None


async def test_what_an_outage_buried_is_alive_again_and_due_soon(store: Store) -> None:
    await start(store)
    for due in await claim(store, 2):
        await finish(store, due, FAILED)
    assert [(await known(store, number)).dead for number in STREAMS] == [True, True, False, False]
    soon = NOW + timedelta(minutes=10)
    await results.spare(store, [1], soon)
    spared, dead = await known(store, 1), await known(store, 2)
    assert (spared.dead, spared.dead_since, spared.failures, spared.due_at) == (False, None, 0, soon)
    assert (dead.dead, dead.dead_since, dead.failures) == (True, NOW, 1)


# -- results -----------------------------------------------------------------------------------------------------------


async def test_a_result_is_stored_with_what_playlists_need_and_only_the_last_ones_are_kept(store: Store) -> None:
    for _ in range(3):
        await start(store, Scope(stream_id=1))
        (due,) = await claim(store)
        assert await finish(store, due, keep=2)
    one = await known(store, 1)
    assert (one.verdict, one.height, one.kbps, one.due_at, one.run_id, one.lease_node) == (
        ("ok", 1080, 4000.0, None, None, None)
    )
    assert one.score == one.worth > 0.5
    assert [(entry.verdict, entry.run_id) for entry in await results.page(store)] == [(Verdict.OK, 3), (Verdict.OK, 2)]


async def test_each_stream_is_counted_once_whether_it_was_ever_queued_or_not(store: Store) -> None:
    for stream_id, outcome in ((1, OK), (2, FAILED)):
        await start(store, Scope(stream_id=stream_id))
        (due,) = await claim(store)
        await finish(store, due, outcome)
    await start(store, Scope(stream_id=3))
    found = await views.counts(store, NOW)
    assert found == {"all": 4, "ok": 1, "dead": 1, "unchecked": 2, "due": 1, "running": 0}
    for show, ids_ in (("ok", [1]), ("dead", [2]), ("failed", [2]), ("unchecked", [3, 4]), ("waiting", [3])):
        shown = await views.page(store, views.StreamFilter(show), node="n", now=NOW)
        assert [one.stream_id for one in shown] == ids_, show


async def test_a_check_that_another_node_has_taken_over_stores_nothing(store: Store) -> None:
    await start(store, Scope(stream_id=1))
    (due,) = await claim(store, node="slow")
    over = NOW + timedelta(seconds=queue.LEASE + 1)
    assert ids(await claim(store, node="n", now=over)) == [1]
    assert not await finish(store, due, FAILED, node="slow")
    assert await finish(store, due)
    assert (await known(store, 1)).verdict == "ok"


async def test_a_stream_that_was_asked_for_again_meanwhile_is_still_due_for_that(store: Store) -> None:
    first = await start(store, Scope(stream_id=1))
    (due,) = await claim(store)
    second = await start(store, Scope(stream_id=1), priority=queue.BY_HAND)
    assert await finish(store, due)
    assert [(one.run_id, one.priority) for one in await claim(store)] == [(second, queue.BY_HAND)]
    assert [run.id for run in await runs.end_finished(store, NOW)] == [first]


async def test_an_interrupted_check_stays_in_its_run_and_begins_anew(store: Store) -> None:
    run = await start(store, Scope(stream_id=1))
    await park(store, *(await claim(store)))
    (due,) = await claim(store)
    assert due.plan
    interrupted = conclusion.finding(due, plan.begin(NOW), End.INTERRUPTED, None, NOW, CheckSettings())
    assert await results.finish(store, due, interrupted, node="n", keep=5)
    assert not await queue.CHECKS.any(store, now=NOW)
    (again,) = await claim(store, now=NOW + conclusion.AFTER_INTERRUPTION)
    assert (again.stream_id, again.run_id, again.plan) == (1, run, None)
    assert (await runs.get(store, run)).interrupted == 0


async def test_other_weights_give_other_scores_and_change_nothing_else(store: Store) -> None:
    await start(store)
    for due in await claim(store, 2):
        await finish(store, due)
    before = await known(store, 2)
    await results.rescore(store, {1: 0.25})
    one, other = await known(store, 1), await known(store, 2)
    assert (one.score, one.worth, one.height, one.verdict_at) == (0.25, 0.25, 1080, NOW)
    assert tuple(other) == tuple(before)
    assert [(found.stream_id, found.score) for found in await results.facts(store, after=0, limit=10)] == [
        (1, 0.25),
        (2, before.score),
    ]


# -- variants ----------------------------------------------------------------------------------------------------------


async def test_variants_that_nothing_describes_are_measured_once_and_again_when_that_failed(store: Store) -> None:
    await start(store)
    first, second, *_ = await claim(store)
    await finish(store, first, unnamed=True)
    await finish(store, second)
    again = NOW + timedelta(seconds=queue.MEASURES.lease)
    assert ids(await queue.to_measure(store, now=NOW, limit=10)) == [1]
    assert await queue.to_measure(store, now=NOW, limit=10) == [], "somebody is at it"
    assert ids(await queue.to_measure(store, now=again, limit=10)) == [1], "it did not work"
    await queue.MEASURES.park(store, by="", key=1, until=LATER, values={})
    assert await queue.to_measure(store, now=LATER - timedelta(seconds=1), limit=10) == []


# -- results -----------------------------------------------------------------------------------------------------------


async def test_the_results_of_a_run_are_found_by_their_run(tmp_path: Path) -> None:
    store = Store(database_url(tmp_path, None))
    async with store.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    said: list[str] = []
    with counting(store, said):
        await results.page(store, run_id=1, before=9)
    async with store.read() as connection:
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said[0]}", (1, 9, 50, 0))
        assert "USING INDEX ix_check_result_run (run_id=? AND id<?)" in " ".join(row[3] for row in plan.all())
    await store.close()


async def test_playlists_are_out_of_date_in_the_moment_in_which_a_stream_dies_or_revives(store: Store) -> None:
    """Whatever happens between that and the order of its channel: a list that hides dead streams is built anew."""

    async def revision() -> int:
        (feed,) = await sources.feeds(store, source_id=1)
        return feed.revision

    seen = [await revision()]
    for outcome, dead in ((OK, False), (FAILED, True), (FAILED, True), (OK, False), (OK, False)):
        await start(store, Scope(stream_id=1), priority=queue.BY_HAND)
        (due,) = await claim(store)
        assert await finish(store, due, outcome)
        assert (await known(store, 1)).dead is dead
        seen.append(await revision())
    changed = [after != before for before, after in pairwise(seen)]
    assert changed == [False, True, False, True, False]
