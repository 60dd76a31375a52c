"""How releases are ranked, why one is refused, and when one replaces another."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightcrew.movies.releases.model import ReleaseSource, WantedFilm
from nightcrew.movies.releases.names import read
from nightcrew.movies.releases.profile import PRESETS, SIZES, FormatScore, ReleaseProfile, Sizes, Until
from nightcrew.movies.releases.ranking import SEED_STEPS, RankPart, ReleaseScore, better, score
from nightcrew.movies.releases.refusals import spoken

FILM = WantedFilm(("Charade",), 1963, "tt0056923", 100, date(1963, 12, 1), "en")
HD = PRESETS["HD"]
GOOD = "Charade.1963.1080p.BluRay.x264-GRP"
SIZE = 6_000_000_000


def rated(name: str = GOOD, profile: ReleaseProfile = HD, film: WantedFilm = FILM, **more: Any) -> ReleaseScore:
    given = {"size": SIZE, "seeds": 20} | more
    return score(read(name), film, profile, **given)


def points(name: str, part: str, profile: ReleaseProfile = HD, **more: Any) -> float:
    return next(one.points for one in rated(name, profile, **more).parts if one.name == part)


def with_(profile: ReleaseProfile = HD, **more: Any) -> ReleaseProfile:
    return ReleaseProfile.model_validate(profile.model_dump() | more)


def test_a_score_is_explained_part_by_part() -> None:
    found = rated()
    assert not found.refused
    assert found.total == sum(part.points for part in found.parts)
    assert {part.name: part.words for part in found.parts} == {
        "resolution": "1080p, number 1 of 2",
        "source": "bluray, number 1 of 4",
        "language": "en, number 1 of 1",
        "codec": "h264, number 2 of 3",
        "hdr": "SDR, none asked for",
        "size": "60 MB a minute, 60 would be ideal",
        "seeds": "20 seeds",
        "corrected": "not corrected",
        "formats": "no custom format",
    }
    assert [part.points for part in found.parts] == [400, 200, 100, 26.667, 0, 60, 36, 0, 0]


@pytest.mark.parametrize(
    ("worse", "best"),
    [
        ("Charade.1963.720p.BluRay.x264-GRP", GOOD),
        ("Charade.1963.1080p.WEB-DL.x264-GRP", GOOD),
        ("Charade.1963.1080p.WEBRip.x264-GRP", "Charade.1963.1080p.WEB-DL.x264-GRP"),
        ("Charade.1963.1080p.HDTV.x264-GRP", "Charade.1963.1080p.WEBRip.x264-GRP"),
        (GOOD, "Charade.1963.1080p.BluRay.x265-GRP"),
        ("Charade.1963.GERMAN.1080p.BluRay.x264-GRP", GOOD),
        (GOOD, "Charade.1963.REPACK.1080p.BluRay.x264-GRP"),
    ],
)
def test_what_is_better_has_more_points(worse: str, best: str) -> None:
    assert rated(worse).total < rated(best).total


def words(name: str, part: str, profile: ReleaseProfile = HD, **more: Any) -> str:
    return next(one.words for one in rated(name, profile, **more).parts if one.name == part)


def test_points_have_three_decimals_and_words_say_why() -> None:
    profile = with_(languages=("de", "original", "fr"))
    assert points(GOOD, "language", profile) == 66.667
    assert words(GOOD, "language", profile) == "en, number 2 of 3"
    assert words("Charade.1963.FINNISH.1080p.WEB-DL", "language", profile) == "fi, none that is preferred"
    assert points(GOOD, "size", size=7_000_000_000) == 53.328
    assert words(GOOD, "seeds", seeds=1) == "1 seed"
    assert words(GOOD, "seeds", seeds=None) == "seeds are not known"
    uhd = PRESETS["UHD"]
    assert words("Charade.1963.2160p.WEB-DL", "hdr", uhd) == "SDR, HDR is preferred"
    assert words("Charade.1963.2160p.WEB-DL.DV", "hdr", uhd) == "dv"
    assert words("Charade.1963.2160p.BluRay", "resolution") == "2160p, not in the profile"
    assert words("Charade.1963.BluRay", "resolution") == "not named, not in the profile"


def test_corrections_count_twice_at_most() -> None:
    assert points("Charade.1963.REPACK.1080p.BluRay", "corrected") == 10
    assert points("Charade.1963.REPACK2.1080p.BluRay", "corrected") == 20
    assert points("Charade.1963.REPACK9.1080p.BluRay", "corrected") == 20


@pytest.mark.parametrize(
    ("seeds", "given_"), [(None, 0), (1, 12), (2, 12), (3, 24), (10, 36), (29, 36), (30, 48), (100, 60), (99999, 60)]
)
def test_seeds_count_in_steps(seeds: int | None, given_: float) -> None:
    assert points(GOOD, "seeds", seeds=seeds) == given_


@pytest.mark.parametrize(
    ("size", "given_"),
    [(SIZE, 60), (SIZE * 2, 30), (SIZE // 2, 30), (SIZE * 4, 0), (SIZE * 5, 0), (SIZE // 4, 0), (None, 0)],
)
def test_a_size_away_from_the_ideal_gives_less(size: int | None, given_: float) -> None:
    assert points(GOOD, "size", size=size) == pytest.approx(given_, abs=0.01)


def test_a_size_says_nothing_where_the_length_is_not_known() -> None:
    film = WantedFilm(("Charade",), 1963)
    found = rated(film=film, size=1)
    assert not found.refused
    assert next(part.words for part in found.parts if part.name == "size") == "size or length is not known"


def test_hdr_counts_where_it_is_asked_for() -> None:
    uhd, name = PRESETS["UHD"], "Charade.1963.2160p.WEB-DL.{}.H.265-GRP"
    assert points(name.format("DV.HDR10+"), "hdr", uhd) == 40
    assert points(name.format("HDR"), "hdr", uhd) == 20
    assert points(name.format("SDR"), "hdr", uhd) == 0
    assert points(name.format("DV"), "hdr") == 0


def test_languages_that_are_spoken() -> None:
    assert spoken(read("Charade.1963.1080p"), FILM) == {"en"}
    assert spoken(read("Charade.1963.GERMAN.1080p.WEB-DL"), FILM) == {"de"}
    assert spoken(read("Charade.1963.GERMAN.DL.1080p.BluRay"), FILM) == {"de", "en"}
    assert spoken(read("Charade.1963.1080p"), WantedFilm(("Charade",), 1963)) == set()


def test_the_first_of_the_preferred_languages_gives_most() -> None:
    profile = with_(languages=("de", "original"))
    assert points("Charade.1963.GERMAN.1080p.WEB-DL", "language", profile) == 100
    assert points(GOOD, "language", profile) == 50
    assert points("Charade.1963.FRENCH.1080p.WEB-DL", "language", profile) == 0


def test_custom_formats_give_what_the_profile_says() -> None:
    profile = with_(
        formats=(
            FormatScore(name="Good group", score=50),
            FormatScore(name="Bad", score=-80),
            FormatScore(name="Nil", score=0),
        )
    )
    found = rated(profile=profile, formats=["Good group", "Bad", "Good group", "Nil", "Unknown"])
    assert found.total == rated().total - 30
    assert next(part for part in found.parts if part.name == "formats") == RankPart(
        "formats", -30, "Good group +50, Bad -80"
    )
    assert "less than 0" in found.refused
    assert not rated(profile=profile, formats=["Good group"]).refused
    assert not rated(profile=with_(profile, score_least=-30), formats=["Good group", "Bad"]).refused


REFUSED = [
    ("Charade.1963.1080p.HDCAM.x264", {}, "made before the film could be had at home"),
    ("Charade.1963.1080p.TS.x264", {}, "telesync"),
    ("Charade.1963.1080p.WEB-DL.CAM", {}, "cam"),
    ("Charade.1963.DVDSCR", {}, "screener"),
    ("Charade.1963.1080p.BluRay.REMUX", {}, "remux, which the profile does not take"),
    ("Charade.1963.1080p.x264", {}, "tells no source"),
    ("Charade.1963.2160p.BluRay", {}, "it has 2160p"),
    ("Charade.1963.BluRay.x264", {}, "tells no resolution"),
    ("Charade.1963.S01E01.1080p.BluRay", {}, "no film but episode: “s01e01”"),
    ("Charade.1963.3D.1080p.BluRay", {}, "is in 3D"),
    ("Charade.1963.HC.1080p.WEBRip", {}, "subtitles in its picture"),
    ("Charade.1963.Dubbed.1080p.BluRay", {}, "is dubbed"),
    (GOOD, {"size": 799_000_000}, "8.0 MB a minute are too few for 1080p: at least 8."),
    (GOOD, {"size": 32_100_000_000}, "321 MB a minute are too many for 1080p: at most 320."),
    (GOOD, {"seeds": 0}, "0 seeds are too few: at least 1."),
]


@pytest.mark.parametrize(("name", "more", "words"), REFUSED)
def test_a_refusal_says_why(name: str, more: dict[str, Any], words: str) -> None:
    found = rated(name, **more)
    assert words in found.refused
    assert found.refused.endswith(".")
    assert not found.is_enough


@pytest.mark.parametrize(
    ("name", "asked", "more"),
    [
        ("Charade.1963.1080p.HDCAM.x264", {"sources": ("cam",)}, {}),
        ("Charade.1963.1080p.x264", {"sources": ("unknown",)}, {}),
        ("Charade.1963.BluRay.x264", {"resolutions": (1080, 0)}, {}),
        ("Charade.1963.3D.1080p.BluRay", {"is_3d_allowed": True}, {}),
        ("Charade.1963.HC.1080p.WEBRip", {"is_hardcoded_allowed": True}, {}),
        ("Charade.1963.Dubbed.1080p.BluRay", {"is_dubbed_allowed": True}, {}),
        (GOOD, {"seeds_least": 0}, {"seeds": 0}),
        (GOOD, {}, {"size": 800_000_000}),
        (GOOD, {}, {"size": 32_000_000_000}),
        (GOOD, {}, {"size": None, "seeds": None}),
    ],
)
def test_what_is_asked_for_is_taken(name: str, asked: dict[str, Any], more: dict[str, Any]) -> None:
    assert rated(name, with_(**asked), **more).refused == ""


def test_a_profile_can_refuse_codecs_hdr_and_languages() -> None:
    assert "codec is h264" in rated(profile=with_(codecs_refused={"h264"})).refused
    assert "dv" in rated("Charade.1963.1080p.WEB-DL.DV", with_(hdr_refused={"dv"})).refused
    assert "none of its languages is de or fr" in rated(profile=with_(languages_required={"de", "fr"})).refused
    assert not rated(profile=with_(languages_required={"de", "original"})).refused
    assert not rated(profile=with_(languages_required={"original"}), film=WantedFilm(("Charade",), 1963)).refused


def test_a_large_release_needs_more_seeds() -> None:
    profile = with_(seeds_per_gb=0.5)
    assert "at least 3" in rated(profile=profile, seeds=2).refused
    assert not rated(profile=profile, seeds=3).refused
    assert not rated(profile=profile, seeds=1, size=None).refused


NEW = WantedFilm(("Charade",), 2026, "", 100, date(2026, 12, 1), "en", date(2027, 2, 1))


@pytest.mark.parametrize(
    ("name", "today", "asked", "words"),
    [
        (GOOD, date(2026, 11, 30), {}, "not out before 01 December 2026"),
        (
            GOOD,
            date(2026, 11, 30),
            {"before_release": True},
            "bluray before the film can be had at home (01 February 2027)",
        ),
        (GOOD, date(2027, 1, 31), {}, "a fake"),
        (GOOD, date(2027, 2, 1), {}, ""),
        (GOOD, None, {}, ""),
        ("Charade.2026.1080p.x264", date(2027, 1, 31), {"sources": ("unknown",)}, "no source is named"),
        ("Charade.2026.1080p.TS", date(2026, 12, 1), {"sources": ("telesync",)}, ""),
        ("Charade.2026.1080p.TS", date(2026, 11, 30), {"sources": ("telesync",)}, "not out before"),
        ("Charade.2026.1080p.TS", date(2026, 11, 30), {"sources": ("telesync",), "before_release": True}, ""),
        ("Charade.2026.1080p.TS", date(2026, 12, 1), {}, "telesync"),
    ],
)
def test_before_a_film_is_out_what_has_its_name_is_a_fake(
    name: str, today: date | None, asked: dict[str, Any], words: str
) -> None:
    found = score(read(name), NEW, with_(**asked), size=SIZE, seeds=20, today=today).refused
    assert words in found
    assert bool(found) is bool(words)


def test_without_the_day_for_the_home_the_first_day_counts() -> None:
    film = WantedFilm(("Charade",), 2026, "", 100, date(2026, 12, 1), "en")
    asked = with_(before_release=True)
    assert "a fake" in score(read(GOOD), film, asked, size=SIZE, seeds=20, today=date(2026, 11, 30)).refused
    assert not score(read(GOOD), film, asked, size=SIZE, seeds=20, today=date(2026, 12, 1)).refused


def test_enough_is_what_was_asked_for() -> None:
    assert rated().is_enough
    assert not rated("Charade.1963.720p.BluRay.x264-GRP").is_enough
    assert not rated("Charade.1963.1080p.WEB-DL.x264-GRP").is_enough
    assert rated(profile=with_(until=None)).is_enough is False
    assert rated(
        "Charade.1963.720p.WEB-DL.x264-GRP", with_(until=Until(resolution=720, source=ReleaseSource.WEB_DL))
    ).is_enough
    assert rated(profile=with_(until=Until(resolution=720, source=ReleaseSource.WEB_DL))).is_enough, (
        "better than asked for"
    )
    assert rated(profile=with_(until=Until(resolution=2160, source=ReleaseSource.REMUX))).is_enough, (
        "the best that the profile takes"
    )
    wanted = with_(until=Until(score=10), formats=(FormatScore(name="Good", score=10),))
    assert not rated(profile=wanted).is_enough
    assert rated(profile=wanted, formats=["Good"]).is_enough


def test_only_a_strict_gain_replaces() -> None:
    old = ReleaseScore(500, (), gain=25)
    assert not better(ReleaseScore(500, (), gain=25), old)
    assert not better(ReleaseScore(524.9, (), gain=25), old)
    assert better(ReleaseScore(525, (), gain=25), old)
    assert not better(ReleaseScore(525, (), gain=26), old)
    assert not better(ReleaseScore(525, (), gain=25), ReleaseScore(500, (), gain=26))
    assert better(old, None)
    assert better(ReleaseScore(1, ()), ReleaseScore(999, (), refused="dead."))
    assert not better(ReleaseScore(999, (), refused="dead."), None)
    assert not better(ReleaseScore(999, (), refused="dead."), ReleaseScore(1, (), refused="dead."))
    assert not better(ReleaseScore(999, ()), ReleaseScore(500, (), is_enough=True))
    assert better(ReleaseScore(999, (), refused="dead."), None) is False


def test_seeds_that_move_by_a_step_replace_nothing() -> None:
    for few, more in zip(SEED_STEPS, SEED_STEPS[1:], strict=False):
        profile = with_(until=None)
        assert not better(rated(profile=profile, seeds=more), rated(profile=profile, seeds=few))


SCORES = st.builds(
    ReleaseScore,
    st.floats(-20000, 20000) | st.integers(0, 200).map(float),
    st.just(()),
    st.sampled_from(["", "", "", "refused."]),
    st.sampled_from([1.0, 25.0, 40.0]),
    st.sampled_from([False, False, True]),
)


@given(SCORES, SCORES)
def test_two_are_never_better_than_each_other(one: ReleaseScore, other: ReleaseScore) -> None:
    assert not (better(one, other) and better(other, one))
    assert not better(one, one)


@given(SCORES, SCORES, SCORES)
def test_better_than_what_is_better_is_better(one: ReleaseScore, two: ReleaseScore, three: ReleaseScore) -> None:
    if better(one, two) and better(two, three):
        assert better(one, three)


@given(st.lists(SCORES, max_size=12))
def test_replacing_one_by_one_comes_to_an_end(found: list[ReleaseScore]) -> None:
    held: ReleaseScore | None = None
    replaced = 0
    for _ in range(3):
        for one in found:
            if better(one, held):
                held, replaced = one, replaced + 1
    assert replaced <= len(found)
    assert all(not better(one, held) for one in found)


@given(SCORES, SCORES)
def test_a_better_one_is_not_refused_and_has_more_points_than_one_that_is_not(
    one: ReleaseScore, two: ReleaseScore
) -> None:
    if better(one, two):
        assert (bool(one.refused), -one.total) < (bool(two.refused), -two.total)


NAMES = st.builds(
    "Charade.1963.{}.{}.{}.{}-GRP".format,
    st.sampled_from(["", "GERMAN", "REPACK", "EXTENDED", "3D"]),
    st.sampled_from(["2160p", "1080p", "720p", "480p"]),
    st.sampled_from(["BluRay", "WEB-DL", "WEBRip", "HDTV", "CAM", "REMUX"]),
    st.sampled_from(["x264", "x265", "AV1"]),
)


@given(NAMES, st.sampled_from(sorted(PRESETS)), st.none() | st.integers(0, 10**11), st.none() | st.integers(0, 10**6))
def test_any_release_gets_a_score_that_its_parts_explain(
    name: str, preset: str, size: int | None, seeds: int | None
) -> None:
    found = score(read(name), FILM, PRESETS[preset], size=size, seeds=seeds)
    assert found.total == pytest.approx(sum(part.points for part in found.parts))
    assert all(part.words for part in found.parts)
    assert found == score(read(name), FILM, PRESETS[preset], size=size, seeds=seeds)


def test_a_profile_goes_through_json() -> None:
    for name, profile in PRESETS.items():
        assert ReleaseProfile.model_validate_json(profile.model_dump_json()) == profile
        assert profile.name == name
        assert not profile.asks_for_filmed
    assert next(iter(PRESETS)) == ReleaseProfile().name
    assert with_(sources=("cam", "bluray")).asks_for_filmed


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolutions": ()}, {"resolutions": (1000,)}, {"resolutions": (1080, 1080)}, {"sources": ("bluray", "bluray")}, {"sources": ("tape",)},
        {"codecs": ("h266",)}, {"codecs_refused": {"mp3"}}, {"hdr_wanted": {"hdr"}}, {"hdr_refused": {"sdr"}}, {"sizes": {1000: {"least": 1, "ideal": 2, "most": 3}}},
        {"sizes": {1080: {"least": 3, "ideal": 2, "most": 4}}}, {"sizes": {1080: {"least": 1, "ideal": 5, "most": 4}}}, {"languages": ("english",)},
        {"gain": 0}, {"seeds_least": -1}, {"name": ""}, {"colour": "red"},
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        with_(**wrong)


def test_sizes_may_be_equal() -> None:
    assert Sizes(least=5, ideal=5, most=5).ideal == 5
    assert all(sizes.least < sizes.ideal < sizes.most for sizes in SIZES.values())
