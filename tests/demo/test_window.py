from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.window import SEGMENT_SECONDS, WINDOW, window_at

moments = st.floats(0, 4e9)
loops = st.integers(1, 40)


@given(moments, loops)
def test_window_shows_the_last_complete_segments(now, loop):
    window = window_at(now, loop)
    numbers = [entry.number for entry in window.entries]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert window.media_sequence == numbers[0]
    if now >= SEGMENT_SECONDS * (WINDOW + 1):
        assert len(numbers) == WINDOW
        assert (numbers[-1] + 1) * SEGMENT_SECONDS <= now < (numbers[-1] + 2) * SEGMENT_SECONDS


@given(moments, loops)
def test_every_segment_keeps_its_discontinuity_number(now, loop):
    """The number a player derives is the turn of the loop, in whichever window it sees the segment."""
    window = window_at(now, loop)
    number = window.discontinuity_sequence
    for entry in window.entries:
        number += entry.wraps
        assert number == entry.number // loop


@given(moments, st.floats(0, 100), loops)
def test_window_only_ever_slides_forward(now, later, loop):
    before, after = window_at(now, loop), window_at(now + later, loop)
    assert after.media_sequence >= before.media_sequence
    assert after.discontinuity_sequence >= before.discontinuity_sequence
    shared = {entry.number: entry for entry in before.entries}
    assert all(shared.get(entry.number, entry) == entry for entry in after.entries)


@given(moments, loops)
def test_sequence_counts_the_tags_that_left(now, loop):
    window = window_at(now, loop)
    following = window_at((window.entries[-1].number + 2) * SEGMENT_SECONDS, loop)
    left = [e for e in window.entries if e.number < following.media_sequence]
    assert following.discontinuity_sequence - window.discontinuity_sequence == sum(e.wraps for e in left)
