"""Where the spectrum of a recording ends, and whether a lossy encoder has ended it. Pure.

An encoder cuts what is above some frequency off: 16 kHz for MP3 at 112 kbit/s, 17 at 128, 19 at 192. Within a few hundred Hz the
level falls by thirty decibels and more to what lies above all frequencies. Instruments and microphones fall gently.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence

SIZE = 2048
"""Samples of one window."""
BAND = 250.0
"""Hz of one band."""
LOWEST, HIGHEST = 10_000.0, 19_600.0
"""Between which frequencies an end is one of an encoder's. A CD ends at 20 kHz and above."""
FALL = 26.0
"""Decibels by which the level falls at an encoder's end, within `STEP`."""
STEP = 750.0
LEAST = -105.0
"""Decibels of a band (0 is full scale) below which no end can be seen: 16 bits have noise at -119, so that nothing falls far from there."""
SILENT = -95.0
"""Decibels up to which bands above the end are what a decoder leaves, whatever their shape."""
NOISE, LEVEL, FALL_TO_NOISE = -112.0, 3.0, 15.0
"""Decibels below which all is noise of 16 bits where it is so level, and by which faint treble falls to it at an encoder's end."""
RISE = 9.0
"""Decibels that louder bands above the end may lie above the lowest of them: noise is level, music is not."""

_HANN = [0.5 - 0.5 * math.cos(2 * math.pi * at / SIZE) for at in range(SIZE)]
_TWIST = [cmath.exp(-2j * math.pi * at / SIZE) for at in range(SIZE // 2)]
_ORDER = [int(f"{at:0{SIZE.bit_length() - 1}b}"[::-1], 2) for at in range(SIZE)]


def power(samples: Sequence[float]) -> list[float]:
    """The power of each of the `SIZE`/2 frequencies in `SIZE` samples between -1 and 1."""
    values = [complex(samples[at] * _HANN[at]) for at in _ORDER]
    half = 1
    while half < SIZE:
        stride = SIZE // (2 * half)
        for start in range(0, SIZE, 2 * half):
            for at in range(half):
                low, high = values[start + at], values[start + at + half] * _TWIST[at * stride]
                values[start + at], values[start + at + half] = low + high, low - high
        half *= 2
    scale = 4.0 / (SIZE * SIZE)
    return [scale * (one.real * one.real + one.imag * one.imag) for one in values[: SIZE // 2]]


def cutoff(powers: Sequence[float], rate: int) -> float | None:
    """The frequency at which an encoder has ended a spectrum; None when none has. `powers`: the mean of many windows."""
    width = rate / SIZE
    levels = _bands(powers, width)
    count, step = len(levels), round(STEP / BAND)
    if rate < 2 * HIGHEST or count < HIGHEST / BAND:
        return None
    for band in range(round(LOWEST / BAND), min(round(HIGHEST / BAND), count - step)):
        below = sum(levels[band - 4 : band]) / 4
        above = levels[band + step : count - 2]
        if not above or below < LEAST:
            continue
        if below - max(above) < FALL:
            if _falls_to_noise(levels, band, step, above):
                return band * BAND
            continue
        if max(above) > SILENT and max(above) - min(above) > RISE:
            continue
        return band * BAND
    return None


def _falls_to_noise(levels: Sequence[float], band: int, step: int, above: Sequence[float]) -> bool:
    """Whether faint treble ends in nothing but the noise of 16 bits, and fell gently before: instruments do not end so."""
    below, before = (sum(levels[at - 4 : at]) / 4 for at in (band, band - step))
    fall = below - max(above)
    flat = max(above) < NOISE and max(above) - min(above) < LEVEL
    return flat and fall >= FALL_TO_NOISE and before - below <= fall / 4


def _bands(powers: Sequence[float], width: float) -> list[float]:
    """The level of each `BAND` in decibels."""
    per = BAND / width
    found = []
    for band in range(int(len(powers) / per)):
        part = powers[int(band * per) : int((band + 1) * per)]
        found.append(10 * math.log10(max(sum(part), 1e-15)))
    return found
