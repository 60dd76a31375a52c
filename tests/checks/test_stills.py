"""Pictures of streams: a file each, within limits, and never one that lies elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.checks import stills
from nightcrew.checks.models import Still, still
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from support import Node, running

JPEG = b"\xff\xd8\xff" + b"x" * 1000
LIST = "#EXTM3U\n" + "".join(f"#EXTINF:-1,Channel {n}\nhttp://192.0.2.1/{n}.ts\n" for n in range(4))


@pytest.fixture
async def node(tmp_path: Path, database: str | None) -> AsyncIterator[Node]:
    """A node with four streams, numbered from 1, that nobody checks."""
    (tmp_path / "list.m3u").write_text(LIST)
    async with running(tmp_path / "data", database_url=database) as started:
        await started.patch("/api/v1/settings", {"checks.check_new": False})
        await started.add(kind="m3u", name="List", url=str(tmp_path / "list.m3u"), region="DE")
        yield started


async def keep(runtime: Runtime, stream_id: int, jpeg: bytes = JPEG, *, works: bool = True, days: float = 0) -> None:
    await stills.keep(runtime, stream_id, jpeg, at=utcnow() - timedelta(days=days), works=works)


async def kept(runtime: Runtime) -> list[int]:
    """The streams with a row, each of which must have its file, and the other way round."""
    async with runtime.store.read() as connection:
        rows = sorted((await connection.execute(sa.select(still.c.stream_id))).scalars())
    found = sorted(int(path.stem) for path in (runtime.data_dir / stills.FOLDER).rglob("*.jpg"))
    assert rows == found
    return rows


def age(runtime: Runtime, stream_id: int) -> None:
    """Let a file be older than those whose row may come yet."""
    then = time.time() - 2 * stills.FRESH
    os.utime(stills.path_of(runtime.data_dir, stream_id), (then, then))


async def test_a_picture_is_served_and_one_of_a_stream_that_fails_replaces_none(node: Node) -> None:
    other = b"\xff\xd8\xff" + b"y" * 500
    for jpeg, works, shown in ((JPEG, False, JPEG), (other, True, other), (JPEG, False, other)):
        await keep(node.runtime, 1, jpeg, works=works)
        answer = await node.http.get("/api/v1/checks/streams/1/still.jpg")
        assert (answer.status_code, answer.content) == (200, shown)
    assert (await node.http.get("/api/v1/checks/streams/2/still.jpg")).status_code == 404
    assert await kept(node.runtime) == [1]


async def test_what_is_no_picture_of_the_probers_and_of_a_stream_that_is_gone_is_not_kept(node: Node) -> None:
    await keep(node.runtime, 1, b"")
    await keep(node.runtime, 1, JPEG * 100)
    await keep(node.runtime, 99_999)
    age(node.runtime, 99_999)
    await stills.tidy(node.runtime)
    assert await kept(node.runtime) == []


async def test_a_picture_of_another_machine_is_not_shown_and_the_answer_says_where_it_is(node: Node) -> None:
    await keep(node.runtime, 1)
    async with node.runtime.store.write() as connection:
        await connection.execute(sa.update(still).values(node="attic"))
    with pytest.raises(NotFound, match="on another machine, attic"):
        await stills.read(node.runtime, 1)
    assert "still.jpg" not in (await node.http.get("/checks")).text
    age(node.runtime, 1)
    await stills.tidy(node.runtime)
    assert not stills.path_of(node.runtime.data_dir, 1).exists(), "the newer one lies in the attic"
    async with node.runtime.store.read() as connection:
        assert (await connection.execute(sa.select(still.c.node))).scalars().all() == ["attic"]


async def test_old_ones_go_and_so_do_rows_without_a_file_and_files_without_a_row(node: Node) -> None:
    for stream_id, days in ((1, 0), (2, 91), (3, 89), (4, 0)):
        await keep(node.runtime, stream_id, days=days)
        age(node.runtime, stream_id)
    stills.path_of(node.runtime.data_dir, 4).unlink()
    stranger = node.runtime.data_dir / stills.FOLDER / "README.txt"
    stranger.write_text("somebody's own")
    await stills.tidy(node.runtime)
    assert await kept(node.runtime) == [1, 3]
    assert stranger.exists()


async def test_a_file_whose_row_comes_yet_stays(node: Node) -> None:
    path = stills.path_of(node.runtime.data_dir, 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(JPEG)
    await stills.tidy(node.runtime)
    assert path.exists()


async def test_a_full_disk_spoils_no_check(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nightcrew.kernel.files.replacing", full)
    await keep(node.runtime, 1)
    assert await kept(node.runtime) == []


@given(sizes=st.lists(st.integers(1, 50), max_size=30), most=st.integers(0, 400))
def test_the_newest_stay_as_far_as_they_fit(sizes: list[int], most: int) -> None:
    now = utcnow()
    rows = [Still(number, "n", now - timedelta(days=number), size) for number, size in enumerate(sizes)]
    stay = stills.within(rows, most)
    assert stay == frozenset(range(len(stay)))
    assert sum(sizes[: len(stay)]) <= most
    assert len(stay) == len(sizes) or sum(sizes[: len(stay) + 1]) > most
