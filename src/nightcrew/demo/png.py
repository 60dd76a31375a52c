"""The smallest possible logos: one colour, no imaging library."""

import struct
import zlib


def png(seed: str, size: int = 64) -> bytes:
    """A square of one colour that depends on the seed only."""
    colour = (zlib.crc32(seed.encode()) | 0x404040) & 0xFFFFFF
    row = b"\0" + colour.to_bytes(3, "big") * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * size)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
