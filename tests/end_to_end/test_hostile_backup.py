"""What a stranger gives out as a backup is refused before anything is replaced."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import sqlite3
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from nightcrew.kernel.backup import archive as archives
from nightcrew.kernel.errors import Invalid, NightcrewError

from .conftest import command
from .test_backup import installed, messages


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Nightcrew, and one with the members of its backup."""
    made = tmp_path_factory.mktemp("good")
    installed(made / "data")
    command("backup", made / "saved", "--data-dir", made / "data")
    with tarfile.open(made / "saved") as archive:
        archive.extractall(made / "inside", filter="data")
    return made


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """A Nightcrew that must stay as it is."""
    return shutil.copytree(good / "data", tmp_path / "data")


@pytest.fixture
def inside(good: Path, tmp_path: Path) -> Path:
    """The members of a good backup of it."""
    return shutil.copytree(good / "inside", tmp_path / "inside")


def packed(inside: Path, *more: tuple[tarfile.TarInfo, bytes]) -> Path:
    """An archive of the members, and what else there should be in it."""
    bad = inside.with_name("bad.tar.gz")
    with tarfile.open(bad, "w:gz") as archive:
        for path in sorted(inside.iterdir()):
            archive.add(path, path.name)
        for info, content in more:
            archive.addfile(info, io.BytesIO(content))
    return bad


def refused(bad: Path, folder: Path, match: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(NightcrewError, match=match):
        command("restore", bad, "--data-dir", folder, "--force")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_good_one_is_taken(inside: Path, folder: Path) -> None:
    command("restore", packed(inside), "--data-dir", folder, "--force")
    assert messages(folder) == ["it was here"]


class Member(NamedTuple):
    name: str
    type: bytes = tarfile.REGTYPE
    target: str = ""


@pytest.mark.parametrize(
    "member",
    [
        Member("../evil"),
        Member("/etc/cron.d/evil"),
        Member("tables/../../evil"),
        Member("server.lock"),
        Member("node-id"),  # a second one
        Member("jobs.db", tarfile.SYMTYPE, "/etc/passwd"),
        Member("jobs.db", tarfile.LNKTYPE, "secret.key"),
        Member("jobs.db", tarfile.DIRTYPE),
        Member("jobs.db", tarfile.FIFOTYPE),
        Member("jobs.db", tarfile.CHRTYPE),
    ],
    ids=str,
)
def test_members_of_other_names_and_kinds_are_refused(inside: Path, folder: Path, member: Member) -> None:
    (inside / "node-id").write_text("one-1")
    info = tarfile.TarInfo(member.name)
    info.type, info.linkname = member.type, member.target
    refused(packed(inside, (info, b"")), folder, "which does not belong in a backup")
    assert not (folder.parent / "evil").exists()


def test_a_size_that_the_disk_has_no_room_for_is_refused(inside: Path, folder: Path) -> None:
    info = tarfile.TarInfo("jobs.db")
    info.size = 900 << 40
    bad = inside.with_name("huge.tar.gz")
    with gzip.open(bad, "wb") as out:
        out.write(info.tobuf(tarfile.GNU_FORMAT))
    refused(bad, folder, r"takes .* TB or more: .* free")


def test_a_bomb_is_refused_before_it_fills_the_disk(
    inside: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = shutil.disk_usage(folder)._replace(free=archives.RESERVE + (20 << 20))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: disk)
    info = tarfile.TarInfo("jobs.db")
    info.size = 30 << 20
    bad = packed(inside, (info, bytes(info.size)))
    assert bad.stat().st_size < 1 << 20
    refused(bad, folder, r"MB or more: .* free")


def test_a_header_that_takes_the_memory_is_refused(inside: Path, folder: Path) -> None:
    bad = inside.with_name("header.tar.gz")
    info = tarfile.TarInfo("headers")
    info.type, info.size = tarfile.XHDTYPE, 2 << 30
    with gzip.open(bad, "wb") as out:
        out.write(info.tobuf(tarfile.GNU_FORMAT))
    refused(bad, folder, "extra data besides its files")


def test_headers_without_end_are_refused(inside: Path, folder: Path) -> None:
    bad = inside.with_name("headers.tar.gz")
    info = tarfile.TarInfo("headers")
    info.type, info.size = tarfile.XGLTYPE, 512
    with gzip.open(bad, "wb") as out:
        for _ in range(20_000):
            out.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(512))
    refused(bad, folder, "extra data besides its files|cannot be read")


@pytest.mark.parametrize("name", ["secret.key", "node-id", "nightcrew.toml", "manifest.json"])
def test_small_files_are_small(inside: Path, folder: Path, name: str) -> None:
    (inside / name).write_bytes(b"#" * (5 << 20))
    refused(packed(inside), folder, "which does not belong in a backup")


@pytest.mark.parametrize(
    "cut", [lambda whole: whole[: len(whole) // 2], lambda _: b"", lambda _: b"nothing of the kind" * 100]
)
def test_a_file_that_is_cut_off_or_something_else_is_refused(
    inside: Path, folder: Path, cut: Callable[[bytes], bytes]
) -> None:
    bad = packed(inside)
    bad.write_bytes(cut(bad.read_bytes()))
    refused(bad, folder, "cannot be read as a backup|has no secret.key")


def unpacked(archive: bytes) -> bytes | None:
    """What is inside, None when that cannot be read."""
    with contextlib.suppress(EOFError, OSError, zlib.error):
        return gzip.decompress(archive)
    return None


@pytest.mark.parametrize("place", [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_a_flipped_bit_is_found(inside: Path, folder: Path, place: float) -> None:
    """Up to the checksum in the last eight bytes. A bit that changes nothing of what is inside is no damage, so the next one is taken."""
    bad = packed(inside)
    good = bad.read_bytes()
    at = int(place * (len(good) - 8))
    flipped = next(
        content
        for bit in range(8)
        if unpacked(content := good[:at] + bytes([good[at] ^ (1 << bit)]) + good[at + 1 :]) != unpacked(good)
    )
    bad.write_bytes(flipped)
    refused(bad, folder, "cannot be read as a backup|which does not belong in a backup")


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("CREATE TRIGGER t AFTER UPDATE ON node BEGIN DELETE FROM setting; END", "has a trigger, 't'"),
        ("CREATE VIEW v AS SELECT * FROM setting", "has a view, 'v'"),
        ("CREATE VIRTUAL TABLE f USING fts5(x)", "has a virtual table, 'f'"),
        ("CREATE TABLE photos (id INTEGER)", "'photos', which is not Nightcrew's"),
        ("CREATE INDEX i ON node (lower(id))", "'i', which is not Nightcrew's"),
        ("ALTER TABLE setting ADD COLUMN more TEXT", "its table setting has other columns"),
        ("ALTER TABLE setting ADD COLUMN more TEXT AS (upper(key))", "its table setting has other columns"),
        ("DROP TABLE setting", "its table setting has other columns, or is missing"),
        ("DROP TABLE setting; CREATE VIEW setting AS SELECT 1", "has a view, 'setting'"),
        (
            "UPDATE alembic_version SET version_num = 'kernel_9999' WHERE version_num LIKE 'kernel%'",
            "a newer Nightcrew",
        ),
        ("DELETE FROM alembic_version", "belongs to no version of Nightcrew"),
        ("DROP TABLE alembic_version", "belongs to no version of Nightcrew"),
        ("UPDATE vault_canary SET sealed = 'gAAAAA'", "does not open its secrets"),
    ],
)
def test_a_database_of_another_schema_is_refused(inside: Path, folder: Path, statement: str, match: str) -> None:
    with sqlite3.connect(inside / "nightcrew.db") as connection:
        connection.executescript(statement)
    connection.close()
    refused(packed(inside), folder, match)


def test_of_a_strange_database_only_rows_are_taken(inside: Path, folder: Path) -> None:
    """Expressions in a table's definition would be computed by whoever writes into it."""
    with sqlite3.connect(inside / "nightcrew.db") as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'value TEXT', 'value TEXT DEFAULT (hex(9))')")
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    command("restore", packed(inside), "--data-dir", folder, "--force")
    with sqlite3.connect(folder / "nightcrew.db") as connection:
        schema = " ".join(row[0] or "" for row in connection.execute("SELECT sql FROM sqlite_master"))
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()
    assert "CREATE TABLE setting" in schema.replace('"', "")
    assert "hex" not in schema
    assert messages(folder) == ["it was here"]


@pytest.mark.parametrize("place", [0, 16, 4096, "ix_activity_at"])
def test_a_damaged_database_is_refused(inside: Path, folder: Path, place: int | str) -> None:
    if isinstance(place, str):  # an index, which nobody reads who only wants the rows
        with contextlib.closing(sqlite3.connect(inside / "nightcrew.db")) as connection:
            found = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (place,)).fetchone()
            place = (found[0] - 1) * 4096
    with (inside / "nightcrew.db").open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 300)
    refused(packed(inside), folder, "damaged")


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("node-id", b"one\ntwo", "not a valid node name"),
        ("node-id", b"../../one", "not a valid node name"),
        ("node-id", b"", "not a valid node name"),
        ("node-id", b"\xff\xfe", "not a valid node name"),
        ("nightcrew.toml", b"[playlists\n", "cannot be read"),
        ("nightcrew.toml", b"\xff", "cannot be read"),
        ("nightcrew.toml", b"a = " + b"[" * 100_000, "cannot be read"),
        ("secret.key", b"short", "32 bytes"),
        ("secret.key", b"\xff" * 44, "32 bytes"),
        ("manifest.json", b"{}", "cannot be read"),
        ("manifest.json", b"[" * 100_000, "cannot be read"),
        ("manifest.json", b'{"format": 99, "more": "things"}', "a newer Nightcrew"),
        ("manifest.json", b'{"format": "1"}', "cannot be read"),
    ],
)
def test_small_files_are_read_before_they_are_put_back(
    inside: Path, folder: Path, name: str, content: bytes, match: str
) -> None:
    (inside / name).write_bytes(content)
    refused(packed(inside), folder, match)


@pytest.mark.parametrize("missing", ["secret.key", "nightcrew.db"])
def test_a_backup_without_what_it_is_for_is_refused(inside: Path, folder: Path, missing: str) -> None:
    (inside / missing).unlink()
    refused(packed(inside), folder, "it has no")


def test_nothing_unpacked_stays_behind(inside: Path, folder: Path) -> None:
    (inside / "node-id").write_text("../..")
    bad = packed(inside)
    with pytest.raises(Invalid):
        command("restore", bad, "--data-dir", folder, "--force")
    with pytest.raises(Invalid):
        command("restore", bad, "--data-dir", folder.parent / "new")
    assert not (folder.parent / "new").exists()
    assert list(folder.parent.rglob("restore-*")) == []
