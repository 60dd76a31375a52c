"""Several machines on one database: names are held, time is the database's, the dead are noticed and what they had goes on."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from furnished import new_database
from nightcrew import app
from nightcrew.kernel import clock, dialects, nodes, nodes_store, upkeep
from nightcrew.kernel import store as store_module
from nightcrew.kernel.activity import Activity
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.events import Bus
from nightcrew.kernel.nodes_store import KnownNode
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway, Store, database_url
from support import Node, domain, free_port, running, until


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_SECRET_KEY", Fernet.generate_key().decode())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life each 0.2 s, and dead after two."""
    monkeypatch.setattr(nodes, "HEARTBEAT", 0.2)
    monkeypatch.setattr(nodes, "SILENT", 2.0)
    monkeypatch.setattr(nodes, "PROOF", 1.5)


@pytest.fixture
def own_time() -> Iterator[None]:
    yield
    clock.follow_nobody()


@pytest.fixture
async def store(postgres: str) -> AsyncIterator[Store]:
    found = Store(database_url(Path(), postgres))
    yield found
    await found.close()


async def told(node: Node, kind: str) -> list[str]:
    return [entry["message"] for entry in (await node.get(f"/api/v1/activity?kind={kind}"))["items"]]


async def needs(node: Node) -> list[str]:
    return [need["message"] for need in (await node.get("/api/v1/needs"))["items"]]


@contextlib.asynccontextmanager
async def another(store: Store, name: str = "attic") -> AsyncIterator[nodes.Nodes]:
    """A second machine that lives: its signs of life, and nothing else of it."""
    place = f"elsewhere {name}"
    await nodes_store.claim(store, name, place=place, instance=name, silent=60)
    found = nodes.Nodes(node=name, place=place, instance=name, store=store, activity=Activity(store, Bus()))
    living = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)


async def test_each_sign_of_life_is_one_for_who_watches_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    alive = tmp_path / "alive"
    monkeypatch.setenv("NIGHTCREW_ALIVE_FILE", str(alive))
    async with running(tmp_path / "node"):
        await until(alive.exists)
        alive.unlink()
        await until(lambda: alive.exists() and alive.read_text().startswith("http://127.0.0.1:"))


# -- time --------------------------------------------------------------------------------------------------------------


def test_time_is_the_databases_and_our_own_clock_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, own_time: None
) -> None:
    right = clock.wall()
    monkeypatch.setattr(clock, "wall", lambda: right + timedelta(seconds=120))
    up = clock.uptime()
    assert clock.follow(right, up) == pytest.approx(120, abs=5)
    monkeypatch.setattr(clock, "uptime", lambda: up + 10)
    assert clock.utcnow() == right + timedelta(seconds=10)
    monkeypatch.setattr(clock, "wall", lambda: right - timedelta(days=1))  # somebody sets it meanwhile
    assert clock.utcnow() == right + timedelta(seconds=10)


def test_time_does_not_jump_by_what_the_network_takes(monkeypatch: pytest.MonkeyPatch, own_time: None) -> None:
    right, up = clock.wall(), clock.uptime()
    clock.follow(right, up)
    monkeypatch.setattr(clock, "uptime", lambda: up + 1)
    before = clock.utcnow()
    clock.follow(right + timedelta(seconds=1.02), up + 1)
    assert clock.utcnow() == before
    clock.follow(right + timedelta(seconds=31), up + 1)  # the database's clock was set
    assert clock.utcnow() == right + timedelta(seconds=31)


@pytest.mark.parametrize("wrong", [120.0, -120.0], ids=["ahead", "behind"])
async def test_a_node_whose_clock_is_wrong_declares_nobody_dead_and_a_person_is_told(
    tmp_path: Path, postgres: str, store: Store, monkeypatch: pytest.MonkeyPatch, quick: None, wrong: float
) -> None:
    right = clock.wall
    async with running(tmp_path, database_url=postgres, domains=(upkeep.DOMAIN,)) as node, another(store):
        monkeypatch.setattr(clock, "wall", lambda: right() + timedelta(seconds=wrong))
        await until(lambda: len(node.runtime.nodes.known) == 2)
        assert abs((utcnow() - right()).total_seconds()) < 30, "it goes by the database's clock"
        await until(lambda: any(row.skew and abs(row.skew - wrong) < 30 for row in node.runtime.nodes.known))
        seen = node.runtime.nodes.known[0].seen_at
        await until(lambda: node.runtime.nodes.known[0].seen_at > seen + timedelta(seconds=1))
        assert await told(node, "node.silent") == []
        rows = (await node.get("/api/v1/nodes"))["items"]
        assert {row["state"] for row in rows} == {"alive"}
        assert any(abs(row["clock_ahead_s"] - wrong) < 30 for row in rows if row["self"])
        assert any("The clock of" in said and "2 min" in said for said in await needs(node))


# -- names -------------------------------------------------------------------------------------------------------------


async def test_a_copied_data_folder_gets_a_name_of_its_own_while_the_first_lives(
    tmp_path: Path, postgres: str, store: Store, quick: None
) -> None:
    (tmp_path / "node-id").write_text("attic")
    async with running(tmp_path / "first", database_url=postgres, domains=(upkeep.DOMAIN,)):
        pass  # makes the tables
    async with another(store, "attic"), running(tmp_path, database_url=postgres, domains=(upkeep.DOMAIN,)) as copy:
        assert copy.runtime.node != "attic"
        assert (tmp_path / "node-id").read_text() == copy.runtime.node
        assert {row.id for row in await nodes_store.every(store)} >= {"attic", copy.runtime.node}


async def test_a_data_folder_that_moved_keeps_its_name_once_the_first_is_dead(
    tmp_path: Path, postgres: str, quick: None
) -> None:
    async with running(tmp_path / "one", database_url=postgres, domains=(upkeep.DOMAIN,)) as one:
        name = one.runtime.node
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    async with running(tmp_path / "two", database_url=postgres, domains=(upkeep.DOMAIN,)) as two:
        assert two.runtime.node == name


async def test_a_restart_in_the_same_place_waits_for_nobody(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> bool:
        raise AssertionError("it waited for a sign of life of itself")

    monkeypatch.setattr(nodes, "_lives", never)
    names = []
    for _ in range(2):
        async with running(tmp_path, database_url=postgres, domains=(upkeep.DOMAIN,)) as node:
            names.append(node.runtime.node)
    assert len(set(names)) == 1


async def test_a_node_that_loses_its_name_stops_instead_of_working_twice(
    tmp_path: Path, postgres: str, quick: None
) -> None:
    config = app.Config(data_dir=tmp_path, port=free_port(), database_url=postgres, domains=(upkeep.DOMAIN,))
    async with app.node(config) as (runtime, access):
        up, stop = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(app.run(config, runtime, access, stop, lambda _: up.set()))
        await up.wait()
        async with runtime.store.write() as connection:  # what a copy does that has waited long enough
            await connection.execute(sa.update(nodes_store.node).values(instance="another"))
        with pytest.raises(NeedsUser, match="another Nightcrew runs as"):
            async with asyncio.timeout(20):
                await serving


async def test_a_wrong_key_is_refused_at_the_start(
    tmp_path: Path, database: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"database_url": database, "domains": (upkeep.DOMAIN,)}
    async with running(tmp_path, **config):
        pass
    monkeypatch.setenv("NIGHTCREW_SECRET_KEY", Fernet.generate_key().decode())
    with pytest.raises(NeedsUser, match="this key does not open"):
        async with running(tmp_path, **config):
            pass


# -- death -------------------------------------------------------------------------------------------------------------


async def fall_silent(store: Store, name: str) -> None:
    """A machine of that name was there and died."""
    async with store.write() as connection:
        seen_at = clock.wall() - timedelta(minutes=10)
        await connection.execute(sa.insert(nodes_store.node).values(id=name, seen_at=seen_at))


async def test_a_dead_node_is_told_with_what_it_had_until_it_is_forgotten(
    tmp_path: Path, postgres: str, store: Store, quick: None
) -> None:
    asked: list[str] = []

    async def gone(_runtime: Runtime, row: KnownNode) -> list[str]:
        asked.append(row.id)
        return ["3 recordings"]

    lab = domain(node_gone=gone)
    async with running(tmp_path, database_url=postgres, domains=(upkeep.DOMAIN, lab)) as node:
        await fall_silent(store, "attic")
        await until(lambda: any(row.gone_at for row in node.runtime.nodes.known))
        assert asked == ["attic"]
        assert any("attic is silent" in said and "3 recordings" in said for said in await told(node, "node.silent"))
        said = next(said for said in await needs(node) if "attic" in said)
        assert "3 recordings" in said
        page = (await node.http.get("/")).text
        assert "Forget" in page
        row = next(row for row in (await node.get("/api/v1/nodes"))["items"] if row["id"] == "attic")
        assert (row["state"], row["had"]) == ("gone", ["3 recordings"])
        assert (await node.http.delete(f"/api/v1/nodes/{node.runtime.node}")).status_code == 409
        assert (await node.http.delete("/api/v1/nodes/attic")).status_code == 204
        assert not any("attic" in said for said in await needs(node))
        await asyncio.sleep(0.5)
        assert asked == ["attic"], "it is taken over once"


async def test_a_node_that_was_stopped_by_hand_is_taken_over_from_and_no_alarm(
    tmp_path: Path, postgres: str, store: Store, quick: None
) -> None:
    async with running(tmp_path, database_url=postgres, domains=(upkeep.DOMAIN,)) as node:
        async with another(store, "attic") as stopped:
            await until(lambda: len(node.runtime.nodes.known) == 2)
        await stopped.stop()
        await until(lambda: len(node.runtime.nodes.known) == 1)
        entry = (await node.get("/api/v1/activity?kind=node.silent"))["items"][0]
        assert (entry["level"], entry["subject"]) == ("info", "attic")
        assert not any("attic" in said for said in await needs(node))


async def test_a_node_that_was_called_gone_is_back_with_its_next_sign_of_life(
    tmp_path: Path, postgres: str, store: Store, quick: None
) -> None:
    async with running(tmp_path, database_url=postgres, domains=(upkeep.DOMAIN,)) as node:
        async with store.write() as connection:
            await connection.execute(sa.update(nodes_store.node).values(gone_at=clock.wall(), taken_by="another"))
        await until(lambda: told(node, "node.back"))  # an empty list is not yet
        assert [row["state"] for row in (await node.get("/api/v1/nodes"))["items"]] == ["alive"]


async def test_a_mark_that_comes_between_two_statements_of_a_sign_of_life_is_not_lost(
    postgres_server: str, furnished: str
) -> None:
    database = new_database(postgres_server, like=furnished)
    store = Store(database_url(Path(), database))
    mark = sa.update(nodes_store.node).values(gone_at=clock.wall())
    refused: list[str] = []

    def between(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith("UPDATE"):
            return
        url = sa.make_url(database).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(url, connect_args={"options": "-c lock_timeout=200"})
        try:
            with engine.begin() as other:
                other.execute(mark)
        except sa.exc.OperationalError as exc:
            refused.append(type(exc.orig).__name__)
        finally:
            engine.dispose()

    await nodes_store.claim(store, "attic", place="here", instance="1", silent=60)
    sa.event.listen(store.engine.sync_engine, "before_cursor_execute", between)
    try:
        assert await nodes_store.beat(store, "attic", place="here", instance="1", skew=None) == (True, False)
    finally:
        sa.event.remove(store.engine.sync_engine, "before_cursor_execute", between)
    assert refused == ["LockNotAvailable"], "it waits for the end of the sign of life"
    async with store.write() as connection:
        await connection.execute(mark)
    assert await nodes_store.beat(store, "attic", place="here", instance="1", skew=None) == (True, True)
    await store.close()


async def test_a_transaction_of_a_node_that_vanished_keeps_no_lock(
    tmp_path: Path, postgres: str, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine is gone without a word: PostgreSQL ends the transaction, and who waits for its rows goes on."""
    monkeypatch.setitem(dialects.SESSION, "idle_in_transaction_session_timeout", "1s")
    async with running(tmp_path, database_url=postgres, domains=(upkeep.DOMAIN,)) as node:
        vanished = Store(database_url(Path(), postgres))
        change = sa.update(nodes_store.node).values(gone_at=None)
        with pytest.raises(DatabaseAway, match="idle-in-transaction"):
            async with vanished.write() as connection:
                await connection.execute(change)  # and no word after it
                async with asyncio.timeout(30), node.runtime.store.write() as other:
                    await other.execute(change)
                await connection.execute(change)
        await vanished.close()


class Frozen:
    """A TCP relay whose present connections can be made to carry nothing any more, without a word."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.carried: list[asyncio.Event] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._relay(reader, writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carries = asyncio.Event()
        carries.set()
        self.carried.append(carries)
        theirs, ours = await asyncio.open_unix_connection(self.target)

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while block := await source.read(65536):
                await carries.wait()
                sink.write(block)
                await sink.drain()
            sink.close()

        await asyncio.gather(carry(reader, ours), carry(theirs, writer), return_exceptions=True)

    def freeze(self) -> None:
        for carries in self.carried:
            carries.clear()


async def test_connections_that_die_without_a_word_do_not_end_the_signs_of_life(
    tmp_path: Path, postgres: str, store: Store, quick: None, own_time: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "LIMIT", 1.0)
    monkeypatch.setitem(dialects.SESSION, "idle_in_transaction_session_timeout", "2s")
    async with running(tmp_path, database_url=postgres, domains=(upkeep.DOMAIN,)):
        pass  # makes the tables
    url = sa.make_url(postgres)
    relay = Frozen(f"{url.query['host']}/.s.PGSQL.{url.port or 5432}")
    listening = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    through = Store(database_url(Path(), url.set(host="127.0.0.1", port=port, query={}).render_as_string(False)))

    async def seen() -> datetime:
        return next(row.seen_at for row in await nodes_store.every(store) if row.id == "attic")

    async with another(through):
        began = await seen()
        await until(lambda: relay.carried)
        relay.freeze()

        async def goes_on() -> bool:
            return await seen() > began + timedelta(seconds=3)

        await until(goes_on, limit=60)
    for carries in relay.carried:
        carries.set()
    await through.close()
    listening.close()


async def test_who_is_cancelled_does_not_wait_for_a_connection_that_is_dead(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two statements: the rollback gets no answer."""
    monkeypatch.setattr(store_module, "GIVE_BACK", 0.5)
    url = sa.make_url(postgres)
    relay = Frozen(f"{url.query['host']}/.s.PGSQL.{url.port or 5432}")
    async with await asyncio.start_server(relay.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        through = Store(database_url(Path(), url.set(host="127.0.0.1", port=port, query={}).render_as_string(False)))
        for transaction in (through.read, through.write):
            begun = asyncio.Event()

            async def work(transaction: Any = transaction, begun: asyncio.Event = begun) -> None:
                async with transaction() as connection:
                    await connection.execute(sa.text("SELECT 1"))
                    relay.freeze()
                    begun.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await begun.wait()
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=60)
            assert done and task.cancelled()
            for carries in relay.carried:
                carries.set()
            await through.renew()
        await through.close()
