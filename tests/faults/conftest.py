"""A film of numbered pictures, encoded once for all tests."""

from __future__ import annotations

import pytest

from counter import Film, encode
from nightcrew.demo.pictures import find_ffmpeg


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Two minutes in segments of one second."""
    try:
        find_ffmpeg()
    except OSError as exc:
        pytest.skip(f"a film needs ffmpeg: {exc}")
    return encode(tmp_path_factory.mktemp("film"), seconds=120, segment=1.0)
