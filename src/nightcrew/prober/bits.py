"""Whether a picture has the bits that its size needs. Pure."""

from __future__ import annotations

LEAST_BITS = {"h264": 0.02, "hevc": 0.01, "av1": 0.008, "vp9": 0.012, "vvc": 0.008}
"""Bits for each pixel below which a picture that moves is not worth its resolution, by codec: a card with a spinner has a tenth of
it. Seen: television 0.03 to 0.3 with H.264, half of it with HEVC; a card of 1080 lines 0.002."""
LEAST_BITS_OTHER = 0.04


def share(codec: str, width: int, height: int, fps: float, kbps: float) -> float:
    """What it has of the bits that it needs at least, up to 1; 0 when nothing is known."""
    pixels = width * height * fps
    return min(kbps * 1000 / pixels / LEAST_BITS.get(codec, LEAST_BITS_OTHER), 1.0) if pixels > 0 else 0.0
