"""Where ffmpeg comes from: the system, else the extra, else nobody, which is told in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.kernel import ffmpeg as program
from nightcrew.kernel.errors import NeedsUser


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine without an ffmpeg, and without the extra."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    program.ffmpeg.cache_clear()
    yield
    program.ffmpeg.cache_clear()


def test_a_machine_without_one_is_told_how_to_get_it() -> None:
    for missing in (program.ffmpeg, find_ffmpeg):
        with pytest.raises((NeedsUser, OSError), match=r"there is no ffmpeg.*apt install ffmpeg.*nightcrew\[ffmpeg\]"):
            missing()
    assert program.ffmpeg_or_none() == ""


def test_the_extra_is_taken_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    extra = ModuleType("imageio_ffmpeg")
    extra.get_ffmpeg_exe = lambda: "/of/the/extra"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", extra)
    assert (program.ffmpeg(), find_ffmpeg()) == ("/of/the/extra", "/of/the/extra")
    program.ffmpeg.cache_clear()
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    assert program.ffmpeg() == find_ffmpeg() == str(tmp_path / "ffmpeg"), "the system's is preferred"
