"""Names of recordings: safe everywhere, short enough, and the same each time."""

from __future__ import annotations

import tempfile
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.files import TEMPORARY
from nightcrew.kernel.path_names import clean
from nightcrew.recordings.naming import Names, names, next_episode

AUGUST = datetime(2026, 8, 3, 20, 15, tzinfo=UTC)
FAMILY = "👨‍👩‍👧‍👦"
NASTY = [*"./\\:*?\"<>|'\n\r\t\0\x1f\x7f ~%", "\u202e", "\u2066", "\ufeff", "\u2028", "\ud800", "\uf022", "\ufffe"]
NASTY += ["con", "NUL", "com1", "LPT¹", "..", "e\u0301", "\u0338", "\u0301", "\u200d", FAMILY, "🇩🇪", "👍🏽", "ﬁ", "한"]
TEXTS = st.lists(st.one_of(st.characters(), st.sampled_from(NASTY)), max_size=400).map("".join)
LONG = st.builds(lambda text, times: text * times, TEXTS, st.integers(1, 60))
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")}


def assert_safe(name: str) -> None:
    assert name not in {"", ".", ".."}
    assert not set(name) & set('/\\<>:"|?*\0')
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Co"} for char in name)
    assert not any(unicodedata.bidirectional(char) in {"LRO", "RLO", "LRE", "RLE", "LRI", "RLI"} for char in name)
    assert name.partition(".")[0].strip().upper() not in DEVICES
    assert unicodedata.is_normalized("NFC", name)
    assert len(name.encode()) <= 255


# -- one component -----------------------------------------------------------------------------------------------------


@given(TEXTS | LONG)
def test_a_cleaned_name_is_safe_and_cleaning_it_again_changes_nothing(text: str) -> None:
    name = clean(text)
    assert_safe(name)
    assert clean(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("It's \u201cfine\u201d 🎉", "It's \u201cfine\u201d 🎉"),
        ('Who? "Me": 1/2 <a|b> c\\d *', "Who？ ＂Me＂： 1／2 ＜a｜b＞ c＼d ＊"),
        ("one\ntwo\r\nthree\t\u2028four", "one two three four"),
        ("..hidden.. . ", "hidden"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("a \u202e b", "a b"),
        ("e\u0301", "é"),
        ("", "_"),
        ("...", "_"),
        ("\0\x1b", "_"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("nul .txt", "_nul .txt"),
        ("COM¹", "_COM¹"),
        ("console", "console"),
        (f"{FAMILY} 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
    ],
)
def test_each_kind_of_character_has_its_rule(text: str, name: str | None) -> None:
    assert clean(text) == (text if name is None else name)


def test_a_device_name_is_found_in_a_name_that_is_cut() -> None:
    assert_safe(clean("AUXX" + "\u0316" * 300))
    assert_safe(clean("aux." + "x" * 300))


@pytest.mark.parametrize("whole", [FAMILY, "🇩🇪", "👍🏽", "x\u0316\u0317"])
def test_what_is_shown_as_one_character_is_not_cut_apart(whole: str) -> None:
    for lead in range(16):
        rest = clean("a" * lead + whole * 100)[lead:]
        assert rest == whole * (len(rest) // len(whole))


def test_a_single_character_that_is_too_long_is_cut_all_the_same() -> None:
    assert len(clean("x" + "\u0316" * 300).encode()) >= 254


# -- the names of a recording ------------------------------------------------------------------------------------------


def components(found: Names) -> set[str]:
    films = [found.film(1, 1, ".mp4"), found.film(99, 99, ".mkv")]
    beside = [path for film in films for path in (film.file, film.scratch, film.nfo, film.thumbnail)]
    paths = [*beside, found.segments, found.part(1), found.part(9999, ".m4s")]
    return {part for path in paths for part in path.parts}


def test_the_layout_is_that_of_a_media_library() -> None:
    found = names("Cohh", "Hello", AUGUST, 7)
    film = found.film(1, 1, ".mp4")
    assert str(film.file) == "Cohh/Season 2026-08/Cohh - S202608E07 - Hello.mp4"
    assert (
        str(found.part(1))
        == "Cohh/Season 2026-08/Cohh - S202608E07 - Hello_segments/Cohh - S202608E07 - Hello_part001.ts"
    )
    assert found.part(12, ".mp4").name == "Cohh - S202608E07 - Hello_part012.mp4"
    assert film.nfo.name == "Cohh - S202608E07 - Hello.nfo"
    assert film.thumbnail.name == "Cohh - S202608E07 - Hello-thumb.jpg"
    assert {film.file.parent, film.nfo.parent, film.thumbnail.parent, found.segments.parent} == {found.folder}


def test_several_films_are_named_as_players_name_the_parts_of_one() -> None:
    found = names("Cohh", "Hello", AUGUST, 7)
    second = found.film(2, 3, ".mkv")
    assert second.file.name == "Cohh - S202608E07 - Hello - part2.mkv"
    assert second.nfo.name == "Cohh - S202608E07 - Hello - part2.nfo"
    assert found.of_file(second.file.name) == second
    assert found.is_scratch(second.scratch.name) and found.is_scratch(found.film(1, 1, ".ts").scratch.name)
    others = ["Cohh - S202608E07 - Hello.mp4", "Cohh - S202608E07 - Hello again.mp4.part", "Cohh - S202608E07.mp4.part"]
    assert not any(found.is_scratch(name) for name in others)


def test_a_recording_without_a_title_ends_with_its_number() -> None:
    assert names("Cohh", " \n", AUGUST, 112).stem == "Cohh - S202608E112"


@given(TEXTS | LONG, TEXTS | LONG, st.datetimes(), st.integers(1, 10**9))
def test_every_component_is_safe_and_says_streamer_season_and_episode(
    streamer: str, title: str, started_at: datetime, episode: int
) -> None:
    found = names(streamer, title, started_at, episode)
    for component in components(found):
        assert_safe(component)
        assert clean(component) == component
    month = f"{started_at.year:04}-{started_at.month:02}"
    assert found.folder.parts[1:] == (f"Season {month}",)
    assert found.stem.startswith(f"{found.folder.parts[0]} - S{month.replace('-', '')}E{episode:02}")
    assert names(streamer, "", started_at, 1).folder == found.folder, (
        "the folder depends on nothing but streamer and month"
    )


def test_a_long_title_is_cut_and_a_long_streamer_only_when_the_title_is_gone() -> None:
    found = names("s" * 150, "t" * 300, AUGUST, 3)
    assert found.stem.startswith("s" * 150 + " - S202608E03 - ttt")
    assert 220 <= len(found.stem) <= 223
    found = names("s" * 300, "t" * 300, AUGUST, 3)
    assert found.stem.startswith("s" * 200 + " - S202608E03")


@given(TEXTS | LONG, TEXTS | LONG, st.integers(100, 255))
def test_no_name_is_longer_than_the_library_takes(streamer: str, title: str, longest: int) -> None:
    """Folders that are encrypted name by name take 143 bytes."""
    found = names(streamer, title, AUGUST, 12_345, longest)
    film = found.film(99, 99, ".mp4")
    temporary = film.thumbnail.with_name(film.thumbnail.name + f"{TEMPORARY}abcdefgh")
    for path in (film.file, film.nfo, film.scratch, temporary, found.segments, found.part(9999)):
        assert all(len(one.encode()) <= longest for one in path.parts), path
    assert " - S202608E12345" in found.stem


def test_a_file_system_that_gives_less_than_any_is_not_believed() -> None:
    assert names("s" * 300, "t", AUGUST, 1, 3) == names("s" * 300, "t", AUGUST, 1, 100)
    assert names("s" * 300, "t", AUGUST, 1, 100_000) == names("s" * 300, "t", AUGUST, 1)


@given(TEXTS | LONG, TEXTS | LONG)
def test_a_real_file_system_takes_every_name_and_gives_it_back(streamer: str, title: str) -> None:
    found = names(streamer, title, AUGUST, 1)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / found.segments).mkdir(parents=True)
        film = found.film(99, 99, ".mp4")
        for path in (film.file, found.part(9999), film.nfo, film.thumbnail, film.scratch):
            (root / path).write_bytes(b"x")
            assert root / path in (root / path.parent).iterdir()
        single = root / clean(title)
        if single.name != found.folder.parts[0]:
            single.write_bytes(b"")
        assert {path.name for path in root.iterdir()} == {found.folder.parts[0], single.name}


def test_episodes_grow_and_a_deleted_ones_number_is_not_given_again_below_the_last() -> None:
    assert next_episode([]) == 1
    assert next_episode(iter([1, 5, 3])) == 6


@pytest.mark.parametrize("char", ["\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff", "\U000e0001"])
def test_what_no_text_may_hold_is_dropped(char: str) -> None:
    assert clean(f"a{char}b") == "ab"


@pytest.mark.parametrize("char", ["\ufdcf", "\ufdf0", "\ufffd", "\U000e0020", "\U000e007f", "\U000e0041"])
def test_what_lies_beside_it_is_kept(char: str) -> None:
    assert clean(f"a{char}b") == unicodedata.normalize("NFC", f"a{char}b")


@pytest.mark.parametrize(
    "joined",
    [
        "👍\U0001f3fb",
        "👍\U0001f3ff",
        "🏴\U000e0020",
        "🏴\U000e007f",
        "\U0001f1e6\U0001f1e6",
        "\U0001f1ff\U0001f1ff",
        "e\u0338",
    ],
)
def test_a_name_is_never_cut_between_characters_that_are_shown_as_one(joined: str) -> None:
    """At every length the end is whole: the pair is there, or nothing of it."""
    for lead in range(248, 256):
        name = clean("x" * lead + joined)
        assert name in {"x" * lead, "x" * lead + joined}
    assert {len(clean("x" * lead + "\U0001f1e6\U0001f1e6\U0001f1ff\U0001f1ff")) - lead for lead in range(236, 256)} == {
        0,
        2,
        4,
    }
