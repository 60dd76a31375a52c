"""What holds logins is its owner's alone, also in a folder that was there before and that everybody may look into."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nightcrew.kernel import files
from support import running

SECRET = {
    "kind": "m3u",
    "name": "Mine",
    "region": "DE",
    "url": "http://192.0.2.1/get.php?username=me&password=hunter22",
}


def readable(folder: Path) -> list[str]:
    """Files that other users can read, by name."""
    return sorted(
        path.name for path in folder.rglob("*") if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    )


async def test_databases_in_a_folder_for_all_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    before = os.umask(0o022)
    try:
        for _ in range(2):
            async with running(folder) as node:
                await node.post("/api/v1/sources", SECRET | {"name": f"Mine {_}"})
                holds = [path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".lock"]
                assert {"nightcrew.db", "nightcrew.db-wal", "jobs.db", "secret.key"} <= set(holds)
                assert readable(folder) == []
            assert readable(folder) == []
    finally:
        os.umask(before)


async def test_databases_of_an_older_nightcrew_are_made_private(tmp_path: Path) -> None:
    async with running(tmp_path):
        pass
    for path in tmp_path.glob("*.db*"):
        path.chmod(0o644)
    async with running(tmp_path) as node:
        await node.post("/api/v1/sources", SECRET)
        assert not [name for name in readable(tmp_path) if ".db" in name]


def test_a_file_that_cannot_be_made_private_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.db").touch(0o644)
    (tmp_path / "a.db").chmod(0o644)

    def refuse(_path: Path, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    assert files.make_private(tmp_path / "a.db", tmp_path / "new.db") == [tmp_path / "a.db"]


def test_a_database_that_lies_on_another_disk_is_private_there(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    elsewhere.chmod(0o644)
    (tmp_path / "nightcrew.db").symlink_to(elsewhere)
    assert files.make_private(tmp_path / "nightcrew.db") == []
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600


def test_a_key_that_only_its_owner_may_read_stays_so(tmp_path: Path) -> None:
    """As people do who know what it is, and as container secrets are; nothing needs to open it for writing."""
    key = tmp_path / "secret.key"
    key.write_bytes(b"x")
    for before, after in ((0o400, 0o400), (0o440, 0o400), (0o644, 0o600)):
        key.chmod(before)
        assert files.make_private(key) == []
        assert stat.S_IMODE(key.stat().st_mode) == after


def test_making_a_database_private_lets_go_of_no_lock(tmp_path: Path) -> None:
    """To close a file gives up all locks that the process has on it, those of an open transaction too."""
    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE t (x)")
        path.chmod(0o644)
        database.execute("BEGIN EXCLUSIVE")
        files.make_private(path)
        code = f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('INSERT INTO t VALUES (1)')"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "database is locked" in other.stderr


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    """It is made before SQLite opens it."""
    files.make_private(tmp_path / "new.db")
    with sqlite3.connect(tmp_path / "new.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (x)")
        assert readable(tmp_path) == []
    database.close()
