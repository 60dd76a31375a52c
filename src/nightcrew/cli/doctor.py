"""`nightcrew doctor`: what is missing on this machine, and how to get it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from nightcrew.app import Config
from nightcrew.cli import looks
from nightcrew.kernel import cron
from nightcrew.kernel.activity import activity
from nightcrew.kernel.declare import Finding
from nightcrew.kernel.dialects import sync_url
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.nodes import SKEWED
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.settings import Settings, check_value, is_secret, setting
from nightcrew.kernel.store import database_url
from nightcrew.kernel.words import duration

LIBRARY = "library"
"""What an option is called in each domain that keeps files for people."""
AHEAD = timedelta(minutes=1)
"""By how much the newest that was stored may be ahead of the clock."""


def examine(config: Config) -> list[Finding]:
    """Look at the database, the settings with the folders they name, memory, the clock and the port, and at what each domain needs.

    A look that goes wrong is a finding itself, and the others follow.
    """
    found = []
    for name, look in (
        ("database", lambda: [_database(config)]),
        ("settings", lambda: [_settings(config)]),
        ("folders", lambda: libraries(config)),
        ("memory", lambda: [_memory()]),
        ("time", lambda: _time(config)),
        ("port", lambda: [looks.port(config.host, config.port, config.data_dir)]),
        *((domain.title, _of(look)) for domain in config.domains for look in domain.doctor),
    ):
        found += _seen(name, look)
    return found


def _of(look: Callable[[], Finding]) -> Callable[[], list[Finding]]:
    return lambda: [look()]


def _seen(name: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except Exception as exc:  # noqa: BLE001 - a machine that is broken is what this is for
        return [Finding(name, False, f"cannot be looked at: {redact(str(exc) or type(exc).__name__)}")]


def _database(config: Config) -> Finding:
    try:
        url = sa.make_url(database_url(config.data_dir, config.database_url))
    except NightcrewError as exc:
        return Finding("database", False, str(exc))
    if url.get_backend_name() == "sqlite":
        return Finding("database", True, f"SQLite at {url.database}")
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
        found = _read(config, sa.select(setting.c.key, setting.c.value))
    except (NightcrewError, sa.exc.SQLAlchemyError):  # the database's own line says so
        return []
    return [(row[0], json.loads(row[1])) for rows in found for row in rows]


def _url(config: Config) -> sa.URL:
    return sa.make_url(database_url(config.data_dir, config.database_url))


def _read(config: Config, *queries: sa.Select[Any]) -> list[list[Any]]:
    """The rows of each query; nothing where there is no database yet."""
    url = _url(config)
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and not Path(url.database or "").exists():
        return []
    engine = sa.create_engine(sync_url(url), connect_args={} if is_sqlite else {"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            return [list(connection.execute(query)) for query in queries]
    finally:
        engine.dispose()


def libraries(config: Config, *, stored: bool = True) -> list[Finding]:
    """The folders that settings name for what people keep. `stored`: also as they were changed at run time."""
    models = {domain.name: cron.options_of(domain) for domain in config.domains}
    options = Settings(models, data_dir=config.data_dir)
    changed = dict(_stored(config)) if stored else {}
    keys = [f"{name}.{LIBRARY}" for name, model in models.items() if LIBRARY in model.model_fields]
    folders = [(key, str(changed.get(f"{key}@{_node(config)}", changed.get(key, options.value(key))))) for key in keys]
    return looks.libraries((key, path) for key, path in folders if path)


def _node(config: Config) -> str:
    """What this node is called; empty before its first start."""
    file = config.data_dir / "node-id"
    return file.read_text("utf-8").strip() if file.exists() else ""


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    return Finding("memory", free > 300 << 20, f"{free / 1e9:.1f} GB free (0.3 GB is the least)", needed=False)


def _time(config: Config) -> list[Finding]:
    """Whether the clock fits what the database has stored, and the database's own clock; nothing where there is none yet."""
    asked = [sa.select(sa.func.max(activity.c.at))]
    url = _url(config)
    if url.get_backend_name() != "sqlite":
        asked.append(sa.select(sa.func.now()))
    try:
        moments = [rows[0][0] for rows in _read(config, *asked) if rows]
    except (NightcrewError, sa.exc.SQLAlchemyError):  # the database's own line says so
        return []
    newest, *theirs = moments or [None]
    now = datetime.now(UTC)
    if theirs and abs(theirs[0] - now).total_seconds() > SKEWED:
        off = duration(abs(theirs[0] - now).total_seconds())
        return [Finding("time", False, f"the clock is {off} off the database's: turn on time synchronisation", False)]
    if newest and newest > now + AHEAD:
        return [Finding("time", False, f"the clock is behind what was stored last, at {newest:%Y-%m-%d %H:%M}: set it")]
    return [Finding("time", True, "the clock fits what is stored")] if newest else []
