"""Films that are fetched by themselves, with the demo's download client: when, once, and when not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from furnished import furnish, new_database
from handing import FAKE, FILM, GOOD, SECOND, Crew, client_world, connect, furnish_films, manned, started
from nightcrew import app
from nightcrew.demo import torrents
from nightcrew.demo.downloads import DownloadPlan
from nightcrew.demo.world import World
from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.movies import standing
from nightcrew.movies.catalogue.models import movie
from nightcrew.movies.handover import actions as handover_actions
from nightcrew.movies.handover import fetch_rules, fetching
from nightcrew.movies.handover import following as handovers
from nightcrew.movies.handover.fetch_rules import Holdback
from nightcrew.movies.handover.fetching import FetchCrew
from nightcrew.movies.handover.models import HandoverEntry
from nightcrew.movies.handover.rules import BLOCKING, Cause, HandoverPatience, HandoverState, RemovalKind
from nightcrew.movies.sources import judging
from nightcrew.movies.sources.models import SourceState, source
from nightcrew.movies.store import fetches, searches, sources
from nightcrew.movies.store import handovers as rows
from support import until

OTHER = 2


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)
    async with client_world() as made:
        yield made


@pytest.fixture
async def crew(world: World, tmp_path: Path) -> AsyncIterator[Crew]:
    async with manned(tmp_path / "data", world) as made:
        yield made


async def wanted(crew: Crew, *data: bytes, film: int = FILM) -> None:
    """A film that is wanted, whose best source is the first of these."""
    await furnish_films(crew.node, *data, film=film)
    await searches.want_now(crew.node.store, film, [])
    best = (await sources.of_movie(crew.node.store, film))[0]
    assert await sources.set_best(crew.node.store, film, since=None, best=best.id)


async def switch(crew: Crew, **options: object) -> None:
    values = {f"movies.{name}": value for name, value in ({"fetch": True, "fetch_delay": 0} | options).items()}
    await crew.node.settings.change(crew.node.store, values, actor="test")


async def cycle(crew: Crew) -> list[HandoverEntry]:
    """One cycle of the task; returns all hand-overs."""
    for _ in range(2):  # the first one gives time to those that wait
        await fetching.fetch_due(crew.node)
        await until(lambda: not crew.node.part(FetchCrew).hands.held)
    return await rows.newest(crew.node.store, 100)


async def held(crew: Crew) -> Holdback | None:
    entry = await fetches.of_movie(crew.node.store, FILM)
    assert entry is not None
    return entry.held


async def test_nothing_is_fetched_by_itself_unless_somebody_says_so(crew: Crew) -> None:
    await wanted(crew, GOOD)
    assert await cycle(crew) == []
    assert await fetching.next_at(crew.node) is None
    plan = await fetching.plan(crew.node, 10)
    assert not plan.on
    assert [one.film.id for one in plan.planned] == [FILM], "the dry run says what would be"


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_the_best_source_is_handed_over_once_and_a_better_one_replaces_nothing(
    world: World, tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    url = None
    if database == "postgres":
        server = request.getfixturevalue("postgres_server")
        url = new_database(server, like=request.getfixturevalue("furnished"))
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data", database_url=url))
    async with started(tmp_path / "data", world, url) as crew:
        await connect(crew.node, world)
        await wanted(crew, SECOND, GOOD)
        await switch(crew)
        (entry,) = await cycle(crew)
        assert entry.swarm == torrents.hash_of(SECOND)
        await crew.reach(HandoverState.DONE)
        better = (await sources.of_movie(crew.node.store, FILM))[1]
        await sources.set_best(crew.node.store, FILM, since=entry.source_id, best=better.id)
        assert len(await cycle(crew)) == 1
        assert (await fetching.plan(crew.node, 10)).planned == []
        assert crew.has.added == [torrents.hash_of(SECOND)]


async def test_a_film_waits_from_its_first_good_source_on_and_a_better_one_is_taken_then(crew: Crew) -> None:
    await wanted(crew, SECOND, GOOD)
    await switch(crew, fetch_delay=1800)
    assert await cycle(crew) == []
    due = await fetching.next_at(crew.node)
    assert due is not None
    assert timedelta(minutes=25) < due - utcnow() <= timedelta(minutes=30)
    first, better = await sources.of_movie(crew.node.store, FILM)
    await sources.set_best(crew.node.store, FILM, since=first.id, best=better.id)
    (planned,) = (await fetching.plan(crew.node, 10)).planned
    assert planned.source.id == better.id
    assert abs(planned.at - due) < timedelta(seconds=1), "a better one does not begin the wait anew"
    await switch(crew, fetch_delay=60)
    assert (await fetching.next_at(crew.node) or due) <= utcnow(), "those that wait are planned anew"
    await switch(crew, fetch_delay=0)
    (entry,) = await cycle(crew)
    assert entry.swarm == torrents.hash_of(GOOD)


async def test_two_nodes_that_claim_the_same_film_hand_it_over_once(crew: Crew) -> None:
    await wanted(crew, GOOD, SECOND)
    best, second = await sources.of_movie(crew.node.store, FILM)
    client = (await handovers.clients(crew.node))[0].id
    (entry,) = await fetches.claim(crew.node.store, by="slow", limit=9)
    async with crew.node.store.write() as connection:  # as when its lease is over
        await connection.execute(sa.update(fetches.fetch).values(until=utcnow() - timedelta(minutes=1)))
    (again,) = await fetches.claim(crew.node.store, by="quick", limit=9)
    assert await fetches.begin(crew.node.store, again, best, client, by="quick")
    assert await fetches.begin(crew.node.store, entry, second, client, by="slow") is None
    assert len(await rows.newest(crew.node.store, 9)) == 1


async def test_what_a_node_held_when_it_was_killed_is_fetched_after_a_restart(world: World, tmp_path: Path) -> None:
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data"))
    async with started(tmp_path / "data", world) as crew:
        await connect(crew.node, world)
        await wanted(crew, GOOD)
        await switch(crew)
        assert await fetches.claim(crew.node.store, by=crew.node.node, limit=9)
    async with started(tmp_path / "data", world) as crew:
        assert len(await cycle(crew)) == 1


async def test_one_that_a_person_gave_up_is_never_fetched_by_itself(crew: Crew) -> None:
    await wanted(crew, GOOD, SECOND)
    await switch(crew)
    (entry,) = await cycle(crew)
    await handover_actions.give_up(crew.node, entry.id, actor="test")
    await fetches.look_again(crew.node.store, FILM)
    assert len(await cycle(crew)) == 1
    assert await held(crew) is Holdback.GIVEN_UP
    first, second = await sources.of_movie(crew.node.store, FILM)
    await sources.set_best(crew.node.store, FILM, since=first.id, best=second.id)
    assert len(await cycle(crew)) == 1


async def test_a_film_whose_sources_are_all_blocked_waits_for_another_or_for_a_person(crew: Crew) -> None:
    await wanted(crew, FAKE)
    await switch(crew)
    await cycle(crew)
    await crew.reach(HandoverState.FAILED)
    await fetches.look_again(crew.node.store, FILM)
    assert len(await cycle(crew)) == 1
    assert await held(crew) is Holdback.BLOCKED
    with pytest.raises(NotFound, match="not blocked"):
        await handover_actions.allow(crew.node, FILM, "Another", actor="test")
    assert len(await handover_actions.allow(crew.node, FILM, actor="test")) == 1
    assert await rows.blocked_of(crew.node.store, FILM) == []
    (entry,) = await cycle(crew)
    assert entry.state is HandoverState.CHOSEN, "what a person allows again is tried again"


async def test_another_source_ends_the_wait_of_a_film_whose_sources_are_blocked(crew: Crew) -> None:
    await wanted(crew, FAKE, GOOD)
    fake, good = await sources.of_movie(crew.node.store, FILM)
    async with crew.node.store.write() as connection:
        await connection.execute(sa.update(source).where(source.c.id == good.id).values(state=SourceState.REFUSED))
    await switch(crew)
    await cycle(crew)
    await crew.reach(HandoverState.FAILED)
    await fetches.look_again(crew.node.store, FILM)
    await cycle(crew)
    assert await held(crew) is Holdback.BLOCKED
    async with crew.node.store.write() as connection:
        await connection.execute(sa.update(source).where(source.c.id == good.id).values(state=SourceState.VERIFIED))
    await judging.choose(crew.node, [FILM])
    assert (await cycle(crew))[0].swarm == torrents.hash_of(GOOD)
    assert fake.swarm == torrents.hash_of(FAKE)


async def test_one_that_is_wanted_no_longer_is_not_fetched(crew: Crew) -> None:
    await wanted(crew, GOOD)
    await searches.unwant(crew.node.store, [FILM])
    await switch(crew)
    assert await cycle(crew) == []
    await searches.want_now(crew.node.store, FILM, [])
    assert len(await cycle(crew)) == 1, "it has its good source still"


async def test_without_a_client_films_wait_and_a_person_is_told(world: World, tmp_path: Path) -> None:
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data"))
    async with started(tmp_path / "data", world) as crew:
        await wanted(crew, GOOD)
        await switch(crew)
        assert await cycle(crew) == []
        assert await fetching.next_at(crew.node) is None
        assert "movies.clients" in {one.key for one in await standing.needs(crew.node)}
        assert (await fetching.plan(crew.node, 10)).client is None
        await connect(crew.node, world)
        assert len(await cycle(crew)) == 1


async def test_an_error_that_nobody_expected_holds_up_no_other_film(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fetching._source

    async def breaks(runtime: object, movie_id: int) -> object:
        if movie_id == FILM:
            raise RuntimeError("broken")
        return await original(crew.node, movie_id)

    monkeypatch.setattr(fetching, "_source", breaks)
    await wanted(crew, GOOD)
    await wanted(crew, SECOND, film=OTHER)
    await switch(crew)
    assert [one.movie_id for one in await cycle(crew)] == [OTHER]
    later = await fetches.of_movie(crew.node.store, FILM)
    assert later is not None
    assert later.due_at is not None
    assert later.due_at > utcnow() + timedelta(minutes=30)


# -- two films with one torrent ----------------------------------------------------------------------------------------


async def test_giving_up_one_of_two_films_that_share_a_torrent_leaves_the_other_its_download(crew: Crew) -> None:
    crew.has.plans[torrents.hash_of(GOOD)] = DownloadPlan(seconds=1000.0)
    for film in (FILM, OTHER):
        await furnish_films(crew.node, GOOD, film=film)
        await handover_actions.hand_over(crew.node, film, actor="test")
    first = await crew.reach(HandoverState.DOWNLOADING)
    second = await crew.reach(HandoverState.DOWNLOADING, film=OTHER)
    (row,) = crew.has.rows.values()
    assert not row.stopped
    asked = await handover_actions.giving_up(crew.node, first.id)
    assert (asked.removed, asked.shared) == (RemovalKind.NONE, ["Nosferatu (1922)"])
    await handover_actions.give_up(crew.node, first.id, actor="test")
    await crew.rest()
    assert list(crew.has.rows) == [torrents.hash_of(GOOD)]
    assert not row.stopped
    crew.clock += 10
    asked = await handover_actions.giving_up(crew.node, second.id)
    assert (asked.removed, asked.shared) == (RemovalKind.ALL, [])
    assert asked.got > 0
    await handover_actions.give_up(crew.node, second.id, actor="test")
    await crew.rest()
    assert crew.has.rows == {}, "nobody needs it any more"


async def test_a_film_that_comes_later_does_not_stop_what_is_fetched_for_another(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew.has.plans[torrents.hash_of(GOOD)] = DownloadPlan(seconds=1000.0)
    await furnish_films(crew.node, GOOD)
    await handover_actions.hand_over(crew.node, FILM, actor="test")
    await crew.reach(HandoverState.DOWNLOADING)
    (row,) = crew.has.rows.values()
    await furnish_films(crew.node, GOOD, film=OTHER)
    async with crew.node.store.write() as connection:  # its files are not this film
        other = {"title": "Something Else Altogether", "original_title": "", "released_on": "1999-01-01"}
        await connection.execute(sa.update(movie).where(movie.c.id == OTHER).values(other))
    await handover_actions.hand_over(crew.node, OTHER, actor="test")
    for _ in range(30):
        await crew.step()
        crew.clock += 1.0
        assert not row.stopped
        if (await rows.of_movie(crew.node.store, OTHER))[0].ended_at is not None:
            break
    (failed,) = await rows.of_movie(crew.node.store, OTHER)
    assert failed.cause is Cause.REFUSED
    await crew.rest()
    assert list(crew.has.rows) == [torrents.hash_of(GOOD)]
    assert (await crew.reach(HandoverState.DOWNLOADING)).ended_at is None


async def test_a_dry_run_says_when_the_client_cannot_be_asked(crew: Crew) -> None:
    await furnish_films(crew.node, GOOD)
    entry = await handover_actions.hand_over(crew.node, FILM, actor="test")
    crew.world.downloads.password = "another"
    asked = await handover_actions.giving_up(crew.node, entry.id)
    assert asked.removed is None
    assert asked.why


# -- rules -------------------------------------------------------------------------------------------------------------

ENDS = st.tuples(st.sampled_from(HandoverState), st.none() | st.sampled_from(Cause))


@given(st.lists(ENDS, max_size=5))
def test_a_film_is_fetched_by_itself_only_when_all_that_was_tried_failed_by_its_source(
    known: list[tuple[HandoverState, Cause | None]],
) -> None:
    free = all(state is HandoverState.FAILED and cause in BLOCKING for state, cause in known)
    assert (fetch_rules.holdback(known) is None) is free


async def test_patience_is_what_the_settings_say(crew: Crew) -> None:
    assert handovers.patience(crew.node) == HandoverPatience()
    await switch(crew, stalled_minutes=1000, metadata_minutes=5, next_source_minutes=7)
    found = handovers.patience(crew.node)
    assert (found.metadata, found.progress, found.stalled) == (300.0, 60_000.0, 420.0)
    assert found.hopeless >= found.progress
