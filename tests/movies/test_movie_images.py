"""Posters: fetched once, kept within limits, and nothing but pictures."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from nightcrew.demo.faults import Fault
from nightcrew.kernel import picture_cache
from nightcrew.kernel.errors import NotFound
from nightcrew.movies.catalogue.images import FOLDER, Images

POSTER = "poster-1010.png"


def files_of(cinema) -> list:
    return [path for path in (cinema.node.data_dir / FOLDER).rglob("*") if path.is_file()]


async def test_a_poster_is_fetched_once_and_kept(small_cinema) -> None:
    part = small_cinema.node.part(Images)
    found = await asyncio.gather(*(part.of("w185", POSTER) for _ in range(5)))
    assert {one.kind for one in found} == {"image/png"}
    before = small_cinema.world.counters["tmdb"]
    again = await part.of("w185", POSTER)
    assert again.etag == found[0].etag
    assert small_cinema.world.counters["tmdb"] == before
    assert len(files_of(small_cinema)) == 1
    assert (await part.of("w342", POSTER)).etag != again.etag


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ("original", POSTER),
        ("w185", "../../secret.key"),
        ("w185", "..%2fsecret.png"),
        ("w185", "poster.svg"),
        ("w185", "a/b.png"),
        ("w185", ""),
        ("..", "nightcrew.png"),
        ("w185", "x" * 200 + ".png"),
    ],
)
async def test_a_name_leads_nowhere_else(small_cinema, size: str, name: str) -> None:
    with pytest.raises(NotFound):
        await small_cinema.node.part(Images).of(size, name)
    assert small_cinema.world.counters["tmdb"] == 0


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.ERROR_404, Fault.EMPTY, Fault.XML_BOMB])
async def test_what_is_no_picture_is_not_kept_and_not_asked_for_again_soon(small_cinema, fault: Fault) -> None:
    part = small_cinema.node.part(Images)
    await part.of("w185", POSTER)  # so that it is known where pictures are
    small_cinema.world.faults.set("tmdb", fault)
    before = small_cinema.world.counters["tmdb"]
    for _ in range(3):
        with pytest.raises(NotFound):
            await part.of("w185", "poster-1011.png")
    assert small_cinema.world.counters["tmdb"] - before <= 2
    assert len(files_of(small_cinema)) == 1


async def test_a_file_that_was_spoilt_is_fetched_anew(small_cinema) -> None:
    part = small_cinema.node.part(Images)
    await part.of("w185", POSTER)
    (file,) = files_of(small_cinema)
    file.write_bytes(b"<html>")
    assert (await part.of("w185", POSTER)).kind == "image/png"


async def test_pictures_that_nobody_looks_at_go_first_when_there_is_no_room(small_cinema, monkeypatch) -> None:
    part = small_cinema.node.part(Images)
    for number in range(1010, 1016):
        await part.of("w92", f"poster-{number}.png")
    stamps = sorted(files_of(small_cinema))
    for place, path in enumerate(stamps):
        os.utime(path, (time.time() - 10_000 + place, time.time() - 20_000))
    seen = stamps[0]
    os.utime(seen, (time.time(), time.time() - 20_000))
    most = sum(path.stat().st_size for path in stamps) // 2
    deleted = await asyncio.to_thread(picture_cache.sweep, small_cinema.node.data_dir / FOLDER, most, 1e9)
    left = set(files_of(small_cinema))
    assert deleted == len(stamps) - len(left) > 0
    assert seen in left
    assert stamps[1] not in left


async def test_pictures_that_are_too_old_are_deleted_whoever_looks_at_them(small_cinema) -> None:
    part = small_cinema.node.part(Images)
    await part.of("w92", POSTER)
    (path,) = files_of(small_cinema)
    os.utime(path, (time.time(), time.time() - 200 * 86_400))
    assert await part.tidy() == 1
    assert files_of(small_cinema) == []
