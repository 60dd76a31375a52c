"""Numbers from starts that a person gives: each stays with its channel."""

from __future__ import annotations

import pytest

from nightcrew.playlists.numbering import MOST, Numbering


def given(lines: list[str], *channels: tuple[int, str, int | None], elsewhere: tuple[int, ...] = ()) -> dict[int, int]:
    return Numbering.of(lines).given(channels, elsewhere)


def test_a_start_and_groups_with_their_own_are_read() -> None:
    found = Numbering.of(["100", " News = 200 ", "Sport=300"])
    assert (found.start, found.groups) == (100, {"news": 200, "sport": 300})
    assert [found.start_of(group) for group in ("NEWS", "Films", "Films;Sport", "")] == [200, 100, 300, 100]
    assert Numbering.of(["News = 200"]).start_of("Films") is None


@pytest.mark.parametrize("line", ["", "News", "News = ", "1234567", "= 5", "-1", "News = 1234567"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="neither a number"):
        Numbering.of([line])


def test_channels_count_up_from_the_start_of_their_group() -> None:
    channels = [(1, "News", None), (2, "Films", None), (3, "News", None), (4, "Films", None)]
    assert given(["100", "News = 200"], *channels) == {1: 200, 2: 100, 3: 201, 4: 101}


def test_without_a_start_the_others_keep_the_numbers_of_their_list() -> None:
    assert given(["News = 200"], (1, "News", None), (2, "Films", None)) == {1: 200}


def test_a_number_stays_and_a_new_channel_comes_behind_all_of_its_start() -> None:
    assert given(["100"], (1, "", 100), (2, "", None), (3, "", 105), (4, "", None)) == {2: 106, 4: 107}


def test_a_number_that_others_have_is_left_out() -> None:
    assert given(["100"], (1, "", None), elsewhere=(99, 300)) == {1: 301}
    assert given(["100", "News = 200"], (1, "", None), (2, "", None), elsewhere=(99, 300, 101)) == {1: 102, 2: 103}


def test_groups_do_not_run_into_each_other_unless_they_have_to() -> None:
    lines = ["News = 200", "Sport = 202"]
    assert given(lines, (1, "Sport", 202), (2, "Sport", 203), (3, "News", None), (4, "News", None)) == {3: 200, 4: 201}
    full = [(1, "Sport", 202), (2, "News", 200), (3, "News", 201), (4, "News", None)]
    assert given(lines, *full) == {4: 203}


def test_a_start_at_nought_counts() -> None:
    assert given(["0"], (1, "", None), (2, "", None)) == {1: 0, 2: 1}


def test_there_is_a_last_number() -> None:
    assert given([str(MOST)], (1, "", None), (2, "", None)) == {1: MOST}
    assert given([str(MOST)], (1, "", MOST), (2, "", None)) == {}
