"""Where a spectrum ends: levels as encoders and as instruments leave them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nightcrew.listener.spectrum import BAND, SIZE, cutoff

RATE = 44_100
FLOOR = -119.0
"""Decibels of a band in which there is nothing but the noise of 16 bits."""


def powers(level: Callable[[float], float]) -> list[float]:
    """The powers whose bands have these levels, in decibels by their frequency."""
    width = RATE / SIZE
    bands = int(SIZE / 2 / (BAND / width))
    found: list[float] = []
    for band in range(bands + 1):
        first, last = int(band * BAND / width), int((band + 1) * BAND / width)
        found += [10 ** (level(band * BAND) / 10) / (last - first)] * (last - first)
    return found[: SIZE // 2]


def dull(loud: float, slope: float, end: float | None, over: float = 250.0) -> Callable[[float], float]:
    """Treble that falls by `slope` dB for each kHz and, from `end` Hz on, to the noise within `over` Hz."""

    def level(hz: float) -> float:
        natural = loud - slope * (hz - 9_000) / 1_000
        if end is not None and hz >= end:
            natural = FLOOR if hz >= end + over else natural - (natural - FLOOR) * (hz - end) / over
        return max(FLOOR, natural)

    return level


@pytest.mark.parametrize("slope", [2.0, 3.0, 5.0, 8.0])
@pytest.mark.parametrize("loud", [-50.0, -70.0, -85.0, -95.0])
def test_treble_that_falls_off_by_itself_is_no_encoders(loud: float, slope: float) -> None:
    assert cutoff(powers(dull(loud, slope, None)), RATE) is None


@pytest.mark.parametrize("end", [15_000.0, 16_000.0, 17_000.0, 19_000.0])
@pytest.mark.parametrize(("loud", "over"), [(-55.0, 250.0), (-72.0, 250.0), (-72.0, 750.0)])
def test_treble_that_ends_at_once_is_however_faint(loud: float, over: float, end: float) -> None:
    found = cutoff(powers(dull(loud, 3.0, end, over)), RATE)
    assert found is not None and abs(found - end) <= 1_000


def test_what_is_too_faint_to_tell_is_left_alone() -> None:
    assert cutoff(powers(dull(-90.0, 3.0, 16_000.0)), RATE) is None
