"""The database: migrations, transactions, times. Each test runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from nightcrew import app
from nightcrew.kernel import dialects
from nightcrew.kernel import store as kernel_store
from nightcrew.kernel.dialects import sync_url
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.settings import setting
from nightcrew.kernel.store import Moment, Store, database_url, metadata, migrate, plain_rows
from support import until

FOLDERS = [
    Path(kernel_store.__file__).parent / "migrations" / "versions",
    *(domain.migrations for domain in app.DOMAINS if domain.migrations),
]
NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


def row(key: str) -> dict[str, object]:
    return {"key": key, "value": "1", "changed_at": NOW, "changed_by": "test"}


@pytest.fixture
async def store(tmp_path: Path, database: str | None) -> AsyncIterator[Store]:
    made = Store(database_url(tmp_path, database))
    await asyncio.to_thread(migrate, made.url, FOLDERS)
    yield made
    await made.close()


async def keys(store: Store) -> list[str]:
    async with store.read() as connection:
        return list((await connection.execute(sa.select(setting.c.key).order_by(setting.c.key))).scalars())


def comparable(_what: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    """An index over an expression cannot be compared; other tests see that each is used."""
    return kind != "index" or name not in {"ix_check_stream_queue", "ix_movie_search_queue", "ix_movie_source_queue"}


def differences(url: sa.URL) -> list[object]:
    engine = sa.create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True, "include_object": comparable}
            context = MigrationContext.configure(connection, opts=options)
            return list(compare_metadata(context, metadata))
    finally:
        engine.dispose()


async def test_migrations_make_exactly_the_tables_of_the_code(store: Store) -> None:
    assert differences(store.url) == []


async def test_the_comparison_would_see_a_difference(store: Store) -> None:
    async with store.write() as connection:
        await connection.execute(sa.text("ALTER TABLE activity ADD COLUMN extra INTEGER"))
    assert len(differences(store.url)) == 1


async def test_migrating_again_changes_nothing_and_keeps_the_data(store: Store) -> None:
    async with store.write() as connection:
        await connection.execute(sa.insert(setting).values(row("a")))
    await asyncio.to_thread(migrate, store.url, FOLDERS)
    assert await keys(store) == ["a"]
    assert differences(store.url) == []


async def test_nodes_that_start_at_once_migrate_once(postgres: str) -> None:
    url = sa.make_url(database_url(Path(), postgres))
    await asyncio.gather(*(asyncio.to_thread(migrate, url, FOLDERS) for _ in range(3)))
    assert differences(url) == []


async def test_what_was_committed_reaches_the_file_without_a_further_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_store, "CHECKPOINT", 0.05)
    made = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, made.url, FOLDERS)
    file = tmp_path / "nightcrew.db"
    before = file.stat().st_size
    async with made.write() as connection:
        await connection.execute(sa.insert(setting), [row(f"k{number}") for number in range(2_000)])
    await until(lambda: file.stat().st_size > before)
    await made.close()


async def test_only_a_write_that_may_be_lost_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    made = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, made.url, FOLDERS)

    async def waits(*, durable: bool) -> bool:
        async with made.write(durable=durable) as connection:
            await connection.execute(sa.update(setting).values(changed_by="me"))
            return bool((await connection.exec_driver_sql("PRAGMA synchronous")).scalar() == 2)

    wanted = [True, False, False, True, True, False, True]
    assert [await waits(durable=durable) for durable in wanted] == wanted
    for number in range(40):
        lazy = asyncio.create_task(waits(durable=False))
        await asyncio.sleep(number / 20_000)
        lazy.cancel()
        await asyncio.gather(lazy, return_exceptions=True)
        assert await waits(durable=True), "a write that was cancelled leaves its connection as it was"
    await made.close()


async def test_a_process_that_is_killed_loses_no_write(tmp_path: Path) -> None:
    """Not even one that a power cut may take."""
    program = """
import asyncio, os, signal, sys, sqlalchemy as sa
from pathlib import Path
from nightcrew.kernel.settings import setting
from nightcrew.kernel.store import Store, database_url
async def main():
    made = Store(database_url(Path(sys.argv[1]), None))
    async with made.write(durable=False) as connection:
        await connection.exec_driver_sql("INSERT INTO setting (key, value, changed_at, changed_by) VALUES ('k', '1', '2026-03-04 05:06:07', 'me')")
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    made = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, made.url, FOLDERS)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path))
    assert await process.wait() == -signal.SIGKILL
    assert await keys(made) == ["k"]
    await made.close()


async def test_writes_that_are_cancelled_anywhere_keep_no_other_from_writing(store: Store) -> None:
    """Not even while a traceback with their statements lives: on SQLite the next one would find the database locked."""
    async with store.write() as connection:
        await connection.execute(sa.insert(setting), [row(f"k{number}") for number in range(2_000)])

    async def work() -> None:
        async with store.write() as connection:
            changed = sa.update(setting).values(changed_by="work").returning(setting.c.key)
            (await connection.execute(changed)).scalars()
            await connection.execute(sa.select(setting))
            await connection.execute(sa.update(setting).values(changed_by="more"))

    kept = []
    for number in range(120):
        task = asyncio.create_task(work())
        await asyncio.sleep(number % 40 / 1_200)  # each is somewhere else by then
        task.cancel()
        kept += await asyncio.gather(task, return_exceptions=True)
        async with store.write() as connection:
            await connection.execute(sa.update(setting).where(setting.c.key == "k1").values(changed_by="next"))
    assert any(isinstance(one, asyncio.CancelledError) for one in kept)


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_a_write_that_raises_leaves_nothing(store: Store, error: type[BaseException]) -> None:
    with pytest.raises(error):
        async with store.write() as connection:
            await connection.execute(sa.insert(setting).values(row("a")))
            raise error
    assert await keys(store) == []
    async with store.write() as connection:
        await connection.execute(sa.insert(setting).values(row("b")))
    assert await keys(store) == ["b"]


async def test_a_failed_statement_takes_the_whole_write_with_it(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with store.write() as connection:
            await connection.execute(sa.insert(setting).values(row("a")))
            await connection.execute(sa.insert(setting).values(row("a")))
    assert await keys(store) == []


async def test_an_unfinished_write_is_not_seen(store: Store) -> None:
    async with store.write() as connection:
        await connection.execute(sa.insert(setting).values(row("a")))
        assert await keys(store) == []
    assert await keys(store) == ["a"]


async def test_many_writers_at_once_lose_nothing(store: Store) -> None:
    async def write(number: int) -> None:
        async with store.write() as connection:
            await connection.execute(sa.insert(setting).values(row(f"{number:03}")))
            await asyncio.sleep(0)

    await asyncio.gather(*(write(number) for number in range(60)))
    assert await keys(store) == [f"{number:03}" for number in range(60)]


async def test_writers_of_two_processes_wait_for_each_other(tmp_path: Path) -> None:
    """Two stores on one file stand for the server and a command line beside it."""
    url = database_url(tmp_path, None)
    one, two = Store(url), Store(url)
    await asyncio.to_thread(migrate, one.url, FOLDERS)

    async def write(store: Store, name: str) -> None:
        for number in range(15):
            async with store.write() as connection:
                count = (await connection.execute(sa.select(sa.func.count()).select_from(setting))).scalar()
                await connection.execute(sa.insert(setting).values(row(f"{name}{number}") | {"value": str(count)}))

    await asyncio.gather(write(one, "a"), write(two, "b"))
    async with one.read() as connection:
        counts = sorted(int(v) for v in (await connection.execute(sa.select(setting.c.value))).scalars())
    assert counts == list(range(30))
    await one.close()
    await two.close()


async def test_a_file_that_somebody_else_is_setting_up_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself does not wait there: it says at once that the file is locked."""
    url = database_url(tmp_path, None)
    busy = sqlite3.connect(tmp_path / "nightcrew.db", check_same_thread=False, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    busy.execute("CREATE TABLE one (two)")
    store = Store(url)

    async def look() -> list[str]:
        async with store.read() as connection:
            return list((await connection.execute(sa.text("SELECT name FROM sqlite_master"))).scalars())

    looking = asyncio.create_task(look())
    await asyncio.wait([looking], timeout=0.5)
    assert not looking.done()
    busy.execute("COMMIT")
    busy.close()
    assert await looking == ["one"]
    await store.close()


async def test_an_upsert_replaces(store: Store) -> None:
    for value in ("1", "2"):
        values = row("a") | {"value": value}
        statement = store.upsert(setting).values(values)
        async with store.write() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))
    async with store.read() as connection:
        assert (await connection.execute(sa.select(setting.c.value))).scalars().all() == ["2"]


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_plain_rows_are_those_of_the_query(store: Store, size: int) -> None:
    async with store.write() as connection:
        await connection.execute(sa.insert(setting), [row(f"k{number}") for number in range(7)])
    query = sa.select(setting.c.key, sa.literal(5)).where(
        setting.c.key.in_(["k1", "k2", "k5", "k6"]), setting.c.key > "k1"
    )
    async with store.read() as connection:
        pages = [list(rows) async for rows in plain_rows(connection, query.order_by(setting.c.key), size)]
    assert [tuple(one) for rows in pages for one in rows] == [("k2", 5), ("k5", 5), ("k6", 5)]
    assert max(map(len, pages)) <= size


async def test_a_failure_among_plain_rows_is_one_of_the_database(store: Store) -> None:
    async with store.read() as connection:
        with pytest.raises(sa.exc.DBAPIError):
            _ = [rows async for rows in plain_rows(connection, sa.select(sa.table("nothing", sa.column("x"))), 5)]


async def test_foreign_keys_are_enforced(store: Store) -> None:
    feed = metadata.tables["playlist_guide_channel"]
    with pytest.raises(sa.exc.IntegrityError):
        async with store.write() as connection:
            await connection.execute(sa.insert(feed).values(feed_id=1, generation=1, guide_id="a", name="a", icon=""))


@pytest.mark.parametrize("offset", [0, 120, -330, 845])
async def test_moments_come_back_as_the_same_instant_in_utc(store: Store, offset: int) -> None:
    moment = NOW.astimezone(timezone(timedelta(minutes=offset)))
    async with store.write() as connection:
        await connection.execute(sa.insert(setting).values(row("a") | {"changed_at": moment}))
    async with store.read() as connection:
        read = (await connection.execute(sa.select(setting.c.changed_at))).scalar()
        found = (await connection.execute(sa.select(setting.c.key).where(setting.c.changed_at == moment))).scalar()
    assert read == moment
    assert read is not None
    assert read.tzinfo is UTC
    assert found == "a"


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)))
def test_a_moment_is_the_same_instant_after_binding_and_reading(moment: datetime) -> None:
    kind, dialect = Moment(), sa.create_engine("sqlite://").dialect
    bound = kind.process_bind_param(moment, dialect)
    assert bound is not None
    for stored in (bound, bound.replace(tzinfo=None)):
        assert kind.process_result_value(stored, dialect) == moment.astimezone(UTC)


@pytest.mark.parametrize("name", ["with space", "100%", "ümläut", "a#b"])
async def test_the_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    store = Store(database_url(folder, None))
    await asyncio.to_thread(migrate, store.url, FOLDERS)
    await store.close()
    assert (folder / "nightcrew.db").exists()


@pytest.mark.parametrize("url", ["mysql://a/b", "nonsense", "://", "http://x"])
def test_another_database_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(NeedsUser, match=r"postgresql://|must be SQLite or PostgreSQL"):
        database_url(Path(), url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_both_spellings_of_postgresql_are_taken(scheme: str) -> None:
    assert database_url(Path(), f"{scheme}://u:p@h/db") == "postgresql+psycopg://u:p@h/db"


async def test_a_server_that_vanishes_is_noticed_by_both_sides(postgres: str) -> None:
    """What libpq and PostgreSQL do about a connection that is dead without a word."""
    store = Store(database_url(Path(), postgres))
    async with store.read() as connection:
        raw = await connection.get_raw_connection()
        parameters = raw.driver_connection.info.get_parameters()
        idle = await connection.scalar(sa.text("SHOW idle_in_transaction_session_timeout"))
    await store.close()
    for name in ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"):
        assert 0 < int(parameters[name]) <= 20_000, name
    assert idle == "20s"
    assert dialects.SESSION.keys() >= {
        "tcp_keepalives_idle",
        "tcp_keepalives_count",
        "tcp_user_timeout",
    }  # 0 on a socket file


async def test_a_database_that_is_up_to_date_is_known_as_such_without_alembic(
    tmp_path: Path, database: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is behind, ahead or empty is not."""
    url = sa.make_url(database_url(tmp_path, database))
    engine = sa.create_engine(sync_url(url))

    def current() -> bool:
        with engine.connect() as connection:
            return kernel_store._is_current(connection, FOLDERS)

    def change(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(sa.text(statement))

    assert not current()
    migrate(url, FOLDERS)
    assert current()
    heads = set(ScriptDirectory.from_config(kernel_store.alembic_config(FOLDERS)).get_heads())
    with engine.connect() as connection:
        assert set(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars()) == heads
    monkeypatch.setattr(kernel_store, "upgrade", lambda *_: pytest.fail("there is nothing to change"))
    migrate(url, FOLDERS)
    change("UPDATE alembic_version SET version_num = 'kernel_0001' WHERE version_num LIKE 'kernel%'")
    assert not current()
    change("UPDATE alembic_version SET version_num = 'kernel_9999' WHERE version_num LIKE 'kernel%'")
    assert not current()
    change("DELETE FROM alembic_version")
    assert not current()
    engine.dispose()


async def test_nodes_that_start_at_once_on_an_empty_database_migrate_it_once(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = kernel_store.upgrade

    def alone(connection: sa.Connection, folders: list[Path]) -> None:
        assert not connection.in_transaction(), (
            "what is not committed before the lock is given back is not seen by the next one"
        )
        upgrade(connection, folders)

    monkeypatch.setattr(kernel_store, "upgrade", alone)
    url = sa.make_url(database_url(tmp_path, postgres))
    await asyncio.gather(*(asyncio.to_thread(migrate, url, FOLDERS) for _ in range(3)))
