"""Posters without an imaging library: a sky, a ground and something round between them, in colours that depend on a seed."""

import struct
import zlib
from functools import lru_cache


@lru_cache(maxsize=256)
def poster(seed: str, width: int, height: int) -> bytes:
    """A PNG with a palette, a few kilobytes."""
    number = zlib.crc32(seed.encode())
    shades = _shades(number)
    rows, (middle, level, size) = (
        bytearray(),
        (width * (30 + number % 40) // 100, height * 2 // 5, min(width, height) // 4),
    )
    ground = height * (62 + number // 64 % 20) // 100
    sky = len(shades) - 2
    for y in range(height):
        rows.append(0)
        if y >= ground:
            rows += bytes([sky + 1]) * width
            continue
        line = bytearray([y * sky // max(ground, 1)]) * width
        half = size * size - (y - level) ** 2
        if half > 0:
            reach = int(half**0.5)
            left, right = max(0, middle - reach), min(width, middle + reach)
            line[left:right] = (
                bytes([sky + 1]) * max(0, right - left) if number % 3 == 0 else bytes([sky]) * max(0, right - left)
            )
        rows += line
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = b"".join(bytes(shade) for shade in shades)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(bytes(rows), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in chunks)


def _shades(number: int) -> list[tuple[int, int, int]]:
    """Thirty-two shades of a sky from dark to bright, the moon, and the ground."""
    hue = (number >> 8) % 360
    top, bottom = _colour(hue, 45, 18), _colour((hue + 30) % 360, 60, 62)
    steps = [
        (_mix(top[0], bottom[0], step), _mix(top[1], bottom[1], step), _mix(top[2], bottom[2], step))
        for step in range(32)
    ]
    return [*steps, _colour((hue + 45) % 360, 70, 88), _colour(hue, 40, 9)]


def _mix(one: int, other: int, step: int) -> int:
    return one + (other - one) * step // 31


def _colour(hue: int, saturation: int, lightness: int) -> tuple[int, int, int]:
    """From HSL with per cents (CSS Color 4, section 7.1)."""
    part = saturation / 100 * min(lightness / 100, 1 - lightness / 100)

    def channel(n: int) -> int:
        k = (n + hue / 30) % 12
        return round(255 * (lightness / 100 - part * max(-1.0, min(k - 3, 9 - k, 1))))

    return channel(0), channel(8), channel(4)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
