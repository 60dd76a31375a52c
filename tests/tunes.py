"""Tunes that are made up, each by its number: chords that change as those of music do, so that two of them sound different."""

from __future__ import annotations

import math
import random
import struct
import wave
from pathlib import Path

RATE = 11_025
NOTES = [110 * 2 ** (step / 12) for step in range(26)]


def tune(path: Path, seed: int, seconds: float = 20.0) -> Path:
    """Write a tune as PCM; the same for the same number."""
    chance = random.Random(seed)
    samples: list[int] = []
    while len(samples) < seconds * RATE:
        chord = chance.sample(NOTES, 2)
        count = int(chance.choice((0.25, 0.5, 1.0)) * RATE)
        turns = [2 * math.pi * note / RATE for note in chord]
        for at in range(count):
            level = 9_000 * min(1.0, at / 200) * (1 - 0.8 * at / count)
            samples.append(int(level * sum(math.sin(turn * at) + 0.4 * math.sin(2 * turn * at) for turn in turns) / 3))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path
