"""A backup made while the server works brings everything back: sources with their logins, channels, edits, settings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from furnished import new_database
from nightcrew import app
from nightcrew.client import Failed
from nightcrew.demo.world import World
from nightcrew.kernel.activity import activity
from nightcrew.kernel.backup.archive import Writer
from nightcrew.kernel.backup.postgres import reading
from nightcrew.kernel.canary import check_key
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.dialects import sync_url
from nightcrew.kernel.errors import Conflict, Invalid, NeedsUser
from nightcrew.kernel.nodes_store import node as node_table
from nightcrew.kernel.store import Store, database_url, metadata, migrate, upgrade
from nightcrew.kernel.vault import Vault
from nightcrew.playlists.models import source as source_table
from support import running

from .conftest import Start, command

KEY, OTHER_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NIGHTCREW_SECRET_KEY", "NIGHTCREW_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@contextlib.contextmanager
def opened(folder: Path, url: str | None) -> Iterator[sa.Connection]:
    engine = sa.create_engine(sync_url(sa.make_url(database_url(folder, url))))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def rows(folder: Path, url: str | None) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    with opened(folder, url) as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def installed(folder: Path, url: str | None = None, *, key: str | None = None) -> None:
    """A Nightcrew that has been started once, with an entry in its feed."""
    folder.mkdir(exist_ok=True)

    async def first_start() -> None:
        store = Store(database_url(folder, url))
        await asyncio.to_thread(migrate, store.url, app.migration_folders())
        await check_key(store, Vault(key) if key else Vault.open(folder))
        await store.close()

    asyncio.run(first_start())
    enter(folder, url, "it was here")


def enter(folder: Path, url: str | None, message: str) -> int:
    """Write an entry into the feed; returns its number."""
    values = {"at": utcnow(), "kind": "test", "level": "info", "actor": "test", "message": message}
    with opened(folder, url) as connection:
        return int(connection.execute(sa.insert(activity).values(values).returning(activity.c.id)).scalar_one())


def messages(folder: Path, url: str | None = None) -> list[str]:
    with opened(folder, url) as connection:
        return list(connection.execute(sa.select(activity.c.message)).scalars())


def database_option(url: str | None) -> list[str]:
    return ["--database-url", url] if url else []


@pytest.mark.slow
def test_a_backup_of_a_running_server_brings_everything_back(start: Start, tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u"
    playlist.write_text(
        "#EXTM3U\n" + "".join(f"#EXTINF:-1 tvg-id='c{n}',C{n}\nhttp://192.0.2.1/{n}\n" for n in range(30))
    )
    server = start()
    made = server.post("/api/v1/sources", {"kind": "m3u", "name": "List", "url": str(playlist), "region": "DE"}).json()
    run = f"/api/v1/jobs/{made['feeds'][0]['run']}"
    while server.get(run).json()["state"] in {"queued", "running"}:
        time.sleep(0.1)
    channel = server.get("/api/v1/channels").json()["items"][0]
    server.patch(f"/api/v1/channels/{channel['id']}", {"name": "Mine"})
    saved = tmp_path / "saved.tar.gz"
    assert "nightcrew.db" in command("backup", saved, "--data-dir", server.folder)
    assert saved.stat().st_mode & 0o077 == 0, "it holds the key"
    with pytest.raises(Failed, match="--force"):
        command("restore", saved, "--data-dir", server.folder)
    with pytest.raises(Failed, match="stop it first"):
        command("restore", saved, "--data-dir", server.folder, "--force")

    elsewhere = tmp_path / "elsewhere"
    assert "would put back" in command("restore", saved, "--data-dir", elsewhere, "--dry-run")
    assert not elsewhere.exists()
    key = (server.folder / "secret.key").read_text()
    assert "left out" not in command("restore", saved, "--data-dir", elsewhere, env={"NIGHTCREW_SECRET_KEY": key})
    server.kill()
    playlist.unlink()  # what is served must come from the backup
    again = start("elsewhere")
    text = again.get("/playlist/DE.m3u").text
    assert text.count("#EXTINF") == 30
    assert ",Mine\n" in text
    runs = again.get("/api/v1/jobs").json()["items"]
    assert made["feeds"][0]["run"] in {run["id"] for run in runs}, "the runs came along"


@pytest.mark.slow
async def test_every_row_comes_back_and_the_logins_open(
    tmp_path: Path, database: str | None, postgres_server: str
) -> None:
    folder, saved = tmp_path / "data", tmp_path / "saved.tar.gz"
    async with World(live=False) as world:
        xtream = next(source for source in world.sources() if source["kind"] == "xtream")
        async with running(folder, database_url=database) as node:
            source = await node.add(**xtream | {"guide": False})
            channel = (await node.get("/api/v1/channels"))["items"][0]
            await node.patch(f"/api/v1/channels/{channel['id']}", {"name": "Mine", "number": "77"})
            await node.patch("/api/v1/settings", {"kernel.activity_days": 12})
        enter(folder, database, "tab\t, line\n, \\N, \\., ü and \\")
        before = rows(folder, database)
        assert {name for name, found in before.items() if found} >= {
            "playlist_source", "playlist_channel", "playlist_stream", "setting", "activity", "vault_canary", "node",
        }  # fmt: skip
        told = await asyncio.to_thread(command, "backup", saved, "--data-dir", folder, *database_option(database))
        assert ("Runs of jobs are not in it" in told) == (database is not None)

        elsewhere, empty = tmp_path / "elsewhere", new_database(postgres_server) if database else None
        await asyncio.to_thread(command, "restore", saved, "--data-dir", elsewhere, *database_option(empty))
        assert rows(elsewhere, empty) == before
        async with running(elsewhere, database_url=empty) as node:
            assert node.runtime.node in {row[0] for row in before["node"]}, "it is the same node"
            ended = await node.refresh(source["id"])
            assert [run["state"] for run in ended] == ["done"], "the login opens and the panel knows it"
            kept = await node.get(f"/api/v1/channels/{channel['id']}")
            assert (kept["name"], kept["number"]) == ("Mine", "77")
            settings = (await node.get("/api/v1/settings"))["items"]
            assert {item["key"]: item["value"] for item in settings}["kernel.activity_days"] == 12
            another = await node.add(**xtream | {"guide": False, "name": "Another", "region": "XX"})
            assert another["id"] > source["id"]


def test_no_table_of_the_database_is_forgotten(tmp_path: Path, postgres: str) -> None:
    installed(tmp_path / "data", postgres)
    saved = tmp_path / "saved.tar.gz"
    command("backup", saved, "--data-dir", tmp_path / "data", "--database-url", postgres)
    with opened(tmp_path, postgres) as connection:
        there = set(sa.inspect(connection).get_table_names()) - {"alembic_version"}
    with tarfile.open(saved) as archive:
        members = {name.removeprefix("tables/") for name in archive.getnames() if name.startswith("tables/")}
    assert members == there == set(metadata.tables)


def test_numbers_that_were_given_are_not_given_again(tmp_path: Path, postgres: str, postgres_server: str) -> None:
    """An id that a player or a script remembers must not become another thing's."""
    installed(tmp_path / "data", postgres)
    gone = enter(tmp_path, postgres, "soon gone")
    with opened(tmp_path, postgres) as connection:
        connection.execute(sa.delete(activity).where(activity.c.id == gone))
    command("backup", tmp_path / "saved", "--data-dir", tmp_path / "data", "--database-url", postgres)
    empty = new_database(postgres_server)
    command("restore", tmp_path / "saved", "--data-dir", tmp_path / "new", "--database-url", empty)
    assert enter(tmp_path, empty, "the next") == gone + 1
    with opened(tmp_path, empty) as connection:
        added = sa.insert(source_table).values(
            kind="m3u", name="first of all", enabled=True, config="", shown_url="", created_at=utcnow()
        )
        assert connection.execute(added.returning(source_table.c.id)).scalar() == 1


@pytest.fixture
def older(tmp_path: Path, database: str | None) -> str:
    """A backup by a Nightcrew whose nodes had fewer columns, and which had no canary and no recordings yet."""
    folder = tmp_path / "older"
    folder.mkdir()
    (folder / "secret.key").write_text(KEY)
    with opened(folder, database) as connection:
        upgrade(connection, app.migration_folders(), ["kernel_0001", "playlists_0001"])
        connection.execute(sa.text("INSERT INTO node (id, seen_at) VALUES ('one-1', '2026-01-01 00:00:00.000000')"))
    enter(folder, database, "it was here")
    command("backup", tmp_path / "saved", "--data-dir", folder, *database_option(database))
    return str(tmp_path / "saved")


def test_a_backup_of_an_older_version_is_put_back_and_then_migrated(
    older: str, tmp_path: Path, database: str | None, postgres_server: str
) -> None:
    empty = new_database(postgres_server) if database else None
    command("restore", older, "--data-dir", tmp_path / "new", *database_option(empty))
    with opened(tmp_path / "new", empty) as connection:
        assert "recording" not in sa.inspect(connection).get_table_names()
    migrate(sa.make_url(database_url(tmp_path / "new", empty)), app.migration_folders())
    assert messages(tmp_path / "new", empty) == ["it was here"]
    assert [row[0] for row in rows(tmp_path / "new", empty)["node"]] == ["one-1"]


# -- the key -----------------------------------------------------------------------------------------------------------


def test_the_key_of_the_environment_is_saved_and_put_back(tmp_path: Path, database: str | None) -> None:
    folder, saved = tmp_path / "data", tmp_path / "saved"
    installed(folder, database, key=KEY)
    assert not (folder / "secret.key").exists()
    options = database_option(database)
    command("backup", saved, "--data-dir", folder, *options, env={"NIGHTCREW_SECRET_KEY": KEY})
    command("restore", saved, "--data-dir", tmp_path / "new", "--force", *options)
    assert (tmp_path / "new" / "secret.key").read_text() == KEY
    assert (tmp_path / "new" / "secret.key").stat().st_mode & 0o077 == 0


def test_a_key_that_does_not_open_the_secrets_saves_nothing(tmp_path: Path, database: str | None) -> None:
    folder, saved = tmp_path / "data", tmp_path / "saved"
    installed(folder, database, key=KEY)
    with pytest.raises(Failed, match="the key is not in"):
        command("backup", saved, "--data-dir", folder, *database_option(database))
    (folder / "secret.key").write_text(OTHER_KEY)  # as a start without the environment makes one
    with pytest.raises(NeedsUser, match="as the server has it"):
        command("backup", saved, "--data-dir", folder, *database_option(database))
    assert not saved.exists()
    assert list(folder.glob("backup-*")) == []


def test_another_key_in_the_environment_is_told_before_anything_is_replaced(
    tmp_path: Path, database: str | None
) -> None:
    folder, saved, options = tmp_path / "data", tmp_path / "saved", database_option(database)
    installed(folder, database)
    command("backup", saved, "--data-dir", folder, *options)
    enter(folder, database, "later")
    with pytest.raises(NeedsUser, match="another key than the backup's"):
        command("restore", saved, "--data-dir", folder, "--force", *options, env={"NIGHTCREW_SECRET_KEY": OTHER_KEY})
    assert messages(folder, database) == ["it was here", "later"]


def test_a_key_file_that_was_not_in_use_gives_way_to_the_key_that_was(tmp_path: Path) -> None:
    """An older Nightcrew saved the file, though the server went by the environment."""
    installed(tmp_path / "data", key=KEY)
    (tmp_path / "data" / "secret.key").write_text(OTHER_KEY)
    with tarfile.open(tmp_path / "saved", "w:gz") as archive:
        for name in ("nightcrew.db", "secret.key"):
            archive.add(tmp_path / "data" / name, name)
    with pytest.raises(NeedsUser, match="does not open its secrets"):
        command("restore", tmp_path / "saved", "--data-dir", tmp_path / "new")
    command("restore", tmp_path / "saved", "--data-dir", tmp_path / "new", env={"NIGHTCREW_SECRET_KEY": KEY})
    assert (tmp_path / "new" / "secret.key").read_text() == KEY


# -- running jobs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_runs(tmp_path: Path) -> Path:
    """A backup with running jobs, and a data directory `data` that it came from."""
    installed(tmp_path / "data")
    with sqlite3.connect(tmp_path / "data" / "jobs.db") as connection:
        connection.execute("CREATE TABLE run (inputs TEXT)")
    command("backup", tmp_path / "saved", "--data-dir", tmp_path / "data")
    return tmp_path / "saved"


def test_running_jobs_come_from_nobody_who_has_not_the_persons_own_key(with_runs: Path, tmp_path: Path) -> None:
    key = {"NIGHTCREW_SECRET_KEY": (tmp_path / "data" / "secret.key").read_text()}
    told = command("restore", with_runs, "--data-dir", tmp_path / "strange")
    assert "jobs.db is left out" in told
    assert not (tmp_path / "strange" / "jobs.db").exists()
    told = command("restore", with_runs, "--data-dir", tmp_path / "strange", "--force")
    assert "jobs.db is left out" in told, "the key of the first restore proves nothing"
    assert "left out" not in command("restore", with_runs, "--data-dir", tmp_path / "own", env=key)
    assert (tmp_path / "own" / "jobs.db").read_bytes() == (tmp_path / "data" / "jobs.db").read_bytes()


@pytest.mark.parametrize("changed", ["jobs.db", "nightcrew.toml", "manifest.json", "no manifest.json"])
def test_running_jobs_do_not_come_from_a_backup_that_was_changed(with_runs: Path, tmp_path: Path, changed: str) -> None:
    key = {"NIGHTCREW_SECRET_KEY": (tmp_path / "data" / "secret.key").read_text()}
    inside = tmp_path / "inside"
    with tarfile.open(with_runs) as archive:
        archive.extractall(inside, filter="data")
    if changed == "jobs.db":
        with sqlite3.connect(inside / "jobs.db") as connection:
            connection.execute("INSERT INTO run VALUES ('evil')")
    elif changed == "nightcrew.toml":
        (inside / changed).write_text("")
    elif changed == "manifest.json":
        said = json.loads((inside / changed).read_text())
        said["proof"] = said["proof"].translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
        (inside / changed).write_text(json.dumps(said))
    else:
        (inside / "manifest.json").unlink()
    with tarfile.open(with_runs, "w:gz") as archive:
        for path in sorted(inside.iterdir()):
            archive.add(path, path.name)
    told = command("restore", with_runs, "--data-dir", tmp_path / "new", env=key)
    assert "jobs.db is left out: the backup was made by hand" in told
    assert messages(tmp_path / "new") == ["it was here"]
    assert not (tmp_path / "new" / "jobs.db").exists()


def test_runs_that_belong_to_what_was_replaced_do_not_go_on(with_runs: Path, tmp_path: Path) -> None:
    command("restore", with_runs, "--data-dir", tmp_path / "data", "--force")
    assert not (tmp_path / "data" / "jobs.db").exists()


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(tmp_path: Path, postgres: str) -> Path:
    """A backup of the database `postgres`, and the data directory `data` beside it."""
    installed(tmp_path / "data", postgres)
    command("backup", tmp_path / "saved", "--data-dir", tmp_path / "data", "--database-url", postgres)
    return tmp_path / "saved"


def test_a_database_that_is_not_empty_is_only_replaced_by_force(shared: Path, tmp_path: Path, postgres: str) -> None:
    arguments = ("restore", shared, "--data-dir", tmp_path / "data", "--database-url", postgres)
    enter(tmp_path, postgres, "later")
    with opened(tmp_path, postgres) as connection:
        connection.execute(sa.text("CREATE SCHEMA dbos"))
        connection.execute(sa.text("CREATE TABLE dbos.workflow_status (id text)"))
    with pytest.raises(Failed, match="--force"):
        command(*arguments)
    assert "replacing" in command(*arguments, "--dry-run")
    assert messages(tmp_path, postgres) == ["it was here", "later"]
    command(*arguments, "--force")
    assert messages(tmp_path, postgres) == ["it was here"]
    with opened(tmp_path, postgres) as connection:
        assert "dbos" not in sa.inspect(connection).get_schema_names(), "runs of what was replaced would go on"


def test_a_database_that_a_server_uses_is_not_replaced(shared: Path, tmp_path: Path, postgres: str) -> None:
    arguments = ("restore", shared, "--data-dir", tmp_path / "new", "--database-url", postgres, "--force")
    row = {"id": "kitchen-1", "seen_at": utcnow() - timedelta(seconds=20), "stopped": False}
    with opened(tmp_path, postgres) as connection:
        connection.execute(sa.insert(node_table).values(row))
    with pytest.raises(Conflict, match=r"kitchen-1.*stop it first"):
        command(*arguments)
    with opened(tmp_path, postgres) as connection:
        connection.execute(sa.update(node_table).values(stopped=True))
    command(*arguments)


def test_tables_of_others_are_not_touched(shared: Path, tmp_path: Path, postgres: str) -> None:
    with opened(tmp_path, postgres) as connection:
        connection.execute(sa.text("CREATE TABLE photos (id int)"))
    with pytest.raises(Conflict, match="photos"):
        command("restore", shared, "--data-dir", tmp_path / "new", "--database-url", postgres, "--force")
    assert messages(tmp_path, postgres) == ["it was here"]


def test_what_is_written_meanwhile_is_in_no_table(tmp_path: Path, postgres: str) -> None:
    installed(tmp_path / "data", postgres)
    url = sa.make_url(database_url(tmp_path, postgres))
    with reading(url, app.migration_folders()) as source, tarfile.open(tmp_path / "saved", "w:gz") as archive:
        enter(tmp_path, postgres, "later")
        tables = source.save(Writer(archive), tmp_path)
    assert {table.name: table.rows for table in tables}["activity"] == 1
    with tarfile.open(tmp_path / "saved") as archive:
        content = archive.extractfile("tables/activity")
        assert content is not None
        assert b"later" not in content.read()


@pytest.mark.parametrize("damage", ["a row less", "a value that does not fit", "a column more"])
def test_a_damaged_table_leaves_the_database_as_it_was(
    shared: Path, tmp_path: Path, postgres: str, damage: str
) -> None:
    inside = tmp_path / "inside"
    with tarfile.open(shared) as archive:
        archive.extractall(inside, filter="data")
    table = inside / "tables" / "activity"
    if damage == "a row less":
        table.write_bytes(b"")
    elif damage == "a value that does not fit":
        table.write_bytes(table.read_bytes().replace(b"1\t", b"one\t", 1))
    else:
        said = json.loads((inside / "manifest.json").read_text())
        next(one for one in said["tables"] if one["name"] == "activity")["columns"].append("id); DROP TABLE node; --")
        (inside / "manifest.json").write_text(json.dumps(said))
    with tarfile.open(shared, "w:gz") as archive:
        for path in sorted(path for path in inside.rglob("*") if path.is_file()):
            archive.add(path, str(path.relative_to(inside)))
    with pytest.raises((Invalid, NeedsUser), match=r"damaged|invalid input syntax"):
        command("restore", shared, "--data-dir", tmp_path / "new", "--database-url", postgres, "--force")
    assert messages(tmp_path, postgres) == ["it was here"]
    assert not (tmp_path / "new" / "secret.key").exists()


def test_a_backup_of_one_kind_does_not_go_into_the_other(shared: Path, tmp_path: Path, postgres: str) -> None:
    with pytest.raises(Failed, match="name an empty one with --database-url"):
        command("restore", shared, "--data-dir", tmp_path / "new")
    installed(tmp_path / "lone")
    command("backup", tmp_path / "lone.tar.gz", "--data-dir", tmp_path / "lone")
    with pytest.raises(Failed, match="restore without --database-url"):
        command("restore", tmp_path / "lone.tar.gz", "--data-dir", tmp_path / "new", "--database-url", postgres)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("place", ["folder", "database"])
def test_where_no_nightcrew_is_nothing_is_saved(tmp_path: Path, postgres: str, place: str) -> None:
    options = database_option(postgres if place == "database" else None)
    with pytest.raises((Failed, NeedsUser), match="there is no Nightcrew in"):
        command("backup", tmp_path / "saved", "--data-dir", tmp_path, *options, env={"NIGHTCREW_SECRET_KEY": KEY})
    assert list(tmp_path.iterdir()) == []
