"""Copies of SQLite databases, and the rows of one that others wrote.

A file of others is opened read-only, and none of its schema survives: triggers, views and expressions would run at our next
start. Its rows move into a database that our own migrations have made.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from nightcrew.kernel.backup.schema import REVISIONS, Schema, schema_at
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.store import upgrade

HEADER = b"SQLite format 3\x00"
STATISTICS = {"sqlite_stat1", "sqlite_stat4"}
"""Tables that SQLite itself makes when a person runs ANALYZE. They are left behind."""


def copy(path: Path, to: Path) -> None:
    """Copy a database from one consistent state, also while others write."""
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(to)) as target:
        source.backup(target)


def revisions_of(path: Path) -> list[str]:
    """The revisions of a database; none: it is not ours."""
    with _opened(path) as connection:
        return _revisions(connection)


def canary_of(path: Path) -> str | None:
    """The sealed word by which its key is known; None: it has none yet."""
    with _opened(path) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'vault_canary'").fetchone():
            return None
        row = connection.execute("SELECT sealed FROM vault_canary").fetchone()
        return str(row[0]) if row else None


def rebuild(saved: Path, into: Path, folders: Sequence[Path]) -> None:
    """Make a database of our own schema at the same revisions, and move the rows over. Raises `Invalid`."""
    with _opened(saved) as connection:
        schema = schema_at(_revisions(connection), folders)
        _check_schema(connection, schema)
        _check_pages(connection, saved.name)
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(into)))
    try:
        with engine.connect() as made:
            upgrade(made, folders, schema.revisions)
            made.commit()
    finally:
        engine.dispose()
    with _damage_named(saved), contextlib.closing(sqlite3.connect(into.absolute().as_uri(), uri=True)) as ours:
        ours.executescript("PRAGMA trusted_schema=OFF; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")
        ours.execute("ATTACH ? AS saved", (_read_only(saved),))
        for table, columns in schema.tables.items():
            listed = ", ".join(f'"{column}"' for column in columns)
            ours.execute(f'DELETE FROM main."{table}"')  # noqa: S608 - names of our own schema
            ours.execute(f'INSERT INTO main."{table}" ({listed}) SELECT {listed} FROM saved."{table}"')  # noqa: S608
        ours.commit()


def check(path: Path) -> None:
    """Whether it is a whole database. Raises `Invalid`."""
    with _opened(path) as connection:
        _check_pages(connection, path.name)


def _check_schema(connection: sqlite3.Connection, schema: Schema) -> None:
    found: dict[str, set[str]] = {"table": set(), "index": set()}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        foreign = kind not in found or str(sql or "").upper().startswith("CREATE VIRTUAL")
        if foreign:
            raise Invalid(f"the backup's database has a {'virtual table' if kind == 'table' else kind}, {name[:80]!r}")
        if sql is not None:  # those of a table's own constraints have none
            found[kind].add(name)
    strange = found["table"] - schema.tables.keys() - STATISTICS - {REVISIONS} or found["index"] - schema.indices
    if strange:
        raise Invalid(f"the backup's database has {min(strange)[:80]!r}, which is not Nightcrew's")
    for table, columns in schema.tables.items():
        has = {row[0] for row in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))}
        if has != set(columns):
            raise Invalid(f"the backup's database is damaged: its table {table} has other columns, or is missing")


def _check_pages(connection: sqlite3.Connection, name: str) -> None:
    answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if answer != "ok":
        raise Invalid(f"the backup's {name} is damaged: {str(answer)[:200]}")


def _revisions(connection: sqlite3.Connection) -> list[str]:
    query = f"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{REVISIONS}'"  # noqa: S608
    if not connection.execute(query).fetchone():
        return []
    return [str(row[0]) for row in connection.execute(f"SELECT version_num FROM {REVISIONS} LIMIT 100")]  # noqa: S608


def _read_only(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro&immutable=1"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with path.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            raise Invalid(f"the backup's {path.name} is damaged: it is not an SQLite database")
    with _damage_named(path), contextlib.closing(sqlite3.connect(_read_only(path), uri=True)) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        yield connection


@contextlib.contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise Invalid(f"the backup's {path.name} is damaged: {str(exc)[:200]}") from exc
