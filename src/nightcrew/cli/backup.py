"""`nightcrew backup` and `nightcrew restore`: one file with the database, the key and the configuration file.

A backup may be made while the server runs: each database is copied from one consistent state.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.places import Database, DataDir, folder_of
from nightcrew.client import Failed, Out
from nightcrew.kernel.words import counted, size

if TYPE_CHECKING:
    import sqlalchemy as sa

    from nightcrew.kernel.backup.examination import Examined

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database and belongs to that one alone."""
AGAIN = "what was running starts again by its schedule"


def backup(
    out: Out,
    file: Annotated[Path, typer.Argument(help="The file to write, for example nightcrew.tar.gz.")],
    data_dir: DataDir = None,
    database_url: Database = None,
) -> None:
    """Write everything that cannot be fetched again into one file. It holds the key: keep it private."""
    import sqlite3

    from nightcrew.app import migration_folders
    from nightcrew.kernel import files
    from nightcrew.kernel.backup.writing import write
    from nightcrew.kernel.vault import KEY_VARIABLE, Vault, key_in_use

    folder = folder_of(data_dir)
    url = _database(folder, database_url)
    if _is_sqlite(url) and not Path(url.database or "").exists():
        raise Failed(f"there is no Nightcrew in {folder}: name another with --data-dir, or its --database-url")
    key = key_in_use(folder)
    if key is None:
        raise Failed(f"the key is not in {folder}: name another with --data-dir, or set {KEY_VARIABLE}")
    Vault(key)
    beside = folder if folder.is_dir() else file.absolute().parent
    try:
        with files.replacing(file.absolute()) as written:
            said = write(written, url=url, data_dir=folder, key=key, folders=migration_folders(), beside=beside)
    except (OSError, sqlite3.Error) as exc:
        raise Failed(f"cannot write the backup to {file}: {getattr(exc, 'strerror', None) or exc}") from exc
    saved = [name for name in said.members if not name.startswith("tables/")]
    tables, rows, length = len(said.tables), sum(table.rows for table in said.tables), file.stat().st_size
    if out.data({"file": str(file), "bytes": length, "members": saved, "tables": tables, "rows": rows}):
        return
    if tables:
        saved.insert(0, f"{counted(tables, 'table')} ({counted(rows, 'row')})")
    out.say(f"saved {', '.join(saved)} to {file} ({size(length)})")
    if tables:
        out.say(f"Runs of jobs are not in it. After a restore, {AGAIN}.")


def restore(
    out: Out,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file that `nightcrew backup` wrote.")],
    data_dir: DataDir = None,
    database_url: Database = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is in the data directory and in the database.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be restored.")] = False,
) -> None:
    """Put a backup back. The server must not run. All of it is checked before anything is replaced."""
    import tempfile

    from nightcrew.app import migration_folders
    from nightcrew.kernel.backup.examination import examine
    from nightcrew.kernel.vault import given_key

    folder = folder_of(data_dir)
    url = _database(folder, database_url)
    try:
        with tempfile.TemporaryDirectory(prefix="restore-", dir=_existing(folder)) as temporary:
            found = examine(file, Path(temporary), folders=migration_folders(), given=given_key())
            _check_kind(found, url)
            _put_back(out, found, folder, url, force=force, dry_run=dry_run)
    except OSError as exc:
        raise Failed(f"cannot put the backup back into {folder}: {exc.strerror or exc}") from exc
    if found.tables:
        out.say(f"Runs of jobs are not in it: {AGAIN}.")
    elif found.without_runs:
        out.say(f"jobs.db is left out: {found.without_runs}. Without it, {AGAIN}.")


def _put_back(out: Out, found: Examined, folder: Path, url: sa.URL, *, force: bool, dry_run: bool) -> None:
    targets = _targets(found, folder, url)
    place = f"the database {url.database} and {folder}" if found.tables else str(folder)
    there = [name for name, path in targets.items() if _differs(found.files.get(name), path)]
    there += _occupied(url) if found.tables else []
    answer = {
        "contents": sorted(found.files),
        "tables": len(found.tables[1].tables) if found.tables else 0,
        "runs": "none" if found.tables else found.without_runs or "put back",
        "replaced": there,
        "dry_run": dry_run,
    }
    if dry_run:
        replaced = f", replacing {', '.join(there)}" if there else ""
        out.one(answer, lambda _: f"would put back {_contents(found)} into {place}{replaced}")
        return
    if there and not force:
        raise Failed(f"{place} has a Nightcrew already ({', '.join(there)}): --force replaces it, --dry-run only tells")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _nobody_runs(folder):
        _load(found, url, force=force)
        _replace(found, targets)
    out.one(answer, lambda _: f"put back {_contents(found)} into {place}")


def _database(folder: Path, given: str | None) -> sa.URL:
    import sqlalchemy as sa

    from nightcrew.kernel.store import database_url

    return sa.make_url(database_url(folder, given))


def _is_sqlite(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _check_kind(found: Examined, url: sa.URL) -> None:
    if found.tables and _is_sqlite(url):
        raise Failed(
            "the backup is of a PostgreSQL database: name an empty one with --database-url, as postgresql://user:password@host/name"
        )
    if not found.tables and not _is_sqlite(url):
        raise Failed(
            "the backup is of a SQLite database, and goes into a data directory: restore without --database-url, and "
            "without NIGHTCREW_DATABASE_URL in the environment"
        )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _targets(found: Examined, folder: Path, url: sa.URL) -> dict[str, Path]:
    """What is put in place or removed, by name. Runs that were left out must not go on beside other rows."""
    targets = {name: folder / name for name in found.files}
    if not found.tables:
        targets |= {"nightcrew.db": Path(url.database or ""), "jobs.db": folder / "jobs.db"}
    return targets


def _differs(new: Path | None, old: Path) -> bool:
    import filecmp

    return old.exists() and (new is None or not filecmp.cmp(new, old, shallow=False))


def _occupied(url: sa.URL) -> list[str]:
    from nightcrew.kernel.backup.postgres import occupied

    tables, runs = occupied(url)
    return ([counted(tables, "table")] if tables else []) + (["runs of jobs"] if runs else [])


def _load(found: Examined, url: sa.URL, *, force: bool) -> None:
    from nightcrew.app import migration_folders
    from nightcrew.kernel.backup.postgres import load

    if found.tables:
        load(url, *found.tables, migration_folders(), force=force)


def _replace(found: Examined, targets: dict[str, Path]) -> None:
    from nightcrew.kernel import files

    for name, path in targets.items():
        if path.suffix == ".db":
            for left in BESIDE:
                path.with_name(path.name + left).unlink(missing_ok=True)
        if name in found.files:
            files.put(found.files[name], path)
        else:
            path.unlink(missing_ok=True)


def _contents(found: Examined) -> str:
    tables = [counted(len(found.tables[1].tables), "table")] if found.tables else []
    return ", ".join([*tables, *sorted(found.files)])


@contextlib.contextmanager
def _nobody_runs(folder: Path) -> Iterator[None]:
    import fcntl

    with (folder / "server.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise Failed(f"a Nightcrew runs on {folder}: stop it first") from exc
        yield
