"""The ledger of connections: never more than allowed, over processes and crashes, and nothing leaks."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightcrew.kernel import slots, upkeep
from nightcrew.kernel.events import Bus
from nightcrew.kernel.slots import Claim, Lease, Limit, Priority, Slots, Why
from nightcrew.kernel.slots_store import slot_lease
from nightcrew.kernel.store import Store, database_url, metadata
from support import locked_out, running, until

TAKER = Path(__file__).with_name("slot_taker.py")


async def ledger_at(url: str) -> Store:
    store = Store(url)
    async with store.engine.begin() as connection:
        await connection.run_sync(metadata.create_all, tables=[slot_lease])
    return store


@pytest.fixture
async def store(tmp_path: Path, database: str | None) -> AsyncIterator[Store]:
    made = await ledger_at(database_url(tmp_path, database))
    yield made
    await made.close()


@pytest.fixture
async def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("LIFETIME", 2.0), ("MARGIN", 0.5), ("RENEWAL", 0.3), ("LOOK", 0.1), ("WAITING", 1.0)):
        monkeypatch.setattr(slots, name, seconds)


@contextlib.asynccontextmanager
async def node(store: Store, name: str) -> AsyncIterator[Slots]:
    ledger = Slots(store, Bus(), node=name)
    keeping = asyncio.create_task(ledger.run())
    try:
        yield ledger
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def claim(*limits: tuple[str, int], priority: Priority = Priority.CHECK, owner: str = "somebody") -> Claim:
    return Claim(tuple(Limit(*limit) for limit in limits), owner, "test", priority)


# -- the rule ----------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("take"),
            st.integers(0, 2),
            st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True),
        ),
        st.tuples(st.just("give"), st.integers(0, 20), st.none()),
        st.tuples(st.just("crash"), st.integers(0, 2), st.none()),
    ),
    max_size=25,
)
LIMITS = {"a": 1, "b": 2, "c": 0}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_a_slot_is_given_exactly_when_all_of_its_resources_have_room(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[str, int, list[str] | None]]
) -> None:
    """Against a list in memory: takes, returns, and nodes that crash and start again."""

    async def play() -> None:
        store = await ledger_at(database_url(tmp_path_factory.mktemp("ledger"), None))
        nodes = [Slots(store, Bus(), node=f"n{number}") for number in range(3)]
        held: list[tuple[int, list[str], contextlib.AbstractAsyncContextManager[Lease | None]]] = []
        for what, number, wanted in script:
            if what == "take" and wanted is not None:
                room = all(
                    LIMITS[name] == 0 or sum(name in names for _, names, _ in held) < LIMITS[name] for name in wanted
                )
                slot = nodes[number].lease(claim(*((name, LIMITS[name]) for name in wanted)))
                got = await slot.__aenter__()
                assert (got is not None) == room
                if got is not None:
                    held.append((number, wanted, slot))
            elif what == "give" and held:
                await held.pop(number % len(held))[2].__aexit__(None, None, None)
            elif what == "crash":
                nodes[number] = Slots(store, Bus(), node=f"n{number}")
                await nodes[number].clear()
                held = [entry for entry in held if entry[0] != number]
            counts = [holder.resource for holder in await nodes[0].holders()]
            assert sorted(counts) == sorted(name for _, names, _ in held for name in names)
        await store.close()

    asyncio.run(play())


async def test_all_resources_or_none(store: Store) -> None:
    async with node(store, "n") as ledger, ledger.lease(claim(("login", 1))) as first:
        assert first is not None
        async with ledger.lease(claim(("profile", 5), ("login", 1))) as second:
            assert second is None
        assert [holder.resource for holder in await ledger.holders()] == ["login"]
    assert await Slots(store, Bus(), node="other").holders() == []


async def test_who_waits_gets_the_slot_that_becomes_free(store: Store) -> None:
    async with node(store, "one") as one, node(store, "two") as two:
        for holder, waiter in ((one, one), (one, two)):
            async with contextlib.AsyncExitStack() as stack:
                assert await stack.enter_async_context(holder.lease(claim(("a", 1))))

                async def wait(waiter: Slots = waiter) -> bool:
                    async with waiter.lease(claim(("a", 1)), patience=10) as lease:
                        return lease is not None

                waiting = asyncio.create_task(wait())
                await asyncio.sleep(0.2)
                assert not waiting.done()
            assert await waiting


# -- priority ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [True, False])
async def test_a_viewer_takes_the_place_of_a_check_within_two_seconds(store: Store, same: bool) -> None:
    async with node(store, "one") as one, node(store, "two") as two:
        why: list[Why | None] = []

        async def check() -> None:
            async with one.lease(claim(("a", 1))) as lease:
                assert lease is not None
                await lease.over.wait()
                why.append(lease.why)

        checking = asyncio.create_task(check())
        await until(lambda: one._held)
        async with (one if same else two).lease(claim(("a", 1), priority=Priority.USE), patience=slots.GRACE) as lease:
            assert lease is not None, "within its patience"
            await checking
            assert why == [Why.PREEMPTED]
            async with one.lease(claim(("a", 1), priority=Priority.USE), patience=0.3) as another:
                assert another is None, "viewers do not push one another"
            assert not lease.over.is_set()


async def test_no_check_slips_in_while_a_viewer_waits(store: Store) -> None:
    async with node(store, "one") as one, node(store, "two") as two:
        taken = 0

        async def greedy(ledger: Slots) -> None:
            nonlocal taken
            while True:
                async with ledger.lease(claim(("a", 2))) as lease:
                    if lease is not None:
                        taken += 1
                        await lease.over.wait()
                await asyncio.sleep(0)

        checks = [asyncio.create_task(greedy(ledger)) for ledger in (one, one, two, two)]
        await until(lambda: taken >= 2)
        for _ in range(3):
            async with two.lease(claim(("a", 2), priority=Priority.USE), patience=5.0) as lease:
                assert lease is not None
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)


async def test_nobody_is_pushed_in_vain(store: Store) -> None:
    """The login is taken by a viewer: interrupting the check on the profile would help nobody."""
    async with node(store, "n") as ledger:
        viewer = claim(("login", 1), priority=Priority.USE)
        async with ledger.lease(viewer), ledger.lease(claim(("profile", 1))) as check:
            assert check is not None
            both = claim(("login", 1), ("profile", 1), priority=Priority.USE)
            async with ledger.lease(both, patience=0.3) as lease:
                assert lease is None
            assert not check.over.is_set()
            assert len(await ledger.holders()) == 2, "what waited in vain is gone"


# -- keeping, losing ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
async def test_a_lease_is_kept_for_as_long_as_it_is_held(store: Store) -> None:
    async with node(store, "one") as one, node(store, "two") as two, one.lease(claim(("a", 1))) as lease:
        assert lease is not None
        for _ in range(15):
            await asyncio.sleep(0.2)
            async with two.lease(claim(("a", 1))) as other:
                assert other is None
        assert not lease.over.is_set()


@pytest.mark.usefixtures("quick")
async def test_a_crash_leaks_no_slot_for_longer_than_the_expiry(store: Store) -> None:
    dead = Slots(store, Bus(), node="dead")
    slot = dead.lease(claim(("a", 1)))
    assert await slot.__aenter__()  # and nobody renews it
    async with store.read() as connection:
        (expiry,) = (await connection.execute(sa.select(slot_lease.c.expires_at))).scalars()
    async with node(store, "two") as two, two.lease(claim(("a", 1)), patience=10) as lease:
        assert lease is not None, "what nobody renews expires"
        (taken,) = await two.holders()
        assert taken.taken_at >= expiry, "and no sooner"


@pytest.mark.usefixtures("quick")
async def test_a_lease_that_cannot_be_renewed_is_over_before_it_expires(postgres: str) -> None:
    store = await ledger_at(postgres)
    async with node(store, "one") as one, one.lease(claim(("a", 1))) as lease:
        assert lease is not None
        with locked_out(postgres):
            async with asyncio.timeout(slots.LIFETIME):
                await lease.over.wait()
            assert lease.why is Why.EXPIRED
    await store.close()


@pytest.mark.usefixtures("quick")
async def test_a_lease_that_vanished_from_the_ledger_is_over(store: Store) -> None:
    async with node(store, "one") as one, one.lease(claim(("a", 1))) as lease:
        assert lease is not None
        async with store.write() as connection:
            await connection.execute(sa.delete(slot_lease))
        async with asyncio.timeout(slots.LIFETIME):
            await lease.over.wait()


async def test_a_cancelled_holder_gives_its_slot_back(store: Store) -> None:
    async with node(store, "n") as ledger:

        async def hold() -> None:
            async with ledger.lease(claim(("a", 1))):
                await asyncio.sleep(60)

        holding = asyncio.create_task(hold())
        await until(lambda: ledger._held)
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        assert await ledger.holders() == []
        assert await ledger.free([Limit("a", 1)])


async def test_a_claim_that_is_cancelled_when_it_was_just_met_leaks_no_slot(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first claim is withdrawn, as the second one was met; there the cancel comes."""
    async with node(store, "n") as ledger, ledger.lease(claim(("a", 1), priority=Priority.USE)):
        withdrawing, release = asyncio.Event(), ledger._release

        async def slowly(lease: Lease) -> None:
            withdrawing.set()
            await asyncio.sleep(0.1)
            await release(lease)

        async def hold() -> None:
            wishes = [claim((name, 1), priority=Priority.USE) for name in ("a", "b")]
            async with ledger.first(wishes, patience=5):
                await asyncio.sleep(60)

        monkeypatch.setattr(ledger, "_release", slowly)
        holding = asyncio.create_task(hold())
        await withdrawing.wait()
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        await until(lambda: len(ledger._held) == 1)
        assert [holder.resource for holder in await ledger.holders()] == ["a"]


# -- over processes ----------------------------------------------------------------------------------------------------


@dataclass
class Source:
    """Counts its connections."""

    open: int = 0
    most: int = 0
    served: int = 0
    port: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.served += 1
        self.most = max(self.most, self.open)
        try:
            with contextlib.suppress(ConnectionError):
                writer.write(await reader.read(1))
                await reader.read()
        finally:
            self.open -= 1
            writer.close()


@pytest.mark.slow
async def test_a_source_never_sees_more_connections_than_its_limit(tmp_path: Path, database: str | None) -> None:
    """Two processes with 25 takers each, viewers and checks, killed at random moments and started again."""
    url = database_url(tmp_path, database)
    await (await ledger_at(url)).close()
    source, most = Source(), 4
    server = await asyncio.start_server(source.serve, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])

    async def start(name: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(sys.executable, str(TAKER), url, name, port, str(most), "25")

    running = {name: await start(name) for name in ("one", "two")}
    try:
        random.seed(20261122)
        await until(lambda: source.served >= 20)
        for kill in range(8):
            await asyncio.sleep(random.uniform(0.2, 1.2))
            name = random.choice(list(running))
            running[name].kill()
            await running[name].wait()
            # as a machine that comes back, or as another one in its place: then only the expiry frees the slots
            name_again = name if kill % 2 else f"{name}-{kill}"
            del running[name]
            running[name_again] = await start(name_again)
        served = source.served
        await until(lambda: source.served >= served + 20 and source.most >= most)
    finally:
        for process in running.values():
            process.kill()
            await process.wait()
        server.close()
    assert source.most == most, "as many as allowed, never one more"


async def test_a_long_write_of_somebody_else_ends_no_lease(
    tmp_path: Path, database: str | None, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer: while a large list is stored, viewers go on."""
    monkeypatch.setattr(slots, "LIFETIME", 4.0)
    async with running(tmp_path, database_url=database, domains=(upkeep.DOMAIN,)) as node:
        ledger = node.runtime.slots
        async with ledger.lease(claim(("account", 1))) as lease:
            assert lease is not None
            async with node.runtime.store.write():
                held = asyncio.get_running_loop().time() + 2 * slots.LIFETIME
                await until(lambda: asyncio.get_running_loop().time() > held)
                assert lease.why is None
                assert [holder.lease for holder in await ledger.holders()] == [lease.id]
