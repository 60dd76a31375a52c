"""The same torrent of two indexers, of which one tells no hash: what is found in one of them counts for both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew.kernel.clock import utcnow
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources.models import SourceEntry, SourceState, offer
from nightcrew.movies.store import sources, verdicts
from reels import Reels

FOUND, UNREAD, VERIFIED, REFUSED, MARKED, GONE = (
    SourceState.FOUND,
    SourceState.UNREAD,
    SourceState.VERIFIED,
    SourceState.REFUSED,
    SourceState.MARKED,
    SourceState.GONE,
)
ONE, TWO = "a" * 40, "b" * 40
BARE: dict[str, Any] = {"files": [], "file_count": 0, "stats_due_at": None}
FILES = [["film.mkv", 7]]


async def pair(reel: Reels, **values: Any) -> tuple[SourceEntry, SourceEntry]:
    """A source whose hash nobody knows yet, and its twin, which has these values."""
    film = await reel.film()
    (one,) = await reel.add(film, [ONE], **BARE, state=FOUND, file_due_at=utcnow())
    await reel.change(one, swarm="", fingerprint="8:guid", connection_id=8, title="A better name")
    (two,) = await reel.add(film, [TWO], **(BARE | {"connection_id": 9} | values))
    now = utcnow() - timedelta(days=40)
    async with reel.node.store.write() as connection:
        offers = [
            {"source_id": number, "connection_id": indexer, "guid": "guid", "reach": "", "seen_at": now}
            for number, indexer in ((one, 8), (two, 9))
        ]
        await connection.execute(sa.insert(offer), offers)
    return await sources.get(reel.node.store, one), await sources.get(reel.node.store, two)


async def judged(reel: Reels, one: SourceEntry, to: SourceState, reason: str = "", **values: Any) -> SourceEntry:
    """What its file says is noted; returns the one source that is left."""
    found = {"swarm": TWO, "stats_due_at": utcnow(), "resync_due_at": utcnow()}
    if to is not UNREAD:
        found |= {"files": FILES, "file_count": 1, "size": 7}
    await verdicts.judge(reel.node.store, one, to, reason, **found, **values)
    (left,) = await reel.sources(one.movie_id)
    offers = await sources.offers_of(reel.node.store, left.id)
    assert {each.connection_id for each in offers} == {8, 9}
    assert (left.fingerprint, left.missed) == (TWO, 0)
    assert left.seen_at > utcnow() - timedelta(minutes=5)
    return left


@pytest.mark.parametrize("state", [FOUND, UNREAD, MARKED, GONE])
async def test_what_was_found_in_a_source_is_said_of_its_twin(reel: Reels, state: SourceState) -> None:
    one, _ = await pair(reel, state=state)
    left = await judged(reel, one, REFUSED, "it is another film")
    assert (left.state, left.reason, left.files) == (REFUSED, "it is another film", FILES)
    assert (left.file_due_at, left.stats_due_at, left.resync_due_at) == (None, None, None)


@pytest.mark.parametrize("state", [FOUND, UNREAD, MARKED, GONE])
async def test_a_twin_of_a_good_source_is_good(small_reel: Reels, state: SourceState) -> None:
    one, _ = await pair(small_reel, state=state, file_due_at=utcnow())
    left = await judged(small_reel, one, VERIFIED)
    assert (left.state, left.reason, left.files, left.size) == (VERIFIED, "", FILES, 7)
    assert left.file_due_at is None
    assert left.stats_due_at is not None


@pytest.mark.parametrize(("state", "to"), [(VERIFIED, REFUSED), (REFUSED, VERIFIED), (REFUSED, UNREAD)])
async def test_what_its_own_files_said_of_a_twin_stands(small_reel: Reels, state: SourceState, to: SourceState) -> None:
    one, _ = await pair(small_reel, state=state, files=[["own.mkv", 3]], file_count=1, reason="as it was")
    left = await judged(small_reel, one, to, "another word")
    assert (left.state, left.reason, left.files) == (state, "as it was", [["own.mkv", 3]])


async def test_a_magnet_says_nothing_of_a_twin_whose_file_nobody_has_asked_for(small_reel: Reels) -> None:
    one, _ = await pair(small_reel, state=FOUND)
    left = await judged(small_reel, one, UNREAD, "there is a magnet link alone")
    assert left.state is FOUND
    assert left.file_due_at is not None, "it is asked for now"


async def test_a_magnet_brings_a_twin_back_that_was_not_found_lately(small_reel: Reels) -> None:
    one, _ = await pair(small_reel, state=MARKED, files=FILES, file_count=1)
    left = await judged(small_reel, one, UNREAD)
    assert left.state is VERIFIED


async def test_a_twin_that_was_refused_by_its_name_has_another_one_now(small_reel: Reels) -> None:
    one, _ = await pair(small_reel, state=REFUSED, title="Another film", reason="it is another film")
    left = await judged(small_reel, one, VERIFIED)
    assert (left.state, left.title, left.reason) == (VERIFIED, "A better name", "")


@pytest.mark.parametrize("state", [FOUND, UNREAD, VERIFIED, REFUSED, MARKED, GONE])
async def test_what_a_person_accepted_stays_accepted(reel: Reels, state: SourceState) -> None:
    one, _ = await pair(reel, state=state, file_count=int(state is REFUSED))
    await reel.change(one.id, final=True)
    one = await sources.get(reel.node.store, one.id)
    left = await judged(reel, one, VERIFIED)
    assert (left.state, left.final) == (VERIFIED, True)


@pytest.mark.parametrize("to", [VERIFIED, UNREAD, REFUSED])
async def test_what_a_person_refused_stays_refused(small_reel: Reels, to: SourceState) -> None:
    one, _ = await pair(small_reel, state=REFUSED, final=True, reason="refused by test")
    left = await judged(small_reel, one, to)
    assert (left.state, left.final, left.reason) == (REFUSED, True, "refused by test")


async def test_a_source_that_a_person_refused_while_it_was_read_says_nothing_of_its_twin(reel: Reels) -> None:
    one, two = await pair(reel, state=FOUND)
    await source_actions.refuse(reel.node, one.id, actor="test")
    await verdicts.judge(reel.node.store, one, VERIFIED, swarm=TWO, files=FILES, file_count=1)
    left = {each.id: (each.state, each.final) for each in await reel.sources(one.movie_id)}
    assert left == {one.id: (REFUSED, True), two.id: (FOUND, False)}


async def test_a_source_that_a_person_accepted_while_it_was_read_is_not_refused_by_that_with_its_twin(
    reel: Reels,
) -> None:
    one, two = await pair(reel, state=FOUND)
    await source_actions.accept(reel.node, one.id, actor="test")
    await verdicts.judge(reel.node.store, one, REFUSED, "it holds a program", swarm=TWO, files=FILES, file_count=1)
    left = {each.id: (each.state, each.final) for each in await reel.sources(one.movie_id)}
    assert left == {one.id: (FOUND, True), two.id: (FOUND, False)}
