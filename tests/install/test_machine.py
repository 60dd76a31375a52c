"""Machines that lack something: `doctor` says it in a sentence, and so does `serve`, which goes on where it can."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from nightcrew import app
from nightcrew.cli import doctor as examination
from nightcrew.cli import local, looks, wheels
from nightcrew.kernel import ffmpeg as program
from nightcrew.kernel.activity import activity
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import Store, database_url, migrate
from support import free_port
from terminal import Result, run

TRY_ALL = wheels.findings


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is tried in other processes takes its time, and is tried by tests of its own."""
    monkeypatch.setattr(wheels, "findings", list)
    program.ffmpeg.cache_clear()
    yield
    program.ffmpeg.cache_clear()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[app.Config]:
    """The servers that were started, of which none was."""
    found: list[app.Config] = []
    monkeypatch.setattr(local, "_run", lambda config, _ready: found.append(config))
    return found


def without_ffmpeg(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)


def doctor(folder: Path, *more: object) -> tuple[Result, dict[str, tuple[bool, str]]]:
    """How it ended, and what it found of what."""
    result = run("doctor", "--data-dir", folder / "data", "--port", free_port(), *more, "--json")
    return result, {one["what"]: (one["ok"], one["detail"]) for one in json.loads(result.out)}


def serve(folder: Path) -> Result:
    return run("serve", "--data-dir", folder / "data", "--port", free_port())


def test_an_sqlite_that_is_too_old_ends_a_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: list[app.Config]
) -> None:
    monkeypatch.setattr(looks.sqlite3, "sqlite_version_info", (3, 31, 1))
    monkeypatch.setattr(looks.sqlite3, "sqlite_version", "3.31.1")
    result, found = doctor(tmp_path)
    assert result.code == 1
    assert found["SQLite"] == (
        False,
        "3.31.1 (3.35 or newer is needed: take a newer Python, or PostgreSQL with --database-url)",
    )
    serve(tmp_path).failed("SQLite: 3.31.1 (3.35 or newer is needed")
    assert served == []
    assert "SQLite" not in {one.what for one in looks.at_once(tmp_path, database_url="postgresql://x/y")}


@pytest.mark.parametrize("place", ["/proc/nightcrew", "file"])
def test_a_folder_that_cannot_be_written_ends_a_start(tmp_path: Path, served: list[app.Config], place: str) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / place
    result = run("doctor", "--data-dir", folder, "--port", free_port())
    assert result.code == 1
    assert f"MISSING data directory: {folder} cannot be" in result.out
    run("serve", "--data-dir", folder).failed("choose another with --data-dir")
    assert served == []


def test_without_ffmpeg_a_server_starts_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: list[app.Config]
) -> None:
    without_ffmpeg(monkeypatch, tmp_path)
    result, found = doctor(tmp_path)
    assert result.code == 0, result
    assert found["ffmpeg"][0] is False
    assert "apt install ffmpeg" in found["ffmpeg"][1]
    said = serve(tmp_path)
    assert (said.code, len(said.err.splitlines()), len(served)) == (0, 1, 1)
    assert "nightcrew: ffmpeg: there is no ffmpeg: install it (apt install ffmpeg" in said.err


def test_an_ffmpeg_of_another_machine_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_ffmpeg(monkeypatch, tmp_path)
    (tmp_path / "ffmpeg").write_bytes(b"\x7fELF of a Raspberry Pi")
    (tmp_path / "ffmpeg").chmod(0o755)
    _, found = doctor(tmp_path)
    assert found["ffmpeg"] == (False, f"{tmp_path / 'ffmpeg'} does not start: Exec format error: install another")


def test_a_library_that_cannot_be_written_is_said_by_its_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: list[app.Config]
) -> None:
    monkeypatch.setenv("NIGHTCREW_RECORDINGS_LIBRARY", "/proc/recordings")
    monkeypatch.setenv("NIGHTCREW_MUSIC_LIBRARY", str(tmp_path / "music"))
    result, found = doctor(tmp_path)
    assert result.code == 1
    assert found["music.library"] == (True, f"{tmp_path / 'music'} can be written")
    assert found["music.library, disk"][0] is True
    assert found["recordings.library"][0] is False
    said = serve(tmp_path)
    assert (said.code, len(served)) == (0, 1)
    assert said.err.startswith("nightcrew: recordings.library: /proc/recordings cannot be written")
    assert not (tmp_path / "music").exists(), "a look makes nothing"


def test_a_disk_without_room_is_said_and_a_server_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: list[app.Config]
) -> None:
    monkeypatch.setattr(looks.shutil, "disk_usage", lambda _: SimpleNamespace(free=2e8))
    result, found = doctor(tmp_path)
    assert (result.code, found["disk"][0]) == (1, False)
    assert "0.2 GB free" in serve(tmp_path).err
    assert len(served) == 1


def test_a_clock_that_nobody_has_set_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: list[app.Config]
) -> None:
    monkeypatch.setattr(looks, "time", SimpleNamespace(time=lambda: 1e9))
    result, found = doctor(tmp_path)
    assert (result.code, found["clock"][0]) == (1, False)
    assert "clock: it stands before June 2025" in serve(tmp_path).err
    assert len(served) == 1


async def test_a_clock_behind_what_was_stored_is_a_finding(tmp_path: Path, database: str | None) -> None:
    """Where the battery of a board is empty, or somebody has set it back."""
    config = app.Config(tmp_path, database_url=database)
    store = Store(database_url(tmp_path, database))
    migrate(store.url, app.migration_folders())
    found = []
    for moment in (utcnow() - timedelta(days=1), utcnow() + timedelta(days=2)):
        async with store.write() as connection:
            row = {"at": moment, "kind": "x", "level": "info", "actor": "system", "message": "x"}
            await connection.execute(sa.insert(activity).values(row))
        found += examination._time(config)
    await store.close()
    assert [one.ok for one in found] == [True, False]
    assert "the clock is behind what was stored last" in found[1].detail


def test_a_port_that_is_taken_is_a_finding(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not looks.port("127.0.0.1", port, tmp_path).ok
        with app.machine.only_one(tmp_path):
            assert looks.port("127.0.0.1", port, tmp_path).ok, "it is Nightcrew itself that listens"


def test_a_look_that_goes_wrong_is_a_finding_and_the_others_follow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails() -> None:
        raise RuntimeError("no /proc here")

    monkeypatch.setattr(examination, "_memory", fails)
    result, found = doctor(tmp_path)
    assert found["memory"] == (False, "cannot be looked at: no /proc here")
    assert {"port", "prober"} <= found.keys()
    assert (result.code, result.err) == (1, "")


# -- what was compiled -------------------------------------------------------------------------------------------------


def test_what_was_compiled_for_another_machine_is_told_though_it_ends_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "too_new.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    (tmp_path / "no_wheel.py").write_text("raise ImportError('GLIBC_2.38 not found')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(wheels, "COMPILED", {"json": "json", "too_new": "fast", "no_wheel": "other", "csv": "csv"})
    found = TRY_ALL()
    assert [(one.what, one.ok) for one in found] == [("fast", False), ("other", False)]
    assert "it ended Python with signal 4" in found[0].detail
    assert "GLIBC_2.38 not found" in found[1].detail
    monkeypatch.setattr(wheels, "COMPILED", {"json": "json", "csv": "csv"})
    assert [one.ok for one in TRY_ALL()] == [True]


def test_each_that_is_named_is_a_module_that_loads() -> None:
    assert [one.ok for one in TRY_ALL()] == [True]


def test_where_nightcrew_cannot_be_loaded_doctor_says_why_and_serve_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "nightcrew.app", None)
    monkeypatch.setitem(sys.modules, "nightcrew.cli.doctor", None)
    broken = looks.Finding("cryptography", False, "does not load here")
    monkeypatch.setattr(wheels, "findings", lambda: [broken])
    result = run("doctor", "--data-dir", tmp_path / "data")
    assert (result.code, result.err) == (1, "")
    assert "MISSING cryptography: does not load here" in result.out
    serve(tmp_path).failed("`nightcrew doctor` says what this machine lacks")


def test_a_libav_without_a_codec_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As distributions build it that leave out what is patented."""
    (tmp_path / "av" / "codec").mkdir(parents=True)
    (tmp_path / "av" / "__init__.py").write_text("")
    (tmp_path / "av" / "codec" / "__init__.py").write_text(
        "from av.codec.codec import UnknownCodecError\n"
        "def Codec(name, mode):\n"
        "    if name in ('h264', 'hevc'):\n"
        "        raise UnknownCodecError(name)\n"
    )
    (tmp_path / "av" / "codec" / "codec.py").write_text("class UnknownCodecError(ValueError): pass\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    result, found = doctor(tmp_path)
    assert result.code == 1
    assert found["codecs"][1].startswith("libav cannot decode h264 hevc: ")
