"""Tables that are made of the dataclasses of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import sqlalchemy as sa

from nightcrew.kernel import rows
from nightcrew.kernel.rows import Json, Word, column, columns_of, table_of, text
from nightcrew.kernel.store import Id, Moment, Store, database_url


@dataclass(frozen=True, slots=True)
class Boat:
    id: Annotated[int, column(Id, primary_key=True)]
    name: Annotated[str, text(60, unique=True)]
    note: Annotated[str | None, text(10)]
    at: Annotated[datetime, column(index=True)]
    away: bool
    length: float | None
    log: str
    crew: int = 0


@dataclass(frozen=True, slots=True)
class Odd:
    name: bytes


@pytest.fixture
def boat(monkeypatch: pytest.MonkeyPatch) -> sa.Table:
    monkeypatch.setattr(rows, "metadata", sa.MetaData())
    constraint = sa.UniqueConstraint("at", "away")
    return table_of("boat", Boat, constraint, sa.Column("harbour", sa.Integer, primary_key=True), without=("crew",))


def test_a_column_has_the_name_the_type_and_the_options_of_its_field(boat: sa.Table) -> None:
    assert [one.name for one in boat.columns] == ["harbour", "id", "name", "note", "at", "away", "length", "log"]
    assert [type(one.type) for one in boat.columns][2:] == [sa.String, sa.String, Moment, sa.Boolean, sa.Float, sa.Text]
    assert (boat.c.id.primary_key, boat.c.id.type) == (True, Id)
    assert (boat.c.name.unique, boat.c.at.index, boat.c.name.type.length) == (True, True, 60)  # type: ignore[attr-defined]


def test_what_may_be_none_may_be_null(boat: sa.Table) -> None:
    assert {one.name for one in boat.columns if one.nullable} == {"note", "length"}


def test_a_constraint_is_the_tables(boat: sa.Table) -> None:
    unique = [one for one in boat.constraints if isinstance(one, sa.UniqueConstraint)]
    assert ["at", "away"] in [[column.name for column in one.columns] for one in unique]


def test_a_type_without_a_column_type_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "metadata", sa.MetaData())
    with pytest.raises(KeyError):
        table_of("odd", Odd)


class Colour(StrEnum):
    RED = "red"


async def test_words_and_json_come_back_as_they_went_in(tmp_path: Path, database: str | None) -> None:
    @dataclass(frozen=True, slots=True)
    class Flag:
        id: Annotated[int, column(Id, primary_key=True)]
        colour: Annotated[Colour | None, column(Word(Colour, 10))]
        signs: Annotated[list[int] | None, column(Json)]

    flag = sa.Table("flag", sa.MetaData(), *columns_of(Flag))
    store = Store(database_url(tmp_path, database))
    async with store.write() as connection:
        await connection.run_sync(flag.metadata.create_all)
        both = [{"id": 1, "colour": Colour.RED, "signs": [1, 2]}, {"id": 2, "colour": None, "signs": None}]
        await connection.execute(sa.insert(flag), both)
        red = (await connection.execute(sa.select(flag).where(flag.c.colour == "red"))).mappings().one()
        none = (await connection.execute(sa.select(flag).where(flag.c.colour.is_(None)))).mappings().one()
        stored = (await connection.execute(sa.text("SELECT colour, signs FROM flag WHERE id = 1"))).one()
    await store.close()
    assert Flag(**red) == Flag(1, Colour.RED, [1, 2]) and red["colour"] is Colour.RED
    assert Flag(**none) == Flag(2, None, None)
    assert tuple(stored) == ("red", "[1, 2]")
