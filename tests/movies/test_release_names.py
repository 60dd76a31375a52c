"""What release names say: title, year, kind, and the marks behind them, above all where the library reads them wrongly."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.movies.releases.heads import read_head
from nightcrew.movies.releases.model import ReleaseKind, ReleaseSource
from nightcrew.movies.releases.names import read, read_heads, read_many

HEADS = [
    ("2001.A.Space.Odyssey.1968.2160p.UHD.BluRay.REMUX", "2001 A Space Odyssey", 1968),
    ("1917.2019.1080p.BluRay", "1917", 2019),
    ("1917.1080p.BluRay", "1917", None),
    ("1984.1984.1080p", "1984", 1984),
    ("Blade.Runner.2049.2017.2160p", "Blade Runner 2049", 2017),
    ("Wonder Woman 1984 (2020) 1080p", "Wonder Woman 1984", 2020),
    ("Alien 1979 Remastered 2019 1080p", "Alien", 1979),
    ("Ed.Wood.1994.1080p", "Ed Wood", 1994),
    ("Cam.2018.1080p.NF.WEB-DL", "Cam", 2018),
    ("TS.2019.1080p", "TS", 2019),
    ("Uncut.Gems.2019.1080p", "Uncut Gems", 2019),
    ("The.French.Dispatch.2021.1080p", "The French Dispatch", 2021),
    ("The.French.Dispatch.1080p.WEB", "The French Dispatch", None),
    ("M.1931.CRITERION.1080p", "M", 1931),
    ("Catch-22.1970", "Catch-22", 1970),
    ("Nineteen.Eighty-Four.1984", "Nineteen Eighty-Four", 1984),
    ("(1968) 2001 A Space Odyssey 1080p", "2001 A Space Odyssey", 1968),
    ("Solaris [1080p BluRay] (1972)", "Solaris", 1972),
    ("Solaris 1080p BluRay 1972", "Solaris", 1972),
    ("Solaris 1080p 1972 2002", "Solaris", None),
    ("Charade [1963, USA, comedy, BDRip 1080p]", "Charade", 1963),
    ("[ www.example.org ] - Solaris.2002.1080p", "Solaris", 2002),
    ("www.example.com - The Mummy 2017 HDTS", "The Mummy", 2017),
    ("www_example_org - Charade_1963_720p", "Charade", 1963),
    ("example.org - Charade 1963 720p", "Charade", 1963),
    ("【example.org】Charade.1963.720p", "Charade", 1963),
    ("Charade.1963.720p [example.org]", "Charade", 1963),
    ("Charade.720p.x264-GRP.mkv", "Charade", None),
    ("[Judas] Your Name (Kimi no Na wa) [BD 1080p]", "Your Name (Kimi no Na wa)", None),
    ("[REC].2.2009.1080p", "REC 2", 2009),
    ("Dune.2021.Part.Two.1080p", "Dune Part Two", 2021),
    ("Dune.2021.Part.One.1080p", "Dune", 2021),
    ("Charade.Directors.Cut.1080p", "Charade", None),
    ("Charade.40th.Anniversary.Edition.1080p", "Charade", None),
    ("Charade.（1963）.1080p", "Charade", 1963),
    ("Alien³ 1992 1080p", "Alien3", 1992),
    ("8½ (1963) 1080p", "8 1 2", 1963),
    ("", "", None),
    ("....", "", None),
    ("1080p", "1080p", None),
]


@pytest.mark.parametrize(("name", "title", "year"), HEADS)
def test_title_and_year(name: str, title: str, year: int | None) -> None:
    head = read_head(name)
    assert (head.title, head.year) == (title, year)
    assert head.name == name


KINDS = [
    ("Charade.1963.1080p", ReleaseKind.FILM),
    ("12.Angry.Men.1957.1080p", ReleaseKind.FILM),
    ("Fahrenheit.11.9.2018.1080p", ReleaseKind.FILM),
    ("Star Wars Episode 4 A New Hope (1977)", ReleaseKind.FILM),
    ("Metropolis.1927.CRITERION.COLLECTION.1080p", ReleaseKind.FILM),
    ("Metropolis.1927.COMPLETE.BLURAY-GRP", ReleaseKind.FILM),
    ("Nosferatu.1922.FLAC.1080p", ReleaseKind.FILM),
    ("1917.2019.1080p", ReleaseKind.FILM),
    ("House.of.the.Dragon.S01E01-E03.1080p", ReleaseKind.EPISODE),
    ("Show.1x04.HDTV", ReleaseKind.EPISODE),
    ("Show Season 2 1080p", ReleaseKind.EPISODE),
    ("Show.Staffel.2.1080p", ReleaseKind.EPISODE),
    ("Show.E05.1080p", ReleaseKind.EPISODE),
    ("Show Episode 5 720p", ReleaseKind.EPISODE),
    ("The.Daily.Show.2024.05.01.720p.WEB", ReleaseKind.EPISODE),
    ("[Group] Show - 05 [1080p]", ReleaseKind.EPISODE),
    ("[Group] Wonder Woman 1984 - 07 [1080p]", ReleaseKind.EPISODE),
    ("[Group] Show - 1071 [1080p]", ReleaseKind.EPISODE),
    ("Charade - 1963 [1080p]", ReleaseKind.FILM),
    ("Alien - 03 (1992)", ReleaseKind.FILM),
    ("Show.2000.Miniseries.DVDRip", ReleaseKind.EPISODE),
    ("Show.The.Complete.Series.1080p", ReleaseKind.EPISODE),
    ("Шоу / Show [Сезон 1] 1080p", ReleaseKind.EPISODE),
    ("The Godfather Trilogy 1972-1990 1080p", ReleaseKind.PACK),
    ("Rocky.I-VI.1976-2006.1080p", ReleaseKind.PACK),
    ("RoboCop.1-3.1080p", ReleaseKind.PACK),
    ("Kill.Bill.1.and.2.1080p", ReleaseKind.PACK),
    ("The.Godfather.1.2.3.1080p", ReleaseKind.PACK),
    ("Harry.Potter.8-Film.Collection.1080p", ReleaseKind.PACK),
    ("Shrek (4 Movies) 1080p", ReleaseKind.PACK),
    ("Shrek Box Set 1080p", ReleaseKind.PACK),
    ("Alien.1979-1997.1080p", ReleaseKind.PACK),
    ("The.Making.of.Alien.1979.DVDRip", ReleaseKind.EXTRA),
    ("The.Matrix.1999.Extras.1080p", ReleaseKind.EXTRA),
    ("The.Matrix.1999.Deleted.Scenes.1080p", ReleaseKind.EXTRA),
    ("Dune (1984) OST [FLAC]", ReleaseKind.OTHER),
    ("Dune - Frank Herbert 1965 EPUB", ReleaseKind.OTHER),
    ("Alien.Isolation.v1.0-FitGirl", ReleaseKind.OTHER),
]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_what_it_holds(name: str, kind: ReleaseKind) -> None:
    head = read_head(name)
    assert head.kind is kind, head.why
    assert bool(head.why) is (kind is not ReleaseKind.FILM)


@pytest.mark.parametrize(
    ("name", "season", "episodes"),
    [
        ("Show.S02E05.1080p", 2, (5,)),
        ("Show.S02E05E06.1080p", 2, (5, 6)),
        ("Show.S01E01-E03.1080p", 1, (1, 2, 3)),
        ("Show.S01E01-03.1080p", 1, (1, 2, 3)),
        ("Show.S01E05-720p", 1, (5,)),
        ("Show.S01E05-E02.720p", 1, (5,)),
        ("Show.S03.1080p", 3, ()),
        ("Show.2x11.1080p", 2, (11,)),
        ("Show Season 4 1080p", 4, ()),
        ("Show.E07.1080p", None, (7,)),
        ("Charade.1963.1080p", None, ()),
    ],
)
def test_season_and_episodes(name: str, season: int | None, episodes: tuple[int, ...]) -> None:
    head = read_head(name)
    assert (head.season, head.episodes) == (season, episodes)


def test_an_imdb_number_in_the_name_is_read_and_is_not_its_title() -> None:
    head = read_head("Charade {imdb-tt0056923} (1963) 1080p")
    assert head.imdb_id == "tt0056923"
    assert head.year == 1963
    assert read_head("Charade.tt0056923.1080p").title == "Charade"
    assert read_head("Ghott1234567.1963").imdb_id == ""


def test_a_title_with_its_number_has_a_reading_without_a_year() -> None:
    readings = [(one.title, one.year) for one in read_head("Blade.Runner.2049.1080p").readings]
    assert ("Blade Runner", 2049) in readings
    assert ("Blade Runner 2049", None) in readings


MARKS: list[tuple[str, dict[str, Any]]] = [
    (
        "2160p.WEB-DL.DV.HDR10+.DDP5.1.Atmos.H.265-FLUX",
        {
            "resolution": 2160,
            "source": ReleaseSource.WEB_DL,
            "hdr": ("dv", "hdr10+"),
            "codec": "h265",
            "audio": ("atmos", "ddp"),
            "channels": "5.1",
            "group": "FLUX",
        },
    ),
    ("2160p.BluRay.HDR10Plus.x265", {"hdr": ("hdr10+",)}),
    ("2160p.BluRay.HDR10.x265", {"hdr": ("hdr10",)}),
    ("2160p.HDR.HLG", {"hdr": ("hdr10", "hlg")}),
    ("1080p.UHD.BluRay.x265", {"resolution": 1080, "source": ReleaseSource.BLURAY}),
    ("UHD.BluRay.x265", {"resolution": 2160}),
    ("1920x800.BDRip", {"resolution": 1080, "source": ReleaseSource.BLURAY}),
    ("1280x536.BDRip", {"resolution": 720}),
    ("720x576.DVDRip", {"resolution": 576, "source": ReleaseSource.DVD}),
    ("640x272.DVDRip", {"resolution": 480}),
    ("WEB-DL", {"resolution": 0, "source": ReleaseSource.WEB_DL}),
    ("1080p.WEB.H264-KBOX", {"source": ReleaseSource.WEB_DL, "codec": "h264", "group": "KBOX"}),
    ("1080p.AMZN.WEBRip.DDP5.1.x264-NTb", {"source": ReleaseSource.WEBRIP, "service": "Amazon", "group": "NTb"}),
    ("WEB-DLRip", {"source": ReleaseSource.WEBRIP, "group": ""}),
    ("HC.HDRip.XviD-EVO", {"source": ReleaseSource.WEBRIP, "is_hardcoded": True, "codec": "xvid"}),
    ("UHD.BluRay.2160p.TrueHD.DV.HEVC.HYBRID.REMUX-FraMeSToR", {"source": ReleaseSource.REMUX, "is_hybrid": True}),
    ("BDRemux.1080p", {"source": ReleaseSource.REMUX}),
    ("COMPLETE.BLURAY-GRP", {"source": ReleaseSource.DISC}),
    ("1080p.BluRay.AVC.DTS-HD.MA.5.1-GRP", {"source": ReleaseSource.DISC, "audio": ("dts-hd",)}),
    ("1080p.BluRay.x264-GRP", {"source": ReleaseSource.BLURAY}),
    ("NTSC.DVDR-GRP", {"source": ReleaseSource.DVD}),
    ("1080i.HDTV.MPEG2", {"resolution": 1080, "source": ReleaseSource.HDTV}),
    ("720p.HD", {"source": ReleaseSource.UNKNOWN}),
    ("1080p.HDTS.x264", {"source": ReleaseSource.TELESYNC}),
    ("TS.1080p", {"source": ReleaseSource.TELESYNC}),
    ("TELESYNC", {"source": ReleaseSource.TELESYNC}),
    ("1080p.WEB-DL.CAM", {"source": ReleaseSource.CAM}),
    ("HQ.CAM.V2", {"source": ReleaseSource.CAM}),
    ("HDCAM", {"source": ReleaseSource.CAM}),
    ("CAMRip", {"source": ReleaseSource.CAM}),
    ("HDTC", {"source": ReleaseSource.TELECINE}),
    ("DVDSCR.XviD", {"source": ReleaseSource.SCREENER}),
    ("R5.LINE", {"source": ReleaseSource.SCREENER}),
    ("WORKPRINT", {"source": ReleaseSource.WORKPRINT}),
    ("VHSRip", {"source": ReleaseSource.VHS}),
    ("1080p.WEB-DL.H264-GRP.ts", {"source": ReleaseSource.WEB_DL, "group": "GRP"}),
    ("1080p.BluRay.DTS-HD", {"source": ReleaseSource.BLURAY, "group": ""}),
    ("1080p.BluRay.x264-GRP[rarbg]", {"group": "GRP"}),
    ("(1080p BluRay x265 10bit Tigole) [QxR]", {"group": "Tigole", "bits": 10}),
    ("3D.Half-OU.1080p", {"is_3d": True, "group": ""}),
    ("3D.HSBS.1080p", {"is_3d": True}),
    ("PROPER.1080p.WEB-DL", {"proper": 1}),
    ("PROPER.REPACK2.1080p.WEB-DL", {"proper": 3}),
    ("iNTERNAL.1080p.BluRay", {"is_internal": True, "proper": 0}),
    ("4K.AI.Upscaled", {"resolution": 2160, "is_upscaled": True}),
    ("MULTi.VFF.1080p.WEB-DL", {"is_multi": True, "languages": ("fr",)}),
    ("GERMAN.DL.1080p.BluRay", {"is_multi": True, "languages": ("de",)}),
    ("GERMAN.1080p.WEB-DL", {"is_multi": False, "languages": ("de",)}),
    ("Dual.Audio.Hindi.English.720p", {"is_multi": True, "languages": ("en", "hi")}),
    ("Hindi.Dubbed.1080p", {"is_dubbed": True, "languages": ("hi",)}),
    ("SWESUB.DVDRip", {"languages": ()}),
    ("English.Subs.1080p", {"languages": ()}),
    ("VOSTFR.720p.HDTV", {"languages": ()}),
    ("KORSUB.1080p", {"languages": (), "is_hardcoded": True}),
    ("Directors.Cut.REMASTERED.1080p", {"edition": "director's cut, remastered"}),
    ("EXTENDED.1080p", {"edition": "extended"}),
    ("iMAX.OPEN.MATTE.1080p", {"edition": "imax, open matte"}),
]


@pytest.mark.parametrize(("tail", "said"), MARKS, ids=[tail for tail, _ in MARKS])
def test_what_stands_behind_the_title(tail: str, said: dict[str, Any]) -> None:
    release = read(f"Charade.1963.{tail}")
    assert {name: getattr(release, name) for name in said} == said
    assert (release.title, release.year, release.kind) == ("Charade", 1963, ReleaseKind.FILM)


@pytest.mark.parametrize(
    "title", ["Cam", "TS", "The.English.Patient", "The.Italian.Job", "Ed.Wood", "Uncut.Gems", "3D.Doc", "French.Cancan"]
)
def test_terms_in_a_title_are_no_terms(title: str) -> None:
    release = read(f"{title}.1999.1080p.BluRay.x264-GRP")
    assert release.source is ReleaseSource.BLURAY
    assert release.languages == ()
    assert release.edition == ""
    assert not release.is_3d


def test_a_group_may_stand_in_brackets_before_everything() -> None:
    assert read("[Judas] Your Name [BD 1080p]").group == "Judas"
    assert read("[example.org] Your Name [BD 1080p]").group == ""


def test_many_names_are_read_in_their_order() -> None:
    names = ["Charade.1963.720p", "Solaris.1972.1080p"]
    assert [one.title for one in read_many(names)] == ["Charade", "Solaris"]
    assert [one.title for one in read_heads(names)] == ["Charade", "Solaris"]


def test_the_library_is_not_imported_before_the_first_name() -> None:
    code = "import sys, nightcrew.movies.releases.names as n; print('PTT' in sys.modules); n.read('Charade.1963.720p'); print('PTT' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@given(st.text(max_size=400))
def test_any_text_is_read(name: str) -> None:
    head = read_head(name)
    assert head.name == name
    assert head.year is None or 1888 <= head.year <= 2099
    assert len(head.title) <= 300


@pytest.mark.parametrize(
    "name",
    [
        "a " * 5000,
        "(" * 5000,
        "1999 " * 400,
        "[" * 150 + "]" * 150,
        "s01e01" * 100,
        "1-2-" * 400,
        "www." * 200,
        "A.AKA." * 400,
    ],
)
def test_a_name_made_to_take_time_is_cut(name: str) -> None:
    assert len(read(name).title) <= 300


@pytest.mark.parametrize(
    "tail", ["a" * 280, "hd " * 90, "sub" * 90, "multi" * 50, "1.1.1." * 45, "(((" * 90, "-" * 280, "dvd-" * 70]
)
def test_a_tail_made_to_take_time_is_read(tail: str) -> None:
    assert read(f"Charade.1963.1080p.{tail}").year == 1963
