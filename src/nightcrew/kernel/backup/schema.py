"""Which tables a database has at certain revisions of its migrations."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from nightcrew.kernel.backup.manifest import NEWER
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.store import alembic_config, upgrade

REVISIONS = "alembic_version"


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables with their columns, each table behind those that it refers to, and the names of the indices."""

    revisions: tuple[str, ...]
    tables: Mapping[str, tuple[str, ...]]
    indices: frozenset[str]


def schema_at(revisions: Sequence[str], folders: Sequence[Path]) -> Schema:
    """What the migrations make up to `revisions`. Raises `Invalid` for revisions that this program does not know."""
    wanted = sorted(set(revisions))
    scripts = ScriptDirectory.from_config(alembic_config(folders))
    if not {script.revision for script in scripts.walk_revisions()}.issuperset(wanted):
        raise Invalid(NEWER)
    engine = sa.create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            upgrade(connection, folders, wanted)
            found = sa.MetaData()
            with warnings.catch_warnings(action="ignore", category=sa.exc.SAWarning):  # of an index over an expression
                found.reflect(connection)
            named = sa.text("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
            indices = frozenset(connection.execute(named).scalars())
            if not wanted or _made(connection, found) != wanted:
                raise Invalid("the backup is damaged: its schema belongs to no version of Nightcrew")
    finally:
        engine.dispose()
    tables = [table for table in found.sorted_tables if table.name != REVISIONS]
    return Schema(
        revisions=tuple(wanted),
        tables={table.name: tuple(column.name for column in table.columns) for table in tables},
        indices=indices,
    )


def _made(connection: sa.Connection, found: sa.MetaData) -> list[str]:
    return sorted(connection.execute(sa.select(found.tables[REVISIONS])).scalars())
