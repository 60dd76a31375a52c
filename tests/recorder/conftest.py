"""Short films of numbered pictures, as transport stream and as fragmented MP4."""

from __future__ import annotations

import pytest

from counter import Film, encode
from nightcrew.demo.pictures import find_ffmpeg


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Film]:
    """By kind: `ts` and `fmp4`."""
    try:
        find_ffmpeg()
    except OSError as exc:
        pytest.skip(f"films need ffmpeg: {exc}")
    folder = tmp_path_factory.mktemp("films")
    return {
        "ts": encode(folder, seconds=8, segment=1.0, kind="ts"),
        "fmp4": encode(folder, seconds=8, segment=1.0, kind="fmp4"),
    }


@pytest.fixture(scope="session")
def ts_film(films: dict[str, Film]) -> Film:
    """As a transport stream."""
    return films["ts"]


@pytest.fixture(scope="session")
def mp4_film(films: dict[str, Film]) -> Film:
    """As fragmented MP4."""
    return films["fmp4"]
