"""A clip that is shown again and again is told from what only stands still, and from what never comes again."""

from __future__ import annotations

import random

import pytest

from nightcrew.prober.picture import Small, loop_of


def picture(seed: int) -> Small:
    made = random.Random(seed)
    return Small(made.randbytes(64 * 36), made.randbytes(160 * 90), made.randbytes(64 * 36 * 2))


def shown(*seeds: int, every: float = 1.0) -> list[tuple[float, Small]]:
    return [(number * every, picture(seed)) for number, seed in enumerate(seeds)]


@pytest.mark.parametrize(
    ("seeds", "period"),
    [
        ((1, 2, 3, 1, 2, 3, 1), 3.0),
        ((9, 1, 2, 1, 2), 2.0),
        ((1, 2, 2, 2, 2, 1, 2, 2, 2, 2, 1), 5.0),
        ((1, 2, 3, 4, 5, 6, 7), 0.0),
        ((1, 1, 1, 1, 1), 0.0),
        ((1, 1, 1, 2, 2, 2), 0.0),
        ((1, 2, 3, 1, 4, 5, 6), 0.0),
        ((1, 2, 3, 1, 4, 2, 5), 0.0),
        ((), 0.0),
    ],
)
def test_pictures_that_come_again_at_one_distance_are_a_loop(seeds: tuple[int, ...], period: float) -> None:
    assert loop_of(shown(*seeds)) == pytest.approx(period)
