"""Deleting episodes and the folders that are empty afterwards, on real files."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Invalid
from nightcrew.recordings.folders import METADATA, Removal, remove_episode

SEASON = Path("Ada/Season 2026-08")
FILM = SEASON / "Ada - S202608E01 - One.mp4"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with one episode of 100 bytes."""
    root = tmp_path / "library"
    fill(root / FILM, 100)
    return root


def fill(path: Path, size: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def snapshot(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def remove(root: Path, *files: Path) -> Removal:
    """A dry run, which must change nothing, and then the real run, which must do what the dry run said."""
    before = snapshot(root)
    planned = remove_episode(root, files or [FILM], dry_run=True)
    assert snapshot(root) == before
    done = remove_episode(root, files or [FILM], dry_run=False)
    assert done == planned
    assert before - snapshot(root) == {str(path.relative_to(root)) for path in done.removed}
    return done


# -- what goes ---------------------------------------------------------------------------------------------------------


def test_the_last_episode_takes_its_season_and_its_streamer_with_it(library: Path) -> None:
    done = remove(library)
    assert done == Removal((library / FILM, library / SEASON, library / "Ada"), bytes=100)
    assert library.is_dir()
    assert snapshot(library) == set()


def test_relative_and_absolute_places_mean_the_same(library: Path) -> None:
    planned = [remove_episode(library, [one], dry_run=True) for one in (FILM, library / FILM)]
    assert planned[0] == planned[1]


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("folder", [SEASON, SEASON.parent])
def test_metadata_in_any_case_and_dot_files_keep_no_folder(
    library: Path, folder: Path, change: Callable[[str], str]
) -> None:
    for name in [*map(change, METADATA), ".DS_Store", ".nomedia", "._poster.jpg", "._film.mp4"]:
        fill(library / folder / name)
    done = remove(library)
    assert snapshot(library) == set()
    assert done.bytes == 100 + len(METADATA) + 4
    assert done.kept == done.errors == ()


@pytest.mark.parametrize(
    "name",
    [
        "film.mp4",
        "FILM.MKV",
        "part.ts",
        "film.mp4.part",
        ".hidden.mp4",
        "notes.txt",
        "other.nfo",
        "poster.png",
        "x_segments",
    ],
)
def test_any_other_file_keeps_the_folder_and_its_metadata(library: Path, name: str) -> None:
    fill(library / SEASON / name)
    fill(library / SEASON / "poster.jpg")
    done = remove(library)
    assert done.removed == (library / FILM,)
    assert snapshot(library) == {"Ada", str(SEASON), str(SEASON / name), str(SEASON / "poster.jpg")}
    assert name in done.kept[0] and "Season 2026-08 is kept" in done.kept[0]


@pytest.mark.parametrize("name", ["two_segments", "extras", ".trash"])
def test_any_folder_in_it_keeps_the_folder_even_an_empty_one(library: Path, name: str) -> None:
    (library / SEASON / name).mkdir()
    assert remove(library).removed == (library / FILM,)
    assert (library / SEASON / name).is_dir()


def test_the_named_parts_go_with_all_that_is_in_them(library: Path) -> None:
    parts = SEASON / "Ada - S202608E01 - One_segments"
    for number in range(3):
        fill(library / parts / f"part{number}.ts", 10)
    fill(library / parts / "logs" / "ffmpeg.log", 5)
    done = remove(library, FILM, parts)
    assert snapshot(library) == set()
    assert done.bytes == 135
    assert [path.name for path in done.removed[1:6]] == ["ffmpeg.log", "logs", "part0.ts", "part1.ts", "part2.ts"]


def test_a_single_part_goes_and_the_others_stay(library: Path) -> None:
    parts = SEASON / "One_segments"
    fill(library / parts / "part001.ts"), fill(library / parts / "part002.ts")
    assert remove(library, parts / "part001.ts").removed == (library / parts / "part001.ts",)
    assert remove(library, parts / "part002.ts").removed == (library / parts / "part002.ts", library / parts)


def test_two_seasons_that_are_emptied_at_once_take_their_streamer_with_them(library: Path) -> None:
    other = Path("Ada/Season 2026-09/b.mp4")
    fill(library / other)
    done = remove(library, FILM, other, FILM)
    assert snapshot(library) == set()
    assert done.kept == ()


def test_a_file_in_the_root_goes_and_the_root_stays(library: Path) -> None:
    fill(library / "loose.mp4")
    shutil.rmtree(library / "Ada")
    assert remove(library, Path("loose.mp4")).removed == (library / "loose.mp4",)
    assert library.is_dir()


def test_what_is_gone_already_is_passed_over_and_the_empty_folders_still_go(library: Path) -> None:
    (library / FILM).unlink()
    assert remove(library).removed == (library / SEASON, library / "Ada")
    assert remove(library) == Removal()


# -- symlinks ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    fill(tmp_path / "outside" / "precious.mp4")
    fill(tmp_path / "outside" / "poster.jpg")
    return tmp_path / "outside"


def test_symlinks_are_unlinked_and_what_they_point_to_survives(library: Path, outside: Path) -> None:
    season = library / SEASON
    (season / "to a folder").symlink_to(outside)
    (season / "x_segments").symlink_to(outside)
    (season / "film.mp4").symlink_to(outside / "precious.mp4")
    (season / "dangling.mkv").symlink_to(outside / "nothing")
    (season / "loop").symlink_to(season / "loop")
    (library / "Ada" / "up").symlink_to(library)
    assert len(remove(library).removed) == 9
    assert snapshot(library) == set()
    assert snapshot(outside) == {"precious.mp4", "poster.jpg"}


def test_a_named_symlink_goes_itself_and_the_parts_it_points_to_stay(library: Path, outside: Path) -> None:
    (library / SEASON / "x_segments").symlink_to(outside)
    (library / SEASON / "real_segments").mkdir()
    (library / SEASON / "real_segments" / "inner").symlink_to(outside)
    done = remove(library, SEASON / "x_segments", SEASON / "real_segments", FILM)
    assert done.bytes == 100
    assert snapshot(library) == set()
    assert snapshot(outside) == {"precious.mp4", "poster.jpg"}


def test_a_library_that_is_itself_reached_by_a_symlink_works(library: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(library)
    done = remove_episode(tmp_path / "link", [library / FILM], dry_run=False)
    assert done.removed == tuple(tmp_path / "link" / one for one in (FILM, SEASON, Path("Ada")))
    assert snapshot(library) == set()


@pytest.mark.parametrize(
    "escape",
    ["../outside/precious.mp4", "/etc/hostname", "Ada/../../outside/precious.mp4", "..", "Ada/..", ".", "Ada/../..", "", "link/precious.mp4", "loop/x.mp4", "Ada/a\0b"],
)  # fmt: skip
def test_nothing_goes_when_one_of_the_places_leads_out(library: Path, outside: Path, escape: str) -> None:
    (library / "link").symlink_to(outside)
    (library / "loop").symlink_to(library / "loop")
    before = snapshot(library)
    for dry_run in (True, False):
        with pytest.raises(Invalid, match="(not inside|Cannot tell|not a valid).*nothing was deleted"):
            remove_episode(library, [FILM, Path(escape)], dry_run=dry_run)
    assert snapshot(library) == before
    assert snapshot(outside) == {"precious.mp4", "poster.jpg"}


def test_a_folder_is_not_deleted_unless_it_holds_parts(library: Path) -> None:
    with pytest.raises(Invalid, match="folder"):
        remove_episode(library, [SEASON], dry_run=False)
    assert (library / FILM).exists()


# -- what happens meanwhile --------------------------------------------------------------------------------------------


def test_a_file_that_appears_after_the_look_keeps_the_folder(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.rmdir

    def late(folder: Path) -> None:
        if folder.name == SEASON.name:
            fill(library / SEASON / "new.mp4")
        real(folder)

    monkeypatch.setattr(Path, "rmdir", late)
    done = remove_episode(library, [FILM], dry_run=False)
    assert done.removed == (library / FILM,)
    assert "something new" in done.kept[0]
    assert (library / SEASON / "new.mp4").exists()


def test_a_file_that_comes_back_under_its_name_keeps_the_folder_and_the_poster(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(library / SEASON / "poster.jpg")
    real = os.scandir

    def late(handle: int) -> object:
        fill(library / FILM)
        return real(handle)

    monkeypatch.setattr(os, "scandir", late)
    assert remove_episode(library, [FILM], dry_run=False).removed == (library / FILM,)
    assert {path.name for path in (library / SEASON).iterdir()} == {FILM.name, "poster.jpg"}


def test_a_folder_that_vanishes_meanwhile_is_no_failure(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def late(handle: int) -> object:
        monkeypatch.setattr(os, "scandir", real)  # rmtree asks it too
        shutil.rmtree(library / SEASON, ignore_errors=True)
        return real(handle)

    monkeypatch.setattr(os, "scandir", late)
    assert remove_episode(library, [FILM], dry_run=False) == Removal((library / FILM, library / "Ada"), bytes=100)


def test_a_folder_that_became_a_symlink_is_not_looked_into(
    library: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (outside / "precious.mp4").unlink()
    real = os.open

    def late(path: Path, flags: int, *more: object, **named: object) -> int:
        if path == library.resolve() / SEASON and not path.is_symlink():
            path.rmdir()
            path.symlink_to(outside)
        return real(path, flags, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", late)
    done = remove_episode(library, [FILM], dry_run=False)
    assert snapshot(outside) == {"poster.jpg"}
    assert "cannot be deleted" in done.errors[0]


def test_a_failure_is_reported_and_the_rest_goes(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = fill(library / SEASON / "One_segments" / "b.ts")
    fill(library / SEASON / "One_segments" / "a.ts"), fill(library / SEASON / "One_segments" / "c.ts")
    other = fill(library / "Bob/Season 2026-08/b.mp4")
    real = os.unlink

    def refusing(path: str | Path, **named: int | None) -> None:
        if Path(path).name == bad.name:
            raise PermissionError(errno.EACCES, "Permission denied")
        real(path, **named)

    monkeypatch.setattr(os, "unlink", refusing)
    done = remove_episode(library, [bad.parent, FILM, other], dry_run=False)
    assert done.errors == (f"{bad.relative_to(library)} cannot be deleted: Permission denied.",)
    assert snapshot(library) == {"Ada", str(SEASON), str(SEASON / "One_segments"), str(bad.relative_to(library))}
    assert done.kept == (
        f"{SEASON} is kept: it contains the folder One_segments.",
        f"Ada is kept: it contains the folder {SEASON.name}.",
    )


def test_metadata_that_cannot_be_deleted_keeps_the_folder_and_is_reported(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(library / SEASON / "poster.jpg")
    real = os.unlink

    def refusing(path: str | Path, **named: int | None) -> None:
        if Path(path).name == "poster.jpg":
            raise PermissionError(errno.EACCES, "Permission denied")
        real(path, **named)

    monkeypatch.setattr(os, "unlink", refusing)
    done = remove_episode(library, [FILM], dry_run=False)
    assert done.removed == (library / FILM,)
    assert len(done.errors) == 1
    assert not any("new" in reason for reason in done.kept)


def test_a_folder_that_cannot_be_read_is_reported_and_left(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refusing(path: Path, flags: int, *more: object, **named: object) -> int:
        if Path(path).name == SEASON.name:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refusing)
    done = remove(library)
    assert done.removed == (library / FILM,)
    assert done.errors == (f"{SEASON} cannot be deleted: Permission denied.",)


# -- whatever lies there -----------------------------------------------------------------------------------------------

KINDS = ["file", "folder", "link", "dangling"]
NAMES = ["poster.jpg", "FANART.JPG", "tvshow.nfo", ".DS_Store", ".x.ts", "a.mp4", "b.txt", "c_segments", "d_segments"]
THINGS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(KINDS), max_size=5)


def lay(folder: Path, things: dict[str, str], outside: Path) -> None:
    for name, kind in things.items():
        path = folder / name
        if kind == "file":
            fill(path, 3)
        elif kind == "folder":
            fill(path / "inner.ts", 5)
        else:
            path.symlink_to(outside if kind == "link" else outside / "none")


def goes(things: dict[str, str]) -> bool:
    harmless = {"poster.jpg", "FANART.JPG", "tvshow.nfo", ".DS_Store"}
    return all(kind in {"link", "dangling"} or (kind == "file" and name in harmless) for name, kind in things.items())


@given(THINGS, THINGS, st.sets(st.sampled_from(["c_segments", "a.mp4"])))
def test_a_dry_run_says_what_the_real_run_does_and_only_empty_folders_go(
    season: dict[str, str], streamer: dict[str, str], named: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root, outside = Path(scratch, "library"), Path(scratch, "outside")
        fill(root / FILM, 100), fill(outside / "precious.mp4"), fill(outside / "season.nfo")
        lay(root / SEASON, season, outside)
        lay(root / "Ada", streamer, outside)
        wanted = [name for name in sorted(named) if name.endswith("_segments") or season.get(name) != "folder"]
        done = remove(root, FILM, *(SEASON / name for name in wanted))
        left = {name: kind for name, kind in season.items() if name not in wanted}
        assert (root / SEASON).exists() == (not goes(left))
        assert (root / "Ada").exists() == (not goes(left) or not goes(streamer))
        if (root / SEASON).exists():
            assert {path.name for path in (root / SEASON).iterdir()} == set(left), "a folder that stays keeps all of it"
        assert snapshot(outside) == {"precious.mp4", "season.nfo"}
        assert done.errors == ()
