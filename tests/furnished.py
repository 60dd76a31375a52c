"""What lets a node start sooner in a test than for a user: what each start works out is worked out once in a process.

Databases come with their tables. Templates, compiled SQL statements and the list of migrations are kept for the next node.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import tempfile
import threading
import uuid
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import dbos
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from sqlalchemy.util import LRUCache

from nightcrew import app
from nightcrew.kernel.store import database_url, migrate
from nightcrew.web import render


class Compiled(BytecodeCache):
    """Templates that were compiled for a node before."""

    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.known:
            bucket.bytecode_from_string(self.known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.known[bucket.key] = bucket.bytecode_to_string()


class Statements(LRUCache[Hashable, Any]):
    """SQL statements that were compiled for another engine of the same kind; SQLAlchemy keeps them for each engine apart."""

    @staticmethod
    def _shared(key: Any) -> Hashable:
        dialect, *rest = key
        return (type(dialect), *rest)

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self._shared(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self._shared(key), value)


def keep_what_is_worked_out() -> None:
    """From here on, in this process."""
    statements = Statements(5000)
    read_scripts = ScriptDirectory.from_config
    scripts: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        folders = config.get_main_option("version_locations")
        if folders not in scripts:
            scripts[folders] = read_scripts(config)
        return scripts[folders]

    sa.Engine._compiled_cache = property(lambda _: statements, lambda *_: None)  # type: ignore[assignment]
    ScriptDirectory.from_config = from_config  # type: ignore[method-assign, assignment]
    render.Environment = functools.partial(Environment, bytecode_cache=Compiled())


def administer(server_url: str, *statements: str) -> None:
    """Execute statements outside of any transaction."""
    url = sa.make_url(server_url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def new_database(server_url: str, *, like: str = "template1") -> str:
    """A fresh PostgreSQL database, a copy of `like` (its name), which is empty; returns its URL."""
    name = f"t{uuid.uuid4().hex[:10]}"
    administer(server_url, f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
    url = sa.make_url(server_url).set(drivername="postgresql", database=name)
    return url.render_as_string(hide_password=False)


@functools.cache
def furnished_database(server_url: str) -> str:
    """The name of a PostgreSQL database as a node has it that has just been made, with all domains; to be copied."""
    url = new_database(server_url)
    migrate(sa.make_url(database_url(Path(), url)), app.migration_folders())
    dbos.run_dbos_database_migrations(system_database_url=url)
    return str(sa.make_url(url).database)


@functools.cache
def empty_databases(folders: tuple[Path, ...]) -> dict[str, bytes]:
    """The SQLite files of a node that has just been made, by name."""
    with tempfile.TemporaryDirectory() as place:
        migrate(sa.make_url(database_url(Path(place), None)), folders)
        with contextlib.closing(sqlite3.connect(Path(place) / "jobs.db")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        dbos.run_dbos_database_migrations(system_database_url=f"sqlite:///{place}/jobs.db")
        return {path.name: path.read_bytes() for path in Path(place).iterdir()}


_making = threading.Lock()


def furnish(settings: app.Config) -> None:
    """Give a node that starts for the first time its databases, empty and up to date."""
    with _making:
        _furnish(settings)


def _furnish(settings: app.Config) -> None:
    if settings.database_url is not None:
        if all(one in app.DOMAINS for one in settings.domains):
            _furnish_postgres(sa.make_url(settings.database_url))
            _leave_out(settings)
    elif not any((settings.data_dir / name).exists() for name in ("nightcrew.db", "jobs.db")):
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, content in empty_databases(tuple(app.migration_folders(settings.domains))).items():
            (settings.data_dir / name).write_bytes(content)


def _leave_out(settings: app.Config) -> None:
    """A copy of the database of all domains is one of fewer, when it does not say that it has the tables of the others."""
    others = [one.name for one in app.DOMAINS if one not in settings.domains and one.migrations]
    if others:
        assert settings.database_url is not None
        url = sa.make_url(settings.database_url).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            for name in others:
                connection.execute(
                    sa.text("DELETE FROM alembic_version WHERE version_num LIKE :of"), {"of": f"{name}%"}
                )
        engine.dispose()


def _furnish_postgres(url: sa.URL) -> None:
    """An empty database, which nobody uses, is replaced by a furnished one of its name."""
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        used = connection.execute(
            sa.text(
                "SELECT (SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema'))"
                " + (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())"
            )
        ).scalar_one()
    engine.dispose()
    if not used:
        server = url.set(database="postgres").render_as_string(hide_password=False)
        template = furnished_database(server)
        administer(
            server,
            f"DROP DATABASE {url.database}",
            f"CREATE DATABASE {url.database} TEMPLATE {template} STRATEGY file_copy",
        )
