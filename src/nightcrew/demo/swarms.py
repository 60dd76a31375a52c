"""Who shares which torrent in the world: numbers that are the same for each reader, and that move when they are let."""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Numbers = tuple[int, int, int]
"""Seeds, leechers, and how many have fetched it so far."""
NOBODY: Numbers = (0, 0, 0)
PERIOD = 3600.0
"""Seconds in which the numbers go up and down once."""


@dataclass
class Swarms:
    """`known`: by hash (20 bytes) the numbers around which they move, by the share `swing`."""

    known: dict[bytes, Numbers] = field(default_factory=dict)
    swing: float = 0.0
    clock: Callable[[], float] = time.time
    invents: Callable[[bytes], Numbers | None] | None = None
    """The numbers of what is not in `known`."""

    def of(self, one: bytes) -> Numbers | None:
        """The numbers now, None for a torrent that is not known."""
        found = self.known.get(one)
        if found is None and self.invents is not None:
            found = self.invents(one)
        if found is None or not self.swing:
            return found
        share = 1 + self.swing * math.sin(2 * math.pi * (self.clock() / PERIOD + one[0] / 256))
        return round(found[0] * share), round(found[1] * (2 - share)), found[2] + int(self.clock() / PERIOD) % 1000


def invented(one: bytes) -> Numbers:
    """Numbers of any torrent, told by its hash: a few large swarms, many small ones, seldom two alike."""
    digest = hashlib.sha256(one).digest()
    rank = int.from_bytes(digest[:4], "big") / 2**32
    seeds = int(2 / (rank + 0.001))
    return seeds, seeds * digest[4] // 400, seeds * 20 + int.from_bytes(digest[5:7], "big")
