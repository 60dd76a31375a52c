"""The database: one engine, short transactions, migrations. SQLite in WAL mode, or PostgreSQL by URL."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.dialects import migrating_engine, postgres_engine, sqlite_engine, watchful
from nightcrew.kernel.errors import NeedsUser, Retry
from nightcrew.kernel.redaction import redact

if TYPE_CHECKING:
    from alembic.config import Config

CHECKPOINT = 2.0
"""Seconds after a commit on SQLite until its log is emptied into the file."""
log = structlog.get_logger("nightcrew")

IDLE_TOO_LONG = "25P03"
"""PostgreSQL's SQLSTATE for a transaction that it has ended because nothing came in time."""

GIVE_BACK = 10.0
"""Seconds within which a connection that is given back has to answer."""

MIGRATION_LOCK = 0x6E696768
"""Key of the PostgreSQL advisory lock under which one node at a time migrates."""

CHANNEL = "nightcrew"
"""The channel of PostgreSQL's NOTIFY on which nodes tell each other of new work."""
_WAKES = "nightcrew.wakes"
_SYNCHRONOUS = "nightcrew.synchronous"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class DatabaseAway(Retry):
    """The database does not answer, or cannot write (a full disk). What needs it may work later."""


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware UTC time, on both databases the same when read back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A 64-bit key. SQLite only numbers rows by itself when the type reads INTEGER."""


class Store:
    """Transactions on the database of this installation.

    `read()`, `snapshot()` and `write()` give a connection inside a transaction. Only store modules use it. They raise `DatabaseAway`.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = sqlite_engine(self.url) if self.is_sqlite else postgres_engine(self.url)
        self.identity = uuid.uuid4().hex[:12]
        """What tells this process's wake-ups from those of other nodes."""
        self.on_wake: Callable[[str], None] = lambda _topic: None
        """Called on the event loop once a transaction is committed in which `wake` was called."""
        self._writing = asyncio.Lock()
        self._emptying: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with; each statement sees one consistent state. Nothing is written."""
        with _outage_named():
            async with self._connected() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """As `read`, but all statements see the state that the first of them saw."""
        async with self.read() as connection:
            begin = "BEGIN" if self.is_sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            await connection.exec_driver_sql(begin)
            try:
                yield connection
            finally:
                await connection.rollback()

    @contextlib.asynccontextmanager
    async def write(self, *, durable: bool = True) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block, or leaves nothing when it raises.

        SQLite has one writer: callers in this process queue on a lock instead of polling the file. With `durable=False` its
        commit does not wait for the disk: a crash of the program loses nothing, a power cut may lose the last seconds. That is
        for leases, whose holder a power cut ends as well. PostgreSQL outlives its clients and the other way round, so there
        every commit is durable.
        """
        with _outage_named():
            if not self.is_sqlite:
                async with self._connected() as connection, self._waking(connection):
                    yield connection
                    await connection.commit()
                return
            async with self._writing, self._connected() as connection, self._waking(connection):
                await _sync(connection, "FULL" if durable else "NORMAL")
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                    await connection.commit()
                finally:
                    await connection.rollback()  # after a commit there is nothing to undo
                    self._emptying = self._emptying or asyncio.create_task(self._empty(), name="checkpoint")

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool, which is given back with what was not committed undone, also when the caller is cancelled."""
        connection = await self.engine.connect()
        try:
            yield connection
        finally:
            limit = (
                None if self.is_sqlite else GIVE_BACK
            )  # a statement of SQLite ends; closed before, it keeps the lock
            await asyncio.shield(asyncio.create_task(_given_back(connection, limit), name="give a connection back"))

    async def _empty(self) -> None:
        """Move what was committed from SQLite's log into its file, beside the writers: none has to do that in its own commit."""
        await asyncio.sleep(CHECKPOINT)
        self._emptying = None
        with contextlib.suppress(DatabaseAway):  # who writes next is told, and does it
            async with self.read() as connection:
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    @contextlib.asynccontextmanager
    async def _waking(self, connection: AsyncConnection) -> AsyncIterator[None]:
        """Once the block is over, and unless it raises, wake those who wait for what it has made due."""
        topics: set[str] = set()
        info = connection.info  # a connection that broke meanwhile has none to give
        info[_WAKES] = (self.identity, topics)
        try:
            yield
        finally:
            info.pop(_WAKES, None)
        for topic in topics:
            self.on_wake(topic)

    def conninfo(self) -> str:
        """The address of the PostgreSQL server as libpq takes it."""
        return watchful(self.url).set(drivername="postgresql").render_as_string(hide_password=False)

    def upsert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT of this database's dialect that knows `on_conflict_do_update`."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def renew(self) -> None:
        """Open new connections from now on: those that are open may be dead without a word."""
        await self.engine.dispose()

    async def close(self) -> None:
        """Return all connections."""
        if self._emptying is not None:
            self._emptying.cancel()
            self._emptying = None
        await self.engine.dispose()


async def _given_back(connection: AsyncConnection, limit: float | None) -> None:
    """Where the database does not answer to the rollback, the connection is closed: who was cancelled would wait for ever."""
    try:
        async with asyncio.timeout(limit):
            await connection.close()
    except TimeoutError:
        log.warning("the database did not answer when a connection was given back, so it was closed")


async def _sync(connection: AsyncConnection, mode: str) -> None:
    """Set what SQLite's next commits on this connection wait for: FULL the disk, NORMAL nothing."""
    if connection.info.get(_SYNCHRONOUS, "FULL") != mode:
        connection.info[_SYNCHRONOUS] = "unknown"  # should this be cancelled in between
        await connection.exec_driver_sql(f"PRAGMA synchronous={mode}")
        connection.info[_SYNCHRONOUS] = mode


@contextlib.contextmanager
def _outage_named() -> Iterator[None]:
    """Errors of the database's operation, not of our statements, become `DatabaseAway`."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as exc:
        raise DatabaseAway(f"the database cannot be used now: {reason_of(exc)}", after=5) from exc
    except sa.exc.InternalError as exc:
        if getattr(exc.orig, "sqlstate", "") != IDLE_TOO_LONG:
            raise
        raise DatabaseAway(f"the database cannot be used now: {reason_of(exc)}", after=5) from exc


async def wake(connection: AsyncConnection, topic: str) -> None:
    """Once this transaction is committed, wake the workers of a topic: here, and on PostgreSQL at the other nodes."""
    identity, topics = connection.info.get(_WAKES, ("", set()))
    if topic in topics:
        return
    topics.add(topic)
    if connection.dialect.name == "postgresql":
        said = {"channel": CHANNEL, "said": f"{identity} {topic}"}
        await connection.execute(sa.text("SELECT pg_notify(:channel, :said)"), said)


async def now_of(connection: AsyncConnection) -> datetime:
    """Now, by the database's clock: what leases of several nodes are measured by. SQLite's is this machine's."""
    if connection.dialect.name != "postgresql":
        return utcnow()
    now: datetime = (await connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return now.astimezone(UTC)


def reason_of(exc: sa.exc.SQLAlchemyError) -> str:
    """What the driver said, in one line and without a password."""
    said = str(getattr(exc, "orig", None) or exc)
    return redact(said).strip().partition("\n")[0]


async def insert_many(connection: AsyncConnection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """INSERT many rows, the columns being those of the first, without SQLAlchemy's work on each value.

    That work holds the event loop (bench/choices.py). Only for columns whose values the driver takes as they are
    (text, numbers, booleans, bytes), not for `Moment`.
    """
    if not rows:
        return
    statement = _compiled_insert(table, tuple(rows[0]), connection.dialect.name)
    keys = statement.positiontup
    if keys is None:
        await connection.exec_driver_sql(statement.string, list(rows))
    else:
        values = await asyncio.to_thread(lambda: [tuple([row[key] for key in keys]) for row in rows])
        await connection.exec_driver_sql(statement.string, values)


async def plain_rows(
    connection: AsyncConnection, query: sa.Select[Any], size: int
) -> AsyncIterator[Sequence[Sequence[Any]]]:
    """The rows of a query, `size` at a time, on SQLite as its driver gives them.

    Only for columns, and for values in its conditions, that the driver takes and gives as they are (as `insert_many`).
    """
    if connection.dialect.name != "sqlite":
        result = await connection.stream(query, execution_options={"yield_per": size})
        async for rows in result.partitions(size):
            yield rows
        return
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    values = compiled.construct_params()
    given = [values[name] for name in (compiled.positiontup or ())]
    driver = (await connection.get_raw_connection()).driver_connection
    try:
        cursor = await driver.execute(str(compiled), given)  # type: ignore[union-attr]
        try:
            while rows := await cursor.fetchmany(size):
                yield rows
        finally:
            await cursor.close()
    except sqlite3.Error as exc:
        raise sa.exc.OperationalError(str(compiled), given, exc) from exc


@functools.cache
def _compiled_insert(table: sa.Table, columns: tuple[str, ...], dialect: str) -> SQLCompiler:
    known: sa.Dialect = sqlite.dialect() if dialect == "sqlite" else psycopg.dialect()  # type: ignore[no-untyped-call]
    compiled = sa.insert(table).compile(dialect=known, column_keys=list(columns))
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"an INSERT into {table.name} compiled to {type(compiled).__name__}")
    return compiled


def database_url(data_dir: Path, url: str | None) -> str:
    """The SQLAlchemy URL for `--database-url`, or for the SQLite file in the data directory.

    Raises `NeedsUser` for a URL that is neither SQLite nor PostgreSQL.
    """
    if not url:
        if "?" in str(data_dir):
            raise NeedsUser(f"the data directory must not have a question mark in its path: {data_dir}")
        return f"sqlite+aiosqlite:///{data_dir / 'nightcrew.db'}"
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as exc:
        raise NeedsUser("the database URL cannot be read; it looks like postgresql://user:password@host/name") from exc
    backend = parsed.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if backend == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite").render_as_string(hide_password=False)
    raise NeedsUser(f"the database must be SQLite or PostgreSQL, not {backend}")


_VERSIONS = sa.table("alembic_version", sa.column("version_num"))
_REVISION = re.compile(r'^revision\b[^"]*"(\w+)"', re.MULTILINE)


def migrate(url: sa.URL, folders: Sequence[Path]) -> None:
    """Bring the schema up to date. Blocking; over several nodes one does it and the others wait.

    `folders` hold alembic scripts, one branch each: the kernel's, then one of each domain.
    """
    engine = migrating_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
                connection.commit()
            current = _is_current(connection, folders)
            connection.rollback()  # each migration is a transaction of its own, and over before another node may look
            if not current:
                upgrade(connection, folders)
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
    finally:
        engine.dispose()


def _is_current(connection: sa.Connection, folders: Sequence[Path]) -> bool:
    """Whether the database has the last revision of each branch, read without alembic: it takes 10 MB that no node needs again."""
    last = [max(folder.glob("[0-9]*.py")).read_text("utf-8") for folder in folders]
    heads = {found[1] for text in last if (found := _REVISION.search(text))}
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        return False
    return set(connection.execute(sa.select(_VERSIONS.c.version_num)).scalars()) == heads


def upgrade(connection: sa.Connection, folders: Sequence[Path], revisions: Sequence[str] = ("heads",)) -> None:
    """Run the migrations up to `revisions`: as part of the connection's transaction if it is in one, else each in its own."""
    from alembic import command  # only where there is something to change

    config = alembic_config(folders)
    config.attributes["connection"] = connection
    for revision in revisions:
        command.upgrade(config, revision)


def alembic_config(folders: Sequence[Path]) -> Config:
    """Alembic set up by code: no ini file, so it works from an installed wheel."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(folder) for folder in folders))
    return config
