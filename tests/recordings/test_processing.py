"""Post-processing beside the event loop: a disk that hangs holds up this recording and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.kernel.errors import GiveUp
from nightcrew.muxer.wire import Slot
from nightcrew.recorder import ledger
from nightcrew.recordings import filing, material, muxers, poster, processing
from nightcrew.recordings.naming import Names
from nightcrew.recordings.runs import StreamRun
from nightcrew.recordings.store import recordings, tallies


@pytest.fixture
def on_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to the test's files on the thread of the event loop."""
    found: list[str] = []

    def noted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Path, *args: Any, **more: Any) -> Any:
            if threading.current_thread() is threading.main_thread() and self.is_relative_to(tmp_path):
                found.append(f"{name} {self.name}")
            return work(self, *args, **more)

        return call

    for name in ("open", "unlink", "replace", "is_dir", "write_text"):
        monkeypatch.setattr(Path, name, noted(name, getattr(Path, name)))
    return found


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A recording of which nothing can be made."""
    values = {"path": str(tmp_path / "film.mp4"), "stem": "film", "segments": str(tmp_path), "name": "", "title": "t"}
    made = SimpleNamespace(
        **values,
        names=Names(PurePosixPath(tmp_path), "film"),
        container="mp4",
        seconds=9.0,
        missing=0.0,
        started_at=processing.utcnow(),
    )

    async def get(_store: Any, _id: int) -> Any:
        return made

    async def none(*_args: Any, **_more: Any) -> list[Any]:
        return []

    async def fails(*_args: Any, **_more: Any) -> None:
        raise GiveUp("no")

    monkeypatch.setattr(recordings, "get", get)
    monkeypatch.setattr(tallies, "titles", none)
    monkeypatch.setattr(tallies, "gaps", none)
    monkeypatch.setattr(muxers, "make", fails)
    monkeypatch.setattr(poster, "thumbnail", fails)
    return made


RUNTIME: Any = SimpleNamespace(store=None)


async def test_the_lock_is_opened_beside_the_loop(tmp_path: Path, row: Any, on_the_loop: list[str]) -> None:
    async with material.unwritten(row):
        assert (tmp_path / ledger.LOCK).exists()
    assert on_the_loop == []


async def test_a_picture_that_fails_is_cleared_away_beside_the_loop(row: Any, on_the_loop: list[str]) -> None:
    scratch = Path(row.path).with_name(f"film-thumb.jpg{processing.files.TEMPORARY}")
    scratch.touch()
    made: processing.MadeFilm = {"name": "film.mp4", "start": 0.0, "seconds": 9.0, "streams": [], "report": []}
    await processing._thumbnail(RUNTIME, 1, [made])
    assert not scratch.exists()
    assert on_the_loop == []


async def test_what_was_being_made_is_cleared_away_beside_the_loop(
    row: Any, on_the_loop: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def of(*_args: Any) -> Any:
        slot = Slot("video", "h264", "640x360", "", 0, 256)
        return material.Material(row, ledger.Tally(), (filing.Film([slot], [StreamRun("mpegts", (), 0.0)], [()]),))

    scratch = Path(row.names.film(1, 1, ".mp4").scratch)
    scratch.touch()
    monkeypatch.setattr(material, "of", of)
    run: Any = SimpleNamespace(runtime=RUNTIME)
    with pytest.raises(GiveUp):
        await processing._join(run, 1)
    assert not scratch.exists()
    assert on_the_loop == []


async def test_no_film_is_placed_while_a_file_of_somebody_else_is_in_the_way_of_another(row: Any) -> None:
    """A first film in its place alone would be in the way of every try that follows."""
    made: list[processing.MadeFilm] = []
    for number in (1, 2):
        names = row.names.film(number, 2, ".mp4")
        Path(names.scratch).write_bytes(b"film")
        made.append({"name": names.file.name, "start": 0.0, "seconds": 9.0, "streams": [], "report": []})
    other = Path(row.names.film(2, 2, ".mp4").file)
    other.write_bytes(b"not ours")
    row.file = False
    with pytest.raises(GiveUp, match=f"another file named {other.name}"):
        await processing._place(RUNTIME, 1, made)
    assert other.read_bytes() == b"not ours"
    assert not Path(row.names.film(1, 2, ".mp4").file).exists()
