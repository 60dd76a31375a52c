"""Lets DBOS run on a SQLite older than 3.42.

From Python 3.12 on DBOS asks SQLite for `unixepoch('subsec')`, also as the default of columns that must not be empty.
Before 3.42 SQLite knows no such word and answers NULL. A `jobs.db` that was made on one Python keeps that default on
another, so the SQLite decides here, not the Python.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

KNOWS_SUBSEC = (3, 42)
"""The first SQLite whose `unixepoch` has milliseconds."""


class JobsConnection(sqlite3.Connection):
    """A connection whose `unixepoch('subsec')` is the one of SQLite 3.42."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.create_function("unixepoch", 1, _unixepoch)


def engine_arguments(url: str) -> dict[str, Any]:
    """What DBOS has to pass to SQLAlchemy for the database at `url`; nothing where nothing is missing."""
    if not url.startswith("sqlite") or sqlite3.sqlite_version_info >= KNOWS_SUBSEC:
        return {}
    return {"connect_args": {"factory": JobsConnection}}


def _unixepoch(what: object) -> float:
    if what != "subsec":  # another time would need SQLite's own parser, which is hidden behind this function
        raise ValueError(f"unixepoch({what!r}) is not known here")
    return time.time_ns() // 1_000_000 / 1000
