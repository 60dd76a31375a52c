"""`nightcrew backup` and `nightcrew restore`: one file with the databases, the key and the configuration file.

A backup may be made while the server runs: SQLite copies a database page by page from one consistent state. On
PostgreSQL, use its own tools for the database; the key still has to be kept, and is.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.client import Failed
from nightcrew.kernel import files

DATABASES = ("nightcrew.db", "jobs.db")
PLAIN = ("secret.key", "node-id", "nightcrew.toml")
MAX_FILE = 64 << 30
"""Bytes; a larger member is no backup of ours."""

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Default: ~/.local/share/nightcrew.")]


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, for example nightcrew.tar.gz.")],
    data_dir: DataDir = None,
) -> None:
    """Write everything that cannot be fetched again into one file. It holds the key: keep it private."""
    folder = _folder(data_dir)
    if not (folder / "secret.key").exists():
        raise Failed(f"there is no Nightcrew in {folder}: name another with --data-dir")
    with files.replacing(file.absolute()) as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
        saved = [name for name in DATABASES if _add_database(archive, folder / name)]
        saved += [name for name in PLAIN if _add(archive, folder / name, name)]
    print(f"saved {', '.join(saved)} to {file} ({file.stat().st_size / 1e6:.1f} MB)")


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file that `nightcrew backup` wrote.")],
    data_dir: DataDir = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is in the data directory.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be put back.")] = False,
) -> None:
    """Put a backup back. The server must not run."""
    folder = _folder(data_dir)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=_existing(folder)) as temporary:
        found = _unpack(file, Path(temporary))
        kept = [name for name in found if (folder / name).exists()]
        if dry_run:
            replaced = f", replacing {', '.join(kept)}" if kept else ""
            print(f"would put back {', '.join(found)} into {folder}{replaced}")
            return
        if kept and not force:
            raise Failed(
                f"{folder} has a Nightcrew already ({', '.join(kept)}): --force replaces it, --dry-run only tells"
            )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _nobody_runs(folder):
            for name in found:
                for left in (f"{name}-wal", f"{name}-shm"):  # they belong to the old database
                    (folder / left).unlink(missing_ok=True)
                with files.replacing(folder / name) as out, (Path(temporary) / name).open("rb") as saved:
                    shutil.copyfileobj(saved, out)
    print(f"put back {', '.join(found)} into {folder}")


def _folder(data_dir: Path | None) -> Path:
    from nightcrew.app import default_data_dir

    return (data_dir or default_data_dir()).expanduser().absolute()


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _add_database(archive: tarfile.TarFile, path: Path) -> bool:
    if not path.exists():
        return False
    with tempfile.TemporaryDirectory(prefix="backup-", dir=path.parent) as temporary:
        copy = Path(temporary) / path.name
        with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return _add(archive, copy, path.name)


def _add(archive: tarfile.TarFile, path: Path, name: str) -> bool:
    if not path.exists():
        return False
    archive.add(path, name, recursive=False)
    return True


def _unpack(file: Path, into: Path) -> list[str]:
    """The known members of a backup, each checked. Raises `Failed`; what is unknown is refused, not passed over."""
    found: list[str] = []
    try:
        with tarfile.open(file, "r:gz") as archive:
            for member in archive:
                if member.name not in (*DATABASES, *PLAIN) or not member.isfile() or member.size > MAX_FILE:
                    raise Failed(f"{file} is no backup of Nightcrew: it has {member.name[:80]!r}")
                content = archive.extractfile(member) or io.BytesIO()
                with (into / member.name).open("wb") as out:
                    while block := content.read(1 << 20):
                        out.write(block)
                found.append(member.name)
    except (tarfile.TarError, OSError, EOFError) as exc:
        raise Failed(f"{file} cannot be read as a backup: {exc}") from exc
    if "secret.key" not in found:
        raise Failed(f"{file} is no backup of Nightcrew: it has no secret.key")
    for name in found:
        if name in DATABASES:
            _check(into / name)
    return found


def _check(path: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as exc:
        raise Failed(f"the backup's {path.name} is damaged: {exc}") from exc
    if answer != "ok":
        raise Failed(f"the backup's {path.name} is damaged: {answer}")


@contextlib.contextmanager
def _nobody_runs(folder: Path) -> Iterator[None]:
    with (folder / "server.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise Failed(f"a Nightcrew runs on {folder}: stop it first") from exc
        yield
