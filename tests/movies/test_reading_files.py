"""Torrent files: only those of the best sources are read, and what cannot be used makes room for the next one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nightcrew.demo import torrents
from nightcrew.demo.indexing import DemoError
from nightcrew.demo.releases import DemoRelease
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import GiveUp, NeedsUser, Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.store import DatabaseAway
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources import files, offered
from nightcrew.movies.sources.models import SourceEntry, SourceState
from nightcrew.movies.store import sources, swarms, verdicts
from reels import TORZNAB, Reels

FOUND, UNREAD, VERIFIED, REFUSED = (
    SourceState.FOUND,
    SourceState.UNREAD,
    SourceState.VERIFIED,
    SourceState.REFUSED,
)


async def searched(reel: Reels, *kinds: str) -> int:
    """A film whose sources are known, and not read."""
    await reel.connect(*kinds)
    film = await reel.film()
    await reel.search()
    return film


def release(reel: Reels, flaw: str) -> DemoRelease:
    return next(one for one in reel.releases() if one.flaw == flaw)


async def alone(reel: Reels, film: int, flaw: str) -> SourceEntry:
    """The source with a flaw is the only one that is read."""
    await reel.change(file_due_at=None)
    row = await reel.named(film, release(reel, flaw).name)
    await reel.change(row.id, file_due_at=utcnow(), score=1_000.0)
    await reel.read()
    return await sources.get(reel.node.store, row.id)


async def test_only_the_best_are_read_and_what_is_refused_makes_room(small_reel: Reels) -> None:
    film = await searched(small_reel, TORZNAB)
    before = [one for one in await small_reel.sources(film) if one.file_due_at is not None]
    assert len(before) == 3
    await small_reel.read()
    rows = await small_reel.sources(film)
    assert not [one for one in rows if one.file_due_at is not None]
    refused = {one.title for one in rows if one.state is REFUSED}
    assert release(small_reel, "password").name in refused, "a fake is among the best by its name"
    fit = [one for one in rows if one.state in {FOUND, VERIFIED} and not one.unfit]
    assert [one.state for one in fit[:3]] == [VERIFIED] * min(3, len(fit))
    best = (await small_reel.entry(film)).best_id
    assert best == next(one.id for one in rows if one.state is VERIFIED)


async def test_what_the_file_says_is_kept(small_reel: Reels) -> None:
    film = await searched(small_reel, TORZNAB)
    await small_reel.read()
    row = next(one for one in await small_reel.sources(film) if one.state is VERIFIED)
    made = next(one for one in small_reel.releases() if one.name == row.title)
    assert row.swarm == row.fingerprint == made.hash
    assert row.files[0][0].endswith(".mkv")
    assert row.file_count == len(made.files)
    assert row.stats_due_at is not None
    assert row.resync_due_at is not None
    told = await swarms.of_swarm(small_reel.node.store, row.swarm)
    assert len(told) == len(small_reel.indexers.trackers)


@pytest.mark.parametrize("flaw", ["wrong_hash", "damaged"])
async def test_what_is_not_the_promised_torrent_is_left_to_its_magnet(small_reel: Reels, flaw: str) -> None:
    row = await alone(small_reel, await searched(small_reel, TORZNAB), flaw)
    assert row.state is UNREAD
    assert row.reason.startswith("there is a magnet link alone")
    assert row.swarm == release(small_reel, flaw).hash
    assert row.stats_due_at is not None


async def test_a_file_that_is_not_there_any_more_is_left_to_its_magnet(small_reel: Reels) -> None:
    film = await searched(small_reel, TORZNAB)
    small_reel.indexers.links = ("gone",)
    row = await alone(small_reel, film, "")
    assert row.state is UNREAD
    assert "does not have the release" in row.reason


async def test_without_a_file_and_a_hash_there_is_no_source(small_reel: Reels) -> None:
    small_reel.indexers.untold = True
    film = await searched(small_reel, TORZNAB)
    small_reel.indexers.links = ("gone",)
    row = await alone(small_reel, film, "")
    assert row.state is REFUSED
    assert row.file_due_at is None


async def test_a_magnet_behind_a_link_is_taken(small_reel: Reels) -> None:
    small_reel.indexers.untold = True
    small_reel.indexers.links = ("302",)
    film = await searched(small_reel, TORZNAB)
    row = await alone(small_reel, film, "")
    assert row.state is UNREAD
    assert row.swarm == row.fingerprint == release(small_reel, "").hash
    assert await swarms.of_swarm(small_reel.node.store, row.swarm), "with the trackers that it names"


async def test_files_that_cannot_be_read_are_tried_after_growing_pauses_and_not_for_ever(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await searched(small_reel, TORZNAB)
    row = (await small_reel.sources(film))[0]

    async def broken(*_: object) -> bytes:
        raise Retry("it broke")

    monkeypatch.setattr(offered, "fetch", broken)
    pauses: list[timedelta] = []
    while row.state is FOUND:
        assert len(pauses) < files.MOST_FAILURES
        await small_reel.change(file_due_at=None)
        await small_reel.change(row.id, file_due_at=utcnow())
        await small_reel.read()
        row = await sources.get(small_reel.node.store, row.id)
        if row.file_due_at is not None:
            pauses.append(row.file_due_at - utcnow())
            assert row.file_failures == len(pauses)
    assert pauses[0] < pauses[2] / 2 < pauses[4] / 4
    assert row.state is UNREAD
    assert "it broke" in row.reason


@pytest.mark.parametrize("error", [RouteDown("the tunnel is down"), Paused("it is paused", after=9)])
async def test_while_nobody_may_be_asked_no_attempt_is_spent(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    film = await searched(small_reel, TORZNAB)

    async def down(*_: object) -> bytes:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(offered, "fetch", down)
        await small_reel.read()
    waiting = [one for one in await small_reel.sources(film) if one.file_due_at is not None]
    assert len(waiting) == 3
    for one in waiting:
        assert one.file_failures == 0
        assert one.file_holder is None
        assert one.file_due_at is not None
        assert one.file_due_at - utcnow() < timedelta(seconds=30)
    await small_reel.change(*[], file_due_at=None)
    for one in waiting:
        await small_reel.change(one.id, file_due_at=utcnow())
    await small_reel.read()
    assert any(one.state is VERIFIED for one in await small_reel.sources(film))


@pytest.mark.parametrize("part", ["offers_of", "line"])
async def test_while_the_database_is_away_nothing_counts_as_a_failure(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    film = await searched(small_reel, TORZNAB)
    times, where = 0, sources if part == "offers_of" else small_reel.node.part(Connections)
    before = getattr(where, part)

    async def away(*args: Any) -> Any:
        nonlocal times
        times += 1
        if times <= 3:
            raise DatabaseAway("the database cannot be used now")
        return await before(*args)

    monkeypatch.setattr(where, part, away)
    await small_reel.read()
    rows = await small_reel.sources(film)
    assert times > 3
    assert any(one.state is VERIFIED for one in rows)
    assert not any(one.file_failures for one in rows)
    assert not any("database" in one.reason for one in rows)


async def test_an_error_that_nobody_expected_puts_the_file_off(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await searched(small_reel, TORZNAB)

    async def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(offered, "fetch", broken)
    await small_reel.read()
    waiting = [one for one in await small_reel.sources(film) if one.file_due_at is not None]
    assert len(waiting) == 3
    assert all(one.file_due_at and one.file_due_at > utcnow() + timedelta(minutes=30) for one in waiting)
    assert all(one.file_holder is None and "ZeroDivisionError" in one.reason for one in waiting)


async def test_an_indexer_that_is_away_holds_up_only_what_it_alone_offers(reel: Reels) -> None:
    film = await searched(reel)
    reel.indexers.error = DemoError(429, 429, "Too many requests", retry_after=900)
    await reel.due_again(TORZNAB)
    await reel.search()  # by which it is known to be away
    rows = await reel.sources(film)
    both = {one.hash for one in reel.releases() if not one.flaw}
    await reel.change(file_due_at=None)
    for one in rows:
        if one.state is FOUND:
            await reel.change(one.id, file_due_at=utcnow())
    await reel.read()
    for one in await reel.sources(film):
        if one.swarm in both:
            assert one.state is VERIFIED or one.file_due_at is None
        elif one.state is FOUND and not one.unfit:
            assert one.file_failures == 0
    assert {one.swarm for one in await reel.sources(film) if one.state is VERIFIED} <= both
    assert any(one.state is VERIFIED for one in await reel.sources(film))
    reel.indexers.error = None
    await reel.mended(TORZNAB)
    await reel.read()
    assert not [one for one in await reel.sources(film) if one.file_due_at and one.file_due_at <= utcnow()]


async def away(reel: Reels) -> int:
    """A film whose sources are known, while one of its indexers may not be asked."""
    film = await searched(reel)
    await reel.read()
    reel.indexers.error = DemoError(429, 429, "Too many requests", retry_after=900)
    await reel.due_again(TORZNAB)
    await reel.search()
    await reel.read()
    await reel.change(state=FOUND, file_due_at=None, connection_id=reel.numbers[TORZNAB], unfit="")
    return film


async def test_what_is_due_later_at_an_indexer_that_is_away_is_read_at_another_one(
    reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await away(reel)
    row = await reel.named(film, release(reel, "").name)
    await reel.change(row.id, file_due_at=utcnow())
    await reel.read()
    assert (await sources.get(reel.node.store, row.id)).state is FOUND
    at = await files.next_at(reel.node)
    assert at is not None
    assert at <= utcnow() + files.AGAIN, "it is looked at again soon"
    monkeypatch.setattr(files, "AGAIN", timedelta())
    await files.read_files(reel.node)
    monkeypatch.undo()
    await reel.read()
    assert (await sources.get(reel.node.store, row.id)).state is VERIFIED


async def test_files_of_an_indexer_that_was_away_and_is_then_removed_are_left_to_their_magnets(reel: Reels) -> None:
    film = await away(reel)
    both = {one.hash for one in reel.releases() if not one.flaw}
    row = next(one for one in await reel.sources(film) if one.swarm and one.swarm not in both)
    await reel.change(row.id, file_due_at=utcnow())
    await reel.read()
    assert (await sources.get(reel.node.store, row.id)).state is FOUND
    await connections.remove(reel.node, reel.numbers[TORZNAB], actor="test")
    await reel.read()
    after = await sources.get(reel.node.store, row.id)
    assert after.state is not FOUND
    assert after.file_due_at is None


async def test_a_file_that_is_not_what_was_promised_counts_as_none_where_another_indexer_has_it(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await searched(small_reel)
    store = small_reel.node.store
    offered_by = {one.id: await sources.offers_of(store, one.id) for one in await small_reel.sources(film)}
    shared = next(one for one in await small_reel.sources(film) if len(offered_by[one.id]) >= 2)
    right, wrong = torrents.film("The right one", 1968), torrents.film("Another one", 1968)
    answers = [wrong, right]

    async def fetch(*_: object) -> bytes:
        return answers.pop(0)

    for kind in offered.BY_KIND.values():
        monkeypatch.setitem(offered.BY_KIND, kind.kind.name, type(kind)(kind.kind, kind.search, fetch))
    assert await offered.fetch(small_reel.node, shared, torrents.hash_of(right)) == right
    assert answers == []


async def test_who_may_have_the_file_later_counts_for_more_than_who_has_it_not(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await searched(small_reel)
    (shared, *_) = [one for one in await small_reel.sources(film) if one.state is FOUND and not one.unfit]
    offers = await sources.offers_of(small_reel.node.store, shared.id)
    if len(offers) < 2:
        shared = await small_reel.named(film, release(small_reel, "").name)
    answers = iter([Paused("it is paused", after=60), GiveUp("it is gone")])

    async def fetch(*_: object) -> bytes:
        raise next(answers)

    for kind in offered.BY_KIND.values():
        monkeypatch.setitem(offered.BY_KIND, kind.kind.name, type(kind)(kind.kind, kind.search, fetch))
    with pytest.raises(Paused):
        await offered.fetch(small_reel.node, shared, shared.swarm)


async def test_an_indexer_whose_login_cannot_be_read_hides_no_other(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await searched(small_reel)
    store = small_reel.node.store
    offered_by = {one.id: await sources.offers_of(store, one.id) for one in await small_reel.sources(film)}
    shared = next(one for one in await small_reel.sources(film) if len(offered_by[one.id]) >= 2)
    broken = offered_by[shared.id][0].connection_id
    known, original = small_reel.node.part(Connections), Connections.line

    async def line(self: Connections, number: int) -> object:
        if number == broken:
            raise NeedsUser("what was entered cannot be used any more")
        return await original(self, number)

    data = torrents.film("The right one", 1968)

    async def fetch(*_: object) -> bytes:
        return data

    for kind in offered.BY_KIND.values():
        monkeypatch.setitem(offered.BY_KIND, kind.kind.name, type(kind)(kind.kind, kind.search, fetch))
    monkeypatch.setattr(type(known), "line", line)
    assert await offered.fetch(small_reel.node, shared, torrents.hash_of(data)) == data


async def test_files_of_an_indexer_that_is_connected_no_longer_are_left_to_their_magnets(reel: Reels) -> None:
    film = await searched(reel)
    waiting = [one.id for one in await reel.sources(film) if one.file_due_at is not None]
    await connections.remove(reel.node, reel.numbers[TORZNAB], actor="test")
    await reel.read()
    for one in waiting:
        row = await sources.get(reel.node.store, one)
        assert row.state is not FOUND
        assert row.file_due_at is None


async def test_the_same_torrent_under_two_names_becomes_one_source_with_both_offers(reel: Reels) -> None:
    reel.indexers.untold = True
    film = await searched(reel)
    made = next(one for one in reel.releases() if not one.flaw and one.quality == "1080p")
    before = [one for one in await reel.sources(film) if made.name in one.title or one.swarm == made.hash]
    assert len(before) == 2, "one indexer tells the hash, and the other one does not"
    await reel.change(file_due_at=None)
    for one in before:
        await reel.change(one.id, file_due_at=utcnow())
    await reel.read()
    after = [one for one in await reel.sources(film) if one.swarm == made.hash]
    assert len(after) == 1
    offers = await sources.offers_of(reel.node.store, after[0].id)
    assert {one.connection_id for one in offers} == set(reel.numbers.values())
    assert after[0].state is VERIFIED


async def test_a_person_overrules_what_the_files_say(small_reel: Reels) -> None:
    film = await searched(small_reel, TORZNAB)
    row = await alone(small_reel, film, "password")
    assert row.state is REFUSED
    await source_actions.accept(small_reel.node, row.id, actor="test")
    await small_reel.read()
    row = await sources.get(small_reel.node.store, row.id)
    assert (row.state, row.final) == (VERIFIED, True)
    await small_reel.due_again(TORZNAB)
    await small_reel.search()
    await small_reel.read()
    assert (await sources.get(small_reel.node.store, row.id)).state is VERIFIED


async def test_what_a_person_refused_stays_refused(reel: Reels) -> None:
    film = await searched(reel)
    await reel.read()
    best = (await reel.entry(film)).best_id
    assert best is not None
    refused = await source_actions.refuse(reel.node, best, actor="test")
    assert refused.stats_due_at is None
    assert refused.resync_due_at is None
    assert (await reel.entry(film)).best_id not in {best, None}, "another one has its place"
    await reel.due_again()
    await reel.search()
    await reel.read()
    row = await sources.get(reel.node.store, best)
    assert (row.state, row.file_due_at) == (REFUSED, None)
    assert (await reel.entry(film)).best_id != best


async def test_what_a_person_accepted_before_it_was_checked_is_not_refused_later(small_reel: Reels) -> None:
    film = await searched(small_reel, TORZNAB)
    row = await alone(small_reel, film, "wrong_hash")
    assert row.state is UNREAD
    assert (await source_actions.accept(small_reel.node, row.id, actor="test")).final


async def test_what_a_person_says_while_a_file_is_read_counts_for_more(small_reel: Reels) -> None:
    film = await searched(small_reel, TORZNAB)
    before = await alone(small_reel, film, "wrong_hash")
    assert before.state is UNREAD
    await source_actions.accept(small_reel.node, before.id, actor="test")
    claimed = before  # as the reader still has it
    await verdicts.judge(small_reel.node.store, claimed, REFUSED, "it holds something else")
    row = await sources.get(small_reel.node.store, before.id)
    assert (row.state, row.final) == (UNREAD, True)


async def test_a_marked_source_can_be_refused(small_reel: Reels) -> None:
    film = await searched(small_reel, TORZNAB)
    await small_reel.read()
    row = next(one for one in await small_reel.sources(film) if one.state is VERIFIED)
    await small_reel.change(row.id, state=SourceState.MARKED)
    assert (await source_actions.refuse(small_reel.node, row.id, actor="test")).state is REFUSED


async def test_a_private_torrent_keeps_its_own_trackers_alone(reel: Reels) -> None:
    store, vault = reel.node.store, reel.node.vault
    await swarms.name_trackers(store, vault, "a" * 40, ["udp://one.invalid:1/announce", "udp://two.invalid:1/announce"])
    await swarms.name_trackers(store, vault, "b" * 40, ["udp://two.invalid:1/announce"])
    await swarms.name_trackers(store, vault, "a" * 40, ["udp://own.invalid:1/announce/key"], private=True)
    assert [one[0] for one in await swarms.of_swarm(store, "a" * 40)] == ["own.invalid"]
    assert [one[0] for one in await swarms.of_swarm(store, "b" * 40)] == ["two.invalid"]
