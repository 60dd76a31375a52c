"""A recording that has brought nothing leaves nothing in the library, and takes nothing of others with it.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from counted import LONG, Counted
from counter import Film
from darkroom import finished, in_state, record, wait_for
from nightcrew.recordings.folders import remove_empty
from nightcrew.recordings.workers import _forget_empty
from support import Node


async def test_a_stream_that_never_came_leaves_no_folders(node: Node, film: Film) -> None:
    library = node.runtime.data_dir / "recordings"
    async with Counted(film, window=8, keeps=LONG) as source:
        source.answer = 404
        row = await record(node, source.url, seconds=5)
        await wait_for(node, row["id"], lambda _: Path(row["folder"]).exists())
        await in_state(node, row["id"], "failed", limit=40)
        assert list(library.iterdir()) == []
        source.answer = None
        good = await record(node, source.url, seconds=5)
        await finished(node, good["id"])
        source.answer = 404
        bad = await record(node, source.url, seconds=5)
        await in_state(node, bad["id"], "failed", limit=40)
    (season,) = (library / "Film").glob("Season *")
    assert [path.suffix for path in sorted(season.iterdir()) if path.is_dir()] == []
    assert len(list(season.glob("*.mp4"))) == 1


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """The folder of a recording's parts, with its ledger and an empty part."""
    folder = tmp_path / "library" / "Show" / "Season 2026-11" / "Show - S202611E01_segments"
    folder.mkdir(parents=True)
    (folder / "ledger.jsonl").write_text("{}\n")
    (folder / "Show - S202611E01_part001.ts").touch()
    return folder


def test_an_empty_season_goes_with_its_show(parts: Path, tmp_path: Path) -> None:
    _forget_empty(tmp_path / "library", parts)
    assert list(tmp_path.iterdir()) == [tmp_path / "library"]
    assert list((tmp_path / "library").iterdir()) == []


def test_also_when_the_recorder_had_not_made_its_own_folder_yet(parts: Path, tmp_path: Path) -> None:
    for path in parts.iterdir():
        path.unlink()
    parts.rmdir()
    _forget_empty(tmp_path / "library", parts)
    assert list((tmp_path / "library").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["poster.jpg", "Show - S202611E02.mp4", "notes.txt", ".keep", "Other_segments/", "link"]
)
def test_whatever_lies_beside_it_stays(name: str, parts: Path, tmp_path: Path) -> None:
    """Also a picture that a person put there before the first episode."""
    other = parts.parent / name
    if name.endswith("/"):
        other.mkdir()
    elif name == "link":
        other.symlink_to(tmp_path)
    else:
        other.write_text("mine")
    _forget_empty(tmp_path / "library", parts)
    assert os.path.lexists(other)
    assert not parts.exists()


@pytest.mark.parametrize("name", ["a.ts", "a.mp4", "a.aac", "a.m4s"])
def test_a_part_that_holds_something_stays(name: str, parts: Path, tmp_path: Path) -> None:
    (parts / name).write_bytes(b"x")
    _forget_empty(tmp_path / "library", parts)
    assert (parts / name).exists()


def test_nothing_outside_of_the_library_goes(tmp_path: Path) -> None:
    library, outside = tmp_path / "library", tmp_path / "outside" / "empty"
    library.mkdir()
    outside.mkdir(parents=True)
    (library / "Show").symlink_to(outside)
    assert remove_empty(library, library / "Show") == []
    assert remove_empty(library, outside) == []
    assert remove_empty(library, library) == []
    assert remove_empty(library, library / ".." / "outside" / "empty") == []
    assert outside.is_dir()
    assert library.is_dir()
