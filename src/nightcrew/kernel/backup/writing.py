"""A backup is written: the database as it is at one moment, the key that opens its secrets, and what says who this node is."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa

from nightcrew import __version__
from nightcrew.kernel import canary
from nightcrew.kernel.backup import manifest, postgres, sqlite
from nightcrew.kernel.backup.archive import CONFIGURATION, DATABASE, KEY, NODE, RUNS, Writer
from nightcrew.kernel.backup.manifest import Manifest, TableRows
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.vault import KEY_VARIABLE, Vault

COMPRESSION = 6


def write(out: BinaryIO, *, url: sa.URL, data_dir: Path, key: bytes, folders: Sequence[Path], beside: Path) -> Manifest:
    """Write a backup of the database `url` and of what the data directory has; returns what it says of itself.

    `folders` have the migrations; `beside` is a folder with room for a copy of the database. Raises `NeedsUser` when the key
    is not the database's.
    """
    with (
        tempfile.TemporaryDirectory(prefix="backup-", dir=beside) as temporary,
        tarfile.open(fileobj=out, mode="w:gz", compresslevel=COMPRESSION, format=tarfile.GNU_FORMAT) as archive,
    ):
        writer, tables = Writer(archive), list[TableRows]()
        if url.get_backend_name() == "sqlite":
            revisions = _add_sqlite(writer, Path(url.database or ""), data_dir, Path(temporary), key)
        else:
            with postgres.reading(url, folders) as source:
                _check_key(key, source.canary())
                revisions, tables = list(source.schema.revisions), source.save(writer, Path(temporary))
        writer.add_bytes(KEY, key)
        for name in (NODE, CONFIGURATION):
            if (data_dir / name).exists():
                writer.add_bytes(name, (data_dir / name).read_bytes())
        said = Manifest(
            format=manifest.FORMAT,
            nightcrew=__version__,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            database="postgresql" if tables else "sqlite",
            revisions=revisions,
            tables=tables,
            members=dict(writer.members),
        ).signed(key)
        writer.add_bytes(manifest.NAME, said.written())
    return said


def _add_sqlite(writer: Writer, database: Path, data_dir: Path, temporary: Path, key: bytes) -> list[str]:
    """Add the databases; returns the revisions of the main one."""
    copy = temporary / DATABASE
    sqlite.copy(database, copy)
    sqlite.check(copy)
    _check_key(key, sqlite.canary_of(copy))
    writer.add_file(DATABASE, copy)
    if (data_dir / RUNS).exists():
        sqlite.copy(data_dir / RUNS, temporary / RUNS)
        writer.add_file(RUNS, temporary / RUNS)
    return sqlite.revisions_of(copy)


def _check_key(key: bytes, sealed: str | None) -> None:
    if sealed is not None and not canary.opens(Vault(key), sealed):
        raise NeedsUser(
            "the key here does not open the secrets of this database, so the backup would be worth little: set "
            f"{KEY_VARIABLE} as the server has it"
        )
