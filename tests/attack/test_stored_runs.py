"""What is stored of runs is data. Whoever writes it, in a database or in a backup, makes no node run code."""

from __future__ import annotations

import asyncio
import base64
import builtins
import os
import pickle
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import _serialization
from hypothesis import given
from hypothesis import strategies as st

from nightcrew import app
from nightcrew.kernel import engine, files
from nightcrew.kernel.declare import Domain, Job
from nightcrew.kernel.engine_rows import JsonRows, RunFailed, read_pickle
from nightcrew.kernel.errors import Conflict, GiveUp, Invalid, Misread, Retry
from nightcrew.kernel.run import Run
from nightcrew.kernel.settings import Options
from support import Node, running, until

ROWS = JsonRows()
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.just("!"), inner)
        | st.dictionaries(st.integers(), inner)
        | st.sets(st.integers() | st.text())
    ),
    max_leaves=12,
)


@given(VALUES)
def test_a_plain_value_comes_back_as_it_was(value: Any) -> None:
    back = ROWS.deserialize(ROWS.serialize(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "error",
    [
        Retry("later", after=7.5),
        Misread("an error page"),
        GiveUp("never"),
        Invalid("wrong", field="name"),
        OSError("no space left"),
        TimeoutError(),
        ValueError("odd"),
    ],
)
def test_an_error_comes_back_as_what_it_was(error: Exception) -> None:
    if isinstance(error, GiveUp):
        error.status = 404
    back = ROWS.deserialize(ROWS.serialize(error))
    assert type(back) is type(error)
    assert (str(back), vars(back)) == (str(error), vars(error))


def test_an_error_of_others_says_what_it_was() -> None:
    back = ROWS.deserialize(ROWS.serialize(sa.exc.NoResultFound("no row")))
    assert isinstance(back, RunFailed)
    assert str(back) == "NoResultFound: no row"


@pytest.mark.parametrize(
    "error",
    [ExceptionGroup("two failed", [OSError("a"), ValueError("b")]), UnicodeDecodeError("utf-8", b"x", 0, 1, "odd")],
)
def test_an_error_that_is_not_made_of_its_words_says_what_it_was(error: Exception) -> None:
    back = ROWS.deserialize(ROWS.serialize(error))
    assert isinstance(back, RunFailed)
    assert str(back) == f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("text", ["a\x00b", "half \ud83d", "ünïcode"])
def test_what_no_database_takes_as_text_is_written_otherwise(text: str) -> None:
    """A provider's words may have any sign; the row of a run has none that PostgreSQL or SQLite refuses."""
    for value in ({text: text}, GiveUp(text)):
        row = ROWS.serialize(value)
        assert row.isascii() and "\x00" not in row
    assert ROWS.deserialize(ROWS.serialize({text: text})) == {text: text}


@pytest.mark.parametrize("value", [object(), len, lambda: None, Path("/"), Job])
def test_what_is_no_plain_value_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="plain values"):
        ROWS.serialize({"deep": [value]})


@pytest.mark.parametrize(
    "text",
    ['{"!":"system","of":"touch"}', '{"!":"error"}', "[" * 100_000, '{"!":"set","of":[[1]]}', "", "null null"],
)
def test_a_row_of_another_form_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError, RecursionError)):
        ROWS.deserialize(text)


# -- pickles -----------------------------------------------------------------------------------------------------------


class Call:
    """What a pickle has called when it is read."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


def pickled(value: Any) -> str:
    return base64.b64encode(pickle.dumps(value)).decode()


def hostile(mark: Path) -> list[Any]:
    """Values whose reading leaves a mark."""
    code = f"open({str(mark)!r}, 'w').close()"
    return [
        Call(os.system, f"touch {mark}"),
        Call(eval, code),
        Call(exec, code),
        Call(builtins.open, str(mark), "w"),
        Call(files.put, Path("/etc/hostname"), mark),
        Call(asyncio.run, None),
        [1, {"deep": (Call(os.system, f"touch {mark}"),)}],
        Call(__import__, "antigravity"),
    ]


@pytest.mark.parametrize("which", range(8))
def test_a_pickle_that_calls_is_refused(tmp_path: Path, which: int) -> None:
    mark = tmp_path / "mark"
    text = pickled(hostile(mark)[which])
    with pytest.raises(pickle.UnpicklingError, match="neither a plain value nor an error"):
        read_pickle(text)
    with pytest.raises(pickle.UnpicklingError):
        _serialization.deserialize_value(text, "py_pickle", _serialization.DefaultSerializer())
    assert not mark.exists()


@pytest.mark.parametrize(
    "value",
    [
        {"args": ("label", 0.0, [1, True, None], None), "kwargs": {}},
        {"at": datetime(2026, 11, 1, tzinfo=UTC), "day": date(2026, 1, 1), "for": timedelta(hours=1), "of": {1, 2}},
    ],
)
def test_a_pickle_of_plain_values_is_read(value: Any) -> None:
    assert read_pickle(pickled(value)) == value


def test_a_pickled_error_is_read() -> None:
    found = [read_pickle(pickled(error)) for error in (Retry("later", after=3), OSError("gone"), Conflict("taken"))]
    assert [(type(error), str(error)) for error in found] == [
        (Retry, "later"),
        (OSError, "gone"),
        (Conflict, "taken"),
    ]


# -- in a node ---------------------------------------------------------------------------------------------------------


class NoSettings(Options):
    """None."""


def lab(*done: Any, gate: asyncio.Event | None = None) -> dict[str, Any]:
    """A node with a job of two steps, of which the second waits for a gate."""

    async def first(word: str) -> tuple[str, int]:
        return (word, 1)

    async def second(found: tuple[str, int]) -> list[Any]:
        if gate is not None:
            await gate.wait()
        return [*found]

    async def work(run: Run, word: str) -> list[Any]:
        return await run.step("second", second, await run.step("first", first, word))

    return {
        "domains": (*app.DOMAINS, Domain(name="lab", title="Lab", settings=NoSettings, jobs=(Job("lab.work", work),)))
    }


async def first_step_done(node: Node, run_id: str) -> None:
    async def known() -> bool:
        return bool(await node.runtime.jobs.steps(run_id))

    await until(known, 60)


async def test_runs_are_stored_as_json(tmp_path: Path) -> None:
    async with running(tmp_path / "data", **lab()) as node:
        run_id = await node.runtime.jobs.start("lab.work", "word")
        assert (await node.runtime.jobs.wait(run_id, limit=30)).result == ["word", 1]
    with sqlite3.connect(tmp_path / "data" / "jobs.db") as database:
        status = database.execute("SELECT DISTINCT serialization FROM workflow_status").fetchall()
        steps = database.execute("SELECT DISTINCT serialization FROM operation_outputs").fetchall()
    database.close()
    assert set(status) | set(steps) == {("nightcrew_json",)}


async def test_a_run_of_an_older_nightcrew_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its arguments and its first step are pickles; the second step is done by the new one."""
    with monkeypatch.context() as older:
        older.setattr(engine, "ROWS", None)
        async with running(tmp_path / "data", **lab(gate=asyncio.Event())) as node:
            run_id = await node.runtime.jobs.start("lab.work", "word")
            await first_step_done(node, run_id)
    async with running(tmp_path / "data", **lab()) as node:
        assert (await node.runtime.jobs.wait(run_id, limit=60)).result == ["word", 1]


@pytest.mark.parametrize("which", [0, 1, 6])
async def test_a_planted_run_makes_a_node_run_nothing(tmp_path: Path, which: int) -> None:
    """As in a backup from a stranger, or by who can write to the database of all nodes."""
    mark = tmp_path / "mark"
    async with running(tmp_path / "data", **lab(gate=asyncio.Event())) as node:
        await first_step_done(node, await node.runtime.jobs.start("lab.work", "word"))
    planted = pickled(hostile(mark)[which])
    with sqlite3.connect(tmp_path / "data" / "jobs.db") as database:
        rows = database.execute(
            "UPDATE workflow_status SET inputs = ?, output = ?, error = ?, serialization = 'py_pickle'", (planted,) * 3
        ).rowcount
        database.execute("UPDATE operation_outputs SET output = ?, serialization = 'py_pickle'", (planted,))
    database.close()
    assert rows >= 1
    async with running(tmp_path / "data", **lab()) as node:
        assert (await node.http.get("/api/v1/jobs")).status_code == 200
        run_id = await node.runtime.jobs.start("lab.work", "other")
        assert (await node.runtime.jobs.wait(run_id, limit=60)).result == ["other", 1], "the others go on"
    assert not mark.exists()
