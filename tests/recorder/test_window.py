"""What is read of a live playlist, and what is given up: by small stories, and by a simulated source with every fault at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from nightcrew.recorder import window as module
from nightcrew.recorder.ledger import Tally
from nightcrew.recorder.window import ANEW, Anew, LastSeen, Listed, Lost, QueuedSegment, SegmentWindow, Step, Write

EPOCH = 1_700_000_000.0
BODY = bytes(1000)


def listed(first: int, last: int, *, seconds: float = 2.0, dated: float | None = None) -> list[Listed]:
    """Segments `first` to `last`. `dated`: the programme time of number 0."""
    when = [None if dated is None else dated + number * seconds for number in range(first, last + 1)]
    return [Listed(number, seconds, at) for number, at in zip(range(first, last + 1), when, strict=True)]


def steps(window: SegmentWindow, now: float = 0.0, *, broken: Sequence[int] = ()) -> list[Step]:
    """Read all that is due, except what is broken, and take what is ready."""
    while (wanted := window.due(now)) is not None:
        if wanted.listed.number in broken:
            window.failed(wanted, "HTTP 404", now, missing=True)
        else:
            window.got(wanted, BODY)
    return list(window.ready())


def numbers(found: Sequence[Step]) -> list[int]:
    return [step.listed.number for step in found if isinstance(step, Write)]


# -- small stories -----------------------------------------------------------------------------------------------------


def test_what_is_listed_is_written_once_and_in_order() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 7), 0)
    window.offer(listed(6, 9), 2)
    assert numbers(steps(window, 2)) == [5, 6, 7, 8, 9]
    window.offer(listed(6, 9), 3)
    assert steps(window, 3) == []


def test_what_comes_after_a_missing_segment_is_held_until_that_is_read() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 8), 0)
    assert numbers(steps(window, 0, broken=[6])) == [5]
    assert (window.waiting, window.next_try()) == (1, 0.5)
    assert numbers(steps(window, 0.5)) == [6, 7, 8]


def test_a_segment_is_tried_less_and_less_often() -> None:
    window, now, tried = SegmentWindow(target=2), 0.0, list[float]()
    window.offer(listed(5, 5), 0)
    for _ in range(5):
        now = window.next_try() or now
        tried.append(now)
        steps(window, now, broken=[5])
    assert tried == [0.0, 0.5, 1.5, 3.5, 5.5]


def test_a_missing_segment_is_given_up_as_soon_as_it_is_not_listed_and_no_sooner() -> None:
    window = SegmentWindow(target=2)
    for now in range(0, 40, 2):
        window.offer(listed(5, 8), now)
        assert [step for step in steps(window, now, broken=[5]) if isinstance(step, Lost)] == []
    window.offer(listed(6, 9), 40)
    assert steps(window, 42, broken=[5])[0] == Lost(5, 5, 2.0, "HTTP 404")


def test_a_segment_that_only_cannot_be_reached_is_tried_for_a_while_after_it_has_left() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 5), 0)
    window.offer(listed(6, 6), 2)
    (five, now), given_up = (window.due(2), 2.0), None
    assert five is not None
    while given_up is None:
        now += 2
        window.failed(five, "timed out", now, missing=False)
        given_up = now if five.lost else None
    assert given_up - 2 - module.AFTERLIFE == pytest.approx(1, abs=1.01)


def test_an_old_copy_of_the_playlist_does_not_make_a_segment_one_that_has_left() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 8), 0)
    steps(window, 0, broken=[8])
    window.offer(listed(3, 6), 1)
    assert steps(window, 2, broken=[8]) == [], "8 is in the playlist, only not in that copy of it"
    window.offer(listed(6, 9), 3)
    assert numbers(steps(window, 4)) == [8, 9]


def test_a_segment_that_is_listed_again_has_not_left() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 8), 0)
    steps(window, 0, broken=[5])
    window.offer(listed(6, 9), 1)
    window.offer(listed(5, 9), 2)
    assert steps(window, 2, broken=[5]) == [], "it is listed, and may come"
    assert numbers(steps(window, 5)) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("dated", [None, EPOCH])
def test_a_long_time_without_a_playlist_is_a_gap_of_its_length(dated: float | None) -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 8, dated=dated), 0)
    steps(window, 0)
    window.offer(listed(308, 311, dated=dated), 606)
    lost, *rest = steps(window, 606)
    assert lost == Lost(9, 307, 598.0, module.PASSED)
    assert numbers(rest) == [308, 309, 310, 311]


def test_a_restart_counts_the_time_until_the_first_playlist() -> None:
    window = SegmentWindow(LastSeen(8, 2.0, None, at=-300.0), target=2)
    window.offer(listed(308, 311), 300)
    assert steps(window, 300)[0] == Lost(9, 307, 598.0, module.PASSED), "and no new numbering"


def test_programme_times_say_how_long_a_hole_is() -> None:
    window = SegmentWindow(target=2)
    window.offer([Listed(5, 2.0, EPOCH)], 0)
    window.offer([Listed(9, 2.0, EPOCH + 5.5)], 6)
    assert steps(window, 6)[1] == Lost(6, 8, 3.5, module.PASSED)


def test_numbers_that_are_passed_over_without_a_missing_moment_are_a_gap_of_no_length() -> None:
    window = SegmentWindow(target=2)
    window.offer([Listed(5, 2.0, EPOCH)], 0)
    window.offer([Listed(9, 2.0, EPOCH + 2)], 2)
    assert steps(window, 2)[1] == Lost(6, 8, 0.0, module.PASSED)


def test_programme_times_say_how_long_a_hole_is_also_when_its_numbers_say_less() -> None:
    window = SegmentWindow(LastSeen(8, 2.0, EPOCH, at=0.0), target=2)
    window.offer([Listed(11, 2.0, EPOCH + 2 + 500)], 510)
    assert steps(window, 510)[0] == Lost(9, 10, 500.0, module.PASSED), "as much has passed by our clock"


def test_programme_times_tell_a_long_hole_from_a_new_numbering_when_our_clock_does_not() -> None:
    window = SegmentWindow(LastSeen(8, 2.0, EPOCH + 16, at=600.0), target=2)
    window.offer(listed(308, 311, dated=EPOCH), 600)
    assert steps(window, 600)[0] == Lost(9, 307, 598.0, module.PASSED)


def test_what_is_missing_between_two_numbers_that_touch_is_lost() -> None:
    window = SegmentWindow(LastSeen(8, 2.0, EPOCH, at=0.0), target=2)
    window.offer([Listed(9, 2.0, EPOCH + 2 + 300)], 310)
    assert steps(window, 310)[:2] == [Lost(9, 158, 300.0, ANEW), Anew(ANEW)]


def test_a_segment_of_hardly_any_length_does_no_harm() -> None:
    window = SegmentWindow(LastSeen(8, 1e-320, EPOCH, at=0.0), target=2)
    window.offer([Listed(0, 2.0, EPOCH + 30)], 31)
    assert steps(window, 31)[:2] == [Lost(9, 23, 30.0, ANEW), Anew(ANEW)]


def test_a_clock_that_makes_no_sense_does_not_say_how_long_a_hole_is() -> None:
    window = SegmentWindow(target=2)
    window.offer([Listed(5, 2.0, 0.0)], 0)
    window.offer([Listed(9, 2.0, EPOCH)], 8)
    assert steps(window, 8)[1] == Lost(6, 8, 6.0, module.PASSED)


@pytest.mark.parametrize("dated", [None, EPOCH])
def test_numbers_that_begin_anew_lose_and_double_nothing(dated: float | None) -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(100, 103, dated=dated), 0)
    steps(window, 0)
    renumbered = listed(0, 3, dated=None if dated is None else EPOCH + 102 * 2.0)
    window.offer(renumbered, 4)
    found = steps(window, 4)
    assert found[0] == Anew(ANEW)
    assert numbers(found) == [2, 3], "0 and 1 are what was 102 and 103"


def test_what_a_new_numbering_has_missed_is_lost() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(100, 103, dated=EPOCH), 0)
    steps(window, 0)
    window.offer([Listed(0, 2.0, EPOCH + 104 * 2.0 + 31)], 32)
    assert steps(window, 32)[:2] == [Lost(104, 119, 31.0, ANEW), Anew(ANEW)]


def test_a_short_segment_that_a_new_numbering_has_missed_is_lost_too() -> None:
    window = SegmentWindow(target=6)
    window.offer(listed(100, 103, seconds=1, dated=EPOCH), 0)
    window.offer([Listed(0, 1.0, EPOCH + 105)], 2)
    window.offer([Listed(0, 1.0, EPOCH + 105), Listed(1, 6.0, EPOCH + 106)], 8)
    assert steps(window, 8)[4:6] == [Lost(104, 104, 1.0, ANEW), Anew(ANEW)]


def test_what_was_wanted_before_a_new_numbering_is_not_read_from_it() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(10, 13, dated=EPOCH), 0)
    steps(window, 0, broken=[12])
    for last in (1, 5, 11, 13):  # the new numbering comes to 12 itself
        window.offer(listed(max(0, last - 3), last, dated=EPOCH + 28), 2 * last)
    found = steps(window, 28)
    assert [(type(step), numbers([step])) for step in found[:3]] == [(Lost, []), (Write, [13]), (Anew, [])]
    assert found[0] == Lost(12, 12, 2.0, ANEW)
    assert numbers(found[3:]).count(12) == 1


def test_a_new_numbering_that_went_on_while_nobody_looked_is_recognized_by_its_times() -> None:
    window = SegmentWindow(LastSeen(100, 2.0, EPOCH, at=0.0), target=2)
    window.offer([Listed(number, 2.0, EPOCH + 400 + number * 2.0) for number in range(99, 103)], 600)
    found = steps(window, 600)
    assert found[:2] == [Lost(101, 398, 596.0, ANEW), Anew(ANEW)]
    assert numbers(found) == [99, 100, 101, 102]


def test_an_old_copy_of_another_numbering_is_passed_over() -> None:
    window = SegmentWindow(target=2)
    old = listed(1000, 1003, dated=EPOCH)
    window.offer(old, 0)
    window.offer(listed(0, 3, dated=EPOCH + 1004 * 2.0), 8)
    steps(window, 8)
    window.offer(old, 9)
    assert steps(window, 9) == []
    window.offer(listed(1, 4, dated=EPOCH + 1004 * 2.0), 10)
    assert numbers(steps(window, 10)) == [4]


def test_an_old_copy_of_another_numbering_with_some_of_the_same_numbers_is_passed_over() -> None:
    window = SegmentWindow(target=2)
    old = listed(1000, 1003, dated=EPOCH)
    window.offer(old, 0)
    window.offer(listed(997, 1001, dated=EPOCH + 7 * 2.0), 10)
    steps(window, 10)
    window.offer(old, 11)
    assert steps(window, 11) == []


def test_an_old_copy_of_another_numbering_is_known_by_its_numbers_too() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(1000, 1003), 0)
    window.offer(listed(0, 3), 8)
    steps(window, 8)
    window.offer(listed(1001, 1004), 9)
    assert steps(window, 9) == []
    window.offer(listed(1, 4), 10)
    assert numbers(steps(window, 10)) == [4]


def test_an_old_copy_from_when_the_playlist_was_short_is_passed_over() -> None:
    window = SegmentWindow(target=2)
    for last in (7, 14, 20):
        window.offer(listed(last - 7, last), last)
    steps(window, 20)
    window.offer(listed(0, 0), 21)
    assert steps(window, 21) == []


def test_a_clock_that_is_set_back_with_the_numbers_does_not_end_the_recording() -> None:
    window, now, found = SegmentWindow(target=2), 0.0, list[Step]()
    window.offer(listed(1000, 1003, dated=EPOCH), now)
    steps(window, now)
    while not numbers(found) and now < 300:
        now += 2
        number = int(now / 2)
        window.offer(listed(max(0, number - 4), number, dated=0.0), now)
        found += steps(window, now)
    assert now <= module.OLD_FOR + 6
    assert [type(step) for step in found[:2]] == [Lost, Anew]
    assert isinstance(found[0], Lost)
    assert found[0].seconds == pytest.approx(now - 2.0 * len(numbers(found)), abs=2), "by our own clock"


def test_without_programme_times_a_playlist_that_stays_a_little_behind_and_goes_on_is_a_new_numbering() -> None:
    window, found = SegmentWindow(target=2), list[Step]()
    window.offer(listed(10, 13), 0)
    for now in range(2, 14, 2):
        window.offer(listed(0, now // 2), now)
        found += steps(window, now)
    assert Anew(ANEW) in found
    frozen = SegmentWindow(target=2)
    frozen.offer(listed(10, 13), 0)
    for now in range(2, 40, 2):
        frozen.offer(listed(8 - now % 4, 10 - now % 4), now)
    assert Anew(ANEW) not in steps(frozen, 40), "two copies that do not go on are old ones"


def test_a_playlist_has_moved_only_when_it_shows_something_new() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 8), 10)
    window.offer(listed(4, 7), 12)
    window.offer(listed(5, 8), 14)
    assert window.moved == 10
    window.offer(listed(6, 9), 16)
    assert window.moved == 16


def test_a_step_that_could_not_be_put_on_disk_comes_again() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 7), 0)
    steps_once = window.ready()
    wanted = window.due(0)
    assert wanted is not None
    window.got(wanted, BODY)
    assert isinstance(next(steps_once), Write)
    steps_once.close()  # as when the disk failed
    assert numbers(steps(window, 0)) == [5, 6, 7]
    assert window._held == 0


def test_what_nobody_will_read_any_more_is_lost() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 7), 0)
    assert numbers(steps(window, 0, broken=[6])) == [5]
    window.give_up("over")
    assert next(iter(window.ready())) == Lost(6, 6, 2.0, "over")
    assert window.waiting == 0


def test_one_missing_segment_does_not_hold_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", 20 * len(BODY))
    window, most, found = SegmentWindow(target=2), 0, list[Step]()
    for now in range(100):  # the playlist is one of many hours: everything stays listed
        window.offer(listed(5, 6 + now), now)
        found += steps(window, now, broken=[6])
        most = max(most, window._held)
    assert most <= 24 * len(BODY)
    assert Lost(6, 6, 2.0, "HTTP 404") in found


# -- how much is too much ----------------------------------------------------------------------------------------------

MB16 = bytes(16 << 20)


def test_64_mb_may_wait_for_one_missing_segment_and_no_byte_more() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 10), 0)
    five, *others = read(window)
    for one in others[:4]:
        window.got(one, MB16)
    window.failed(five, "HTTP 404", 0, missing=True)
    assert five.pending, "it is listed, and may come"
    window.failed(others[4], "HTTP 404", 0, missing=True)
    window.got(five, b"x")
    assert numbers(list(window.ready())) == [5, 6, 7, 8, 9]
    assert others[4].pending, "what was held was written, and nothing waits for it"


def test_what_waits_beyond_64_mb_is_not_held_for_the_first_that_is_missing() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 10), 0)
    five, *others = read(window)
    for one in others[:4]:
        window.got(one, MB16)
    window.failed(others[4], "HTTP 404", 0, missing=True)
    window._held += 1
    window.failed(others[4], "HTTP 404", 0, missing=True)
    assert others[4].pending, "nothing is held for this one"
    window.failed(five, "HTTP 503", 0, missing=True)
    assert next(window.ready()) == Lost(5, 5, 2.0, "HTTP 503")


def read(window: SegmentWindow) -> list[QueuedSegment]:
    """All that is wanted, taken out in its order."""
    return [one for one in window._queue if isinstance(one, QueuedSegment)]


@pytest.mark.parametrize("former", [False, True])
@pytest.mark.parametrize(("newest", "anew"), [(978, False), (977, True)])
def test_a_playlist_is_an_old_copy_unless_it_is_three_windows_and_ten_numbers_behind(
    newest: int, anew: bool, former: bool
) -> None:
    """Three times four, and ten; also when the numbers that it is behind are those of the numbering before this one."""
    window = SegmentWindow(target=2)
    window.offer(listed(997, 1000), 0)
    if former:
        window.offer(listed(0, 3), 8)
        window.offer(listed(1, 4), 10)
    steps(window, 10)
    window.offer(listed(newest - 3, newest), 12)
    assert (Anew(ANEW) in steps(window, 12)) is anew


@pytest.mark.parametrize(("now", "lost"), [(17.0, False), (17.1, True)])
def test_a_segment_that_cannot_be_reached_is_given_up_15_s_after_it_has_left(now: float, lost: bool) -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 5), 0)
    (five,) = read(window)
    window.offer(listed(6, 6), 2)
    window.failed(five, "timed out", now, missing=False)
    assert (five.lost == "timed out") is lost


@pytest.mark.parametrize(("first", "anew"), [(57, False), (58, True)])
def test_numbers_that_are_further_ahead_than_twice_the_time_a_minute_and_two_windows_are_new_ones(
    first: int, anew: bool
) -> None:
    """After ten seconds: 20 and 60 and 16 seconds, which are 48 segments of two seconds."""
    window = SegmentWindow(LastSeen(8, 2.0, None, at=0.0), target=2)
    window.offer(listed(first, first + 3), 10)
    found = steps(window, 10)
    assert (Anew(ANEW) in found) is anew
    assert anew or found[0] == Lost(9, 56, 96.0, module.PASSED)


@pytest.mark.parametrize(("told", "anew"), [(-1.0, False), (-1.1, True), (3.0, False), (3.1, True)])
def test_a_number_that_follows_is_of_the_same_numbering_when_its_time_does_too(told: float, anew: bool) -> None:
    """Half a segment early, or one and a half of the target late."""
    window = SegmentWindow(LastSeen(8, 2.0, EPOCH, at=0.0), target=2)
    window.offer([Listed(9, 2.0, EPOCH + 2 + told)], 2)
    assert (Anew(ANEW) in steps(window, 2)) is anew


@pytest.mark.parametrize(
    ("told", "seconds"), [(71.0, 71.0), (72.0, 6.0), (5.5, 5.5), (0.0, 0.0), (-59.0, 0.0), (-60.0, 6.0)]
)
def test_how_long_a_hole_is_by_the_sources_clock_is_believed_within_a_minute_of_what_its_numbers_allow(
    told: float, seconds: float
) -> None:
    """Three segments of two seconds are missing: twice as much may be, and a minute more, or a minute less than nothing."""
    window = SegmentWindow(target=40)
    window.offer([Listed(5, 2.0, EPOCH), Listed(9, 2.0, EPOCH + 2 + told)], 0)
    assert steps(window)[1] == Lost(6, 8, seconds, module.PASSED)


@pytest.mark.parametrize(("told", "seconds"), [(569.0, 569.0), (570.0, 4.0)])
def test_a_hole_may_be_as_long_as_nobody_looked_and_a_minute_more(told: float, seconds: float) -> None:
    window = SegmentWindow(LastSeen(8, 2.0, EPOCH, at=0.0), target=2)
    window.offer([Listed(11, 2.0, EPOCH + 2 + told)], 510)
    assert steps(window, 510)[0] == Lost(9, 10, seconds, module.PASSED)


@pytest.mark.parametrize(("after", "anew"), [(120.0, False), (120.1, True)])
def test_a_dated_playlist_that_goes_on_behind_is_another_one_after_two_minutes(after: float, anew: bool) -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(1000, 1003, dated=EPOCH), 0)
    steps(window)
    window.offer(listed(0, 3, dated=0.0), 10)
    window.offer(listed(1, 4, dated=0.0), 10 + after)
    assert (Anew(ANEW) in steps(window, 10 + after)) is anew


@pytest.mark.parametrize(("after", "anew"), [(6.0, False), (6.1, True)])
def test_an_undated_one_is_another_one_after_three_target_durations(after: float, anew: bool) -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(10, 13), 0)
    steps(window)
    window.offer(listed(0, 3), 10)
    window.offer(listed(1, 4), 10 + after)
    assert (Anew(ANEW) in steps(window, 10 + after)) is anew


@pytest.mark.parametrize(("later", "anew"), [(0.25, False), (0.26, True)])
def test_how_exact_programme_times_are(later: float, anew: bool) -> None:
    """The same number at another moment is another segment; a quarter of a second is none."""
    window = SegmentWindow(target=2)
    window.offer([Listed(5, 0.4, EPOCH)], 0)
    steps(window)
    window.offer([Listed(5, 0.4, EPOCH + later)], 2)
    assert (Anew(ANEW) in steps(window, 2)) is anew


@pytest.mark.parametrize(("passed", "kept"), [(4.9, [2, 3]), (5.0, [1, 2, 3])])
def test_without_times_as_much_of_a_new_numbering_is_new_as_time_has_passed(passed: float, kept: list[int]) -> None:
    """To half a segment."""
    window = SegmentWindow(target=2)
    window.offer(listed(1000, 1003), 0)
    steps(window)
    window.offer(listed(0, 3), passed)
    found = steps(window, passed)
    assert (found[0], numbers(found)) == (Anew(ANEW), kept)


@pytest.mark.parametrize(("passed", "lost"), [(10.0, None), (10.1, Lost(1004, 1004, 2.1, ANEW))])
def test_without_times_more_than_a_target_duration_must_have_passed_for_something_to_be_missing(
    passed: float, lost: Lost | None
) -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(1000, 1003), 0)
    steps(window)
    window.offer(listed(0, 3), passed)
    found = steps(window, passed)
    assert found[0] == (lost or Anew(ANEW))
    assert numbers(found) == [0, 1, 2, 3]


@pytest.mark.parametrize(("later", "kept"), [(-1.0, [1]), (-0.9, [0, 1])])
def test_with_times_a_segment_is_new_when_more_than_half_of_it_is(later: float, kept: list[int]) -> None:
    window = SegmentWindow(target=2)
    window.offer([Listed(1000, 2.0, EPOCH)], 0)
    steps(window)
    window.offer(listed(0, 1, dated=EPOCH + 2 + later), 2)
    found = steps(window, 2)
    assert Anew(ANEW) in found
    assert numbers(found) == kept


@pytest.mark.parametrize(("missing", "lost"), [(0.25, None), (0.26, Lost(1001, 1001, 0.26, ANEW))])
def test_with_times_a_quarter_of_a_second_is_not_missed(missing: float, lost: Lost | None) -> None:
    window = SegmentWindow(LastSeen(1000, 2.0, EPOCH, at=0.0), target=2)
    window.offer(listed(0, 1, dated=EPOCH + 2 + missing), 3)
    assert steps(window, 3)[0] == (lost or Anew(ANEW))


@pytest.mark.parametrize(("told", "seconds"), [(130.0, 130.0), (130.5, 8.0)])
def test_a_source_that_says_that_two_minutes_more_are_missing_than_have_passed_is_not_believed(
    told: float, seconds: float
) -> None:
    window = SegmentWindow(LastSeen(1000, 2.0, EPOCH, at=0.0), target=2)
    window.offer([Listed(0, 2.0, EPOCH + 2 + told)], 10)
    (lost, *_) = steps(window, 10)
    assert isinstance(lost, Lost)
    assert lost.seconds == seconds, "else as much as our clock says"


@pytest.mark.parametrize(("back", "written"), [(60.0, []), (60.5, [1, 2, 3, 4])])
def test_a_clock_that_is_set_back_by_more_than_a_minute_is_not_asked_what_is_new(
    back: float, written: list[int]
) -> None:
    window = SegmentWindow(target=2)
    window.offer([Listed(1000, 2.0, EPOCH)], 0)
    steps(window)
    window.offer(listed(0, 3, dated=EPOCH - back - 6), 10)
    window.offer(listed(1, 4, dated=EPOCH - back - 6), 140)
    window.offer(listed(1, 4, dated=EPOCH + 2 - back - 8), 141)
    assert numbers(steps(window, 141)) == written


def test_a_new_numbering_of_which_one_segment_has_no_time_is_judged_by_our_clock() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(1000, 1003, dated=EPOCH), 0)
    steps(window)
    window.offer([Listed(0, 2.0), *listed(1, 3, dated=EPOCH + 9000)], 4)
    found = steps(window, 4)
    assert (found[0], numbers(found)) == (Anew(ANEW), [2, 3])


def test_of_several_that_are_missing_side_by_side_one_gap_is_told_with_the_reason_of_the_longest() -> None:
    window = SegmentWindow(target=2)
    window.offer([Listed(5, 0.33333), Listed(6, 2.0), Listed(7, 0.33333)], 0)
    for one, reason in zip(read(window), ("HTTP 404", "HTTP 503", "HTTP 404"), strict=True):
        one.lost = reason
    assert list(window.ready()) == [Lost(5, 7, 2.667, "HTTP 503")]


def test_a_segment_without_length_is_taken_to_be_as_long_as_the_next() -> None:
    window = SegmentWindow(target=2)
    window.offer([Listed(5, 0.0), Listed(9, 2.0)], 0)
    assert steps(window)[1] == Lost(6, 8, 6.0, module.PASSED)


def test_what_is_tried_next_is_what_is_due_first() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 5), 0)
    steps(window, broken=[5])
    window.offer(listed(5, 6), 0.2)
    assert window.next_try() == 0.2


def test_what_was_read_is_what_is_written() -> None:
    window = SegmentWindow(target=2)
    window.offer(listed(5, 6), 0)
    for one, body in zip(read(window), (b"five", b"six"), strict=True):
        window.got(one, body)
    assert [step.body for step in window.ready() if isinstance(step, Write)] == [b"five", b"six"]


# -- a source with every fault -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    """From a moment on, segment `first` of the film has the number `number`; `relist`: and those before it, too."""

    at: float
    first: int
    number: int
    relist: bool


@dataclass(frozen=True)
class Phase:
    """`kind`: fine, away (nothing can be reached), old (copies that are `lag` behind), mixed (every other one is), still, down."""

    kind: str
    seconds: float
    lag: float


@dataclass(frozen=True)
class Handle:
    film: int


@dataclass
class ResolvedStream:
    """A film cut into segments. One is listed as soon as it is over."""

    lengths: list[float] = field(repr=False)
    size: int
    dated: bool
    turns: list[Turn]
    gone: frozenset[int]
    late: dict[int, tuple[float, bool]]
    """Seconds after its end from which a segment can be read, and whether it is missing until then."""
    begins: list[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.begins = [0.0]
        for length in self.lengths:
            self.begins.append(self.begins[-1] + length)

    def playlist(self, now: float) -> list[Listed]:
        done = bisect_right(self.begins, now + 1e-9) - 1
        turn = [turn for turn in self.turns if turn.at <= now + 1e-9][-1]
        least = 0 if turn.relist else turn.first
        return [self.listed(film, turn) for film in range(max(least, done - self.size), done)]

    def listed(self, film: int, turn: Turn) -> Listed:
        programme = EPOCH + self.begins[film] if self.dated else None
        return Listed(turn.number + film - turn.first, self.lengths[film], programme, handle=Handle(film))

    def readable(self, film: int, now: float) -> bool | None:
        """None for one that is missing."""
        if film in self.gone:
            return None
        after, missing = self.late.get(film, (0.0, False))
        if now >= self.begins[film + 1] + after:
            return True
        return None if missing else False


@dataclass
class Viewer:
    """Reads as the recorder does, with a ledger to begin again from."""

    source: ResolvedStream
    target: float
    now: float
    window: SegmentWindow = field(default_factory=SegmentWindow)
    tally: Tally = field(default_factory=Tally)
    found: list[Step] = field(default_factory=list)
    anew: bool = False
    most_held: int = 0
    reload_at: float = 0.0
    looks: int = 0

    def __post_init__(self) -> None:
        self.tally.add({"k": "part", "p": 1, "path": "x", "up": 0, "turn": 0})

    def run(self, phase: Phase) -> None:
        end = self.now + phase.seconds
        if phase.kind == "down":
            self.now = end
            if self.anew:  # nothing was written of it, so it was not noted
                self.found.pop()
            last = self.tally.last
            known = None if last is None else LastSeen(last.number, last.seconds, last.programme, last.up)
            self.window, self.anew = SegmentWindow(known), False
            return
        began = self.now
        while self.now < end:
            if self.now >= self.reload_at:
                self.reload(phase, began)
            self.read(phase)
            self.take()
            self.most_held = max(self.most_held, self.window._held)
            following = min(self.reload_at, self.window.next_try() or self.reload_at)
            self.now = max(self.now + 0.01, min(following, end))

    def reload(self, phase: Phase, began: float) -> None:
        self.reload_at = self.now + self.target / 2
        if phase.kind == "away":
            return
        self.looks += 1
        old = phase.kind == "old" or (phase.kind == "mixed" and self.looks % 2)
        at = began if phase.kind == "still" else self.now - (phase.lag if old else 0.0)
        self.window.target = self.target
        before = self.window.moved
        self.window.offer(self.source.playlist(max(at, self.source.begins[1])), self.now)
        if self.window.moved != before:
            self.reload_at = self.now + self.target

    def read(self, phase: Phase) -> None:
        while (wanted := self.window.due(self.now)) is not None:
            self.now += 0.01
            readable = self.source.readable(wanted.listed.handle.film, self.now) if phase.kind != "away" else False
            if readable:
                self.window.got(wanted, BODY)
            else:
                self.window.failed(wanted, "why", self.now, missing=readable is None)

    def take(self) -> None:
        for step in self.window.ready():
            self.found.append(step)
            if isinstance(step, Anew):
                self.anew = True
                continue
            if self.anew:
                self.tally.add({"k": "epoch", "e": self.tally.epoch + 1, "why": ""})
                self.anew = False
            self.tally.add(self.line(step))

    def line(self, step: Write | Lost) -> dict[str, object]:
        if isinstance(step, Lost):
            return {"k": "gap", "e": self.tally.epoch, "a": step.first, "z": step.last, "s": step.seconds, "why": ""}
        one = step.listed
        line = {"k": "seg", "n": one.number, "e": self.tally.epoch, "p": 1, "o": 0, "b": len(step.body)}
        return {**line, "s": one.seconds, "f": 0, "d": 0, "t": one.programme, "up": self.now}


@dataclass(frozen=True)
class Story:
    source: ResolvedStream
    target: float
    phases: list[Phase]


@st.composite
def stories(draw: st.DrawFn, *, dated: bool) -> Story:
    target = draw(st.sampled_from([1.0, 2.0, 4.0, 6.0]))
    size = draw(st.integers(3, 10))
    kinds = ["fine", "fine", "away", "mixed", "still", "down", *(["old"] if dated else [])]
    phases = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=7)):
        lag = draw(st.floats(0.5, 3)) * size * target
        phases.append(Phase(kind, draw(st.floats(0.3, 3)) * size * target, min(lag, 100.0)))
    if not dated:
        phases.insert(0, Phase("fine", size * target, 0.0))
    if not dated and "down" in {phase.kind for phase in phases}:  # then nobody knows which numbers were before
        phases = [phase for phase in phases if phase.kind != "mixed"]
    phases.append(Phase("fine", 3 * size * target + 40, 0.0))
    whole = sum(phase.seconds for phase in phases)
    count = int((whole + size * target) / (target / 2)) + 5
    lengths = st.sampled_from([target, target / 2, target * 0.75]) if dated else st.just(target)
    film = draw(st.lists(lengths, min_size=40, max_size=40))
    faults = st.integers(0, count - 1)
    late = st.dictionaries(faults, st.tuples(st.floats(0.1, 2 * size * target), st.booleans()), max_size=12)
    source = ResolvedStream((film * (count // 40 + 1))[:count], size, dated, [Turn(0.0, 0, 50_000, True)],
                    draw(st.frozensets(faults, max_size=8)), draw(late))  # fmt: skip
    start, number = source.begins[size], 50_000
    most = 3 if dated or "mixed" not in {phase.kind for phase in phases} else 1
    for share in sorted(draw(st.lists(st.floats(0.02, 0.8), max_size=most))):
        first = bisect_right(source.begins, start + share * whole) - 1
        if first <= max(source.turns[-1].first, size) + 1:
            continue
        going = source.turns[-1].number + first - source.turns[-1].first
        shift = draw(st.sampled_from([-1, 1, 3, 40, 5_000])) if dated else -1
        number = number - 5_000 if shift < 0 else going + shift
        relist = draw(st.booleans())
        source.turns.append(Turn(source.begins[first] + (0.0 if relist else 1e-3), first, number, relist))
    begun = {turn.first for turn in source.turns[1:]}  # a gap has no programme time to go on from
    source = replace(source, gone=source.gone - begun, late={k: v for k, v in source.late.items() if k not in begun})
    return Story(source, target, phases)


def played(story: Story) -> Viewer:
    note(repr(story))
    viewer = Viewer(story.source, story.target, now=story.source.begins[story.source.size])
    for phase in story.phases:
        viewer.run(phase)
    return viewer


def epochs(found: Sequence[Step]) -> Iterator[list[Write | Lost]]:
    now: list[Write | Lost] = []
    for step in found:
        if isinstance(step, Anew):
            yield now
            now = []
        else:
            now.append(step)
    yield now


def ends(step: Write | Lost) -> tuple[int, int]:
    return (step.first, step.last) if isinstance(step, Lost) else (step.listed.number, step.listed.number)


def check_numbers(viewer: Viewer) -> None:
    """In every epoch each number from the first to the last is written, or in exactly one gap."""
    for epoch in epochs(viewer.found):
        for before, after in pairwise(epoch):
            assert ends(after)[0] == ends(before)[1] + 1
            assert ends(after)[1] >= ends(after)[0]


def check_old_copies(viewer: Viewer) -> None:
    count = sum(isinstance(step, Anew) for step in viewer.found)
    assert count <= len(viewer.source.turns) - 1, "numbers began anew more often than they did"


def films(viewer: Viewer) -> list[int]:
    return [step.listed.handle.film for step in viewer.found if isinstance(step, Write)]


MANY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(story=stories(dated=True))
def test_with_programme_times_every_moment_is_written_once_or_listed_as_missing(
    story: Story,
) -> None:
    viewer = played(story)
    check_numbers(viewer)
    check_old_copies(viewer)
    begins, at = viewer.source.begins, None
    for step in viewer.found:
        if isinstance(step, Lost) and at is not None:
            at += step.seconds
        elif isinstance(step, Write):
            film = step.listed.handle.film
            assert at is None or begins[film] == pytest.approx(at, abs=0.01), "the sum of what is missing is not true"
            at = begins[film + 1]
    seen = films(viewer)
    assert seen, "nothing was written at all"
    assert begins[seen[-1] + 1] > viewer.now - 8 * viewer.target - 45, "and it goes on until now"
    assert viewer.most_held <= 3 * len(BODY) * (viewer.source.size + 45)


@MANY
@given(story=stories(dated=False))
def test_without_programme_times_no_number_is_passed_over_and_old_copies_are_known(
    story: Story,
) -> None:
    viewer = played(story)
    check_numbers(viewer)
    check_old_copies(viewer)
    source, seen = viewer.source, films(viewer)
    assert seen
    off = 0.0
    lost = 0.0
    for step, (before, after) in _between_writes(viewer.found):
        lost = sum(one.seconds for one in step if isinstance(one, Lost))
        missing = source.begins[after] - source.begins[before + 1]
        if any(isinstance(one, Anew) for one in step):
            off += abs(lost - missing)
        else:
            assert missing == pytest.approx(lost, abs=0.01)
    lag = max(phase.lag for phase in story.phases if phase.kind in {"mixed", "fine"})
    assert off <= (len(source.turns) - 1) * (5 * viewer.target + lag), (
        "without times a new numbering is judged by our clock"
    )


def _between_writes(found: Sequence[Step]) -> Iterator[tuple[list[Step], tuple[int, int]]]:
    last, between = None, list[Step]()
    for step in found:
        if isinstance(step, Write):
            film = step.listed.handle.film
            if last is not None:
                yield between, (last, film)
            last, between = film, []
        else:
            between.append(step)


@MANY
@given(story=stories(dated=True))
def test_what_can_be_read_while_it_is_listed_is_never_lost(story: Story) -> None:
    source = replace(story.source, turns=story.source.turns[:1])
    kept = [phase for phase in story.phases if phase.kind in {"fine", "mixed"}]
    viewer = played(Story(source, story.target, kept))
    seen = set(films(viewer))
    patience = 2 * story.target + module.RETRY[-1] + 1
    for film in range(source.size, max(seen)):
        left = source.begins[min(film + source.size + 1, len(source.begins) - 1)]
        after, _ = source.late.get(film, (0.0, False))
        if film not in source.gone and source.begins[film + 1] + after + patience < left:
            assert film in seen


@given(
    offers=st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.integers(-5, 60), st.floats(0, 30), st.none() | st.floats(-1e12, 1e12)), max_size=6
            ),
            st.floats(0, 100),
            st.integers(0, 3),
        ),
        max_size=12,
    ),
    known=st.none() | st.builds(LastSeen, st.integers(-5, 60), st.floats(0, 30), st.none() | st.floats(-1e12, 1e12), st.floats(-1e9, 1e9)),
)  # fmt: skip
def test_no_playlist_makes_it_raise_or_wait_for_ever(
    offers: list[tuple[list[tuple[int, float, float | None]], float, int]], known: LastSeen | None
) -> None:
    window, now, found = SegmentWindow(known, target=1.0), 0.0, list[Step]()
    for entries, pause, how in offers:
        now += pause
        window.offer([Listed(number, seconds, at) for number, seconds, at in entries], now)
        while (wanted := window.due(now)) is not None:
            if how:
                window.got(wanted, BODY)
            else:
                window.failed(wanted, "why", now, missing=True)
        found += window.ready()
    window.give_up("over")
    found += window.ready()
    assert (window.waiting, list(window.ready()), window._held) == (0, [], 0)
    check_numbers(Viewer(ResolvedStream([], 1, False, [], frozenset(), {}), 1.0, 0.0, found=found))
