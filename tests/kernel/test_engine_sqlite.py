"""Jobs on a SQLite that does not know what DBOS asks of it, and a `jobs.db` that moves between Pythons."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from nightcrew.kernel import upkeep
from nightcrew.kernel.declare import Job
from nightcrew.kernel.engine_sqlite import JobsConnection, engine_arguments
from nightcrew.kernel.run import Run
from support import domain, running

pytestmark = pytest.mark.short

DEFAULTS = ("(strftime('%s','now') * 1000)", "(unixepoch('subsec') * 1000)")
"""What DBOS writes into its tables on Python 3.11, and on 3.12 and later."""


def test_a_moment_is_told_in_whole_milliseconds() -> None:
    with contextlib.closing(sqlite3.connect(":memory:", factory=JobsConnection)) as connection:
        connection.execute(f"CREATE TABLE row (id, at INTEGER NOT NULL DEFAULT {DEFAULTS[1]})")
        before = time.time_ns() // 1_000_000
        connection.execute("INSERT INTO row (id) VALUES (1)")
        at, kind = connection.execute("SELECT at, typeof(at) FROM row").fetchone()
        assert before <= at <= time.time_ns() // 1_000_000
        assert kind == "integer"


def test_another_moment_is_refused_and_never_wrong() -> None:
    connecting = contextlib.closing(sqlite3.connect(":memory:", factory=JobsConnection))
    with connecting as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT unixepoch('2026-01-01')").fetchone()


def test_a_database_that_knows_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_arguments("postgresql://user@host/name") == {}
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 42, 0))
    assert engine_arguments("sqlite:////data/jobs.db") == {}
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 41, 2))
    assert engine_arguments("sqlite:////data/jobs.db") != {}


@pytest.mark.parametrize("default", DEFAULTS)
async def test_jobs_go_on_in_a_file_that_another_python_made(tmp_path: Path, default: str) -> None:
    async def work(run: Run) -> str:
        return await run.step("once", said)

    async def said() -> str:
        return "done"

    lab = domain(jobs=(Job("lab.work", work),))
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)):
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        for known in DEFAULTS:
            connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?)", (known, default))
        text = "".join(row[0] or "" for row in connection.execute("SELECT sql FROM sqlite_schema"))
        assert default in text
        assert all(other not in text for other in DEFAULTS if other != default)
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        jobs = node.runtime.jobs
        ended = await jobs.wait(await jobs.start("lab.work"), limit=20)
        assert ended.state == "done"
        assert await jobs.prune(days=0) == 1
