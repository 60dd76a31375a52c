"""Wrong passwords make who sends them wait, and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.guesses import LONGEST_WAIT, TRIES, Guesses


def test_who_goes_on_guessing_waits_longer_each_time_and_nobody_else_does() -> None:
    guesses, now, waits = Guesses(), 0.0, []
    for _ in range(TRIES):
        assert guesses.begin("bad", now)
    for _ in range(9):
        waits.append(guesses.wait("bad", now))
        assert not guesses.begin("bad", now + waits[-1] - 0.1)
        now += waits[-1]
        assert guesses.begin("bad", now)
    assert waits == [60, 120, 240, 480, 960, 1920, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]
    assert guesses.begin("good", now)


@given(st.lists(st.tuples(st.floats(0, 10_000), st.sampled_from("ab")), max_size=200))
def test_no_pace_of_guessing_gets_more_than_a_few_tries_an_hour(steps: list[tuple[float, str]]) -> None:
    guesses, now = Guesses(), 0.0
    tried: dict[str, list[float]] = {"a": [], "b": []}
    for step, client in steps:
        now += step
        if guesses.begin(client, now):
            tried[client].append(now)
    for times in tried.values():
        for start in times:
            assert sum(start <= moment < start + 3600 for moment in times) <= TRIES + 6
