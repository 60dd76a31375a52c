"""Whether two files sound the same, by the fingerprints that `fpcalc` (Chromaprint) makes of them. Pure.

A fingerprint is a list of 32-bit words, one for each 0.124 s of sound. Of two encodings of one recording few bits differ, of two
recordings nearly half of them, as by chance.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

WORDS_A_SECOND = 8.07
"""11,025 samples a second, one word for each 1,366 of them."""
SHIFT = 80
"""Words by which two encodings of one recording may begin apart: 10 s of silence or of applause in front."""
LEAST = 40
"""Words that have to lie over each other: below 5 s a fingerprint says little."""
SAME = 0.2
"""Share of bits up to which two files are one recording."""
OTHER = 0.35
"""Share of bits from which they are two. What lies in between says nothing."""


def difference(one: Sequence[int], other: Sequence[int]) -> float | None:
    """The share of bits that differ where both lie best over each other: 0 to about 0.5; None where one is too short to say."""
    shorter = min(len(one), len(other))
    least = max(LEAST, shorter // 2)
    if shorter < least:
        return None
    bits, others = _bits(one), _bits(other)
    found = []
    for shift in range(-SHIFT, SHIFT + 1):
        ahead, behind = max(0, shift), max(0, -shift)
        words = min(len(one) - ahead, len(other) - behind)
        if words < least:
            continue
        mask = (1 << 32 * words) - 1
        differ = ((bits >> 32 * ahead) ^ (others >> 32 * behind)) & mask
        found.append(differ.bit_count() / (32 * words))
    return min(found, default=None)


def packed(words: Sequence[int]) -> str:
    """As a fingerprint is stored: base64 of its words, 4 bytes each, the lowest byte first."""
    return base64.b64encode(b"".join((word & 0xFFFFFFFF).to_bytes(4, "little") for word in words)).decode()


def unpacked(text: str) -> list[int]:
    """What `packed` gave; empty for what is none."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return []
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data) - 3, 4)]


def _bits(words: Sequence[int]) -> int:
    """All words in one number, the first one lowest: so that a shift of it is a shift in time."""
    return int.from_bytes(b"".join((word & 0xFFFFFFFF).to_bytes(4, "little") for word in words), "little")
