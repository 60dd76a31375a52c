"""Several guides of one channel: the first counts, the others fill its holes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nightcrew.guidereader.wire import Programme
from nightcrew.playlists import holes
from nightcrew.playlists.holes import Holes

DAY = datetime(2026, 3, 4, tzinfo=UTC)


def programme(start: float, stop: float, channel: str = "one") -> Programme:
    return Programme(channel, DAY + timedelta(hours=start), DAY + timedelta(hours=stop), "A", "")


def taken(*rows: tuple[float, float, int], channel: str = "one", into: Holes | None = None) -> list[bool]:
    """Which are shown, of programmes as hours and the number of their guide."""
    known = into or Holes()
    return [known.takes(programme(start, stop, channel), guide) for start, stop, guide in rows]


def test_a_later_guide_fills_what_the_first_leaves_open() -> None:
    rows = [(1, 2, 0), (4, 5, 0), (0, 1, 1), (2, 4, 1), (5, 6, 1)]
    assert taken(*rows) == [True] * 5


@pytest.mark.parametrize("span", [(0.5, 1.5), (1, 2), (1.2, 1.8), (1.5, 2.5), (0, 9), (1, 1.5), (1.9, 2)])
def test_nothing_of_a_later_guide_runs_beside_the_first(span: tuple[float, float]) -> None:
    assert taken((1, 2, 0), (*span, 1)) == [True, False]


def test_a_guides_own_programmes_may_overlap() -> None:
    assert taken((1, 3, 0), (2, 4, 0), (3.5, 5, 1), (4, 5, 1)) == [True, True, False, True]


def test_a_third_guide_fills_what_both_leave_open() -> None:
    assert taken((1, 2, 0), (3, 4, 1), (3.5, 5, 2), (4, 5, 2), (1.5, 3, 2), (2, 3, 2)) == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]


def test_a_short_programme_inside_of_a_long_one_hides_nothing_of_it() -> None:
    assert taken((1, 9, 0), (2, 3, 0), (5, 6, 1)) == [True, True, False]


def test_each_channel_has_holes_of_its_own() -> None:
    known = Holes()
    assert taken((1, 2, 0), into=known) == [True]
    assert taken((1, 2, 1), channel="other", into=known) == [True]


def test_the_same_guide_may_come_for_the_next_channel() -> None:
    known = Holes()
    assert taken((1, 2, 0), (3, 4, 1), into=known) == [True, True]
    assert taken((1, 2, 1), (1, 2, 2), channel="other", into=known) == [True, False]


def test_of_too_many_programmes_the_first_guide_is_shown_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "MOST", 3)
    first = [(2.0 * n, 2.0 * n + 1, 0) for n in range(6)]
    assert taken(*first) == [True] * 6
    assert taken(*first[:3], (20, 21, 1), (22, 23, 1)) == [True, True, True, True, False]
