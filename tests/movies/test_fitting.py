"""What a name says of a film."""

from __future__ import annotations

import pytest

from made_releases import MB, torrent
from nightcrew.movies.torrents import fitting
from nightcrew.movies.torrents.contents import contents
from nightcrew.movies.torrents.fitting import NameFit, fit, misfit

NOSFERATU = ("Nosferatu", "Nosferatu, eine Symphonie des Grauens")
GENERAL = ("The General",)
CALIGARI = ("The Cabinet of Dr. Caligari", "Das Cabinet des Dr. Caligari")
PHANTOM = ("The Phantom of the Opera",)


@pytest.mark.parametrize(
    ("name", "titles", "year", "found"),
    [
        ("Nosferatu.1922.1080p", NOSFERATU, 1922, NameFit.WITH_YEAR),
        ("Nosferatu.1921.1080p", NOSFERATU, 1922, NameFit.WITH_YEAR),
        ("Nosferatu.1923.1080p", NOSFERATU, 1922, NameFit.WITH_YEAR),
        ("Nosferatu.1920.1080p", NOSFERATU, 1922, NameFit.OTHER_YEAR),
        ("Nosferatu.1924.1080p", NOSFERATU, 1922, NameFit.OTHER_YEAR),
        ("Nosferatu.1979.Restored", NOSFERATU, 1922, NameFit.OTHER_YEAR),
        ("Nosferatu.Restored.2013", NOSFERATU, 1922, NameFit.YES),
        ("Nosferatu.HD.2013", NOSFERATU, 1922, NameFit.OTHER_YEAR),
        ("Nosferatu.1979", NOSFERATU, None, NameFit.YES),
        ("Nosferatu", NOSFERATU, 1922, NameFit.YES),
        ("grpnosferatu1080p", NOSFERATU, 1922, NameFit.YES),
        ("Nosferatu1922", NOSFERATU, 1922, NameFit.YES),
        ("Nosferatu 2", NOSFERATU, 1922, NameFit.OTHER),
        ("Nosferatu II", NOSFERATU, 1922, NameFit.OTHER),
        ("Nosferatu 19", NOSFERATU, 1922, NameFit.OTHER),
        ("Nosferatu 20", NOSFERATU, 1922, NameFit.YES),
        ("Nosferatu 1", NOSFERATU, 1922, NameFit.YES),
        ("Nosferatu 2 1922", NOSFERATU, 1922, NameFit.WITH_YEAR),
        ("Bride of Nosferatu", NOSFERATU, 1922, NameFit.OTHER),
        ("Bride of the Nosferatu", NOSFERATU, 1922, NameFit.OTHER),
        ("the Nosferatu", NOSFERATU, 1922, NameFit.YES),
        ("Making of Nosferatu, Nosferatu", NOSFERATU, 1922, NameFit.YES),
        ("Nosferatu S01E02 1979", NOSFERATU, 1922, NameFit.YES),
        ("Nosferatu 1920 x 1080", NOSFERATU, 1979, NameFit.YES),
        ("Nosferatu 1920 1080", NOSFERATU, 1979, NameFit.YES),
        ("Nosferato", NOSFERATU, 1922, NameFit.YES),
        ("Nosferatu eine Symfonie des Grauens", NOSFERATU[1:], 1922, NameFit.YES),
        ("Faust", NOSFERATU, 1922, NameFit.OTHER),
        ("Faust 1922", NOSFERATU, 1922, NameFit.OTHER),
        ("abc", NOSFERATU, 1922, NameFit.SILENT),
        ("abcd", NOSFERATU, 1922, NameFit.OTHER),
        ("abc def", NOSFERATU, 1922, NameFit.OTHER),
        ("ab cd", NOSFERATU, 1922, NameFit.SILENT),
        ("abc 1979", NOSFERATU, 1922, NameFit.OTHER),
        ("ab 1979", NOSFERATU, 1922, NameFit.OTHER),
        ("movie 1979", NOSFERATU, 1922, NameFit.SILENT),
        ("movie.1080p", NOSFERATU, 1922, NameFit.SILENT),
        ("00800", NOSFERATU, 1922, NameFit.SILENT),
        ("deadbeef", NOSFERATU, 1922, NameFit.SILENT),
        ("a1b2c3", NOSFERATU, 1922, NameFit.SILENT),
        ("grp-nsfrt", NOSFERATU, 1922, NameFit.SILENT),
        ("grp-nsfrt-xyz-abc-def", NOSFERATU, 1922, NameFit.OTHER),
        ("grpx-sfrt", NOSFERATU, 1922, NameFit.OTHER),
        ("wxyz-ns", NOSFERATU, 1922, NameFit.OTHER),
        ("Symphonie.mkv", NOSFERATU, 1922, NameFit.SILENT),
        ("", NOSFERATU, 1922, NameFit.SILENT),
        ("General", GENERAL, 1926, NameFit.SILENT),
        ("General, The", GENERAL, 1926, NameFit.YES),
        ("General.The.1926", GENERAL, 1926, NameFit.WITH_YEAR),
        ("The General", GENERAL, 1926, NameFit.YES),
        ("General 1926", GENERAL, 1926, NameFit.WITH_YEAR),
        ("A General", GENERAL, 1926, NameFit.SILENT),
        ("Cabinet of Dr Caligari", CALIGARI, 1920, NameFit.YES),
        ("Kabinett Caligari 1920", CALIGARI, 1920, NameFit.WITH_YEAR),
        ("Kabinett Caligari", CALIGARI, 1920, NameFit.SILENT),
        ("Caligari 2005", CALIGARI, 1920, NameFit.OTHER),
        ("Phantom 1925", PHANTOM, 1925, NameFit.WITH_YEAR),
        ("Soap 1925", PHANTOM, 1925, NameFit.OTHER),
        ("DOA", ("D.O.A.",), 1950, NameFit.YES),
        ("doa1950", ("D.O.A.",), 1950, NameFit.YES),
        ("doax1950", ("D.O.A.",), 1950, NameFit.SILENT),
        ("2001 A Space Odyssey 1968", ("2001: A Space Odyssey",), 1968, NameFit.WITH_YEAR),
        ("2001 A Space Odyssey", ("2001: A Space Odyssey",), 1968, NameFit.YES),
        ("It 1927", ("It",), 1927, NameFit.WITH_YEAR),
        ("italy", ("It",), 1927, NameFit.OTHER),
        ("gowestfilm", ("Go West",), 1925, NameFit.YES),
        ("gowestyoungmanandmore", ("Go West",), 1925, NameFit.OTHER),
        ("gowestyoungmanandmore1925", ("Go West",), 1925, NameFit.YES),
        ("Harvest of Souls", ("Carnival of Souls",), 1962, NameFit.SILENT),
        ("Kabinett Caligari 1920", (CALIGARI[0], "Something Else"), 1920, NameFit.WITH_YEAR),
        ("grp-nsfrt-xy-ab", NOSFERATU, 1922, NameFit.SILENT),
        ("TheCabinetOfDrCaligari", CALIGARI, 1920, NameFit.YES),
        ("anything", ("", "!"), 1927, NameFit.OTHER),
    ],
)
def test_a_name_says(name: str, titles: tuple[str, ...], year: int | None, found: NameFit) -> None:
    assert fit(name, titles, year) is found


def test_words_that_are_known_mean_nothing() -> None:
    assert fit("usury-1080", NOSFERATU, 1922) is NameFit.OTHER
    assert fit("usury-1080", NOSFERATU, 1922, frozenset(("usury",))) is NameFit.SILENT


def wrong(name: str, *paths: str, single: bool = False) -> str:
    """What is found wrong with the names, where all files are about as large."""
    found = torrent(name, {path: 900 * MB + at for at, path in enumerate(paths)}, single=single)
    return misfit(found, contents(found), NOSFERATU, 1922)


@pytest.mark.parametrize(
    ("name", "paths", "found"),
    [
        ("Nosferatu", ["movie.mkv"], ""),
        ("Nosferatu.1922-USURY", ["usury-x1.mkv"], ""),
        ("Faust.1922-USURY", ["usury-x1.mkv"], "usury-x1.mkv"),
        ("Nosferatu 1979", ["movie.mkv"], "Nosferatu 1979"),
        ("Nosferatu 1979", ["Nosferatu.mkv"], "Nosferatu 1979"),
        ("Nosferatu 1979", ["Nosferatu 1922.mkv"], ""),
        ("Nosferatu", ["Nosferatu 1979.mkv"], "Nosferatu 1979.mkv"),
        ("Nosferatu", ["Faust.mkv"], "Faust.mkv"),
        ("Nosferatu", ["Faust.mkv", "Tabu.mkv"], "Faust.mkv"),
        ("Nosferatu", ["Faust.mkv", "S01E01 Tabu.mkv"], "Faust.mkv"),
        ("Nosferatu", ["S01E02 Faust.mkv", "S01E01 Tabu.mkv"], ""),
        ("Nosferatu", ["Faust.mkv", "Tabu.mkv", "City Girl.mkv"], ""),
        ("Murnau", ["Faust.mkv", "Tabu.mkv", "City Girl.mkv"], "Faust.mkv"),
        ("Murnau", ["S01E02 Faust.mkv"], "S01E02 Faust.mkv"),
        ("Murnau", ["Faust.mkv", "Nosferatu.mkv"], ""),
        ("Murnau", ["Nosferatu/movie.mkv"], ""),
        ("Murnau", ["Nosferatu/Faust.mkv"], "Nosferatu/Faust.mkv"),
        ("Murnau", ["Silent/movie.mkv"], "Murnau"),
        ("Nosferatu", ["Silent Films Abroad/movie.mkv"], ""),
        ("Murnau", ["VIDEO_TS/VTS_01_1.VOB"], "Murnau"),
        ("Nosferatu", ["VIDEO_TS/VTS_01_1.VOB"], ""),
    ],
)
def test_the_films_file_counts_more_than_the_torrents_name(name: str, paths: list[str], found: str) -> None:
    assert wrong(name, *paths) == found


def test_the_ending_of_an_only_file_is_no_part_of_its_name() -> None:
    assert wrong("abc.faus", "abc.faus", single=True) == "abc.faus"
    assert wrong("Nosferatu.mkv", "Nosferatu.mkv", single=True) == ""
    assert wrong("Nosferatu", "Nosferatu", single=True) == ""


def test_of_very_many_files_of_one_size_only_some_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(name: str, *more: object) -> NameFit:
        read.append(name)
        return fit(name, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "fit", counted)
    files = {f"{at:06}/clip {at:06}.mkv": 700 * MB for at in range(20_000)}
    made = torrent("Clips", files)
    assert misfit(made, contents(made), NOSFERATU, 1922) == "Clips"
    assert 0 < len(read) <= 1 + 2 * fitting.MOST_MAINS


def test_of_very_many_files_the_largest_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MOST_MAINS", 3)
    files = {f"clip {at}.mkv": 700 * MB for at in range(20)} | {"Nosferatu.1922.mkv": 701 * MB}
    made = torrent("Clips", files)
    assert misfit(made, contents(made), NOSFERATU, 1922) == ""
