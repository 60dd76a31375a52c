"""A table made of the frozen dataclass as which its rows leave the store, so that each column is said once.

    @dataclass(frozen=True, slots=True)
    class Tide:
        id: Annotated[int, column(Id, primary_key=True)]
        harbour: Annotated[str, text(60, unique=True)]
        due_at: Annotated[datetime, column(index=True)]
        level: float | None

    tide = table_of("tide", Tide)

What may be None may be NULL. The table itself comes from a migration, as always.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_type_hints

import sqlalchemy as sa

from nightcrew.kernel.store import Moment, metadata

_TYPES: dict[Any, Any] = {bool: sa.Boolean, int: sa.Integer, float: sa.Float, str: sa.Text, datetime: Moment}


class Word(sa.types.TypeDecorator[StrEnum]):
    """One of an enumeration's words."""

    impl = sa.String
    cache_ok = True

    def __init__(self, words: type[StrEnum], most: int) -> None:
        super().__init__(most)
        self.words = words

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:  # noqa: ARG002
        return None if value is None else self.words(value)


class Json(sa.types.TypeDecorator[Any]):
    """What JSON can say, as text on both databases."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


@dataclass(frozen=True, slots=True)
class ColumnOptions:
    """What a field's type alone does not say of its column."""

    kind: Any
    options: dict[str, Any]


def column(kind: Any = None, **options: Any) -> ColumnOptions:
    """A column of this SQL type, else of the one that goes with the field's. `options`: those of `sa.Column`."""
    return ColumnOptions(kind, options)


def text(most: int, **options: Any) -> ColumnOptions:
    """A text of at most `most` characters."""
    return ColumnOptions(sa.String(most), options)


def table_of(name: str, made: type, *more: sa.Column[Any] | sa.Constraint, without: Collection[str] = ()) -> sa.Table:
    """The table of a dataclass. `more`: columns that the row leaves behind, which come first, and constraints.

    `without`: fields that are no columns, such as counts that a query adds.
    """
    first = [one for one in more if isinstance(one, sa.Column)]
    found = columns_of(made, without=without)
    return sa.Table(name, metadata, *first, *found, *(one for one in more if isinstance(one, sa.Constraint)))


def columns_of(made: type, *, without: Collection[str] = ()) -> list[sa.Column[Any]]:
    """New columns for a table that has more than the fields of a dataclass."""
    hints = get_type_hints(made, include_extras=True)
    return [_column(field.name, hints[field.name]) for field in fields(made) if field.name not in without]


def _column(name: str, hint: Any) -> sa.Column[Any]:
    hint, said = getattr(hint, "__origin__", hint), next(iter(getattr(hint, "__metadata__", ())), column())
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    options = {"nullable": NoneType in get_args(hint), **said.options}
    return sa.Column(name, said.kind or _TYPES[kinds[0]], **options)
