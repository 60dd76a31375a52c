"""The ledger's rows, on both databases: what has expired is over for good, and who is asked to leave for whom.

A lease of a negative lifetime has expired a moment ago.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from furnished import new_database
from nightcrew.kernel import slots_store as ledger
from nightcrew.kernel.slots_store import Claim, ClaimOutcome, Limit, Priority, slot_lease
from nightcrew.kernel.store import Store, database_url, metadata

TAKEN, REFUSED = ClaimOutcome(taken=True), ClaimOutcome(taken=False)
EXPIRED = -1.0


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all, as making one takes longer than the tests."""
    if request.param == "sqlite":
        return database_url(tmp_path_factory.mktemp("ledger"), None)
    return new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    made = Store(url)
    async with made.engine.begin() as connection:
        await connection.run_sync(metadata.create_all, tables=[slot_lease])
        await connection.execute(slot_lease.delete())
    yield made
    await made.close()


async def take(
    store: Store,
    lease: str,
    *limits: tuple[str, int],
    use: bool = False,
    node: str = "here",
    lifetime: float = 60.0,
    waiting: float | None = None,
    owner: str = "somebody",
) -> ClaimOutcome:
    priority = Priority.USE if use else Priority.CHECK
    wanted = tuple(Limit(*limit) for limit in limits or [("a", 1)])
    claim = Claim(wanted, owner, "test", priority, f"channel:{lease}")
    return await ledger.take(store, lease, node, claim, lifetime=lifetime, waiting=waiting)


async def held(store: Store, *resources: str) -> list[str]:
    return [holder.lease for holder in await ledger.holders(store, resources or None)]


# -- what has expired --------------------------------------------------------------------------------------------------


async def test_a_lease_that_has_expired_cannot_be_renewed(store: Store) -> None:
    await take(store, "late", lifetime=EXPIRED)
    assert await ledger.renew(store, "here", ["late"], lifetime=60) == {}
    assert await held(store) == []
    assert await take(store, "next") == TAKEN, "its slot is free"
    assert await ledger.renew(store, "here", ["late"], lifetime=60) == {"next": False}
    assert await held(store) == ["next"], "never two on a limit of one"


async def test_what_has_expired_is_in_nobodys_way(store: Store) -> None:
    await take(store, "late", lifetime=EXPIRED)
    assert not await ledger.any_full(store, [Limit("a", 1)])
    assert await take(store, "viewer", use=True, waiting=3.0) == TAKEN, "and is not asked to leave"


async def test_renewing_gives_time_from_now_on_to_those_that_are_named_and_to_no_other(store: Store) -> None:
    await take(store, "one", ("a", 0))
    await take(store, "two", ("a", 0))
    assert await ledger.renew(store, "here", ["one"], lifetime=EXPIRED) == {"one": False, "two": False}
    assert await held(store) == ["two"]


async def test_a_renewed_lease_lives_on(store: Store) -> None:
    await take(store, "one", lifetime=2.0)
    await ledger.renew(store, "here", ["one"], lifetime=60)
    (row,) = await ledger.holders(store)
    async with store.read() as connection:
        (expires,) = (await connection.execute(slot_lease.select())).scalars(slot_lease.c.expires_at).all()
    assert 55 < (expires - row.taken_at).total_seconds() < 65


async def test_a_node_renews_nothing_of_another_and_nothing_that_waits(store: Store) -> None:
    await take(store, "theirs", node="there")
    await take(store, "waits", waiting=60.0)
    assert await ledger.renew(store, "here", ["theirs", "waits"], lifetime=EXPIRED) == {}
    assert await held(store) == ["theirs"]


# -- taking ------------------------------------------------------------------------------------------------------------


async def test_all_limits_or_none(store: Store) -> None:
    assert await take(store, "one", ("a", 1), ("b", 2)) == TAKEN
    assert await take(store, "two", ("b", 2), ("a", 1)) == REFUSED
    assert await take(store, "three", ("b", 2)) == TAKEN
    assert await take(store, "four", ("b", 2)) == REFUSED
    assert await held(store, "b") == ["one", "three"]
    assert await ledger.any_full(store, [Limit("c", 1), Limit("a", 1)])


async def test_a_limit_of_zero_is_none_and_is_counted_all_the_same(store: Store) -> None:
    for lease in ("one", "two", "three"):
        assert await take(store, lease, ("a", 0)) == TAKEN
    assert await held(store, "a") == ["one", "two", "three"]
    assert not await ledger.any_full(store, [Limit("a", 0)])


async def test_who_does_not_wait_leaves_nothing_in_the_ledger(store: Store) -> None:
    await take(store, "one")
    assert await take(store, "two") == REFUSED
    await ledger.release(store, "one")
    assert await take(store, "three") == TAKEN


async def test_a_claim_that_waits_is_met_when_its_turn_comes_and_holds_one_slot_then(store: Store) -> None:
    await take(store, "one")
    assert await take(store, "two", waiting=60.0) == REFUSED
    assert await held(store) == ["one"], "who waits holds nothing"
    await ledger.release(store, "one")
    assert await take(store, "two", waiting=60.0) == TAKEN
    assert await held(store) == ["two"]


async def test_a_claim_that_waits_keeps_newcomers_of_lower_priority_out_for_as_long_as_it_counts(store: Store) -> None:
    await take(store, "one")
    await take(store, "viewer", use=True, waiting=60.0)
    await ledger.release(store, "one")
    assert await take(store, "check") == REFUSED
    assert await take(store, "second viewer", use=True) == TAKEN, "viewers wait for no other"
    await ledger.release(store, "second viewer")
    await take(store, "second viewer", use=True, lifetime=60)
    await take(store, "viewer", use=True, waiting=EXPIRED)
    await ledger.release(store, "second viewer")
    assert await take(store, "check") == TAKEN, "it has not been repeated"


# -- making room -------------------------------------------------------------------------------------------------------


async def test_the_youngest_of_lower_priority_leave_and_no_more_than_are_needed(store: Store) -> None:
    for lease in ("one", "two", "three"):
        await take(store, lease, ("a", 3))
    assert await take(store, "viewer", ("a", 3), use=True, waiting=60.0) == ClaimOutcome(False, frozenset({"three"}))
    assert await ledger.renew(store, "here", [], lifetime=60) == {"one": False, "two": False, "three": True}
    assert await take(store, "viewer", ("a", 3), use=True, waiting=60.0) == ClaimOutcome(False, frozenset({"three"})), (
        "who was asked is not doubled by another"
    )
    assert await take(store, "second", ("a", 3), use=True, waiting=60.0) == ClaimOutcome(False, frozenset({"three"}))


async def test_a_lowered_limit_has_as_many_leave_as_are_too_many(store: Store) -> None:
    for lease in ("one", "two", "three"):
        await take(store, lease, ("a", 3))
    assert await take(store, "viewer", ("a", 2), use=True, waiting=60.0) == ClaimOutcome(
        False, frozenset({"two", "three"})
    )


async def test_nobody_is_asked_to_leave_in_vain_or_by_an_equal(store: Store) -> None:
    await take(store, "viewer", ("login", 1), use=True)
    await take(store, "check", ("profile", 1))
    assert await take(store, "second", ("profile", 1), ("login", 1), use=True, waiting=60.0) == REFUSED
    assert await take(store, "another check", ("profile", 1), waiting=60.0) == REFUSED
    assert await ledger.renew(store, "here", [], lifetime=60) == {"viewer": False, "check": False}


async def test_who_leaves_one_of_its_resources_leaves(store: Store) -> None:
    await take(store, "check", ("a", 1), ("b", 5))
    assert (await take(store, "viewer", ("a", 1), use=True, waiting=60.0)).leaving == {"check"}
    assert await ledger.renew(store, "here", ["check"], lifetime=60) == {"check": True}
    assert [(holder.resource, holder.leaving) for holder in await ledger.holders(store)] == [("a", True), ("b", True)]


async def test_who_leaves_anyway_makes_room_for_another_too(store: Store) -> None:
    await take(store, "one", ("a", 2), ("b", 1))
    await take(store, "two", ("a", 2))
    assert (await take(store, "viewer", ("b", 1), use=True, waiting=60.0)).leaving == {"one"}
    assert (await take(store, "second", ("a", 2), use=True, waiting=60.0)).leaving == {"one"}, (
        "not the youngest as well"
    )


async def test_what_has_expired_is_not_asked_in_the_place_of_one_that_is_there(store: Store) -> None:
    await take(store, "one")
    await take(store, "late", ("a", 2), lifetime=EXPIRED)
    assert (await take(store, "viewer", use=True, waiting=60.0)).leaving == {"one"}


# -- who holds what ----------------------------------------------------------------------------------------------------


async def test_a_node_that_comes_back_holds_and_waits_for_nothing(store: Store) -> None:
    await take(store, "mine")
    await take(store, "mine too", use=True, waiting=60.0)
    await take(store, "theirs", ("b", 1), node="there")
    await ledger.forget_node(store, "here")
    assert await held(store) == ["theirs"]
    assert await take(store, "next", node="there") == TAKEN


async def test_a_holder_is_shown_without_secrets(store: Store) -> None:
    await take(store, "one", ("a", 2), use=True, owner=f"http://user:s3cr3t@host/ {'x' * 300}")
    (shown,) = await ledger.holders(store, ["a"])
    assert "s3cr3t" not in shown.owner
    assert len(shown.owner) == 200
    assert (shown.node, shown.purpose, shown.subject, shown.priority) == ("here", "test", "channel:one", Priority.USE)
    assert await held(store, "b") == []
