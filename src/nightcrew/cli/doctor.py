"""`nightcrew doctor`: what is missing on this machine, and how to get it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time

import psutil
import sqlalchemy as sa

from nightcrew.app import Config
from nightcrew.kernel.declare import Finding
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import database_url, sync_url

MIN_DISK = 1 << 30


def examine(config: Config) -> list[Finding]:
    """Look at Python, the data directory, the database, the disk, memory and the clock, and at what each domain needs."""
    own = [_python(), _data_dir(config), _database(config), _disk(config), _memory(), _clock()]
    return [*own, *(look() for domain in config.domains for look in domain.doctor)]


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("Python", sys.version_info >= (3, 11), f"{version} (3.11 or newer is needed)")


def _data_dir(config: Config) -> Finding:
    folder = config.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    ok = os.access(existing, os.W_OK)
    return Finding(
        "data directory", ok, f"{folder} {'can be written' if ok else 'cannot be written: choose --data-dir'}"
    )


def _database(config: Config) -> Finding:
    try:
        url = sa.make_url(database_url(config.data_dir, config.database_url))
    except NightcrewError as exc:
        return Finding("database", False, str(exc))
    if url.get_backend_name() == "sqlite":
        return Finding("database", sqlite3.sqlite_version_info >= (3, 35), f"SQLite {sqlite3.sqlite_version}")
    engine = sa.create_engine(sync_url(url), connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            version = connection.execute(sa.text("SHOW server_version")).scalar()
        return Finding("database", True, f"PostgreSQL {version}")
    except sa.exc.SQLAlchemyError as exc:
        return Finding(
            "database", False, f"PostgreSQL does not answer: {redact(str(exc.__cause__ or exc)).splitlines()[0]}"
        )
    finally:
        engine.dispose()


def _disk(config: Config) -> Finding:
    existing = next(path for path in (config.data_dir, *config.data_dir.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    return Finding("disk", free > MIN_DISK, f"{free / 1e9:.1f} GB free at {existing} (1 GB is the least)")


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    return Finding("memory", free > 300 << 20, f"{free / 1e9:.1f} GB free (0.3 GB is the least)", needed=False)


def _clock() -> Finding:
    ok = time.time() > 1_750_000_000
    return Finding("clock", ok, "set" if ok else "it stands before 2025: turn on time synchronisation")
