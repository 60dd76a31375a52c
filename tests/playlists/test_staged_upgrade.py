"""What is held back until a person accepts it is still there after an upgrade that makes its table anew."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew.app import migration_folders
from nightcrew.kernel import store
from nightcrew.kernel.dialects import sync_url

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_held_back_rows_keep_their_order(tmp_path: Path, database: str | None) -> None:
    engine = sa.create_engine(sync_url(sa.make_url(store.database_url(tmp_path, database))))
    with engine.connect() as connection:
        store.upgrade(connection, migration_folders(), ("kernel@head", "playlists_0003"))
        connection.commit()
    tables = sa.MetaData()
    tables.reflect(engine, only=("playlist_source", "playlist_feed", "playlist_staged"))
    source, feed, staged = (tables.tables[f"playlist_{name}"] for name in ("source", "feed", "staged"))
    plain: dict[str, Any] = {"enabled": True, "created_at": NOW}
    with engine.begin() as connection:
        own = {"id": 1, "kind": "m3u", "name": "A", "config": "", "shown_url": ""}
        connection.execute(sa.insert(source).values(**own, **plain))
        counts = dict.fromkeys(("failures", "channels", "resolved", "streams", "revision", "generation"), 0)
        whose = {"id": 1, "source_id": 1, "kind": "channels", "lang": "", "region": "R", "enabled": True, "due_at": NOW}
        connection.execute(
            sa.insert(feed).values(**whose, **counts, rebuild_due=False, needs_user=False, held_run="held")
        )
        rows = [("n", 1, "Second"), ("c", 0, "First"), ("g", None, "Gone"), ("n", 2, "Third")]
        for number, (kind, position, name) in enumerate(rows):
            said = {"kind": kind, "position": position, "name": name, "playable": True, "expires": False}
            key = bytes([number]) * 16
            connection.execute(sa.insert(staged).values(run="held", key=key, feed_id=1, ident=key, **said))
        connection.execute(
            sa.insert(staged).values(run="other", key=b"x" * 16, feed_id=1, kind="n", position=7, name="Other")
        )
    with engine.connect() as connection:
        store.upgrade(connection, migration_folders(), ("heads",))
        connection.commit()
        asked = sa.text("SELECT run, place, kind, name, key, playable FROM playlist_staged ORDER BY run, place")
        found = [tuple(row) for row in connection.execute(asked)]
    engine.dispose()
    listed = [row for row in found if row[0] == "held" and row[2] != "g"]
    assert [row[3] for row in listed] == ["First", "Second", "Third"]
    assert [bytes(row[4]) for row in listed] == [b"\1" * 16, b"\0" * 16, b"\3" * 16]
    assert all(row[5] for row in listed)
    assert sorted(row[1] for row in found if row[0] == "held") == [0, 1, 2, 3]
    assert [row[1] for row in found if row[0] == "other"] == [0]


CRASH = """
import os, sys
from pathlib import Path
import pytest
import sqlalchemy as sa
from nightcrew.app import migration_folders
from nightcrew.kernel.store import database_url, migrate
left = int(sys.argv[2])

@sa.event.listens_for(sa.Engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    global left
    left -= "playlist_staged" in statement
    if not left:
        os.kill(os.getpid(), 9)

migrate(sa.make_url(database_url(Path(sys.argv[1]), None)), migration_folders())
"""


@pytest.mark.parametrize("statement", [1, 3, 5])
def test_an_upgrade_that_was_cut_off_is_done_by_the_next_start(tmp_path: Path, statement: int) -> None:
    url = sa.make_url(store.database_url(tmp_path, None))
    engine = sa.create_engine(sync_url(url))
    with engine.connect() as connection:
        store.upgrade(connection, migration_folders(), ("kernel@head", "playlists_0003"))
        connection.commit()
    words = [sys.executable, "-c", CRASH, str(tmp_path), str(statement)]
    assert subprocess.run(words, check=False).returncode == -9
    store.migrate(url, migration_folders())
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
    engine.dispose()
    assert "playlist_staged" in tables
    assert "playlist_staged_kept" not in tables
