"""Pictures of films and posters of seasons: with something on them, and never in the place of a person's own.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.kernel.errors import GiveUp, NightcrewError
from nightcrew.recordings import poster
from nightcrew.recordings.poster import Brightness, brightness, draw, is_ours, marked, places

BLACK, TEST, BLUE = "color=black:s=160x90:r=5", "testsrc=s=160x90:r=5", "color=0x2040c0:s=160x90:r=5"


async def film(path: Path, *stretches: tuple[str, float], sound: float = 0.0) -> Path:
    """A film of these stretches: what ffmpeg draws, and for how many seconds; `sound`: as long as that, and with silence."""
    given = [part for source, seconds in stretches for part in ("-f", "lavfi", "-t", str(seconds), "-i", source)]
    joined = "".join(f"[{number}:v]" for number in range(len(stretches)))
    chain = f"{joined}concat=n={len(stretches)}:v=1[v]"
    silence = ["-f", "lavfi", "-t", str(sound), "-i", "anullsrc"] if sound else []
    shown = ["-filter_complex", chain, "-map", "[v]"] if stretches else []
    heard = ["-map", f"{len(stretches)}:a"] if sound else []
    coded = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "10", "-f", "mp4", str(path)]
    command = [find_ffmpeg(), "-v", "error", *given, *silence, *shown, *heard, *coded]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"this ffmpeg makes no such film: {done.stderr[-200:]!r}")
    return path


async def drawn(folder: Path, name: str, *stretches: tuple[str, float]) -> Path:
    """The picture of a new episode in a season's folder."""
    made = await film(folder / f"{name}.mp4", *stretches)
    picture = folder / f"{name}-thumb.jpg"
    await draw(made, picture, seconds=sum(seconds for _, seconds in stretches))
    return picture


def test_the_places_lie_all_over_a_film_and_the_first_one_early() -> None:
    found = list(places(1000.0))
    assert found[0] == 60.0
    assert next(places(100.0)) == 10.0
    assert len(found) == poster.PLACES
    assert all(later - earlier <= 1000 / 16 for earlier, later in pairwise(sorted([0.0, *found[1:], 1000.0])))
    assert found[1:4] == [500.0, 250.0, 750.0]


@pytest.mark.parametrize(
    ("mean", "deviation", "enough"),
    [(0, 0, False), (255, 0, False), (90, 2, False), (5, 30, False), (40, 12, True), (200, 40, True)],
    ids=["black", "white", "one colour", "a logo on black", "dark", "bright"],
)
def test_enough_is_light_and_detail(mean: float, deviation: float, enough: bool) -> None:
    assert (Brightness(mean, deviation).worth >= 1.0) is enough


@pytest.mark.parametrize("first", [BLACK, BLUE], ids=["black", "blue"])
async def test_a_film_that_begins_with_nothing_has_a_picture_of_what_follows(first: str, tmp_path: Path) -> None:
    picture = await drawn(tmp_path, "a", (first, 16), (TEST, 14))
    assert (await brightness(picture)).worth >= 1.0
    assert (await brightness(tmp_path / "poster.jpg")).worth >= 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-thumb.jpg", "a.mp4", "poster.jpg"]


async def test_a_short_stretch_with_something_on_it_is_found(tmp_path: Path) -> None:
    picture = await drawn(tmp_path, "a", (BLACK, 33), (TEST, 4), (BLACK, 23))
    assert (await brightness(picture)).worth >= 1.0


async def test_a_film_without_any_light_has_its_best_picture(tmp_path: Path) -> None:
    dim = "testsrc=s=160x90:r=5,eq=brightness=-0.4:contrast=0.1"
    picture = await drawn(tmp_path, "a", (BLACK, 8), (dim, 8))
    found = await brightness(picture)
    assert 0 < found.worth < 1.0, found


async def test_pictures_that_end_long_before_the_sound_are_found(tmp_path: Path) -> None:
    made = await film(tmp_path / "a.mp4", (BLACK, 6), (TEST, 3), sound=60)
    await draw(made, tmp_path / "a-thumb.jpg", seconds=60)
    assert (tmp_path / "a-thumb.jpg").exists()


async def test_a_film_without_pictures_leaves_nothing_behind(tmp_path: Path) -> None:
    made = await film(tmp_path / "a.mp4", sound=3)
    with pytest.raises(NightcrewError):
        await draw(made, tmp_path / "a-thumb.jpg", seconds=3)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


# -- the poster of a season --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [False, True], ids=["still there", "deleted since"])
async def test_the_months_black_poster_gives_way_to_the_first_good_picture(gone: bool, tmp_path: Path) -> None:
    first = await drawn(tmp_path, "a", (BLACK, 5))
    shown = tmp_path / "poster.jpg"
    assert (await brightness(shown)).mean < 5
    if gone:
        first.unlink()
    await drawn(tmp_path, "b", (TEST, 5))
    known = shown.read_bytes()
    assert (await brightness(shown)).worth >= 1.0
    await drawn(tmp_path, "c", ("testsrc2=s=160x90:r=5", 5))
    assert shown.read_bytes() == known, "a good one stays for the month"


async def test_a_black_poster_of_an_earlier_version_gives_way_too(tmp_path: Path) -> None:
    first = await drawn(tmp_path, "a", (BLACK, 5))
    shown = tmp_path / "poster.jpg"
    shown.write_bytes(first.read_bytes())
    await drawn(tmp_path, "b", (TEST, 5))
    assert (await brightness(shown)).worth >= 1.0


async def test_a_film_that_is_made_anew_renews_its_own_poster(tmp_path: Path) -> None:
    first = await drawn(tmp_path, "a", (BLACK, 5))
    (tmp_path / "poster.jpg").write_bytes(first.read_bytes())
    (tmp_path / "a.mp4").unlink()
    await drawn(tmp_path, "a", (TEST, 5))
    assert (await brightness(tmp_path / "poster.jpg")).worth >= 1.0


@pytest.mark.parametrize("kind", ["a picture", "no picture", "empty", "changed", "a link", "a dead link", "a folder"])
async def test_a_poster_that_a_person_put_there_stays(kind: str, tmp_path: Path) -> None:
    """However dark it is."""
    season, shown = tmp_path / "season", tmp_path / "season" / "poster.jpg"
    season.mkdir()
    black = await drawn(tmp_path, "black", (BLACK, 2))
    own = tmp_path / "own.jpg"
    own.write_bytes(black.read_bytes())
    match kind:
        case "a picture":
            shown.write_bytes(black.read_bytes())
        case "no picture":
            shown.write_bytes(b"mine")
        case "empty":
            shown.touch()
        case "changed":
            shown.write_bytes(marked(black.read_bytes()) + b"mine")
        case "a link":
            shown.symlink_to(own)
        case "a dead link":
            shown.symlink_to(tmp_path / "nowhere.jpg")
        case _:
            shown.mkdir()
    before = shown.lstat()
    await drawn(season, "a", (TEST, 5))
    assert (shown.lstat().st_ino, shown.lstat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert own.read_bytes() == black.read_bytes()
    assert not (tmp_path / "nowhere.jpg").exists()


async def test_a_poster_of_ours_is_known_by_its_mark_and_is_a_picture_still(tmp_path: Path) -> None:
    picture = await drawn(tmp_path, "a", (TEST, 2))
    shown = tmp_path / "poster.jpg"
    picture.unlink()
    assert is_ours(shown)
    data = shown.read_bytes()
    for changed in (data[:-2], data[:200] + b"x" + data[201:], data.replace(b"Nightcrew ", b"Somebody, "), data[:30]):
        shown.write_bytes(changed)
        assert not is_ours(shown)


async def test_what_is_no_film_has_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no film")
    with pytest.raises(NightcrewError) as raised:
        await draw(tmp_path / "a.mp4", tmp_path / "a-thumb.jpg", seconds=10)
    assert not isinstance(raised.value, GiveUp)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
