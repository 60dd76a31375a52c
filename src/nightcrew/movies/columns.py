"""How long the texts of the tables may be, and an index of some rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

MAX_TITLE = 500
MAX_REASON = 500
MAX_NAME = 100


def index_of(name: str, which: sa.Column[Any], *columns: sa.ColumnElement[Any]) -> None:
    """An index of the rows that have `which`."""
    has = which.is_not(None)
    sa.Index(name, *(columns or (which,)), sqlite_where=has, postgresql_where=has)
