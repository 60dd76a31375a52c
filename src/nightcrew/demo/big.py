"""A playlist as large as wanted that is never whole in memory. About 220 bytes an entry."""

import hashlib
import random
from collections.abc import Iterator

from .names import FORMATS, GROUPS, PLACES

ENTRIES_PER_CHUNK = 300


def big_playlist(n: int, changed: float = 0.0, seed: int = 1) -> Iterator[bytes]:
    """The share `changed` (0-1) of the n entries has another URL token than in the base version; `seed` chooses which.

    The share is exact, rounded to an entry. Raises ValueError for a negative n or a share outside 0-1.
    """
    if n < 0 or not 0 <= changed <= 1:
        raise ValueError(f"cannot make {n} entries with {changed} of them changed")
    return _chunks(n, set(random.Random(seed).sample(range(n), round(n * changed))), seed)


def _chunks(n: int, moved: set[int], seed: int) -> Iterator[bytes]:
    yield b"#EXTM3U\n"
    for start in range(0, n, ENTRIES_PER_CHUNK):
        numbers = range(start, min(n, start + ENTRIES_PER_CHUNK))
        yield "".join(_entry(i, seed if i in moved else None) for i in numbers).encode()


def _entry(index: int, seed: int | None) -> str:
    place, form = PLACES[index % len(PLACES)], FORMATS[index // 7 % len(FORMATS)]
    name, group = f"{place} {form} {index:06d}", GROUPS[index % len(GROUPS)]
    token = hashlib.sha256(f"{seed}:{index}".encode()).hexdigest()[:16]
    return (
        f'#EXTINF:-1 tvg-id="b{index:06d}.example" tvg-name="{name}" tvg-logo="http://logos.example/{index:06d}.png" '
        f'group-title="{group}",{name}\nhttp://streams.example/live/demo/{token}/{index:06d}.ts\n'
    )
