"""Bytes, minutes and what a name claims."""

from __future__ import annotations

import pytest

from made_releases import MB, torrent
from nightcrew.movies.torrents.contents import TorrentContents, contents
from nightcrew.movies.torrents.sizes import film_size, has_most, is_as_claimed, is_parts, least, lines, most


def held(**files: float) -> TorrentContents:
    """Files by name with MB; "__" is a folder's end, and the ending stands behind the last "_"."""
    paths = {"/".join(name.split("__")).rpartition("_"): size for name, size in files.items()}
    return contents(torrent("x", {f"{stem}.{ending}": int(size * MB) for (stem, _, ending), size in paths.items()}))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["A.2160p"], 2160),
        (["A 4K"], 2160),
        (["A.UHD.720p"], 2160),
        (["A.1080i"], 1080),
        (["A", "b_1080p_c"], 1080),
        (["A [1920x1080]"], 1080),
        (["A.FHD"], 1080),
        (["A.720p.DVDRip"], 720),
        (["A 1280x720"], 720),
        (["A.576p"], 480),
        (["A.XviD"], 480),
        (["A.1080"], 0),
        (["A"], 0),
    ],
)
def test_a_name_claims_lines(names: list[str], found: int) -> None:
    assert lines(names) == found


@pytest.mark.parametrize(
    ("name", "minutes", "low", "high"),
    [
        ("A.2160p", 100, 800, 120_000),
        ("A.1080p", 100, 300, 70_000),
        ("A.720p", 100, 170, 30_000),
        ("A.480p", 100, 80, 15_000),
        ("A", 100, 50, 120_000),
        ("A.2160p.REMUX", 100, 10_000, 120_000),
        ("A.1080p.BDRemux", 100, 2500, 70_000),
        ("A.720p.REMUX", 100, 170, 30_000),
        ("A", 1, 0.5, 1200),
        ("A.480p", 1, 0.8, 150),
    ],
)
def test_a_film_of_some_length_has_so_many_megabytes(name: str, minutes: int, low: float, high: float) -> None:
    assert least([name], minutes) == low * MB
    assert most([name], minutes) == high * MB


def test_a_film_of_unknown_length_has_a_megabyte() -> None:
    assert least(["A.2160p"], None) == least(["A"], 0) == MB


def test_the_film_is_its_largest_file() -> None:
    assert film_size(held(a_mkv=900, b_mkv=901, c_mkv=500)) == 901 * MB
    assert film_size(held(a_mkv=900, Sample__a_mkv=60)) == 900 * MB


@pytest.mark.parametrize(
    "files",
    [
        {"a cd1_avi": 700, "a cd2_avi": 600},
        {"a Part 1_avi": 700, "a Part 2_avi": 600},
        {"CD1__a_avi": 700, "CD2__b_avi": 600},
        {"a 1 of 2_avi": 700, "a 2 of 2_avi": 600},
        {"VIDEO_TS__a_vob": 700, "VIDEO_TS__b_vob": 600},
    ],
)
def test_or_all_of_its_parts(files: dict[str, float]) -> None:
    assert film_size(held(**files)) == 1300 * MB


def test_a_disc_counts_as_a_whole() -> None:
    disc = contents(torrent("x", {"VIDEO_TS/a.VOB": 900, "VIDEO_TS/a.IFO": 50, "VIDEO_TS/b.VOB": 100, "menu.mkv": 400}))
    assert film_size(disc) == 1050


def test_parts_are_parts_all_of_them() -> None:
    assert is_parts(held(**{"a cd1_avi": 700, "a cd2_avi": 700}).mains)
    assert not is_parts(held(**{"a cd1_avi": 700, "a_avi": 700}).mains)
    assert not is_parts(held(**{"a cd1_avi": 700}).mains)
    assert not is_parts(held(a_avi=700, b_avi=700).mains)


def test_discs_hold_whatever_they_like() -> None:
    assert [has_most(held(**{name: 9}).items[0]) for name in ("a_mkv", "a_iso", "a_img", "a_vob")] == [
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        (1300, True),
        (1301, False),
        (1000, True),
        (770, True),
        (769, False),
        (650, True),
        (500, True),
        (385, True),
        (384, False),
    ],
)
def test_a_claim_is_of_all_or_of_the_film(claimed: int, found: bool) -> None:
    """All: 1000 MB, the film 500."""
    files = held(a_mkv=500, b_flac=500)
    assert is_as_claimed(files, 1000 * MB, claimed * MB) is found


def test_a_claim_at_the_very_edge_is_true() -> None:
    nothing = held(a_txt=1)
    assert is_as_claimed(nothing, 130, 100)
    assert is_as_claimed(nothing, 100, 130)
    assert not is_as_claimed(nothing, 131, 100)
    assert not is_as_claimed(nothing, 100, 131)
