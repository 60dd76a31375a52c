"""Where packets lie in a film: streams of one clock stay in step, whatever their clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightcrew.muxer.timeline import AHEAD, Timeline

FRAME = 0.04


def placed(timeline: Timeline, slot: int, times: list[float]) -> list[float]:
    return [at + timeline.place(slot, at, FRAME) for at in times]


def run(begin: float, count: int) -> list[float]:
    return [begin + number * FRAME for number in range(count)]


def close(one: float, other: float) -> bool:
    return abs(one - other) < 1e-6


def test_a_film_begins_with_what_comes_first() -> None:
    timeline = Timeline()
    timeline.begin({0: 100.08, 1: 100.0})
    assert close(placed(timeline, 1, [100.0])[0], 0.0)
    assert close(placed(timeline, 0, [100.08])[0], 0.08)


def test_a_clock_that_starts_over_goes_on_behind_what_is_there() -> None:
    timeline = Timeline()
    timeline.begin({0: 5.0, 1: 4.98})
    placed(timeline, 0, run(5.0, 50))
    placed(timeline, 1, run(4.98, 50))
    timeline.begin({0: 1.0, 1: 0.98})
    picture, sound = placed(timeline, 0, run(1.0, 50)), placed(timeline, 1, run(0.98, 50))
    assert close(picture[0], 2.02)
    assert close(picture[0] - sound[0], 0.02), "as far apart as they were sent"


def test_a_gap_stays_when_it_is_short_and_closes_up_when_it_is_long() -> None:
    for gap, expected in ((3.0, 2.0 + 3.0), (AHEAD + 5, 2.0)):
        timeline = Timeline()
        timeline.begin({0: 0.0})
        placed(timeline, 0, run(0.0, 50))
        timeline.begin({0: 2.0 + gap}, gap)
        assert close(placed(timeline, 0, [2.0 + gap])[0], expected)


def test_a_gap_before_a_clock_that_starts_over_stays_too() -> None:
    timeline = Timeline()
    timeline.begin({0: 50.0})
    placed(timeline, 0, run(50.0, 50))
    timeline.begin({0: 0.0}, 3.0)
    assert close(placed(timeline, 0, [0.0])[0], 5.0)


def test_late_packets_of_the_clock_before_stay_where_they_belong() -> None:
    timeline = Timeline()
    timeline.begin({0: 500.0, 1: 500.0})
    placed(timeline, 0, run(500.0, 50))
    placed(timeline, 1, run(500.0, 40))
    assert close(placed(timeline, 0, [0.0])[0], 2.0)
    assert close(placed(timeline, 1, [501.6])[0], 1.6)
    assert close(placed(timeline, 1, [0.0])[0], 2.0)


def test_what_comes_after_a_picture_goes_behind_it_also_where_its_own_stream_ended_long_before() -> None:
    """As sound alone, a picture without sound, and sound again, of another clock each."""
    timeline = Timeline()
    timeline.begin({1: 0.0})
    placed(timeline, 1, run(0.0, 50))
    timeline.begin({0: 100.0})
    placed(timeline, 0, run(100.0, 100))
    timeline.begin({1: 0.0})
    assert close(placed(timeline, 1, [0.0])[0], 6.0)
    other = Timeline()
    other.begin({1: 0.0})
    placed(other, 1, run(0.0, 50))
    placed(other, 0, run(100.0, 100))
    assert close(placed(other, 1, [50.0])[0], 6.0), "and where no stretch begins there"


def test_a_subtitle_makes_no_clock() -> None:
    timeline = Timeline()
    timeline.begin({0: 10.0})
    placed(timeline, 0, run(10.0, 50))
    assert close(timeline.place(1, 5000.0, 0.0, sparse=True), -10.0)
    assert close(placed(timeline, 0, [12.0])[0], 2.0)


@given(
    begins=st.lists(st.floats(0, 90_000), min_size=1, max_size=6),
    lead=st.floats(-0.4, 0.4),
    counts=st.lists(st.integers(30, 200), min_size=6, max_size=6),
)
def test_streams_stay_as_far_apart_as_they_were_sent(begins: list[float], lead: float, counts: list[int]) -> None:
    timeline = Timeline()
    ends = [0.0, 0.0]
    for begin, count in zip(begins, counts, strict=False):
        timeline.begin({0: begin, 1: begin + lead})
        pairs = zip(run(begin, count), run(begin + lead, count), strict=True)
        for picture, sound in pairs:
            (one,), (two,) = placed(timeline, 0, [picture]), placed(timeline, 1, [sound])
            assert abs(two - one - lead) < 1e-6
            assert one >= ends[0] - 1e-6 and two >= ends[1] - 1e-6, "nothing lies on what is there"
            ends = [one + FRAME, two + FRAME]
    assert timeline.front >= max(ends) - 1e-6
