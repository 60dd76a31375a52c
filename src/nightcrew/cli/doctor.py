"""`nightcrew doctor`: what is missing on this machine, and how to get it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from nightcrew.app import Config
from nightcrew.kernel import cron
from nightcrew.kernel.declare import Finding
from nightcrew.kernel.dialects import sync_url
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.settings import Settings, check_value, is_secret, setting
from nightcrew.kernel.store import database_url

MIN_DISK = 1 << 30


def examine(config: Config) -> list[Finding]:
    """Look at Python, the data directory, the database, the disk, memory and the clock, and at what each domain needs."""
    own = [_python(), _data_dir(config), _database(config), _settings(config), _disk(config), _memory(), _clock()]
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


def _settings(config: Config) -> Finding:
    """Whether what the file, the environment and the database say of options is valid."""
    models = {domain.name: cron.options_of(domain) for domain in config.domains}
    try:
        Settings(models, data_dir=config.data_dir)
        for key, value in _stored(config):
            domain, _, name = key.partition("@")[0].partition(".")
            if domain in models and name in models[domain].model_fields and not is_secret(models[domain], name):
                check_value(domain, models[domain], name, value)
    except (NightcrewError, OSError) as exc:
        return Finding("settings", False, redact(str(exc)))
    return Finding("settings", True, "each has a valid value")


def _stored(config: Config) -> list[tuple[str, Any]]:
    """The settings that were changed at run time; none where there is no database yet."""
    try:
        url = sa.make_url(database_url(config.data_dir, config.database_url))
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            return []
        engine = sa.create_engine(sync_url(url))
        try:
            with engine.connect() as connection:
                rows = connection.execute(sa.select(setting.c.key, setting.c.value)).all()
        finally:
            engine.dispose()
    except (NightcrewError, sa.exc.SQLAlchemyError):  # the database's own line says so
        return []
    return [(key, json.loads(value)) for key, value in rows]


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
