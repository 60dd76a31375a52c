"""What a command says: text and tables for people, JSON for scripts. Nothing else in a command prints.

Names and titles come from strangers: what people read moves no cursor and rings no bell.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

RowT = TypeVar("RowT", bound=Mapping[str, Any])
WIDTH = 200
"""Columns of a table where no terminal says how many there are."""


def plain(value: object) -> str:
    """Text without control characters, but for the ends of lines."""
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in str(value))


def say(text: object) -> None:
    """A line, or some, on stdout."""
    print(plain(text), flush=True)


def note(text: object) -> None:
    """A line on stderr: beside what was asked for, and also there where that is JSON."""
    print(plain(text), file=sys.stderr, flush=True)


def as_json(value: object, *, indent: int | None = None) -> str:
    """JSON whose strings move no cursor either: what cannot be printed is escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)


class Out:
    """Where the results of a command go."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def data(self, value: object) -> bool:
        """All of it as JSON, where that is wanted; False where people read, who are told otherwise."""
        if self.as_json:
            print(as_json(value, indent=2))
        return self.as_json

    def say(self, text: object) -> None:
        """For people alone."""
        if not self.as_json:
            say(text)

    def one(self, row: RowT, line: Callable[[RowT], str]) -> None:
        """One thing: as JSON, or in a line."""
        if not self.data(row):
            say(line(row))

    def entry(self, row: RowT, line: Callable[[RowT], str]) -> None:
        """One of many things that come one after another: JSON on a line, or a line."""
        say(as_json(row) if self.as_json else line(row))

    def table(
        self,
        rows: Iterable[RowT],
        columns: Sequence[str],
        *,
        shown: Callable[[RowT], Mapping[str, Any]] | None = None,
        empty: str = "Nothing there.",
    ) -> None:
        """All rows as JSON, or these columns of them. `shown` makes what people see of a row, beside its fields."""
        rows = list(rows)
        if self.data(rows):
            return
        cells = [{**row, **shown(row)} if shown else row for row in rows]
        _draw(cells, columns) if cells else say(empty)

    def facts(self, row: Mapping[str, Any], names: Iterable[str]) -> None:
        """What is known of one thing, for people; what is empty is left out."""
        known = [{"fact": name.replace("_", " "), "value": row[name]} for name in names]
        self.table([one for one in known if one["value"] not in (None, "")], ["fact", "value"])


def _draw(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if row.get(column) is None else plain(row[column])) for column in columns))
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)
