"""The tables of a PostgreSQL database as files, copied from one state, and put back in one transaction.

The runs of jobs, which DBOS keeps in its own schema, are not taken along. A restore removes those that are there: they
belong to the rows that it replaces, and a run with the id of a new one would count as done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import sqlalchemy as sa
from psycopg import sql

from nightcrew.kernel.backup.archive import BLOCK, Unpacked, Writer
from nightcrew.kernel.backup.manifest import Manifest, TableRows
from nightcrew.kernel.backup.schema import REVISIONS, Schema, schema_at
from nightcrew.kernel.dialects import sync_url
from nightcrew.kernel.errors import Conflict, Invalid, NeedsUser
from nightcrew.kernel.nodes import SILENT
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import MIGRATION_LOCK, metadata, reason_of, upgrade

RUNS_SCHEMA = "dbos"
SESSION = (
    "SET LOCAL client_encoding = 'UTF8'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL extra_float_digits = 3",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL lock_timeout = '20s'",
)
"""One way to write values, whatever the server's settings are, and the time that large tables take."""


class Snapshot:
    """A database as it was at one moment. Only within `reading`."""

    def __init__(self, connection: sa.Connection, schema: Schema) -> None:
        self._connection = connection
        self.schema = schema

    def canary(self) -> str | None:
        """The sealed word by which its key is known; None: it has none yet."""
        if "vault_canary" not in self.schema.tables:
            return None
        return self._connection.execute(sa.text("SELECT sealed FROM vault_canary")).scalar()

    def save(self, out: Writer, beside: Path) -> list[TableRows]:
        """Add each table to the archive. `beside` is a folder with room for the largest one."""
        numbered = _numbered(self._connection)
        return [self._table(out, beside, name, numbered.get(name, {})) for name in self.schema.tables]

    def _table(self, out: Writer, beside: Path, name: str, numbered: dict[str, str]) -> TableRows:
        columns = list(self.schema.tables[name])
        rows = 0
        with (beside / "table").open("w+b") as file:
            with (
                _driver(self._connection).cursor() as cursor,
                cursor.copy(_copy(name, columns, "TO STDOUT")) as blocks,
            ):
                for block in blocks:
                    rows += bytes(block).count(b"\n")  # one within a value is written as \n
                    file.write(block)
            length = file.tell()
            file.seek(0)
            out.add(f"tables/{name}", file, length)
        last = {column: given for column, sequence in numbered.items() if (given := self._last(sequence))}
        return TableRows(name=name, columns=columns, rows=rows, last=last)

    def _last(self, sequence: str) -> int | None:
        query = f"SELECT last_value FROM {sequence} WHERE is_called"  # noqa: S608 - as PostgreSQL itself quotes it
        return self._connection.execute(sa.text(query)).scalar()


@contextlib.contextmanager
def reading(url: sa.URL, folders: Sequence[Path]) -> Iterator[Snapshot]:
    """The database's present state, whatever is written meanwhile. Raises `NeedsUser` when it cannot be read."""
    with _connected(url, isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection, connection.begin():
        _prepare(connection)
        if REVISIONS not in _tables(connection):
            raise NeedsUser(f"there is no Nightcrew in the database {url.database}: name another with --database-url")
        revisions = connection.execute(sa.text(f"SELECT version_num FROM {REVISIONS}")).scalars().all()  # noqa: S608
        yield Snapshot(connection, schema_at(revisions, folders))


def check(saved: Unpacked, manifest: Manifest, folders: Sequence[Path]) -> Schema:
    """Whether the archive has exactly the tables of its revisions, with their columns. Raises `Invalid`."""
    schema = schema_at(manifest.revisions, folders)
    described = {table.name: sorted(table.columns) for table in manifest.tables}
    wanted = {name: sorted(columns) for name, columns in schema.tables.items()}
    numbers = all(set(table.last) <= set(table.columns) for table in manifest.tables)
    if described != wanted or len(manifest.tables) != len(wanted) or saved.tables() != wanted.keys() or not numbers:
        raise Invalid("the backup is damaged: it does not have the tables of its version")
    return schema


def canary_of(saved: Unpacked, manifest: Manifest) -> str | None:
    """The sealed word of a checked backup by which its key is known; None: it has none."""
    for table in manifest.tables:
        if table.name == "vault_canary" and table.rows:
            with saved.path("tables/vault_canary").open("rb") as file:
                values = file.readline(1 << 16).rstrip(b"\n").split(b"\t")
            place = table.columns.index("sealed")
            return values[place].decode("utf-8", "replace") if place < len(values) else ""
    return None


def occupied(url: sa.URL) -> tuple[int, bool]:
    """What a restore would replace: how many tables there are, and whether there are runs of jobs."""
    with _connected(url) as connection, connection.begin():
        return len(_tables(connection)), _has_runs(connection)


def load(url: sa.URL, saved: Unpacked, manifest: Manifest, folders: Sequence[Path], *, force: bool) -> None:
    """Put a checked backup into a database, in one transaction. With `force`, what is there is replaced.

    Raises `Conflict` when the database is in use or not empty, `Invalid` when a row does not fit.
    """
    schema = check(saved, manifest, folders)
    with _connected(url) as connection, connection.begin():
        _prepare(connection)
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        if not force and (_tables(connection) or _has_runs(connection)):
            raise Conflict(f"the database {url.database} is not empty: --force replaces what is in it")
        _refuse_running(connection)
        _drop(connection, url, schema)
        upgrade(connection, folders, schema.revisions)
        names = _listed(schema.tables)
        connection.execute(sa.text(f"TRUNCATE {names}"))  # rows that migrations made are in the backup too
        described = {table.name: table for table in manifest.tables}
        for name in schema.tables:
            with saved.path(f"tables/{name}").open("rb") as file:
                _fill(connection, described[name], file)
        _number(connection, manifest.tables)
        connection.execute(sa.text(f"ANALYZE {names}"))


def _drop(connection: sa.Connection, url: sa.URL, schema: Schema) -> None:
    """Remove our tables and the runs of jobs. What is not known to be ours is not touched."""
    tables = _tables(connection)
    strange = tables - metadata.tables.keys() - schema.tables.keys() - {REVISIONS}
    if strange:
        raise Conflict(
            f"the database {url.database} has tables that are not of this Nightcrew ({_few(sorted(strange))}): "
            "name an empty database"
        )
    if tables:
        connection.execute(sa.text(f"DROP TABLE {_listed(tables)}"))
    connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {RUNS_SCHEMA} CASCADE"))


def _fill(connection: sa.Connection, table: TableRows, file: BinaryIO) -> None:
    with _driver(connection).cursor() as cursor:
        with cursor.copy(_copy(table.name, table.columns, "FROM STDIN")) as copy:
            while block := file.read(BLOCK):
                copy.write(block)
        if cursor.rowcount != table.rows:
            raise Invalid(f"the backup is damaged: its table {table.name} has {cursor.rowcount} rows, not {table.rows}")


def _number(connection: sa.Connection, tables: Sequence[TableRows]) -> None:
    """New rows get numbers above all that were ever given."""
    numbered = _numbered(connection)
    for table in tables:
        for column, sequence in numbered.get(table.name, {}).items():
            query = (
                f'SELECT setval(:sequence, greatest(:last, (SELECT max("{column}") FROM "{table.name}"), 1), :called)'  # noqa: S608
            )
            last = table.last.get(column, 0)
            called = bool(last or table.rows)
            connection.execute(sa.text(query), {"sequence": sequence, "last": last, "called": called})


def _numbered(connection: sa.Connection) -> dict[str, dict[str, str]]:
    """The sequences by table and column, their names quoted."""
    query = """
        SELECT table_name, column_name,
            pg_get_serial_sequence(quote_ident(table_schema) || '.' || quote_ident(table_name), column_name) AS sequence
        FROM information_schema.columns WHERE table_schema = current_schema()
    """
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(sa.text(query)):
        if row.sequence is not None:
            found.setdefault(row.table_name, {})[row.column_name] = row.sequence
    return found


def _has_runs(connection: sa.Connection) -> bool:
    found = connection.execute(sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": RUNS_SCHEMA})
    return found.scalar() is not None


def _tables(connection: sa.Connection) -> set[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    return set(connection.execute(sa.text(query)).scalars())


def _refuse_running(connection: sa.Connection) -> None:
    if "node" not in _tables(connection):
        return
    query = """
        SELECT id FROM node WHERE seen_at > clock_timestamp() - make_interval(secs => :silent)
            AND NOT coalesce((to_jsonb(node) ->> 'stopped')::boolean, false) ORDER BY id
    """
    living = connection.execute(sa.text(query), {"silent": SILENT}).scalars().all()
    if living:
        raise Conflict(
            f"Nightcrew runs on this database ({_few(living)}): stop it first. One that was killed counts as running "
            "for another minute"
        )


def _prepare(connection: sa.Connection) -> None:
    for statement in SESSION:
        connection.execute(sa.text(statement))


def _copy(table: str, columns: Sequence[str], way: str) -> sql.Composed:
    listed = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    return sql.SQL("COPY {} ({}) " + way).format(sql.Identifier(table), listed)


def _driver(connection: sa.Connection) -> psycopg.Connection[Any]:
    found = connection.connection.driver_connection
    if not isinstance(found, psycopg.Connection):
        raise TypeError(f"{type(found).__name__} is no connection of psycopg")
    return found


def _listed(names: Any) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@contextlib.contextmanager
def _connected(url: sa.URL, **options: Any) -> Iterator[sa.Connection]:
    """A connection. What the database refuses is told in a sentence."""
    engine = sa.create_engine(sync_url(url), poolclass=sa.NullPool, hide_parameters=True)
    try:
        with engine.connect().execution_options(**options) as connection:
            yield connection
    except psycopg.Error as exc:
        said = redact(str(exc)).strip().partition("\n")[0]
        raise NeedsUser(f"the database {url.database} refuses: {said}") from exc
    except sa.exc.SQLAlchemyError as exc:
        raise NeedsUser(f"the database {url.database} cannot be used: {reason_of(exc)}") from exc
    finally:
        engine.dispose()
