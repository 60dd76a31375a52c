"""How SQLite and PostgreSQL are connected to: engines, what each connection is set to, and how long it waits."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_

from nightcrew.kernel.errors import NeedsUser

BUSY_TIMEOUT = 30.0
"""Seconds that a SQLite writer waits for another process's transaction."""
MOST_PAGES = 8_000
"""Pages (of 4 KiB) in the log from which on a commit empties it itself: about what one large write makes."""

CONNECTION = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""What libpq does about a PostgreSQL server that vanishes without a word: seconds, and milliseconds for the last one. The
user's URL may say otherwise."""

SESSION = {
    "idle_in_transaction_session_timeout": "20s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20s",
}
"""What PostgreSQL does about a node that vanishes without a word. Else its open transaction keeps its locks for hours, and the same
node, connected anew, waits for them in vain. No transaction of ours waits for anything but the database and the disk."""


def sync_url(url: sa.URL) -> sa.URL:
    """The same database for code that is not async (alembic, DBOS)."""
    return url.set(drivername="sqlite") if url.get_backend_name() == "sqlite" else watchful(url)


def migrating_engine(url: sa.URL) -> sa.Engine:
    """The same database for migrations, each of which is done whole or not at all.

    Python's driver for SQLite begins no transaction for a CREATE or DROP, so what a crash cut off could not be done again.
    """
    engine = sa.create_engine(sync_url(url))
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def leave_it_to_us(connection: Any, _record: Any) -> None:
            connection.isolation_level = None

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN")

    return engine


def watchful(url: sa.URL) -> sa.URL:
    """A PostgreSQL address with what libpq does about a server that vanishes."""
    return url.update_query_dict({name: value for name, value in CONNECTION.items() if name not in url.query})


class _Connection(sqlite3.Connection):
    """Ends its transaction when it is closed.

    SQLite itself keeps one, and the lock of the only writer with it, for as long as a statement is not done: where the task that
    ran it was cancelled, that is until the last traceback with its cursor is gone.
    """

    def close(self) -> None:
        """Roll back, and close."""
        with contextlib.suppress(sqlite3.Error):  # it was closed already
            self.rollback()
        super().close()


def sqlite_engine(url: sa.URL) -> AsyncEngine:
    """The engine for a SQLite file. Raises `NeedsUser` when this Python's SQLite is too old."""
    if sqlite3.sqlite_version_info < (3, 35):
        raise NeedsUser(f"SQLite 3.35 or newer is needed, this Python has {sqlite3.sqlite_version}")
    with contextlib.closing(sqlite3.connect(":memory:")) as trial:
        try:
            trial.execute("SELECT json_array(1)")
        except sqlite3.OperationalError as exc:
            raise NeedsUser("this Python's SQLite was built without JSON functions; use SQLite 3.38 or newer") from exc
    arguments = {"timeout": BUSY_TIMEOUT, "factory": _Connection}
    engine = create_async_engine(url, pool_size=8, max_overflow=8, connect_args=arguments, hide_parameters=True)

    @sa.event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by hand, see write()
        cursor = connection.cursor()
        _log_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")  # NORMAL loses acknowledged commits at a power cut, see write()
        cursor.execute(f"PRAGMA wal_autocheckpoint={MOST_PAGES}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute("PRAGMA cache_size=-8192")  # 8 MiB a connection
        cursor.execute("PRAGMA journal_size_limit=33554432")
        cursor.close()

    return engine


def _log_ahead(cursor: Any) -> None:
    """Use a write-ahead log. Where several open a file at once, SQLite tells all but one of them that it is locked, without a wait."""
    until = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > until:
                raise
            await_(asyncio.sleep(0.02))
        else:
            return


def postgres_engine(url: sa.URL) -> AsyncEngine:
    """The engine for a PostgreSQL database."""
    engine = create_async_engine(watchful(url), pool_size=8, max_overflow=8, pool_pre_ping=True, hide_parameters=True)

    @sa.event.listens_for(engine.sync_engine, "connect")
    def set_limits(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("; ".join(f"SET {name} = '{value}'" for name, value in SESSION.items()))
        cursor.close()
        connection.commit()

    return engine
